// SPDX-License-Identifier: MIT
/* pdu_data_out.c - SCSI Data-Out, RFC 7143 11.7. */
#include "base/log.h"
#include "iscsi/task.h"

/*
 * Data may come late for a command that was aborted, or whose answer crossed it: it is read and
 * dropped. 4.2.3.3
 */
static enum pdu_error stale(struct session *s)
{
	session_count(s, COUNT_DATA_OUT_STALE, 1);
	s->rx_skip = true;
	return PDU_OK;
}

/* How this PDU does not fit its task. SENSE_OK: it does. `what` says it for the log. */
static enum scsi_outcome misfit(const struct session *s, const struct task *t,
				const struct bhs_data_out *h, const char **what)
{
	bool solicited = t->phase == TASK_SOLICITED;
	uint64_t end = (uint64_t)get32(h->offset) + get24(h->data_len);
	bool final = h->flags & ISCSI_FINAL;

	*what = "wrong DataSN";
	if (get32(h->datasn) != t->datasn)
		return SENSE_DATA_PHASE_ERROR;
	*what = "out of order";
	if (get32(h->offset) != t->recv_off)
		return SENSE_DATA_PHASE_ERROR;
	*what = "beyond what its R2T asked for";
	if (solicited && end > t->seq_end)
		return SENSE_DATA_PHASE_ERROR;
	*what = "F bit not at the end of what its R2T asked for";
	if (solicited && final != (end == t->seq_end))
		return SENSE_DATA_PHASE_ERROR;
	*what = "more than FirstBurstLength or the expected transfer length";
	if (!solicited && (end > s->params.first_burst_length || end > t->edtl))
		return SENSE_UNEXPECTED_DATA;
	return SENSE_OK;
}

static enum pdu_error refuse(struct session *s, struct task *t, enum scsi_outcome o,
			     const char *what)
{
	const struct bhs_data_out *h = (const void *)&s->rx.bhs;

	session_count(s, COUNT_DATA_OUT_MISFITS, 1);
	log_peer(
		LOG_LEVEL_WARNING,
		"%s: Data-Out: %s (ITT 0x%08x, DataSN %u, offset %u, length %u); the command fails",
		session_name(s), what, get32(h->itt), get32(h->datasn), get32(h->offset),
		get24(h->data_len));
	s->rx_skip = t->phase == TASK_SOLICITED;
	task_data_failed(t, o);
	return PDU_OK;
}

enum pdu_error pdu_data_out_header(struct session *s)
{
	const struct bhs_data_out *h = (const void *)&s->rx.bhs;
	uint32_t ttt = get32(h->ttt);
	bool solicited = ttt != ISCSI_TAG_NONE;
	struct task *t = solicited ? task_by_ttt(s, ttt) : task_by_itt(s, get32(h->itt));
	const char *what;

	if (!t)
		return stale(s);
	if (get32(h->itt) != t->itt)
		return session_fail(s, "Data-Out whose tags name different tasks");
	if (!solicited && t->phase != TASK_UNSOLICITED)
		return session_fail(s, "unsolicited data after its F bit");
	s->rx_task = t;
	enum scsi_outcome o = misfit(s, t, h, &what);
	if (o != SENSE_OK)
		return refuse(s, t, o, what);
	t->datasn++;
	s->rx_mode = RX_TASK;
	return PDU_OK;
}

enum pdu_error pdu_data_out_end(struct session *s)
{
	task_data_end(s->rx_task, s->rx.bhs.flags & ISCSI_FINAL);
	return PDU_OK;
}
