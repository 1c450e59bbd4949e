// SPDX-License-Identifier: MIT
/* test_store_retire.c - a retired page stays until nobody can hold it, and no longer. */
#include "test_store.h"

#include "store/retire.h"

static struct store *s;
static struct store_lun *l;
static struct store_reader *r[3];
static unsigned wakes;

static void on_wake(void *arg)
{
	ck_assert_ptr_eq(arg, &wakes);
	wakes++;
}

static void setup(void)
{
	s = open_store(STORE_PLAIN, 64, 3);
	l = make_lun(s, 64 * PAGE, STORE_THIN);
	r[0] = store_reader(s, 0);
	r[1] = store_reader(s, 1);
	r[2] = NULL; /* never handed out, so nobody waits for it */
	wakes = 0;
	store_on_retire(s, on_wake, &wakes);
}

static void teardown(void)
{
	store_lun_destroy(l);
	expect_empty(s);
	store_close(s);
}

static void put(uint64_t page)
{
	filler_run(s);
	ck_assert_int_eq(store_write(r[0], l, page * PAGE, "x", 1), 1);
}

static void drop(uint64_t page)
{
	ck_assert_uint_eq(store_unmap(r[0], l, page * PAGE, PAGE), PAGE);
}

static void expect_retired(uint64_t n)
{
	struct store_stats st = stats_of(s);

	ck_assert_uint_eq(st.pages_retired, n);
	ck_assert_uint_eq(st.host_bytes, (n + st.pages_used + st.pages_reserve) * PAGE);
}

START_TEST(every_reader_must_be_quiet)
{
	put(0);
	store_reader_quiet(r[0]);
	ck_assert_uint_eq(wakes, 0);
	drop(0);
	ck_assert_uint_eq(wakes, 1);
	expect_retired(1);
	for (int i = 0; i < 3; i++)
		store_reader_quiet(r[0]);
	expect_retired(1);
	store_reader_quiet(r[1]);
	expect_retired(0);
	ck_assert_uint_eq(wakes, 1);
}
END_TEST

START_TEST(a_pin_delays_the_punch)
{
	size_t have;

	put(0);
	const uint8_t *p = store_at(l, 0, 1, &have);
	unsigned pin = store_pin(r[1]);
	drop(0);
	for (int i = 0; i < 3; i++) {
		store_reader_quiet(r[0]);
		store_reader_quiet(r[1]);
		/* Pins taken since do not matter. */
		store_unpin(r[1], store_pin(r[1]));
	}
	unsigned later = store_pin(r[1]);
	expect_retired(1);
	ck_assert_int_eq(*p, 'x');
	store_unpin(r[1], pin);
	expect_retired(1);
	store_reader_quiet(r[1]);
	expect_retired(0);
	store_unpin(r[1], later);
}
END_TEST

/* A pin also keeps what was found later, while it is held. */
START_TEST(a_pin_keeps_later_finds)
{
	size_t have;

	put(0);
	put(1);
	unsigned pin = store_pin(r[1]);
	drop(0);
	store_reader_quiet(r[0]);
	store_reader_quiet(r[1]);
	const uint8_t *p = store_at(l, PAGE, 1, &have);
	drop(1);
	for (int i = 0; i < 3; i++) {
		store_reader_quiet(r[0]);
		store_reader_quiet(r[1]);
	}
	expect_retired(2);
	ck_assert_int_eq(*p, 'x');
	store_unpin(r[1], pin);
	for (int i = 0; i < 2; i++) {
		store_reader_quiet(r[1]);
		store_reader_quiet(r[0]);
	}
	expect_retired(0);
}
END_TEST

/* What is retired during a grace period waits for the next, which wakes the readers again. */
START_TEST(one_period_at_a_time)
{
	put(0);
	put(1);
	drop(0);
	store_reader_quiet(r[0]);
	drop(1);
	expect_retired(2);
	ck_assert_uint_eq(wakes, 1);
	store_reader_quiet(r[1]); /* ends the first, and is quiet for the second */
	ck_assert_uint_eq(wakes, 2);
	expect_retired(1);
	store_reader_quiet(r[0]);
	expect_retired(0);
}
END_TEST

