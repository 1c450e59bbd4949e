// SPDX-License-Identifier: MIT
/* capacity.c - READ CAPACITY, and GET LBA STATUS: how much there is, and how much of it in memory.
 */
#include "scsi/data.h"
#include "scsi/handlers.h"
#include "scsi/range.h"
#include "store/store.h"

/* SBC-3 5.15: FFFFFFFFh sends the initiator to READ CAPACITY(16). */
struct scsi_result scsi_read_capacity10(struct scsi_task *t)
{
	const uint64_t last = t->lu->blocks - 1;
	struct writer w;
	struct scsi_result r = scsi_param_begin(t, &w);

	if (r.outcome != SENSE_OK)
		return r;
	writer_u32(&w, last < UINT32_MAX ? (uint32_t)last : UINT32_MAX);
	writer_u32(&w, t->lu->block_size);
	return scsi_param_end(t, &w, UINT64_MAX);
}

/* SBC-3 5.16 */
struct scsi_result scsi_read_capacity16(struct scsi_task *t)
{
	struct writer w;
	struct scsi_result r = scsi_param_begin(t, &w);

	if (r.outcome != SENSE_OK)
		return r;
	writer_u64(&w, t->lu->blocks - 1);
	writer_u32(&w, t->lu->block_size);
	writer_u16(&w, 0);	/* no protection; a physical block is a logical one */
	writer_u16(&w, 0xc000); /* LBPME, LBPRZ: see provisioning() in vpd.c */
	writer_zero(&w, 16);
	return scsi_param_end(t, &w, ld32(t->cdb + 10));
}

/* Descriptors of one answer; each asks the store for one slice. */
#define STATUS_DESCRIPTORS 64u
#define STATUS_HEADER	   8u
#define STATUS_LEN	   16u

/* SBC-3 5.5.2.2 */
static void put_status(struct writer *w, uint64_t lba, uint32_t blocks, enum store_state state)
{
	static const uint8_t provisioning[] = {
		[STORE_MAPPED] = 0x00, [STORE_DEALLOCATED] = 0x01, [STORE_ANCHORED] = 0x02};

	writer_u64(w, lba);
	writer_u32(w, blocks);
	writer_u8(w, provisioning[state]);
	writer_zero(w, 3);
}

/* From `lba` to the end, or for as many descriptors as the initiator has room for (at
 * least 1). */
static void put_statuses(const struct scsi_task *t, struct writer *w, uint64_t lba, uint32_t room)
{
	const struct scsi_lu *lu = t->lu;
	const uint64_t end = scsi_lu_end(lu);
	const uint64_t longest = (uint64_t)UINT32_MAX << lu->block_shift;
	unsigned most = room > STATUS_HEADER + STATUS_LEN ? (room - STATUS_HEADER) / STATUS_LEN : 1;

	if (most > STATUS_DESCRIPTORS)
		most = STATUS_DESCRIPTORS;
	while (most-- && lba < end) {
		const uint64_t off = lba << lu->block_shift;
		const uint64_t left = (end - lba) << lu->block_shift;
		uint64_t run;
		const enum store_state state =
			store_state(lu->store, off, left < longest ? left : longest, &run);

		put_status(w, lba, (uint32_t)(run >> lu->block_shift), state);
		lba += run >> lu->block_shift;
	}
}

/* SBC-3 5.5: what a write would not need memory for, by pages. */
struct scsi_result scsi_get_lba_status(struct scsi_task *t)
{
	const struct scsi_range g = scsi_cdb_range(t); /* its length is the allocation length */
	struct scsi_result r = scsi_range_check(t->lu, g.lba, 1);
	struct writer w;

	if (r.outcome == SENSE_OK)
		r = scsi_param_begin(t, &w);

	if (r.outcome != SENSE_OK)
		return r;
	writer_zero(&w, STATUS_HEADER);
	put_statuses(t, &w, g.lba, g.blocks);
	st32(t->buf, (uint32_t)(w.want - 4)); /* PARAMETER DATA LENGTH */
	return scsi_param_end(t, &w, g.blocks);
}
