// SPDX-License-Identifier: MIT
/*
 * test_bad_sequence.c - CmdSN and StatSN around their wrap, and outside of the window. RFC 7143
 * 4.2.2.1-2: serial arithmetic, modulo 2^32.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "lib/hostile.h"
#include "lib/test_main.h"

#define DEPTH	  16u /* limits.queue_depth of the rig */
#define SOLICITED "\0InitialR2T=Yes\0ImmediateData=No"

static struct rig rig;

/* Where the numbering begins: both wraps of 32 bits, as unsigned and as signed numbers. */
static const uint32_t begins[] = {0,	      1,	  0xfffffff0, 0xfffffffb, 0xfffffffe,
				  0xffffffff, 0x7ffffff0, 0x7ffffffe, 0x7fffffff, 0x80000000};
#define BEGINS ((int)(sizeof(begins) / sizeof(*begins)))

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

/* A normal session whose CmdSN and StatSN begin as told, and end its unit attention later. */
static struct rig_peer begin_at(uint32_t cmdsn, uint32_t statsn, const char *text, size_t n)
{
	struct rig_peer p = rig_connect(&rig);
	struct bhs_login_req h = {.opcode = ISCSI_OP_LOGIN_REQ | ISCSI_IMMEDIATE,
				  .flags = ISCSI_LOGIN_TRANSIT | ISCSI_STAGE_OPERATIONAL << 2 |
					   ISCSI_STAGE_FULL_FEATURE};
	p.cmdsn = cmdsn;
	put32(&h.cmdsn, cmdsn);
	put32(&h.exp_statsn, statsn);
	rig_send(&p, &h, text, (uint32_t)n);
	struct rig_pdu rsp = rig_expect(&p, ISCSI_OP_LOGIN_RSP);
	ck_assert_uint_eq(rsp.login_rsp.status_class, 0);
	ck_assert_uint_eq(get32(rsp.login_rsp.statsn), statsn);
	ck_assert_uint_eq(get32(rsp.login_rsp.exp_cmdsn), cmdsn);
	ck_assert_uint_eq(get32(rsp.login_rsp.max_cmdsn), cmdsn + DEPTH - 1);
	rig_pdu_free(&rsp);
	return p;
}
#define BEGIN_AT(cmdsn, statsn, text) begin_at(cmdsn, statsn, text, sizeof(text))

static uint32_t expected_cmdsn(struct rig_peer *p)
{
	struct hostile_look look = hostile_look(p, IN_NORMAL_SESSION);
	ck_assert_uint_eq(look.fate, FATE_IGNORED); /* but for the ping */
	return p->cmdsn;
}

/* ---- good commands ---- */

START_TEST(io_across_the_wrap)
{
	struct rig_peer p = BEGIN_AT(begins[_i], 0, HOSTILE_NAMES);
	uint32_t before = p.cmdsn;

	rig_clear_attention(&p);
	for (uint32_t i = 0; i < 24; i++) {
		struct bhs_scsi_cmd c = rig_command(&p, ISCSI_CMD_WRITE, 3 * RIG_BLOCK);
		rig_rw10(&c, true, 3 * i, 3);
		rig_send(&p, &c, rig_filled((uint8_t)(i + 1), 3 * RIG_BLOCK), 3 * RIG_BLOCK);
		rig_expect_status(&p, SCSI_GOOD);
		rig_check_blocks(&p, 3 * i, 3, (uint8_t)(i + 1));
	}
	uint32_t sent = p.cmdsn;
	ck_assert_uint_ge(sent - before, 48);
	ck_assert_uint_eq(expected_cmdsn(&p), sent);
	hostile_leave(&p);
}
END_TEST

/* 4.2.2.2: one more with each PDU that has a status. */
START_TEST(statsn_across_the_wrap)
{
	uint32_t statsn = begins[_i];
	struct rig_peer p = BEGIN_AT(7, statsn, HOSTILE_NAMES);

	for (int i = 0; i < 40; i++) {
		struct bhs_scsi_cmd c = rig_command(&p, i & 1 ? ISCSI_CMD_READ : 0, RIG_BLOCK);
		if (i & 1)
			rig_rw10(&c, false, 0, 1);
		rig_send(&p, &c, NULL, 0);
		struct rig_pdu pdu;
		ck_assert(rig_recv(&p, &pdu));
		ck_assert_uint_eq(get32(pdu.scsi_rsp.statsn), ++statsn);
		rig_pdu_free(&pdu);
		rig_expect_nothing(&p);
	}
	hostile_leave(&p);
}
END_TEST

