// SPDX-License-Identifier: MIT
/* reply.c - PDUs of our own making: small, short-lived, counted. */
#include <string.h>

#include "iscsi/session.h"

struct reply *reply_new(struct session *s, enum iscsi_opcode opcode, be32 itt, uint32_t data_len)
{
	struct iscsi_worker *w = s->w;
	struct reply *r = arena_get(&w->replies);
	if (!r)
		return NULL;
	memset(r, 0, sizeof(*r));
	list_init(&r->tx.link);
	r->tx.kind = TX_REPLY;
	r->bhs.opcode = (uint8_t)opcode;
	r->bhs.flags = ISCSI_FINAL;
	r->bhs.itt = itt;
	r->takes_statsn = true;
	if (data_len) {
		r->data = arena_get(&w->bufs);
		if (!r->data) {
			arena_put(&w->replies, r);
			return NULL;
		}
		r->data_len = data_len;
	}
	s->replies++;
	return r;
}

void reply_send(struct session *s, struct reply *r)
{
	tx_queue(s, &r->tx);
}

void reply_free(struct session *s, struct reply *r)
{
	struct iscsi_worker *w = s->w;
	if (r->data)
		arena_put(&w->bufs, r->data);
	arena_put(&w->replies, r);
	s->replies--;
}

enum pdu_error reply_reject(struct session *s, enum iscsi_reject_reason reason)
{
	static const be32 none = {{0xff, 0xff, 0xff, 0xff}};
	struct reply *r = reply_new(s, ISCSI_OP_REJECT, none, ISCSI_BHS_LEN);
	if (!r)
		return session_fail(s, "no memory to reject a PDU");
	((struct bhs_reject *)(void *)&r->bhs)->reason = (uint8_t)reason;
	/* 11.17.4: the header of the rejected PDU */
	memcpy(r->data, &s->rx.bhs, ISCSI_BHS_LEN);
	reply_send(s, r);
	s->rx_skip = true;
	session_count(s, COUNT_REJECTS, 1);
	return PDU_OK;
}
