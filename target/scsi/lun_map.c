// SPDX-License-Identifier: MIT
/* lun_map.c - from the LUNs of an initiator to the LUs of a target, and back. SAM-5 4.7 */
#include "scsi/lun_map.h"

#include <assert.h>
#include <string.h>

static void set_bit(uint64_t set[static SCSI_LUN_WORDS], unsigned n)
{
	set[n / 64] |= (uint64_t)1 << n % 64;
}

void scsi_lun_map_none(struct scsi_lun_map *m)
{
	memset(m, 0, sizeof(*m));
}

void scsi_lun_map_add(struct scsi_lun_map *m, unsigned lun, unsigned id, bool read_only)
{
	assert(lun < SCSI_LUNS_MAX && id < SCSI_LUNS_MAX);
	assert(!scsi_lun_bit(m->luns, lun) && !scsi_lun_bit(m->ids, id));
	m->id[lun] = (uint8_t)id;
	set_bit(m->luns, lun);
	set_bit(m->ids, id);
	if (read_only)
		set_bit(m->read_only, id);
}

void scsi_lun_map_whole(struct scsi_lun_map *m, bool read_only)
{
	scsi_lun_map_none(m);
	for (unsigned i = 0; i < SCSI_LUNS_MAX; i++)
		scsi_lun_map_add(m, i, i, read_only);
	m->is_whole = true;
}

unsigned scsi_lun_map_id(const struct scsi_lun_map *m, unsigned lun)
{
	return lun < SCSI_LUNS_MAX && scsi_lun_bit(m->luns, lun) ? m->id[lun] : SCSI_LUN_NONE;
}

unsigned scsi_lun_map_lun(const struct scsi_lun_map *m, unsigned id)
{
	if (!scsi_lun_map_sees(m, id))
		return SCSI_LUN_NONE;
	for (unsigned i = 0; i < SCSI_LUNS_MAX; i++)
		if (scsi_lun_map_id(m, i) == id)
			return i;
	return SCSI_LUN_NONE;
}

bool scsi_lun_map_sees(const struct scsi_lun_map *m, unsigned id)
{
	return id < SCSI_LUNS_MAX && scsi_lun_bit(m->ids, id);
}
