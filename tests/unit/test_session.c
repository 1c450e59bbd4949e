// SPDX-License-Identifier: MIT
/* test_session.c - sessions on the fake engine: commands, data, order, limits, ends. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "lib/fake_engine.h"
#include "lib/session_rig.h"
#include "lib/test_main.h"
#include "reactor/conn.h"
#include "store/store.h"

static struct rig rig;

static void setup(void)
{
	rig_init(&rig);
}

#define BEGIN(keys) RIG_BEGIN(&rig, keys)

static void teardown(void)
{
	rig_stop(&rig);
}

/* A WRITE(10) with all its data immediate. */
static void write_blocks(struct rig_peer *p, uint32_t lba, uint16_t blocks, uint8_t v)
{
	uint32_t n = blocks * RIG_BLOCK;
	struct bhs_scsi_cmd c = rig_command(p, ISCSI_CMD_WRITE, n);
	rig_rw10(&c, true, lba, blocks);
	rig_send(p, &c, rig_filled(v, n), n);
	rig_expect_status(p, SCSI_GOOD);
}

static uint32_t expect_r2t(struct rig_peer *p, uint32_t sn, uint32_t offset, uint32_t len)
{
	struct bhs_r2t r;
	uint32_t ttt = rig_expect_r2t(p, &r);
	ck_assert_uint_eq(get32(r.r2tsn), sn);
	ck_assert_uint_eq(get32(r.offset), offset);
	ck_assert_uint_eq(get32(r.desired_len), len);
	return ttt;
}

/* ---- data ---- */

START_TEST(immediate_data_in_any_split)
{
	struct rig_peer p = BEGIN("");
	fake_split(rig.engine, p.fd, (size_t)_i, 0);
	write_blocks(&p, 7, 3, (uint8_t)(0x40 + _i));
	fake_split(rig.engine, p.fd, 0, 0);
	rig_check_blocks(&p, 7, 3, (uint8_t)(0x40 + _i));
	rig_check_blocks(&p, 6, 1, 0);
	rig_check_blocks(&p, 10, 1, 0);
}
END_TEST

START_TEST(solicited_data_by_bursts)
{
	struct rig_peer p = BEGIN("InitialR2T=Yes\0ImmediateData=No\0MaxBurstLength=1024\0"
				  "FirstBurstLength=512\0MaxOutstandingR2T=1");
	struct bhs_scsi_cmd c = rig_command(&p, ISCSI_CMD_WRITE, 5 * RIG_BLOCK);
	rig_rw10(&c, true, 100, 5);
	rig_send(&p, &c, NULL, 0);
	for (uint32_t i = 0; i < 3; i++) {
		uint32_t len = i < 2 ? 1024 : 512;
		uint32_t ttt = expect_r2t(&p, i, i * 1024, len);
		rig_expect_nothing(&p);
		/* odd pieces: a block is cut in two */
		rig_data_out(&p, &c, ttt, 0, i * 1024, 100, false, 0x77);
		rig_data_out(&p, &c, ttt, 1, i * 1024 + 100, len - 100, true, 0x77);
	}
	rig_expect_status(&p, SCSI_GOOD);
	rig_check_blocks(&p, 100, 5, 0x77);
}
END_TEST

START_TEST(several_r2ts_at_once)
{
	struct rig_peer p = BEGIN("InitialR2T=Yes\0ImmediateData=No\0MaxBurstLength=512\0"
				  "FirstBurstLength=512\0MaxOutstandingR2T=3");
	struct bhs_scsi_cmd c = rig_command(&p, ISCSI_CMD_WRITE, 5 * RIG_BLOCK);
	rig_rw10(&c, true, 0, 5);
	rig_send(&p, &c, NULL, 0);
	uint32_t ttt[5];
	for (uint32_t i = 0; i < 3; i++)
		ttt[i] = expect_r2t(&p, i, i * 512, 512);
	rig_expect_nothing(&p);
	for (uint32_t i = 0; i < 5; i++) {
		rig_data_out(&p, &c, ttt[i], 0, i * 512, 512, true, 0x21);
		if (i + 3 < 5)
			ttt[i + 3] = expect_r2t(&p, i + 3, (i + 3) * 512, 512);
	}
	rig_expect_status(&p, SCSI_GOOD);
	rig_check_blocks(&p, 0, 5, 0x21);
}
END_TEST

