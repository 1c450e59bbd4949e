// SPDX-License-Identifier: MIT
/* advance.c - one step after the other, each of them written down. */
#include "initiator-tools/loan/advance.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "initiator-tools/loan/left.h"
#include "initiator-tools/loan/record.h"

static step_fn *const all_steps[][2] = {
#define STEP(id, scope, word, run, undo, text) [STEP_##id] = {step_##run, step_##undo},
#include "initiator-tools/loan/steps.def"
};

static int save(struct advance *a)
{
	return record_write(a->dir, a->loan, a->why, sizeof(a->why));
}

void advance_note(struct advance *a, const char *text)
{
	if (a->note)
		a->note(a, text);
}

bool advance_avoids(const struct advance *a, const char *donor)
{
	for (size_t i = 0; i < a->navoid; i++)
		if (!strcmp(a->avoid[i], donor))
			return true;
	return false;
}

static void avoid_leg(struct advance *a, const struct loan_leg *leg)
{
	for (size_t i = 0; i < leg->ndisks; i++)
		if (a->navoid < ADVANCE_AVOID_MAX && !advance_avoids(a, leg->disks[i].donor))
			snprintf(a->avoid[a->navoid++], sizeof(a->avoid[0]), "%s",
				 leg->disks[i].donor);
}

/* ---- one step ---- */

struct telling {
	struct advance *a;
	const struct plan *p;
};

static void progress(void *arg, unsigned permille)
{
	struct telling *t = arg;

	if (t->a->tell)
		t->a->tell(t->a, t->p, permille);
}

static int take(struct advance *a, const struct plan *p, bool *is_donors_fault)
{
	struct loan *l = a->loan;
	struct telling t = {a, p};
	struct step s = {.loan = l,
			 .is_forced = a->is_forced,
			 .is_degraded = a->is_degraded,
			 .sync_rate = a->sync_rate,
			 .progress = progress,
			 .arg = &t};
	step_fn *const(*steps)[2] = a->steps ? a->steps : all_steps;

	if (p->leg != PLAN_NONE)
		s.leg = &l->legs[p->leg];
	if (p->disk != PLAN_NONE)
		s.disk = &s.leg->disks[p->disk];
	progress(&t, 0);
	int err = steps[p->step][p->is_undo](&s);
	if (err)
		snprintf(a->why, sizeof(a->why), "%s", s.why);
	else
		progress(&t, 1000);
	*is_donors_fault = s.is_donors_fault && s.leg;
	return err;
}

/* Before and after it, the file says so. */
static int do_step(struct advance *a, const struct plan *p, bool *is_donors_fault)
{
	uint8_t *state = plan_state(a->loan, p);

	*state = p->is_undo ? STEP_UNDOING : STEP_BEGUN;
	int err = save(a);
	if (!err)
		err = take(a, p, is_donors_fault);
	if (err)
		return err;
	*state = p->is_undo ? STEP_NONE : STEP_DONE;
	if (p->step == STEP_MIRROR && !p->is_undo)
		a->loan->legs[p->leg].has_data = true;
	return save(a);
}

/* ---- what becomes of a failure ---- */

/* A leg that holds data takes this step when it is to grow: who has not the memory for that, or
 * fails otherwise, has still what it holds. */
static bool is_growing(const struct loan_leg *leg, enum step_id step)
{
	return leg->has_data && step == STEP_COMMIT;
}

/* Is there a copy of what the leg holds, or does nobody need it? */
static bool can_be_replaced(const struct loan *l, const struct loan_leg *leg)
{
	if (!leg->has_data || (l->wish.kind == LOAN_SWAP && l->steps[STEP_SWAP] != STEP_DONE))
		return true;
	for (size_t i = 0; i < l->nlegs; i++)
		if (&l->legs[i] != leg && l->legs[i].has_data && !l->legs[i].is_old &&
		    !l->legs[i].is_lost)
			return true;
	return false;
}

/* The donor has said it: the disk is another one, or another's, or empty. */
static bool is_surely_lost(int err)
{
	return err == -ESTALE || err == -EEXIST || err == -EBUSY || err == -ENODATA;
}

/* The rest is gone on with; what has failed is told at the end. */
static void put_off(struct advance *a, int err)
{
	a->loan->is_short = true;
	if (a->put_off)
		return;
	a->put_off = err;
	memcpy(a->why_put_off, a->why, sizeof(a->why));
}

