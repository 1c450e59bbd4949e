/* SPDX-License-Identifier: MIT */
/*
 * lose.h - memory that fails, as far as a kernel can pretend it (userfaultfd, UFFDIO_POISON, Linux
 * 6.6): who touches it gets SIGBUS, and a system call EFAULT. Only this process is meant, and only
 * this mapping.
 */
#ifndef MEMTGT_TEST_LOSE_H
#define MEMTGT_TEST_LOSE_H

#include <stdbool.h>
#include <stddef.h>

/* [at, at+n) of a shared mapping, whole pages. False: it cannot be done here, and `why` says what
 * is missing. */
bool lose(void *at, size_t n, const char **why);
/* It is there again, with what the file has. */
void lose_undo(void *at, size_t n);

#endif
