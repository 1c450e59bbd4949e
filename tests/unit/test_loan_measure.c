// SPDX-License-Identifier: MIT
/* test_loan_measure.c - percentiles and shares. */
#include "initiator-tools/measure.h"

#include "lib/test_main.h"

static struct measure m;

static void samples(size_t n)
{
	m = (struct measure){0};
	/* Backwards, so that only sorting makes it right. */
	for (size_t i = n; i > 0; i--)
		measure_add(&m, i);
	measure_sort(&m);
}

START_TEST(percentile_is_the_nearest_rank)
{
	static const struct {
		size_t n;
		unsigned percent;
		uint64_t want;
	} rows[] = {
		{1, 1, 1},	 {1, 99, 1},	 {2, 50, 1},	{2, 51, 2},
		{3, 50, 2},	 {100, 50, 50},	 {100, 99, 99}, {100, 1, 1},
		{100, 100, 100}, {101, 99, 100}, {10, 99, 10},	{1000, 99, 990},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		samples(rows[i].n);
		ck_assert_msg(measure_percentile(&m, rows[i].percent) == rows[i].want,
			      "row %zu: %llu", i,
			      (unsigned long long)measure_percentile(&m, rows[i].percent));
	}
}
END_TEST

START_TEST(no_samples_is_zero)
{
	samples(0);
	ck_assert_uint_eq(measure_percentile(&m, 50), 0);
}
END_TEST

START_TEST(more_samples_than_room_are_not_kept)
{
	samples(MEASURE_SAMPLES + 1);
	ck_assert_uint_eq(m.n, MEASURE_SAMPLES);
	/* The first one added was the greatest. */
	ck_assert_uint_eq(measure_percentile(&m, 100), MEASURE_SAMPLES + 1);
	ck_assert_uint_eq(measure_percentile(&m, 1), 11);
}
END_TEST

START_TEST(share_stays_within_its_bounds)
{
	ck_assert_uint_eq(measure_share(1000, 0, 10, 250), 250);
	ck_assert_uint_eq(measure_share(1000, 1, 10, 250), 250);
	ck_assert_uint_eq(measure_share(1000, 4, 10, 250), 250);
	ck_assert_uint_eq(measure_share(1000, 5, 10, 250), 200);
	ck_assert_uint_eq(measure_share(1000, 100, 10, 250), 10);
	ck_assert_uint_eq(measure_share(1000, 101, 10, 250), 10);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("loan_measure");
	TCase *all = tcase_create("all");

	tcase_add_test(all, percentile_is_the_nearest_rank);
	tcase_add_test(all, no_samples_is_zero);
	tcase_add_test(all, more_samples_than_room_are_not_kept);
	tcase_add_test(all, share_stays_within_its_bounds);
	suite_add_tcase(suite, all);
	return test_main(suite);
}
