/* SPDX-License-Identifier: MIT */
/*
 * server.h - the daemon's main thread: memory, LUNs, reactors, then portals, last of all.
 *
 * Portals open when every LUN is there, so that an initiator that comes back early finds its
 * target or nothing, never half of it.
 */
#ifndef MEMTGT_SERVER_H
#define MEMTGT_SERVER_H

struct config;

/*
 * Serves until SIGTERM, SIGINT or SIGHUP, after which memory stays with whoever keeps it
 * (base/notify.h) if there is somebody, or SIGUSR2, after which nothing stays. inherit_read() and
 * notify_open() were called. Returns the exit status: 0 after an orderly end, 1 if it could not
 * start (each reason is one log line that says what to do).
 */
int server_run(const struct config *c);

#endif
