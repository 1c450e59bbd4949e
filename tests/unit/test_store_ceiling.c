// SPDX-License-Identifier: MIT
/* test_store_ceiling.c - the pool gets another size: what may be had then, what is refused. */
#include <errno.h>
#include <pthread.h>

#include "test_store.h"

static char why[512];

static int set(struct store *s, uint64_t pages)
{
	why[0] = '\0';
	return store_set_ceiling(s, pages * PAGE, why, sizeof(why));
}

static void expect_sums(struct store *s, uint64_t max)
{
	struct store_stats st = stats_of(s);

	ck_assert_uint_eq(st.pages_max, max);
	ck_assert_uint_eq(st.pages_used + st.pages_reserve + st.pages_coming + st.pages_free, max);
}

/* Until it is known whether there is a page. */
static int64_t put(struct store *s, struct store_reader *r, struct store_lun *l, uint64_t page)
{
	int64_t n = store_write(r, l, page * PAGE, "x", 1);

	if (n == -EAGAIN) {
		filler_run(s);
		n = store_write(r, l, page * PAGE, "x", 1);
	}
	return n;
}

static void end(struct store *s, struct store_reader *r, struct store_lun *l)
{
	quiet_all(s, r);
	store_lun_destroy(l);
	expect_empty(s);
	store_close(s);
}

/* As many pages as it has can be had, whatever it had before; what is cut from the reserve goes
 * back to the host. */
START_TEST(as_many_as_it_has)
{
	static const unsigned sizes[] = {4, 40, 3, 17, 16, 1, 64};
	struct store *s = open_store(_i, 20, 1);
	struct store_reader *r = store_reader(s, 0);
	struct store_lun *l = make_lun(s, 200 * PAGE, STORE_THIN);

	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		ck_assert_int_eq(set(s, sizes[i]), 0);
		ck_assert(_i == STORE_HUGE || !*why);
		expect_sums(s, sizes[i]);
		expect_host(s);
		for (unsigned n = 0; n < sizes[i]; n++)
			ck_assert_int_eq(put(s, r, l, (n + i) % 100), 1);
		ck_assert_int_eq(put(s, r, l, 150), -ENOSPC);
		ck_assert_uint_eq(store_lun_pages(l), sizes[i]);
		ck_assert_uint_eq(store_lun_available(l), 0);
		expect_sums(s, sizes[i]);
		for (uint64_t at = 0, done; at < 200 * PAGE; at += done)
			done = store_unmap(r, l, at, 200 * PAGE - at);
		quiet_all(s, r);
		filler_run(s);
	}
	end(s, r, l);
}
END_TEST

/* At what is used, and one below. Data stays. */
START_TEST(not_below_what_is_used)
{
	struct store *s = open_store(STORE_PLAIN, 20, 1);
	struct store_reader *r = store_reader(s, 0);
	struct store_lun *l = make_lun(s, 20 * PAGE, STORE_THIN);

	for (unsigned i = 0; i < 5; i++)
		ck_assert_int_eq(put(s, r, l, i), 1);
	ck_assert_int_eq(set(s, 4), -EBUSY);
	ck_assert_ptr_nonnull(strstr(why, "LUNs have 10 MiB"));
	expect_sums(s, 20);
	ck_assert_int_eq(set(s, 5), 0);
	expect_sums(s, 5);
	ck_assert_int_eq(put(s, r, l, 5), -ENOSPC);
	for (unsigned i = 0; i < 5; i++)
		expect(l, i * PAGE, 1, 'x');
	/* One is retired: nobody passes a quiet point meanwhile. */
	ck_assert_uint_eq(store_unmap(r, l, 0, PAGE), PAGE);
	ck_assert_int_eq(set(s, 4), -EBUSY);
	ck_assert_ptr_nonnull(strstr(why, "try again"));
	quiet_all(s, r);
	ck_assert_int_eq(set(s, 4), 0);
	ck_assert_int_eq(set(s, 6), 0);
	ck_assert_int_eq(put(s, r, l, 5), 1);
	ck_assert_int_eq(put(s, r, l, 6), 1);
	ck_assert_int_eq(put(s, r, l, 7), -ENOSPC);
	end(s, r, l);
}
END_TEST

/* 0, and more than could be mapped. */
START_TEST(out_of_range)
{
	struct store *s = open_store(STORE_PLAIN, 20, 1);
	uint64_t most = s->pool.pages_mapped;

	ck_assert_int_eq(set(s, 0), -EINVAL);
	ck_assert_int_eq(set(s, most + 1), -EINVAL);
	ck_assert_ptr_nonnull(strstr(why, "MiB at most"));
	ck_assert_int_eq(store_set_ceiling(s, UINT64_MAX, why, sizeof(why)), -EINVAL);
	expect_sums(s, 20);
	ck_assert_int_eq(set(s, most), 0);
	expect_sums(s, most);
	ck_assert_ptr_nonnull(strstr(why, "headroom")); /* the host needs some for itself */
	store_close(s);
}
END_TEST

