// SPDX-License-Identifier: MIT
/*
 * test_bad_stream.c - connections that begin wrong, are cut anywhere, or end while something is
 * under way. Each test is named for its source: see tests/HOSTILE.md.
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "iscsi/session.h"
#include "lib/fake_engine.h"
#include "lib/hostile.h"
#include "lib/test_main.h"
#include "store/store.h"

#define LBA	 40u
#define BAD	 0x66
#define COUNT(a) (sizeof(a) / sizeof(*(a)))
#define BYTES(s)                 \
	{                        \
		s, sizeof(s) - 1 \
	}
#define FILL	  "................"
#define SOLICITED "InitialR2T=Yes\0ImmediateData=No"

static struct rig rig;

static void setup(void)
{
	log_set_level(LOG_LEVEL_ERROR);
	rig_init(&rig);
}

static void teardown(void)
{
	rig_stop(&rig);
}

/* The ways in which a connection ends that the peer does not log out of. */
enum end { FIN, RST, NO_SEND, ENDS };

static void end_connection(struct rig_peer *p, enum end how)
{
	if (how == FIN)
		fake_eof(rig.engine, p->fd);
	else if (how == RST)
		fake_fail_recv(rig.engine, p->fd, ECONNRESET);
	else {
		fake_fail_send(rig.engine, p->fd, EPIPE);
		fake_eof(rig.engine, p->fd);
	}
}

/* ---- the first bytes ---- */

/* Whatever comes before a Login Request ends the connection without an answer: 6.3. */
START_TEST(bad_input_spdk_3927_not_login_first)
{
	uint8_t bytes[ISCSI_BHS_LEN + 512];

	rig_start(&rig);
	for (unsigned op = 0; op < 256; op++) {
		if ((op & ISCSI_OP_MASK) == ISCSI_OP_LOGIN_REQ)
			continue;
		struct rig_peer p = rig_connect(&rig);
		memset(bytes, _i, sizeof(bytes));
		bytes[0] = (uint8_t)op;
		bytes[4] = 0;
		st24(bytes + 5, 512);
		fake_feed(rig.engine, p.fd, bytes, sizeof(bytes));
		struct hostile_look look = hostile_look(&p, BEFORE_LOGIN);
		ck_assert_uint_eq(look.fate, FATE_CLOSED);
		hostile_leave(&p);
	}
}
END_TEST

/* What scanners and other clients say first; none of them is a login. */
START_TEST(other_protocols)
{
	static const struct {
		const char *bytes;
		size_t n;
	} rows[] = {
		BYTES("GET / HTTP/1.1\r\nHost: localhost:3260\r\nUser-Agent: scanner\r\n\r\n"),
		BYTES("SSH-2.0-OpenSSH_9.2p1 Debian-2 and more, to be a header\r\n"),
		BYTES("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" FILL FILL FILL),
		BYTES("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0" FILL FILL),
		BYTES("\xff\xff\xff\xff\xff\xff\xff\xff" FILL FILL FILL),
	};

	rig_start(&rig);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct rig_peer p = rig_connect(&rig);
		fake_feed(rig.engine, p.fd, rows[i].bytes, rows[i].n);
		ck_assert_uint_eq(hostile_look(&p, BEFORE_LOGIN).fate, FATE_CLOSED);
		hostile_leave(&p);
	}
}
END_TEST

/* A header that ends before its end, wherever the peer is. */
START_TEST(bad_input_cve_2026_53176_short_header)
{
	uint8_t header[ISCSI_BHS_LEN] = {ISCSI_OP_LOGIN_REQ | ISCSI_IMMEDIATE, 0x87};
	enum hostile_place at = (enum hostile_place)(_i % 4);
	enum end how = (enum end)(_i / 4);

	rig_start(&rig);
	for (size_t n = 0; n < ISCSI_BHS_LEN; n++) {
		struct rig_peer p = HOSTILE_PEER(&rig, at, "");
		fake_feed(rig.engine, p.fd, header, n);
		end_connection(&p, how);
		ck_assert(rig_is_closed(&p));
		hostile_leave(&p);
	}
}
END_TEST

