// SPDX-License-Identifier: MIT
/* test_tmf.c - task management: which functions there are, what they answer, and when. */
#include <check.h>
#include <string.h>

#include "iscsi/live.h"
#include "iscsi/session.h"
#include "lib/fake_engine.h"
#include "lib/session_rig.h"
#include "lib/test_main.h"

#define WAITS	"InitialR2T=Yes\0ImmediateData=No"
#define LEVEL_2 "iSCSIProtocolLevel=2\0" WAITS

static struct rig rig;

static void setup(void)
{
	rig_init(&rig);
}

static void teardown(void)
{
	rig_stop(&rig);
}

#define BEGIN(keys) RIG_BEGIN(&rig, keys)

struct ask {
	unsigned lun;
	be32 ref_itt;
	uint32_t ref_cmdsn;
	int32_t ahead; /* its CmdSN, beyond the next one */
	bool numbered; /* not immediate */
};

static void send_tmf(struct rig_peer *p, unsigned function, const struct ask *a)
{
	struct bhs_tmf_req h = {.opcode = ISCSI_OP_TMF_REQ,
				.flags = (uint8_t)(ISCSI_FINAL | function),
				.lun = {0, (uint8_t)a->lun},
				.ref_itt = a->ref_itt};

	put32(&h.itt, p->itt++);
	put32(&h.cmdsn, p->cmdsn + (uint32_t)a->ahead);
	put32(&h.ref_cmdsn, a->ref_cmdsn);
	if (a->numbered)
		p->cmdsn++;
	else
		h.opcode |= ISCSI_IMMEDIATE;
	rig_send(p, &h, NULL, 0);
}

static unsigned answer(struct rig_peer *p, uint8_t info[static 3])
{
	struct rig_pdu r = rig_expect(p, ISCSI_OP_TMF_RSP);
	unsigned response = r.tmf_rsp.response;

	memcpy(info, r.tmf_rsp.info, 3);
	rig_pdu_free(&r);
	return response;
}

static unsigned tmf(struct rig_peer *p, unsigned function, const struct ask *a)
{
	uint8_t info[3];

	send_tmf(p, function, a);
	return answer(p, info);
}

static struct bhs_scsi_cmd send_write(struct rig_peer *p, uint32_t lba)
{
	struct bhs_scsi_cmd c = rig_command(p, ISCSI_CMD_WRITE, RIG_BLOCK);

	rig_rw10(&c, true, lba, 1);
	rig_send(p, &c, NULL, 0);
	return c;
}

static struct bhs_scsi_cmd waiting_write(struct rig_peer *p, uint32_t *ttt)
{
	struct bhs_scsi_cmd c = send_write(p, 0);

	*ttt = rig_expect_r2t(p, NULL);
	return c;
}

/* ---- which there are ---- */

/* clang-format off */
static const struct {
	unsigned function;
	unsigned level1, level2;   /* what it answers */
	unsigned no_lun;	   /* and where there is no such LUN */
} codes[] = {
	{0,                            ISCSI_TMF_NOT_SUPPORTED, ISCSI_TMF_NOT_SUPPORTED, ISCSI_TMF_NOT_SUPPORTED},
	{ISCSI_TMF_ABORT_TASK,         ISCSI_TMF_NO_TASK,       ISCSI_TMF_NO_TASK,       ISCSI_TMF_NO_TASK},
	{ISCSI_TMF_ABORT_TASK_SET,     ISCSI_TMF_COMPLETE,      ISCSI_TMF_COMPLETE,      ISCSI_TMF_NO_LUN},
	{ISCSI_TMF_CLEAR_ACA,          ISCSI_TMF_NOT_SUPPORTED, ISCSI_TMF_NOT_SUPPORTED, ISCSI_TMF_NOT_SUPPORTED},
	{ISCSI_TMF_CLEAR_TASK_SET,     ISCSI_TMF_COMPLETE,      ISCSI_TMF_COMPLETE,      ISCSI_TMF_NO_LUN},
	{ISCSI_TMF_LUN_RESET,          ISCSI_TMF_COMPLETE,      ISCSI_TMF_COMPLETE,      ISCSI_TMF_NO_LUN},
	{ISCSI_TMF_TARGET_WARM_RESET,  ISCSI_TMF_COMPLETE,      ISCSI_TMF_COMPLETE,      ISCSI_TMF_COMPLETE},
	{ISCSI_TMF_TASK_REASSIGN,      ISCSI_TMF_NO_REASSIGN,   ISCSI_TMF_NO_REASSIGN,   ISCSI_TMF_NO_REASSIGN},
	{ISCSI_TMF_QUERY_TASK,         ISCSI_TMF_NOT_SUPPORTED, ISCSI_TMF_COMPLETE,      ISCSI_TMF_NO_LUN},
	{ISCSI_TMF_QUERY_TASK_SET,     ISCSI_TMF_NOT_SUPPORTED, ISCSI_TMF_COMPLETE,      ISCSI_TMF_NO_LUN},
	{ISCSI_TMF_NEXUS_RESET,        ISCSI_TMF_NOT_SUPPORTED, ISCSI_TMF_COMPLETE,      ISCSI_TMF_COMPLETE},
	{ISCSI_TMF_QUERY_EVENT,        ISCSI_TMF_NOT_SUPPORTED, ISCSI_TMF_COMPLETE,      ISCSI_TMF_NO_LUN},
	{13,                           ISCSI_TMF_NOT_SUPPORTED, ISCSI_TMF_NOT_SUPPORTED, ISCSI_TMF_NOT_SUPPORTED},
	{127,                          ISCSI_TMF_NOT_SUPPORTED, ISCSI_TMF_NOT_SUPPORTED, ISCSI_TMF_NOT_SUPPORTED},
};
/* clang-format on */
#define NCODES ((int)(sizeof(codes) / sizeof(codes[0])))

