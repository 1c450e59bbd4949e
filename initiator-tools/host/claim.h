/* SPDX-License-Identifier: MIT */
/*
 * claim.h - a LUN for one borrower only, by persistent reservations (SPC-4 5.12, 6.15, 6.16).
 *
 * Register, then look: who sees no key but his own has won, and reserves. Two who see each other:
 * the higher key withdraws, the lower waits for that. If it does not happen the other had won
 * before, and the lower withdraws too. Since both register before they look, two can never both be
 * alone.
 *
 * The protocol is a machine that says what is to be done next and is told what came of it, so that
 * it can be tried in every order; claim_take() and claim_return() do it with a disk.
 */
#ifndef MEMTGT_CLAIM_H
#define MEMTGT_CLAIM_H

#include <stdbool.h>
#include <stdint.h>

#include "initiator-tools/host/sg.h"
#include "memtgt/cursor.h"

#define CLAIM_TYPE 7 /* Write Exclusive - All Registrants */

/* The key of a loan: of this machine's id and the loan's UUID. Never 0. */
uint64_t claim_key(const char *machine_id, const char *uuid);

/* READ KEYS, as seen by the owner of a key. */
struct claim_keys {
	unsigned own, others; /* registrations */
	uint64_t lowest;      /* of the others */
};

/* False: that is no such answer. What was cut off counts as another one's key, the lowest. */
bool claim_read_keys(struct cursor c, uint64_t key, struct claim_keys *out);

/* What is to be done next. */
enum claim_act {
	CLAIM_ACT_READ,	      /* READ KEYS */
	CLAIM_ACT_REGISTER,   /* REGISTER AND IGNORE EXISTING KEY */
	CLAIM_ACT_UNREGISTER, /* REGISTER with 0 */
	CLAIM_ACT_RESERVE,    /* RESERVE, type CLAIM_TYPE */
	CLAIM_ACT_PREEMPT, /* PREEMPT of our own key: registrations of earlier sessions of ours */
	CLAIM_ACT_CLEAR,   /* CLEAR */
	CLAIM_ACT_WAIT,	   /* for CLAIM_WAIT_MS */
	CLAIM_ACT_END,	   /* nothing: there is an end */
};
#define CLAIM_WAIT_MS 250
#define CLAIM_WAITS   40

enum claim_end {
	CLAIM_TAKEN,	/* it is ours */
	CLAIM_GONE,	/* it was ours, and is nobody's now; nothing was done */
	CLAIM_RETURNED, /* nothing of it is ours */
	CLAIM_BUSY,	/* another borrower has it */
	CLAIM_REFUSED,	/* the donor does not bear claims, or no more of them */
};

struct claim {
	uint64_t key;
	bool was_ours; /* we had won before: it is not contested again */
	unsigned waits, waits_max, entries;
	unsigned state;
	struct claim_keys keys;
	enum claim_end end;
};

void claim_begin(struct claim *c, uint64_t key, bool was_ours);
void claim_begin_return(struct claim *c, uint64_t key);
enum claim_act claim_next(const struct claim *c);
/* What came of it: `is_good`: the status was GOOD; after CLAIM_ACT_READ the keys. */
void claim_tell(struct claim *c, bool is_good, const struct claim_keys *keys);

/*
 * With a disk, until the end: 0 and *end, or -errno if a command was not answered. *r is the last
 * answer that was not GOOD. claim_take() in `was_ours` takes a key that is registered already for
 * the own claim, whoever else is registered; without one it ends with CLAIM_GONE at best.
 */
int claim_take(const struct sg_device *d, uint64_t key, bool was_ours, enum claim_end *end,
	       struct sg_result *r) __attribute__((warn_unused_result));
int claim_return(const struct sg_device *d, uint64_t key, enum claim_end *end, struct sg_result *r)
	__attribute__((warn_unused_result));

#endif
