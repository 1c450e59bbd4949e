// SPDX-License-Identifier: MIT
/* stream.c - cuts data-out into whole blocks. */
#include "scsi/stream.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "scsi/data.h"
#include "scsi/range.h"

/* Bytes of the current block that wait in the buffer. */
static size_t waiting(const struct scsi_task *t)
{
	return (size_t)(t->out_done & (t->lu->block_size - 1));
}

/* More of a block that did not come whole. Counts its last piece only once the block is taken. */
static struct scsi_result piece(struct scsi_task *t, const uint8_t *p, size_t n, scsi_sink *sink)
{
	const size_t block = t->lu->block_size, have = waiting(t);

	if (!scsi_buf_get(t))
		return scsi_ok();
	if (n > block - have)
		n = block - have;
	memcpy(t->buf + have, p, n);
	if (have + n == block) {
		struct scsi_result r = scsi_ok();
		const size_t done = sink(t, t->off + t->out_done - have, t->buf, block, &r);

		if (r.outcome != SENSE_OK || !done)
			return r;
		assert(done == block);
		scsi_buf_put(t);
	}
	t->out_done += n;
	return scsi_ok();
}

static struct scsi_result whole(struct scsi_task *t, const uint8_t *p, size_t n, scsi_sink *sink)
{
	struct scsi_result r = scsi_ok();
	const size_t done = sink(t, t->off + t->out_done, p, n, &r);

	assert(done <= n && !(done & (t->lu->block_size - 1)));
	t->out_done += done;
	return r;
}

struct scsi_result scsi_stream(struct scsi_task *t, const uint8_t *p, size_t n, scsi_sink *sink)
{
	const size_t block = t->lu->block_size;

	while (n) {
		const uint64_t before = t->out_done;
		struct scsi_result r = waiting(t) || n < block
					       ? piece(t, p, n, sink)
					       : whole(t, p, n & ~(block - 1), sink);
		const size_t took = (size_t)(t->out_done - before);

		if (r.outcome != SENSE_OK || !took)
			return r;
		p += took;
		n -= took;
	}
	return scsi_ok();
}

struct scsi_result scsi_stream_want(struct scsi_task *t)
{
	t->out_want = t->bytes;
	if (t->out_limit < t->out_want && t->out_limit & (t->lu->block_size - 1))
		return scsi_fail(SENSE_BAD_DATA_LENGTH);
	return scsi_ok();
}

struct scsi_result scsi_store_error(struct scsi_task *t, int64_t err, uint64_t off)
{
	const uint64_t lba = off >> t->lu->block_shift;

	if (err == -EIO)
		return scsi_medium_error(t, SENSE_WRITE_ERROR, off);
	return scsi_fail_info(err == -ENOSPC ? SENSE_NO_SPACE : SENSE_WRITE_ERROR, lba);
}
