// SPDX-License-Identifier: MIT
/*
 * test_counting.c - each thing that memtgtd counts is made to happen, and then its counters say so
 * and nothing else: all that are not 0 are compared. The number of connections is tested below, at
 * and above each limit.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/daemon.h"
#include "lib/rawinit.h"
#include "lib/test_main.h"
#include "lib/watch.h"

#define BLOCK	  512u
#define SOLICITED "ImmediateData=No\nInitialR2T=Yes\n"
/* A session that was made, and its two TEST UNIT READY. */
#define SESSION	   "sessions=1"
#define TWO_PROBES "commands=2"

static struct daemon d;
static struct raw r;

/* Pings are off but where they are the subject, so that no slow machine makes one. */
static void start(const char *limits)
{
	char more[512];
	snprintf(more, sizeof(more), "reactor = { count = 2; }; limits = { %s };", limits);
	daemon_start(&d, "{ id = 0; size = \"4M\"; }", more);
}

static void stop(void)
{
	daemon_check_alive(&d);
	daemon_stop(&d);
}

static void log_out(struct raw *s)
{
	union raw_bhs h = raw_request(s, ISCSI_OP_LOGOUT_REQ | ISCSI_IMMEDIATE, ISCSI_FINAL);
	ck_assert(raw_send(s, &h, NULL, 0));
	raw_expect(s, ISCSI_OP_LOGOUT_RSP);
	raw_expect_closed(s);
	raw_close(s);
}

/* The session at hand is asked for something, so that all before it has been dealt with. */
static void session(const char *keys)
{
	raw_session(&r, d.port, keys);
}

/* ---- how connections end ---- */

static void ends_itself(void)
{
	raw_open(&r, d.port);
	raw_close(&r);
}

static void resets(void)
{
	struct linger l = {.l_onoff = 1};

	raw_open(&r, d.port);
	watch_counter_wait(&d, "accepted", 1);
	ck_assert_int_eq(setsockopt(r.fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l)), 0);
	raw_close(&r);
}

static void asks_before_the_login(void)
{
	union raw_bhs h = {.any = {.opcode = ISCSI_OP_NOP_OUT}};

	raw_open(&r, d.port);
	ck_assert(raw_send(&r, &h, NULL, 0));
	raw_expect_closed(&r);
	raw_close(&r);
}

static void wants_another_target(void)
{
	raw_open(&r, d.port);
	ck_assert_uint_eq(raw_login(&r, "iqn.2026-01.org.memtgt:none", NULL), 0x0203);
	raw_expect_closed(&r);
	raw_close(&r);
}

static void says_nothing(void)
{
	raw_open(&r, d.port);
	raw_expect_closed(&r);
	raw_close(&r);
}

static void sends_half_a_header(void)
{
	session(NULL);
	union raw_bhs h = raw_request(&r, ISCSI_OP_NOP_OUT, ISCSI_FINAL);
	ck_assert(raw_bytes(&r, &h, 20, 0));
	raw_expect_closed(&r);
	raw_close(&r);
}

/* A session with a WRITE(16) of so many blocks that has its R2T, which is in r. */
static void begin_write(uint32_t blocks)
{
	uint8_t cdb[16];

	session(SOLICITED);
	raw_cdb_rw16(cdb, 0x8a, 0, blocks);
	union raw_bhs h = raw_command(&r, ISCSI_FINAL | ISCSI_CMD_WRITE | ISCSI_ATTR_SIMPLE, cdb,
				      blocks * BLOCK);
	ck_assert(raw_send(&r, &h, NULL, 0));
	raw_expect(&r, ISCSI_OP_R2T);
}

static void answers_no_r2t(void)
{
	begin_write(8);
	raw_expect_closed(&r);
	raw_close(&r);
}

/* What is asked for must not fit the buffers of both kernels. */
static void reads_nothing(void)
{
	uint8_t cdb[16];
	int size = 64 << 10;

	raw_open(&r, d.port);
	ck_assert_int_eq(setsockopt(r.fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)), 0);
	ck_assert_uint_eq(raw_login(&r, DAEMON_TARGET, NULL), 0);
	ck_assert_uint_ne(raw_test_unit_ready(&r, 0), 0);
	ck_assert_uint_eq(raw_test_unit_ready(&r, 0), 0);
	raw_cdb_rw16(cdb, 0x88, 0, 2048);
	for (int i = 0; i < 16; i++) {
		union raw_bhs h = raw_command(&r, ISCSI_FINAL | ISCSI_CMD_READ | ISCSI_ATTR_SIMPLE,
					      cdb, 2048 * BLOCK);
		ck_assert(raw_send(&r, &h, NULL, 0));
	}
	watch_counter_wait(&d, "ended_tx_stall", 1);
	raw_close(&r);
}

