/* SPDX-License-Identifier: MIT */
/*
 * watchdog.h - whoever started the daemon is told that it lives, as long as all of it does.
 *
 * Each reactor is sent a message now and then; when all have run theirs, notify_watchdog() says so.
 * The main thread does this, so it is alive too. Nothing waits for a reactor that hangs: the sign
 * of life does not come, and who waits for that ends the daemon and starts another.
 */
#ifndef MEMTGT_WATCHDOG_H
#define MEMTGT_WATCHDOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reactor/reactor.h"

struct watchdog_probe {
	struct reactor_msg msg; /* first; the reactor's while `out` */
	struct reactor *reactor;
	_Atomic bool out;
};

struct watchdog {
	uint64_t every; /* ns; 0: nobody wants to know */
	uint64_t next;
	bool late; /* it was said that a reactor does not answer */
	struct watchdog_probe *probes;
	size_t n;
};

/* For a sign of life within each `us`, 0: none is wanted. `now`: of clock_now(). 0 or -ENOMEM. */
int watchdog_start(struct watchdog *w, uint64_t us, size_t reactors, uint64_t now)
	__attribute__((warn_unused_result));
/* Reactor i, before the first turn. */
void watchdog_add(struct watchdog *w, size_t i, struct reactor *r);
/* When the reactors have stopped: a message that was not run lies with them until then. */
void watchdog_free(struct watchdog *w);

/* Looks, and says that all is well if it is and if it is time. */
void watchdog_turn(struct watchdog *w, uint64_t now);
/* Milliseconds until the next turn is wanted; -1: none is. */
int watchdog_wait_ms(const struct watchdog *w, uint64_t now);

#endif
