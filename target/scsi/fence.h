/* SPDX-License-Identifier: MIT */
/*
 * fence.h - an effect on other nexuses that is there before the command's GOOD is.
 *
 * The device server knows no threads: it makes the change (scsi_fence()) and says here what each
 * nexus of the target is to be told. Whoever has the nexuses calls tell() for each of them, in the
 * thread that it lives in, and does with its commands on the LU what that returns. After the last
 * one no command that the change forbids can touch the medium, and the answer may go out.
 */
#ifndef MEMTGT_SCSI_FENCE_H
#define MEMTGT_SCSI_FENCE_H

#include <stdatomic.h>

struct scsi_lu;
struct scsi_nexus;
struct scsi_target;

enum scsi_fence_verdict {
	FENCE_NOTHING, /* they go on */
	FENCE_CHECK,   /* scsi_changed() for each, with SCSI_CHANGE_RESERVED */
	FENCE_ABORT,   /* they end without an answer; 2F/00 if there was one. But for that which
			  caused it. */
};

struct scsi_fence {
	const struct scsi_target *target;
	const struct scsi_lu *lu; /* compared, never looked into: it may be gone */
	unsigned id;		  /* its LUN */
	/* Raises unit attentions; in any thread, so it changes nothing but the nexus. */
	enum scsi_fence_verdict (*tell)(const struct scsi_fence *f, struct scsi_nexus *n);
	void *arg;
	_Atomic unsigned *under_way;	       /* one of so many: reserve.c */
	void (*release)(struct scsi_fence *f); /* once, when all were told; may be NULL */
};

#endif
