// SPDX-License-Identifier: MIT
/*
 * step_mirror.c - a leg gets a whole copy of the volume, and gives it up.
 *
 * raid1 copies into the new image from the first block on; it is a copy only when dm-raid says that
 * it is whole. The last whole copy is never dropped while the loan lives.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "initiator-tools/host/dm.h"
#include "initiator-tools/loan/group.h"
#include "initiator-tools/loan/mirror.h"
#include "initiator-tools/loan/remains.h"

unsigned mirror_tick_ms = 500;
unsigned mirror_stall_ms = 180000;

static int change(struct step *s, struct group *g, int err)
{
	return err ? group_fail(s, g, err, true) : 0;
}

/* A change, and what has become of it. */
static int change_and_look(struct step *s, struct group *g, int err)
{
	return err ? group_fail(s, g, err, true) : group_look(s, g);
}

/* ---- the image ---- */

static bool has_data(const struct loan *l)
{
	for (size_t i = 0; i < l->nlegs; i++)
		if (l->legs[i].has_data)
			return true;
	return false;
}

/* Another leg is still to be logged in after a boot: the volume waits for it, since nobody knows
 * here which copy is the newer. */
static bool must_wait(const struct step *s, const struct group *g)
{
	if (!g->has_volume || g->is_active || !g->is_partial || !s->leg->has_data)
		return false;
	for (size_t i = 0; i < s->loan->nlegs; i++)
		if (&s->loan->legs[i] != s->leg && !g->legs[i].is_whole &&
		    !s->loan->legs[i].is_away && !group_is_gone(s, g, i))
			return true;
	return false;
}

static int create(struct step *s, struct group *g)
{
	if (has_data(s->loan))
		return step_fail_donor(s, ENODATA,
				       "the volume %s/" GROUP_VOLUME " is not there any more",
				       g->lvm.group);
	return change_and_look(s, g,
			       lvm_create(&g->lvm, GROUP_VOLUME, s->loan->wish.size,
					  group_disks_of(group_leg_of(s, g))));
}

static bool is_any_away(const struct loan *l)
{
	for (size_t i = 0; i < l->nlegs; i++)
		if (l->legs[i].is_away)
			return true;
	return false;
}

/* With all copies, the superblocks of raid1 tell which is the newest. */
static int check_newest(struct step *s, const struct group *g)
{
	unsigned there = 0;

	for (size_t i = 0; i < s->loan->nlegs; i++)
		there += s->loan->legs[i].has_data && !s->loan->legs[i].is_old &&
			 g->legs[i].is_there;
	if (there >= s->loan->unsure || s->is_degraded)
		return 0;
	return step_fail(s, ENODATA,
			 "%u of %u copies are there, and nobody knows whether the newest is among "
			 "them; \"memloan apply --degraded\" takes what is there",
			 there, s->loan->unsure);
}

/* Whatever is written from now on, the others do not get. */
static void note_used(struct step *s, const struct group *g)
{
	s->loan->unsure = 0;
	for (size_t i = 0; i < s->loan->nlegs; i++)
		s->loan->legs[i].is_old |= s->loan->legs[i].has_data && !g->legs[i].is_whole;
}

static int activate(struct step *s, struct group *g)
{
	int err = g->is_active ? 0 : check_newest(s, g);

	if (!err && !g->is_active)
		err = change_and_look(s, g,
				      lvm_activate(&g->lvm, GROUP_VOLUME, is_any_away(s->loan)));
	if (!err)
		note_used(s, g);
	return err;
}

static int add_image(struct step *s, struct group *g)
{
	int err = remains_remove(s, g);

	return err ? err
		   : change_and_look(s, g,
				     lvm_add_image(&g->lvm, GROUP_VOLUME,
						   group_disks_of(group_leg_of(s, g))));
}

/* ---- until it is whole ---- */

struct watch {
	char device[DM_NAME_BYTES];
	unsigned image;
	bool is_refreshed;
	uint64_t done, since; /* it has stood at `done` since then */
};

