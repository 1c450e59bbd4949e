// SPDX-License-Identifier: MIT
/*
 * test_live.c - what a change of a LUN does to the commands and sessions of one reactor.
 *
 * The rig's LUN 0, and a LUN 1 that the test adds. The message of live.h runs at a moment that the
 * test chooses: with data of a WRITE half there, between two slices, with an answer half sent.
 */
#include "iscsi/live.h"

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

#define OLD	  0x11
#define NEW	  0x22
#define LBA	  40u
#define SOLICITED "InitialR2T=Yes\0ImmediateData=No"

#define GOOD	      0
#define NO_LU	      0x052500
#define POWER_ON      0x062900
#define MODE_CHANGED  0x062a01
#define SIZE_CHANGED  0x062a09
#define LUNS_CHANGED  0x063f0e
#define MEMORY_SHORT  0x063807
#define WRITE_PROTECT 0x072700

static struct rig rig;
static unsigned answers, found;

static void on_done(void *arg, unsigned n)
{
	(void)arg;
	answers++;
	found = n;
}

static void setup(void)
{
	log_set_level(LOG_LEVEL_ERROR);
	answers = 0;
	rig_init(&rig);
}

static void teardown(void)
{
	rig_stop(&rig);
}

static struct rig_peer begin(const char *keys, size_t n)
{
	return rig_begin(&rig, keys, n);
}
#define BEGIN(keys) begin(keys, sizeof(keys) - 1)

/* The rig's LU is in the rig; LUN 1 is this one, with the same store. */
static struct scsi_lu second;

static void make_second(void)
{
	second.id = 1;
	second.store = rig.lu.store;
	second.block_size = rig.lu.block_size;
	second.block_shift = rig.lu.block_shift;
	second.blocks = rig.lu.blocks;
	second.held = 0;
	second.read_only = false;
	rig.target.by_id[1] = &second;
}

static void post(enum live_event e, const struct scsi_lu *lu, unsigned id)
{
	struct live_change c = {.event = e, .target = &rig.target, .lu = lu, .id = id};

	ck_assert_int_eq(live_start(&rig.node, &c, on_done, NULL), 0);
}

/* The message runs in the next turn. */
static void tell(enum live_event e, const struct scsi_lu *lu, unsigned id)
{
	unsigned before = answers;

	post(e, lu, id);
	ck_assert_uint_eq(answers, before);
	reactor_turn(&rig.worker.reactor, false);
	ck_assert_uint_eq(answers, before + 1);
}

/* The sense of the response that comes next; GOOD: there is none. */
static uint32_t sense_of(const struct rig_pdu *rsp)
{
	if (rsp->data_len < 2 + 14)
		return GOOD;
	return (uint32_t)(rsp->data[4] & 0xf) << 16 | ld16(rsp->data + 14);
}

static void expect_end(struct rig_peer *p, uint8_t status, uint32_t sense)
{
	struct rig_pdu r = rig_expect(p, ISCSI_OP_SCSI_RSP);

	ck_assert_uint_eq(r.scsi_rsp.status, status);
	ck_assert_uint_eq(sense_of(&r), sense);
	rig_pdu_free(&r);
}

static void expect_sense(struct rig_peer *p, uint32_t sense)
{
	expect_end(p, sense ? SCSI_CHECK_CONDITION : SCSI_GOOD, sense);
}

/* TEST UNIT READY on a LUN. */
static void expect_tur(struct rig_peer *p, uint8_t lun, uint32_t sense)
{
	struct bhs_scsi_cmd c = rig_command(p, 0, 0);

	c.lun[1] = lun;
	rig_send(p, &c, NULL, 0);
	expect_sense(p, sense);
}

static struct bhs_scsi_cmd send_write(struct rig_peer *p, uint32_t lba, uint16_t blocks)
{
	struct bhs_scsi_cmd c = rig_command(p, ISCSI_CMD_WRITE, blocks * RIG_BLOCK);

	rig_rw10(&c, true, lba, blocks);
	rig_send(p, &c, NULL, 0);
	return c;
}

static void write_blocks(struct rig_peer *p, uint32_t lba, uint16_t blocks, uint8_t v)
{
	struct bhs_scsi_cmd c = send_write(p, lba, blocks);

	rig_data_out(p, &c, rig_expect_r2t(p, NULL), 0, 0, blocks * RIG_BLOCK, true, v);
	rig_expect_status(p, SCSI_GOOD);
}

