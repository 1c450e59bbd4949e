/* SPDX-License-Identifier: MIT */
/*
 * threshold.h - tells once when the pool becomes full, while there is time to do something.
 *
 * The pool counts (soft_at, soft_back), and asks the filler when it is reached; the filler says
 * where that is, since it depends on what the host could still give.
 */
#ifndef MEMTGT_STORE_THRESHOLD_H
#define MEMTGT_STORE_THRESHOLD_H

#include <stdint.h>

#include "store/pool.h"

#define THRESHOLD_LOOK_NS (100 * NS_PER_MS)

/* The filler's own, but for fn and arg, which are under pool.lock. */
struct threshold {
	unsigned percent; /* 0: off */
	void (*fn)(void *arg);
	void *arg;
	uint64_t looked_at; /* when the host was last asked */
};

/* A part of reserve_turn(): calls fn if it is time. */
void threshold_turn(struct threshold *t, struct pool *p, uint64_t now);

#endif