START_TEST(codes_at_level_1)
{
	struct rig_peer p = BEGIN("");

	ck_assert_uint_eq(tmf(&p, codes[_i].function, &(struct ask){0}), codes[_i].level1);
}
END_TEST

START_TEST(codes_at_level_2)
{
	struct rig_peer p = BEGIN(LEVEL_2);

	ck_assert_uint_eq(tmf(&p, codes[_i].function, &(struct ask){0}), codes[_i].level2);
	rig_clear_attention(&p);
	ck_assert_uint_eq(tmf(&p, codes[_i].function, &(struct ask){.numbered = true}),
			  codes[_i].level2);
	rig_clear_attention(&p);
	ck_assert_uint_eq(tmf(&p, codes[_i].function, &(struct ask){.lun = 9}), codes[_i].no_lun);
	rig_clear_attention(&p);
}
END_TEST

/* ---- queries ---- */

START_TEST(a_task_is_found)
{
	struct rig_peer p = BEGIN(LEVEL_2);
	uint32_t ttt;
	struct bhs_scsi_cmd c = waiting_write(&p, &ttt);
	const struct ask it = {.ref_itt = c.itt, .ref_cmdsn = get32(c.cmdsn)};

	ck_assert_uint_eq(tmf(&p, ISCSI_TMF_QUERY_TASK, &it), ISCSI_TMF_SUCCEEDED);
	ck_assert_uint_eq(tmf(&p, ISCSI_TMF_QUERY_TASK_SET, &it), ISCSI_TMF_SUCCEEDED);
	rig_data_out(&p, &c, ttt, 0, 0, RIG_BLOCK, true, 1);
	rig_expect_status(&p, SCSI_GOOD);
	ck_assert_uint_eq(tmf(&p, ISCSI_TMF_QUERY_TASK, &it), ISCSI_TMF_COMPLETE);
	ck_assert_uint_eq(tmf(&p, ISCSI_TMF_QUERY_TASK_SET, &it), ISCSI_TMF_COMPLETE);
	rig_check_blocks(&p, 0, 1, 1);
}
END_TEST

START_TEST(an_event_is_told_and_stays)
{
	struct rig_peer p = BEGIN(LEVEL_2);
	struct scsi_nexus *n =
		&session_of(container_of(rig.worker.reactor.all.next, struct conn, link))->nexus;
	uint8_t info[3];

	send_tmf(&p, ISCSI_TMF_QUERY_EVENT, &(struct ask){0});
	ck_assert_uint_eq(answer(&p, info), ISCSI_TMF_COMPLETE);
	ck_assert_mem_eq(info, "\0\0\0", 3);
	scsi_attention_raise(n, 0, SCSI_UA_CAPACITY_CHANGED);
	for (int i = 0; i < 2; i++) {
		send_tmf(&p, ISCSI_TMF_QUERY_EVENT, &(struct ask){0});
		ck_assert_uint_eq(answer(&p, info), ISCSI_TMF_SUCCEEDED);
		ck_assert_mem_eq(info, "\x16\x2a\x09", 3);
	}
	scsi_attention_raise(n, 0, SCSI_UA_LU_RESET);
	send_tmf(&p, ISCSI_TMF_QUERY_EVENT, &(struct ask){0});
	ck_assert_uint_eq(answer(&p, info), ISCSI_TMF_SUCCEEDED);
	ck_assert_mem_eq(info, "\x26\x29\x03", 3);
	rig_clear_attention(&p);
	ck_assert_uint_eq(tmf(&p, ISCSI_TMF_QUERY_EVENT, &(struct ask){0}), ISCSI_TMF_COMPLETE);
}
END_TEST

