// SPDX-License-Identifier: MIT
/*
 * stop.c - "memloan stop": loans are taken out of use before the host goes down, with all that they
 * hold and all claims on it; "memloan apply" goes on with them.
 *
 * The order is what a shutdown gets wrong by itself: swap off, then the volume, then the session.
 */
#include <errno.h>

#include "initiator-tools/donors.h"
#include "initiator-tools/host/dm.h"
#include "initiator-tools/loan/commands.h"
#include "initiator-tools/loan/group.h"
#include "initiator-tools/loan/work.h"

/* Which copies are whole when the volume is let go? False: that is not known. */
static bool look_at_copies(struct loan *l, const struct group *g)
{
	struct dm_mirror m = {.n = 1, .health = "A"};
	char name[DM_NAME_BYTES], why[256];

	group_device(g, name);
	if (g->is_mirror && dm_mirror_status(name, &m, why, sizeof(why)))
		return false;
	for (size_t i = 0; i < l->nlegs; i++) {
		const struct group_leg *k = &g->legs[i];
		bool is_whole = k->is_there && k->image < m.n && m.health[k->image] == 'A';
		l->legs[i].is_old |= l->legs[i].has_data && !is_whole;
	}
	return true;
}

static int deactivate(struct step *s, struct group *g)
{
	if (g->is_open)
		return step_fail(s, EBUSY, "its volume is in use");
	if (!g->is_active)
		return 0;
	bool is_clean = look_at_copies(s->loan, g);
	int err = lvm_deactivate(&g->lvm, GROUP_VOLUME);
	if (err)
		return group_fail(s, g, err, false);
	s->loan->is_clean = is_clean;
	return 0;
}

/* From then on it is as after a boot: what is to be made again is made by who goes on. */
static int stop_volume(struct work *w)
{
	struct step s = {.loan = &w->loan};

	if (group_do(&s, deactivate))
		return work_fail(w, LOAN_FAILED, "%s", s.why);
	w->loan.boot[0] = '\0';
	return work_save(w);
}

static int log_out(struct work *w, struct loan_leg *leg, struct loan_disk *disk)
{
	struct step s = {.loan = &w->loan, .leg = leg, .disk = disk};

	if (disk->steps[STEP_LOGIN] != STEP_NONE && step_login_undo(&s))
		return work_fail(w, LOAN_FAILED, "%s", s.why);
	return LOAN_OK;
}

static int stop(struct work *w)
{
	struct loan *l = &w->loan;
	int status = LOAN_OK;

	if (l->is_ending)
		return LOAN_OK;
	if (!l->is_stopped || *l->boot) {
		l->is_stopped = true;
		status = work_advance(w);
		if (!status)
			status = stop_volume(w);
	}
	for (size_t i = 0; !status && i < l->nlegs; i++)
		for (size_t d = 0; !status && d < l->legs[i].ndisks; d++)
			status = log_out(w, &l->legs[i], &l->legs[i].disks[d]);
	return status;
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