/* What a full LUN was promised counts as used; a larger pool has room for a larger one. */
START_TEST(full_luns)
{
	struct store *s = open_store(STORE_PLAIN, 10, 1);
	struct store_reader *r = store_reader(s, 0);
	struct store_lun *l = NULL;
	uint64_t left;

	ck_assert_int_eq(pool_lend(&s->pool, 6, 6, &left), 0);
	ck_assert_int_eq(set(s, 5), -EBUSY);
	ck_assert_int_eq(set(s, 6), 0);
	pool_unlend(&s->pool, 6, 6);
	ck_assert_int_eq(
		store_lun_create(s, 12 * PAGE, STORE_FULL, NULL, NULL, NULL, &l, why, sizeof(why)),
		-ENOSPC);
	ck_assert_int_eq(set(s, 12), 0);
	l = make_lun(s, 12 * PAGE, STORE_FULL);
	ck_assert_int_eq(set(s, 11), -EBUSY);
	end(s, r, l);
}
END_TEST

/* The limits that are percents of it, and the reserve. */
START_TEST(what_follows)
{
	const struct store_options o = {.kind = STORE_PLAIN,
					.ceiling = 40 * PAGE,
					.overcommit_percent = 150,
					.soft_threshold_percent = 50,
					.readers = 1,
					.no_filler = true};
	struct store *s = NULL;

	ck_assert_msg(store_open(&s, &o, why, sizeof(why)) == 0, "%s", why);
	struct store_reader *r = store_reader(s, 0);
	struct store_lun *l = make_lun(s, 50 * PAGE, STORE_THIN);
	ck_assert_uint_eq(stats_of(s).pages_soft, 20);
	ck_assert_int_eq(set(s, 33), -EBUSY); /* 49.5 pages may be lent */
	ck_assert_ptr_nonnull(strstr(why, "must keep 68 MiB"));
	ck_assert_int_eq(set(s, 34), 0);
	filler_run(s);
	ck_assert_uint_eq(stats_of(s).pages_lent_max, 51);
	ck_assert_uint_eq(stats_of(s).pages_soft, 17);
	ck_assert_uint_eq(s->reserve.max, RESERVE_MIN);
	ck_assert_int_eq(set(s, 160), 0);
	filler_run(s);
	ck_assert_uint_eq(stats_of(s).pages_lent_max, 240);
	ck_assert_uint_eq(stats_of(s).pages_soft, 0); /* all that was lent can be had */
	ck_assert_uint_eq(s->reserve.max, 20);
	end(s, r, l);
}
END_TEST

/* ---- while others write ---- */

#define PAGES  24u
#define ROUNDS 300u

static _Atomic bool stop;

static void *resize_main(void *arg)
{
	struct store *s = arg;
	char text[512];

	for (unsigned i = 0; !stop; i++)
		(void)!store_set_ceiling(s, (1 + i % (2 * PAGES)) * PAGE, text, sizeof(text));
	return NULL;
}

/* Never more than it may, never a page twice, none lost. */
START_TEST(under_load)
{
	struct store *s = open_store_as(STORE_PLAIN, PAGES, 1, true);
	struct store_reader *r = store_reader(s, 0);
	struct store_lun *l = make_lun(s, 4 * PAGES * PAGE, STORE_THIN);
	pthread_t thread[2];

	stop = false;
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(pthread_create(&thread[i], NULL, resize_main, s), 0);
	for (uint64_t i = 0; i < ROUNDS; i++) {
		uint64_t at = i * 7 % (4 * PAGES) * PAGE;
		uint64_t gone = (i + 8) * 11 % (4 * PAGES) * PAGE;
		if (store_write(r, l, at, &i, sizeof(i)) == sizeof(i)) {
			size_t have;
			ck_assert_mem_eq(store_at(l, at, sizeof(i), &have), &i, sizeof(i));
		}
		ck_assert_uint_eq(store_unmap(r, l, gone, PAGE), PAGE);
		store_reader_quiet(r);
		struct store_stats st = stats_of(s);
		ck_assert_uint_eq(st.pages_used + st.pages_reserve + st.pages_coming +
					  st.pages_free,
				  st.pages_max);
	}
	stop = true;
	store_reader_offline(r);
	for (int i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	store_reader_online(r);
	ck_assert_uint_eq(s->pool.cutting, 0);
	ck_assert_int_eq(set(s, 5 * PAGES), 0);
	expect_sums(s, 5 * PAGES);
	end(s, r, l);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("store_ceiling");
	TCase *tc = tcase_create("ceiling");

	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, as_many_as_it_has, KINDS_FROM, KINDS_TO);
	tcase_add_test(tc, not_below_what_is_used);
	tcase_add_test(tc, out_of_range);
	tcase_add_test(tc, full_luns);
	tcase_add_test(tc, what_follows);
	tcase_add_test(tc, under_load);
	suite_add_tcase(suite, tc);
	return test_main(suite);
}
