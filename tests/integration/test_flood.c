// SPDX-License-Identifier: MIT
/*
 * test_flood.c - crowds that do not log in: what they cost while they are there, that nothing of
 * it stays, and that a session beside them works on.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/daemon.h"
#include "lib/neighbour.h"
#include "lib/rawinit.h"
#include "lib/test_main.h"
#include "lib/watch.h"

#define CROWD	    1000
#define AT_ONCE	    200
#define FILES	    (2 * CROWD + 200)
#define LUN	    "{ id = 0; size = \"8M\"; }"
#define HELD_MAX    (64u << 10) /* KiB: what 1,000 logins that are not finished may cost */
#define TIMEOUT_S   5
#define NOISE_BYTES (64u << 10)

/* KiB that stay of a crowd that has gone: a slot of 4 KiB for each, and some that malloc keeps. */
#define SLACK (4u * CROWD + (2u << 10))

static struct daemon d;
static struct neighbour n;
static unsigned descriptors, memory;

/* A Login Request with its text, as a good initiator sends it first. */
static uint8_t login_pdu[8192];
static size_t login_len;

static void make_login(void)
{
	static struct raw r;
	union raw_bhs h;
	char text[4096];
	size_t len = raw_login_request(&r, DAEMON_TARGET, NULL, &h, text, sizeof(text));
	login_len = raw_make(&r, &h, text, len, login_pdu);
}

/* The neighbour has its session and has done some work before anything is measured. */
static void start(const char *more)
{
	watch_allow_files(FILES);
	make_login();
	daemon_start(&d, LUN, more);
	neighbour_start(&n, d.port, 0);
	neighbour_wait(&n, 200);
	descriptors = watch_descriptors(&d);
	memory = watch_memory_kib(&d);
}

/* All is as it was; the neighbour has seen nothing of it. */
static void expect_as_before(const char *what)
{
	unsigned long long limit = test_now_ms() + DAEMON_PATIENCE_MS, since = test_now_ms();
	unsigned now;

	watch_descriptors_wait(&d, descriptors);
	while ((now = watch_memory_kib(&d)) > memory + SLACK && watch_memory_counts() &&
	       test_now_ms() < limit)
		test_sleep_ms(100);
	printf("# %s: descriptors %u, then %u; memory %u KiB, then %u KiB after %llu ms\n", what,
	       descriptors, watch_descriptors(&d), memory, now, test_now_ms() - since);
	fflush(stdout);
	ck_assert_uint_eq(watch_descriptors(&d), descriptors);
	if (watch_memory_counts())
		ck_assert_uint_le(now, memory + SLACK);
}

static void stop(void)
{
	neighbour_wait(&n, 200);
	neighbour_stop(&n);
	daemon_check_alive(&d);
	daemon_stop(&d);
}

/* ---- strangers ---- */

static int connect_one(void)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_port = htons((uint16_t)d.port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_msg(fd >= 0, "socket: %s", strerror(errno));
	ck_assert_msg(!connect(fd, (struct sockaddr *)&to, sizeof(to)), "connect: %s",
		      strerror(errno));
	return fd;
}

