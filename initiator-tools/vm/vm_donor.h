/* SPDX-License-Identifier: MIT */
/*
 * vm_donor.h - the donors' side of a guest's disk that moves: which LUN it gets, the marks, and
 * that the LUN it left is emptied. Each call runs in a process of its own, with a limit of time.
 *
 * QEMU's sessions do not register, so a reservation would lock the guest out. A mark is a
 * registration without a reservation: it forbids nothing, but whoever asks sees that somebody has
 * the LUN. Its key is random, and known by QEMU's notes only (vm_move.h). Whoever registers looks
 * afterwards: if another has registered too, he goes back, so that two that race for a LUN never
 * both have it. A LUN is emptied only while it bears our mark and no other registration: then
 * nobody else has it, however long ago we left it.
 */
#ifndef MEMTGT_VM_DONOR_H
#define MEMTGT_VM_DONOR_H

#include "initiator-tools/asking.h"
#include "initiator-tools/vm/vm_disk.h"

#define VM_DONOR_LIMIT_S 10u /* for a session with one LUN */
#define VM_EMPTY_LIMIT_S 60u /* to empty it */

struct vm_donor {
	struct asking *asking; /* the configuration, rules */
	uint64_t key;	       /* of our marks; not 0 */
	/* For vm_donor_choose(): */
	size_t to; /* which donor, by its place in the configuration */
	const struct vm_disk *disk;
	const json_t *nodes; /* of the guest: on their LUNs it must not come */
	const char *wanted;  /* "TARGET/LUN"; NULL: any */
	bool is_forced;	     /* also where other data is */
};

/* What was found out; in memory that the processes share. */
struct vm_found {
	char why[VM_WHY_BYTES]; /* after an error */
	struct vm_place place;	/* the LUN that was chosen */
	uint64_t used;		/* memory of the LUN that was emptied; 0: unknown, or nothing */
	bool is_there;		/* the disk is at the wanted donor already */
};

/* 0; -ENOSPC: no LUN of it fits; -EIO: it cannot be used. */
int vm_donor_choose(struct vm_donor *d, struct vm_found *out) __attribute__((warn_unused_result));

/* Marks it. 0; -EBUSY: another has it; -EIO. */
int vm_donor_mark(struct vm_donor *d, const struct vm_place *p, struct vm_found *out)
	__attribute__((warn_unused_result));

/* 0: it bears our mark alone; -ENODATA: it does not; -ECONNREFUSED: its donor answers, but lets
 * nobody in; -EIO: it does not answer. */
int vm_donor_look(struct vm_donor *d, const struct vm_place *p, struct vm_found *out)
	__attribute__((warn_unused_result));

/* Empties it and takes the mark away. As vm_donor_look(). */
int vm_donor_empty(struct vm_donor *d, const struct vm_place *p, struct vm_found *out)
	__attribute__((warn_unused_result));

#endif
