// SPDX-License-Identifier: MIT
/* range.c - the LBA and length fields of CDBs, checked without overflow. */
#include "scsi/range.h"

#include "base/log.h"
#include "memtgt/wire.h"
#include "scsi/limits.h"
#include "scsi/op.h"
#include "store/store.h"

/* Where the length field of a CDB of this size begins. */
static unsigned length_at(unsigned cdb_len)
{
	switch (cdb_len) {
	case 6:
		return 4;
	case 10:
		return 7;
	case 12:
		return 6;
	default:
		return 10;
	}
}

struct scsi_range scsi_cdb_range(const struct scsi_task *t)
{
	const uint8_t *cdb = t->cdb, *len = cdb + length_at(t->op->cdb_len);

	switch (t->op->cdb_len) {
	case 6: /* SBC-2 5.5: 21 bits of LBA; length 0 means 256 */
		return (struct scsi_range){
			.lba = ld24(cdb + 1) & 0x1fffff,
			.blocks = *len ? *len : 256,
		};
	case 10:
		return (struct scsi_range){.lba = ld32(cdb + 2), .blocks = ld16(len)};
	case 12:
		return (struct scsi_range){.lba = ld32(cdb + 2), .blocks = ld32(len)};
	default:
		return (struct scsi_range){.lba = ld64(cdb + 2), .blocks = ld32(len)};
	}
}

/* A LU that shrinks sets `held`, then `blocks` to the same, then clears `held`. */
uint64_t scsi_lu_end(const struct scsi_lu *lu)
{
	const uint64_t held = lu->held;

	return held ? held : lu->blocks;
}

struct scsi_result scsi_range_check(const struct scsi_lu *lu, uint64_t lba, uint64_t blocks)
{
	const uint64_t held = lu->held, all = lu->blocks; /* in this order: see scsi_lu_end() */

	if (lba > all)
		return scsi_fail_info(SENSE_LBA_RANGE, lba);
	if (blocks > all - lba)
		return scsi_fail_info(SENSE_LBA_RANGE, all);
	if (held && blocks && lba + blocks > held)
		return scsi_fail(SENSE_BUSY);
	return scsi_ok();
}

struct scsi_result scsi_range_place(struct scsi_task *t, struct scsi_range g)
{
	struct scsi_result r = scsi_range_check(t->lu, g.lba, g.blocks);

	if (r.outcome != SENSE_OK)
		return r;
	t->off = g.lba << t->lu->block_shift;
	t->bytes = (uint64_t)g.blocks << t->lu->block_shift;
	return r;
}

struct scsi_result scsi_range_set(struct scsi_task *t)
{
	return scsi_range_place(t, scsi_cdb_range(t));
}

struct scsi_result scsi_transfer_set(struct scsi_task *t)
{
	struct scsi_range g = scsi_cdb_range(t);

	if (g.blocks > SCSI_TRANSFER_MAX >> t->lu->block_shift)
		return scsi_bad_byte(length_at(t->op->cdb_len));
	return scsi_range_set(t);
}

struct scsi_result scsi_medium_error(struct scsi_task *t, enum scsi_outcome o, uint64_t off)
{
	const struct scsi_lu *lu = t->lu;
	const unsigned shift = lu->block_shift;
	uint64_t from, len;

	t->medium_failed = true;
	if (store_tell_lost(lu->store, off, &from, &len))
		log_error("%s LUN %u: memory of this host failed, and data in the blocks %llu to "
			  "%llu is lost: MEDIUM ERROR answers for it until all of them are "
			  "unmapped; the host's log tells of its memory",
			  t->nexus->target->name, lu->id, (unsigned long long)(from >> shift),
			  (unsigned long long)(((from + len) >> shift) - 1));
	return scsi_fail_info(o, off >> shift);
}

struct scsi_result scsi_read_set(struct scsi_task *t)
{
	struct scsi_result r = scsi_transfer_set(t);

	if (r.outcome != SENSE_OK)
		return r;
	const uint64_t good = store_readable(t->lu->store, t->off, t->bytes);

	return good < t->bytes ? scsi_medium_error(t, SENSE_READ_ERROR, t->off + good) : r;
}
