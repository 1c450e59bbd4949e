/* SPDX-License-Identifier: MIT */
/* transfer.h - lun export and lun import: between the control socket and a file. */
#ifndef MEMTGT_TRANSFER_H
#define MEMTGT_TRANSFER_H

#include <jansson.h>
#include <stdbool.h>

#include "memtgtctl/call.h"

struct command;

/* Is it one of these commands? */
bool transfer_is(const struct command *command);

/*
 * In place of call_method(). The command's file is taken out of its parameters. CALL_REFUSED also
 * if the file is to blame. CALL_OK: *result is a new reference; NULL: there is no place to print
 * it.
 */
enum call_result transfer_run(struct call *c, const struct command *command, json_t **result);

#endif
