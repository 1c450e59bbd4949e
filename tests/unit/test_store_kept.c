// SPDX-License-Identifier: MIT
/* test_store_kept.c - memory that outlives its process: what is found, and what is damaged. */
#include "test_kept.h"

#include <errno.h>

#include <signal.h>
#include <sys/wait.h>

#include "base/crc32c.h"

#define POOL 40u

static struct store *s;
static struct store_reader *r;
static struct store_files kept;

static void begin(int kind)
{
	s = open_store(kind, POOL, 1);
	r = store_reader(s, 0);
	kept = keep_files(s);
}

/* The process ends, and another goes on. */
static void next_process(struct store_lun **luns, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		store_lun_leave(luns[i]);
	store_reader_offline(r);
	store_leave(s);
	s = adopt_store(&kept, POOL, 1);
	r = store_reader(s, 0);
}

static void end(void)
{
	store_close(s);
	drop_files(&kept);
}

static struct store_lun *labelled(uint64_t bytes, enum store_provisioning p, const char *label)
{
	const struct store_label as = {label, strlen(label)};
	struct store_lun *l = NULL;
	char why[512] = "";
	int rc = store_lun_create(s, bytes, p, &as, NULL, NULL, &l, why, sizeof(why));

	ck_assert_msg(rc == 0, "%s", why);
	filler_run(s);
	return l;
}

static void put(struct store_lun *l, uint64_t off, uint64_t n, uint8_t v)
{
	uint8_t *p = malloc(n);

	memset(p, v, n);
	for (uint64_t done = 0; done < n;) {
		int64_t got = store_write(r, l, off + done, p + done, n - done);

		if (got == -EAGAIN)
			filler_run(s);
		else
			ck_assert_int_gt(got, 0);
		done += got > 0 ? (uint64_t)got : 0;
	}
	free(p);
}

static struct store_kept list_one(void)
{
	struct store_kept *all, one;
	size_t n;

	ck_assert_int_eq(store_kept_list(s, &all, &n), 0);
	ck_assert_uint_eq(n, 1);
	one = all[0];
	free(all);
	return one;
}

static void expect_label(const struct store_lun *l, const char *label)
{
	uint8_t text[STORE_LABEL_MAX];

	ck_assert_uint_eq(store_lun_label(l, text), strlen(label));
	ck_assert_mem_eq(text, label, strlen(label));
}

/* ---- what is found ---- */

