// SPDX-License-Identifier: MIT
/* step_claim.c - the LUN is this loan's only, and nothing that somebody may want back is on it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "initiator-tools/host/claim.h"
#include "initiator-tools/host/foreign.h"
#include "initiator-tools/loan/step_disk.h"

/* Is anything of ours on the disk, or may it be? Then it is not looked at, nor contested, as long
 * as the claim is there. */
static bool was_ours(const struct step *s)
{
	return s->leg->has_data || s->disk->steps[STEP_COMMIT] != STEP_NONE;
}

static int take(struct step *s, const struct disk *k, enum claim_end *end)
{
	struct sg_device dev = sg_of_disk(k);
	char lun[STEP_LUN_BYTES], words[SG_WORDS];
	struct sg_result r;
	int err = claim_take(&dev, s->loan->key, was_ours(s), end, &r);

	if (err)
		return step_fail_command(s, "claim", err, &r);
	if (*end == CLAIM_BUSY)
		return step_fail_donor(s, EBUSY, "%s: another host has claimed it",
				       step_lun(s->disk, lun));
	if (*end != CLAIM_TAKEN && *end != CLAIM_TAKEN_ANEW)
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

/* While the claim was away somebody may have got the LUN, and filled it. What LVM has open is the
 * loan's. */
static bool must_look(const struct step *s, const struct disk *k, enum claim_end end)
{
	if (s->is_forced)
		return false;
	return !was_ours(s) || (end == CLAIM_TAKEN_ANEW && !k->is_held);
}

int step_claim_run(struct step *s)
{
	struct disk k;
	enum claim_end end;
	int err = step_disk(s, &k);

	if (!err)
		err = take(s, &k, &end);
	if (!err && must_look(s, &k, end))
		err = look(s, &k);
	return err;
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
