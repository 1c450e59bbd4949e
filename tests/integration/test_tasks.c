// SPDX-License-Identifier: MIT
/* test_tasks.c - order, aborts, resets, pings, and data that comes in pieces or stalls. */
#include <stdlib.h>
#include <string.h>

#include "lib/daemon.h"
#include "lib/rawinit.h"
#include "lib/test_main.h"

#define BLOCK	  512u
#define SOLICITED "ImmediateData=No\nInitialR2T=Yes\n"

static struct daemon d;

static void start(void)
{
	daemon_start(&d, "{ id = 0; size = \"16M\"; }, { id = 1; size = \"1M\"; }", NULL);
}

/*
 * For sessions that share blocks: on one reactor, since ThreadSanitizer cannot see that the test
 * lets one write end before the next begins.
 */
static void start_on_one(void)
{
	daemon_start(&d, "{ id = 0; size = \"16M\"; }", "reactor = { count = 1; };");
}

static void stop(void)
{
	daemon_check_alive(&d);
	daemon_stop(&d);
}

/* A WRITE(16) that waits for its data: the R2T is in r->bhs. */
static union raw_bhs write_begun(struct raw *r, uint64_t lba, uint32_t blocks)
{
	uint8_t cdb[16];

	raw_cdb_rw16(cdb, 0x8a, lba, blocks);
	union raw_bhs h = raw_command(r, ISCSI_FINAL | ISCSI_CMD_WRITE | ISCSI_ATTR_SIMPLE, cdb,
				      blocks * BLOCK);
	ck_assert(raw_send(r, &h, NULL, 0));
	raw_expect(r, ISCSI_OP_R2T);
	ck_assert_uint_eq(get32(r->bhs.any.itt), get32(h.any.itt));
	return h;
}

static uint8_t manage(struct raw *r, uint8_t function, unsigned lun, uint32_t ref_itt,
		      uint32_t ref_cmdsn)
{
	union raw_bhs h =
		raw_request(r, ISCSI_OP_TMF_REQ | ISCSI_IMMEDIATE, ISCSI_FINAL | function);
	raw_set_lun(&h, lun);
	put32(&h.tmf.ref_itt, ref_itt);
	put32(&h.tmf.ref_cmdsn, ref_cmdsn);
	ck_assert(raw_send(r, &h, NULL, 0));
	raw_expect(r, ISCSI_OP_TMF_RSP);
	ck_assert_uint_eq(get32(r->bhs.any.itt), get32(h.any.itt));
	return r->bhs.tmf_rsp.response;
}

static void block_is(struct raw *r, uint64_t lba, uint8_t value)
{
	uint8_t got[BLOCK], want[BLOCK];

	memset(want, value, BLOCK);
	ck_assert_uint_eq(raw_read(r, 0, lba, got, BLOCK, BLOCK), 0);
	ck_assert_mem_eq(got, want, BLOCK);
}

START_TEST(abort_of_a_waiting_write)
{
	struct raw r;
	uint8_t data[2 * BLOCK];

	raw_session(&r, d.port, SOLICITED);
	memset(data, 'a', sizeof(data));
	ck_assert_uint_eq(raw_write(&r, 0, 5, data, sizeof(data), BLOCK), 0);
	memset(data, 'b', sizeof(data));
	union raw_bhs h = write_begun(&r, 5, 2);
	union raw_bhs r2t = r.bhs;
	ck_assert_uint_eq(manage(&r, ISCSI_TMF_ABORT_TASK, 0, get32(h.any.itt), get32(h.cmd.cmdsn)),
			  ISCSI_TMF_COMPLETE);
	/* Its data comes too late, and is dropped without an answer: 11.5.1 */
	r.bhs = r2t;
	raw_answer_r2t(&r, data);
	raw_ping(&r);
	block_is(&r, 5, 'a');
	ck_assert_uint_eq(manage(&r, ISCSI_TMF_ABORT_TASK, 0, get32(h.any.itt), get32(h.cmd.cmdsn)),
			  ISCSI_TMF_NO_TASK);
	raw_close(&r);
}
END_TEST