START_TEST(all_is_found_again)
{
	uint8_t settings[STORE_SETTINGS_MAX];
	struct store_lun *l[3];
	struct store_kept *list;
	uint64_t run;
	size_t n;

	begin(_i);
	ck_assert(!store_is_kept(s));
	ck_assert_uint_eq(store_settings(s, settings), 0);
	ck_assert_int_eq(store_set_settings(s, "ceiling", 7), 0);
	l[0] = labelled(20 * PAGE + 512, STORE_THIN, "thin");
	l[1] = labelled(5 * PAGE - 512, STORE_FULL, "full");
	l[2] = labelled(2000 * PAGE, STORE_THIN, "not used");
	put(l[0], 0, 3 * PAGE, 1);
	put(l[0], 20 * PAGE, 512, 2);
	ck_assert_uint_eq(store_unmap(r, l[0], PAGE, PAGE), PAGE);
	ck_assert_int_eq(store_anchor(r, l[0], 5 * PAGE, PAGE), PAGE);
	put(l[1], 4 * PAGE, 512, 3);

	next_process(l, 3);
	ck_assert(store_is_kept(s));
	ck_assert_uint_eq(store_settings(s, settings), 7);
	ck_assert_mem_eq(settings, "ceiling", 7);
	ck_assert_int_eq(stats_of(s).kind, _i);
	ck_assert_int_eq(store_kept_list(s, &list, &n), 0);
	ck_assert_uint_eq(n, 3);
	ck_assert_mem_eq(list[0].label, "thin", 4);
	ck_assert_uint_eq(list[0].bytes, 20 * PAGE + 512);
	ck_assert_uint_eq(list[0].pages, 4);
	ck_assert(list[0].used && list[1].used && !list[2].used);
	ck_assert_int_eq(list[1].provisioning, STORE_FULL);
	ck_assert_uint_eq(list[1].pages, 5);
	ck_assert_uint_eq(list[2].label_len, 8);
	for (unsigned i = 0; i < 3; i++) {
		ck_assert_int_eq(list[i].state, STORE_KEPT_WHOLE);
		l[i] = adopt_lun(s, list[i].slot);
	}
	free(list);
	ck_assert_uint_eq(expect_no_leak(s, l, 3), 9);
	ck_assert_uint_eq(stats_of(s).pages_lent, 21 + 5 + 2000);
	expect(l[0], 0, PAGE, 1);
	expect(l[0], PAGE, PAGE, 0);
	expect(l[0], 2 * PAGE, PAGE, 1);
	expect(l[0], 3 * PAGE, 17 * PAGE, 0);
	expect(l[0], 20 * PAGE, 512, 2);
	expect(l[1], 0, 4 * PAGE, 0);
	expect(l[1], 4 * PAGE, 512, 3);
	ck_assert_int_eq(store_state(l[0], 5 * PAGE, 1, &run), STORE_MAPPED);

	/* And it goes on. */
	filler_run(s);
	put(l[2], 1999 * PAGE, PAGE, 4);
	ck_assert(store_lun_used(l[2]));
	ck_assert_int_eq(store_lun_set_label(l[2], "other", 5), 0);
	next_process(l, 3);
	for (unsigned i = 0; i < 3; i++)
		l[i] = adopt_lun(s, i);
	expect(l[2], 1999 * PAGE, PAGE, 4);
	expect_label(l[2], "other");
	ck_assert(store_lun_used(l[2]));
	for (unsigned i = 0; i < 3; i++)
		store_lun_destroy(l[i]);
	expect_empty(s);
	end();
}
END_TEST

/* Whom nobody adopts is there the next time; whom somebody removed is not. */
START_TEST(luns_wait_for_their_owner)
{
	struct store_lun *l[2];
	struct store_kept one;
	char why[200];

	begin(STORE_PLAIN);
	l[0] = labelled(4 * PAGE, STORE_THIN, "a");
	l[1] = labelled(4 * PAGE, STORE_THIN, "b");
	put(l[1], 0, PAGE, 7);
	next_process(l, 2);
	store_lun_destroy(adopt_lun(s, 0));
	ck_assert_int_eq(store_lun_adopt(s, 0, &l[0], why, sizeof(why)), -ENOENT);
	ck_assert_int_eq(store_lun_adopt(s, TABLES_MAX, &l[0], why, sizeof(why)), -ENOENT);
	next_process(NULL, 0);
	one = list_one();
	ck_assert_uint_eq(one.slot, 1);
	/* A new one does not get its table. */
	l[0] = labelled(PAGE, STORE_THIN, "c");
	l[1] = adopt_lun(s, 1);
	ck_assert_uint_eq(l[0]->table.slot, 0);
	expect(l[1], 0, PAGE, 7);
	expect(l[0], 0, PAGE, 0);
	store_lun_destroy(l[0]);
	store_lun_destroy(l[1]);
	end();
}
END_TEST

