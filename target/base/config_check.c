// SPDX-License-Identifier: MIT
/* config_check.c - what keys must be together: access beyond loopback, memory, bursts. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/config_access.h"
#include "base/config_addr.h"
#include "base/config_read.h"
#include "base/config_text.h"

#define POOL_PAGE ((uint64_t)2 << 20)

static const config_setting_t *seen(const struct config_reader *r, enum config_scope scope,
				    const char *name)
{
	const struct config_key *k = config_key_find(scope, name);

	assert(k);
	return r->seen[k - config_keys];
}

/* A target without rules of its own has those of the top level. */
static void inherit_access(struct config_reader *r)
{
	for (size_t i = 0; i < r->config->ntargets; i++) {
		struct config_access *a = &r->config->targets[i].access;
		if (!a->any && !a->nrules && config_access_copy(a, &r->access))
			config_source_no_memory(&r->source);
	}
}

/* Whoever offers memory to other hosts says to whom. */
static void check_portals(struct config_reader *r)
{
	const struct config *c = r->config;
	const config_setting_t *open = NULL;
	char place[512];

	for (size_t i = 0; !open && i < c->ntargets; i++)
		if (!c->targets[i].access.any && !c->targets[i].access.nrules)
			open = r->targets_at[i];
	for (size_t i = 0; open && i < c->nportals; i++) {
		const char *address = c->portals[i].address;
		if (!address || config_addr_is_loopback(address))
			continue;
		config_source_place(&r->source, open, place, sizeof(place));
		config_source_error(&r->source, r->portals_at[i], "address",
				    "found \"%s\", which other hosts reach, but the target at %s "
				    "has no access rules; set access to a list of rules, or to "
				    "\"any\", there or at the top level",
				    address, place);
	}
}

/* A target that no portal leads to could not be found. */
static void check_groups(struct config_reader *r)
{
	const uint64_t groups = config_groups_of(r->config, NULL);

	for (size_t i = 0; groups && i < r->config->ntargets; i++) {
		const uint64_t wrong = r->config->targets[i].portal_groups & ~groups;
		if (wrong)
			config_source_error(&r->source, r->targets_at[i], "portal_groups",
					    "found %d; allowed are groups that a portal has",
					    __builtin_ctzll(wrong));
	}
}

static void check_pool_sizes(struct config_reader *r)
{
	const struct config_pool *p = &r->config->pool;
	const struct {
		const char *name;
		uint64_t value;
	} sizes[] = {{"size", p->size},
		     {"floor", p->floor},
		     {"elastic", p->elastic},
		     {"reserve", p->reserve}};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		if (sizes[i].value % POOL_PAGE)
			config_source_error(&r->source, seen(r, SCOPE_POOL, sizes[i].name), NULL,
					    "found %llu bytes; allowed are multiples of 2M, the "
					    "page of the pool",
					    (unsigned long long)sizes[i].value);
}

/* In whole pages; of all LUNs, or of those that are not thin. */
static uint64_t sum_of(const struct config *c, bool all)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < c->ntargets; i++)
		for (size_t j = 0; j < c->targets[i].nluns; j++) {
			const struct config_lun *l = &c->targets[i].luns[j];
			uint64_t bytes = (l->size + POOL_PAGE - 1) / POOL_PAGE * POOL_PAGE;
			if ((all || l->provisioning == PROVISIONING_FULL) &&
			    __builtin_add_overflow(sum, bytes, &sum))
				return UINT64_MAX;
		}
	return sum;
}

static void check_pool(struct config_reader *r)
{
	const struct config_pool *p = &r->config->pool;
	uint64_t full = sum_of(r->config, false), all = sum_of(r->config, true);
	char found[24], want[24];

	config_text_of_size(p->size, found);
	if (p->size && full > p->size) {
		config_text_of_size(full, want);
		config_source_error(&r->source, seen(r, SCOPE_POOL, "size"), NULL,
				    "found %s; the LUNs that are not thin need %s, in pages of 2M",
				    found, want);
	}
	if (p->size && p->floor + p->elastic > p->size) {
		config_text_of_size(p->floor + p->elastic, want);
		config_source_error(&r->source, seen(r, SCOPE_POOL, "size"), NULL,
				    "found %s; floor and elastic together are %s", found, want);
	}
	/* Sizes are below 2^46 and the percentage below 2^17, so this does not overflow. */
	if (p->size && p->overcommit &&
	    all > p->size / 100 * p->overcommit + p->size % 100 * p->overcommit / 100) {
		config_text_of_size(all, want);
		config_source_error(&r->source, seen(r, SCOPE_POOL, "overcommit"), NULL,
				    "found %u; the LUNs make %s, which is more than that many "
				    "percent of size",
				    p->overcommit, want);
	}
	if (p->pages == PAGES_PLAIN && p->floor + p->elastic)
		config_source_error(&r->source, seen(r, SCOPE_POOL, "pages"), NULL,
				    "found \"plain\"; floor and elastic are hugepages, which need "
				    "\"huge\" or \"auto\"");
}

/* RFC 7143 13.14: FirstBurstLength must not exceed MaxBurstLength. */
static void check_bursts(struct config_reader *r)
{
	struct config_login *l = &r->config->login;
	const config_setting_t *first = seen(r, SCOPE_LOGIN, "FirstBurstLength");

	if (l->first_burst_length <= l->max_burst_length)
		return;
	if (first)
		config_source_error(&r->source, first, NULL,
				    "found %u; allowed is at most MaxBurstLength, %u",
				    l->first_burst_length, l->max_burst_length);
	else
		l->first_burst_length = l->max_burst_length;
}

/* What is found wrong only at the end would cost what LUNs hold. */
static void check_spill(struct config_reader *r)
{
	const struct config *c = r->config;
	const config_setting_t *at = seen(r, SCOPE_TOP, "spill_dir");
	struct stat st;

	if (!c->spill_dir)
		return;
	if (c->state_dir && !*c->state_dir)
		config_source_error(&r->source, at, NULL,
				    "found \"%s\", but state_dir is empty; what is saved there "
				    "would not be found again without it",
				    c->spill_dir);
	if (stat(c->spill_dir, &st) || !S_ISDIR(st.st_mode))
		config_source_error(&r->source, at, NULL,
				    "found \"%s\"; allowed is a folder that is there",
				    c->spill_dir);
	else if (access(c->spill_dir, R_OK | W_OK | X_OK))
		config_source_error(&r->source, at, NULL,
				    "found \"%s\"; allowed is a folder in which memtgtd may make "
				    "files",
				    c->spill_dir);
}

void config_read_check(struct config_reader *r)
{
	inherit_access(r);
	check_portals(r);
	check_groups(r);
	check_pool_sizes(r);
	check_pool(r);
	check_bursts(r);
	check_spill(r);
	config_check_secrets(r);
}