START_TEST(functions_that_are_refused)
{
	struct raw r;

	raw_session(&r, d.port, NULL);
	ck_assert_uint_eq(manage(&r, ISCSI_TMF_LUN_RESET, 9, ISCSI_TAG_NONE, 0), ISCSI_TMF_NO_LUN);
	ck_assert_uint_eq(manage(&r, ISCSI_TMF_TASK_REASSIGN, 0, 77, 0) == ISCSI_TMF_COMPLETE, 0);
	ck_assert_uint_eq(manage(&r, 99, 0, ISCSI_TAG_NONE, 0) == ISCSI_TMF_COMPLETE, 0);
	raw_ping(&r);
	raw_close(&r);
}
END_TEST

/*
 * ABORT TASK SET and the resets end what waits; the initiator goes on answering R2Ts until it has
 * the response: 4.2.3.3.
 */
START_TEST(sets_and_resets)
{
	static const uint8_t functions[] = {ISCSI_TMF_ABORT_TASK_SET, ISCSI_TMF_LUN_RESET,
					    ISCSI_TMF_TARGET_WARM_RESET};
	static const uint8_t data[2 * BLOCK];
	struct raw r;

	raw_session(&r, d.port, SOLICITED);
	write_begun(&r, 5, 2);
	union raw_bhs r2t = r.bhs;
	union raw_bhs h =
		raw_request(&r, ISCSI_OP_TMF_REQ | ISCSI_IMMEDIATE, ISCSI_FINAL | functions[_i]);
	put32(&h.tmf.ref_itt, ISCSI_TAG_NONE);
	ck_assert(raw_send(&r, &h, NULL, 0));
	r.bhs = r2t;
	raw_answer_r2t(&r, data);
	ck_assert(raw_recv(&r));
	if (r.bhs.any.opcode == ISCSI_OP_SCSI_RSP) /* the data came before the function ran */
		raw_recv(&r);
	ck_assert_uint_eq(r.bhs.any.opcode, ISCSI_OP_TMF_RSP);
	ck_assert_uint_eq(r.bhs.tmf_rsp.response, ISCSI_TMF_COMPLETE);
	raw_ping(&r);
	/* Whether the one who asked is told as well is the target's choice. */
	if (raw_test_unit_ready(&r, 0) != 0)
		ck_assert_uint_eq(raw_sense(&r) >> 8, 0x0629);
	ck_assert_uint_eq(raw_test_unit_ready(&r, 0), 0);
	raw_close(&r);
}
END_TEST

/* A reset by one session ends the tasks of another, which hears of it. */
START_TEST(reset_reaches_other_sessions)
{
	struct raw a, b;

	raw_session(&a, d.port, SOLICITED);
	raw_session(&b, d.port, NULL);
	write_begun(&a, 5, 1);
	ck_assert_uint_eq(manage(&b, ISCSI_TMF_LUN_RESET, 0, ISCSI_TAG_NONE, 0),
			  ISCSI_TMF_COMPLETE);
	ck_assert_uint_eq(raw_test_unit_ready(&a, 0), 0x02);
	ck_assert_uint_eq(raw_sense(&a) >> 16, 0x06);
	ck_assert_uint_eq(raw_test_unit_ready(&a, 0), 0);
	raw_close(&a);
	raw_close(&b);
}
END_TEST

/* RFC 7143 11.5: COLD RESET also ends the sessions. */
START_TEST(cold_reset_ends_sessions)
{
	struct raw a, b;

	raw_session(&a, d.port, NULL);
	raw_session(&b, d.port, NULL);
	union raw_bhs h = raw_request(&a, ISCSI_OP_TMF_REQ | ISCSI_IMMEDIATE,
				      ISCSI_FINAL | ISCSI_TMF_TARGET_COLD_RESET);
	ck_assert(raw_send(&a, &h, NULL, 0));
	raw_expect_closed(&a);
	raw_expect_closed(&b);
	raw_close(&a);
	raw_close(&b);
	raw_session(&a, d.port, NULL);
	raw_ping(&a);
	raw_close(&a);
}
END_TEST

/* RFC 7143 4.2.2.1: what is outside the window is ignored in silence. */
START_TEST(cmdsn_outside_the_window_is_ignored)
{
	static const int32_t away[] = {-1, -1000, 0x40000000, 2000};
	struct raw r;
	uint8_t cdb[16] = {0};

	raw_session(&r, d.port, NULL);
	for (size_t i = 0; i < sizeof(away) / sizeof(*away); i++) {
		union raw_bhs h = raw_command(&r, ISCSI_FINAL | ISCSI_ATTR_SIMPLE, cdb, 0);
		r.cmdsn--;
		put32(&h.cmd.cmdsn, r.cmdsn + (uint32_t)away[i]);
		ck_assert(raw_send(&r, &h, NULL, 0));
		raw_ping(&r);
	}
	ck_assert_uint_eq(r.exp_cmdsn, r.cmdsn);
	ck_assert_uint_eq(raw_test_unit_ready(&r, 0), 0);
	raw_close(&r);
}
END_TEST

