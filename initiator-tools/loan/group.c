// SPDX-License-Identifier: MIT
/* group.c - from the disks that answer to what LVM says of them. */
#include "initiator-tools/loan/group.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- disks ---- */

int group_disk(struct step *s, const struct loan_disk *d, lvm_disk name)
{
	struct disk found;
	const char *what = NULL;
	int err = disk_find(d, &found);

	if (err == -ENOENT || (!err && !found.is_logged_in))
		what = "there is no working session with it";
	else if (err == -ENODEV || (!err && !*found.name))
		what = "it shows no such LUN";
	else if (err)
		what = strerror(-err);
	else if (!found.is_running)
		what = "the kernel has taken the disk out of use";
	else if (!found.is_same)
		what = "the LUN is another one than the loan's";
	if (what)
		return step_fail_donor(s, err && err != -ENOENT ? -err : ENOTCONN, "%s, LUN %u: %s",
				       d->donor, d->lun, what);
	snprintf(name, DISK_NAME_MAX, "%s", found.name);
	return 0;
}

int group_require(struct step *s)
{
	lvm_disk name;
	int err = 0;

	for (size_t i = 0; !err && i < s->leg->ndisks; i++)
		err = group_disk(s, &s->leg->disks[i], name);
	return err;
}

/* Before its label is begun, a disk is not LVM's to look at. */
static void find_leg(const struct loan_leg *leg, struct group_leg *out)
{
	struct step nobody = {0};

	*out = (struct group_leg){.is_whole = true};
	if (leg->is_lost) {
		out->is_whole = false;
		return;
	}
	for (size_t i = 0; i < leg->ndisks; i++)
		if (leg->disks[i].steps[STEP_LABEL] != STEP_NONE) {
			if (group_disk(&nobody, &leg->disks[i], out->names[out->n]))
				out->is_whole = false;
			else
				out->n++;
		}
}

static int open_lvm(struct step *s, struct group *g)
{
	lvm_disk *all = calloc(LOAN_LEGS_MAX * LOAN_DISKS_MAX, sizeof(*all));
	char name[LOAN_GROUP_BYTES];
	size_t n = 0;

	if (!all)
		return step_fail(s, ENOMEM, "out of memory");
	for (size_t i = 0; i < s->loan->nlegs; i++) {
		const struct group_leg *leg = &g->legs[i];
		memcpy(all[n], leg->names, leg->n * sizeof(*all));
		n += leg->n;
	}
	loan_group(s->loan, name);
	int err = lvm_open(&g->lvm, name, (struct lvm_disks){(const lvm_disk *)all, n});
	free(all);
	return err ? step_fail(s, ENOMEM, "out of memory") : 0;
}

static int open_group(struct step *s, struct group *g)
{
	*g = (struct group){0};
	snprintf(g->tag, sizeof(g->tag), "memtgt-%s", s->loan->uuid);
	for (size_t i = 0; i < s->loan->nlegs; i++)
		find_leg(&s->loan->legs[i], &g->legs[i]);
	int err = open_lvm(s, g);
	return err ? err : group_look(s, g);
}

static void forget_rows(struct group *g)
{
	free(g->pvs.rows);
	free(g->segments.rows);
	g->pvs = (struct lvm_pvs){0};
	g->segments = (struct lvm_segments){0};
}

int group_do(struct step *s, int (*fn)(struct step *s, struct group *g))
{
	struct group g;
	int err = open_group(s, &g);

	if (!err)
		err = fn(s, &g);
	forget_rows(&g);
	lvm_close(&g.lvm);
	return err;
}

/* ---- who is in the group ---- */

static bool is_in(const struct group_leg *leg, const char *disk)
{
	for (size_t i = 0; i < leg->n; i++)
		if (!strcmp(leg->names[i], disk))
			return true;
	return false;
}

static bool is_member(const struct group *g, const char *disk)
{
	for (size_t i = 0; i < g->pvs.n; i++)
		if (!strcmp(g->pvs.rows[i].disk, disk) &&
		    !strcmp(g->pvs.rows[i].group, g->lvm.group))
			return true;
	return false;
}

/* A group of this name without the loan's mark is one of an earlier loan. */
static int look_at_pvs(struct step *s, struct group *g)
{
	g->is_there = g->is_partial = false;
	for (size_t i = 0; i < g->pvs.n; i++) {
		const struct lvm_pv *p = &g->pvs.rows[i];
		if (strcmp(p->group, g->lvm.group))
			continue;
		if (!lvm_has_tag(p->tags, g->tag))
			return step_fail(s, EEXIST, "there is a volume group %s of another loan",
					 g->lvm.group);
		g->is_there = true;
		g->is_partial |= !*p->disk;
	}
	for (size_t k = 0; k < s->loan->nlegs; k++) {
		g->legs[k].nmembers = 0;
		for (size_t i = 0; i < g->legs[k].n; i++)
			g->legs[k].nmembers += is_member(g, g->legs[k].names[i]);
	}
	return 0;
}

/* ---- who carries the volume ---- */

/* "data_rimage_N". */
static bool image_number(const char *name, unsigned *out)
{
	int used = 0;

	return sscanf(name, GROUP_VOLUME "_rimage_%3u%n", out, &used) == 1 && !name[used];
}

