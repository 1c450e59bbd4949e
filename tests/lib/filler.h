/* SPDX-License-Identifier: MIT */
/* filler.h - the work of the store's filler, in the test's own thread: for stores without one. */
#ifndef MEMTGT_TEST_FILLER_H
#define MEMTGT_TEST_FILLER_H

#include "base/clock.h"
#include "store/internal.h"

/* All that is to be done at this time. */
static inline void filler_run_at(struct store *s, uint64_t now)
{
	while (reserve_turn(&s->reserve, now) == 0)
		;
}

/* What it made for somebody who waited is left to him no longer. */
static inline void filler_run(struct store *s)
{
	uint64_t now = clock_now();

	filler_run_at(s, now > s->reserve.keep_until ? now : s->reserve.keep_until);
}

#endif
