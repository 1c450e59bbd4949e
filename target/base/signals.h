/* SPDX-License-Identifier: MIT */
/* signals.h - signals come as a descriptor: no thread is ever interrupted. */
#ifndef MEMTGT_SIGNALS_H
#define MEMTGT_SIGNALS_H

#include <stdbool.h>

/*
 * Before any thread is started: SIGTERM, SIGINT, SIGHUP and SIGUSR2, which end the daemon, and
 * SIGUSR1 wait to be read from the descriptor that this returns, a signalfd(2) that does not block.
 * SIGPIPE and SIGXFSZ are errors of system calls from then on. Or -errno.
 */
int signals_open(void) __attribute__((warn_unused_result));

/* One of those that end the daemon waits to be read. From any thread. */
bool signals_tell_to_end(void);

#endif
