/* SPDX-License-Identifier: MIT */
/*
 * left.h - what is left with donors that were lost: memory, and a claim that keeps all others from
 * it. Nobody could tell them when the leg was given up; they are told when they answer again.
 */
#ifndef MEMTGT_LEFT_H
#define MEMTGT_LEFT_H

#include "initiator-tools/loan/advance.h"

/*
 * Gives back what it can of a->loan->left, by these steps' undo. A donor that does not answer is no
 * error: it is asked again the next time. 0; or -errno with a->why: the file cannot be written.
 */
int left_give_back(struct advance *a, step_fn *const (*steps)[2])
	__attribute__((warn_unused_result));

/* Notes which donors keep something that nobody will give back. */
void left_tell(struct advance *a);

#endif
