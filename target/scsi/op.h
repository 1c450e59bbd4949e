/* SPDX-License-Identifier: MIT */
/*
 * op.h - the table of commands (tbl/scsi_ops.def), and what is known of a CDB from it alone.
 */
#ifndef MEMTGT_OP_H
#define MEMTGT_OP_H

#include <stddef.h>
#include <stdint.h>

#include "scsi/sense.h"

struct scsi_task;

/*
 * start: checks the CDB; sets the range, in_len with its data, or out_want. more: call run.
 * run: one slice.
 * out: takes the next n bytes of data-out, or the first of them, and counts them in out_done.
 */
typedef struct scsi_result scsi_fn(struct scsi_task *t) SCSI_CHECKED;
typedef struct scsi_result scsi_out_fn(struct scsi_task *t, const uint8_t *p,
				       size_t n) SCSI_CHECKED;

#define SA_NONE (-1)

/* Runs without a LU and past unit attentions, which it leaves pending. SAM-5 5.14.1 */
#define SCSI_OP_ALWAYS 0x01u
/* Changes the medium: refused where that is write protected. SBC-3 4.13 */
#define SCSI_OP_WRITES 0x02u

/* Changes who may use the unit: refused from a nexus that may only read it. An operator's
 * protection of the medium (scsi_lu.read_only) leaves it alone. */
#define SCSI_OP_CLAIMS 0x08u

/*
 * Answered by a unit that is stopped, too: what tells of the unit and nothing of its medium, and
 * what starts it. All that reads, writes, flushes or measures the medium is not: a SYNCHRONIZE
 * CACHE that is GOOD would say that what was lost is safe. SPC-4 6.47, SBC-3 5.25
 */
#define SCSI_OP_STOPPED 0x04u

/*
 * Bits 7 to 5 of byte 1 may hold anything: they were the LUN up to SCSI-2 (7.2.2), and Linux sets
 * them in its first INQUIRY to a target whose LUN 0 it has not looked at: if it looks for one LUN
 * only.
 */
#define SCSI_OP_OLD_LUN 0x10u

/*
 * What another nexus' reservation allows of it; a command without one of these needs the right to
 * write, so one that is added is refused unless its row says otherwise. SPC-4 table 66, SBC-3 table
 * 13, SPC-2 table 9.
 */
#define SCSI_OP_RESERVE_READ  0x20u /* goes through the types Write Exclusive */
#define SCSI_OP_RESERVE_PROBE 0x40u /* goes through all types, not through RESERVE */
#define SCSI_OP_RESERVE_FREE  0x80u /* goes through all, or looks itself */

struct scsi_op {
	uint8_t opcode;
	int sa; /* service action, SA_NONE if the opcode has none */
	uint8_t cdb_len, flags;
	scsi_fn *start;
	scsi_out_fn *out;
	scsi_fn *run;
	const char *name;
	uint8_t usage[16];
};

extern const struct scsi_op scsi_ops[];
extern const size_t scsi_ops_count;

/* The row that answers an opcode and a service action (SA_NONE: whatever there is first, to learn
 * whether the opcode has service actions). NULL: not supported. */
const struct scsi_op *scsi_op_lookup(uint8_t opcode, int sa);

/* The row of a CDB; else INVALID COMMAND OPERATION CODE, or a field pointer to the service action.
 */
struct scsi_result scsi_op_find(const uint8_t cdb[static 16],
				const struct scsi_op **out) SCSI_CHECKED;

/* Points at the highest wrong bit of the first wrong byte. */
struct scsi_result scsi_op_check(const struct scsi_op *op,
				 const uint8_t cdb[static 16]) SCSI_CHECKED;

/* What start() or run() returns if the effect is on other nexuses: scsi_fence() calls `fence`,
 * which makes the change and says in f->tell, if that is needed, what they are to be told. Then the
 * answer waits until they were, whatever it is: a failure, or in_len bytes of data-in, too. */
struct scsi_fence;
struct scsi_result scsi_fenced(struct scsi_task *t,
			       struct scsi_result (*fence)(struct scsi_task *t,
							   struct scsi_fence *f)) SCSI_CHECKED;

#endif