/* The pool may have become smaller than what it holds, or larger than it was made for. */
START_TEST(another_ceiling)
{
	struct store_lun *l;
	char why[200] = "";

	begin(STORE_PLAIN);
	l = labelled(20 * PAGE, STORE_FULL, "full");
	store_lun_leave(l);
	store_reader_offline(r);
	store_leave(s);

	s = adopt_store(&kept, 10, 1);
	ck_assert_uint_eq(stats_of(s).pages_max, 20);
	l = adopt_lun(s, 0);
	ck_assert_int_eq(store_set_ceiling(s, 19 * PAGE, why, sizeof(why)), -EBUSY);
	store_lun_leave(l);
	store_leave(s);

	s = adopt_store(&kept, 100000, 1);
	ck_assert_uint_eq(stats_of(s).pages_max, 100000);
	l = adopt_lun(s, 0);
	ck_assert_uint_eq(expect_no_leak(s, &l, 1), 20);
	store_lun_destroy(l);
	end();
}
END_TEST

/* Those that tables name, and only as long as they do. */
START_TEST(pages_are_mapped_again)
{
	struct store_options o = kept_options(NULL, POOL, 1);
	struct store_lun *l;
	char why[200];

	begin(STORE_PLAIN);
	l = labelled(POOL * PAGE, STORE_THIN, "l");
	put(l, 0, 30 * PAGE, 1);
	ck_assert_uint_eq(store_unmap(r, l, 0, PAGE), PAGE);
	next_process(&l, 1);
	s->touch.pool = &s->pool;
	s->touch.tables = s->tables.fd;
	ck_assert_uint_eq(touch_all(&s->touch), 29);
	store_reader_offline(r);
	store_leave(s);

	o.no_filler = false;
	ck_assert_int_eq(open_kept(&s, &kept, o, why, sizeof(why)), 0);
	r = store_reader(s, 0);
	l = adopt_lun(s, 0);
	ck_assert(s->touch.has_thread);
	for (uint64_t page = 30; page--;) {
		ck_assert_uint_eq(store_unmap(r, l, page * PAGE, PAGE), PAGE);
		store_reader_quiet(r);
	}
	quiet_all(s, r);
	touch_stop(&s->touch);
	expect_host(s);
	ck_assert_uint_eq(stats_of(s).pages_used, 0);
	store_lun_destroy(l);
	expect_empty(s);
	end();
}
END_TEST

/* ---- the first write ---- */

static unsigned firsts, wakes;

static void on_first(void *arg, struct store_lun *l)
{
	ck_assert_ptr_eq(arg, &firsts);
	ck_assert(!store_lun_used(l));
	firsts++;
}

static void on_wake(void *arg)
{
	(void)arg;
	wakes++;
}

START_TEST(first_write_waits_for_the_mark)
{
	uint8_t block[512];
	struct store_lun *l;

	begin(STORE_PLAIN);
	store_on_first_write(s, on_first, &firsts);
	store_on_retire(s, on_wake, NULL);
	l = labelled(4 * PAGE, STORE_THIN, "l");
	memset(block, 1, sizeof(block));
	firsts = wakes = 0;
	/* What puts no data there is done. */
	ck_assert_int_eq(store_anchor(r, l, 0, PAGE), PAGE);
	ck_assert_uint_eq(store_unmap(r, l, 0, PAGE), PAGE);
	ck_assert(!firsts && !store_lun_used(l));
	wakes = 0;
	ck_assert_int_eq(store_write(r, l, 0, block, 512), -EAGAIN);
	ck_assert_int_eq(store_fill(r, l, 0, PAGE, block, 512), -EAGAIN);
	ck_assert_int_eq(store_write(r, l, 0, block, 512), -EAGAIN);
	ck_assert_uint_eq(firsts, 1);
	ck_assert_uint_eq(wakes, 0);
	ck_assert_uint_eq(store_lun_pages(l), 0);
	store_lun_set_used(l);
	ck_assert_uint_eq(wakes, 1);
	ck_assert(store_lun_used(l));
	filler_run(s);
	put(l, 0, 512, 1);
	/* Once and for all. */
	next_process(&l, 1);
	store_on_first_write(s, on_first, &firsts);
	l = adopt_lun(s, 0);
	put(l, 0, 512, 2);
	ck_assert_uint_eq(firsts, 1);
	/* Nobody is woken who is about to end. */
	store_on_retire(s, on_wake, NULL);
	struct store_lun *other = labelled(PAGE, STORE_THIN, "o");
	ck_assert_int_eq(store_fill(r, other, 0, PAGE, block, 512), -EAGAIN);
	store_stop_filling(s);
	wakes = 0;
	store_lun_set_used(other);
	ck_assert_uint_eq(wakes, 0);
	ck_assert_uint_eq(firsts, 2);
	store_lun_destroy(other);
	store_lun_destroy(l);
	end();
}
END_TEST

