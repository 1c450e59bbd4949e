/* SPDX-License-Identifier: MIT */
/* call.h - a request to memtgtd and its answer, within a limit of time. */
#ifndef MEMTGT_CALL_H
#define MEMTGT_CALL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct call {
	const char *path;
	unsigned timeout_s;
	uint64_t until; /* ns: by then all is done */
	int fd;
	char *buffer; /* of what was received */
	size_t have;
	bool is_refused; /* memtgtd takes no more bytes */
	char why[512];
};

enum call_result {
	CALL_OK,
	CALL_REFUSED, /* memtgtd says no: `why` is its sentence */
	CALL_FAILED,  /* there is no memtgtd, or it does not answer: `why` says what to do */
};

/* Connects. To be closed in any case. */
enum call_result call_open(struct call *c, const char *path, unsigned timeout_s);
void call_close(struct call *c);

/* `params` is borrowed. CALL_OK: *result is a new reference. */
enum call_result call_method(struct call *c, const char *method, json_t *params, json_t **result);

/* ---- the same in its parts, for what is more than a line ---- */

enum call_result call_request(struct call *c, const char *method, json_t *params);
/* Until there is a byte; *first is left where it is. */
enum call_result call_peek(struct call *c, char *first);
/* The next line, an answer. */
enum call_result call_answer(struct call *c, json_t **result);
/* The next line, if it is a notification of that name; else it is an answer, that says no. */
enum call_result call_notified(struct call *c, const char *name);
/* Just n bytes. Each has the whole limit of time. What is given to a memtgtd that takes no more is
 * dropped: its answer tells why. */
enum call_result call_take(struct call *c, void *p, size_t n);
enum call_result call_give(struct call *c, const void *p, size_t n);

#endif
