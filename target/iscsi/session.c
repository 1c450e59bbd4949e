// SPDX-License-Identifier: MIT
/* session.c - bytes to PDUs to handlers, and the life of a session. */
#include "iscsi/session.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "iscsi/cmdsn.h"
#include "iscsi/login.h"
#include "iscsi/task.h"

#define IN_LOGIN     1u
#define IN_DISCOVERY 2u
#define IN_NORMAL    4u

struct handler {
	enum pdu_error (*header)(struct session *s);
	enum pdu_error (*end)(struct session *s);
	unsigned states;
};

#define X(op, name, in, last) [op] = {.header = name##_header, .end = last, .states = in},
static const struct handler handlers[ISCSI_OP_MASK + 1] = {
#include "iscsi/handlers.def"
};
#undef X

const char *session_name(const struct session *s)
{
	static _Thread_local char buf[ISCSI_NAME_MAX + sizeof(s->conn.peer_name) + 8];
	if (!s->params.initiator_name[0])
		return s->conn.peer_name;
	snprintf(buf, sizeof(buf), "%s at %s", s->params.initiator_name, s->conn.peer_name);
	return buf;
}

enum pdu_error session_fail(struct session *s, const char *fmt, ...)
{
	char what[256];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	log_peer(LOG_LEVEL_WARNING, "%s: %s; connection closed", session_name(s), what);
	conn_close(&s->conn, CONN_CLOSE_PROTOCOL);
	return PDU_CLOSED;
}

/* ---- receiving ---- */

static unsigned present_state(const struct session *s)
{
	if (s->state == SESSION_LOGIN)
		return IN_LOGIN;
	if (s->state != SESSION_FULL)
		return 0;
	return s->params.discovery ? IN_DISCOVERY : IN_NORMAL;
}

/* Login Requests and Data-Out carry no CmdSN of their own: 11.12.8, 11.7. All others do. */
static bool has_cmdsn(unsigned opcode)
{
	return opcode != ISCSI_OP_LOGIN_REQ && opcode != ISCSI_OP_DATA_OUT &&
	       opcode != ISCSI_OP_SNACK_REQ;
}

static enum pdu_error take_cmdsn(struct session *s, const struct bhs *bhs)
{
	/* The place is the same in all requests: 11.3, 11.5, 11.10, 11.14, 11.18. */
	uint32_t cmdsn = get32(((const struct bhs_scsi_cmd *)(const void *)bhs)->cmdsn);

	switch (cmdsn_take(s, cmdsn, bhs->opcode & ISCSI_IMMEDIATE)) {
	case CMDSN_TAKE:
		break;
	case CMDSN_IGNORE:
		s->rx_skip = true;
		session_count(s, COUNT_CMDSN_IGNORED, 1);
		log_peer(LOG_LEVEL_INFO, "%s: CmdSN %u is outside the window %u-%u: ignored",
			 session_name(s), cmdsn, s->exp_cmdsn, cmdsn_max(s));
		break;
	case CMDSN_GAP:
		return session_fail(s, "CmdSN %u where %u was expected", cmdsn, s->exp_cmdsn);
	}
	return PDU_OK;
}

static enum pdu_error on_header(void *arg, struct pdu_rx *rx)
{
	struct session *s = arg;
	unsigned opcode = rx->bhs.opcode & ISCSI_OP_MASK;
	const struct handler *h = &handlers[opcode];
	unsigned state = present_state(s);

	s->rx_mode = RX_DROP;
	s->rx_skip = false;
	s->rx_task = NULL;
	if (s->conn.is_dead)
		return PDU_CLOSED;
	if (s->state == SESSION_ENDING) {
		/* The last answer is on its way; nothing may be asked any more. 11.14 */
		s->rx_skip = true;
		return PDU_OK;
	}
	/* Before login nothing but a Login Request is answered: 6.3. */
	if (state != IN_DISCOVERY && state != IN_NORMAL && !(h->states & state))
		return session_fail(s, "PDU with opcode 0x%02x before the login was complete",
				    opcode);
	if (has_cmdsn(opcode) && h->header) {
		enum pdu_error err = take_cmdsn(s, &rx->bhs);
		if (err != PDU_OK || s->rx_skip)
			return err;
	}
	if (!h->header)
		return reply_reject(s, opcode == ISCSI_OP_SNACK_REQ ? ISCSI_REJECT_SNACK
								    : ISCSI_REJECT_NOT_SUPPORTED);
	if (!(h->states & state))
		return reply_reject(s, ISCSI_REJECT_PROTOCOL_ERROR);
	return h->header(s);
}

