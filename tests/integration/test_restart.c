// SPDX-License-Identifier: MIT
/* test_restart.c - memtgtd --keeper: who connects while no daemon runs, and how each of the two
 * ends. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/daemon.h"
#include "lib/rawinit.h"
#include "lib/test_main.h"

#define MANY 1000u

static struct daemon d;

static void start(void)
{
	daemon_start_kept(&d, "{ id = 0; size = \"16M\"; }",
			  "limits = { connections = 1100; connections_per_address = 1100;"
			  "           logins = 1100; login_timeout = 600; };"
			  "reactor = { count = 2; };");
}

/* ---- helpers ---- */

/* 0 or errno; *fd: the socket. */
static int try_connect(const char *address, unsigned port, int *fd)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};

	ck_assert_int_eq(inet_pton(AF_INET, address, &to.sin_addr), 1);
	*fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_ge(*fd, 0);
	return connect(*fd, (struct sockaddr *)&to, sizeof(to)) ? errno : 0;
}

static int must_connect(unsigned port)
{
	int fd, err = try_connect("127.0.0.1", port, &fd);

	ck_assert_msg(!err, "connect: %s", strerror(err));
	return fd;
}

/* A session on a connection that is there, each with a name of its own, and a command in it. */
static void must_be_served(int fd, unsigned qualifier)
{
	struct raw r;

	raw_use(&r, d.port, fd);
	raw_set_isid(&r, qualifier);
	ck_assert_uint_eq(raw_login(&r, DAEMON_TARGET, NULL), 0);
	for (int i = 0; raw_test_unit_ready(&r, 0) != 0; i++)
		ck_assert_int_lt(i, 4);
	raw_close(&r);
}

/* A process that is another's child: readable when it has ended. */
static int watch_process(pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	ck_assert_int_ge(fd, 0);
	return fd;
}

static void wait_gone(int pidfd)
{
	struct pollfd p = {.fd = pidfd, .events = POLLIN};

	ck_assert_int_eq(poll(&p, 1, DAEMON_PATIENCE_MS), 1);
	close(pidfd);
}

static void kill_child(int signo)
{
	pid_t pid = daemon_child(&d);
	int fd = watch_process(pid);

	ck_assert_int_eq(kill(pid, signo), 0);
	wait_gone(fd);
}

static void raise_file_limit(void)
{
	struct rlimit rl;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &rl), 0);
	rl.rlim_cur = rl.rlim_max < MANY + 100 ? rl.rlim_max : MANY + 100;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &rl), 0);
}

/* ---- connections ---- */

/* The keeper sleeps, so for certain no daemon runs while they connect. */
START_TEST(a_thousand_connects_while_no_daemon_runs)
{
	static int fds[MANY];

	raise_file_limit();
	ck_assert_int_eq(kill(d.pid, SIGSTOP), 0);
	kill_child(SIGKILL);
	for (unsigned i = 0; i < MANY; i++)
		fds[i] = must_connect(d.port);
	ck_assert_int_eq(kill(d.pid, SIGCONT), 0);
	daemon_wait_ready(&d, 2);
	for (unsigned i = 0; i < MANY; i++)
		must_be_served(fds[i], i + 1);
	daemon_stop(&d);
}
END_TEST

/* By every way in which a daemon ends and another comes, at whatever moment. */
START_TEST(no_connect_is_refused)
{
	static const int signals[] = {SIGKILL, SIGTERM, SIGKILL, SIGHUP, SIGINT};
	unsigned n = 0;

	for (unsigned i = 0; i < sizeof(signals) / sizeof(*signals); i++) {
		int fd = watch_process(daemon_child(&d));
		ck_assert_int_eq(kill(daemon_child(&d), signals[i]), 0);
		struct pollfd p = {.fd = fd, .events = POLLIN};
		do {
			close(must_connect(d.port));
			n++;
		} while (!poll(&p, 1, 0));
		close(fd);
		must_be_served(must_connect(d.port), 1);
		daemon_wait_ready(&d, i + 2);
	}
	ck_assert_uint_gt(n, 0);
	daemon_stop(&d);
}
END_TEST

