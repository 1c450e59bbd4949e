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

/* The LUNs under which the nexus sees what there is just now, rising; how many. */
static size_t present(const struct scsi_nexus *nexus, uint8_t luns[static SCSI_LUNS_MAX])
{
	size_t n = 0;

	for (unsigned i = 0; i < SCSI_LUNS_MAX; i++) {
		const unsigned id = scsi_lun_map_id(&nexus->luns, i);
		if (id != SCSI_LUN_NONE &&
		    atomic_load_explicit(&nexus->target->by_id[id], memory_order_acquire))
			luns[n++] = (uint8_t)i;
	}
	return n;
}

struct scsi_result scsi_report_luns(struct scsi_task *t)
{
	const uint8_t select = t->cdb[2];
	uint8_t luns[SCSI_LUNS_MAX];
	struct writer w;

	if (select > SELECT_ALL)
		return scsi_bad_byte(2);
	struct scsi_result r = scsi_param_begin(t, &w);

	if (r.outcome != SENSE_OK)
		return r;
	const size_t n = select == SELECT_WELL_KNOWN ? 0 : present(t->nexus, luns);

	writer_u32(&w, (uint32_t)(n * 8));
	writer_u32(&w, 0);
	for (size_t i = 0; i < n; i++) { /* peripheral addressing, SAM-5 4.7.7.2 */
		writer_u16(&w, luns[i]);
		writer_zero(&w, 6);
	}
	/* SPC-4 6.33: the initiator has the new list, so nobody needs to tell it any more. */
	for (unsigned i = 0; i < SCSI_LUNS_MAX; i++)
		attention_clear(&t->nexus->ua[i], SCSI_UA_LUNS_CHANGED);
	return scsi_param_end(t, &w, ld32(t->cdb + 6));
}
