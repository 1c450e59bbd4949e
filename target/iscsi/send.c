// SPDX-License-Identifier: MIT
/*
 * send.c - what is ready becomes PDUs in a batch.
 *
 * Numbers (StatSN, DataSN, MaxCmdSN) are given here, when a PDU is laid out, so they are in the
 * order of sending whatever the order of completion was.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "iscsi/cmdsn.h"
#include "iscsi/session.h"
#include "iscsi/task.h"
#include "pdu/digest.h"

/* Room that any PDU without data needs: header, both digests, padding. */
#define HDR_ROOM (ISCSI_BHS_LEN + 2 * ISCSI_DIGEST_LEN + 4)
/* A Data-In PDU's pieces: at most so many pages or regions, and its header and trailer. */
#define DATA_IOVS 8u

void tx_queue(struct session *s, struct tx_item *i)
{
	if (list_empty(&i->link))
		list_add_tail(&s->out, &i->link);
	conn_want_send(&s->conn);
}

/* ---- one PDU ---- */

/* The header, with its digest, in front of `len` bytes of data. Cannot fail: room was asked for. */
static void put_header(struct session *s, struct tx_batch *b, void *bhs, uint32_t len)
{
	put24(&((struct bhs *)bhs)->data_len, len);
	uint8_t *h = tx_header(b, ISCSI_BHS_LEN + (s->tx_header_digest ? ISCSI_DIGEST_LEN : 0));
	assert(h);
	memcpy(h, bhs, ISCSI_BHS_LEN);
	if (s->tx_header_digest)
		digest_final(digest_update(DIGEST_INIT, h, ISCSI_BHS_LEN), h + ISCSI_BHS_LEN);
	b->pdus++;
}

/* Padding and data digest behind `len` bytes of data whose CRC so far is `crc`. */
static void put_trailer(struct session *s, struct tx_batch *b, size_t len, uint32_t crc)
{
	static const uint8_t zero[4];
	size_t pad = ISCSI_PAD(len);
	if (pad) {
		uint8_t *p = tx_header(b, pad);
		memset(p, 0, pad);
	}
	if (s->tx_data_digest && len) {
		uint8_t *p = tx_header(b, ISCSI_DIGEST_LEN);
		digest_final(digest_update(crc, zero, pad), p);
	}
}

/* Data of our own making that stays where it is until the batch was sent. */
static void put_data(struct session *s, struct tx_batch *b, const void *p, uint32_t len)
{
	if (!len)
		return;
	bool fits = tx_data(b, p, len);
	assert(fits);
	put_trailer(s, b, len, s->tx_data_digest ? digest_update(DIGEST_INIT, p, len) : 0);
}

/* StatSN, ExpCmdSN, MaxCmdSN lie at the same place in all responses: 11.4, 11.6, 11.7, ... */
static void put_numbers(struct session *s, void *bhs, bool takes_statsn)
{
	struct bhs_data_in *h = bhs;
	put32(&h->statsn, s->statsn);
	if (takes_statsn)
		s->statsn++;
	put32(&h->exp_cmdsn, s->exp_cmdsn);
	put32(&h->max_cmdsn, cmdsn_max(s));
}

/* ---- replies ---- */

static bool send_reply(struct session *s, struct tx_batch *b, struct reply *r)
{
	if (!tx_room(b, 2, HDR_ROOM) || r->data_len > tx_data_room(b))
		return false;
	put_numbers(s, &r->bhs, r->takes_statsn);
	put_header(s, b, &r->bhs, r->data_len);
	put_data(s, b, r->data, r->data_len);
	if (r->digests_on) {
		s->tx_header_digest = s->params.header_digest;
		s->tx_data_digest = s->params.data_digest;
	}
	list_del(&r->tx.link);
	list_add_tail(&b->done, &r->tx.link);
	return true;
}

/* ---- tasks ---- */

static bool send_r2ts(struct session *s, struct tx_batch *b, struct task *t)
{
	while (t->r2t_out < s->params.max_outstanding_r2t && t->r2t_off < t->scsi.out_len) {
		if (!tx_room(b, 1, HDR_ROOM))
			return false;
		uint64_t len = t->scsi.out_len - t->r2t_off;
		if (len > s->params.max_burst_length)
			len = s->params.max_burst_length;
		struct bhs_r2t h = {.opcode = ISCSI_OP_R2T, .flags = ISCSI_FINAL};
		memcpy(h.lun, t->scsi.lun, sizeof(h.lun));
		put32(&h.itt, t->itt);
		put32(&h.ttt, task_next_ttt(t));
		put32(&h.r2tsn, t->r2tsn++);
		put32(&h.offset, t->r2t_off);
		put32(&h.desired_len, (uint32_t)len);
		put_numbers(s, &h, false);
		put_header(s, b, &h, 0);
		t->r2t_off += (uint32_t)len;
		t->r2t_out++;
		s->data_at = s->conn.reactor->now;
	}
	list_del(&t->tx.link);
	return true;
}

