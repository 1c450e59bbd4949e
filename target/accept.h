/* SPDX-License-Identifier: MIT */
/* accept.h - the portals: new connections are counted and given to the reactor with the fewest. */
#ifndef MEMTGT_ACCEPT_H
#define MEMTGT_ACCEPT_H

#include <poll.h>
#include <stddef.h>

#define ACCEPTOR_PORTALS_MAX 64u

struct config;
struct iscsi_node;

struct acceptor {
	struct iscsi_node *node;
	int fds[ACCEPTOR_PORTALS_MAX];
	size_t n;
};

/* Opens every portal of the configuration. 0 or -errno, after a log line. */
int acceptor_open(struct acceptor *a, const struct config *c, struct iscsi_node *node)
	__attribute__((warn_unused_result));
void acceptor_close(struct acceptor *a);

/* Fills one entry per portal; returns how many. */
size_t acceptor_poll_fds(const struct acceptor *a, struct pollfd fds[static ACCEPTOR_PORTALS_MAX]);
/* Takes what waits at portal i, a bounded number at a time. */
void acceptor_accept(struct acceptor *a, size_t i);

/* The last line of a start: "ready on ADDRESS:PORT[, ...]". */
void acceptor_announce(const struct acceptor *a);

#endif
