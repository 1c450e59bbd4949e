// SPDX-License-Identifier: MIT
/*
 * write_same.c - WRITE SAME. SBC-3 5.43, 5.44.
 *
 * Any length but 0 is taken (VPD B0h reports no MAXIMUM WRITE SAME LENGTH, and WSNZ 1) and done in
 * slices. A length of 0 would mean "to the end of the medium": what a programming error sends
 * must not erase a disk. ANCHOR says what UNMAP leaves behind, and is an error without it.
 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "scsi/data.h"
#include "scsi/handlers.h"
#include "scsi/range.h"
#include "scsi/stream.h"
#include "scsi/stripe.h"
#include "store/store.h"

#define ANCHOR_BIT 0x10u
#define UNMAP_BIT  0x08u
#define NDOB_BIT   0x01u

/* With NDOB the block is one of zeroes; it waits in the buffer as if it had been sent. */
static struct scsi_result without_data(struct scsi_task *t)
{
	if (!scsi_buf_get(t))
		return scsi_fail(SENSE_BUSY);
	memset(t->buf, 0, t->lu->block_size);
	return scsi_more();
}

struct scsi_result scsi_write_same(struct scsi_task *t)
{
	if (!scsi_cdb_range(t).blocks) /* SBC-3 6.5.3, WSNZ */
		return scsi_bad_byte(t->op->cdb_len == 10 ? 7 : 10);
	if ((t->cdb[1] & (ANCHOR_BIT | UNMAP_BIT)) == ANCHOR_BIT)
		return scsi_bad_bit(1, 4);
	struct scsi_result r = scsi_range_set(t);

	if (r.outcome != SENSE_OK)
		return r;
	if (t->cdb[1] & NDOB_BIT)
		return without_data(t);
	t->out_want = t->lu->block_size;
	if (t->out_limit != t->out_want)
		return scsi_fail(SENSE_BAD_DATA_LENGTH);
	return scsi_list_want(t, t->lu->block_size);
}

static bool all_zero(const uint8_t *p, size_t n)
{
	return !p[0] && !memcmp(p, p + 1, n - 1);
}

enum what { FILL, UNMAP, ANCHOR };

/* Zeroes that are to be written as such, or not. SBC-3 5.43: UNMAP gives way to writing if unmapped
 * blocks would read otherwise. */
static enum what what(const struct scsi_task *t)
{
	if (!(t->cdb[1] & UNMAP_BIT) || !all_zero(t->buf, t->lu->block_size))
		return FILL;
	return t->cdb[1] & ANCHOR_BIT ? ANCHOR : UNMAP;
}

static int64_t slice(const struct scsi_task *t, uint64_t off, uint64_t left)
{
	struct store_reader *r = t->worker->reader;
	struct store_lun *l = t->lu->store;

	switch (what(t)) {
	case ANCHOR:
		return store_anchor(r, l, off, left);
	case UNMAP:
		return store_unmap(r, l, off, left);
	default:
		return store_fill(r, l, off, left, t->buf, t->lu->block_size);
	}
}

/* Anchored is all or nothing, as with UNMAP. One slice of looking. */
static struct scsi_result check_memory(struct scsi_task *t)
{
	struct store_check c = {.pages = t->pages};

	store_check_begin(t->lu->store, &c);
	const int64_t got =
		store_anchor_check(t->lu->store, t->off + t->checked, t->bytes - t->checked, &c);
	t->starved = got == -EAGAIN;
	if (t->starved)
		return scsi_more();
	if (got < 0)
		return scsi_store_error(t, got, t->off);
	t->checked += (uint64_t)got;
	t->pages = c.pages;
	return t->checked < t->bytes ? scsi_more() : scsi_ok();
}

struct scsi_result scsi_write_same_run(struct scsi_task *t)
{
	if (t->checked < t->bytes && what(t) == ANCHOR) {
		struct scsi_result r = check_memory(t);

		if (r.outcome != SENSE_OK || r.more)
			return r;
	}
	const uint64_t off = t->off + t->done;
	struct scsi_result no = scsi_ok();
	struct stripe_hold h;
	const uint64_t n = stripe_take(t, STRIPE_WRITE, off, t->bytes - t->done, &h, &no);

	if (!n)
		return no.outcome == SENSE_OK ? scsi_more() : no;
	const int64_t got = slice(t, off, n);

	stripe_drop(&h);
	t->starved = got == -EAGAIN;
	if (got < 0 && !t->starved)
		return scsi_store_error(t, got, off);
	t->done += got > 0 ? (uint64_t)got : 0;
	return t->done < t->bytes ? scsi_more() : scsi_ok();
}
