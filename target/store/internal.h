/* SPDX-License-Identifier: MIT */
/* internal.h - what the files of the store share: the store, a LUN. */
#ifndef MEMTGT_STORE_INTERNAL_H
#define MEMTGT_STORE_INTERNAL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "store/intents.h"
#include "store/pool.h"
#include "store/records.h"
#include "store/reserve.h"
#include "store/retire.h"
#include "store/store.h"
#include "store/table.h"
#include "store/touch.h"

struct store {
	struct records records;
	struct pool pool;
	struct reserve reserve;
	struct tables tables;
	struct retire retire;
	struct intents intents;
	struct touch touch;
	const uint8_t *zero; /* STORE_PAGE_SIZE that reads as zeroes, one page of memory at most */
	_Atomic uint64_t anchored; /* table entries with TABLE_ANCHORED */
	_Atomic unsigned luns;
	_Atomic bool no_fills;	 /* store_cancel_fills() */
	bool is_kept;		 /* an earlier process made it */
	struct store_lun **kept; /* by slot: LUNs that nobody adopted yet; under records.lock */
	void (*first)(void *arg, struct store_lun *l); /* see store_on_first_write() */
	void *first_arg;
	pthread_mutex_t wake_lock; /* over a call of `wake` that no reader and no filler makes */
	bool no_wake;
};

/* Owned by who created it; readers may use it until it is destroyed. */
struct store_lun {
	struct store *store;
	_Atomic uint64_t bytes;
	enum store_provisioning provisioning;
	struct table table;
	_Atomic uint64_t pages;	  /* its share of pool.used */
	_Atomic uint64_t lost;	  /* entries with TABLE_LOST */
	_Atomic bool used, asked; /* asked: store.first was called */
	bool held;		  /* STORE_KEPT_HELD */
	struct record_lun record; /* what is kept of it; under records.lock */
	unsigned note_half;	  /* which one counts; under records.lock, too */
	uint64_t note_sequence;	  /* of that; 0: not known */
};

static inline uint64_t pages_of(uint64_t bytes)
{
	return (bytes + STORE_PAGE_SIZE - 1) >> STORE_PAGE_SHIFT;
}

/* What is kept of a LUN becomes this. 0, or -errno with nothing changed. */
int lun_record_state(struct store_lun *l, enum record_state state)
	__attribute__((warn_unused_result));
int lun_record_bytes(struct store_lun *l, uint64_t bytes) __attribute__((warn_unused_result));
int lun_record_flag(struct store_lun *l, uint8_t flag) __attribute__((warn_unused_result));
/* Of a new LUN, whose table is open: it is in the making. 0, -EINVAL (the label), or -errno. */
int lun_record_begin(struct store_lun *l, const struct store_label *label)
	__attribute__((warn_unused_result));

/* What may be there of a note belongs to nobody. */
void lun_note_forget(struct store_lun *l);

/* Frees the handle; nothing that is kept changes. */
void lun_free(struct store_lun *l);
/* Nothing but zeroes lies in its last page behind its end. */
void lun_clear_tail(struct store_lun *l);
/* A write of data may be done. False: not yet, store_lun_set_used() will wake who asked. */
bool lun_first_write(struct store_lun *l);

static inline bool lun_may_write(struct store_lun *l)
{
	return __builtin_expect(atomic_load_explicit(&l->used, memory_order_acquire), true) ||
	       lun_first_write(l);
}

/* Goes on with the kept files, whose pool is so many pages long, before anybody uses the store.
 * `background`: what can wait is done by a thread. */
int store_adopt(struct store *s, uint32_t file_pages, bool background, char *why, size_t why_len)
	__attribute__((warn_unused_result));

/* Where a page that is not there yet comes from: pool_get(), or pool_make() with what is owed. */
enum lun_page_from { LUN_FROM_RESERVE, LUN_FROM_HOST };
/* The table's entry for a page, which is got if there is none, and then has these flags. 0,
 * -EAGAIN, -ENOSPC, or -EIO (it is lost). */
int lun_page_make(struct store_lun *l, uint64_t page, enum lun_page_from from, uint32_t flags,
		  uint32_t *entry) __attribute__((warn_unused_result));
/* If the page is anchored, it is so no more. */
void lun_page_map(struct store_lun *l, uint64_t page);
/* Marks a page that is there, and whose entry this is, as anchored; the caller zeroes it then.
 * False: the entry has changed. */
bool lun_page_anchor(struct store_lun *l, uint64_t page, uint32_t entry)
	__attribute__((warn_unused_result));
/* A coming page, `fresh` with flags, takes the place of the one that `entry` names, in one step;
 * the old one is coming then, and on the list. It was taken out meanwhile: the fresh one returns to
 * the host, as if it had been there before that. */
void lun_page_renew(struct store_lun *l, uint64_t page, uint32_t entry, uint32_t fresh,
		    struct page_list *out);
/* Takes a page out of the table, onto the list. */
void lun_page_drop(struct store_lun *l, uint64_t page, struct page_list *out);
/* Takes pages [page, end) out of the table. Without a reader nobody can have seen them, and they
 * return to the pool at once; else they are retired, and the reader passes quiet points. */
void lun_cut(struct store_reader *r, struct store_lun *l, uint64_t page, uint64_t end);
/* May a LUN that had `had` bytes (0: a new one) have `bytes`? Then the pool has lent what is more,
 * and owes it to a full one. 0, -EINVAL or -ENOSPC. */
int lun_lend(struct store *s, uint64_t bytes, uint64_t had, enum store_provisioning p, char *why,
	     size_t why_len) __attribute__((warn_unused_result));
/* Why lun_fill() of `of` pages ended after `done` with `rc`. */
void lun_explain_fill(const struct store_lun *l, int rc, uint64_t done, uint64_t of, char *why,
		      size_t why_len);
/* Pages [from, end) of a full LUN, which are owed to it. 0, -ENOSPC, -ECANCELED; `done` is how far
 * it came. */
int lun_fill(struct store_lun *l, uint64_t from, uint64_t end,
	     void (*progress)(void *arg, uint64_t done, uint64_t of), void *arg, uint64_t *done)
	__attribute__((warn_unused_result));

#endif
