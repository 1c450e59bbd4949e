// SPDX-License-Identifier: MIT
/*
 * test_loan_advance.c - steps are taken in their order, and whatever is killed or fails, the next
 * run ends with a whole loan or with none, and never with fewer copies than promised.
 *
 * The steps are played: what they have made is in `world`, which outlives a run that is cut.
 */
#include "initiator-tools/loan/advance.h"

#include <errno.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "initiator-tools/loan/record.h"
#include "lib/test_main.h"

#define BOOT  "21234567-89ab-cdef-0123-456789abcdef"
#define BOOT2 "31234567-89ab-cdef-0123-456789abcdef"

/* Of memory: thousands of files are synced. */
static char dir[] = "/dev/shm/test_loan_advance.XXXXXX";

/* What is on the host and on donors "a", "b", ...: by step. */
static struct {
	bool disk[26][STEPS], leg[26][STEPS], loan[STEPS];
	unsigned broken;  /* donors (bits) whose steps fail */
	unsigned emptied; /* donors that have lost what they held */
	unsigned foreign; /* whose LUNs others have */
	bool swap_broken; /* the host's fault */
	unsigned full;	  /* donors without memory for more */
	unsigned used;	  /* donors that were chosen, ever */
	unsigned donors;  /* how many there are */
	bool is_used;	  /* the volume is active */
	unsigned least;	  /* copies while the swap is on, the fewest */
	int cut;	  /* the run ends before or after so many halves of steps; -1: never */
	char log[4096];
} world;

static jmp_buf killed;
static bool is_degraded; /* what the operator says */

static void maybe_die(void)
{
	if (world.cut >= 0 && world.cut-- == 0)
		longjmp(killed, 1);
}

static unsigned copies(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < 26; i++)
		n += world.leg[i][STEP_MIRROR];
	return n;
}

/* As step_mirror.c: a volume with data is used when its copies are there, or may do without. */
static int use_volume(struct step *s)
{
	unsigned there = 0;

	for (size_t i = 0; i < s->loan->nlegs; i++) {
		const struct loan_leg *leg = &s->loan->legs[i];
		bool is_here = world.disk[leg->disks[0].donor[0] - 'a'][STEP_LOGIN] &&
			       leg->disks[0].steps[STEP_LOGIN] == STEP_DONE;
		if (!is_here && leg->has_data && !leg->is_away && !leg->is_lost)
			return 0;
		there += is_here && leg->has_data && !leg->is_old;
	}
	if (there < s->loan->unsure && !s->is_degraded)
		return step_fail(s, ENODATA, "nobody knows");
	s->loan->unsure = 0;
	world.is_used = true;
	for (size_t i = 0; i < s->loan->nlegs; i++)
		s->loan->legs[i].is_old = s->loan->legs[i].is_away;
	return 0;
}

static int play(struct step *s, enum step_id id, bool is_there)
{
	unsigned d = s->leg ? (unsigned)(s->leg->disks[0].donor[0] - 'a') : 0;
	bool *what = !s->leg ? &world.loan[id] : s->disk ? &world.disk[d][id] : &world.leg[d][id];

	maybe_die();
	if (s->leg && world.broken & 1u << d &&
	    (is_there || (id == STEP_COMMIT && !s->leg->is_lost)))
		return step_fail_donor(s, EIO, "%s is broken", s->leg->disks[0].donor);
	if (s->leg && id == STEP_GROUP && is_there && s->leg->has_data && world.emptied & 1u << d)
		return step_fail_donor(s, ENODATA, "%s is empty", s->leg->disks[0].donor);
	if (s->leg && id == STEP_COMMIT && is_there && world.full & 1u << d)
		return step_fail_donor(s, ENOSPC, "%s is full", s->leg->disks[0].donor);
	if (id == STEP_CLAIM && is_there && world.foreign & 1u << d)
		return step_fail_donor(s, EEXIST, "others have %s", s->leg->disks[0].donor);
	if (id == STEP_SWAP && is_there && world.swap_broken)
		return step_fail(s, EIO, "no swap");
	if (id == STEP_MIRROR && is_there && use_volume(s))
		return -ENODATA;
	if (id == STEP_SWAP && is_there && !world.is_used)
		return step_fail(s, ENODEV, "no volume");
	/* Nothing of a lost donor is touched. */
	if (!s->disk || !s->leg->is_lost || id == STEP_LOGIN)
		*what = is_there;
	snprintf(world.log + strlen(world.log), sizeof(world.log) - strlen(world.log), "%s%s%s ",
		 is_there ? "+" : "-", s->leg ? s->leg->disks[0].donor : "", step_word(id));
	if (world.loan[STEP_SWAP] && copies() < world.least)
		world.least = copies();
	maybe_die();
	return 0;
}

