// SPDX-License-Identifier: MIT
/*
 * test_fence.c - what one session's reservation does to the commands of others: nothing lands after
 * the answer, whatever a peer withholds.
 */
#include <check.h>
#include <string.h>

#include "base/log.h"
#include "iscsi/fence.h"
#include "iscsi/session.h"
#include "lib/fake_engine.h"
#include "lib/session_rig.h"
#include "lib/test_main.h"

#define OLD	  0x11
#define NEW	  0x22
#define LBA	  40u
#define SOLICITED "InitialR2T=Yes\0ImmediateData=No"

#define RESERVATIONS_PREEMPTED	0x062a03
#define RESERVATIONS_RELEASED	0x062a04
#define REGISTRATIONS_PREEMPTED 0x062a05
#define COMMANDS_CLEARED	0x062f00
#define LU_RESET		0x062903

static struct rig rig;
static struct rig_peer a, b;

static void setup(void)
{
	log_set_level(LOG_LEVEL_ERROR);
	rig_init(&rig);
	rig_start(&rig);
	a = rig_connect(&rig);
	RIG_LOGIN(&a, "");
	rig_clear_attention(&a);
	b = rig_connect(&rig);
	b.isid = 1;
	RIG_LOGIN(&b, SOLICITED);
	rig_clear_attention(&b);
}

static void teardown(void)
{
	rig_stop(&rig);
}

static void put_out(struct bhs_scsi_cmd *c, uint8_t action, uint8_t type)
{
	c->cdb[0] = 0x5f;
	c->cdb[1] = action;
	c->cdb[2] = type;
	st32(c->cdb + 5, 24);
}

static void send_out(struct rig_peer *p, uint8_t action, uint8_t type, uint64_t key, uint64_t new)
{
	struct bhs_scsi_cmd c = rig_command(p, ISCSI_CMD_WRITE, 24);
	uint8_t list[24] = {0};

	put_out(&c, action, type);
	st64(list, key);
	st64(list + 8, new);
	if (p == &a) { /* its data comes at once */
		rig_send(p, &c, list, 24);
		return;
	}
	rig_send(p, &c, NULL, 0);
	struct bhs_data_out d = {.opcode = ISCSI_OP_DATA_OUT, .flags = ISCSI_FINAL, .itt = c.itt};
	put32(&d.ttt, rig_expect_r2t(p, NULL));
	rig_send(p, &d, list, 24);
}

static void reserve_out(struct rig_peer *p, uint8_t action, uint8_t type, uint64_t key,
			uint64_t new)
{
	send_out(p, action, type, key, new);
	rig_expect_status(p, SCSI_GOOD);
}

static void both_register(void)
{
	reserve_out(&a, CLAIM_REGISTER, 0, 0, 0xa);
	reserve_out(&b, CLAIM_REGISTER, 0, 0, 0xb);
}

static void six(struct rig_peer *p, uint8_t opcode, uint8_t status)
{
	struct bhs_scsi_cmd c = rig_command(p, 0, 0);

	c.cdb[0] = opcode;
	rig_send(p, &c, NULL, 0);
	rig_expect_status(p, status);
}
#define RESERVE_6 0x16
#define TUR	  0x00

static void expect_sense(struct rig_peer *p, uint32_t sense)
{
	struct bhs_scsi_cmd c = rig_command(p, 0, 0);

	rig_send(p, &c, NULL, 0);
	struct rig_pdu r = rig_expect(p, ISCSI_OP_SCSI_RSP);
	const uint32_t got =
		r.data_len < 16 ? 0 : (uint32_t)(r.data[4] & 0xf) << 16 | ld16(r.data + 14);
	ck_assert_uint_eq(got, sense);
	rig_pdu_free(&r);
}

static struct bhs_scsi_cmd send_write(struct rig_peer *p, uint16_t blocks)
{
	struct bhs_scsi_cmd c = rig_command(p, ISCSI_CMD_WRITE, blocks * RIG_BLOCK);

	rig_rw10(&c, true, LBA, blocks);
	rig_send(p, &c, NULL, 0);
	return c;
}

