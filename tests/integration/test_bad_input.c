// SPDX-License-Identifier: MIT
/*
 * test_bad_input.c - bad input that needs a real daemon: threads that race, sockets that are reset,
 * connections by the hundred. Each test is named for its source: see tests/HOSTILE.md.
 */
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/daemon.h"
#include "lib/rawinit.h"
#include "lib/test_main.h"

#define BLOCK	  512u
#define RACERS	  6
#define ROUNDS	  25
#define FLOOD	  200
#define RACE_ISID 0x5500u
#define LOGINS	  16
#define COUNT(a)  (sizeof(a) / sizeof(*(a)))

static struct daemon d;

static void start(void)
{
	daemon_start(&d, "{ id = 0; size = \"16M\"; }",
		     "log_level = \"error\"; reactor = { count = 2; };"
		     "limits = { connections = 230; logins = 16; login_timeout = 8; };");
}

static void stop(void)
{
	daemon_check_alive(&d);
	daemon_stop(&d);
}

/* Those that have just gone may still hold the places of logins. */
static void await_place(void)
{
	unsigned long long end = test_now_ms() + DAEMON_PATIENCE_MS;
	bool in = false;

	while (!in && test_now_ms() < end) {
		struct raw r;
		union raw_bhs h;
		char text[1024];
		raw_open(&r, d.port);
		size_t n = raw_login_request(&r, DAEMON_TARGET, NULL, &h, text, sizeof(text));
		in = raw_send(&r, &h, text, n) && raw_recv(&r);
		raw_close(&r);
		if (!in)
			test_sleep_ms(20);
	}
	ck_assert(in);
}

/* A block of its own each time: nothing in memtgtd orders two sessions that write one (issue 6). */
static void prove_service(void)
{
	static uint64_t block;
	uint8_t out[BLOCK], in[BLOCK];
	struct raw r;

	await_place();
	raw_session(&r, d.port, NULL);
	memset(out, 's', BLOCK);
	ck_assert_uint_eq(raw_write(&r, 0, ++block, out, BLOCK, BLOCK), 0);
	ck_assert_uint_eq(raw_read(&r, 0, block, in, BLOCK, BLOCK), 0);
	ck_assert_mem_eq(in, out, BLOCK);
	raw_close(&r);
}

/* The kernel sends RST, whatever is on its way. */
static void reset(struct raw *r)
{
	struct linger now = {.l_onoff = 1, .l_linger = 0};

	ck_assert_int_eq(setsockopt(r->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now)), 0);
	raw_close(r);
}

/* ---- many for one name ---- */

struct racer {
	unsigned index, seed, rounds, sessions;
};

/* The target offers what it wants otherwise, and then one request is no login. */
#define NO_OFFERS "DefaultTime2Retain=0\n"

static void send_command(struct raw *r, uint8_t opcode, uint8_t flags, uint32_t blocks)
{
	uint8_t cdb[16];

	raw_cdb_rw16(cdb, opcode, 64, blocks);
	union raw_bhs h = raw_command(r, (uint8_t)(ISCSI_FINAL | ISCSI_ATTR_SIMPLE | flags), cdb,
				      flags ? blocks * BLOCK : 0);
	raw_send(r, &h, NULL, 0);
}

static void send_tmf(struct raw *r, enum iscsi_tmf f)
{
	union raw_bhs h =
		raw_request(r, ISCSI_OP_TMF_REQ | ISCSI_IMMEDIATE, (uint8_t)(ISCSI_FINAL | f));
	raw_send(r, &h, NULL, 0);
}

static void send_logout(struct raw *r)
{
	union raw_bhs h = raw_request(r, ISCSI_OP_LOGOUT_REQ | ISCSI_IMMEDIATE, ISCSI_FINAL);
	raw_send(r, &h, NULL, 0);
}

