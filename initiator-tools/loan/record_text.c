// SPDX-License-Identifier: MIT
/* record_text.c - a loan as JSON, by tables of fields. */
#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "initiator-tools/loan/plan.h"
#include "initiator-tools/loan/record.h"

enum type { TEXT, HEAP, NUMBER, COUNT, FLAG };

/* Where a value is in its struct, and which ones may stand in a file. */
struct field {
	const char *name;
	enum type type;
	size_t offset, size;
	uint64_t max;
	const char *(*bad)(const char *text);
};

#define F(of, t, n, m, most, check)                                                            \
	{                                                                                      \
		.name = n, .type = t, .offset = offsetof(of, m), .size = sizeof(((of *)0)->m), \
		.max = most, .bad = check                                                      \
	}

static const char *bad_uuid(const char *t)
{
	size_t n = strlen(t);

	for (size_t i = 0; i < n; i++)
		if (!isxdigit((unsigned char)t[i]) && t[i] != '-')
			return "no UUID";
	return n == LOAN_UUID_SIZE - 1 ? NULL : "no UUID";
}

/* A loan that was stopped is of no boot. */
static const char *bad_boot(const char *t)
{
	return *t ? bad_uuid(t) : NULL;
}

/* What goes to programs and into sysfs paths has no character that they could take for another. */
static const char *bad_word(const char *t)
{
	for (; *t; t++)
		if (!isgraph((unsigned char)*t) || strchr("/\\'\"`$", *t))
			return "a character that it cannot have";
	return NULL;
}

static const char *bad_line(const char *t)
{
	for (; *t; t++)
		if ((unsigned char)*t < 0x20 || *t == 0x7f)
			return "a control character";
	return NULL;
}

/* clang-format off */
static const struct field wish_fields[] = {
	F(struct loan_wish, TEXT,   "name",      name,         0,                     record_bad_name),
	F(struct loan_wish, NUMBER, "size",      size,         INT64_MAX,             NULL),
	F(struct loan_wish, COUNT,  "copies",    copies,       LOAN_COPIES_MAX,       NULL),
	F(struct loan_wish, FLAG,   "encrypt",   is_encrypted, 0,                     NULL),
};
static const struct field loan_fields[] = {
	F(struct loan,      TEXT,   "uuid",      uuid,         0,                     bad_uuid),
	F(struct loan,      TEXT,   "swap_uuid", swap_uuid,    0,                     bad_uuid),
	F(struct loan,      TEXT,   "boot",      boot,         0,                     bad_boot),
	F(struct loan,      FLAG,   "made",      is_made,      0,                     NULL),
	F(struct loan,      FLAG,   "stopped",   is_stopped,   0,                     NULL),
	F(struct loan,      FLAG,   "ending",    is_ending,    0,                     NULL),
	F(struct loan,      FLAG,   "clean",     is_clean,     0,                     NULL),
	F(struct loan,      COUNT,  "unsure",    unsure,       LOAN_LEGS_MAX,         NULL),
	F(struct loan,      COUNT,  "next_leg",  next_leg,     UINT32_MAX,            NULL),
};
static const struct field leg_fields[] = {
	F(struct loan_leg,  COUNT,  "id",        id,           UINT32_MAX,            NULL),
	F(struct loan_leg,  FLAG,   "unwanted",  is_unwanted,  0,                     NULL),
	F(struct loan_leg,  FLAG,   "data",      has_data,     0,                     NULL),
	F(struct loan_leg,  FLAG,   "old",       is_old,       0,                     NULL),
	F(struct loan_leg,  FLAG,   "lost",      is_lost,      0,                     NULL),
};
static const struct field disk_fields[] = {
	F(struct loan_disk, TEXT,   "donor",     donor,        0,                     bad_line),
	F(struct loan_disk, TEXT,   "portal",    portal,       0,                     bad_word),
	F(struct loan_disk, TEXT,   "target",    target,       0,                     bad_word),
	F(struct loan_disk, COUNT,  "lun",       lun,          16383,                 NULL),
	F(struct loan_disk, TEXT,   "naa",       naa,          0,                     bad_word),
	F(struct loan_disk, TEXT,   "serial",    serial,       0,                     bad_line),
	F(struct loan_disk, COUNT,  "block_size", block_size,  65536,                 NULL),
	F(struct loan_disk, NUMBER, "size",      size,         INT64_MAX,             NULL),
	F(struct loan_disk, NUMBER, "used",      used,         INT64_MAX,             NULL),
	F(struct loan_disk, NUMBER, "committed", committed,    INT64_MAX,             NULL),
	F(struct loan_disk, FLAG,   "foreign_session", is_session_foreign, 0,         NULL),
	F(struct loan_disk, HEAP,   "chap_user", chap_user,    255,                   bad_line),
	F(struct loan_disk, HEAP,   "chap_secret_file", chap_secret_file, 4000,       bad_line),
};
/* clang-format on */
#define FIELDS(table) table, sizeof(table) / sizeof(table[0])

/* ---- out ---- */

