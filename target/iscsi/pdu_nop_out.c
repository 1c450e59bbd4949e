// SPDX-License-Identifier: MIT
/* pdu_nop_out.c - NOP-Out, RFC 7143 11.18: a ping to be answered, or the answer to ours. */
#include <string.h>

#include "iscsi/session.h"

enum pdu_error pdu_nop_out_header(struct session *s)
{
	const struct bhs_nop_out *h = (const void *)&s->rx.bhs;
	if (get32(h->itt) == ISCSI_TAG_NONE) {
		if (get32(h->ttt) == s->ping_ttt)
			s->ping_at = 0;
		s->rx_skip = true;
		return PDU_OK;
	}
	/* An exchange of Text Requests keeps its text: pings may come in between. */
	if (s->text_len || !session_collect_front(s))
		s->rx_mode = RX_DROP;
	return PDU_OK;
}

/* 11.19.2: as much of the ping's data comes back as the initiator can take, and we keep. */
enum pdu_error pdu_nop_out_end(struct session *s)
{
	uint32_t n = s->rx_mode == RX_COLLECT ? s->text_len : 0;
	if (n > s->params.max_xmit_data_segment_length)
		n = s->params.max_xmit_data_segment_length;

	struct reply *r = reply_new(s, ISCSI_OP_NOP_IN, s->rx.bhs.itt, n);
	if (!r)
		return session_fail(s, "no memory to answer a ping");
	struct bhs_nop_in *h = (void *)&r->bhs;
	put32(&h->ttt, ISCSI_TAG_NONE);
	if (n)
		memcpy(r->data, s->text, n);
	if (s->rx_mode == RX_COLLECT)
		session_drop_text(s);
	reply_send(s, r);
	return PDU_OK;
}
