/* SPDX-License-Identifier: MIT */
/*
 * fail.h - the disks of a leg are taken from the kernel, so that what waits for them goes on with
 *the other copy.
 *
 * What was tried, with a raid1 under swap, for a donor whose process was killed, one that was
 * stopped, and a network that drops all. After 15 s of silence (NOP 5/10), or at once if the
 * connection was reset, the session is FAILED and its disks are "blocked": their queue stands
 * until replacement_timeout, 120 s, is over.
 *
 *	device/delete	of a blocked disk, the kernel starts the queue again as that of a disk which
 *			is gone (__scsi_remove_device()): all I/O that was held fails at once,
 *dm-raid drops the leg with its next write. Needs neither iscsid nor memory. device/state
 *"offline" does not start the queue: what is held stays so, and a later delete would not start it
 *either. recovery_tmo	is refused (EBUSY) while the session is FAILED. Before that it is taken: a
 *			session that is still LOGGED_IN fails this much after its connection does.
 *	logout		asks iscsid, which may be in the middle of its own attempt to connect.
 *
 * So recovery_tmo is shortened where it can be, and each silent disk is deleted. Whoever does that
 * may stand in the kernel, and a process that is made when it is needed may not get memory: it is
 * there beforehand, and waits.
 */
#ifndef MEMTGT_FAIL_H
#define MEMTGT_FAIL_H

#include <stdbool.h>
#include <stddef.h>

#include "initiator-tools/host/disk.h"
#include "initiator-tools/loan/loan.h"

struct fail_order {
	size_t n;
	struct {
		char name[DISK_NAME_MAX];
		unsigned major, minor;
		int session; /* whose recovery_tmo is shortened; -1: others use it too */
	} disks[LOAN_DISKS_MAX];
};

/* The process that waits. 0, also if there is one, or -errno. */
int fail_prepare(void) __attribute__((warn_unused_result));
/* Gives it the order; does not wait. 0 or -errno. */
int fail_leg(const struct fail_order *o) __attribute__((warn_unused_result));
void fail_end(void);

/* What the process does. 0, or -errno of the first disk that could not be deleted. For tests. */
int fail_now(const struct fail_order *o);

#endif
