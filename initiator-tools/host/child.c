// SPDX-License-Identifier: MIT
/* child.c - fork(2), a limit of time, and children that do not die. */
#include "initiator-tools/host/child.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

/* How often it is looked for an end, where the kernel has no descriptor for a process. */
#define LOOK_MS	     5
#define LEFT_MAX     64
#define LEAST_RESULT (-200)

/* Children that were given up: they are taken note of when they have ended after all, so that an
 * agent that runs for months does not collect them. */
static pid_t left[LEFT_MAX];

static void leave(pid_t pid)
{
	for (size_t i = 0; i < LEFT_MAX; i++)
		if (!left[i]) {
			left[i] = pid;
			return;
		}
}

static void look_after_left(void)
{
	for (size_t i = 0; i < LEFT_MAX; i++)
		if (left[i] && waitpid(left[i], NULL, WNOHANG))
			left[i] = 0;
}

static pid_t start(int (*fn)(void *arg), void *arg, bool is_lasting)
{
	pid_t parent = getpid();

	look_after_left();
	fflush(NULL);
	pid_t pid = fork();
	if (pid)
		return pid < 0 ? -errno : pid;
	/* A crash is a signal, also where a sanitizer would make an exit status of it; its memory,
	 * with the secrets in it, goes nowhere. */
	signal(SIGSEGV, SIG_DFL);
	signal(SIGBUS, SIG_DFL);
	setrlimit(RLIMIT_CORE, &(struct rlimit){0});
	/* Nobody waits for it any more when the parent is gone. */
	if (!is_lasting) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(EXIT_FAILURE);
	}
	exit(fn(arg));
}

pid_t child_start(int (*fn)(void *arg), void *arg)
{
	return start(fn, arg, false);
}

pid_t child_start_lasting(int (*fn)(void *arg), void *arg)
{
	return start(fn, arg, true);
}

/* Not yet in the C library of Debian 11. */
static int open_pid(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

/* 0, -ETIMEDOUT or -errno. */
static int wait_until(pid_t pid, int fd, uint64_t until, int *status)
{
	for (;;) {
		pid_t ended = waitpid(pid, status, WNOHANG);
		uint64_t now = clock_now();
		if (ended == pid)
			return 0;
		if (ended < 0 && errno != EINTR)
			return -errno;
		if (now >= until)
			return -ETIMEDOUT;
		int ms = (int)((until - now) / NS_PER_MS) + 1;
		if (fd >= 0)
			(void)poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, ms);
		else
			(void)poll(NULL, 0, ms < LOOK_MS ? ms : LOOK_MS);
	}
}

int child_wait(pid_t pid, uint64_t limit_ns)
{
	int fd = open_pid(pid), status = 0;
	int err = wait_until(pid, fd, clock_now() + limit_ns, &status);

	if (err == -ETIMEDOUT) {
		kill(pid, SIGKILL);
		uint64_t grace = clock_now() + CHILD_GRACE_MS * NS_PER_MS;
		if (wait_until(pid, fd, grace, &status))
			leave(pid);
	}
	if (fd >= 0)
		close(fd);
	if (err)
		return err;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -EIO;
}

bool child_has_ended(pid_t pid, uint64_t limit_ns)
{
	int fd = open_pid(pid), status;
	int err = wait_until(pid, fd, clock_now() + limit_ns, &status);

	if (fd >= 0)
		close(fd);
	return err != -ETIMEDOUT;
}

/* ---- with a result ---- */

struct call {
	int (*fn)(void *arg, void *result);
	void *arg, *result;
};

/* A child that is left behind must not hold what we have open, a lock above all. */
static int call_in_child(void *arg)
{
	const struct call *c = arg;

	(void)syscall(SYS_close_range, (unsigned)STDERR_FILENO + 1, ~0u, 0);
	int result = c->fn(c->arg, c->result);
	assert(result <= 0 && result >= LEAST_RESULT);
	return -result;
}

int child_run(int (*fn)(void *arg, void *result), void *arg, void *result, size_t n,
	      uint64_t limit_ns)
{
	assert(n <= CHILD_RESULT_MAX);
	void *shared =
		mmap(NULL, n ? n : 1, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return -ENOMEM;
	if (n)
		memcpy(shared, result, n);
	struct call c = {.fn = fn, .arg = arg, .result = shared};
	pid_t pid = child_start(call_in_child, &c);
	int status = pid < 0 ? pid : child_wait(pid, limit_ns);
	if (status > -LEAST_RESULT)
		status = -EIO; /* not ours: a sanitizer's */
	if (status >= 0 && n)
		memcpy(result, shared, n);
	munmap(shared, n ? n : 1);
	return status < 0 ? status : -status;
}