static size_t on_data(void *arg, struct pdu_rx *rx, uint32_t offset, const uint8_t *p, size_t n)
{
	struct session *s = arg;
	(void)rx, (void)offset;
	if (s->rx_mode == RX_COLLECT) {
		size_t room = REPLY_DATA_MAX - s->text_len;
		size_t keep = n < room ? n : room; /* of a ping only the front is kept */
		memcpy(s->text + s->text_len, p, keep);
		s->text_len += (uint32_t)keep;
		return n;
	}
	if (s->rx_mode == RX_DROP)
		return n;

	size_t took = task_data(s->rx_task, p, n);
	if (took)
		s->short_at = 0;
	if (took < n) {
		if (!s->short_at)
			s->short_at = s->conn.reactor->now;
		/* Nothing more is read: what comes is behind this in the stream. */
		s->memory_wait = true;
		s->unread_at = s->conn.reactor->now;
		conn_pause_rx(&s->conn);
		task_want_turn(s->rx_task);
	}
	return took;
}

/* Without recovery levels a lost PDU cannot be asked for again: say so, and end. RFC 7143 7.8 */
static enum pdu_error data_digest_error(struct session *s)
{
	session_count(s, COUNT_DATA_DIGEST_ERRORS, 1);
	log_peer(LOG_LEVEL_WARNING, "%s: wrong data digest; connection closed", session_name(s));
	(void)reply_reject(s, ISCSI_REJECT_DATA_DIGEST);
	conn_close_after_send(&s->conn, CONN_CLOSE_PROTOCOL);
	return PDU_CLOSED;
}

static enum pdu_error on_end(void *arg, struct pdu_rx *rx, bool digest_ok)
{
	struct session *s = arg;
	if (!digest_ok)
		return data_digest_error(s);

	const struct handler *h = &handlers[rx->bhs.opcode & ISCSI_OP_MASK];
	if (h->end && !s->rx_skip) {
		enum pdu_error err = h->end(s);
		if (err != PDU_OK)
			return err;
	}
	s->rx_task = NULL;
	enum pdu_error err = pdu_tmf_release(s, false);
	if (session_owes_much(s))
		s->rx_budget = 1; /* this PDU is the last of the turn */
	return err;
}

static const struct pdu_rx_ops rx_ops = {.header = on_header, .data = on_data, .end = on_end};

static const char *pdu_error_text(enum pdu_error e)
{
	switch (e) {
	case PDU_TOO_LONG:
		return "DataSegmentLength is above MaxRecvDataSegmentLength";
	case PDU_AHS_TOO_LONG:
		return "the additional header segments are too long";
	case PDU_HEADER_DIGEST:
		return "wrong header digest";
	default:
		return NULL;
	}
}

static size_t session_input(struct conn *c, const uint8_t *p, size_t n)
{
	struct session *s = session_of(c);
	size_t taken = 0;

	if (session_owes_much(s)) {
		conn_pause_rx(c);
		return 0;
	}
	s->rx_budget = CONN_PDUS_PER_TURN;
	enum pdu_error err = pdu_rx_feed(&s->rx, &rx_ops, s, p, n, &s->rx_budget, &taken);
	const char *why = pdu_error_text(err);
	if (err == PDU_HEADER_DIGEST)
		session_count(s, COUNT_HEADER_DIGEST_ERRORS, 1);
	if (why)
		(void)session_fail(s, "%s", why);
	return taken;
}

bool session_collect(struct session *s)
{
	return s->rx.data_len <= REPLY_DATA_MAX - s->text_len && session_collect_front(s);
}

bool session_collect_front(struct session *s)
{
	if (!s->text)
		s->text = arena_get(&s->w->bufs);
	if (!s->text)
		return false;
	s->rx_mode = RX_COLLECT;
	return true;
}

void session_drop_text(struct session *s)
{
	if (s->text)
		arena_put(&s->w->bufs, s->text);
	s->text = NULL;
	s->text_len = 0;
}

/* ---- the connection's events ---- */

