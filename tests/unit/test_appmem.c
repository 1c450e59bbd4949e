// SPDX-License-Identifier: MIT
/* test_appmem.c - the programs that are run with little memory see what is wrong with theirs. */
#include "guest/app_hash.h"
#include "guest/app_random.h"
#include "guest/app_sort.h"
#include "guest/app_times.h"
#include "guest/app_touch.h"

#include "lib/test_main.h"

#include <stdlib.h>
#include <string.h>

#define KEYS 10000u

static uint64_t keys[KEYS];

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* As the C library sorts them. */
static void sort_and_compare(size_t n)
{
	static uint64_t want[KEYS];

	memcpy(want, keys, n * sizeof(*keys));
	qsort(want, n, sizeof(*want), compare);
	app_sort(keys, n);
	ck_assert_msg(memcmp(keys, want, n * sizeof(*keys)) == 0, "%zu keys", n);
}

START_TEST(any_number_of_keys_is_sorted)
{
	static const size_t rows[] = {0, 1, 2, 3, 15, 16, 17, 18, 33, 100, 1000, KEYS};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t filled = app_sort_fill(keys, rows[i]);

		sort_and_compare(rows[i]);
		ck_assert_uint_eq(app_sort_bad(keys, rows[i], filled), 0);
	}
}
END_TEST

START_TEST(any_order_of_keys_is_sorted)
{
	static const uint64_t kinds[] = {1, 2, 3, 100, KEYS};

	for (size_t kind = 0; kind < sizeof(kinds) / sizeof(kinds[0]); kind++) {
		for (size_t i = 0; i < KEYS; i++)
			keys[i] = app_mix(i) % kinds[kind];
		sort_and_compare(KEYS);
		sort_and_compare(KEYS); /* what is in order already */
		for (size_t i = 0; i < KEYS; i++)
			keys[i] = (KEYS - i) % kinds[kind];
		sort_and_compare(KEYS);
	}
}
END_TEST

START_TEST(a_sort_that_went_wrong_is_seen)
{
	uint64_t filled = app_sort_fill(keys, KEYS);

	app_sort(keys, KEYS);
	uint64_t key = keys[100];
	keys[100] = keys[101];
	ck_assert_uint_eq(app_sort_bad(keys, KEYS, filled), 1); /* one is twice there */
	keys[101] = key;
	ck_assert_uint_eq(app_sort_bad(keys, KEYS, filled), 1); /* two stand the wrong way round */
	keys[101] = keys[100];
	keys[100] = key;
	ck_assert_uint_eq(app_sort_bad(keys, KEYS, filled), 0);
	keys[0] ^= 1;
	ck_assert_uint_ge(app_sort_bad(keys, KEYS, filled), 1);
	memset(keys, 0, sizeof(keys));
	ck_assert_uint_eq(app_sort_bad(keys, KEYS, filled), 1); /* all are lost */
}
END_TEST

#define BITS 10u

static struct app_slot slots[1u << BITS];

/* One that no other key's way leads through. */
static struct app_slot *used_slot(void)
{
	struct app_slot *slot = slots + 100;

	while (slot[0].key == 0 || slot[1].key != 0)
		slot++;
	return slot;
}

static void load(struct app_hash *h, unsigned bits)
{
	memset(slots, 0, sizeof(slots));
	app_hash_load(h, slots, bits);
}

START_TEST(what_was_loaded_is_found)
{
	for (unsigned bits = 3; bits <= BITS; bits++) {
		struct app_hash h;

		load(&h, bits);
		ck_assert_uint_eq(h.keys, (1u << bits) / 4 * 3);
		ck_assert_uint_eq(app_hash_bad(&h), 0);
		ck_assert_uint_eq(app_hash_update(&h, 1000), 0);
		ck_assert_uint_eq(app_hash_update(&h, 1), 0);
		ck_assert_uint_eq(h.updates, 1001);
		ck_assert_uint_eq(app_hash_bad(&h), 0);
	}
}
END_TEST

START_TEST(updates_go_everywhere)
{
	struct app_hash h;
	unsigned changed = 0;

	load(&h, BITS);
	ck_assert_uint_eq(app_hash_update(&h, 10 * h.keys), 0);
	for (size_t i = 0; i < 1u << BITS; i++)
		changed += slots[i].key != 0 && slots[i].value != app_mix(slots[i].key);
	ck_assert_uint_ge(changed, h.keys - 5);
}
END_TEST

