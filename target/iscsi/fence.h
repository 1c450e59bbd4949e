/* SPDX-License-Identifier: MIT */
/*
 * fence.h - a command whose GOOD promises an effect on other sessions (scsi/fence.h).
 *
 * The effect is made, then every reactor tells its sessions of the target, and ends their commands
 * that it does not allow, between two turns of theirs. Only when all have done so is the command
 * answered. No peer delays that: a WRITE that waits for its data ends as well, and its data, when
 * it comes, is dropped.
 */
#ifndef MEMTGT_FENCE_H
#define MEMTGT_FENCE_H

#include "scsi/scsi.h"

struct fence;
struct iscsi_node;
struct task;

/* The step of the task was SCSI_FENCE. The fence that it waits for, or NULL: it has ended, also
 * with BUSY if there was no memory, and then nothing has happened. */
struct fence *fence_start(struct task *t) __attribute__((warn_unused_result));

/*
 * The same of a change that no command made. From any thread but the reactors. `make` makes it,
 * when there is memory for telling of it, and fills *f; f->tell NULL: there is nothing to tell. 0,
 * what `make` returned, -ENOMEM (nothing happened), or -ETIMEDOUT: not all reactors were told
 * within limit_ms, but they will be.
 */
int fence_tell(struct iscsi_node *n, int (*make)(void *arg, struct scsi_fence *f), void *arg,
	       unsigned limit_ms) __attribute__((warn_unused_result));

#endif
