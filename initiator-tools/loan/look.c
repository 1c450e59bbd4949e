// SPDX-License-Identifier: MIT
/* look.c - facts of the kernel, put together. */
#include "initiator-tools/loan/look.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "initiator-tools/host/dm.h"
#include "initiator-tools/host/swaps.h"

const char *look_state_word(enum look_state s)
{
	static const char *const words[] = {
#define X(id, word) [LOOK_##id] = word,
		LOOK_STATES(X)
#undef X
	};

	return words[s];
}

/* Does the device "dm-3" lie on the disk? */
static bool lies_on(const char *node, const char *disk)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/sys/block/%s/slaves/%s", disk_root, node, disk);
	DIR *d = opendir(path);
	if (d)
		closedir(d);
	return d != NULL;
}

/* The place of the leg that has the image's disk; nlegs: none. */
static size_t leg_of_image(const struct loan *l, unsigned image)
{
	char name[DM_NAME_BYTES], node[DM_NAME_BYTES];
	struct disk disk;
	dev_t dev;
	size_t i;

	snprintf(name, sizeof(name), "memtgt_%s-data_rimage_%u", l->wish.name, image);
	if (dm_find(name, &dev, node))
		return l->nlegs;
	for (i = 0; i < l->nlegs; i++)
		for (size_t d = 0; d < l->legs[i].ndisks; d++)
			if (!disk_find(&l->legs[i].disks[d], &disk) && *disk.name &&
			    lies_on(node, disk.name))
				return i;
	return i;
}

static void look_at_mirror(const struct loan *l, struct look *out)
{
	char name[DM_NAME_BYTES], why[128];
	struct dm_mirror m;

	snprintf(name, sizeof(name), "memtgt_%s-data", l->wish.name);
	if (dm_mirror_status(name, &m, why, sizeof(why))) {
		/* One leg is no mirror: it is whole if it is there. */
		for (size_t i = 0; i < l->nlegs; i++)
			if (l->legs[i].steps[STEP_MIRROR] == STEP_DONE && !l->legs[i].is_lost)
				out->legs[i].health = 'A';
		return;
	}
	if (m.total)
		out->permille = (unsigned)(m.done * 1000 / m.total);
	for (unsigned i = 0; i < m.n; i++) {
		size_t leg = leg_of_image(l, i);
		if (leg < l->nlegs)
			out->legs[leg].health = m.health[i];
	}
}

static void look_at_disks(const struct loan_leg *leg, struct look_leg *out)
{
	struct disk disk;

	for (size_t d = 0; d < leg->ndisks; d++) {
		if (disk_find(&leg->disks[d], &disk) || !*disk.name || !disk.is_same)
			continue;
		out->disks++;
		out->answering += disk.is_logged_in && disk.is_running;
	}
}

static void look_at_swap(const struct loan *l, struct look *out)
{
	char path[LOAN_PATH_BYTES];
	struct swaps all;

	loan_used_path(l, path);
	if (l->wish.kind != LOAN_SWAP || swaps_read(&all))
		return;
	const struct swap_area *area = swaps_find(&all, strrchr(path, '/') + 1);
	out->has_used = area != NULL;
	out->used = area ? area->used : 0;
}

static enum look_state state_of(const struct loan *l, const char *boot, const struct look *k)
{
	bool is_filling = false;

	for (size_t i = 0; i < l->nlegs; i++)
		is_filling |= k->legs[i].health == 'a';
	if (l->is_ending)
		return LOOK_RETURNING;
	if (l->is_stopped || strcmp(l->boot, boot) != 0)
		return LOOK_STOPPED;
	if (!l->is_made)
		return LOOK_MAKING;
	if (!k->copies)
		return LOOK_LOST;
	if (k->copies < l->wish.copies)
		return is_filling ? LOOK_SYNCING : LOOK_DEGRADED;
	return loan_is_complete(l) ? LOOK_READY : LOOK_MAKING;
}

void look_at(const struct loan *l, const char *boot, struct look *out)
{
	*out = (struct look){0};
	for (size_t i = 0; i < l->nlegs; i++)
		out->legs[i].health = ' ';
	look_at_mirror(l, out);
	for (size_t i = 0; i < l->nlegs; i++) {
		look_at_disks(&l->legs[i], &out->legs[i]);
		out->copies +=
			out->legs[i].health == 'A' && out->legs[i].answering == l->legs[i].ndisks;
	}
	look_at_swap(l, out);
	out->state = state_of(l, boot, out);
}
