// SPDX-License-Identifier: MIT
/*
 * test_session_limits.c - what one peer may hold, and for how long: each limit one second before
 * it, at it and above it, its counter, and the lines that peers can cause in the log.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "iscsi/login.h"
#include "iscsi/session.h"
#include "lib/fake_engine.h"
#include "lib/session_rig.h"
#include "lib/logged.h"
#include "lib/test_main.h"
#include "reactor/conn.h"

static struct rig rig;
static struct rig_peer peer;

static void setup(void)
{
	rig_init(&rig);
	/* Each another, so that none is taken for another. */
	rig.config.limits.rx_stall = 7;
	rig.config.limits.tx_stall = 9;
	rig.config.limits.login_timeout = 15;
	rig.config.limits.ping_interval = 20;
	rig.config.limits.ping_timeout = 12;
}

static void teardown(void)
{
	rig_stop(&rig);
}

#define BEGIN(keys) RIG_BEGIN(&rig, keys)

/* ---- time ---- */

/* The names alone, then half of what the header announced. */
static void half_a_login(void)
{
	struct bhs_login_req h = {.opcode = ISCSI_OP_LOGIN_REQ | ISCSI_IMMEDIATE, .flags = 0x87};

	rig_start(&rig);
	peer = rig_connect(&rig);
	rig_send_cut(&peer, &h, rig_filled('x', 4096), 4096, 48 + 2048);
	rig_run(&rig);
}

static void nothing(void)
{
	rig_start(&rig);
	peer = rig_connect(&rig);
}

/* Not the last step: the login goes on, by whole PDUs. */
static void login_without_an_end(void)
{
	static const char text[] = "InitiatorName=iqn.2026-01.org.memtgt:peer\0"
				   "SessionType=Discovery";
	struct bhs_login_req h = {.opcode = ISCSI_OP_LOGIN_REQ | ISCSI_IMMEDIATE,
				  .flags = ISCSI_STAGE_OPERATIONAL << 2};

	rig_start(&rig);
	peer = rig_connect(&rig);
	rig_send(&peer, &h, text, sizeof(text));
	struct rig_pdu r = rig_expect(&peer, ISCSI_OP_LOGIN_RSP);
	ck_assert_uint_eq(r.login_rsp.status_class, 0);
	rig_pdu_free(&r);
}

static void half_a_header(void)
{
	peer = BEGIN("");
	struct bhs_scsi_cmd c = rig_command(&peer, 0, 0);
	fake_feed(rig.engine, peer.fd, &c, 47);
	rig_run(&rig);
}

static void half_of_the_data(void)
{
	peer = BEGIN("");
	struct bhs_scsi_cmd c = rig_command(&peer, ISCSI_CMD_WRITE, 2 * RIG_BLOCK);
	rig_rw10(&c, true, 0, 2);
	rig_send_cut(&peer, &c, rig_filled(1, 2 * RIG_BLOCK), 2 * RIG_BLOCK, 48 + 700);
	rig_run(&rig);
}

static void no_answer_to_an_r2t(void)
{
	peer = BEGIN("InitialR2T=Yes\0ImmediateData=No");
	struct bhs_scsi_cmd c = rig_command(&peer, ISCSI_CMD_WRITE, 2 * RIG_BLOCK);
	rig_rw10(&c, true, 0, 2);
	rig_send(&peer, &c, NULL, 0);
	(void)rig_expect_r2t(&peer, NULL);
}

/* 8 MiB are asked for; of the first batch nothing is taken. */
static void no_reading(void)
{
	peer = BEGIN("");
	fake_take(rig.engine, peer.fd, 0, 0);
	for (int i = 0; i < 8; i++) {
		struct bhs_scsi_cmd c = rig_command(&peer, ISCSI_CMD_READ, 2048 * RIG_BLOCK);
		rig_rw10(&c, false, 0, 2048);
		rig_send(&peer, &c, NULL, 0);
	}
	rig_run(&rig);
}

static void no_answer_to_a_ping(void)
{
	peer = BEGIN("");
	rig_advance(&rig, 21);
	struct rig_pdu r = rig_expect(&peer, ISCSI_OP_NOP_IN);
	rig_pdu_free(&r);
	ck_assert_uint_eq(rig_counter(&rig, COUNT_PINGS), 1);
}

