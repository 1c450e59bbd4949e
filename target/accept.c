// SPDX-License-Identifier: MIT
/* accept.c - from a portal to a reactor. */
#include "accept.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/config.h"
#include "base/log.h"
#include "base/notify.h"
#include "iscsi/node.h"
#include "reactor/listen.h"
#include "reactor/sock.h"

#define ACCEPT_BATCH 64
/* A keeper that does not answer delays the start no further. */
#define ACCEPTOR_BARRIER_MS 5000
/* Fewer than these are warned of. */
#define BACKLOG_WANTED 1024u

/* ---- opening and keeping ---- */

#define PORTAL_NAME_MAX 32u

/* Of portal i, in the order of the configuration. */
static const char *portal_name(char name[static PORTAL_NAME_MAX], size_t i)
{
	snprintf(name, PORTAL_NAME_MAX, "portal-%zu", i);
	return name;
}

static void take_kept(int kept[static ACCEPTOR_PORTALS_MAX])
{
	char name[PORTAL_NAME_MAX];

	for (size_t i = 0; i < ACCEPTOR_PORTALS_MAX; i++)
		kept[i] = inherit_take(portal_name(name, i));
}

/* The kept socket for portal i: that of its number if it fits, else any other that does; -1: none.
 */
static int find_kept(const int kept[static ACCEPTOR_PORTALS_MAX], size_t i,
		     const struct config_portal *p)
{
	if (kept[i] >= 0 && listen_is(kept[i], p->address, p->port))
		return (int)i;
	for (size_t j = 0; j < ACCEPTOR_PORTALS_MAX; j++)
		if (kept[j] >= 0 && listen_is(kept[j], p->address, p->port))
			return (int)j;
	return -1;
}

/* Those with a port of the configuration choose first: port 0 takes whatever is left. */
static void adopt_kept(struct acceptor *a, const struct config *c,
		       int kept[static ACCEPTOR_PORTALS_MAX], bool with_port)
{
	for (size_t i = 0; i < c->nportals; i++) {
		if ((c->portals[i].port != 0) != with_port)
			continue;
		int j = find_kept(kept, i, &c->portals[i]);
		a->fds[i] = j < 0 ? -1 : kept[j];
		if (j >= 0)
			kept[j] = -1;
	}
}

/* Names that are not to stay with what they are now. They are gone before a new socket is opened
 * that could want the same port, and before the name is given anew. */
static void forget_kept(const struct acceptor *a, const int was[static ACCEPTOR_PORTALS_MAX],
			const int rest[static ACCEPTOR_PORTALS_MAX])
{
	char name[PORTAL_NAME_MAX];
	bool any = false;

	for (size_t i = 0; i < ACCEPTOR_PORTALS_MAX; i++) {
		if (was[i] < 0 || (i < a->n && a->fds[i] == was[i]))
			continue;
		notify_forget(portal_name(name, i));
		any = true;
		if (rest[i] >= 0)
			close(rest[i]);
	}
	if (any)
		(void)notify_barrier(ACCEPTOR_BARRIER_MS);
}

static void adopt(struct acceptor *a, const struct config *c)
{
	int was[ACCEPTOR_PORTALS_MAX], rest[ACCEPTOR_PORTALS_MAX];

	take_kept(was);
	memcpy(rest, was, sizeof(rest));
	a->n = c->nportals;
	adopt_kept(a, c, rest, true);
	adopt_kept(a, c, rest, false);
	forget_kept(a, was, rest);
}

_Static_assert(ACCEPTOR_PORTALS_MAX == NODE_PORTALS_MAX, "a port for each portal");

/* Discovery tells it, also where the configuration leaves it to us. */
static void note_port(struct iscsi_node *node, size_t i, int fd)
{
	struct sockaddr_storage at;
	socklen_t len = sizeof(at);

	if (getsockname(fd, (struct sockaddr *)&at, &len))
		return;
	if (at.ss_family == AF_INET)
		node->ports[i] = ntohs(((const struct sockaddr_in *)(const void *)&at)->sin_port);
	else if (at.ss_family == AF_INET6)
		node->ports[i] = ntohs(((const struct sockaddr_in6 *)(const void *)&at)->sin6_port);
}

static int open_portal(struct acceptor *a, const struct config *c, size_t i)
{
	const struct config_portal *p = &c->portals[i];
	char why[256], name[PORTAL_NAME_MAX];

	if (a->fds[i] < 0) {
		a->fds[i] = listen_open(p->address, p->port, why, sizeof(why));
		if (a->fds[i] < 0) {
			log_error("%s:%d: portals.[%zu]: %s", c->path, p->line, i, why);
			return a->fds[i];
		}
	}
	note_port(a->node, i, a->fds[i]);
	/* Without it the daemon serves as well; only a restart refuses connections. */
	(void)notify_store(portal_name(name, i), a->fds[i]);
	return 0;
}

int acceptor_open(struct acceptor *a, const struct config *c, struct iscsi_node *node)
{
	int err = 0;

	a->node = node;
	if (c->nportals > ACCEPTOR_PORTALS_MAX) {
		log_error("%zu portals are configured; at most %u are possible", c->nportals,
			  ACCEPTOR_PORTALS_MAX);
		return -E2BIG;
	}
	adopt(a, c);
	for (size_t i = 0; !err && i < a->n; i++)
		err = open_portal(a, c, i);
	if (!err && notify_keeps() && listen_backlog() < BACKLOG_WANTED)
		log_warn("net.core.somaxconn is %u: if more connect during a restart of memtgtd, "
			 "they wait longer (sysctl net.core.somaxconn=4096)",
			 listen_backlog());
	return err;
}

void acceptor_close(struct acceptor *a)
{
	while (a->n)
		if (a->fds[--a->n] >= 0)
			close(a->fds[a->n]);
}

void acceptor_forget(const struct acceptor *a)
{
	char name[PORTAL_NAME_MAX];

	for (size_t i = 0; i < a->n; i++)
		notify_forget(portal_name(name, i));
	if (a->n)
		(void)notify_barrier(ACCEPTOR_BARRIER_MS);
}

size_t acceptor_fds(const struct acceptor *a, struct inherit_fd out[static ACCEPTOR_PORTALS_MAX])
{
	static char names[ACCEPTOR_PORTALS_MAX][PORTAL_NAME_MAX];

	for (size_t i = 0; i < a->n; i++)
		out[i] = (struct inherit_fd){.name = portal_name(names[i], i), .fd = a->fds[i]};
	return a->n;
}

/* ---- accepting ---- */

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

static void take(struct acceptor *a, int fd, const struct sockaddr_storage *peer, uint16_t group)
{
	const struct admission_limit *limit = admission_enter(&a->node->admission, peer);
	if (limit) {
		refuse(a, limit, peer);
		close(fd);
		return;
	}
	int err = reactor_give(least_loaded(a->node), fd, peer, group);
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
			take(a, fd, &peer, a->node->config->portals[i].group);
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
