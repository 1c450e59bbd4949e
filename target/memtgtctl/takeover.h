/* SPDX-License-Identifier: MIT */
/* takeover.h - upgrade: until the next memtgtd answers, and what is told of both. */
#ifndef MEMTGT_TAKEOVER_H
#define MEMTGT_TAKEOVER_H

#include <jansson.h>
#include <stddef.h>
#include <stdio.h>

#include "memtgtctl/call.h"

/* A daemon that takes longer has much to read, or does not come. */
#define TAKEOVER_S 60u

struct command;

struct takeover {
	const char *socket;
	unsigned timeout_s; /* to the end of all; TAKEOVER_S if that is more */
	const struct command *command;
};

/* CALL_OK: *result is a new reference: binary, old_version, version, pid, pause_ms. Else `why` is a
 * sentence. */
enum call_result takeover_run(const struct takeover *t, json_t **result, char *why, size_t n);

/* That, as a line. */
void takeover_show(FILE *out, const json_t *result);

#endif