/* What a racer does with its session, if it has one; it may end under it at any moment. */
static void misbehave(struct raw *r, unsigned what)
{
	for (int i = 0; i < 4; i++) {
		send_command(r, 0x88, ISCSI_CMD_READ, 256);
		send_command(r, 0x8a, ISCSI_CMD_WRITE, 8);
	}
	send_command(r, 0x91, 0, 1024);
	switch (what) {
	case 0:
		send_logout(r);
		break;
	case 1:
		send_tmf(r, ISCSI_TMF_LUN_RESET);
		break;
	case 2:
		send_tmf(r, ISCSI_TMF_TARGET_WARM_RESET);
		send_logout(r);
		break;
	case 3:
		send_tmf(r, ISCSI_TMF_TARGET_COLD_RESET);
		break;
	default:
		break;
	}
}

/* Half of a login if so wanted; true: a session, unless another has ended it meanwhile. */
static bool begin_session(struct raw *r, unsigned index, bool half)
{
	union raw_bhs h;
	char text[1024];

	raw_open(r, d.port);
	raw_set_isid(r, RACE_ISID + (index & 1));
	size_t n = raw_login_request(r, DAEMON_TARGET, NO_OFFERS, &h, text, sizeof(text));
	return raw_send(r, &h, text, n) && !half && raw_recv(r) &&
	       r->bhs.login_rsp.flags & ISCSI_LOGIN_TRANSIT;
}

static void *race(void *arg)
{
	struct racer *w = arg;
	for (; w->rounds < ROUNDS; w->rounds++) {
		struct raw r;
		unsigned what = (unsigned)rand_r(&w->seed) % 6;
		if (begin_session(&r, w->index, what == 5)) {
			misbehave(&r, what);
			w->sessions++;
		}
		if (rand_r(&w->seed) & 64)
			reset(&r);
		else
			raw_close(&r);
	}
	return NULL;
}

/* Logout, resets and logins of one name at once: LIO freed what another still counted. */
START_TEST(bad_input_cve_2026_23216_races_for_one_name)
{
	struct racer w[RACERS];
	pthread_t thread[RACERS];
	unsigned sessions = 0;

	for (unsigned i = 0; i < RACERS; i++) {
		w[i] = (struct racer){.index = i, .seed = i * 7 + (unsigned)_i + 1};
		ck_assert_int_eq(pthread_create(&thread[i], NULL, race, &w[i]), 0);
	}
	for (unsigned i = 0; i < RACERS; i++) {
		ck_assert_int_eq(pthread_join(thread[i], NULL), 0);
		ck_assert_uint_eq(w[i].rounds, ROUNDS);
		sessions += w[i].sessions;
	}
	ck_assert_uint_ge(sessions, ROUNDS);
	/* Neither name is left with a session that nobody can end: each login ends the one before.
	 */
	struct raw r[2 * RACERS];
	for (unsigned i = 0; i < COUNT(r); i++) {
		raw_open(&r[i], d.port);
		raw_set_isid(&r[i], RACE_ISID + (i >= RACERS));
		ck_assert_uint_eq(raw_login(&r[i], DAEMON_TARGET, NULL), 0);
		raw_ping(&r[i]);
	}
	for (unsigned i = 0; i < COUNT(r); i++)
		raw_close(&r[i]);
	prove_service();
}
END_TEST

/* ---- connections that never log in ---- */

/* Has the target closed it? What it said before is dropped. */
static bool closed_by_target(struct raw *r)
{
	struct pollfd p = {.fd = r->fd, .events = POLLIN};
	char drop[512];

	while (poll(&p, 1, 0) == 1) {
		ssize_t n = recv(r->fd, drop, sizeof(drop), MSG_DONTWAIT);
		if (n <= 0)
			return true;
	}
	return false;
}

static unsigned open_ones(struct raw *r)
{
	unsigned n = 0;
	for (unsigned i = 0; i < FLOOD; i++)
		n += !closed_by_target(&r[i]);
	return n;
}

