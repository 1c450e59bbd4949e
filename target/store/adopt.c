// SPDX-License-Identifier: MIT
/*
 * adopt.c - goes on with what an earlier process left, wherever it ended.
 *
 * The tables are the truth. What a table names is used, and what none names is given back: pages
 * that were in the reserve, on their way to a table or from one. A LUN that was half made or half
 * gone goes. All of that may be interrupted, and be done again by the next.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fail_point.h"
#include "base/log.h"
#include "store/adopt.h"

/* Calls fn for each run of pages that have, or have not, their bit in `named`. */
static int each_run(struct adoption *a, bool named,
		    int (*fn)(struct adoption *a, uint32_t from, uint32_t to))
{
	int rc = 0;

	for (uint32_t num = 1; num <= a->file_pages && !rc;) {
		uint32_t from = num;

		while (num <= a->file_pages && pool_bit(a->named, num) == named)
			num++;
		if (num > from)
			rc = fn(a, from, num);
		while (num <= a->file_pages && pool_bit(a->named, num) != named)
			num++;
	}
	return rc;
}

static int punch(struct adoption *a, uint32_t from, uint32_t to)
{
	pool_punch(&a->s->pool, from, to);
	FAIL_POINT(ADOPT_PUNCHED);
	return 0;
}

static int count(struct adoption *a, uint32_t from, uint32_t to)
{
	a->used += to - from;
	a->highest = to - 1;
	return 0;
}

/* Of pages whose memory failed the others are faulted in, and those are marked. */
static int populate(struct adoption *a, uint32_t from, uint32_t to)
{
	const struct pool *p = &a->s->pool;
	int rc = pool_populate(p, from, to);

	if (rc != -EHWPOISON)
		return rc;
	for (rc = 0; from < to && !rc; from++) {
		rc = pool_populate(p, from, from + 1);
		if (rc == -EHWPOISON) {
			(void)poison_probe(pool_page(p, from), STORE_PAGE_SIZE);
			rc = 0;
		}
	}
	return rc;
}

/* Hugepages are found by one fault each; the others are many, so nobody waits for them. */
static int map_again(struct adoption *a)
{
	struct store *s = a->s;

	if (s->pool.kind == STORE_HUGE || !a->background)
		return each_run(a, true, populate);
	return touch_start(&s->touch, &s->pool, s->tables.fd);
}

/* Kept so: who looks at such a LUN may make its missing pages, so the next could not tell. */
static int hold_all(struct adoption *a)
{
	int rc = 0;

	for (unsigned slot = 0; slot < TABLES_MAX && !rc; slot++) {
		struct store_lun *l = a->s->kept[slot];

		if (!l || l->held)
			continue;
		l->held = true;
		rc = lun_record_flag(l, RECORD_HELD);
		FAIL_POINT(ADOPT_HELD);
	}
	return rc;
}

/* A page that is made by looking at it was not there: its zeroes are nobody's data. */
static void lose_missing(struct adoption *a, struct store_lun *l, uint64_t page, uint32_t num)
{
	struct pool *p = &a->s->pool;
	const uint64_t before = pool_host_bytes(p);

	if (num & TABLE_LOST)
		return;
	if (!pool_populate(p, num, num + 1) && pool_host_bytes(p) == before)
		return;
	adopt_lose(l, page);
	l->pages--;
	pool_punch(p, num, num + 1);
	a->named[num / 64] &= ~((uint64_t)1 << num % 64);
}

static uint64_t bytes_missing(struct adoption *a)
{
	const uint64_t have = pool_host_bytes(&a->s->pool);

	a->used = a->highest = 0;
	(void)each_run(a, true, count);
	return have < a->used * STORE_PAGE_SIZE ? a->used * STORE_PAGE_SIZE - have : 0;
}

/* Gives back what nobody has, and sees whether all is there that somebody has. */
static int settle_pages(struct adoption *a)
{
	struct pool *p = &a->s->pool;
	const uint64_t before = pool_host_bytes(p);

	(void)each_run(a, false, punch);
	a->given_back = (before - pool_host_bytes(p)) >> STORE_PAGE_SHIFT;
	if (bytes_missing(a))
		adopt_each_entry(a, lose_missing);
	uint64_t missing = bytes_missing(a);
	a->missing = missing > 0;
	if (!a->missing && !a->store_lost)
		return 0;
	if (a->missing)
		log_error("store: %" PRIu64 " MiB of the memory that was kept are missing: no LUN "
			  "of it is served",
			  missing >> 20);
	return hold_all(a);
}

static void settle_luns(struct adoption *a)
{
	struct pool *p = &a->s->pool;

	for (unsigned slot = 0; slot < TABLES_MAX; slot++) {
		struct store_lun *l = a->s->kept[slot];

		if (!l)
			continue;
		p->lent += l->table.pages;
		if (!l->held)
			lun_clear_tail(l);
		FAIL_POINT(ADOPT_TAIL);
	}
}

static int adopt(struct adoption *a)
{
	struct store *s = a->s;
	int rc = adopt_luns(a);

	if (!rc)
		rc = adopt_tables(a);
	FAIL_POINT(ADOPT_TABLES);
	if (!rc)
		rc = settle_pages(a);
	if (rc)
		return rc;
	rc = adopt_redo(a);
	if (rc)
		return rc;
	settle_luns(a);
	pool_adopt(&s->pool, a->named, a->highest, (uint32_t)a->used);
	/* Last: until then the next process finds it lost as well. And before anything is written
	 * that an older memtgtd would not know of. */
	if (a->store_lost || a->older)
		rc = records_write_store(&s->records, &s->records.store);
	return rc || a->missing ? rc : map_again(a);
}

static void report(const struct adoption *a, uint64_t began)
{
	if (a->healed)
		log_warn("store: %u records had one bad copy, and are whole again", a->healed);
	if (a->redone)
		log_info("store: %u changes of blocks that were being done when the last process "
			 "ended were done again",
			 a->redone);
	log_info("store: goes on with kept memory: %u LUNs, %" PRIu64
		 " pages of 2 MiB in use, %" PRIu64
		 " given back, %u LUNs half made or half gone; took %" PRIu64 " ms",
		 a->luns, a->used, a->given_back, a->gone,
		 (uint64_t)((clock_now() - began) / NS_PER_MS));
}

int store_adopt(struct store *s, uint32_t file_pages, bool background, char *why, size_t why_len)
{
	const uint64_t began = clock_now();
	struct adoption a = {.s = s, .file_pages = file_pages, .background = background};
	int rc = adopt_formats(&a, why, why_len);

	if (rc)
		return rc;
	a.named = calloc(file_pages / 64 + 1, sizeof(*a.named));
	a.twice = calloc(file_pages / 64 + 1, sizeof(*a.twice));
	s->kept = calloc(TABLES_MAX, sizeof(struct store_lun *));
	rc = a.named && a.twice && s->kept ? adopt(&a) : -ENOMEM;
	free(a.named);
	free(a.twice);
	if (rc)
		snprintf(why, why_len, "the memory that was kept cannot be used: %s",
			 strerror(-rc));
	else
		report(&a, began);
	return rc;
}
