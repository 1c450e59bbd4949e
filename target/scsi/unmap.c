// SPDX-License-Identifier: MIT
/*
 * unmap.c - UNMAP. SBC-3 5.28.
 *
 * The whole list is checked before the first block goes: a list that is refused changes nothing.
 */
#include <assert.h>
#include <errno.h>

#include "memtgt/wire.h"
#include "scsi/data.h"
#include "scsi/handlers.h"
#include "scsi/limits.h"
#include "scsi/range.h"
#include "scsi/stream.h"
#include "scsi/stripe.h"
#include "store/store.h"

#define ANCHOR_BIT 0x01u
#define HEADER	   8u
#define DESCRIPTOR 16u
_Static_assert(HEADER + SCSI_UNMAP_DESCRIPTORS * DESCRIPTOR <= SCSI_BUF_SIZE, "list fits");

struct scsi_result scsi_unmap(struct scsi_task *t)
{
	const unsigned len = ld16(t->cdb + 7);

	if (!len)
		return scsi_ok();
	if (len < HEADER)
		return scsi_fail(SENSE_BAD_LIST_LENGTH);
	if (len > SCSI_BUF_SIZE)
		return scsi_bad_byte(7);
	return scsi_list_want(t, len);
}

/* UNMAP BLOCK DESCRIPTOR DATA LENGTH; the last descriptor is ignored if it is not whole. */
static unsigned descriptors(const struct scsi_task *t)
{
	return ld16(t->buf + 2) / DESCRIPTOR;
}

static struct scsi_range descriptor(const struct scsi_task *t, unsigned i)
{
	const uint8_t *d = t->buf + HEADER + i * DESCRIPTOR;

	return (struct scsi_range){.lba = ld64(d), .blocks = ld32(d + 8)};
}

/*
 * A list that promises more than came is refused whole: GOOD would tell of ranges that were never
 * seen. Sets t->bytes to the sum, which cannot overflow: 256 times less than 2^46 each.
 */
static struct scsi_result check_list(struct scsi_task *t)
{
	if (t->out_done < HEADER || ld16(t->buf + 2) > t->out_done - HEADER)
		return scsi_fail(SENSE_BAD_LIST_LENGTH);
	if (descriptors(t) > SCSI_UNMAP_DESCRIPTORS)
		return scsi_bad_list(2);
	for (unsigned i = 0; i < descriptors(t); i++) {
		struct scsi_range g = descriptor(t, i);
		struct scsi_result r = scsi_range_check(t->lu, g.lba, g.blocks);

		if (r.outcome != SENSE_OK)
			return r;
		t->bytes += (uint64_t)g.blocks << t->lu->block_shift;
	}
	return scsi_ok();
}

uint64_t scsi_unmap_end(const struct scsi_task *t)
{
	uint64_t end = 0;

	for (unsigned i = 0; t->bytes && i < descriptors(t); i++) {
		const struct scsi_range g = descriptor(t, i);

		if (g.blocks && g.lba + g.blocks > end)
			end = g.lba + g.blocks;
	}
	return end;
}

static bool anchors(const struct scsi_task *t)
{
	return t->cdb[1] & ANCHOR_BIT;
}

/*
 * Anchored is all of the list, or nothing: as far as can be known before, SBC-3 4.7.3. One slice of
 * looking, from where t->checked has come to.
 */
static struct scsi_result check_memory(struct scsi_task *t)
{
	struct store_check c = {.pages = t->pages};
	const uint64_t began = t->checked;
	uint64_t before = 0;

	store_check_begin(t->lu->store, &c);
	for (unsigned i = 0; i < descriptors(t); i++) {
		const struct scsi_range g = descriptor(t, i);
		const uint64_t off = g.lba << t->lu->block_shift;
		const uint64_t end = before + ((uint64_t)g.blocks << t->lu->block_shift);

		if (t->checked < end) {
			const int64_t got = store_anchor_check(
				t->lu->store, off + (t->checked - before), end - t->checked, &c);
			if (got == -EAGAIN) {
				t->checked = began;
				t->starved = true;
				return scsi_more();
			}
			if (got < 0)
				return scsi_store_error(t, got, off);
			t->checked += (uint64_t)got;
			if (t->checked < end)
				break;
		}
		before = end;
	}
	t->pages = c.pages;
	return t->checked < t->bytes ? scsi_more() : scsi_ok();
}

static struct scsi_result some(struct scsi_task *t, uint64_t off, uint64_t len)
{
	struct store_reader *r = t->worker->reader;
	struct scsi_result no = scsi_ok();
	struct stripe_hold h;

	len = stripe_take(t, STRIPE_WRITE, off, len, &h, &no);
	if (!len)
		return no;
	const int64_t got = anchors(t) ? store_anchor(r, t->lu->store, off, len)
				       : store_unmap(r, t->lu->store, off, len);

	stripe_drop(&h);
	t->starved = got == -EAGAIN;
	if (got < 0 && !t->starved)
		return scsi_store_error(t, got, off);
	t->done += got > 0 ? (uint64_t)got : 0;
	return scsi_ok();
}

/* One slice of the descriptor that t->done has come to. */
static struct scsi_result unmap_slice(struct scsi_task *t)
{
	uint64_t before = 0;

	for (unsigned i = 0; i < descriptors(t); i++) {
		const struct scsi_range g = descriptor(t, i);
		const uint64_t len = (uint64_t)g.blocks << t->lu->block_shift;

		if (t->done < before + len) {
			const uint64_t in = t->done - before;
			const uint64_t off = (g.lba << t->lu->block_shift) + in;

			return some(t, off, len - in);
		}
		before += len;
	}
	return scsi_ok();
}

struct scsi_result scsi_unmap_run(struct scsi_task *t)
{
	if (!t->bytes) { /* the first call, or nothing to unmap */
		struct scsi_result r = check_list(t);

		if (r.outcome != SENSE_OK)
			return r;
	}
	if (anchors(t) && t->checked < t->bytes) {
		struct scsi_result r = check_memory(t);

		if (r.outcome != SENSE_OK || r.more)
			return r;
	}
	struct scsi_result r = unmap_slice(t);

	if (r.outcome != SENSE_OK)
		return r;
	return t->done < t->bytes ? scsi_more() : scsi_ok();
}