static void make_read_only(void)
{
	rig.lu.read_only = true;
	tell(LIVE_READ_ONLY, &rig.lu, 0);
}

/* ---- read-only ---- */

/* The promise: after the change nothing of a WRITE lands, whatever its peer still sends. Its answer
 * waits for the F bit: RFC 7143 11.4.2. */
START_TEST(read_only_amid_the_data_of_a_write)
{
	struct rig_peer p = BEGIN(SOLICITED);

	write_blocks(&p, LBA, 4, OLD);
	struct bhs_scsi_cmd c = send_write(&p, LBA, 4);
	uint32_t ttt = rig_expect_r2t(&p, NULL);
	rig_data_out(&p, &c, ttt, 0, 0, 2 * RIG_BLOCK, false, NEW);
	rig_run(&rig);
	make_read_only();
	rig_expect_nothing(&p);
	rig_data_out(&p, &c, ttt, 1, 2 * RIG_BLOCK, 2 * RIG_BLOCK, true, NEW);
	expect_sense(&p, WRITE_PROTECT);
	expect_tur(&p, 0, MODE_CHANGED);
	rig_check_blocks(&p, LBA, 2, NEW);
	rig_check_blocks(&p, LBA + 2, 2, OLD);
	ck_assert_uint_eq(rig_counter(&rig, COUNT_COMMANDS_CUT), 1);
}
END_TEST

/* A block cut in two is not written by its second half. */
START_TEST(read_only_amid_a_block)
{
	struct rig_peer p = BEGIN(SOLICITED);
	struct bhs_scsi_cmd c = send_write(&p, LBA, 1);
	struct bhs_data_out d = {.opcode = ISCSI_OP_DATA_OUT, .flags = ISCSI_FINAL, .itt = c.itt};

	put32(&d.ttt, rig_expect_r2t(&p, NULL));
	rig_send_cut(&p, &d, rig_filled(NEW, RIG_BLOCK), RIG_BLOCK, ISCSI_BHS_LEN + 300);
	rig_run(&rig);
	make_read_only();
	fake_feed(rig.engine, p.fd, rig_filled(NEW, RIG_BLOCK), RIG_BLOCK - 300);
	expect_sense(&p, WRITE_PROTECT);
	expect_tur(&p, 0, MODE_CHANGED);
	rig_check_blocks(&p, LBA, 1, 0);
}
END_TEST

/* What the R2Ts asked for is waited for, and nothing more is asked for. */
START_TEST(read_only_with_r2ts_outstanding)
{
	struct rig_peer p =
		BEGIN(SOLICITED "\0MaxBurstLength=1024\0FirstBurstLength=512\0MaxOutstandingR2T=2");
	struct bhs_scsi_cmd c = send_write(&p, LBA, 8);
	uint32_t first = rig_expect_r2t(&p, NULL), next = rig_expect_r2t(&p, NULL);

	make_read_only();
	rig_expect_nothing(&p);
	rig_data_out(&p, &c, first, 0, 0, 2 * RIG_BLOCK, true, NEW);
	rig_expect_nothing(&p);
	rig_data_out(&p, &c, next, 0, 2 * RIG_BLOCK, 2 * RIG_BLOCK, true, NEW);
	expect_sense(&p, WRITE_PROTECT);
	expect_tur(&p, 0, MODE_CHANGED);
	rig_check_blocks(&p, LBA, 8, 0);
}
END_TEST

/* Its R2T waits behind an answer that the peer does not take, so it was never asked. */
START_TEST(read_only_before_the_first_r2t)
{
	struct rig_peer p = BEGIN(SOLICITED);

	fake_take(rig.engine, p.fd, 0, 0);
	struct bhs_scsi_cmd r = rig_command(&p, ISCSI_CMD_READ, 4 * RIG_BLOCK);
	rig_rw10(&r, false, LBA, 4);
	rig_send(&p, &r, NULL, 0);
	rig_run(&rig);
	send_write(&p, LBA, 4);
	rig_run(&rig);
	make_read_only();
	fake_take(rig.engine, p.fd, SIZE_MAX, 0);
	struct rig_pdu d = rig_expect(&p, ISCSI_OP_DATA_IN);
	rig_pdu_free(&d);
	expect_sense(&p, WRITE_PROTECT);
	expect_tur(&p, 0, MODE_CHANGED);
}
END_TEST

