/* SPDX-License-Identifier: MIT */
/* rank.h - what a donor is good for, and which of them come first. */
#ifndef MEMTGT_RANK_H
#define MEMTGT_RANK_H

#include "initiator-tools/donor.h"

/*
 * From what its LUNs answered: whose they are, how much memory is free, and, if nothing speaks
 * against it yet (d->state is DONOR_NO_LUNS), the state. `asked`: bytes that are wanted; 0: any.
 * `initiator`: this host's name.
 */
void donor_judge(struct donor *d, uint64_t asked, const char *initiator);

/*
 * The better one first: by state, then by the path, then by free memory, then by name. Paths that
 * differ little count as equal, so that a list asked for twice is in the same order twice.
 */
int donor_compare(const struct donor *a, const struct donor *b);

/* Sorts pointers. */
void donor_sort(struct donor **donors, size_t n);

#endif