/* 29/07, and only for who asked. */
START_TEST(a_nexus_reset_is_of_one_nexus)
{
	struct rig_peer p = BEGIN(LEVEL_2), q = rig_connect(&rig);
	uint32_t ttt;

	q.isid = 1;
	RIG_LOGIN(&q, WAITS);
	rig_clear_attention(&q);
	struct bhs_scsi_cmd c = waiting_write(&q, &ttt);
	waiting_write(&p, &(uint32_t){0});
	ck_assert_uint_eq(tmf(&p, ISCSI_TMF_NEXUS_RESET, &(struct ask){0}), ISCSI_TMF_COMPLETE);
	struct bhs_scsi_cmd tur = rig_command(&p, 0, 0);
	rig_send(&p, &tur, NULL, 0);
	struct rig_pdu r = rig_expect(&p, ISCSI_OP_SCSI_RSP);
	ck_assert_uint_eq(r.data[2 + 2] & 0xf, 6);
	ck_assert_uint_eq(ld16(r.data + 2 + 12), 0x2907);
	rig_pdu_free(&r);
	rig_data_out(&q, &c, ttt, 0, 0, RIG_BLOCK, true, 1);
	rig_expect_status(&q, SCSI_GOOD);
	rig_check_blocks(&q, 0, 1, 1);
}
END_TEST

/* ---- who came first ---- */

/* 4.2.2.3.3: behind the answers of tasks that ended before it. */
START_TEST(answers_of_tasks_go_first)
{
	struct rig_peer p = BEGIN(WAITS);
	struct bhs_scsi_cmd done = rig_command(&p, 0, 0);

	rig_send(&p, &done, NULL, 0);
	send_tmf(&p, ISCSI_TMF_ABORT_TASK, &(struct ask){.ref_itt = {{0x12, 0x34, 0, 0}}});
	rig_expect_status(&p, SCSI_GOOD);
	rig_expect_tmf(&p, ISCSI_TMF_NO_TASK);
}
END_TEST

/* 11.6.1: RefCmdSN was not received, and lies before the function: it never runs. */
START_TEST(abort_of_a_command_that_is_to_come)
{
	struct rig_peer p = BEGIN("");
	struct bhs_scsi_cmd first = rig_command(&p, ISCSI_CMD_WRITE, RIG_BLOCK);
	struct bhs_scsi_cmd late = rig_command(&p, ISCSI_CMD_WRITE, RIG_BLOCK);
	struct bhs_scsi_cmd next = rig_command(&p, 0, 0);
	const bool is_first = _i;

	rig_rw10(&first, true, 0, 1);
	rig_rw10(&late, true, 1, 1);
	if (is_first) { /* the one that is expected next */
		rig_send(&p, &first, rig_filled(1, RIG_BLOCK), RIG_BLOCK);
		rig_expect_status(&p, SCSI_GOOD);
	}
	const struct ask it = {.ref_itt = late.itt, .ref_cmdsn = get32(late.cmdsn), .ahead = -1};
	ck_assert_uint_eq(tmf(&p, ISCSI_TMF_ABORT_TASK, &it), ISCSI_TMF_COMPLETE);
	if (!is_first) {
		rig_send(&p, &first, rig_filled(1, RIG_BLOCK), RIG_BLOCK);
		rig_expect_status(&p, SCSI_GOOD);
	}
	rig_send(&p, &late, rig_filled(1, RIG_BLOCK), RIG_BLOCK);
	rig_expect_nothing(&p);
	ck_assert_uint_eq(rig_counter(&rig, COUNT_CMDSN_IGNORED), 1);
	rig_send(&p, &next, NULL, 0);
	rig_expect_status(&p, SCSI_GOOD);
	rig_check_blocks(&p, 0, 1, 1);
	rig_check_blocks(&p, 1, 1, 0);
}
END_TEST

