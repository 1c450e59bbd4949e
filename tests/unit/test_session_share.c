// SPDX-License-Identifier: MIT
/*
 * test_session_share.c - sessions that use one LUN: what they read is of one moment, who waits for
 * whom, and commands of all or nothing that end before they begin.
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "iscsi/session.h"
#include "lib/fake_engine.h"
#include "lib/session_rig.h"
#include "lib/test_main.h"

#define OLD    0x11
#define NEW    0x22
#define BLOCKS 64u
#define BYTES  (BLOCKS * RIG_BLOCK)

static struct rig rig;
static struct rig_peer p, q;

static void setup(void)
{
	log_set_level(LOG_LEVEL_ERROR);
	rig_init(&rig);
	p = RIG_BEGIN(&rig, "");
	q = rig_connect(&rig);
	q.isid = 1;
	RIG_LOGIN(&q, "");
	rig_clear_attention(&q);
}

static void teardown(void)
{
	rig_stop(&rig);
}

static struct bhs_scsi_cmd send_rw(struct rig_peer *of, bool write, uint8_t v)
{
	struct bhs_scsi_cmd c = rig_command(of, write ? ISCSI_CMD_WRITE : ISCSI_CMD_READ, BYTES);

	rig_rw10(&c, write, 0, BLOCKS);
	rig_send(of, &c, write ? rig_filled(v, BYTES) : NULL, write ? BYTES : 0);
	return c;
}

static void writes(struct rig_peer *of, uint8_t v)
{
	send_rw(of, true, v);
	rig_expect_status(of, SCSI_GOOD);
}

/* It takes nothing of what is sent to it, or all. */
static void takes(struct rig_peer *of, bool all)
{
	fake_take(rig.engine, of->fd, all ? SIZE_MAX : 0, 0);
}

static void expect_data(struct rig_peer *of, uint8_t v)
{
	for (uint32_t got = 0; got < BYTES;) {
		struct rig_pdu in = rig_expect(of, ISCSI_OP_DATA_IN);

		ck_assert_uint_gt(in.data_len, 0);
		ck_assert_mem_eq(in.data, rig_filled(v, in.data_len), in.data_len);
		got += in.data_len;
		rig_pdu_free(&in);
	}
}

static enum sharing_state state(void)
{
	return (enum sharing_state)atomic_load(&rig.lu.sharing.state);
}

/* What was laid out does not change any more: the fake engine sees to that. */
START_TEST(what_is_read_is_copied)
{
	writes(&p, OLD);
	rig_check_blocks(&q, 0, 1, OLD);
	ck_assert_int_eq(state(), SHARING_NOW);
	takes(&p, false);
	send_rw(&p, false, 0);
	rig_run(&rig);
	ck_assert_uint_eq(rig.worker.bounces.used, 1);
	writes(&q, NEW);
	takes(&p, true);
	expect_data(&p, OLD);
	ck_assert_uint_eq(rig.worker.bounces.used, 0);
	rig_check_blocks(&p, 0, BLOCKS, NEW);
}
END_TEST

/* A session that is alone sends from where it lies; who comes reads at once, and writes later. */
START_TEST(what_is_sent_in_place_is_waited_for)
{
	writes(&p, OLD);
	takes(&p, false);
	send_rw(&p, false, 0);
	rig_run(&rig);
	ck_assert_uint_eq(rig.worker.bounces.used, 0);
	rig_check_blocks(&q, 0, BLOCKS, OLD);
	send_rw(&q, true, NEW);
	rig_expect_nothing(&q);
	ck_assert_int_eq(state(), SHARING_SOON);
	takes(&p, true);
	expect_data(&p, OLD);
	rig_expect_status(&q, SCSI_GOOD);
	ck_assert_int_eq(state(), SHARING_NOW);
	rig_check_blocks(&p, 0, BLOCKS, NEW);
}
END_TEST

/* Not for long: who takes nothing is ended. */
START_TEST(who_takes_nothing_is_ended)
{
	writes(&p, OLD);
	takes(&p, false);
	send_rw(&p, false, 0);
	rig_run(&rig);
	send_rw(&q, true, NEW);
	rig_run(&rig);
	ck_assert(!rig_is_closed(&p));
	rig_advance(&rig, 3);
	rig_expect_status(&q, SCSI_GOOD);
	ck_assert_uint_eq(rig_counter(&rig, COUNT_ENDED_TX_STALL), 1);
	ck_assert_int_eq(state(), SHARING_NOT);
	rig_check_blocks(&q, 0, BLOCKS, NEW);
}
END_TEST

