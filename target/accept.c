// SPDX-License-Identifier: MIT
/* accept.c - from a portal to a reactor. */
#include "accept.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/config.h"
#include "base/log.h"
#include "iscsi/node.h"
#include "reactor/listen.h"
#include "reactor/sock.h"

#define ACCEPT_BATCH 64

int acceptor_open(struct acceptor *a, const struct config *c, struct iscsi_node *node)
{
	char why[256];
	a->node = node;
	if (c->nportals > ACCEPTOR_PORTALS_MAX) {
		log_error("%zu portals are configured; at most %u are possible", c->nportals,
			  ACCEPTOR_PORTALS_MAX);
		return -E2BIG;
	}
	for (size_t i = 0; i < c->nportals; i++) {
		int fd = listen_open(c->portals[i].address, c->portals[i].port, why, sizeof(why));
		if (fd < 0) {
			log_error("%s:%d: portals.[%zu]: %s", c->path, c->portals[i].line, i, why);
			return fd;
		}
		a->fds[a->n++] = fd;
	}
	return 0;
}

void acceptor_close(struct acceptor *a)
{
	while (a->n)
		close(a->fds[--a->n]);
}

size_t acceptor_poll_fds(const struct acceptor *a, struct pollfd fds[static ACCEPTOR_PORTALS_MAX])
{
	for (size_t i = 0; i < a->n; i++)
		fds[i] = (struct pollfd){.fd = a->fds[i], .events = POLLIN};
	return a->n;
}

static struct reactor *least_loaded(const struct iscsi_node *n)
{
	struct reactor *best = &n->workers[0].reactor;
	for (unsigned i = 1; i < n->nworkers; i++) {
		struct reactor *r = &n->workers[i].reactor;
		if (atomic_load(&r->load) < atomic_load(&best->load))
			best = r;
	}
	return best;
}

/* Each limit has its own count of lines, so that none hides another. */
static void refuse(struct acceptor *a, const struct admission_limit *limit,
		   const struct sockaddr_storage *peer)
{
	static struct log_limit said[COUNTERS];
	char name[80];
	sock_name(peer, name, sizeof(name));
	counter_add(&a->node->accepting, limit->counter, 1);
	log_line_limited(&said[limit->counter], LOG_LEVEL_WARNING,
			 "%s: connection refused: %s is reached", name, limit->name);
}

static void take(struct acceptor *a, int fd, const struct sockaddr_storage *peer)
{
	const struct admission_limit *limit = admission_enter(&a->node->admission, peer);
	if (limit) {
		refuse(a, limit, peer);
		close(fd);
		return;
	}
	int err = reactor_give(least_loaded(a->node), fd, peer);
	if (err) {
		counter_add(&a->node->accepting, COUNT_REFUSED_RESOURCES, 1);
		log_peer(LOG_LEVEL_ERROR, "a connection could not be handed to a reactor: %s",
			 strerror(-err));
		admission_leave(&a->node->admission, peer, true);
		close(fd);
	}
}

void acceptor_accept(struct acceptor *a, size_t i)
{
	for (int n = 0; n < ACCEPT_BATCH; n++) {
		struct sockaddr_storage peer;
		socklen_t len = sizeof(peer);
		int fd = accept4(a->fds[i], (struct sockaddr *)&peer, &len, SOCK_CLOEXEC);
		if (fd >= 0) {
			take(a, fd, &peer);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
			counter_add(&a->node->accepting, COUNT_ACCEPT_FAILED, 1);
			log_peer(LOG_LEVEL_ERROR, "cannot accept a connection: %s",
				 strerror(errno));
			(void)poll(NULL, 0, 100); /* it stays in the queue: do not spin on it */
		}
		return;
	}
}

void acceptor_announce(const struct acceptor *a)
{
	char line[1024] = "";
	size_t used = 0;
	for (size_t i = 0; i < a->n && used < sizeof(line); i++) {
		struct sockaddr_storage ss;
		socklen_t len = sizeof(ss);
		char text[80] = "unknown";
		if (!getsockname(a->fds[i], (struct sockaddr *)&ss, &len))
			sock_name(&ss, text, sizeof(text));
		used += (size_t)snprintf(line + used, sizeof(line) - used, "%s%s", i ? ", " : "",
					 text);
	}
	log_always("ready on %s", line);
}
