// SPDX-License-Identifier: MIT
/* test_shutdown.c - SIGTERM: sessions are asked to log out, and the daemon ends in 5 s, status 0.
 */
#include <string.h>

#include "lib/daemon.h"
#include "lib/rawinit.h"
#include "lib/test_main.h"

#define BLOCK  512u
#define END_MS 5000

static struct daemon d;

static void start(void)
{
	daemon_start(&d, "{ id = 0; size = \"16M\"; }", "reactor = { count = 2; };");
}

START_TEST(without_a_session)
{
	daemon_ask_to_end(&d);
	daemon_wait_end(&d, END_MS);
}
END_TEST

/* RFC 7143 11.9.1: event 1 with the seconds in Parameter3. */
static void expect_logout_request(struct raw *r)
{
	raw_expect(r, ISCSI_OP_ASYNC);
	ck_assert_uint_eq(get32(r->bhs.any.itt), ISCSI_TAG_NONE);
	ck_assert_uint_eq(r->bhs.async.event, ISCSI_ASYNC_LOGOUT_REQUEST);
	ck_assert_uint_le(get16(r->bhs.async.param3), END_MS / 1000);
}

START_TEST(sessions_that_log_out)
{
	struct raw r[3];

	for (int i = 0; i < 3; i++)
		raw_session(&r[i], d.port, i == 1 ? "HeaderDigest=CRC32C\n" : NULL);
	daemon_ask_to_end(&d);
	for (int i = 0; i < 3; i++) {
		expect_logout_request(&r[i]);
		union raw_bhs h = raw_request(&r[i], ISCSI_OP_LOGOUT_REQ | ISCSI_IMMEDIATE,
					      ISCSI_FINAL | ISCSI_LOGOUT_SESSION);
		ck_assert(raw_send(&r[i], &h, NULL, 0));
	}
	for (int i = 0; i < 3; i++) {
		raw_expect(&r[i], ISCSI_OP_LOGOUT_RSP);
		ck_assert_uint_eq(r[i].bhs.logout_rsp.response, ISCSI_LOGOUT_OK);
		raw_expect_closed(&r[i]);
		raw_close(&r[i]);
	}
	daemon_wait_end(&d, END_MS);
}
END_TEST

START_TEST(sessions_that_do_not_care)
{
	struct raw idle, stalled, fresh;
	uint8_t cdb[16];

	raw_session(&idle, d.port, NULL);
	raw_session(&stalled, d.port, "ImmediateData=No\nInitialR2T=Yes\n");
	raw_open(&fresh, d.port);
	raw_cdb_rw16(cdb, 0x8a, 0, 8);
	union raw_bhs h = raw_command(&stalled, ISCSI_FINAL | ISCSI_CMD_WRITE | ISCSI_ATTR_SIMPLE,
				      cdb, 8 * BLOCK);
	ck_assert(raw_send(&stalled, &h, NULL, 0));
	raw_expect(&stalled, ISCSI_OP_R2T);
	daemon_ask_to_end(&d);
	daemon_wait_end(&d, END_MS);
	raw_close(&idle);
	raw_close(&stalled);
	raw_close(&fresh);
}
END_TEST

/* A WRITE that is under way when the signal comes is finished and answered. */
START_TEST(io_in_flight_is_finished)
{
	struct raw r;
	uint8_t cdb[16], data[8 * BLOCK] = {1, 2, 3};

	raw_session(&r, d.port, "ImmediateData=No\nInitialR2T=Yes\n");
	raw_cdb_rw16(cdb, 0x8a, 0, 8);
	union raw_bhs h = raw_command(&r, ISCSI_FINAL | ISCSI_CMD_WRITE | ISCSI_ATTR_SIMPLE, cdb,
				      sizeof(data));
	ck_assert(raw_send(&r, &h, NULL, 0));
	raw_expect(&r, ISCSI_OP_R2T);
	union raw_bhs r2t = r.bhs;
	daemon_ask_to_end(&d);
	expect_logout_request(&r);
	r.bhs = r2t;
	raw_answer_r2t(&r, data);
	raw_expect(&r, ISCSI_OP_SCSI_RSP);
	ck_assert_uint_eq(r.bhs.rsp.status, 0);
	h = raw_request(&r, ISCSI_OP_LOGOUT_REQ, ISCSI_FINAL | ISCSI_LOGOUT_SESSION);
	ck_assert(raw_send(&r, &h, NULL, 0));
	raw_expect(&r, ISCSI_OP_LOGOUT_RSP);
	raw_expect_closed(&r);
	daemon_wait_end(&d, END_MS);
	raw_close(&r);
}
END_TEST

START_TEST(twice_the_signal)
{
	struct raw r;

	raw_session(&r, d.port, NULL);
	daemon_ask_to_end(&d);
	daemon_ask_to_end(&d);
	daemon_wait_end(&d, END_MS);
	raw_close(&r);
}
END_TEST

/* There is no end to wait for in the memory of a large LUN: it is not even made. */
START_TEST(before_it_serves)
{
	daemon_start_ending(&d, "{ id = 0; size = \"512M\"; }", NULL);
	daemon_log_wait(&d, "signal SIGTERM: stopping");
	ck_assert(daemon_log_has(&d, "memtgtd is about to end"));
	ck_assert(!daemon_log_has(&d, "ready on"));
	daemon_wait_end(&d, END_MS);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("shutdown");
	TCase *t = tcase_create("shutdown");

	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, start, NULL);
	tcase_add_test(t, without_a_session);
	tcase_add_test(t, sessions_that_log_out);
	tcase_add_test(t, sessions_that_do_not_care);
	tcase_add_test(t, io_in_flight_is_finished);
	tcase_add_test(t, twice_the_signal);
	suite_add_tcase(s, t);

	t = tcase_create("start");
	tcase_set_timeout(t, 120);
	tcase_add_test(t, before_it_serves);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	return test_main(suite());
}
