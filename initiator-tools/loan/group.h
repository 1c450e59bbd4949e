/* SPDX-License-Identifier: MIT */
/*
 * group.h - a loan's volume group as it is now: which legs are in it, and which of them carry the
 * volume. What the steps group, mirror and label look at before they do anything.
 *
 * LVM is shown the disks of legs that are not lost, and of those only the ones that answer: a disk
 * without a working session, or another one than the loan's, is a missing disk. So no program waits
 * for a donor of whom it is known that he is silent, and LVM itself refuses to change a group of
 * which a part is missing.
 */
#ifndef MEMTGT_GROUP_H
#define MEMTGT_GROUP_H

#include "initiator-tools/host/disk.h"
#include "initiator-tools/host/dm.h"
#include "initiator-tools/host/lvm.h"
#include "initiator-tools/loan/step.h"

#define GROUP_VOLUME	"data"
#define GROUP_TAG_BYTES (LOAN_UUID_SIZE + 8)

struct group_leg {
	lvm_disk names[LOAN_DISKS_MAX]; /* of its disks that answer */
	size_t n;
	bool is_whole;	 /* all of its disks answer */
	size_t nmembers; /* so many of them are in the group */
	bool is_there;	 /* it carries an image of the volume */
	bool is_synced;	 /* a whole one */
	unsigned image;	 /* its number, in a volume of more than one */
};

struct group {
	struct lvm lvm;
	char tag[GROUP_TAG_BYTES];
	struct lvm_pvs pvs;
	struct lvm_segments segments;
	struct group_leg legs[LOAN_LEGS_MAX];
	bool is_there;	 /* the group */
	bool is_partial; /* with disks that are not there */
	/* The volume: */
	bool has_volume, is_active, is_open, is_mirror;
	bool is_suspended;	   /* a program was killed in the middle of a change */
	unsigned nimages, nsynced; /* on legs that are there; */
	bool has_stray_image;	   /* another one is on no disk any more */
};

/* The disk of a step of scope DISK: 0 and its name; or step_fail_donor(). */
int group_disk(struct step *s, const struct loan_disk *d, lvm_disk name)
	__attribute__((warn_unused_result));

/* All disks of s->leg answer: 0, or step_fail_donor(). */
int group_require(struct step *s) __attribute__((warn_unused_result));

/* Looks, and calls fn() with what there is. What that returns, or step_fail(). */
int group_do(struct step *s, int (*fn)(struct step *s, struct group *g))
	__attribute__((warn_unused_result));
/* After a change. */
int group_look(struct step *s, struct group *g) __attribute__((warn_unused_result));

/* The volume's name in device mapper. */
void group_device(const struct group *g, char out[static DM_NAME_BYTES]);

/* Of s->leg. */
struct group_leg *group_leg_of(const struct step *s, struct group *g);
struct lvm_disks group_disks_of(const struct group_leg *leg);
/* Its disks that are in the group; that are not. `to` has room for LOAN_DISKS_MAX. */
struct lvm_disks group_members(const struct group *g, const struct group_leg *leg, bool are_in,
			       lvm_disk *to);

/* Is the leg to be left alone, and only what is here undone? It is lost; or its donor does not
 * answer, and nobody needs what it has: the loan ends, or the leg never was a whole copy. */
bool group_is_gone(const struct step *s, const struct group *g, size_t leg);

/* The same by the leg's answer. */
bool group_leg_is_gone(const struct loan *l, const struct loan_leg *leg, bool answers);

/* Is any leg? */
bool group_has_gone(const struct step *s, const struct group *g);

/*
 * Missing disks are forgotten, with what was on them. Fails if one may be that of a leg which is
 * not gone: its donor may come back.
 */
int group_forget_missing(struct step *s, struct group *g) __attribute__((warn_unused_result));

/* The same if no leg's disk is missing: what the group lacks then was a leg's that is no more. */
int group_heal(struct step *s, struct group *g) __attribute__((warn_unused_result));

/* step_fail() after an error of LVM; the donor of the step's leg may be at fault, but not for what
 * holds data on disks that answer. */
int group_fail(struct step *s, const struct group *g, int err, bool is_donors_fault);

#endif
