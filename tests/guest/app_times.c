// SPDX-License-Identifier: MIT
/* app_times.c - counts by size. */
#include "app_times.h"

#define FINE (1u << APP_TIMES_FINE)

/* Sizes below FINE have counts of their own; each power of two above has FINE of them. */
static unsigned index_of(uint64_t ns)
{
	if (ns < FINE)
		return (unsigned)ns;
	unsigned shift = 63 - (unsigned)__builtin_clzll(ns) - APP_TIMES_FINE;
	return (shift + 1) * FINE + (unsigned)((ns >> shift) - FINE);
}

/* The greatest size that is counted there. */
static uint64_t size_of(unsigned index)
{
	if (index < FINE)
		return index;
	unsigned shift = index / FINE - 1;
	return ((FINE + (uint64_t)(index % FINE)) << shift) + ((1ull << shift) - 1);
}

void app_times_add(struct app_times *t, uint64_t ns)
{
	t->counts[index_of(ns)]++;
	t->n++;
	if (ns > t->most)
		t->most = ns;
}

uint64_t app_times_percentile(const struct app_times *t, unsigned percent)
{
	uint64_t rank = (t->n * percent + 99) / 100, seen = 0;

	for (unsigned i = 0; rank > 0; i++) {
		seen += t->counts[i];
		if (seen >= rank)
			return size_of(i) < t->most ? size_of(i) : t->most;
	}
	return 0;
}
