// SPDX-License-Identifier: MIT
/* rank.c - fitness: first whether there is enough memory, then how good the path is. */
#include "initiator-tools/rank.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum donor_claim claim_of(const struct donor_lun *l, const char *initiator)
{
	if (l->has_claims && l->nclaims) {
		for (unsigned i = 0; i < l->nclaims && i < DONOR_CLAIMS_MAX; i++)
			if (strcmp(l->claims[i], initiator) != 0)
				return CLAIM_OTHERS;
		return l->nclaims > DONOR_CLAIMS_MAX ? CLAIM_OTHERS : CLAIM_OURS;
	}
	/* Without names nobody can say that it is ours. */
	if ((l->has_keys && l->keys) || (l->has_reservation && l->reservation))
		return CLAIM_OTHERS;
	return l->has_claims || l->has_keys ? CLAIM_NONE : CLAIM_UNKNOWN;
}

/* Nobody is known to have it. */
static bool is_open(const struct donor_lun *l)
{
	return l->is_disk && l->claim <= CLAIM_NONE && l->ready == READY_YES && l->size;
}

static uint64_t add(uint64_t a, uint64_t b)
{
	uint64_t sum;

	return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

static uint64_t lesser(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/*
 * A LUN that is no thin one has its memory. Thin ones take it from what is available: each its own,
 * or all of them one stock, of which the least that any of them told counts.
 */
static void count_free(struct donor *d)
{
	uint64_t whole = 0, own = 0, promised = 0, stock = UINT64_MAX, bytes;
	bool has_stock = false, unknown = false;

	d->free_luns = 0;
	for (size_t i = 0; i < d->nluns; i++) {
		const struct donor_lun *l = &d->luns[i];
		if (!is_open(l))
			continue;
		d->free_luns += l->claim == CLAIM_NONE;
		if (l->has_provisioning && !l->is_thin) {
			whole = add(whole, l->size);
		} else if (!l->has_available || !donor_lun_bytes(l, l->available, &bytes)) {
			unknown = true;
		} else if (l->is_shared) {
			promised = add(promised, l->size);
			stock = lesser(stock, bytes);
			has_stock = true;
		} else {
			own = add(own, lesser(l->size, bytes));
		}
	}
	d->free = add(add(whole, own), has_stock ? lesser(promised, stock) : 0);
	d->has_free = !unknown || d->free;
}

static size_t count_claims(const struct donor *d, enum donor_claim claim)
{
	size_t n = 0;

	for (size_t i = 0; i < d->nluns; i++)
		n += d->luns[i].claim == claim;
	return n;
}

static enum donor_state state_of(const struct donor *d, uint64_t asked)
{
	if (!d->nluns)
		return DONOR_NO_LUNS;
	if (count_claims(d, CLAIM_UNKNOWN) == d->nluns)
		return DONOR_CLAIMLESS;
	if (!count_claims(d, CLAIM_NONE))
		return DONOR_CLAIMED;
	if (!d->free_luns)
		return DONOR_STOPPED;
	if (!d->free && d->has_free)
		return DONOR_FULL;
	/* Who does not tell has not enough. */
	return d->free < asked ? DONOR_SMALL : DONOR_USABLE;
}

void donor_judge(struct donor *d, uint64_t asked, const char *initiator)
{
	for (size_t i = 0; i < d->nluns; i++)
		d->luns[i].claim = claim_of(&d->luns[i], initiator);
	count_free(d);
	if (d->is_own)
		d->state = DONOR_OWN;
	else if (d->state == DONOR_NO_LUNS)
		d->state = state_of(d, asked);
}

/* Half octaves: 0 for 0, 2 * log2(v) rounded down by halves. */
static unsigned octaves(uint64_t v)
{
	if (!v)
		return 0;
	unsigned top = 63u - (unsigned)__builtin_clzll(v);
	/* 1.5 stands for the root of 2. */
	bool upper = top && v >> (top - 1) & 1;
	return 2 * top + upper + 1;
}

static uint64_t rate(const struct donor_path *p)
{
	return p->ns ? (uint64_t)((double)p->bytes * 1e9 / (double)p->ns) : 0;
}

static int order(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static uint64_t latency(const struct donor_path *p)
{
	return p->samples ? octaves(p->p50) : UINT64_MAX;
}

int donor_compare(const struct donor *a, const struct donor *b)
{
	int c = order(a->state, b->state);

	if (!c)
		c = order(latency(&a->path), latency(&b->path));
	if (!c)
		c = order(octaves(rate(&b->path)), octaves(rate(&a->path)));
	if (!c)
		c = order(b->free, a->free);
	return c ? c : strcmp(a->name, b->name);
}

static int compare(const void *a, const void *b)
{
	return donor_compare(*(struct donor *const *)a, *(struct donor *const *)b);
}

void donor_sort(struct donor **donors, size_t n)
{
	if (n)
		qsort(donors, n, sizeof(*donors), compare);
}