/* tgt freed a login's buffer twice. 13.12: not a byte of it is waited for. */
START_TEST(bad_input_cve_2011_0001_oversized_login)
{
	static const uint32_t sizes[] = {8193, 8196, 16384, 262144, 0x800000, 0xffffff};
	enum hostile_place at = _i ? IN_LOGIN_PHASE : BEFORE_LOGIN;

	rig_start(&rig);
	for (size_t i = 0; i < COUNT(sizes); i++) {
		for (int front = 0; front < 2; front++) {
			struct rig_peer p = HOSTILE_PEER(&rig, at, "");
			struct bhs_login_req h = {.opcode = 0x43, .flags = front ? 0x40 : 0x87};
			if (front) /* behind a good part of a text in pieces */
				(void)hostile_say_login(&p, at == BEFORE_LOGIN ? 0x44 : 0x40,
							rig_filled('a', 8192), 8192);
			put24(&h.data_len, sizes[i]);
			fake_feed(rig.engine, p.fd, &h, sizeof(h));
			fake_feed(rig.engine, p.fd, rig_filled('b', 8192), 8192);
			struct hostile_look look = hostile_look(&p, at);
			ck_assert_uint_eq(look.fate, FATE_CLOSED);
			hostile_leave(&p);
		}
	}
}
END_TEST

/* ---- the end of a connection with something under way ---- */

static struct bhs_scsi_cmd send_command(struct rig_peer *p, uint8_t flags, uint8_t opcode,
					uint32_t blocks)
{
	struct bhs_scsi_cmd c = rig_command(p, flags, flags ? blocks * RIG_BLOCK : 0);

	c.cdb[0] = opcode;
	st64(c.cdb + 2, LBA);
	st32(c.cdb + 10, blocks);
	rig_send(p, &c, NULL, 0);
	return c;
}

#define READ_16	      0x88
#define WRITE_16      0x8a
#define SYNC_CACHE_16 0x91
#define WRITE_SAME_16 0x93

/* Behind an ORDERED command that waits for data. */
static void held(struct rig_peer *p)
{
	send_command(p, ISCSI_CMD_WRITE, WRITE_16, 4);
	struct bhs_scsi_cmd c = rig_command(p, ISCSI_CMD_READ, RIG_BLOCK);
	c.flags = (uint8_t)((c.flags & ~ISCSI_CMD_ATTR) | ISCSI_ATTR_ORDERED);
	rig_rw10(&c, false, LBA, 1);
	rig_send(p, &c, NULL, 0);
	send_command(p, 0, SYNC_CACHE_16, 4);
}

static void solicited(struct rig_peer *p)
{
	struct bhs_scsi_cmd c = send_command(p, ISCSI_CMD_WRITE, WRITE_16, 4);
	uint32_t ttt = rig_expect_r2t(p, NULL);
	rig_data_out(p, &c, ttt, 0, 0, 700, false, BAD);
}

/* In the middle of a PDU's data. */
static void half_a_pdu(struct rig_peer *p)
{
	struct bhs_scsi_cmd c = send_command(p, ISCSI_CMD_WRITE, WRITE_16, 4);
	struct bhs_data_out d = {.opcode = ISCSI_OP_DATA_OUT, .flags = ISCSI_FINAL, .itt = c.itt};
	put32(&d.ttt, rig_expect_r2t(p, NULL));
	rig_send_cut(p, &d, rig_filled(BAD, 2048), 2048, ISCSI_BHS_LEN + 300);
}

