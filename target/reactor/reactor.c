// SPDX-License-Identifier: MIT
/*
 * reactor.c - the loop, the mailbox, the thread.
 *
 * Mailbox: a stack that senders push and the reactor takes whole, then turns round. The sender
 * wakes the reactor only if it is asleep; see engine_sleep_begin() for why no message is missed.
 *
 * Each list of ready connections is taken whole at the start of its phase, so that a connection
 * which becomes ready again has its turn only after all others had theirs.
 */
#include "reactor/reactor.h"

#include <assert.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/thread.h"
#include "reactor/conn.h"
#include "reactor/conn_impl.h"
#include "reactor/reactor_impl.h"
#include "reactor/rx.h"
#include "reactor/tx.h"

#define TICK_NS NS_PER_S
/* How long connections may take to come to rest at the end. */
#define STOP_NS (3 * NS_PER_S)

/* ---- mailbox ---- */

void reactor_post(struct reactor *r, struct reactor_msg *m)
{
	struct reactor_msg *head = atomic_load_explicit(&r->mail, memory_order_relaxed);

	do
		m->next = head;
	while (!atomic_compare_exchange_weak(&r->mail, &head, m));
	if (atomic_load(&r->engine->asleep))
		r->engine->ops->wake(r->engine);
}

static void take_mail(struct reactor *r)
{
	struct reactor_msg *m, *next, *in_order = NULL;

	if (!atomic_load_explicit(&r->mail, memory_order_relaxed))
		return;
	for (m = atomic_exchange(&r->mail, NULL); m; m = next) {
		next = m->next;
		m->next = in_order;
		in_order = m;
	}
	for (m = in_order; m; m = next) {
		next = m->next; /* m is run()'s */
		m->run(r, m);
	}
}

static void turn_woken(struct reactor *r)
{
	struct list now;

	list_init(&now);
	list_move_all(&now, &r->wake_wait);
	for (struct list *l; (l = list_pop(&now));) {
		struct conn *c = container_of(l, struct conn, wake_wait);
		c->ops->woken(c);
	}
}

/* Not poked any more first: who pokes from here on finds that out, and posts again. */
static void poke_run(struct reactor *r, struct reactor_msg *m)
{
	(void)m;
	atomic_store(&r->poked, false);
	turn_woken(r);
}

void reactor_wake(struct reactor *r)
{
	if (!atomic_exchange(&r->poked, true))
		reactor_post(r, &r->poke);
}

struct given {
	struct reactor_msg msg;
	int fd;
	struct sockaddr_storage peer;
	uint16_t portal;
};

static void give_run(struct reactor *r, struct reactor_msg *m)
{
	struct given *g = container_of(m, struct given, msg);
	int rc = conn_open(r, g->fd, &g->peer, g->portal);

	if (rc) {
		counter_add(&r->counters, COUNT_REFUSED_RESOURCES, 1);
		log_peer(LOG_LEVEL_WARNING, "a connection was refused: %s", strerror(-rc));
	}
	atomic_fetch_sub(&r->load, 1);
	free(g);
}

/* Counted at once, so that a burst of connections is spread. */
int reactor_give(struct reactor *r, int fd, const struct sockaddr_storage *peer, uint16_t portal)
{
	struct given *g = malloc(sizeof(*g));

	if (!g)
		return -ENOMEM;
	*g = (struct given){.msg.run = give_run, .fd = fd, .peer = *peer, .portal = portal};
	atomic_fetch_add(&r->load, 1);
	reactor_post(r, &g->msg);
	/* cppcheck-suppress memleak ; give_run() frees it */
	return 0;
}

/* ---- a turn ---- */

static void turn_rx(struct reactor *r)
{
	struct list now;

	list_init(&now);
	list_move_all(&now, &r->ready_rx);
	for (struct list *l; (l = list_pop(&now));)
		rx_turn(container_of(l, struct conn, rx_ready));
}

static void turn_slices(struct reactor *r)
{
	struct list now;

	list_init(&now);
	list_move_all(&now, &r->slices);
	for (struct list *l; (l = list_pop(&now));) {
		struct conn *c = container_of(l, struct conn, slice_ready);
		if (c->ops->slice(c))
			conn_want_slice(c);
	}
}

static void turn_tx(struct reactor *r)
{
	struct list now;

	list_init(&now);
	list_move_all(&now, &r->ready_tx);
	for (struct list *l; (l = list_pop(&now));)
		tx_turn(container_of(l, struct conn, tx_ready));
}

