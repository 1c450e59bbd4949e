// SPDX-License-Identifier: MIT
/* step_group.c - the disks of a leg join the volume group of the loan, and leave it. */
#include <errno.h>

#include "initiator-tools/loan/group.h"

static int change(struct step *s, struct group *g, int err)
{
	return err ? group_fail(s, g, err, true) : 0;
}

/* A group that held data is never made anew: what it held would be gone without a word. */
static int create(struct step *s, struct group *g)
{
	for (size_t i = 0; i < s->loan->nlegs; i++)
		if (s->loan->legs[i].has_data)
			return step_fail_donor(s, ENODATA,
					       "the volume group %s is not there any more",
					       g->lvm.group);
	return change(s, g, lvm_group_create(&g->lvm, g->tag, group_disks_of(group_leg_of(s, g))));
}

static int join(struct step *s, struct group *g)
{
	struct group_leg *leg = group_leg_of(s, g);
	lvm_disk names[LOAN_DISKS_MAX];
	int err = group_heal(s, g);

	if (err)
		return err;
	if (!g->is_there)
		return create(s, g);
	struct lvm_disks missing = group_members(g, leg, false, names);
	return missing.n ? change(s, g, lvm_group_extend(&g->lvm, missing)) : 0;
}

int step_group_run(struct step *s)
{
	int err = group_require(s);

	return err ? err : group_do(s, join);
}

/* Of a leg that is not gone. */
static int leave(struct step *s, struct group *g)
{
	lvm_disk names[LOAN_DISKS_MAX];
	struct lvm_disks members = group_members(g, group_leg_of(s, g), true, names);
	size_t n = 0;

	if (!members.n)
		return 0;
	for (size_t i = 0; i < s->loan->nlegs; i++)
		n += g->legs[i].nmembers;
	if (n > members.n)
		return change(s, g, lvm_group_reduce(&g->lvm, members));
	return change(s, g, lvm_group_remove(&g->lvm));
}

/* With a volume that is not in use, the next who uses it forgets what is missing. */
static int leave_without_disks(struct step *s, struct group *g)
{
	return !g->has_volume || (g->is_active && g->nsynced) ? group_forget_missing(s, g) : 0;
}

static int undo(struct step *s, struct group *g)
{
	if (group_is_gone(s, g, (size_t)(s->leg - s->loan->legs)))
		return leave_without_disks(s, g);
	int err = group_require(s);
	if (!err && group_has_gone(s, g))
		err = group_forget_missing(s, g);
	return err ? err : leave(s, g);
}

int step_group_undo(struct step *s)
{
	return group_do(s, undo);
}
