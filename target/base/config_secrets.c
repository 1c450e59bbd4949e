// SPDX-License-Identifier: MIT
/*
 * config_secrets.c - the file of secrets, and who in the configuration names what is in it.
 *
 * RFC 7143 9.2.1. No error shows a secret, nor any other value of the file.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/binary.h"
#include "base/config_read.h"
#include "base/config_value.h"

static size_t bytes_of(size_t n)
{
	return n * sizeof(struct config_credential);
}

/* Room for n more, in pages that no core dump gets. */
static struct config_credential *extend(struct config_reader *r, size_t n)
{
	struct config *c = r->config;
	struct config_credential *more =
		mmap(NULL, bytes_of(c->ncredentials + n), PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (more == MAP_FAILED) {
		config_source_no_memory(&r->source);
		return NULL;
	}
	(void)madvise(more, bytes_of(c->ncredentials + n), MADV_DONTDUMP);
	if (c->ncredentials)
		memcpy(more, c->credentials, bytes_of(c->ncredentials));
	size_t had = c->ncredentials;
	config_free_secrets(c);
	c->credentials = more;
	c->ncredentials = had + n;
	return more + had;
}

void config_free_secrets(struct config *c)
{
	if (!c->credentials)
		return;
	explicit_bzero(c->credentials, bytes_of(c->ncredentials));
	munmap(c->credentials, bytes_of(c->ncredentials));
	c->credentials = NULL;
	c->ncredentials = 0;
}

/* ---- the file ---- */

static void read_secret(struct config_source *s, const struct config_key *k,
			const config_setting_t *at, struct config_credential *who)
{
	const char *text = config_setting_get_string(at);
	size_t n = text ? strlen(text) : 0;
	bool good = n > 0;

	if (who->secret_len) {
		config_source_error(s, at, NULL,
				    "a credential has one secret, and this is another");
		return;
	}
	if (good && !strcmp(k->name, "secret_hex"))
		good = binary_of_hex(text, who->secret, sizeof(who->secret), &n);
	else if (good && !strcmp(k->name, "secret_base64"))
		good = binary_of_base64(text, who->secret, sizeof(who->secret), &n);
	else if (good && n <= sizeof(who->secret))
		memcpy(who->secret, text, n);
	if (good && n >= k->min && n <= k->max)
		who->secret_len = (uint8_t)n;
	else
		config_value_wrong(s, k, at);
}

static void check_name(struct config_reader *r, struct config_source *s, const config_setting_t *at,
		       const struct config_credential *who)
{
	const struct config *c = r->config;

	for (const struct config_credential *o = c->credentials; who->name[0] && o < who; o++)
		if (!strcmp(o->name, who->name)) {
			config_source_error(
				s, at, "name",
				"found \"%s\", which the credential in line %d has; each "
				"has a name of its own",
				who->name, o->line);
			return;
		}
}

static void unknown_key(struct config_source *s, enum config_scope scope,
			const config_setting_t *at)
{
	char suggestion[320];

	config_key_suggest(scope, config_setting_name(at), suggestion, sizeof(suggestion));
	config_source_error(s, at, NULL, "found an unknown key; %s", suggestion);
}

static void read_credential(struct config_reader *r, struct config_source *s,
			    const config_setting_t *at, struct config_credential *who)
{
	int errors = s->nerrors;
	bool named = false;

	who->line = config_source_line(s, at);
	for (int i = 0; i < config_setting_length(at); i++) {
		const config_setting_t *member = config_setting_get_elem(at, (unsigned)i);
		const struct config_key *k =
			config_key_find(SCOPE_CREDENTIAL, config_setting_name(member));
		if (!k)
			unknown_key(s, SCOPE_CREDENTIAL, member);
		else if (k->type == KEY_SECRET)
			read_secret(s, k, member, who);
		else
			named |= config_value_read(s, k, member, who);
	}
	if (s->nerrors > errors)
		return;
	if (!named)
		config_source_error(s, at, "name", "missing; it is what stands in chap");
	if (!who->secret_len)
		config_source_error(s, at, "secret",
				    "missing; needed is secret, secret_hex or secret_base64");
	check_name(r, s, at, who);
}

static void read_list(struct config_reader *r, struct config_source *s, const struct config_key *k,
		      const config_setting_t *list)
{
	if (config_setting_type(list) != CONFIG_TYPE_LIST) {
		config_value_wrong(s, k, list);
		return;
	}
	size_t n = (size_t)config_setting_length(list);
	if (n < k->min || n + r->config->ncredentials > k->max) {
		config_source_error(s, list, NULL, "found %zu elements; allowed are %llu to %llu",
				    n + r->config->ncredentials, (unsigned long long)k->min,
				    (unsigned long long)k->max);
		return;
	}
	struct config_credential *who = extend(r, n);
	for (size_t i = 0; who && i < n; i++) {
		const config_setting_t *at = config_setting_get_elem(list, (unsigned)i);
		if (config_setting_type(at) == CONFIG_TYPE_GROUP)
			read_credential(r, s, at, &who[i]);
		else
			config_source_error(s, at, NULL, "%s is a group { ... }",
					    config_scope_name(SCOPE_CREDENTIAL));
	}
}

static void read_file(struct config_reader *r, struct config_source *s)
{
	bool any = false;

	for (size_t d = 0; d < s->ndocuments; d++) {
		const config_setting_t *root = config_source_root(s, d);
		for (int i = 0; i < config_setting_length(root); i++) {
			const config_setting_t *at = config_setting_get_elem(root, (unsigned)i);
			const struct config_key *k =
				config_key_find(SCOPE_SECRETS, config_setting_name(at));
			if (k)
				read_list(r, s, k, at);
			else
				unknown_key(s, SCOPE_SECRETS, at);
			any = true;
		}
	}
	if (!any)
		config_source_error(s, config_source_root(s, 0), "credentials",
				    "missing; needed is a list of groups ( { ... }, ... )");
}

/* The file that the configuration names, if that is a path; else the key's own reader will tell. */
static const char *path_of(const struct config_reader *r)
{
	const struct config_key *k = config_key_find(SCOPE_TOP, "secrets");

	assert(k);
	for (size_t i = 0; i < r->source.ndocuments; i++) {
		const config_setting_t *at =
			config_setting_get_member(config_source_root(&r->source, i), k->name);
		const char *path = at ? config_setting_get_string(at) : NULL;
		if (path && strlen(path) <= k->max && !k->bad(path))
			return path;
	}
	return NULL;
}

void config_read_secrets(struct config_reader *r)
{
	const char *path = path_of(r);
	struct config_source s;

	if (!path)
		return;
	if (config_source_open_private(&s, path, r->source.errors) == 0)
		read_file(r, &s);
	r->no_secrets = s.nerrors > 0;
	r->source.nerrors += s.nerrors;
	config_source_close(&s);
}

/* ---- who names it ---- */

/* The credential of that name, or NULL: that was told, here or with the file. */
static const struct config_credential *named(struct config_reader *r, const struct config_key *k,
					     const config_setting_t *at)
{
	const struct config *c = r->config;
	const char *name = config_setting_get_string(at);

	if (!name || !*name) {
		config_value_wrong(&r->source, k, at);
		return NULL;
	}
	for (size_t i = 0; i < c->ncredentials; i++)
		if (!strcmp(c->credentials[i].name, name))
			return &c->credentials[i];
	/* Its mistakes were told, and one may be why. */
	if (r->no_secrets)
		return NULL;
	if (c->ncredentials)
		config_source_error(&r->source, at, NULL,
				    "found \"%.80s\"; the file of secrets has no such name", name);
	else
		config_source_error(&r->source, at, NULL,
				    "found \"%.80s\"; set secrets = \"FILE\" at the top level, and "
				    "give FILE a credential of this name",
				    name);
	return NULL;
}

static void allow(struct config_auth *auth, const struct config *c,
		  const struct config_credential *who)
{
	size_t i = who ? (size_t)(who - c->credentials) : 0;

	/* What was refused is no rule without CHAP. The configuration is refused anyway. */
	auth->required = true;
	if (who)
		auth->chap[i / 64] |= (uint64_t)1 << i % 64;
}

void config_read_chap(struct config_reader *r, const struct config_key *k,
		      const config_setting_t *at, struct config_auth *auth)
{
	int type = config_setting_type(at);
	bool list = type == CONFIG_TYPE_LIST || type == CONFIG_TYPE_ARRAY;

	if (k->type == KEY_MUTUAL) {
		auth->mutual = named(r, k, at);
		return;
	}
	if (!list) {
		allow(auth, r->config, named(r, k, at));
		return;
	}
	if (!config_setting_length(at))
		config_value_wrong(&r->source, k, at);
	for (int i = 0; i < config_setting_length(at); i++)
		allow(auth, r->config, named(r, k, config_setting_get_elem(at, (unsigned)i)));
}

void config_check_auth(struct config_reader *r, const config_setting_t *at,
		       const struct config_auth *auth)
{
	if (auth->mutual && !auth->required)
		config_source_error(&r->source, at, "chap_mutual",
				    "found without chap; an initiator that does not prove itself "
				    "cannot ask memtgtd to");
}

/* ---- what must not be ---- */

static bool is_asked(const struct config_auth *a, size_t i)
{
	return a->chap[i / 64] >> i % 64 & 1;
}

static void for_each_auth(struct config_reader *r,
			  void (*look)(struct config_reader *, const struct config_auth *, void *),
			  void *arg)
{
	const struct config *c = r->config;

	look(r, &c->discovery, arg);
	for (size_t i = 0; i < r->access.nrules; i++)
		look(r, &r->access.rules[i].auth, arg);
	for (size_t i = 0; i < c->ntargets; i++)
		for (size_t j = 0; j < c->targets[i].access.nrules; j++)
			look(r, &c->targets[i].access.rules[j].auth, arg);
}

struct roles {
	bool theirs[CONFIG_CREDENTIALS_MAX], ours[CONFIG_CREDENTIALS_MAX];
};

static void note_roles(struct config_reader *r, const struct config_auth *a, void *arg)
{
	struct roles *roles = arg;

	for (size_t i = 0; i < r->config->ncredentials; i++)
		roles->theirs[i] |= is_asked(a, i);
	if (a->mutual)
		roles->ours[a->mutual - r->config->credentials] = true;
}

static bool same_secret(const struct config_credential *a, const struct config_credential *b)
{
	return a->secret_len == b->secret_len && !memcmp(a->secret, b->secret, a->secret_len);
}

static const config_setting_t *secrets_at(const struct config_reader *r)
{
	return r->seen[config_key_find(SCOPE_TOP, "secrets") - config_keys];
}

/* RFC 7143 9.2.1: else an initiator could answer us with what we answered it. */
void config_check_secrets(struct config_reader *r)
{
	const struct config *c = r->config;
	struct roles roles = {{false}, {false}};

	if (r->source.nerrors || !c->ncredentials)
		return;
	for_each_auth(r, note_roles, &roles);
	for (size_t i = 0; i < c->ncredentials; i++)
		for (size_t j = 0; roles.ours[i] && j < c->ncredentials; j++) {
			const struct config_credential *us = &c->credentials[i];
			const struct config_credential *them = &c->credentials[j];
			if (!roles.theirs[j] || !same_secret(us, them))
				continue;
			config_source_error(
				&r->source, secrets_at(r), NULL,
				"the secret of \"%s\" (line %d), which stands in "
				"chap_mutual, is that of \"%s\" (line %d), which stands in "
				"chap; each direction needs one of its own",
				us->name, us->line, them->name, them->line);
			return;
		}
}
