/* SPDX-License-Identifier: MIT */
/*
 * watch.h - the loans of this host as they are now: what their files say, what their disks answer,
 * what device mapper knows; and the judge of each.
 */
#ifndef MEMTGT_WATCH_H
#define MEMTGT_WATCH_H

#include <sys/stat.h>

#include "initiator-tools/agent/array.h"
#include "initiator-tools/agent/fail.h"
#include "initiator-tools/agent/judge.h"
#include "initiator-tools/agent/mend.h"
#include "initiator-tools/agent/poller.h"

#define WATCH_LOANS_MAX 64

struct watch_leg {
	bool is_used;
	unsigned id;
	size_t ndisks;
	bool is_failed; /* by us */
	struct poller pollers[LOAN_DISKS_MAX];
	struct disk_seen disks[LOAN_DISKS_MAX];
	bool is_there[LOAN_DISKS_MAX];	 /* the kernel has the disk */
	unsigned missed[LOAN_DISKS_MAX]; /* so often in succession it has not */
	bool is_alone[LOAN_DISKS_MAX];	 /* its session is ours and has no other */
	char donor[DONOR_NAME_MAX + 1];
};

struct watch_loan {
	struct loan loan;
	struct stat file; /* of which it was read */
	bool is_here;	  /* the file is still there */
	struct judge judge;
	struct watch_leg legs[LOAN_LEGS_MAX];
	struct leg_seen seen[LOAN_LEGS_MAX]; /* at the last look */
	struct watch_leg *of[LOAN_LEGS_MAX]; /* whose it is */
	size_t nseen;
	unsigned copies; /* whole and in use */

	pid_t mending; /* 0: nobody is at work for it */
	struct mend mend;
	struct judge_verdict told; /* the last one that was told */
	int64_t degraded_since;	   /* seconds since 1970; 0: it is not */
};

struct watch {
	const char *dir, *boot;
	uint64_t timeout; /* ns: judge_begin() */
	struct watch_loan *loans[WATCH_LOANS_MAX];
	size_t n;
	bool is_busy; /* somebody works on loans */
};

/* Reads the loans' files if they have changed, and looks where their disks are. */
void watch_sync(struct watch *w);
void watch_end(struct watch *w);

/* One look: leaves() says whether a donor is to be left. */
struct judge_verdict watch_look(struct watch *w, struct watch_loan *l, uint64_t now,
				bool (*leaves)(void *arg, const char *donor), void *arg);

/* Is the loan one that is in use and not being returned: in this boot? */
bool watch_is_live(const struct watch *w, const struct watch_loan *l);

/* Of a verdict: the silent disks of the leg. */
void watch_order(const struct watch_loan *l, size_t leg, struct fail_order *out);

#endif
