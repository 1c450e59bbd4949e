// SPDX-License-Identifier: MIT
/* table.c - columns and units. */
#include "base/table.h"

#include <string.h>

void table_begin(struct table_column *columns, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		columns[i].width = 0;
		table_widen(&columns[i], columns[i].heading);
	}
}

void table_widen(struct table_column *column, const char *cell)
{
	if ((int)strlen(cell) > column->width)
		column->width = (int)strlen(cell);
}

void table_cell(FILE *out, const struct table_column *columns, size_t n, size_t i, const char *text)
{
	const bool is_last = i == n - 1;

	if (columns[i].is_number)
		fprintf(out, "%*s", columns[i].width, text);
	else if (is_last)
		fputs(text, out);
	else
		fprintf(out, "%-*s", columns[i].width, text);
	fputs(is_last ? "\n" : "  ", out);
}

void table_headings(FILE *out, const struct table_column *columns, size_t n)
{
	for (size_t i = 0; i < n; i++)
		table_cell(out, columns, n, i, columns[i].heading);
}

void table_bytes(char *out, size_t n, int64_t bytes)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
	size_t u = 0;
	double v = (double)bytes;

	for (; v >= 1024 && u < sizeof(units) / sizeof(units[0]) - 1; u++)
		v /= 1024;
	snprintf(out, n, (double)(int64_t)v == v ? "%.0f %s" : "%.1f %s", v, units[u]);
}
