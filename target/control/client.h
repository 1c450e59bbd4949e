/* SPDX-License-Identifier: MIT */
/* client.h - one client of the control socket, from its first line to its end. */
#ifndef MEMTGT_CLIENT_H
#define MEMTGT_CLIENT_H

#include <pthread.h>
#include <stddef.h>

#include "base/counters.h"
#include "control/rpc.h"

/* What all clients share. Set before the first; not changed. */
struct control_clients {
	struct rpc rpc;
	unsigned idle_ms; /* CONTROL_IDLE_S, but for tests */
	int stop;	  /* an eventfd: readable when all are to end */
	struct counters *counters;
	pthread_mutex_t *lock; /* of the counters */
};

/*
 * Answers lines until the client leaves, breaks the rules or lets too much time pass, or `stop`.
 * The socket does not block, and stays open.
 */
void client_serve(const struct control_clients *all, int fd);

/* One answer, as far as the socket takes it at once: to who is sent away. */
void client_send_away(int fd, int error, const char *message);

/* "uid 0 (pid 17)". */
void client_name(int fd, char *out, size_t n);

#endif
