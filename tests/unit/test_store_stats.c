// SPDX-License-Identifier: MIT
/* test_store_stats.c - the numbers of the pool, and the words for them. */
#include "test_store.h"

static void expect_sums(const struct store_stats *st)
{
	uint64_t held = st->pages_used + st->pages_reserve + st->pages_coming;

	ck_assert_uint_eq(held + st->pages_free, st->pages_max);
	ck_assert_uint_eq(st->pages_floor + st->pages_elastic, held);
	ck_assert_uint_eq(st->returnable, st->pages_elastic * PAGE);
	ck_assert_uint_eq(st->page_size, PAGE);
}

START_TEST(numbers)
{
	struct store *s = open_store(_i, 64, 1);
	struct store_reader *r = store_reader(s, 0);
	struct store_lun *thin = make_lun(s, 50 * PAGE, STORE_THIN);
	struct store_lun *full = make_lun(s, 5 * PAGE, STORE_FULL);

	for (uint64_t i = 0; i < 3; i++)
		ck_assert_int_eq(store_write(r, thin, i * PAGE, "x", 1), 1);
	ck_assert_uint_eq(store_unmap(r, thin, 0, PAGE), PAGE);
	struct store_stats st = stats_of(s);
	expect_sums(&st);
	ck_assert_int_eq(st.kind, _i);
	ck_assert_uint_eq(st.pages_max, 64);
	ck_assert_uint_eq(st.pages_used, 7);
	ck_assert_uint_eq(st.pages_reserve, 5);
	ck_assert_uint_eq(st.pages_coming, 1);
	ck_assert_uint_eq(st.pages_retired, 1);
	ck_assert_uint_eq(st.pages_free, 51);
	ck_assert_uint_eq(st.pages_lent, 55);
	ck_assert_uint_eq(st.lent_percent, 85);
	ck_assert_uint_eq(st.host_bytes, 13 * PAGE);
	ck_assert_uint_gt(st.host_available, 0);
	ck_assert_uint_eq(st.pages_lent_max, 0);
	ck_assert_uint_eq(st.pages_soft, 0);
	if (_i == STORE_PLAIN) {
		ck_assert_uint_eq(st.returnable, 13 * PAGE);
		ck_assert_uint_eq(st.pages_available, 51 + 5);
	}
	quiet_all(s, r);
	store_lun_destroy(full);
	store_lun_destroy(thin);
	expect_empty(s);
	st = stats_of(s);
	expect_sums(&st);
	ck_assert_uint_eq(st.pages_lent, 0);
	ck_assert_uint_eq(st.returnable, 0);
	store_close(s);
}
END_TEST

/* What is limited: by the pool's size, by the gate; where it is told. */
START_TEST(limits)
{
	const struct store_options o = {.kind = STORE_PLAIN,
					.ceiling = 40 * PAGE,
					.overcommit_percent = 150,
					.soft_threshold_percent = 50,
					.readers = 1,
					.no_filler = true};
	char why[256] = "";
	struct store *s;

	ck_assert_msg(store_open(&s, &o, why, sizeof(why)) == 0, "%s", why);
	struct store_reader *r = store_reader(s, 0);
	struct store_lun *l = make_lun(s, 50 * PAGE, STORE_THIN);
	ck_assert_int_eq(store_write(r, l, 0, "x", 1), 1);
	ck_assert_int_eq(store_anchor(r, l, PAGE, PAGE), PAGE);
	struct store_stats st = stats_of(s);
	expect_sums(&st);
	ck_assert_uint_eq(st.pages_anchored, 1);
	ck_assert_uint_eq(st.pages_lent, 50);
	ck_assert_uint_eq(st.pages_lent_max, 60);
	ck_assert_uint_eq(st.pages_soft, 20);
	ck_assert_uint_eq(st.pages_available, 38);
	store_set_gate(s, STORE_GATE_LEAN);
	ck_assert_uint_eq(stats_of(s).pages_available, 38);
	store_set_gate(s, STORE_GATE_SHUT);
	ck_assert_uint_eq(stats_of(s).pages_available, 0);
	store_lun_destroy(l);
	expect_empty(s);
	store_close(s);
}
END_TEST

START_TEST(words)
{
	struct store_stats st = {.kind = STORE_HUGE,
				 .pages_max = 1000,
				 .pages_used = 70,
				 .pages_reserve = 8,
				 .pages_floor = 50,
				 .pages_elastic = 28};
	char text[256];

	store_stats_text(&st, text, sizeof(text));
	ck_assert_str_eq(text, "140 MiB are used and 16 MiB kept at hand; 100 MiB are static "
			       "hugepages, which stay set aside, and 56 MiB return to the host "
			       "when they are unmapped");
	ck_assert(store_stats_advice(&st, text, sizeof(text)));
	ck_assert_ptr_nonnull(strstr(text, "sysctl -w vm.nr_overcommit_hugepages=1000 "));
	st.host_surplus_max = 1; /* fewer than the pool may want */
	st.host_static = 100;
	ck_assert(store_stats_advice(&st, text, sizeof(text)));
	ck_assert_ptr_nonnull(strstr(text, "the host has 202 MiB"));
	ck_assert_ptr_nonnull(strstr(text, "sysctl -w vm.nr_overcommit_hugepages=900 "));
	st.host_surplus_max = 900;
	ck_assert(!store_stats_advice(&st, text, sizeof(text)));
	st.host_static = 0;
	st.host_surplus_max = 0;
	st.kind = STORE_PLAIN;
	ck_assert(!store_stats_advice(&st, text, sizeof(text)));
	store_stats_text(&st, text, sizeof(text));
	ck_assert_str_eq(text, "140 MiB are used and 16 MiB kept at hand");
	for (size_t len = 1; len < sizeof(text); len++) {
		memset(text, 'x', sizeof(text));
		st.kind = STORE_HUGE;
		store_stats_text(&st, text, len);
		ck_assert_uint_lt(strnlen(text, sizeof(text)), len);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("store_stats");
	TCase *tc = tcase_create("stats");

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, numbers, KINDS_FROM, KINDS_TO);
	tcase_add_test(tc, limits);
	tcase_add_test(tc, words);
	suite_add_tcase(suite, tc);
	return test_main(suite);
}