/* ---- damage ---- */

static void set_entry(struct store_lun *l, uint64_t page, uint32_t to)
{
	l->table.entry[page] = to;
}

/* Two LUNs, the first of which is damaged by the test. */
static void two_luns(struct store_lun **l, enum store_provisioning p)
{
	begin(STORE_PLAIN);
	l[0] = labelled(4 * PAGE, p, "one");
	l[1] = labelled(4 * PAGE, STORE_THIN, "two");
	for (unsigned i = 0; i < 2; i++)
		put(l[i], 0, 4 * PAGE, (uint8_t)(i + 1));
}

static void adopt_two(struct store_lun **l)
{
	next_process(l, 2);
	for (unsigned i = 0; i < 2; i++)
		l[i] = adopt_lun(s, i);
}

/* What is lost is not read, not written, and told; `whole` pages are there. */
static void expect_lost(struct store_lun *l, uint64_t lost, uint8_t v, unsigned whole)
{
	ck_assert_int_eq(store_lun_state(l), STORE_KEPT_READ_ONLY);
	ck_assert(store_lost(l, lost * PAGE, 512));
	ck_assert(store_lost(l, lost * PAGE + PAGE - 512, 512));
	ck_assert(store_lost(l, 0, 4 * PAGE));
	for (uint64_t page = 0; page < 4; page++) {
		if (store_lost(l, page * PAGE, PAGE))
			continue;
		expect(l, page * PAGE, PAGE, v);
		whole--;
	}
	ck_assert_uint_eq(whole, 0);
	ck_assert_int_eq(store_write(r, l, lost * PAGE, "x", 1), -EIO);
	ck_assert_int_eq(store_anchor(r, l, lost * PAGE, PAGE), -EIO);
}

START_TEST(an_entry_out_of_range)
{
	static const uint32_t wrong[] = {0x3fffffff, 0x00ffffff, TABLE_LOST | 1, TABLE_ANCHORED,
					 0x7fffffff};
	struct store_lun *l[2];

	two_luns(l, STORE_THIN);
	set_entry(l[0], 2, wrong[_i]);
	for (unsigned i = 0; i < 2; i++) { /* it stays so */
		adopt_two(l);
		expect_lost(l[0], 2, 1, 3);
		ck_assert_int_eq(store_lun_state(l[1]), STORE_KEPT_WHOLE);
		ck_assert(!store_lost(l[1], 0, 4 * PAGE));
		expect(l[1], 0, 4 * PAGE, 2);
		ck_assert_uint_eq(expect_no_leak(s, l, 2), 7);
	}
	store_lun_destroy(l[0]);
	store_lun_destroy(l[1]);
	expect_empty(s);
	end();
}
END_TEST

/* Neither LUN gives the page to anybody. */
START_TEST(an_entry_named_twice)
{
	struct store_lun *l[2];

	two_luns(l, STORE_THIN);
	set_entry(l[0], 3, l[_i]->table.entry[0]);
	adopt_two(l);
	expect_lost(l[0], 3, 1, _i ? 3 : 2);
	if (_i)
		expect_lost(l[1], 0, 2, 3);
	else
		ck_assert(store_lost(l[0], 0, 512));
	ck_assert_int_eq(store_lun_state(l[1]), _i ? STORE_KEPT_READ_ONLY : STORE_KEPT_WHOLE);
	ck_assert_uint_eq(expect_no_leak(s, l, 2), 6);
	store_lun_destroy(l[0]);
	store_lun_destroy(l[1]);
	expect_empty(s);
	end();
}
END_TEST

