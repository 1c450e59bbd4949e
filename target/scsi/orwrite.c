// SPDX-License-Identifier: MIT
/*
 * orwrite.c - ORWRITE(16), without the set operation of ORWRITE(32). SBC-3 5.7.
 *
 * What fits into a buffer is done at once, when all of it is there. A longer one is done as it
 * comes, in whole blocks, like a WRITE; each block at once.
 */
#include <errno.h>

#include "scsi/handlers.h"
#include "scsi/range.h"
#include "scsi/stream.h"
#include "scsi/stripe.h"
#include "scsi/whole.h"
#include "store/store.h"

#define PIECE ((size_t)4096) /* a multiple of all blocks */

struct scsi_result scsi_orwrite(struct scsi_task *t)
{
	struct scsi_result r = scsi_transfer_set(t);

	if (r.outcome != SENSE_OK)
		return r;
	return t->bytes > SCSI_WHOLE_SIZE ? scsi_stream_want(t)
					  : scsi_whole_want(t, (size_t)t->bytes);
}

/* Up to PIECE bytes, in a hold. */
static struct scsi_result or_piece(struct scsi_task *t, uint64_t off, const uint8_t *p, size_t n)
{
	uint8_t with[PIECE];

	if (store_read(t->lu->store, off, with, n) < n)
		return scsi_medium_error(t, SENSE_READ_ERROR, off);
	for (size_t i = 0; i < n; i++)
		with[i] |= p[i];
	return scsi_whole_write(t, off, with, n);
}

/* All of it, or nothing: what could fail is looked at before. */
static struct scsi_result or_all(struct scsi_task *t, uint64_t off, const uint8_t *p, size_t n)
{
	struct scsi_result r = scsi_ok();
	const int rc = store_prepare(t->lu->store, off, p, n);

	t->starved = rc == -EAGAIN;
	if (rc)
		return t->starved ? scsi_more() : scsi_whole_error(t, rc, off, n);
	for (size_t done = 0, part; done < n && r.outcome == SENSE_OK; done += part) {
		part = n - done < PIECE ? n - done : PIECE;
		r = or_piece(t, off + done, p + done, part);
	}
	return r;
}

static size_t put(struct scsi_task *t, uint64_t off, const uint8_t *p, size_t n,
		  struct scsi_result *r)
{
	struct stripe_hold h;
	const size_t part = (size_t)stripe_take(t, STRIPE_WRITE, off, n, &h, r);

	if (!part)
		return 0;
	*r = or_all(t, off, p, part);
	stripe_drop(&h);
	return r->outcome == SENSE_OK && !r->more ? part : 0;
}

struct scsi_result scsi_orwrite_out(struct scsi_task *t, const uint8_t *p, size_t n)
{
	return t->bytes > SCSI_WHOLE_SIZE ? scsi_stream(t, p, n, put) : scsi_whole_out(t, p, n);
}

struct scsi_result scsi_orwrite_run(struct scsi_task *t)
{
	struct scsi_result r = scsi_ok();

	if (!t->bytes || t->bytes > SCSI_WHOLE_SIZE)
		return r;
	return put(t, t->off, scsi_whole_data(t), (size_t)t->bytes, &r) || r.outcome != SENSE_OK
		       ? r
		       : scsi_more();
}
