// SPDX-License-Identifier: MIT
/*
 * report_opcodes.c - REPORT SUPPORTED OPERATION CODES, read from the table. SPC-4 6.35.
 *
 * What the initiator asks for is searched, never used as an index.
 */
#include "scsi/data.h"
#include "scsi/handlers.h"

#define RCTD	 0x80u
#define TIMEOUTS 12u

/* REPORTING OPTIONS, SPC-4 table 300 */
enum reporting {
	REPORT_ALL = 0,
	REPORT_OPCODE = 1,	   /* an opcode without service actions */
	REPORT_SERVICE_ACTION = 2, /* an opcode with them */
	REPORT_EITHER = 3,
};
enum support { NOT_SUPPORTED = 1, SUPPORTED = 3 };

/* SPC-4 6.35.4: no timeouts are told. */
static void put_timeouts(struct writer *w)
{
	writer_u16(w, TIMEOUTS - 2);
	writer_zero(w, TIMEOUTS - 2);
}

static void put_all(const struct scsi_task *t, struct writer *w)
{
	const bool rctd = t->cdb[2] & RCTD;

	writer_u32(w, 0);
	for (size_t i = 0; i < scsi_ops_count; i++) {
		const struct scsi_op *op = &scsi_ops[i];
		const bool sa = op->sa != SA_NONE;

		writer_u8(w, op->opcode);
		writer_u8(w, 0);
		writer_u16(w, sa ? (uint16_t)op->sa : 0);
		writer_u8(w, 0);
		writer_u8(w, (uint8_t)((rctd ? 0x02 : 0) | (sa ? 0x01 : 0))); /* CTDP, SERVACTV */
		writer_u16(w, op->cdb_len);
		if (rctd)
			put_timeouts(w);
	}
	st32(t->buf, (uint32_t)(w->want - 4)); /* COMMAND DATA LENGTH */
}

static void put_one(const struct scsi_task *t, struct writer *w, const struct scsi_op *op)
{
	const bool rctd = op && t->cdb[2] & RCTD;

	writer_u8(w, 0);
	writer_u8(w, (uint8_t)((rctd ? 0x80 : 0) | (op ? SUPPORTED : NOT_SUPPORTED)));
	writer_u16(w, op ? op->cdb_len : 0);
	if (op)
		writer_put(w, op->usage, op->cdb_len);
	if (rctd)
		put_timeouts(w);
}

/* The row asked for, NULL if there is none; or why the question is wrong. */
static struct scsi_result find(const struct scsi_task *t, const struct scsi_op **out)
{
	const uint8_t opcode = t->cdb[3];
	const int sa = ld16(t->cdb + 4);
	const struct scsi_op *any = scsi_op_lookup(opcode, SA_NONE);
	const bool has_sa = any && any->sa != SA_NONE;

	*out = has_sa ? scsi_op_lookup(opcode, sa) : any;
	switch (t->cdb[2] & 0x07) {
	case REPORT_OPCODE:
		return has_sa ? scsi_bad_bit(2, 2) : scsi_ok();
	case REPORT_SERVICE_ACTION:
		return any && !has_sa ? scsi_bad_bit(2, 2) : scsi_ok();
	case REPORT_EITHER:
		if (!has_sa && sa)
			*out = NULL;
		return scsi_ok();
	default:
		return scsi_bad_bit(2, 2);
	}
}

struct scsi_result scsi_report_opcodes(struct scsi_task *t)
{
	const bool all = (t->cdb[2] & 0x07) == REPORT_ALL;
	const struct scsi_op *op = NULL;
	struct scsi_result r = all ? scsi_ok() : find(t, &op);
	struct writer w;

	if (r.outcome == SENSE_OK)
		r = scsi_param_begin(t, &w);
	if (r.outcome != SENSE_OK)
		return r;
	if (all)
		put_all(t, &w);
	else
		put_one(t, &w, op);
	return scsi_param_end(t, &w, ld32(t->cdb + 6));
}
