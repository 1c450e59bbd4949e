// SPDX-License-Identifier: MIT
/* worker.c - a reactor with the pools its sessions need, and what the node says to all of them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>

#include "base/log.h"
#include "iscsi/chap.h"
#include "iscsi/ask.h"
#include "iscsi/async.h"
#include "iscsi/session.h"
#include "iscsi/task.h"

/* Tags hold 20 bits of a task's index: task.c. */
#define TASKS_MAX ((1u << 20) - 2)
/* Buffers of the SCSI layer at once; a command that finds none is answered BUSY. */
#define SCSI_BUFS_MAX 65536u

static uint32_t bounded(uint64_t n, uint32_t max)
{
	return n < max ? (uint32_t)n : max;
}

/* Each pool's ceiling follows from the limits; memory is used only as it is needed. */
static int init_pools(struct iscsi_worker *w)
{
	const struct config_limits *l = &w->node->config->limits;
	/* A task outlives its answer until the batch was sent: one batch more per connection. */
	uint64_t tasks = (uint64_t)l->connections * (l->queue_depth + IMMEDIATE_MAX + TX_PDUS_MAX);
	uint32_t replies = bounded((uint64_t)l->connections * (REPLIES_MAX + 4), UINT32_MAX);

	if (arena_init(&w->tasks, sizeof(struct task), bounded(tasks, TASKS_MAX)) ||
	    arena_init(&w->replies, sizeof(struct reply), replies) ||
	    arena_init(&w->bufs, REPLY_DATA_MAX, replies) ||
	    arena_init(&w->bounces, BOUNCE_SIZE, l->connections) ||
	    scsi_worker_init(&w->scsi, w->reader, bounded(tasks, SCSI_BUFS_MAX)))
		return -ENOMEM;
	return 0;
}

static void free_pools(struct iscsi_worker *w)
{
	scsi_worker_free(&w->scsi);
	arena_free(&w->bounces);
	arena_free(&w->bufs);
	arena_free(&w->replies);
	arena_free(&w->tasks);
}

static int on_start(struct reactor *r)
{
	int err = init_pools(r->owner);
	if (err)
		free_pools(r->owner);
	return err;
}

static void on_quiet(struct reactor *r)
{
	struct iscsi_worker *w = r->owner;
	scsi_quiet(&w->scsi);
}

static bool on_tidy(struct reactor *r)
{
	struct iscsi_worker *w = r->owner;
	bool more = arena_trim(&w->bufs, REACTOR_TIDY_MAX);
	more |= arena_trim(&w->bounces, REACTOR_TIDY_MAX);
	more |= arena_trim(&w->scsi.bufs, REACTOR_TIDY_MAX);
	more |= arena_trim(&w->scsi.wholes, REACTOR_TIDY_MAX);
	return more;
}

static void on_refused(struct reactor *r, const struct sockaddr_storage *peer)
{
	struct iscsi_worker *w = r->owner;
	admission_leave(&w->node->admission, peer, true);
}

static void on_stop(struct reactor *r)
{
	free_pools(r->owner);
}

static void options(struct iscsi_node *n, unsigned i, int cpu, struct reactor_options *o)
{
	const struct config *c = n->config;
	*o = (struct reactor_options){
		.index = i,
		.cpu = cpu,
		.spin_us = get_nprocs() > 1 ? c->reactor.spin_us : 0,
		.max_conns = c->limits.connections,
		.conn_ops = &session_conn_ops,
		.conn_size = sizeof(struct session),
		.owner = &n->workers[i],
		.start = on_start,
		.quiet = on_quiet,
		.stop = on_stop,
		.tidy = on_tidy,
		.refused = on_refused,
	};
	memcpy(o->engine, c->reactor.engine, sizeof(o->engine));
	n->workers[i].node = n;
}

int iscsi_worker_start(struct iscsi_node *n, unsigned i, int cpu)
{
	struct reactor_options o;
	options(n, i, cpu, &o);
	return reactor_start(&n->workers[i].reactor, &o);
}