START_TEST(a_hole_in_a_full_lun)
{
	struct store_lun *l[2];

	two_luns(l, STORE_FULL);
	set_entry(l[0], 1, 0);
	adopt_two(l);
	expect_lost(l[0], 1, 1, 3);
	ck_assert_uint_eq(expect_no_leak(s, l, 2), 7);
	store_lun_destroy(l[0]);
	store_lun_destroy(l[1]);
	end();
}
END_TEST

/* As a process leaves it that ended while it cut a LUN, or added to it. */
START_TEST(what_lies_behind_the_end_goes)
{
	struct store_lun *l[2];
	const uint64_t cut = PAGE + 512;

	two_luns(l, _i ? STORE_FULL : STORE_THIN);
	ck_assert_int_eq(lun_record_bytes(l[0], cut), 0);
	adopt_two(l);
	ck_assert_uint_eq(store_lun_bytes(l[0]), cut);
	ck_assert_uint_eq(expect_no_leak(s, l, 2), 6);
	ck_assert_int_eq(store_lun_state(l[0]), STORE_KEPT_WHOLE);
	expect(l[0], 0, cut, 1);
	filler_run(s);
	char why[200] = "";
	ck_assert_int_eq(store_lun_resize(r, l[0], 4 * PAGE, false, why, sizeof(why)), 0);
	expect(l[0], cut, 4 * PAGE - cut, 0);
	store_lun_destroy(l[0]);
	store_lun_destroy(l[1]);
	end();
}
END_TEST

START_TEST(a_half_made_lun_goes)
{
	static const enum record_state states[] = {RECORD_MAKING, RECORD_GOING};
	struct store_lun *l[2];

	two_luns(l, STORE_THIN);
	ck_assert_int_eq(lun_record_state(l[0], states[_i]), 0);
	next_process(l, 2);
	ck_assert_uint_eq(list_one().slot, 1);
	l[1] = adopt_lun(s, 1);
	ck_assert_uint_eq(expect_no_leak(s, l + 1, 1), 4);
	l[0] = labelled(4 * PAGE, STORE_THIN, "new");
	ck_assert_uint_eq(l[0]->table.slot, 0);
	expect(l[0], 0, 4 * PAGE, 0);
	store_lun_destroy(l[0]);
	store_lun_destroy(l[1]);
	end();
}
END_TEST

static void spoil(uint32_t place, bool both)
{
	for (unsigned copy = 0; copy < (both ? 2 : 1); copy++) {
		off_t at = (off_t)place * RECORD_BYTES + copy * RECORDS_COPY + 100;

		ck_assert_int_eq(pwrite(kept.records, "\xff", 1, at), 1);
	}
}

/* Its pages are kept, for who can make sense of them; the other is served. */
START_TEST(a_lost_record_holds_its_lun)
{
	struct store_lun *l[2];

	two_luns(l, STORE_THIN);
	spoil(1, true);
	for (unsigned i = 0; i < 2; i++) { /* it stays so */
		struct store_kept *list;
		size_t n;

		next_process(l, i ? 0 : 2);
		ck_assert_int_eq(store_kept_list(s, &list, &n), 0);
		ck_assert_uint_eq(n, 2);
		ck_assert_int_eq(list[0].state, STORE_KEPT_HELD);
		ck_assert_uint_eq(list[0].label_len, 0);
		ck_assert_uint_eq(list[0].bytes, 4 * PAGE);
		ck_assert_int_eq(list[1].state, STORE_KEPT_WHOLE);
		free(list);
	}
	for (unsigned i = 0; i < 2; i++) {
		l[i] = adopt_lun(s, i);
		expect(l[i], 0, 4 * PAGE, (uint8_t)(i + 1));
	}
	ck_assert_uint_eq(expect_no_leak(s, l, 2), 8);
	store_lun_destroy(l[0]);
	store_lun_destroy(l[1]);
	expect_empty(s);
	end();
}
END_TEST

