// SPDX-License-Identifier: MIT
/* test_loan_judge.c - legs of a loan over simulated time: who is failed, who is not, and when. */
#include "initiator-tools/agent/judge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "lib/test_main.h"

#define TIMEOUT 20u /* seconds */
#define LOOK	(500 * NS_PER_MS)
#define DISKS	2
#define START	(1000 * NS_PER_S)

static struct judge j;
static struct disk_seen disks[LOAN_LEGS_MAX][DISKS];
static struct leg_seen legs[LOAN_LEGS_MAX];
static struct loan_seen seen;
static bool is_silent[LOAN_LEGS_MAX][DISKS], is_bad[LOAN_LEGS_MAX][DISKS],
	is_unasked[LOAN_LEGS_MAX][DISKS];
static uint64_t now;

/* Legs 10, 11, ... with one disk each, whole and well. */
static void begin(size_t n)
{
	memset(disks, 0, sizeof(disks));
	memset(is_silent, 0, sizeof(is_silent));
	memset(is_bad, 0, sizeof(is_bad));
	memset(is_unasked, 0, sizeof(is_unasked));
	for (size_t i = 0; i < n; i++)
		legs[i] = (struct leg_seen){.id = (unsigned)(10 + i),
					    .health = LEG_SYNCED,
					    .is_copy = true,
					    .is_wanted = true,
					    .disks = disks[i],
					    .ndisks = 1};
	seen = (struct loan_seen){.legs = legs, .nlegs = n, .is_whole = true};
	now = START;
	judge_begin(&j, TIMEOUT * NS_PER_S);
}

static void setup(void)
{
	begin(2);
}

/* Each disk is asked once per look, and answers, fails, or does not. */
static void ask(void)
{
	for (size_t i = 0; i < seen.nlegs; i++)
		for (size_t d = 0; d < legs[i].ndisks; d++) {
			disks[i][d].is_pending = is_silent[i][d];
			if (!is_silent[i][d] && !is_unasked[i][d])
				++*(is_bad[i][d] ? &disks[i][d].bad : &disks[i][d].good);
		}
}

static struct judge_verdict look(void)
{
	ask();
	now += LOOK;
	return judge_look(&j, now, &seen);
}

/* Looks until something is to be done, for so many seconds. */
static struct judge_verdict watch(unsigned seconds)
{
	struct judge_verdict v = {JUDGE_NOTHING, 0, 0};

	for (uint64_t until = now + seconds * NS_PER_S; now < until && v.act == JUDGE_NOTHING;)
		v = look();
	return v;
}

static void quiet(unsigned seconds)
{
	struct judge_verdict v = watch(seconds);

	ck_assert_msg(v.act == JUDGE_NOTHING, "%s of leg %zu after %llu ms", judge_word(v.act),
		      v.leg, (unsigned long long)((now - START) / NS_PER_MS));
}

static void fails(unsigned seconds, size_t leg)
{
	struct judge_verdict v = watch(seconds);

	ck_assert_str_eq(judge_word(v.act), "fail");
	ck_assert_uint_eq(v.leg, leg);
	ck_assert_uint_ge(v.silent, TIMEOUT * NS_PER_S);
}

static void does(enum judge_act act, size_t leg)
{
	struct judge_verdict v = look();

	ck_assert_str_eq(judge_word(v.act), judge_word(act));
	ck_assert_uint_eq(v.leg, leg);
}

static void silence(size_t leg)
{
	for (size_t d = 0; d < legs[leg].ndisks; d++)
		is_silent[leg][d] = true;
}

static void speech(size_t leg)
{
	for (size_t d = 0; d < legs[leg].ndisks; d++)
		is_silent[leg][d] = false;
}

START_TEST(nothing)
{
	quiet(1000);
	ck_assert_uint_eq(judge_silence(&j, 10), 0);
}
END_TEST

/* ---- silence ---- */

