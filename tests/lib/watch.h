/* SPDX-License-Identifier: MIT */
/*
 * watch.h - what a memtgtd of daemon.h uses and counts, seen from outside.
 *
 * Memory is RssAnon + RssFile of /proc/PID/status: what the process has besides the memory of its
 * LUNs, which is shared memory.
 */
#ifndef MEMTGT_TEST_WATCH_H
#define MEMTGT_TEST_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon.h"

/* Its value after SIGUSR1, 0 if it was not listed. The names are those of memtgtd(8), COUNTERS. */
uint64_t watch_counter(const struct daemon *d, const char *name);
/* The sum of all whose names begin so. */
uint64_t watch_counters(const struct daemon *d, const char *prefix);
/* Waits until it is `want`, or fails the test. */
void watch_counter_wait(const struct daemon *d, const char *name, uint64_t want);
void watch_counters_wait(const struct daemon *d, const char *prefix, uint64_t want);

/* Waits until those that are not 0 are exactly these: "accepted=1 ended_peer=1", in the order of
 * the table, or fails the test. */
void watch_all_wait(const struct daemon *d, const char *want);
/* The same for those that it wrote at its end. `log`: a duplicate of its descriptor. */
void watch_all_at_end(int log, const char *want);

/* Lines of the log so far that have this text. */
unsigned watch_lines(const struct daemon *d, const char *text);

unsigned watch_descriptors(const struct daemon *d);
/* Waits until it has no more than these. */
void watch_descriptors_wait(const struct daemon *d, unsigned most);
unsigned watch_memory_kib(const struct daemon *d);

/* Sanitizers keep freed memory, and need memory of their own: figures of it say nothing then. */
bool watch_memory_counts(void);

/* So many files may be open in this process and in what it starts, or the test fails. */
void watch_allow_files(unsigned n);

#endif