START_TEST(a_slot_that_went_wrong_is_seen)
{
	struct app_hash h;

	load(&h, BITS);
	ck_assert_uint_eq(app_hash_update(&h, 1000), 0);
	struct app_slot *slot = used_slot(), was = *slot;
	slot->value++; /* an update that nobody made */
	ck_assert_uint_eq(app_hash_bad(&h), 1);
	slot->value -= 2; /* one that is lost */
	ck_assert_uint_ge(app_hash_bad(&h), 1);
	*slot = was;
	slot->key += 1;
	ck_assert_uint_ge(app_hash_bad(&h), 1);
	*slot = was;
	ck_assert_uint_eq(app_hash_bad(&h), 0);
	memset(slots, 0, sizeof(slots));
	ck_assert_uint_eq(app_hash_bad(&h), 1);
	ck_assert_uint_eq(app_hash_update(&h, 10), 10);
}
END_TEST

START_TEST(a_slot_that_is_not_in_its_place_is_seen)
{
	struct app_hash h;

	load(&h, BITS);
	struct app_slot *slot = used_slot(), was = *slot;
	*slot = (struct app_slot){0};
	ck_assert_uint_eq(app_hash_bad(&h), 1); /* nowhere */
	for (slot += 100; slot->key != 0;)
		slot++;
	*slot = was;
	ck_assert_uint_eq(app_hash_bad(&h), 1); /* elsewhere */
}
END_TEST

#define PAGES 50u

static uint64_t memory[PAGES * APP_PAGE / sizeof(uint64_t)];
static uint32_t rounds[PAGES];

START_TEST(pages_that_are_not_what_they_were_are_seen)
{
	static uint64_t old[sizeof(memory) / sizeof(memory[0])];
	struct app_touch t;

	app_touch_fill(&t, memory, rounds, PAGES);
	for (unsigned i = 0; i < 20 * PAGES; i++)
		(void)app_touch_next(&t);
	ck_assert_uint_eq(t.bad, 0);
	for (size_t page = 0; page < PAGES; page++)
		ck_assert_uint_ge(rounds[page], 1);

	/* The last word of each page; they are written anew when they are touched. */
	for (size_t page = 1; page <= PAGES; page++)
		memory[page * APP_PAGE / sizeof(uint64_t) - 1] ^= 1;
	for (unsigned i = 0; i < 20 * PAGES; i++)
		(void)app_touch_next(&t);
	ck_assert_uint_eq(t.bad, PAGES);

	/* Old pages, each right in itself. */
	memcpy(old, memory, sizeof(memory));
	(void)app_touch_next(&t);
	memcpy(memory, old, sizeof(memory));
	for (unsigned i = 0; i < 20 * PAGES; i++)
		(void)app_touch_next(&t);
	ck_assert_uint_eq(t.bad, PAGES + 1);
}
END_TEST

static void expect_percentiles(const struct app_times *t, const uint64_t *sorted, size_t n)
{
	for (unsigned percent = 1; percent <= 100; percent++) {
		uint64_t want = sorted[(n * percent + 99) / 100 - 1];
		uint64_t got = app_times_percentile(t, percent);

		ck_assert_uint_ge(got, want);
		ck_assert_uint_le(got, want + want / 16);
	}
}

START_TEST(percentiles_are_at_most_a_16th_too_much)
{
	static const unsigned shifts[] = {62, 44, 40, 30, 1};

	for (size_t i = 0; i < sizeof(shifts) / sizeof(shifts[0]); i++) {
		struct app_times t = {0};

		for (size_t k = 0; k < KEYS; k++) {
			keys[k] = app_mix(k) >> shifts[i] >> app_mix(~k) % 20;
			app_times_add(&t, keys[k]);
		}
		app_sort(keys, KEYS);
		expect_percentiles(&t, keys, KEYS);
		ck_assert_uint_eq(app_times_percentile(&t, 100), keys[KEYS - 1]);
	}
}
END_TEST

START_TEST(any_time_is_counted)
{
	struct app_times t = {0};

	ck_assert_uint_eq(app_times_percentile(&t, 50), 0);
	app_times_add(&t, UINT64_MAX);
	ck_assert_uint_eq(app_times_percentile(&t, 1), UINT64_MAX);
	app_times_add(&t, 0);
	ck_assert_uint_eq(app_times_percentile(&t, 50), 0);
	ck_assert_uint_eq(app_times_percentile(&t, 51), UINT64_MAX);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("appmem");
	TCase *all = tcase_create("all");

	tcase_add_test(all, any_number_of_keys_is_sorted);
	tcase_add_test(all, any_order_of_keys_is_sorted);
	tcase_add_test(all, a_sort_that_went_wrong_is_seen);
	tcase_add_test(all, what_was_loaded_is_found);
	tcase_add_test(all, updates_go_everywhere);
	tcase_add_test(all, a_slot_that_went_wrong_is_seen);
	tcase_add_test(all, a_slot_that_is_not_in_its_place_is_seen);
	tcase_add_test(all, pages_that_are_not_what_they_were_are_seen);
	tcase_add_test(all, percentiles_are_at_most_a_16th_too_much);
	tcase_add_test(all, any_time_is_counted);
	suite_add_tcase(suite, all);
	return test_main(suite);
}