static void write_blocks(struct rig_peer *p, uint16_t blocks, uint8_t v)
{
	struct bhs_scsi_cmd c = send_write(p, blocks);

	rig_data_out(p, &c, rig_expect_r2t(p, NULL), 0, 0, blocks * RIG_BLOCK, true, v);
	rig_expect_status(p, SCSI_GOOD);
}

/* Half of its data is there; returns the tag for the rest. */
static uint32_t half_a_write(struct rig_peer *p, struct bhs_scsi_cmd *c)
{
	*c = send_write(p, 4);
	uint32_t ttt = rig_expect_r2t(p, NULL);

	rig_data_out(p, c, ttt, 0, 0, 2 * RIG_BLOCK, false, NEW);
	rig_run(&rig);
	return ttt;
}

static void late_half(struct rig_peer *p, const struct bhs_scsi_cmd *c, uint32_t ttt)
{
	rig_data_out(p, c, ttt, 1, 2 * RIG_BLOCK, 2 * RIG_BLOCK, true, NEW);
}

/* The answer does not wait for the data, and the late half changes nothing. No answer to it: TAS 0.
 */
START_TEST(preempt_and_abort_amid_the_data_of_a_write)
{
	struct bhs_scsi_cmd c;

	both_register();
	write_blocks(&b, 4, OLD);
	uint32_t ttt = half_a_write(&b, &c);
	reserve_out(&a, CLAIM_RESERVE, CLAIM_WRITE_REGISTRANTS, 0xa, 0);
	reserve_out(&a, CLAIM_PREEMPT_ABORT, CLAIM_WRITE_REGISTRANTS, 0xa, 0xb);
	late_half(&b, &c, ttt);
	rig_expect_nothing(&b);
	rig_check_blocks(&a, LBA, 2, NEW);
	rig_check_blocks(&a, LBA + 2, 2, OLD);
	expect_sense(&b, REGISTRATIONS_PREEMPTED);
	expect_sense(&b, COMMANDS_CLEARED);
	expect_sense(&b, 0);
	ck_assert_uint_eq(rig_counter(&rig, COUNT_COMMANDS_ABORTED), 1);
}
END_TEST

/* PREEMPT alone: the WRITE ends as every later one does, when its F bit came. */
START_TEST(preempt_amid_the_data_of_a_write)
{
	struct bhs_scsi_cmd c;

	both_register();
	write_blocks(&b, 4, OLD);
	reserve_out(&a, CLAIM_RESERVE, CLAIM_WRITE_REGISTRANTS, 0xa, 0);
	uint32_t ttt = half_a_write(&b, &c);
	reserve_out(&a, CLAIM_PREEMPT, CLAIM_WRITE_REGISTRANTS, 0xa, 0xb);
	rig_expect_nothing(&b);
	late_half(&b, &c, ttt);
	rig_expect_status(&b, SCSI_RESERVATION_CONFLICT);
	rig_check_blocks(&a, LBA, 2, NEW);
	rig_check_blocks(&a, LBA + 2, 2, OLD);
	expect_sense(&b, REGISTRATIONS_PREEMPTED);
	send_write(&b, 1);
	rig_expect_status(&b, SCSI_RESERVATION_CONFLICT);
	ck_assert_uint_eq(rig_counter(&rig, COUNT_COMMANDS_CUT), 1);
}
END_TEST

/* A block cut in two is not written by its second half. */
START_TEST(reserve_amid_a_block)
{
	struct bhs_scsi_cmd c = send_write(&b, 1);
	struct bhs_data_out d = {.opcode = ISCSI_OP_DATA_OUT, .flags = ISCSI_FINAL, .itt = c.itt};

	put32(&d.ttt, rig_expect_r2t(&b, NULL));
	rig_send_cut(&b, &d, rig_filled(NEW, RIG_BLOCK), RIG_BLOCK, ISCSI_BHS_LEN + 300);
	rig_run(&rig);
	reserve_out(&a, CLAIM_REGISTER, 0, 0, 0xa);
	reserve_out(&a, CLAIM_RESERVE, CLAIM_WRITE_EXCLUSIVE, 0xa, 0);
	fake_feed(rig.engine, b.fd, rig_filled(NEW, RIG_BLOCK), RIG_BLOCK - 300);
	rig_expect_status(&b, SCSI_RESERVATION_CONFLICT);
	rig_check_blocks(&a, LBA, 1, 0);
}
END_TEST