static void answers_no_ping(void)
{
	session(NULL);
	raw_expect_closed(&r);
	raw_close(&r);
}

static void discovery(void)
{
	raw_open(&r, d.port);
	ck_assert_uint_eq(raw_login(&r, NULL, NULL), 0);
}

static void is_silent(void)
{
	discovery();
	raw_expect_closed(&r);
	raw_close(&r);
}

static void logs_out(void)
{
	session(NULL);
	log_out(&r);
}

static void logs_in_twice(void)
{
	struct raw again;

	session(NULL);
	raw_open(&again, d.port);
	memcpy(again.isid, r.isid, sizeof(again.isid));
	ck_assert_uint_eq(raw_login(&again, DAEMON_TARGET, NULL), 0);
	raw_expect_closed(&r);
	raw_close(&r);
	log_out(&again);
}

static void resets_the_target(void)
{
	session(NULL);
	union raw_bhs h = raw_request(&r, ISCSI_OP_TMF_REQ | ISCSI_IMMEDIATE,
				      ISCSI_FINAL | ISCSI_TMF_TARGET_COLD_RESET);
	ck_assert(raw_send(&r, &h, NULL, 0));
	raw_expect_closed(&r);
	raw_close(&r);
}

/* ---- what sessions do wrong ---- */

static void asks_for_what_is_not(void)
{
	session(NULL);
	for (uint8_t op = 0x1c; op < 0x1f; op++) {
		union raw_bhs h = raw_request(&r, op | ISCSI_IMMEDIATE, ISCSI_FINAL);
		ck_assert(raw_send(&r, &h, NULL, 0));
		raw_expect(&r, ISCSI_OP_REJECT);
	}
	log_out(&r);
}

static void repeats_its_cmdsn(void)
{
	session(NULL);
	r.cmdsn -= 2;
	for (int i = 0; i < 2; i++) {
		union raw_bhs h = raw_request(&r, ISCSI_OP_NOP_OUT, ISCSI_FINAL);
		ck_assert(raw_send(&r, &h, NULL, 0));
	}
	log_out(&r);
}

/* One bit of a PDU, counted from its end, is wrong. */
static void send_broken(const char *keys, size_t from_end)
{
	static const char data[] = "data";
	uint8_t pdu[256];

	session(keys);
	union raw_bhs h = raw_request(&r, ISCSI_OP_NOP_OUT | ISCSI_IMMEDIATE, ISCSI_FINAL);
	size_t len = raw_make(&r, &h, data, sizeof(data), pdu);
	pdu[len - from_end] ^= 1;
	ck_assert(raw_bytes(&r, pdu, len, 0));
	raw_expect_closed(&r);
	raw_close(&r);
}

static void breaks_a_header(void)
{
	send_broken("HeaderDigest=CRC32C\n", 8 + 4);
}

static void breaks_data(void)
{
	send_broken("DataDigest=CRC32C\n", 1);
}

/* A Data-Out that answers an R2T wrongly in one field: the command fails, the session goes on. */
static void write_wrongly(bool tag)
{
	static const uint8_t data[BLOCK];

	begin_write(1);
	union raw_bhs r2t = r.bhs;
	union raw_bhs out = {.out = {.opcode = ISCSI_OP_DATA_OUT, .flags = ISCSI_FINAL}};
	out.out.itt = r2t.r2t.itt;
	put32(&out.out.ttt, get32(r2t.r2t.ttt) ^ (tag ? 1u << 31 : 0));
	put32(&out.out.datasn, tag ? 0 : 7);
	ck_assert(raw_send(&r, &out, data, sizeof(data)));
	if (tag) {
		r.bhs = r2t;
		raw_answer_r2t(&r, data);
	}
	raw_expect(&r, ISCSI_OP_SCSI_RSP);
	ck_assert_int_eq(r.bhs.rsp.status == 0, tag);
	log_out(&r);
}

static void sends_data_that_does_not_fit(void)
{
	write_wrongly(false);
}

static void sends_data_for_nobody(void)
{
	write_wrongly(true);
}

static void leaves_a_write(void)
{
	begin_write(8);
	raw_close(&r);
}

static void works(void)
{
	static uint8_t data[64 * BLOCK];

	session(NULL);
	for (int i = 0; i < 3; i++)
		ck_assert_uint_eq(raw_write(&r, 0, 8, data, sizeof(data), BLOCK), 0);
	ck_assert_uint_eq(raw_read(&r, 0, 8, data, sizeof(data) / 2, BLOCK), 0);
	log_out(&r);
}

#define LIMITS	  "login_timeout = 2; rx_stall = 2; tx_stall = 2; ping_interval = 0;"
#define PATIENT	  "ping_interval = 0;"
#define INQUIRING "ping_interval = 1; ping_timeout = 1;"

