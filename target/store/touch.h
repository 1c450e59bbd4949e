/* SPDX-License-Identifier: MIT */
/*
 * touch.h - maps plain pages of kept memory again, while they are already served.
 *
 * A new process finds its pages by faults, of 4 KiB each, and what may not be swapped out is only
 * kept in memory from then on. A thread does that for all pages that tables name: it would take
 * seconds for a large pool, for which nobody is to wait.
 *
 * It reads the tables by their file, so LUNs may come and go. pool.touch is held from when it has
 * seen that a table names a page until that is done, and while pages are given back: so it never
 * makes memory behind a page that left its table.
 */
#ifndef MEMTGT_STORE_TOUCH_H
#define MEMTGT_STORE_TOUCH_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "store/pool.h"

struct touch {
	struct pool *pool;
	int tables; /* the file */
	_Atomic bool stop;
	bool has_thread;
	pthread_t thread;
};

/* 0 or -errno. */
int touch_start(struct touch *t, struct pool *p, int tables) __attribute__((warn_unused_result));
/* Harmless twice, and if it was never started. */
void touch_stop(struct touch *t);
/* What the thread does. Returns the pages. */
uint64_t touch_all(struct touch *t);

#endif