/* As many commands as the window has room for, unread; the one after it is ignored. */
START_TEST(a_full_window)
{
	struct raw r;
	uint8_t cdb[16] = {0};

	raw_session(&r, d.port, NULL);
	raw_ping(&r);
	uint32_t first = r.cmdsn, last = r.max_cmdsn;
	ck_assert(sn_lt(first, last));
	union raw_bhs h = raw_command(&r, ISCSI_FINAL | ISCSI_ATTR_SIMPLE, cdb, 0);
	put32(&h.cmd.cmdsn, last + 1);
	ck_assert(raw_send(&r, &h, NULL, 0));
	for (r.cmdsn = first; r.cmdsn != last + 1;) {
		h = raw_command(&r, ISCSI_FINAL | ISCSI_ATTR_SIMPLE, cdb, 0);
		ck_assert(raw_send(&r, &h, NULL, 0));
	}
	for (uint32_t left = last - first + 1; left; left--) {
		raw_expect(&r, ISCSI_OP_SCSI_RSP);
		ck_assert_uint_eq(r.bhs.rsp.status, 0);
	}
	ck_assert_uint_eq(r.exp_cmdsn, last + 1);
	raw_ping(&r);
	raw_close(&r);
}
END_TEST

static void send_block(struct raw *r, uint64_t lba, uint8_t value, uint32_t cmdsn)
{
	uint8_t cdb[16], data[BLOCK];

	raw_cdb_rw16(cdb, 0x8a, lba, 1);
	memset(data, value, BLOCK);
	union raw_bhs h =
		raw_command(r, ISCSI_FINAL | ISCSI_CMD_WRITE | ISCSI_ATTR_ORDERED, cdb, BLOCK);
	put32(&h.cmd.cmdsn, cmdsn);
	raw_send(r, &h, data, BLOCK);
}

/*
 * An initiator must send in CmdSN order (4.2.2.1). If one does not, the later command is never run
 * before the earlier: the target waits, or it ends the connection.
 */
START_TEST(a_gap_is_not_jumped)
{
	struct raw r, other;
	uint8_t got[BLOCK];

	raw_session(&other, d.port, NULL);
	raw_session(&r, d.port, NULL);
	uint32_t first = r.cmdsn;
	send_block(&r, 20, 'b', first + 1);
	test_sleep_ms(20);
	ck_assert_uint_eq(raw_read(&other, 0, 20, got, BLOCK, BLOCK), 0);
	ck_assert_uint_eq(got[0], 0);
	send_block(&r, 20, 'a', first);
	if (raw_recv(&r) && raw_recv(&r)) {
		ck_assert_uint_eq(r.bhs.any.opcode, ISCSI_OP_SCSI_RSP);
		block_is(&other, 20, 'b');
	}
	raw_close(&r);
	raw_close(&other);
}
END_TEST

START_TEST(nop_out_without_answer)
{
	struct raw r;

	raw_session(&r, d.port, NULL);
	/* ITT reserved: no answer is wanted. 11.18 */
	union raw_bhs h = raw_request(&r, ISCSI_OP_NOP_OUT | ISCSI_IMMEDIATE, ISCSI_FINAL);
	put32(&h.any.itt, ISCSI_TAG_NONE);
	ck_assert(raw_send(&r, &h, "data", 4));
	raw_ping(&r);
	/* One that is numbered. */
	h = raw_request(&r, ISCSI_OP_NOP_OUT, ISCSI_FINAL);
	ck_assert(raw_send(&r, &h, "numbered", 8));
	raw_expect(&r, ISCSI_OP_NOP_IN);
	ck_assert_uint_eq(r.len, 8);
	ck_assert_uint_eq(r.exp_cmdsn, r.cmdsn);
	raw_close(&r);
}
END_TEST

static void await_ping(struct raw *r)
{
	raw_expect(r, ISCSI_OP_NOP_IN);
	ck_assert_uint_eq(get32(r->bhs.any.itt), ISCSI_TAG_NONE);
	ck_assert_uint_ne(get32(r->bhs.nop_in.ttt), ISCSI_TAG_NONE);
}

