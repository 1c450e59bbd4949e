// SPDX-License-Identifier: MIT
/* stats.c - what the pool holds, in numbers and in words. */
#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "store/internal.h"
#include "store/slice.h"

#define PAGE_MIB (STORE_PAGE_SIZE >> 20)

/* Of those that may be UINT64_MAX. */
static uint64_t or_none(uint64_t pages)
{
	return pages == UINT64_MAX ? 0 : pages;
}

static void count_pages(struct store *s, struct store_stats *out)
{
	struct pool *p = &s->pool;
	uint64_t host = pool_host_left(p, clock_now());

	pthread_mutex_lock(&p->lock);
	out->pages_used = p->used;
	out->pages_anchored = slice_least(s->anchored, p->used);
	out->pages_reserve = p->reserve.n;
	out->pages_coming = p->coming;
	out->pages_aside = p->aside;
	out->pages_poisoned = p->poison.n;
	out->pages_max = p->pages_max;
	out->pages_free = p->pages_max - (p->fresh - p->free.n);
	out->pages_lent = p->lent;
	out->pages_lent_max = or_none(p->lent_max);
	out->pages_available = pool_can_give(p, host);
	out->pages_soft = or_none(p->soft_at);
	out->misses = p->misses;
	out->waits = s->reserve.waits;
	pthread_mutex_unlock(&p->lock);
}

void store_get_stats(struct store *s, struct store_stats *out)
{
	struct host_huge h;

	host_huge_read(&h);
	*out = (struct store_stats){
		.kind = s->pool.kind,
		.page_size = STORE_PAGE_SIZE,
		.pages_retired = retire_count(&s->retire),
		.host_bytes = pool_host_bytes(&s->pool),
		.host_available = budget_available(&s->pool.budget),
		.host_static = h.total - slice_least(h.surplus, h.total),
		.host_surplus_max = h.overcommit,
	};
	count_pages(s, out);
	out->lent_percent = (unsigned)(out->pages_lent * 100 / out->pages_max);
	uint64_t held = out->pages_used + out->pages_reserve + out->pages_coming;
	out->pages_elastic = out->kind == STORE_HUGE ? slice_least(held, h.surplus) : held;
	out->pages_floor = held - out->pages_elastic;
	out->returnable = out->pages_elastic * STORE_PAGE_SIZE;
}

void store_stats_text(const struct store_stats *st, char *text, size_t len)
{
	int n = snprintf(text, len, "%" PRIu64 " MiB are used and %" PRIu64 " MiB kept at hand",
			 st->pages_used * PAGE_MIB, st->pages_reserve * PAGE_MIB);

	if (n < 0 || (size_t)n >= len || st->kind != STORE_HUGE)
		return;
	snprintf(text + n, len - (size_t)n,
		 "; %" PRIu64 " MiB are static hugepages, which stay set aside, and %" PRIu64
		 " MiB return to the host when they are unmapped",
		 st->pages_floor * PAGE_MIB, st->pages_elastic * PAGE_MIB);
}

bool store_stats_advice(const struct store_stats *st, char *text, size_t len)
{
	uint64_t most = st->host_static + st->host_surplus_max;

	if (st->kind != STORE_HUGE)
		return false;
	if (most < st->pages_max && st->host_surplus_max) {
		snprintf(text, len,
			 "the host has %" PRIu64 " MiB of hugepages for all who use them, and then "
			 "writes of new blocks fail; sysctl -w vm.nr_overcommit_hugepages=%" PRIu64
			 " lends all",
			 most * PAGE_MIB, st->pages_max - st->host_static);
		return true;
	}
	if (st->host_surplus_max)
		return false;
	snprintf(
		text, len,
		"all hugepages are static, so what is unmapped stays set aside for hugepages; with "
		"sysctl -w vm.nr_overcommit_hugepages=%" PRIu64
		" and that many less in vm.nr_hugepages it returns to the host",
		st->pages_max);
	return true;
}
