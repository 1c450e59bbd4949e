/* SPDX-License-Identifier: MIT */
/*
 * choose.h - which LUNs of which donors make the next leg of a loan.
 *
 * The fittest donor that has enough alone is taken, with one LUN if one is large enough (the
 * smallest of these), else with as few as do. If none has enough alone, several donors share the
 * leg, the fittest first. A donor that is in another leg of the loan, or is to be avoided, is in
 * none; nor is one that is not usable (donor.h), a LUN that is not free, or whose donor does not
 * say how much memory it has.
 */
#ifndef MEMTGT_CHOOSE_H
#define MEMTGT_CHOOSE_H

#include "initiator-tools/loan/loan.h"

/* What LVM keeps of each disk for itself: its label and metadata, and what does not fill an extent.
 */
#define CHOOSE_DISK_LOSS LOAN_EXTENT
/* What a leg has besides the data: the metadata of its image. */
#define CHOOSE_LEG_LOSS LOAN_EXTENT

/* What a LUN, or a disk, of so many bytes can bear of a leg: whole extents. */
uint64_t choose_room(uint64_t size);

struct choice {
	struct loan_disk disks[LOAN_DISKS_MAX]; /* without CHAP's texts */
	size_t n;
};

/*
 * `donors` in the order of fitness, judged. avoids() may be NULL. 0; or -ENOSPC with a sentence
 * about what is missing.
 */
int choose_leg(const struct loan *l, struct donor *const *donors, size_t n,
	       bool (*avoids)(void *arg, const char *donor), void *arg, struct choice *out,
	       char *why, size_t why_len) __attribute__((warn_unused_result));

#endif
