// SPDX-License-Identifier: MIT
/*
 * test_control_service.c - clients of the control socket: many, slow, silent, greedy, gone.
 *
 * Where the limit of time is the subject it is short, and only waited for; elsewhere it is an hour.
 */
#include "control/service.h"

#include <errno.h>
#include <linux/sockios.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/test_main.h"
#include "memtgt/control.h"
#include "unit/rpc_fixture.h"

#define PATIENCE_MS 30000
#define HOUR_MS	    3600000u

#define ECHO_LINE "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"echo\"}\n"
#define PARROT_LINE                                                       \
	"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"parrot\",\"params\":" \
	"{\"bytes\":%zu}}\n"
#define BIG_LINE "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"big\"}\n"

static char folder[64], path[128];
static struct control_service service;
static struct counters counters;

static void start(unsigned idle_ms)
{
	struct control_socket s;
	char why[512];

	strcpy(folder, "/tmp/test_service.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/sock", folder);
	memset(&counters, 0, sizeof(counters));
	ck_assert_int_eq(control_socket_open(&s, path, NULL, why, sizeof(why)), 0);
	ck_assert_int_eq(control_service_start(&service, &s, &fixture_rpc, &counters, idle_ms), 0);
}

static void stop(void)
{
	control_service_stop(&service);
	ck_assert_int_eq(access(path, F_OK), -1);
	ck_assert_int_eq(rmdir(folder), 0);
	control_service_stop(&service); /* harmless */
}

static uint64_t counted(enum counter which)
{
	return counters.n[which];
}

static int new_client(void)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(un.sun_path, path);
	ck_assert_int_eq(connect(fd, (const struct sockaddr *)&un, sizeof(un)), 0);
	return fd;
}

/* false: the service has ended it. */
static bool put(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);
		if (sent < 0)
			return false;
		p += sent;
		n -= (size_t)sent;
	}
	return true;
}

static ssize_t get(int fd, char *p, size_t n)
{
	struct pollfd f = {.fd = fd, .events = POLLIN};

	ck_assert_int_eq(poll(&f, 1, PATIENCE_MS), 1);
	return recv(fd, p, n, 0);
}

/* The next line; empty: the end. */
static const char *line_of(int fd)
{
	static char line[4096];
	size_t n = 0;

	while (n < sizeof(line) - 1 && get(fd, line + n, 1) == 1)
		if (line[n++] == '\n')
			break;
	line[n] = '\0';
	return line;
}

static void expect_code(int fd, int code)
{
	char text[32];
	const char *line = line_of(fd);

	snprintf(text, sizeof(text), "\"code\":%d,", code);
	ck_assert_msg(strstr(line, text) != NULL, "no %s in: %s", text, line);
}

static void expect_echo(int fd)
{
	ck_assert(put(fd, ECHO_LINE, strlen(ECHO_LINE)));
	const char *line = line_of(fd);
	ck_assert_msg(strstr(line, "\"result\":{\"text\":\"none\"") != NULL, "%s", line);
}

/* Whatever was sent before, and then the end; a reset is an end, too. */
static void expect_end(int fd)
{
	char bytes[4096];

	while (get(fd, bytes, sizeof(bytes)) > 0)
		;
	close(fd);
}

static void hour(void)
{
	start(HOUR_MS);
}

/* ---- lines ---- */

START_TEST(many_lines)
{
	int fd = new_client();

	for (int i = 0; i < 3; i++)
		expect_echo(fd);
	/* Several at once, the last in two parts. */
	ck_assert(put(fd, ECHO_LINE ECHO_LINE "x\n" ECHO_LINE, 3 * strlen(ECHO_LINE) - 3));
	for (int i = 0; i < 2; i++)
		ck_assert_ptr_nonnull(strstr(line_of(fd), "result"));
	expect_code(fd, CONTROL_ERR_PARSE);
	ck_assert(put(fd, &ECHO_LINE[strlen(ECHO_LINE) - 5], 5));
	ck_assert_ptr_nonnull(strstr(line_of(fd), "result"));
	shutdown(fd, SHUT_WR);
	ck_assert_str_eq(line_of(fd), "");
	close(fd);
	ck_assert_uint_eq(counted(COUNT_CONTROL_CLIENTS), 1);
	ck_assert_uint_eq(counted(COUNT_CONTROL_REQUESTS), 7);
	ck_assert_uint_eq(counted(COUNT_CONTROL_ERRORS), 1);
}
END_TEST

START_TEST(byte_by_byte)
{
	int fd = new_client();

	for (const char *p = ECHO_LINE; *p; p++)
		ck_assert(put(fd, p, 1));
	ck_assert_ptr_nonnull(strstr(line_of(fd), "result"));
	close(fd);
}
END_TEST

static const char notification[] = "{\"jsonrpc\":\"2.0\",\"method\":\"echo\"}\n";

START_TEST(notifications)
{
	int fd = new_client();

	ck_assert(put(fd, notification, strlen(notification)));
	ck_assert(put(fd, notification, strlen(notification)));
	expect_echo(fd);
	close(fd);
}
END_TEST

