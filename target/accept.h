/* SPDX-License-Identifier: MIT */
/* accept.h - the portals: new connections are counted and given to the reactor with the fewest. */
#ifndef MEMTGT_ACCEPT_H
#define MEMTGT_ACCEPT_H

#include <poll.h>
#include <stddef.h>

#include "base/inherit.h"

#define ACCEPTOR_PORTALS_MAX 64u /* NODE_PORTALS_MAX */

struct config;
struct iscsi_node;

struct acceptor {
	struct iscsi_node *node;
	int fds[ACCEPTOR_PORTALS_MAX];
	size_t n;
};

/*
 * Opens every portal of the configuration, or goes on with the socket of it that was kept from an
 * earlier process, where connections wait since. All are given to be kept. 0 or -errno, after a log
 * line.
 */
int acceptor_open(struct acceptor *a, const struct config *c, struct iscsi_node *node)
	__attribute__((warn_unused_result));
/* Closes this process' portals; where they are kept, who connects waits for the next daemon. */
void acceptor_close(struct acceptor *a);
/* Before that: there is to be no next one, so that they are closed altogether. */
void acceptor_forget(const struct acceptor *a);
/* For a program that takes this one's place: fills in names, good until the next call, and
 * descriptors; returns how many. */
size_t acceptor_fds(const struct acceptor *a, struct inherit_fd out[static ACCEPTOR_PORTALS_MAX]);

/* Fills one entry per portal; returns how many. */
size_t acceptor_poll_fds(const struct acceptor *a, struct pollfd fds[static ACCEPTOR_PORTALS_MAX]);
/* Takes what waits at portal i, a bounded number at a time. */
void acceptor_accept(struct acceptor *a, size_t i);

/* The last line of a start: "ready on ADDRESS:PORT[, ...]". */
void acceptor_announce(const struct acceptor *a);

#endif
