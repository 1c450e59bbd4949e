/* SPDX-License-Identifier: MIT */
/*
 * child.h - a function in a process of its own, which can be given up.
 *
 * Whatever opens, reads or asks a borrowed disk may stand in the kernel for minutes when the donor
 * is silent, where no signal reaches it. A child that does not end in time is killed and left
 * behind. From one thread.
 */
#ifndef MEMTGT_CHILD_H
#define MEMTGT_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CHILD_RESULT_MAX 65536
/* Between SIGKILL and giving up. */
#define CHILD_GRACE_MS 1000

/*
 * Runs fn(arg, result) in a child, which has no descriptor of ours but the standard ones. `result`
 * are n bytes of shared memory, which begin as a copy of *result and are copied back if the child
 * has ended by itself. Returns what fn() returned (from -200 to 0), -ETIMEDOUT: it was killed, or
 * given up; -EIO: it crashed; or -errno.
 */
int child_run(int (*fn)(void *arg, void *result), void *arg, void *result, size_t n,
	      uint64_t limit_ns) __attribute__((warn_unused_result));

/*
 * The two halves of it, for a function that uses what we have open: its value is the exit status.
 * child_start(): the process, or -errno. child_wait(): the exit status, -ETIMEDOUT, or -EIO: a
 * signal ended it. Never waits for longer than the limit and the grace.
 */
pid_t child_start(int (*fn)(void *arg), void *arg) __attribute__((warn_unused_result));
/* The same, and it does not end with us. */
pid_t child_start_lasting(int (*fn)(void *arg), void *arg) __attribute__((warn_unused_result));
int child_wait(pid_t pid, uint64_t limit_ns) __attribute__((warn_unused_result));
/* Waits so long at most, and does not kill it: has it ended, in whatever way? */
bool child_has_ended(pid_t pid, uint64_t limit_ns);

#endif
