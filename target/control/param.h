/* SPDX-License-Identifier: MIT */
/* param.h - the parameters of a call against the table, and their values. */
#ifndef MEMTGT_PARAM_H
#define MEMTGT_PARAM_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "control/protocol.h"

/* Are these, an object, what the method takes? false after a sentence in `why`. */
bool param_check_all(const struct control_table *t, unsigned method, json_t *params, char *why,
		     size_t n);

/* The value of a number or size that was checked. */
uint64_t param_number(const json_t *value);

/* What a JSON value is, for sentences: "\"text\"", "17", "an array". */
void param_found(const json_t *value, char *out, size_t n);

#endif
