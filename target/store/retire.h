/* SPDX-License-Identifier: MIT */
/*
 * retire.h - when a page that left its table may be freed.
 *
 * At most one grace period runs at a time. It begins by counting `wanted` up; pages retired from
 * then on wait for the next one. A reader that sees a new `wanted` at a quiet point sees no page
 * any more that was retired before; from then on it counts new pins in the other of its two
 * counters. When the old counter is 0, it is done with those pages. The period is over when every
 * online reader is done.
 *
 * A pin held therefore holds back the period that runs or would begin, and so also all pages that
 * were found in a table while it was held.
 */
#ifndef MEMTGT_STORE_RETIRE_H
#define MEMTGT_STORE_RETIRE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "store/intents.h"
#include "store/pool.h"
#include "store/store.h"

/* Pages punched in one go: about a millisecond (18 and 345 us a page were measured). */
#define RETIRE_BATCH_HUGE  64u
#define RETIRE_BATCH_PLAIN 4u

/* Its thread's own but for what is named. Padded: neighbours belong to other threads. */
struct store_reader {
	struct retire *retire;
	uint64_t seen; /* of wanted, at a quiet point */
	unsigned parity, pins[2];
	_Atomic uint64_t turn; /* of retire.turn, at its last quiet point; others look at it */
	uint64_t done; /* these two under retire.lock; done is written by this thread only */
	bool online;
	struct intent_pen pen; /* with which it changes blocks */
} __attribute__((aligned(128)));

struct retire {
	struct pool *pool;
	_Atomic uint64_t wanted;  /* written under lock: grace periods begun */
	_Atomic uint64_t turn;	  /* written under lock: points that were set, store_point_set() */
	_Atomic uint32_t ready_n; /* written under lock: length of ready */
	_Atomic bool by_filler;	  /* punches; else readers do, at their quiet points */
	void (*wake)(void *arg);
	void *wake_arg;
	unsigned nreaders;
	uint32_t batch; /* RETIRE_BATCH_ of the pool's kind */
	struct store_reader *readers;

	pthread_mutex_t lock; /* of what follows; a leaf, never held over a system call */
	bool running;
	struct page_list waiting; /* for the next grace period */
	struct page_list current; /* for the one that runs */
	struct page_list ready;	  /* to be punched */
	uint64_t pages;		  /* in the three lists, and being punched */
};

int retire_open(struct retire *t, struct pool *p, unsigned readers)
	__attribute__((warn_unused_result));
/* Frees what is left. */
void retire_close(struct retire *t);
/* Frees nothing but what is the process' own. */
void retire_leave(struct retire *t);
/* Pages that no table names any more, already counted as coming by pool_leave(). */
void retire_pages(struct store_reader *r, struct page_list *l);
/* Punches a batch of what is ready. True: there is more. From any thread. */
bool retire_reap(struct retire *t);
uint64_t retire_count(struct retire *t);
/* What store_on_retire() was given; `t` is a struct retire. */
void retire_wake(void *t);

#endif
