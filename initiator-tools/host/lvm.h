/* SPDX-License-Identifier: MIT */
/*
 * lvm.h - a volume group of LVM, through LVM's programs, which see the disks of it and no others.
 *
 * Each call gives them a filter that accepts exactly these disks, so no other disk of the host is
 * opened, and one that is silent can be left out. Of the host's configuration the call replaces
 * what could touch others or wait for them: the file of devices, hints, dmeventd, lvmpolld,
 * backups. Disks are named as the kernel does ("sda"). Functions return 0 or -errno after l->why.
 */
#ifndef MEMTGT_LVM_H
#define MEMTGT_LVM_H

#include "initiator-tools/host/lvm_report.h"

#define LVM_WHY_BYTES  400
#define LVM_DISKS_MAX  64 /* of a command */
#define LVM_DATA_BEGIN ((uint64_t)2 << 20)

struct lvm {
	char group[LVM_NAME_BYTES];
	char *config; /* of --config */
	char why[LVM_WHY_BYTES];
};

typedef char lvm_disk[DISK_NAME_MAX];

struct lvm_disks {
	const lvm_disk *names;
	size_t n;
};

/* 0 or -ENOMEM. To be closed. */
int lvm_open(struct lvm *l, const char *group, struct lvm_disks seen)
	__attribute__((warn_unused_result));
void lvm_close(struct lvm *l);

/* All PVs that are seen, and what is known of missing ones; all volumes of the group, which must be
 * there. */
int lvm_pvs(struct lvm *l, struct lvm_pvs *out) __attribute__((warn_unused_result));
int lvm_segments(struct lvm *l, struct lvm_segments *out) __attribute__((warn_unused_result));

/* A PV on the disk's first `bytes` (0: on all of it). Overwrites what is there. */
int lvm_pv_create(struct lvm *l, const char *disk, uint64_t bytes)
	__attribute__((warn_unused_result));
/* A PV of the group is as large as this now (0: as the disk). */
int lvm_pv_resize(struct lvm *l, const char *disk, uint64_t bytes)
	__attribute__((warn_unused_result));
/* is_forced: also if it is in a group. */
int lvm_pv_remove(struct lvm *l, struct lvm_disks d, bool is_forced)
	__attribute__((warn_unused_result));

int lvm_group_create(struct lvm *l, const char *tag, struct lvm_disks d)
	__attribute__((warn_unused_result));
int lvm_group_extend(struct lvm *l, struct lvm_disks d) __attribute__((warn_unused_result));
int lvm_group_reduce(struct lvm *l, struct lvm_disks d) __attribute__((warn_unused_result));
int lvm_group_remove(struct lvm *l) __attribute__((warn_unused_result));
/* Disks that are not there are no part of the group any more, whatever was on them. */
int lvm_group_forget_missing(struct lvm *l) __attribute__((warn_unused_result));

/* Linear, on these disks, not active, and never activated but by lvm_activate(). */
int lvm_create(struct lvm *l, const char *volume, uint64_t bytes, struct lvm_disks d)
	__attribute__((warn_unused_result));
/* Refused if a disk of it is missing; is_degraded: if not one image is whole. */
int lvm_activate(struct lvm *l, const char *volume, bool is_degraded)
	__attribute__((warn_unused_result));
int lvm_deactivate(struct lvm *l, const char *volume) __attribute__((warn_unused_result));
/* Takes a disk in again that was missing when the volume was activated, or has failed. */
int lvm_refresh(struct lvm *l, const char *volume) __attribute__((warn_unused_result));
/* At most so many bytes in a second to an image that is not whole yet. */
int lvm_limit_rate(struct lvm *l, const char *volume, uint64_t bytes)
	__attribute__((warn_unused_result));
/* One more image of a raid1, on these disks, to be filled from the others; one less, that of these
 * disks (none: one that is on no disk any more). */
int lvm_add_image(struct lvm *l, const char *volume, struct lvm_disks d)
	__attribute__((warn_unused_result));
int lvm_drop_image(struct lvm *l, const char *volume, struct lvm_disks d)
	__attribute__((warn_unused_result));
int lvm_remove(struct lvm *l, const char *volume) __attribute__((warn_unused_result));
/* Larger, on these disks; or smaller. */
int lvm_extend(struct lvm *l, const char *volume, uint64_t bytes, struct lvm_disks d)
	__attribute__((warn_unused_result));
int lvm_reduce(struct lvm *l, const char *volume, uint64_t bytes)
	__attribute__((warn_unused_result));

#endif