START_TEST(immediate_then_unsolicited_then_solicited)
{
	struct rig_peer p = BEGIN("InitialR2T=No\0FirstBurstLength=1536\0MaxBurstLength=4096");
	struct bhs_scsi_cmd c = rig_command(&p, ISCSI_CMD_WRITE, 6 * RIG_BLOCK);
	rig_rw10(&c, true, 40, 6);
	c.flags &= (uint8_t)~ISCSI_FINAL;
	rig_send(&p, &c, rig_filled(0x31, 700), 700);
	rig_expect_nothing(&p);
	rig_data_out(&p, &c, ISCSI_TAG_NONE, 0, 700, 300, false, 0x31);
	rig_data_out(&p, &c, ISCSI_TAG_NONE, 1, 1000, 536, true, 0x31);
	uint32_t ttt = expect_r2t(&p, 0, 1536, 1536);
	rig_data_out(&p, &c, ttt, 0, 1536, 1536, true, 0x31);
	rig_expect_status(&p, SCSI_GOOD);
	rig_check_blocks(&p, 40, 6, 0x31);
}
END_TEST

/* A peer that stalls inside a block is never visible inside that block. */
START_TEST(a_stalled_write_tears_no_block)
{
	struct rig_peer p = BEGIN("");
	write_blocks(&p, 0, 4, 0x11);
	struct bhs_scsi_cmd c = rig_command(&p, ISCSI_CMD_WRITE, 4 * RIG_BLOCK);
	rig_rw10(&c, true, 0, 4);
	rig_send_cut(&p, &c, rig_filled(0x22, 4 * RIG_BLOCK), 4 * RIG_BLOCK, 48 + (size_t)_i);
	rig_run(&rig);
	/* The medium itself, block by block. */
	for (uint32_t b = 0; b < 4; b++) {
		size_t have;
		const uint8_t *m = store_at(rig.lu.store, b * RIG_BLOCK, RIG_BLOCK, &have);
		uint8_t want = (b + 1) * RIG_BLOCK <= (uint32_t)_i ? 0x22 : 0x11;
		for (uint32_t i = 0; i < RIG_BLOCK; i++)
			ck_assert_uint_eq(m[i], want);
	}
}
END_TEST

START_TEST(reads_cross_pages_and_bursts)
{
	struct rig_peer p =
		BEGIN("MaxBurstLength=8192\0FirstBurstLength=8192\0MaxRecvDataSegmentLength=1000");
	for (uint32_t b = 4080; b < 4112; b += 8) /* around 2 MiB */
		write_blocks(&p, b, 8, 0x99);
	rig_check_blocks(&p, 4080, 32, 0x99);
}
END_TEST

START_TEST(f_bit_ends_each_burst_of_data_in)
{
	struct rig_peer p =
		BEGIN("MaxBurstLength=1024\0FirstBurstLength=1024\0MaxRecvDataSegmentLength=512");
	struct bhs_scsi_cmd c = rig_command(&p, ISCSI_CMD_READ, 5 * RIG_BLOCK);
	rig_rw10(&c, false, 0, 5);
	rig_send(&p, &c, NULL, 0);
	for (uint32_t i = 0; i < 5; i++) {
		struct rig_pdu d = rig_expect(&p, ISCSI_OP_DATA_IN);
		ck_assert_uint_eq(get32(d.data_in.datasn), i);
		ck_assert_uint_eq(!!(d.bhs.flags & ISCSI_FINAL), i % 2 == 1 || i == 4);
		ck_assert_uint_eq(!!(d.bhs.flags & ISCSI_DATA_STATUS), i == 4);
		rig_pdu_free(&d);
	}
}
END_TEST

START_TEST(digests_both_ways)
{
	static const char *const keys[] = {
		"HeaderDigest=CRC32C\0DataDigest=None\0MaxRecvDataSegmentLength=513",
		"HeaderDigest=None\0DataDigest=CRC32C\0MaxRecvDataSegmentLength=513",
		"HeaderDigest=CRC32C\0DataDigest=CRC32C\0MaxRecvDataSegmentLength=513",
	};
	rig_start(&rig);
	struct rig_peer p = rig_connect(&rig);
	size_t n = 0;
	for (int part = 0; part < 3; part++)
		n += strlen(keys[_i] + n) + (part < 2);
	rig_login(&p, keys[_i], n);
	p.header_digest = _i != 1;
	p.data_digest = _i != 0;
	rig_clear_attention(&p);
	fake_split(rig.engine, p.fd, 97, 5);
	write_blocks(&p, 4090, 16, 0x5c);
	rig_check_blocks(&p, 4090, 16, 0x5c);
}
END_TEST

