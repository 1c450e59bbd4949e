// SPDX-License-Identifier: MIT
/*
 * text.c - the text of the file, read and written: see state/file.h.
 *
 * { "memtgt_state": 1, "host": "32 hex digits", "luns": [ { "target": "iqn...", "id": 0,
 * "generation": 1, "used": true, "spilled": "..." }, ... ] }
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "state/impl.h"

#define DEPTH_MAX 8u /* its own is 3 */

#define SAY(...) snprintf(why, why_len, __VA_ARGS__)

/* ---- from text ---- */

/* What stands there must be of that type, and in bounds. */
static bool get_number(const json_t *o, const char *name, uint64_t max, uint64_t *out)
{
	const json_t *v = json_object_get(o, name);

	if (!json_is_integer(v) || json_integer_value(v) < 0 ||
	    (uint64_t)json_integer_value(v) > max)
		return false;
	*out = (uint64_t)json_integer_value(v);
	return true;
}

static bool get_text(const json_t *o, const char *name, size_t min, size_t max, char *out)
{
	const json_t *v = json_object_get(o, name);
	size_t n = json_string_length(v);

	if (!json_is_string(v) || n < min || n > max)
		return false;
	for (const char *p = json_string_value(v); *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return false;
	memcpy(out, json_string_value(v), n + 1);
	return true;
}

static int parse_lun(struct state_file *f, const json_t *o, size_t at, char *why, size_t why_len)
{
	struct state_lun lun = {0};
	char target[ISCSI_NAME_MAX + 1];
	uint64_t id, generation;
	const json_t *used = json_object_get(o, "used");

	if (!get_text(o, "target", 1, ISCSI_NAME_MAX, target) ||
	    !get_number(o, "id", STATE_IDS - 1, &id) ||
	    !get_number(o, "generation", UINT32_MAX, &generation) || !json_is_boolean(used) ||
	    !get_text(o, "spilled", 0, STATE_SPILLED_MAX, lun.spilled)) {
		SAY("element %zu of \"luns\" is no LUN", at);
		return -EINVAL;
	}
	lun.generation = (uint32_t)generation;
	lun.used = json_is_true(used);
	if (state_entry(f, target, (unsigned)id)) {
		SAY("LUN %u of %s stands there twice", (unsigned)id, target);
		return -EINVAL;
	}
	struct state_entry *e = state_entry_add(f, target, (unsigned)id);
	if (!e) {
		SAY("out of memory");
		return -ENOMEM;
	}
	e->lun = lun;
	return 0;
}

static bool get_host(const json_t *o, char *out)
{
	const size_t n = (size_t)2 * STATE_HOST_SIZE;

	return get_text(o, "host", n, n, out) && strspn(out, "0123456789abcdef") == n;
}

static int parse_root(struct state_file *f, const json_t *root, char *why, size_t why_len)
{
	const json_t *luns = json_object_get(root, "luns");
	uint64_t version;
	int rc = 0;

	if (!get_number(root, "memtgt_state", INT64_MAX, &version) || !version) {
		SAY("it has no \"memtgt_state\"");
		return -EINVAL;
	}
	if (version > STATE_FILE_VERSION) {
		SAY("a newer memtgtd wrote it: its version is %llu, and this one reads up to %d",
		    (unsigned long long)version, STATE_FILE_VERSION);
		return -ENOTSUP;
	}
	if (json_object_get(root, "host") && !get_host(root, f->host)) {
		SAY("its \"host\" is not %u hex digits", 2 * STATE_HOST_SIZE);
		return -EINVAL;
	}
	if (!json_is_array(luns)) {
		SAY("it has no list \"luns\"");
		return -EINVAL;
	}
	for (size_t i = 0; !rc && i < json_array_size(luns); i++)
		rc = parse_lun(f, json_array_get(luns, i), i, why, why_len);
	return rc;
}

/* The parser recurses, and its own limit is deep for a small stack. */
static bool too_deep(const char *text, size_t n)
{
	unsigned depth = 0;
	bool quoted = false;

	for (size_t i = 0; i < n; i++) {
		if (quoted && text[i] == '\\')
			i++;
		else if (text[i] == '"')
			quoted = !quoted;
		else if (!quoted && (text[i] == '{' || text[i] == '['))
			depth++;
		else if (!quoted && (text[i] == '}' || text[i] == ']') && depth)
			depth--;
		if (depth > DEPTH_MAX)
			return true;
	}
	return false;
}

int state_parse(const char *text, size_t n, struct state_file **out, char *why, size_t why_len)
{
	struct state_file *f = state_new();
	json_error_t error = {.line = 0};

	if (!f) {
		SAY("out of memory");
		return -ENOMEM;
	}
	json_t *root =
		too_deep(text, n) ? NULL : json_loadb(text, n, JSON_REJECT_DUPLICATES, &error);
	int rc = -EINVAL;
	if (root)
		rc = parse_root(f, root, why, why_len);
	else
		SAY("it is no JSON text: line %d: %s", error.line,
		    error.line ? error.text : "nested too deep");
	json_decref(root);
	if (rc) {
		state_close(f);
		return rc;
	}
	*out = f;
	return 0;
}

/* ---- to text ---- */

/* Under the lock. */
static json_t *luns_of(const struct state_file *f)
{
	json_t *luns = json_array();

	for (size_t i = 0; luns && i < f->n; i++) {
		const struct state_entry *e = &f->entries[i];
		json_t *o = json_pack("{s:s, s:i, s:I, s:b, s:s}", "target", e->target, "id",
				      (int)e->id, "generation", (json_int_t)e->lun.generation,
				      "used", e->lun.used, "spilled", e->lun.spilled);
		if (json_array_append_new(luns, o)) { /* also if there is none */
			json_decref(luns);
			luns = NULL;
		}
	}
	return luns;
}

/* Under the lock. */
static json_t *root_of(const struct state_file *f)
{
	const char *host = f->host[0] ? f->host : NULL;

	return json_pack("{s:i, s:s*, s:o}", "memtgt_state", STATE_FILE_VERSION, "host", host,
			 "luns", luns_of(f));
}

char *state_text_of(struct state_file *f, uint64_t *changes)
{
	pthread_mutex_lock(&f->lock);
	json_t *root = root_of(f);
	*changes = f->changes;
	pthread_mutex_unlock(&f->lock);
	char *text = root ? json_dumps(root, JSON_INDENT(1) | JSON_PRESERVE_ORDER) : NULL;
	json_decref(root);
	return text;
}

char *state_text(struct state_file *f)
{
	uint64_t changes;

	return state_text_of(f, &changes);
}
