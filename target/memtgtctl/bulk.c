// SPDX-License-Identifier: MIT
/*
 * bulk.c - every LUN to a file of its own, and back.
 *
 * The name of a file tells a reader whose it is; what counts is the identity in the image.
 */
#include "memtgtctl/bulk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/config.h"
#include "base/io.h"
#include "control/clean.h"
#include "control/protocol.h"
#include "memtgt/iscsi_proto.h"
#include "memtgtctl/command.h"
#include "memtgtctl/pages.h"
#include "memtgtctl/transfer.h"

#define WHY  512u
#define HELD "held" /* in place of a target: kept memory that is not served */

/* A LUN, or a file that is to become one. */
struct job {
	char path[BULK_PATH];
	char target[ISCSI_NAME_MAX + 1]; /* "": not known */
	unsigned id;
	bool is_settled; /* it failed already */
};

struct work {
	const struct bulk *bulk;
	struct job *jobs;
	size_t n, failed;
	json_t *luns;	 /* of memtgtd, as lun.list tells them */
	json_t *results; /* one for each that was looked at */
};

/* ---- names ---- */

int bulk_path(const char *folder, const char *target, unsigned id, char out[static BULK_PATH])
{
	if (strcmp(target, HELD) != 0 && config_bad_iscsi_name(target))
		return -1;
	int n = snprintf(out, BULK_PATH, "%s/%s.lun%u" BULK_SUFFIX, folder, target, id);
	return n > 0 && n < (int)BULK_PATH ? 0 : -1;
}

bool bulk_parse(const char *path, char *target, size_t n, unsigned *id)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path, *lun = NULL;
	int end = 0;

	for (const char *p = name; (p = strstr(p, ".lun")); p++)
		lun = p;
	if (!lun || (size_t)(lun - name) >= n || sscanf(lun, ".lun%3u%n", id, &end) != 1 ||
	    strcmp(lun + end, BULK_SUFFIX) != 0)
		return false;
	memcpy(target, name, (size_t)(lun - name));
	target[lun - name] = '\0';
	return !strcmp(target, HELD) || !config_bad_iscsi_name(target);
}

/* ---- what became of each ---- */

static void told_of(const struct job *j, char *out, size_t n)
{
	if (j->target[0])
		snprintf(out, n, "%s LUN %u", j->target, j->id);
	else
		snprintf(out, n, "%s", j->path);
}

static void add_result(struct work *w, const struct job *j, json_t *result)
{
	if (!result)
		return;
	if (j->target[0]) {
		(void)json_object_set_new(result, "target", json_string(j->target));
		(void)json_object_set_new(result, "id", json_integer(j->id));
	}
	(void)json_object_set_new(result, "file", control_json_text(j->path));
	(void)json_array_append_new(w->results, result);
}