/* Without a reason nobody is. */
START_TEST(a_slow_reader_alone_is_not_ended)
{
	takes(&p, false);
	send_rw(&p, false, 0);
	rig_run(&rig);
	rig_advance(&rig, 5);
	takes(&p, true);
	expect_data(&p, 0);
}
END_TEST

/* A connection that is killed leaves the other alone, without locks and copies. */
START_TEST(alone_again)
{
	writes(&p, OLD);
	rig_check_blocks(&q, 0, 1, OLD);
	fake_fail_recv(rig.engine, p.fd, ECONNRESET);
	rig_run(&rig);
	ck_assert_int_eq(state(), SHARING_NOT);
	ck_assert_uint_eq(rig.lu.sharing.users, 1);
	takes(&q, false);
	send_rw(&q, false, 0);
	rig_run(&rig);
	ck_assert_uint_eq(rig.worker.bounces.used, 0);
	takes(&q, true);
	expect_data(&q, OLD);
}
END_TEST

/* A COMPARE AND WRITE of half the blocks, and half of its data. */
static struct bhs_scsi_cmd half_compare_and_write(struct rig_peer *of)
{
	struct bhs_scsi_cmd c = rig_command(of, ISCSI_CMD_WRITE, BYTES);

	c.cdb[0] = 0x89;
	c.cdb[13] = BLOCKS / 2;
	rig_send(of, &c, rig_filled(OLD, BYTES / 2), BYTES / 2);
	return c;
}

START_TEST(an_abort_leaves_nothing)
{
	writes(&p, OLD);
	struct bhs_scsi_cmd c = half_compare_and_write(&p);
	uint32_t ttt = rig_expect_r2t(&p, NULL);
	ck_assert_uint_eq(rig.worker.scsi.wholes.used, 1);
	rig_send_tmf(&p, ISCSI_TMF_ABORT_TASK, c.itt);
	rig_expect_tmf(&p, ISCSI_TMF_COMPLETE);
	ck_assert_uint_eq(rig.worker.scsi.wholes.used, 0);
	rig_data_out(&p, &c, ttt, 0, BYTES / 2, BYTES / 2, true, NEW);
	rig_check_blocks(&p, 0, BLOCKS, OLD);
}
END_TEST

START_TEST(a_compare_and_write_goes_on)
{
	writes(&p, OLD);
	struct bhs_scsi_cmd c = half_compare_and_write(&p);
	uint32_t ttt = rig_expect_r2t(&p, NULL);
	rig_check_blocks(&q, 0, BLOCKS, OLD);
	rig_data_out(&p, &c, ttt, 0, BYTES / 2, BYTES / 2, true, NEW);
	rig_expect_status(&p, SCSI_GOOD);
	rig_check_blocks(&q, 0, BLOCKS / 2, NEW);
	rig_check_blocks(&q, BLOCKS / 2, BLOCKS / 2, OLD);
}
END_TEST

/* Who withholds the data of many gets no more buffers; another session does. */
START_TEST(who_withholds_data_is_bounded)
{
	for (unsigned i = 0; i <= SCSI_WHOLES_OF; i++) {
		half_compare_and_write(&p);
		if (i < SCSI_WHOLES_OF)
			rig_expect_r2t(&p, NULL);
		else
			rig_expect_status(&p, SCSI_BUSY);
	}
	ck_assert_uint_eq(rig.worker.scsi.wholes.used, SCSI_WHOLES_OF);
	half_compare_and_write(&q);
	rig_expect_r2t(&q, NULL);
	rig_check_blocks(&p, 0, BLOCKS, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("session_share");
	TCase *tc = tcase_create("share");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, what_is_read_is_copied);
	tcase_add_test(tc, what_is_sent_in_place_is_waited_for);
	tcase_add_test(tc, who_takes_nothing_is_ended);
	tcase_add_test(tc, a_slow_reader_alone_is_not_ended);
	tcase_add_test(tc, alone_again);
	tcase_add_test(tc, an_abort_leaves_nothing);
	tcase_add_test(tc, a_compare_and_write_goes_on);
	tcase_add_test(tc, who_withholds_data_is_bounded);
	suite_add_tcase(s, tc);
	return test_main(s);
}
