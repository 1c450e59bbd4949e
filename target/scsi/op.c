// SPDX-License-Identifier: MIT
/* op.c - the table of commands, its search, and the check of CDB bits. */
#include "scsi/op.h"

#include <assert.h>

#include "scsi/handlers.h"

const struct scsi_op scsi_ops[] = {
#define OP(id, opc, s, len, fl, start_fn, out_fn, run_fn, text, ...) \
	{                                                            \
		.opcode = (opc),                                     \
		.sa = (s),                                           \
		.cdb_len = (len),                                    \
		.flags = (fl),                                       \
		.start = (start_fn),                                 \
		.out = (out_fn),                                     \
		.run = (run_fn),                                     \
		.name = (text),                                      \
		.usage = {__VA_ARGS__},                              \
	},
#define SUB OP
#include "tbl/scsi_ops.def"
#undef SUB
#undef OP
};

enum {
#define OP(id, ...) ROW_##id,
#define SUB	    OP
#include "tbl/scsi_ops.def"
#undef SUB
#undef OP
	ROWS
};

const size_t scsi_ops_count = ROWS;

/* Opcode to its first row, plus 1; 0: there is none. */
static const uint8_t first_row[256] = {
#define OP(id, opc, ...) [opc] = ROW_##id + 1,
#define SUB(...)
#include "tbl/scsi_ops.def"
#undef SUB
#undef OP
};
_Static_assert(ROWS < UINT8_MAX, "first_row is too narrow");

const struct scsi_op *scsi_op_lookup(uint8_t opcode, int sa)
{
	if (!first_row[opcode])
		return NULL;
	const struct scsi_op *end = scsi_ops + ROWS;

	for (const struct scsi_op *op = scsi_ops + first_row[opcode] - 1;
	     op < end && op->opcode == opcode; op++) {
		if (sa == SA_NONE || op->sa == sa)
			return op;
	}
	return NULL;
}

struct scsi_result scsi_op_find(const uint8_t cdb[static 16], const struct scsi_op **out)
{
	const struct scsi_op *op = scsi_op_lookup(cdb[0], SA_NONE);

	*out = op;
	if (!op)
		return scsi_fail(SENSE_BAD_OPCODE);
	if (op->sa == SA_NONE)
		return scsi_ok();
	*out = scsi_op_lookup(cdb[0], cdb[1] & 0x1f);
	return *out ? scsi_ok() : scsi_bad_bit(1, 4);
}

struct scsi_result scsi_op_check(const struct scsi_op *op, const uint8_t cdb[static 16])
{
	assert(op->cdb_len <= sizeof(op->usage));
	/* usage[1] holds the service action, by which the row was found. */
	for (unsigned i = 1; i < op->cdb_len; i++) {
		uint8_t wrong = (uint8_t)(cdb[i] & ~op->usage[i]);

		if (i == 1 && op->flags & SCSI_OP_OLD_LUN)
			wrong &= 0x1f;
		if (wrong)
			return scsi_bad_bit(i, 31u - (unsigned)__builtin_clz(wrong));
	}
	return scsi_ok();
}
