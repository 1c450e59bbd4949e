/* SPDX-License-Identifier: MIT */
/*
 * plan.h - what is next, from what is wanted and what has been done.
 *
 *	1. A loan that ends: the swap, dm-crypt, and the legs, the last first, are undone; after a
 *boot the sessions and claims are made again before that. One that is stopped: only the swap and
 *dm-crypt.
 *	2. Legs that are not wanted and never were a copy are undone: they failed.
 *	3. Wanted legs are built, in their order; then dm-crypt, then the swap.
 *	4. Then legs that are not wanted any more are undone. Not before as many legs as promised
 *carry the data, so there is none while a copy is missing; but a lost one goes before 3, since LVM
 *	   cannot work on a group with a disk that does not answer.
 *
 * Pure: it looks at the loan only.
 */
#ifndef MEMTGT_PLAN_H
#define MEMTGT_PLAN_H

#include "initiator-tools/loan/loan.h"

#define PLAN_NONE SIZE_MAX

struct plan {
	enum step_id step;
	bool is_undo;
	size_t leg, disk; /* PLAN_NONE: it is not of one */
};

/* False: nothing is left. A leg all of whose steps are undone has step STEPS: it is to be removed.
 */
bool plan_next(const struct loan *l, struct plan *out);

/* Where the state of the step is. */
uint8_t *plan_state(struct loan *l, const struct plan *p);

/* "login", ...; what it is about; is it a disk's? */
const char *step_word(enum step_id s);
const char *step_text(enum step_id s);
enum step_scope { SCOPE_DISK, SCOPE_LEG, SCOPE_LOAN };
enum step_scope step_scope(enum step_id s);

#endif