/* Unsolicited data comes to its F bit whatever we say. */
START_TEST(read_only_amid_unsolicited_data)
{
	struct rig_peer p = BEGIN("InitialR2T=No\0ImmediateData=No");
	struct bhs_scsi_cmd c = rig_command(&p, ISCSI_CMD_WRITE, 4 * RIG_BLOCK);

	c.flags &= (uint8_t)~ISCSI_FINAL;
	rig_rw10(&c, true, LBA, 4);
	rig_send(&p, &c, NULL, 0);
	rig_data_out(&p, &c, ISCSI_TAG_NONE, 0, 0, RIG_BLOCK, false, NEW);
	rig_run(&rig);
	make_read_only();
	rig_data_out(&p, &c, ISCSI_TAG_NONE, 1, RIG_BLOCK, RIG_BLOCK, false, NEW);
	rig_expect_nothing(&p);
	rig_data_out(&p, &c, ISCSI_TAG_NONE, 2, 2 * RIG_BLOCK, 2 * RIG_BLOCK, true, NEW);
	expect_sense(&p, WRITE_PROTECT);
	expect_tur(&p, 0, MODE_CHANGED);
	rig_check_blocks(&p, LBA, 1, NEW);
	rig_check_blocks(&p, LBA + 1, 3, 0);
}
END_TEST

/* A WRITE SAME of all of the unit, of which the loop has done some slices. */
static void send_running(struct rig_peer *p, uint8_t v)
{
	struct bhs_scsi_cmd c = rig_command(p, ISCSI_CMD_WRITE, RIG_BLOCK);

	c.cdb[0] = 0x93;
	st32(c.cdb + 10, (uint32_t)rig.blocks);
	rig_send(p, &c, NULL, 0);
	uint32_t ttt = rig_expect_r2t(p, NULL);
	rig_data_out(p, &c, ttt, 0, 0, RIG_BLOCK, true, v);
	for (int i = 0; i < 4; i++)
		reactor_turn(&rig.worker.reactor, false);
	ck_assert_uint_eq(rig.worker.tasks.used, 1); /* it is not over */
}

static struct rig_peer begin_running(void)
{
	rig.blocks = 8 * STORE_SLICE_BYTES / RIG_BLOCK;
	rig.pool = 8 * STORE_SLICE_BYTES;
	struct rig_peer p = BEGIN(SOLICITED);

	send_running(&p, NEW);
	return p;
}

START_TEST(read_only_between_two_slices)
{
	struct rig_peer p = begin_running();

	make_read_only();
	expect_sense(&p, WRITE_PROTECT);
	expect_tur(&p, 0, MODE_CHANGED);
	rig_check_blocks(&p, 0, 1, NEW);
	rig_check_blocks(&p, (uint32_t)rig.blocks - 1, 1, 0);
}
END_TEST

/* Commands that do not write go on. The other way round all go on. */
START_TEST(read_only_lets_readers_be)
{
	struct rig_peer p = BEGIN(SOLICITED);
	struct bhs_scsi_cmd c = rig_command(&p, ISCSI_CMD_WRITE, 4 * RIG_BLOCK);

	c.cdb[0] = 0x2f; /* VERIFY, BYTCHK 01b */
	c.cdb[1] = 0x02;
	st32(c.cdb + 2, LBA);
	st16(c.cdb + 7, 4);
	rig_send(&p, &c, NULL, 0);
	uint32_t ttt = rig_expect_r2t(&p, NULL);
	make_read_only();
	rig_data_out(&p, &c, ttt, 0, 0, 4 * RIG_BLOCK, true, 0);
	rig_expect_status(&p, SCSI_GOOD);
	expect_tur(&p, 0, MODE_CHANGED);
	rig.lu.read_only = false;
	tell(LIVE_WRITABLE, &rig.lu, 0);
	expect_tur(&p, 0, MODE_CHANGED);
	write_blocks(&p, LBA, 2, NEW);
	ck_assert_uint_eq(rig_counter(&rig, COUNT_COMMANDS_CUT), 0);
}
END_TEST

/* ---- removed ---- */

static void remove_first(void)
{
	rig.target.by_id[0] = NULL;
	tell(LIVE_REMOVED, &rig.lu, 0);
}