/* A READ whose peer takes nothing: it ends, and no peer delays who asked for that. */
START_TEST(exclusive_access_amid_the_data_of_a_read)
{
	fake_take(rig.engine, b.fd, 0, 0);
	for (int i = 0; i < 2; i++) {
		struct bhs_scsi_cmd c = rig_command(&b, ISCSI_CMD_READ, 4096 * RIG_BLOCK);
		rig_rw10(&c, false, 0, 4096);
		rig_send(&b, &c, NULL, 0);
	}
	rig_run(&rig);
	reserve_out(&a, CLAIM_REGISTER, 0, 0, 0xa);
	reserve_out(&a, CLAIM_RESERVE, CLAIM_EXCLUSIVE, 0xa, 0);
	ck_assert_uint_gt(rig_counter(&rig, COUNT_COMMANDS_CUT), 0);
}
END_TEST

/* SPC-2 5.5.1: it goes with the nexus, and by a reset; the persistent one by neither. */
START_TEST(reserve_6_goes_with_its_connection)
{
	six(&a, RESERVE_6, SCSI_GOOD);
	six(&b, TUR, SCSI_RESERVATION_CONFLICT);
	send_write(&b, 1);
	rig_expect_status(&b, SCSI_RESERVATION_CONFLICT);
	fake_eof(rig.engine, a.fd);
	rig_run(&rig);
	six(&b, TUR, SCSI_GOOD);
	write_blocks(&b, 1, NEW);
}
END_TEST

START_TEST(reserve_6_goes_by_a_reset)
{
	six(&a, RESERVE_6, SCSI_GOOD);
	six(&b, TUR, SCSI_RESERVATION_CONFLICT);
	rig_send_tmf(&b, ISCSI_TMF_LUN_RESET, (be32){{0xff, 0xff, 0xff, 0xff}});
	rig_expect_tmf(&b, ISCSI_TMF_COMPLETE);
	expect_sense(&b, LU_RESET);
	six(&b, TUR, SCSI_GOOD);
	six(&b, RESERVE_6, SCSI_GOOD);
}
END_TEST

START_TEST(persistent_stays_over_connection_and_reset)
{
	reserve_out(&a, CLAIM_REGISTER, 0, 0, 0xa);
	reserve_out(&a, CLAIM_RESERVE, CLAIM_WRITE_EXCLUSIVE, 0xa, 0);
	fake_eof(rig.engine, a.fd);
	rig_run(&rig);
	rig_send_tmf(&b, ISCSI_TMF_LUN_RESET, (be32){{0xff, 0xff, 0xff, 0xff}});
	rig_expect_tmf(&b, ISCSI_TMF_COMPLETE);
	expect_sense(&b, LU_RESET);
	send_write(&b, 1);
	rig_expect_status(&b, SCSI_RESERVATION_CONFLICT);
	a = rig_connect(&rig);
	RIG_LOGIN(&a, SOLICITED);
	rig_clear_attention(&a);
	write_blocks(&a, 1, NEW);
}
END_TEST

/* A new port with the same key takes over: REGISTER, PREEMPT. */
START_TEST(another_isid_takes_over)
{
	reserve_out(&a, CLAIM_REGISTER, 0, 0, 0xa);
	reserve_out(&a, CLAIM_RESERVE, CLAIM_WRITE_ALL, 0xa, 0);
	fake_eof(rig.engine, a.fd);
	rig_run(&rig);
	send_write(&b, 1);
	rig_expect_status(&b, SCSI_RESERVATION_CONFLICT);
	reserve_out(&b, CLAIM_REGISTER, 0, 0, 0xa);
	write_blocks(&b, 1, NEW);
	reserve_out(&b, CLAIM_PREEMPT, CLAIM_WRITE_ALL, 0xa, 0);
	write_blocks(&b, 1, OLD);
	ck_assert_uint_eq(rig.lu.reserve.claims->n, 1);
}
END_TEST