START_TEST(a_wrong_data_digest_writes_nothing)
{
	rig_start(&rig);
	struct rig_peer p = rig_connect(&rig);
	RIG_LOGIN(&p, "DataDigest=CRC32C");
	p.data_digest = true;
	rig_clear_attention(&p);
	write_blocks(&p, 3, 1, 0x44);
	struct bhs_scsi_cmd c = rig_command(&p, ISCSI_CMD_WRITE, RIG_BLOCK);
	rig_rw10(&c, true, 3, 1);
	rig_send_cut(&p, &c, rig_filled(0x55, RIG_BLOCK), RIG_BLOCK, 48 + RIG_BLOCK);
	fake_feed(rig.engine, p.fd, "bad!", 4);
	struct rig_pdu r = rig_expect(&p, ISCSI_OP_REJECT);
	ck_assert_uint_eq(r.reject.reason, ISCSI_REJECT_DATA_DIGEST);
	rig_pdu_free(&r);
	ck_assert(rig_is_closed(&p));
	size_t have;
	ck_assert_uint_eq(*store_at(rig.lu.store, 3 * RIG_BLOCK, 1, &have), 0x44);
}
END_TEST

START_TEST(a_wrong_header_digest_ends_the_connection)
{
	rig_start(&rig);
	struct rig_peer p = rig_connect(&rig);
	RIG_LOGIN(&p, "HeaderDigest=CRC32C");
	p.header_digest = true;
	rig_clear_attention(&p);
	p.header_digest = false;
	struct bhs_scsi_cmd c = rig_command(&p, 0, 0);
	rig_send(&p, &c, NULL, 0);
	fake_feed(rig.engine, p.fd, "bad!", 4);
	ck_assert(rig_is_closed(&p));
}
END_TEST

START_TEST(residuals)
{
	/* blocks in the CDB, expected transfer length, flags, count */
	static const struct {
		uint16_t blocks;
		uint32_t edtl;
		uint8_t flags;
		uint32_t count;
	} t[] = {
		{2, 1024, 0, 0},
		{2, 1025, ISCSI_RSP_UNDERFLOW, 1},
		{1, 10000, ISCSI_RSP_UNDERFLOW, 10000 - 512},
		{2, 1023, ISCSI_RSP_OVERFLOW, 1},
		{2, 512, ISCSI_RSP_OVERFLOW, 512},
		{2, 0, ISCSI_RSP_OVERFLOW, 1024},
		{0, 512, ISCSI_RSP_UNDERFLOW, 512},
	};
	struct rig_peer p = BEGIN("");
	bool write = _i >= 7;
	struct bhs_scsi_cmd c =
		rig_command(&p, write ? ISCSI_CMD_WRITE : ISCSI_CMD_READ, t[_i % 7].edtl);
	rig_rw10(&c, write, 0, t[_i % 7].blocks);
	rig_send(&p, &c, rig_filled(1, 16384), write ? t[_i % 7].edtl : 0);
	struct rig_pdu r;
	ck_assert(rig_recv(&p, &r));
	if (write && t[_i % 7].edtl == 1023) {
		/* Half a block cannot be written: nothing is. */
		ck_assert_uint_eq(r.scsi_rsp.status, SCSI_CHECK_CONDITION);
		rig_pdu_free(&r);
		return;
	}
	ck_assert_uint_eq(r.scsi_rsp.status, SCSI_GOOD);
	ck_assert_uint_eq(r.bhs.flags & (ISCSI_RSP_OVERFLOW | ISCSI_RSP_UNDERFLOW),
			  t[_i % 7].flags);
	ck_assert_uint_eq(get32(r.scsi_rsp.resid), t[_i % 7].count);
	if (!write)
		ck_assert_uint_eq(r.data_len, t[_i % 7].edtl < t[_i % 7].blocks * 512u
						      ? t[_i % 7].edtl
						      : t[_i % 7].blocks * 512u);
	rig_pdu_free(&r);
}
END_TEST

/* ---- data-out that does not fit ---- */

enum misfit { DATASN, OFFSET, BEYOND, EARLY_F, LATE_F, MISFITS };

START_TEST(solicited_data_that_does_not_fit_fails_the_command)
{
	struct rig_peer p = BEGIN("InitialR2T=Yes\0ImmediateData=No");
	struct bhs_scsi_cmd c = rig_command(&p, ISCSI_CMD_WRITE, 1024);
	rig_rw10(&c, true, 0, 2);
	rig_send(&p, &c, NULL, 0);
	uint32_t ttt = expect_r2t(&p, 0, 0, 1024);
	rig_data_out(&p, &c, ttt, _i == DATASN, _i == OFFSET ? 512 : 0, _i == BEYOND ? 1536 : 512,
		     _i == EARLY_F || _i == BEYOND, 1);
	if (_i == LATE_F)
		rig_data_out(&p, &c, ttt, 1, 512, 512, false, 1);
	rig_expect_status(&p, SCSI_CHECK_CONDITION);
	/* What is late is dropped, and the session lives. */
	rig_data_out(&p, &c, ttt, 1, 512, 512, true, 1);
	rig_expect_nothing(&p);
	write_blocks(&p, 0, 0, 0);
}
END_TEST

