/* SPDX-License-Identifier: MIT */
/* listen.h - listening sockets. */
#ifndef MEMTGT_LISTEN_H
#define MEMTGT_LISTEN_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/*
 * Listens on a numeric address. Returns the descriptor or -errno; then `why` holds a sentence for
 * the operator.
 */
int listen_open(const char *address, uint16_t port, char *why, size_t why_len)
	__attribute__((warn_unused_result));

#endif
