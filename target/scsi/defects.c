// SPDX-License-Identifier: MIT
/*
 * defects.c - READ DEFECT DATA: memory has no defect lists, which is what the answers say.
 *
 * The lists that were asked for, in the format that was asked for, are empty. SBC-3 5.17, 5.18
 */
#include "scsi/data.h"
#include "scsi/handlers.h"

#define LISTS_AND_FORMAT 0x1fu /* REQ_PLIST, REQ_GLIST, DEFECT LIST FORMAT */

struct scsi_result scsi_read_defects10(struct scsi_task *t)
{
	struct writer w;
	struct scsi_result r = scsi_param_begin(t, &w);

	if (r.outcome != SENSE_OK)
		return r;
	writer_u8(&w, 0);
	writer_u8(&w, t->cdb[2] & LISTS_AND_FORMAT);
	writer_u16(&w, 0); /* DEFECT LIST LENGTH */
	return scsi_param_end(t, &w, ld16(t->cdb + 7));
}

struct scsi_result scsi_read_defects12(struct scsi_task *t)
{
	struct writer w;
	struct scsi_result r = scsi_param_begin(t, &w);

	if (r.outcome != SENSE_OK)
		return r;
	writer_u8(&w, 0);
	writer_u8(&w, t->cdb[1] & LISTS_AND_FORMAT);
	writer_u16(&w, 0); /* GENERATION CODE: not supported */
	writer_u32(&w, 0); /* DEFECT LIST LENGTH */
	return scsi_param_end(t, &w, ld32(t->cdb + 6));
}