static void put_back(void)
{
	rig.target.by_id[0] = &rig.lu;
}

/* Every kind of command that is under way ends, and later ones find no LU. */
START_TEST(removed_under_commands)
{
	rig_start(&rig);
	make_second();
	struct rig_peer p = rig_connect(&rig);
	RIG_LOGIN(&p, SOLICITED);
	rig_clear_attention(&p);
	expect_tur(&p, 1, POWER_ON);
	struct bhs_scsi_cmd c = send_write(&p, LBA, 4);
	uint32_t ttt = rig_expect_r2t(&p, NULL);
	struct bhs_scsi_cmd other = rig_command(&p, ISCSI_CMD_WRITE, RIG_BLOCK);
	other.lun[1] = 1;
	rig_rw10(&other, true, LBA + 8, 1);
	rig_send(&p, &other, NULL, 0);
	uint32_t other_ttt = rig_expect_r2t(&p, NULL);
	remove_first();
	rig_data_out(&p, &c, ttt, 0, 0, 4 * RIG_BLOCK, true, NEW);
	expect_sense(&p, NO_LU);
	rig_data_out(&p, &other, other_ttt, 0, 0, RIG_BLOCK, true, NEW);
	rig_expect_status(&p, SCSI_GOOD);
	expect_tur(&p, 0, NO_LU);
	expect_tur(&p, 1, LUNS_CHANGED);
	expect_tur(&p, 1, GOOD);
	put_back();
	tell(LIVE_ADDED, &rig.lu, 0);
	expect_tur(&p, 0, POWER_ON);
	expect_tur(&p, 0, GOOD);
	rig_check_blocks(&p, LBA, 4, 0);
	rig_check_blocks(&p, LBA + 8, 1, NEW);
}
END_TEST

START_TEST(removed_between_two_slices)
{
	struct rig_peer p = begin_running();

	remove_first();
	expect_sense(&p, NO_LU);
	expect_tur(&p, 0, NO_LU);
	put_back();
}
END_TEST

/* An answer of which a part was laid out: the rest is not sent, and the status says why. What was
 * laid out is counted as sent: 11.4.5.1. */
START_TEST(removed_amid_an_answer)
{
	enum { BLOCKS = 4096 };
	uint32_t total = BLOCKS * RIG_BLOCK, got = 0;
	struct rig_peer p = BEGIN("MaxRecvDataSegmentLength=262144");
	struct bhs_scsi_cmd c = rig_command(&p, ISCSI_CMD_READ, total);
	struct rig_pdu d;

	rig_rw10(&c, false, 0, BLOCKS);
	fake_take(rig.engine, p.fd, 0, 0);
	rig_send(&p, &c, NULL, 0);
	rig_run(&rig);
	remove_first();
	fake_take(rig.engine, p.fd, SIZE_MAX, 0);
	while (rig_recv(&p, &d) && d.bhs.opcode == ISCSI_OP_DATA_IN) {
		got += d.data_len;
		ck_assert(!(d.bhs.flags & ISCSI_DATA_STATUS));
		rig_pdu_free(&d);
	}
	ck_assert_uint_eq(d.bhs.opcode, ISCSI_OP_SCSI_RSP);
	ck_assert_uint_eq(sense_of(&d), NO_LU);
	ck_assert_uint_gt(got, 0);
	ck_assert_uint_lt(got, total);
	ck_assert_uint_eq(d.bhs.flags & ISCSI_RSP_UNDERFLOW, ISCSI_RSP_UNDERFLOW);
	ck_assert_uint_eq(get32(d.scsi_rsp.resid), total - got);
	rig_pdu_free(&d);
	expect_tur(&p, 0, NO_LU);
	put_back();
}
END_TEST

/* What was answered from no medium is answered. */
START_TEST(removed_behind_an_inquiry)
{
	struct rig_peer p = BEGIN("");
	struct bhs_scsi_cmd c = rig_command(&p, ISCSI_CMD_READ, RIG_BLOCK);

	fake_take(rig.engine, p.fd, 0, 0);
	rig_rw10(&c, false, LBA, 1);
	rig_send(&p, &c, NULL, 0);
	rig_run(&rig);
	c = rig_command(&p, ISCSI_CMD_READ, 36);
	c.cdb[0] = 0x12;
	c.cdb[4] = 36;
	rig_send(&p, &c, NULL, 0);
	rig_run(&rig);
	remove_first();
	fake_take(rig.engine, p.fd, SIZE_MAX, 0);
	for (unsigned i = 0; i < 2; i++) {
		struct rig_pdu d = rig_expect(&p, ISCSI_OP_DATA_IN);
		ck_assert_uint_eq(d.data_len, i ? 36 : RIG_BLOCK);
		rig_pdu_free(&d);
	}
	put_back();
}
END_TEST

