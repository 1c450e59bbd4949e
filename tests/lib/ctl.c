// SPDX-License-Identifier: MIT
/* ctl.c - see ctl.h. */
#include "ctl.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon.h"

char ctl_path[CTL_PATH], ctl_out[CTL_OUT];

#define WORDS_MAX 16

static void __attribute__((noreturn))
become_memtgtctl(int program, int to, bool as_nobody, char **argv)
{
	dup2(to, STDOUT_FILENO);
	dup2(to, STDERR_FILENO);
	if (as_nobody && (setgid(65534) || setuid(65534)))
		_exit(99);
	fexecve(program, argv, environ);
	dprintf(STDERR_FILENO, "memtgtctl: %s\n", strerror(errno));
	_exit(98);
}

/* Words are separated by one blank. Returns the pid; what it prints goes to `to`. */
pid_t ctl_start(const char *words, int to, bool as_nobody)
{
	const char *name = getenv("MEMTGTCTL");
	char text[512], *argv[WORDS_MAX] = {(char[]){"memtgtctl"}, (char[]){"-s"}, ctl_path}, *save;
	int program = open(name ? name : "target/memtgtctl/memtgtctl", O_RDONLY);
	size_t n = 3;

	ck_assert_msg(program >= 0, "memtgtctl is not built");
	snprintf(text, sizeof(text), "%s", words);
	for (char *w = strtok_r(text, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
		ck_assert_uint_lt(n, WORDS_MAX - 1);
		argv[n++] = w;
	}
	pid_t pid = fork();
	if (!pid)
		become_memtgtctl(program, to, as_nobody, argv);
	ck_assert_int_gt(pid, 0);
	close(program);
	return pid;
}

/* Its exit status, which it must reach by itself. */
int ctl_wait(pid_t pid)
{
	unsigned long long limit = test_now_ms() + DAEMON_PATIENCE_MS;
	int status;

	while (!waitpid(pid, &status, WNOHANG)) {
		if (test_now_ms() > limit) {
			kill(pid, SIGKILL);
			ck_abort_msg("memtgtctl hangs");
		}
		test_sleep_ms(2);
	}
	ck_assert_msg(WIFEXITED(status), "memtgtctl: signal %d", WTERMSIG(status));
	return WEXITSTATUS(status);
}

int ctl_run(const char *words, bool as_nobody)
{
	int to = memfd_create("out", MFD_CLOEXEC);
	int status = ctl_wait(ctl_start(words, to, as_nobody));
	ssize_t n = pread(to, ctl_out, CTL_OUT - 1, 0);

	ctl_out[n > 0 ? n : 0] = '\0';
	close(to);
	return status;
}

void ctl(const char *words, int status)
{
	int got = ctl_run(words, false);

	ck_assert_msg(got == status, "memtgtctl %s: exit status %d, not %d: %s", words, got, status,
		      ctl_out);
}

void ctl_has(const char *text)
{
	ck_assert_msg(strstr(ctl_out, text) != NULL, "no \"%s\" in: %s", text, ctl_out);
}

unsigned ctl_lines(void)
{
	unsigned n = 0;

	for (const char *p = ctl_out; (p = strchr(p, '\n')); p++)
		n++;
	return n;
}

/* ---- other clients ---- */

int ctl_client(void)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(un.sun_path, ctl_path);
	ck_assert_int_eq(connect(fd, (const struct sockaddr *)&un, sizeof(un)), 0);
	return fd;
}

bool ctl_say(int fd, const char *text)
{
	return send(fd, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text);
}

/* A line into `out`; false: the end. */
bool ctl_hear(int fd)
{
	struct pollfd f = {.fd = fd, .events = POLLIN};
	size_t n = 0;

	do {
		ck_assert_int_eq(poll(&f, 1, DAEMON_PATIENCE_MS), 1);
		if (recv(fd, ctl_out + n, 1, 0) != 1)
			return false;
	} while (ctl_out[n++] != '\n' && n < CTL_OUT - 1);
	ctl_out[n] = '\0';
	return true;
}