/* The target's own pings: answered, the session stays; unanswered, it ends. */
START_TEST(target_pings)
{
	struct daemon eager;
	struct raw r;

	daemon_start(&eager, "{ id = 0; size = \"1M\"; }",
		     "limits = { ping_interval = 1; ping_timeout = 2; };");
	raw_session(&r, eager.port, NULL);
	r.keep_pings = true;
	for (int i = 0; i < 3; i++) {
		await_ping(&r);
		union raw_bhs h = raw_request(&r, ISCSI_OP_NOP_OUT | ISCSI_IMMEDIATE, ISCSI_FINAL);
		put32(&h.any.itt, ISCSI_TAG_NONE);
		h.nop.ttt = r.bhs.nop_in.ttt;
		ck_assert(raw_send(&r, &h, NULL, 0));
	}
	await_ping(&r);
	raw_expect_closed(&r);
	raw_close(&r);
	daemon_stop(&eager);
}
END_TEST

/* Half a PDU and then nothing: dropped after rx_stall. A silent session between PDUs stays. */
START_TEST(half_a_pdu_is_not_waited_for)
{
	struct daemon quick;
	struct raw idle, half, data;
	uint8_t pdu[64 + BLOCK], zero[BLOCK] = {0};

	daemon_start(&quick, "{ id = 0; size = \"1M\"; }", "limits = { rx_stall = 1; };");
	raw_session(&idle, quick.port, NULL);
	raw_session(&half, quick.port, NULL);
	raw_session(&data, quick.port, SOLICITED);
	union raw_bhs h = raw_request(&half, ISCSI_OP_NOP_OUT | ISCSI_IMMEDIATE, ISCSI_FINAL);
	ck_assert(raw_bytes(&half, &h, 20, 0));
	write_begun(&data, 0, 1);
	union raw_bhs out = {.out = {.opcode = ISCSI_OP_DATA_OUT, .flags = ISCSI_FINAL}};
	out.out.itt = data.bhs.r2t.itt;
	out.out.ttt = data.bhs.r2t.ttt;
	size_t n = raw_make(&data, &out, zero, BLOCK, pdu);
	ck_assert(raw_bytes(&data, pdu, n - 100, 0));
	raw_expect_closed(&half);
	raw_expect_closed(&data);
	raw_ping(&idle);
	raw_close(&idle);
	raw_close(&half);
	raw_close(&data);
	daemon_stop(&quick);
}
END_TEST

/* One Data-Out PDU of one block, in two segments cut at each byte. */
START_TEST(data_out_cut_everywhere)
{
	struct raw r;
	uint8_t data[BLOCK], pdu[64 + BLOCK];
	size_t n = 1;

	raw_session(&r, d.port, SOLICITED);
	for (size_t cut = 0; cut < n; cut++) {
		memset(data, (int)(cut % 251 + 1), BLOCK);
		write_begun(&r, 3, 1);
		union raw_bhs out = {.out = {.opcode = ISCSI_OP_DATA_OUT, .flags = ISCSI_FINAL}};
		out.out.itt = r.bhs.r2t.itt;
		out.out.ttt = r.bhs.r2t.ttt;
		n = raw_make(&r, &out, data, BLOCK, pdu);
		ck_assert(raw_bytes(&r, pdu, cut, 0));
		test_sleep_ms(1); /* so that they are usually read apart */
		ck_assert(raw_bytes(&r, pdu + cut, n - cut, 0));
		raw_expect(&r, ISCSI_OP_SCSI_RSP);
		ck_assert_uint_eq(r.bhs.rsp.status, 0);
		block_is(&r, 3, data[0]);
	}
	ck_assert_uint_ge(n, ISCSI_BHS_LEN + BLOCK);
	raw_close(&r);
}
END_TEST

START_TEST(immediate_data_byte_by_byte)
{
	struct raw r;
	uint8_t cdb[16], data[2 * BLOCK], got[sizeof(data)], pdu[64 + sizeof(data) + 16];
	static const char *const keys[] = {NULL, "HeaderDigest=CRC32C\nDataDigest=CRC32C\n"};

	raw_session(&r, d.port, keys[_i]);
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7 + 1);
	raw_cdb_rw16(cdb, 0x8a, 30, 2);
	union raw_bhs h = raw_command(&r, ISCSI_FINAL | ISCSI_CMD_WRITE | ISCSI_ATTR_SIMPLE, cdb,
				      sizeof(data));
	ck_assert(raw_bytes(&r, pdu, raw_make(&r, &h, data, sizeof(data), pdu), 1));
	raw_expect(&r, ISCSI_OP_SCSI_RSP);
	ck_assert_uint_eq(r.bhs.rsp.status, 0);
	ck_assert_uint_eq(raw_read(&r, 0, 30, got, sizeof(got), BLOCK), 0);
	ck_assert_mem_eq(got, data, sizeof(got));
	raw_close(&r);
}
END_TEST

