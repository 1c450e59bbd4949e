// SPDX-License-Identifier: MIT
/* unit.c - commands about the unit as a whole, and those that ask nothing of memory. */
#include "scsi/data.h"
#include "scsi/handlers.h"
#include "scsi/range.h"

/* To ask is not to use it. */
struct scsi_result scsi_test_unit_ready(struct scsi_task *t)
{
	return scsi_fail(scsi_stopped(t->nexus, t->lu));
}

/* What REQUEST SENSE has to tell: SPC-4 6.39, SAM-5 5.14.1. A unit attention told is done with. */
static struct scsi_result pending(const struct scsi_task *t)
{
	enum scsi_attention a;

	if (!t->lu)
		return scsi_fail(SENSE_NO_SUCH_LU);
	if (attention_take(&t->nexus->ua[t->lu->id], &a))
		return scsi_fail(attention_outcome(a));
	/* SPC-4 6.39: what a TEST UNIT READY would say, as data. */
	const enum scsi_outcome stopped = scsi_stopped(t->nexus, t->lu);
	return scsi_fail(stopped == SENSE_OK ? SENSE_NO_SENSE : stopped);
}

struct scsi_result scsi_request_sense(struct scsi_task *t)
{
	uint8_t sense[SCSI_SENSE_MAX];
	struct writer w;
	struct scsi_result r = scsi_param_begin(t, &w);

	if (r.outcome != SENSE_OK)
		return r;
	const size_t len = sense_build(pending(t), t->cdb[1] & 0x01, sense);
	writer_put(&w, sense, len);
	return scsi_param_end(t, &w, t->cdb[4]);
}

/*
 * SBC-3 5.25. The unit is started already, or was stopped by us and is started for who asks (see
 * scsi/stopped.h). STOP is refused rather than answered GOOD, since it would
 * have to make the unit not ready for every other initiator. LOEJ and power conditions are refused
 * by the CDB's usage mask.
 */
struct scsi_result scsi_start_stop(struct scsi_task *t)
{
	if (!(t->cdb[4] & 0x01))
		return scsi_bad_bit(4, 0);
	return scsi_fail(scsi_stopped_start(t->nexus, t->lu));
}

/* SBC-3 5.26: the memory is the medium, there is no cache before it. */
struct scsi_result scsi_sync_cache(struct scsi_task *t)
{
	return scsi_range_set(t);
}

/* SBC-3 5.8: nothing is faster than what is there already. */
struct scsi_result scsi_prefetch(struct scsi_task *t)
{
	return scsi_range_set(t);
}
