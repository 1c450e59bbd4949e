// SPDX-License-Identifier: MIT
/*
 * tx.c - batches: every answer that is ready, in one sendmsg.
 *
 * At most one batch of a connection is outstanding; what becomes ready meanwhile goes into the next
 * one, so batches grow with the load. After each batch that was sent fill() is asked again: the
 * upper layer need not repeat conn_want_send() for what did not fit.
 */
#include "reactor/tx.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "reactor/conn.h"
#include "reactor/conn_impl.h"
#include "reactor/reactor_impl.h"

/* Lengthens the last iovec if `p` follows it in memory. False: no iovec is free. */
static bool append(struct tx_batch *b, const void *p, size_t n)
{
	struct iovec *last = b->niov ? &b->iov[b->niov - 1] : NULL;

	if (last && (uint8_t *)last->iov_base + last->iov_len == (const uint8_t *)p) {
		last->iov_len += n;
	} else {
		if (b->niov == TX_IOVS)
			return false;
		/* sendmsg() does not write through it. */
		b->iov[b->niov++] = (struct iovec){.iov_base = (void *)(uintptr_t)p, .iov_len = n};
	}
	b->bytes += n;
	return true;
}

uint8_t *tx_header(struct tx_batch *b, size_t n)
{
	uint8_t *p = b->hdr + b->hdr_used;

	assert(n);
	if (n > TX_HDR_BYTES - b->hdr_used || !append(b, p, n))
		return NULL;
	b->hdr_used += (uint32_t)n;
	return p;
}

bool tx_data(struct tx_batch *b, const void *p, size_t n)
{
	if (!n)
		return true;
	return n <= tx_data_room(b) && append(b, p, n);
}

/* Each PDU has a header before its data and may have a digest after it: two more iovecs. */
bool tx_room(const struct tx_batch *b, unsigned iovs, size_t hdr)
{
	return b->pdus < TX_PDUS_MAX && iovs + 2 <= TX_IOVS - b->niov &&
	       hdr <= TX_HDR_BYTES - b->hdr_used && tx_data_room(b) > 0;
}

static struct tx_batch *batch_get(struct reactor *r)
{
	struct tx_batch *b = arena_get(&r->batches);

	if (!b)
		return NULL;
	/* Not the arrays: they are large, and written before they are read. */
	b->bytes = 0;
	b->niov = b->pdus = b->pin = 0;
	b->hdr_used = 0;
	b->pinned = false;
	list_init(&b->done);
	b->bounce = NULL;
	return b;
}

static void send_batch(struct conn *c, struct tx_batch *b)
{
	struct engine *e = c->reactor->engine;

	memset(&b->msg, 0, sizeof(b->msg));
	b->msg.msg_iov = b->iov;
	b->msg.msg_iovlen = b->niov;
	c->batch = b;
	c->last_tx = c->reactor->now;
	e->ops->send(e, &c->io, &b->msg, b->bytes);
}

void tx_turn(struct conn *c)
{
	struct reactor *r = c->reactor;

	if (c->is_dead || c->batch)
		return;
	struct tx_batch *b = batch_get(r);
	if (!b) {
		list_add_tail(&r->ready_tx, &c->tx_ready);
		return;
	}
	c->ops->fill(c, b);
	if (b->niov && !c->is_dead) {
		send_batch(c, b);
		return;
	}
	if (b->niov)
		c->ops->sent(c, b, -ECONNABORTED); /* closed by fill(), which began a batch */
	arena_put(&r->batches, b);
	if (c->close_after_send && !c->is_dead)
		conn_all_sent(c);
}

void tx_sent(struct conn *c, int err)
{
	struct tx_batch *b = c->batch;

	c->batch = NULL;
	if (!err)
		c->last_tx = c->reactor->now;
	else if (!c->is_dead)
		conn_close_error(c, err);
	c->ops->sent(c, b, err);
	arena_put(&c->reactor->batches, b);
	conn_want_send(c);
}

void conn_want_send(struct conn *c)
{
	if (!c->is_dead && !c->batch && list_empty(&c->tx_ready))
		list_add_tail(&c->reactor->ready_tx, &c->tx_ready);
}
