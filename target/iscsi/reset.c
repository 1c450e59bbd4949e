// SPDX-License-Identifier: MIT
/*
 * reset.c - what one session does to those of all reactors: LUN RESET, target resets.
 *
 * A message goes to every reactor (ask.h). Each ends the tasks of its own sessions between two
 * commands, so when all have answered, no task that was there before can touch data, and only then
 * is the reset's response sent. The session that asked ends its own at once: what follows the
 * request in its stream is not meant. Every nexus is told by a unit attention, the one that asked
 * too. RFC 7143 11.5, 11.6; SAM-5 6.3.3, 7.7.
 */
#include <errno.h>
#include <string.h>

#include "iscsi/ask.h"
#include "iscsi/async.h"
#include "iscsi/session.h"
#include "iscsi/task.h"

struct reset {
	struct ask ask; /* first */
	struct session_ref origin;
	be32 itt;
	const struct scsi_target *target;
	unsigned lun;			/* an id, or SCSI_LUN_ALL */
	uint64_t known[SCSI_LUN_WORDS]; /* the ids that who asked sees: "all" are these. 11.5.1 */
	bool is_whole;			/* all of them */
	bool cold;
};

static void reset_lu(struct session *s, unsigned id)
{
	task_abort_all(s, id);
	scsi_attention_raise(&s->nexus, id, SCSI_UA_LU_RESET);
}

static void reset_lus(const struct reset *r, struct session *s)
{
	if (r->lun != SCSI_LUN_ALL || r->is_whole) {
		reset_lu(s, r->lun);
		return;
	}
	for (unsigned id = 0; id < SCSI_LUNS_MAX; id++)
		if (scsi_lun_bit(r->known, id))
			reset_lu(s, id);
}

/* RESERVE's: once, not for each session. SPC-2 5.5.1 */
static void drop_reservations(const struct reset *r)
{
	if (r->lun != SCSI_LUN_ALL || r->is_whole) {
		scsi_reserve_reset(r->target, r->lun);
		return;
	}
	for (unsigned id = 0; id < SCSI_LUNS_MAX; id++)
		if (scsi_lun_bit(r->known, id))
			scsi_reserve_reset(r->target, id);
}

static void reset_session(const struct reset *r, struct session *s)
{
	struct session_ref me = session_ref(s);

	if (me.reactor == r->origin.reactor && me.id == r->origin.id)
		return;
	reset_lus(r, s);
	if (r->cold)
		async_end(s, CONN_CLOSE_RESET);
}

static void run(struct ask *a, struct ask_part *p, struct reactor *reactor)
{
	const struct reset *r = container_of(a, struct reset, ask);
	(void)p;

	list_for_each_safe (it, next, &reactor->all) {
		struct session *s = session_of(container_of(it, struct conn, link));
		if (s->target == r->target && s->state == SESSION_FULL && !s->conn.is_dead)
			reset_session(r, s);
	}
}

/* Back on the reactor of the session that asked. */
static void respond(struct ask *a)
{
	const struct reset *r = container_of(a, struct reset, ask);
	struct session *s = session_at(r->origin);

	if (!s)
		return;
	s->resets--;
	struct reply *reply = reply_new(s, ISCSI_OP_TMF_RSP, r->itt, 0);
	if (!reply) {
		(void)session_fail(s, "no memory to answer a reset");
		return;
	}
	((struct bhs_tmf_rsp *)(void *)&reply->bhs)->response = ISCSI_TMF_COMPLETE;
	reply_send(s, reply);
	if (r->cold)
		async_end(s, CONN_CLOSE_RESET);
}

static const struct ask_kind reset_kind = {
	.size = sizeof(struct reset),
	.part_size = sizeof(struct ask_part),
	.run = run,
	.all = respond,
};

int reset_start(struct session *s, unsigned lun, be32 itt, bool cold)
{
	struct ask *a = ask_new(s->w->node, &reset_kind);
	if (!a)
		return -ENOMEM;
	struct reset *r = container_of(a, struct reset, ask);
	r->origin = session_ref(s);
	a->home = r->origin.reactor;
	r->itt = itt;
	r->target = s->target;
	r->lun = lun;
	memcpy(r->known, s->nexus.luns.ids, sizeof(r->known));
	r->is_whole = s->nexus.luns.is_whole;
	r->cold = cold;
	s->resets++;
	drop_reservations(r);
	reset_lus(r, s);
	ask_post(a);
	ask_leave(a);
	return 0;
}