/* As if it had never been there: the table tells better. */
START_TEST(a_record_of_zeroes_holds_its_lun)
{
	const uint8_t zero[RECORD_BYTES] = {0};
	struct store_lun *l[2];

	two_luns(l, STORE_THIN);
	for (unsigned copy = 0; copy < 2; copy++)
		ck_assert_int_eq(pwrite(kept.records, zero, sizeof(zero),
					RECORD_BYTES + copy * RECORDS_COPY),
				 RECORD_BYTES);
	adopt_two(l);
	ck_assert_int_eq(store_lun_state(l[0]), STORE_KEPT_HELD);
	expect(l[0], 0, 4 * PAGE, 1);
	ck_assert_uint_eq(expect_no_leak(s, l, 2), 8);
	store_lun_destroy(l[0]);
	store_lun_destroy(l[1]);
	end();
}
END_TEST

START_TEST(a_lost_store_holds_all)
{
	struct store_lun *l[2];

	two_luns(l, STORE_THIN);
	spoil(0, true);
	for (unsigned i = 0; i < 2; i++) {
		adopt_two(l);
		for (unsigned k = 0; k < 2; k++) {
			ck_assert_int_eq(store_lun_state(l[k]), STORE_KEPT_HELD);
			expect(l[k], 0, 4 * PAGE, (uint8_t)(k + 1));
		}
	}
	expect_label(l[0], "one");
	ck_assert_uint_eq(expect_no_leak(s, l, 2), 8);
	/* What is made from now on is not held. */
	struct store_lun *new = labelled(PAGE, STORE_THIN, "new");
	store_lun_destroy(l[0]);
	store_lun_destroy(l[1]);
	next_process(&new, 1);
	ck_assert_int_eq(list_one().state, STORE_KEPT_WHOLE);
	end();
}
END_TEST

START_TEST(one_bad_copy_is_no_harm)
{
	struct store_lun *l[2];

	two_luns(l, STORE_THIN);
	for (uint32_t place = 0; place < 3; place++)
		spoil(place, false);
	adopt_two(l);
	for (unsigned k = 0; k < 2; k++) {
		ck_assert_int_eq(store_lun_state(l[k]), STORE_KEPT_WHOLE);
		expect(l[k], 0, 4 * PAGE, (uint8_t)(k + 1));
		store_lun_destroy(l[k]);
	}
	end();
}
END_TEST

/* A page of the pool is not there any more: zeroes are not its data. */
START_TEST(a_missing_page)
{
	struct store_lun *l[2];

	two_luns(l, STORE_THIN);
	const off_t at = (off_t)(pool_page(&s->pool, l[0]->table.entry[1]) - s->pool.base);

	/* All of it, or 4 KiB. */
	ck_assert_int_eq(fallocate(kept.pool, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at,
				   _i ? 4096 : (off_t)PAGE),
			 0);
	for (unsigned i = 0; i < 2; i++) { /* also after somebody has looked at it */
		adopt_two(l);
		expect_lost(l[0], 1, 1, 3);
		ck_assert_int_eq(store_lun_state(l[1]), STORE_KEPT_WHOLE);
		expect(l[1], 0, 4 * PAGE, 2);
		ck_assert_uint_eq(expect_no_leak(s, l, 2), 7);
	}
	store_lun_destroy(l[0]);
	store_lun_destroy(l[1]);
	end();
}
END_TEST

static uint64_t random_state;

static uint64_t draw(uint64_t below)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (random_state >> 33) % below;
}

