// SPDX-License-Identifier: MIT
/* test_arena.c - limits, order, indexes and misuse of arenas. */
#include "base/arena.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "lib/test_main.h"

#define MAX 5

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
	tcase_add_test_raise_signal(t, putting_twice_aborts, SIGABRT);
	tcase_add_test_raise_signal(t, putting_a_stranger_aborts, SIGABRT);
	suite_add_tcase(s, t);
	return test_main(s);
}
