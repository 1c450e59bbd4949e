/* SPDX-License-Identifier: MIT */
/*
 * look.h - how a loan is now, from what the kernel tells without asking a donor: sysfs,
 * /proc/swaps, dm-raid's status. Nothing of it waits for a donor.
 */
#ifndef MEMTGT_LOOK_H
#define MEMTGT_LOOK_H

#include "initiator-tools/host/disk.h"
#include "initiator-tools/loan/loan.h"

#define LOOK_STATES(X)                                                                    \
	X(READY, "ready")	/* all copies are whole, and it is in use */              \
	X(SYNCING, "syncing")	/* a copy is being filled */                              \
	X(DEGRADED, "degraded") /* fewer whole copies than promised */                    \
	X(LOST, "lost")		/* no whole copy */                                       \
	X(STOPPED, "stopped")	/* of another boot, or taken out of use: apply goes on */ \
	X(MAKING, "unfinished") /* a run was cut, or is at work */                        \
	X(RETURNING, "returning")

enum look_state {
#define X(id, word) LOOK_##id,
	LOOK_STATES(X)
#undef X
		LOOK_STATES_COUNT,
};

struct look_leg {
	char health;		   /* dm-raid's: A whole, a being filled, D failed; ' ': unknown */
	unsigned disks, answering; /* of its disks: there, with a session that is logged in */
};

struct look {
	enum look_state state;
	unsigned copies; /* whole ones */
	struct look_leg legs[LOAN_LEGS_MAX];
	unsigned permille; /* of what is being filled */
	bool has_used;
	uint64_t used; /* bytes that are swapped out */
};

void look_at(const struct loan *l, const char *boot, struct look *out);
const char *look_state_word(enum look_state s);

#endif
