/* SPDX-License-Identifier: MIT */
/* pages.h - the whole of a result that may be a list in pages. */
#ifndef MEMTGT_PAGES_H
#define MEMTGT_PAGES_H

#include <jansson.h>

#include "memtgtctl/call.h"

struct command;

/* CALL_OK: *whole is a new reference. The command's parameter "from" is used up. */
enum call_result pages_get(struct call *c, const struct command *command, json_t **whole);

#endif
