// SPDX-License-Identifier: MIT
/* test_notify.c - what the daemon tells and gives to whoever started it. */
#include "base/notify.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/logged.h"
#include "lib/test_main.h"

static int manager = -1; /* the manager's socket */
static char path[80];

/* "@NAME" or a path, as NOTIFY_SOCKET. */
static int listen_at(const char *name)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	size_t n = strlen(name);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	ck_assert_uint_le(n, sizeof(a.sun_path));
	memcpy(a.sun_path, name, n);
	if (name[0] == '@')
		a.sun_path[0] = '\0';
	ck_assert_int_eq(
		bind(fd, (void *)&a, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)), 0);
	return fd;
}

static void setup(void)
{
	static const char *const names[] = {"FDSTORE", "WATCHDOG_USEC", "WATCHDOG_PID",
					    NOTIFY_KEEPER, "NOTIFY_SOCKET"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		unsetenv(names[i]);
	log_catch();
	snprintf(path, sizeof(path), "@memtgt-test-notify-%d", (int)getpid());
	manager = listen_at(path);
	setenv("NOTIFY_SOCKET", path, 1);
	notify_open();
}

static void teardown(void)
{
	notify_close();
	close(manager);
	log_release();
}

/* The next message's text, "" if there is none; *fd: the descriptor with it, -1: none. */
static const char *heard(int *fd)
{
	static char text[8192];
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = {text, sizeof(text) - 1};
	struct msghdr m = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = control,
			   .msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(manager, &m, MSG_CMSG_CLOEXEC);

	text[n > 0 ? n : 0] = '\0';
	struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&m) : NULL;
	*fd = -1;
	if (c)
		memcpy(fd, CMSG_DATA(c), sizeof(*fd));
	return text;
}

#define expect_heard(expected)                             \
	do {                                               \
		int fd_;                                   \
		ck_assert_str_eq(heard(&fd_), (expected)); \
		ck_assert_int_eq(fd_, -1);                 \
	} while (0)

START_TEST(texts)
{
	notify_ready();
	expect_heard("READY=1");
	notify_stopping();
	expect_heard("STOPPING=1");
	notify_watchdog();
	expect_heard("WATCHDOG=1");
	notify_extend(30);
	expect_heard("EXTEND_TIMEOUT_USEC=30000000");
	notify_status("all is well");
	expect_heard("STATUS=all is well");
	notify_binary("/usr/sbin/memtgtd");
	expect_heard("X_MEMTGT_BINARY=/usr/sbin/memtgtd");
	notify_forget("portal-3");
	expect_heard("FDSTOREREMOVE=1\nFDNAME=portal-3");
	expect_heard("");
	ck_assert_str_eq(logged(), "");
}
END_TEST

START_TEST(stores_the_descriptor)
{
	int mine = memfd_create("test", MFD_CLOEXEC), other;
	struct stat a, b;

	ck_assert_int_eq(notify_store("memtgt-pool", mine), 0);
	ck_assert_str_eq(heard(&other), "FDSTORE=1\nFDNAME=memtgt-pool\nFDPOLL=0");
	ck_assert_int_ge(other, 0);
	ck_assert_int_eq(fstat(mine, &a) | fstat(other, &b), 0);
	ck_assert_uint_eq(a.st_ino, b.st_ino);
	close(other);
	ck_assert_int_eq(notify_store("not a name", mine), -EINVAL);
	ck_assert_ptr_nonnull(strstr(logged(), "not a name could not be given"));
	close(mine);
	ck_assert_int_eq(notify_store("closed", mine), -EBADF);
	ck_assert_ptr_nonnull(strstr(logged(), "closed could not be given"));
}
END_TEST