/* Not before the time, and then at once. */
START_TEST(limit)
{
	quiet(5);
	silence(0);
	does(JUDGE_NOTHING, 0); /* silent from here */
	quiet(TIMEOUT - 1);
	ck_assert_uint_eq(judge_silence(&j, 10), (TIMEOUT - 1) * NS_PER_S);
	does(JUDGE_NOTHING, 0);
	does(JUDGE_FAIL, 0);
	ck_assert_uint_eq(judge_silence(&j, 10), TIMEOUT * NS_PER_S);
	/* Until that is seen as done. */
	does(JUDGE_FAIL, 0);
	legs[0].is_failed = true;
	does(JUDGE_REPLACE, 0);
}
END_TEST

/* An answer a moment before the limit begins it anew. */
START_TEST(late_answer)
{
	quiet(5);
	silence(0);
	quiet(TIMEOUT);
	speech(0);
	does(JUDGE_NOTHING, 0);
	ck_assert_uint_eq(judge_silence(&j, 10), 0);
	silence(0);
	quiet(TIMEOUT);
	fails(1, 0);
}
END_TEST

/* Errors are no answers. */
START_TEST(errors)
{
	quiet(5);
	is_bad[1][0] = true;
	quiet(TIMEOUT);
	fails(1, 1);
}
END_TEST

/* Whom nobody asks is not silent. */
START_TEST(unasked)
{
	quiet(5);
	is_unasked[0][0] = true;
	quiet(10 * TIMEOUT);
	/* ...nor does he get an answer by that. */
	is_unasked[0][0] = false;
	silence(0);
	does(JUDGE_NOTHING, 0);
	is_silent[0][0] = false;
	is_unasked[0][0] = true;
	does(JUDGE_NOTHING, 0);
	ck_assert_uint_eq(judge_silence(&j, 10), LOOK);
}
END_TEST

/* ---- witnesses ---- */

START_TEST(both_silent)
{
	quiet(5);
	silence(0);
	silence(1);
	quiet(1000);
	/* The network of this host is back, for the one a moment before the other. */
	speech(1);
	quiet(TIMEOUT - 1);
	speech(0);
	quiet(100);
}
END_TEST

/* One after the other: the second one is silent before the first is failed. */
START_TEST(second_silent)
{
	quiet(5);
	silence(0);
	quiet(TIMEOUT - 1);
	silence(1);
	/* What it said last is still counted as an answer now, but not for long. */
	fails(2, 0);
	begin(2);
	quiet(5);
	silence(0);
	quiet(TIMEOUT / 2);
	silence(1);
	quiet(1000);
}
END_TEST

START_TEST(alone)
{
	begin(1);
	quiet(5);
	silence(0);
	quiet(1000);
}
END_TEST

/* A witness must have all of the data. */
START_TEST(unsynced)
{
	static const enum leg_health none[] = {LEG_UNKNOWN, LEG_ABSENT, LEG_SYNCING, LEG_DEAD};

	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		begin(2);
		legs[1].is_copy = false;
		legs[1].health = none[i];
		quiet(5);
		silence(0);
		quiet(100);
		/* Its silence begins when there is a witness. */
		legs[1].health = LEG_SYNCED;
		quiet(TIMEOUT - 1);
		fails(2, 0);
	}
}
END_TEST

START_TEST(failed_witness)
{
	legs[1].is_copy = false;
	legs[1].is_failed = true;
	quiet(5);
	silence(0);
	quiet(100);
	legs[1].is_failed = false;
	legs[1].is_gone = true;
	quiet(100);
}
END_TEST

/* A leg that is being filled holds up the others if it is silent, but is nobody's copy. */
START_TEST(filling)
{
	begin(3);
	legs[2].is_copy = false;
	legs[2].health = LEG_SYNCING;
	seen.is_working = true;
	seen.is_whole = false;
	quiet(5);
	silence(2);
	quiet(TIMEOUT);
	fails(1, 2);
	legs[2].is_failed = true;
	quiet(100);
	seen.is_working = false;
	does(JUDGE_REBUILD, 0);
}
END_TEST

/* A witness answers all the time: the silence is counted from where he began to. */
START_TEST(now_and_then)
{
	quiet(5);
	silence(0);
	for (unsigned i = 0; i < 10; i++) {
		speech(1);
		does(JUDGE_NOTHING, 0);
		silence(1);
		quiet(TIMEOUT / 4);
		does(JUDGE_NOTHING, 0);
	}
	/* A look earlier is often enough. */
	for (unsigned i = 0; i < 3; i++) {
		speech(1);
		does(JUDGE_NOTHING, 0);
		silence(1);
		quiet(TIMEOUT / 4);
	}
	speech(1);
	fails(TIMEOUT / 4, 0);
}
END_TEST

