// SPDX-License-Identifier: MIT
/* step_claim.c - the LUN is this loan's only, and nothing that somebody may want back is on it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "initiator-tools/host/claim.h"
#include "initiator-tools/host/foreign.h"
#include "initiator-tools/loan/step_disk.h"

/* Is anything of ours on the disk, or may it be? Then it is not looked at, nor contested, as long
 * as the claim is there. */
static bool was_ours(const struct step *s)
{
	return s->leg->has_data || s->disk->steps[STEP_COMMIT] != STEP_NONE;
}

static int take(struct step *s, const struct disk *k, bool is_again, enum claim_end *end)
{
	struct sg_device dev = sg_of_disk(k);
	char lun[STEP_LUN_BYTES], words[SG_WORDS];
	struct sg_result r;
	int err = claim_take(&dev, s->loan->key, is_again, end, &r);

	if (err)
		return step_fail_command(s, "claim", err, &r);
	if (*end == CLAIM_BUSY)
		return step_fail_donor(s, EBUSY, "%s: another host has claimed it",
				       step_lun(s->disk, lun));
	if (*end == CLAIM_REFUSED)
		return step_fail_donor(
			s, EOPNOTSUPP,
			"%s: the donor refuses the claim (%s); it must know persistent "
			"reservations",
			step_lun(s->disk, lun), sg_words(&r, words));
	return 0;
}

static int look(struct step *s, const struct disk *k)
{
	char lun[STEP_LUN_BYTES];
	const char *kind;
	/* The loan's UUID: the name of its group alone may be that of another host's loan. */
	int err = foreign_look(k, s->disk->size, s->loan->uuid, &kind);

	if (err == -EBUSY)
		return step_fail(s, EBUSY,
				 "%s: /dev/%s is in use on this host; multipath and LVM must leave "
				 "it alone",
				 step_lun(s->disk, lun), k->name);
	if (err)
		return step_fail_donor(s, -err, "%s: it cannot be read: %s", step_lun(s->disk, lun),
				       strerror(-err));
	if (kind)
		return step_fail_donor(s, EEXIST,
				       "foreign data on the LUN: %s has %s; --force takes it, and "
				       "destroys that",
				       step_lun(s->disk, lun), kind);
	return 0;
}

/* What was the loan's is still, if LVM has it open. */
static int look_if_unsure(struct step *s, const struct disk *k)
{
	return s->is_forced || (was_ours(s) && k->is_held) ? 0 : look(s, k);
}

/* What is another's is not kept claimed: who finds our key there believes that the rest is ours. */
static int take_and_look(struct step *s, const struct disk *k)
{
	struct sg_device dev = sg_of_disk(k);
	enum claim_end end;
	struct sg_result r;
	int err = take(s, k, false, &end);

	if (err)
		return err;
	err = look_if_unsure(s, k);
	if (err && claim_return(&dev, s->loan->key, &end, &r))
		log_info("LUN %u of %s: the claim on it stays: the donor does not take it back",
			 s->disk->lun, s->disk->target);
	return err;
}

/* While the claim was away somebody may have got the LUN, and filled it: it is looked at before it
 * is claimed, so that a run which is killed leaves no claim on that; and once more when nobody else
 * can write. */
int step_claim_run(struct step *s)
{
	enum claim_end end = CLAIM_GONE;
	struct disk k;
	int err = step_disk(s, &k);

	if (!err && was_ours(s)) {
		err = take(s, &k, true, &end);
		if (!err && end == CLAIM_GONE)
			err = look_if_unsure(s, &k);
	}
	return err || end != CLAIM_GONE ? err : take_and_look(s, &k);
}

int step_claim_undo(struct step *s)
{
	struct disk k;
	int err = step_disk_again(s, &k);
	char lun[STEP_LUN_BYTES], words[SG_WORDS];
	enum claim_end end;
	struct sg_result r;

	if (err)
		return err == -ESTALE ? 0 : err;
	struct sg_device dev = sg_of_disk(&k);
	err = claim_return(&dev, s->loan->key, &end, &r);
	if (err)
		return step_fail_command(s, "return of the claim", err, &r);
	/* A donor without persistent reservations has no claim of ours. */
	bool is_unknown = r.status == SG_CHECK && r.key == 5;
	if (end == CLAIM_RETURNED || is_unknown)
		return 0;
	return step_fail(s, EREMOTEIO, "%s: the donor does not take the claim back (%s)",
			 step_lun(s->disk, lun), sg_words(&r, words));
}
