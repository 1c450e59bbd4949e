/* SPDX-License-Identifier: MIT */
/*
 * poller.h - a process for each watched disk, which asks it again and again: is it ready, and what
 * is in its first 4 KiB; and whether it is still the disk that it was, with our claim. If the donor
 * is silent the process stands in the kernel, where no signal reaches it, and the agent sees by
 * shared memory that it does.
 */
#ifndef MEMTGT_POLLER_H
#define MEMTGT_POLLER_H

#include <stdint.h>
#include <sys/types.h>

#include "initiator-tools/agent/judge.h"
#include "initiator-tools/host/disk.h"
#include "initiator-tools/measure.h"

#define POLLER_EVERY_MS 1000u
#define POLLER_SAMPLES	256u /* of latency: the last ones count */

struct poller_shared;

struct poller {
	pid_t pid; /* 0: none runs */
	struct disk disk;
	char naa[33], serial[64]; /* of struct loan_disk */
	uint64_t key;		  /* of our claim */
	struct poller_shared *shared;
};

/* For this disk, which is that of a loan, claimed with this key. 0 or -errno. */
int poller_start(struct poller *p, const struct disk *k, const struct loan_disk *of, uint64_t key)
	__attribute__((warn_unused_result));
/* It is killed, and left behind if it stands in the kernel. */
void poller_stop(struct poller *p);

/* What is known of the disk now; without a process: as if it was never asked. */
struct disk_seen poller_seen(const struct poller *p);
/* The sense of the last command that failed: key, ASC, ASCQ; or 0. */
uint32_t poller_sense(const struct poller *p);
/* Adds the READs' times. */
void poller_times(const struct poller *p, struct measure *m);

/* Takes note of children that have ended after they were left behind. */
void poller_reap(void);
/* Kills a child and lets poller_reap() take note of its end. */
void poller_leave(pid_t pid);
/* The same of one that is to come to its own end. */
void poller_left(pid_t pid);

#endif
