// SPDX-License-Identifier: MIT
/* puppet.c - see puppet.h. */
#include "lib/puppet.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/inherit.h"
#include "base/notify.h"

/* Not closed at execve(2): the keeper does not know of it. */
#define STRINGS	    200
#define MARK	    "MEMTGT_TEST_PUPPET"
#define PATIENCE_MS 30000
#define REPORT_MAX  16384

/* ---- the puppet ---- */

bool puppet_is_one(void)
{
	return getenv(MARK) && getenv(NOTIFY_KEEPER);
}

static void report(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static void report(const char *fmt, ...)
{
	char text[REPORT_MAX];
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (send(STRINGS, text, (size_t)n, MSG_NOSIGNAL) < 0)
		_exit(99);
}

static const char *env(const char *name)
{
	const char *text = getenv(name);
	return text ? text : "none";
}

static void report_start(void)
{
	char program[4096] = "";

	if (readlink("/proc/self/exe", program, sizeof(program) - 1) < 0)
		_exit(98);
	report("start %s %s FDSTORE=%s WATCHDOG_USEC=%s %s", env("LISTEN_FDS"),
	       env("LISTEN_FDNAMES"), env("FDSTORE"), env("WATCHDOG_USEC"),
	       strrchr(program, '/') + 1);
}

static int memory(off_t bytes)
{
	int fd = memfd_create("puppet", MFD_CLOEXEC);

	if (fd < 0 || (bytes && fallocate(fd, 0, 0, bytes)))
		_exit(97);
	return fd;
}

/* By hand, since notify.h sends nothing strange. */
static void send_raw(const char *text, int nfds)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(16 * sizeof(int))] = {0};
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	struct iovec iov = {(void *)(uintptr_t)text, strlen(text)};
	const char *name = env("NOTIFY_SOCKET");
	struct msghdr m = {.msg_name = &a, .msg_iov = &iov, .msg_iovlen = 1};
	int fds[16], s = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	memcpy(a.sun_path + 1, name + 1, strlen(name) - 1);
	m.msg_namelen = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
	for (int i = 0; i < nfds; i++)
		fds[i] = memory(0);
	if (nfds) {
		m.msg_control = control;
		m.msg_controllen = CMSG_SPACE((size_t)nfds * sizeof(int));
		struct cmsghdr *c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN((size_t)nfds * sizeof(int));
		memcpy(CMSG_DATA(c), fds, (size_t)nfds * sizeof(int));
	}
	if (sendmsg(s, &m, 0) < 0)
		_exit(96);
	for (int i = 0; i < nfds; i++)
		close(fds[i]);
	close(s);
}

