/* SPDX-License-Identifier: MIT */
/* call.h - a request to memtgtd and its answer, within a limit of time. */
#ifndef MEMTGT_CALL_H
#define MEMTGT_CALL_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

struct call {
	const char *path;
	unsigned timeout_s;
	uint64_t until; /* ns: by then all is done */
	int fd;
	char *buffer; /* of what was received */
	size_t have;
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

#endif
