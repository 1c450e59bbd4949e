// SPDX-License-Identifier: MIT
/* config_read_access.c - rules of access: who may log in, and what it sees. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/config_read.h"
#include "base/config_value.h"

#define PLACE_BYTES 512

/* Each LUN of a map has a number of its own, and shows a LUN that no other does. */
static void check_shown(struct config_reader *r, const config_setting_t *at,
			const struct config_rule *rule, const struct config_shown *s)
{
	for (const struct config_shown *o = rule->luns;
	     o < s && s->id != UINT_MAX && s->as != UINT_MAX; o++) {
		if (o->id == s->id) {
			config_source_error(&r->source, at, "id",
					    "found %u again; an initiator sees a LUN under one "
					    "number",
					    s->id);
			return;
		}
		if (o->as == s->as) {
			config_source_error(&r->source, at, "as",
					    "LUN %u would be seen as %u, as which LUN %u is; each "
					    "has a number of its own",
					    s->id, s->as, o->id);
			return;
		}
	}
}

void config_read_shown(struct config_reader *r, const struct config_key *k,
		       const config_setting_t *at, struct config_rule *rule)
{
	const struct config_key *as = config_key_find(SCOPE_SHOWN, "as");
	size_t n = config_read_count(r, k, at, 0);
	struct config_shown *luns = n ? calloc(n, sizeof(*luns)) : NULL;

	if (n && !luns)
		config_source_no_memory(&r->source);
	if (!luns)
		return;
	rule->luns = luns;
	for (size_t i = 0; i < n; i++) {
		struct config_shown *s = &luns[rule->nluns++];
		const config_setting_t *e;
		s->id = s->as = UINT_MAX;
		if (!config_read_element(r, at, i, SCOPE_SHOWN, &e))
			continue;
		uint64_t have = config_read_scope(r, e, SCOPE_SHOWN, s);
		config_read_require(r, e, SCOPE_SHOWN, have);
		if (!(have & config_read_bit(as)))
			s->as = s->id;
		check_shown(r, e, rule, s);
	}
}

/* What belongs together in a rule, and what does not. */
static void check_rule(struct config_reader *r, const config_setting_t *at,
		       const struct config_rule *rule)
{
	const char *with = rule->nluns		 ? "luns"
			   : rule->auth.required ? "chap"
			   : rule->read_only	 ? "read_only"
			   : rule->sessions	 ? "sessions"
						 : NULL;

	if (!config_setting_length(at))
		config_source_error(&r->source, at, NULL,
				    "found an empty rule; a rule has an initiator, a network or "
				    "chap; \"any\" in place of the list admits all");
	else if (!config_setting_get_member(at, "initiator") &&
		 !config_setting_get_member(at, "network") &&
		 !config_setting_get_member(at, "chap") && !rule->auth.mutual)
		config_source_error(&r->source, at, NULL,
				    "found a rule without initiator, network and chap; it has one "
				    "of them at least (initiator = \"*\" is everybody)");
	if (rule->deny && with)
		config_source_error(&r->source, at, with,
				    "found together with deny; who may not log in sees nothing");
}

static void read_rules(struct config_reader *r, const struct config_key *k,
		       const config_setting_t *at, struct config_access *access)
{
	size_t n = config_read_count(r, k, at, 0);
	struct config_rule *rules = n ? calloc(n, sizeof(*rules)) : NULL;
	char place[PLACE_BYTES];

	if (n && !rules)
		config_source_no_memory(&r->source);
	if (!rules)
		return;
	access->rules = rules;
	for (size_t i = 0; i < n; i++) {
		struct config_rule *rule = &rules[access->nrules++];
		const config_setting_t *e;
		if (!config_read_element(r, at, i, SCOPE_RULE, &e))
			continue;
		config_source_place(&r->source, e, place, sizeof(place));
		rule->place = strdup(place);
		if (!rule->place)
			config_source_no_memory(&r->source);
		config_read_scope(r, e, SCOPE_RULE, rule);
		check_rule(r, e, rule);
		config_check_auth(r, e, &rule->auth);
	}
}

void config_read_access(struct config_reader *r, const struct config_key *k,
			const config_setting_t *at, struct config_access *access)
{
	int errors = r->source.nerrors;

	if (config_setting_type(at) != CONFIG_TYPE_STRING)
		read_rules(r, k, at, access);
	else if (!strcmp(config_setting_get_string(at), "any"))
		access->any = true;
	else
		config_value_wrong(&r->source, k, at);
	/* A wrong rule is no missing rule. The configuration is refused anyway. */
	if (r->source.nerrors > errors)
		access->any = true;
}
