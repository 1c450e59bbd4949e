/* SPDX-License-Identifier: MIT */
/* start.h - the keeper's child, until it is another program. */
#ifndef MEMTGT_KEEPER_START_H
#define MEMTGT_KEEPER_START_H

#include <stdint.h>
#include <sys/types.h>

#include "keeper/kept.h"

struct keeper_start {
	const char *program; /* tried first; the keeper's own program if it cannot be run */
	char *const *argv;
	const char *socket; /* NOTIFY_SOCKET */
	uint64_t watchdog_us;
	const struct keeper_kept *kept;
};

/*
 * The new process' number or -errno. It begins with the signals of a daemon blocked, so that what
 * is sent to it from now on waits until it looks.
 */
pid_t keeper_start(const struct keeper_start *s) __attribute__((warn_unused_result));

#endif
