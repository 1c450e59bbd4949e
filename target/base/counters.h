/* SPDX-License-Identifier: MIT */
/*
 * counters.h - what happened how often, by the table tbl/counters.def.
 *
 * Each thread that counts has a set of its own, which nobody else writes, so counting takes no
 * locked instruction and no line of the cache from another CPU. Whoever wants to know adds the sets
 * up: iscsi_node_counters() does for all of the daemon. Counters begin at 0 and only grow.
 */
#ifndef MEMTGT_COUNTERS_H
#define MEMTGT_COUNTERS_H

#include <stdatomic.h>
#include <stdint.h>

enum counter {
#define COUNTER(id, name, text) COUNT_##id,
#include "tbl/counters.def"
	COUNTERS /* how many there are */
};

/* Zero at the start. */
struct counters {
	_Atomic uint64_t n[COUNTERS];
};

/* Only in the thread to which the set belongs. */
static inline void counter_add(struct counters *c, enum counter which, uint64_t n)
{
	uint64_t now = atomic_load_explicit(&c->n[which], memory_order_relaxed);
	atomic_store_explicit(&c->n[which], now + n, memory_order_relaxed);
}

/*
 * Adds what a set has counted to sum[], which is indexed by enum counter. From any thread; a
 * counter is never seen half changed, but two of them may be seen at different moments.
 */
void counters_get(const struct counters *c, uint64_t sum[static COUNTERS]);

/* As in the table: "ended_rx_stall", and what that means. Static. */
const char *counter_name(enum counter which);
const char *counter_text(enum counter which);

#endif
