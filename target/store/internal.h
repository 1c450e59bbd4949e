/* SPDX-License-Identifier: MIT */
/* internal.h - what the files of the store share: the store, a LUN. */
#ifndef MEMTGT_STORE_INTERNAL_H
#define MEMTGT_STORE_INTERNAL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "store/pool.h"
#include "store/reserve.h"
#include "store/retire.h"
#include "store/store.h"
#include "store/table.h"

struct store {
	struct pool pool;
	struct reserve reserve;
	struct tables tables;
	struct retire retire;
	const uint8_t *zero; /* STORE_PAGE_SIZE that reads as zeroes, one page of memory at most */
	_Atomic uint64_t anchored; /* table entries with TABLE_ANCHORED */
	_Atomic unsigned luns;
};

/* Owned by who created it; readers may use it until it is destroyed. */
struct store_lun {
	struct store *store;
	_Atomic uint64_t bytes;
	enum store_provisioning provisioning;
	struct table table;
	_Atomic uint64_t pages; /* its share of pool.used */
};

static inline uint64_t pages_of(uint64_t bytes)
{
	return (bytes + STORE_PAGE_SIZE - 1) >> STORE_PAGE_SHIFT;
}

/* Where a page that is not there yet comes from: pool_get(), or pool_make() with what is owed. */
enum lun_page_from { LUN_FROM_RESERVE, LUN_FROM_HOST };
/* The table's entry for a page, which is got if there is none, and then has these flags. 0, -EAGAIN
 * or -ENOSPC. */
int lun_page_make(struct store_lun *l, uint64_t page, enum lun_page_from from, uint32_t flags,
		  uint32_t *entry) __attribute__((warn_unused_result));
/* If the page is anchored, it is so no more. */
void lun_page_map(struct store_lun *l, uint64_t page);
/* Marks a page that is there, and whose entry this is, as anchored; the caller zeroes it then.
 * False: the entry has changed. */
bool lun_page_anchor(struct store_lun *l, uint64_t page, uint32_t entry)
	__attribute__((warn_unused_result));
/* Takes a page out of the table, onto the list. */
void lun_page_drop(struct store_lun *l, uint64_t page, struct page_list *out);
/* Takes pages [page, end) out of the table. Without a reader nobody can have seen them, and they
 * return to the pool at once; else they are retired, and the reader passes quiet points. */
void lun_cut(struct store_reader *r, struct store_lun *l, uint64_t page, uint64_t end);
/* May a LUN that had `had` bytes (0: a new one) have `bytes`? Then the pool has lent what is more,
 * and owes it to a full one. 0, -EINVAL or -ENOSPC. */
int lun_lend(struct store *s, uint64_t bytes, uint64_t had, enum store_provisioning p, char *why,
	     size_t why_len) __attribute__((warn_unused_result));
/* Why lun_fill() of `of` pages ended after `done`. */
void lun_explain_fill(const struct store_lun *l, uint64_t done, uint64_t of, char *why,
		      size_t why_len);
/* Pages [from, end) of a full LUN, which are owed to it. 0 or -ENOSPC; `done` is how far it came.
 */
int lun_fill(struct store_lun *l, uint64_t from, uint64_t end,
	     void (*progress)(void *arg, uint64_t done, uint64_t of), void *arg, uint64_t *done)
	__attribute__((warn_unused_result));

#endif
