// SPDX-License-Identifier: MIT
/*
 * test_bad_cdb.c - additional header segments and CDBs of any shape. RFC 7143 11.2.2, 11.3.5;
 * SPC-4 4.3.
 */
#include <check.h>
#include <string.h>

#include "base/log.h"
#include "lib/fake_engine.h"
#include "lib/hostile.h"
#include "lib/test_main.h"
#include "pdu/digest.h"
#include "scsi/op.h"

#define BAD_OPCODE 0x052000u
#define COUNT(a)   (sizeof(a) / sizeof(*(a)))

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

/* ---- additional header segments ---- */

/* A header and `words` words of AHS that begin with this length and type. */
static void send_ahs(struct rig_peer *p, void *bhs, unsigned words, uint16_t len, uint8_t type)
{
	uint8_t pdu[ISCSI_BHS_LEN + ISCSI_AHS_MAX + ISCSI_DIGEST_LEN] = {0};
	size_t n = ISCSI_BHS_LEN + words * 4;

	((struct bhs *)bhs)->ahs_words = (uint8_t)words;
	memcpy(pdu, bhs, ISCSI_BHS_LEN);
	if (words) {
		st16(pdu + ISCSI_BHS_LEN, len);
		pdu[ISCSI_BHS_LEN + 2] = type;
	}
	if (p->header_digest) {
		digest_final(digest_update(DIGEST_INIT, pdu, n), pdu + n);
		n += ISCSI_DIGEST_LEN;
	}
	fake_feed(rig.engine, p->fd, pdu, n);
}

/* 11.2.2.3: one segment, of a CDB of 17 to 260 bytes, that fills its words. */
static bool right_ahs(unsigned words, uint16_t len, uint8_t type)
{
	if (!words)
		return true;
	return (type & 0x3f) == ISCSI_AHS_EXT_CDB && len >= 2 && len <= 245 &&
	       (3u + len + 3) / 4 == words;
}

static void try_ahs(struct rig_peer *p, unsigned words, uint16_t len, uint8_t type)
{
	struct bhs_scsi_cmd c = rig_command(p, 0, 0); /* TEST UNIT READY */

	send_ahs(p, &c, words, len, type);
	struct hostile_look look = hostile_look(p, IN_NORMAL_SESSION);
	unsigned want = right_ahs(words, len, type) ? FATE_ANSWERED : FATE_REJECTED;
	ck_assert_msg(look.fate == want, "%u words, AHSLength %u, AHSType %u: %s", words, len, type,
		      hostile_fate_text(look.fate));
	ck_assert_uint_eq(look.sense, words && want == FATE_ANSWERED ? BAD_OPCODE : 0);
}

/* Every TotalAHSLength with every type, reserved bits too, and lengths about its own. */
START_TEST(every_total_ahs_length)
{
	static const uint8_t types[] = {0, 1, 2, 3, 4, 0x3f, 0x41, 0x81, 0xc1, 0xff};
	struct rig_peer p = HOSTILE_PEER(&rig, IN_NORMAL_SESSION, "");

	for (unsigned words = (unsigned)_i; words < 256; words += 8) {
		uint16_t own = (uint16_t)(words ? words * 4 - 3 : 0);
		const uint16_t lens[] = {0,
					 1,
					 2,
					 (uint16_t)(own - 4),
					 (uint16_t)(own - 3),
					 (uint16_t)(own - 1),
					 own,
					 (uint16_t)(own + 1),
					 244,
					 245,
					 246,
					 0x7fff,
					 0x8000,
					 0xffff};
		for (size_t t = 0; t < COUNT(types); t++)
			for (size_t l = 0; l < COUNT(lens); l++)
				try_ahs(&p, words, lens[l], types[t]);
	}
	hostile_serves(&p);
	hostile_leave(&p);
}
END_TEST

/* CDBs of 17 to 260 bytes, odd ones too, and beyond; under HeaderDigest, which covers them. */
START_TEST(bad_input_cve_2025_68782_extended_cdbs)
{
	struct rig_peer p = rig_connect(&rig);

	RIG_LOGIN(&p, "HeaderDigest=CRC32C,None");
	p.header_digest = true;
	rig_clear_attention(&p);
	for (uint16_t len = 0; len <= 300; len++) {
		for (unsigned opcode = 0; opcode <= 0x7f; opcode += 0x7f) {
			struct bhs_scsi_cmd c = rig_command(&p, 0, 0);
			unsigned words = (3u + len + 3) / 4;
			c.cdb[0] = (uint8_t)opcode;
			send_ahs(&p, &c, words, len, ISCSI_AHS_EXT_CDB);
			struct hostile_look look = hostile_look(&p, IN_NORMAL_SESSION);
			bool right = len >= 2 && len <= 245;
			ck_assert_uint_eq(look.fate, right ? FATE_ANSWERED : FATE_REJECTED);
			ck_assert_uint_eq(look.sense, right ? BAD_OPCODE : 0);
		}
	}
	hostile_serves(&p);
	hostile_leave(&p);
}
END_TEST

