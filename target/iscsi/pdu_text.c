// SPDX-License-Identifier: MIT
/*
 * pdu_text.c - Text Request, RFC 7143 11.10: SendTargets, and the few keys of the Full Feature
 * Phase.
 *
 * Either side's text may come in pieces. The initiator's (C bit) collect in session.text; ours, the
 * answers to its keys and then the lines of SendTargets, go out one piece for each request. An
 * exchange that is not over has a Target Transfer Tag; a request without one begins anew.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "iscsi/keys.h"
#include "iscsi/sendtargets.h"
#include "iscsi/session.h"

void text_end(struct session *s)
{
	struct text_exchange *x = &s->exchange;
	session_drop_text(s);
	if (x->answer)
		arena_put(&s->w->bufs, x->answer);
	free(x->send_targets);
	*x = (struct text_exchange){.ttt = ISCSI_TAG_NONE, .last_ttt = x->last_ttt};
}

enum pdu_error pdu_text_header(struct session *s)
{
	const struct bhs_text_req *h = (const void *)&s->rx.bhs;
	uint32_t ttt = get32(h->ttt);
	bool more = h->flags & ISCSI_TEXT_CONTINUE;

	if (ttt == ISCSI_TAG_NONE)
		text_end(s);
	else if (ttt != s->exchange.ttt)
		return reply_reject(s, ISCSI_REJECT_INVALID_PDU_FIELD);
	if (more && (h->flags & ISCSI_FINAL)) /* 11.10.2 */
		return reply_reject(s, ISCSI_REJECT_PROTOCOL_ERROR);
	if (!session_collect(s)) {
		text_end(s);
		return reply_reject(s, ISCSI_REJECT_PROTOCOL_ERROR);
	}
	return PDU_OK;
}

static struct sendtargets question(const struct session *s)
{
	const struct config *c = s->w->node->config;
	return (struct sendtargets){
		.config = c,
		.own = s->target ? &c->targets[s->target - s->w->node->targets] : NULL,
		.value = s->exchange.send_targets,
		.initiator = s->params.initiator_name,
		.peer = &s->conn.peer,
		.local = &s->conn.local,
		.ports = s->w->node->ports,
		.portal_group = s->conn.portal,
	};
}

/* The initiator's text is whole: what we have to say to it. 0 or -errno. */
static int understand(struct session *s, const char **why)
{
	struct text_exchange *x = &s->exchange;
	const char *send_targets = NULL;

	x->answer = arena_get(&s->w->bufs);
	if (!x->answer)
		return -ENOMEM;
	struct writer w = writer_of(x->answer, REPLY_DATA_MAX);
	int err = keys_text(&s->params, s->text, s->text_len, &w, &send_targets, why);
	if (err)
		return err;
	if (send_targets) {
		x->send_targets = strdup(send_targets);
		if (!x->send_targets)
			return -ENOMEM;
		struct sendtargets q = question(s);
		if (!sendtargets_allowed(&q)) {
			free(x->send_targets);
			x->send_targets = NULL;
			if (!text_put(&w, "SendTargets", strlen("SendTargets"), "Reject"))
				return -ENOSPC;
		}
	}
	x->answer_len = writer_len(&w);
	return 0;
}

/* The next piece of our text; whether there is more. */
static uint32_t next_piece(struct session *s, uint8_t *buf, size_t cap, bool *more)
{
	struct text_exchange *x = &s->exchange;
	size_t n = x->answer_len - x->answer_sent;

	if (n > cap)
		n = cap;
	if (n)
		memcpy(buf, x->answer + x->answer_sent, n);
	x->answer_sent += n;
	*more = x->answer_sent < x->answer_len || x->send_targets;
	if (x->send_targets && x->answer_sent == x->answer_len && cap - n >= SENDTARGETS_LINE_MAX) {
		struct sendtargets q = question(s);
		n += sendtargets_read(&q, &x->at, buf + n, cap - n, more);
	}
	return (uint32_t)n;
}

static enum pdu_error answer(struct session *s, bool whole)
{
	const struct bhs_text_req *req = (const void *)&s->rx.bhs;
	struct text_exchange *x = &s->exchange;
	uint32_t cap = s->params.max_xmit_data_segment_length;
	bool more = false;

	struct reply *r = reply_new(s, ISCSI_OP_TEXT_RSP, req->itt,
				    cap < REPLY_DATA_MAX ? cap : REPLY_DATA_MAX);
	if (!r)
		return session_fail(s, "no memory to answer a Text Request");
	r->data_len = whole ? next_piece(s, r->data, r->data_len, &more) : 0;

	struct bhs_text_rsp *h = (void *)&r->bhs;
	bool over = whole && !more && (req->flags & ISCSI_FINAL);
	if (over) {
		text_end(s);
	} else {
		h->flags = more ? ISCSI_TEXT_CONTINUE : 0;
		if (x->ttt == ISCSI_TAG_NONE)
			x->ttt = ++x->last_ttt & 0x7fffffff;
	}
	put32(&h->ttt, x->ttt);
	reply_send(s, r);
	return PDU_OK;
}

enum pdu_error pdu_text_end(struct session *s)
{
	struct text_exchange *x = &s->exchange;
	const char *why = "its answer is too long";

	if (s->rx.bhs.flags & ISCSI_TEXT_CONTINUE)
		return answer(s, false);
	if (!x->answer) {
		int err = understand(s, &why);
		if (err) {
			log_peer(LOG_LEVEL_WARNING, "%s: Text Request refused: %s", session_name(s),
				 err == -ENOMEM ? "no memory" : why);
			text_end(s);
			return reply_reject(s, ISCSI_REJECT_PROTOCOL_ERROR);
		}
	} else if (s->text_len && !x->send_targets) {
		/* The initiator goes on with more keys. */
		arena_put(&s->w->bufs, x->answer);
		x->answer = NULL;
		x->answer_len = x->answer_sent = 0;
		return pdu_text_end(s);
	}
	session_drop_text(s);
	return answer(s, true);
}
