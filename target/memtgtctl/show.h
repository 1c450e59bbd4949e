/* SPDX-License-Identifier: MIT */
/* show.h - results for people: tables with units, by the fields of control/protocol.h. */
#ifndef MEMTGT_SHOW_H
#define MEMTGT_SHOW_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/*
 * A list as a table of the columns that have headings, other results a line for each field.
 * `is_long`: every field of every row, and of other results what a field means.
 */
void show_result(FILE *out, unsigned method, const json_t *result, bool is_long);

#endif