/* A command that failed before keeps its outcome. */
START_TEST(removed_under_a_failed_command)
{
	struct rig_peer p = BEGIN(SOLICITED);
	struct bhs_scsi_cmd c = rig_command(&p, ISCSI_CMD_WRITE, 4 * RIG_BLOCK);

	c.cdb[0] = 0x2f; /* VERIFY, BYTCHK 01b */
	c.cdb[1] = 0x02;
	st16(c.cdb + 7, 4);
	rig_send(&p, &c, NULL, 0);
	uint32_t ttt = rig_expect_r2t(&p, NULL);
	rig_data_out(&p, &c, ttt, 0, 0, RIG_BLOCK, false, NEW);
	rig_run(&rig);
	remove_first();
	rig_data_out(&p, &c, ttt, 1, RIG_BLOCK, 3 * RIG_BLOCK, true, NEW);
	expect_sense(&p, 0x0e1d00);
	put_back();
}
END_TEST

/* Who waits behind an ORDERED command looks for its LU when it starts. */
START_TEST(removed_before_a_held_command_starts)
{
	struct rig_peer p = BEGIN(SOLICITED);
	struct bhs_scsi_cmd c = send_write(&p, LBA, 1);
	struct bhs_scsi_cmd held = rig_command(&p, ISCSI_CMD_READ, RIG_BLOCK);

	held.flags = (uint8_t)((held.flags & ~ISCSI_CMD_ATTR) | ISCSI_ATTR_ORDERED);
	rig_rw10(&held, false, LBA, 1);
	rig_send(&p, &held, NULL, 0);
	uint32_t ttt = rig_expect_r2t(&p, NULL);
	remove_first();
	rig_data_out(&p, &c, ttt, 0, 0, RIG_BLOCK, true, NEW);
	expect_sense(&p, NO_LU);
	expect_sense(&p, NO_LU);
	put_back();
}
END_TEST

/* Aborts and resets of a LUN that is gone: its commands have ended, or wait for their data. */
START_TEST(removed_and_then_aborted)
{
	struct rig_peer p = BEGIN(SOLICITED);
	struct bhs_scsi_cmd c = send_write(&p, LBA, 1);

	rig_expect_r2t(&p, NULL);
	remove_first();
	rig_send_tmf(&p, ISCSI_TMF_LUN_RESET, (be32){{0}});
	rig_expect_tmf(&p, ISCSI_TMF_NO_LUN);
	rig_send_tmf(&p, ISCSI_TMF_ABORT_TASK, c.itt);
	rig_expect_tmf(&p, ISCSI_TMF_COMPLETE);
	ck_assert_uint_eq(rig.worker.tasks.used, 0);
	expect_tur(&p, 0, NO_LU);
	put_back();
}
END_TEST

/* Who lived through a removal could take another LU of that id for the old one. */
START_TEST(who_knew_another_lun)
{
	rig_start(&rig);
	make_second();
	struct rig_peer p = rig_connect(&rig);
	RIG_LOGIN(&p, "");
	rig_clear_attention(&p);
	tell(LIVE_ASK, NULL, 0);
	ck_assert_uint_eq(found, 0);
	tell(LIVE_WRITABLE, &rig.lu, 0); /* of the old one: nothing for the new one */
	remove_first();
	tell(LIVE_ASK, NULL, 0);
	ck_assert_uint_eq(found, 1);
	tell(LIVE_ASK, NULL, 1);
	ck_assert_uint_eq(found, 0);
	put_back();
	tell(LIVE_ADDED, &rig.lu, 0);
	tell(LIVE_ASK, NULL, 0);
	ck_assert_uint_eq(found, 0);
	expect_tur(&p, 0, POWER_ON);
	expect_tur(&p, 0, GOOD);
}
END_TEST

/* ---- held, resized ---- */

