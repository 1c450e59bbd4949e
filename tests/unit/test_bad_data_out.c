// SPDX-License-Identifier: MIT
/*
 * test_bad_data_out.c - Data-Out that fits no task, or not the place in it: RFC 7143 4.2.3.3, 11.7.
 * The command fails, or the PDU is dropped, or the connection ends; no byte of it is written.
 */
#include <check.h>
#include <string.h>

#include "base/log.h"
#include "lib/hostile.h"
#include "lib/test_main.h"

#define BURST 1024u
#define TOTAL 2048u
#define RULES "MaxBurstLength=1024\0FirstBurstLength=1024\0ImmediateData=No\0"
#define LBA   20u
#define BAD   0x66 /* bytes that must not be written */
#define GOOD  0x11

/* SPC-4: DATA PHASE ERROR; 11.4.7.2: "unexpected unsolicited data" */
#define SENSE_PHASE	 0x0b4b00u
#define SENSE_UNEXPECTED 0x0b0c0cu

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

struct write {
	struct rig_peer p;
	struct bhs_scsi_cmd c;
	uint32_t ttt;
};

static struct write begin_solicited(const char *keys, size_t n)
{
	struct write w = {.p = hostile_peer(&rig, IN_NORMAL_SESSION, keys, n)};
	w.c = rig_command(&w.p, ISCSI_CMD_WRITE, TOTAL);
	rig_rw10(&w.c, true, LBA, TOTAL / RIG_BLOCK);
	rig_send(&w.p, &w.c, NULL, 0);
	w.ttt = rig_expect_r2t(&w.p, NULL);
	return w;
}
#define BEGIN_SOLICITED(keys) begin_solicited(keys, sizeof(keys) - 1)

static struct write begin_unsolicited(void)
{
	static const char keys[] = RULES "InitialR2T=No";
	struct write w = {.p = HOSTILE_PEER(&rig, IN_NORMAL_SESSION, keys), .ttt = ISCSI_TAG_NONE};
	w.c = rig_command(&w.p, ISCSI_CMD_WRITE, TOTAL);
	w.c.flags &= (uint8_t)~ISCSI_FINAL;
	rig_rw10(&w.c, true, LBA, TOTAL / RIG_BLOCK);
	rig_send(&w.p, &w.c, NULL, 0);
	return w;
}

static void send_part(struct write *w, uint32_t sn, uint32_t offset, uint32_t n, bool final,
		      uint8_t v)
{
	rig_data_out(&w->p, &w->c, w->ttt, sn, offset, n, final, v);
}

static struct hostile_look look_at(struct write *w)
{
	return hostile_look(&w->p, IN_NORMAL_SESSION);
}

/* The rest of the write as it should be, behind its first R2T: GOOD. */
static void finish(struct write *w)
{
	send_part(w, 0, 0, BURST, true, GOOD);
	w->ttt = rig_expect_r2t(&w->p, NULL);
	send_part(w, 0, BURST, BURST, true, GOOD);
	rig_expect_status(&w->p, SCSI_GOOD);
	rig_check_blocks(&w->p, LBA, TOTAL / RIG_BLOCK, GOOD);
}

/* In a session of its own: no block holds what was bad. */
static void check_untouched(void)
{
	struct rig_peer p = HOSTILE_PEER(&rig, IN_NORMAL_SESSION, "");
	rig_check_blocks(&p, LBA, TOTAL / RIG_BLOCK, 0);
	hostile_leave(&p);
}

/* ---- every place, length, F bit and DataSN ---- */

static const uint32_t offsets[] = {0, 1, 511, 512, 513, 1023, 1024, 1025, 0xfffffe00, 0xffffffff};
static const uint32_t lengths[] = {0, 1, 511, 512, 513, 1023, 1024, 1025, 2048, 4096};
static const uint32_t sns[] = {0, 1, 0x7fffffff, 0xffffffff};
#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static void first_solicited(uint32_t sn, uint32_t offset, uint32_t n, bool final)
{
	struct write w = BEGIN_SOLICITED(RULES "InitialR2T=Yes");
	bool whole = n == BURST;
	bool right = !sn && !offset && n <= BURST && final == whole;

	send_part(&w, sn, offset, n, final, 0);
	struct hostile_look look = look_at(&w);
	unsigned want = right && !final ? FATE_IGNORED : FATE_ANSWERED;
	ck_assert_msg(look.fate == want, "DataSN %u, %u+%u, F=%d: %s", sn, offset, n, final,
		      hostile_fate_text(look.fate));
	if (right && final)
		ck_assert_uint_eq(look.last.bhs.opcode, ISCSI_OP_R2T);
	else if (!right)
		ck_assert_uint_eq(look.sense, SENSE_PHASE);
	hostile_serves(&w.p);
	hostile_leave(&w.p);
}