#define STEP(id, scope, word, run, undo, text)    \
	static int played_##run(struct step *s)   \
	{                                         \
		return play(s, STEP_##id, true);  \
	}                                         \
	static int played_##undo(struct step *s)  \
	{                                         \
		return play(s, STEP_##id, false); \
	}
#include "initiator-tools/loan/steps.def"

static step_fn *const played[][2] = {
#define STEP(id, scope, word, run, undo, text) [STEP_##id] = {played_##run, played_##undo},
#include "initiator-tools/loan/steps.def"
};

static int choose(struct advance *a)
{
	for (unsigned i = 0; i < world.donors; i++) {
		char name[2] = {(char)('a' + i)};
		bool is_taken = advance_avoids(a, name) || world.disk[i][STEP_CLAIM];
		for (size_t k = 0; k < a->loan->nlegs; k++)
			is_taken |= !strcmp(a->loan->legs[k].disks[0].donor, name);
		if (is_taken)
			continue;
		struct loan_leg *leg = loan_add_leg(a->loan, 1);
		if (!leg)
			return -ENOMEM;
		memcpy(leg->disks[0].donor, name, sizeof(name));
		memcpy(leg->disks[0].target, name, sizeof(name));
		world.used |= 1u << i;
		return 0;
	}
	snprintf(a->why, sizeof(a->why), "no donor is left");
	return -ENOSPC;
}

static struct loan loan;

static void make(unsigned n)
{
	loan_free(&loan);
	loan = (struct loan){
		.wish = {.name = "x", .size = LOAN_EXTENT, .copies = n, .priority = -1},
		.uuid = "01234567-89ab-cdef-0123-456789abcdef",
		.swap_uuid = "11234567-89ab-cdef-0123-456789abcdef",
		.boot = BOOT,
		.key = 1};
}

static void setup(void)
{
	strcpy(dir + strlen(dir) - 6, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	memset(&world, 0, sizeof(world));
	world.donors = 4;
	world.cut = -1;
	world.least = 99;
	is_degraded = false;
	make(2);
}

/* The host goes down without a word. */
static int reboot(void)
{
	memset(world.loan, 0, sizeof(world.loan));
	for (unsigned i = 0; i < 26; i++)
		world.disk[i][STEP_LOGIN] = false;
	world.is_used = false;
	return loan_rebooted(&loan, BOOT2);
}

static void teardown(void)
{
	char command[128];

	loan_free(&loan);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	ck_assert_int_eq(system(command), 0);
}

static char why[LOAN_WHY_BYTES];

static int advance(void)
{
	struct advance a = {.dir = dir,
			    .loan = &loan,
			    .is_degraded = is_degraded,
			    .steps = played,
			    .choose = choose};
	int err = loan_advance(&a);

	memcpy(why, a.why, sizeof(why));
	return err;
}

/* The same; 1: the run was cut, and the loan is what its file says. */
static int advance_cut(int cut)
{
	char text[LOAN_WHY_BYTES];

	world.cut = cut;
	if (!setjmp(killed)) {
		int err = advance();
		world.cut = -1;
		return err;
	}
	world.cut = -1;
	struct loan was;
	int err = record_read(dir, "x", &was, text, sizeof(text));
	ck_assert_msg(!err || err == -ENOENT, "%s", text);
	if (!err) {
		loan_free(&loan);
		loan = was;
	}
	return 1;
}

static bool is_nothing_left(void)
{
	for (unsigned s = 0; s < STEPS; s++) {
		if (world.loan[s])
			return false;
		for (unsigned i = 0; i < 26; i++)
			if (world.disk[i][s] || world.leg[i][s])
				return false;
	}
	return true;
}

static bool has_file(void)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/x.json", dir);
	return !access(path, F_OK);
}

static bool is_whole(char donor)
{
	unsigned d = (unsigned)(donor - 'a');

	return world.disk[d][STEP_LOGIN] && world.disk[d][STEP_CLAIM] &&
	       world.disk[d][STEP_COMMIT] && world.disk[d][STEP_LABEL] &&
	       world.leg[d][STEP_GROUP] && world.leg[d][STEP_MIRROR];
}

START_TEST(a_loan_is_made_and_returned)
{
	ck_assert_int_eq(advance(), 0);
	ck_assert_str_eq(world.log, "+alogin +aclaim +acommit +alabel +agroup +amirror "
				    "+blogin +bclaim +bcommit +blabel +bgroup +bmirror "
				    "+size +crypt +swap ");
	ck_assert(loan_is_complete(&loan) && loan.is_made && has_file());
	world.log[0] = '\0';
	ck_assert_int_eq(advance(), 0);
	ck_assert_str_eq(world.log, "");
	loan.is_ending = true;
	ck_assert_int_eq(advance(), 0);
	ck_assert_str_eq(world.log, "-swap -crypt -size "
				    "-bmirror -bgroup -blabel -bcommit -bclaim -blogin "
				    "-amirror -agroup -alabel -acommit -aclaim -alogin ");
	ck_assert(is_nothing_left() && !has_file());
}
END_TEST

static void move_off(char donor)
{
	for (size_t i = 0; i < loan.nlegs; i++)
		loan.legs[i].is_unwanted |= loan.legs[i].disks[0].donor[0] == donor;
}

START_TEST(a_loan_moves_without_a_copy_less)
{
	ck_assert_int_eq(advance(), 0);
	world.log[0] = '\0';
	move_off('a');
	ck_assert_int_eq(advance(), 0);
	ck_assert_str_eq(world.log, "+clogin +cclaim +ccommit +clabel +cgroup +cmirror "
				    "-amirror -agroup -alabel -acommit -aclaim -alogin ");
	ck_assert_uint_eq(world.least, 2);
	ck_assert(loan_is_complete(&loan) && is_whole('b') && is_whole('c'));
}
END_TEST

/* Any run may be cut at any place, and the one after it, too. */
START_TEST(a_cut_move_is_finished)
{
	bool was_cut = true;

	for (int first = 0; was_cut; first++)
		for (int second = 0; second < 8; second++) {
			teardown();
			setup();
			ck_assert_int_eq(advance(), 0);
			move_off('a');
			int rc = advance_cut(first);
			was_cut = rc == 1;
			if (was_cut)
				(void)advance_cut(second);
			ck_assert_int_eq(advance(), 0);
			ck_assert(loan_is_complete(&loan) && is_whole('b') && is_whole('c'));
			ck_assert(!is_whole('a') && !world.disk[0][STEP_LOGIN]);
			ck_assert_uint_eq(world.least, 2);
		}
}
END_TEST

/* The leg that is to go may have the only whole copy. */
START_TEST(a_move_that_a_boot_cut_is_finished)
{
	bool was_cut = true;

	for (int first = 0; was_cut; first++) {
		teardown();
		setup();
		make(1);
		ck_assert_int_eq(advance(), 0);
		move_off('a');
		was_cut = advance_cut(first) == 1;
		move_off('a'); /* the first save comes after it */
		ck_assert_int_eq(loan_rebooted(&loan, BOOT2), 0);
		ck_assert_int_eq(advance(), 0);
		ck_assert(loan_is_complete(&loan) && is_whole('b') && !is_whole('a'));
		ck_assert_uint_ge(world.least, 1);
	}
}
END_TEST

START_TEST(a_cut_loan_is_finished)
{
	bool was_cut = true;

	for (int first = 0; was_cut; first++)
		for (int second = 0; second < 8; second++) {
			teardown();
			setup();
			was_cut = advance_cut(first) == 1;
			if (was_cut)
				(void)advance_cut(second);
			ck_assert_int_eq(advance(), 0);
			ck_assert(loan_is_complete(&loan) && is_whole('a') && is_whole('b'));
			ck_assert(world.loan[STEP_SWAP]);
		}
}
END_TEST

START_TEST(a_cut_return_is_finished)
{
	bool was_cut = true;

	for (int first = 0; was_cut; first++)
		for (int second = 0; second < 8; second++) {
			teardown();
			setup();
			ck_assert_int_eq(advance(), 0);
			loan.is_ending = true;
			was_cut = advance_cut(first) == 1;
			loan.is_ending = true; /* the first save comes after it */
			if (was_cut)
				(void)advance_cut(second);
			loan.is_ending = true;
			ck_assert_int_eq(advance(), 0);
			ck_assert(is_nothing_left() && !has_file());
		}
}
END_TEST

START_TEST(a_donor_that_fails_is_left_for_another)
{
	world.broken = 1u << 1;
	ck_assert_int_eq(advance(), 0);
	ck_assert(is_whole('a') && is_whole('c') && !world.disk[1][STEP_LOGIN]);
	ck_assert_uint_eq(loan.nlegs, 2);
}
END_TEST

START_TEST(without_donors_nothing_is_left)
{
	world.broken = 0xe;
	ck_assert_int_eq(advance(), -ENOSPC);
	ck_assert_str_eq(why, "no donor is left");
	ck_assert(is_nothing_left() && !has_file());
}
END_TEST

START_TEST(what_the_host_cannot_undoes_the_loan)
{
	world.swap_broken = true;
	ck_assert_int_eq(advance(), -EIO);
	ck_assert_str_eq(why, "no swap");
	ck_assert(is_nothing_left() && !has_file());
}
END_TEST

/* The loan stays as it was, in use. */
START_TEST(a_move_without_a_donor_changes_nothing)
{
	world.donors = 2;
	ck_assert_int_eq(advance(), 0);
	move_off('a');
	ck_assert_int_eq(advance(), -ENOSPC);
	ck_assert(is_whole('a') && is_whole('b') && world.loan[STEP_SWAP]);
	ck_assert_uint_eq(world.least, 2);
	world.donors = 3;
	ck_assert_int_eq(advance(), 0);
	ck_assert(is_whole('b') && is_whole('c') && !world.disk[0][STEP_LOGIN]);
}
END_TEST

/* LVM cannot add a disk while one of the group does not answer. */
START_TEST(a_lost_copy_goes_before_the_new_one_comes)
{
	ck_assert_int_eq(advance(), 0);
	world.log[0] = '\0';
	loan.legs[0].is_lost = loan.legs[0].is_unwanted = true;
	ck_assert_int_eq(advance(), 0);
	ck_assert_str_eq(world.log, "-amirror -agroup -alabel -acommit -aclaim -alogin "
				    "+clogin +cclaim +ccommit +clabel +cgroup +cmirror ");
}
END_TEST

static void lose(char donor)
{
	for (size_t i = 0; i < loan.nlegs; i++)
		if (loan.legs[i].disks[0].donor[0] == donor)
			loan.legs[i].is_lost = loan.legs[i].is_unwanted = true;
	world.broken |= 1u << (donor - 'a');
}

/* With two donors only, it is the next one, too. */
START_TEST(what_a_lost_donor_kept_is_given_back)
{
	world.donors = _i ? 3 : 2;
	ck_assert_int_eq(advance(), 0);
	lose('a');
	ck_assert_int_eq(advance(), _i ? 0 : -ENOSPC);
	ck_assert(world.disk[0][STEP_CLAIM] && loan.nleft == 1);
	world.log[0] = '\0';
	(void)advance();
	ck_assert_str_eq(world.log, "-alogin ");
	ck_assert_uint_eq(loan.nleft, 1);
	world.broken = 0;
	world.log[0] = '\0';
	ck_assert_int_eq(advance(), 0);
	ck_assert(loan_is_complete(&loan) && !loan.nleft && !loan.left[0].disks);
	ck_assert_str_eq(world.log, _i ? "-acommit -aclaim -alogin "
				       : "-acommit -aclaim -alogin "
					 "+alogin +aclaim +acommit +alabel +agroup +amirror ");
}
END_TEST

/* Its claim was ended there, and so it was chosen again: what is on it now is the loan's. */
START_TEST(what_is_in_use_again_is_not_given_back)
{
	ck_assert_int_eq(advance(), 0);
	lose('a');
	ck_assert_int_eq(advance(), 0);
	ck_assert_uint_eq(loan.nleft, 1);
	struct loan_disk *now = &loan.legs[1].disks[0], *was = &loan.left[0].disks[0];
	strcpy(was->naa, "3abc");
	if (_i)
		strcpy(now->naa, was->naa);
	else
		strcpy(now->target, was->target);
	world.broken = 0;
	world.log[0] = '\0';
	ck_assert_int_eq(advance(), 0);
	ck_assert_str_eq(world.log, "");
	ck_assert_uint_eq(loan.nleft, 0);
}
END_TEST

START_TEST(any_cut_while_it_is_given_back)
{
	bool was_cut = true;

	for (int first = 0; was_cut; first++) {
		teardown();
		setup();
		ck_assert_int_eq(advance(), 0);
		lose('a');
		ck_assert_int_eq(advance(), 0);
		world.broken = 0;
		was_cut = advance_cut(first) == 1;
		ck_assert_int_eq(advance(), 0);
		ck_assert(loan_is_complete(&loan) && !loan.nleft && !world.disk[0][STEP_CLAIM] &&
			  !world.disk[0][STEP_COMMIT]);
	}
}
END_TEST

START_TEST(after_a_boot_what_went_with_it_is_made_again)
{
	ck_assert_int_eq(advance(), 0);
	world.log[0] = '\0';
	ck_assert_int_eq(loan_rebooted(&loan, BOOT), 0);
	ck_assert_int_eq(advance(), 0);
	ck_assert_str_eq(world.log, "");
	ck_assert_int_eq(loan_rebooted(&loan, BOOT2), 0);
	ck_assert_int_eq(advance(), 0);
	ck_assert_str_eq(world.log, "+alogin +aclaim +agroup +amirror "
				    "+blogin +bclaim +bgroup +bmirror +crypt +swap ");
}
END_TEST

/* What swap held is worth nothing after a boot; a volume's is. */
START_TEST(a_volume_without_its_only_donor_is_not_made_anew)
{
	make(1);
	loan.wish.kind = LOAN_VOLUME;
	ck_assert_int_eq(advance(), 0);
	ck_assert_int_eq(loan_rebooted(&loan, BOOT2), 0);
	world.broken = 1;
	ck_assert_int_eq(advance(), -EIO);
	ck_assert_uint_eq(world.used, 1);
	world.broken = 0;
	ck_assert_int_eq(advance(), 0);
	ck_assert(loan_is_complete(&loan) && is_whole('a'));
}
END_TEST

START_TEST(swap_without_its_only_donor_is_made_anew)
{
	make(1);
	ck_assert_int_eq(advance(), 0);
	ck_assert_int_eq(loan_rebooted(&loan, BOOT2), 0);
	world.broken = 1;
	ck_assert_int_eq(advance(), 0);
	ck_assert(loan_is_complete(&loan) && is_whole('b'));
}
END_TEST

/* LVM writes to the disks, for which the claim is needed. */
START_TEST(a_return_after_a_boot_begins_with_the_session)
{
	make(1);
	ck_assert_int_eq(advance(), 0);
	world.log[0] = '\0';
	ck_assert_int_eq(loan_rebooted(&loan, BOOT2), 0);
	loan.is_ending = true;
	world.broken = 1;
	ck_assert_int_eq(advance(), -EIO);
	ck_assert(has_file() && !loan.legs[0].is_lost);
	world.broken = 0;
	ck_assert_int_eq(advance(), 0);
	ck_assert_str_eq(world.log, "+alogin +aclaim -swap -crypt -size -amirror -agroup -alabel "
				    "-acommit -aclaim -alogin ");
	ck_assert(is_nothing_left() && !has_file());
}
END_TEST

/* Somebody else has the LUN by now. */
START_TEST(a_return_after_a_boot_of_what_is_not_ours)
{
	make(1);
	ck_assert_int_eq(advance(), 0);
	world.log[0] = '\0';
	ck_assert_int_eq(loan_rebooted(&loan, BOOT2), 0);
	loan.is_ending = true;
	world.foreign = 1;
	ck_assert_int_eq(advance(), 0);
	ck_assert_str_eq(world.log, "+alogin -swap -crypt -size -amirror -agroup -alabel "
				    "-acommit -aclaim -alogin ");
	ck_assert(!has_file());
}
END_TEST

/* The operator has said that the donor is gone. */
START_TEST(a_return_after_a_boot_without_the_donor)
{
	make(1);
	ck_assert_int_eq(advance(), 0);
	world.log[0] = '\0';
	ck_assert_int_eq(loan_rebooted(&loan, BOOT2), 0);
	loan.is_ending = loan.legs[0].is_lost = true;
	world.broken = 1;
	ck_assert_int_eq(advance(), 0);
	ck_assert_ptr_null(strstr(world.log, "+"));
	ck_assert(!has_file());
}
END_TEST

START_TEST(a_stopped_loan_keeps_its_copies)
{
	ck_assert_int_eq(advance(), 0);
	world.log[0] = '\0';
	loan.is_stopped = true;
	ck_assert_int_eq(advance(), 0);
	ck_assert_str_eq(world.log, "-swap -crypt -size ");
	ck_assert(has_file() && !loan_is_complete(&loan));
	loan.is_stopped = false;
	ck_assert_int_eq(advance(), 0);
	ck_assert_str_eq(world.log, "-swap -crypt -size +size +crypt +swap ");
}
END_TEST

/* A boot before the network is there: nobody is lost, since nobody else answers either. */
START_TEST(silence_of_all_is_no_loss)
{
	world.donors = 2;
	loan.wish.kind = _i & 1 ? LOAN_VOLUME : LOAN_SWAP;
	ck_assert_int_eq(advance(), 0);
	ck_assert_int_eq(reboot(), 0);
	world.broken = 3;
	ck_assert_int_eq(advance(), -EIO);
	ck_assert_msg(strstr(why, "a is broken") != NULL, "%s", why);
	ck_assert_uint_eq(loan.nlegs, 2);
	ck_assert(!loan.legs[0].is_lost && !loan.legs[0].is_unwanted && !world.is_used);
	world.broken = 0;
	ck_assert_int_eq(advance(), 0);
	ck_assert(loan_is_complete(&loan) && is_whole('a') && is_whole('b'));
}
END_TEST

/* Swap with what there is; the silent one is a copy again when it comes back. */
START_TEST(swap_goes_on_without_a_silent_copy)
{
	world.donors = 2;
	ck_assert_int_eq(advance(), 0);
	ck_assert_int_eq(reboot(), 0);
	world.log[0] = '\0';
	world.broken = 1u << _i;
	ck_assert_int_eq(advance(), -EIO);
	ck_assert_str_eq(why, _i ? "the copy on b is away: b is broken"
				 : "the copy on a is away: a is broken");
	ck_assert_str_eq(world.log, _i ? "+alogin +aclaim +agroup +amirror +amirror +crypt +swap "
				       : "+blogin +bclaim +bgroup +bmirror +crypt +swap ");
	ck_assert(!loan_is_complete(&loan) && !loan.legs[_i].is_lost && world.is_used);
	world.broken = 0;
	ck_assert_int_eq(advance(), 0);
	ck_assert(loan_is_complete(&loan) && is_whole('a') && is_whole('b'));
}
END_TEST

/* One may have dropped out before the host went down: it is not known which one is old. */
START_TEST(a_volume_is_not_used_without_a_copy_that_may_be_newer)
{
	static char stale[] = "nobody knows whether the other copies are as new";

	loan.wish.kind = LOAN_VOLUME;
	ck_assert_int_eq(advance(), 0);
	ck_assert_int_eq(reboot(), 0);
	if (_i)
		world.emptied = 1;
	else
		world.broken = 1;
	ck_assert_int_lt(advance(), 0);
	ck_assert_msg(strstr(why, stale) != NULL, "%s", why);
	ck_assert(!world.is_used && !loan.legs[0].is_lost && loan.nlegs == 2);
	/* One boot more does not make it any surer. */
	ck_assert_int_eq(loan_rebooted(&loan, BOOT), 0);
	ck_assert_int_lt(advance(), 0);
	ck_assert(!world.is_used && loan.unsure == 2);
	is_degraded = true;
	ck_assert_int_eq(advance(), 0);
	ck_assert(loan_is_complete(&loan) && is_whole('b') && is_whole('c') && !loan.unsure);
}
END_TEST

/* Who takes one copy without the other has decided which one is right. */
START_TEST(a_copy_that_was_passed_over_is_lost)
{
	world.donors = 2;
	loan.wish.kind = LOAN_VOLUME;
	ck_assert_int_eq(advance(), 0);
	ck_assert_int_eq(reboot(), 0);
	world.broken = 1u << _i;
	is_degraded = true;
	ck_assert_int_eq(advance(), -ENOSPC);
	ck_assert(world.is_used && loan.nlegs == 1 &&
		  !strcmp(loan.legs[0].disks[0].donor, _i ? "a" : "b"));
}
END_TEST

START_TEST(a_volume_that_was_let_go_whole_needs_one_copy)
{
	world.donors = 2;
	loan.wish.kind = LOAN_VOLUME;
	ck_assert_int_eq(advance(), 0);
	loan.is_clean = true;
	ck_assert_int_eq(reboot(), 0);
	ck_assert(!loan.is_clean);
	world.broken = 1;
	ck_assert_int_eq(advance(), -EIO);
	ck_assert(world.is_used && !loan.legs[0].is_lost);
}
END_TEST

/* It was used without b, and went down without a word: a has all, and b is no copy. */
START_TEST(an_old_copy_is_not_taken_for_a_new_one)
{
	loan.wish.kind = LOAN_VOLUME;
	world.donors = 2;
	ck_assert_int_eq(advance(), 0);
	loan.is_clean = true;
	ck_assert_int_eq(reboot(), 0);
	world.broken = 2;
	ck_assert_int_eq(advance(), -EIO);
	ck_assert(world.is_used && loan.legs[1].is_old);
	loan.is_clean = _i & 1;
	loan.boot[0] = '\0';
	ck_assert_int_eq(reboot(), 0);
	world.donors = 4;
	if (_i & 2) {
		world.broken = 1;
		ck_assert_int_eq(advance(), -EIO);
		ck_assert(!world.is_used && !loan.legs[0].is_lost && loan.nlegs == 2);
	}
	world.broken = 2;
	ck_assert_int_eq(advance(), 0);
	ck_assert(world.is_used && is_whole('a') && is_whole('c') && !loan.legs[0].is_old);
}
END_TEST

/* He serves again, as one who never had it. */
START_TEST(an_emptied_donor_is_no_copy)
{
	world.donors = 2;
	ck_assert_int_eq(advance(), 0);
	ck_assert_int_eq(reboot(), 0);
	world.emptied = 1u << _i;
	ck_assert_int_eq(advance(), -ENOSPC);
	ck_assert_uint_eq(loan.nlegs, 1);
	ck_assert(world.loan[STEP_SWAP]);
	ck_assert_int_eq(advance(), 0);
	ck_assert(loan_is_complete(&loan) && is_whole('a') && is_whole('b'));
}
END_TEST

/* There is one that answers. */
START_TEST(a_silent_copy_is_replaced_after_a_boot)
{
	loan.wish.kind = _i & 1 ? LOAN_VOLUME : LOAN_SWAP;
	ck_assert_int_eq(advance(), 0);
	loan.is_clean = true;
	ck_assert_int_eq(reboot(), 0);
	world.broken = 1;
	ck_assert_int_eq(advance(), 0);
	ck_assert(loan_is_complete(&loan) && is_whole('b') && is_whole('c'));
	ck_assert_uint_eq(loan.nlegs, 2);
}
END_TEST

/* The only copy is still on the donor that is to be left, and there is no other one. */
START_TEST(a_move_without_a_donor_does_not_keep_a_loan_from_a_boot)
{
	world.donors = 1;
	make(1);
	ck_assert_int_eq(advance(), 0);
	move_off('a');
	ck_assert_int_eq(reboot(), 0);
	ck_assert_int_eq(advance(), -ENOSPC);
	ck_assert(world.loan[STEP_SWAP] && is_whole('a'));
}
END_TEST

/* Also if swap is off, and after a boot. */
START_TEST(a_copy_that_cannot_grow_is_not_lost)
{
	ck_assert_int_eq(advance(), 0);
	loan.wish.kind = _i & 1 ? LOAN_VOLUME : LOAN_SWAP;
	world.full = 3;
	for (size_t i = 0; i < loan.nlegs; i++)
		loan.legs[i].disks[0].steps[STEP_COMMIT] = STEP_BEGUN;
	loan.steps[STEP_SWAP] = STEP_BEGUN;
	if (_i & 2)
		ck_assert_int_eq(loan_rebooted(&loan, BOOT2), 0);
	ck_assert_int_eq(advance(), -ENOSPC);
	ck_assert_str_eq(why, "a is full");
	ck_assert_uint_eq(loan.nlegs, 2);
	ck_assert(is_whole('a') && is_whole('b') && !loan.legs[0].is_lost);
	world.full = 0;
	ck_assert_int_eq(advance(), 0);
	ck_assert(loan_is_complete(&loan));
	ck_assert_uint_eq(world.used, 3);
}
END_TEST

START_TEST(a_key_that_went_with_the_boot_is_told)
{
	loan.wish.kind = LOAN_VOLUME;
	loan.wish.is_encrypted = true;
	ck_assert_int_eq(advance(), 0);
	ck_assert_int_eq(loan_rebooted(&loan, BOOT2), -EKEYREVOKED);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("loan_advance");
	TCase *t = tcase_create("all");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 120);
	tcase_add_test(t, a_loan_is_made_and_returned);
	tcase_add_test(t, a_loan_moves_without_a_copy_less);
	tcase_add_test(t, a_cut_move_is_finished);
	tcase_add_test(t, a_move_that_a_boot_cut_is_finished);
	tcase_add_test(t, a_cut_loan_is_finished);
	tcase_add_test(t, a_cut_return_is_finished);
	tcase_add_test(t, a_donor_that_fails_is_left_for_another);
	tcase_add_test(t, without_donors_nothing_is_left);
	tcase_add_test(t, what_the_host_cannot_undoes_the_loan);
	tcase_add_test(t, a_move_without_a_donor_changes_nothing);
	tcase_add_test(t, a_lost_copy_goes_before_the_new_one_comes);
	tcase_add_loop_test(t, what_a_lost_donor_kept_is_given_back, 0, 2);
	tcase_add_loop_test(t, what_is_in_use_again_is_not_given_back, 0, 2);
	tcase_add_test(t, any_cut_while_it_is_given_back);
	tcase_add_test(t, after_a_boot_what_went_with_it_is_made_again);
	tcase_add_test(t, a_volume_without_its_only_donor_is_not_made_anew);
	tcase_add_test(t, swap_without_its_only_donor_is_made_anew);
	tcase_add_test(t, a_return_after_a_boot_begins_with_the_session);
	tcase_add_test(t, a_return_after_a_boot_of_what_is_not_ours);
	tcase_add_test(t, a_return_after_a_boot_without_the_donor);
	tcase_add_test(t, a_stopped_loan_keeps_its_copies);
	tcase_add_loop_test(t, an_emptied_donor_is_no_copy, 0, 2);
	tcase_add_loop_test(t, silence_of_all_is_no_loss, 0, 2);
	tcase_add_loop_test(t, swap_goes_on_without_a_silent_copy, 0, 2);
	tcase_add_loop_test(t, a_volume_is_not_used_without_a_copy_that_may_be_newer, 0, 2);
	tcase_add_loop_test(t, a_copy_that_was_passed_over_is_lost, 0, 2);
	tcase_add_loop_test(t, an_old_copy_is_not_taken_for_a_new_one, 0, 4);
	tcase_add_test(t, a_volume_that_was_let_go_whole_needs_one_copy);
	tcase_add_test(t, a_move_without_a_donor_does_not_keep_a_loan_from_a_boot);
	tcase_add_loop_test(t, a_silent_copy_is_replaced_after_a_boot, 0, 2);
	tcase_add_loop_test(t, a_copy_that_cannot_grow_is_not_lost, 0, 4);
	tcase_add_test(t, a_key_that_went_with_the_boot_is_told);
	suite_add_tcase(s, t);
	return test_main(s);
}
