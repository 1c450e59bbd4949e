// SPDX-License-Identifier: MIT
/* show.c - columns as wide as what stands in them. */
#include "memtgtctl/show.h"

#include <string.h>

#include "control/clean.h"
#include "control/protocol.h"

#define CELL_BYTES 512
#define COLUMNS	   16

/* "13.5 GiB"; whole numbers without a fraction. */
static void write_bytes(char *out, size_t n, json_int_t bytes)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
	size_t u = 0;
	double v = (double)bytes;

	for (; v >= 1024 && u < sizeof(units) / sizeof(units[0]) - 1; u++)
		v /= 1024;
	snprintf(out, n, (double)(json_int_t)v == v ? "%.0f %s" : "%.1f %s", v, units[u]);
}

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
		write_bytes(out, CELL_BYTES, json_integer_value(value));
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

struct column {
	const struct control_field *field;
	int width;
};

static size_t find_columns(unsigned method, struct column columns[static COLUMNS])
{
	size_t n = 0;

	for (size_t i = 0; i < control_fields_count && n < COLUMNS; i++)
		if (control_fields[i].method == method && control_fields[i].heading[0])
			columns[n++] =
				(struct column){.field = &control_fields[i],
						.width = (int)strlen(control_fields[i].heading)};
	return n;
}

/* The last column has no blanks behind it. */
static void put_cell(FILE *out, const struct column *c, const char *text, bool is_last)
{
	if (is_number(c->field))
		fprintf(out, "%*s", c->width, text);
	else if (is_last)
		fputs(text, out);
	else
		fprintf(out, "%-*s", c->width, text);
	fputs(is_last ? "\n" : "  ", out);
}

static void show_table(FILE *out, unsigned method, const json_t *rows)
{
	struct column columns[COLUMNS];
	char cell[CELL_BYTES];
	size_t n = find_columns(method, columns), i;
	json_t *row;

	json_array_foreach(rows, i, row)
	{
		for (size_t k = 0; k < n; k++) {
			write_cell(cell, columns[k].field,
				   json_object_get(row, columns[k].field->name));
			if ((int)strlen(cell) > columns[k].width)
				columns[k].width = (int)strlen(cell);
		}
	}
	for (size_t k = 0; k < n; k++)
		put_cell(out, &columns[k], columns[k].field->heading, k == n - 1);
	json_array_foreach(rows, i, row)
	{
		for (size_t k = 0; k < n; k++) {
			write_cell(cell, columns[k].field,
				   json_object_get(row, columns[k].field->name));
			put_cell(out, &columns[k], cell, k == n - 1);
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
