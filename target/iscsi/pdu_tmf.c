// SPDX-License-Identifier: MIT
/*
 * pdu_tmf.c - Task Management Function Request, RFC 7143 11.5, 11.6; RFC 7144.
 *
 * Task sets are one per I_T nexus (TST 001b), so aborts concern this session alone. A task of
 * ours touches data only inside a turn of the loop: once it is off the lists it never will again,
 * and the answer may go out. Resets concern other reactors: reset.c. Answers queue behind those of
 * tasks that ended before, on the session's only connection: that is Response Fence (4.2.2.3.3).
 *
 * RFC 7143 4.2.3.3 has the target of a function on a task set wait until R2Ts of the tasks were
 * answered. We do not: open-iscsi stops answering them as it sends the function, so it would wait
 * for its time-out; and nothing is unclear without it. No tag is used again soon (task_by_ttt()),
 * so the data of a task that is gone is told from that of any other, and dropped.
 */
#include <string.h>

#include "base/log.h"
#include "iscsi/cmdsn.h"
#include "iscsi/task.h"

/* What a handler returns besides an answer: it comes later, from reset.c. */
#define LATER 256

typedef int tmf_fn(struct session *s, const struct bhs_tmf_req *h, uint8_t info[static 3]);

static int exists(bool does)
{
	return does ? ISCSI_TMF_SUCCEEDED : ISCSI_TMF_COMPLETE; /* RFC 7144 */
}

/* 11.6.1: who is not here was answered; or is still to come, and then never runs. */
static int abort_task(struct session *s, const struct bhs_tmf_req *h, uint8_t info[static 3])
{
	struct task *t = task_by_itt(s, get32(h->ref_itt));

	(void)info;
	if (t && scsi_lun_id(h->lun) != scsi_lun_id(t->scsi.lun))
		return ISCSI_TMF_REJECTED;
	if (t) {
		task_abort(t);
		return ISCSI_TMF_COMPLETE;
	}
	if (!cmdsn_is_ahead(s, get32(h->ref_cmdsn), get32(h->cmdsn)))
		return ISCSI_TMF_NO_TASK;
	return cmdsn_skip(s, get32(h->ref_cmdsn)) ? ISCSI_TMF_COMPLETE : ISCSI_TMF_REJECTED;
}

/* CLEAR TASK SET is the same: the task set has nothing of others in it. SAM-5 7.5 */
static int abort_task_set(struct session *s, const struct bhs_tmf_req *h, uint8_t info[static 3])
{
	(void)info;
	task_abort_all(s, scsi_lu_id(&s->nexus, h->lun));
	return ISCSI_TMF_COMPLETE;
}

static int reset(struct session *s, unsigned lun, be32 itt, bool cold)
{
	return reset_start(s, lun, itt, cold) ? ISCSI_TMF_REJECTED : LATER;
}

static int lun_reset(struct session *s, const struct bhs_tmf_req *h, uint8_t info[static 3])
{
	(void)info;
	return reset(s, scsi_lu_id(&s->nexus, h->lun), h->itt, false);
}

static int warm_reset(struct session *s, const struct bhs_tmf_req *h, uint8_t info[static 3])
{
	(void)info;
	return reset(s, SCSI_LUN_ALL, h->itt, false);
}

static int cold_reset(struct session *s, const struct bhs_tmf_req *h, uint8_t info[static 3])
{
	(void)info;
	/* It ends sessions with LUs that are not this initiator's. 11.6.1 */
	if (!s->nexus.luns.is_whole)
		return ISCSI_TMF_NOT_AUTHORIZED;
	return reset(s, SCSI_LUN_ALL, h->itt, true);
}

/* Needs ErrorRecoveryLevel 2. */
static int task_reassign(struct session *s, const struct bhs_tmf_req *h, uint8_t info[static 3])
{
	(void)s, (void)h, (void)info;
	return ISCSI_TMF_NO_REASSIGN;
}

static int query_task(struct session *s, const struct bhs_tmf_req *h, uint8_t info[static 3])
{
	const struct task *t = task_by_itt(s, get32(h->ref_itt));

	(void)info;
	return exists(t && scsi_lun_id(t->scsi.lun) == scsi_lun_id(h->lun));
}

static int query_task_set(struct session *s, const struct bhs_tmf_req *h, uint8_t info[static 3])
{
	(void)info;
	return exists(task_on_lun(s, scsi_lu_id(&s->nexus, h->lun)));
}

/* SAM-5 7.6: as if the nexus were lost, on every LU; the session stays. */
static int nexus_reset(struct session *s, const struct bhs_tmf_req *h, uint8_t info[static 3])
{
	(void)h, (void)info;
	task_abort_all(s, SCSI_LUN_ALL);
	scsi_nexus_lost(&s->nexus);
	return ISCSI_TMF_COMPLETE;
}

static int query_event(struct session *s, const struct bhs_tmf_req *h, uint8_t info[static 3])
{
	return exists(scsi_attention_query(&s->nexus, scsi_lu_id(&s->nexus, h->lun), info));
}

#define NEEDS_LUN 1u /* names a LU, which must be there */
#define ON_SET	  2u /* on all commands before it, so it waits for those that it overtook */
#define IS_LOGGED 4u /* others hear of it, or all LUs do */

