/* SPDX-License-Identifier: MIT */
/* label.h - is there anything on a disk that is not the loan's? */
#ifndef MEMTGT_LABEL_H
#define MEMTGT_LABEL_H

#include "initiator-tools/host/lvm.h"
#include "initiator-tools/loan/step.h"

enum label {
	LABEL_NOTHING, /* no signature that libblkid knows */
	LABEL_ORPHAN,  /* a label of LVM in no group: there is no data behind it */
	LABEL_GROUP,   /* a group with the name of the loan's */
	LABEL_DATA,    /* anything else; `what` tells */
};

/* Reads the disk "sda", through programs with a limit of time. 0 and *out, or step_fail_donor(). */
int label_look(struct step *s, const char *disk, enum label *out, char *what, size_t what_len)
	__attribute__((warn_unused_result));

#endif
