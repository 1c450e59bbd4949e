/* SPDX-License-Identifier: MIT */
/*
 * neighbour.h - a session that works while others misbehave: writes, reads back, compares.
 *
 * Any wrong byte, status or end of its connection fails the test. How long its commands took is
 * printed when it stops; that they were fast enough is asserted only where the environment says
 * MEMTGT_P99_MS=N: sanitizers and busy machines make no promises.
 */
#ifndef MEMTGT_TEST_NEIGHBOUR_H
#define MEMTGT_TEST_NEIGHBOUR_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "rawinit.h"

#define NEIGHBOUR_AREA (1u << 20) /* bytes of LUN 0 that belong to one */

struct neighbour {
	pthread_t thread;
	struct raw r;
	unsigned index, seed;
	uint8_t *mirror, *buf;
	_Atomic bool stop;
	_Atomic unsigned commands;
	uint32_t *us; /* of each command */
};

/* Logs in and begins, in the area `index` of LUN 0. From the test's main thread. */
void neighbour_start(struct neighbour *n, unsigned port, unsigned index);
/* Has done so many more commands. */
void neighbour_wait(struct neighbour *n, unsigned more);
/* Ends it, logs out, and prints what it saw. */
void neighbour_stop(struct neighbour *n);

#endif