/* Slices of a WRITE SAME over all of a large unit; the loop has done some. */
static void running_with(struct rig_peer *p, uint8_t v)
{
	struct bhs_scsi_cmd c = rig_command(p, ISCSI_CMD_WRITE, RIG_BLOCK);
	c.cdb[0] = WRITE_SAME_16;
	st32(c.cdb + 10, (uint32_t)rig.blocks);
	rig_send(p, &c, NULL, 0);
	uint32_t ttt = rig_expect_r2t(p, NULL);
	rig_data_out(p, &c, ttt, 0, 0, RIG_BLOCK, true, v);
	for (int i = 0; i < 4; i++)
		reactor_turn(&rig.worker.reactor, false);
	ck_assert_uint_eq(rig.worker.tasks.used, 1); /* it is not over */
}

static void running(struct rig_peer *p)
{
	running_with(p, 0);
}

/* Answers that the peer does not take. */
static void unread(struct rig_peer *p)
{
	fake_take(rig.engine, p->fd, (size_t)(p->itt % 2), 3);
	for (int i = 0; i < 8; i++)
		send_command(p, ISCSI_CMD_READ, READ_16, 64);
	rig_send_tmf(p, ISCSI_TMF_LUN_RESET, (be32){{0}});
	send_command(p, 0, SYNC_CACHE_16, 4);
	for (int i = 0; i < 6; i++)
		reactor_turn(&rig.worker.reactor, false);
}

/* A text exchange that goes on, with a buffer of either side. */
static void texts(struct rig_peer *p)
{
	hostile_text(p, ISCSI_TEXT_CONTINUE, ISCSI_TAG_NONE, "X-a=b", 6);
	rig_run(&rig);
}

static void logout(struct rig_peer *p)
{
	struct bhs_logout_req h = {.opcode = ISCSI_OP_LOGOUT_REQ | ISCSI_IMMEDIATE,
				   .flags = ISCSI_FINAL};
	solicited(p);
	fake_take(rig.engine, p->fd, 0, 0);
	put32(&h.cmdsn, p->cmdsn);
	rig_send(p, &h, NULL, 0);
	rig_run(&rig);
}

static void (*const works[])(struct rig_peer *p) = {held,   solicited, half_a_pdu, running,
						    unread, texts,     logout};
#define WORKS ((int)COUNT(works))

/* A unit of 8 slices. */
static void start_large(void)
{
	rig.blocks = 8 * STORE_SLICE_BYTES / RIG_BLOCK;
	rig.pool = 8 * STORE_SLICE_BYTES;
	rig_start(&rig);
}

/* Completions after the end find nobody, and free what they had. */
START_TEST(bad_input_spdk_785_closed_in_flight)
{
	start_large();
	struct rig_peer p = HOSTILE_PEER(&rig, IN_NORMAL_SESSION, SOLICITED);

	works[_i / ENDS](&p);
	end_connection(&p, (enum end)(_i % ENDS));
	fake_take(rig.engine, p.fd, SIZE_MAX, 2);
	rig_run(&rig);
	rig_advance(&rig, 2);
	ck_assert(rig_is_closed(&p));
	hostile_leave(&p);
	p = HOSTILE_PEER(&rig, IN_NORMAL_SESSION, "");
	rig_check_blocks(&p, LBA + 1, 4, 0); /* half a block more was never written */
	hostile_serves(&p);
	hostile_leave(&p);
}
END_TEST

/* A login of the same name meanwhile: it waits for the end of the first, and has it. */
START_TEST(bad_input_cve_2026_23216_reinstated_in_flight)
{
	start_large();
	struct rig_peer p = HOSTILE_PEER(&rig, IN_NORMAL_SESSION, SOLICITED);

	works[_i](&p);
	struct rig_peer q = rig_connect(&rig);
	RIG_LOGIN(&q, "");
	fake_take(rig.engine, p.fd, SIZE_MAX, 2);
	ck_assert(rig_is_closed(&p));
	hostile_serves(&q);
	rig_check_blocks(&q, LBA + 1, 4, 0);
	hostile_leave(&q);
}
END_TEST

