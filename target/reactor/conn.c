// SPDX-License-Identifier: MIT
/*
 * conn.c - the life of a connection.
 *
 * OPEN -> DEAD -> gone. conn_close() may be called from any callback, so it frees nothing: it says
 * dead(), shuts the socket down and leaves the rest to conn_reap() at the end of a turn, when no
 * callback of the connection is running. The connection is on r->gone while something may have
 * brought it to rest; conn_reap() looks whether that is so.
 *
 * An orderly end (conn_close_after_send) sends FIN and waits a little for the peer's: closing a
 * socket that holds unread bytes makes the kernel send RST, which may destroy the last response on
 * its way.
 */
#include "reactor/conn.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "base/counters.h"
#include "base/log.h"
#include "reactor/conn_impl.h"
#include "reactor/reactor_impl.h"
#include "reactor/rx.h"
#include "reactor/sock.h"
#include "reactor/tx.h"

/* How long an orderly end waits for the peer's EOF; seen by the next tick. */
#define DRAIN_NS NS_PER_S
/* Without input for this long, a large look-ahead buffer is given back. */
#define IDLE_NS NS_PER_S

static const struct {
	const char *text;
	enum counter counter;
} ends[] = {
#define CONN_END(id, name, text_) [CONN_CLOSE_##id] = {text_, COUNT_ENDED_##id},
#include "tbl/counters.def"
};

const char *conn_close_reason_text(enum conn_close_reason why)
{
	assert(why < sizeof(ends) / sizeof(ends[0]));
	return ends[why].text;
}

/* ---- the engine's callbacks ---- */

static bool at_rest(const struct conn *c)
{
	return c->is_dead && !c->draining && !c->io.receiving && !c->io.sending && !c->batch &&
	       !c->holds;
}

static void maybe_gone(struct conn *c)
{
	if (at_rest(c) && list_empty(&c->gone_ready))
		list_add_tail(&c->reactor->gone, &c->gone_ready);
}

static void on_received(struct engine_io *io, int64_t n)
{
	struct conn *c = container_of(io, struct conn, io);

	reactor_refresh_now(c->reactor);
	rx_received(c, n);
	maybe_gone(c);
}

static void on_sent(struct engine_io *io, int err)
{
	struct conn *c = container_of(io, struct conn, io);

	reactor_refresh_now(c->reactor);
	tx_sent(c, err);
	maybe_gone(c);
}

static const struct engine_io_ops io_ops = {.received = on_received, .sent = on_sent};

/* ---- opening ---- */

static void init(struct conn *c, struct reactor *r, int fd, const struct sockaddr_storage *peer)
{
	static _Atomic uint32_t last_id;
	uint32_t generation = c->generation;
	socklen_t len = sizeof(c->local);

	memset(c, 0, sizeof(*c));
	c->generation = generation;
	c->id = atomic_fetch_add(&last_id, 1) + 1;
	c->reactor = r;
	c->ops = r->o.conn_ops;
	c->io.ops = &io_ops;
	c->io.fd = fd;
	c->io.slot = arena_index(&r->conns, c);
	list_init(&c->link);
	list_init(&c->rx_ready);
	list_init(&c->tx_ready);
	list_init(&c->slice_ready);
	list_init(&c->wake_wait);
	list_init(&c->gone_ready);
	c->last_rx = c->last_tx = r->now;
	c->peer = *peer;
	(void)getsockname(fd, (struct sockaddr *)&c->local, &len);
	sock_name(&c->peer, c->peer_name, sizeof(c->peer_name));
}

/* Forgets a connection that is at rest, but for its descriptor. */
static void drop(struct conn *c)
{
	struct reactor *r = c->reactor;

	rx_free(c);
	list_del(&c->link);
	list_del(&c->rx_ready);
	list_del(&c->tx_ready);
	list_del(&c->slice_ready);
	list_del(&c->wake_wait);
	list_del(&c->gone_ready);
	c->generation++;
	r->untidy = true;
	arena_put(&r->conns, c);
}

int conn_open(struct reactor *r, int fd, const struct sockaddr_storage *peer, uint16_t portal)
{
	struct conn *c = r->stopping ? NULL : arena_get(&r->conns);
	int rc;

	if (!c) {
		rc = r->stopping ? -ESHUTDOWN : -EBUSY;
		goto err_fd;
	}
	init(c, r, fd, peer);
	c->portal = portal;
	sock_tune(fd);
	rc = r->engine->ops->add(r->engine, &c->io);
	if (rc)
		goto err_slot;
	list_add_tail(&r->all, &c->link);
	rc = c->ops->opened(c);
	if (rc)
		goto err_io;
	atomic_fetch_add(&r->load, 1);
	counter_add(&r->counters, COUNT_ACCEPTED, 1);
	rx_begin(c);
	return 0;
err_io:
	if (r->o.refused)
		r->o.refused(r, peer);
	r->engine->ops->close_io(r->engine, &c->io);
	drop(c);
	return rc;
err_slot:
	drop(c);
err_fd:
	if (r->o.refused)
		r->o.refused(r, peer);
	close(fd);
	return rc;
}