/* clang-format off */
static const struct tmf {
	const char *name;
	unsigned flags;
	uint32_t level; /* iSCSIProtocolLevel from which on it is known */
	tmf_fn *run;
} functions[ISCSI_TMF_MASK + 1] = {
	[ISCSI_TMF_ABORT_TASK]        = { "ABORT TASK",               0,                              0, abort_task },
	[ISCSI_TMF_ABORT_TASK_SET]    = { "ABORT TASK SET",           NEEDS_LUN | ON_SET,             0, abort_task_set },
	[ISCSI_TMF_CLEAR_TASK_SET]    = { "CLEAR TASK SET",           NEEDS_LUN | ON_SET,             0, abort_task_set },
	[ISCSI_TMF_LUN_RESET]         = { "LUN RESET",                NEEDS_LUN | ON_SET | IS_LOGGED, 0, lun_reset },
	[ISCSI_TMF_TARGET_WARM_RESET] = { "TARGET WARM RESET",        ON_SET | IS_LOGGED,             0, warm_reset },
	[ISCSI_TMF_TARGET_COLD_RESET] = { "TARGET COLD RESET",        ON_SET | IS_LOGGED,             0, cold_reset },
	[ISCSI_TMF_TASK_REASSIGN]     = { "TASK REASSIGN",            0,                              0, task_reassign },
	[ISCSI_TMF_QUERY_TASK]        = { "QUERY TASK",               NEEDS_LUN,                      2, query_task },
	[ISCSI_TMF_QUERY_TASK_SET]    = { "QUERY TASK SET",           NEEDS_LUN,                      2, query_task_set },
	[ISCSI_TMF_NEXUS_RESET]       = { "I_T NEXUS RESET",          ON_SET | IS_LOGGED,             2, nexus_reset },
	[ISCSI_TMF_QUERY_EVENT]       = { "QUERY ASYNCHRONOUS EVENT", NEEDS_LUN,                      2, query_event },
	/* CLEAR ACA: there is no ACA (NORMACA 0) */
};
/* clang-format on */

static const struct tmf *function_of(const struct session *s, const struct bhs_tmf_req *h)
{
	const struct tmf *f = &functions[h->flags & ISCSI_TMF_MASK];

	return f->run && s->params.protocol_level >= f->level ? f : NULL;
}

static enum pdu_error respond(struct session *s, be32 itt, int response,
			      const uint8_t info[static 3])
{
	struct reply *r = reply_new(s, ISCSI_OP_TMF_RSP, itt, 0);
	if (!r)
		return session_fail(s, "no memory to answer a task management request");
	struct bhs_tmf_rsp *h = (void *)&r->bhs;
	h->response = (uint8_t)response;
	memcpy(h->info, info, sizeof(h->info));
	reply_send(s, r);
	return PDU_OK;
}

static int run(struct session *s, const struct tmf *f, const struct bhs_tmf_req *h,
	       uint8_t info[static 3])
{
	/* LUs come and go: it counts what there is now. */
	if (f->flags & NEEDS_LUN && !scsi_lu_find(&s->nexus, h->lun))
		return ISCSI_TMF_NO_LUN;
	if (f->flags & NEEDS_LUN && f->flags & IS_LOGGED)
		log_peer(LOG_LEVEL_INFO, "%s: %s of %s LUN %u", session_name(s), f->name,
			 s->params.target_name, scsi_lu_id(&s->nexus, h->lun));
	else if (f->flags & IS_LOGGED)
		log_peer(LOG_LEVEL_INFO, "%s: %s of %s", session_name(s), f->name,
			 s->params.target_name);
	return f->run(s, h, info);
}

static enum pdu_error run_now(struct session *s, const struct tmf *f, const struct bhs_tmf_req *h)
{
	uint8_t info[3] = {0};
	int response = f ? run(s, f, h, info) : ISCSI_TMF_NOT_SUPPORTED;

	return response == LATER ? PDU_OK : respond(s, h->itt, response, info);
}

/* ---- those that overtook commands which they are about ---- */

/*
 * 4.2.3.3: it concerns all commands up to its CmdSN, and an immediate one may be here before them.
 * What is here ends at once, since it may be what keeps the window shut for the others.
 */
static bool must_wait(struct session *s, const struct tmf *f, const struct bhs_tmf_req *h)
{
	if (!f || !(f->flags & ON_SET) || !(h->opcode & ISCSI_IMMEDIATE) ||
	    s->tmfs_waiting == TMFS_WAITING_MAX || !cmdsn_overtook(s, get32(h->cmdsn)))
		return false;
	s->waiting_tmf[s->tmfs_waiting].h = *h;
	s->waiting_tmf[s->tmfs_waiting++].since = s->conn.reactor->now;
	if (!(f->flags & NEEDS_LUN))
		task_abort_all(s, SCSI_LUN_ALL);
	else if (scsi_lu_id(&s->nexus, h->lun) != SCSI_LUN_NONE)
		task_abort_all(s, scsi_lu_id(&s->nexus, h->lun));
	return true;
}

/* The oldest goes first, whatever its CmdSN is: they never overtake each other. */
enum pdu_error pdu_tmf_release(struct session *s, bool all)
{
	enum pdu_error err = PDU_OK;

	while (err == PDU_OK && s->tmfs_waiting) {
		const struct bhs_tmf_req h = s->waiting_tmf[0].h;

		if (!all && sn_lt(s->exp_cmdsn, get32(h.cmdsn)))
			break;
		s->tmfs_waiting--;
		memmove(s->waiting_tmf, s->waiting_tmf + 1,
			s->tmfs_waiting * sizeof(s->waiting_tmf[0]));
		err = run_now(s, function_of(s, &h), &h);
	}
	return err;
}

enum pdu_error pdu_tmf_header(struct session *s)
{
	const struct bhs_tmf_req *h = (const void *)&s->rx.bhs;
	const struct tmf *f = function_of(s, h);

	return must_wait(s, f, h) ? PDU_OK : run_now(s, f, h);
}
