// SPDX-License-Identifier: MIT
/* test_arena.c - limits, order, indexes and misuse of arenas. */
#include "base/arena.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>

#include "lib/test_main.h"

#define MAX  5
#define PAGE ((size_t)4096)

START_TEST(gives_up_to_max)
{
	struct arena a;
	void *p[MAX];

	ck_assert_int_eq(arena_init(&a, 100, MAX), 0);
	for (uint32_t i = 0; i < MAX; i++) {
		p[i] = arena_get(&a);
		ck_assert_ptr_nonnull(p[i]);
		ck_assert_uint_eq((uintptr_t)p[i] % 64, 0);
		ck_assert_uint_eq(arena_index(&a, p[i]), i);
		for (size_t j = 0; j < 100; j++)
			ck_assert_uint_eq(((uint8_t *)p[i])[j], 0);
		memset(p[i], 0xee, 100);
	}
	ck_assert_uint_eq(a.used, MAX);
	ck_assert_ptr_null(arena_get(&a));
	arena_put(&a, p[3]);
	ck_assert_uint_eq(a.used, MAX - 1);
	ck_assert_ptr_eq(arena_get(&a), p[3]);
	ck_assert_uint_eq(((uint8_t *)p[3])[99], 0xee);
	ck_assert_ptr_null(arena_get(&a));
	arena_free(&a);
	arena_free(&a);
}
END_TEST

START_TEST(last_freed_first_used)
{
	struct arena a;
	void *p[MAX];

	ck_assert_int_eq(arena_init(&a, 64, MAX), 0);
	ck_assert_uint_eq(a.size, 64);
	for (int i = 0; i < MAX; i++)
		p[i] = arena_get(&a);
	arena_put(&a, p[1]);
	arena_put(&a, p[4]);
	arena_put(&a, p[0]);
	ck_assert_ptr_eq(arena_get(&a), p[0]);
	ck_assert_ptr_eq(arena_get(&a), p[4]);
	ck_assert_ptr_eq(arena_get(&a), p[1]);
	arena_free(&a);
}
END_TEST

START_TEST(at_knows_what_is_in_use)
{
	struct arena a;

	ck_assert_int_eq(arena_init(&a, 65, MAX), 0);
	ck_assert_uint_eq(a.size, 128);
	ck_assert_ptr_null(arena_at(&a, 0));
	void *first = arena_get(&a), *second = arena_get(&a);
	ck_assert_ptr_eq(arena_at(&a, 0), first);
	ck_assert_ptr_eq(arena_at(&a, 1), second);
	ck_assert_ptr_null(arena_at(&a, 2));
	ck_assert_ptr_null(arena_at(&a, MAX));
	ck_assert_ptr_null(arena_at(&a, UINT32_MAX));
	arena_put(&a, first);
	ck_assert_ptr_null(arena_at(&a, 0));
	ck_assert_ptr_eq(arena_get(&a), first);
	ck_assert_ptr_eq(arena_at(&a, 0), first);
	arena_free(&a);
}
END_TEST

START_TEST(too_large)
{
	struct arena a;

	ck_assert_int_eq(arena_init(&a, SIZE_MAX, 1), -ENOMEM);
	ck_assert_int_eq(arena_init(&a, SIZE_MAX / 2, 4), -ENOMEM);
	ck_assert_int_eq(arena_init(&a, (size_t)1 << 46, 1024), -ENOMEM);
}
END_TEST

START_TEST(costs_nothing_until_used)
{
	struct arena a;

	ck_assert_int_eq(arena_init(&a, 1 << 20, 1 << 16), 0);
	void *p = arena_get(&a);
	memset(p, 1, 1 << 20);
	arena_put(&a, p);
	arena_free(&a);
}
END_TEST

/* How many of the whole pages of [p, p + n) are in memory. */
static unsigned resident(const uint8_t *p, size_t n)
{
	unsigned char in[64];
	unsigned sum = 0;
	size_t pages = n / PAGE;

	ck_assert_uint_le(pages, sizeof(in));
	ck_assert_int_eq(mincore((void *)(uintptr_t)p, pages * PAGE, in), 0);
	for (size_t i = 0; i < pages; i++)
		sum += in[i] & 1;
	return sum;
}

static void use_all(struct arena *a, uint8_t *p[MAX])
{
	for (int i = 0; i < MAX; i++) {
		p[i] = arena_get(a);
		ck_assert_ptr_nonnull(p[i]);
		memset(p[i], 0xee, 2 * PAGE);
	}
}

