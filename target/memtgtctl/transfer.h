/* SPDX-License-Identifier: MIT */
/* transfer.h - lun export and lun import: between the control socket and a file. */
#ifndef MEMTGT_TRANSFER_H
#define MEMTGT_TRANSFER_H

#include <jansson.h>
#include <stdbool.h>

#include "base/image.h"
#include "memtgtctl/call.h"

struct command;

/* Is it one of these commands? */
bool transfer_is(const struct command *command);

/*
 * In place of call_method(). The command's file is taken out of its parameters. CALL_REFUSED also
 * if the file is to blame. CALL_OK: *result is a new reference; NULL: there is no place to print
 * it. `replaces`: an export takes the place of a file that is there; else it is refused.
 */
enum call_result transfer_run(struct call *c, const struct command *command, bool replaces,
			      json_t **result);

/* Whose image the file is, without its data. 0, or -1 and a sentence in `why`, without the name. */
int transfer_identify(const char *file, struct image_lun *out, char *why, size_t why_len)
	__attribute__((warn_unused_result));

#endif
