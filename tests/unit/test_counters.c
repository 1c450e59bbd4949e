// SPDX-License-Identifier: MIT
/* test_counters.c - the table of counters, and reading them while another thread counts. */
#include "base/counters.h"

#include <pthread.h>
#include <string.h>

#include "lib/test_main.h"

START_TEST(names_are_words_and_differ)
{
	unsigned n = 0;

	for (enum counter i = 0; i < COUNTERS; i++, n++) {
		const char *name = counter_name(i);
		ck_assert_uint_gt(strlen(name), 3);
		ck_assert_uint_eq(strspn(name, "abcdefghijklmnopqrstuvwxyz_"), strlen(name));
		ck_assert_uint_gt(strlen(counter_text(i)), 3);
		for (enum counter k = 0; k < i; k++)
			ck_assert_str_ne(name, counter_name(k));
	}
	ck_assert_uint_ge(n, 30);
}
END_TEST

/* Sets are added up, each counter by itself. */
START_TEST(sets_add_up)
{
	static struct counters a, b;
	uint64_t sum[COUNTERS] = {0};

	for (enum counter i = 0; i < COUNTERS; i++) {
		counter_add(&a, i, i);
		counter_add(&a, i, 1ull << 40);
		counter_add(&b, i, 7);
	}
	counters_get(&a, sum);
	for (enum counter i = 0; i < COUNTERS; i++)
		ck_assert_uint_eq(sum[i], i + (1ull << 40));
	counters_get(&b, sum);
	for (enum counter i = 0; i < COUNTERS; i++)
		ck_assert_uint_eq(sum[i], i + 7 + (1ull << 40));
}
END_TEST

#define TIMES 1000000u

static void *count(void *arg)
{
	for (unsigned i = 0; i < TIMES; i++)
		counter_add(arg, COUNT_REJECTS, 3);
	return NULL;
}

START_TEST(read_while_another_thread_counts)
{
	static struct counters c;
	uint64_t last = 0;
	pthread_t t;

	ck_assert_int_eq(pthread_create(&t, NULL, count, &c), 0);
	while (last < 3ull * TIMES) {
		uint64_t sum[COUNTERS] = {0};
		counters_get(&c, sum);
		ck_assert_uint_ge(sum[COUNT_REJECTS], last);
		ck_assert_uint_eq(sum[COUNT_REJECTS] % 3, 0);
		last = sum[COUNT_REJECTS];
	}
	pthread_join(t, NULL);
	ck_assert_uint_eq(last, 3ull * TIMES);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("counters");
	TCase *t = tcase_create("counters");

	tcase_set_timeout(t, 30);
	tcase_add_test(t, names_are_words_and_differ);
	tcase_add_test(t, sets_add_up);
	tcase_add_test(t, read_while_another_thread_counts);
	suite_add_tcase(s, t);
	return test_main(s);
}