/* The volume may have waited for a leg that is not waited for any more. */
static void take_mirrors_again(struct loan *l)
{
	for (size_t i = 0; i < l->nlegs; i++)
		if (l->legs[i].steps[STEP_MIRROR] == STEP_DONE)
			l->legs[i].steps[STEP_MIRROR] = STEP_BEGUN;
}

/* Its donor may come back: nothing of it is undone. */
static int leave_leg(struct advance *a, struct loan_leg *leg, int err)
{
	char why[LOAN_WHY_BYTES];

	if (!a->loan->is_made)
		return err;
	memcpy(why, a->why, sizeof(why));
	snprintf(a->why, sizeof(a->why), "the copy on %s is away: %.400s", leg->disks[0].donor,
		 why);
	put_off(a, err);
	leg->is_away = true;
	take_mirrors_again(a->loan);
	return save(a);
}

/* What holds data is given up for another donor that is there, not for none: if all are silent, the
 * reason may be this host or its network, and what is lost keeps its claim. */
static bool has_other(struct advance *a, const struct loan_leg *leg)
{
	char why[LOAN_WHY_BYTES];

	if (leg->is_unwanted)
		return true;
	memcpy(why, a->why, sizeof(why));
	int err = a->choose(a);
	memcpy(a->why, why, sizeof(why));
	return !err;
}

/* It may have dropped out while the volume was in use, and then the other one is old. */
static int stay_without(struct advance *a, int err)
{
	size_t n = strlen(a->why);

	snprintf(a->why + n, sizeof(a->why) - n,
		 "; nobody knows whether the other copies are as new; \"memloan apply --degraded\" "
		 "takes them");
	return err;
}

static int give_up_leg(struct advance *a, struct loan_leg *leg, int err)
{
	char text[LOAN_WHY_BYTES + 100];

	if (leg->has_data && a->loan->unsure > 1) {
		if (!a->is_degraded)
			return stay_without(a, err);
	} else if (leg->has_data && !is_surely_lost(err) && !has_other(a, leg)) {
		return leave_leg(a, leg, err);
	}
	leg->is_unwanted = true;
	leg->is_lost = leg->has_data;
	if (leg->is_lost)
		take_mirrors_again(a->loan);
	avoid_leg(a, leg);
	snprintf(text, sizeof(text), "%s; another donor is looked for", a->why);
	advance_note(a, text);
	return save(a);
}

/* A loan that nobody uses yet is undone; the reason stays. */
static int give_up_loan(struct advance *a, int err, int *result)
{
	char why[LOAN_WHY_BYTES];

	if (a->loan->is_made || a->loan->is_ending)
		return err;
	memcpy(why, a->why, sizeof(why));
	*result = err;
	a->loan->is_ending = true;
	err = save(a);
	if (!err)
		memcpy(a->why, why, sizeof(why));
	return err;
}

/* A loan that ends cannot have its session or claim again, since the disk is not its own any more:
 * the rest of the way leaves alone what is not. */
static int end_without(struct advance *a, const struct plan *p)
{
	uint8_t *steps = a->loan->legs[p->leg].disks[p->disk].steps;

	steps[STEP_LOGIN] = STEP_UNDOING;
	steps[STEP_CLAIM] = STEP_UNDOING;
	advance_note(a, a->why);
	return save(a);
}

static int after_failure(struct advance *a, const struct plan *p, bool is_donors_fault, int err,
			 int *result)
{
	struct loan *l = a->loan;

	if (!p->is_undo && l->is_ending && is_donors_fault && is_surely_lost(err))
		return end_without(a, p);
	if (p->is_undo || l->is_ending)
		return err;
	if (is_donors_fault && !is_growing(&l->legs[p->leg], p->step) &&
	    can_be_replaced(l, &l->legs[p->leg]))
		return give_up_leg(a, &l->legs[p->leg], err);
	return give_up_loan(a, err, result);
}

/* ---- the whole ---- */

/* A donor that has lost a copy is not asked for the next one, but later, for what it still has. */
static int remove_leg(struct advance *a, size_t leg)
{
	struct loan_leg *l = &a->loan->legs[leg];

	if (!l->is_lost) {
		loan_remove_leg(a->loan, leg);
		return save(a);
	}
	avoid_leg(a, l);
	for (size_t i = 0; i < l->ndisks; i++)
		l->disks[i].steps[STEP_LOGIN] = STEP_UNDOING;
	loan_leave_leg(a->loan, leg);
	return save(a);
}

