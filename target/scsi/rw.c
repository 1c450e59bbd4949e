// SPDX-License-Identifier: MIT
/*
 * rw.c - READ, WRITE, WRITE AND VERIFY.
 *
 * DPO and FUA are taken and change nothing: the memory is the medium. For the same reason WRITE
 * AND VERIFY is a WRITE: what a copy into memory put there needs no second look, and comparing at
 * once would only ask the CPU's cache.
 */
#include <errno.h>

#include "scsi/handlers.h"
#include "scsi/range.h"
#include "scsi/stream.h"
#include "scsi/stripe.h"
#include "store/store.h"

struct scsi_result scsi_read(struct scsi_task *t)
{
	struct scsi_result r = scsi_read_set(t);

	return r.outcome == SENSE_OK ? scsi_read_run(t) : r;
}

struct scsi_result scsi_read_run(struct scsi_task *t)
{
	struct scsi_result r = scsi_ok();

	if (t->bytes && !stripe_may_read(t, &r))
		return r.outcome == SENSE_OK ? scsi_more() : r;
	t->in_len = t->bytes;
	return r;
}

struct scsi_result scsi_write(struct scsi_task *t)
{
	struct scsi_result r = scsi_transfer_set(t);

	return r.outcome == SENSE_OK ? scsi_stream_want(t) : r;
}

static size_t put(struct scsi_task *t, uint64_t off, const uint8_t *p, size_t n,
		  struct scsi_result *r)
{
	struct stripe_hold h;

	n = (size_t)stripe_take(t, STRIPE_WRITE, off, n, &h, r);
	if (!n)
		return 0;
	const int64_t got = store_write(t->worker->reader, t->lu->store, off, p, n);

	stripe_drop(&h);
	if (got >= 0)
		return (size_t)got;
	if (got == -EAGAIN)
		t->starved = true;
	else
		*r = scsi_store_error(t, got, off);
	return 0;
}

struct scsi_result scsi_write_out(struct scsi_task *t, const uint8_t *p, size_t n)
{
	return scsi_stream(t, p, n, put);
}
