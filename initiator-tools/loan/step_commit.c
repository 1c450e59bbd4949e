// SPDX-License-Identifier: MIT
/* step_commit.c - the donor's memory for a disk: all that the loan uses, at once. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "initiator-tools/host/commit.h"
#include "initiator-tools/host/foreign.h"
#include "initiator-tools/loan/step_disk.h"

static void progress(void *arg, unsigned permille)
{
	step_progress(arg, permille);
}

static int unmap(struct step *s, const struct disk *k, const struct commit_limits *l, uint64_t from,
		 uint64_t bytes, bool is_anchor)
{
	struct sg_device dev = sg_of_disk(k);
	struct commit_range range = {.from = from,
				     .bytes = bytes,
				     .block_size = k->block_size ? k->block_size : 512,
				     .is_anchor = is_anchor,
				     .progress = progress,
				     .arg = s};
	char lun[STEP_LUN_BYTES];
	struct sg_result r;
	int err = commit_unmap(&dev, l, &range, &r);

	if (err == -ENOSPC)
		return step_fail_donor(s, ENOSPC, "%s: the donor has not so much memory",
				       step_lun(s->disk, lun));
	return err ? step_fail_command(s, "UNMAP", err, &r) : 0;
}

static int limits(struct step *s, const struct disk *k, struct commit_limits *l)
{
	struct sg_device dev = sg_of_disk(k);
	struct sg_result r;
	int err = commit_limits(&dev, l, &r);

	return err ? step_fail_command(s, "INQUIRY", err, &r) : 0;
}

/* Of [from, used), which nobody has written to. A run that was killed is gone on with here, maybe
 * much later: the claim must still be there. */
static int commit(struct step *s, uint64_t from)
{
	struct commit_limits l = {0};
	char lun[STEP_LUN_BYTES];
	struct disk k;
	int err = step_claim_run(s);

	if (!err)
		err = step_disk(s, &k);
	if (!err)
		err = limits(s, &k, &l);
	if (err)
		return err;
	if (l.blocks && l.can_anchor)
		return unmap(s, &k, &l, from, s->disk->used - from, true);
	log_info("%s: the donor promises memory, but cannot keep it ready: it knows no anchoring",
		 step_lun(s->disk, lun));
	return 0;
}

/*
 * What is anchored reads as zeroes: from the label on, that would be the loan's own data. So what
 * was committed once never is again, and later only what lies behind it: the label ends before it
 * until the next step.
 */
int step_commit_run(struct step *s)
{
	struct loan_disk *d = s->disk;
	bool has_label = s->leg->has_data || d->steps[STEP_LABEL] != STEP_NONE;

	if (d->committed >= d->used || (has_label && !d->committed))
		return 0;
	int err = commit(s, has_label ? d->committed : 0);
	if (!err)
		d->committed = d->used;
	return err;
}

/* Nothing of the loan stays to be found. What an UNMAP leaves, a donor may do as it likes. */
static int wipe(struct step *s, const struct disk *k)
{
	char lun[STEP_LUN_BYTES];
	const char *kind;
	int err = foreign_look(k, s->disk->size, NULL, &kind);

	if (!err && kind)
		err = foreign_wipe(k, s->disk->size);
	if (err == -EBUSY)
		return step_fail(s, EBUSY, "%s: /dev/%s is still in use on this host",
				 step_lun(s->disk, lun), k->name);
	return err ? step_fail_donor(s, -err, "%s: it cannot be emptied: %s",
				     step_lun(s->disk, lun), strerror(-err))
		   : 0;
}

/* Only of what is claimed by this loan, and has nothing of others: else they may have it by now. */
static int empty(struct step *s, const struct disk *k)
{
	struct commit_limits l = {0};
	int err = step_claim_run(s);

	if (err)
		return err == -EBUSY || err == -EEXIST ? 0 : err;
	err = limits(s, k, &l);
	if (!err && l.blocks)
		err = unmap(s, k, &l, 0, s->disk->size, false);
	s->disk->committed = 0;
	return err ? err : wipe(s, k);
}

int step_commit_undo(struct step *s)
{
	char lun[STEP_LUN_BYTES];
	struct disk k;
	int err = step_disk_again(s, &k);

	if (err)
		return err == -ESTALE ? 0 : err;
	if (k.is_held)
		return step_fail(s, EBUSY, "%s: /dev/%s is still in use on this host",
				 step_lun(s->disk, lun), k.name);
	return empty(s, &k);
}
