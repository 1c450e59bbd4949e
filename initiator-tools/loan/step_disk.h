/* SPDX-License-Identifier: MIT */
/* step_disk.h - what the steps of a disk share: the disk, if it is the loan's. */
#ifndef MEMTGT_STEP_DISK_H
#define MEMTGT_STEP_DISK_H

#include "initiator-tools/host/disk.h"
#include "initiator-tools/host/sg.h"
#include "initiator-tools/loan/step.h"

/* For run(): 0 and *k, or -errno after s->why: the session must be there. */
int step_disk(struct step *s, struct disk *k) __attribute__((warn_unused_result));

/*
 * For undo(): 0 and *k, after a new login if the session is gone; -ESTALE: the LUN is not the
 * loan's any more, or is not to be touched, so there is nothing to be undone; or -errno after
 * s->why.
 */
int step_disk_again(struct step *s, struct disk *k) __attribute__((warn_unused_result));

/* A command's end that is no answer to go on with: -errno and s->why, a donor's fault. */
int step_fail_command(struct step *s, const char *what, int err, const struct sg_result *r);

/* "LUN 1 of TARGET at PORTAL", in a buffer of the caller. */
#define STEP_LUN_BYTES 320
const char *step_lun(const struct loan_disk *d, char out[static STEP_LUN_BYTES]);

#endif
