// SPDX-License-Identifier: MIT
/* whole.c - see whole.h. */
#include "scsi/whole.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "scsi/data.h"
#include "scsi/handlers.h"
#include "scsi/limits.h"
#include "scsi/range.h"
#include "scsi/stream.h"
#include "store/store.h"

_Static_assert(SCSI_ATOMIC_MAX <= STORE_WHOLE_MAX && SCSI_COMPARE_BLOCKS * 4096 <= STORE_WHOLE_MAX,
	       "one intent is enough");

static uint8_t *get(struct scsi_task *t, size_t n)
{
	if (n <= SCSI_BUF_SIZE)
		return scsi_buf_get(t);
	if (t->nexus->wholes >= SCSI_WHOLES_OF)
		return NULL;
	t->whole = arena_get(&t->worker->wholes);
	t->nexus->wholes += t->whole != NULL;
	return t->whole;
}

struct scsi_result scsi_whole_want(struct scsi_task *t, size_t n)
{
	assert(n <= SCSI_WHOLE_SIZE);
	if (!n)
		return scsi_ok();
	t->out_want = n;
	if (t->out_limit < n)
		return scsi_fail(SENSE_BAD_DATA_LENGTH);
	return get(t, n) ? scsi_ok() : scsi_fail(SENSE_BUSY);
}

void scsi_whole_put(struct scsi_task *t)
{
	if (!t->whole)
		return;
	t->nexus->wholes--;
	arena_put(&t->worker->wholes, t->whole);
	t->whole = NULL;
}

static uint8_t *data(const struct scsi_task *t)
{
	return t->whole ? t->whole : t->buf;
}

const uint8_t *scsi_whole_data(const struct scsi_task *t)
{
	return data(t);
}

struct scsi_result scsi_whole_out(struct scsi_task *t, const uint8_t *p, size_t n)
{
	assert(data(t) && t->out_done + n <= t->out_want);
	memcpy(data(t) + t->out_done, p, n);
	t->out_done += n;
	return scsi_ok();
}

struct scsi_result scsi_whole_error(struct scsi_task *t, int64_t err, uint64_t off, size_t n)
{
	if (err == -EIO)
		off += store_readable(t->lu->store, off, n - 1);
	return scsi_store_error(t, err, off);
}

struct scsi_result scsi_whole_write(struct scsi_task *t, uint64_t off, const uint8_t *p, size_t n)
{
	int64_t got = store_prepare(t->lu->store, off, p, n);

	if (!got)
		got = store_write_whole(t->worker->reader, t->lu->store, off, p, n);
	t->starved = got == -EAGAIN;
	if (t->starved)
		return scsi_more();
	if (got == (int64_t)n)
		return scsi_ok();
	/* After it began, only memory that fails just now can end it. */
	const size_t done = got > 0 ? (size_t)got : 0;
	return scsi_whole_error(t, done ? -EIO : got, off + done, n - done);
}