/* While a shrink is decided, commands beyond the new end are told to come again; others go on. */
START_TEST(held_beyond_a_new_end)
{
	const uint32_t end = LBA + 4;
	struct rig_peer p = BEGIN(SOLICITED);

	write_blocks(&p, LBA, 8, OLD);
	struct bhs_scsi_cmd below = send_write(&p, LBA, 4);
	uint32_t ttt = rig_expect_r2t(&p, NULL);
	struct bhs_scsi_cmd beyond = send_write(&p, LBA + 1, 4);
	uint32_t beyond_ttt = rig_expect_r2t(&p, NULL);
	rig.lu.held = end;
	tell(LIVE_HELD, &rig.lu, 0);
	rig_data_out(&p, &beyond, beyond_ttt, 0, 0, 4 * RIG_BLOCK, true, NEW);
	rig_expect_status(&p, SCSI_BUSY);
	rig_data_out(&p, &below, ttt, 0, 0, 4 * RIG_BLOCK, true, NEW);
	rig_expect_status(&p, SCSI_GOOD);
	send_write(&p, end, 1);
	rig_expect_status(&p, SCSI_BUSY);
	send_write(&p, (uint32_t)rig.blocks, 1);
	expect_sense(&p, 0x052100);
	rig.lu.held = 0;
	rig_check_blocks(&p, LBA, 4, NEW);
	rig_check_blocks(&p, LBA + 4, 4, OLD);
}
END_TEST

START_TEST(held_between_two_slices)
{
	struct rig_peer p = begin_running();

	rig.lu.held = rig.blocks; /* nothing is beyond */
	tell(LIVE_HELD, &rig.lu, 0);
	rig_expect_status(&p, SCSI_GOOD);
	rig.lu.held = 0;
	send_running(&p, OLD);
	rig.lu.held = rig.blocks - 1;
	tell(LIVE_HELD, &rig.lu, 0);
	rig_expect_status(&p, SCSI_BUSY);
	rig.lu.held = 0;
	rig_check_blocks(&p, (uint32_t)rig.blocks - 1, 1, NEW);
}
END_TEST

/* An UNMAP is judged by its list, when that is there: before, it may go on to be refused itself. */
START_TEST(held_and_an_unmap)
{
	uint8_t list[8 + 16] = {[3] = 16};
	struct rig_peer p = BEGIN(SOLICITED);

	write_blocks(&p, LBA, 8, OLD);
	for (unsigned i = 0; i < 2; i++) {
		struct bhs_scsi_cmd c = rig_command(&p, ISCSI_CMD_WRITE, sizeof(list));
		c.cdb[0] = 0x42;
		c.cdb[8] = sizeof(list);
		rig_send(&p, &c, NULL, 0);
		struct bhs_data_out d = {
			.opcode = ISCSI_OP_DATA_OUT, .flags = ISCSI_FINAL, .itt = c.itt};
		put32(&d.ttt, rig_expect_r2t(&p, NULL));
		rig.lu.held = LBA + 4;
		tell(LIVE_HELD, &rig.lu, 0);
		st64(list + 8, LBA + i);
		st32(list + 16, 4);
		rig_send(&p, &d, list, sizeof(list));
		rig_expect_status(&p, i ? SCSI_BUSY : SCSI_GOOD);
	}
	rig.lu.held = 0;
	rig_check_blocks(&p, LBA, 4, 0);
	rig_check_blocks(&p, LBA + 4, 4, OLD);
}
END_TEST

/* Of one that runs, all ranges count, not their sum. */
START_TEST(held_and_an_unmap_that_runs)
{
	uint8_t list[8 + 16] = {[3] = 16};

	rig.blocks = 8 * STORE_SLICE_BYTES / RIG_BLOCK;
	rig.pool = 8 * STORE_SLICE_BYTES;
	struct rig_peer p = BEGIN(SOLICITED);
	const uint32_t quarter = (uint32_t)rig.blocks / 4;
	struct bhs_scsi_cmd c = rig_command(&p, ISCSI_CMD_WRITE, sizeof(list));
	struct bhs_data_out d = {.opcode = ISCSI_OP_DATA_OUT, .flags = ISCSI_FINAL, .itt = c.itt};

	c.cdb[0] = 0x42;
	c.cdb[8] = sizeof(list);
	rig_send(&p, &c, NULL, 0);
	put32(&d.ttt, rig_expect_r2t(&p, NULL));
	st64(list + 8, quarter);
	st32(list + 16, 3 * quarter);
	rig_send(&p, &d, list, sizeof(list));
	for (int i = 0; i < 3; i++)
		reactor_turn(&rig.worker.reactor, false);
	ck_assert_uint_eq(rig.worker.tasks.used, 1); /* it is not over */
	rig.lu.held = rig.blocks - 1;
	tell(LIVE_HELD, &rig.lu, 0);
	rig_expect_status(&p, SCSI_BUSY);
	rig.lu.held = 0;
}
END_TEST

