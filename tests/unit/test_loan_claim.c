// SPDX-License-Identifier: MIT
/*
 * test_loan_claim.c - claims of one LUN: borrowers that race, in every order of their commands,
 * that die in between and come again, and one that gives the LUN back while others want it.
 */
#include "initiator-tools/host/claim.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/test_main.h"
#include "memtgt/wire.h"

/* ---- a LUN ---- */

#define NEXUSES 8

/* Registrations by nexus, 0: none; the type of the reservation, which all registrants hold. */
struct lun {
	uint64_t keys[NEXUSES];
	unsigned type;
};

static unsigned registered(const struct lun *l)
{
	unsigned n = 0;

	for (unsigned i = 0; i < NEXUSES; i++)
		n += l->keys[i] != 0;
	return n;
}

/* SPC-4 5.12.10: with the last registration the reservation goes. */
static void set(struct lun *l, unsigned nexus, uint64_t key)
{
	l->keys[nexus] = key;
	if (!registered(l))
		l->type = 0;
}

static void read_keys(const struct lun *l, uint64_t key, struct claim_keys *out)
{
	uint8_t buf[8 + 8 * NEXUSES] = {0};
	struct writer w = writer_of(buf + 8, sizeof(buf) - 8);

	for (unsigned i = 0; i < NEXUSES; i++)
		if (l->keys[i])
			writer_u64(&w, l->keys[i]);
	st32(buf + 4, (uint32_t)writer_len(&w));
	ck_assert(claim_read_keys(cursor_of(buf, 8 + writer_len(&w)), key, out));
}

/* PERSISTENT RESERVE OUT of this nexus: is it GOOD? `skips_self`: PREEMPT spares who sent it. */
static bool skips_self;

static bool do_out(struct lun *l, unsigned nexus, enum claim_act act, uint64_t key)
{
	bool is_known = l->keys[nexus] == key;

	if (act == CLAIM_ACT_REGISTER)
		set(l, nexus, key);
	if (act == CLAIM_ACT_REGISTER || !is_known)
		return act == CLAIM_ACT_REGISTER;
	if (act == CLAIM_ACT_RESERVE && l->type && l->type != CLAIM_TYPE)
		return false;
	for (unsigned i = 0; i < NEXUSES; i++)
		if (act == CLAIM_ACT_CLEAR ||
		    (act == CLAIM_ACT_PREEMPT && l->keys[i] == key && !(skips_self && i == nexus)))
			set(l, i, 0);
	if (act == CLAIM_ACT_UNREGISTER)
		set(l, nexus, 0);
	if (act == CLAIM_ACT_RESERVE)
		l->type = CLAIM_TYPE;
	return true;
}

static void do_next(struct lun *l, unsigned nexus, struct claim *c)
{
	enum claim_act act = claim_next(c);
	struct claim_keys keys;

	if (act == CLAIM_ACT_READ) {
		read_keys(l, c->key, &keys);
		claim_tell(c, true, &keys);
	} else if (act == CLAIM_ACT_WAIT) {
		claim_tell(c, true, NULL);
	} else {
		claim_tell(c, do_out(l, nexus, act, c->key), NULL);
	}
}

static enum claim_end alone(struct lun *l, unsigned nexus, struct claim *c)
{
	for (unsigned i = 0; claim_next(c) != CLAIM_ACT_END; i++) {
		ck_assert_uint_lt(i, 200);
		do_next(l, nexus, c);
	}
	return c->end;
}

static enum claim_end take(struct lun *l, unsigned nexus, uint64_t key, bool was_ours)
{
	struct claim c;

	claim_begin(&c, key, was_ours);
	return alone(l, nexus, &c);
}

static enum claim_end give_back(struct lun *l, unsigned nexus, uint64_t key)
{
	struct claim c;

	claim_begin_return(&c, key);
	return alone(l, nexus, &c);
}

/* ---- one borrower ---- */

START_TEST(a_free_lun_is_taken)
{
	struct lun l = {.type = 0};

	ck_assert_int_eq(take(&l, 0, 5, false), CLAIM_TAKEN);
	ck_assert_uint_eq(l.keys[0], 5);
	ck_assert_uint_eq(l.type, CLAIM_TYPE);
	/* Again, by the same and by another session of the same loan. */
	ck_assert_int_eq(take(&l, 0, 5, false), CLAIM_TAKEN);
	ck_assert_int_eq(take(&l, 1, 5, true), CLAIM_TAKEN);
	ck_assert_uint_eq(registered(&l), 2);
}
END_TEST

