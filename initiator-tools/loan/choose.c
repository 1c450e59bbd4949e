// SPDX-License-Identifier: MIT
/* choose.c - the fittest donor that has enough; else several. */
#include "initiator-tools/loan/choose.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct chooser {
	const struct loan *loan;
	struct choice *out;
	uint64_t missing;    /* of the leg */
	uint32_t block_size; /* of its disks, which must be equal; 0: any yet */
};

static bool is_in_leg(const struct loan *l, const char *donor)
{
	for (size_t i = 0; i < l->nlegs; i++)
		for (size_t d = 0; d < l->legs[i].ndisks; d++)
			if (!strcmp(l->legs[i].disks[d].donor, donor))
				return true;
	return false;
}

static bool is_asked_for(const struct loan_wish *w, const char *donor)
{
	for (size_t i = 0; i < w->nfrom; i++)
		if (!strcmp(w->from[i], donor))
			return true;
	return !w->nfrom;
}

uint64_t choose_room(uint64_t size)
{
	return size < CHOOSE_DISK_LOSS ? 0 : (size - CHOOSE_DISK_LOSS) / LOAN_EXTENT * LOAN_EXTENT;
}

static uint64_t room(const struct donor_lun *l)
{
	return choose_room(l->size);
}

/* The memory that its donor has for it. */
static uint64_t memory(const struct donor_lun *l)
{
	uint64_t bytes;

	if (l->has_provisioning && !l->is_thin)
		return l->size;
	return l->has_available && donor_lun_bytes(l, l->available, &bytes) ? bytes : 0;
}

static bool is_taken(const struct choice *c, const struct donor *d, const struct donor_lun *l)
{
	for (size_t i = 0; i < c->n; i++)
		if (!strcmp(c->disks[i].donor, d->name) && c->disks[i].lun == l->id &&
		    !strcmp(c->disks[i].target, l->target))
			return true;
	return false;
}

/* Without one nobody could tell later whether the disk is still the loan's. */
static bool has_identity(const struct donor_lun *l)
{
	return *l->naa || *l->serial;
}

static bool is_candidate(const struct chooser *c, const struct donor *d, const struct donor_lun *l)
{
	return l->is_disk && has_identity(l) && l->claim == CLAIM_NONE && l->ready == READY_YES &&
	       room(l) && memory(l) > CHOOSE_DISK_LOSS && !is_taken(c->out, d, l) &&
	       (!c->block_size || c->block_size == l->block_size);
}

/* Of those that hold all that is missing the smallest, else the largest. */
static bool is_better(const struct donor_lun *a, const struct donor_lun *b, uint64_t missing)
{
	bool a_holds = room(a) >= missing, b_holds = room(b) >= missing;

	if (a_holds != b_holds)
		return a_holds;
	return a_holds ? a->size < b->size : a->size > b->size;
}

static const struct donor_lun *best_lun(const struct chooser *c, const struct donor *d)
{
	const struct donor_lun *best = NULL;

	for (size_t i = 0; i < d->nluns; i++)
		if (is_candidate(c, d, &d->luns[i]) &&
		    (!best || is_better(&d->luns[i], best, c->missing)))
			best = &d->luns[i];
	return best;
}

static uint64_t lesser(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static void take(struct chooser *c, const struct donor *d, const struct donor_lun *l,
		 uint64_t bytes)
{
	struct loan_disk *disk = &c->out->disks[c->out->n++];

	*disk = (struct loan_disk){.lun = l->id,
				   .block_size = l->block_size,
				   .size = l->size,
				   .used = bytes + CHOOSE_DISK_LOSS};
	snprintf(disk->donor, sizeof(disk->donor), "%s", d->name);
	snprintf(disk->portal, sizeof(disk->portal), "%s", d->address);
	snprintf(disk->target, sizeof(disk->target), "%s", l->target);
	snprintf(disk->naa, sizeof(disk->naa), "%s", l->naa);
	snprintf(disk->serial, sizeof(disk->serial), "%s", l->serial);
	c->missing -= bytes;
	c->block_size = l->block_size;
}

/* As much as the donor has. */
static void take_from(struct chooser *c, const struct donor *d)
{
	uint64_t left = d->free;

	while (c->missing && c->out->n < LOAN_DISKS_MAX && left > CHOOSE_DISK_LOSS) {
		const struct donor_lun *l = best_lun(c, d);
		if (!l)
			return;
		uint64_t most = lesser(lesser(memory(l), left) - CHOOSE_DISK_LOSS, room(l));
		uint64_t bytes = lesser(most / LOAN_EXTENT * LOAN_EXTENT, c->missing);
		if (!bytes)
			return;
		take(c, d, l, bytes);
		left -= bytes + CHOOSE_DISK_LOSS;
	}
}

/* Blocks of all legs are equal: LVM mixes none, and a file system could not bear that they grow. */
static struct chooser begin(const struct loan *l, struct choice *out)
{
	struct chooser c = {.loan = l, .out = out, .missing = l->wish.size + CHOOSE_LEG_LOSS};

	out->n = 0;
	if (l->nlegs)
		c.block_size = l->legs[0].disks[0].block_size;
	return c;
}

int choose_leg(const struct loan *l, struct donor *const *donors, size_t n,
	       bool (*avoids)(void *arg, const char *donor), void *arg, struct choice *out,
	       char *why, size_t why_len)
{
	struct chooser c;
	uint64_t missing = UINT64_MAX;

	/* Alone, then together. */
	for (int together = 0; together < 2; together++) {
		c = begin(l, out);
		for (size_t i = 0; i < n; i++) {
			const struct donor *d = donors[i];
			if (!donor_state_usable(d->state) || is_in_leg(l, d->name) ||
			    !is_asked_for(&l->wish, d->name) || (avoids && avoids(arg, d->name)))
				continue;
			take_from(&c, d);
			if (!c.missing)
				return 0;
			if (!together)
				c = begin(l, out);
		}
		missing = lesser(missing, c.missing);
	}
	out->n = 0;
	snprintf(why, why_len,
		 "no donor has the memory: %llu MiB are missing; \"memloan donors\" tells what "
		 "each has",
		 (unsigned long long)(missing + (1 << 20) - 1) >> 20);
	return -ENOSPC;
}
