// SPDX-License-Identifier: MIT
/* config_lend.c - LUNs by rule: `lend` of a target. */
#include <stdlib.h>

#include "base/config_read.h"

#define LEND_PAGE ((uint64_t)2 << 20)

static int by_id(const void *a, const void *b)
{
	const struct config_lun *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

void config_sort_luns(struct config_target *t)
{
	qsort(t->luns, t->nluns, sizeof(*t->luns), by_id);
}

static const struct config_lun *lun_with_id(const struct config_target *t, unsigned id)
{
	for (size_t i = 0; i < t->nluns; i++)
		if (t->luns[i].id == id)
			return &t->luns[i];
	return NULL;
}

/* How many LUNs `lend` makes; 0: none, or after an error that tells why. */
static size_t count_lent(struct config_reader *r, const config_setting_t *at,
			 const struct config_target *t)
{
	const struct config_lend *l = &t->lend;
	uint64_t n = l->slab ? (l->size + l->slab - 1) / l->slab : 0;

	if (l->size % 512)
		config_source_error(&r->source, at, "size",
				    "found %llu bytes; allowed are multiples of the block of 512 "
				    "bytes",
				    (unsigned long long)l->size);
	else if (l->slab % LEND_PAGE)
		config_source_error(&r->source, at, "slab",
				    "found %llu bytes; allowed are multiples of 2M, the page of "
				    "the pool",
				    (unsigned long long)l->slab);
	else if (n + l->first_id > CONFIG_LUNS_MAX)
		config_source_error(&r->source, at, "slab",
				    "size makes %llu LUNs of it, with ids from %u on; the last id "
				    "is 255: make slab larger",
				    (unsigned long long)n, l->first_id);
	else
		return (size_t)n;
	return 0;
}

/* LUNs by rule, after those that were written one by one. */
static void lend(struct config_reader *r, const config_setting_t *at, struct config_target *t)
{
	const struct config_lend *l = &t->lend;
	size_t n = count_lent(r, at, t), had = t->nluns;
	struct config_lun *luns = n ? reallocarray(t->luns, had + n, sizeof(*luns)) : NULL;

	if (n && !luns)
		config_source_no_memory(&r->source);
	if (!luns)
		return;
	t->luns = luns;
	for (size_t i = 0; i < n; i++) {
		const unsigned id = l->first_id + (unsigned)i;
		const struct config_lun *same = lun_with_id(t, id);
		const uint64_t left = l->size - i * l->slab;

		if (same) {
			config_source_error(&r->source, at, "first_id",
					    "found %u, and of the %zu LUNs from there on one is "
					    "LUN %u, which luns has in line %d",
					    l->first_id, n, id, same->line);
			break;
		}
		luns[t->nluns++] = (struct config_lun){
			.id = id,
			.size = left < l->slab ? left : l->slab,
			.provisioning = l->provisioning,
			.on_loss = l->on_loss,
			.scrub = l->scrub,
			.block_size = 512,
			.line = config_source_line(&r->source, at),
		};
	}
	config_sort_luns(t);
}

void config_read_lend(struct config_reader *r, const config_setting_t *at, struct config_target *t)
{
	const config_setting_t *rule = config_setting_get_member(at, "lend");

	if (rule && config_setting_type(rule) == CONFIG_TYPE_GROUP)
		lend(r, rule, t);
	else if (!rule && !config_setting_get_member(at, "luns"))
		config_source_error(&r->source, at, "luns",
				    "missing; needed is a list of groups ( { ... }, ... ), or a "
				    "group lend");
}