static json_t *value_of(const struct field *f, const void *object)
{
	const char *at = (const char *)object + f->offset;

	switch (f->type) {
	case TEXT:
		return json_string(at);
	case HEAP:
		return *(char *const *)(const void *)at
			       ? json_string(*(char *const *)(const void *)at)
			       : json_null();
	case NUMBER:
		return json_integer((json_int_t) * (const uint64_t *)(const void *)at);
	case COUNT:
		return json_integer(*(const unsigned *)(const void *)at);
	default:
		return json_boolean(*(const bool *)at);
	}
}

static json_t *put(const void *object, const struct field *fields, size_t n)
{
	json_t *o = json_object();

	for (size_t i = 0; i < n; i++)
		json_object_set_new(o, fields[i].name, value_of(&fields[i], object));
	return o;
}

static void put_steps(json_t *o, const uint8_t *state, enum step_scope scope)
{
	json_t *all = json_object();

	for (unsigned s = 0; s < STEPS; s++)
		if (step_scope(s) == scope)
			json_object_set_new(all, step_word(s),
					    json_string(step_state_word(state[s])));
	json_object_set_new(o, "steps", all);
}

static json_t *put_leg(const struct loan_leg *leg)
{
	json_t *o = put(leg, FIELDS(leg_fields)), *disks = json_array();

	for (size_t i = 0; i < leg->ndisks; i++) {
		json_t *d = put(&leg->disks[i], FIELDS(disk_fields));
		put_steps(d, leg->disks[i].steps, SCOPE_DISK);
		json_array_append_new(disks, d);
	}
	json_object_set_new(o, "disks", disks);
	put_steps(o, leg->steps, SCOPE_LEG);
	return o;
}

static json_t *put_wish(const struct loan_wish *w)
{
	json_t *o = put(w, FIELDS(wish_fields)), *from = json_array();

	json_object_set_new(o, "as", json_string(loan_kind_word(w->kind)));
	json_object_set_new(o, "priority", json_integer(w->priority));
	for (size_t i = 0; i < w->nfrom; i++)
		json_array_append_new(from, json_string(w->from[i]));
	json_object_set_new(o, "from", from);
	return o;
}

char *record_format(const struct loan *l)
{
	json_t *o = put(l, FIELDS(loan_fields)), *legs = json_array(), *left = json_array();
	char key[17];

	snprintf(key, sizeof(key), "%016llx", (unsigned long long)l->key);
	json_object_set_new(o, "version", json_integer(RECORD_VERSION));
	json_object_set_new(o, "key", json_string(key));
	json_object_set_new(o, "asked", put_wish(&l->wish));
	for (size_t i = 0; i < l->nlegs; i++)
		json_array_append_new(legs, put_leg(&l->legs[i]));
	json_object_set_new(o, "legs", legs);
	for (size_t i = 0; i < l->nleft; i++)
		json_array_append_new(left, put_leg(&l->left[i]));
	json_object_set_new(o, "left", left);
	put_steps(o, l->steps, SCOPE_LOAN);
	char *text = json_dumps(o, JSON_INDENT(2) | JSON_SORT_KEYS | JSON_ENSURE_ASCII);
	json_decref(o);
	return text;
}

/* ---- in ---- */

struct reader {
	char *why;
	size_t why_len;
};

static int bad(struct reader *r, const char *name, const char *what)
{
	snprintf(r->why, r->why_len, "%s: %s", name, what);
	return -EINVAL;
}

static int get_text(struct reader *r, const struct field *f, const json_t *v, void *at)
{
	const char *text = json_string_value(v);
	size_t max = f->type == TEXT ? f->size - 1 : f->max;

	if (f->type == HEAP && json_is_null(v))
		return 0;
	if (!text || strlen(text) != json_string_length(v) || strlen(text) > max)
		return bad(r, f->name, "no text, or too long");
	if (f->bad && f->bad(text))
		return bad(r, f->name, f->bad(text));
	if (f->type == TEXT)
		memcpy(at, text, strlen(text) + 1);
	else if (!(*(char **)at = strdup(text)))
		return -ENOMEM;
	return 0;
}

static int get_number(struct reader *r, const struct field *f, const json_t *v, void *at)
{
	json_int_t n = json_integer_value(v);

	if (!json_is_integer(v) || n < 0 || (uint64_t)n > f->max)
		return bad(r, f->name, "no number, or too large");
	if (f->type == NUMBER)
		*(uint64_t *)at = (uint64_t)n;
	else
		*(unsigned *)at = (unsigned)n;
	return 0;
}

static int get(struct reader *r, const json_t *o, void *object, const struct field *fields,
	       size_t n)
{
	int err = 0;

	for (size_t i = 0; i < n && !err; i++) {
		void *at = (char *)object + fields[i].offset;
		const json_t *v = json_object_get(o, fields[i].name);
		if (fields[i].type == TEXT || fields[i].type == HEAP)
			err = get_text(r, &fields[i], v, at);
		else if (fields[i].type != FLAG)
			err = get_number(r, &fields[i], v, at);
		else if (json_is_boolean(v))
			*(bool *)at = json_is_true(v);
		else
			err = bad(r, fields[i].name, "neither true nor false");
	}
	return err;
}

