/* SPDX-License-Identifier: MIT */
/*
 * lun_map.h - which logical units a nexus sees, under which numbers, and which of them it may only
 * read.
 *
 * A LUN is a number that an initiator uses; an id is the number of a LU in its target. Inside of
 * the daemon all goes by ids (unit attentions, resets, what becomes of a LU); the map stands where
 * a LUN comes in from an initiator, or goes out to it. A LU is seen under one number at most. A map
 * is made at login and does not change: which LUs there are just now, the target tells.
 */
#ifndef MEMTGT_SCSI_LUN_MAP_H
#define MEMTGT_SCSI_LUN_MAP_H

#include <stdbool.h>
#include <stdint.h>

#define SCSI_LUNS_MAX 256u
/* In place of a LUN id. What spans threads names a LU by its id: the LU itself may be gone. */
#define SCSI_LUN_NONE 256u
#define SCSI_LUN_ALL  257u

/* One bit for each number. */
#define SCSI_LUN_WORDS (SCSI_LUNS_MAX / 64)

struct scsi_lun_map {
	bool is_whole;			    /* every id, also of a LU to come, is its own LUN */
	uint8_t id[SCSI_LUNS_MAX];	    /* by LUN, where `luns` has its bit */
	uint64_t luns[SCSI_LUN_WORDS];	    /* which LUNs name an id */
	uint64_t ids[SCSI_LUN_WORDS];	    /* which ids are seen */
	uint64_t read_only[SCSI_LUN_WORDS]; /* which ids may not be written */
};

static inline bool scsi_lun_bit(const uint64_t set[static SCSI_LUN_WORDS], unsigned n)
{
	return set[n / 64] >> n % 64 & 1;
}

/* Every LU under its own id. */
void scsi_lun_map_whole(struct scsi_lun_map *m, bool read_only);
/* No LU; then one after the other is shown: a LUN and an id that are not in the map yet. */
void scsi_lun_map_none(struct scsi_lun_map *m);
void scsi_lun_map_add(struct scsi_lun_map *m, unsigned lun, unsigned id, bool read_only);

/* The id that a LUN names, and the LUN under which an id is seen, or SCSI_LUN_NONE. Any number may
 * be asked for. */
unsigned scsi_lun_map_id(const struct scsi_lun_map *m, unsigned lun);
unsigned scsi_lun_map_lun(const struct scsi_lun_map *m, unsigned id);
/* Is the LU with this id seen? */
bool scsi_lun_map_sees(const struct scsi_lun_map *m, unsigned id);

#endif