/*
 * A block whose second half has not come is old as a whole for everybody else; it stays so if the
 * rest never comes.
 */
START_TEST(no_torn_block)
{
	struct raw writer, reader;
	uint8_t data[BLOCK], pdu[64 + BLOCK];

	raw_session(&writer, d.port, SOLICITED);
	raw_session(&reader, d.port, NULL);
	memset(data, 'o', BLOCK);
	ck_assert_uint_eq(raw_write(&reader, 0, 77, data, BLOCK, BLOCK), 0);
	memset(data, 'n', BLOCK);
	for (int round = 0; round < 2; round++) {
		write_begun(&writer, 77, 1);
		union raw_bhs out = {.out = {.opcode = ISCSI_OP_DATA_OUT, .flags = ISCSI_FINAL}};
		out.out.itt = writer.bhs.r2t.itt;
		out.out.ttt = writer.bhs.r2t.ttt;
		size_t n = raw_make(&writer, &out, data, BLOCK, pdu), half = n - BLOCK / 2;
		ck_assert(raw_bytes(&writer, pdu, half, 0));
		for (int i = 0; i < 20; i++) {
			block_is(&reader, 77, round ? 'n' : 'o');
			test_sleep_ms(2);
		}
		if (round)
			break;
		ck_assert(raw_bytes(&writer, pdu + half, n - half, 0));
		raw_expect(&writer, ISCSI_OP_SCSI_RSP);
		block_is(&reader, 77, 'n');
		memset(data, 'x', BLOCK);
	}
	raw_close(&writer);
	raw_ping(&reader);
	block_is(&reader, 77, 'n');
	raw_close(&reader);
}
END_TEST

/* A WRITE in four bursts, of which one never comes; others work meanwhile. */
START_TEST(a_waiting_write_holds_nobody)
{
	struct raw slow, other;
	uint8_t data[64 * BLOCK];

	raw_session(&slow, d.port, SOLICITED "MaxBurstLength=8192\n");
	raw_session(&other, d.port, NULL);
	write_begun(&slow, 100, 64);
	memset(data, 'p', sizeof(data));
	for (int i = 0; i < 10; i++)
		ck_assert_uint_eq(raw_write(&other, 0, 100, data, sizeof(data), BLOCK), 0);
	ck_assert_uint_eq(raw_read(&other, 0, 100, data, sizeof(data), BLOCK), 0);
	raw_close(&slow);
	raw_ping(&other);
	raw_close(&other);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("tasks");
	TCase *t = tcase_create("tasks");

	tcase_set_timeout(t, 180);
	tcase_add_checked_fixture(t, start, stop);
	tcase_add_test(t, abort_of_a_waiting_write);
	tcase_add_test(t, functions_that_are_refused);
	tcase_add_loop_test(t, sets_and_resets, 0, 3);
	tcase_add_test(t, reset_reaches_other_sessions);
	tcase_add_test(t, cold_reset_ends_sessions);
	tcase_add_test(t, cmdsn_outside_the_window_is_ignored);
	tcase_add_test(t, a_full_window);
	tcase_add_test(t, nop_out_without_answer);
	tcase_add_test(t, data_out_cut_everywhere);
	tcase_add_loop_test(t, immediate_data_byte_by_byte, 0, 2);
	suite_add_tcase(s, t);

	t = tcase_create("shared_blocks");
	tcase_set_timeout(t, 180);
	tcase_add_checked_fixture(t, start_on_one, stop);
	tcase_add_test(t, a_gap_is_not_jumped);
	tcase_add_test(t, no_torn_block);
	tcase_add_test(t, a_waiting_write_holds_nobody);
	suite_add_tcase(s, t);

	t = tcase_create("time");
	tcase_set_timeout(t, 180);
	tcase_add_test(t, target_pings);
	tcase_add_test(t, half_a_pdu_is_not_waited_for);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	return test_main(suite());
}