START_TEST(three_copies)
{
	begin(3);
	quiet(5);
	silence(0);
	silence(2);
	quiet(TIMEOUT);
	fails(1, 0);
	legs[0].is_failed = true;
	seen.is_working = true;
	does(JUDGE_FAIL, 2);
	legs[2].is_failed = true;
	silence(1);
	quiet(100);
}
END_TEST

/* ---- legs of several disks ---- */

START_TEST(one_disk_of_two)
{
	legs[0].ndisks = legs[1].ndisks = 2;
	quiet(5);
	is_silent[0][1] = true;
	quiet(TIMEOUT);
	fails(1, 0);
}
END_TEST

START_TEST(half_a_witness)
{
	legs[0].ndisks = legs[1].ndisks = 2;
	quiet(5);
	silence(0);
	is_silent[1][1] = true;
	quiet(100);
}
END_TEST

/* Two disks, each slow at another time: neither is silent. */
START_TEST(by_turns)
{
	legs[0].ndisks = 2;
	quiet(5);
	for (unsigned i = 0; i < 20; i++) {
		is_silent[0][i % 2] = true;
		is_silent[0][1 - i % 2] = false;
		quiet(TIMEOUT - 5);
	}
}
END_TEST

/* ---- a disk that is another one now ---- */

START_TEST(other_disk)
{
	quiet(5);
	disks[0][0].is_other = is_bad[0][0] = true;
	does(JUDGE_FAIL, 0);
	ck_assert_uint_eq(look().silent, 0);
	legs[0].is_failed = true;
	does(JUDGE_REPLACE, 0);
}
END_TEST

/* All are: nobody can tell for another. */
START_TEST(other_disks)
{
	quiet(5);
	disks[0][0].is_other = disks[1][0].is_other = true;
	quiet(100);
	silence(0);
	quiet(100);
	legs[0].is_gone = true;
	quiet(10);
}
END_TEST

/* One that is not in the array yet, or any more, harms nobody; a witness must have answered. */
START_TEST(other_disk_outside)
{
	legs[0].health = LEG_ABSENT;
	disks[0][0].is_other = true;
	quiet(10);
	begin(2);
	disks[0][0].is_other = true;
	does(JUDGE_NOTHING, 0);
	does(JUDGE_NOTHING, 0);
	does(JUDGE_FAIL, 0);
}
END_TEST

/* ---- this host stands still ---- */

START_TEST(stall)
{
	quiet(5);
	/* Ten seconds, then both connections have to be made again. */
	silence(0);
	silence(1);
	now += 10 * NS_PER_S;
	quiet(5);
	speech(1);
	quiet(10);
	speech(0);
	quiet(100);
}
END_TEST

/* What a stall leaves of the silence before it: nothing. */
START_TEST(stall_restarts)
{
	quiet(5);
	silence(0);
	quiet(TIMEOUT);
	now += judge_pause(&j) + 1 - LOOK;
	does(JUDGE_NOTHING, 0);
	ck_assert(judge_is_stalled(&j));
	quiet(TIMEOUT - 1);
	ck_assert(!judge_is_stalled(&j));
	fails(2, 0);
}
END_TEST

START_TEST(no_stall)
{
	quiet(5);
	silence(0);
	quiet(TIMEOUT);
	now += judge_pause(&j) - LOOK;
	does(JUDGE_FAIL, 0);
	ck_assert(!judge_is_stalled(&j));
}
END_TEST

/* ---- what is lost, left, missing ---- */

START_TEST(lost)
{
	quiet(5);
	legs[1].health = LEG_DEAD;
	seen.is_working = true;
	quiet(100);
	seen.is_working = false;
	does(JUDGE_REPLACE, 1);
	legs[1].health = LEG_SYNCED;
	legs[1].is_gone = true;
	does(JUDGE_REPLACE, 1);
	legs[1].is_copy = false;
	does(JUDGE_NOTHING, 0);
	seen.is_whole = false;
	does(JUDGE_REBUILD, 0);
}
END_TEST

