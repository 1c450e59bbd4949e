// SPDX-License-Identifier: MIT
/* question.c - the table of questions, and one question's way. */
#include "initiator-tools/question.h"

#include <iscsi/scsi-lowlevel.h>
#include <stdlib.h>
#include <string.h>

#include "initiator-tools/answer.h"

/* A new session is told of what happened before it, on each LUN, maybe of several things. */
#define TRIES 6

/* One LUN's questions that are under way. */
struct round {
	struct donor_lun *lun;
	bool (*each)(void *arg, unsigned id);
	question_done *done;
	void *arg;
	unsigned pending;
	bool lost;
};

struct question {
	const struct kind *kind;
	struct round *round;
	struct scsi_task *task;
	unsigned tries;
	uint8_t buf[];
};

typedef bool take_fn(struct cursor c, struct donor_lun *l);

/* clang-format off */
static const struct kind {
	uint8_t cdb[16], cdb_len;
	uint8_t length_at, length_bytes; /* of the allocation length in the CDB */
	uint16_t bytes;                  /* that length */
	take_fn *take;                   /* NULL: GOOD is the answer */
} kinds[] = {
	/* SPC-4 6.6 INQUIRY, and pages 80h, 83h, B2h */
	{ .cdb = { 0x12 },             .cdb_len = 6,  .length_at = 3,  .length_bytes = 2, .bytes = 36,   .take = answer_inquiry },
	{ .cdb = { 0x12, 0x01, 0x80 }, .cdb_len = 6,  .length_at = 3,  .length_bytes = 2, .bytes = 255,  .take = answer_serial },
	{ .cdb = { 0x12, 0x01, 0x83 }, .cdb_len = 6,  .length_at = 3,  .length_bytes = 2, .bytes = 255,  .take = answer_identification },
	{ .cdb = { 0x12, 0x01, 0xb2 }, .cdb_len = 6,  .length_at = 3,  .length_bytes = 2, .bytes = 255,  .take = answer_provisioning },
	/* SBC-3 5.16 READ CAPACITY(16) */
	{ .cdb = { 0x9e, 0x10 },       .cdb_len = 16, .length_at = 10, .length_bytes = 4, .bytes = 32,   .take = answer_capacity },
	/* SPC-4 6.8 LOG SENSE, cumulative values of page 0Ch */
	{ .cdb = { 0x4d, 0x00, 0x4c }, .cdb_len = 10, .length_at = 7,  .length_bytes = 2, .bytes = 255,  .take = answer_log },
	/* SPC-4 6.15 PERSISTENT RESERVE IN */
	{ .cdb = { 0x5e, 0x00 },       .cdb_len = 10, .length_at = 7,  .length_bytes = 2, .bytes = 1032, .take = answer_keys },
	{ .cdb = { 0x5e, 0x01 },       .cdb_len = 10, .length_at = 7,  .length_bytes = 2, .bytes = 24,   .take = answer_reservation },
	{ .cdb = { 0x5e, 0x03 },       .cdb_len = 10, .length_at = 7,  .length_bytes = 2, .bytes = 8192, .take = answer_claims },
	/* SPC-4 6.47 TEST UNIT READY */
	{ .cdb = { 0x00 },             .cdb_len = 6 },
};
/* SPC-4 6.33 */
static const struct kind report_luns =
	{ .cdb = { 0xa0 },             .cdb_len = 12, .length_at = 6,  .length_bytes = 4, .bytes = 8 + 8 * DONOR_LUNS_MAX };
/* clang-format on */
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* Also where no data is asked for: libiscsi collects what it has no place for, without end. */
static size_t room(const struct kind *k)
{
	return k->bytes ? k->bytes : 16;
}

static bool send(struct iscsi_context *c, struct question *q);

static void end(struct question *q)
{
	struct round *r = q->round;

	free(q);
	if (--r->pending)
		return;
	r->done(r->arg, r->lost);
	free(r);
}

/* What was really received: libiscsi tells how much of the buffer was not used. */
static struct cursor received(const struct question *q)
{
	const struct scsi_task *t = q->task;
	size_t n = q->kind->bytes;

	if (t->residual_status == SCSI_RESIDUAL_UNDERFLOW)
		n -= t->residual < n ? t->residual : n;
	return cursor_of(q->buf, n);
}

static void take(struct question *q)
{
	struct round *r = q->round;

	if (r->each)
		r->lost |= !answer_luns(received(q), r->each, r->arg);
	else if (q->kind->take)
		(void)q->kind->take(received(q), r->lun); /* what it does not tell is unknown */
	else
		r->lun->ready = READY_YES;
}

static void answered(struct iscsi_context *c, int status, void *data, void *arg)
{
	struct question *q = arg;
	struct round *r = q->round;

	(void)data;
	bool again =
		status == SCSI_STATUS_BUSY || (status == SCSI_STATUS_CHECK_CONDITION &&
					       q->task->sense.key == SCSI_SENSE_UNIT_ATTENTION);
	if (status == SCSI_STATUS_GOOD)
		take(q);
	else if (status == SCSI_STATUS_CANCELLED || status == SCSI_STATUS_ERROR ||
		 status == SCSI_STATUS_TIMEOUT)
		r->lost = true;
	else if (!q->kind->take && !r->each && !again)
		r->lun->ready = READY_NO;
	scsi_free_scsi_task(q->task);
	if (again && q->tries < TRIES && send(c, q))
		return;
	if (again && r->each)
		r->lost = true;
	end(q);
}

static bool send(struct iscsi_context *c, struct question *q)
{
	const struct kind *k = q->kind;
	uint8_t cdb[16];

	memcpy(cdb, k->cdb, sizeof(cdb));
	for (unsigned i = 0; i < k->length_bytes; i++)
		cdb[k->length_at + k->length_bytes - 1u - i] = (uint8_t)(k->bytes >> 8 * i);
	q->tries++;
	q->task = scsi_create_task(k->cdb_len, cdb, k->bytes ? SCSI_XFER_READ : SCSI_XFER_NONE,
				   k->bytes);
	if (!q->task)
		return false;
	int lun = q->round->lun ? (int)q->round->lun->id : 0;
	if (scsi_task_add_data_in_buffer(q->task, (int)room(k), q->buf) ||
	    iscsi_scsi_command_async(c, lun, q->task, answered, NULL, q)) {
		scsi_free_scsi_task(q->task);
		return false;
	}
	return true;
}

static bool ask(struct iscsi_context *c, const struct kind *k, struct round *r)
{
	struct question *q = calloc(1, sizeof(*q) + room(k));

	if (!q)
		return false;
	q->kind = k;
	q->round = r;
	r->pending++;
	if (send(c, q))
		return true;
	r->pending--;
	free(q);
	return false;
}

static struct round *new_round(const struct round *with)
{
	struct round *r = malloc(sizeof(*r));

	if (r)
		*r = *with;
	return r;
}

bool question_lun(struct iscsi_context *c, struct donor_lun *l, question_done *done, void *arg)
{
	struct round *r = new_round(&(struct round){.lun = l, .done = done, .arg = arg});
	bool any = false;

	for (size_t i = 0; r && i < KINDS; i++)
		any |= ask(c, &kinds[i], r);
	if (!any)
		free(r);
	return any;
}

bool question_luns(struct iscsi_context *c, bool (*lun)(void *arg, unsigned id),
		   question_done *done, void *arg)
{
	struct round *r = new_round(&(struct round){.each = lun, .done = done, .arg = arg});

	if (r && ask(c, &report_luns, r))
		return true;
	free(r);
	return false;
}
