/* SPDX-License-Identifier: MIT */
/*
 * donor.h - what the borrower knows of a donor: where it is, what it answered, what it is good for.
 *
 * All texts of it that came from a donor are printable ASCII. Sizes are bytes, times nanoseconds.
 */
#ifndef MEMTGT_DONOR_H
#define MEMTGT_DONOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "memtgt/iscsi_proto.h"

#define DONOR_NAME_MAX	  63
#define DONOR_PORTALS_MAX 8
#define DONOR_PORTAL_MAX  255 /* bytes of "NAME:PORT" */
#define DONOR_TARGETS_MAX 64  /* of one donor; what is beyond is not looked at */
#define DONOR_LUNS_MAX	  256 /* of all its targets */
#define DONOR_CLAIMS_MAX  4   /* initiators of one LUN that are named */
#define DONOR_WHY_BYTES	  200
#define DONORS_MAX	  1024

/* In the order of fitness: donor_compare(). Each row: word, may memory be borrowed of it? */
#define DONOR_STATES(X)                                                                        \
	X(USABLE, "usable", true, "memory can be borrowed")                                    \
	X(SMALL, "small", false, "less than --size is free")                                   \
	X(FULL, "full", false, "no memory is free")                                            \
	X(CLAIMED, "claimed", false, "others have all LUNs")                                   \
	X(STOPPED, "stopped", false, "no LUN is ready")                                        \
	X(CLAIMLESS, "claimless", false, "LUNs cannot be claimed: no persistent reservations") \
	X(NO_LUNS, "no LUNs", false, "nothing is there for this initiator")                    \
	X(OWN, "this host", false, "a host must not borrow from itself")                       \
	X(REFUSED, "refused", false, "the login was refused")                                  \
	X(BROKEN, "broken", false, "what it sent is no answer")                                \
	X(SILENT, "silent", false, "no answer in time")                                        \
	X(UNREACHABLE, "unreachable", false, "no connection")                                  \
	X(UNASKED, "unasked", false, "this host could not ask")

enum donor_state {
#define X(id, word, usable, text) DONOR_##id,
	DONOR_STATES(X)
#undef X
		DONOR_STATES_COUNT,
};

enum donor_claim {
	CLAIM_UNKNOWN, /* no persistent reservations, or no answer about them */
	CLAIM_NONE,
	CLAIM_OURS,
	CLAIM_OTHERS,
};

enum donor_ready { READY_UNKNOWN, READY_YES, READY_NO };

struct donor_lun {
	char target[ISCSI_NAME_MAX + 1];
	unsigned id;
	bool is_disk; /* INQUIRY: a direct access block device is there */
	enum donor_ready ready;
	uint64_t size; /* 0: unknown */
	uint32_t block_size;
	bool has_provisioning, is_thin; /* VPD B2h */
	unsigned threshold_exponent;	/* of the counts of LOG SENSE 0Ch; 0: they mean nothing */
	bool has_available, is_shared, has_used;
	uint32_t available, used; /* as counted; donor_lun_bytes() */
	char naa[2 * 16 + 1];	  /* VPD 83h, hexadecimal; empty: none */
	char serial[64];	  /* VPD 80h; empty: none */

	bool has_keys, has_reservation, has_claims; /* what PERSISTENT RESERVE IN answered */
	uint32_t keys;				    /* registrations */
	uint64_t key;				    /* of the first; 0: none */
	unsigned reservation;			    /* type; 0: none */
	unsigned nclaims; /* different initiators; more than DONOR_CLAIMS_MAX are not named */
	char claims[DONOR_CLAIMS_MAX][ISCSI_NAME_MAX + 1];
	enum donor_claim claim; /* donor_judge() */
};

/* The path to it, measured. Zero samples, or zero bytes: it was not. */
struct donor_path {
	unsigned samples;
	uint64_t p50, p99;  /* a READ of 4 KiB */
	uint64_t bytes, ns; /* READs of 1 MiB */
};

struct donor {
	char name[DONOR_NAME_MAX + 1];
	char *portals[DONOR_PORTALS_MAX]; /* "HOST", "HOST:PORT", "[ADDRESS]:PORT" */
	size_t nportals;
	char *chap_user, *chap_secret_file; /* NULL: none */

	bool is_left_out; /* not to be asked: guard.h */

	/* What was found out; donor_forget() */
	enum donor_state state;
	char why[DONOR_WHY_BYTES]; /* more about the state, or empty */
	char address[80];	   /* that answered: "192.0.2.1:3260"; or empty */
	bool is_own;		   /* it is this host */
	bool is_cut;		   /* it has more targets or LUNs than were looked at */
	size_t ntargets;
	struct donor_lun *luns;
	size_t nluns;
	struct donor_path path;
	bool has_free;	  /* donor_judge(): */
	uint64_t free;	  /* memory that LUNs which nobody is known to have can take */
	size_t free_luns; /* that nobody has, for certain */
};

/* The word of a state, its meaning, and whether memory can be borrowed in it. */
const char *donor_state_word(enum donor_state s);
const char *donor_state_text(enum donor_state s);
bool donor_state_usable(enum donor_state s);

/*
 * Cuts "HOST", "HOST:PORT", "ADDRESS6" or "[ADDRESS6]:PORT" into `host` and *port (3260 if none is
 * there). NULL, or what is wrong with the text.
 */
const char *donor_parse_portal(const char *text, char host[static DONOR_PORTAL_MAX + 1],
			       uint16_t *port) __attribute__((warn_unused_result));
/* The same check, for the configuration. */
const char *donor_bad_portal(const char *text);

/* What was found out goes; who it is stays. */
void donor_forget(struct donor *d);
void donor_free(struct donor *d);

/* Adds a zeroed LUN; NULL if there are DONOR_LUNS_MAX (then is_cut), or no memory. Earlier ones may
 * move. */
struct donor_lun *donor_add_lun(struct donor *d);

/* A count of LOG SENSE page 0Ch in bytes; false if its unit is unknown. */
bool donor_lun_bytes(const struct donor_lun *l, uint32_t count, uint64_t *bytes);

#endif