START_TEST(solicited_data_at_every_place)
{
	for (size_t s = 0; s < COUNT(sns); s++)
		for (size_t n = 0; n < COUNT(lengths); n++)
			for (int final = 0; final < 2; final++)
				first_solicited(sns[s], offsets[_i], lengths[n], final);
}
END_TEST

/* Without F no answer may come: the target waits for the end of the sequence. */
static void first_unsolicited(uint32_t sn, uint32_t offset, uint32_t n, bool final)
{
	struct write w = begin_unsolicited();
	bool right = !sn && !offset && n <= BURST;
	bool too_much = !sn && !offset && n > BURST;

	send_part(&w, sn, offset, n, final, 0);
	struct hostile_look look = look_at(&w);
	if (!final) {
		ck_assert_uint_eq(look.fate, FATE_IGNORED);
		send_part(&w, right ? 1 : 0, right ? n : 0, 0, true, 0);
		look = look_at(&w);
	}
	ck_assert_msg(look.fate == FATE_ANSWERED, "DataSN %u, %u+%u, F=%d: %s", sn, offset, n,
		      final, hostile_fate_text(look.fate));
	if (right)
		ck_assert_uint_eq(look.last.bhs.opcode, ISCSI_OP_R2T);
	else
		ck_assert_uint_eq(look.sense, too_much ? SENSE_UNEXPECTED : SENSE_PHASE);
	hostile_serves(&w.p);
	hostile_leave(&w.p);
}

START_TEST(unsolicited_data_at_every_place)
{
	for (size_t s = 0; s < COUNT(sns); s++)
		for (size_t n = 0; n < COUNT(lengths); n++)
			for (int final = 0; final < 2; final++)
				first_unsolicited(sns[s], offsets[_i], lengths[n], final);
}
END_TEST

/* The second PDU of a sequence at a place, or with a number, that is not the next: 11.7.5-6. */
START_TEST(the_second_pdu_of_a_sequence)
{
	static const struct {
		uint32_t sn, offset;
	} rows[] = {{1, 0},	{1, 511}, {1, 513}, {1, 1024},
		    {1, -512u}, {0, 512}, {2, 512}, {0xffffffff, 512}};

	for (int solicited = 0; solicited < 2; solicited++) {
		struct write w =
			solicited ? BEGIN_SOLICITED(RULES "InitialR2T=Yes") : begin_unsolicited();
		send_part(&w, 0, 0, 512, false, 0);
		send_part(&w, rows[_i].sn, rows[_i].offset, 512, true, BAD);
		struct hostile_look look = look_at(&w);
		ck_assert_uint_eq(look.fate, FATE_ANSWERED);
		ck_assert_uint_eq(look.sense, SENSE_PHASE);
		hostile_leave(&w.p);
		check_untouched();
	}
}
END_TEST

/* ---- tags ---- */

/* A tag nobody gave out, in every bit: dropped, and the write goes on. */
START_TEST(a_foreign_ttt_is_dropped)
{
	struct write w = BEGIN_SOLICITED(RULES "InitialR2T=Yes");
	uint32_t right = w.ttt;

	for (unsigned bit = 0; bit < 32; bit++) {
		w.ttt = right ^ 1u << bit;
		send_part(&w, 0, 0, BURST, true, BAD);
		ck_assert_uint_eq(look_at(&w).fate, FATE_IGNORED);
	}
	w.ttt = right;
	finish(&w);
	hostile_leave(&w.p);
}
END_TEST

