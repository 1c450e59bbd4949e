// SPDX-License-Identifier: MIT
/*
 * reset.c - what one session does to those of all reactors: LUN RESET, target resets.
 *
 * A message goes to every reactor. Each ends the tasks of its own sessions between two commands,
 * so when all have answered, no task that was there before can touch data, and only then is the
 * reset's response sent. The session that asked ends its own at once: what follows the request in
 * its stream is not meant. Every nexus is told by a unit attention, the one that asked too.
 * RFC 7143 11.5, 11.6; SAM-5 6.3.3, 7.7.
 */
#include <errno.h>
#include <stdlib.h>

#include "iscsi/session.h"
#include "iscsi/task.h"

struct reset;

struct reset_part {
	struct reactor_msg msg; /* first */
	struct reset *whole;
};

struct reset {
	struct reactor_msg done; /* first */
	struct session_ref origin;
	be32 itt;
	const struct scsi_target *target;
	unsigned lun; /* an id, or SCSI_LUN_ALL */
	bool cold;
	_Atomic unsigned left; /* reactors that have not answered */
	struct reset_part parts[];
};

static void reset_session(const struct reset *r, struct session *s)
{
	struct session_ref me = session_ref(s);

	if (me.reactor == r->origin.reactor && me.id == r->origin.id)
		return;
	task_abort_all(s, r->lun);
	scsi_attention_raise(&s->nexus, r->lun, SCSI_UA_LU_RESET);
	if (r->cold)
		conn_close(&s->conn, CONN_CLOSE_RESET);
}

/* Back on the reactor of the session that asked. */
static void respond(struct reactor *reactor, struct reactor_msg *m)
{
	struct reset *r = container_of(m, struct reset, done);
	struct session *s = session_at(r->origin);
	(void)reactor;

	if (s) {
		s->resets--;
		struct reply *reply = reply_new(s, ISCSI_OP_TMF_RSP, r->itt, 0);
		if (reply) {
			((struct bhs_tmf_rsp *)(void *)&reply->bhs)->response = ISCSI_TMF_COMPLETE;
			reply->ends = r->cold;
			reply->why = CONN_CLOSE_RESET;
			reply_send(s, reply);
		} else {
			(void)session_fail(s, "no memory to answer a reset");
		}
	}
	free(r);
}

static void run_part(struct reactor *reactor, struct reactor_msg *m)
{
	struct reset *r = container_of(m, struct reset_part, msg)->whole;

	list_for_each_safe (it, next, &reactor->all) {
		struct session *s = session_of(container_of(it, struct conn, link));
		if (s->target == r->target && s->state == SESSION_FULL && !s->conn.is_dead)
			reset_session(r, s);
	}
	if (atomic_fetch_sub(&r->left, 1) == 1)
		reactor_post(r->origin.reactor, &r->done);
}

int reset_start(struct session *s, unsigned lun, be32 itt, bool cold)
{
	struct iscsi_node *n = s->w->node;
	struct reset *r = calloc(1, sizeof(*r) + n->nworkers * sizeof(r->parts[0]));
	if (!r)
		return -ENOMEM;
	r->done.run = respond;
	r->origin = session_ref(s);
	r->itt = itt;
	r->target = s->target;
	r->lun = lun;
	r->cold = cold;
	r->left = n->nworkers;
	s->resets++;
	task_abort_all(s, lun);
	scsi_attention_raise(&s->nexus, lun, SCSI_UA_LU_RESET);
	for (unsigned i = 0; i < n->nworkers; i++) {
		r->parts[i] = (struct reset_part){.msg.run = run_part, .whole = r};
		reactor_post(&n->workers[i].reactor, &r->parts[i].msg);
	}
	return 0;
}