/* A few bytes of what is kept of the first LUN become others. */
static void damage(struct store_lun *l)
{
	uint32_t at = (uint32_t)draw(5), bit = (uint32_t)1 << draw(32);

	switch (draw(4)) {
	case 0:
		set_entry(l, at, l->table.entry[at] ^ bit);
		break;
	case 1:
		set_entry(l, at, (uint32_t)draw(POOL + 2));
		break;
	case 2:
		if (!table_leaf_make(&l->table, 5000))
			set_entry(l, 5000 + at, bit);
		break;
	default:
		spoil(l->table.slot + 1, draw(2) != 0);
	}
}

/* Whatever the first LUN has become, nobody is given what is not his, and the sums are right. */
START_TEST(any_damage)
{
	struct store_lun *l[2];
	unsigned states[3] = {0};

	for (unsigned round = 0; round < 60; round++) {
		random_state = round;
		two_luns(l, round & 1 ? STORE_FULL : STORE_THIN);
		for (uint64_t n = 1 + draw(4); n; n--)
			damage(l[0]);
		adopt_two(l);
		expect_no_leak(s, l, 2);
		states[store_lun_state(l[0])]++;
		for (uint64_t page = 0; page < 4; page++) {
			if (!store_lost(l[1], page * PAGE, PAGE))
				expect(l[1], page * PAGE, PAGE, 2);
			if (store_lun_state(l[0]) == STORE_KEPT_READ_ONLY &&
			    !store_lost(l[0], page * PAGE, PAGE))
				(void)store_at(l[0], page * PAGE, PAGE, &(size_t){0});
		}
		store_lun_destroy(l[0]);
		store_lun_destroy(l[1]);
		expect_empty(s);
		end();
	}
	printf("# %u whole, %u read-only, %u held\n", states[0], states[1], states[2]);
	ck_assert(states[0] && states[1] && states[2]);
}
END_TEST

/* ---- refused ---- */

static void refused(const struct store_files *files, int err, const char *says)
{
	struct store *other;
	char why[512] = "";
	int rc = open_kept(&other, files, kept_options(NULL, POOL, 1), why, sizeof(why));

	ck_assert_int_eq(rc, err);
	ck_assert_msg(strstr(why, says) != NULL, "\"%s\" has no \"%s\"", why, says);
}

START_TEST(a_newer_format_is_refused)
{
	const uint32_t place = _i ? 2 : 0;
	uint8_t raw[RECORD_BYTES];
	struct store_lun *l[2];
	off_t at = place * RECORD_BYTES;

	two_luns(l, STORE_THIN);
	store_lun_leave(l[0]);
	store_lun_leave(l[1]);
	store_leave(s);
	ck_assert_int_eq(pread(kept.records, raw, RECORD_BYTES, at), RECORD_BYTES);
	uint8_t before[RECORD_BYTES];
	memcpy(before, raw, RECORD_BYTES);
	raw[11] = STORE_FORMAT_NEWEST + 1;
	raw[23]++; /* the sequence number */
	uint32_t crc = crc32c_update(CRC32C_INIT, raw, 12);
	st32(raw + 12, ~crc32c_update(crc, raw + 16, RECORD_BYTES - 16));
	ck_assert_int_eq(pwrite(kept.records, raw, RECORD_BYTES, at), RECORD_BYTES);
	refused(&kept, -EPROTONOSUPPORT, "has format 3");
	/* Nothing was changed. */
	ck_assert_int_eq(pwrite(kept.records, before, RECORD_BYTES, at), RECORD_BYTES);
	s = adopt_store(&kept, POOL, 1);
	r = store_reader(s, 0);
	for (unsigned k = 0; k < 2; k++) {
		l[k] = adopt_lun(s, k);
		expect(l[k], 0, 4 * PAGE, (uint8_t)(k + 1));
		store_lun_destroy(l[k]);
	}
	end();
}
END_TEST

