// SPDX-License-Identifier: MIT
/*
 * test_bad_flags.c - every opcode with every byte 1, without data, wherever a peer may be: one
 * answer, one Reject, or the end of the connection, as RFC 7143 has it. 6.3, 7.7, 11.
 */
#include <check.h>
#include <string.h>

#include "base/log.h"
#include "lib/hostile.h"
#include "lib/test_main.h"

#define OPCODES	      64
#define EIGHTHS	      8	  /* one process of Check for many opcodes */
#define CONNS_PER_RIG 200 /* the fake engine looks at all that ever were */

static struct rig rig;

static void setup(void)
{
	log_set_level(LOG_LEVEL_ERROR);
	rig_init(&rig);
	rig_start(&rig);
}

static void teardown(void)
{
	rig_stop(&rig);
}

/* ---- what the RFC has for it ---- */

/* 11.12.1-3, without text: in the first request names are missing, and only C=1 leaves hope. */
static unsigned fate_of_login(uint8_t flags, enum hostile_place at)
{
	bool t = flags & ISCSI_LOGIN_TRANSIT, c = flags & ISCSI_LOGIN_CONTINUE;
	unsigned csg = ISCSI_LOGIN_CSG(flags), nsg = ISCSI_LOGIN_NSG(flags);
	bool right;

	if (at >= IN_DISCOVERY_SESSION)
		return FATE_REJECTED;
	if (at == BEFORE_LOGIN)
		right = csg <= ISCSI_STAGE_OPERATIONAL && c && !t;
	else
		right = csg == ISCSI_STAGE_SECURITY && (!t || (!c && (nsg == 1 || nsg == 3)));
	return right ? FATE_ANSWERED : FATE_ANSWERED | FATE_CLOSED;
}

/* 11.3.1: F=0 promises data that InitialR2T=Yes does not let come; R and W exclude each other. */
static unsigned fate_of_command(uint8_t flags)
{
	if (!(flags & ISCSI_FINAL))
		return FATE_CLOSED;
	return flags & ISCSI_CMD_READ && flags & ISCSI_CMD_WRITE ? FATE_REJECTED : FATE_ANSWERED;
}

static unsigned fate_of(unsigned op, uint8_t flags, enum hostile_place at)
{
	bool normal = at == IN_NORMAL_SESSION;

	if (op == ISCSI_OP_LOGIN_REQ)
		return fate_of_login(flags, at);
	if (at < IN_DISCOVERY_SESSION)
		return FATE_CLOSED;
	switch (op) {
	case ISCSI_OP_NOP_OUT:
		return FATE_ANSWERED;
	case ISCSI_OP_TEXT_REQ: /* 11.10.1-2 */
		return (flags & 0xc0) == 0xc0 ? FATE_REJECTED : FATE_ANSWERED;
	case ISCSI_OP_LOGOUT_REQ: /* 11.14.1: the session, or the connection, whose CID is 0 */
		return (flags & 0x7f) <= 1 ? FATE_ANSWERED | FATE_CLOSED : FATE_ANSWERED;
	case ISCSI_OP_SCSI_CMD:
		return normal ? fate_of_command(flags) : FATE_REJECTED;
	case ISCSI_OP_TMF_REQ: /* 11.5.1: a cold reset ends the connections too */
		if ((flags & ISCSI_TMF_MASK) == ISCSI_TMF_TARGET_COLD_RESET && normal)
			return FATE_ANSWERED | FATE_CLOSED;
		return normal ? FATE_ANSWERED : FATE_REJECTED;
	case ISCSI_OP_DATA_OUT: /* for no task: it may be late, 4.2.3.3 */
		return normal ? FATE_IGNORED : FATE_REJECTED;
	default:
		return FATE_REJECTED; /* 11.17.1; SNACK: ErrorRecoveryLevel is 0 */
	}
}

/* ---- the loop ---- */