/* clang-format off */
static const struct {
	void (*provoke)(void);
	const char *limits, *counted;
} causes[] = {
	{ends_itself,           PATIENT,   "accepted=1 ended_peer=1"},
	{resets,                PATIENT,   "accepted=1 ended_peer_reset=1"},
	{asks_before_the_login, PATIENT,   "accepted=1 ended_protocol=1"},
	{wants_another_target,  PATIENT,   "accepted=1 ended_login_refused=1"},
	{says_nothing,          LIMITS,    "accepted=1 ended_login_timeout=1"},
	{sends_half_a_header,   LIMITS,    "accepted=1 ended_rx_stall=1 " SESSION " " TWO_PROBES},
	{answers_no_r2t,        LIMITS,    "accepted=1 ended_rx_stall=1 " SESSION " commands=3 commands_aborted=1"},
	{answers_no_ping,       INQUIRING, "accepted=1 ended_ping_timeout=1 " SESSION " pings=1 " TWO_PROBES},
	{is_silent,             INQUIRING, "accepted=1 ended_silent=1 discoveries=1"},
	{logs_out,              PATIENT,   "accepted=1 ended_logout=1 " SESSION " " TWO_PROBES},
	{logs_in_twice,         PATIENT,   "accepted=2 ended_logout=1 ended_replaced=1 sessions=2 " TWO_PROBES},
	{resets_the_target,     PATIENT,   "accepted=1 ended_reset=1 " SESSION " " TWO_PROBES},
	{asks_for_what_is_not,  PATIENT,   "accepted=1 ended_logout=1 " SESSION " rejects=3 " TWO_PROBES},
	{repeats_its_cmdsn,     PATIENT,   "accepted=1 ended_logout=1 " SESSION " cmdsn_ignored=2 " TWO_PROBES},
	{breaks_a_header,       PATIENT,   "accepted=1 ended_protocol=1 " SESSION " header_digest_errors=1 " TWO_PROBES},
	{breaks_data,           PATIENT,   "accepted=1 ended_protocol=1 " SESSION " rejects=1 data_digest_errors=1 " TWO_PROBES},
	{sends_data_that_does_not_fit,
				PATIENT,   "accepted=1 ended_logout=1 " SESSION " data_out_misfits=1 commands=3"},
	{sends_data_for_nobody, PATIENT,   "accepted=1 ended_logout=1 " SESSION " data_out_stale=1 commands=3 bytes_written=512"},
	{leaves_a_write,        PATIENT,   "accepted=1 ended_peer=1 " SESSION " commands=3 commands_aborted=1"},
	{works,                 PATIENT,   "accepted=1 ended_logout=1 " SESSION " commands=6 bytes_read=16384 bytes_written=98304"},
};
/* clang-format on */
#define CAUSES (sizeof(causes) / sizeof(causes[0]))

START_TEST(each_cause_has_its_counter)
{
	start(causes[_i].limits);
	causes[_i].provoke();
	watch_all_wait(&d, causes[_i].counted);
	stop();
}
END_TEST

/* How much was sent before it stalled depends on the kernel's buffers. */
START_TEST(a_peer_that_reads_nothing)
{
	start(LIMITS);
	reads_nothing();
	ck_assert_uint_eq(watch_counter(&d, "ended_tx_stall"), 1);
	ck_assert_uint_eq(watch_counters(&d, "ended_"), 1);
	ck_assert_uint_ge(watch_counter(&d, "commands_aborted"), 1);
	stop();
}
END_TEST

/* ---- how many there may be ---- */

static void expect_refused(const char *source)
{
	struct raw s;
	raw_open_from(&s, d.port, source);
	raw_expect_closed(&s);
	raw_close(&s);
}

/* Three sessions from one address, and three from another: one below, at, and above the limits. */
START_TEST(connections_at_their_limits)
{
	static const char *const sources[] = {"127.0.0.1", "127.0.0.2"};
	struct raw s[6];

	start("connections = 6; connections_per_address = 3; logins = 4; ping_interval = 0;");
	for (unsigned i = 0; i < 6; i++) {
		if (i == 3)
			expect_refused(sources[0]);
		raw_open_from(&s[i], d.port, sources[i / 3]);
		raw_set_isid(&s[i], i);
		ck_assert_uint_eq(raw_login(&s[i], DAEMON_TARGET, NULL), 0);
	}
	watch_all_wait(&d, "accepted=6 refused_per_address=1 sessions=6");
	ck_assert_uint_eq(watch_lines(&d, "limits.connections_per_address is reached"), 1);
	expect_refused("127.0.0.3");
	watch_all_wait(&d, "accepted=6 refused_connections=1 refused_per_address=1 sessions=6");
	ck_assert_uint_eq(watch_lines(&d, "limits.connections is reached"), 1);
	/* One leaves, and there is room for one. */
	raw_close(&s[5]);
	watch_counter_wait(&d, "ended_peer", 1);
	raw_open_from(&s[5], d.port, sources[1]);
	ck_assert_uint_eq(raw_login(&s[5], DAEMON_TARGET, NULL), 0);
	watch_all_wait(&d, "accepted=7 refused_connections=1 refused_per_address=1 ended_peer=1 "
			   "sessions=7");
	for (int i = 0; i < 6; i++)
		raw_close(&s[i]);
	stop();
}
END_TEST

