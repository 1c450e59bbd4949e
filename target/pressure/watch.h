/* SPDX-License-Identifier: MIT */
/* watch.h - a thread that watches the host's memory and tells when the pressure on it changes. */
#ifndef MEMTGT_PRESSURE_WATCH_H
#define MEMTGT_PRESSURE_WATCH_H

#include "pressure/pressure.h"

struct pressure_watch;

struct pressure_watch_options {
	uint64_t headroom;
	const char *meminfo;  /* /proc/meminfo */
	const char *stalls;   /* /proc/pressure/memory; NULL: there is none */
	bool trigger;	      /* the kernel wakes us at a stall (needs the real file) */
	uint64_t interval_ns; /* between two looks at a calm host; ten times as often otherwise */
	/* From the thread, for each change of the state, with the sample that made it. */
	void (*changed)(void *arg, enum pressure_state from, enum pressure_state to,
			const struct pressure_sample *s);
	void *arg;
};

/*
 * Begins to watch. 0 or -errno; a host without PSI is watched by its available memory alone. The
 * texts of the options are borrowed only for the call.
 */
int pressure_watch_start(struct pressure_watch **out, const struct pressure_watch_options *o)
	__attribute__((warn_unused_result));
/* No call of changed() comes after it. NULL: nothing to do. */
void pressure_watch_stop(struct pressure_watch *w);

/* The state and the sample it rests on, from any thread. */
enum pressure_state pressure_watch_state(struct pressure_watch *w, struct pressure_sample *s);

#endif