/* What does not go at once, or to nobody, is not sent. */
static void say(int fd, const void *p, size_t len)
{
	(void)!send(fd, p, len, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void noise(uint8_t *p, size_t len, unsigned *seed)
{
	for (size_t i = 0; i < len; i++)
		p[i] = (uint8_t)(rand_r(seed) >> 7);
}

/* Each says something else, or nothing. */
static void misbehave(int fd, int kind, unsigned *seed)
{
	static uint8_t bytes[NOISE_BYTES];
	size_t len = 1 + (size_t)rand_r(seed) % 4096;

	switch (kind) {
	case 0:
		return;
	case 1: /* random bytes */
		noise(bytes, len, seed);
		say(fd, bytes, len);
		return;
	case 2: /* half a header */
		say(fd, login_pdu, 1 + len % (ISCSI_BHS_LEN - 1));
		return;
	case 3: /* half of the text */
		say(fd, login_pdu, (ISCSI_BHS_LEN + login_len) / 2);
		return;
	case 4: /* a header that announces 8 KiB of text, and random text */
		noise(bytes, sizeof(bytes), seed);
		memcpy(bytes, login_pdu, ISCSI_BHS_LEN);
		st24(bytes + 5, ISCSI_LOGIN_DATA_MAX);
		say(fd, bytes, sizeof(bytes));
		return;
	default: /* a login, and then random bytes */
		noise(bytes, sizeof(bytes), seed);
		memcpy(bytes, login_pdu, login_len);
		say(fd, bytes, sizeof(bytes));
		return;
	}
}

/* By RST, by FIN, or as the daemon will: whoever waits for its own end waits no longer. */
static void leave(int fd, int how)
{
	struct linger l = {.l_onoff = 1};
	if (how == 0)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
	if (how == 1)
		shutdown(fd, SHUT_WR);
	close(fd);
}

static void crowd(void)
{
	int fds[AT_ONCE];
	unsigned seed = 42;

	for (int round = 0; round < CROWD / AT_ONCE; round++) {
		for (int i = 0; i < AT_ONCE; i++) {
			fds[i] = connect_one();
			misbehave(fds[i], i % 6, &seed);
		}
		test_sleep_ms(200);
		for (int i = 0; i < AT_ONCE; i++)
			leave(fds[i], (i / 6) % 3);
	}
}

/* None of them waits at the portal any more. The neighbour is one of the accepted. */
static void expect_all_seen(void)
{
	unsigned long long limit = test_now_ms() + DAEMON_PATIENCE_MS;
	while (watch_counter(&d, "accepted") + watch_counters(&d, "refused_") < CROWD + 1 &&
	       test_now_ms() < limit)
		test_sleep_ms(20);
}

/* ---- a crowd that comes and goes ---- */

static const char *const limits[] = {
	"limits = { connections = 1200; connections_per_address = 1200; logins = 1200;"
	"login_timeout = 3; rx_stall = 2; };",
	"limits = { connections = 60; connections_per_address = 50; logins = 20;"
	"login_timeout = 3; rx_stall = 2; };",
};

/* _i: the limits admit all, or refuse most. */
START_TEST(strangers_come_and_go)
{
	start(limits[_i]);
	unsigned long long since = test_now_ms();
	crowd();
	unsigned long long ms = test_now_ms() - since;
	expect_all_seen();
	expect_as_before(_i ? "most refused" : "all admitted");
	uint64_t accepted = watch_counter(&d, "accepted"), refused = watch_counters(&d, "refused_");
	printf("# %d connections in %llu ms: %llu accepted, %llu refused\n", CROWD, ms,
	       (unsigned long long)accepted, (unsigned long long)refused);
	/* The neighbour is the only one that is left. */
	ck_assert_uint_eq(accepted + refused, CROWD + 1);
	if (_i)
		ck_assert_uint_ge(refused, CROWD / 2);
	else
		ck_assert_uint_eq(refused, 0);
	watch_counters_wait(&d, "ended_", accepted - 1);
	stop();
}
END_TEST

/* ---- a crowd that stays ---- */

/* Each waits for its end, which the daemon makes. */
static void expect_ended(const int *fds, int count)
{
	for (int i = 0; i < count; i++) {
		struct pollfd p = {.fd = fds[i], .events = POLLIN};
		char c;
		ck_assert_msg(poll(&p, 1, DAEMON_PATIENCE_MS) == 1, "number %d is not ended", i);
		ck_assert_int_le(recv(fds[i], &c, 1, 0), 0);
	}
}

START_TEST(a_thousand_half_logins)
{
	static int fds[CROWD];
	char more[256];

	snprintf(more, sizeof(more),
		 "limits = { connections = 1200; connections_per_address = 1200; logins = 1200;"
		 "login_timeout = %d; rx_stall = 60; };",
		 TIMEOUT_S);
	start(more);
	unsigned long long first = test_now_ms();
	for (int i = 0; i < CROWD; i++) {
		fds[i] = connect_one();
		say(fds[i], login_pdu, (ISCSI_BHS_LEN + login_len) / 2);
	}
	unsigned long long last = test_now_ms();
	watch_counter_wait(&d, "accepted", CROWD + 1);
	test_sleep_ms(300); /* what they sent was read, too */
	unsigned held = watch_memory_kib(&d), open = watch_descriptors(&d);
	/* On a machine so slow that the first are gone, these figures would say nothing. */
	bool all_there = test_now_ms() - first < TIMEOUT_S * 1000u;
	printf("# %d half logins: memory %u KiB, then %u KiB; descriptors %u, then %u\n", CROWD,
	       memory, held, descriptors, open);
	fflush(stdout);
	if (all_there)
		ck_assert_uint_eq(open, descriptors + CROWD);
	if (watch_memory_counts())
		ck_assert_uint_lt(held, memory + HELD_MAX);
	expect_ended(fds, CROWD);
	printf("# all ended %llu ms after the last came, limits.login_timeout is %d s\n",
	       test_now_ms() - last, TIMEOUT_S);
	fflush(stdout);
	ck_assert_uint_ge(test_now_ms() - last, TIMEOUT_S * 1000u);
	watch_counter_wait(&d, "ended_login_timeout", CROWD);
	expect_as_before("after the half logins");
	ck_assert_uint_le(watch_lines(&d, "did not log in within limits.login_timeout"), 20);
	for (int i = 0; i < CROWD; i++)
		close(fds[i]);
	stop();
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("flood");
	TCase *t = tcase_create("flood");

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, strangers_come_and_go, 0, 2);
	tcase_add_test(t, a_thousand_half_logins);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	return test_main(suite());
}
