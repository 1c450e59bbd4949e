// SPDX-License-Identifier: MIT
/* lu.c - finding a logical unit, and giving it names that no other has. */
#include <stdio.h>
#include <string.h>

#include "memtgt/wire.h"
#include "scsi/mix.h"
#include "scsi/scsi.h"

/* SAM-5 4.7.7.2, 4.7.7.3: a single level LUN, peripheral (bus 0) or flat space addressing. */
unsigned scsi_lun_id(const uint8_t lun[static 8])
{
	static const uint8_t zero[6];
	const unsigned method = lun[0] >> 6;
	const unsigned id = method == 1 ? ld16(lun) & 0x3fffu : ld16(lun);

	if (method > 1 || id >= SCSI_LUNS_MAX || memcmp(lun + 2, zero, sizeof(zero)))
		return SCSI_LUN_NONE;
	return id;
}

unsigned scsi_lu_id(const struct scsi_nexus *n, const uint8_t lun[static 8])
{
	return scsi_lun_map_id(&n->luns, scsi_lun_id(lun));
}

struct scsi_lu *scsi_lu_find(const struct scsi_nexus *n, const uint8_t lun[static 8])
{
	const unsigned id = scsi_lu_id(n, lun);

	if (id == SCSI_LUN_NONE)
		return NULL;
	return atomic_load_explicit(&n->target->by_id[id], memory_order_acquire);
}

bool scsi_lu_read_only(const struct scsi_nexus *n, const struct scsi_lu *lu)
{
	return lu->read_only || scsi_lun_bit(n->luns.read_only, lu->id);
}

/*
 * A serial of the operator's that names another content says so, as the one made up does: no two
 * contents have one name.
 */
static bool put_serial(struct scsi_lu *lu, const char *serial, uint32_t generation)
{
	char text[SCSI_SERIAL_MAX + 16];

	if (!*serial)
		return false;
	snprintf(text, sizeof(text), generation ? "%s+%u" : "%s", serial, (unsigned)generation);
	if (strlen(text) > SCSI_SERIAL_MAX)
		return false;
	memcpy(lu->serial, text, strlen(text) + 1);
	return true;
}

void scsi_lu_name(struct scsi_lu *lu, const uint8_t host_id[static 16], const char *target,
		  uint32_t generation, const char *serial)
{
	struct mix d = {.a = 0x6d656d7467742d61u, .b = 0x6d656d7467742d62u};

	mix_bytes(&d, host_id, 16);
	mix_bytes(&d, target, strlen(target));
	mix_word(&d, lu->id);
	mix_word(&d, generation);
	mix_word(&d, 0);

	/* SPC-4 7.8.6.6.4: NAA 3h. The IEEE formats need a company's OUI, and we are none. */
	st64(lu->naa, d.a);
	lu->naa[0] = (uint8_t)(0x30 | (lu->naa[0] & 0x0f));
	if (!put_serial(lu, serial, generation))
		snprintf(lu->serial, sizeof(lu->serial), "%016llx%04x", (unsigned long long)d.b,
			 (unsigned)(d.a & 0xffff));
}
