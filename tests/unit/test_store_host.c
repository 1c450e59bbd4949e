// SPDX-License-Identifier: MIT
/* test_store_host.c - the budget that keeps the host's headroom, on counters made up here. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/test_main.h"
#include "store/host.h"
#include "store/store.h"

#define MIB ((uint64_t)1 << 20)

static char meminfo[32], huge[32];

static void set_file(char *path, const char *text)
{
	if (!path[0]) {
		snprintf(path, 32, "/tmp/memtgt-test-XXXXXX");
		int fd = mkstemp(path);
		ck_assert_int_ge(fd, 0);
		close(fd);
	}
	FILE *f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
}

static void set_available(uint64_t mib)
{
	char text[128];

	snprintf(text, sizeof(text), "MemTotal: 1 kB\nMemAvailable: %8llu kB\nX: 1 kB\n",
		 (unsigned long long)(mib << 10));
	set_file(meminfo, text);
}

static uint64_t now = 5; /* made up as well */

static void later(uint64_t ns)
{
	now += ns;
}

static void remove_files(void)
{
	unlink(meminfo);
	unlink(huge);
}

static unsigned take_all(struct budget *b)
{
	unsigned n = 0;

	while (n < 1000 && budget_take(b, now))
		n++;
	return n;
}

START_TEST(headroom_stays)
{
	struct budget b;
	uint64_t reserve = BUDGET_RESERVE / MIB;

	set_available(100 + reserve + 5); /* two pages and a half */
	ck_assert_int_eq(budget_open(&b, meminfo, NULL, 100 * MIB), 0);
	ck_assert_uint_eq(take_all(&b), 2);
	set_available(4096);
	later(BUDGET_MAX_NS - 1);
	ck_assert_uint_eq(take_all(&b), 0);
	budget_give(&b, 1);
	ck_assert_uint_eq(take_all(&b), 1);
	set_available(100 + reserve + 2);
	later(1);
	ck_assert_uint_eq(take_all(&b), 1);
	set_available(100 + reserve + 1);
	later(BUDGET_MAX_NS);
	ck_assert_uint_eq(take_all(&b), 0);
	set_available(0);
	later(BUDGET_MAX_NS);
	ck_assert_uint_eq(take_all(&b), 0);
	budget_close(&b);
	remove_files();
}
END_TEST

/* After so many pages the host is asked again, however fast they went. */
START_TEST(many_pages_ask_again)
{
	struct budget b;

	set_available(4096);
	ck_assert_int_eq(budget_open(&b, meminfo, NULL, 0), 0);
	ck_assert(budget_take(&b, now));
	set_available(0);
	ck_assert_uint_eq(take_all(&b), BUDGET_MAX_PAGES - 1);
	budget_close(&b);
	remove_files();
}
END_TEST

/* Static hugepages cost the host nothing: only those above them are taken from free memory. */
START_TEST(static_hugepages_are_free)
{
	struct budget b;

	set_available(0);
	set_file(huge, "3\n");
	ck_assert_int_eq(budget_open(&b, meminfo, huge, 0), 0);
	ck_assert_uint_eq(take_all(&b), 3);
	set_available(BUDGET_RESERVE / MIB + 4);
	later(BUDGET_MAX_NS);
	ck_assert_uint_eq(take_all(&b), 5);
	budget_close(&b);
	remove_files();
}
END_TEST

START_TEST(unknown_is_nothing)
{
	struct budget b;

	set_file(meminfo, "nonsense\n");
	ck_assert_int_eq(budget_open(&b, meminfo, NULL, 0), 0);
	ck_assert_uint_eq(take_all(&b), 0);
	budget_close(&b);
	ck_assert_int_lt(budget_open(&b, "/nonexistent", NULL, 0), 0);
	ck_assert_int_lt(budget_open(&b, meminfo, "/nonexistent", 0), 0);
	ck_assert_int_lt(budget_open(&b, meminfo, NULL, UINT64_MAX), 0);
	remove_files();
}
END_TEST

START_TEST(hugepages_left)
{
	/* free less reserved, and what the allowance leaves; neither below 0 */
	ck_assert_uint_eq(host_huge_left(&(struct host_huge){0}), 0);
	ck_assert_uint_eq(host_huge_left(&(struct host_huge){.free = 5, .reserved = 2}), 3);
	ck_assert_uint_eq(host_huge_left(&(struct host_huge){.free = 1, .reserved = 2}), 0);
	ck_assert_uint_eq(host_huge_left(&(struct host_huge){.surplus = 2, .overcommit = 9}), 7);
	ck_assert_uint_eq(host_huge_left(&(struct host_huge){.surplus = 9, .overcommit = 2}), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("store_host");
	TCase *tc = tcase_create("budget");

	tcase_add_test(tc, headroom_stays);
	tcase_add_test(tc, many_pages_ask_again);
	tcase_add_test(tc, static_hugepages_are_free);
	tcase_add_test(tc, unknown_is_nothing);
	tcase_add_test(tc, hugepages_left);
	suite_add_tcase(suite, tc);
	return test_main(suite);
}