/* ---- the window ---- */

static void send_numbered(struct rig_peer *p, uint8_t opcode, uint32_t cmdsn)
{
	struct bhs_nop_out h = {.opcode = opcode, .flags = ISCSI_FINAL};

	put32(&h.itt, 0x2000);
	if (opcode != ISCSI_OP_SCSI_CMD)
		put32(&h.ttt, ISCSI_TAG_NONE);
	put32(&h.cmdsn, cmdsn);
	rig_send(p, &h, NULL, 0);
}

/* Ignored outside, answered at its lower edge; inside it is a gap that nothing can close. */
static unsigned fate_at(uint32_t distance)
{
	if (!distance)
		return FATE_ANSWERED;
	return distance < DEPTH ? FATE_CLOSED : FATE_IGNORED;
}

static void try_distance(uint8_t opcode, uint32_t at, uint32_t distance)
{
	struct rig_peer p = BEGIN_AT(at, 0, HOSTILE_NAMES);

	rig_clear_attention(&p);
	uint32_t before = p.cmdsn;
	send_numbered(&p, opcode, before + distance);
	struct hostile_look look = hostile_look(&p, IN_NORMAL_SESSION);
	ck_assert_msg(look.fate == fate_at(distance), "opcode %02x, %u from %u: %s", opcode,
		      distance, before, hostile_fate_text(look.fate));
	if (!(look.fate & FATE_CLOSED)) {
		ck_assert_uint_eq(p.cmdsn, before + !distance);
		hostile_serves(&p);
	}
	hostile_leave(&p);
}

START_TEST(requests_around_the_window)
{
	static const uint8_t opcodes[] = {ISCSI_OP_NOP_OUT, ISCSI_OP_SCSI_CMD, ISCSI_OP_TMF_REQ,
					  ISCSI_OP_TEXT_REQ};
	static const uint32_t distances[] = {
		0,	1,	    2,		DEPTH - 2,   DEPTH - 1,	  DEPTH,  DEPTH + 1,
		1000,	0x7ffffffe, 0x7fffffff, 0x80000000u, 0x80000001u, -1000u, -(DEPTH + 1),
		-DEPTH, -2u,	    -1u,
	};

	for (size_t o = 0; o < sizeof(opcodes); o++)
		for (size_t d = 0; d < sizeof(distances) / sizeof(*distances); d++)
			try_distance(opcodes[o], begins[_i], distances[d]);
}
END_TEST

/* What is outside writes nothing, whatever data it brings; nor does a number that comes twice. */
START_TEST(an_ignored_write_writes_nothing)
{
	struct rig_peer p = BEGIN_AT(begins[_i], 0, HOSTILE_NAMES);
	uint32_t expected;

	rig_clear_attention(&p);
	expected = p.cmdsn;
	for (int i = -3; i < 3; i++) {
		struct bhs_scsi_cmd c = rig_command(&p, ISCSI_CMD_WRITE, RIG_BLOCK);
		put32(&c.cmdsn, expected + (i < 0 ? (uint32_t)i : DEPTH + (uint32_t)i));
		rig_rw10(&c, true, 9, 1);
		rig_send(&p, &c, rig_filled(0x66, RIG_BLOCK), RIG_BLOCK);
		rig_expect_nothing(&p);
	}
	ck_assert_uint_eq(expected_cmdsn(&p), expected);
	rig_check_blocks(&p, 9, 1, 0);
	hostile_leave(&p);
}
END_TEST