/* Whoever has it is not even disturbed. */
START_TEST(a_lun_of_others_is_left_alone)
{
	struct lun l = {.keys = {[3] = 9}};
	struct lun before = l;

	ck_assert_int_eq(take(&l, 0, 5, false), CLAIM_BUSY);
	ck_assert_int_eq(take(&l, 0, 5, true), CLAIM_BUSY);
	ck_assert(!memcmp(&l, &before, sizeof(l)));
	ck_assert_int_eq(give_back(&l, 0, 5), CLAIM_RETURNED);
	ck_assert(!memcmp(&l, &before, sizeof(l)));
}
END_TEST

START_TEST(what_was_ours_stays_ours_while_others_wait)
{
	/* Of a session before a reboot; somebody with a lower key waits. */
	struct lun l = {.keys = {[1] = 5, [2] = 3}, .type = CLAIM_TYPE};

	ck_assert_int_eq(take(&l, 0, 5, true), CLAIM_TAKEN);
	ck_assert_uint_eq(l.keys[0], 5);
	ck_assert_uint_eq(l.keys[2], 3);
}
END_TEST

/* A run that was killed after it had registered cannot know whether it had won. */
START_TEST(a_claim_that_was_begun_is_contested)
{
	for (unsigned sparing = 0; sparing < 2; sparing++) {
		struct lun l = {.keys = {[1] = 5, [2] = 3}, .type = CLAIM_TYPE};
		skips_self = sparing;
		ck_assert_int_eq(take(&l, 0, 5, false), CLAIM_BUSY);
		ck_assert_uint_eq(registered(&l), 1);
		ck_assert_uint_eq(l.keys[2], 3);
		ck_assert_uint_eq(l.type, CLAIM_TYPE);
	}
	skips_self = false;
}
END_TEST

START_TEST(all_of_it_is_given_back)
{
	struct lun l = {.keys = {[0] = 5, [1] = 5, [4] = 5}, .type = CLAIM_TYPE};

	ck_assert_int_eq(give_back(&l, 0, 5), CLAIM_RETURNED);
	ck_assert_uint_eq(registered(&l), 0);
	ck_assert_uint_eq(l.type, 0);
	/* From a session that is not registered. */
	l = (struct lun){.keys = {[1] = 5}, .type = CLAIM_TYPE};
	ck_assert_int_eq(give_back(&l, 0, 5), CLAIM_RETURNED);
	ck_assert_uint_eq(registered(&l), 0);
}
END_TEST

START_TEST(nothing_of_others_is_given_back)
{
	for (unsigned sparing = 0; sparing < 2; sparing++) {
		struct lun l = {.keys = {[0] = 5, [1] = 5, [2] = 6}, .type = CLAIM_TYPE};
		skips_self = sparing;
		ck_assert_int_eq(give_back(&l, 0, 5), CLAIM_RETURNED);
		ck_assert_uint_eq(registered(&l), 1);
		ck_assert_uint_eq(l.keys[2], 6);
		ck_assert_uint_eq(l.type, CLAIM_TYPE);
	}
	skips_self = false;
}
END_TEST

/* ---- several, in every order ---- */

#define BORROWERS_MAX 3

struct world {
	struct lun lun;
	struct claim claims[BORROWERS_MAX];
	unsigned crashes; /* that may still happen */
};

static unsigned n_borrowers, least_taken, ends_seen, wins[BORROWERS_MAX];
static bool waits_are_fair;

static bool is_over(const struct world *w, unsigned i)
{
	return claim_next(&w->claims[i]) == CLAIM_ACT_END;
}

/* Somebody who waits goes on when nobody else has anything to do before. */
static bool may_go(const struct world *w, unsigned i)
{
	if (is_over(w, i))
		return false;
	if (!waits_are_fair || claim_next(&w->claims[i]) != CLAIM_ACT_WAIT)
		return true;
	for (unsigned j = 0; j < n_borrowers; j++)
		if (j != i && !is_over(w, j) && claim_next(&w->claims[j]) != CLAIM_ACT_WAIT)
			return false;
	return true;
}