/* LVM's and the kernel's ideas may differ after a program was killed, or a disk was away. */
static int refresh(struct step *s, struct group *g, struct watch *w)
{
	if (w->is_refreshed)
		return step_fail_donor(s, EIO, "the copy on %s has failed", s->leg->disks[0].donor);
	w->is_refreshed = true;
	/* LVM would wait for a disk that went away since it was looked for. */
	int err = group_require(s);
	return err ? err : change(s, g, lvm_refresh(&g->lvm, GROUP_VOLUME));
}

static int check_stall(struct step *s, struct watch *w, const struct dm_mirror *m)
{
	uint64_t now = clock_now();

	if (m->done != w->done || !w->since) {
		w->done = m->done;
		w->since = now;
		return 0;
	}
	if (now - w->since < mirror_stall_ms * NS_PER_MS)
		return 0;
	return step_fail_donor(s, ETIMEDOUT, "the copy to %s has not gone on for %u s",
			       s->leg->disks[0].donor, mirror_stall_ms / 1000);
}

/* 1: not yet; 0: the image is whole; or step_fail(). */
static int judge(struct step *s, struct group *g, struct watch *w, const struct dm_mirror *m)
{
	int err;

	if (w->image >= m->n || m->health[w->image] == 'D') {
		err = refresh(s, g, w);
		return err ? err : 1;
	}
	if (m->health[w->image] == 'A' && m->done >= m->total)
		return 0;
	if (!strchr(m->health, 'A'))
		return step_fail(s, EIO, "no copy is whole any more");
	if (m->total)
		step_progress(s, (unsigned)(m->done * 1000 / m->total));
	err = check_stall(s, w, m);
	return err ? err : 1;
}

static int watch_once(struct step *s, struct group *g, struct watch *w)
{
	struct dm_mirror m;
	char why[256];
	int err = dm_mirror_status(w->device, &m, why, sizeof(why));

	if (err == -EINVAL) {
		err = refresh(s, g, w);
		return err ? err : 1;
	}
	return err ? step_fail(s, -err, "%s", why) : judge(s, g, w, &m);
}

static int wait_until_whole(struct step *s, struct group *g)
{
	struct watch w = {.image = group_leg_of(s, g)->image};
	int rc;

	if (!g->is_mirror)
		return 0;
	group_device(g, w.device);
	while ((rc = watch_once(s, g, &w)) > 0)
		(void)poll(NULL, 0, (int)mirror_tick_ms);
	return rc ? rc : group_look(s, g);
}

/* An image on disks that were forgotten. */
static int drop_stray_images(struct step *s, struct group *g)
{
	int err = 0;

	for (unsigned i = 0; !err && g->has_stray_image && !g->is_partial && i < LOAN_LEGS_MAX; i++)
		err = change_and_look(s, g,
				      lvm_drop_image(&g->lvm, GROUP_VOLUME, (struct lvm_disks){0}));
	return err;
}

/* ---- run ---- */

static int limit_rate(struct step *s, struct group *g)
{
	if (!s->sync_rate || !g->is_mirror || group_leg_of(s, g)->is_synced)
		return 0;
	return change(s, g, lvm_limit_rate(&g->lvm, GROUP_VOLUME, s->sync_rate));
}

static void note_whole(struct step *s, const struct group *g)
{
	for (size_t i = 0; i < s->loan->nlegs; i++)
		s->loan->legs[i].is_old &= !(g->legs[i].is_there && g->legs[i].is_synced);
}

static int build(struct step *s, struct group *g)
{
	int err = remains_resume(s, g);

	if (!err)
		err = group_heal(s, g);
	if (!err && !g->has_volume)
		err = create(s, g);
	if (err || must_wait(s, g))
		return err;
	err = activate(s, g);
	if (!err && !group_leg_of(s, g)->is_there)
		err = add_image(s, g);
	if (!err)
		err = limit_rate(s, g);
	if (!err)
		err = wait_until_whole(s, g);
	if (!err)
		err = drop_stray_images(s, g);
	if (err)
		return err;
	note_whole(s, g);
	const struct group_leg *leg = group_leg_of(s, g);
	return leg->is_there && leg->is_synced
		       ? 0
		       : step_fail_donor(s, EIO, "the copy on %s is not whole",
					 s->leg->disks[0].donor);
}

