/* SPDX-License-Identifier: MIT */
/*
 * step.h - what a step gets, and what it must bear.
 *
 * run() makes the step true, undo() makes it as if it had never been. Both may find any part of
 * their work done already, by a run that was killed, and both may be called again after success:
 * they look first at what is there, and never take for their own what does not carry the loan's
 * marks (NAA and serial, key, names and UUIDs). Neither may wait without limit, whatever the donor
 * does: what may block in the kernel is done by another process (host/tool.h, host/child.h).
 */
#ifndef MEMTGT_STEP_H
#define MEMTGT_STEP_H

#include "initiator-tools/loan/loan.h"

struct step {
	struct loan *loan;
	struct loan_leg *leg;	/* NULL: of the loan */
	struct loan_disk *disk; /* NULL: of the leg */
	bool is_forced;		/* the operator said so: foreign data may be overwritten */
	uint64_t sync_rate; /* bytes in a second to a copy that is being made; 0: all there is */
	bool is_degraded;   /* he said so: a copy is taken though a newer one may be away */
	/* Called now and then by what takes long; of 1000. */
	void (*progress)(void *arg, unsigned permille);
	void *arg;
	/* Out, after an error: */
	bool is_donors_fault; /* with another donor it may succeed */
	char why[LOAN_WHY_BYTES];
};

/* 0, or -errno after s->why. */
typedef int step_fn(struct step *s);

#define STEP(id, scope, word, run, undo, text) step_fn step_##run, step_##undo;
#include "initiator-tools/loan/steps.def"

/* Writes s->why; returns -err, so that a step can end with it. */
int step_fail(struct step *s, int err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* The same, and another donor may do. */
int step_fail_donor(struct step *s, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* After a program of this host failed, with `why`: another donor may do, unless there is no such
 * program. */
int step_fail_tool(struct step *s, int err, const char *why);
void step_progress(struct step *s, unsigned permille);

#endif
