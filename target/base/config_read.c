// SPDX-License-Identifier: MIT
/*
 * config_read.c - walks documents by the table of keys, and builds portals, targets, LUNs.
 *
 * A value that was refused leaves a mark that no right value has (an empty name, no address, an id
 * of UINT_MAX, a size of 0), so that one mistake is told once.
 */
#include "base/config_read.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/config_addr.h"
#include "base/config_value.h"

#define FOUND_BYTES   128
#define PLACE_BYTES   512
#define SUGGEST_BYTES 320

uint64_t config_read_bit(const struct config_key *k)
{
	unsigned n = 0;
	for (const struct config_key *i = config_keys; i < k; i++)
		n += i->scope == k->scope;
	assert(n < 64);
	return (uint64_t)1 << n;
}

static void missing(struct config_reader *r, const config_setting_t *at, const struct config_key *k)
{
	char allowed[256];

	config_key_allowed(k, allowed, sizeof(allowed));
	config_source_error(&r->source, at, k->name, "missing; needed is %s", allowed);
}

void config_read_require(struct config_reader *r, const config_setting_t *at,
			 enum config_scope scope, uint64_t have)
{
	for (size_t i = 0; i < config_keys_count; i++) {
		const struct config_key *k = &config_keys[i];
		if (k->scope == scope && k->required && !(have & config_read_bit(k)))
			missing(r, at, k);
	}
}

/* Room for n more elements; NULL and an error if there is none. */
static void *extend(struct config_reader *r, void *array, size_t have, size_t n, size_t size)
{
	void *p = reallocarray(array, have + n, size);

	if (!p)
		config_source_no_memory(&r->source);
	return p;
}

size_t config_read_count(struct config_reader *r, const struct config_key *k,
			 const config_setting_t *at, size_t have)
{
	int type = config_setting_type(at);

	if (type != CONFIG_TYPE_LIST && type != CONFIG_TYPE_ARRAY) {
		config_value_wrong(&r->source, k, at);
		return 0;
	}
	size_t n = (size_t)config_setting_length(at);
	if (n + have < k->min || n + have > k->max) {
		config_source_error(&r->source, at, NULL,
				    "found %zu elements; allowed are %llu to %llu", n + have,
				    (unsigned long long)k->min, (unsigned long long)k->max);
		return 0;
	}
	return n;
}

bool config_read_element(struct config_reader *r, const config_setting_t *list, size_t i,
			 enum config_scope scope, const config_setting_t **out)
{
	char found[FOUND_BYTES];
	const config_setting_t *at = config_setting_get_elem(list, (unsigned)i);

	*out = at;
	if (config_setting_type(at) == CONFIG_TYPE_GROUP)
		return true;
	config_value_found(at, found, sizeof(found));
	config_source_error(&r->source, at, NULL, "found %s; %s is a group { ... }", found,
			    config_scope_name(scope));
	return false;
}

/* A LUN read before this one, of any target, that has its serial. */
static const struct config_lun *same_serial(const struct config *c, const struct config_lun *l)
{
	for (size_t i = 0; l->serial[0] && i < c->ntargets; i++)
		for (size_t j = 0; j < c->targets[i].nluns; j++) {
			const struct config_lun *o = &c->targets[i].luns[j];
			if (o != l && !strcmp(o->serial, l->serial))
				return o;
		}
	return NULL;
}

static void check_lun(struct config_reader *r, const config_setting_t *at,
		      const struct config_target *t, const struct config_lun *l)
{
	char place[PLACE_BYTES];

	for (const struct config_lun *o = t->luns; o < l; o++) {
		if (o->id != l->id || l->id == UINT_MAX)
			continue;
		const config_setting_t *list = config_setting_parent(at);
		config_source_place(&r->source,
				    config_setting_get_elem(list, (unsigned)(o - t->luns)), place,
				    sizeof(place));
		config_source_error(&r->source, at, "id",
				    "found %u, which the LUN at %s has; each LUN of a target has "
				    "an id of its own",
				    l->id, place);
		break;
	}
	const struct config_lun *same = same_serial(r->config, l);
	if (same)
		config_source_error(&r->source, at, "serial",
				    "found \"%s\", which the LUN in line %d has; multipath would "
				    "take both for one disk",
				    l->serial, same->line);
	if (l->block_size != 512 && l->block_size != 4096)
		config_source_error(&r->source, at, "block_size",
				    "found %u; allowed are 512 and 4096", l->block_size);
	else if (l->size % l->block_size)
		config_source_error(&r->source, at, "size",
				    "found %llu bytes; allowed are multiples of the block of %u "
				    "bytes",
				    (unsigned long long)l->size, l->block_size);
}