START_TEST(tags_of_two_tasks_end_the_connection)
{
	struct write w = BEGIN_SOLICITED(RULES "InitialR2T=Yes");
	struct bhs_scsi_cmd other = rig_command(&w.p, ISCSI_CMD_WRITE, TOTAL);

	rig_rw10(&other, true, LBA, TOTAL / RIG_BLOCK);
	rig_send(&w.p, &other, NULL, 0);
	uint32_t ttt = rig_expect_r2t(&w.p, NULL);
	if (_i == 0)
		rig_data_out(&w.p, &w.c, ttt, 0, 0, BURST, true, BAD);
	else if (_i == 1)
		rig_data_out(&w.p, &other, w.ttt, 0, 0, BURST, true, BAD);
	else /* unsolicited where none may come */
		rig_data_out(&w.p, &w.c, ISCSI_TAG_NONE, 0, 0, BURST, true, BAD);
	ck_assert_uint_eq(look_at(&w).fate, FATE_CLOSED);
	hostile_leave(&w.p);
	check_untouched();
}
END_TEST

/* Another session's tags name nothing here: nvmet "bounds check on Transfer Tag". */
START_TEST(tags_of_another_session_are_dropped)
{
	struct write w = BEGIN_SOLICITED(RULES "InitialR2T=Yes");
	struct rig_peer thief = rig_connect(&rig);
	static const char text[] = "InitiatorName=iqn.2026-01.org.memtgt:thief\0"
				   "SessionType=Normal\0TargetName=iqn.2026-01.org.memtgt:rig";

	hostile_login(&thief, 0x87, text, sizeof(text));
	struct rig_pdu l = rig_expect(&thief, ISCSI_OP_LOGIN_RSP);
	rig_pdu_free(&l);
	rig_data_out(&thief, &w.c, w.ttt, 0, 0, BURST, true, BAD);
	rig_data_out(&thief, &w.c, ISCSI_TAG_NONE, 0, 0, BURST, true, BAD);
	ck_assert_uint_eq(hostile_look(&thief, IN_NORMAL_SESSION).fate, FATE_IGNORED);
	finish(&w);
}
END_TEST

/* 11.7.4: the LUN of Data-Out agrees with the command's; the task decides where data goes. */
START_TEST(a_wrong_lun_writes_where_the_task_says)
{
	struct write w = BEGIN_SOLICITED("MaxBurstLength=2048\0ImmediateData=No\0InitialR2T=Yes");
	struct bhs_data_out d = {.opcode = ISCSI_OP_DATA_OUT, .flags = ISCSI_FINAL};

	memset(d.lun, _i ? 0xff : 0x01, sizeof(d.lun));
	d.itt = w.c.itt;
	put32(&d.ttt, w.ttt);
	rig_send(&w.p, &d, rig_filled(GOOD, TOTAL), TOTAL);
	rig_expect_status(&w.p, SCSI_GOOD);
	rig_check_blocks(&w.p, LBA, TOTAL / RIG_BLOCK, GOOD);
	hostile_leave(&w.p);
}
END_TEST

/* ---- at the wrong time ---- */

START_TEST(twice)
{
	struct write w = BEGIN_SOLICITED(RULES "InitialR2T=Yes");
	uint32_t first = w.ttt;

	send_part(&w, 0, 0, BURST, true, GOOD);
	uint32_t second = rig_expect_r2t(&w.p, NULL);
	send_part(&w, 0, 0, BURST, true, BAD);
	ck_assert_uint_eq(look_at(&w).fate, FATE_IGNORED);
	w.ttt = second;
	send_part(&w, 0, BURST, BURST, true, GOOD);
	rig_expect_status(&w.p, SCSI_GOOD);
	/* late: the command is over */
	send_part(&w, 0, BURST, BURST, true, BAD);
	w.ttt = first;
	send_part(&w, 0, 0, BURST, true, BAD);
	w.ttt = ISCSI_TAG_NONE;
	send_part(&w, 0, 0, BURST, true, BAD);
	ck_assert_uint_eq(look_at(&w).fate, FATE_IGNORED);
	rig_check_blocks(&w.p, LBA, TOTAL / RIG_BLOCK, GOOD);
	hostile_leave(&w.p);
}
END_TEST

