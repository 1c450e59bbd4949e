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
#include "store/internal.h"

#define PAGE_MIB (STORE_PAGE_SIZE >> 20)

struct adoption {
	struct store *s;
	uint32_t file_pages;	 /* numbers go up to this */
	uint64_t *named, *twice; /* bits of page numbers */
	uint32_t highest, doubles;
	uint64_t used, given_back; /* pages */
	unsigned luns, healed, gone;
	bool store_lost; /* the store's own record is */
	bool missing;	 /* not all pages that tables name are there */
	bool background; /* threads may be started */
};

/* ---- records ---- */

static int refuse_newer(const uint8_t *raw, char *why, size_t why_len)
{
	snprintf(why, why_len,
		 "the memory that was kept has format %u, and this memtgtd reads %u to %u: start "
		 "the newer memtgtd that it comes from",
		 ld32(raw + offsetof(struct record_head, format)), STORE_FORMAT_OLDEST,
		 STORE_FORMAT_NEWEST);
	return -EPROTONOSUPPORT;
}

static int read_record(struct adoption *a, uint32_t place, uint8_t *raw, enum record_is *is,
		       char *why, size_t why_len)
{
	bool healed = false;
	int rc = records_read(&a->s->records, place, raw, is, &healed);

	FAIL_POINT(ADOPT_READ);
	a->healed += healed;
	if (rc)
		snprintf(why, why_len, "the memory that was kept cannot be read: %s",
			 strerror(-rc));
	else if (*is == RECORD_NEWER)
		rc = refuse_newer(raw, why, why_len);
	return rc;
}

/* Nothing but bad copies is changed before it is known that all can be read. */
static int check_formats(struct adoption *a, char *why, size_t why_len)
{
	uint8_t raw[RECORD_BYTES];
	enum record_is is;
	int rc = read_record(a, 0, raw, &is, why, why_len);

	if (rc)
		return rc;
	a->store_lost = is != RECORD_GOOD;
	record_get_store(raw, &a->s->records.store);
	if (a->store_lost)
		log_error("store: both copies of the record of the memory that was kept are lost: "
			  "no LUN of it is served, but they can be exported");
	for (uint32_t place = 1; !rc; place++) {
		place = records_next(&a->s->records, place);
		if (place == RECORDS_PLACES)
			break;
		rc = read_record(a, place, raw, &is, why, why_len);
	}
	return rc;
}

static struct store_lun *lun_of(struct adoption *a, unsigned slot, const struct record_lun *rec)
{
	struct store_lun *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->store = a->s;
	l->record = *rec;
	l->bytes = rec->bytes;
	l->provisioning = rec->provisioning;
	l->used = rec->flags & RECORD_USED;
	l->held = rec->flags & RECORD_HELD;
	if (table_adopt(&l->table, &a->s->tables, slot, pages_of(rec->bytes))) {
		free(l);
		return NULL;
	}
	a->s->kept[slot] = l;
	a->luns++;
	return l;
}

/* The highest page that the table has an entry for, and one more; 0 if it has none. */
static uint64_t end_of_entries(const struct store_lun *l)
{
	uint64_t end = 0, page = 0;

	while (page < TABLE_LEAVES * TABLE_LEAF) {
		if (!table_leaf(&l->table, page)) {
			page = table_next_leaf(page);
			continue;
		}
		if (table_entry(&l->table, page++))
			end = page;
	}
	return end;
}

/* A table whose record is lost: its pages are kept, and nobody knows whose they are. */
static int take_lost(struct adoption *a, unsigned slot)
{
	struct record_lun rec = {.state = RECORD_LIVE,
				 .provisioning = STORE_THIN,
				 .flags = RECORD_USED | RECORD_HELD,
				 .bytes = STORE_LUN_MAX};
	struct store_lun *l = lun_of(a, slot, &rec);

	if (!l)
		return -ENOMEM;
	uint64_t end = end_of_entries(l);
	l->table.pages = end ? end : 1;
	l->bytes = l->table.pages << STORE_PAGE_SHIFT;
	log_error("store: both copies of the record of table %u are lost: its LUN is not served, "
		  "but can be exported",
		  slot);
	int rc = records_reserve(&a->s->records, slot + 1);
	if (!rc)
		rc = lun_record_bytes(l, l->bytes);
	FAIL_POINT(ADOPT_LOST);
	return rc;
}

/* A LUN that was not ready yet, or was being removed: its pages are given back with all others that
 * no table names. */
static int forget(struct adoption *a, unsigned slot, const struct record_lun *rec)
{
	struct record_lun free_one = {.sequence = rec->sequence + 1};
	uint8_t raw[RECORD_BYTES];

	tables_empty_slot(&a->s->tables, slot);
	FAIL_POINT(ADOPT_GONE);
	a->gone++;
	record_put_lun(&free_one, slot + 1, raw);
	return records_write(&a->s->records, slot + 1, raw);
}

static bool has_entries(struct adoption *a, unsigned slot)
{
	struct store_lun l = {.store = a->s};

	if (tables_next(&a->s->tables, slot) != slot)
		return false;
	if (table_adopt(&l.table, &a->s->tables, slot, 0))
		return true;
	bool any = end_of_entries(&l) > 0;
	table_close(&l.table, &a->s->tables);
	return any;
}