static void send_other(const char *text)
{
	pid_t pid = fork();

	if (!pid) {
		send_raw(text, 0);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

static void store_memory(char *words)
{
	char *name = strsep(&words, " ");
	int fd = memory(atoll(words));

	if (notify_store(name, fd))
		_exit(95);
	close(fd);
}

static void show(const char *name)
{
	struct stat st;
	int fd = inherit_take(name);

	if (fd < 0 || fstat(fd, &st))
		report("none");
	else
		report("%lld bytes", (long long)st.st_blocks * 512);
}

static void watch(void)
{
	struct pollfd p = {.fd = notify_keeper_fd(), .events = POLLIN};

	report("watching");
	if (p.fd >= 0 && poll(&p, 1, PATIENCE_MS) != 1)
		_exit(94);
	report("lost");
}

/* Those that answer in their own way; false: it is none of them. */
static bool obey_special(const char *verb, char *rest)
{
	if (!strcmp(verb, "last")) {
		store_memory(rest);
		kill(getpid(), SIGKILL);
	} else if (!strcmp(verb, "show"))
		show(rest);
	else if (!strcmp(verb, "watch"))
		watch();
	else if (!strcmp(verb, "exit"))
		_exit(atoi(rest));
	else if (!strcmp(verb, "raise"))
		kill(getpid(), atoi(rest));
	else
		return false;
	return true;
}

static void obey(char *rest)
{
	char *verb = strsep(&rest, " ");

	if (obey_special(verb, rest))
		return;
	if (!strcmp(verb, "send"))
		send_raw(rest, 0);
	else if (!strcmp(verb, "send_fds")) {
		int n = atoi(strsep(&rest, " "));
		send_raw(rest, n);
	} else if (!strcmp(verb, "send_other"))
		send_other(rest);
	else if (!strcmp(verb, "memory"))
		store_memory(rest);
	else if (!strcmp(verb, "deaf"))
		signal(SIGABRT, SIG_IGN);
	else
		_exit(93);
	report(notify_barrier(PATIENCE_MS) ? "the keeper does not answer" : "done");
}

static int open_signals(void)
{
	sigset_t set;

	/* As they are blocked from the start, what came before is not lost. */
	sigprocmask(SIG_SETMASK, NULL, &set);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

static void turn(int signals)
{
	struct pollfd p[] = {{.fd = STRINGS, .events = POLLIN}, {.fd = signals, .events = POLLIN}};
	struct signalfd_siginfo si;
	char order[REPORT_MAX];

	poll(p, 2, -1);
	if (p[1].revents && read(signals, &si, sizeof(si)) == (ssize_t)sizeof(si))
		report("signal %s", sigabbrev_np((int)si.ssi_signo));
	if (!p[0].revents)
		return;
	ssize_t n = recv(STRINGS, order, sizeof(order) - 1, 0);
	if (n <= 0)
		_exit(92); /* the test is over */
	order[n] = '\0';
	obey(order);
}

int puppet_main(void)
{
	int signals = open_signals();

	report_start();
	notify_open();
	if (inherit_read())
		return 91;
	for (;;)
		turn(signals);
}

/* ---- the test ---- */

static void __attribute__((noreturn))
run_keeper(struct stage *s, const struct keeper_options *usual, const char *program, int strings)
{
	static char self[4096];
	char *argv[] = {(char[]){"puppet"}, NULL};
	struct keeper_options o = *usual;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* Its children must notice the test's end by this alone. */
	close(s->strings);
	dup2(strings, STRINGS);
	close(strings);
	dup2(s->log, STDERR_FILENO);
	if (!program && readlink("/proc/self/exe", self, sizeof(self) - 1) > 0)
		program = self;
	setenv(MARK, "1", 1);
	o.program = program;
	o.argv = argv;
	exit(keeper_run(&o));
}

void stage_open(struct stage *s, const struct keeper_options *o, const char *program)
{
	int ends[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
	s->log = memfd_create("log", MFD_CLOEXEC);
	ck_assert_int_eq(fcntl(s->log, F_SETFL, O_APPEND), 0);
	s->strings = ends[0];
	ck_assert_int_eq(fcntl(s->strings, F_SETFD, FD_CLOEXEC), 0);
	fflush(NULL);
	s->keeper = fork();
	ck_assert_int_ge(s->keeper, 0);
	if (!s->keeper)
		run_keeper(s, o, program, ends[1]);
	close(ends[1]);
}

static char *read_log(const struct stage *s)
{
	static char text[65536];
	ssize_t n = pread(s->log, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void __attribute__((noreturn)) give_up(struct stage *s, const char *what)
{
	fprintf(stderr, "# no \"%s\"; the log:\n%s\n", what, read_log(s));
	if (s->keeper)
		kill(s->keeper, SIGKILL);
	ck_abort_msg("no %s", what);
	abort(); /* not reached */
}

void stage_close(struct stage *s)
{
	if (s->keeper) {
		kill(s->keeper, SIGKILL);
		waitpid(s->keeper, NULL, 0);
	}
	close(s->strings);
	close(s->log);
}

const char *puppet_report(struct stage *s)
{
	static char text[REPORT_MAX];
	struct pollfd p = {.fd = s->strings, .events = POLLIN};

	if (poll(&p, 1, PATIENCE_MS) != 1)
		give_up(s, "report");
	ssize_t n = recv(s->strings, text, sizeof(text) - 1, 0);
	if (n <= 0)
		give_up(s, "puppet");
	text[n] = '\0';
	return text;
}

void puppet_expect(struct stage *s, const char *expected)
{
	ck_assert_str_eq(puppet_report(s), expected);
}

static void order(struct stage *s, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));

static void order(struct stage *s, const char *fmt, va_list ap)
{
	char text[REPORT_MAX];
	int n = vsnprintf(text, sizeof(text), fmt, ap);

	ck_assert_int_lt(n, (int)sizeof(text));
	ck_assert_int_eq((int)send(s->strings, text, (size_t)n, MSG_NOSIGNAL), n);
}

void puppet_order(struct stage *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	order(s, fmt, ap);
	va_end(ap);
}

void puppet_do(struct stage *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	order(s, fmt, ap);
	va_end(ap);
	puppet_expect(s, "done");
}

bool stage_log_has(const struct stage *s, const char *text)
{
	return strstr(read_log(s), text) != NULL;
}

static void sleep_a_little(void)
{
	(void)nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
}

void stage_log_wait(const struct stage *s, const char *text)
{
	for (int i = 0; i < PATIENCE_MS / 5; i++) {
		if (stage_log_has(s, text))
			return;
		sleep_a_little();
	}
	struct stage copy = *s;
	give_up(&copy, text);
}

int stage_end(struct stage *s)
{
	int status;

	for (int i = 0; waitpid(s->keeper, &status, WNOHANG) == 0; i++) {
		if (i > PATIENCE_MS / 5)
			give_up(s, "end of the keeper");
		sleep_a_little();
	}
	s->keeper = 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
