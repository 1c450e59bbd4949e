// SPDX-License-Identifier: MIT
/* start.c - fork, environment, exec. */
#include "keeper/start.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/notify.h"

#define SELF "/proc/self/exe"

static void set_number(const char *name, uint64_t n)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)n);
	setenv(name, text, 1);
}

static void set_environment(const struct keeper_start *s, pid_t keeper)
{
	setenv("NOTIFY_SOCKET", s->socket, 1);
	set_number("FDSTORE", KEEPER_KEPT_MAX);
	set_number(NOTIFY_KEEPER, (uint64_t)keeper);
	set_number("WATCHDOG_USEC", s->watchdog_us);
	set_number("WATCHDOG_PID", (uint64_t)getpid());
}

/* A signal that waits is not lost by execve(2). Those that the keeper ignores must not stay so. */
static void set_signals(void)
{
	static const int waiting[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2};
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(waiting) / sizeof(*waiting); i++)
		sigaddset(&set, waiting[i]);
	sigprocmask(SIG_SETMASK, &set, NULL);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGQUIT, SIG_DFL);
}

static void __attribute__((noreturn)) become(const struct keeper_start *s, pid_t keeper)
{
	struct inherit_fd fds[KEEPER_KEPT_MAX];

	/* Ctrl-C is for the keeper, which then ends the daemon in its way. */
	setpgid(0, 0);
	set_signals();
	set_environment(s, keeper);
	memcpy(fds, s->kept->fds, s->kept->n * sizeof(*fds));
	int err = inherit_exec(s->program, s->argv, fds, s->kept->n);
	/* It may be replaced just now, by a package: this one is there as long as it runs. */
	log_error("%s cannot be run: %s; the keeper's own program is run in its place", s->program,
		  strerror(-err));
	err = inherit_exec(SELF, s->argv, fds, s->kept->n);
	log_error("%s: %s", SELF, strerror(-err));
	_exit(127);
}

pid_t keeper_start(const struct keeper_start *s)
{
	pid_t keeper = getpid(), pid = fork();

	if (pid < 0)
		return -errno;
	if (!pid)
		become(s, keeper);
	return pid;
}
