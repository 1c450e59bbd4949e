// SPDX-License-Identifier: MIT
/* report_luns.c - REPORT LUNS, by way of any LUN. SPC-4 6.33. */
#include "scsi/data.h"
#include "scsi/handlers.h"

_Static_assert(8 + SCSI_LUNS_MAX * 8 <= SCSI_BUF_SIZE, "a full list fits");

/* SELECT REPORT, SPC-4 table 293 */
enum select_report {
	SELECT_NOT_WELL_KNOWN = 0x00,
	SELECT_WELL_KNOWN = 0x01, /* there are none: an empty list */
	SELECT_ALL = 0x02,
};

struct scsi_result scsi_report_luns(struct scsi_task *t)
{
	const struct scsi_target *target = t->nexus->target;
	const uint8_t select = t->cdb[2];
	const size_t n = select == SELECT_WELL_KNOWN ? 0 : target->nlus;
	struct writer w;

	if (select > SELECT_ALL)
		return scsi_bad_byte(2);
	struct scsi_result r = scsi_param_begin(t, &w);

	if (r.outcome != SENSE_OK)
		return r;
	writer_u32(&w, (uint32_t)(n * 8));
	writer_u32(&w, 0);
	for (size_t i = 0; i < n; i++) { /* peripheral addressing, SAM-5 4.7.7.2 */
		writer_u16(&w, (uint16_t)target->lus[i].id);
		writer_zero(&w, 6);
	}
	/* SPC-4 6.33: the initiator has the new list, so nobody needs to tell it any more. */
	for (size_t i = 0; i < target->nlus; i++)
		attention_clear(&t->nexus->ua[i], SCSI_UA_LUNS_CHANGED);
	return scsi_param_end(t, &w, ld32(t->cdb + 6));
}