static void discovery(void)
{
	static const char text[] = "InitiatorName=iqn.2026-01.org.memtgt:peer\0"
				   "SessionType=Discovery";
	struct bhs_login_req h = {.opcode = ISCSI_OP_LOGIN_REQ | ISCSI_IMMEDIATE,
				  .flags = ISCSI_LOGIN_TRANSIT | ISCSI_STAGE_OPERATIONAL << 2 |
					   ISCSI_STAGE_FULL_FEATURE};

	rig_start(&rig);
	peer = rig_connect(&rig);
	rig_send(&peer, &h, text, sizeof(text));
	struct rig_pdu r = rig_expect(&peer, ISCSI_OP_LOGIN_RSP);
	rig_pdu_free(&r);
	ck_assert_uint_eq(rig_counter(&rig, COUNT_DISCOVERIES), 1);
}

/* clang-format off */
static const struct {
	void (*begin)(void);
	unsigned limit; /* seconds; the next tick above it ends the connection */
	enum counter counter;
	bool talks; /* a byte a second does not help */
} limits_of_time[] = {
	{nothing,              15, COUNT_ENDED_LOGIN_TIMEOUT, false},
	{nothing,              15, COUNT_ENDED_LOGIN_TIMEOUT, true},
	{login_without_an_end, 15, COUNT_ENDED_LOGIN_TIMEOUT, false},
	{half_a_login,         7,  COUNT_ENDED_RX_STALL,      false},
	{half_a_login,         15, COUNT_ENDED_LOGIN_TIMEOUT, true},
	{half_a_header,        7,  COUNT_ENDED_RX_STALL,      false},
	{half_of_the_data,     7,  COUNT_ENDED_RX_STALL,      false},
	{no_answer_to_an_r2t,  7,  COUNT_ENDED_RX_STALL,      false},
	{no_reading,           9,  COUNT_ENDED_TX_STALL,      false},
	{no_answer_to_a_ping,  12, COUNT_ENDED_PING_TIMEOUT,  false},
	{discovery,            32, COUNT_ENDED_SILENT,        false},
};
/* clang-format on */
#define LIMITS_OF_TIME (sizeof(limits_of_time) / sizeof(limits_of_time[0]))

START_TEST(limit_of_time)
{
	unsigned limit = limits_of_time[_i].limit;

	limits_of_time[_i].begin();
	for (unsigned t = 0; t < limit; t++) {
		if (limits_of_time[_i].talks)
			fake_feed(rig.engine, peer.fd, "\x43", 1);
		rig_advance(&rig, 1);
		ck_assert_msg(!fake_shut(rig.engine, peer.fd), "row %d: ended after %u of %u s", _i,
			      t + 1, limit);
	}
	ck_assert_uint_eq(rig_counter(&rig, limits_of_time[_i].counter), 0);
	rig_advance(&rig, 1);
	ck_assert_msg(fake_shut(rig.engine, peer.fd), "row %d: open after %u s", _i, limit + 1);
	ck_assert_uint_eq(rig_counter(&rig, limits_of_time[_i].counter), 1);
	ck_assert_uint_eq(rig_counter(&rig, COUNT_ACCEPTED), 1);
}
END_TEST

/* ---- memory ---- */

static unsigned conns_with(size_t cap)
{
	unsigned n = 0;
	list_for_each (it, &rig.worker.reactor.all)
		n += container_of(it, struct conn, link)->rx_cap == cap;
	return n;
}

/* All that the pools hold, and the login's state and texts for each who has one. */
static size_t memory_of(unsigned logins)
{
	const struct iscsi_worker *w = &rig.worker;
	const struct arena *pools[] = {
		&w->reactor.conns, &w->reactor.small, &w->reactor.large, &w->reactor.batches,
		&w->tasks,	   &w->replies,	      &w->bufs,		 &w->bounces,
		&w->scsi.bufs,
	};
	size_t sum = logins * (sizeof(struct login) + sizeof(struct login_reply) +
			       2 * (size_t)LOGIN_TEXT_MAX);
	for (size_t i = 0; i < sizeof(pools) / sizeof(pools[0]); i++)
		sum += pools[i]->used * pools[i]->size;
	return sum;
}

/* What memtgtd.conf(5) tells of limits.logins. */
#define STRANGER_MAX ((size_t)112 << 10)

/* Login Requests without pause, and no answer is read: one answer is made, the rest is not even
 * read from the socket, and the large look-ahead is never touched. */
