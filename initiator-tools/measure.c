// SPDX-License-Identifier: MIT
/* measure.c - percentiles by nearest rank: a number that was really seen. */
#include "initiator-tools/measure.h"

#include <assert.h>
#include <stdlib.h>

void measure_add(struct measure *m, uint64_t ns)
{
	if (m->n < MEASURE_SAMPLES)
		m->samples[m->n++] = ns;
}

static int compare(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

void measure_sort(struct measure *m)
{
	if (m->n)
		qsort(m->samples, m->n, sizeof(m->samples[0]), compare);
}

uint64_t measure_percentile(const struct measure *m, unsigned percent)
{
	assert(percent >= 1 && percent <= 100);
	if (!m->n)
		return 0;
	return m->samples[(m->n * percent + 99) / 100 - 1];
}

uint64_t measure_share(uint64_t whole, size_t n, uint64_t least, uint64_t most)
{
	uint64_t share = n ? whole / n : most;

	if (share < least)
		return least;
	return share > most ? most : share;
}
