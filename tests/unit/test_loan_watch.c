// SPDX-License-Identifier: MIT
/* test_loan_watch.c - which loans and legs the agent watches, by the files of loans. */
#include "initiator-tools/agent/watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "initiator-tools/loan/record.h"
#include "lib/test_main.h"

#define BOOT "11111111-2222-3333-4444-555555555555"
#define UUID "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"

static char dir[64];
static struct watch w;
static struct loan loan;

static void save(void)
{
	char why[256];

	ck_assert_msg(!record_write(dir, &loan, why, sizeof(why)), "%s", why);
}

/* A whole loan with two copies, of a and b. */
static void setup(void)
{
	snprintf(dir, sizeof(dir), "/tmp/memtgt-watch.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	disk_root = dir;
	w = (struct watch){.dir = dir, .boot = BOOT, .timeout = 20 * NS_PER_S};
	loan = (struct loan){
		.wish = {.name = "swap", .size = LOAN_EXTENT, .copies = 2, .priority = -1},
		.uuid = UUID,
		.swap_uuid = UUID,
		.boot = BOOT,
		.key = 1,
		.is_made = true};
	memset(loan.steps, STEP_DONE, sizeof(loan.steps));
	for (unsigned i = 0; i < 2; i++) {
		struct loan_leg *leg = loan_add_leg(&loan, 1);
		ck_assert_ptr_nonnull(leg);
		leg->has_data = true;
		memset(leg->steps, STEP_DONE, sizeof(leg->steps));
		leg->disks[0] = (struct loan_disk){.donor = {(char)('a' + i)},
						   .portal = "192.0.2.1:3260",
						   .target = "iqn.2026-01.org.example:t",
						   .naa = "30010203040506ff",
						   .size = 4 * LOAN_EXTENT,
						   .used = 2 * LOAN_EXTENT};
		memset(leg->disks[0].steps, STEP_DONE, sizeof(leg->disks[0].steps));
	}
	save();
}

static void teardown(void)
{
	char command[128];

	watch_end(&w);
	loan_free(&loan);
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	ck_assert_int_eq(system(command), 0);
}

static bool nobody(void *arg, const char *donor)
{
	(void)arg;
	(void)donor;
	return false;
}

static struct judge_verdict look(void)
{
	static uint64_t now = NS_PER_S;

	now += NS_PER_S;
	ck_assert_uint_eq(w.n, 1);
	return watch_look(&w, w.loans[0], now, nobody, NULL);
}

static size_t legs(void)
{
	(void)look();
	return w.loans[0]->nseen;
}

START_TEST(whole_loan)
{
	watch_sync(&w);
	ck_assert(!w.is_busy);
	ck_assert_uint_eq(w.n, 1);
	ck_assert(watch_is_live(&w, w.loans[0]));
	/* Its disks are not there; that is believed when it was seen twice. */
	ck_assert_uint_eq(legs(), 2);
	ck_assert(!w.loans[0]->seen[0].is_gone);
	ck_assert(w.loans[0]->seen[0].is_copy && w.loans[0]->seen[0].is_wanted);
	watch_sync(&w);
	/* Both are gone, and nothing says that one is whole: so neither is given up. */
	ck_assert_int_eq(look().act, JUDGE_NOTHING);
	ck_assert(w.loans[0]->seen[0].is_gone && w.loans[0]->seen[1].is_gone);
	ck_assert_uint_eq(w.loans[0]->copies, 0);
}
END_TEST

/* What changes in the file is seen; a lost leg is not watched, one that is being made is. */
START_TEST(legs_that_are_watched)
{
	watch_sync(&w);
	loan.legs[0].is_lost = loan.legs[0].is_unwanted = true;
	save();
	watch_sync(&w);
	ck_assert_uint_eq(legs(), 1);
	ck_assert_uint_eq(w.loans[0]->seen[0].id, 1);
	loan.legs[0].is_lost = false;
	loan.legs[1].has_data = false;
	loan.legs[1].steps[STEP_MIRROR] = STEP_BEGUN;
	save();
	watch_sync(&w);
	ck_assert_uint_eq(legs(), 2);
	for (size_t i = 0; i < 2; i++) {
		const struct leg_seen *s = &w.loans[0]->seen[i];
		ck_assert(s->id == 0 ? s->is_copy && !s->is_wanted : !s->is_copy && s->is_wanted);
	}
	loan.legs[1].steps[STEP_MIRROR] = STEP_NONE;
	save();
	watch_sync(&w);
	ck_assert_uint_eq(legs(), 1);
}
END_TEST

/* Others, or nobody, are to work on these. */
START_TEST(loans_that_are_not_watched)
{
	watch_sync(&w);
	loan.is_stopped = true;
	save();
	watch_sync(&w);
	ck_assert_uint_eq(legs(), 0);
	loan.is_stopped = false;
	loan.is_ending = true;
	save();
	watch_sync(&w);
	ck_assert_uint_eq(legs(), 0);
	loan.is_ending = false;
	loan.boot[0] = '2';
	save();
	watch_sync(&w);
	ck_assert_uint_eq(legs(), 0);
	ck_assert_int_eq(look().act, JUDGE_NOTHING);
}
END_TEST

START_TEST(missing_copy_is_made_again)
{
	loan_remove_leg(&loan, 1);
	save();
	watch_sync(&w);
	ck_assert_int_eq(look().act, JUDGE_REBUILD);
	/* Somebody is at work. */
	int lock = record_lock(dir, 0);
	ck_assert_int_ge(lock, 0);
	watch_sync(&w);
	ck_assert(w.is_busy);
	ck_assert_int_eq(look().act, JUDGE_NOTHING);
	close(lock);
	watch_sync(&w);
	ck_assert_int_eq(look().act, JUDGE_REBUILD);
	w.loans[0]->mending = 1;
	ck_assert_int_eq(look().act, JUDGE_NOTHING);
	w.loans[0]->mending = 0;
}
END_TEST

START_TEST(loans_come_and_go)
{
	char why[256], path[128];

	watch_sync(&w);
	w.loans[0]->degraded_since = 5;
	/* One that was returned, and made again under the same name. */
	loan.uuid[0] = 'b';
	save();
	watch_sync(&w);
	ck_assert_uint_eq(w.n, 1);
	ck_assert_int_eq(w.loans[0]->degraded_since, 0);
	/* A file that cannot be understood says nothing new. */
	snprintf(path, sizeof(path), "%s/swap.json", dir);
	FILE *f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	fputs("{", f);
	fclose(f);
	watch_sync(&w);
	ck_assert_uint_eq(legs(), 2);
	ck_assert_int_eq(record_remove(dir, "swap", why, sizeof(why)), 0);
	watch_sync(&w);
	ck_assert_uint_eq(w.n, 0);
}
END_TEST

/* Only what is silent, and only what is there. */
START_TEST(order_of_nothing)
{
	struct fail_order o;

	watch_sync(&w);
	(void)look();
	watch_order(w.loans[0], 0, &o);
	ck_assert_uint_eq(o.n, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("loan_watch");
	TCase *t = tcase_create("all");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, whole_loan);
	tcase_add_test(t, legs_that_are_watched);
	tcase_add_test(t, loans_that_are_not_watched);
	tcase_add_test(t, missing_copy_is_made_again);
	tcase_add_test(t, loans_come_and_go);
	tcase_add_test(t, order_of_nothing);
	suite_add_tcase(s, t);
	return test_main(s);
}