/* ---- ends ---- */

static void expect_logout_request(struct raw *r)
{
	raw_expect(r, ISCSI_OP_ASYNC);
	ck_assert_uint_eq(r->bhs.async.event, ISCSI_ASYNC_LOGOUT_REQUEST);
}

/* Who is to go on is not asked to log out: the connection just ends. */
START_TEST(sigterm_to_the_daemon_is_quick)
{
	struct raw r;

	raw_session(&r, d.port, NULL);
	ck_assert_int_eq(kill(daemon_child(&d), SIGTERM), 0);
	ck_assert(!raw_recv(&r));
	raw_close(&r);
	daemon_wait_ready(&d, 2);
	ck_assert(daemon_log_has(&d, "signal SIGTERM: stopping; memory is kept"));
	ck_assert(daemon_log_has(&d, "ended with status 0"));
	raw_session(&r, d.port, NULL);
	raw_close(&r);
	daemon_stop(&d);
}
END_TEST

/* Directly it is a final end too; the keeper, which was not asked to end, starts another. */
START_TEST(sigusr2_to_the_daemon_is_final)
{
	struct raw r;
	int fd;

	raw_session(&r, d.port, NULL);
	ck_assert_int_eq(kill(daemon_child(&d), SIGUSR2), 0);
	expect_logout_request(&r);
	raw_close(&r);
	daemon_wait_ready(&d, 2);
	ck_assert(daemon_log_has(&d, "signal SIGUSR2: stopping\n"));
	ck_assert(!daemon_log_has(&d, "gets 1 descriptor"));
	/* Port 0 of the configuration: another, since nothing was kept. */
	ck_assert_int_eq(try_connect("127.0.0.1", d.port, &fd), ECONNREFUSED);
	close(fd);
	daemon_stop(&d);
}
END_TEST

START_TEST(sigterm_to_the_keeper_is_final)
{
	struct raw r;
	int fd;

	raw_session(&r, d.port, NULL);
	daemon_ask_to_end(&d);
	expect_logout_request(&r);
	raw_close(&r);
	int gone = watch_process(daemon_child(&d));
	daemon_wait_end(&d, DAEMON_PATIENCE_MS);
	wait_gone(gone);
	ck_assert_int_eq(try_connect("127.0.0.1", d.port, &fd), ECONNREFUSED);
	close(fd);
}
END_TEST

