// SPDX-License-Identifier: MIT
/* data.c - a task's buffer, for parameter data and parameter lists. */
#include "scsi/data.h"

#include <assert.h>
#include <string.h>

#include "scsi/handlers.h"

uint8_t *scsi_buf_get(struct scsi_task *t)
{
	if (!t->buf)
		t->buf = arena_get(&t->worker->bufs);
	return t->buf;
}

uint8_t *scsi_buf_get_long(struct scsi_task *t)
{
	assert(!t->buf);
	if (t->nexus->wholes >= SCSI_WHOLES_OF)
		return NULL;
	t->buf = arena_get(&t->worker->wholes);
	t->is_long = t->buf;
	t->nexus->wholes += t->is_long;
	return t->buf;
}

void scsi_buf_put(struct scsi_task *t)
{
	if (t->buf)
		arena_put(t->is_long ? &t->worker->wholes : &t->worker->bufs, t->buf);
	t->nexus->wholes -= t->buf && t->is_long;
	t->buf = NULL;
	t->is_long = false;
}

struct scsi_result scsi_param_begin(struct scsi_task *t, struct writer *w)
{
	if (!scsi_buf_get(t))
		return scsi_fail(SENSE_BUSY);
	*w = writer_of(t->buf, SCSI_BUF_SIZE);
	return scsi_ok();
}

struct scsi_result scsi_param_end(struct scsi_task *t, const struct writer *w,
				  uint64_t allocation_length)
{
	assert(!writer_full(w));
	size_t n = writer_len(w);

	t->in_len = n < allocation_length ? n : allocation_length;
	return scsi_ok();
}

struct scsi_result scsi_list_want(struct scsi_task *t, size_t n)
{
	assert(n <= SCSI_BUF_SIZE);
	if (!scsi_buf_get(t))
		return scsi_fail(SENSE_BUSY);
	t->out_want = n;
	return scsi_ok();
}

struct scsi_result scsi_list_out(struct scsi_task *t, const uint8_t *p, size_t n)
{
	assert(t->buf && t->out_done + n <= t->out_want);
	memcpy(t->buf + t->out_done, p, n);
	t->out_done += n;
	return scsi_ok();
}