/* Neither was received, nor lies before the function, nor in the window. */
START_TEST(abort_of_what_cannot_come)
{
	static const struct {
		int32_t ref, ahead;
	} away[] = {{-1, 0}, {-1000, 0}, {0, 0}, {5, 5}, {16, 100}, {0x40000000, 0x40000001}};
	struct rig_peer p = BEGIN("");
	const struct ask it = {.ref_itt = {{9, 9, 9, 9}},
			       .ref_cmdsn = p.cmdsn + (uint32_t)away[_i].ref,
			       .ahead = away[_i].ahead};

	ck_assert_uint_eq(tmf(&p, ISCSI_TMF_ABORT_TASK, &it), ISCSI_TMF_NO_TASK);
	rig_clear_attention(&p);
}
END_TEST

START_TEST(not_more_are_skipped_than_are_remembered)
{
	rig.config.limits.queue_depth = 64;
	struct rig_peer p = BEGIN("");

	for (unsigned i = 1; i <= CMDSN_SKIPS_MAX + 1; i++) {
		const struct ask it = {
			.ref_itt = {{9, 9, 9, 9}}, .ref_cmdsn = p.cmdsn + i, .ahead = 60};
		ck_assert_uint_eq(tmf(&p, ISCSI_TMF_ABORT_TASK, &it),
				  i <= CMDSN_SKIPS_MAX ? ISCSI_TMF_COMPLETE : ISCSI_TMF_REJECTED);
	}
	struct bhs_scsi_cmd c = rig_command(&p, 0, 0);
	rig_send(&p, &c, NULL, 0);
	rig_expect_status(&p, SCSI_GOOD);
	p.cmdsn += CMDSN_SKIPS_MAX;
	rig_clear_attention(&p);
}
END_TEST

/* 4.2.3.3: what overtook commands that it is about is answered after them, and in order. */
START_TEST(a_reset_waits_for_what_it_overtook)
{
	struct rig_peer p = BEGIN(LEVEL_2);
	uint32_t ttt;

	waiting_write(&p, &ttt);
	send_tmf(&p, ISCSI_TMF_LUN_RESET, &(struct ask){.ahead = 2});
	send_tmf(&p, ISCSI_TMF_ABORT_TASK_SET, &(struct ask){.ahead = 2});
	send_tmf(&p, ISCSI_TMF_QUERY_TASK_SET, &(struct ask){.ahead = 2});
	/* What it overtook is no reason to let what is here go on; a query does not wait. */
	rig_expect_tmf(&p, ISCSI_TMF_COMPLETE);
	rig_expect_nothing(&p);
	send_write(&p, 1);
	ttt = rig_expect_r2t(&p, NULL);
	struct bhs_scsi_cmd c = send_write(&p, 2);
	rig_expect_tmf(&p, ISCSI_TMF_COMPLETE);
	rig_expect_tmf(&p, ISCSI_TMF_COMPLETE);
	rig_data_out(&p, &c, ttt, 0, 0, RIG_BLOCK, true, 1);
	rig_expect_nothing(&p);
	rig_clear_attention(&p);
	rig_check_blocks(&p, 0, 3, 0);
}
END_TEST

/* Nor does it wait for ever, nor for what the window does not let come. */
START_TEST(a_reset_does_not_wait_for_long)
{
	struct rig_peer p = BEGIN("");

	send_tmf(&p, ISCSI_TMF_LUN_RESET, &(struct ask){.ahead = 16});
	rig_expect_nothing(&p);
	rig_advance(&rig, TMF_WAIT_S);
	rig_expect_nothing(&p);
	rig_advance(&rig, 2);
	rig_expect_tmf(&p, ISCSI_TMF_COMPLETE);
	ck_assert_uint_eq(tmf(&p, ISCSI_TMF_LUN_RESET, &(struct ask){.ahead = 17}),
			  ISCSI_TMF_COMPLETE);
	rig_clear_attention(&p);
}
END_TEST

