/* SPDX-License-Identifier: MIT */
/*
 * child.h - a function in a process of its own, which can be given up.
 *
 * Whatever opens, reads or asks a borrowed disk may stand in the kernel for minutes when the donor
 * is silent, where no signal reaches it. A child that does not end in time is killed and left
 * behind.
 */
#ifndef MEMTGT_CHILD_H
#define MEMTGT_CHILD_H

#include <stddef.h>
#include <stdint.h>

#define CHILD_RESULT_MAX 65536

/*
 * Runs fn(arg, result) in a child. `result` are n bytes of shared memory, which begin as a copy of
 * *result and are copied back if the child has ended by itself. Returns what fn() returned (from
 * -200 to 0), -ETIMEDOUT: it was given up; -EIO: it crashed; or -errno.
 */
int child_run(int (*fn)(void *arg, void *result), void *arg, void *result, size_t n,
	      uint64_t limit_ns) __attribute__((warn_unused_result));

#endif