/* unix(7) counts what the other side did not receive yet. */
static void wait_until_read(int fd)
{
	for (int left = 1; left; poll(NULL, 0, 1))
		ck_assert_int_eq(ioctl(fd, SIOCOUTQ, &left), 0);
}

/* One byte less than the limit, as many, and one more. */
START_TEST(longest_line)
{
	size_t n = CONTROL_REQUEST_MAX - 1 + (size_t)_i;
	char *line = malloc(n + 1);
	int fd = new_client();

	memset(line, ' ', n);
	memcpy(line, ECHO_LINE, strlen(ECHO_LINE) - 1);
	line[n] = '\n';
	if (_i == 1) {
		/* Without its newline at first: the buffer is full, and it may still be right. */
		ck_assert(put(fd, line, n));
		wait_until_read(fd);
		ck_assert(put(fd, line + n, 1));
	} else {
		(void)put(fd, line, n + 1);
	}
	free(line);
	if (_i < 2) {
		ck_assert_ptr_nonnull(strstr(line_of(fd), "result"));
		expect_echo(fd);
		close(fd);
		return;
	}
	expect_code(fd, CONTROL_ERR_TOO_LONG);
	expect_end(fd);
	ck_assert_uint_eq(counted(COUNT_CONTROL_ERRORS), 1);
}
END_TEST

/* Bytes without end: told once, and closed. */
START_TEST(endless_line)
{
	static char noise[1 << 18];
	int fd = new_client();

	memset(noise, '[', sizeof(noise));
	(void)put(fd, noise, sizeof(noise));
	expect_code(fd, CONTROL_ERR_TOO_LONG);
	expect_end(fd);
}
END_TEST

/* ---- clients ---- */

START_TEST(too_many_clients)
{
	int fd[CONTROL_CLIENTS_MAX];

	for (unsigned i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		fd[i] = new_client();
		expect_echo(fd[i]);
	}
	for (int i = 0; i < 3; i++) {
		int more = new_client();
		expect_code(more, CONTROL_ERR_CLIENTS);
		expect_end(more);
	}
	ck_assert_uint_eq(counted(COUNT_CONTROL_REFUSED), 3);
	for (unsigned i = 0; i < CONTROL_CLIENTS_MAX; i++)
		expect_echo(fd[i]);
	/* Who leaves makes room, as soon as that was seen. */
	close(fd[0]);
	for (bool in = false; !in;) {
		int again = new_client();
		(void)put(again, ECHO_LINE, strlen(ECHO_LINE));
		in = strstr(line_of(again), "result") != NULL;
		close(again);
	}
	for (unsigned i = 1; i < CONTROL_CLIENTS_MAX; i++)
		close(fd[i]);
}
END_TEST

START_TEST(come_and_go)
{
	char some[4096];

	for (int i = 0; i < 200; i++) {
		int fd = new_client();
		switch (i % 4) {
		case 0: /* says nothing */
			break;
		case 1: /* goes in the middle of a line */
			(void)put(fd, ECHO_LINE, 20);
			break;
		case 2: /* does not wait for the answer */
			(void)put(fd, ECHO_LINE, strlen(ECHO_LINE));
			break;
		case 3: /* goes in the middle of the answer */
			if (put(fd, BIG_LINE, strlen(BIG_LINE)))
				(void)get(fd, some, sizeof(some));
			break;
		}
		close(fd);
	}
	for (bool in = false; !in;) {
		int fd = new_client();
		(void)put(fd, ECHO_LINE, strlen(ECHO_LINE));
		in = strstr(line_of(fd), "result") != NULL;
		close(fd);
	}
}
END_TEST

/* While others hold what they hold, those who behave are served. */
START_TEST(others_are_served)
{
	int silent = new_client(), half = new_client(), deaf = new_client(), good = new_client();

	ck_assert(put(half, ECHO_LINE, 20));
	for (int i = 0; i < 8; i++) /* more than the sockets hold */
		ck_assert(put(deaf, BIG_LINE, strlen(BIG_LINE)));
	for (int i = 0; i < 50; i++)
		expect_echo(good);
	/* The half becomes a whole, late. */
	ck_assert(put(half, &ECHO_LINE[20], strlen(ECHO_LINE) - 20));
	ck_assert_ptr_nonnull(strstr(line_of(half), "result"));
	control_service_stop(&service);
	expect_end(silent);
	expect_end(half);
	expect_end(deaf);
	expect_end(good);
}
END_TEST

/* A long answer arrives whole at a client that reads slowly. */
START_TEST(long_answer)
{
	static char answer[BIG_BYTES * 2];
	size_t n = 0;
	int fd = new_client();

	ck_assert(put(fd, BIG_LINE, strlen(BIG_LINE)));
	do {
		ssize_t got = get(fd, answer + n, 1000);
		ck_assert_int_gt(got, 0);
		n += (size_t)got;
	} while (answer[n - 1] != '\n');
	ck_assert_uint_gt(n, BIG_BYTES);
	ck_assert_uint_eq(strspn(strstr(answer, "xxx"), "x"), BIG_BYTES);
	expect_echo(fd);
	close(fd);
}
END_TEST

