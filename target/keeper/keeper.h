/* SPDX-License-Identifier: MIT */
/*
 * keeper.h - memtgtd --keeper: a tiny parent that keeps the daemon's memory while daemons come and
 * go.
 *
 * It speaks the manager's side of sd_notify(3) with its one child, and passes what that stored to
 * the next one as $LISTEN_FDS. It knows nothing of LUNs and iSCSI, has one thread, and ends only
 * when it is told to. The data lives in memfds, so they do not end with the daemon, nor the daemon
 * with it.
 */
#ifndef MEMTGT_KEEPER_H
#define MEMTGT_KEEPER_H

#include <stdint.h>

struct keeper_options {
	const char *program; /* an absolute path */
	char *const *argv;
	uint64_t watchdog_us; /* the daemon is to say within this time that it lives; 0: need not */
	uint64_t abort_ns;    /* from SIGABRT to SIGKILL, if it did not */
	uint64_t quick_ns;    /* an end within this time from the start is a quick one */
	uint64_t pause_ns;    /* from the second quick end in a row to the start; doubled by each */
	uint64_t pause_max_ns;
};

/* The usual times; `program` and `argv` are to be set. */
extern const struct keeper_options keeper_usual;

/*
 * Serves until SIGTERM or SIGINT. Returns the exit status: the daemon's last, or 1 if the keeper
 * could not start, or the daemon was killed.
 */
int keeper_run(const struct keeper_options *o);

#endif
