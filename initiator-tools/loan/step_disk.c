// SPDX-License-Identifier: MIT
/* step_disk.c - the disk of a step. */
#include "initiator-tools/loan/step_disk.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

const char *step_lun(const struct loan_disk *d, char out[static STEP_LUN_BYTES])
{
	snprintf(out, STEP_LUN_BYTES, "LUN %u of %s at %.40s", d->lun, d->target, d->portal);
	return out;
}

int step_fail_command(struct step *s, const char *what, int err, const struct sg_result *r)
{
	char lun[STEP_LUN_BYTES], words[SG_WORDS];

	if (err == -EREMOTEIO)
		return step_fail_donor(s, EREMOTEIO, "%s: %s: the donor answers %s",
				       step_lun(s->disk, lun), what, sg_words(r, words));
	return step_fail_donor(s, -err, "%s: %s: %s", step_lun(s->disk, lun), what,
			       err == -ETIMEDOUT ? "the donor does not answer" : strerror(-err));
}

int step_disk(struct step *s, struct disk *k)
{
	char lun[STEP_LUN_BYTES];
	int err = disk_find(s->disk, k);

	if (err || !k->is_logged_in)
		return step_fail_donor(s, ENOTCONN, "%s: there is no session with the donor",
				       step_lun(s->disk, lun));
	if (!k->is_same)
		return step_fail_donor(s, ESTALE, "%s: it is another disk than the loan's",
				       step_lun(s->disk, lun));
	return 0;
}

int step_disk_again(struct step *s, struct disk *k)
{
	if (s->leg->is_lost)
		return -ESTALE;
	int err = step_login_run(s);
	return err ? err : step_disk(s, k);
}
