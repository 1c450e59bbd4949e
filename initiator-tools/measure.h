/* SPDX-License-Identifier: MIT */
/* measure.h - what samples say. Times are nanoseconds. */
#ifndef MEMTGT_MEASURE_H
#define MEMTGT_MEASURE_H

#include <stddef.h>
#include <stdint.h>

#define MEASURE_SAMPLES 1000

struct measure {
	uint64_t samples[MEASURE_SAMPLES];
	size_t n; /* further ones are not kept */
};

void measure_add(struct measure *m, uint64_t ns);
/* Sorts; then measure_percentile() may be asked. */
void measure_sort(struct measure *m);
/*
 * The nearest rank: the least sample that at least `percent` of all (1-100) do not exceed. 0
 * without samples.
 */
uint64_t measure_percentile(const struct measure *m, unsigned percent);

/* The part of a whole that each of n gets, within bounds. */
uint64_t measure_share(uint64_t whole, size_t n, uint64_t least, uint64_t most);

#endif