START_TEST(foreign_tags_are_dropped)
{
	struct rig_peer p = BEGIN("InitialR2T=Yes\0ImmediateData=No");
	struct bhs_scsi_cmd c = rig_command(&p, ISCSI_CMD_WRITE, 512);
	rig_rw10(&c, true, 9, 1);
	rig_send(&p, &c, NULL, 0);
	uint32_t ttt = expect_r2t(&p, 0, 0, 512);
	static const uint32_t off[] = {1, 4096, 0x80000000, 0xfffff000};
	for (size_t i = 0; i < 4; i++)
		rig_data_out(&p, &c, ttt + off[i], 0, 0, 512, true, 0xee);
	rig_expect_nothing(&p);
	rig_check_blocks(&p, 9, 1, 0);
	rig_data_out(&p, &c, ttt, 0, 0, 512, true, 0x10);
	rig_expect_status(&p, SCSI_GOOD);
	rig_data_out(&p, &c, ttt, 0, 0, 512, true, 0xee); /* twice */
	rig_expect_nothing(&p);
	rig_check_blocks(&p, 9, 1, 0x10);
}
END_TEST

START_TEST(unsolicited_data_that_was_not_agreed_ends_the_connection)
{
	struct rig_peer p = BEGIN("InitialR2T=Yes\0ImmediateData=No");
	struct bhs_scsi_cmd c = rig_command(&p, ISCSI_CMD_WRITE, 512);
	rig_rw10(&c, true, 0, 1);
	if (_i)
		c.flags &= (uint8_t)~ISCSI_FINAL;
	rig_send(&p, &c, rig_filled(1, 512), _i ? 0 : 512);
	ck_assert(rig_is_closed(&p));
}
END_TEST

/* The answer to a bad command waits until its unsolicited data is in. */
START_TEST(a_refused_write_reads_its_data_first)
{
	struct rig_peer p = BEGIN("InitialR2T=No");
	struct bhs_scsi_cmd c = rig_command(&p, ISCSI_CMD_WRITE, 1024);
	rig_rw10(&c, true, RIG_BLOCKS, 2);
	c.flags &= (uint8_t)~ISCSI_FINAL;
	rig_send(&p, &c, rig_filled(1, 512), 512);
	rig_expect_nothing(&p);
	rig_data_out(&p, &c, ISCSI_TAG_NONE, 0, 512, 512, true, 1);
	rig_expect_status(&p, SCSI_CHECK_CONDITION);
	rig_check_blocks(&p, RIG_BLOCKS - 1, 1, 0);
}
END_TEST

/* ---- numbers ---- */

START_TEST(commands_outside_the_window_are_ignored)
{
	struct rig_peer p = BEGIN("");
	uint32_t exp = p.cmdsn;
	/* below, and above ExpCmdSN + 16 - 1 */
	static const int32_t off[] = {-1, -1000, 16, 1000, INT32_MIN};
	for (size_t i = 0; i < 5; i++) {
		struct bhs_scsi_cmd c = rig_command(&p, 0, 0);
		put32(&c.cmdsn, exp + (uint32_t)off[i]);
		rig_send(&p, &c, NULL, 0);
	}
	rig_expect_nothing(&p);
	p.cmdsn = exp;
	struct bhs_scsi_cmd c = rig_command(&p, 0, 0);
	rig_send(&p, &c, NULL, 0);
	struct rig_pdu r = rig_expect(&p, ISCSI_OP_SCSI_RSP);
	ck_assert_uint_eq(get32(r.scsi_rsp.exp_cmdsn), exp + 1);
	ck_assert_uint_eq(get32(r.scsi_rsp.max_cmdsn), exp + 16);
	rig_pdu_free(&r);
}
END_TEST

START_TEST(a_gap_in_cmdsn_ends_the_connection)
{
	struct rig_peer p = BEGIN("");
	p.cmdsn++;
	struct bhs_scsi_cmd c = rig_command(&p, 0, 0);
	rig_send(&p, &c, NULL, 0);
	ck_assert(rig_is_closed(&p));
}
END_TEST

START_TEST(the_window_closes_and_opens)
{
	struct rig_peer p = BEGIN("InitialR2T=Yes\0ImmediateData=No");
	struct bhs_scsi_cmd c[17];
	uint32_t ttt[16], exp = p.cmdsn;
	for (int i = 0; i < 17; i++) {
		c[i] = rig_command(&p, ISCSI_CMD_WRITE, 512);
		rig_rw10(&c[i], true, (uint32_t)i, 1);
		rig_send(&p, &c[i], NULL, 0);
	}
	for (int i = 0; i < 16; i++)
		ttt[i] = expect_r2t(&p, 0, 0, 512);
	rig_expect_nothing(&p); /* the 17th was outside */
	rig_data_out(&p, &c[3], ttt[3], 0, 0, 512, true, 1);
	struct rig_pdu r = rig_expect(&p, ISCSI_OP_SCSI_RSP);
	ck_assert_uint_eq(get32(r.scsi_rsp.exp_cmdsn), exp + 16);
	ck_assert_uint_eq(get32(r.scsi_rsp.max_cmdsn), exp + 16);
	rig_pdu_free(&r);
}
END_TEST

