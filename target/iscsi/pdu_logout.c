// SPDX-License-Identifier: MIT
/*
 * pdu_logout.c - Logout, RFC 7143 11.14: answered after all that was ready before it. What was not
 * ready ends here and touches no data after the answer.
 */
#include "iscsi/session.h"
#include "iscsi/task.h"

static enum iscsi_logout_response judge(const struct session *s, const struct bhs_logout_req *h)
{
	switch (h->flags & ~ISCSI_FINAL) {
	case ISCSI_LOGOUT_SESSION:
		return ISCSI_LOGOUT_OK;
	case ISCSI_LOGOUT_CONNECTION:
		return get16(h->cid) == s->cid ? ISCSI_LOGOUT_OK : ISCSI_LOGOUT_NO_CID;
	default: /* recovery needs ErrorRecoveryLevel 2 */
		return ISCSI_LOGOUT_NO_RECOVERY;
	}
}

enum pdu_error pdu_logout_header(struct session *s)
{
	const struct bhs_logout_req *h = (const void *)&s->rx.bhs;
	enum iscsi_logout_response verdict = judge(s, h);
	struct reply *r = reply_new(s, ISCSI_OP_LOGOUT_RSP, h->itt, 0);
	if (!r)
		return session_fail(s, "no memory to answer a logout");

	struct bhs_logout_rsp *rsp = (void *)&r->bhs;
	rsp->response = (uint8_t)verdict;
	put16(&rsp->time2wait, (uint16_t)s->params.default_time2wait);
	put16(&rsp->time2retain, 0);
	r->ends = verdict == ISCSI_LOGOUT_OK;
	r->why = CONN_CLOSE_LOGOUT;
	if (r->ends) {
		s->state = SESSION_ENDING;
		if (s->entered)
			directory_forget(&s->w->node->directory, &s->entry);
		task_abort_pending(s);
	}
	reply_send(s, r);
	return PDU_OK;
}