/* Sessions do not count as logins: four strangers beside two of them, and not five. */
START_TEST(logins_at_their_limit)
{
	struct raw s[2], stranger[4];

	start("logins = 4; ping_interval = 0; login_timeout = 60;");
	for (unsigned i = 0; i < 2; i++) {
		raw_open(&s[i], d.port);
		raw_set_isid(&s[i], i);
		ck_assert_uint_eq(raw_login(&s[i], DAEMON_TARGET, NULL), 0);
	}
	for (int i = 0; i < 4; i++)
		raw_open(&stranger[i], d.port);
	watch_all_wait(&d, "accepted=6 sessions=2");
	expect_refused(NULL);
	watch_all_wait(&d, "accepted=6 refused_logins=1 sessions=2");
	ck_assert_uint_eq(watch_lines(&d, "limits.logins is reached"), 1);
	/* One becomes a session: there is room for another stranger. */
	raw_set_isid(&stranger[0], 7);
	ck_assert_uint_eq(raw_login(&stranger[0], DAEMON_TARGET, NULL), 0);
	raw_open(&r, d.port);
	watch_all_wait(&d, "accepted=7 refused_logins=1 sessions=3");
	expect_refused(NULL);
	watch_all_wait(&d, "accepted=7 refused_logins=2 sessions=3");
	raw_close(&r);
	for (int i = 0; i < 4; i++)
		raw_close(&stranger[i]);
	for (int i = 0; i < 2; i++)
		raw_close(&s[i]);
	stop();
}
END_TEST

static void allow_descriptors(rlim_t n)
{
	struct rlimit rl;
	ck_assert_int_eq(prlimit(d.pid, RLIMIT_NOFILE, NULL, &rl), 0);
	rl.rlim_cur = n;
	ck_assert_int_eq(prlimit(d.pid, RLIMIT_NOFILE, &rl, NULL), 0);
}

/* Who finds no descriptor waits, and is served when there is one; the sessions go on. */
START_TEST(no_descriptor_is_left)
{
	struct raw waits;

	start(PATIENT);
	session(NULL);
	allow_descriptors(3);
	raw_open(&waits, d.port);
	unsigned long long limit = test_now_ms() + DAEMON_PATIENCE_MS;
	while (watch_counter(&d, "accept_failed") < 2 && test_now_ms() < limit)
		test_sleep_ms(20);
	ck_assert_uint_ge(watch_counter(&d, "accept_failed"), 2);
	ck_assert_uint_eq(watch_counter(&d, "accepted"), 1);
	raw_ping(&r);
	allow_descriptors(256);
	ck_assert_uint_eq(raw_login(&waits, DAEMON_TARGET, NULL), 0);
	ck_assert_uint_eq(watch_counter(&d, "accepted"), 2);
	raw_close(&waits);
	raw_close(&r);
	stop();
}
END_TEST

/* ---- when it is told ---- */

/* At the end, all of it, and the connections that the end closed. */
START_TEST(counters_at_the_end)
{
	start(PATIENT);
	session(NULL);
	int log = dup(d.log);
	ck_assert_int_ge(log, 0);
	daemon_stop(&d);
	watch_all_at_end(log, "accepted=1 ended_shutdown=1 " SESSION " " TWO_PROBES);
	close(log);
	raw_close(&r);
}
END_TEST

/* Whatever the log level is; and a daemon of which nothing was asked says so in one line. */
START_TEST(counters_that_are_all_0)
{
	daemon_start(&d, "{ id = 0; size = \"1M\"; }", "log_level = \"error\";");
	watch_all_wait(&d, "");
	ends_itself();
	watch_all_wait(&d, "accepted=1 ended_peer=1");
	int log = dup(d.log);
	daemon_stop(&d);
	struct daemon ended = {.log = log};
	ck_assert_uint_eq(watch_lines(&ended, "stopping"), 0);
	close(log);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("counting");
	TCase *t = tcase_create("counting");

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, each_cause_has_its_counter, 0, CAUSES);
	tcase_add_test(t, a_peer_that_reads_nothing);
	tcase_add_test(t, connections_at_their_limits);
	tcase_add_test(t, logins_at_their_limit);
	tcase_add_test(t, no_descriptor_is_left);
	tcase_add_test(t, counters_at_the_end);
	tcase_add_test(t, counters_that_are_all_0);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	return test_main(suite());
}