START_TEST(numbers_go_around)
{
	rig_start(&rig);
	struct rig_peer p = rig_connect(&rig);
	p.cmdsn = 0xfffffffd;
	RIG_LOGIN(&p, "");
	rig_clear_attention(&p);
	for (int i = 0; i < 8; i++)
		write_blocks(&p, 0, 1, (uint8_t)i);
	rig_check_blocks(&p, 0, 1, 7);
}
END_TEST

/* ---- order ---- */

START_TEST(ordered_waits_and_is_waited_for)
{
	struct rig_peer p = BEGIN("InitialR2T=Yes\0ImmediateData=No");
	struct bhs_scsi_cmd a = rig_command(&p, ISCSI_CMD_WRITE, 512);
	rig_rw10(&a, true, 0, 1);
	rig_send(&p, &a, NULL, 0);
	uint32_t ttt = expect_r2t(&p, 0, 0, 512);
	struct bhs_scsi_cmd b = rig_command(&p, ISCSI_CMD_WRITE, 512);
	rig_rw10(&b, true, 0, 1);
	b.flags = (uint8_t)((b.flags & ~ISCSI_CMD_ATTR) | ISCSI_ATTR_ORDERED);
	rig_send(&p, &b, NULL, 0);
	struct bhs_scsi_cmd c = rig_command(&p, 0, 0); /* TEST UNIT READY, simple */
	rig_send(&p, &c, NULL, 0);
	rig_expect_nothing(&p);
	rig_data_out(&p, &a, ttt, 0, 0, 512, true, 0xaa);
	rig_expect_status(&p, SCSI_GOOD);
	ttt = expect_r2t(&p, 0, 0, 512);
	rig_expect_nothing(&p);
	rig_data_out(&p, &b, ttt, 0, 0, 512, true, 0xbb);
	rig_expect_status(&p, SCSI_GOOD);
	rig_expect_status(&p, SCSI_GOOD);
	rig_check_blocks(&p, 0, 1, 0xbb);
}
END_TEST

START_TEST(data_that_cannot_wait_is_refused_task_set_full)
{
	struct rig_peer p = BEGIN("InitialR2T=Yes");
	struct bhs_scsi_cmd a = rig_command(&p, ISCSI_CMD_WRITE, 512);
	rig_rw10(&a, true, 0, 1);
	rig_send(&p, &a, NULL, 0);
	uint32_t ttt = expect_r2t(&p, 0, 0, 512);
	struct bhs_scsi_cmd b = rig_command(&p, ISCSI_CMD_WRITE, 512);
	rig_rw10(&b, true, 1, 1);
	b.flags = (uint8_t)((b.flags & ~ISCSI_CMD_ATTR) | ISCSI_ATTR_ORDERED);
	rig_send(&p, &b, rig_filled(1, 512), 512);
	rig_expect_status(&p, SCSI_TASK_SET_FULL);
	rig_data_out(&p, &a, ttt, 0, 0, 512, true, 2);
	rig_expect_status(&p, SCSI_GOOD);
	rig_check_blocks(&p, 1, 1, 0);
}
END_TEST

/* ---- task management ---- */

static void tmf(struct rig_peer *p, enum iscsi_tmf f, be32 ref, uint8_t response)
{
	rig_send_tmf(p, f, ref);
	rig_expect_tmf(p, response);
}

START_TEST(an_aborted_write_writes_nothing_more)
{
	static const enum iscsi_tmf how[] = {ISCSI_TMF_ABORT_TASK, ISCSI_TMF_ABORT_TASK_SET,
					     ISCSI_TMF_LUN_RESET, ISCSI_TMF_TARGET_WARM_RESET};
	struct rig_peer p = BEGIN("InitialR2T=Yes\0ImmediateData=No");
	struct bhs_scsi_cmd c = rig_command(&p, ISCSI_CMD_WRITE, 1024);
	rig_rw10(&c, true, 0, 2);
	rig_send(&p, &c, NULL, 0);
	uint32_t ttt = expect_r2t(&p, 0, 0, 1024);
	rig_data_out(&p, &c, ttt, 0, 0, 600, false, 0x66);
	rig_run(&rig);
	tmf(&p, how[_i], c.itt, ISCSI_TMF_COMPLETE);
	if (how[_i] >= ISCSI_TMF_LUN_RESET)
		rig_clear_attention(&p);
	rig_data_out(&p, &c, ttt, 1, 600, 424, true, 0x66);
	rig_expect_nothing(&p);
	rig_check_blocks(&p, 1, 1, 0);
	if (how[_i] == ISCSI_TMF_ABORT_TASK)
		tmf(&p, how[_i], c.itt, ISCSI_TMF_NO_TASK);
}
END_TEST