/* Who believes to have it is registered, and nobody else believes so. */
static void check_world(const struct world *w, bool is_end)
{
	unsigned taken = 0;

	for (unsigned i = 0; i < n_borrowers; i++) {
		if (!is_over(w, i) || w->claims[i].end != CLAIM_TAKEN)
			continue;
		taken++;
		wins[i] += is_end;
		ck_assert_uint_eq(w->lun.keys[i], w->claims[i].key);
		ck_assert_uint_eq(w->lun.type, CLAIM_TYPE);
	}
	ck_assert_uint_le(taken, 1);
	if (!is_end)
		return;
	ends_seen++;
	ck_assert_uint_ge(taken, least_taken);
	/* Who has lost leaves nothing behind. */
	ck_assert_uint_eq(registered(&w->lun), taken);
}

static void explore(const struct world *w)
{
	bool is_end = true;

	for (unsigned i = 0; i < n_borrowers; i++) {
		if (!may_go(w, i))
			continue;
		is_end = false;
		struct world next = *w;
		do_next(&next.lun, i, &next.claims[i]);
		check_world(&next, false);
		explore(&next);
		if (!w->crashes)
			continue;
		/* The command has arrived, its answer has not; he begins again. */
		next.crashes--;
		claim_begin(&next.claims[i], w->claims[i].key, false);
		next.claims[i].waits_max = w->claims[i].waits_max;
		explore(&next);
	}
	if (is_end)
		check_world(w, true);
}

static struct world race(unsigned n, unsigned waits_max)
{
	static const uint64_t keys[] = {20, 10, 30};
	struct world w = {.crashes = 0};

	n_borrowers = n;
	ends_seen = 0;
	memset(wins, 0, sizeof(wins));
	for (unsigned i = 0; i < n; i++) {
		claim_begin(&w.claims[i], keys[i], false);
		w.claims[i].waits_max = waits_max;
	}
	return w;
}

START_TEST(exactly_one_of_two_wins)
{
	struct world w = race(2, 4);

	waits_are_fair = true;
	least_taken = 1;
	explore(&w);
	ck_assert_uint_ge(ends_seen, 30);
	/* Either may. */
	ck_assert(wins[0] && wins[1]);
}
END_TEST

START_TEST(exactly_one_of_three_wins)
{
	struct world w = race(3, 4);

	waits_are_fair = true;
	least_taken = 1;
	explore(&w);
	ck_assert_uint_ge(ends_seen, 4000);
	ck_assert(wins[0] && wins[1] && wins[2]);
}
END_TEST

/* If both waited, both would tire of it at the same time. */
START_TEST(the_higher_key_waits_for_nobody)
{
	struct lun l = {.type = 0};
	struct claim c;

	claim_begin(&c, 5, false);
	do_next(&l, 0, &c);
	set(&l, 1, 4);
	do_next(&l, 0, &c);
	do_next(&l, 0, &c);
	ck_assert_int_eq(claim_next(&c), CLAIM_ACT_UNREGISTER);
	claim_begin(&c, 3, false);
	l = (struct lun){.type = 0};
	do_next(&l, 0, &c);
	set(&l, 1, 4);
	do_next(&l, 0, &c);
	do_next(&l, 0, &c);
	ck_assert_int_eq(claim_next(&c), CLAIM_ACT_WAIT);
}
END_TEST

/* Who is so slow that others tire of waiting: nobody may win then, but never two. */
START_TEST(never_do_two_win)
{
	struct world w = race(2, 3);

	waits_are_fair = false;
	least_taken = 0;
	explore(&w);
	w = race(3, 1);
	explore(&w);
	ck_assert_uint_ge(ends_seen, 10000);
}
END_TEST

START_TEST(nor_when_one_dies_and_comes_again)
{
	struct world w = race(2, 2);

	waits_are_fair = true;
	least_taken = 0;
	w.crashes = 2;
	explore(&w);
	ck_assert_uint_ge(ends_seen, 1000);
}
END_TEST

/* The owner gives it back, at any moment of others' race for it. */
START_TEST(a_return_disturbs_no_claim)
{
	struct world w = race(3, 3);
	struct lun empty = {.type = 0};

	waits_are_fair = true;
	least_taken = 1;
	w.lun = (struct lun){.keys = {20}, .type = CLAIM_TYPE};
	claim_begin_return(&w.claims[0], 20);
	/* Both looked before he had it, and register now. */
	do_next(&empty, 1, &w.claims[1]);
	do_next(&empty, 2, &w.claims[2]);
	explore(&w);
	ck_assert_uint_ge(ends_seen, 1000);
	ck_assert(!wins[0] && wins[1] && wins[2]);
}
END_TEST