/* The last one that is whole is what there is. */
START_TEST(last)
{
	quiet(5);
	legs[0].health = LEG_SYNCING;
	legs[1].health = LEG_DEAD;
	quiet(10);
	legs[0].health = LEG_UNKNOWN;
	quiet(10);
	begin(2);
	legs[0].is_gone = legs[1].is_gone = true;
	quiet(10);
	begin(1);
	legs[0].health = LEG_DEAD;
	quiet(10);
}
END_TEST

START_TEST(leaving)
{
	quiet(5);
	legs[0].is_leaving = true;
	does(JUDGE_MOVE, 0);
	seen.is_working = true;
	quiet(10);
	seen.is_working = false;
	legs[0].is_wanted = false; /* it stays until it is replaced */
	does(JUDGE_NOTHING, 0);
	/* A copy that is missing comes first. */
	legs[1].is_leaving = true;
	seen.is_whole = false;
	does(JUDGE_REBUILD, 0);
	/* A lost one is not moved. */
	begin(2);
	legs[1].is_leaving = true;
	legs[1].health = LEG_DEAD;
	does(JUDGE_REPLACE, 1);
	/* One alone is: it stays until the other is there. */
	begin(1);
	legs[0].is_leaving = true;
	does(JUDGE_MOVE, 0);
}
END_TEST

/* Ten seconds, twenty, ..., ten minutes. */
START_TEST(retries)
{
	static const unsigned pauses[] = {10, 20, 40, 80, 160, 320, 600, 600};

	seen.is_whole = false;
	does(JUDGE_REBUILD, 0);
	for (size_t i = 0; i < sizeof(pauses) / sizeof(pauses[0]); i++) {
		judge_ended(&j, now, false);
		for (unsigned n = 1; n < 2 * pauses[i]; n++)
			does(JUDGE_NOTHING, 0);
		does(JUDGE_REBUILD, 0);
	}
	judge_ended(&j, now, true);
	does(JUDGE_REBUILD, 0);
	/* What is lost waits for nothing. */
	judge_ended(&j, now, false);
	legs[0].health = LEG_DEAD;
	does(JUDGE_REPLACE, 0);
}
END_TEST

/* Legs come and go, and their numbers are theirs. */
START_TEST(come_and_go)
{
	for (unsigned i = 0; i < 5 * LOAN_LEGS_MAX; i++) {
		quiet(2);
		silence(0);
		quiet(TIMEOUT);
		fails(1, 0);
		speech(0);
		legs[0].id = 100 + i;
		disks[0][0] = (struct disk_seen){.good = 7};
	}
}
END_TEST

/* Another process asks the disk: its counts begin anew, and say nothing of an answer. */
START_TEST(counts_begin_anew)
{
	quiet(5);
	silence(0);
	quiet(TIMEOUT);
	disks[0][0] = (struct disk_seen){0};
	fails(1, 0);
	speech(0);
	quiet(0);
	begin(2);
	quiet(5);
	silence(0);
	silence(1);
	for (unsigned i = 0; i < 10 * TIMEOUT; i++) {
		disks[1][0] = (struct disk_seen){.good = 1000 - i};
		does(JUDGE_NOTHING, 0);
	}
}
END_TEST

/* ---- any course of things ---- */

#define RUNS	3000
#define LOOKS	400
#define HISTORY 64

/* What the rule is about, kept in another way: what each disk did at each of the last looks. */
static struct {
	uint64_t at;
	bool good[LOAN_LEGS_MAX][DISKS], quiet[LOAN_LEGS_MAX][DISKS];
} history[HISTORY];
static size_t length;

static void remember(void)
{
	memmove(&history[1], &history[0], sizeof(history) - sizeof(history[0]));
	length += length < HISTORY;
	history[0].at = now;
	for (size_t i = 0; i < seen.nlegs; i++)
		for (size_t d = 0; d < legs[i].ndisks; d++) {
			bool is_asked = !is_unasked[i][d] || is_silent[i][d];
			history[0].good[i][d] = is_asked && !is_silent[i][d] && !is_bad[i][d];
			history[0].quiet[i][d] = !history[0].good[i][d];
		}
}

