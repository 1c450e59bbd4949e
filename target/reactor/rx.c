// SPDX-License-Identifier: MIT
/*
 * rx.c - the look-ahead: bytes in, offered to the upper layer until it took them.
 *
 * rx_buf holds bytes [rx_start, rx_end) that wait for input(). While a receive is outstanding, the
 * engine owns [rx_end, rx_cap) and the buffer is neither moved nor exchanged. A connection that may
 * read is always in exactly one of these states, so that none is forgotten:
 *   - a receive is outstanding: rx_received() goes on;
 *   - it is in ready_rx: rx_turn() goes on;
 *   - it is paused: conn_resume_rx() goes on.
 */
#include "reactor/rx.h"

#include <assert.h>
#include <string.h>

#include "base/log.h"
#include "reactor/conn.h"
#include "reactor/conn_impl.h"
#include "reactor/reactor_impl.h"

static bool may_read(const struct conn *c)
{
	return !c->is_dead && !c->close_after_send && !c->rx_paused;
}

static void ready(struct conn *c)
{
	if (list_empty(&c->rx_ready))
		list_add_tail(&c->reactor->ready_rx, &c->rx_ready);
}

static struct arena *arena_of(struct conn *c, size_t cap)
{
	return cap == CONN_RX_SMALL ? &c->reactor->small : &c->reactor->large;
}

void rx_free(struct conn *c)
{
	if (c->rx_buf)
		arena_put(arena_of(c, c->rx_cap), c->rx_buf);
	c->rx_buf = NULL;
	c->rx_cap = c->rx_start = c->rx_end = 0;
}

/* Exchanges the buffer for one of `cap` bytes, with what is left in the old one. */
static void exchange(struct conn *c, size_t cap)
{
	size_t left = c->rx_end - c->rx_start;
	uint8_t *p = arena_get(arena_of(c, cap));

	/* One of each size for each connection. */
	assert(p && left <= cap);
	if (left)
		memcpy(p, c->rx_buf + c->rx_start, left);
	rx_free(c);
	c->rx_buf = p;
	c->rx_cap = cap;
	c->rx_end = left;
}

/* Makes room at the end of the buffer. False: it is full, and as large as it gets. */
static bool make_room(struct conn *c)
{
	size_t left = c->rx_end - c->rx_start;

	if (!left && (!c->rx_buf || (c->rx_idle && c->rx_cap == CONN_RX_LARGE)))
		exchange(c, CONN_RX_SMALL);
	c->rx_idle = false;
	if (c->rx_cap == CONN_RX_SMALL && c->rx_grow && c->rx_may_grow)
		exchange(c, CONN_RX_LARGE);
	c->rx_grow = false;
	if (!left)
		c->rx_start = c->rx_end = 0;
	if (c->rx_start && c->rx_cap - c->rx_end < c->rx_cap / 2) {
		memmove(c->rx_buf, c->rx_buf + c->rx_start, left);
		c->rx_start = 0;
		c->rx_end = left;
	}
	return c->rx_end < c->rx_cap;
}

static void arm(struct conn *c)
{
	struct engine *e = c->reactor->engine;

	if (!make_room(c)) {
		log_peer(LOG_LEVEL_WARNING,
			 "%s: %zu bytes were received of which none can be used; connection closed",
			 c->peer_name, c->rx_cap);
		conn_close(c, CONN_CLOSE_PROTOCOL);
		return;
	}
	e->ops->recv(e, &c->io, c->rx_buf + c->rx_end, c->rx_cap - c->rx_end);
}

/* True: it took some, and may take more at once. */
static bool offer(struct conn *c)
{
	size_t n = c->rx_end - c->rx_start;

	if (!n)
		return false;
	size_t taken = c->ops->input(c, c->rx_buf + c->rx_start, n);
	assert(taken <= n);
	c->rx_start += taken;
	return taken && taken < n;
}

void rx_begin(struct conn *c)
{
	if (may_read(c))
		ready(c);
}

void rx_turn(struct conn *c)
{
	if (!may_read(c) || c->io.receiving)
		return;
	bool more = offer(c);
	if (!may_read(c))
		return;
	if (more)
		ready(c);
	else if (c->rx_eof)
		conn_close_after_send(c, CONN_CLOSE_PEER);
	else
		arm(c);
}

static void discarded(struct conn *c, int64_t n)
{
	if (n > 0)
		rx_discard(c);
	else
		conn_drain_end(c);
}

void rx_received(struct conn *c, int64_t n)
{
	if (c->is_dead && c->draining) {
		discarded(c, n);
		return;
	}
	if (c->is_dead)
		return;
	if (n < 0) {
		conn_close_error(c, (int)n);
		return;
	}
	if (n == 0) {
		c->rx_eof = true;
	} else {
		c->rx_end += (size_t)n;
		c->rx_grow = c->rx_end == c->rx_cap;
		c->last_rx = c->reactor->now;
	}
	if (may_read(c))
		ready(c);
}

void rx_discard(struct conn *c)
{
	struct engine *e = c->reactor->engine;

	if (c->io.receiving)
		return;
	c->rx_start = c->rx_end = 0;
	if (!c->rx_buf)
		exchange(c, CONN_RX_SMALL);
	e->ops->recv(e, &c->io, c->rx_buf, c->rx_cap);
}

void conn_pause_rx(struct conn *c)
{
	c->rx_paused = true;
}

void conn_resume_rx(struct conn *c)
{
	c->rx_paused = false;
	if (may_read(c) && !c->io.receiving)
		ready(c);
}