static int session_opened(struct conn *c)
{
	struct session *s = session_of(c);
	memset((uint8_t *)s + sizeof(*c), 0, sizeof(*s) - sizeof(*c));
	s->w = c->reactor->owner;
	s->began = c->reactor->now;
	s->counted_login = true;
	s->exchange.ttt = ISCSI_TAG_NONE;
	pdu_rx_init(&s->rx, ISCSI_LOGIN_DATA_MAX, ISCSI_AHS_MAX);
	list_init(&s->tasks);
	list_init(&s->running);
	list_init(&s->starved);
	list_init(&s->held);
	list_init(&s->out);
	return 0;
}

static void offer_again(struct session *s)
{
	if (s->memory_wait)
		conn_resume_rx(&s->conn);
	s->memory_wait = false;
}

/* Pages came, or it is known that none will. */
static void session_woken(struct conn *c)
{
	struct session *s = session_of(c);
	offer_again(s);
	list_move_all(&s->running, &s->starved);
	if (!list_empty(&s->running))
		conn_want_slice(c);
}

static bool session_slice(struct conn *c)
{
	struct session *s = session_of(c);
	if (!s->rx_task || !s->rx_task->scsi.starved)
		offer_again(s);
	struct list *l = list_pop(&s->running);
	if (l)
		task_slice(container_of(l, struct task, phase_link));
	return !list_empty(&s->running);
}

/* Whose beginning was told, their end is; there are not more of these lines than of those. */
static void tell_end(struct session *s, enum conn_close_reason why, bool aborted)
{
	static struct log_limit untold;
	log_line_limited(s->announced ? NULL : &untold, LOG_LEVEL_INFO,
			 "%s: session with %s ended (%s)%s", session_name(s), s->params.target_name,
			 conn_close_reason_text(why), aborted ? ", commands were aborted" : "");
}

static void session_dead(struct conn *c, enum conn_close_reason why)
{
	struct session *s = session_of(c);
	unsigned n = task_abort_all(s, SCSI_LUN_ALL);
	if (s->nexus.ua)
		scsi_nexus_end(&s->nexus, &s->w->scsi);
	if (s->entered && s->state != SESSION_JOINING)
		tell_end(s, why, n > 0);
	/* From here on nothing of this session touches data: a login that waits may go on. */
	if (s->entered)
		directory_leave(&s->w->node->directory, &s->entry);
	s->entered = false;
}

static void session_closed(struct conn *c)
{
	struct session *s = session_of(c);
	struct iscsi_node *n = s->w->node;
	for (struct list *l; (l = list_pop(&s->out));)
		reply_free(s, container_of(l, struct reply, tx.link));
	text_end(s);
	login_free(s);
	free(s->nexus.ua);
	directory_tsih_put(&n->directory, s->tsih);
	admission_leave(&n->admission, &c->peer, s->counted_login);
}

/* ---- limits of time, once a second ---- */

static bool older(uint64_t now, uint64_t since, unsigned limit_s)
{
	return now > since && now - since > limit_s * NS_PER_S;
}

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* The limits, in words. Each has its own count of lines, so that none hides another. */
static struct stall {
	enum conn_close_reason why;
	const char *what;
	struct log_limit limit;
} login_timeout = {CONN_CLOSE_LOGIN_TIMEOUT, "did not log in within limits.login_timeout", {0}},
  half_pdu = {CONN_CLOSE_RX_STALL, "sent half a PDU and nothing for limits.rx_stall", {0}},
  withheld = {CONN_CLOSE_RX_STALL, "withheld data of a WRITE for limits.rx_stall", {0}},
  tx_stall = {CONN_CLOSE_TX_STALL, "took no data for limits.tx_stall", {0}},
  hinders = {CONN_CLOSE_TX_STALL, "takes none of what others that use the LUN wait for", {0}},
  no_answer = {CONN_CLOSE_PING_TIMEOUT, "did not answer a ping within limits.ping_timeout", {0}},
  silent = {CONN_CLOSE_SILENT, "was silent in a discovery session", {0}};

