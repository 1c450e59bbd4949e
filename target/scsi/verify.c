// SPDX-License-Identifier: MIT
/*
 * verify.c - VERIFY. SBC-3 5.29.
 *
 * BYTCHK 00b asks whether the medium can be read, which memory answers by being there: no data
 * moves and nothing is compared. 01b compares block by block, 11b all blocks with one.
 */
#include <assert.h>

#include "scsi/data.h"
#include "scsi/handlers.h"
#include "scsi/range.h"
#include "scsi/stream.h"
#include "scsi/stripe.h"
#include "store/store.h"

enum bytchk { BYTCHK_NONE = 0, BYTCHK_ALL = 1, BYTCHK_ONE = 3 };

static unsigned bytchk_of(const struct scsi_task *t)
{
	return t->cdb[1] >> 1 & 3u;
}

/* BYTCHK 11b: one block, exactly. */
static struct scsi_result want_one(struct scsi_task *t)
{
	if (!t->bytes)
		return scsi_ok();
	t->out_want = t->lu->block_size;
	if (t->out_limit != t->out_want)
		return scsi_fail(SENSE_BAD_DATA_LENGTH);
	return scsi_list_want(t, t->lu->block_size);
}

struct scsi_result scsi_verify(struct scsi_task *t)
{
	struct scsi_result r = scsi_read_set(t);

	if (r.outcome != SENSE_OK)
		return r;
	switch (bytchk_of(t)) {
	case BYTCHK_NONE:
		return r;
	case BYTCHK_ALL:
		return scsi_stream_want(t);
	case BYTCHK_ONE:
		return want_one(t);
	default:
		return scsi_bad_bit(1, 2);
	}
}

/* INFORMATION is the offset of the first byte that differs, counted from the range's start. */
static size_t agree(struct scsi_task *t, uint64_t off, const uint8_t *p, size_t n,
		    struct scsi_result *r)
{
	int64_t same;

	for (size_t done = 0; done < n; done += (size_t)same) {
		same = store_agree(t->lu->store, off + done, p + done, n - done);
		if (same > 0)
			continue;
		*r = same ? scsi_medium_error(t, SENSE_READ_ERROR, off + done)
			  : scsi_fail_info(SENSE_MISCOMPARE, off + done - t->off);
		return 0;
	}
	return n;
}

static size_t compare(struct scsi_task *t, uint64_t off, const uint8_t *p, size_t n,
		      struct scsi_result *r)
{
	struct stripe_hold h;

	n = (size_t)stripe_take(t, STRIPE_READ, off, n, &h, r);
	if (!n)
		return 0;
	n = agree(t, off, p, n, r);
	stripe_drop(&h);
	return n;
}

struct scsi_result scsi_verify_out(struct scsi_task *t, const uint8_t *p, size_t n)
{
	return bytchk_of(t) == BYTCHK_ONE ? scsi_list_out(t, p, n) : scsi_stream(t, p, n, compare);
}

struct scsi_result scsi_verify_run(struct scsi_task *t)
{
	const uint64_t slice = t->done + STORE_SLICE_BYTES;

	if (bytchk_of(t) != BYTCHK_ONE)
		return scsi_ok();
	assert(t->buf && t->out_done == t->lu->block_size);
	while (t->done < t->bytes && t->done < slice) {
		struct scsi_result r = scsi_ok();

		const size_t n = compare(t, t->off + t->done, t->buf, t->lu->block_size, &r);

		if (r.outcome != SENSE_OK || !n)
			return r.outcome == SENSE_OK ? scsi_more() : r;
		t->done += n;
	}
	return t->done < t->bytes ? scsi_more() : scsi_ok();
}
