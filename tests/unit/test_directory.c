// SPDX-License-Identifier: MIT
/* test_directory.c - sessions by name: replacing, racing, TSIHs. */
#include "iscsi/directory.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/test_main.h"

static uint32_t ended[16], alone[16];
static unsigned nended, nalone;
static struct directory dir;
static const struct directory_limits unlimited;

static void on_end(struct session_ref who)
{
	ended[nended++] = who.id;
}

static void on_alone(struct session_ref who)
{
	alone[nalone++] = who.id;
}

static void setup(void)
{
	nended = nalone = 0;
	directory_init(&dir, on_end, on_alone);
}

static void teardown(void)
{
	directory_free(&dir);
}

static struct directory_entry entry(const char *name, uint8_t isid, const void *target, uint32_t id)
{
	struct directory_entry e = {.isid = {[5] = isid}, .target = target, .ref = {.id = id}};
	snprintf(e.initiator, sizeof(e.initiator), "%s", name);
	return e;
}

START_TEST(different_names_do_not_meet)
{
	int t1 = 0, t2 = 0;
	struct directory_entry a = entry("iqn.a", 1, &t1, 1), b = entry("iqn.b", 1, &t1, 2);
	struct directory_entry c = entry("iqn.a", 2, &t1, 3), d = entry("iqn.a", 1, &t2, 4);
	struct directory_entry *all[] = {&a, &b, &c, &d};
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(directory_enter(&dir, all[i], &unlimited), DIRECTORY_ALONE);
	ck_assert_uint_eq(directory_count(&dir, &t1), 3);
	ck_assert_uint_eq(directory_count(&dir, &t2), 1);
	for (int i = 0; i < 4; i++)
		directory_leave(&dir, all[i]);
	ck_assert_uint_eq(directory_count(&dir, &t1), 0);
	ck_assert_uint_eq(nended + nalone, 0);
}
END_TEST

/* Who enters is counted, whether he stays or not; who was there is not. */
START_TEST(watches)
{
	int t1 = 0, t2 = 0;
	struct directory_entry a = entry("iqn.a", 1, &t1, 1), b = entry("iqn.b", 1, &t1, 2);
	struct directory_entry c = entry("iqn.c", 1, &t2, 3), late = entry("iqn.d", 1, &t1, 4);
	struct directory_watch w, other;

	ck_assert_int_eq(directory_enter(&dir, &a, &unlimited), DIRECTORY_ALONE);
	directory_watch(&dir, &w, &t1);
	directory_watch(&dir, &other, &t2);
	ck_assert_uint_eq(directory_entered(&dir, &w), 0);
	ck_assert_int_eq(directory_enter(&dir, &b, &unlimited), DIRECTORY_ALONE);
	directory_leave(&dir, &b);
	directory_leave(&dir, &a);
	ck_assert_int_eq(directory_enter(&dir, &c, &unlimited), DIRECTORY_ALONE);
	ck_assert_uint_eq(directory_entered(&dir, &w), 1);
	ck_assert_uint_eq(directory_entered(&dir, &other), 1);
	directory_unwatch(&dir, &other);
	directory_leave(&dir, &c);
	/* One that is turned away has not entered. */
	ck_assert_int_eq(directory_close(&dir), 0);
	ck_assert_int_eq(directory_enter(&dir, &late, &unlimited), DIRECTORY_CLOSED);
	ck_assert_uint_eq(directory_entered(&dir, &w), 1);
	directory_unwatch(&dir, &w);
}
END_TEST

START_TEST(the_old_one_ends_first)
{
	struct directory_entry a = entry("iqn.a", 1, NULL, 1), b = entry("iqn.a", 1, NULL, 2);
	ck_assert_int_eq(directory_enter(&dir, &a, &unlimited), DIRECTORY_ALONE);
	ck_assert_int_eq(directory_enter(&dir, &b, &unlimited), DIRECTORY_WAIT);
	ck_assert_uint_eq(nended, 1);
	ck_assert_uint_eq(ended[0], 1);
	ck_assert_uint_eq(nalone, 0);
	directory_leave(&dir, &a);
	ck_assert_uint_eq(nalone, 1);
	ck_assert_uint_eq(alone[0], 2);
	directory_leave(&dir, &b);
	ck_assert_uint_eq(nalone, 1);
}
END_TEST

/* Three logins race: the last to enter stays, whichever of the others ends first. */
START_TEST(the_last_of_three_stays)
{
	struct directory_entry e[3];
	for (uint32_t i = 0; i < 3; i++) {
		e[i] = entry("iqn.a", 1, NULL, i);
		ck_assert_int_eq(directory_enter(&dir, &e[i], &unlimited),
				 i ? DIRECTORY_WAIT : DIRECTORY_ALONE);
	}
	ck_assert_uint_eq(nended, 3); /* 0 by 1; 0 and 1 by 2 */
	directory_leave(&dir, &e[_i]);
	ck_assert_uint_eq(nalone, 0);
	directory_leave(&dir, &e[1 - _i]);
	ck_assert_uint_eq(nalone, 1);
	ck_assert_uint_eq(alone[0], 2);
	directory_leave(&dir, &e[2]);
}
END_TEST