int step_mirror_run(struct step *s)
{
	int err = group_require(s);

	return err ? err : group_do(s, build);
}

/* ---- undo ---- */

/* Nobody may have it open: the loan ends, or has never held data. */
static int remove_volume(struct step *s, struct group *g)
{
	if (g->is_open)
		return step_fail(s, EBUSY, "%s/" GROUP_VOLUME " is in use", g->lvm.group);
	int err = g->is_active ? change(s, g, lvm_deactivate(&g->lvm, GROUP_VOLUME)) : 0;
	if (!err && group_has_gone(s, g))
		err = group_forget_missing(s, g);
	if (!err && g->has_volume)
		err = change(s, g, lvm_remove(&g->lvm, GROUP_VOLUME));
	return err;
}

static int end(struct step *s, struct group *g)
{
	int err = g->has_volume ? remove_volume(s, g) : 0;

	if (!err && !g->has_volume)
		err = remains_remove(s, g);
	return err ? err : remains_remove_devices(s, g);
}

/* The copies that are left must be whole ones, and as many as promised. */
static int check_others(struct step *s, const struct group *g)
{
	const struct group_leg *leg = &g->legs[s->leg - s->loan->legs];
	unsigned whole = g->nsynced - leg->is_synced;

	if (!whole && (g->nimages > leg->is_there || s->leg->has_data))
		return step_fail(s, ENODATA, "%s has the only whole copy", s->leg->disks[0].donor);
	if (s->loan->is_made && !s->leg->is_lost && leg->is_synced && whole < s->loan->wish.copies)
		return step_fail(s, EBUSY, "without %s there would be %u whole copies, not %u",
				 s->leg->disks[0].donor, whole, s->loan->wish.copies);
	return 0;
}

/* Disks of a dead donor: without the volume being active nobody asks them for anything, and who
 * activates it next forgets them. */
static int drop_gone(struct step *s, struct group *g)
{
	if (g->has_volume && !g->is_active)
		return 0;
	if (!g->has_volume) {
		if (s->loan->is_made && s->loan->wish.kind == LOAN_VOLUME && s->leg->has_data &&
		    s->loan->nlegs == 1)
			return step_fail(s, ENODATA, "%s had the only copy",
					 s->leg->disks[0].donor);
		return g->is_there ? 0 : remains_remove_devices(s, g);
	}
	int err = check_others(s, g);
	if (!err)
		err = group_forget_missing(s, g);
	return err ? err : drop_stray_images(s, g);
}

static int drop(struct step *s, struct group *g)
{
	const struct group_leg *leg = group_leg_of(s, g);
	lvm_disk names[LOAN_DISKS_MAX];
	int err = group_require(s);

	if (err || !g->has_volume)
		return err ? err : remains_remove(s, g);
	if (!leg->is_there)
		return remains_remove(s, g);
	/* The kernel knows which copies are whole. */
	err = g->is_mirror ? activate(s, g) : 0;
	if (!err)
		err = check_others(s, g);
	if (err)
		return err;
	if (!g->is_mirror)
		return remove_volume(s, g);
	return change(s, g,
		      lvm_drop_image(&g->lvm, GROUP_VOLUME, group_members(g, leg, true, names)));
}

static int undo(struct step *s, struct group *g)
{
	int err = remains_resume(s, g);

	if (err)
		return err;
	if (s->loan->is_ending)
		return end(s, g);
	return group_is_gone(s, g, (size_t)(s->leg - s->loan->legs)) ? drop_gone(s, g) : drop(s, g);
}

int step_mirror_undo(struct step *s)
{
	return group_do(s, undo);
}
