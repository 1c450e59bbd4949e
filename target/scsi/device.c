// SPDX-License-Identifier: MIT
/* device.c - the life of a command. See scsi.h. */
#include <assert.h>
#include <errno.h>

#include "scsi/data.h"
#include "scsi/op.h"
#include "scsi/scsi.h"
#include "scsi/stripe.h"
#include "scsi/whole.h"
#include "store/store.h"

int scsi_worker_init(struct scsi_worker *w, struct store_reader *reader, uint32_t bufs)
{
	w->reader = reader;
	if (arena_init(&w->bufs, SCSI_BUF_SIZE, bufs))
		return -ENOMEM;
	if (!arena_init(&w->wholes, SCSI_WHOLE_SIZE, SCSI_WHOLES))
		return 0;
	arena_free(&w->bufs);
	return -ENOMEM;
}

void scsi_worker_free(struct scsi_worker *w)
{
	arena_free(&w->bufs);
	arena_free(&w->wholes);
}

unsigned scsi_pin(struct scsi_worker *w)
{
	return store_pin(w->reader);
}

void scsi_unpin(struct scsi_worker *w, unsigned pin)
{
	store_unpin(w->reader, pin);
}

void scsi_quiet(struct scsi_worker *w)
{
	store_reader_quiet(w->reader);
}

static void task_begin(struct scsi_task *t)
{
	t->op = NULL;
	t->lu = scsi_lu_find(t->nexus, t->lun);
	t->off = t->bytes = 0;
	t->in_len = t->out_want = t->out_len = t->out_done = 0;
	t->checked = t->pages = t->done = 0;
	t->buf = t->whole = t->cut = NULL;
	t->waits_since = 0;
	t->starved = t->medium_failed = t->is_long = t->is_fenced = false;
	t->fence = NULL;
	t->status = SCSI_GOOD;
	t->sense_len = 0;
}

static bool is_protected(const struct scsi_task *t)
{
	if (t->op->flags & SCSI_OP_CLAIMS)
		return scsi_lun_bit(t->nexus->luns.read_only, t->lu->id);
	return t->op->flags & SCSI_OP_WRITES && scsi_lu_read_only(t->nexus, t->lu);
}

/* SAM-5 5.14.1: all but INQUIRY, REPORT LUNS and REQUEST SENSE report what waits, and end. */
static struct scsi_result admit(struct scsi_task *t)
{
	/* SPC-4 4.3.3: only CDBs of variable length are longer, and there is no such command. */
	const bool too_long = t->cdb_len > sizeof(t->cdb);
	struct scsi_result r =
		too_long ? scsi_fail(SENSE_BAD_OPCODE) : scsi_op_find(t->cdb, &t->op);
	const bool always = r.outcome == SENSE_OK && t->op->flags & SCSI_OP_ALWAYS;
	enum scsi_attention a;

	if (!t->lu && !always)
		return scsi_fail(SENSE_NO_SUCH_LU);
	if (t->lu && !always && attention_take(&t->nexus->ua[t->lu->id], &a))
		return scsi_fail(attention_outcome(a));
	if (r.outcome == SENSE_OK)
		r = scsi_op_check(t->op, t->cdb);
	if (r.outcome == SENSE_OK && t->lu)
		r = scsi_fail(scsi_reserved(t));
	if (r.outcome == SENSE_OK && !(t->op->flags & (SCSI_OP_ALWAYS | SCSI_OP_STOPPED)))
		r = scsi_fail(scsi_stopped_use(t->nexus, t->lu));
	if (r.outcome == SENSE_OK && t->lu && is_protected(t))
		return scsi_fail(SENSE_WRITE_PROTECTED);
	return r;
}

static enum scsi_step finish(struct scsi_task *t, struct scsi_result r)
{
	if (r.outcome != SENSE_OK)
		t->in_len = 0;
	sense_finish(t, r);
	return t->in_len ? SCSI_IN : SCSI_DONE;
}

/* After start() or run(). */
static enum scsi_step next_step(struct scsi_task *t, struct scsi_result r)
{
	if (r.outcome != SENSE_OK)
		return finish(t, r);
	if (r.fence)
		return SCSI_FENCE;
	return r.more ? SCSI_RUN : finish(t, r);
}

enum scsi_step scsi_start(struct scsi_task *t)
{
	task_begin(t);
	struct scsi_result r = admit(t);

	if (r.outcome == SENSE_OK)
		r = t->op->start(t);
	if (r.outcome != SENSE_OK)
		return finish(t, r);
	t->out_len = t->out_want < t->out_limit ? t->out_want : t->out_limit;
	if (t->out_len)
		return SCSI_OUT;
	return next_step(t, r);
}

size_t scsi_data_out(struct scsi_task *t, const uint8_t *p, size_t n)
{
	const uint64_t before = t->out_done;

	assert(n <= t->out_len - before);
	if (t->status != SCSI_GOOD) {
		t->out_done += n;
		return n;
	}
	t->starved = false;
	struct scsi_result r = t->op->out(t, p, n);

	if (r.outcome != SENSE_OK) {
		finish(t, r);
		t->out_done = before + n;
	}
	return (size_t)(t->out_done - before);
}

void scsi_data_failed(struct scsi_task *t, enum scsi_outcome o)
{
	finish(t, scsi_fail(o));
}

enum scsi_step scsi_run(struct scsi_task *t)
{
	assert(t->out_done == t->out_len);
	if (t->is_fenced && t->status == SCSI_GOOD)
		return t->in_len ? SCSI_IN : SCSI_DONE;
	if (t->status != SCSI_GOOD || !t->op->run)
		return SCSI_DONE;
	t->starved = false;
	return next_step(t, t->op->run(t));
}

struct scsi_result scsi_fenced(struct scsi_task *t,
			       struct scsi_result (*fence)(struct scsi_task *t,
							   struct scsi_fence *f))
{
	t->fence = fence;
	return (struct scsi_result){.outcome = SENSE_OK, .fence = true};
}

enum scsi_step scsi_fence(struct scsi_task *t, struct scsi_fence *f)
{
	*f = (struct scsi_fence){.target = NULL};
	/* It may have failed, or lost its LU, since it said so. */
	const struct scsi_result r = t->status == SCSI_GOOD && t->lu ? t->fence(t, f) : scsi_ok();

	t->is_fenced = true;
	if (!f->tell)
		return t->status == SCSI_GOOD ? finish(t, r) : SCSI_DONE;
	if (r.outcome != SENSE_OK)
		finish(t, r);
	return SCSI_FENCE;
}

void scsi_end(struct scsi_task *t)
{
	scsi_buf_put(t);
	scsi_whole_put(t);
	scsi_cut_put(t);
}
