// SPDX-License-Identifier: MIT
/* lun.c - a LUN: made, emptied, and its pages one by one. */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fail_point.h"
#include "base/log.h"
#include "store/internal.h"

static void count(struct store_lun *l, int pages)
{
	atomic_fetch_add_explicit(&l->pages, (uint64_t)pages, memory_order_relaxed);
}

static void count_anchor(struct store_lun *l, uint32_t flags, int by)
{
	if (flags & TABLE_ANCHORED)
		atomic_fetch_add_explicit(&l->store->anchored, (uint64_t)by, memory_order_relaxed);
}

/* Counted first: whoever drops the page at once must not count below 0. */
static bool settle(struct store_lun *l, uint64_t page, uint32_t entry, uint32_t *there)
{
	count(l, 1);
	count_anchor(l, entry, 1);
	if (pool_settle(&l->store->pool, &l->table.entry[page], entry, there))
		return true;
	count_anchor(l, entry, -1);
	count(l, -1);
	return false;
}

int lun_page_make(struct store_lun *l, uint64_t page, enum lun_page_from from, uint32_t flags,
		  uint32_t *entry)
{
	struct store *s = l->store;
	uint32_t fresh;
	int rc;

	*entry = table_entry(&l->table, page);
	if (*entry)
		return *entry & TABLE_LOST ? -EIO : 0;
	rc = table_leaf_make(&l->table, page);
	if (rc)
		return rc;
	rc = from == LUN_FROM_HOST ? pool_make(&s->pool, true, &fresh) : pool_get(&s->pool, &fresh);
	if (rc) {
		/* The last page of the pool may just have gone to this very place. */
		*entry = table_entry(&l->table, page);
		return *entry ? 0 : rc;
	}
	FAIL_POINT(PAGE_TAKEN);
	if (settle(l, page, fresh | flags, entry))
		*entry = fresh | flags;
	else
		pool_keep(&s->pool, fresh); /* nobody has seen it: no grace period is needed */
	return 0;
}

void lun_page_map(struct store_lun *l, uint64_t page)
{
	uint32_t e = table_entry(&l->table, page);

	while (e & TABLE_ANCHORED) {
		if (atomic_compare_exchange_weak(&l->table.entry[page], &e, e & ~TABLE_ANCHORED)) {
			count_anchor(l, TABLE_ANCHORED, -1);
			return;
		}
	}
}

bool lun_page_anchor(struct store_lun *l, uint64_t page, uint32_t entry)
{
	count_anchor(l, TABLE_ANCHORED, 1);
	if (atomic_compare_exchange_strong(&l->table.entry[page], &entry, entry | TABLE_ANCHORED))
		return true;
	count_anchor(l, TABLE_ANCHORED, -1);
	return false;
}

void lun_page_renew(struct store_lun *l, uint64_t page, uint32_t entry, uint32_t fresh,
		    struct page_list *out)
{
	struct pool *p = &l->store->pool;
	const uint32_t old = entry & TABLE_NUMBER;
	struct page_list back = {0};

	count_anchor(l, fresh, 1);
	while ((entry & TABLE_NUMBER) == old) {
		if (!atomic_compare_exchange_weak(&l->table.entry[page], &entry, fresh))
			continue;
		/* One is used now, and one is coming, as before. */
		count_anchor(l, entry, -1);
		page_list_push(p, out, old);
		return;
	}
	count_anchor(l, fresh, -1);
	page_list_push(p, &back, fresh & TABLE_NUMBER);
	pool_put(p, &back);
}

void lun_page_drop(struct store_lun *l, uint64_t page, struct page_list *out)
{
	if (!table_entry(&l->table, page))
		return;
	uint32_t e = atomic_exchange_explicit(&l->table.entry[page], 0, memory_order_acq_rel);
	if (!e)
		return;
	FAIL_POINT(PAGE_LEFT);
	if (e & TABLE_LOST) {
		l->lost--;
		return;
	}
	pool_leave(&l->store->pool, 1);
	page_list_push(&l->store->pool, out, e & ~TABLE_ANCHORED);
	count_anchor(l, e, -1);
	count(l, -1);
}

