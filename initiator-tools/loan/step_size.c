// SPDX-License-Identifier: MIT
/*
 * step_size.c - the volume is as large as the loan: after "memloan resize". All disks are there by
 * then, which LVM wants before it changes one of them, and what they are to have more is committed.
 */
#include <errno.h>
#include <string.h>

#include "initiator-tools/host/dm.h"
#include "initiator-tools/loan/group.h"

/* What the kernel says: then LVM need not be asked. */
static bool is_right(const struct loan *l)
{
	char path[LOAN_PATH_BYTES];
	uint64_t size;

	loan_volume_path(l, path);
	return !dm_size(strrchr(path, '/') + 1, &size) && size == l->wish.size;
}

static uint64_t size_of(const struct group *g)
{
	for (size_t i = 0; i < g->segments.n; i++)
		if (!strcmp(g->segments.rows[i].volume, GROUP_VOLUME))
			return g->segments.rows[i].size;
	return 0;
}

/* Each label ends where what is committed does. */
static int grow_labels(struct step *s, struct group *g, const struct loan_leg *leg)
{
	lvm_disk name;
	int err = 0;

	for (size_t i = 0; !err && i < leg->ndisks; i++) {
		const struct loan_disk *d = &leg->disks[i];
		uint64_t bytes = d->used < d->size ? d->used : 0;
		err = group_disk(s, d, name);
		if (!err && (err = lvm_pv_resize(&g->lvm, name, bytes)))
			err = group_fail(s, g, err, false);
	}
	return err;
}

static int change(struct step *s, struct group *g)
{
	lvm_disk names[LOAN_LEGS_MAX * LOAN_DISKS_MAX];
	struct lvm_disks all = {names, 0};
	uint64_t is = size_of(g), wanted = s->loan->wish.size;

	if (!g->has_volume)
		return step_fail(s, ENODATA, "the volume is not there");
	if (is == wanted)
		return 0;
	if (is > wanted)
		return group_fail(s, g, lvm_reduce(&g->lvm, GROUP_VOLUME, wanted), false);
	for (size_t i = 0; i < s->loan->nlegs; i++) {
		int err = s->loan->legs[i].is_lost ? 0 : grow_labels(s, g, &s->loan->legs[i]);
		if (err)
			return err;
		for (size_t d = 0; d < g->legs[i].n; d++)
			memcpy(names[all.n++], g->legs[i].names[d], sizeof(lvm_disk));
	}
	return group_fail(s, g, lvm_extend(&g->lvm, GROUP_VOLUME, wanted, all), false);
}

int step_size_run(struct step *s)
{
	return is_right(s->loan) ? 0 : group_do(s, change);
}

/* The volume goes with its legs. */
int step_size_undo(struct step *s)
{
	(void)s;
	return 0;
}
