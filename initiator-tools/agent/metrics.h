/* SPDX-License-Identifier: MIT */
/*
 * metrics.h - what the agent knows, for others: a textfile for node_exporter(1), by metrics.def,
 * and the file that tells "memloan status" since when a loan has too few copies. Both are replaced
 * as a whole.
 */
#ifndef MEMTGT_METRICS_H
#define MEMTGT_METRICS_H

#include <stdint.h>
#include <stdio.h>

#include "initiator-tools/agent/judge.h"
#include "initiator-tools/agent/watch.h"

#define METRICS_EVERY_S 15u

struct metrics {
	const struct watch *watch;
	const char *path; /* of the textfile; NULL: none is wanted */
	bool (*leaves)(void *arg, const char *donor);
	void *arg;
	uint64_t decisions[JUDGE_ACTS_COUNT], failures[JUDGE_ACTS_COUNT], stalls;
	int64_t now; /* seconds since 1970 */
};

/* All of it. */
void metrics_print(FILE *out, const struct metrics *m);
/* Writes both files. 0 or -errno. May wait for a disk of this host. */
int metrics_write(const struct metrics *m) __attribute__((warn_unused_result));

#endif