static void expect_reset_attention(struct rig_peer *p)
{
	struct bhs_scsi_cmd tur = rig_command(p, 0, 0);
	rig_send(p, &tur, NULL, 0);
	struct rig_pdu r = rig_expect(p, ISCSI_OP_SCSI_RSP);
	ck_assert_uint_eq(r.scsi_rsp.status, SCSI_CHECK_CONDITION);
	ck_assert_uint_eq(r.data[2 + 2] & 0xf, 6);
	ck_assert_uint_eq(r.data[2 + 12], 0x29);
	ck_assert_uint_eq(r.data[2 + 13], 0x03);
	rig_pdu_free(&r);
}

START_TEST(a_reset_is_told_to_every_nexus)
{
	struct rig_peer p = BEGIN("InitialR2T=Yes\0ImmediateData=No");
	struct rig_peer q = rig_connect(&rig);
	q.cmdsn = 7;
	/* another ISID: a second nexus */
	static const char text[] = "InitiatorName=iqn.2026-01.org.memtgt:other\0"
				   "SessionType=Normal\0TargetName=iqn.2026-01.org.memtgt:rig";
	struct bhs_login_req h = {.opcode = ISCSI_OP_LOGIN_REQ | ISCSI_IMMEDIATE,
				  .flags = ISCSI_LOGIN_TRANSIT | ISCSI_STAGE_OPERATIONAL << 2 |
					   ISCSI_STAGE_FULL_FEATURE};
	put32(&h.cmdsn, q.cmdsn);
	rig_send(&q, &h, text, sizeof(text));
	struct rig_pdu l = rig_expect(&q, ISCSI_OP_LOGIN_RSP);
	rig_pdu_free(&l);
	rig_clear_attention(&q);

	struct bhs_scsi_cmd c = rig_command(&p, ISCSI_CMD_WRITE, 512);
	rig_rw10(&c, true, 0, 1);
	rig_send(&p, &c, NULL, 0);
	uint32_t ttt = expect_r2t(&p, 0, 0, 512);
	tmf(&q, ISCSI_TMF_LUN_RESET, (be32){{0}}, ISCSI_TMF_COMPLETE);
	rig_data_out(&p, &c, ttt, 0, 0, 512, true, 0x66);
	rig_expect_nothing(&p);
	expect_reset_attention(&p);
	expect_reset_attention(&q);
	rig_check_blocks(&p, 0, 1, 0);
	rig_check_blocks(&q, 0, 1, 0);
}
END_TEST

/* ---- sessions ---- */

START_TEST(a_second_login_replaces_the_first)
{
	struct rig_peer p = BEGIN("InitialR2T=Yes\0ImmediateData=No");
	struct bhs_scsi_cmd c = rig_command(&p, ISCSI_CMD_WRITE, 512);
	rig_rw10(&c, true, 0, 1);
	rig_send(&p, &c, NULL, 0);
	expect_r2t(&p, 0, 0, 512);
	struct rig_peer q = rig_connect(&rig);
	RIG_LOGIN(&q, "");
	ck_assert(rig_is_closed(&p));
	rig_clear_attention(&q);
	rig_check_blocks(&q, 0, 1, 0);
}
END_TEST

START_TEST(logout_answers_and_closes)
{
	struct rig_peer p = BEGIN("");
	struct bhs_logout_req h = {.opcode = ISCSI_OP_LOGOUT_REQ | ISCSI_IMMEDIATE,
				   .flags = ISCSI_FINAL | ISCSI_LOGOUT_SESSION};
	put32(&h.itt, 77);
	put32(&h.cmdsn, p.cmdsn);
	rig_send(&p, &h, NULL, 0);
	struct rig_pdu r = rig_expect(&p, ISCSI_OP_LOGOUT_RSP);
	ck_assert_uint_eq(r.logout_rsp.response, ISCSI_LOGOUT_OK);
	rig_pdu_free(&r);
	ck_assert(rig_is_closed(&p));
}
END_TEST

