// SPDX-License-Identifier: MIT
/* hostile.c - see hostile.h. */
#include "hostile.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "lib/fake_engine.h"

#define PING_ITT	0x7e57aaaau
#define DISCOVERY_NAMES "InitiatorName=iqn.2026-01.org.memtgt:hostile\0SessionType=Discovery"

static const uint8_t to_security = ISCSI_STAGE_SECURITY << 2;
static const uint8_t to_full_feature =
	ISCSI_LOGIN_TRANSIT | ISCSI_STAGE_OPERATIONAL << 2 | ISCSI_STAGE_FULL_FEATURE;

void hostile_login(struct rig_peer *p, uint8_t flags, const void *text, size_t n)
{
	struct bhs_login_req h = {.opcode = ISCSI_OP_LOGIN_REQ | ISCSI_IMMEDIATE,
				  .flags = flags,
				  .isid = {0x80, 0, 0, 0, 0, 1}};
	put32(&h.cmdsn, p->cmdsn);
	rig_send(p, &h, text, (uint32_t)n);
}

static void expect_login(struct rig_peer *p)
{
	struct rig_pdu rsp = rig_expect(p, ISCSI_OP_LOGIN_RSP);
	ck_assert_uint_eq(rsp.login_rsp.status_class, 0);
	rig_pdu_free(&rsp);
}

struct rig_peer hostile_peer(struct rig *r, enum hostile_place at, const char *keys, size_t n)
{
	struct rig_peer p = rig_connect(r);

	switch (at) {
	case BEFORE_LOGIN:
		break;
	case IN_LOGIN_PHASE:
		hostile_login(&p, to_security, HOSTILE_NAMES, sizeof(HOSTILE_NAMES));
		expect_login(&p);
		break;
	case IN_DISCOVERY_SESSION:
		hostile_login(&p, to_full_feature, DISCOVERY_NAMES, sizeof(DISCOVERY_NAMES));
		expect_login(&p);
		break;
	case IN_NORMAL_SESSION:
		rig_login(&p, keys, n);
		rig_clear_attention(&p);
		break;
	}
	return p;
}

/* ---- saying ---- */

const struct hostile_said *hostile_hear(struct rig_peer *p)
{
	static struct hostile_said s;

	ck_assert_msg(rig_recv(p, &s.pdu), "no answer");
	ck_assert_uint_lt(s.pdu.data_len, sizeof(s.text));
	memcpy(s.text, s.pdu.data, s.pdu.data_len);
	for (uint32_t i = 0; i < s.pdu.data_len; i++)
		if (!s.text[i])
			s.text[i] = '|';
	s.text[s.pdu.data_len] = '\0';
	rig_pdu_free(&s.pdu);
	return &s;
}

const struct hostile_said *hostile_say_login(struct rig_peer *p, uint8_t flags, const void *text,
					     size_t n)
{
	hostile_login(p, flags, text, n);
	return hostile_hear(p);
}

unsigned hostile_status(const struct hostile_said *s)
{
	ck_assert_uint_eq(s->pdu.bhs.opcode, ISCSI_OP_LOGIN_RSP);
	return (unsigned)s->pdu.login_rsp.status_class << 8 | s->pdu.login_rsp.status_detail;
}

void hostile_text(struct rig_peer *p, uint8_t flags, uint32_t ttt, const void *text, size_t n)
{
	struct bhs_text_req h = {.opcode = ISCSI_OP_TEXT_REQ | ISCSI_IMMEDIATE, .flags = flags};

	put32(&h.itt, 0x4000);
	put32(&h.ttt, ttt);
	put32(&h.cmdsn, p->cmdsn);
	rig_send(p, &h, text, (uint32_t)n);
}

const struct hostile_said *hostile_say_text(struct rig_peer *p, const void *text, size_t n)
{
	hostile_text(p, ISCSI_FINAL, ISCSI_TAG_NONE, text, n);
	return hostile_hear(p);
}

/* ---- looking ---- */

