// SPDX-License-Identifier: MIT
/*
 * change.c - what becomes of the commands of a LU that changes under them.
 *
 * Each is looked at between two turns of its session, so none is in the middle of a block.
 */
#include "scsi/handlers.h"
#include "scsi/range.h"

/* Does the task still read or write the medium, or may it? */
static bool on_medium(const struct scsi_task *t, enum scsi_step step)
{
	if (t->status != SCSI_GOOD)
		return false; /* what data-out still comes is dropped */
	if (step == SCSI_IN)
		return !t->buf;
	return step == SCSI_OUT || step == SCSI_RUN;
}

/* The first block behind the command's range. */
static uint64_t end_of(const struct scsi_task *t)
{
	if (t->op->run == scsi_unmap_run)
		return scsi_unmap_end(t);
	return (t->off + t->bytes) >> t->lu->block_shift;
}

/* SENSE_OK: the command may go on. */
static enum scsi_outcome outcome(struct scsi_task *t, enum scsi_change c)
{
	switch (c) {
	case SCSI_CHANGE_GONE:
		return SENSE_NO_SUCH_LU;
	case SCSI_CHANGE_READ_ONLY:
		return t->op->flags & SCSI_OP_WRITES ? SENSE_WRITE_PROTECTED : SENSE_OK;
	case SCSI_CHANGE_RESERVED:
		return scsi_reserved(t);
	case SCSI_CHANGE_HELD:
		break;
	}
	return end_of(t) > scsi_lu_end(t->lu) ? SENSE_BUSY : SENSE_OK;
}

bool scsi_changed(struct scsi_task *t, enum scsi_step step, enum scsi_change c)
{
	const enum scsi_outcome o = on_medium(t, step) ? outcome(t, c) : SENSE_OK;

	if (o != SENSE_OK)
		scsi_data_failed(t, o);
	if (c == SCSI_CHANGE_GONE)
		t->lu = NULL;
	return o != SENSE_OK;
}
