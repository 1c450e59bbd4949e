// SPDX-License-Identifier: MIT
/*
 * pdu_tmf.c - Task Management Function Request, RFC 7143 11.5, 11.6.
 *
 * Task sets are one per I_T nexus (TST 001b), so aborts concern this session alone. A task of
 * ours touches data only inside a turn of the loop: once it is off the lists it never will again,
 * and the answer may go out. Resets concern other reactors: reset.c.
 */
#include "base/log.h"
#include "iscsi/task.h"

static enum iscsi_tmf_response abort_task(struct session *s, const struct bhs_tmf_req *h)
{
	struct task *t = task_by_itt(s, get32(h->ref_itt));
	/* 11.6.1: on one connection commands arrive in order, so a task not here was answered. */
	if (!t)
		return ISCSI_TMF_NO_TASK;
	if (scsi_lun_id(h->lun) != scsi_lun_id(t->scsi.lun))
		return ISCSI_TMF_REJECTED;
	task_abort(t);
	return ISCSI_TMF_COMPLETE;
}

static enum pdu_error respond(struct session *s, be32 itt, enum iscsi_tmf_response response)
{
	struct reply *r = reply_new(s, ISCSI_OP_TMF_RSP, itt, 0);
	if (!r)
		return session_fail(s, "no memory to answer a task management request");
	((struct bhs_tmf_rsp *)(void *)&r->bhs)->response = (uint8_t)response;
	reply_send(s, r);
	return PDU_OK;
}

static enum pdu_error reset(struct session *s, unsigned lun, be32 itt, bool cold)
{
	log_peer(LOG_LEVEL_INFO, "%s: %s of %s", session_name(s),
		 lun != SCSI_LUN_ALL ? "LUN RESET"
		 : cold		     ? "TARGET COLD RESET"
				     : "TARGET WARM RESET",
		 s->params.target_name);
	return reset_start(s, lun, itt, cold) ? respond(s, itt, ISCSI_TMF_REJECTED) : PDU_OK;
}

enum pdu_error pdu_tmf_header(struct session *s)
{
	const struct bhs_tmf_req *h = (const void *)&s->rx.bhs;
	const bool known = scsi_lu_find(s->target, h->lun);
	const unsigned lun = scsi_lun_id(h->lun);
	unsigned function = h->flags & ISCSI_TMF_MASK;

	switch (function) {
	case ISCSI_TMF_ABORT_TASK:
		return respond(s, h->itt, abort_task(s, h));
	case ISCSI_TMF_ABORT_TASK_SET:
		if (!known)
			return respond(s, h->itt, ISCSI_TMF_NO_LUN);
		task_abort_all(s, lun);
		return respond(s, h->itt, ISCSI_TMF_COMPLETE);
	case ISCSI_TMF_LUN_RESET:
		return known ? reset(s, lun, h->itt, false) : respond(s, h->itt, ISCSI_TMF_NO_LUN);
	case ISCSI_TMF_TARGET_WARM_RESET:
	case ISCSI_TMF_TARGET_COLD_RESET:
		return reset(s, SCSI_LUN_ALL, h->itt, function == ISCSI_TMF_TARGET_COLD_RESET);
	case ISCSI_TMF_TASK_REASSIGN: /* needs ErrorRecoveryLevel 2 */
		return respond(s, h->itt, ISCSI_TMF_NO_REASSIGN);
	default:
		return respond(s, h->itt, ISCSI_TMF_NOT_SUPPORTED);
	}
}