START_TEST(resized)
{
	struct rig_peer p = BEGIN("");

	rig.lu.blocks = rig.blocks / 2;
	tell(LIVE_RESIZED, &rig.lu, 0);
	expect_tur(&p, 0, SIZE_CHANGED);
	send_write(&p, (uint32_t)rig.blocks / 2, 1);
	expect_sense(&p, 0x052100);
}
END_TEST

/* ---- who is told ---- */

/* Thin LUNs, once for each time; a full LUN needs no more memory. */
START_TEST(memory_gets_short)
{
	rig.thin = true;
	struct rig_peer p = BEGIN("");
	make_second();
	second.thin = false;
	expect_tur(&p, 1, POWER_ON);
	for (int i = 0; i < 2; i++) {
		tell(LIVE_SHORT, NULL, 0);
		tell(LIVE_SHORT, NULL, 0); /* before it was told of the first */
		expect_tur(&p, 1, GOOD);
		expect_tur(&p, 0, MEMORY_SHORT);
		expect_tur(&p, 0, GOOD);
	}
}
END_TEST

/* Sessions in their login, in discovery, and dead ones are passed over. */
START_TEST(sessions_that_are_none)
{
	rig_start(&rig);
	struct rig_peer in_login = hostile_peer(&rig, IN_LOGIN_PHASE, "", 0);
	struct rig_peer discovery = hostile_peer(&rig, IN_DISCOVERY_SESSION, "", 0);
	struct rig_peer normal = rig_connect(&rig);

	RIG_LOGIN(&normal, "");
	rig_clear_attention(&normal);
	rig_connect(&rig);
	make_read_only();
	expect_tur(&normal, 0, MODE_CHANGED);
	rig_expect_nothing(&in_login);
	rig_expect_nothing(&discovery);
}
END_TEST

START_TEST(without_reactors)
{
	struct iscsi_node none = {.nworkers = 0};
	struct live_change c = {.event = LIVE_ASK, .target = &rig.target};
	unsigned n = 7;

	rig_start(&rig);
	ck_assert_int_eq(live_tell(&none, &c, 1000, &n), 0);
	ck_assert_uint_eq(n, 0);
	/* A reactor that does not turn: the answer comes when nobody waits any more. */
	ck_assert_int_eq(live_tell(&rig.node, &c, 1, &n), -ETIMEDOUT);
	reactor_turn(&rig.worker.reactor, false);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("live");
	TCase *t = tcase_create("live");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, read_only_amid_the_data_of_a_write);
	tcase_add_test(t, read_only_amid_a_block);
	tcase_add_test(t, read_only_with_r2ts_outstanding);
	tcase_add_test(t, read_only_before_the_first_r2t);
	tcase_add_test(t, read_only_amid_unsolicited_data);
	tcase_add_test(t, read_only_between_two_slices);
	tcase_add_test(t, read_only_lets_readers_be);
	tcase_add_test(t, removed_under_commands);
	tcase_add_test(t, removed_between_two_slices);
	tcase_add_test(t, removed_amid_an_answer);
	tcase_add_test(t, removed_behind_an_inquiry);
	tcase_add_test(t, removed_under_a_failed_command);
	tcase_add_test(t, removed_before_a_held_command_starts);
	tcase_add_test(t, removed_and_then_aborted);
	tcase_add_test(t, who_knew_another_lun);
	tcase_add_test(t, held_beyond_a_new_end);
	tcase_add_test(t, held_between_two_slices);
	tcase_add_test(t, held_and_an_unmap);
	tcase_add_test(t, held_and_an_unmap_that_runs);
	tcase_add_test(t, resized);
	tcase_add_test(t, memory_gets_short);
	tcase_add_test(t, sessions_that_are_none);
	tcase_add_test(t, without_reactors);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	return test_main(suite());
}