/* What was free for a whole round goes; what was used meanwhile, or is in use, stays. */
START_TEST(trim_gives_back_what_is_idle)
{
	struct arena a;
	uint8_t *p[MAX];

	ck_assert_int_eq(arena_init(&a, 2 * PAGE, MAX), 0);
	use_all(&a, p);
	ck_assert(!arena_trim(&a, MAX)); /* nothing is free */
	for (int i = 0; i < MAX - 1; i++)
		arena_put(&a, p[i]);
	ck_assert(arena_trim(&a, MAX)); /* not for long enough */
	ck_assert_uint_eq(resident(p[0], 2 * PAGE), 2);
	ck_assert_ptr_eq(arena_get(&a), p[3]);
	arena_put(&a, p[3]);
	ck_assert(arena_trim(&a, MAX));
	for (int i = 0; i < MAX; i++)
		ck_assert_uint_eq(resident(p[i], 2 * PAGE), i < 3 ? 0 : 2);
	ck_assert(!arena_trim(&a, MAX));
	ck_assert_uint_eq(resident(p[3], 2 * PAGE), 0);
	ck_assert_uint_eq(p[4][2 * PAGE - 1], 0xee);
	/* Used again: zero, whole, and given back once more. */
	arena_put(&a, p[4]);
	use_all(&a, p);
	for (int i = 0; i < MAX; i++)
		arena_put(&a, p[i]);
	ck_assert(arena_trim(&a, MAX));
	ck_assert(!arena_trim(&a, MAX));
	for (int i = 0; i < MAX; i++)
		ck_assert_uint_eq(resident(p[i], 2 * PAGE), 0);
	arena_free(&a);
}
END_TEST

/* A bounded number at once: below, at and above what is idle. */
START_TEST(trim_is_bounded)
{
	struct arena a;
	uint8_t *p[MAX];
	uint32_t max = (uint32_t)_i;

	ck_assert_int_eq(arena_init(&a, 2 * PAGE, MAX), 0);
	use_all(&a, p);
	for (int i = 0; i < MAX; i++)
		arena_put(&a, p[i]);
	ck_assert(arena_trim(&a, max));
	ck_assert_int_eq(arena_trim(&a, max), max < MAX);
	unsigned left = 0;
	for (int i = 0; i < MAX; i++)
		left += resident(p[i], 2 * PAGE);
	ck_assert_uint_eq(left, max < MAX ? 2 * (MAX - max) : 0);
	arena_free(&a);
}
END_TEST

/* Objects that share a page with others: only whole pages go, and nobody loses a byte. */
START_TEST(trim_spares_neighbours)
{
	struct arena a;
	uint8_t *p[MAX];

	ck_assert_int_eq(arena_init(&a, 2 * PAGE + 64, MAX), 0);
	use_all(&a, p);
	for (int i = 1; i < MAX; i += 2)
		arena_put(&a, p[i]);
	ck_assert(arena_trim(&a, MAX));
	ck_assert(!arena_trim(&a, MAX));
	for (int i = 0; i < MAX; i += 2)
		for (size_t k = 0; k < 2 * PAGE; k++)
			ck_assert_uint_eq(p[i][k], 0xee);
	arena_free(&a);
}
END_TEST

START_TEST(putting_twice_aborts)
{
	struct arena a;

	ck_assert_int_eq(arena_init(&a, 64, MAX), 0);
	void *p = arena_get(&a);
	arena_put(&a, p);
	arena_put(&a, p);
}
END_TEST

START_TEST(putting_a_stranger_aborts)
{
	struct arena a;

	ck_assert_int_eq(arena_init(&a, 64, MAX), 0);
	uint8_t *p = arena_get(&a);
	arena_put(&a, p + 8);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("arena");
	TCase *t = tcase_create("arena");

	tcase_add_test(t, gives_up_to_max);
	tcase_add_test(t, last_freed_first_used);
	tcase_add_test(t, at_knows_what_is_in_use);
	tcase_add_test(t, too_large);
	tcase_add_test(t, costs_nothing_until_used);
	tcase_add_test(t, trim_gives_back_what_is_idle);
	tcase_add_loop_test(t, trim_is_bounded, 1, MAX + 2);
	tcase_add_test(t, trim_spares_neighbours);
	tcase_add_test_raise_signal(t, putting_twice_aborts, SIGABRT);
	tcase_add_test_raise_signal(t, putting_a_stranger_aborts, SIGABRT);
	suite_add_tcase(s, t);
	return test_main(s);
}