/* RFC 7143 4.4.3: the portal group is part of the name. */
START_TEST(portal_groups_are_apart)
{
	struct directory_entry a = entry("iqn.a", 1, NULL, 1), b = a, c = a;

	a.group = 1;
	b.group = c.group = 2;
	ck_assert_int_eq(directory_enter(&dir, &a, &unlimited), DIRECTORY_ALONE);
	ck_assert_int_eq(directory_enter(&dir, &b, &unlimited), DIRECTORY_ALONE);
	ck_assert_uint_eq(nended, 0);
	ck_assert_int_eq(directory_enter(&dir, &c, &unlimited), DIRECTORY_WAIT);
	ck_assert_uint_eq(nended, 1);
	directory_leave(&dir, &b);
	ck_assert_uint_eq(nalone, 1);
	directory_leave(&dir, &a);
	directory_leave(&dir, &c);
	ck_assert_uint_eq(nalone, 1);
}
END_TEST

/* Who has logged out makes room at once, and needs room to come again. */
START_TEST(logged_out_of_limits)
{
	const struct directory_limits two = {.target = 2};
	struct directory_entry a = entry("iqn.a", 1, NULL, 1), b = entry("iqn.b", 1, NULL, 2);
	struct directory_entry c = entry("iqn.c", 1, NULL, 3), again = a;

	ck_assert_int_eq(directory_enter(&dir, &a, &two), DIRECTORY_ALONE);
	ck_assert_int_eq(directory_enter(&dir, &b, &two), DIRECTORY_ALONE);
	directory_forget(&dir, &a);
	ck_assert_int_eq(directory_enter(&dir, &c, &two), DIRECTORY_ALONE);
	ck_assert_int_eq(directory_enter(&dir, &again, &two), DIRECTORY_TARGET_FULL);
	ck_assert_uint_eq(nended, 0);
	directory_leave(&dir, &c);
	ck_assert_int_eq(directory_enter(&dir, &again, &two), DIRECTORY_WAIT);
	directory_leave(&dir, &a);
	ck_assert_uint_eq(nalone, 1);
	directory_leave(&dir, &again);
	directory_leave(&dir, &b);
}
END_TEST

/* Below, at and above both limits; other targets, and names that are replaced, do not count. */
START_TEST(limits)
{
	const struct directory_limits two = {.target = 2}, one = {.initiator = 1},
				      both = {.target = 3, .initiator = 2};
	int t1 = 0, t2 = 0;
	struct directory_entry a = entry("iqn.a", 1, &t1, 1), b = entry("iqn.b", 1, &t1, 2);
	struct directory_entry c = entry("iqn.a", 2, &t1, 3), other = entry("iqn.a", 2, &t2, 4);
	struct directory_entry again[2] = {a, a};

	ck_assert_int_eq(directory_enter(&dir, &other, &two), DIRECTORY_ALONE);
	ck_assert_int_eq(directory_enter(&dir, &a, &two), DIRECTORY_ALONE);
	ck_assert_int_eq(directory_enter(&dir, &c, &one), DIRECTORY_INITIATOR_FULL);
	ck_assert_int_eq(directory_enter(&dir, &b, &one), DIRECTORY_ALONE);
	ck_assert_int_eq(directory_enter(&dir, &c, &two), DIRECTORY_TARGET_FULL);
	ck_assert_uint_eq(directory_count(&dir, &t1), 2);
	/* Twice the same at once: it is one session. */
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(directory_enter(&dir, &again[i], &one), DIRECTORY_WAIT);
	ck_assert_uint_eq(directory_count(&dir, &t1), 4);
	ck_assert_int_eq(directory_enter(&dir, &c, &two), DIRECTORY_TARGET_FULL);
	ck_assert_int_eq(directory_enter(&dir, &c, &one), DIRECTORY_INITIATOR_FULL);
	ck_assert_int_eq(directory_enter(&dir, &c, &both), DIRECTORY_ALONE);
	directory_leave(&dir, &a);
	directory_leave(&dir, &again[0]);
	directory_leave(&dir, &again[1]);
	directory_leave(&dir, &b);
	directory_leave(&dir, &c);
	directory_leave(&dir, &other);
	ck_assert_int_eq(directory_enter(&dir, &a, &one), DIRECTORY_ALONE);
	directory_leave(&dir, &a);
}
END_TEST

START_TEST(tsihs_are_unique_and_come_back)
{
	static bool seen[65536];
	for (unsigned i = 0; i < 65535; i++) {
		uint16_t t = directory_tsih_get(&dir);
		ck_assert_uint_ne(t, 0);
		ck_assert(!seen[t]);
		ck_assert(directory_tsih_exists(&dir, t));
		seen[t] = true;
	}
	ck_assert_uint_eq(directory_tsih_get(&dir), 0);
	directory_tsih_put(&dir, 777);
	ck_assert(!directory_tsih_exists(&dir, 777));
	ck_assert_uint_eq(directory_tsih_get(&dir), 777);
	ck_assert(!directory_tsih_exists(&dir, 0));
}
END_TEST

