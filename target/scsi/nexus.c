// SPDX-License-Identifier: MIT
/* nexus.c - an I_T nexus and its unit attentions. SAM-5 5.14. */
#include "scsi/nexus.h"

#include <assert.h>
#include <string.h>

struct scsi_attentions *nexus_attentions(const struct scsi_nexus *n, const struct scsi_lu *lu)
{
	const size_t i = (size_t)(lu - n->target->lus);

	assert(i < n->target->nlus);
	return &n->ua[i];
}

void scsi_attention_raise(struct scsi_nexus *n, const struct scsi_lu *lu, enum scsi_attention a)
{
	if (lu) {
		attention_add(nexus_attentions(n, lu), a);
		return;
	}
	for (size_t i = 0; i < n->target->nlus; i++)
		attention_add(&n->ua[i], a);
}

void scsi_nexus_init(struct scsi_nexus *n, const struct scsi_target *t, struct scsi_attentions *ua)
{
	n->target = t;
	n->ua = ua;
	if (t->nlus)
		memset(ua, 0, sizeof(*ua) * t->nlus);
	scsi_attention_raise(n, NULL, SCSI_UA_POWER_ON_OR_RESET);
}
