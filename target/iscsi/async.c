// SPDX-License-Identifier: MIT
/* async.c - Asynchronous Messages, and sessions that we end: see async.h. */
#include "iscsi/async.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "iscsi/ask.h"
#include "iscsi/session.h"
#include "iscsi/survey.h"
#include "iscsi/task.h"

/* With room for data_len bytes. NULL: no memory for it. */
static struct reply *message(struct session *s, enum iscsi_async_event event, uint32_t data_len,
			     uint32_t param2, uint32_t param3)
{
	static const be32 none = {{0xff, 0xff, 0xff, 0xff}};
	struct reply *r = reply_new(s, ISCSI_OP_ASYNC, none, data_len);
	if (!r)
		return NULL;
	struct bhs_async *h = (void *)&r->bhs;
	h->event = (uint8_t)event;
	put16(&h->param2, (uint16_t)param2);
	put16(&h->param3, (uint16_t)param3);
	return r;
}

/* 11.9.4: the sense data behind its length. A peer that reads none of its answers gets no more. */
void async_scsi_event(struct session *s, unsigned id, enum scsi_attention a)
{
	const unsigned lun = scsi_lun_map_lun(&s->nexus.luns, id);
	uint8_t sense[SCSI_SENSE_MAX];

	if (!s->w->node->config->scsi_events || s->state != SESSION_FULL || session_owes_much(s) ||
	    lun == SCSI_LUN_NONE)
		return;
	const size_t n = sense_build(scsi_fail(attention_outcome(a)), false, sense);
	struct reply *r = message(s, ISCSI_ASYNC_SCSI, (uint32_t)(2 + n), 0, 0);
	if (!r)
		return;
	((struct bhs_async *)(void *)&r->bhs)->lun[1] = (uint8_t)lun; /* SAM-5 4.7.7.2 */
	st16(r->data, (uint16_t)n);
	memcpy(r->data + 2, sense, n);
	reply_send(s, r);
}

void async_ask_logout(struct session *s)
{
	struct reply *r = message(s, ISCSI_ASYNC_LOGOUT_REQUEST, 0, 0, ISCSI_DRAIN_S);
	if (r)
		reply_send(s, r);
}

/* Time2Retain 0: nothing of the session is kept. */
void async_end(struct session *s, enum conn_close_reason why)
{
	struct reply *r = NULL;

	if (s->state == SESSION_ENDING)
		return; /* for another reason, which it knows */
	s->state = SESSION_ENDING;
	s->tmfs_waiting = 0;
	s->memory_wait = false;
	task_abort_all(s, SCSI_LUN_ALL);
	if (!s->params.discovery)
		r = message(s, ISCSI_ASYNC_DROP_SESSION, 0, s->params.default_time2wait, 0);
	if (!r) {
		conn_close(&s->conn, why);
		return;
	}
	r->ends = true;
	r->why = why;
	reply_send(s, r);
	conn_resume_rx(&s->conn); /* what it still sends is dropped */
}

/* ---- from other threads ---- */

struct end {
	struct ask ask; /* first */
	uint16_t tsih;
	char initiator[ISCSI_NAME_MAX + 1]; /* empty: any */
	/* Of the one reactor that has it, until all have answered. */
	bool is_other, is_found;
	struct survey_session found;
};

static void end_session(struct end *e, struct session *s)
{
	survey_describe(&e->found, s);
	/* As an operator writes it. */
	e->is_other = e->initiator[0] && strcasecmp(e->initiator, s->params.initiator_name) != 0;
	if (e->is_other)
		return;
	e->is_found = true;
	log_always("%s: session with %s (TSIH %u) is ended by the operator", session_name(s),
		   s->params.target_name, s->tsih);
	async_end(s, CONN_CLOSE_OPERATOR);
}

static void run(struct ask *a, struct ask_part *p, struct reactor *reactor)
{
	struct end *e = container_of(a, struct end, ask);
	(void)p;

	list_for_each_safe (it, next, &reactor->all) {
		struct session *s = session_of(container_of(it, struct conn, link));
		if (s->state == SESSION_FULL && !s->conn.is_dead && s->tsih == e->tsih)
			end_session(e, s);
	}
}

static const struct ask_kind end_kind = {
	.size = sizeof(struct end),
	.part_size = sizeof(struct ask_part),
	.run = run,
};

int async_end_tsih(struct iscsi_node *n, uint16_t tsih, const char *initiator, unsigned ms,
		   struct survey_session *out)
{
	struct ask *a = ask_new(n, &end_kind);

	if (!a)
		return -ENOMEM;
	struct end *e = container_of(a, struct end, ask);
	e->tsih = tsih;
	if (initiator)
		strncpy(e->initiator, initiator, sizeof(e->initiator) - 1);
	ask_post(a);
	int err = ask_wait(a, ms);
	if (!err && !e->is_found)
		err = e->is_other ? -EPERM : -ENOENT;
	if (!err)
		*out = e->found;
	ask_leave(a);
	return err;
}