/* 11.2.1, 4.2.2.1, 13.12: what holds for every PDU of the target. */
static void check_pdu(const struct rig *r, const struct rig_pdu *pdu)
{
	uint32_t window = get32(pdu->nop_in.max_cmdsn) + 1 - get32(pdu->nop_in.exp_cmdsn);

	ck_assert_uint_ge(pdu->bhs.opcode, ISCSI_OP_NOP_IN);
	ck_assert_uint_eq(pdu->bhs.ahs_words, 0);
	ck_assert_uint_le(pdu->data_len, ISCSI_LOGIN_DATA_MAX);
	if (pdu->bhs.opcode != ISCSI_OP_LOGIN_RSP || !pdu->login_rsp.status_class)
		ck_assert_uint_le(window, r->config.limits.queue_depth);
}

static void note(struct hostile_look *look, const struct rig_pdu *pdu)
{
	if (pdu->bhs.opcode == ISCSI_OP_ASYNC) /* no answer to anything: 11.9 */
		return;
	look->last = *pdu;
	look->last.data = NULL;
	if (pdu->bhs.opcode == ISCSI_OP_REJECT) {
		look->fate |= FATE_REJECTED;
		return;
	}
	look->fate |= FATE_ANSWERED;
	look->answers++;
	if (pdu->bhs.opcode == ISCSI_OP_SCSI_RSP && pdu->data_len >= 2 + 14)
		look->sense = (uint32_t)(pdu->data[4] & 0xf) << 16 | ld16(pdu->data + 14);
}

static void send_ping(struct rig_peer *p)
{
	struct bhs_nop_out h = {.opcode = ISCSI_OP_NOP_OUT | ISCSI_IMMEDIATE, .flags = ISCSI_FINAL};
	put32(&h.itt, PING_ITT);
	put32(&h.ttt, ISCSI_TAG_NONE);
	put32(&h.cmdsn, p->cmdsn);
	rig_send(p, &h, NULL, 0);
}

static bool is_pong(const struct rig_pdu *pdu)
{
	return pdu->bhs.opcode == ISCSI_OP_NOP_IN && get32(pdu->nop_in.itt) == PING_ITT;
}

struct hostile_look hostile_look(struct rig_peer *p, enum hostile_place at)
{
	struct hostile_look look = {0};
	struct rig_pdu pdu;
	bool pong = false;

	if (at >= IN_DISCOVERY_SESSION)
		send_ping(p);
	while (rig_recv(p, &pdu)) {
		check_pdu(p->rig, &pdu);
		if (is_pong(&pdu)) {
			pong = true;
			p->cmdsn = get32(pdu.nop_in.exp_cmdsn);
		} else {
			note(&look, &pdu);
		}
		rig_pdu_free(&pdu);
	}
	if (rig_is_closed(p))
		look.fate |= FATE_CLOSED;
	else if (at >= IN_DISCOVERY_SESSION)
		ck_assert_msg(pong, "the connection is open, and a ping is not answered");
	if (!look.fate)
		look.fate = FATE_IGNORED;
	return look;
}

static void answer_r2t(struct rig_peer *p, const struct bhs_scsi_cmd *c, const struct bhs_r2t *r,
		       const uint8_t *out, size_t n)
{
	uint32_t offset = get32(r->offset), len = get32(r->desired_len);
	uint8_t *data = rig_filled(0, len);
	struct bhs_data_out d = {.opcode = ISCSI_OP_DATA_OUT, .flags = ISCSI_FINAL, .itt = c->itt};

	if (offset < n)
		memcpy(data, out + offset, n - offset < len ? n - offset : len);
	d.ttt = r->ttt;
	d.offset = r->offset;
	rig_send(p, &d, data, len);
}

static void take_data_in(struct hostile_end *e, const struct rig_pdu *pdu)
{
	ck_assert_uint_eq(get32(pdu->data_in.offset), e->len);
	for (uint32_t i = 0; i < pdu->data_len && e->len + i < sizeof(e->data); i++)
		e->data[e->len + i] = pdu->data[i];
	e->len += pdu->data_len;
}

