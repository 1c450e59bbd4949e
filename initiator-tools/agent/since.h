/* SPDX-License-Identifier: MIT */
/*
 * since.h - since when loans have fewer copies than promised: DIR/degraded, a line "NAME SECONDS"
 * for each that has, in seconds since 1970. The agent writes it; it outlives it.
 */
#ifndef MEMTGT_SINCE_H
#define MEMTGT_SINCE_H

#include <stddef.h>
#include <stdint.h>

#include "initiator-tools/loan/loan.h"

#define SINCE_FILE "degraded"
#define SINCE_MAX  16384 /* bytes */

/* Since when; 0: it is not, or nobody knows. */
int64_t since_read(const char *dir, const char *name);
/* The same of the file's text, any bytes. */
int64_t since_parse(const char *text, size_t n, const char *name);

/* Replaces the file; an empty one is none. 0 or -errno. */
int since_write(const char *dir, const char *text, size_t n) __attribute__((warn_unused_result));

#endif