/* Two segments: a second CDB, or a second of another kind, is one too many. */
START_TEST(two_segments)
{
	struct rig_peer p = HOSTILE_PEER(&rig, IN_NORMAL_SESSION, "");
	uint8_t pdu[ISCSI_BHS_LEN + 24] = {0};
	struct bhs_scsi_cmd c = rig_command(&p, 0, 0);

	c.ahs_words = 4;
	memcpy(pdu, &c, sizeof(c));
	memcpy(pdu + ISCSI_BHS_LEN, "\0\5\1\0\0\0\0\0", 8);
	memcpy(pdu + ISCSI_BHS_LEN + 8, "\0\5\1\0\0\0\0\0", 8);
	pdu[ISCSI_BHS_LEN + 10] = (uint8_t)_i;
	fake_feed(rig.engine, p.fd, pdu, ISCSI_BHS_LEN + 16);
	ck_assert_uint_eq(hostile_look(&p, IN_NORMAL_SESSION).fate, FATE_REJECTED);
	hostile_serves(&p);
	hostile_leave(&p);
}
END_TEST

/* Requests that have no use for them: they are read and passed over. */
START_TEST(segments_of_other_requests)
{
	static const struct {
		uint8_t opcode;
		unsigned fate;
	} rows[] = {{ISCSI_OP_NOP_OUT, FATE_ANSWERED},
		    {ISCSI_OP_TMF_REQ, FATE_ANSWERED},
		    {ISCSI_OP_TEXT_REQ, FATE_ANSWERED},
		    {ISCSI_OP_DATA_OUT, FATE_IGNORED},
		    {ISCSI_OP_LOGIN_REQ, FATE_REJECTED},
		    {ISCSI_OP_SNACK_REQ, FATE_REJECTED},
		    {0x1e, FATE_REJECTED}};
	struct rig_peer p = HOSTILE_PEER(&rig, IN_NORMAL_SESSION, "");

	for (unsigned words = 1; words < 256; words += 2) {
		struct bhs_nop_out h = {.opcode = rows[_i].opcode | ISCSI_IMMEDIATE,
					.flags = ISCSI_FINAL};
		put32(&h.itt, 0x3000);
		put32(&h.ttt, ISCSI_TAG_NONE);
		put32(&h.cmdsn, p.cmdsn);
		send_ahs(&p, &h, words, (uint16_t)(words * 7), (uint8_t)words);
		ck_assert_uint_eq(hostile_look(&p, IN_NORMAL_SESSION).fate, rows[_i].fate);
	}
	hostile_serves(&p);
	hostile_leave(&p);
}
END_TEST

/* ---- CDBs ---- */

static const uint8_t directions[] = {0, ISCSI_CMD_READ, ISCSI_CMD_WRITE};
static const uint32_t edtls[] = {0, 1, 511, 512, 4096, 65536};

static void try_cdb(struct rig_peer *p, const uint8_t cdb[static 16])
{
	for (size_t d = 0; d < COUNT(directions); d++) {
		for (size_t e = 0; e < COUNT(edtls); e++) {
			struct bhs_scsi_cmd c = rig_command(p, directions[d], edtls[e]);
			memcpy(c.cdb, cdb, sizeof(c.cdb));
			const struct hostile_end *end = hostile_run(p, &c, NULL, 0);
			uint32_t room = directions[d] == ISCSI_CMD_READ ? edtls[e] : 0;
			ck_assert_uint_le(end->len, room);
			if (!scsi_op_lookup(cdb[0], SA_NONE))
				ck_assert_uint_eq(end->sense, BAD_OPCODE);
		}
	}
}

START_TEST(every_opcode_with_a_cdb_of_one_value)
{
	static const uint8_t fills[] = {0, 0xff, 0x7f, 0x80, 1};
	struct rig_peer p = HOSTILE_PEER(&rig, IN_NORMAL_SESSION, "");
	uint8_t cdb[16];

	for (int op = _i; op < 256; op += 8) {
		for (size_t f = 0; f < COUNT(fills); f++) {
			memset(cdb, fills[f], sizeof(cdb));
			cdb[0] = (uint8_t)op;
			try_cdb(&p, cdb);
		}
	}
	hostile_serves(&p);
	hostile_leave(&p);
}
END_TEST

/* Each command that there is, with one byte wrong at a time. */
START_TEST(every_command_with_a_byte_of_one_value)
{
	static const uint8_t values[] = {1, 0x7f, 0x80, 0xff};
	struct rig_peer p = HOSTILE_PEER(&rig, IN_NORMAL_SESSION, "");
	size_t n = 0;

	for (size_t i = (size_t)_i; i < scsi_ops_count; i += 8, n++) {
		for (unsigned at = 1; at < 16; at++) {
			for (size_t v = 0; v < COUNT(values); v++) {
				uint8_t cdb[16] = {scsi_ops[i].opcode};
				if (scsi_ops[i].sa != SA_NONE)
					cdb[1] = (uint8_t)scsi_ops[i].sa;
				cdb[at] = values[v];
				try_cdb(&p, cdb);
			}
		}
	}
	ck_assert_uint_gt(n, 2);
	hostile_serves(&p);
	hostile_leave(&p);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("bad_cdb");
	TCase *t = tcase_create("bad_cdb");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, every_total_ahs_length, 0, 8);
	tcase_add_test(t, bad_input_cve_2025_68782_extended_cdbs);
	tcase_add_loop_test(t, two_segments, 0, 5);
	tcase_add_loop_test(t, segments_of_other_requests, 0, 7);
	tcase_add_loop_test(t, every_opcode_with_a_cdb_of_one_value, 0, 8);
	tcase_add_loop_test(t, every_command_with_a_byte_of_one_value, 0, 8);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	return test_main(suite());
}