/* While it is closed: who was there may come back, also twice, until it logs out. */
START_TEST(closed_to_newcomers)
{
	struct directory_entry a = entry("iqn.a", 1, NULL, 1), b = entry("iqn.b", 1, NULL, 2);
	struct directory_entry again = entry("iqn.a", 1, NULL, 3);
	struct directory_entry other[] = {entry("iqn.a", 2, NULL, 4), entry("iqn.c", 1, NULL, 5),
					  entry("iqn.a", 1, &dir, 6)};

	ck_assert_int_eq(directory_enter(&dir, &a, &unlimited), DIRECTORY_ALONE);
	ck_assert_int_eq(directory_enter(&dir, &b, &unlimited), DIRECTORY_ALONE);
	ck_assert(!directory_is_closed(&dir));
	ck_assert_int_eq(directory_close(&dir), 0);
	ck_assert_int_eq(directory_close(&dir), 0); /* nobody is added a second time */
	ck_assert(directory_is_closed(&dir));
	ck_assert_uint_eq(directory_guests(&dir), 2);
	for (size_t i = 0; i < 3; i++)
		ck_assert_int_eq(directory_enter(&dir, &other[i], &unlimited), DIRECTORY_CLOSED);
	for (int i = 0; i < 2; i++) { /* its connection was lost */
		directory_leave(&dir, &a);
		ck_assert_int_eq(directory_enter(&dir, &a, &unlimited), DIRECTORY_ALONE);
	}
	ck_assert_int_eq(directory_enter(&dir, &again, &unlimited), DIRECTORY_WAIT);
	directory_leave(&dir, &a);
	directory_forget(&dir, &again);
	directory_leave(&dir, &again);
	ck_assert_uint_eq(directory_guests(&dir), 1);
	ck_assert_int_eq(directory_enter(&dir, &a, &unlimited), DIRECTORY_CLOSED);
	directory_leave(&dir, &b);
	ck_assert_int_eq(directory_enter(&dir, &b, &unlimited), DIRECTORY_ALONE);

	directory_open(&dir);
	ck_assert_uint_eq(directory_guests(&dir), 0);
	ck_assert_int_eq(directory_enter(&dir, &a, &unlimited), DIRECTORY_ALONE);
	directory_forget(&dir, &a); /* a logout at any other time */
	directory_leave(&dir, &a);
	directory_leave(&dir, &b);
}
END_TEST

/* One that was being replaced when it closed is one guest, not two. */
START_TEST(closed_while_one_is_replaced)
{
	struct directory_entry a = entry("iqn.a", 1, NULL, 1), b = entry("iqn.a", 1, NULL, 2);

	ck_assert_int_eq(directory_enter(&dir, &a, &unlimited), DIRECTORY_ALONE);
	ck_assert_int_eq(directory_enter(&dir, &b, &unlimited), DIRECTORY_WAIT);
	ck_assert_int_eq(directory_close(&dir), 0);
	directory_leave(&dir, &a);
	directory_forget(&dir, &b);
	directory_leave(&dir, &b);
	ck_assert_int_eq(directory_enter(&dir, &a, &unlimited), DIRECTORY_CLOSED);
}
END_TEST

/* Who comes while it is open is a guest of the next time. */
START_TEST(closed_again)
{
	struct directory_entry a = entry("iqn.a", 1, NULL, 1), b = entry("iqn.b", 1, NULL, 2);

	ck_assert_int_eq(directory_enter(&dir, &a, &unlimited), DIRECTORY_ALONE);
	ck_assert_int_eq(directory_close(&dir), 0);
	directory_open(&dir);
	directory_leave(&dir, &a);
	ck_assert_int_eq(directory_enter(&dir, &b, &unlimited), DIRECTORY_ALONE);
	ck_assert_int_eq(directory_close(&dir), 0);
	ck_assert_int_eq(directory_enter(&dir, &a, &unlimited), DIRECTORY_CLOSED);
	directory_leave(&dir, &b);
	ck_assert_int_eq(directory_enter(&dir, &b, &unlimited), DIRECTORY_ALONE);
	directory_leave(&dir, &b);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("directory");
	TCase *t = tcase_create("all");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, different_names_do_not_meet);
	tcase_add_test(t, watches);
	tcase_add_test(t, the_old_one_ends_first);
	tcase_add_loop_test(t, the_last_of_three_stays, 0, 2);
	tcase_add_test(t, closed_to_newcomers);
	tcase_add_test(t, closed_while_one_is_replaced);
	tcase_add_test(t, closed_again);
	tcase_add_test(t, portal_groups_are_apart);
	tcase_add_test(t, limits);
	tcase_add_test(t, logged_out_of_limits);
	tcase_add_test(t, tsihs_are_unique_and_come_back);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	return test_main(suite());
}