static void tidy(struct reactor *r)
{
	bool more = arena_trim(&r->small, REACTOR_TIDY_MAX);

	more |= arena_trim(&r->large, REACTOR_TIDY_MAX);
	more |= arena_trim(&r->batches, REACTOR_TIDY_MAX);
	if (r->o.tidy)
		more |= r->o.tidy(r);
	r->untidy = more;
	r->next_tidy = r->now + REACTOR_TIDY_S * NS_PER_S;
}

static void turn_ticks(struct reactor *r)
{
	if (r->now < r->next_tick)
		return;
	r->next_tick = r->now + TICK_NS;
	if (r->now >= r->next_tidy)
		tidy(r);
	list_for_each (l, &r->all)
		conn_tick(container_of(l, struct conn, link));
	turn_woken(r);
}

/* Is there work that no completion announces? */
static bool has_ready(const struct reactor *r)
{
	return !list_empty(&r->ready_rx) || !list_empty(&r->slices) || !list_empty(&r->gone) ||
	       (!list_empty(&r->ready_tx) && r->batches.used < r->batches.max);
}

static uint64_t wait_until(const struct reactor *r, bool block)
{
	if (!block || has_ready(r))
		return 0;
	return list_empty(&r->all) && !r->untidy ? UINT64_MAX : r->next_tick;
}

static void check_drained(struct reactor *r)
{
	if (!r->stop_deadline || (!list_empty(&r->all) && r->now < r->stop_deadline))
		return;
	if (!list_empty(&r->all)) {
		r->abandoned = true;
		log_error("reactor %u: %u connections did not come to rest and are abandoned",
			  r->o.index, r->conns.used);
	}
	r->stop_deadline = 0;
	sem_post(&r->drained);
}

void reactor_turn(struct reactor *r, bool block)
{
	r->now_stale = true;
	r->engine->ops->wait(r->engine, wait_until(r, block));
	reactor_refresh_now(r);
	take_mail(r);
	turn_rx(r);
	turn_slices(r);
	turn_ticks(r);
	turn_tx(r);
	conn_reap(r);
	check_drained(r);
	if (r->o.quiet)
		r->o.quiet(r);
}

/* ---- beginning and end ---- */

static void close_all(struct reactor *r)
{
	r->stopping = true;
	r->stop_deadline = r->now + STOP_NS;
	list_for_each (l, &r->all) {
		struct conn *c = container_of(l, struct conn, link);
		conn_close(c, CONN_CLOSE_SHUTDOWN);
		conn_drain_end(c);
	}
}

static void drain_run(struct reactor *r, struct reactor_msg *m)
{
	(void)m;
	close_all(r);
}

static void end_run(struct reactor *r, struct reactor_msg *m)
{
	(void)m;
	r->ending = true;
}

static void free_arenas(struct reactor *r)
{
	arena_free(&r->conns);
	arena_free(&r->small);
	arena_free(&r->large);
	arena_free(&r->batches);
}

static int make_arenas(struct reactor *r)
{
	/* clang-format off */
	const struct { struct arena *arena; size_t size; } arenas[] = {
		{&r->conns,   r->o.conn_size},
		{&r->small,   CONN_RX_SMALL},
		{&r->large,   CONN_RX_LARGE},
		{&r->batches, sizeof(struct tx_batch)},
	};
	/* clang-format on */
	for (size_t i = 0; i < sizeof(arenas) / sizeof(arenas[0]); i++) {
		int rc = arena_init(arenas[i].arena, arenas[i].size, r->o.max_conns);
		if (rc) {
			free_arenas(r);
			return rc;
		}
	}
	return 0;
}

/* r is zero but for its options and what the thread's owner needs. */
static int set_up(struct reactor *r, struct engine *e)
{
	assert(r->o.conn_size >= sizeof(struct conn));
	int rc = make_arenas(r);
	if (rc)
		return rc;
	r->owner = r->o.owner;
	list_init(&r->all);
	list_init(&r->ready_rx);
	list_init(&r->ready_tx);
	list_init(&r->slices);
	list_init(&r->wake_wait);
	list_init(&r->gone);
	r->poke.run = poke_run;
	r->drain.run = drain_run;
	r->end.run = end_run;
	r->engine = e;
	e->mail = &r->mail;
	r->now = e->ops->now(e);
	r->next_tick = r->now + TICK_NS;
	return 0;
}

/* What was abandoned may still be touched by its holders: that memory stays. */
static void tear_down(struct reactor *r)
{
	r->engine->ops->close(r->engine);
	r->engine = NULL;
	if (!r->abandoned)
		free_arenas(r);
}