/* ---- with a device ---- */

struct target {
	struct lun lun;
	unsigned nexus, sent;
	struct sg_result refusal; /* of PERSISTENT RESERVE OUT, if its status is not GOOD */
	int err;
};

static bool is_list(const uint8_t *list, uint64_t key, uint64_t other)
{
	return ld64(list) == key && ld64(list + 8) == other;
}

static int answer(void *arg, const struct sg_command *c, void *data, struct sg_result *r)
{
	static const enum claim_act acts[] = {[0] = CLAIM_ACT_UNREGISTER,
					      [1] = CLAIM_ACT_RESERVE,
					      [3] = CLAIM_ACT_CLEAR,
					      [4] = CLAIM_ACT_PREEMPT,
					      [6] = CLAIM_ACT_REGISTER};
	struct target *t = arg;
	uint8_t *buf = data;

	t->sent++;
	if (t->err)
		return t->err;
	if (c->cdb[0] == 0x5e) {
		struct writer w = writer_of(buf + 8, c->len - 8);
		for (unsigned i = 0; i < NEXUSES; i++)
			if (t->lun.keys[i])
				writer_u64(&w, t->lun.keys[i]);
		memset(buf, 0, 8);
		st32(buf + 4, (uint32_t)writer_len(&w));
		r->got = 8 + (uint32_t)writer_len(&w);
		return 0;
	}
	ck_assert_uint_eq(c->cdb[0], 0x5f);
	ck_assert_uint_eq(c->len, 24);
	ck_assert_uint_eq(c->cdb[8], 24);
	enum claim_act act = acts[c->cdb[1]];
	ck_assert(is_list(buf, act == CLAIM_ACT_REGISTER ? 0 : 5,
			  act == CLAIM_ACT_REGISTER || act == CLAIM_ACT_PREEMPT ? 5 : 0));
	if (act == CLAIM_ACT_RESERVE || act == CLAIM_ACT_PREEMPT)
		ck_assert_uint_eq(c->cdb[2], CLAIM_TYPE);
	if (t->refusal.status)
		*r = t->refusal;
	else
		r->status = do_out(&t->lun, t->nexus, act, 5) ? SG_GOOD : SG_CONFLICT;
	return 0;
}

START_TEST(commands_are_as_the_standard_says)
{
	struct target t = {.nexus = 2};
	struct sg_device d = {.send = answer, .arg = &t};
	enum claim_end end;
	struct sg_result r;

	ck_assert_int_eq(claim_take(&d, 5, false, &end, &r), 0);
	ck_assert_int_eq(end, CLAIM_TAKEN);
	ck_assert_uint_eq(t.lun.type, CLAIM_TYPE);
	ck_assert_uint_eq(t.lun.keys[2], 5);
	ck_assert_uint_eq(t.sent, 4);
	ck_assert_int_eq(claim_return(&d, 5, &end, &r), 0);
	ck_assert_int_eq(end, CLAIM_RETURNED);
	ck_assert_uint_eq(registered(&t.lun), 0);
}
END_TEST

/* Who had it, and finds no key of its own, knows nothing of what is on it now: nor does who comes
 * after him, so no key is left there. */
START_TEST(a_claim_that_went_is_not_taken_unseen)
{
	struct target t = {.nexus = 2};
	struct sg_device d = {.send = answer, .arg = &t};
	enum claim_end end;
	struct sg_result r;

	ck_assert_int_eq(claim_take(&d, 5, true, &end, &r), 0);
	ck_assert_int_eq(end, CLAIM_GONE);
	ck_assert_uint_eq(registered(&t.lun), 0);
	ck_assert_int_eq(claim_take(&d, 5, false, &end, &r), 0);
	ck_assert_int_eq(end, CLAIM_TAKEN);
	ck_assert_int_eq(claim_take(&d, 5, true, &end, &r), 0);
	ck_assert_int_eq(end, CLAIM_TAKEN);
	t.lun = (struct lun){.keys = {[4] = 6}};
	ck_assert_int_eq(claim_take(&d, 5, true, &end, &r), 0);
	ck_assert_int_eq(end, CLAIM_BUSY);
}
END_TEST