START_TEST(without_a_manager)
{
	unsetenv("NOTIFY_SOCKET");
	setenv("FDSTORE", "128", 1);
	setenv("WATCHDOG_USEC", "1000000", 1);
	notify_open();
	ck_assert(!notify_keeps());
	ck_assert_uint_eq(notify_watchdog_us(), 0);
	ck_assert_int_eq(notify_keeper_fd(), -1);
	ck_assert_int_eq(notify_store("x", STDIN_FILENO), 0);
	ck_assert_int_eq(notify_barrier(0), 0);
	notify_ready();
	setenv("NOTIFY_SOCKET", "", 1);
	notify_open();
	notify_ready();
	expect_heard("");
	ck_assert_str_eq(logged(), "");
}
END_TEST

/* At the longest that an address may be, and above. */
START_TEST(addresses)
{
	struct sockaddr_un a;
	char name[sizeof(a.sun_path) + 1];

	for (size_t n = sizeof(a.sun_path) - 1; n <= sizeof(a.sun_path); n++) {
		memset(name, 'x', n);
		name[0] = '@';
		name[n] = '\0';
		close(manager);
		manager = listen_at(name);
		setenv("NOTIFY_SOCKET", name, 1);
		notify_open();
		notify_ready();
		expect_heard(n < sizeof(a.sun_path) ? "READY=1" : "");
	}
	ck_assert_ptr_nonnull(strstr(logged(), "neither a path nor @NAME"));
	static const char *const bad[] = {"vsock:2:1234", "@", "/", "relative/path"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		setenv("NOTIFY_SOCKET", bad[i], 1);
		notify_open();
		ck_assert(!notify_keeps());
		ck_assert_ptr_nonnull(strstr(logged(), bad[i]));
	}
}
END_TEST

/* Made anew, as systemd does when it is started anew. */
START_TEST(socket_of_a_path)
{
	snprintf(path, sizeof(path), "/tmp/memtgt-test-notify-%d", (int)getpid());
	for (int i = 0; i < 3; i++) {
		close(manager);
		manager = listen_at(path);
		setenv("NOTIFY_SOCKET", path, 1);
		if (!i)
			notify_open();
		notify_ready();
		expect_heard("READY=1");
		unlink(path);
	}
	close(manager);
	notify_ready();
	ck_assert_ptr_nonnull(strstr(logged(), "could not be told \"READY=1\""));
}
END_TEST

/* The name of one who is gone may be another's: that one must not get our memory. */
START_TEST(nobody_else_hears)
{
	notify_ready();
	expect_heard("READY=1");
	close(manager);
	manager = listen_at(path);
	ck_assert_int_eq(notify_store("memtgt-pool", STDERR_FILENO), -ECONNREFUSED);
	notify_ready();
	expect_heard("");
}
END_TEST

START_TEST(does_it_keep)
{
	static const struct {
		const char *fdstore;
		bool keeps;
	} rows[] = {{"128", true},
		    {"1", true},
		    {"0", false},
		    {"", false},
		    {"-1", false},
		    {"x", false},
		    {"18446744073709551616", false},
		    {NULL, false}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (rows[i].fdstore)
			setenv("FDSTORE", rows[i].fdstore, 1);
		else
			unsetenv("FDSTORE");
		notify_open();
		ck_assert_int_eq(notify_keeps(), rows[i].keeps);
	}
}
END_TEST

START_TEST(whose_watchdog)
{
	char self[24];

	snprintf(self, sizeof(self), "%d", (int)getpid());
	setenv("WATCHDOG_USEC", "30000000", 1);
	notify_open();
	ck_assert_uint_eq(notify_watchdog_us(), 30000000);
	setenv("WATCHDOG_PID", self, 1);
	notify_open();
	ck_assert_uint_eq(notify_watchdog_us(), 30000000);
	setenv("WATCHDOG_PID", "1", 1);
	notify_open();
	ck_assert_uint_eq(notify_watchdog_us(), 0);
}
END_TEST