static int take_slot(struct adoption *a, unsigned slot)
{
	uint8_t raw[RECORD_BYTES];
	struct record_lun rec;
	enum record_is is;
	bool healed;
	int rc = records_read(&a->s->records, slot + 1, raw, &is, &healed);

	if (rc)
		return rc;
	record_get_lun(raw, slot + 1, &rec);
	if (is == RECORD_BAD)
		return take_lost(a, slot);
	if (rec.state == RECORD_MAKING || rec.state == RECORD_GOING)
		return forget(a, slot, &rec);
	if (rec.state == RECORD_LIVE)
		return lun_of(a, slot, &rec) ? 0 : -ENOMEM;
	/* No LUN begins or ends like this: the record was lost in such a way that it looks right.
	 */
	return has_entries(a, slot) ? take_lost(a, slot) : 0;
}

/* The first from this one on that has a record or a table. */
static unsigned next_slot(const struct adoption *a, unsigned slot)
{
	uint32_t place = records_next(&a->s->records, slot + 1);
	unsigned table = tables_next(&a->s->tables, slot);

	return place - 1 < table ? place - 1 : table;
}

/* ---- tables ---- */

static void each_entry(struct adoption *a, void (*fn)(struct adoption *a, struct store_lun *l,
						      uint64_t page, uint32_t entry))
{
	for (unsigned slot = 0; slot < TABLES_MAX; slot++) {
		struct store_lun *l = a->s->kept[slot];
		uint64_t page = 0;

		while (l && page < TABLE_LEAVES * TABLE_LEAF) {
			uint32_t e = table_entry(&l->table, page);

			if (e)
				fn(a, l, page, e);
			page = table_leaf(&l->table, page) ? page + 1 : table_next_leaf(page);
		}
	}
}

static void set(struct store_lun *l, uint64_t page, uint32_t entry)
{
	atomic_store(&l->table.entry[page], entry);
	FAIL_POINT(ADOPT_ENTRY);
}

static void lose(struct store_lun *l, uint64_t page)
{
	set(l, page, TABLE_LOST);
	l->lost++;
	if (l->lost == 1)
		log_error("store: the LUN of table %u has lost the 2 MiB at %" PRIu64
			  " MiB, and maybe more: it is read-only, and reads of them fail",
			  l->table.slot, page * PAGE_MIB);
}

static void name(struct adoption *a, struct store_lun *l, uint64_t page, uint32_t entry)
{
	const uint32_t num = entry & ~TABLE_ANCHORED;

	if (page >= l->table.pages) {
		set(l, page, 0); /* it was being cut off, or was not added yet */
	} else if (num == TABLE_LOST) {
		l->lost++;
	} else if (!num || num > a->file_pages) {
		lose(l, page);
	} else {
		if (num != entry)
			set(l, page, num);
		if (pool_bit(a->named, num)) {
			pool_set_bit(a->twice, num);
			a->doubles++;
		}
		pool_set_bit(a->named, num);
		l->pages++;
	}
}

/* Nobody can tell whose it is, so nobody gets it. */
static void lose_double(struct adoption *a, struct store_lun *l, uint64_t page, uint32_t entry)
{
	if (entry & TABLE_LOST || !pool_bit(a->twice, entry))
		return;
	lose(l, page);
	l->pages--;
}

/* A full LUN has all its pages. */
static int lose_holes(struct store_lun *l)
{
	int rc = 0;

	if (l->provisioning != STORE_FULL || l->pages + l->lost == l->table.pages)
		return 0;
	for (uint64_t page = 0; page < l->table.pages && !rc; page++) {
		if (table_entry(&l->table, page))
			continue;
		rc = table_leaf_make(&l->table, page);
		if (!rc)
			lose(l, page);
	}
	return rc;
}

static int look_at_tables(struct adoption *a)
{
	int rc = 0;

	each_entry(a, name);
	if (a->doubles)
		each_entry(a, lose_double);
	for (uint32_t i = 0; a->doubles && i <= a->file_pages / 64; i++)
		a->named[i] &= ~a->twice[i];
	for (unsigned slot = 0; slot < TABLES_MAX && !rc; slot++)
		if (a->s->kept[slot])
			rc = lose_holes(a->s->kept[slot]);
	return rc;
}

/* ---- pages ---- */

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

static int populate(struct adoption *a, uint32_t from, uint32_t to)
{
	return pool_populate(&a->s->pool, from, to);
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

/* Gives back what nobody has, and sees whether all is there that somebody has. */
static int settle_pages(struct adoption *a)
{
	struct pool *p = &a->s->pool;
	const uint64_t before = pool_host_bytes(p);

	(void)each_run(a, false, punch);
	(void)each_run(a, true, count);
	const uint64_t after = pool_host_bytes(p), want = a->used * STORE_PAGE_SIZE;

	a->given_back = (before - after) >> STORE_PAGE_SHIFT;
	a->missing = after < want;
	if (!a->missing && !a->store_lost)
		return 0;
	if (a->missing)
		log_error("store: %" PRIu64 " MiB of the memory that was kept are missing: no LUN "
			  "of it is served",
			  (want - after) >> 20);
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
	int rc = 0;

	for (unsigned slot = next_slot(a, 0); slot < TABLES_MAX && !rc;
	     slot = next_slot(a, slot + 1))
		rc = take_slot(a, slot);
	if (!rc)
		rc = look_at_tables(a);
	FAIL_POINT(ADOPT_TABLES);
	if (!rc)
		rc = settle_pages(a);
	if (rc)
		return rc;
	settle_luns(a);
	pool_adopt(&s->pool, a->named, a->highest, (uint32_t)a->used);
	/* Last: until then the next process finds it lost as well. */
	if (a->store_lost)
		rc = records_write_store(&s->records, &s->records.store);
	return rc || a->missing ? rc : map_again(a);
}

static void report(const struct adoption *a, uint64_t began)
{
	if (a->healed)
		log_warn("store: %u records had one bad copy, and are whole again", a->healed);
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
	int rc = check_formats(&a, why, why_len);

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