/* A full window across the wrap: nothing more is taken, MaxCmdSN never goes back. 4.2.2.1 */
START_TEST(a_full_window_across_the_wrap)
{
	struct rig_peer p = BEGIN_AT(begins[_i], 0, HOSTILE_NAMES SOLICITED);
	struct bhs_scsi_cmd c[DEPTH];
	uint32_t ttt[DEPTH], max = 0;

	rig_clear_attention(&p);
	for (unsigned i = 0; i < DEPTH; i++) {
		c[i] = rig_command(&p, ISCSI_CMD_WRITE, RIG_BLOCK);
		rig_rw10(&c[i], true, i, 1);
		rig_send(&p, &c[i], NULL, 0);
		struct bhs_r2t r;
		ttt[i] = rig_expect_r2t(&p, &r);
		max = get32(r.max_cmdsn);
		ck_assert_uint_eq(max, p.cmdsn - 1 + DEPTH - (i + 1));
	}
	struct bhs_scsi_cmd over = rig_command(&p, 0, 0);
	rig_send(&p, &over, NULL, 0);
	rig_expect_nothing(&p);
	for (unsigned i = 0; i < DEPTH; i++) {
		unsigned k = (i * 5 + 3) % DEPTH; /* in another order */
		rig_data_out(&p, &c[k], ttt[k], 0, 0, RIG_BLOCK, true, (uint8_t)(k + 1));
		struct rig_pdu r = rig_expect(&p, ISCSI_OP_SCSI_RSP);
		ck_assert_uint_eq(get32(r.scsi_rsp.max_cmdsn), ++max);
		ck_assert_uint_eq(get32(r.scsi_rsp.exp_cmdsn), p.cmdsn - 1);
		rig_pdu_free(&r);
	}
	rig_send(&p, &over, NULL, 0);
	rig_expect_status(&p, SCSI_GOOD);
	for (unsigned i = 0; i < DEPTH; i++)
		rig_check_blocks(&p, i, 1, (uint8_t)(i + 1));
	hostile_leave(&p);
}
END_TEST

/* ---- immediate commands ---- */

/* They have a CmdSN, and neither need it to be right nor take it. 4.2.2.1 */
START_TEST(immediate_commands_take_no_number)
{
	static const uint32_t off[] = {0, 1, DEPTH, 0x80000000u, -1u, -1000u};
	struct rig_peer p = BEGIN_AT(begins[_i], 0, HOSTILE_NAMES);

	rig_clear_attention(&p);
	uint32_t expected = p.cmdsn;
	for (size_t i = 0; i < sizeof(off) / sizeof(*off); i++) {
		struct bhs_scsi_cmd c = rig_command(&p, ISCSI_CMD_WRITE, RIG_BLOCK);
		c.opcode |= ISCSI_IMMEDIATE;
		put32(&c.cmdsn, expected + off[i]);
		rig_rw10(&c, true, 0, 1);
		rig_send(&p, &c, rig_filled((uint8_t)(i + 1), RIG_BLOCK), RIG_BLOCK);
		rig_expect_status(&p, SCSI_GOOD);
		ck_assert_uint_eq(expected_cmdsn(&p), expected);
	}
	rig_check_blocks(&p, 0, 1, sizeof(off) / sizeof(*off));
	hostile_leave(&p);
}
END_TEST

/* 11.17.1: no more than IMMEDIATE_MAX at once; the window does not bound them. */
START_TEST(too_many_immediate_commands)
{
	struct rig_peer p = BEGIN_AT(begins[_i], 0, HOSTILE_NAMES SOLICITED);

	rig_clear_attention(&p);
	for (unsigned i = 0; i < 3 * IMMEDIATE_MAX; i++) {
		struct bhs_scsi_cmd c = rig_command(&p, ISCSI_CMD_WRITE, RIG_BLOCK);
		c.opcode |= ISCSI_IMMEDIATE;
		rig_rw10(&c, true, 0, 1);
		rig_send(&p, &c, NULL, 0);
		if (i < IMMEDIATE_MAX) {
			rig_expect_r2t(&p, NULL);
			continue;
		}
		struct rig_pdu r = rig_expect(&p, ISCSI_OP_REJECT);
		ck_assert_uint_eq(r.reject.reason, ISCSI_REJECT_TOO_MANY_IMMEDIATE);
		rig_pdu_free(&r);
	}
	ck_assert_uint_eq(rig.worker.tasks.used, IMMEDIATE_MAX);
	hostile_leave(&p);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("bad_sequence");
	TCase *t = tcase_create("bad_sequence");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, io_across_the_wrap, 0, BEGINS);
	tcase_add_loop_test(t, statsn_across_the_wrap, 0, BEGINS);
	tcase_add_loop_test(t, requests_around_the_window, 0, BEGINS);
	tcase_add_loop_test(t, an_ignored_write_writes_nothing, 0, BEGINS);
	tcase_add_loop_test(t, a_full_window_across_the_wrap, 0, BEGINS);
	tcase_add_loop_test(t, immediate_commands_take_no_number, 0, BEGINS);
	tcase_add_loop_test(t, too_many_immediate_commands, 0, BEGINS);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	return test_main(suite());
}