static void read_luns(struct config_reader *r, const struct config_key *k,
		      const config_setting_t *at, struct config_target *t)
{
	size_t n = config_read_count(r, k, at, 0);
	struct config_lun *luns = n ? extend(r, NULL, 0, n, sizeof(*luns)) : NULL;

	if (!luns)
		return;
	t->luns = luns;
	for (size_t i = 0; i < n; i++) {
		struct config_lun *l = &luns[t->nluns++];
		const config_setting_t *e;
		*l = (struct config_lun){0};
		config_value_presets(SCOPE_LUN, l);
		l->id = UINT_MAX;
		if (!config_read_element(r, at, i, SCOPE_LUN, &e))
			continue;
		l->line = config_source_line(&r->source, e);
		config_read_require(r, e, SCOPE_LUN, config_read_scope(r, e, SCOPE_LUN, l));
		check_lun(r, e, t, l);
	}
	config_sort_luns(t);
}

static void check_target(struct config_reader *r, const config_setting_t *at, size_t index)
{
	const struct config_target *t = &r->config->targets[index];
	char place[PLACE_BYTES];

	for (size_t i = 0; t->name[0] && i < index; i++) {
		if (strcmp(r->config->targets[i].name, t->name) != 0)
			continue;
		config_source_place(&r->source, r->targets_at[i], place, sizeof(place));
		config_source_error(&r->source, at, "name",
				    "found \"%s\", which the target at %s has; each target has a "
				    "name of its own",
				    t->name, place);
		return;
	}
}

static void read_targets(struct config_reader *r, const struct config_key *k,
			 const config_setting_t *at)
{
	struct config *c = r->config;
	size_t n = config_read_count(r, k, at, c->ntargets);
	struct config_target *targets =
		n ? extend(r, c->targets, c->ntargets, n, sizeof(*targets)) : NULL;

	if (!targets)
		return;
	c->targets = targets;
	const config_setting_t **places = extend(r, r->targets_at, c->ntargets, n, sizeof(*places));
	if (!places)
		return;
	r->targets_at = places;
	for (size_t i = 0; i < n; i++) {
		const config_setting_t *e;
		struct config_target *t = &targets[c->ntargets];
		*t = (struct config_target){0};
		bool is_group = config_read_element(r, at, i, SCOPE_TARGET, &e);
		places[c->ntargets++] = e;
		if (!is_group)
			continue;
		t->line = config_source_line(&r->source, e);
		config_value_presets(SCOPE_TARGET, t);
		config_value_presets(SCOPE_LEND, t);
		config_read_require(r, e, SCOPE_TARGET, config_read_scope(r, e, SCOPE_TARGET, t));
		config_read_lend(r, e, t);
		check_target(r, e, c->ntargets - 1);
	}
}

static void check_portal(struct config_reader *r, const config_setting_t *at, size_t index)
{
	const struct config_portal *p = &r->config->portals[index];
	char place[PLACE_BYTES];

	for (size_t i = 0; p->address && i < index; i++) {
		const struct config_portal *o = &r->config->portals[i];
		if (!o->address || !config_addr_clash(o, p))
			continue;
		config_source_place(&r->source, r->portals_at[i], place, sizeof(place));
		config_source_error(&r->source, at, "address",
				    "found \"%s\" with port %u, where the portal at %s listens; "
				    "each portal has an address or port of its own",
				    p->address, p->port, place);
		return;
	}
}