START_TEST(a_stranger_who_floods_holds_little)
{
	struct bhs_login_req h = {.opcode = ISCSI_OP_LOGIN_REQ | ISCSI_IMMEDIATE,
				  .flags = ISCSI_STAGE_OPERATIONAL << 2};
	static const char text[] = "InitiatorName=iqn.2026-01.org.memtgt:peer\0"
				   "SessionType=Discovery";
	struct iscsi_worker *w = &rig.worker;

	rig_start(&rig);
	peer = rig_connect(&rig);
	fake_take(rig.engine, peer.fd, 0, 0);
	rig_send(&peer, &h, text, sizeof(text));
	for (int i = 0; i < 500; i++)
		rig_send(&peer, &h, NULL, 0);
	rig_run(&rig);
	ck_assert_uint_ge(fake_unread(rig.engine, peer.fd), 500 * ISCSI_BHS_LEN - CONN_RX_SMALL);
	ck_assert_uint_lt(memory_of(1), STRANGER_MAX);
	ck_assert_uint_gt(memory_of(1), STRANGER_MAX / 2);
	ck_assert_uint_eq(w->replies.used, 1);
	ck_assert_uint_le(w->bufs.used, 2); /* the answer's text, and the next request's */
	ck_assert_uint_eq(w->reactor.large.fresh, 0);
	ck_assert_uint_eq(conns_with(CONN_RX_SMALL), 1);
}
END_TEST

/* The same with data: as much as a login may have, over and over. */
START_TEST(a_stranger_with_long_texts_holds_little)
{
	struct bhs_login_req h = {.opcode = ISCSI_OP_LOGIN_REQ | ISCSI_IMMEDIATE,
				  .flags = ISCSI_LOGIN_CONTINUE | ISCSI_STAGE_OPERATIONAL << 2};
	struct iscsi_worker *w = &rig.worker;

	rig_start(&rig);
	peer = rig_connect(&rig);
	fake_split(rig.engine, peer.fd, _i ? 0 : 1000, 0);
	for (int i = 0; i < 100; i++)
		rig_send(&peer, &h, rig_filled('x', ISCSI_LOGIN_DATA_MAX), ISCSI_LOGIN_DATA_MAX);
	for (int i = 0; i < 200; i++) {
		reactor_turn(&w->reactor, false);
		ck_assert_uint_lt(memory_of(1), STRANGER_MAX);
		ck_assert_uint_le(w->replies.used, 1);
		ck_assert_uint_le(w->bufs.used, 2);
	}
	ck_assert_uint_eq(w->reactor.large.fresh, 0);
	ck_assert(rig_is_closed(&peer)); /* LOGIN_TEXT_MAX */
}
END_TEST

/* Who is in may have it, while it is busy. */
START_TEST(a_session_has_the_large_look_ahead_while_it_is_busy)
{
	peer = BEGIN("");
	for (int i = 0; i < 4; i++) {
		struct bhs_scsi_cmd c = rig_command(&peer, ISCSI_CMD_WRITE, 64 * RIG_BLOCK);
		rig_rw10(&c, true, 0, 64);
		rig_send(&peer, &c, rig_filled(3, 64 * RIG_BLOCK), 64 * RIG_BLOCK);
	}
	for (int i = 0; i < 4; i++)
		rig_expect_status(&peer, SCSI_GOOD);
	ck_assert_uint_eq(conns_with(CONN_RX_LARGE), 1);
	/* Back to the small one by the answer to the first ping, at the latest. */
	rig_advance(&rig, 21);
	struct rig_pdu r = rig_expect(&peer, ISCSI_OP_NOP_IN);
	struct bhs_nop_out h = {.opcode = ISCSI_OP_NOP_OUT | ISCSI_IMMEDIATE,
				.flags = ISCSI_FINAL,
				.itt = {{0xff, 0xff, 0xff, 0xff}},
				.ttt = r.nop_in.ttt};
	put32(&h.cmdsn, peer.cmdsn);
	rig_pdu_free(&r);
	rig_send(&peer, &h, NULL, 0);
	rig_run(&rig);
	ck_assert_uint_eq(conns_with(CONN_RX_SMALL), 1);
	ck_assert_uint_eq(rig.worker.reactor.large.used, 0);
}
END_TEST

/* A discovery session has no data to send. */
START_TEST(a_discovery_session_has_the_small_look_ahead)
{
	discovery();
	struct bhs_nop_out h = {.opcode = ISCSI_OP_NOP_OUT | ISCSI_IMMEDIATE, .flags = ISCSI_FINAL};
	put32(&h.ttt, ISCSI_TAG_NONE);
	for (int i = 0; i < 100; i++)
		rig_send(&peer, &h, rig_filled(1, 8192), 8192);
	rig_run(&rig);
	ck_assert_uint_eq(rig.worker.reactor.large.fresh, 0);
}
END_TEST