/* ---- bytes beside lines ---- */

/* A request, its bytes, and another request, in one piece: each is taken for what it is. */
START_TEST(parrot)
{
	static const size_t sizes[] = {0, 1, CONTROL_REQUEST_MAX, BIG_BYTES};
	static char sent[BIG_BYTES + 256], back[BIG_BYTES];
	size_t n = sizes[_i], got = 0;
	int fd = new_client();
	int head = snprintf(sent, 128, PARROT_LINE, n);

	for (size_t i = 0; i < n; i++)
		sent[(size_t)head + i] = i % 7 ? (char)(i * 31) : '\n';
	memcpy(sent + head + n, ECHO_LINE, strlen(ECHO_LINE));
	pid_t pid = fork();
	if (!pid)
		_exit(!put(fd, sent, (size_t)head + n + strlen(ECHO_LINE)));
	while (got < n) {
		ssize_t some = get(fd, back + got, n - got);
		ck_assert_int_gt(some, 0);
		got += (size_t)some;
	}
	ck_assert_mem_eq(back, sent + head, n);
	ck_assert_ptr_nonnull(strstr(line_of(fd), "\"result\":{}"));
	ck_assert_ptr_nonnull(strstr(line_of(fd), "\"text\":\"none\""));
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	close(fd);
}
END_TEST

START_TEST(parrot_without_answer)
{
	static const char line[] = "{\"jsonrpc\":\"2.0\",\"method\":\"parrot\","
				   "\"params\":{\"bytes\":9}}\n";
	int fd = new_client();

	ck_assert(put(fd, line, strlen(line)));
	expect_echo(fd);
	close(fd);
}
END_TEST

/* Waits for bytes, or for room, when all are to end. */
START_TEST(parrots_end)
{
	static char bytes[BIG_BYTES];
	int hungry = new_client(), deaf = new_client();
	char line[128];

	snprintf(line, sizeof(line), PARROT_LINE, (size_t)9);
	ck_assert(put(hungry, line, strlen(line)) && put(hungry, "12345678", 8));
	snprintf(line, sizeof(line), PARROT_LINE, (size_t)BIG_BYTES);
	ck_assert(put(deaf, line, strlen(line)) && put(deaf, bytes, sizeof(bytes)));
	control_service_stop(&service);
	expect_end(hungry);
	expect_end(deaf);
}
END_TEST

/* ---- limits of time ---- */

static void brief(void)
{
	start(200);
}

START_TEST(silent_client)
{
	int fd = new_client();

	ck_assert_str_eq(line_of(fd), "");
	close(fd);
}
END_TEST

/* A byte now and then does not help. */
START_TEST(dripping_client)
{
	struct timespec pause = {.tv_nsec = 20000000};
	int fd = new_client();

	while (put(fd, " ", 1))
		nanosleep(&pause, NULL);
	expect_end(fd);
}
END_TEST

/* What it still sends is no request. */
START_TEST(stalled_parrot)
{
	char line[128];
	int fd = new_client();

	snprintf(line, sizeof(line), PARROT_LINE, (size_t)9);
	ck_assert(put(fd, line, strlen(line)) && put(fd, "12345678", 8));
	const char *told = line_of(fd);
	ck_assert_msg(strstr(told, strerror(ETIMEDOUT)) != NULL, "%s", told);
	(void)put(fd, ECHO_LINE, strlen(ECHO_LINE));
	expect_end(fd);
	ck_assert_uint_eq(counted(COUNT_CONTROL_REQUESTS), 1);
}
END_TEST

START_TEST(deaf_client)
{
	int fd = new_client();

	/* It is ended while it still sends, or with answers on the way. */
	for (int i = 0; i < 8; i++)
		if (!put(fd, BIG_LINE, strlen(BIG_LINE)))
			break;
	struct pollfd f = {.fd = fd, .events = POLLRDHUP};
	ck_assert_int_eq(poll(&f, 1, PATIENCE_MS), 1);
	close(fd);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("control_service");
	TCase *t = tcase_create("lines"), *l = tcase_create("limits");

	tcase_add_checked_fixture(t, hour, stop);
	tcase_add_test(t, many_lines);
	tcase_add_test(t, byte_by_byte);
	tcase_add_test(t, notifications);
	tcase_add_loop_test(t, longest_line, 0, 3);
	tcase_add_test(t, endless_line);
	tcase_add_test(t, too_many_clients);
	tcase_add_test(t, come_and_go);
	tcase_add_test(t, others_are_served);
	tcase_add_test(t, long_answer);
	tcase_add_loop_test(t, parrot, 0, 4);
	tcase_add_test(t, parrot_without_answer);
	tcase_add_test(t, parrots_end);
	suite_add_tcase(s, t);
	tcase_add_checked_fixture(l, brief, stop);
	tcase_add_test(l, silent_client);
	tcase_add_test(l, dripping_client);
	tcase_add_test(l, stalled_parrot);
	tcase_add_test(l, deaf_client);
	suite_add_tcase(s, l);
	return test_main(s);
}