static void *answer_barrier(void *arg)
{
	struct pollfd p = {.fd = manager, .events = POLLIN};
	int fd;

	(void)arg;
	ck_assert_int_eq(poll(&p, 1, 30000), 1);
	ck_assert_str_eq(heard(&fd), "BARRIER=1");
	close(fd);
	return NULL;
}

START_TEST(barrier)
{
	pthread_t thread;
	int fd;

	ck_assert_int_eq(notify_barrier(1), -ETIMEDOUT);
	ck_assert_str_eq(heard(&fd), "BARRIER=1");
	close(fd);
	ck_assert_int_eq(pthread_create(&thread, NULL, answer_barrier, NULL), 0);
	ck_assert_int_eq(notify_barrier(30000), 0);
	pthread_join(thread, NULL);
}
END_TEST

START_TEST(names)
{
	char name[NOTIFY_NAME_MAX + 2];

	ck_assert(notify_name_ok("memtgt-pool"));
	ck_assert(!notify_name_ok(""));
	ck_assert(!notify_name_ok("a b"));
	ck_assert(!notify_name_ok("a:b"));
	ck_assert(!notify_name_ok("a\n"));
	ck_assert(!notify_name_ok("\xc3\xa4"));
	memset(name, 'n', sizeof(name));
	name[NOTIFY_NAME_MAX] = '\0';
	ck_assert(notify_name_ok(name));
	name[NOTIFY_NAME_MAX] = 'n';
	name[NOTIFY_NAME_MAX + 1] = '\0';
	ck_assert(!notify_name_ok(name));
}
END_TEST

static void set_keeper(pid_t pid)
{
	char text[24];

	snprintf(text, sizeof(text), "%d", (int)pid);
	setenv(NOTIFY_KEEPER, text, 1);
	setenv("FDSTORE", "128", 1);
	notify_open();
}

/* In the child of a keeper that ends when `leave` is closed: what is seen of it, by exit status. */
static void __attribute__((noreturn)) watch_keeper(int told)
{
	set_keeper(getppid());
	int fd = notify_keeper_fd();
	struct pollfd p = {.fd = fd, .events = POLLIN};
	bool ok = fd >= 0 && notify_keeps() && poll(&p, 1, 0) == 0;

	ok = ok && write(told, "1", 1) == 1; /* the keeper may end */
	ok = ok && poll(&p, 1, 30000) == 1;
	/* It is not its child any more: the same for one that starts so late. */
	ok = ok && notify_keeper_fd() == -1 && !notify_keeps();
	ok = ok && write(told, "2", 1) == 1;
	_exit(0);
}

START_TEST(end_of_the_keeper)
{
	int told[2], go[2];
	char c = 0;

	ck_assert_int_eq(pipe(told) | pipe(go), 0);
	pid_t keeper = fork();
	if (!keeper) {
		if (!fork())
			watch_keeper(told[1]);
		_exit(read(go[0], &c, 1) != 1);
	}
	close(told[1]);
	ck_assert_int_eq((int)read(told[0], &c, 1), 1);
	ck_assert_int_eq(c, '1');
	ck_assert_int_eq(kill(keeper, SIGKILL), 0);
	ck_assert_int_eq((int)read(told[0], &c, 1), 1);
	ck_assert_int_eq(c, '2');
	ck_assert_int_eq(waitpid(keeper, NULL, 0), keeper);
	ck_assert_ptr_nonnull(strstr(logged(), "is not kept any more"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("notify");
	TCase *t = tcase_create("notify");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, texts);
	tcase_add_test(t, stores_the_descriptor);
	tcase_add_test(t, without_a_manager);
	tcase_add_test(t, addresses);
	tcase_add_test(t, socket_of_a_path);
	tcase_add_test(t, nobody_else_hears);
	tcase_add_test(t, does_it_keep);
	tcase_add_test(t, whose_watchdog);
	tcase_add_test(t, barrier);
	tcase_add_test(t, names);
	tcase_add_test(t, end_of_the_keeper);
	suite_add_tcase(s, t);
	return test_main(s);
}
