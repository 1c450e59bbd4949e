/* SPDX-License-Identifier: MIT */
/*
 * notify.h - the daemon's side of sd_notify(3): whoever started it is told how it is, and is given
 * what must outlive it.
 *
 * That is systemd, or memtgtd --keeper, which speaks the same protocol: datagrams of KEY=VALUE
 * lines to the socket that $NOTIFY_SOCKET names. Where there is none all of this does nothing. From
 * the main thread only, but for notify_keeps().
 */
#ifndef MEMTGT_NOTIFY_H
#define MEMTGT_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

/* Of a descriptor that is kept, sd_pid_notify_with_fds(3). */
#define NOTIFY_NAME_MAX 255u
/* What a keeper tells its child: its own process number. */
#define NOTIFY_KEEPER "MEMTGT_KEEPER"

/* Reads the environment, once at the start. A name that cannot be used is one log line. */
void notify_open(void);
void notify_close(void);

/* Is what is stored still there for the next process after this one's end? From any thread. */
bool notify_keeps(void);
/*
 * A descriptor that is readable once the process of `memtgtd --keeper` that started this one is
 * gone; the caller's. -1: no such keeper. If it is gone already, notify_lost() was called.
 */
int notify_keeper_fd(void);
/* Whoever kept things is gone: from here on nothing is kept, and nobody is told anything. */
void notify_lost(void);

/* Gives a duplicate of the descriptor to be kept under this name. 0, or -errno after a log line. It
 * is there when notify_barrier() has returned 0. */
int notify_store(const char *name, int fd);
/* What is kept under this name, by this process or by earlier ones, is closed there. */
void notify_forget(const char *name);
/* Waits until all that was sent has been taken, `ms` at most. 0, also if there is nobody, or
 * -errno. */
int notify_barrier(unsigned ms);

void notify_ready(void);
void notify_stopping(void);
void notify_watchdog(void);
/* A start, or an end, takes this much longer from now; say it again before the time is over. */
void notify_extend(unsigned seconds);
/* One line for the operator. */
void notify_status(const char *text);
/* From now on the keeper is to start this program, an absolute path. systemd takes no notice. */
void notify_binary(const char *path);

/* Microseconds within which notify_watchdog() is expected again and again; 0: not at all. */
uint64_t notify_watchdog_us(void);

/* May a descriptor have this name? Printable ASCII without space and ':', not empty. */
bool notify_name_ok(const char *name);

#endif