/* Nothing, a part of a header, or a text that never ends. */
static void begin_login(struct raw *r, unsigned kind)
{
	static const char text[4096] = "X-a=b";
	union raw_bhs h = {.login = {.opcode = ISCSI_OP_LOGIN_REQ | ISCSI_IMMEDIATE,
				     .flags = ISCSI_LOGIN_CONTINUE | ISCSI_STAGE_OPERATIONAL << 2}};

	if (kind % 3 == 1)
		raw_bytes(r, &h, 20, 0);
	if (kind % 3 == 2)
		raw_send(r, &h, text, sizeof(text));
}

/* No more than limits.logins at once, and none for longer than limits.login_timeout. */
START_TEST(bad_input_ms14_028_flood_of_logins)
{
	static struct raw r[FLOOD];

	for (unsigned i = 0; i < FLOOD; i++) {
		raw_open(&r[i], d.port);
		begin_login(&r[i], i);
	}
	unsigned long long end = test_now_ms() + DAEMON_PATIENCE_MS;
	unsigned left;
	while ((left = open_ones(r)) > LOGINS && test_now_ms() < end)
		test_sleep_ms(20);
	ck_assert_uint_eq(left, LOGINS);
	while (open_ones(r) && test_now_ms() < end)
		test_sleep_ms(50);
	ck_assert_uint_eq(open_ones(r), 0);
	prove_service();
	for (unsigned i = 0; i < FLOOD; i++)
		raw_close(&r[i]);
}
END_TEST

/* ---- the first bytes, and the last ---- */

/* Any PDU first, with FIN and with RST behind it: SPDK came to its end at the teardown. */
START_TEST(bad_input_spdk_3927_scanners)
{
	for (unsigned op = 0; op < 256; op++) {
		union raw_bhs h = {.any = {.opcode = (uint8_t)op, .flags = ISCSI_FINAL}};
		struct raw r;
		raw_open(&r, d.port);
		if ((op & ISCSI_OP_MASK) != ISCSI_OP_LOGIN_REQ) {
			raw_send(&r, &h, "GET / HTTP/1.1\r\n\r\n", 18);
			if (op & 1)
				raw_expect_closed(&r);
		}
		if (op & 2)
			reset(&r);
		else
			raw_close(&r);
	}
	prove_service();
}
END_TEST

/* 47 bytes of a header, then the end: no length that follows from what never came. */
START_TEST(bad_input_cve_2026_53176_short_login)
{
	for (size_t n = 1; n < ISCSI_BHS_LEN; n++) {
		union raw_bhs h = {.login = {.opcode = 0x43, .flags = 0x87}};
		struct raw r;
		raw_open(&r, d.port);
		ck_assert(raw_bytes(&r, &h, n, 0));
		if (n & 1)
			reset(&r);
		else
			raw_close(&r);
	}
	prove_service();
}
END_TEST

/* Data on its way to the socket, commands in slices, writes without their data: then RST. */
START_TEST(bad_input_spdk_1023_reset_in_flight)
{
	for (int i = 0; i < 30; i++) {
		struct raw r;
		raw_session(&r, d.port, i & 1 ? "DataDigest=CRC32C\n" : NULL);
		for (int n = 0; n < 12; n++)
			send_command(&r, 0x88, ISCSI_CMD_READ, 8192);
		misbehave(&r, 9);
		if (i % 3 == 0)
			raw_recv(&r);
		if (i % 5)
			reset(&r);
		else
			raw_close(&r);
	}
	prove_service();
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("bad_input");
	TCase *t = tcase_create("one_daemon");

	/* One daemon for all of these: what one leaves behind must not hurt the next. */
	tcase_set_timeout(t, 240);
	tcase_add_unchecked_fixture(t, start, stop);
	tcase_add_loop_test(t, bad_input_cve_2026_23216_races_for_one_name, 0, 2);
	tcase_add_test(t, bad_input_ms14_028_flood_of_logins);
	tcase_add_test(t, bad_input_spdk_3927_scanners);
	tcase_add_test(t, bad_input_cve_2026_53176_short_login);
	tcase_add_test(t, bad_input_spdk_1023_reset_in_flight);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	return test_main(suite());
}
