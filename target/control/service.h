/* SPDX-License-Identifier: MIT */
/*
 * service.h - the control socket at work: one thread that accepts, one for each client.
 *
 * They are apart from the main thread and from the reactors, so that nobody who controls memtgtd
 * slows those who use it, and so that it answers while it drains.
 */
#ifndef MEMTGT_SERVICE_H
#define MEMTGT_SERVICE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "control/client.h"
#include "control/socket.h"

struct control_service;

/* A place for a client. */
struct control_seat {
	struct control_service *service;
	pthread_t thread;
	int fd;
	bool taken;	    /* the accepting thread's: `thread` is to be joined */
	_Atomic bool ended; /* that thread is about to return */
};

struct control_service {
	struct control_socket socket;
	struct control_clients clients;
	pthread_mutex_t lock;
	pthread_t thread;
	bool runs;
	struct control_seat seats[CONTROL_CLIENTS_MAX];
};

/* `socket` is ours now. `counters` get nobody else's counts. 0 or -errno. */
int control_service_start(struct control_service *s, const struct control_socket *socket,
			  const struct rpc *rpc, struct counters *counters, unsigned idle_ms)
	__attribute__((warn_unused_result));

/* Ends every client and thread; waits for calls under way. Harmless if it was not started. */
void control_service_stop(struct control_service *s);

#endif