START_TEST(punching_is_bounded_and_goes_on)
{
	const unsigned n = 2 * RETIRE_BATCH_PLAIN + 1;

	for (unsigned i = 0; i < n; i++)
		put(i);
	ck_assert_uint_eq(store_unmap(r[0], l, 0, n * PAGE), n * PAGE);
	expect_retired(n);
	store_reader_quiet(r[0]);
	store_reader_quiet(r[1]);
	expect_retired(RETIRE_BATCH_PLAIN + 1);
	ck_assert_uint_eq(wakes, 2);
	store_reader_quiet(r[1]);
	expect_retired(1);
	ck_assert_uint_eq(wakes, 3);
	store_reader_quiet(r[0]);
	expect_retired(0);
	ck_assert_uint_eq(wakes, 3);
}
END_TEST

START_TEST(readers_that_are_offline_do_not_count)
{
	put(0);
	put(1);
	put(2);
	store_reader_offline(r[1]);
	drop(0);
	store_reader_quiet(r[0]);
	expect_retired(0);
	/* Back, it counts again; and going ends what waited for it only. */
	store_reader_online(r[1]);
	drop(1);
	store_reader_quiet(r[0]);
	expect_retired(1);
	store_reader_offline(r[1]);
	store_reader_quiet(r[0]);
	expect_retired(0);
	/* The last one that goes leaves nothing behind. */
	drop(2);
	store_reader_offline(r[0]);
	expect_retired(0);
	store_reader_online(r[0]);
	store_reader_online(r[0]);
}
END_TEST

START_TEST(online_during_a_period_is_no_part_of_it)
{
	put(0);
	drop(0);
	r[2] = store_reader(s, 2);
	ck_assert_ptr_eq(r[2], store_reader(s, 2));
	store_reader_quiet(r[0]);
	store_reader_quiet(r[1]);
	expect_retired(0);
	put(0);
	drop(0);
	store_reader_quiet(r[0]);
	store_reader_quiet(r[1]);
	expect_retired(1);
	store_reader_quiet(r[2]);
	expect_retired(0);
}
END_TEST

/* A LUN that goes does not wait for anybody, and leaves retired pages to their readers. */
START_TEST(destroy_gives_back_at_once)
{
	put(0);
	put(1);
	drop(0);
	store_lun_destroy(l);
	expect_retired(1);
	ck_assert_uint_eq(stats_of(s).pages_used, 0);
	store_reader_quiet(r[0]);
	store_reader_quiet(r[1]);
	expect_retired(0);
	l = make_lun(s, PAGE, STORE_FULL);
}
END_TEST

/* ---- points ---- */

/* Pins do not matter. */
START_TEST(a_point_is_passed_when_all_were_quiet)
{
	unsigned pin = store_pin(r[1]);

	store_reader_quiet(r[0]);
	wakes = 0;
	uint64_t p = store_point_set(r[0]), q = store_point_set(r[0]);
	ck_assert_uint_eq(wakes, 2);
	ck_assert(!store_point_passed(r[0], p));
	store_reader_quiet(r[0]);
	ck_assert(!store_point_passed(r[0], p));
	store_reader_quiet(r[1]);
	ck_assert(store_point_passed(r[0], p) && store_point_passed(r[0], q));
	ck_assert(!store_point_passed(r[0], store_point_set(r[1])));
	store_unpin(r[1], pin);
}
END_TEST

/* Who is offline holds nothing, and sees all when it comes back. */
START_TEST(a_point_leaves_out_who_is_offline)
{
	store_reader_offline(r[1]);
	uint64_t p = store_point_set(r[0]);
	store_reader_online(r[1]);
	ck_assert(!store_point_passed(r[0], p));
	store_reader_quiet(r[0]);
	ck_assert(store_point_passed(r[0], p));

	p = store_point_set(r[0]);
	store_reader_quiet(r[0]);
	ck_assert(!store_point_passed(r[0], p));
	store_reader_offline(r[1]);
	ck_assert(store_point_passed(r[0], p));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("store_retire");
	TCase *tc = tcase_create("retire");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, every_reader_must_be_quiet);
	tcase_add_test(tc, a_pin_delays_the_punch);
	tcase_add_test(tc, a_pin_keeps_later_finds);
	tcase_add_test(tc, one_period_at_a_time);
	tcase_add_test(tc, punching_is_bounded_and_goes_on);
	tcase_add_test(tc, readers_that_are_offline_do_not_count);
	tcase_add_test(tc, online_during_a_period_is_no_part_of_it);
	tcase_add_test(tc, destroy_gives_back_at_once);
	tcase_add_test(tc, a_point_is_passed_when_all_were_quiet);
	tcase_add_test(tc, a_point_leaves_out_who_is_offline);
	suite_add_tcase(suite, tc);
	return test_main(suite);
}
