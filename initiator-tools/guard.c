// SPDX-License-Identifier: MIT
/* guard.c - a child, its limit of time, and whom to blame. */
#include "initiator-tools/guard.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

/* Not yet in the C library of Debian 11. */
static int open_pid(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

static pid_t start(int (*ask)(void *arg), void *arg)
{
	pid_t parent = getpid();

	fflush(NULL);
	pid_t pid = fork();
	if (pid)
		return pid;
	/* A crash is a signal, also where a sanitizer would make an exit status of it; its memory,
	 * with the secrets in it, goes nowhere. */
	signal(SIGSEGV, SIG_DFL);
	signal(SIGBUS, SIG_DFL);
	setrlimit(RLIMIT_CORE, &(struct rlimit){0});
	/* Nobody waits for it any more when the parent is gone. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(EXIT_FAILURE);
	exit(ask(arg));
}

/* Its exit status; -EIO: it was ended, by a signal or by us. */
static int wait_for(pid_t pid, uint64_t limit_ns)
{
	struct pollfd p = {.fd = open_pid(pid), .events = POLLIN};
	uint64_t until = clock_now() + limit_ns, now;
	int status;

	while (p.fd >= 0 && (now = clock_now()) < until)
		if (poll(&p, 1, (int)((until - now) / NS_PER_MS) + 1) > 0)
			break;
	if (p.fd < 0 || clock_now() >= until)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -EIO;
	if (p.fd >= 0)
		close(p.fd);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -EIO;
}

int guard_run(struct survey *s, struct donor *donors, size_t n, uint64_t limit_ns,
	      int (*ask)(void *arg), void *arg)
{
	unsigned *serving = mmap(NULL, sizeof(*serving), PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int result = -EIO;

	if (serving == MAP_FAILED)
		return -ENOMEM;
	s->serving = serving;
	for (unsigned i = 0; i < GUARD_TRIES && result == -EIO; i++) {
		*serving = 0;
		pid_t pid = start(ask, arg);
		if (pid < 0) {
			result = -errno;
			break;
		}
		result = wait_for(pid, limit_ns);
		if (result != -EIO)
			break;
		if (!*serving || *serving > n)
			break;
		donors[*serving - 1].is_left_out = true;
	}
	s->serving = NULL;
	munmap(serving, sizeof(*serving));
	return result;
}