static int check_size(uint64_t bytes, char *why, size_t why_len)
{
	if (!bytes || bytes % 512 || bytes > STORE_LUN_MAX) {
		snprintf(why, why_len,
			 "a LUN of %" PRIu64 " bytes: its size must be a multiple of 512, at least "
			 "512 and at most 64 TiB",
			 bytes);
		return -EINVAL;
	}
	return 0;
}

/* Refused before a page is taken: half a LUN would only press on the host. */
static int check_host(struct store *s, uint64_t pages, char *why, size_t why_len)
{
	uint64_t left = budget_pages(&s->pool.budget, clock_now());
	if (pages <= left)
		return 0;
	snprintf(why, why_len,
		 "a full LUN of %" PRIu64 " MiB: the host can give %" PRIu64
		 " MiB above the headroom; make the LUN or the headroom smaller",
		 pages * (STORE_PAGE_SIZE >> 20), left * (STORE_PAGE_SIZE >> 20));
	return -ENOSPC;
}

int lun_lend(struct store *s, uint64_t bytes, uint64_t had, enum store_provisioning p, char *why,
	     size_t why_len)
{
	uint64_t more = bytes > had ? pages_of(bytes) - pages_of(had) : 0, left;
	uint64_t owed = p == STORE_FULL ? more : 0;
	int rc = check_size(bytes, why, why_len);

	if (rc)
		return rc;
	rc = pool_lend(&s->pool, more, owed, &left);
	if (rc == -EDQUOT)
		snprintf(why, why_len,
			 "a LUN of %" PRIu64 " MiB: all LUNs together may become %" PRIu64
			 " MiB larger; make pool.overcommit or pool.size larger",
			 pages_of(bytes) * (STORE_PAGE_SIZE >> 20), left * (STORE_PAGE_SIZE >> 20));
	else if (rc)
		snprintf(why, why_len,
			 "%" PRIu64 "%s pages of 2 MiB for a full LUN: the pool has %" PRIu64
			 " left; make pool.size larger",
			 owed, had ? " more" : "", left);
	if (rc)
		return -ENOSPC;
	rc = owed ? check_host(s, owed, why, why_len) : 0;
	if (rc)
		pool_unlend(&s->pool, more, owed);
	return rc;
}

void lun_explain_fill(const struct store_lun *l, int rc, uint64_t done, uint64_t of, char *why,
		      size_t why_len)
{
	if (rc == -ECANCELED) {
		snprintf(why, why_len, "memtgtd is about to end, and its memory was not all there");
		return;
	}
	int n = snprintf(why, why_len,
			 "a full LUN of %" PRIu64 " pages of 2 MiB: the host gave %" PRIu64 "; ",
			 of, done);
	size_t at = n < 0 || (size_t)n > why_len ? why_len : (size_t)n;
	struct host_huge h;

	host_huge_read(&h);
	if (l->store->pool.kind == STORE_HUGE && !host_huge_left(&h))
		snprintf(why + at, why_len - at,
			 "sysctl -w vm.nr_overcommit_hugepages=%" PRIu64 " allows the rest",
			 h.overcommit + of - done);
	else
		snprintf(why + at, why_len - at,
			 "its free memory would fall below the headroom: make the LUN or the "
			 "headroom smaller");
}

int store_lun_create(struct store *s, uint64_t bytes, enum store_provisioning p,
		     const struct store_label *label,
		     void (*progress)(void *arg, uint64_t done, uint64_t of), void *arg,
		     struct store_lun **out, char *why, size_t why_len)
{
	uint64_t done = 0, pages = pages_of(bytes), owed = p == STORE_FULL ? pages : 0;
	int rc = lun_lend(s, bytes, 0, p, why, why_len);

