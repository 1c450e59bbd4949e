/* SPDX-License-Identifier: MIT */
/*
 * host.h - what the host has left: hugepage counters, and a budget that keeps the headroom.
 *
 * A shmem page that the host cannot afford is not refused: the OOM killer comes. So MemAvailable is
 * asked before a page is taken. The same holds for surplus hugepages, which are made from free
 * memory; those of vm.nr_hugepages are set aside already and are free to take.
 */
#ifndef MEMTGT_STORE_HOST_H
#define MEMTGT_STORE_HOST_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

/* The kernel's counters of 2 MiB pages; all 0 where it has none. */
struct host_huge {
	uint64_t total, free, reserved, surplus, overcommit;
};
void host_huge_read(struct host_huge *h);
/* Pages a new user could get, as far as the limits go. */
uint64_t host_huge_left(const struct host_huge *h);

/* Bytes of memory that the host has: MemTotal. */
uint64_t host_memory(void);

#define HOST_MEMINFO   "/proc/meminfo"
#define HOST_HUGE_FREE "/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages"

#define BUDGET_RESERVE	 ((uint64_t)64 << 20) /* stays with the host beside the headroom */
#define BUDGET_MAX_NS	 (10 * NS_PER_MS)     /* a reading is good for so long... */
#define BUDGET_MAX_PAGES 64u		      /* ...and so many pages */

/* The lock is a leaf: nothing is taken under it. The files stay open, so that a peer who makes us
 * run out of descriptors cannot make the pool look full. */
struct budget {
	pthread_mutex_t lock;
	int meminfo, huge_free; /* huge_free < 0: plain pages */
	int64_t keep;
	int64_t left; /* bytes, at the last reading less what was taken since */
	uint64_t read_at;
	unsigned taken;
};

/* huge_free may be NULL: plain pages. 0 or -errno. */
int budget_open(struct budget *b, const char *meminfo, const char *huge_free, uint64_t headroom)
	__attribute__((warn_unused_result));
void budget_close(struct budget *b);
/* Pages that could be taken now, were nobody else to take any. */
uint64_t budget_pages(struct budget *b, uint64_t now);
/* Memory that the host says it has left: MemAvailable, in bytes. */
uint64_t budget_available(const struct budget *b);
/* May one more page be taken, at this time of CLOCK_MONOTONIC? If so, it is counted. */
bool budget_take(struct budget *b, uint64_t now);
void budget_give(struct budget *b, uint32_t pages);

#endif