START_TEST(more_resets_than_wait)
{
	struct rig_peer p = BEGIN("");

	for (unsigned i = 0; i <= TMFS_WAITING_MAX; i++)
		send_tmf(&p, ISCSI_TMF_ABORT_TASK_SET, &(struct ask){.ahead = 1});
	rig_expect_tmf(&p, ISCSI_TMF_COMPLETE);
	rig_expect_nothing(&p);
	struct bhs_scsi_cmd c = rig_command(&p, 0, 0);
	rig_send(&p, &c, NULL, 0);
	/* It was there before they ran, and may have an answer already. */
	for (unsigned i = 0; i < TMFS_WAITING_MAX; i++) {
		struct rig_pdu r;
		ck_assert(rig_recv(&p, &r));
		ck_assert_uint_ge(r.bhs.opcode, ISCSI_OP_SCSI_RSP);
		i -= r.bhs.opcode == ISCSI_OP_SCSI_RSP;
		rig_pdu_free(&r);
	}
	rig_clear_attention(&p);
}
END_TEST

/* ---- what is told without being asked for ---- */

static void expect_async(struct rig_peer *p, enum iscsi_async_event event, unsigned param2,
			 unsigned param3)
{
	struct rig_pdu r = rig_expect(p, ISCSI_OP_ASYNC);

	ck_assert_uint_eq(r.bhs.flags, ISCSI_FINAL);
	ck_assert_uint_eq(get32(r.async.itt), ISCSI_TAG_NONE);
	ck_assert_uint_eq(r.async.event, event);
	ck_assert_uint_eq(get16(r.async.param1), 0);
	ck_assert_uint_eq(get16(r.async.param2), param2);
	ck_assert_uint_eq(get16(r.async.param3), param3);
	ck_assert_uint_eq(r.data_len, 0);
	rig_pdu_free(&r);
}

/* 11.9.1, event 3: with Time2Wait and Time2Retain, to who asked for it behind the answer. */
START_TEST(a_cold_reset_tells_why_sessions_end)
{
	struct rig_peer p = BEGIN("DefaultTime2Wait=5\0" WAITS), q = rig_connect(&rig);
	struct rig_peer deaf = rig_connect(&rig);
	uint32_t ttt;

	q.isid = 1;
	RIG_LOGIN(&q, "");
	rig_clear_attention(&q);
	deaf.isid = 2;
	RIG_LOGIN(&deaf, "");
	struct bhs_scsi_cmd c = waiting_write(&p, &ttt);
	fake_take(rig.engine, deaf.fd, 0, 0);
	send_tmf(&q, ISCSI_TMF_TARGET_COLD_RESET, &(struct ask){0});
	rig_expect_tmf(&q, ISCSI_TMF_COMPLETE);
	expect_async(&q, ISCSI_ASYNC_DROP_SESSION, 2, 0);
	expect_async(&p, ISCSI_ASYNC_DROP_SESSION, 5, 0);
	rig_data_out(&p, &c, ttt, 0, 0, RIG_BLOCK, true, 0x66);
	ck_assert(rig_is_closed(&p));
	ck_assert(rig_is_closed(&q));
	/* One that takes nothing is not waited for longer than at any other time. */
	rig_advance(&rig, rig.config.limits.tx_stall + 3);
	fake_take(rig.engine, deaf.fd, SIZE_MAX, 0);
	ck_assert(rig_is_closed(&deaf));
	p = rig_connect(&rig);
	RIG_LOGIN(&p, "");
	rig_clear_attention(&p);
	rig_check_blocks(&p, 0, 1, 0);
}
END_TEST

/* 11.9: it is told once, and not behind the answer to a logout. */
START_TEST(an_end_is_told_once)
{
	struct rig_peer p = BEGIN("");
	unsigned told = 0;

	send_tmf(&p, ISCSI_TMF_TARGET_COLD_RESET, &(struct ask){0});
	if (_i) {
		struct bhs_logout_req h = {.opcode = ISCSI_OP_LOGOUT_REQ | ISCSI_IMMEDIATE,
					   .flags = ISCSI_FINAL | ISCSI_LOGOUT_SESSION};
		put32(&h.cmdsn, p.cmdsn);
		rig_send(&p, &h, NULL, 0);
	} else {
		send_tmf(&p, ISCSI_TMF_TARGET_COLD_RESET, &(struct ask){0});
	}
	for (struct rig_pdu r; rig_recv(&p, &r);) {
		told += r.bhs.opcode == ISCSI_OP_ASYNC;
		rig_pdu_free(&r);
	}
	ck_assert_uint_eq(told, !_i);
	ck_assert(rig_is_closed(&p));
}
END_TEST

