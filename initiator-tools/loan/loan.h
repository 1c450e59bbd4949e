/* SPDX-License-Identifier: MIT */
/*
 * loan.h - a loan: what was asked for, the donors' disks that it is made of, and how far it is.
 *
 * A loan has one leg for each copy, and one more while it moves. A leg is a set of disks (slabs) of
 * donors that no other leg uses; the legs are the images of one LVM volume. Every step that is
 * taken for a disk, a leg or the loan has a state here, and the file of the loan (record.h) always
 * has it before the step is begun. All sizes are bytes.
 */
#ifndef MEMTGT_LOAN_H
#define MEMTGT_LOAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "initiator-tools/donor.h"

#define LOAN_NAME_MAX	31 /* letters, digits, underscore: it is a part of names of LVM */
#define LOAN_COPIES_MAX 3
#define LOAN_LEGS_MAX	8
#define LOAN_DISKS_MAX	32 /* of a leg */
#define LOAN_FROM_MAX	8  /* donors that the borrower names */
#define LOAN_UUID_SIZE	37
#define LOAN_WHY_BYTES	512
#define LOAN_EXTENT	((uint64_t)4 << 20) /* LVM's; sizes of loans are multiples */

/* How a loan is used. */
#define LOAN_KINDS(X)   \
	X(SWAP, "swap") \
	X(VOLUME, "lv")

enum loan_kind {
#define X(id, word) LOAN_##id,
	LOAN_KINDS(X)
#undef X
		LOAN_KINDS_COUNT,
};

/* In the order in which they are taken; undone backwards. Whose: DISK, LEG, LOAN. steps.def says
 * what they do. */
enum step_id {
#define STEP(id, scope, word, run, undo, text) STEP_##id,
#include "initiator-tools/loan/steps.def"
	STEPS,
};

#define STEP_STATES(X)                                        \
	X(NONE, "none")	  /* never begun, or wholly undone */ \
	X(BEGUN, "begun") /* some of it may be there */       \
	X(DONE, "done")                                       \
	X(UNDOING, "undoing") /* some of it may be gone */

enum step_state {
#define X(id, word) STEP_##id,
	STEP_STATES(X)
#undef X
		STEP_STATES_COUNT,
};

/* What the borrower asked for. */
struct loan_wish {
	char name[LOAN_NAME_MAX + 1];
	enum loan_kind kind;
	uint64_t size; /* of what is used: swap area or volume; a multiple of LOAN_EXTENT */
	unsigned copies;
	bool is_encrypted;
	int priority; /* of swapon(2); -1: the kernel chooses */
	char from[LOAN_FROM_MAX][DONOR_NAME_MAX + 1];
	size_t nfrom; /* 0: any donor */
};

struct loan_disk {
	char donor[DONOR_NAME_MAX + 1];
	char portal[DONOR_PORTAL_MAX + 1]; /* numeric, "192.0.2.1:3260", "[2001:db8::1]:3260" */
	char target[ISCSI_NAME_MAX + 1];
	unsigned lun;
	char naa[33], serial[64]; /* the disk is ours only while it has these; empty: it has none */
	unsigned block_size;
	uint64_t size;	    /* of the LUN */
	uint64_t used;	    /* of its first bytes the loan uses so many, and commits them */
	uint64_t committed; /* of these, so many: never again, since that would empty them */
	char *chap_user, *chap_secret_file; /* NULL: none */
	bool is_session_foreign; /* a session with this target was there: it is not ours to end */
	uint8_t steps[STEPS];	 /* enum step_state */
};

struct loan_leg {
	unsigned id;	  /* 0, 1, ...; never used again for this loan */
	bool is_unwanted; /* its steps are to be undone */
	bool has_data;	  /* it was a copy once: what its disks hold must be what was written */
	bool is_old;	  /* the others were used without it: raid1 has to bring it up to date */
	bool is_lost;	  /* its disks are not to be touched any more: undo only what is here */
	bool is_away;	  /* not in the file: this run goes on without it, and leaves it as it is */
	struct loan_disk *disks;
	size_t ndisks;
	uint8_t steps[STEPS];
};

struct loan {
	struct loan_wish wish;
	char uuid[LOAN_UUID_SIZE]; /* of the loan; the key of claims is made from it */
	char swap_uuid[LOAN_UUID_SIZE];
	char boot[LOAN_UUID_SIZE]; /* the boot in which the steps were taken */
	uint64_t key;		   /* of persistent reservations; not 0 */
	bool is_made;		   /* it was complete once: somebody uses it */
	bool is_ending;		   /* it is to be returned: all steps are to be undone */
	bool is_stopped;	   /* out of use: no swap, no dm-crypt; the legs stay */
	bool is_clean;		   /* and its copies that are not old are all the same */
	/* Of so many copies that are not old, one is the newest, and nobody knows which: a volume
	 * is not used with fewer of them. */
	unsigned unsure;
	bool is_short; /* not in the file: this run goes on without all copies */
	struct loan_leg legs[LOAN_LEGS_MAX];
	size_t nlegs;
	/* Lost legs whose donors still have the claim, and memory: left.h. */
	struct loan_leg left[LOAN_LEGS_MAX];
	size_t nleft;
	unsigned next_leg; /* id */
	uint8_t steps[STEPS];
};

/* The disks and texts of the loan. */
void loan_free(struct loan *l);

/* A new leg with room for n zeroed disks; NULL: LOAN_LEGS_MAX are there, or no memory. */
struct loan_leg *loan_add_leg(struct loan *l, size_t ndisks);
/* All its steps must be undone. */
void loan_remove_leg(struct loan *l, size_t leg);
/* The same of a lost one: it goes to those that are left, in place of the oldest if there is no
 * room. */
void loan_leave_leg(struct loan *l, size_t leg);
void loan_remove_left(struct loan *l, size_t left);
/* Legs that are to be there. */
unsigned loan_wanted(const struct loan *l);
/* Legs that carry a whole copy now; not those that are away. */
unsigned loan_copies(const struct loan *l);
/* It has as many whole copies as promised, and no other legs. */
bool loan_is_as_promised(const struct loan *l);
/* Nothing is left to be done or undone. */
bool loan_is_complete(const struct loan *l);

/* Up to a whole LOAN_EXTENT. */
uint64_t loan_round(uint64_t bytes);

const char *loan_kind_word(enum loan_kind k);
const char *step_state_word(enum step_state s);

/* Names of the loan's things on this host. */
#define LOAN_GROUP_BYTES (LOAN_NAME_MAX + 8)
#define LOAN_PATH_BYTES	 128
void loan_group(const struct loan *l, char out[static LOAN_GROUP_BYTES]); /* "memtgt_NAME" */
/* The volume ("/dev/mapper/memtgt_NAME-data"), and what is used: that, or the decrypted one on it
 * ("/dev/mapper/memtgt_NAME_crypt"). */
void loan_volume_path(const struct loan *l, char out[static LOAN_PATH_BYTES]);
void loan_used_path(const struct loan *l, char out[static LOAN_PATH_BYTES]);

#endif
