// SPDX-License-Identifier: MIT
/*
 * atomic.c - COMPARE AND WRITE (SBC-3 5.2) and WRITE ATOMIC(16) (SBC-4 5.49).
 *
 * Both have their data before they look at the medium, and do all within one hold of its stripes:
 * nobody sees a part of it, and nobody writes between the comparison and the write. A WRITE ATOMIC
 * with an ATOMIC BOUNDARY asks for less than that, and gets the same.
 */
#include "memtgt/wire.h"
#include "scsi/handlers.h"
#include "scsi/limits.h"
#include "scsi/range.h"
#include "scsi/stripe.h"
#include "scsi/whole.h"
#include "store/store.h"

_Static_assert(SCSI_ATOMIC_MAX <= SCSI_WHOLE_SIZE, "WRITE ATOMIC fits");
_Static_assert(SCSI_WHOLE_SIZE < STRIPE_SPAN - STORE_PAGE_SIZE, "one hold is enough");

struct scsi_result scsi_compare_and_write(struct scsi_task *t)
{
	const struct scsi_range g = {.lba = ld64(t->cdb + 2), .blocks = t->cdb[13]};
	struct scsi_result r = scsi_range_place(t, g);

	if (r.outcome != SENSE_OK)
		return r;
	/* What differs from two times the blocks tells of a client that means something else. */
	if (!t->bytes && t->out_limit)
		return scsi_bad_byte(13); /* 256, as some send it, does not fit */
	if (t->out_limit > 2 * t->bytes)
		return scsi_fail(SENSE_BAD_DATA_LENGTH);
	return scsi_whole_want(t, (size_t)(2 * t->bytes));
}

struct scsi_result scsi_write_atomic(struct scsi_task *t)
{
	const struct scsi_range g = {.lba = ld64(t->cdb + 2), .blocks = ld16(t->cdb + 12)};
	const unsigned most = SCSI_ATOMIC_MAX >> t->lu->block_shift;
	struct scsi_result r = scsi_range_place(t, g);

	if (r.outcome != SENSE_OK)
		return r;
	if (ld16(t->cdb + 10) > most)
		return scsi_bad_byte(10);
	if (g.blocks > most)
		return scsi_bad_byte(12);
	return scsi_whole_want(t, (size_t)t->bytes);
}

/* INFORMATION is the offset, in the data-out, of the first byte that differs. */
static struct scsi_result compare(struct scsi_task *t, const uint8_t *with, size_t n)
{
	int64_t same;

	for (size_t done = 0; done < n; done += (size_t)same) {
		same = store_agree(t->lu->store, t->off + done, with + done, n - done);
		if (same < 0)
			return scsi_medium_error(t, SENSE_READ_ERROR, t->off + done);
		if (!same)
			return scsi_fail_info(SENSE_MISCOMPARE, done);
	}
	return scsi_ok();
}

static struct scsi_result at_once(struct scsi_task *t, bool compares)
{
	const uint8_t *p = scsi_whole_data(t);
	const size_t n = (size_t)t->bytes;
	struct scsi_result r = scsi_ok();
	struct stripe_hold h;

	if (!n)
		return r;
	if (!stripe_take(t, STRIPE_WRITE, t->off, n, &h, &r))
		return r.outcome == SENSE_OK ? scsi_more() : r;
	if (compares)
		r = compare(t, p, n);
	if (r.outcome == SENSE_OK)
		r = scsi_whole_write(t, t->off, compares ? p + n : p, n);
	stripe_drop(&h);
	return r;
}

struct scsi_result scsi_compare_and_write_run(struct scsi_task *t)
{
	return at_once(t, true);
}

struct scsi_result scsi_write_atomic_run(struct scsi_task *t)
{
	return at_once(t, false);
}
