/* SPDX-License-Identifier: MIT */
/* proc.h - numbers of the kernel, from small files of /proc and /sys that are kept open. */
#ifndef MEMTGT_PROC_H
#define MEMTGT_PROC_H

#include <stdbool.h>
#include <stdint.h>

/* The number behind the first `key` in the file; an empty key: that which the file begins with.
 * False: there is none, and *out stays. */
bool proc_number(int fd, const char *key, uint64_t *out);

#endif