static void fail(struct work *w, struct job *j, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void fail(struct work *w, struct job *j, const char *fmt, ...)
{
	char why[WHY], name[BULK_PATH];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	told_of(j, name, sizeof(name));
	fprintf(stderr, "memtgtctl: %s: %s\n", name, why);
	j->is_settled = true;
	w->failed++;
	add_result(w, j, json_pack("{s:o}", "error", control_json_text(why)));
}

static void succeed(struct work *w, const struct job *j, json_t *result)
{
	if (!w->bulk->json)
		printf("%s LUN %u: %lld of %lld bytes are data: %s\n", j->target, j->id,
		       (long long)json_integer_value(json_object_get(result, "data_bytes")),
		       (long long)json_integer_value(json_object_get(result, "bytes")), j->path);
	add_result(w, j, json_incref(result));
}

/* ---- LUNs of memtgtd ---- */

static enum call_result list_luns(struct work *w, char *why, size_t n)
{
	struct command list = {.method = CONTROL_LUN_LIST, .params = json_object()};
	json_t *whole = NULL;
	struct call c;
	enum call_result r = call_open(&c, w->bulk->socket, w->bulk->timeout_s);

	if (r == CALL_OK)
		r = pages_get(&c, &list, &whole);
	if (r != CALL_OK)
		snprintf(why, n, "%s", c.why);
	w->luns = json_incref(json_object_get(whole, "luns"));
	json_decref(whole);
	json_decref(list.params);
	call_close(&c);
	return r;
}

static bool is_of(const struct job *j, const json_t *lun)
{
	const char *target = json_string_value(json_object_get(lun, "target"));

	return target && !strcasecmp(target, j->target) &&
	       json_integer_value(json_object_get(lun, "id")) == (json_int_t)j->id;
}

static const json_t *find_lun(const struct work *w, const struct job *j)
{
	const json_t *lun;
	size_t i;

	json_array_foreach(w->luns, i, lun)
	{
		if (is_of(j, lun))
			return lun;
	}
	return NULL;
}

/* A connection for each, since one that failed in the middle is of no more use. */
static void transfer(struct work *w, struct job *j)
{
	const struct bulk *b = w->bulk;
	struct command one = {.method = b->command->method,
			      .params = json_deep_copy(b->command->params)};
	json_t *result = NULL;
	struct call c;

	(void)json_object_set_new(one.params, "target", json_string(j->target));
	(void)json_object_set_new(one.params, "id", json_integer(j->id));
	(void)json_object_set_new(one.params, "file", json_string_nocheck(j->path));
	enum call_result r = call_open(&c, b->socket, b->timeout_s);
	if (r == CALL_OK)
		r = transfer_run(&c, &one, b->force, &result);
	if (r == CALL_OK)
		succeed(w, j, result);
	else
		fail(w, j, "%s", c.why);
	json_decref(result);
	json_decref(one.params);
	call_close(&c);
}

/* ---- export ---- */

static void export_lun(struct work *w, const json_t *lun)
{
	const char *target = json_string_value(json_object_get(lun, "target"));
	struct job *j = &w->jobs[w->n++];

	*j = (struct job){.id = (unsigned)json_integer_value(json_object_get(lun, "id"))};
	snprintf(j->target, sizeof(j->target), "%s", target ? target : "");
	if (bulk_path(w->bulk->folder, j->target, j->id, j->path))
		fail(w, j, "no file in %.200s can have its name", w->bulk->folder);
	else if (!w->bulk->force && !access(j->path, F_OK))
		fail(w, j, "%.200s is there already: --force overwrites it", j->path);
	else
		transfer(w, j);
}

/* Their names in the folder are as lasting as what is in them. */
static void sync_folder(struct work *w)
{
	const int err = io_sync_folder(w->bulk->folder);

	if (err) {
		struct job *folder = &w->jobs[w->n++];
		snprintf(folder->path, sizeof(folder->path), "%s", w->bulk->folder);
		fail(w, folder, "%s", strerror(-err));
	}
}

/* One that is being removed is as good as gone. */
static void export_all(struct work *w)
{
	const json_t *lun;
	size_t i;

	json_array_foreach(w->luns, i, lun)
	{
		if (!json_is_true(json_object_get(lun, "going")))
			export_lun(w, lun);
	}
	sync_folder(w);
}

/* ---- import ---- */

static int is_image(const struct dirent *e)
{
	size_t n = strlen(e->d_name), suffix = strlen(BULK_SUFFIX);

	return n > suffix && e->d_name[0] != '.' && !strcmp(e->d_name + n - suffix, BULK_SUFFIX);
}

static void identify(struct work *w, struct job *j, const char *name)
{
	struct image_lun lun;
	char why[WHY];
	int n = snprintf(j->path, sizeof(j->path), "%s/%s", w->bulk->folder, name);

	if (n >= (int)sizeof(j->path))
		fail(w, j, "%s", strerror(ENAMETOOLONG));
	else if (transfer_identify(j->path, &lun, why, sizeof(why)))
		fail(w, j, "%s; nothing was changed", why);
	else if (!lun.target[0])
		fail(w, j, "the image does not say whose it is: import it by TARGET and ID");
	else {
		memcpy(j->target, lun.target, sizeof(j->target));
		j->id = lun.id;
	}
}

/* Which of the two is meant, nobody but the operator knows. */
static void refuse_twins(struct work *w)
{
	for (size_t i = 0; i < w->n; i++)
		for (size_t k = 0; k < w->n; k++) {
			const struct job *a = &w->jobs[i], *b = &w->jobs[k];
			if (i != k && !a->is_settled && a->target[0] && a->id == b->id &&
			    !strcmp(a->target, b->target))
				fail(w, &w->jobs[i],
				     "%.160s and %.160s are both of it: import the right one by "
				     "TARGET and ID",
				     a->path, b->path);
		}
}

static bool holds_data(const json_t *lun)
{
	return json_is_true(json_object_get(lun, "written"));
}

static void import_one(struct work *w, struct job *j)
{
	const json_t *lun = find_lun(w, j);

	if (!lun)
		fail(w, j, "memtgtd has no such LUN for %.200s", j->path);
	else if (!w->bulk->force && holds_data(lun))
		fail(w, j, "it holds data, which would be lost: --force takes %.200s in its place",
		     j->path);
	else
		transfer(w, j);
}

static void note_missing(const struct work *w)
{
	const json_t *lun;
	size_t i;

	json_array_foreach(w->luns, i, lun)
	{
		const char *state = json_string_value(json_object_get(lun, "state"));
		bool found = state && !strcmp(state, HELD);
		for (size_t k = 0; k < w->n && !found; k++)
			found = w->jobs[k].target[0] && is_of(&w->jobs[k], lun);
		if (!found)
			fprintf(stderr, "memtgtctl: %s LUN %d: %s has no image of it\n",
				json_string_value(json_object_get(lun, "target")),
				(int)json_integer_value(json_object_get(lun, "id")),
				w->bulk->folder);
	}
}

static void import_all(struct work *w, struct dirent **names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		identify(w, &w->jobs[w->n++], names[i]->d_name);
	refuse_twins(w);
	for (size_t i = 0; i < w->n; i++)
		if (!w->jobs[i].is_settled)
			import_one(w, &w->jobs[i]);
	note_missing(w);
}

/* ---- both ---- */

static enum call_result summary(const struct work *w, char *why, size_t n)
{
	char name[BULK_PATH];
	size_t used;

	if (w->bulk->json) {
		json_t *all = json_pack("{s:O}", "luns", w->results);
		(void)json_dumpf(all, stdout, JSON_INDENT(2));
		putchar('\n');
		json_decref(all);
	}
	if (!w->failed)
		return CALL_OK;
	used = (size_t)snprintf(why, n, "%zu of %zu failed:", w->failed, w->n);
	for (size_t i = 0; i < w->n && used < n; i++) {
		if (!w->jobs[i].is_settled)
			continue;
		told_of(&w->jobs[i], name, sizeof(name));
		used += (size_t)snprintf(why + used, n - used, " %s;", name);
	}
	why[(used < n ? used : n) - 1] = '\0';
	return CALL_REFUSED;
}

static enum call_result refuse(const struct bulk *b, const char *what, char *why, size_t n)
{
	snprintf(why, n, "%.200s: %s", b->folder, what);
	return CALL_REFUSED;
}

static enum call_result run_export(struct work *w, char *why, size_t n)
{
	struct stat st;

	if (stat(w->bulk->folder, &st))
		return refuse(w->bulk, strerror(errno), why, n);
	if (!S_ISDIR(st.st_mode))
		return refuse(w->bulk, strerror(ENOTDIR), why, n);
	w->jobs = calloc(json_array_size(w->luns) + 1, sizeof(*w->jobs));
	if (!w->jobs)
		return refuse(w->bulk, "out of memory", why, n);
	export_all(w);
	return summary(w, why, n);
}

static enum call_result run_import(struct work *w, char *why, size_t n)
{
	struct dirent **names;
	int count = scandir(w->bulk->folder, &names, is_image, alphasort);
	enum call_result r;

	if (count < 0)
		return refuse(w->bulk, strerror(errno), why, n);
	w->jobs = calloc((size_t)count + 1, sizeof(*w->jobs));
	if (!count)
		r = refuse(w->bulk, "no file there has a name that ends with " BULK_SUFFIX, why, n);
	else if (!w->jobs)
		r = refuse(w->bulk, "out of memory", why, n);
	else {
		import_all(w, names, (size_t)count);
		r = summary(w, why, n);
	}
	for (int i = 0; i < count; i++)
		free(names[i]);
	free(names);
	return r;
}

enum call_result bulk_run(const struct bulk *b, char *why, size_t n)
{
	struct work w = {.bulk = b, .results = json_array()};
	enum call_result r = list_luns(&w, why, n);

	if (r == CALL_OK)
		r = b->command->method == CONTROL_LUN_EXPORT ? run_export(&w, why, n)
							     : run_import(&w, why, n);
	free(w.jobs);
	json_decref(w.luns);
	json_decref(w.results);
	return r;
}