static void take_image(const struct step *s, struct group *g, const struct lvm_segment *seg,
		       unsigned image, bool is_synced)
{
	for (size_t k = 0; k < s->loan->nlegs; k++)
		if (*seg->disk && is_in(&g->legs[k], seg->disk)) {
			g->legs[k].is_synced =
				is_synced && (!g->legs[k].is_there || g->legs[k].is_synced);
			g->legs[k].is_there = true;
			g->legs[k].image = image;
			return;
		}
	g->has_stray_image = true;
}

/* An image is 'i' when it is whole, lvs(8). */
static void look_at_segment(const struct step *s, struct group *g, const struct lvm_segment *seg)
{
	unsigned image;

	if (!seg->is_hidden && !strcmp(seg->volume, GROUP_VOLUME)) {
		g->has_volume = true;
		g->is_suspended = seg->attr[4] == 's';
		g->is_active = seg->attr[4] == 'a' || g->is_suspended;
		g->is_open = seg->attr[5] == 'o';
		g->is_mirror = seg->attr[0] == 'r' || seg->attr[0] == 'R';
		if (!g->is_mirror)
			take_image(s, g, seg, 0, true);
	} else if (seg->is_hidden && image_number(seg->volume, &image)) {
		take_image(s, g, seg, image, seg->attr[0] == 'i' && seg->attr[8] != 'p');
	}
}

static void look_at_segments(const struct step *s, struct group *g)
{
	g->has_volume = g->is_active = g->is_open = g->is_mirror = g->has_stray_image = false;
	g->is_suspended = false;
	g->nimages = g->nsynced = 0;
	for (size_t k = 0; k < s->loan->nlegs; k++)
		g->legs[k].is_there = g->legs[k].is_synced = false;
	for (size_t i = 0; i < g->segments.n; i++)
		look_at_segment(s, g, &g->segments.rows[i]);
	for (size_t k = 0; k < s->loan->nlegs; k++) {
		g->nimages += g->legs[k].is_there;
		g->nsynced += g->legs[k].is_synced;
	}
}

int group_look(struct step *s, struct group *g)
{
	forget_rows(g);
	int err = lvm_pvs(&g->lvm, &g->pvs);
	if (err)
		return group_fail(s, g, err, false);
	err = look_at_pvs(s, g);
	if (err)
		return err;
	if (g->is_there)
		err = lvm_segments(&g->lvm, &g->segments);
	if (err)
		return group_fail(s, g, err, false);
	look_at_segments(s, g);
	return 0;
}

void group_device(const struct group *g, char out[static DM_NAME_BYTES])
{
	snprintf(out, DM_NAME_BYTES, "%.60s-" GROUP_VOLUME, g->lvm.group);
}

/* ---- of the step's leg ---- */

struct group_leg *group_leg_of(const struct step *s, struct group *g)
{
	return &g->legs[s->leg - s->loan->legs];
}

struct lvm_disks group_disks_of(const struct group_leg *leg)
{
	return (struct lvm_disks){leg->names, leg->n};
}

struct lvm_disks group_members(const struct group *g, const struct group_leg *leg, bool are_in,
			       lvm_disk *to)
{
	size_t n = 0;

	for (size_t i = 0; i < leg->n; i++)
		if (is_member(g, leg->names[i]) == are_in)
			memcpy(to[n++], leg->names[i], sizeof(*to));
	return (struct lvm_disks){(const lvm_disk *)to, n};
}

bool group_leg_is_gone(const struct loan *l, const struct loan_leg *leg, bool answers)
{
	return leg->is_lost || (!answers && (l->is_ending || (leg->is_unwanted && !leg->has_data)));
}

bool group_is_gone(const struct step *s, const struct group *g, size_t leg)
{
	return group_leg_is_gone(s->loan, &s->loan->legs[leg], g->legs[leg].is_whole);
}

bool group_has_gone(const struct step *s, const struct group *g)
{
	for (size_t i = 0; i < s->loan->nlegs; i++)
		if (group_is_gone(s, g, i))
			return true;
	return false;
}

int group_heal(struct step *s, struct group *g)
{
	for (size_t i = 0; i < s->loan->nlegs; i++)
		if (!g->legs[i].is_whole && !group_is_gone(s, g, i))
			return 0;
	return group_forget_missing(s, g);
}

int group_forget_missing(struct step *s, struct group *g)
{
	if (!g->is_partial)
		return 0;
	for (size_t i = 0; i < s->loan->nlegs; i++)
		if (!g->legs[i].is_whole && !group_is_gone(s, g, i))
			return step_fail(s, ENOTCONN,
					 "%s does not answer, and it is not known that it is lost: "
					 "LVM cannot be told to go on without it",
					 s->loan->legs[i].disks[0].donor);
	int err = lvm_group_forget_missing(&g->lvm);
	return err ? group_fail(s, g, err, false) : group_look(s, g);
}

/* LVM and the kernel fail for reasons of this host, too, and a copy must not be lost for them: with
 * all of its disks there it is not at fault. */
static bool may_be_at_fault(const struct loan_leg *leg)
{
	struct step nobody = {0};
	lvm_disk name;

	for (size_t i = 0; i < leg->ndisks; i++)
		if (group_disk(&nobody, &leg->disks[i], name))
			return true;
	return !leg->has_data;
}

int group_fail(struct step *s, const struct group *g, int err, bool is_donors_fault)
{
	return is_donors_fault && may_be_at_fault(s->leg) ? step_fail_tool(s, err, g->lvm.why)
							  : step_fail(s, -err, "%s", g->lvm.why);
}