START_TEST(other_files_are_refused)
{
	struct store_files wrong;

	begin(STORE_PLAIN);
	store_leave(s);
	wrong = (struct store_files){kept.pool, kept.tables, -1};
	refused(&wrong, -EINVAL, "must all be there");
	wrong = (struct store_files){kept.pool, -1, kept.records};
	refused(&wrong, -EINVAL, "must all be there");
	wrong = (struct store_files){-1, kept.tables, kept.records};
	refused(&wrong, -EINVAL, "must all be there");
	wrong = (struct store_files){kept.pool, kept.records, kept.tables};
	refused(&wrong, -EINVAL, "records");
	wrong = (struct store_files){kept.pool, kept.pool, kept.records};
	refused(&wrong, -EINVAL, "cannot make");
	int pipes[2], null = open("/dev/null", O_RDWR | O_CLOEXEC);
	ck_assert_int_eq(pipe(pipes), 0);
	wrong = (struct store_files){pipes[0], kept.tables, kept.records};
	refused(&wrong, -EINVAL, "must all be there");
	wrong = (struct store_files){null, kept.tables, kept.records};
	refused(&wrong, -EINVAL, "must all be there");
	/* It was not harmed by that. */
	s = adopt_store(&kept, POOL, 1);
	end();
}
END_TEST

/* Waits some seconds for an owner that may be dying. */
START_TEST(only_one_process_has_it)
{
	int ready[2], go[2];
	char byte, says[64];

	begin(STORE_PLAIN);
	store_leave(s);
	ck_assert_int_eq(pipe(ready) | pipe(go), 0);
	pid_t pid = fork();
	if (!pid) {
		s = adopt_store(&kept, POOL, 1);
		if (write(ready[1], "x", 1) != 1 || read(go[0], &byte, 1) != 1)
			_exit(1);
		kill(getpid(), SIGKILL);
	}
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	snprintf(says, sizeof(says), "process %d", (int)pid);
	refused(&kept, -EBUSY, says);
	ck_assert_int_eq(write(go[1], "x", 1), 1);
	s = adopt_store(&kept, POOL, 1);
	waitpid(pid, NULL, 0);
	end();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("store_kept");
	TCase *tc = tcase_create("found"), *damaged = tcase_create("damaged"),
	      *refuse = tcase_create("refused");

	tcase_add_loop_test(tc, all_is_found_again, KINDS_FROM, KINDS_TO);
	tcase_add_test(tc, luns_wait_for_their_owner);
	tcase_add_test(tc, another_ceiling);
	tcase_add_test(tc, pages_are_mapped_again);
	tcase_add_test(tc, first_write_waits_for_the_mark);
	suite_add_tcase(suite, tc);
	tcase_add_loop_test(damaged, an_entry_out_of_range, 0, 5);
	tcase_add_loop_test(damaged, an_entry_named_twice, 0, 2);
	tcase_add_test(damaged, a_hole_in_a_full_lun);
	tcase_add_loop_test(damaged, what_lies_behind_the_end_goes, 0, 2);
	tcase_add_loop_test(damaged, a_half_made_lun_goes, 0, 2);
	tcase_add_test(damaged, a_lost_record_holds_its_lun);
	tcase_add_test(damaged, a_record_of_zeroes_holds_its_lun);
	tcase_add_test(damaged, a_lost_store_holds_all);
	tcase_add_test(damaged, one_bad_copy_is_no_harm);
	tcase_add_loop_test(damaged, a_missing_page, 0, 2);
	tcase_add_test(damaged, any_damage);
	tcase_set_timeout(damaged, 120);
	suite_add_tcase(suite, damaged);
	tcase_set_timeout(refuse, 60);
	tcase_add_loop_test(refuse, a_newer_format_is_refused, 0, 2);
	tcase_add_test(refuse, other_files_are_refused);
	tcase_add_test(refuse, only_one_process_has_it);
	suite_add_tcase(suite, refuse);
	return test_main(suite);
}
