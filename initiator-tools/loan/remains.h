/* SPDX-License-Identifier: MIT */
/* remains.h - what is left of a volume when a program of LVM was killed in the middle of a change.
 */
#ifndef MEMTGT_REMAINS_H
#define MEMTGT_REMAINS_H

#include "initiator-tools/loan/group.h"

/* A volume that was left standing still stops all who use it: it goes on. 0, or step_fail(). */
int remains_resume(struct step *s, struct group *g) __attribute__((warn_unused_result));
/* What is beside the volume. 0, or step_fail(). */
int remains_remove(struct step *s, struct group *g) __attribute__((warn_unused_result));
/* What is left here of a volume whose disks nobody shows LVM any more. 0, or step_fail(). */
int remains_remove_devices(struct step *s, const struct group *g)
	__attribute__((warn_unused_result));

#endif
