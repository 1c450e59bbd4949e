// SPDX-License-Identifier: MIT
/* plan.c - the order of steps, forwards and backwards. */
#include "initiator-tools/loan/plan.h"

static const struct {
	enum step_scope scope;
	const char *word, *text;
} steps[] = {
#define STEP(id, s, w, run, undo, t) [STEP_##id] = {SCOPE_##s, w, t},
#include "initiator-tools/loan/steps.def"
};

const char *step_word(enum step_id s)
{
	return steps[s].word;
}

const char *step_text(enum step_id s)
{
	return steps[s].text;
}

enum step_scope step_scope(enum step_id s)
{
	return steps[s].scope;
}

uint8_t *plan_state(struct loan *l, const struct plan *p)
{
	if (p->leg == PLAN_NONE)
		return &l->steps[p->step];
	struct loan_leg *leg = &l->legs[p->leg];
	return p->disk == PLAN_NONE ? &leg->steps[p->step] : &leg->disks[p->disk].steps[p->step];
}

static bool found(struct plan *out, enum step_id step, bool is_undo, size_t leg, size_t disk)
{
	*out = (struct plan){.step = step, .is_undo = is_undo, .leg = leg, .disk = disk};
	return true;
}

/* The first step of these that is not done. */
static bool forward(const uint8_t *state, enum step_scope scope, size_t leg, size_t disk,
		    struct plan *out)
{
	for (unsigned s = 0; s < STEPS; s++)
		if (steps[s].scope == scope && state[s] != STEP_DONE)
			return found(out, (enum step_id)s, false, leg, disk);
	return false;
}

/* The last one of which anything is there. */
static bool backward(const uint8_t *state, enum step_scope scope, size_t leg, size_t disk,
		     struct plan *out)
{
	for (unsigned s = STEPS; s-- > 0;)
		if (steps[s].scope == scope && state[s] != STEP_NONE)
			return found(out, (enum step_id)s, true, leg, disk);
	return false;
}

static bool build_leg(const struct loan *l, size_t i, struct plan *out)
{
	const struct loan_leg *leg = &l->legs[i];

	for (size_t d = 0; d < leg->ndisks; d++)
		if (forward(leg->disks[d].steps, SCOPE_DISK, i, d, out))
			return true;
	return forward(leg->steps, SCOPE_LEG, i, PLAN_NONE, out);
}

/* What a boot has taken of a leg that is to go, but not yet: it may have the only whole copy. */
static bool hold_leg(const struct loan *l, size_t i, struct plan *out)
{
	const struct loan_leg *leg = &l->legs[i];

	for (size_t d = 0; d < leg->ndisks; d++)
		for (unsigned s = 0; s < STEPS; s++)
			if (leg->disks[d].steps[s] == STEP_BEGUN)
				return found(out, (enum step_id)s, false, i, d);
	for (unsigned s = 0; s < STEPS; s++)
		if (leg->steps[s] == STEP_BEGUN)
			return found(out, (enum step_id)s, false, i, PLAN_NONE);
	return false;
}

/* There is always something: at last the leg itself. */
static bool undo_leg(const struct loan *l, size_t i, struct plan *out)
{
	const struct loan_leg *leg = &l->legs[i];

	if (backward(leg->steps, SCOPE_LEG, i, PLAN_NONE, out))
		return true;
	for (size_t d = leg->ndisks; d-- > 0;)
		if (backward(leg->disks[d].steps, SCOPE_DISK, i, d, out))
			return true;
	return found(out, STEPS, true, i, PLAN_NONE);
}

/* Of a disk with more to be undone than these two, and of which a boot has taken them. */
static bool is_cut_off(const struct loan_leg *leg, const struct loan_disk *d, enum step_id *which)
{
	bool has_more = leg->steps[STEP_GROUP] != STEP_NONE;

	for (unsigned s = STEP_CLAIM + 1; s < STEPS; s++)
		has_more |= d->steps[s] != STEP_NONE;
	*which = d->steps[STEP_LOGIN] == STEP_BEGUN ? STEP_LOGIN : STEP_CLAIM;
	return has_more && d->steps[*which] == STEP_BEGUN;
}

/* Without a session and the claim nothing else of a disk can be undone. */
static bool reconnect(const struct loan *l, struct plan *out)
{
	enum step_id which;

	for (size_t i = 0; i < l->nlegs; i++)
		for (size_t d = 0; !l->legs[i].is_lost && d < l->legs[i].ndisks; d++)
			if (is_cut_off(&l->legs[i], &l->legs[i].disks[d], &which))
				return found(out, which, false, i, d);
	return false;
}

static bool end(const struct loan *l, struct plan *out)
{
	return reconnect(l, out) || backward(l->steps, SCOPE_LOAN, PLAN_NONE, PLAN_NONE, out) ||
	       (l->nlegs && undo_leg(l, l->nlegs - 1, out));
}

static bool goes_early(const struct loan_leg *leg)
{
	return leg->is_unwanted && (leg->is_lost || !leg->has_data);
}

/* Is nothing promised broken without the legs that are not wanted? */
static bool may_drop(const struct loan *l)
{
	unsigned whole = 0;

	for (size_t i = 0; i < l->nlegs; i++)
		whole += !l->legs[i].is_unwanted && l->legs[i].steps[STEP_MIRROR] == STEP_DONE;
	return whole >= l->wish.copies;
}

bool plan_next(const struct loan *l, struct plan *out)
{
	if (l->is_ending)
		return end(l, out);
	if (l->is_stopped)
		return backward(l->steps, SCOPE_LOAN, PLAN_NONE, PLAN_NONE, out);
	for (size_t i = l->nlegs; i-- > 0;)
		if (goes_early(&l->legs[i]))
			return undo_leg(l, i, out);
	for (size_t i = 0; i < l->nlegs; i++)
		if (l->legs[i].is_away)
			continue;
		else if (l->legs[i].is_unwanted ? hold_leg(l, i, out) : build_leg(l, i, out))
			return true;
	if ((may_drop(l) || (l->is_short && loan_copies(l))) &&
	    forward(l->steps, SCOPE_LOAN, PLAN_NONE, PLAN_NONE, out))
		return true;
	for (size_t i = l->nlegs; may_drop(l) && i-- > 0;)
		if (l->legs[i].is_unwanted)
			return undo_leg(l, i, out);
	return false;
}
