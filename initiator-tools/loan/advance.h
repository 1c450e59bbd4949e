/* SPDX-License-Identifier: MIT */
/*
 * advance.h - brings a loan to what is wanted, step by step.
 *
 * The file of the loan says that a step was begun before it is taken, and that it was done when it
 * was. If this process is killed anywhere, the next call goes on. A donor that fails before it
 * carries data is given up, and another one chosen; a loan that cannot be made is undone. A copy
 * that cannot grow is none the less a copy, and stays; so does one that does not answer while
 * there is no other donor: the loan goes on without it, with what others have. But a volume that
 * this host went down with is not used again before all of its copies are there, save if the
 * operator says so: nobody knows which of them is the newest.
 */
#ifndef MEMTGT_ADVANCE_H
#define MEMTGT_ADVANCE_H

#include "initiator-tools/loan/plan.h"
#include "initiator-tools/loan/step.h"

#define ADVANCE_AVOID_MAX 64

struct advance {
	const char *dir;
	struct loan *loan;
	bool is_forced, is_degraded; /* step.h */
	uint64_t sync_rate;
	/* How each step is run and undone; NULL: as steps.def says. For tests. */
	step_fn *const (*steps)[2];
	/* Adds a leg of donors that are in no other and not in `avoid`. 0 or -errno, `why` set. */
	int (*choose)(struct advance *a);
	/* A step begins, goes on, ends; NULL: nobody wants to know. */
	void (*tell)(struct advance *a, const struct plan *p, unsigned permille);
	/* A sentence about what happened on the way. */
	void (*note)(struct advance *a, const char *text);
	void *arg;

	char avoid[ADVANCE_AVOID_MAX][DONOR_NAME_MAX + 1];
	size_t navoid;
	int put_off; /* an error after which it went on */
	char why[LOAN_WHY_BYTES], why_put_off[LOAN_WHY_BYTES];
};

/*
 * 0: it is as it is wanted: loan_is_complete(), or it is gone and so is its file. -errno with
 * a->why: what could be undone is undone, and what is left is in the file.
 */
int loan_advance(struct advance *a) __attribute__((warn_unused_result));

/*
 * Sessions, claims, dm-crypt and swap do not outlive a boot: the steps that made them are to be
 * taken again if `boot` is not the loan's. 0; or -EKEYREVOKED: what was encrypted cannot be read
 * any more.
 */
int loan_rebooted(struct loan *l, const char *boot) __attribute__((warn_unused_result));

/* a->note(), if there is one. */
void advance_note(struct advance *a, const char *text);

bool advance_avoids(const struct advance *a, const char *donor);

#endif