static struct rig_peer enter(enum hostile_place at)
{
	return HOSTILE_PEER(&rig, at, "InitialR2T=Yes");
}

static void send_bare(struct rig_peer *p, uint8_t opcode, uint8_t flags)
{
	struct bhs_nop_out h = {.opcode = opcode, .flags = flags};
	unsigned op = opcode & ISCSI_OP_MASK;
	bool login = op == ISCSI_OP_LOGIN_REQ;

	put32(&h.itt, login ? 0 : 0x1000);
	/* In these the same place holds a CID, or the expected length. */
	if (!login && op != ISCSI_OP_LOGOUT_REQ && op != ISCSI_OP_SCSI_CMD)
		put32(&h.ttt, ISCSI_TAG_NONE);
	if (login)
		memcpy(h.lun, "\x80\0\0\0\0\1", 6);
	put32(&h.cmdsn, p->cmdsn);
	rig_send(p, &h, NULL, 0);
}

static void restart(void)
{
	rig_stop(&rig);
	setup();
}

static void one(struct rig_peer *p, enum hostile_place at, uint8_t opcode, uint8_t flags)
{
	unsigned want = fate_of(opcode & ISCSI_OP_MASK, flags, at);

	send_bare(p, opcode, flags);
	struct hostile_look look = hostile_look(p, at);
	ck_assert_msg(look.fate == want, "place %d, opcode %02x, flags %02x: %s", at, opcode, flags,
		      hostile_fate_text(look.fate));
	ck_assert_uint_le(look.answers, 1);
}

/* In a session all are sent over one connection while it lasts; before, each has its own. */
static void all_flags(enum hostile_place at, uint8_t opcode, unsigned step)
{
	struct rig_peer p = enter(at);
	unsigned conns = 1;

	for (unsigned flags = 0; flags < 256; flags += step) {
		one(&p, at, opcode, (uint8_t)flags);
		bool stays = at >= IN_DISCOVERY_SESSION && !rig_is_closed(&p);
		if (!stays) {
			hostile_leave(&p);
			if (++conns % CONNS_PER_RIG == 0)
				restart();
			p = enter(at);
		}
	}
	if (at == IN_NORMAL_SESSION)
		hostile_serves(&p);
	hostile_leave(&p);
}

/* Of opcodes that nobody knows every flag is as good as the other: some do. */
static bool known(unsigned op)
{
	return op <= ISCSI_OP_LOGOUT_REQ || op == ISCSI_OP_SNACK_REQ;
}

static void every_eighth_opcode(enum hostile_place at, unsigned first)
{
	for (unsigned op = first; op < OPCODES; op += EIGHTHS) {
		unsigned step = known(op) ? 1 : 17;
		all_flags(at, (uint8_t)op, step);
		all_flags(at, (uint8_t)(op | ISCSI_IMMEDIATE), step);
		all_flags(at, (uint8_t)(op | 0x80), 51); /* a reserved bit: 11.2.1.1 */
	}
}

START_TEST(before_the_login)
{
	every_eighth_opcode(BEFORE_LOGIN, (unsigned)_i);
}
END_TEST

START_TEST(in_the_login)
{
	every_eighth_opcode(IN_LOGIN_PHASE, (unsigned)_i);
}
END_TEST

START_TEST(in_a_discovery_session)
{
	every_eighth_opcode(IN_DISCOVERY_SESSION, (unsigned)_i);
}
END_TEST

START_TEST(in_a_normal_session)
{
	every_eighth_opcode(IN_NORMAL_SESSION, (unsigned)_i);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("bad_flags");
	TCase *t = tcase_create("bad_flags");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, before_the_login, 0, EIGHTHS);
	tcase_add_loop_test(t, in_the_login, 0, EIGHTHS);
	tcase_add_loop_test(t, in_a_discovery_session, 0, EIGHTHS);
	tcase_add_loop_test(t, in_a_normal_session, 0, EIGHTHS);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	return test_main(suite());
}