static void read_portals(struct config_reader *r, const struct config_key *k,
			 const config_setting_t *at)
{
	struct config *c = r->config;
	size_t n = config_read_count(r, k, at, c->nportals);
	struct config_portal *portals =
		n ? extend(r, c->portals, c->nportals, n, sizeof(*portals)) : NULL;

	if (!portals)
		return;
	c->portals = portals;
	const config_setting_t **places = extend(r, r->portals_at, c->nportals, n, sizeof(*places));
	if (!places)
		return;
	r->portals_at = places;
	for (size_t i = 0; i < n; i++) {
		const config_setting_t *e;
		struct config_portal *p = &portals[c->nportals];
		*p = (struct config_portal){0};
		config_value_presets(SCOPE_PORTAL, p);
		bool is_group = config_read_element(r, at, i, SCOPE_PORTAL, &e);
		places[c->nportals++] = e;
		if (!is_group)
			continue;
		int errors = r->source.nerrors;
		p->line = config_source_line(&r->source, e);
		config_read_require(r, e, SCOPE_PORTAL, config_read_scope(r, e, SCOPE_PORTAL, p));
		/* A port that was refused is none to compare. */
		if (r->source.nerrors == errors)
			check_portal(r, e, c->nportals - 1);
	}
}

static void read_group(struct config_reader *r, const struct config_key *k,
		       const config_setting_t *at, void *object)
{
	config_read_require(r, at, k->inner, config_read_scope(r, at, k->inner, object));
	if (k->inner == SCOPE_DISCOVERY)
		config_check_auth(r, at, &r->config->discovery);
}

static void read_node(struct config_reader *r, const struct config_key *k,
		      const config_setting_t *at, void *object)
{
	if (k->type == KEY_GROUP && config_setting_type(at) == CONFIG_TYPE_GROUP)
		read_group(r, k, at, object);
	else if (k->type == KEY_GROUP)
		config_value_wrong(&r->source, k, at);
	else if (k->type == KEY_ACCESS && k->scope == SCOPE_TOP)
		config_read_access(r, k, at, &r->access);
	else if (k->type == KEY_ACCESS)
		config_read_access(r, k, at, &((struct config_target *)object)->access);
	else if (k->type == KEY_CHAP || k->type == KEY_MUTUAL)
		config_read_chap(r, k, at,
				 k->scope == SCOPE_RULE ? &((struct config_rule *)object)->auth
							: &r->config->discovery);
	else if (k->inner == SCOPE_LUN)
		read_luns(r, k, at, object);
	else if (k->inner == SCOPE_SHOWN)
		config_read_shown(r, k, at, object);
	else if (k->inner == SCOPE_TARGET)
		read_targets(r, k, at);
	else
		read_portals(r, k, at);
}

/*
 * Of several documents one may set a value; groups and lists of the top level add up. Keys of list
 * elements need no look: libconfig itself refuses a name twice in one group.
 */
static bool set_before(struct config_reader *r, const struct config_key *k,
		       const config_setting_t *at)
{
	const config_setting_t **seen = &r->seen[k - config_keys];
	char place[PLACE_BYTES];

	if (k->scope > SCOPE_REACTOR)
		return false;
	if (*seen && k->type != KEY_GROUP && k->type != KEY_LIST) {
		config_source_place(&r->source, *seen, place, sizeof(place));
		config_source_error(&r->source, at, NULL, "found again; it is set at %s", place);
		return true;
	}
	*seen = at;
	return false;
}

uint64_t config_read_scope(struct config_reader *r, const config_setting_t *at,
			   enum config_scope scope, void *object)
{
	char suggestion[SUGGEST_BYTES];
	uint64_t have = 0;

	for (int i = 0; i < config_setting_length(at); i++) {
		const config_setting_t *member = config_setting_get_elem(at, (unsigned)i);
		const char *name = config_setting_name(member);
		const struct config_key *k = config_key_find(scope, name);
		if (!k) {
			config_key_suggest(scope, name, suggestion, sizeof(suggestion));
			config_source_error(&r->source, member, NULL, "found an unknown key; %s",
					    suggestion);
			continue;
		}
		have |= config_read_bit(k);
		if (set_before(r, k, member))
			continue;
		if (k->size)
			config_value_read(&r->source, k, member, object);
		else
			read_node(r, k, member, object);
	}
	return have;
}

void config_read_all(struct config_reader *r)
{
	uint64_t have = 0;

	config_read_secrets(r);
	for (size_t i = 0; i < r->source.ndocuments; i++)
		have |= config_read_scope(r, config_source_root(&r->source, i), SCOPE_TOP,
					  r->config);
	config_read_require(r, config_source_root(&r->source, 0), SCOPE_TOP, have);
}
