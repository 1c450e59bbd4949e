// SPDX-License-Identifier: MIT
/* test_store_prepare.c - what a write of all or nothing finds before its first byte. */
#include <errno.h>

#include "test_store.h"

#define N  ((size_t)8192) /* half of it in each of two pages */
#define AT (PAGE - N / 2)

static struct store *s;
static struct store_reader *r;
static struct store_lun *l;
static uint8_t ones[N];
static const uint8_t noughts[N];

static void open_with(int kind, uint64_t pages, enum store_provisioning p)
{
	s = open_store(kind, pages, 1);
	r = store_reader(s, 0);
	l = make_lun(s, 8 * PAGE, p);
	memset(ones, 1, sizeof(ones));
}

static void close_it(void)
{
	quiet_all(s, r);
	store_lun_destroy(l);
	expect_empty(s);
	store_close(s);
}

/* Pages come, anchored, so nothing is seen of them until the write. */
START_TEST(pages_are_there_and_zero)
{
	open_with(_i, 16, STORE_THIN);
	filler_run(s);
	ck_assert_int_eq(store_prepare(l, AT, ones, N), 0);
	ck_assert_uint_eq(stats_of(s).pages_anchored, 2);
	expect(l, 0, 2 * PAGE, 0);
	ck_assert_int_eq(store_prepare(l, AT, ones, N), 0); /* again: nothing more */
	ck_assert_uint_eq(stats_of(s).pages_used, 2);
	ck_assert_int_eq(store_write(r, l, AT, ones, N), (int64_t)N);
	ck_assert_uint_eq(stats_of(s).pages_anchored, 0);
	expect(l, AT, N, 1);
	close_it();
}
END_TEST

/* Zeroes into a hole need none. */
START_TEST(zeroes_take_no_page)
{
	open_with(_i, 16, STORE_THIN);
	ck_assert_int_eq(store_prepare(l, AT, noughts, N), 0);
	ck_assert_uint_eq(stats_of(s).pages_used, 0);
	close_it();
}
END_TEST

/* A page that does not come at once: nothing is written, and the next try goes on. */
START_TEST(a_page_is_waited_for)
{
	open_with(_i, 16, STORE_THIN);
	pool_trim(&s->pool, 16);
	ck_assert_int_eq(store_prepare(l, AT, ones, N), -EAGAIN);
	ck_assert_uint_eq(stats_of(s).pages_used, 0);
	filler_run(s);
	ck_assert_int_eq(store_prepare(l, AT, ones, N), 0);
	close_it();
}
END_TEST

START_TEST(a_full_pool)
{
	open_with(_i, 1, STORE_THIN);
	filler_run(s);
	ck_assert_int_eq(store_prepare(l, AT, ones, N), -ENOSPC);
	expect(l, 0, 2 * PAGE, 0);
	ck_assert_int_eq(store_prepare(l, 4 * PAGE, ones, N), -ENOSPC);
	ck_assert_int_eq(store_prepare(l, 0, ones, N), 0); /* it had that one */
	close_it();
}
END_TEST

START_TEST(a_full_lun)
{
	open_with(_i, 8, STORE_FULL);
	ck_assert_int_eq(store_prepare(l, AT, ones, N), 0);
	ck_assert_uint_eq(stats_of(s).pages_anchored, 0);
	ck_assert_int_eq(store_write(r, l, AT, ones, N), (int64_t)N);
	close_it();
}
END_TEST

static void first(void *arg, struct store_lun *lun)
{
	(void)lun;
	++*(unsigned *)arg;
}

/* Not before somebody has noted that the LUN is used. */
START_TEST(the_first_write)
{
	unsigned asked = 0;

	open_with(_i, 16, STORE_THIN);
	store_on_first_write(s, first, &asked);
	filler_run(s);
	ck_assert_int_eq(store_prepare(l, 0, ones, N), -EAGAIN);
	ck_assert_uint_eq(asked, 1);
	ck_assert_uint_eq(stats_of(s).pages_used, 0);
	store_lun_set_used(l);
	ck_assert_int_eq(store_prepare(l, 0, ones, N), 0);
	close_it();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("store_prepare");
	TCase *tc = tcase_create("prepare");

	tcase_add_loop_test(tc, pages_are_there_and_zero, KINDS_FROM, KINDS_TO);
	tcase_add_loop_test(tc, zeroes_take_no_page, KINDS_FROM, KINDS_TO);
	tcase_add_loop_test(tc, a_page_is_waited_for, KINDS_FROM, KINDS_TO);
	tcase_add_loop_test(tc, a_full_pool, KINDS_FROM, KINDS_TO);
	tcase_add_loop_test(tc, a_full_lun, KINDS_FROM, KINDS_TO);
	tcase_add_loop_test(tc, the_first_write, KINDS_FROM, KINDS_TO);
	suite_add_tcase(suite, tc);
	return test_main(suite);
}
