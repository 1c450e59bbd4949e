// SPDX-License-Identifier: MIT
/*
 * stop.c - "memloan stop": loans are taken out of use before the host goes down, with all that they
 * hold and all claims on it; "memloan apply" goes on with them.
 *
 * The order is what a shutdown gets wrong by itself: swap off, then the volume, then the session.
 */
#include <errno.h>

#include "initiator-tools/donors.h"
#include "initiator-tools/loan/commands.h"
#include "initiator-tools/loan/group.h"
#include "initiator-tools/loan/work.h"

static int deactivate(struct work *w)
{
	struct step s = {.loan = &w->loan};
	struct group g;
	int err = group_open(&s, &g);

	if (!err && g.is_open)
		err = step_fail(&s, EBUSY, "its volume is in use");
	else if (!err && g.is_active)
		err = group_fail(&s, &g, lvm_deactivate(&g.lvm, GROUP_VOLUME), false);
	group_close(&g);
	return err ? work_fail(w, LOAN_FAILED, "%s", s.why) : LOAN_OK;
}

static int log_out(struct work *w, struct loan_leg *leg, struct loan_disk *disk)
{
	struct step s = {.loan = &w->loan, .leg = leg, .disk = disk};

	if (disk->steps[STEP_LOGIN] != STEP_NONE && step_login_undo(&s))
		return work_fail(w, LOAN_FAILED, "%s", s.why);
	return LOAN_OK;
}

/* As after a boot: what is to be made again is made by who goes on. */
static int stop(struct work *w)
{
	struct loan *l = &w->loan;

	if (l->is_ending)
		return LOAN_OK;
	l->is_stopped = true;
	int status = work_advance(w);
	if (!status)
		status = deactivate(w);
	for (size_t i = 0; !status && i < l->nlegs; i++)
		for (size_t d = 0; !status && d < l->legs[i].ndisks; d++)
			status = log_out(w, &l->legs[i], &l->legs[i].disks[d]);
	if (status)
		return status;
	l->boot[0] = '\0';
	return work_save(w);
}

static int stop_one(struct work *w, const char *name)
{
	int status = work_need(w, name);

	return status ? status : stop(w);
}

int stop_run(const struct command_line *c)
{
	const char *name = c->operands[0];
	struct work w;
	int status = work_begin_here(&w, c);

	if (!status)
		status = name ? stop_one(&w, name) : work_all(&w, stop);
	work_end(&w);
	return status;
}
