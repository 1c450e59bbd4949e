/* SPDX-License-Identifier: MIT */
/*
 * socket.h - the control socket's file: made with the right mode, and never instead of another's.
 *
 * Who may connect is decided by the file: 0600, or 0660 with a group. It has that mode from the
 * moment it is there. A socket that a daemon left behind when it was killed is recognised by
 * connect() and replaced; one that somebody listens on is not.
 */
#ifndef MEMTGT_SOCKET_H
#define MEMTGT_SOCKET_H

#include <stddef.h>
#include <sys/types.h>

#include "memtgt/control.h"

struct control_socket {
	int fd; /* listens, and never blocks; -1: there is none */
	char path[CONTROL_PATH_MAX + 1];
	dev_t dev; /* of the file, to remove no other */
	ino_t ino;
};

/*
 * `group`: who else may connect, a name or a number; NULL: nobody. 0 or -errno; then `why` is a
 * sentence that says what to do.
 */
int control_socket_open(struct control_socket *s, const char *path, const char *group, char *why,
			size_t n) __attribute__((warn_unused_result));
/* Removes the file, if it is still ours. */
void control_socket_close(struct control_socket *s);

#endif