START_TEST(a_donor_without_claims_refuses)
{
	struct target t = {.refusal = {.status = SG_CHECK, .key = 5, .asc = 0x20}};
	struct sg_device d = {.send = answer, .arg = &t};
	enum claim_end end;
	struct sg_result r;

	ck_assert_int_eq(claim_take(&d, 5, false, &end, &r), 0);
	ck_assert_int_eq(end, CLAIM_REFUSED);
	ck_assert_uint_eq(r.asc, 0x20);
	t.err = -ETIMEDOUT;
	ck_assert_int_eq(claim_take(&d, 5, false, &end, &r), -ETIMEDOUT);
	ck_assert_int_eq(claim_return(&d, 5, &end, &r), -ETIMEDOUT);
}
END_TEST

/* ---- keys ---- */

START_TEST(keys_are_read_as_far_as_they_came)
{
	uint8_t buf[8 + 3 * 8] = {0};
	struct claim_keys k;

	st32(buf + 4, 24);
	st64(buf + 8, 5);
	st64(buf + 16, 9);
	st64(buf + 24, 7);
	ck_assert(claim_read_keys(cursor_of(buf, sizeof(buf)), 5, &k));
	ck_assert_uint_eq(k.own, 1);
	ck_assert_uint_eq(k.others, 2);
	ck_assert_uint_eq(k.lowest, 7);
	/* What was cut off may be anybody's. */
	for (size_t n = 8; n < sizeof(buf); n++) {
		ck_assert(claim_read_keys(cursor_of(buf, n), 5, &k));
		ck_assert_uint_ge(k.others, 1);
		ck_assert_uint_eq(k.lowest, 0);
	}
	for (size_t n = 0; n < 8; n++)
		ck_assert(!claim_read_keys(cursor_of(buf, n), 5, &k));
	st32(buf + 4, 23);
	ck_assert(!claim_read_keys(cursor_of(buf, sizeof(buf)), 5, &k));
	st32(buf + 4, 8); /* what is behind is no key */
	ck_assert(claim_read_keys(cursor_of(buf, sizeof(buf)), 5, &k));
	ck_assert(k.own == 1 && !k.others);
}
END_TEST

START_TEST(keys_are_of_a_machine_and_a_loan)
{
	uint64_t key = claim_key("0123456789abcdef0123456789abcdef",
				 "fc0af52f-bb57-4de5-ad88-1292411d6c2e");

	ck_assert_uint_eq(key, claim_key("0123456789abcdef0123456789abcdef",
					 "fc0af52f-bb57-4de5-ad88-1292411d6c2e"));
	ck_assert_uint_ne(key, claim_key("1123456789abcdef0123456789abcdef",
					 "fc0af52f-bb57-4de5-ad88-1292411d6c2e"));
	ck_assert_uint_ne(key, claim_key("0123456789abcdef0123456789abcdef",
					 "fc0af52f-bb57-4de5-ad88-1292411d6c2f"));
	/* Where one ends and the other begins counts. */
	ck_assert_uint_ne(claim_key("ab", "c"), claim_key("a", "bc"));
	ck_assert_uint_ne(key, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("loan_claim");
	TCase *one = tcase_create("one"), *race_case = tcase_create("race"),
	      *device = tcase_create("device");

	tcase_add_test(one, a_free_lun_is_taken);
	tcase_add_test(one, a_lun_of_others_is_left_alone);
	tcase_add_test(one, what_was_ours_stays_ours_while_others_wait);
	tcase_add_test(one, a_claim_that_was_begun_is_contested);
	tcase_add_test(one, all_of_it_is_given_back);
	tcase_add_test(one, nothing_of_others_is_given_back);
	suite_add_tcase(suite, one);
	tcase_set_timeout(race_case, 120);
	tcase_add_test(race_case, exactly_one_of_two_wins);
	tcase_add_test(race_case, exactly_one_of_three_wins);
	tcase_add_test(race_case, the_higher_key_waits_for_nobody);
	tcase_add_test(race_case, never_do_two_win);
	tcase_add_test(race_case, nor_when_one_dies_and_comes_again);
	tcase_add_test(race_case, a_return_disturbs_no_claim);
	suite_add_tcase(suite, race_case);
	tcase_add_test(device, commands_are_as_the_standard_says);
	tcase_add_test(device, a_claim_that_went_is_not_taken_unseen);
	tcase_add_test(device, a_donor_without_claims_refuses);
	tcase_add_test(device, keys_are_read_as_far_as_they_came);
	tcase_add_test(device, keys_are_of_a_machine_and_a_loan);
	suite_add_tcase(suite, device);
	return test_main(suite);
}
