/* SPDX-License-Identifier: MIT */
/* app_times.h - how long things took: counts by size, in little memory however many there are. */
#ifndef MEMTGT_APP_TIMES_H
#define MEMTGT_APP_TIMES_H

#include <stdint.h>

/* A power of two has 2^APP_TIMES_FINE counts: what is told is at most 1/16 too much. */
#define APP_TIMES_FINE 4

struct app_times {
	uint64_t counts[(64 - APP_TIMES_FINE + 1) << APP_TIMES_FINE];
	uint64_t n;
	uint64_t most;
};

void app_times_add(struct app_times *t, uint64_t ns);
/* The nearest rank: what at least `percent` of all (1-100) did not exceed. 0 if there are none. */
uint64_t app_times_percentile(const struct app_times *t, unsigned percent);

#endif