START_TEST(nothing_but_a_login_before_the_login)
{
	rig_start(&rig);
	for (unsigned op = 0; op < 64; op++) {
		if (op == ISCSI_OP_LOGIN_REQ)
			continue;
		struct rig_peer p = rig_connect(&rig);
		struct bhs h = {.opcode = (uint8_t)op, .flags = (uint8_t)_i};
		rig_send(&p, &h, NULL, 0);
		rig_expect_nothing(&p);
		ck_assert(rig_is_closed(&p));
	}
}
END_TEST

START_TEST(unknown_requests_are_rejected)
{
	struct rig_peer p = BEGIN("");
	unsigned n = 0;
	for (unsigned op = 0; op < 64; op++) {
		if (op <= ISCSI_OP_LOGOUT_REQ)
			continue;
		struct bhs_scsi_cmd h = {.opcode = (uint8_t)op, .flags = 0xff};
		put32(&h.itt, op);
		rig_send(&p, &h, NULL, 0);
		struct rig_pdu r = rig_expect(&p, ISCSI_OP_REJECT);
		ck_assert_uint_eq(r.reject.reason, op == ISCSI_OP_SNACK_REQ
							   ? ISCSI_REJECT_SNACK
							   : ISCSI_REJECT_NOT_SUPPORTED);
		ck_assert_uint_eq(r.data_len, 48);
		ck_assert_mem_eq(r.data, &h, 48);
		rig_pdu_free(&r);
		n++;
	}
	ck_assert_uint_eq(n, 57);
	write_blocks(&p, 0, 1, 1);
}
END_TEST

START_TEST(send_targets_in_a_normal_session)
{
	struct rig_peer p = BEGIN("");
	static const char text[] = "SendTargets=";
	struct bhs_text_req h = {.opcode = ISCSI_OP_TEXT_REQ, .flags = ISCSI_FINAL};
	put32(&h.itt, 5);
	put32(&h.ttt, ISCSI_TAG_NONE);
	put32(&h.cmdsn, p.cmdsn++);
	rig_send(&p, &h, text, sizeof(text));
	struct rig_pdu r = rig_expect(&p, ISCSI_OP_TEXT_RSP);
	ck_assert_uint_eq(r.bhs.flags, ISCSI_FINAL);
	ck_assert_str_eq((char *)r.data, "TargetName=iqn.2026-01.org.memtgt:rig");
	rig_pdu_free(&r);
}
END_TEST

/* ---- time ---- */

START_TEST(a_login_that_never_ends)
{
	rig_start(&rig);
	struct rig_peer p = rig_connect(&rig);
	fake_feed(rig.engine, p.fd, "\x43", 1);
	for (int s = 0; s < 15; s++) {
		rig_advance(&rig, 1);
		fake_feed(rig.engine, p.fd, "\0", 1); /* it keeps talking */
	}
	ck_assert(!fake_closed(rig.engine, p.fd));
	rig_advance(&rig, 2);
	ck_assert(rig_is_closed(&p));
}
END_TEST

START_TEST(half_a_pdu)
{
	struct rig_peer p = BEGIN("");
	struct bhs_scsi_cmd c = rig_command(&p, 0, 0);
	fake_feed(rig.engine, p.fd, &c, 47);
	rig_advance(&rig, 10);
	ck_assert(!fake_closed(rig.engine, p.fd));
	rig_advance(&rig, 2);
	ck_assert(rig_is_closed(&p));
}
END_TEST

START_TEST(withheld_data)
{
	struct rig_peer p = BEGIN("InitialR2T=Yes\0ImmediateData=No");
	struct bhs_scsi_cmd c = rig_command(&p, ISCSI_CMD_WRITE, 1024);
	rig_rw10(&c, true, 0, 2);
	rig_send(&p, &c, NULL, 0);
	uint32_t ttt = expect_r2t(&p, 0, 0, 1024);
	rig_data_out(&p, &c, ttt, 0, 0, 512, false, 1);
	rig_advance(&rig, 10);
	ck_assert(!fake_closed(rig.engine, p.fd));
	rig_advance(&rig, 2);
	ck_assert(rig_is_closed(&p));
}
END_TEST

START_TEST(a_peer_that_takes_no_data)
{
	struct rig_peer p = BEGIN("");
	fake_take(rig.engine, p.fd, 0, 0);
	struct bhs_scsi_cmd c = rig_command(&p, ISCSI_CMD_READ, 512 * 1024);
	rig_rw10(&c, false, 0, 1024);
	rig_send(&p, &c, NULL, 0);
	rig_advance(&rig, 10);
	ck_assert(!fake_closed(rig.engine, p.fd));
	rig_advance(&rig, 2);
	ck_assert(fake_shut(rig.engine, p.fd));
}
END_TEST

