/* SPDX-License-Identifier: MIT */
/*
 * judge.h - what is to be done about the legs of a loan, from what was seen of them over time.
 *
 * A leg that is failed too late lets the host stand; one that is failed wrongly is a copy less, and
 * if the other one has the same trouble, the end of what the loan holds. So a leg is failed only by
 * the word of a witness: another leg that has all of the data, has answered at least twice since
 * this one began to be silent, and answers now. Where there is no witness, all who are silent may
 * be so for a reason of this host (its network, its memory, a pause of the whole machine): then
 * their silence begins anew. The same when this host stood still itself. So never the last one that
 * answers is failed, nor two that are silent together.
 *
 * A disk that has become another one (its donor came back without its memory) answers, and answers
 * wrongly: its leg is failed at once, if there is a witness.
 *
 * Pure: no clock, no I/O. Times are nanoseconds of one clock.
 */
#ifndef MEMTGT_JUDGE_H
#define MEMTGT_JUDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "initiator-tools/loan/loan.h"

#define JUDGE_RETRY_LEAST_S 10u
#define JUDGE_RETRY_MOST_S  600u

/* What dm-raid says of a leg. */
enum leg_health {
	LEG_UNKNOWN, /* it was not asked, or does not say */
	LEG_ABSENT,  /* it is not in the array (yet, or any more) */
	LEG_SYNCED,
	LEG_SYNCING, /* it is written, and does not have all data yet */
	LEG_DEAD,    /* it has had an error, and is not used any more */
};

/* One disk, since it is watched. */
struct disk_seen {
	uint64_t good, bad; /* commands that were answered well, or failed */
	bool is_pending;    /* one is under way */
	bool is_other;	    /* it is not what it was: another name, or without our claim */
};

struct leg_seen {
	unsigned id; /* of struct loan_leg */
	enum leg_health health;
	bool is_copy; /* it was whole once, and is not known to be lost */
	bool is_wanted;
	bool is_failed;	 /* the kernel was told to drop it */
	bool is_gone;	 /* a disk of it is not there any more */
	bool is_leaving; /* its donor takes no logins any more, or has said that it is short */
	const struct disk_seen *disks;
	size_t ndisks;
};

struct loan_seen {
	const struct leg_seen *legs;
	size_t nlegs;
	bool is_whole; /* nothing is to be done: loan_is_complete(), and nobody has what was left */
	bool is_working; /* somebody works on it: nothing new is begun */
};

#define JUDGE_ACTS(X)                                                                         \
	X(NOTHING, "nothing", "")                                                             \
	X(FAIL, "fail", "the disk is taken from the kernel, so that I/O goes on")             \
	X(REPLACE, "replace", "the copy is lost; another donor is looked for")                \
	X(MOVE, "move", "its donor is to be left; the copy stays until another one is whole") \
	X(REBUILD, "rebuild", "what is missing is made again, what lost donors kept given back")

enum judge_act {
#define X(id, word, text) JUDGE_##id,
	JUDGE_ACTS(X)
#undef X
		JUDGE_ACTS_COUNT,
};

struct judge_verdict {
	enum judge_act act;
	size_t leg;	 /* its place in what was seen; of REBUILD: none */
	uint64_t silent; /* of FAIL: for so long; 0: it is another disk now */
};

/* What is remembered of a leg between two looks. */
struct judge_leg {
	unsigned id;
	bool is_used, is_here; /* by a leg; that was seen this time */
	struct judge_disk {
		uint64_t good, bad;
		uint64_t silent;     /* since; 0: it is not */
		uint64_t answers[2]; /* when the last two were seen; 0: never */
	} disks[LOAN_DISKS_MAX];
	size_t ndisks;
};

struct judge {
	uint64_t timeout; /* of silence */
	uint64_t last;	  /* look; 0: none */
	uint64_t stalled; /* when this host was found to have stood still */
	struct judge_leg legs[LOAN_LEGS_MAX];
	unsigned failures;   /* of work, one after another */
	uint64_t not_before; /* work */
};

/* leg_timeout of the configuration, in nanoseconds. */
void judge_begin(struct judge *j, uint64_t timeout);

/*
 * To be called often; a pause of more than judge_pause() is this host's own standing still. Says
 * one thing that is to be done now: it is said again at the next look until it is seen as done.
 */
struct judge_verdict judge_look(struct judge *j, uint64_t now, const struct loan_seen *seen);
/* Work has ended. After a failure the next is begun after a pause, which doubles each time. */
void judge_ended(struct judge *j, uint64_t now, bool is_ok);

uint64_t judge_pause(const struct judge *j);
/* Did the last look find that this host had stood still? */
bool judge_is_stalled(const struct judge *j);
/* How long the leg has been silent, as of the last look; 0: it is not, or nobody can tell. */
uint64_t judge_silence(const struct judge *j, unsigned id);
/* Is it by this disk? */
bool judge_is_disk_silent(const struct judge *j, unsigned id, size_t disk);

const char *judge_word(enum judge_act act);
const char *judge_text(enum judge_act act);

#endif