/* True: it was the last of the command. SCSI Response and Data-In have these at one place. */
static bool take_end(struct hostile_end *e, const struct rig_pdu *pdu)
{
	if (pdu->bhs.opcode == ISCSI_OP_DATA_IN && !(pdu->bhs.flags & ISCSI_DATA_STATUS))
		return false;
	e->status = pdu->scsi_rsp.status;
	e->flags = pdu->bhs.flags;
	e->resid = get32(pdu->scsi_rsp.resid);
	if (pdu->bhs.opcode == ISCSI_OP_SCSI_RSP && pdu->data_len >= 2 + 14)
		e->sense = (uint32_t)(pdu->data[4] & 0xf) << 16 | ld16(pdu->data + 14);
	return true;
}

const struct hostile_end *hostile_run(struct rig_peer *p, struct bhs_scsi_cmd *c, const void *out,
				      size_t n)
{
	static struct hostile_end e;
	struct rig_pdu pdu;
	bool over = false;

	memset(&e, 0, sizeof(e));
	rig_send(p, c, NULL, 0);
	while (!over) {
		ck_assert_msg(rig_recv(p, &pdu), "CDB %02x %02x: no end of the command", c->cdb[0],
			      c->cdb[1]);
		check_pdu(p->rig, &pdu);
		ck_assert_uint_eq(get32(pdu.bhs.itt), get32(c->itt));
		if (pdu.bhs.opcode == ISCSI_OP_R2T) {
			answer_r2t(p, c, &pdu.r2t, out, n);
		} else {
			ck_assert(pdu.bhs.opcode == ISCSI_OP_DATA_IN ||
				  pdu.bhs.opcode == ISCSI_OP_SCSI_RSP);
			if (pdu.bhs.opcode == ISCSI_OP_DATA_IN)
				take_data_in(&e, &pdu);
			over = take_end(&e, &pdu);
		}
		rig_pdu_free(&pdu);
	}
	return &e;
}

void hostile_serves(struct rig_peer *p)
{
	static uint8_t value;
	struct bhs_scsi_cmd c;

	rig_clear_attention(p);
	c = rig_command(p, ISCSI_CMD_WRITE, RIG_BLOCK);
	rig_rw10(&c, true, RIG_BLOCKS - 1, 1);
	rig_send(p, &c, NULL, 0); /* whatever was agreed on, an R2T is right */
	rig_data_out(p, &c, rig_expect_r2t(p, NULL), 0, 0, RIG_BLOCK, true, ++value);
	rig_expect_status(p, SCSI_GOOD);
	rig_check_blocks(p, RIG_BLOCKS - 1, 1, value);
}

void hostile_leave(struct rig_peer *p)
{
	const struct iscsi_worker *w = &p->rig->worker;

	if (!rig_is_closed(p)) {
		fake_eof(p->rig->engine, p->fd);
		rig_run(p->rig);
	}
	ck_assert(rig_is_closed(p));
	ck_assert_uint_eq(w->tasks.used, 0);
	ck_assert_uint_eq(w->replies.used, 0);
	ck_assert_uint_eq(w->bufs.used, 0);
	ck_assert_uint_eq(w->bounces.used, 0);
	ck_assert_uint_eq(w->scsi.bufs.used, 0);
	ck_assert_uint_eq(w->reactor.conns.used, 0);
	ck_assert_uint_eq(p->rig->node.admission.connections, 0);
	ck_assert_uint_eq(p->rig->node.admission.logins, 0);
}

const char *hostile_fate_text(unsigned fate)
{
	static const char *const names[] = {"answered", "rejected", "closed", "ignored"};
	static char text[64];
	size_t n = 0;

	text[0] = '\0';
	for (unsigned i = 0; i < 4; i++)
		if (fate >> i & 1)
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", n ? "+" : "",
					      names[i]);
	return text;
}
