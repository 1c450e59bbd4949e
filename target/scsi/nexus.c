// SPDX-License-Identifier: MIT
/* nexus.c - an I_T nexus and its unit attentions. SAM-5 5.14. */
#include "scsi/scsi.h"

#include <assert.h>
#include <string.h>

void scsi_attention_raise(struct scsi_nexus *n, unsigned id, enum scsi_attention a)
{
	assert(id < SCSI_LUNS_MAX || id == SCSI_LUN_ALL);
	if (id != SCSI_LUN_ALL) {
		attention_add(&n->ua[id], a);
		return;
	}
	for (unsigned i = 0; i < SCSI_LUNS_MAX; i++)
		attention_add(&n->ua[i], a);
}

void scsi_nexus_init(struct scsi_nexus *n, const struct scsi_target *t, struct scsi_attentions *ua)
{
	n->target = t;
	n->ua = ua;
	memset(ua, 0, sizeof(*ua) * SCSI_LUNS_MAX);
	scsi_attention_raise(n, SCSI_LUN_ALL, SCSI_UA_POWER_ON_OR_RESET);
}