static struct scsi_fence told;
static unsigned made;

static int make_clear(void *arg, struct scsi_fence *f)
{
	int rc = scsi_claims_clear(&rig.target, arg, f);

	made++;
	told = *f;
	return rc;
}

/* Nothing to clear, nothing to tell. */
START_TEST(clear_from_outside_of_nothing)
{
	made = 0;
	ck_assert_int_eq(fence_tell(&rig.node, make_clear, &rig.lu, 1000), 0);
	ck_assert_uint_eq(made, 1);
	ck_assert_ptr_null(told.tell);
}
END_TEST

/* The effect stays, whatever becomes of who asked. */
START_TEST(who_asked_is_gone)
{
	both_register();
	reserve_out(&b, CLAIM_RESERVE, CLAIM_WRITE_EXCLUSIVE, 0xb, 0);
	for (int i = 0; i < 2; i++) {
		send_out(&a, CLAIM_PREEMPT, CLAIM_WRITE_EXCLUSIVE, 0xa, 0xb);
		reactor_turn(&rig.worker.reactor, false);
		if (!i)
			rig_send_tmf(&a, ISCSI_TMF_ABORT_TASK_SET,
				     (be32){{0xff, 0xff, 0xff, 0xff}});
		else
			fake_eof(rig.engine, a.fd);
		rig_run(&rig);
	}
	send_write(&b, 1);
	struct rig_pdu r = rig_expect(&b, ISCSI_OP_SCSI_RSP);
	rig_pdu_free(&r);
	send_write(&b, 1);
	rig_expect_status(&b, SCSI_RESERVATION_CONFLICT);
}
END_TEST

/* ---- what speaks of a change of which this reactor has not heard yet ---- */

static struct scsi_nexus third;
static struct scsi_attentions third_ua[SCSI_LUNS_MAX];
static struct scsi_fence under_way;

/* By a session of another reactor. */
static void elsewhere(enum claim_action action, unsigned type, uint64_t key, uint64_t new)
{
	const struct claim_request q = {.action = action, .type = type, .key = key, .new_key = new};

	under_way = (struct scsi_fence){.target = NULL};
	ck_assert_int_eq(scsi_claims_change(&rig.lu, &third, &q, &under_way).outcome, SENSE_OK);
}

static void third_registers(void)
{
	scsi_nexus_init(&third, &rig.target, third_ua);
	strcpy(third.port_name, "iqn.2026-01.org.memtgt:third,i,0x800000000003");
	elsewhere(CLAIM_REGISTER, 0, 0, 0xc);
	under_way.release(&under_way);
}

static void read_keys(void)
{
	struct bhs_scsi_cmd c = rig_command(&a, ISCSI_CMD_READ, 256);

	c.cdb[0] = 0x5e;
	st16(c.cdb + 7, 256);
	rig_send(&a, &c, NULL, 0);
	struct rig_pdu r = rig_expect(&a, ISCSI_OP_DATA_IN);
	ck_assert_uint_eq(r.data_len, 8 + 2 * 8);
	ck_assert_uint_eq(ld64(r.data + 8), 0xa);
	ck_assert_uint_eq(ld64(r.data + 16), 0xc);
	rig_pdu_free(&r);
}

/* It does not find the victim any more. */
static void preempt_again(void)
{
	send_out(&a, CLAIM_PREEMPT_ABORT, CLAIM_WRITE_REGISTRANTS, 0xa, 0xb);
	rig_expect_status(&a, SCSI_RESERVATION_CONFLICT);
}

/* The half of the victim's WRITE that comes after the answer does not land. */
static void nothing_lands(const struct bhs_scsi_cmd *c, uint32_t ttt)
{
	late_half(&b, c, ttt);
	rig_expect_status(&b, SCSI_RESERVATION_CONFLICT);
	rig_check_blocks(&a, LBA, 2, NEW);
	rig_check_blocks(&a, LBA + 2, 2, OLD);
	under_way.release(&under_way);
}