/* The daemon goes on, and knows that from now on its end is the end. */
START_TEST(killed_keeper)
{
	struct raw r;
	pid_t pid = daemon_child(&d);
	int status;

	raw_session(&r, d.port, NULL);
	ck_assert_int_eq(kill(d.pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(d.pid, &status, 0), d.pid);
	daemon_log_wait(&d, "this daemon's memory is not kept any more");
	ck_assert_uint_eq(raw_test_unit_ready(&r, 0), 0);
	int gone = watch_process(pid);
	ck_assert_int_eq(kill(pid, SIGTERM), 0);
	expect_logout_request(&r);
	raw_close(&r);
	wait_gone(gone);
	close(d.log);
}
END_TEST

/* A start that fails takes nothing from the next one. */
START_TEST(broken_configuration)
{
	char good[4096] = "";
	int fd = open(d.config, O_RDWR | O_CLOEXEC), waiting;

	ssize_t n = read(fd, good, sizeof(good));
	ck_assert_int_gt(n, 0);
	ck_assert_int_eq(ftruncate(fd, 0), 0);
	kill_child(SIGKILL);
	daemon_log_wait(&d, "ended 3 times in a row");
	waiting = must_connect(d.port);
	ck_assert_int_eq((int)pwrite(fd, good, (size_t)n, 0), (int)n);
	close(fd);
	daemon_wait_ready(&d, 2);
	must_be_served(waiting, 1);
	daemon_stop(&d);
}
END_TEST

/* ---- another configuration ---- */

static void write_portals(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static void write_portals(const char *fmt, ...)
{
	FILE *f = fopen(d.config, "w");
	va_list ap;

	ck_assert_ptr_nonnull(f);
	fprintf(f, "targets = ( { name = \"" DAEMON_TARGET "\";"
		   "luns = ( { id = 0; size = \"16M\"; } ); } );\nportals = ( ");
	va_start(ap, fmt);
	vfprintf(f, fmt, ap);
	va_end(ap);
	fprintf(f, " );\n");
	fclose(f);
}

/* The port of this address in the last ready line, 0: it is not there. */
static unsigned ready_port(const char *address)
{
	static char log[256 << 10];
	ssize_t n = pread(d.log, log, sizeof(log) - 1, 0);
	char *line = NULL, mark[64];

	log[n > 0 ? n : 0] = '\0';
	for (char *at = log; (at = strstr(at, "memtgtd: ready on ")); at++)
		line = at;
	ck_assert_ptr_nonnull(line);
	*strchrnul(line, '\n') = '\0';
	snprintf(mark, sizeof(mark), " %s:", address);
	char *at = strstr(line, mark);
	return at ? (unsigned)atoi(at + strlen(mark)) : 0;
}

/* Portals are found by their address, not by their place; what is not wanted any more is closed. */
START_TEST(other_portals)
{
	unsigned first = d.port;
	int waiting = -1, fd;

	write_portals("{ address = \"127.0.0.2\"; port = 0; },"
		      "{ address = \"127.0.0.1\"; port = 0; }");
	ck_assert_int_eq(kill(d.pid, SIGSTOP), 0);
	kill_child(SIGKILL);
	waiting = must_connect(first);
	ck_assert_int_eq(kill(d.pid, SIGCONT), 0);
	daemon_wait_ready(&d, 2);
	ck_assert_uint_eq(ready_port("127.0.0.1"), first);
	must_be_served(waiting, 1);
	unsigned second = ready_port("127.0.0.2");
	ck_assert_uint_ne(second, 0);

	/* The fixed port takes the socket that port 0 before it could have had. */
	write_portals("{ address = \"127.0.0.1\"; port = 0; },"
		      "{ address = \"127.0.0.1\"; port = %u; }",
		      first);
	ck_assert_int_eq(kill(d.pid, SIGHUP), 0);
	daemon_wait_ready(&d, 3);
	ck_assert_uint_ne(ready_port("127.0.0.1"), first);
	ck_assert_int_eq(try_connect("127.0.0.2", second, &fd), ECONNREFUSED);
	close(fd);
	must_be_served(must_connect(first), 1);

	/* The old socket would be in the way of one of any address. */
	write_portals("{ address = \"0.0.0.0\"; port = %u; }", first);
	FILE *f = fopen(d.config, "a");
	fprintf(f, "access = \"any\";\n");
	fclose(f);
	ck_assert_int_eq(kill(d.pid, SIGHUP), 0);
	daemon_wait_ready(&d, 4);
	ck_assert_uint_eq(ready_port("0.0.0.0"), first);
	must_be_served(must_connect(first), 1);
	daemon_stop(&d);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("restart");
	TCase *t = tcase_create("restart");

	tcase_set_timeout(t, 240);
	tcase_add_checked_fixture(t, start, NULL);
	tcase_add_test(t, a_thousand_connects_while_no_daemon_runs);
	tcase_add_test(t, no_connect_is_refused);
	tcase_add_test(t, sigterm_to_the_daemon_is_quick);
	tcase_add_test(t, sigusr2_to_the_daemon_is_final);
	tcase_add_test(t, sigterm_to_the_keeper_is_final);
	tcase_add_test(t, killed_keeper);
	tcase_add_test(t, broken_configuration);
	tcase_add_test(t, other_portals);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	return test_main(suite());
}
