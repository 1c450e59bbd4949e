// SPDX-License-Identifier: MIT
/* conf.c - keys by a table, values by the functions that read memtgtd.conf. */
#include "initiator-tools/conf.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/config.h"
#include "base/config_keys.h"
#include "base/config_source.h"
#include "base/config_text.h"
#include "base/config_value.h"
#include "initiator-tools/loan/record.h"
#include "memtgt/control.h"

#define FOUND_BYTES 128
#define PLACE_BYTES 512

enum scope { IN_TOP, IN_DONOR, IN_LOAN };

static const char *bad_name(const char *text)
{
	for (; *text; text++)
		if (!isalnum((unsigned char)*text) && !strchr("-_.:[]", *text))
			return "a donor's name has only letters, digits, dash, underscore and dot";
	return NULL;
}

static const char *bad_user(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return "a user's name has no control characters";
	return NULL;
}

static const char *bad_file(const char *text)
{
	return *text == '/' ? bad_user(text) ? "a path has no control characters" : NULL
			    : "a path begins with /";
}

static const char *bad_kind(const char *text)
{
	for (unsigned k = 0; k < LOAN_KINDS_COUNT; k++)
		if (!strcmp(text, loan_kind_word(k)))
			return NULL;
	return "allowed is \"swap\" or \"lv\"";
}

#define OBJECT_TOP   struct conf
#define OBJECT_DONOR struct donor
#define OBJECT_LOAN  struct conf_loan
#define REQ	     true
#define OPT	     false

/* Fields of LISTs and of arrays are no texts on the heap: they are read by functions of their own.
 */
