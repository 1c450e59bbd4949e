// SPDX-License-Identifier: MIT
/* lvm_report.c - {"report": [{"pv": [{"pv_name": "/dev/sda", ...}, ...]}]}; all values are texts.
 */
#include "initiator-tools/host/lvm_report.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

typedef bool row_fn(json_t *row, void *out);

/* A text that has room; false: there is none. */
static bool text(json_t *row, const char *key, char *out, size_t size)
{
	const char *value = json_string_value(json_object_get(row, key));

	if (!value || strlen(value) >= size)
		return false;
	memcpy(out, value, strlen(value) + 1);
	return true;
}

/* "/dev/sda" of the first n bytes; anything else, as "[unknown]", is no disk. */
static void disk(const char *path, size_t n, char out[static DISK_NAME_MAX])
{
	out[0] = '\0';
	if (n <= 5 || n - 5 >= DISK_NAME_MAX || strncmp(path, "/dev/", 5) ||
	    memchr(path + 5, '/', n - 5))
		return;
	memcpy(out, path + 5, n - 5);
	out[n - 5] = '\0';
}

static bool pv(json_t *row, void *out)
{
	const char *name = json_string_value(json_object_get(row, "pv_name"));
	struct lvm_pv *p = out;

	if (!name)
		return false;
	disk(name, strlen(name), p->disk);
	return text(row, "vg_name", p->group, sizeof(p->group)) &&
	       text(row, "vg_tags", p->tags, sizeof(p->tags));
}

/* "[name]" is hidden. */
static bool volume(json_t *row, struct lvm_segment *s)
{
	if (!text(row, "lv_name", s->volume, sizeof(s->volume)))
		return false;
	size_t n = strlen(s->volume);
	s->is_hidden = n > 2 && s->volume[0] == '[' && s->volume[n - 1] == ']';
	if (s->is_hidden) {
		memmove(s->volume, s->volume + 1, n - 2);
		s->volume[n - 2] = '\0';
	}
	return s->volume[0];
}

/* "/dev/sda(0)"; "data_rimage_0(0),data_rimage_1(0)" is on volumes. */
static bool segment(json_t *row, void *out)
{
	const char *devices = json_string_value(json_object_get(row, "devices"));
	struct lvm_segment *s = out;
	char size[24];

	if (!devices || !volume(row, s) || !text(row, "lv_attr", s->attr, sizeof(s->attr)) ||
	    strlen(s->attr) != sizeof(s->attr) - 1 || !text(row, "lv_size", size, sizeof(size)) ||
	    !text_number(size, INT64_MAX, &s->size))
		return false;
	if (!strchr(devices, ','))
		disk(devices, strcspn(devices, "("), s->disk);
	return true;
}

/* The rows of a report that has one list of them; NULL: it is none. */
static json_t *rows_of(json_t *root, const char *key)
{
	json_t *reports = json_object_get(root, "report"), *rows;

	if (!json_is_array(reports) || json_array_size(reports) != 1)
		return NULL;
	rows = json_object_get(json_array_get(reports, 0), key);
	return json_is_array(rows) && json_array_size(rows) <= LVM_ROWS_MAX ? rows : NULL;
}

static int read_rows(const char *text, size_t n, const char *key, row_fn *fn, size_t size,
		     void **out, size_t *nout)
{
	json_t *root = json_loadb(text, n, JSON_REJECT_DUPLICATES, NULL), *rows;
	int err = -EBADMSG;

	*out = NULL;
	*nout = 0;
	rows = rows_of(root, key);
	if (!rows)
		goto free_root;
	err = -ENOMEM;
	char *to = calloc(json_array_size(rows) + 1, size);
	if (!to)
		goto free_root;
	err = 0;
	for (size_t i = 0; !err && i < json_array_size(rows); i++)
		err = fn(json_array_get(rows, i), to + i * size) ? 0 : -EBADMSG;
	if (err) {
		free(to);
	} else {
		*out = to;
		*nout = json_array_size(rows);
	}
free_root:
	json_decref(root);
	return err;
}

int lvm_read_pvs(const char *text, size_t n, struct lvm_pvs *out)
{
	void *rows;
	int err = read_rows(text, n, "pv", pv, sizeof(*out->rows), &rows, &out->n);

	out->rows = rows;
	return err;
}

int lvm_read_segments(const char *text, size_t n, struct lvm_segments *out)
{
	void *rows;
	int err = read_rows(text, n, "lv", segment, sizeof(*out->rows), &rows, &out->n);

	out->rows = rows;
	return err;
}

bool lvm_has_tag(const char *tags, const char *tag)
{
	size_t n = strlen(tag);

	for (const char *p = tags; *p; p += *p == ',') {
		size_t len = strcspn(p, ",");
		if (len == n && !memcmp(p, tag, n))
			return true;
		p += len;
	}
	return false;
}
