/* SPDX-License-Identifier: MIT */
/*
 * pressure.h - how short of memory the donor host is: a state machine without I/O.
 *
 * Fed with what the host tells (MemAvailable, and the time that tasks stalled for memory, PSI). It
 * gets worse at once, a level at a time, so that nobody misses a state; it gets better only after
 * PRESSURE_CALM_NS of numbers that are better by a margin.
 */
#ifndef MEMTGT_PRESSURE_H
#define MEMTGT_PRESSURE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

enum pressure_state {
	PRESSURE_GREEN,	 /* memory is there */
	PRESSURE_YELLOW, /* near the headroom: nothing is kept in reserve */
	PRESSURE_ORANGE, /* the headroom is touched: initiators are told (unit attention 38/07) */
	PRESSURE_RED,	 /* half of it is gone: no new pages, whoever asks (27/07) */
	PRESSURE_STATES
};

#define PRESSURE_SMOOTH_NS (1 * NS_PER_S) /* time constant of the averages */
#define PRESSURE_CALM_NS   (5 * NS_PER_S)

/* What the host tells at a time of CLOCK_MONOTONIC. */
struct pressure_sample {
	uint64_t now;
	uint64_t available;  /* bytes: MemAvailable */
	uint64_t stalled_us; /* "some", total, of /proc/pressure/memory; stays 0 where it is missing
			      */
};

struct pressure {
	uint64_t headroom; /* bytes */
	enum pressure_state state;
	bool fed;
	struct pressure_sample last;
	double available;			 /* smoothed */
	double stalled;				 /* smoothed: part of the time, 0 to 1 */
	uint64_t stalled_since[PRESSURE_STATES]; /* above the level's limit; 0: it is not */
	uint64_t calm_since;			 /* better than the state's limits; 0: it is not */
};

/* A headroom of 0: what is available makes no difference, stalls do. */
void pressure_init(struct pressure *p, uint64_t headroom);

/*
 * The state after this sample, one level from the last one at most. Called again with the same
 * sample, it goes on where that calls for more than one level.
 */
enum pressure_state pressure_step(struct pressure *p, const struct pressure_sample *s);

/* "GREEN", ... */
const char *pressure_name(enum pressure_state s);

#endif
