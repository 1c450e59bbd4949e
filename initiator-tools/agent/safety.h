/* SPDX-License-Identifier: MIT */
/*
 * safety.h - what keeps the agent alive and quick while the host swaps to those whom it watches:
 * none of its pages is swapped out, it is not chosen by the OOM killer, and its own wish for memory
 * never starts I/O that could wait for what it is about to mend.
 */
#ifndef MEMTGT_SAFETY_H
#define MEMTGT_SAFETY_H

/* One warning for each of these that cannot be had. */
void safety_begin(void);
/* Locks are not inherited: for children that stay. They have no descriptor of ours from `first` on,
 * and signals end them. */
void safety_in_child(int first);

#endif