static const struct key {
	enum scope scope;
	struct config_key key;
} keys[] = {
#define CONF(s, k, t, need, lo, hi, other, check)      \
	{.scope = IN_##s,                              \
	 .key = {.name = #k,                           \
		 .type = KEY_##t,                      \
		 .required = need,                     \
		 .offset = offsetof(OBJECT_##s, k),    \
		 .size = sizeof(((OBJECT_##s *)0)->k), \
		 .min = lo,                            \
		 .max = hi,                            \
		 .preset = other,                      \
		 .bad = check}},
#include "initiator-tools/conf_keys.def"
};
#define KEYS (sizeof(keys) / sizeof(keys[0]))

struct reader {
	struct config_source source;
	struct conf *conf;
	bool have[KEYS]; /* of the group that is read */
};

static void read_key(struct reader *r, const struct key *k, const config_setting_t *at,
		     void *object);

static const struct key *find(enum scope scope, const char *name)
{
	for (size_t i = 0; i < KEYS; i++)
		if (keys[i].scope == scope && !strcmp(keys[i].key.name, name))
			return &keys[i];
	return NULL;
}

static void unknown(struct reader *r, enum scope scope, const config_setting_t *at)
{
	char all[256] = "";

	for (size_t i = 0; i < KEYS; i++)
		if (keys[i].scope == scope)
			snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%s",
				 *all ? ", " : "", keys[i].key.name);
	config_source_error(&r->source, at, NULL, "found an unknown key; allowed are %s", all);
}

static void allowed(const struct key *k, char *out, size_t n)
{
	unsigned long long max = k->key.max;

	if (k->key.type != KEY_LIST)
		config_key_allowed(&k->key, out, n);
	else if (k->scope == IN_TOP)
		snprintf(out, n, "a list of at most %llu %s ( { ... }, ... )", max, k->key.name);
	else if (k->scope == IN_LOAN)
		snprintf(out, n, "a list of 1 to %llu names of donors [ \"NAME\", ... ]", max);
	else
		snprintf(out, n, "a list of 1 to %llu portals [ \"ADDRESS\", \"ADDRESS:PORT\" ]",
			 max);
}

static void wrong(struct reader *r, const struct key *k, const config_setting_t *at)
{
	char found[FOUND_BYTES], text[256];

	config_value_found(at, found, sizeof(found));
	allowed(k, text, sizeof(text));
	config_source_error(&r->source, at, NULL, "found %s; allowed is %s", found, text);
}

static void read_group(struct reader *r, enum scope scope, const config_setting_t *at, void *object)
{
	for (int i = 0; i < config_setting_length(at); i++) {
		const config_setting_t *member = config_setting_get_elem(at, (unsigned)i);
		const struct key *k = find(scope, config_setting_name(member));
		if (!k) {
			unknown(r, scope, member);
			continue;
		}
		r->have[k - keys] = true;
		read_key(r, k, member, object);
	}
}

static void require(struct reader *r, enum scope scope, const config_setting_t *at)
{
	char text[256];

	for (size_t i = 0; i < KEYS; i++) {
		if (keys[i].scope != scope || !keys[i].key.required || r->have[i])
			continue;
		allowed(&keys[i], text, sizeof(text));
		config_source_error(&r->source, at, keys[i].key.name, "missing; needed is %s",
				    text);
	}
}

/* The number of elements; -1: an error. */
static int count(struct reader *r, const struct key *k, const config_setting_t *at)
{
	int type = config_setting_type(at), n = config_setting_length(at);

	if (type == CONFIG_TYPE_LIST || type == CONFIG_TYPE_ARRAY)
		if ((uint64_t)n >= k->key.min && (uint64_t)n <= k->key.max)
			return n;
	wrong(r, k, at);
	return -1;
}

/* An array of texts: copies on the heap. */
static void read_texts(struct reader *r, const struct key *k, const config_setting_t *at,
		       char **texts, size_t *ntexts)
{
	int n = count(r, k, at);

	for (int i = 0; i < n; i++) {
		const config_setting_t *e = config_setting_get_elem(at, (unsigned)i);
		const char *text = config_setting_type(e) == CONFIG_TYPE_STRING
					   ? config_setting_get_string(e)
					   : NULL;
		const char *bad = text ? k->key.bad(text) : NULL;
		char found[FOUND_BYTES];
		config_value_found(e, found, sizeof(found));
		if (!text)
			config_source_error(&r->source, e, NULL,
					    "found %s; allowed is a %s in quotes", found,
					    k->scope == IN_LOAN ? "donor's name" : "portal");
		else if (bad)
			config_source_error(&r->source, e, NULL, "found %s; %s", found, bad);
		else if (!(texts[*ntexts] = strdup(text)))
			config_source_no_memory(&r->source);
		else
			++*ntexts;
	}
}

/* Was the key there, right or wrong? */
static bool has(const struct reader *r, const char *name)
{
	return r->have[find(IN_DONOR, name) - keys];
}

static void check_donor(struct reader *r, const config_setting_t *at, size_t index)
{
	const struct donor *d = &r->conf->donors[index];

	for (size_t i = 0; i < index && d->name[0]; i++)
		if (!strcmp(r->conf->donors[i].name, d->name)) {
			config_source_error(&r->source, at, "name",
					    "found \"%s\" again; each donor has a name of its own",
					    d->name);
			break;
		}
	if (has(r, "chap_user") != has(r, "chap_secret_file"))
		config_source_error(&r->source, at, NULL,
				    "found only one of chap_user and chap_secret_file; a login by "
				    "CHAP needs both");
}

static void check_loan(struct reader *r, const config_setting_t *at, size_t index)
{
	const struct conf_loan *l = &r->conf->loans[index];

	for (size_t i = 0; i < index && l->name; i++)
		if (r->conf->loans[i].name && !strcmp(r->conf->loans[i].name, l->name)) {
			config_source_error(&r->source, at, "name",
					    "found \"%s\" again; each loan has a name of its own",
					    l->name);
			break;
		}
}

/* What the elements of a list of groups are. */
static const struct kind {
	enum scope scope;
	size_t size, list, length; /* of one; of both fields in struct conf */
	void (*check)(struct reader *r, const config_setting_t *at, size_t index);
	const char *form;
} kinds[] = {
	{IN_DONOR, sizeof(struct donor), offsetof(struct conf, donors),
	 offsetof(struct conf, ndonors), check_donor, "{ name = ...; portals = ...; }"},
	{IN_LOAN, sizeof(struct conf_loan), offsetof(struct conf, loans),
	 offsetof(struct conf, nloans), check_loan, "{ name = ...; size = ...; }"},
};

static void preset(enum scope scope, void *object)
{
	for (size_t i = 0; i < KEYS; i++) {
		const struct config_key *k = &keys[i].key;
		if (keys[i].scope == scope && k->type == KEY_UINT)
			*(unsigned *)(void *)((char *)object + k->offset) = (unsigned)k->preset;
	}
}

static void read_element(struct reader *r, const struct kind *kind, const config_setting_t *at,
			 void *object, size_t index)
{
	char found[FOUND_BYTES];

	if (config_setting_type(at) != CONFIG_TYPE_GROUP) {
		config_value_found(at, found, sizeof(found));
		config_source_error(&r->source, at, NULL, "found %s; allowed is a group %s", found,
				    kind->form);
		return;
	}
	for (size_t j = 0; j < KEYS; j++)
		r->have[j] &= keys[j].scope != kind->scope;
	read_group(r, kind->scope, at, object);
	require(r, kind->scope, at);
	kind->check(r, at, index);
}

/* Of several files: they are put together. */
static void read_groups(struct reader *r, const struct key *k, const config_setting_t *at)
{
	const struct kind *kind = &kinds[k->key.offset != kinds[0].list];
	char **list = (char **)(void *)((char *)r->conf + kind->list);
	size_t *length = (size_t *)(void *)((char *)r->conf + kind->length);
	int n = count(r, k, at);

	if (n <= 0)
		return;
	if (*length + (size_t)n > k->key.max) {
		wrong(r, k, at);
		return;
	}
	char *grown = reallocarray(*list, *length + (size_t)n, kind->size);
	if (!grown) {
		config_source_no_memory(&r->source);
		return;
	}
	*list = grown;
	for (int i = 0; i < n; i++) {
		size_t index = (*length)++;
		void *object = grown + index * kind->size;
		memset(object, 0, kind->size);
		preset(kind->scope, object);
		read_element(r, kind, config_setting_get_elem(at, (unsigned)i), object, index);
	}
}

/* The name is a part of the donor, other texts are on the heap. */
static void read_name(struct reader *r, const struct key *k, const config_setting_t *at,
		      struct donor *d)
{
	struct config_key key = k->key;

	key.type = KEY_TEXT;
	(void)config_value_read(&r->source, &key, at, d);
}

static void read_list(struct reader *r, const struct key *k, const config_setting_t *at,
		      void *object)
{
	struct donor *d = object;
	struct conf_loan *l = object;

	if (k->scope == IN_TOP)
		read_groups(r, k, at);
	else if (k->scope == IN_DONOR)
		read_texts(r, k, at, d->portals, &d->nportals);
	else
		read_texts(r, k, at, l->from, &l->nfrom);
}

static void read_key(struct reader *r, const struct key *k, const config_setting_t *at,
		     void *object)
{
	if (k->key.type == KEY_LIST) {
		read_list(r, k, at, object);
	} else if (k->key.type == KEY_STRING && k->key.size != sizeof(char *)) {
		read_name(r, k, at, object);
	} else {
		char **field = (char **)(void *)((char *)object + k->key.offset);
		if (k->key.type == KEY_STRING && *field)
			config_source_error(&r->source, at, NULL, "found again");
		else
			(void)config_value_read(&r->source, &k->key, at, object);
	}
}

int conf_load(const char *path, struct conf *out, FILE *errors)
{
	struct reader r = {.conf = out};

	*out = (struct conf){0};
	preset(IN_TOP, out);
	if (!config_source_open(&r.source, path, errors)) {
		for (size_t i = 0; i < r.source.ndocuments; i++)
			read_group(&r, IN_TOP, config_source_root(&r.source, i), out);
		require(&r, IN_TOP, config_source_root(&r.source, 0));
	}
	int nerrors = r.source.nerrors;
	config_source_close(&r.source);
	if (nerrors)
		conf_free(out);
	return nerrors;
}

void conf_free(struct conf *c)
{
	for (size_t i = 0; i < c->ndonors; i++)
		donor_free(&c->donors[i]);
	free(c->donors);
	for (size_t i = 0; i < c->nloans; i++) {
		free(c->loans[i].name);
		free(c->loans[i].as);
		while (c->loans[i].nfrom)
			free(c->loans[i].from[--c->loans[i].nfrom]);
	}
	free(c->loans);
	free(c->initiator);
	free(c->control_socket);
	free(c->state_dir);
	*c = (struct conf){0};
}

int conf_add_portal(struct conf *c, const char *portal)
{
	struct donor *donors = reallocarray(c->donors, c->ndonors + 1, sizeof(*donors));
	char *copy = strdup(portal);

	if (donors)
		c->donors = donors;
	if (!donors || !copy) {
		free(copy);
		return -ENOMEM;
	}
	struct donor *d = &donors[c->ndonors++];
	memset(d, 0, sizeof(*d));
	d->portals[d->nportals++] = copy;
	snprintf(d->name, sizeof(d->name), "%.*s", DONOR_NAME_MAX, portal);
	return 0;
}

bool conf_initiator(const char *path, char name[static ISCSI_NAME_MAX + 1])
{
	static const char key[] = "InitiatorName=";
	char line[512];
	bool found = false;
	FILE *f = fopen(path, "re");

	while (f && !found && fgets(line, sizeof(line), f)) {
		char *text = line + sizeof(key) - 1;
		if (strncmp(line, key, sizeof(key) - 1) != 0)
			continue;
		text[strcspn(text, " \t\r\n")] = '\0';
		found = !config_bad_iscsi_name(text);
		if (found)
			memcpy(name, text, strlen(text) + 1);
	}
	if (f)
		fclose(f);
	return found;
}