static void end_task(struct tx_batch *b, struct task *t)
{
	list_del(&t->tx.link);
	list_add_tail(&b->done, &t->tx.link);
	task_done(t);
}

/* 11.4. Sense data goes with its length in front: 11.4.7.1. */
static bool send_response(struct session *s, struct tx_batch *b, struct task *t)
{
	uint32_t resid, sense = t->scsi.sense_len;
	uint32_t len = sense ? sense + 2 : 0;
	if (!tx_room(b, 1, HDR_ROOM + SCSI_SENSE_MAX + 2))
		return false;

	session_count(s, COUNT_MEDIUM_ERRORS, t->scsi.medium_failed);
	struct bhs_scsi_rsp h = {.opcode = ISCSI_OP_SCSI_RSP, .status = t->scsi.status};
	h.flags = (uint8_t)(ISCSI_FINAL | task_residual(t, &resid));
	put32(&h.itt, t->itt);
	put32(&h.exp_datasn, t->r2tsn + t->data_sn);
	put32(&h.resid, resid);
	end_task(b, t);
	put_numbers(s, &h, true);
	put_header(s, b, &h, len);
	if (len) {
		uint8_t *p = tx_header(b, len);
		st16(p, (uint16_t)sense);
		memcpy(p + 2, t->scsi.sense, sense);
		put_trailer(s, b, len, s->tx_data_digest ? digest_update(DIGEST_INIT, p, len) : 0);
	}
	return true;
}

/* A limit of the session in whole blocks, which a PDU does not cut. It may be smaller than one. */
static uint32_t whole_units(const struct task *t, uint32_t limit)
{
	uint32_t unit = scsi_data_unit(&t->scsi);
	return limit < unit ? limit : limit - limit % unit;
}

/*
 * Under DataDigest what is sent must not change after its CRC was made; and no block is sent that
 * two writes had a part in, also where a small limit cuts it.
 */
static bool is_copied(const struct session *s, const struct task *t)
{
	uint32_t unit = scsi_data_unit(&t->scsi);
	return s->tx_data_digest || scsi_data_moves(&t->scsi) ||
	       s->params.max_xmit_data_segment_length < unit || s->params.max_burst_length < unit;
}

/* How much the next Data-In PDU may carry. 13.12, 13.13 */
static size_t data_in_size(const struct session *s, const struct tx_batch *b, const struct task *t,
			   uint64_t total, bool copied)
{
	uint64_t n = total - t->sent_off;
	uint32_t most_burst = whole_units(t, s->params.max_burst_length);
	uint32_t most_pdu = whole_units(t, s->params.max_xmit_data_segment_length);
	if (n > most_pdu)
		n = most_pdu;
	if (n > most_burst - t->burst)
		n = most_burst - t->burst;
	size_t most = tx_data_room(b);
	if (copied && most > BOUNCE_SIZE - s->bounce_used)
		most = BOUNCE_SIZE - s->bounce_used;
	if (n > most)
		n = b->pdus ? 0 : most;
	return (size_t)n;
}

/* The next n bytes of data-in, into the batch's buffer. Returns the bytes; 0: the command has ended
 * instead. */
static size_t bounce(struct session *s, struct tx_batch *b, struct task *t, size_t n,
		     struct iovec *out)
{
	if (!b->bounce)
		b->bounce = arena_get(&s->w->bounces);
	assert(b->bounce);
	out->iov_base = b->bounce + s->bounce_used;
	out->iov_len = scsi_data_in_copy(&t->scsi, t->sent_off, out->iov_base, n);
	s->bounce_used += out->iov_len;
	return out->iov_len;
}

