// SPDX-License-Identifier: MIT
/* pdu_scsi_cmd.c - SCSI Command, RFC 7143 11.3. */
#include "iscsi/task.h"
#include "memtgt/cursor.h"

/*
 * 11.2.2: each additional header segment is a length (of its specific part), a type, and that
 * part, padded to a word. Bidirectional commands and unknown types are not ours. Returns the CDB's
 * length, or 0 if the segments are wrong.
 */
static uint16_t cdb_length(const struct pdu_rx *rx)
{
	struct cursor c = cursor_of(rx->ahs, rx->ahs_len);
	uint16_t cdb = 16;

	while (c.left) {
		uint16_t len = cursor_u16(&c);
		uint8_t type = cursor_u8(&c) & 0x3f;
		/* 11.2.2.3: a reserved byte and at least one byte of CDB */
		if (type != ISCSI_AHS_EXT_CDB || cdb > 16 || len < 2 || len > SCSI_CDB_MAX - 15)
			return 0;
		cdb = (uint16_t)(16 + len - 1);
		size_t padded = len + ISCSI_PAD(len + 3u);
		if (!cursor_take(&c, padded))
			return 0;
	}
	return c.bad ? 0 : cdb;
}

/* What a command may bring along unasked: 13.10, 13.11, 13.14. NULL: it is right. */
static const char *bad_unsolicited(const struct session *s, const struct bhs_scsi_cmd *h)
{
	const struct iscsi_params *p = &s->params;
	uint32_t imm = get24(h->data_len), edtl = get32(h->edtl);
	bool write = h->flags & ISCSI_CMD_WRITE, final = h->flags & ISCSI_FINAL;

	if (imm && !write)
		return "data with a command that is no write";
	if (imm && !p->immediate_data)
		return "immediate data where ImmediateData=No";
	if (imm > p->first_burst_length)
		return "more immediate data than FirstBurstLength";
	if (imm > edtl)
		return "more immediate data than the expected transfer length";
	if (!final && (!write || p->initial_r2t))
		return "unsolicited data announced where InitialR2T=Yes";
	return NULL;
}

enum pdu_error pdu_scsi_cmd_header(struct session *s)
{
	const struct bhs_scsi_cmd *h = (const void *)&s->rx.bhs;
	const char *bad = bad_unsolicited(s, h);
	if (bad)
		return session_fail(s, "%s", bad);

	uint16_t cdb_len = cdb_length(&s->rx);
	bool both = (h->flags & ISCSI_CMD_READ) && (h->flags & ISCSI_CMD_WRITE);
	if (!cdb_len || both || get32(h->itt) == ISCSI_TAG_NONE)
		return reply_reject(s, ISCSI_REJECT_INVALID_PDU_FIELD);
	if (task_by_itt(s, get32(h->itt)))
		return reply_reject(s, ISCSI_REJECT_TASK_IN_PROGRESS);
	if ((h->opcode & ISCSI_IMMEDIATE) && s->immediates >= IMMEDIATE_MAX)
		return reply_reject(s, ISCSI_REJECT_TOO_MANY_IMMEDIATE);

	struct task *t = task_new(s, h);
	if (!t)
		return session_fail(s, "no free task");
	t->scsi.cdb_len = cdb_len;
	s->rx_task = t;
	s->rx_mode = RX_TASK;
	session_count(s, COUNT_COMMANDS, 1);
	task_begin(t, get24(h->data_len) || !(h->flags & ISCSI_FINAL));
	return PDU_OK;
}

enum pdu_error pdu_scsi_cmd_end(struct session *s)
{
	task_data_end(s->rx_task, s->rx.bhs.flags & ISCSI_FINAL);
	return PDU_OK;
}
