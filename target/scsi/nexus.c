// SPDX-License-Identifier: MIT
/* nexus.c - an I_T nexus and its unit attentions. SAM-5 5.14. */
#include "scsi/scsi.h"

#include <assert.h>
#include <string.h>

/* SAM-5 7.6: UADE DEPTH, how many wait */
#define UADE_ONE  0x10u
#define UADE_MORE 0x20u

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

void scsi_nexus_lost(struct scsi_nexus *n)
{
	scsi_reserve_nexus_ends(n); /* SPC-2 5.5.1 */
	scsi_attention_raise(n, SCSI_LUN_ALL, SCSI_UA_NEXUS_LOSS);
}

bool scsi_attention_query(const struct scsi_nexus *n, unsigned id, uint8_t info[static 3])
{
	const struct scsi_attentions *q = &n->ua[id];
	uint8_t sense[SCSI_SENSE_MAX];

	assert(id < SCSI_LUNS_MAX);
	if (!q->n)
		return false;
	(void)sense_build(scsi_fail(attention_outcome((enum scsi_attention)q->queue[0])), true,
			  sense);
	info[0] = (uint8_t)((q->n > 1 ? UADE_MORE : UADE_ONE) | sense[1]);
	info[1] = sense[2];
	info[2] = sense[3];
	return true;
}

void scsi_luns_changed(struct scsi_nexus *n, unsigned id)
{
	for (unsigned i = 0; i < SCSI_LUNS_MAX; i++)
		if (i != id && atomic_load(&n->target->by_id[i]))
			attention_add(&n->ua[i], SCSI_UA_LUNS_CHANGED);
}

void scsi_memory_short(struct scsi_nexus *n)
{
	for (unsigned i = 0; i < SCSI_LUNS_MAX; i++) {
		const struct scsi_lu *lu = atomic_load(&n->target->by_id[i]);
		if (lu && lu->thin)
			attention_add(&n->ua[i], SCSI_UA_THIN_THRESHOLD);
	}
}

void scsi_lu_replaced(struct scsi_nexus *n, unsigned id, bool is_there)
{
	const uint64_t bit = (uint64_t)1 << id % 64;

	assert(id < SCSI_LUNS_MAX);
	n->started[id / 64] &= ~bit;
	n->probed[id / 64] &= ~bit;
	n->older[id / 64] &= ~bit;
	n->ua[id].n = 0;
	attention_add(&n->ua[id], SCSI_UA_POWER_ON_OR_RESET);
	if (is_there) {
		n->knew[id / 64] &= ~bit;
	} else {
		n->knew[id / 64] |= bit;
		stripe_forget(n, id);
	}
}

bool scsi_lu_was_other(const struct scsi_nexus *n, unsigned id)
{
	return n->knew[id / 64] >> id % 64 & 1;
}

void scsi_nexus_init(struct scsi_nexus *n, const struct scsi_target *t, struct scsi_attentions *ua)
{
	n->target = t;
	n->ua = ua;
	n->port_group = 1;
	scsi_lun_map_whole(&n->luns, false);
	memset(n->knew, 0, sizeof(n->knew));
	memset(n->started, 0, sizeof(n->started));
	memset(n->probed, 0, sizeof(n->probed));
	memset(n->older, 0, sizeof(n->older));
	memset(n->reserve, 0, sizeof(n->reserve));
	memset(n->uses, 0, sizeof(n->uses));
	memset(n->settled, 0, sizeof(n->settled));
	memset(n->sends, 0, sizeof(n->sends));
	n->wholes = 0;
	memset(ua, 0, sizeof(*ua) * SCSI_LUNS_MAX);
	for (unsigned i = 0; i < SCSI_LUNS_MAX; i++) {
		const struct scsi_lu *lu = atomic_load(&t->by_id[i]);
		attention_add(&ua[i], lu && lu->is_kept ? SCSI_UA_INTERNAL_RESET
							: SCSI_UA_POWER_ON_OR_RESET);
	}
}

void scsi_nexus_end(struct scsi_nexus *n, struct scsi_worker *w)
{
	scsi_reserve_nexus_ends(n);
	stripe_leave(n, w);
}