static void change(enum live_event event)
{
	const struct live_change c = {.event = event, .target = &rig.target, .lu = &rig.lu};

	ck_assert_int_eq(live_start(&rig.node, &c, NULL, NULL), 0);
	rig_run(&rig);
}

/* 11.9.4: the sense data, its length before it. */
static void expect_event(struct rig_peer *p, const char *code)
{
	struct rig_pdu r = rig_expect(p, ISCSI_OP_ASYNC);

	ck_assert_uint_eq(r.async.event, ISCSI_ASYNC_SCSI);
	ck_assert_mem_eq(r.async.lun, "\0\0\0\0\0\0\0\0", 8);
	ck_assert_uint_eq(r.data_len, 2 + SCSI_SENSE_FIXED);
	ck_assert_uint_eq(ld16(r.data), SCSI_SENSE_FIXED);
	ck_assert_uint_eq(r.data[2], 0x70);
	ck_assert_uint_eq(r.data[2 + 2], 0x06);
	ck_assert_mem_eq(r.data + 2 + 12, code, 2);
	rig_pdu_free(&r);
}

/* The unit attention waits in both cases. */
START_TEST(changes_are_told_if_so_configured)
{
	rig.config.scsi_events = _i;
	rig_start(&rig);
	struct rig_peer silent = rig_connect(&rig), p = rig_connect(&rig);
	struct bhs_scsi_cmd tur;

	(void)silent;
	RIG_LOGIN(&p, "HeaderDigest=CRC32C\0DataDigest=CRC32C");
	p.header_digest = p.data_digest = true;
	rig_clear_attention(&p);
	change(LIVE_RESIZED);
	if (_i)
		expect_event(&p, "\x2a\x09");
	change(LIVE_ADDED);
	if (_i)
		expect_event(&p, "\x3f\x0e");
	rig_expect_nothing(&p);
	tur = rig_command(&p, 0, 0);
	rig_send(&p, &tur, NULL, 0);
	rig_expect_status(&p, SCSI_CHECK_CONDITION);
}
END_TEST

/* A peer that takes nothing keeps a bounded number of them. */
START_TEST(events_for_who_does_not_listen)
{
	rig.config.scsi_events = true;
	struct rig_peer p = BEGIN("");
	unsigned told = 0;

	fake_take(rig.engine, p.fd, 0, 0);
	for (int i = 0; i < 100; i++)
		change(LIVE_RESIZED);
	fake_take(rig.engine, p.fd, SIZE_MAX, 0);
	for (struct rig_pdu r; rig_recv(&p, &r); told++)
		rig_pdu_free(&r);
	ck_assert_uint_eq(told, REPLIES_MAX);
	rig_clear_attention(&p);
}
END_TEST

START_TEST(the_end_is_told)
{
	struct rig_peer p = BEGIN("");

	iscsi_node_drain(&rig.node);
	expect_async(&p, ISCSI_ASYNC_LOGOUT_REQUEST, 0, ISCSI_DRAIN_S);
	rig_expect_nothing(&p);
	rig_check_blocks(&p, 0, 1, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tmf");
	TCase *t = tcase_create("tmf");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, codes_at_level_1, 0, NCODES);
	tcase_add_loop_test(t, codes_at_level_2, 0, NCODES);
	tcase_add_test(t, a_task_is_found);
	tcase_add_test(t, an_event_is_told_and_stays);
	tcase_add_test(t, a_nexus_reset_is_of_one_nexus);
	tcase_add_test(t, answers_of_tasks_go_first);
	tcase_add_loop_test(t, abort_of_a_command_that_is_to_come, 0, 2);
	tcase_add_loop_test(t, abort_of_what_cannot_come, 0, 6);
	tcase_add_test(t, not_more_are_skipped_than_are_remembered);
	tcase_add_test(t, a_reset_waits_for_what_it_overtook);
	tcase_add_test(t, a_reset_does_not_wait_for_long);
	tcase_add_test(t, more_resets_than_wait);
	tcase_add_test(t, a_cold_reset_tells_why_sessions_end);
	tcase_add_loop_test(t, an_end_is_told_once, 0, 2);
	tcase_add_loop_test(t, changes_are_told_if_so_configured, 0, 2);
	tcase_add_test(t, events_for_who_does_not_listen);
	tcase_add_test(t, the_end_is_told);
	suite_add_tcase(s, t);
	return test_main(s);
}