	if (rc)
		return rc;
	struct store_lun *l = calloc(1, sizeof(*l));
	if (!l) {
		pool_unlend(&s->pool, pages, owed);
		snprintf(why, why_len, "out of memory");
		return -ENOMEM;
	}
	l->store = s;
	l->bytes = bytes;
	l->provisioning = p;
	rc = table_open(&l->table, &s->tables, pages);
	if (rc) {
		pool_unlend(&s->pool, pages, owed);
		snprintf(why, why_len, "cannot make the LUN's page table: %s", strerror(-rc));
		free(l);
		return -ENOMEM;
	}
	s->luns++;
	rc = lun_record_begin(l, label);
	FAIL_POINT(CREATE_BEGUN);
	if (rc)
		snprintf(why, why_len, "cannot keep a record of the LUN: %s", strerror(-rc));
	if (!rc && p == STORE_FULL) {
		rc = lun_fill(l, 0, l->table.pages, progress, arg, &done);
		if (rc)
			lun_explain_fill(l, rc, done, l->table.pages, why, why_len);
	}
	FAIL_POINT(CREATE_FILLED);
	if (!rc) {
		rc = lun_record_state(l, RECORD_LIVE);
		if (rc)
			snprintf(why, why_len, "cannot keep a record of the LUN: %s",
				 strerror(-rc));
	}
	FAIL_POINT(CREATE_DONE);
	if (rc) {
		pool_unlend(&s->pool, 0, owed - done);
		store_lun_destroy(l);
		return rc;
	}
	*out = l;
	return 0;
}

/* The end of the page's leaf, or `end` if that is before. */
static uint64_t leaf_end(uint64_t page, uint64_t end)
{
	uint64_t next = table_next_leaf(page);

	return next < end ? next : end;
}

void lun_cut(struct store_reader *r, struct store_lun *l, uint64_t page, uint64_t end)
{
	while (page < end) {
		struct page_list batch = {0};
		uint64_t next = leaf_end(page, end);

		for (; page < next && table_leaf(&l->table, page); page++)
			lun_page_drop(l, page, &batch);
		page = next;
		if (!r) {
			pool_put(&l->store->pool, &batch);
		} else if (batch.n) {
			retire_pages(r, &batch);
			store_reader_quiet(r);
		}
	}
}

static void destroy(struct store_reader *r, struct store_lun *l)
{
	struct store *s = l->store;

	/* If that fails it is found again by the next process, empty or not; so it goes on. */
	if (lun_record_state(l, RECORD_GOING))
		log_error("store: cannot keep the record that a LUN goes");
	FAIL_POINT(REMOVE_BEGUN);
	pool_unlend(&s->pool, l->table.pages, 0);
	lun_cut(r, l, 0, l->table.pages);
	assert(l->pages == 0 && l->lost == 0);
	FAIL_POINT(REMOVE_CUT);
	table_empty(&l->table);
	FAIL_POINT(REMOVE_EMPTY);
	if (lun_record_state(l, RECORD_FREE))
		log_error("store: cannot keep the record that a LUN went");
	FAIL_POINT(REMOVE_DONE);
	table_close(&l->table, &s->tables);
	s->luns--;
	free(l);
}

void lun_free(struct store_lun *l)
{
	table_leave(&l->table);
	free(l);
}

void store_lun_leave(struct store_lun *l)
{
	l->store->luns--;
	lun_free(l);
}

void store_lun_destroy(struct store_lun *l)
{
	destroy(NULL, l);
}

void store_lun_destroy_live(struct store_reader *r, struct store_lun *l)
{
	destroy(r, l);
}

uint64_t store_lun_bytes(const struct store_lun *l)
{
	return l->bytes;
}

enum store_provisioning store_lun_provisioning(const struct store_lun *l)
{
	return l->provisioning;
}

uint64_t store_lun_pages(const struct store_lun *l)
{
	return l->pages;
}

uint64_t store_lun_available(struct store_lun *l)
{
	return pool_could_give(&l->store->pool);
}