int iscsi_worker_init(struct iscsi_node *n, unsigned i, struct engine *e)
{
	struct reactor_options o;
	options(n, i, -1, &o);
	return reactor_init(&n->workers[i].reactor, &o, e);
}

/* ---- to one session, from any thread ---- */

struct note {
	struct reactor_msg msg; /* first */
	struct session_ref to;
};

/* Without memory the note cannot be lost silently: the session that waits has its login limit,
 * and the one that should end is found again by the next login. */
static void post_note(struct session_ref to, void (*run)(struct reactor *, struct reactor_msg *))
{
	struct note *n = calloc(1, sizeof(*n));
	if (!n) {
		log_peer(LOG_LEVEL_ERROR, "no memory for a message to a session");
		return;
	}
	n->msg.run = run;
	n->to = to;
	reactor_post(to.reactor, &n->msg);
}

static struct session *take_note(struct reactor_msg *m)
{
	struct note *n = container_of(m, struct note, msg);
	struct session *s = session_at(n->to);
	free(n);
	return s;
}

static void run_end(struct reactor *r, struct reactor_msg *m)
{
	struct session *s = take_note(m);
	(void)r;
	if (s)
		conn_close(&s->conn, CONN_CLOSE_REPLACED);
}

static void run_alone(struct reactor *r, struct reactor_msg *m)
{
	struct session *s = take_note(m);
	(void)r;
	if (s && s->state == SESSION_JOINING)
		login_joined(s);
}

static void post_end(struct session_ref who)
{
	post_note(who, run_end);
}

static void post_alone(struct session_ref who)
{
	post_note(who, run_alone);
}

/* ---- the node ---- */

int iscsi_node_init(struct iscsi_node *n)
{
	directory_init(&n->directory, post_end, post_alone);
	if (n->config->ncredentials)
		chap_prepare();
	return admission_init(&n->admission, &n->config->limits);
}

void iscsi_node_free(struct iscsi_node *n)
{
	admission_free(&n->admission);
	directory_free(&n->directory);
}

void iscsi_node_counters(const struct iscsi_node *n, uint64_t sum[static COUNTERS])
{
	memset(sum, 0, COUNTERS * sizeof(sum[0]));
	counters_get(&n->accepting, sum);
	counters_get(&n->control, sum);
	for (unsigned i = 0; i < n->nworkers; i++)
		counters_get(&n->workers[i].reactor.counters, sum);
}

unsigned iscsi_node_connections(const struct iscsi_node *n)
{
	unsigned sum = 0;
	for (unsigned i = 0; i < n->nworkers; i++)
		sum += atomic_load(&n->workers[i].reactor.load);
	return sum;
}

static void run_drain(struct ask *a, struct ask_part *p, struct reactor *reactor)
{
	(void)a;
	(void)p;
	list_for_each_safe (it, next, &reactor->all) {
		struct session *s = session_of(container_of(it, struct conn, link));
		if (s->conn.is_dead)
			continue;
		if (s->state == SESSION_FULL && !s->params.discovery)
			async_ask_logout(s);
		else if (s->state != SESSION_ENDING)
			conn_close(&s->conn, CONN_CLOSE_SHUTDOWN);
	}
}

static const struct ask_kind drain_kind = {
	.size = sizeof(struct ask),
	.part_size = sizeof(struct ask_part),
	.run = run_drain,
};

void iscsi_node_drain(struct iscsi_node *n)
{
	struct ask *a = ask_new(n, &drain_kind);

	n->stopping = true;
	if (!a)
		return; /* the connections are closed without asking */
	ask_post(a);
	ask_leave(a);
}

void iscsi_node_stop(struct iscsi_node *n)
{
	struct reactor **all = calloc(n->nworkers + 1, sizeof(*all));
	if (!all) {
		log_error("no memory to stop in order");
		abort();
	}
	for (unsigned i = 0; i < n->nworkers; i++)
		all[i] = &n->workers[i].reactor;
	reactors_stop(all, n->nworkers);
	free(all);
}