/* ---- lines ---- */

static void open_log(void)
{
	setup();
	log_catch();
}

static void close_log(void)
{
	teardown();
	log_release();
}

/* Lines with this text since the last call of read_log(). */
static const char *log_text;

static void read_log(void)
{
	log_text = logged();
}

static unsigned lines_with(const char *text)
{
	unsigned n = 0;
	for (const char *p = log_text; (p = strstr(p, text)); p += strlen(text))
		n++;
	return n;
}

static void log_in_and_out(unsigned times)
{
	for (unsigned i = 0; i < times; i++) {
		peer = rig_connect(&rig);
		RIG_LOGIN(&peer, "");
		fake_eof(rig.engine, peer.fd);
		ck_assert(rig_is_closed(&peer));
	}
}

/* Few are told each, from beginning to end. */
START_TEST(normal_logins_are_told)
{
	rig_start(&rig);
	log_in_and_out(LOG_BURST);
	read_log();
	ck_assert_uint_eq(lines_with(": logged in to "), LOG_BURST);
	ck_assert_uint_eq(lines_with(" ended (the peer ended it)"), LOG_BURST);
	ck_assert_uint_eq(rig_counter(&rig, COUNT_SESSIONS), LOG_BURST);
	ck_assert_uint_eq(rig_counter(&rig, COUNT_ENDED_PEER), LOG_BURST);
}
END_TEST

START_TEST(logins_in_a_loop_do_not_fill_the_log)
{
	rig_start(&rig);
	log_in_and_out(500);
	read_log();
	ck_assert_uint_eq(lines_with(": logged in to "), LOG_BURST);
	ck_assert_uint_le(lines_with("\n"), 3 * LOG_BURST);
	ck_assert_uint_eq(rig_counter(&rig, COUNT_SESSIONS), 500);
	/* One that stays is told, though later, and so is its end; and only once. */
	peer = rig_connect(&rig);
	RIG_LOGIN(&peer, "");
	rig_advance(&rig, LOG_WINDOW_S);
	read_log();
	ck_assert_uint_eq(lines_with("\n"), 0);
	rig_advance(&rig, 5);
	read_log();
	ck_assert_uint_eq(lines_with(": logged in to "), 1);
	ck_assert_uint_eq(lines_with("\n"), 1);
	fake_eof(rig.engine, peer.fd);
	ck_assert(rig_is_closed(&peer));
	read_log();
	ck_assert_uint_eq(lines_with(" ended (the peer ended it)"), 1);
}
END_TEST

/* Many of one kind, and the line of another kind is there all the same. */
START_TEST(a_limit_hides_no_other)
{
	rig.config.limits.rx_stall = 3;
	rig.config.limits.login_timeout = 1;
	rig_start(&rig);
	for (unsigned i = 0; i < 3 * LOG_BURST; i++) {
		(void)rig_connect(&rig);
		rig_advance(&rig, 2);
	}
	peer = rig_connect(&rig);
	RIG_LOGIN(&peer, "");
	fake_feed(rig.engine, peer.fd, "\x01", 1);
	rig_advance(&rig, 5);
	read_log();
	ck_assert_uint_eq(rig_counter(&rig, COUNT_ENDED_LOGIN_TIMEOUT), 3 * LOG_BURST);
	ck_assert_uint_eq(lines_with("limits.login_timeout; "), LOG_BURST);
	ck_assert_uint_eq(lines_with("limits.rx_stall; connection closed"), 1);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("session_limits");
	TCase *t = tcase_create("time_and_memory");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, limit_of_time, 0, LIMITS_OF_TIME);
	tcase_add_test(t, a_stranger_who_floods_holds_little);
	tcase_add_loop_test(t, a_stranger_with_long_texts_holds_little, 0, 2);
	tcase_add_test(t, a_session_has_the_large_look_ahead_while_it_is_busy);
	tcase_add_test(t, a_discovery_session_has_the_small_look_ahead);
	suite_add_tcase(s, t);

	t = tcase_create("lines");
	tcase_add_checked_fixture(t, open_log, close_log);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, normal_logins_are_told);
	tcase_add_test(t, logins_in_a_loop_do_not_fill_the_log);
	tcase_add_test(t, a_limit_hides_no_other);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	return test_main(suite());
}
