// SPDX-License-Identifier: MIT
/* test_store_threshold.c - the word that the pool is soon full: once, in time, and again later. */
#include "test_store.h"

static struct store *s;
static struct store_reader *r;
static unsigned calls;
static uint64_t now;

static void on_threshold(void *arg)
{
	ck_assert_ptr_eq(arg, &calls);
	calls++;
}

static void open_pool(uint64_t pages, unsigned percent)
{
	struct store_options o = {.kind = STORE_PLAIN,
				  .ceiling = pages * PAGE,
				  .soft_threshold_percent = percent,
				  .readers = 1,
				  .no_filler = true};
	char why[256] = "";

	ck_assert_msg(store_open(&s, &o, why, sizeof(why)) == 0, "%s", why);
	r = store_reader(s, 0);
	calls = 0;
	store_on_threshold(s, on_threshold, &calls);
	now = clock_now();
}

static void run(void)
{
	now += THRESHOLD_LOOK_NS;
	filler_run_at(s, now);
}

static void put(struct store_lun *l, uint64_t page)
{
	ck_assert_int_eq(store_write(r, l, page * PAGE, "x", 1), 1);
}

static void end(struct store_lun *l)
{
	quiet_all(s, r);
	store_lun_destroy(l);
	expect_empty(s);
	store_close(s);
}

/* Percent of 40 pages; where it is said, and below which it may be said again. */
/* clang-format off */
static const struct {
	unsigned percent, said, back;
} rows[] = {
	{1,   1,  0},
	{5,   2,  0},
	{7,   3,  1},
	{50,  20, 18},
	{80,  32, 30},
	{99,  40, 38},
	{100, 40, 38},
};
/* clang-format on */

START_TEST(said_once)
{
	unsigned said = rows[_i].said, back = rows[_i].back;

	open_pool(40, rows[_i].percent);
	struct store_lun *l = make_lun(s, 100 * PAGE, STORE_THIN);
	for (unsigned i = 0; i < 40; i++) {
		run();
		ck_assert_uint_eq(calls, i >= said);
		s->pool.asked = false;
		put(l, i);
		if (i + 1 == said) /* without waiting for the low-water mark */
			ck_assert(s->pool.asked);
	}
	run();
	ck_assert_uint_eq(calls, 1);
	for (unsigned left = 40; left-- > (back ? back - 1 : 0);) {
		ck_assert_uint_eq(store_unmap(r, l, left * PAGE, PAGE), PAGE);
		quiet_all(s, r);
		if (left >= back && left + 1 >= said) {
			run();
			put(l, left);
			run();
			ck_assert_uint_eq(calls, 1);
			ck_assert_uint_eq(store_unmap(r, l, left * PAGE, PAGE), PAGE);
			quiet_all(s, r);
		}
	}
	ck_assert_int_eq(s->pool.soft_said, back == 0);
	for (unsigned i = 0; i < 40; i++) {
		run();
		if (store_lun_pages(l) < 40)
			put(l, i);
	}
	run();
	ck_assert_uint_eq(calls, back ? 2 : 1);
	end(l);
}
END_TEST

START_TEST(off)
{
	open_pool(8, 0);
	struct store_lun *l = make_lun(s, 100 * PAGE, STORE_THIN);
	for (unsigned i = 0; i < 8; i++) {
		run();
		put(l, i);
	}
	run();
	ck_assert_uint_eq(calls, 0);
	end(l);
}
END_TEST

/* What was lent can be had: that is no shortage. With one page more lent it is. */
START_TEST(enough_for_all)
{
	open_pool(8, 80);
	struct store_lun *l = make_lun(s, 8 * PAGE, STORE_THIN);
	for (unsigned i = 0; i < 7; i++) {
		run();
		put(l, i);
	}
	run();
	ck_assert_uint_eq(calls, 0);
	struct store_lun *more = make_lun(s, 512, STORE_THIN);
	run();
	ck_assert_uint_eq(calls, 1);
	store_lun_destroy(more);
	end(l);
}
END_TEST

/* A LUN that comes right after a look moves the mark: the filler may have no other reason to look
 * until the pool is full. */
START_TEST(lent_after_a_look)
{
	open_pool(20, 80);
	filler_run_at(s, now);
	ck_assert_uint_eq(s->pool.soft_at, UINT64_MAX);
	struct store_lun *l = make_lun(s, 100 * PAGE, STORE_THIN);
	ck_assert_uint_eq(s->pool.soft_at, 16);
	struct store_lun *thin = make_lun(s, PAGE, STORE_THIN);
	store_lun_destroy(l);
	filler_run(s);
	ck_assert_uint_eq(s->pool.soft_at, UINT64_MAX);
	struct store_lun *full = make_lun(s, 20 * PAGE, STORE_FULL);
	ck_assert_uint_eq(s->pool.soft_at, 16);
	store_lun_destroy(full);
	end(thin);
}
END_TEST

/* Full LUNs run short of nothing: it is said when a thin one comes. */
START_TEST(not_for_full_luns)
{
	open_pool(10, 80);
	struct store_lun *full = make_lun(s, 10 * PAGE, STORE_FULL);
	run();
	ck_assert_uint_eq(calls, 0);
	struct store_lun *thin = make_lun(s, PAGE, STORE_THIN);
	run();
	ck_assert_uint_eq(calls, 1);
	store_lun_destroy(thin);
	end(full);
}
END_TEST

/* The host can give less than the pool may hold. */
START_TEST(the_host_is_smaller)
{
	open_pool(64, 80);
	struct store_lun *l = make_lun(s, 100 * PAGE, STORE_THIN);
	run();
	ck_assert_uint_eq(s->pool.soft_at, 52);
	put(l, 0);
	run();
	ck_assert_uint_eq(calls, 0);
	s->pool.budget.keep = INT64_MAX / 2; /* nothing any more */
	run();
	ck_assert_uint_eq(s->pool.soft_at, 8); /* of 9: 1 and the 8 that are there */
	for (unsigned i = 1; i < 8; i++)
		put(l, i);
	run();
	ck_assert_uint_eq(calls, 1);
	end(l);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("store_threshold");
	TCase *tc = tcase_create("threshold");

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, said_once, 0, (int)(sizeof(rows) / sizeof(rows[0])));
	tcase_add_test(tc, off);
	tcase_add_test(tc, enough_for_all);
	tcase_add_test(tc, lent_after_a_look);
	tcase_add_test(tc, not_for_full_luns);
	tcase_add_test(tc, the_host_is_smaller);
	suite_add_tcase(suite, tc);
	return test_main(suite);
}