/* Has one disk of it given no answer for the whole time, in which this host never stood still? */
static bool was_silent(size_t leg)
{
	for (size_t d = 0; d < legs[leg].ndisks; d++)
		for (size_t h = 0; h < length && history[h].quiet[leg][d]; h++) {
			if (now - history[h].at >= TIMEOUT * NS_PER_S)
				return true;
			if (h && history[h - 1].at - history[h].at > judge_pause(&j))
				break;
		}
	return false;
}

static bool is_well(size_t leg)
{
	if (legs[leg].health != LEG_SYNCED || legs[leg].is_failed || legs[leg].is_gone)
		return false;
	for (size_t d = 0; d < legs[leg].ndisks; d++) {
		unsigned recent = 0, all = 0;
		for (size_t h = 0; h < length && now - history[h].at <= TIMEOUT * NS_PER_S; h++) {
			recent += history[h].good[leg][d] && now - history[h].at <= judge_pause(&j);
			all += history[h].good[leg][d];
		}
		if (!recent || all < 2)
			return false;
	}
	return true;
}

static void check_fail(size_t leg)
{
	bool any = false;

	ck_assert(was_silent(leg));
	for (size_t i = 0; i < seen.nlegs; i++)
		any |= i != leg && is_well(i);
	ck_assert_msg(any, "leg %zu was failed without a witness", leg);
	legs[leg].is_failed = true;
}

static bool one_in(unsigned n)
{
	return rand() % (int)n == 0;
}

static void change(void)
{
	size_t i = (size_t)rand() % seen.nlegs, d = (size_t)rand() % legs[i].ndisks;

	switch (rand() % 5) {
	case 0:
		is_silent[i][d] = !is_silent[i][d];
		break;
	case 1:
		is_bad[i][d] = one_in(4);
		break;
	case 2:
		is_unasked[i][d] = one_in(4);
		break;
	case 3:
		legs[i].health = one_in(3) ? (enum leg_health)(rand() % 5) : LEG_SYNCED;
		break;
	default:
		now += one_in(4) ? (uint64_t)(rand() % 20000) * NS_PER_MS : 0;
	}
}

START_TEST(any)
{
	unsigned failed = 0;

	srand(1);
	for (unsigned run = 0; run < RUNS; run++) {
		begin(1 + (size_t)rand() % 4);
		length = 0;
		for (size_t i = 0; i < seen.nlegs; i++)
			legs[i].ndisks = 1 + (size_t)rand() % DISKS;
		for (unsigned n = 0; n < LOOKS; n++) {
			if (one_in(15))
				change();
			struct judge_verdict v = look();
			remember();
			if (v.act != JUDGE_FAIL)
				continue;
			check_fail(v.leg);
			failed++;
		}
	}
	ck_assert_uint_gt(failed, RUNS / 20);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("loan_judge");
	TCase *t = tcase_create("all");

	tcase_add_checked_fixture(t, setup, NULL);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, nothing);
	tcase_add_test(t, limit);
	tcase_add_test(t, late_answer);
	tcase_add_test(t, errors);
	tcase_add_test(t, unasked);
	tcase_add_test(t, both_silent);
	tcase_add_test(t, second_silent);
	tcase_add_test(t, alone);
	tcase_add_test(t, unsynced);
	tcase_add_test(t, failed_witness);
	tcase_add_test(t, filling);
	tcase_add_test(t, now_and_then);
	tcase_add_test(t, three_copies);
	tcase_add_test(t, one_disk_of_two);
	tcase_add_test(t, half_a_witness);
	tcase_add_test(t, by_turns);
	tcase_add_test(t, other_disk);
	tcase_add_test(t, other_disks);
	tcase_add_test(t, other_disk_outside);
	tcase_add_test(t, stall);
	tcase_add_test(t, stall_restarts);
	tcase_add_test(t, no_stall);
	tcase_add_test(t, lost);
	tcase_add_test(t, last);
	tcase_add_test(t, leaving);
	tcase_add_test(t, retries);
	tcase_add_test(t, come_and_go);
	tcase_add_test(t, counts_begin_anew);
	tcase_add_test(t, any);
	suite_add_tcase(s, t);
	return test_main(s);
}