int reactor_init(struct reactor *r, const struct reactor_options *o, struct engine *e)
{
	memset(r, 0, sizeof(*r));
	r->o = *o;
	int rc = set_up(r, e);
	if (rc)
		return rc;
	sem_init(&r->drained, 0, 0);
	rc = o->start ? o->start(r) : 0;
	if (rc) {
		free_arenas(r);
		sem_destroy(&r->drained);
	}
	return rc;
}

void reactor_fini(struct reactor *r)
{
	close_all(r);
	do
		reactor_turn(r, true);
	while (r->stop_deadline);
	take_mail(r);
	if (r->o.stop)
		r->o.stop(r);
	tear_down(r);
	sem_destroy(&r->drained);
}

static void pin(const struct reactor *r)
{
	cpu_set_t set;

	if (r->o.cpu < 0)
		return;
	CPU_ZERO(&set);
	CPU_SET((size_t)r->o.cpu, &set);
	int rc = pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
	if (rc)
		log_warn("reactor %u: cannot be pinned to CPU %d: %s", r->o.index, r->o.cpu,
			 strerror(rc));
}

static int begin(struct reactor *r)
{
	const struct engine_options eo = {.max_ios = r->o.max_conns, .spin_us = r->o.spin_us};
	struct engine *e;
	char name[16];

	snprintf(name, sizeof(name), "reactor-%u", r->o.index % 10000);
	pthread_setname_np(pthread_self(), name);
	pin(r);
	int rc = engine_open(&e, r->o.engine, &eo);
	if (rc)
		return rc;
	rc = set_up(r, e);
	if (rc) {
		e->ops->close(e);
		return rc;
	}
	rc = r->o.start ? r->o.start(r) : 0;
	if (rc)
		tear_down(r);
	return rc;
}

static void sem_wait_whole(sem_t *s)
{
	while (sem_wait(s) && errno == EINTR)
		;
}

static void *thread_main(void *arg)
{
	struct reactor *r = arg;
	int rc = begin(r);

	r->start_error = rc;
	sem_post(&r->started);
	if (rc)
		return NULL;
	while (!r->ending)
		reactor_turn(r, true);
	take_mail(r);
	if (r->o.stop)
		r->o.stop(r);
	/* Who posted may still be looking whether to wake this engine. */
	sem_post(&r->left);
	sem_wait_whole(&r->leave);
	tear_down(r);
	return NULL;
}

static void init_steps(struct reactor *r)
{
	sem_init(&r->started, 0, 0);
	sem_init(&r->drained, 0, 0);
	sem_init(&r->left, 0, 0);
	sem_init(&r->leave, 0, 0);
}

static void destroy_steps(struct reactor *r)
{
	sem_destroy(&r->started);
	sem_destroy(&r->drained);
	sem_destroy(&r->left);
	sem_destroy(&r->leave);
}

static void join(struct reactor *r)
{
	pthread_join(r->thread, NULL);
	destroy_steps(r);
}

/* Signals are the main thread's. */
static int make_thread(struct reactor *r)
{
	sigset_t old;

	thread_block_signals(&old);
	int rc = pthread_create(&r->thread, NULL, thread_main, r);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return -rc;
}

int reactor_start(struct reactor *r, const struct reactor_options *o)
{
	memset(r, 0, sizeof(*r));
	r->o = *o;
	init_steps(r);
	int rc = make_thread(r);
	if (rc) {
		destroy_steps(r);
		return rc;
	}
	sem_wait_whole(&r->started);
	rc = r->start_error;
	if (rc)
		join(r);
	return rc;
}

void reactors_stop(struct reactor *const *r, size_t n)
{
	for (size_t i = 0; i < n; i++)
		reactor_post(r[i], &r[i]->drain);
	for (size_t i = 0; i < n; i++)
		sem_wait_whole(&r[i]->drained);
	for (size_t i = 0; i < n; i++)
		reactor_post(r[i], &r[i]->end);
	for (size_t i = 0; i < n; i++)
		sem_wait_whole(&r[i]->left);
	/* What they posted to each other in their last turns: nobody is there, so here. */
	for (size_t i = 0; i < n; i++)
		take_mail(r[i]);
	for (size_t i = 0; i < n; i++) {
		sem_post(&r[i]->leave);
		join(r[i]);
	}
}

void reactor_stop(struct reactor *r)
{
	reactors_stop(&r, 1);
}
