// SPDX-License-Identifier: MIT
/*
 * pr_out.c - PERSISTENT RESERVE OUT. SPC-4 6.16.
 *
 * The list is taken whole, and looked at when the effect is due: a fence lies between that and
 * GOOD.
 */
#include <stdlib.h>

#include "scsi/data.h"
#include "scsi/handlers.h"
#include "scsi/pr_list.h"
#include "scsi/reserve.h"

static struct scsi_result change(struct scsi_task *t, struct scsi_fence *f)
{
	struct claim_request req = {
		.action = (enum claim_action)(t->cdb[1] & 0x1f),
		.scope = t->cdb[2] >> 4,
		.type = t->cdb[2] & 0x0f,
		.target_ports = t->nexus->target->port_groups,
	};
	/* The initiator had less than the CDB tells. */
	if (t->out_done < t->out_want)
		return scsi_fail(SENSE_BAD_LIST_LENGTH);
	struct claim_port *ports = calloc(pr_list_ports((size_t)t->out_done), sizeof(*ports));
	if (!ports)
		return scsi_fail(SENSE_BUSY);
	struct scsi_result r = pr_list_read(t->buf, (size_t)t->out_done, &req, ports);
	if (r.outcome == SENSE_OK)
		r = scsi_claims_change(t->lu, t->nexus, &req, f);
	free(ports);
	return r;
}

struct scsi_result scsi_pr_out(struct scsi_task *t)
{
	const uint32_t len = ld32(t->cdb + 5);

	/* 6.16.1: also a list that is longer than we take, and none where one is due. */
	if (len < PR_LIST_MIN || len > SCSI_BUF_SIZE || !t->out_limit)
		return scsi_fail(SENSE_BAD_LIST_LENGTH);
	return scsi_list_want(t, len);
}

struct scsi_result scsi_pr_out_run(struct scsi_task *t)
{
	return scsi_fenced(t, change);
}
