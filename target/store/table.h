/* SPDX-License-Identifier: MIT */
/*
 * table.h - one LUN's table of page numbers.
 *
 * A flat array in the tables' memfd, a fixed stride for each LUN, so that a table may grow in
 * place. Even a load from a hole of a memfd makes a page, so a bit per leaf (4 KiB of entries)
 * tells whether it may be looked at; the bits make scans of empty LUNs fast as well. Leaves stay
 * until the LUN goes: 4 KiB for 2 GiB.
 *
 * An entry is a page's number, or 0; TABLE_ANCHORED with it says that the page is all zeroes, and
 * was not written since it was so. Who writes takes the bit away, if he finds it after he has
 * written; who anchors a page that is there sets the bit first, and then zeroes. So if the writer
 * does not find the bit, his data is zeroed; no data ever lies under the bit when both are done. A
 * process may end between the two, so whoever goes on with a kept table takes these bits away.
 *
 * TABLE_LOST stands alone: it is not known any more where the data of this place is. It is never
 * read or written; it goes with the LUN, or with that part of it.
 */
#ifndef MEMTGT_STORE_TABLE_H
#define MEMTGT_STORE_TABLE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "store/store.h"

#define TABLE_LEAF_SHIFT 10 /* entries of a leaf: 1024 */
#define TABLE_LEAF	 ((uint64_t)1 << TABLE_LEAF_SHIFT)
#define TABLE_STRIDE	 ((STORE_LUN_MAX >> STORE_PAGE_SHIFT) * sizeof(uint32_t))
#define TABLE_LEAVES	 (TABLE_STRIDE / sizeof(uint32_t) >> TABLE_LEAF_SHIFT)
#define TABLES_MAX	 4096u
#define TABLE_ANCHORED	 ((uint32_t)1 << 31)
#define TABLE_LOST	 ((uint32_t)1 << 30)
#define TABLE_NUMBER	 (TABLE_LOST - 1)
_Static_assert(STORE_LUN_MAX >> STORE_PAGE_SHIFT < TABLE_LOST, "page numbers");

/* The file of all tables. */
struct tables {
	int fd;
	pthread_mutex_t lock; /* of used; a leaf */
	uint64_t used[TABLES_MAX / 64];
};

struct table {
	int fd;
	unsigned slot;
	_Atomic uint64_t pages; /* entries */
	_Atomic uint32_t *entry;
	_Atomic uint64_t *leaf; /* bits, only ever set; for STORE_LUN_MAX, so that a LUN may grow */
};

/* fd < 0: a new file. Else a kept one, which stays the caller's on errors; -EINVAL: it is none of
 * ours. */
int tables_open(struct tables *ts, int fd) __attribute__((warn_unused_result));
void tables_close(struct tables *ts);

/* -ENOMEM or -ENOSPC (TABLES_MAX) */
int table_open(struct table *t, struct tables *ts, uint64_t pages)
	__attribute__((warn_unused_result));
/* All entries are 0: gives the leaves back. */
void table_empty(struct table *t);
/* The slot is free for another. */
void table_close(struct table *t, struct tables *ts);

/* Kept ones: the table in this slot, with the leaves that it has. 0 or -ENOMEM. */
int table_adopt(struct table *t, struct tables *ts, unsigned slot, uint64_t pages)
	__attribute__((warn_unused_result));
/* The process lets go of it; it stays in the file, and its slot taken. */
void table_leave(struct table *t);
/* Whatever the slot has goes; nobody has the table. */
void tables_empty_slot(const struct tables *ts, unsigned slot);
/* The first slot from this one on whose table has leaves, or TABLES_MAX. */
unsigned tables_next(const struct tables *ts, unsigned slot);

/* Before an entry is written. 0 or -ENOSPC. */
int table_leaf_make(struct table *t, uint64_t page) __attribute__((warn_unused_result));

static inline bool table_leaf(const struct table *t, uint64_t page)
{
	uint64_t leaf = page >> TABLE_LEAF_SHIFT;
	uint64_t bits = atomic_load_explicit(&t->leaf[leaf / 64], memory_order_acquire);

	return bits >> leaf % 64 & 1;
}

/* The first page of the next leaf. */
static inline uint64_t table_next_leaf(uint64_t page)
{
	return (page | (TABLE_LEAF - 1)) + 1;
}

static inline uint32_t table_entry(const struct table *t, uint64_t page)
{
	if (!table_leaf(t, page))
		return 0;
	return atomic_load_explicit(&t->entry[page], memory_order_acquire);
}

/* The page's number, or 0. */
static inline uint32_t table_get(const struct table *t, uint64_t page)
{
	return table_entry(t, page) & TABLE_NUMBER;
}

#endif