/* What a peer owes may wait behind what we do not read, or behind what it still receives. */
static struct stall *stalled(const struct session *s, uint64_t now)
{
	const struct config_limits *l = &s->w->node->config->limits;
	uint64_t heard = later(s->conn.last_rx, s->unread_at);
	if (s->state < SESSION_FULL && older(now, s->began, l->login_timeout))
		return &login_timeout;
	if (pdu_rx_partial(&s->rx) && older(now, heard, l->rx_stall))
		return &half_pdu;
	if (s->conn.batch && older(now, s->conn.last_tx, l->tx_stall))
		return &tx_stall;
	if (s->hinders_at && older(now, later(s->hinders_at, s->conn.last_tx), HINDERS_S))
		return &hinders;
	if (s->receiving && older(now, later(s->data_at, s->unread_at), l->rx_stall))
		return &withheld;
	if (s->ping_at &&
	    older(now, later(later(s->ping_at, heard), s->conn.last_tx), l->ping_timeout))
		return &no_answer;
	/* 4.3: nothing but SendTargets and Logout, so no pings. */
	if (s->state == SESSION_FULL && s->params.discovery && l->ping_interval &&
	    older(now, heard, l->ping_interval + l->ping_timeout))
		return &silent;
	return NULL;
}

/* 11.19.3: a NOP-In that asks for an answer has a Target Transfer Tag and takes no StatSN. */
static void ping(struct session *s, uint64_t now)
{
	struct reply *r = reply_new(s, ISCSI_OP_NOP_IN, (be32){{0xff, 0xff, 0xff, 0xff}}, 0);
	if (!r)
		return;
	if (++s->ping_ttt == ISCSI_TAG_NONE)
		s->ping_ttt = 0;
	put32(&((struct bhs_nop_in *)(void *)&r->bhs)->ttt, s->ping_ttt);
	r->takes_statsn = false;
	s->ping_at = now;
	session_count(s, COUNT_PINGS, 1);
	reply_send(s, r);
}

/* A WRITE that finds no page for so long is to come again later (SAM-5 5.3.1): behind its data in
 * the stream are commands that need none, and pings of a peer that might take us for dead. */
static void give_up_waiting(struct session *s)
{
	struct task *t = s->rx_task;
	if (!s->memory_wait || !t || !t->scsi.starved)
		return;
	t->scsi.starved = false;
	scsi_data_failed(&t->scsi, SENSE_BUSY);
	offer_again(s);
}

/* What it does not take was read before others used the LUN, and lies in place: they wait. */
static void note_hinders(struct session *s, uint64_t now)
{
	if (!s->nexus.ua || !scsi_nexus_tick(&s->nexus, &s->w->scsi))
		s->hinders_at = 0;
	else if (!s->hinders_at)
		s->hinders_at = now;
}

static void session_tick(struct conn *c, uint64_t now)
{
	struct session *s = session_of(c);
	unsigned interval = s->w->node->config->limits.ping_interval;

	if (c->rx_paused)
		s->unread_at = now;
	if (s->short_at && older(now, s->short_at, MEMORY_WAIT_S))
		give_up_waiting(s);
	if (s->tmfs_waiting && older(now, s->waiting_tmf[0].since, TMF_WAIT_S) &&
	    pdu_tmf_release(s, true) != PDU_OK)
		return;
	if (s->ping_at && c->last_rx > s->ping_at)
		s->ping_at = 0; /* whatever it sent, it lives */
	if (s->state == SESSION_FULL && !s->params.discovery && !s->announced &&
	    older(now, s->began, LOG_WINDOW_S))
		login_announce_late(s);
	note_hinders(s, now);
	struct stall *l = stalled(s, now);
	if (l) {
		log_line_limited(&l->limit, LOG_LEVEL_WARNING, "%s: %s; connection closed",
				 session_name(s), l->what);
		conn_close(c, l->why);
	} else if (s->state == SESSION_FULL && !s->params.discovery && interval && !s->ping_at &&
		   older(now, later(c->last_rx, s->unread_at), interval)) {
		ping(s, now);
	}
}

const struct conn_ops session_conn_ops = {
	.opened = session_opened,
	.input = session_input,
	.fill = send_fill,
	.sent = send_sent,
	.slice = session_slice,
	.woken = session_woken,
	.tick = session_tick,
	.dead = session_dead,
	.closed = session_closed,
};

struct session_ref session_ref(const struct session *s)
{
	struct reactor *r = s->conn.reactor;
	return (struct session_ref){r, arena_index(&r->conns, s), s->conn.id};
}

struct session *session_at(struct session_ref ref)
{
	struct session *s = arena_at(&ref.reactor->conns, ref.slot);
	return s && s->conn.id == ref.id && !s->conn.is_dead ? s : NULL;
}
