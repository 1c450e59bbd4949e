// SPDX-License-Identifier: MIT
/* move.c - "memloan move": a copy goes to another donor while the loan is in use. */
#include <string.h>

#include "initiator-tools/donors.h"
#include "initiator-tools/loan/commands.h"
#include "initiator-tools/loan/work.h"

static bool is_of(const struct loan_leg *leg, const char *donor)
{
	for (size_t i = 0; i < leg->ndisks; i++)
		if (!strcmp(leg->disks[i].donor, donor))
			return true;
	return false;
}

static struct loan_leg *leg_of(struct loan *l, const char *donor)
{
	for (size_t i = 0; i < l->nlegs; i++)
		if (is_of(&l->legs[i], donor))
			return &l->legs[i];
	return NULL;
}

/* Without --from there must be no doubt which copy is meant. */
static struct loan_leg *leg_to_leave(struct loan *l, const char *from)
{
	struct loan_leg *only = NULL;

	if (from)
		return leg_of(l, from);
	for (size_t i = 0; i < l->nlegs; i++)
		if (!l->legs[i].is_unwanted) {
			if (only)
				return NULL;
			only = &l->legs[i];
		}
	return only;
}

/* Who was asked for by name is so no more; who is asked for now is. */
static void change_wish(struct loan_wish *w, const char *from, const char *to)
{
	for (size_t i = 0; i < w->nfrom; i++)
		if (to && !strcmp(w->from[i], from)) {
			memcpy(w->from[i], to, strlen(to) + 1);
			return;
		}
	if (to && w->nfrom && w->nfrom < LOAN_FROM_MAX)
		memcpy(w->from[w->nfrom++], to, strlen(to) + 1);
}

static int check_donor(struct work *w, const char *option, const char *name)
{
	if (!name || work_knows_donor(w, name))
		return LOAN_OK;
	return work_fail(w, LOAN_USAGE, "%s %s: the configuration has no donor of this name",
			 option, name);
}

/* The loan stays what it was if there is nowhere to go to. */
static int go(struct work *w, struct loan_leg *leg)
{
	struct loan_wish was = w->loan.wish;
	unsigned id = leg->id;

	change_wish(&w->loan.wish, leg->disks[0].donor, w->to);
	leg->is_unwanted = true;
	int status = work_advance(w);
	for (size_t i = 0; status && i < w->loan.nlegs; i++) {
		struct loan_leg *old = &w->loan.legs[i];
		if (old->id != id || old->is_lost || old->steps[STEP_MIRROR] != STEP_DONE)
			continue;
		old->is_unwanted = false;
		w->loan.wish = was;
		if (work_save(w))
			return LOAN_FAILED;
	}
	return status;
}

static int move(struct work *w, const char *name, const char *from, const char *to)
{
	int status = check_donor(w, "--from", from);

	if (!status)
		status = check_donor(w, "--to", to);
	if (!status)
		status = work_need(w, name);
	if (status)
		return status;
	if (w->loan.is_stopped)
		return work_fail(w, LOAN_FAILED, "it is out of use; memloan apply goes on with it");
	if (w->loan.is_ending || !w->loan.is_made)
		return work_fail(w, LOAN_FAILED, "it is not whole; memloan status %s shows it",
				 name);
	struct loan_leg *leg = leg_to_leave(&w->loan, from);
	if (to && leg_of(&w->loan, to) && (!from || !leg))
		return work_advance(w); /* it is there, or a run that was cut left something */
	if (!leg)
		return from ? work_fail(w, LOAN_FAILED, "it has nothing of %s", from)
			    : work_fail(w, LOAN_USAGE, "it has several copies: --from tells which");
	if (to && is_of(leg, to))
		return work_advance(w);
	if (to && leg_of(&w->loan, to))
		return work_fail(w, LOAN_FAILED, "%s has another copy of it", to);
	w->to = to;
	return go(w, leg);
}

int move_run(const struct command_line *c)
{
	struct work w;
	int status = work_begin(&w, c);

	if (!status)
		status = move(&w, c->operands[0], c->value[OPTION_FROM], c->value[OPTION_TO]);
	work_end(&w);
	return status;
}