static int get_steps(struct reader *r, const json_t *o, uint8_t *state, enum step_scope scope)
{
	const json_t *all = json_object_get(o, "steps");

	for (unsigned s = 0; s < STEPS; s++) {
		if (step_scope(s) != scope)
			continue;
		const char *word = json_string_value(json_object_get(all, step_word(s)));
		unsigned i = 0;
		while (word && i < STEP_STATES_COUNT && strcmp(word, step_state_word(i)) != 0)
			i++;
		if (!word || i == STEP_STATES_COUNT)
			return bad(r, step_word(s), "no state of a step");
		state[s] = (uint8_t)i;
	}
	return 0;
}

static int get_disk(struct reader *r, const json_t *o, struct loan_disk *d)
{
	int err = get(r, o, d, FIELDS(disk_fields));

	if (!err && d->used > d->size)
		err = bad(r, "used", "more than the LUN has");
	if (!err && d->committed > d->size)
		err = bad(r, "committed", "more than the LUN has");
	return err ? err : get_steps(r, o, d->steps, SCOPE_DISK);
}

static int get_leg(struct reader *r, const json_t *o, struct loan *l)
{
	const json_t *disks = json_object_get(o, "disks");
	struct loan_leg *leg = loan_add_leg(l, json_array_size(disks));
	int err = leg ? get(r, o, leg, FIELDS(leg_fields))
		      : bad(r, "legs", "too many, or one without disks, or with too many");

	for (size_t i = 0; !err && i < leg->ndisks; i++)
		err = get_disk(r, json_array_get(disks, i), &leg->disks[i]);
	return err ? err : get_steps(r, o, leg->steps, SCOPE_LEG);
}

static int get_from(struct reader *r, const json_t *from, struct loan_wish *w)
{
	w->nfrom = json_array_size(from);
	if (!json_is_array(from) || w->nfrom > LOAN_FROM_MAX)
		return bad(r, "from", "no list, or too long");
	for (size_t i = 0; i < w->nfrom; i++) {
		const char *name = json_string_value(json_array_get(from, i));
		if (!name || strlen(name) > DONOR_NAME_MAX || bad_line(name))
			return bad(r, "from", "no name of a donor");
		memcpy(w->from[i], name, strlen(name) + 1);
	}
	return 0;
}

static int get_wish(struct reader *r, const json_t *o, struct loan_wish *w)
{
	const char *as = json_string_value(json_object_get(o, "as"));
	const json_t *priority = json_object_get(o, "priority");
	int err = get(r, o, w, FIELDS(wish_fields));
	unsigned k = 0;

	while (as && k < LOAN_KINDS_COUNT && strcmp(as, loan_kind_word(k)) != 0)
		k++;
	if (!err && (!as || k == LOAN_KINDS_COUNT))
		err = bad(r, "as", "no use of a loan");
	if (!err && (!json_is_integer(priority) || json_integer_value(priority) < -1 ||
		     json_integer_value(priority) > 32767))
		err = bad(r, "priority", "no priority");
	if (!err && (!w->copies || !w->size || w->size % LOAN_EXTENT))
		err = bad(r, "asked", "no copy, or no size that can be");
	if (err)
		return err;
	w->kind = (enum loan_kind)k;
	w->priority = (int)json_integer_value(priority);
	return get_from(r, json_object_get(o, "from"), w);
}

static int get_loan(struct reader *r, const json_t *o, struct loan *l)
{
	const char *key = json_string_value(json_object_get(o, "key"));
	const json_t *legs = json_object_get(o, "legs"), *left = json_object_get(o, "left");
	int err = 0;

	if (json_integer_value(json_object_get(o, "version")) != RECORD_VERSION)
		return bad(r, "version", "made by another version of memloan");
	if (!key || strlen(key) != 16 || strspn(key, "0123456789abcdef") != 16 ||
	    !(l->key = strtoull(key, NULL, 16)))
		return bad(r, "key", "no key of 16 hexadecimal digits");
	err = get_wish(r, json_object_get(o, "asked"), &l->wish);
	for (size_t i = 0; !err && i < json_array_size(left); i++) {
		err = get_leg(r, json_array_get(left, i), l);
		if (!err)
			loan_leave_leg(l, 0);
	}
	for (size_t i = 0; !err && i < json_array_size(legs); i++)
		err = get_leg(r, json_array_get(legs, i), l);
	if (!err)
		err = get(r, o, l, FIELDS(loan_fields)); /* next_leg is the file's */
	return err ? err : get_steps(r, o, l->steps, SCOPE_LOAN);
}

int record_parse(const char *text, size_t n, struct loan *out, char *why, size_t why_len)
{
	struct reader r = {.why = why, .why_len = why_len};
	json_error_t e;
	json_t *o = json_loadb(text, n, JSON_REJECT_DUPLICATES, &e);

	*out = (struct loan){0};
	if (!o) {
		snprintf(why, why_len, "line %d: %s", e.line, e.text);
		return -EINVAL;
	}
	int err = get_loan(&r, o, out);
	json_decref(o);
	if (err)
		loan_free(out);
	return err;
}
