/* SPDX-License-Identifier: MIT */
/* listen.h - listening sockets. */
#ifndef MEMTGT_LISTEN_H
#define MEMTGT_LISTEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/*
 * Listens on a numeric address. Returns the descriptor or -errno; then `why` holds a sentence for
 * the operator.
 */
int listen_open(const char *address, uint16_t port, char *why, size_t why_len)
	__attribute__((warn_unused_result));

/*
 * Is it a socket that listens on this numeric address and port? Port 0: on any port. For sockets
 * that an earlier process opened; from then on they have the backlog of this one's.
 */
bool listen_is(int fd, const char *address, uint16_t port);

/* Connections that the kernel takes for a portal while nobody accepts, such as during a restart. */
unsigned listen_backlog(void);

#endif