START_TEST(pings)
{
	struct rig_peer p = BEGIN("");
	rig_advance(&rig, 32);
	struct rig_pdu r = rig_expect(&p, ISCSI_OP_NOP_IN);
	ck_assert_uint_eq(get32(r.nop_in.itt), ISCSI_TAG_NONE);
	ck_assert_uint_ne(get32(r.nop_in.ttt), ISCSI_TAG_NONE);
	if (_i) {
		struct bhs_nop_out h = {.opcode = ISCSI_OP_NOP_OUT | ISCSI_IMMEDIATE,
					.flags = ISCSI_FINAL,
					.itt = {{0xff, 0xff, 0xff, 0xff}},
					.ttt = r.nop_in.ttt};
		put32(&h.cmdsn, p.cmdsn);
		rig_send(&p, &h, NULL, 0);
		rig_advance(&rig, 25);
	} else {
		rig_advance(&rig, 32);
	}
	ck_assert_int_eq(rig_is_closed(&p), !_i);
	rig_pdu_free(&r);
}
END_TEST

/* A peer that asks and does not read costs a bounded number of replies, then input stops. */
START_TEST(a_flood_of_pings_stops_the_input)
{
	struct rig_peer p = BEGIN("");
	fake_take(rig.engine, p.fd, 0, 0);
	for (int i = 0; i < 1000; i++) {
		struct bhs_nop_out h = {.opcode = ISCSI_OP_NOP_OUT | ISCSI_IMMEDIATE,
					.flags = ISCSI_FINAL};
		put32(&h.itt, (uint32_t)i);
		put32(&h.ttt, ISCSI_TAG_NONE);
		put32(&h.cmdsn, p.cmdsn);
		rig_send(&p, &h, "ping", 4);
	}
	rig_run(&rig);
	ck_assert_uint_le(rig.worker.replies.used, REPLIES_MAX + 1);
	fake_take(rig.engine, p.fd, SIZE_MAX, 0);
	for (uint32_t i = 0; i < 1000; i++) {
		struct rig_pdu r = rig_expect(&p, ISCSI_OP_NOP_IN);
		ck_assert_uint_eq(get32(r.bhs.itt), i);
		ck_assert_uint_eq(r.data_len, 4);
		ck_assert_mem_eq(r.data, "ping", 4);
		rig_pdu_free(&r);
	}
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("session");
	TCase *t = tcase_create("data");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, immediate_data_in_any_split, 1, 60);
	tcase_add_test(t, solicited_data_by_bursts);
	tcase_add_test(t, several_r2ts_at_once);
	tcase_add_test(t, immediate_then_unsolicited_then_solicited);
	tcase_add_loop_test(t, a_stalled_write_tears_no_block, 505, 520);
	tcase_add_test(t, reads_cross_pages_and_bursts);
	tcase_add_test(t, f_bit_ends_each_burst_of_data_in);
	tcase_add_loop_test(t, digests_both_ways, 0, 3);
	tcase_add_test(t, a_wrong_data_digest_writes_nothing);
	tcase_add_test(t, a_wrong_header_digest_ends_the_connection);
	tcase_add_loop_test(t, residuals, 0, 14);
	tcase_add_loop_test(t, solicited_data_that_does_not_fit_fails_the_command, 0, MISFITS);
	tcase_add_test(t, foreign_tags_are_dropped);
	tcase_add_loop_test(t, unsolicited_data_that_was_not_agreed_ends_the_connection, 0, 2);
	tcase_add_test(t, a_refused_write_reads_its_data_first);
	suite_add_tcase(s, t);

	t = tcase_create("session");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, commands_outside_the_window_are_ignored);
	tcase_add_test(t, a_gap_in_cmdsn_ends_the_connection);
	tcase_add_test(t, the_window_closes_and_opens);
	tcase_add_test(t, numbers_go_around);
	tcase_add_test(t, ordered_waits_and_is_waited_for);
	tcase_add_test(t, data_that_cannot_wait_is_refused_task_set_full);
	tcase_add_loop_test(t, an_aborted_write_writes_nothing_more, 0, 4);
	tcase_add_test(t, a_reset_is_told_to_every_nexus);
	tcase_add_test(t, a_second_login_replaces_the_first);
	tcase_add_test(t, logout_answers_and_closes);
	tcase_add_loop_test(t, nothing_but_a_login_before_the_login, 0, 2);
	tcase_add_test(t, unknown_requests_are_rejected);
	tcase_add_test(t, send_targets_in_a_normal_session);
	tcase_add_test(t, a_login_that_never_ends);
	tcase_add_test(t, half_a_pdu);
	tcase_add_test(t, withheld_data);
	tcase_add_test(t, a_peer_that_takes_no_data);
	tcase_add_loop_test(t, pings, 0, 2);
	tcase_add_test(t, a_flood_of_pings_stops_the_input);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	return test_main(suite());
}
