/* SPDX-License-Identifier: MIT */
/* table.h - tables for people: columns as wide as what stands in them, and bytes with a unit. */
#ifndef MEMTGT_TABLE_H
#define MEMTGT_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct table_column {
	const char *heading;
	bool is_number; /* to the right */
	int width;	/* at least the heading's: table_begin(), table_widen() */
};

void table_begin(struct table_column *columns, size_t n);
/* Makes room for a cell. */
void table_widen(struct table_column *column, const char *cell);
/* Cell i of a row of n; the last one ends the line, without blanks before it. */
void table_cell(FILE *out, const struct table_column *columns, size_t n, size_t i,
		const char *text);
void table_headings(FILE *out, const struct table_column *columns, size_t n);

/* "13.5 GiB"; whole numbers without a fraction. */
void table_bytes(char *out, size_t n, int64_t bytes);

#endif
