/* SPDX-License-Identifier: MIT */
/* socket.h - where a keeper hears its daemon: an abstract socket with a name of its own. */
#ifndef MEMTGT_KEEPER_SOCKET_H
#define MEMTGT_KEEPER_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "keeper/message.h"

/* Of one datagram; the protocol needs one. */
#define KEEPER_FDS_MAX 4u

struct keeper_datagram {
	char text[KEEPER_MESSAGE_MAX];
	size_t n;
	pid_t from; /* the sender, by the kernel's word */
	int fds[KEEPER_FDS_MAX];
	size_t nfds;
	bool is_cut; /* it was longer, or had more descriptors */
};

/* The socket, not blocking, and "@NAME" for NOTIFY_SOCKET; or -errno. */
int keeper_socket_open(char *name, size_t len) __attribute__((warn_unused_result));
/* The next datagram, whose descriptors are the caller's; false: none is there. */
bool keeper_socket_receive(int fd, struct keeper_datagram *d) __attribute__((warn_unused_result));
void keeper_datagram_close(struct keeper_datagram *d);

#endif
