/* SPDX-License-Identifier: MIT */
/*
 * reserve.h - keeps zeroed pages at hand, so that a first write waits for no fault.
 *
 * A thread of the store, the filler, makes pages and puts them into pool.reserve. It is woken when
 * that falls below half of what it should be (a wake-up costs 10 us and more, a page is made in a
 * tenth of a millisecond or several), and when a reader found none. Such readers are woken when
 * there is a page, or when it is known that there will be none.
 *
 * How many: RESERVE_MIN pages, twice as many after each miss, half as many after RESERVE_IDLE_NS
 * without use; never more than the LUNs have holes, and none if no LUN has any.
 */
#ifndef MEMTGT_STORE_RESERVE_H
#define MEMTGT_STORE_RESERVE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "store/pool.h"
#include "store/threshold.h"

#define RESERVE_MIN	8u
#define RESERVE_MAX	256u
#define RESERVE_IDLE_NS (10 * NS_PER_S)
/* How long pages that were made for somebody who waits are left to him. */
#define RESERVE_KEEP_NS (100 * NS_PER_MS)
/* Readers that outrun the filler are woken for so many pages at a time, not for each. */
#define RESERVE_WAKE 4u
/* Pages given back in one turn: about a millisecond, as in retire.h. */
#define RESERVE_TRIM 4u

/* The filler's own, but for what is named. */
struct reserve {
	struct pool *pool;
	void (*wake)(void *arg);
	bool (*reap)(void *arg); /* the thread gives retired pages back; true: there are more */
	void *arg;
	uint64_t most;		   /* bytes that were configured; 0: by demand */
	uint32_t min, max, target; /* pages, as the ceiling is; written under pool.lock */
	uint64_t taken, used_at;   /* pool.taken, and when it last moved */
	uint64_t keep_until;
	struct threshold threshold;
	uint64_t host_at; /* when the host was last asked whether it is short */
	uint64_t waits;	  /* under pool.lock: times that readers were woken */
	pthread_t thread;
	bool has_thread, stop; /* stop: under pool.lock */
};

/* `most`: bytes that it may hold, 0: by demand. `wake` asks all readers to try again. */
void reserve_init(struct reserve *r, struct pool *p, uint64_t most, void (*wake)(void *arg),
		  void *arg);
/* Starts the filler. 0 or -errno. */
int reserve_start(struct reserve *r) __attribute__((warn_unused_result));
/* Ends it; nobody is woken any more. Harmless twice. */
void reserve_stop(struct reserve *r);

/*
 * One piece of the filler's work, at this time. Returns when to look again if nobody asks: 0, at
 * once; UINT64_MAX, never. Tests call it in place of the thread.
 */
uint64_t reserve_turn(struct reserve *r, uint64_t now);

/* What the thread does between two waits: reserve_turn(), and a batch of retired pages. */
uint64_t reserve_pass(struct reserve *r, uint64_t now);

#endif