/* ---- the end ---- */

static void mark_dead(struct conn *c, enum conn_close_reason why)
{
	c->is_dead = true;
	counter_add(&c->reactor->counters, ends[why].counter, 1);
	list_del(&c->rx_ready);
	list_del(&c->tx_ready);
	list_del(&c->slice_ready);
	list_del(&c->wake_wait);
	c->ops->dead(c, why);
}

static void shut(struct conn *c)
{
	struct engine *e = c->reactor->engine;

	e->ops->shutdown(e, &c->io);
	maybe_gone(c);
}

void conn_close(struct conn *c, enum conn_close_reason why)
{
	if (c->is_dead)
		return;
	/* What the peer does not take must not stay in the kernel after us. */
	if (c->batch)
		sock_forget_unsent(c->io.fd);
	mark_dead(c, why);
	shut(c);
}

void conn_close_error(struct conn *c, int err)
{
	log_peer(LOG_LEVEL_INFO, "%s: %s", c->peer_name, strerror(-err));
	bool by_peer = err == -ECONNRESET || err == -EPIPE;
	conn_close(c, by_peer ? CONN_CLOSE_PEER_RESET : CONN_CLOSE_ERROR);
}

void conn_trust(struct conn *c)
{
	c->rx_may_grow = true;
}

void conn_close_after_send(struct conn *c, enum conn_close_reason why)
{
	if (c->is_dead || c->close_after_send)
		return;
	c->close_after_send = true;
	c->close_why = why;
	list_del(&c->rx_ready);
	conn_want_send(c);
}

void conn_all_sent(struct conn *c)
{
	struct engine *e = c->reactor->engine;

	mark_dead(c, c->close_why);
	if (c->rx_eof) {
		shut(c);
		return;
	}
	c->draining = true;
	c->drain_until = c->reactor->now + DRAIN_NS;
	e->ops->end_send(e, &c->io);
	rx_discard(c);
}

void conn_drain_end(struct conn *c)
{
	if (!c->draining)
		return;
	c->draining = false;
	shut(c);
}

static void finish(struct conn *c)
{
	struct reactor *r = c->reactor;

	c->ops->closed(c);
	r->engine->ops->close_io(r->engine, &c->io);
	if (c->on_gone)
		c->on_gone(c);
	atomic_fetch_sub(&r->load, 1);
	drop(c);
}

void conn_reap(struct reactor *r)
{
	struct list at_end;

	list_init(&at_end);
	list_move_all(&at_end, &r->gone);
	for (struct list *l; (l = list_pop(&at_end));) {
		struct conn *c = container_of(l, struct conn, gone_ready);
		if (at_rest(c))
			finish(c);
	}
}

void conn_hold(struct conn *c)
{
	c->holds++;
}

void conn_release(struct conn *c)
{
	assert(c->holds);
	c->holds--;
	maybe_gone(c);
}

/* ---- time, and turns ---- */

/* A slow peer may take long for a batch: what it acknowledged meanwhile shows that it reads. */
static void note_progress(struct conn *c)
{
	uint64_t acked = sock_acked(c->io.fd);

	if (acked != c->tx_acked)
		c->last_tx = c->reactor->now;
	c->tx_acked = acked;
}

void conn_tick(struct conn *c)
{
	uint64_t now = c->reactor->now;

	if (c->draining && now >= c->drain_until)
		conn_drain_end(c);
	if (c->is_dead)
		return;
	if (c->rx_cap == CONN_RX_LARGE && now - c->last_rx > IDLE_NS)
		c->rx_idle = true;
	if (c->batch && now - c->last_tx >= NS_PER_S)
		note_progress(c);
	c->ops->tick(c, now);
}

void conn_want_slice(struct conn *c)
{
	if (!c->is_dead && list_empty(&c->slice_ready))
		list_add_tail(&c->reactor->slices, &c->slice_ready);
}

void conn_want_wake(struct conn *c)
{
	if (!c->is_dead && list_empty(&c->wake_wait))
		list_add_tail(&c->reactor->wake_wait, &c->wake_wait);
}