/* The second R2T before the first: sequences come in order, 13.19. */
START_TEST(the_second_sequence_first)
{
	struct write w = BEGIN_SOLICITED(RULES "InitialR2T=Yes\0MaxOutstandingR2T=2");
	uint32_t first = w.ttt;

	w.ttt = rig_expect_r2t(&w.p, NULL);
	send_part(&w, 0, BURST, BURST, true, BAD);
	ck_assert_uint_eq(look_at(&w).fate, FATE_IGNORED);
	uint32_t second = w.ttt;
	w.ttt = first;
	send_part(&w, 0, 0, BURST, true, GOOD);
	w.ttt = second;
	send_part(&w, 0, BURST, BURST, true, GOOD);
	rig_expect_status(&w.p, SCSI_GOOD);
	rig_check_blocks(&w.p, LBA, TOTAL / RIG_BLOCK, GOOD);
	hostile_leave(&w.p);
}
END_TEST

/* After each way to abort, in each half of the command. */
START_TEST(after_an_abort)
{
	static const enum iscsi_tmf how[] = {ISCSI_TMF_ABORT_TASK, ISCSI_TMF_ABORT_TASK_SET,
					     ISCSI_TMF_LUN_RESET, ISCSI_TMF_TARGET_WARM_RESET};
	bool unsolicited = _i & 4;
	struct write w =
		unsolicited ? begin_unsolicited() : BEGIN_SOLICITED(RULES "InitialR2T=Yes");

	rig_send_tmf(&w.p, how[_i & 3], w.c.itt);
	rig_expect_tmf(&w.p, ISCSI_TMF_COMPLETE);
	send_part(&w, 0, 0, RIG_BLOCK, false, BAD);
	send_part(&w, 1, RIG_BLOCK, BURST - RIG_BLOCK, true, BAD);
	ck_assert_uint_eq(look_at(&w).fate, FATE_IGNORED);
	hostile_serves(&w.p);
	hostile_leave(&w.p);
	check_untouched();
}
END_TEST

/* After one that failed: what was under way for its other R2Ts is dropped without a word. */
START_TEST(after_a_failure)
{
	struct write w = BEGIN_SOLICITED(RULES "InitialR2T=Yes\0MaxOutstandingR2T=2");
	uint32_t first = w.ttt;

	w.ttt = rig_expect_r2t(&w.p, NULL);
	uint32_t second = w.ttt;
	w.ttt = first;
	send_part(&w, 9, 0, BURST, true, BAD);
	send_part(&w, 0, 0, BURST, true, BAD);
	w.ttt = second;
	send_part(&w, 0, BURST, BURST, true, BAD);
	struct hostile_look look = look_at(&w);
	ck_assert_uint_eq(look.fate, FATE_ANSWERED);
	ck_assert_uint_eq(look.answers, 1);
	ck_assert_uint_eq(look.sense, SENSE_PHASE);
	hostile_serves(&w.p);
	hostile_leave(&w.p);
	check_untouched();
}
END_TEST

/* Empty PDUs may come in any number; they are no data, so the stall limit holds. */
START_TEST(empty_pdus_do_not_hold_a_task_for_ever)
{
	struct write w = _i ? begin_unsolicited() : BEGIN_SOLICITED(RULES "InitialR2T=Yes");
	uint32_t sn = 0;

	for (int s = 0; s < 30 && !rig_is_closed(&w.p); s++) {
		send_part(&w, sn++, 0, 0, false, BAD);
		rig_advance(&rig, 1);
	}
	ck_assert(rig_is_closed(&w.p));
	ck_assert_uint_le(sn, 14);
	hostile_leave(&w.p);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("bad_data_out");
	TCase *t = tcase_create("bad_data_out");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, solicited_data_at_every_place, 0, COUNT(offsets));
	tcase_add_loop_test(t, unsolicited_data_at_every_place, 0, COUNT(offsets));
	tcase_add_loop_test(t, the_second_pdu_of_a_sequence, 0, 8);
	tcase_add_test(t, a_foreign_ttt_is_dropped);
	tcase_add_loop_test(t, tags_of_two_tasks_end_the_connection, 0, 3);
	tcase_add_test(t, tags_of_another_session_are_dropped);
	tcase_add_loop_test(t, a_wrong_lun_writes_where_the_task_says, 0, 2);
	tcase_add_test(t, twice);
	tcase_add_test(t, the_second_sequence_first);
	tcase_add_loop_test(t, after_an_abort, 0, 8);
	tcase_add_test(t, after_a_failure);
	tcase_add_loop_test(t, empty_pdus_do_not_hold_a_task_for_ever, 0, 2);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	return test_main(suite());
}