/* What runs in slices touches nothing after the answer to its abort. 11.6.1 */
START_TEST(aborted_while_it_runs)
{
	static const enum iscsi_tmf how[] = {ISCSI_TMF_ABORT_TASK, ISCSI_TMF_ABORT_TASK_SET,
					     ISCSI_TMF_LUN_RESET, ISCSI_TMF_TARGET_WARM_RESET};
	start_large();
	struct rig_peer p = HOSTILE_PEER(&rig, IN_NORMAL_SESSION, SOLICITED);

	be32 itt;
	put32(&itt, p.itt);
	running_with(&p, BAD);
	rig_send_tmf(&p, how[_i], itt);
	rig_expect_tmf(&p, ISCSI_TMF_COMPLETE);
	ck_assert_uint_eq(rig.worker.tasks.used, 0);
	rig_advance(&rig, 1);
	rig_clear_attention(&p);
	rig_check_blocks(&p, LBA, 1, BAD);
	rig_check_blocks(&p, (uint32_t)rig.blocks - 1, 1, 0);
	hostile_serves(&p);
	hostile_leave(&p);
}
END_TEST

/* nvmet: a digest that is wrong while more data is to come. Nothing of the PDU is written, and the
 * connection ends with all that waited. 7.8 */
START_TEST(bad_input_nvmet_digest_while_data_is_pending)
{
	rig_start(&rig);
	struct rig_peer p = rig_connect(&rig);
	RIG_LOGIN(&p, "DataDigest=CRC32C\0" SOLICITED "\0MaxBurstLength=1024\0MaxOutstandingR2T=4");
	p.data_digest = true;
	rig_clear_attention(&p);
	struct bhs_scsi_cmd a = send_command(&p, ISCSI_CMD_WRITE, WRITE_16, 8);
	uint32_t ttt = rig_expect_r2t(&p, NULL);
	for (int i = 0; i < 3; i++)
		rig_expect_r2t(&p, NULL);
	send_command(&p, ISCSI_CMD_WRITE, WRITE_16, 8);
	for (int i = 0; i < 4; i++)
		rig_expect_r2t(&p, NULL);
	p.data_digest = false; /* 4 bytes of data take its place */
	struct bhs_data_out d = {.opcode = ISCSI_OP_DATA_OUT, .flags = ISCSI_FINAL, .itt = a.itt};
	put32(&d.ttt, ttt);
	rig_send(&p, &d, rig_filled(BAD, 1024), 1024);
	fake_feed(rig.engine, p.fd, "\1\2\3\4", 4);
	p.data_digest = true;
	struct rig_pdu r = rig_expect(&p, ISCSI_OP_REJECT);
	ck_assert_uint_eq(r.reject.reason, ISCSI_REJECT_DATA_DIGEST);
	rig_pdu_free(&r);
	ck_assert(rig_is_closed(&p));
	hostile_leave(&p);
	p = HOSTILE_PEER(&rig, IN_NORMAL_SESSION, "");
	rig_check_blocks(&p, LBA, 8, 0);
	hostile_leave(&p);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("bad_stream");
	TCase *t = tcase_create("bad_stream");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, bad_input_spdk_3927_not_login_first, 0, 3);
	tcase_add_test(t, other_protocols);
	tcase_add_loop_test(t, bad_input_cve_2026_53176_short_header, 0, 4 * ENDS);
	tcase_add_loop_test(t, bad_input_cve_2011_0001_oversized_login, 0, 2);
	tcase_add_loop_test(t, bad_input_spdk_785_closed_in_flight, 0, WORKS * ENDS);
	tcase_add_loop_test(t, bad_input_cve_2026_23216_reinstated_in_flight, 0, WORKS);
	tcase_add_loop_test(t, aborted_while_it_runs, 0, 4);
	tcase_add_test(t, bad_input_nvmet_digest_while_data_is_pending);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	return test_main(suite());
}