/* What somebody uses goes on with the copies that there are. */
static int choose(struct advance *a, int *result)
{
	int err = a->choose(a);

	if (!err)
		return save(a);
	if (!a->loan->is_made)
		return give_up_loan(a, err, result);
	put_off(a, err);
	return 0;
}

static bool is_leg_missing(const struct loan *l)
{
	return !l->is_ending && !l->is_stopped && !l->is_short && loan_wanted(l) < l->wish.copies;
}

/* 1: go on; 0: nothing is left; or -errno. */
static int advance_once(struct advance *a, int *result)
{
	struct loan *l = a->loan;
	bool is_donors_fault = false;
	struct plan p;
	bool is_any = plan_next(l, &p);
	int err;

	if (is_leg_missing(l) && !(is_any && p.is_undo))
		err = choose(a, result);
	else if (!is_any)
		return 0;
	else if (p.step == STEPS)
		err = remove_leg(a, p.leg);
	else if ((err = do_step(a, &p, &is_donors_fault)))
		err = after_failure(a, &p, is_donors_fault, err, result);
	return err ? err : 1;
}

static int remove_file(struct advance *a)
{
	char why[LOAN_WHY_BYTES];

	left_tell(a);
	memcpy(why, a->why, sizeof(why));
	int err = record_remove(a->dir, a->loan->wish.name, a->why, sizeof(a->why));
	if (!err)
		memcpy(a->why, why, sizeof(why));
	return err;
}

static int finish(struct advance *a)
{
	if (a->loan->is_ending)
		return remove_file(a);
	if (a->put_off) {
		memcpy(a->why, a->why_put_off, sizeof(a->why));
		return a->put_off;
	}
	if (a->loan->is_made || a->loan->is_stopped)
		return 0;
	a->loan->is_made = true;
	return save(a);
}

int loan_advance(struct advance *a)
{
	int result = 0, rc;

	a->put_off = 0;
	a->loan->is_short = false;
	for (size_t i = 0; i < a->loan->nlegs; i++)
		a->loan->legs[i].is_away = false;
	bool is_hasty = a->loan->is_stopped || (a->loan->is_ending && a->is_forced);
	rc = is_hasty ? 0 : left_give_back(a, a->steps ? a->steps : all_steps);
	while (!rc && (rc = advance_once(a, &result)) > 0)
		rc = 0;
	if (!rc)
		rc = finish(a);
	return rc ? rc : result;
}

/* A copy that drops out is not always noticed by who writes that down: without a clean end all must
 * be there. What swap held is worth nothing. */
static unsigned unsure_copies(const struct loan *l)
{
	unsigned n = 0;

	if (l->wish.kind == LOAN_SWAP)
		return 0;
	for (size_t i = 0; i < l->nlegs; i++)
		n += l->legs[i].has_data && !l->legs[i].is_old && !l->legs[i].is_lost;
	return l->is_clean && n ? 1 : n;
}

/* Of a disk, a leg or the loan: what the boot took is begun, and no more. */
static void forget_boot(uint8_t *steps)
{
	static const enum step_id gone[] = {STEP_LOGIN,	 STEP_CLAIM, STEP_GROUP,
					    STEP_MIRROR, STEP_CRYPT, STEP_SWAP};

	for (size_t i = 0; i < sizeof(gone) / sizeof(gone[0]); i++)
		if (steps[gone[i]] == STEP_DONE)
			steps[gone[i]] = STEP_BEGUN;
}

int loan_rebooted(struct loan *l, const char *boot)
{
	if (!strcmp(l->boot, boot))
		return 0;
	bool is_lost = l->is_made && l->wish.is_encrypted && l->wish.kind == LOAN_VOLUME;
	snprintf(l->boot, sizeof(l->boot), "%s", boot);
	l->unsure = unsure_copies(l);
	l->is_clean = false;
	forget_boot(l->steps);
	for (size_t i = 0; i < l->nlegs; i++) {
		forget_boot(l->legs[i].steps);
		for (size_t d = 0; d < l->legs[i].ndisks; d++)
			forget_boot(l->legs[i].disks[d].steps);
	}
	return is_lost && !l->is_ending ? -EKEYREVOKED : 0;
}