/* The F bit ends a sequence, the S bit a command that went well: 11.7.1, 11.7.3. */
static void data_in_header(struct session *s, struct task *t, struct bhs_data_in *h, size_t n,
			   uint64_t total)
{
	uint32_t resid = 0;
	bool last = t->sent_off + n == total;

	*h = (struct bhs_data_in){.opcode = ISCSI_OP_DATA_IN};
	put32(&h->itt, t->itt);
	put32(&h->ttt, ISCSI_TAG_NONE);
	put32(&h->datasn, t->data_sn++);
	put32(&h->offset, (uint32_t)t->sent_off);
	t->burst += (uint32_t)n;
	if (last || t->burst >= whole_units(t, s->params.max_burst_length)) {
		h->flags = ISCSI_FINAL;
		t->burst = 0;
	}
	if (last) {
		h->flags |= ISCSI_DATA_STATUS;
		h->flags |= task_residual(t, &resid);
		h->status = t->scsi.status;
		put32(&h->resid, resid);
	}
	t->sent_off += n;
}

static bool send_data_in(struct session *s, struct tx_batch *b, struct task *t, uint64_t total)
{
	struct iovec iov[DATA_IOVS];
	size_t niov = DATA_IOVS - 2;
	const bool copied = is_copied(s, t); /* the answer may be another one a moment later */
	size_t n = data_in_size(s, b, t, total, copied);
	if (!n || !tx_room(b, DATA_IOVS, HDR_ROOM))
		return false;

	if (!b->pinned) {
		b->pin = scsi_pin(&s->w->scsi);
		b->pinned = true;
	}
	if (copied)
		niov = 1;
	n = copied ? bounce(s, b, t, n, iov) : scsi_data_in(&t->scsi, t->sent_off, n, iov, &niov);
	if (!n) {
		t->step = SCSI_DONE;
		return send_response(s, b, t);
	}
	struct bhs_data_in h;
	data_in_header(s, t, &h, n, total);
	session_count(s, COUNT_BYTES_READ, n);
	bool last = h.flags & ISCSI_DATA_STATUS;
	if (last)
		end_task(b, t);
	else
		t->in_batch = true;
	put_numbers(s, &h, last);
	put_header(s, b, &h, (uint32_t)n);

	uint32_t crc = s->tx_data_digest ? digest_update(DIGEST_INIT, iov[0].iov_base, n) : 0;
	for (size_t i = 0; i < niov; i++) {
		bool fits = tx_data(b, iov[i].iov_base, iov[i].iov_len);
		assert(fits);
	}
	put_trailer(s, b, n, crc);
	return true;
}

static bool send_task(struct session *s, struct tx_batch *b, struct task *t)
{
	if (t->phase == TASK_SOLICITED)
		return send_r2ts(s, b, t);
	assert(t->phase == TASK_READY);

	uint64_t total = t->step == SCSI_IN ? t->scsi.in_len : 0;
	if (total > t->data_limit)
		total = t->data_limit;
	if (!total)
		return send_response(s, b, t);
	while (t->phase == TASK_READY)
		if (!send_data_in(s, b, t, total))
			return false;
	return true;
}

/* ---- batches ---- */

void send_fill(struct conn *c, struct tx_batch *b)
{
	struct session *s = session_of(c);
	bool more = true;

	s->bounce_used = 0;
	while (more && !list_empty(&s->out)) {
		struct tx_item *i = container_of(s->out.next, struct tx_item, link);
		more = i->kind == TX_REPLY ? send_reply(s, b, container_of(i, struct reply, tx))
					   : send_task(s, b, container_of(i, struct task, tx));
	}
}

void send_sent(struct conn *c, struct tx_batch *b, int err)
{
	struct session *s = session_of(c);
	/* GOOD was laid out, but has not left. */
	if (err == -EFAULT || err == -EHWPOISON)
		scsi_data_refused(b->iov, b->niov);
	if (b->pinned) {
		scsi_unpin(&s->w->scsi, b->pin);
		scsi_data_sent(&s->nexus, &s->w->scsi);
	}
	if (b->bounce)
		arena_put(&s->w->bounces, b->bounce);
	for (struct list *l; (l = list_pop(&b->done));) {
		struct tx_item *i = container_of(l, struct tx_item, link);
		if (i->kind == TX_TASK) {
			task_free(container_of(i, struct task, tx));
			continue;
		}
		struct reply *r = container_of(i, struct reply, tx);
		bool ends = r->ends;
		enum conn_close_reason why = r->why;
		reply_free(s, r);
		if (ends)
			conn_close_after_send(c, why);
	}
	if (c->is_dead)
		return;
	if (!list_empty(&s->out)) {
		struct tx_item *i = container_of(s->out.next, struct tx_item, link);
		if (i->kind == TX_TASK)
			container_of(i, struct task, tx)->in_batch = false;
		conn_want_send(c);
	}
	if (c->rx_paused && !session_owes_much(s) && !s->memory_wait)
		conn_resume_rx(c);
}