START_TEST(who_sees_that_the_victim_is_gone)
{
	struct bhs_scsi_cmd c;

	both_register();
	third_registers();
	write_blocks(&b, 4, OLD);
	reserve_out(&a, CLAIM_RESERVE, CLAIM_WRITE_REGISTRANTS, 0xa, 0);
	uint32_t ttt = half_a_write(&b, &c);
	elsewhere(CLAIM_PREEMPT_ABORT, CLAIM_WRITE_REGISTRANTS, 0xc, 0xb);
	if (_i)
		preempt_again();
	else
		read_keys();
	nothing_lands(&c, ttt);
}
END_TEST

START_TEST(the_same_reserve_from_another_registrant)
{
	struct bhs_scsi_cmd c;

	reserve_out(&a, CLAIM_REGISTER, 0, 0, 0xa);
	third_registers();
	write_blocks(&b, 4, OLD);
	uint32_t ttt = half_a_write(&b, &c);
	elsewhere(CLAIM_RESERVE, CLAIM_WRITE_ALL, 0xc, 0);
	reserve_out(&a, CLAIM_RESERVE, CLAIM_WRITE_ALL, 0xa, 0);
	nothing_lands(&c, ttt);
}
END_TEST

/* As after ABORT TASK of the first one. */
START_TEST(the_same_reserve_6_again)
{
	struct conn *first = container_of(rig.worker.reactor.all.next, struct conn, link);
	struct bhs_scsi_cmd c;

	write_blocks(&b, 4, OLD);
	uint32_t ttt = half_a_write(&b, &c);
	under_way = (struct scsi_fence){.target = NULL};
	ck_assert_int_eq(scsi_reserve(&rig.lu, &session_of(first)->nexus, &under_way).outcome,
			 SENSE_OK);
	six(&a, RESERVE_6, SCSI_GOOD);
	nothing_lands(&c, ttt);
}
END_TEST

/* Who waits to hear of a reservation may be kept out by another one, or lose its connection. */
START_TEST(keys_asked_for_and_then_kept_out)
{
	struct bhs_scsi_cmd c = rig_command(&a, ISCSI_CMD_READ, 256);

	third_registers();
	elsewhere(CLAIM_CLEAR, 0, 0xc, 0);
	c.cdb[0] = 0x5e;
	st16(c.cdb + 7, 256);
	rig_send(&a, &c, NULL, 0);
	reactor_turn(&rig.worker.reactor, false);
	under_way.release(&under_way);
	ck_assert_int_eq(scsi_reserve(&rig.lu, &third, &under_way).outcome, SENSE_OK);
	if (_i)
		fake_eof(rig.engine, a.fd);
	rig_run(&rig);
	if (!_i)
		rig_expect_status(&a, SCSI_RESERVATION_CONFLICT);
	under_way.release(&under_way);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("fence");
	TCase *tc = tcase_create("fence");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, preempt_and_abort_amid_the_data_of_a_write);
	tcase_add_test(tc, preempt_amid_the_data_of_a_write);
	tcase_add_test(tc, reserve_amid_a_block);
	tcase_add_test(tc, exclusive_access_amid_the_data_of_a_read);
	tcase_add_test(tc, reserve_6_goes_with_its_connection);
	tcase_add_test(tc, reserve_6_goes_by_a_reset);
	tcase_add_test(tc, persistent_stays_over_connection_and_reset);
	tcase_add_test(tc, another_isid_takes_over);
	tcase_add_test(tc, clear_from_outside_of_nothing);
	tcase_add_test(tc, who_asked_is_gone);
	tcase_add_loop_test(tc, who_sees_that_the_victim_is_gone, 0, 2);
	tcase_add_test(tc, the_same_reserve_from_another_registrant);
	tcase_add_test(tc, the_same_reserve_6_again);
	tcase_add_loop_test(tc, keys_asked_for_and_then_kept_out, 0, 2);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return test_main(suite());
}
