// SPDX-License-Identifier: MIT
/* show.c - columns as wide as what stands in them. */
#include "memtgtctl/show.h"

#include <string.h>

#include "base/table.h"
#include "control/clean.h"
#include "control/protocol.h"

#define CELL_BYTES 512
#define COLUMNS	   16

/* "3 d 04:05:06", "04:05:06". */
static void write_seconds(char *out, size_t n, json_int_t s)
{
	char days[32] = "";

	if (s >= 86400)
		snprintf(days, sizeof(days), "%lld d ", (long long)(s / 86400));
	snprintf(out, n, "%s%02d:%02d:%02d", days, (int)(s / 3600 % 24), (int)(s / 60 % 60),
		 (int)(s % 60));
}

/* A newer memtgtd may send what this program does not expect. */
static void write_cell(char out[static CELL_BYTES], const struct control_field *f,
		       const json_t *value)
{
	if (json_is_string(value)) {
		snprintf(out, CELL_BYTES, "%s", json_string_value(value));
		control_text_clean(out);
	} else if (json_is_boolean(value)) {
		snprintf(out, CELL_BYTES, "%s", json_is_true(value) ? "yes" : "no");
	} else if (!json_is_integer(value)) {
		snprintf(out, CELL_BYTES, "?");
	} else if (f->kind == KIND_BYTES) {
		table_bytes(out, CELL_BYTES, json_integer_value(value));
	} else if (f->kind == KIND_SECONDS) {
		write_seconds(out, CELL_BYTES, json_integer_value(value));
	} else {
		snprintf(out, CELL_BYTES, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	}
}

static bool is_number(const struct control_field *f)
{
	return f->kind == KIND_NUMBER || f->kind == KIND_BYTES || f->kind == KIND_SECONDS;
}

/* ---- one object ---- */

static void show_object(FILE *out, unsigned method, const json_t *object, bool with_text)
{
	char cell[CELL_BYTES];
	int width = 0;

	for (size_t i = 0; i < control_fields_count; i++)
		if (control_fields[i].method == method &&
		    (int)strlen(control_fields[i].name) > width)
			width = (int)strlen(control_fields[i].name);
	for (size_t i = 0; i < control_fields_count; i++) {
		const struct control_field *f = &control_fields[i];
		const json_t *value = json_object_get(object, f->name);
		if (f->method != method || !value)
			continue;
		write_cell(cell, f, value);
		if (with_text)
			fprintf(out, "%-*s  %-16s  %s\n", width, f->name, cell, f->text);
		else
			fprintf(out, "%-*s  %s\n", width, f->name, cell);
	}
}

/* ---- a table ---- */

static size_t find_columns(unsigned method, const struct control_field *fields[static COLUMNS],
			   struct table_column columns[static COLUMNS])
{
	size_t n = 0;

	for (size_t i = 0; i < control_fields_count && n < COLUMNS; i++) {
		const struct control_field *f = &control_fields[i];
		if (f->method != method || !f->heading[0])
			continue;
		columns[n] =
			(struct table_column){.heading = f->heading, .is_number = is_number(f)};
		fields[n++] = f;
	}
	table_begin(columns, n);
	return n;
}

static void show_table(FILE *out, unsigned method, const json_t *rows)
{
	const struct control_field *fields[COLUMNS];
	struct table_column columns[COLUMNS];
	char cell[CELL_BYTES];
	size_t n = find_columns(method, fields, columns), i;
	json_t *row;

	json_array_foreach(rows, i, row)
	{
		for (size_t k = 0; k < n; k++) {
			write_cell(cell, fields[k], json_object_get(row, fields[k]->name));
			table_widen(&columns[k], cell);
		}
	}
	table_headings(out, columns, n);
	json_array_foreach(rows, i, row)
	{
		for (size_t k = 0; k < n; k++) {
			write_cell(cell, fields[k], json_object_get(row, fields[k]->name));
			table_cell(out, columns, n, k, cell);
		}
	}
}

void show_result(FILE *out, unsigned method, const json_t *result, bool is_long)
{
	const char *list = control_table.methods[method].list;
	const json_t *rows = json_object_get(result, list), *row;
	size_t i;

	if (!*list) {
		show_object(out, method, result, is_long);
	} else if (!is_long) {
		show_table(out, method, rows);
	} else {
		json_array_foreach(rows, i, row)
		{
			if (i)
				fputc('\n', out);
			show_object(out, method, row, false);
		}
	}
}
