// SPDX-License-Identifier: MIT
/* spawn.c - posix_spawn, which copies nothing of our memory, and a pipe. */
#include "base/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

/* How often it is looked whether a program that printed all has ended. */
#define END_MS 5
/* A killed program is gone at once, unless it stands in the kernel, as at a disk that is silent. */
#define GRACE_MS   1000u
#define READ_BYTES 4096u

/* ---- what it gets ---- */

/* Of a service manager, for us alone: sd_notify(3), sd_listen_fds(3), sd_watchdog_enabled(3). */
static bool is_ours(const char *variable)
{
	static const char *const names[] = {"NOTIFY_SOCKET=", "LISTEN_",	"WATCHDOG_",
					    "FDSTORE=",	      "MEMTGT_KEEPER=", "X_MEMTGT_"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strncmp(variable, names[i], strlen(names[i])))
			return true;
	return false;
}

/* To be freed; the texts are the environment's. NULL: no memory. */
static char **make_environment(void)
{
	size_t n = 0, kept = 0;

	while (environ && environ[n])
		n++;
	char **env = calloc(n + 1, sizeof(*env));
	for (size_t i = 0; env && i < n; i++)
		if (!is_ours(environ[i]))
			env[kept++] = environ[i];
	return env;
}

static int set_descriptors(posix_spawn_file_actions_t *a, int out, bool errors)
{
	int err = posix_spawn_file_actions_addopen(a, STDIN_FILENO, "/dev/null", O_RDONLY, 0);

	if (!err)
		err = posix_spawn_file_actions_adddup2(a, out, STDOUT_FILENO);
	if (!err && errors)
		err = posix_spawn_file_actions_adddup2(a, out, STDERR_FILENO);
	else if (!err)
		err = posix_spawn_file_actions_addopen(a, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	/* All that we have is closed at exec, but what somebody left us: that too. */
	if (!err)
		err = posix_spawn_file_actions_addclosefrom_np(a, STDERR_FILENO + 1);
	return err;
}

static int set_signals(posix_spawnattr_t *a)
{
	sigset_t none, all;

	sigemptyset(&none);
	sigfillset(&all);
	int err = posix_spawnattr_setsigmask(a, &none);
	if (!err)
		err = posix_spawnattr_setsigdefault(a, &all);
	if (!err)
		err = posix_spawnattr_setflags(a, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	return err;
}

static int start(const char *const argv[], int out, bool errors, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	char **env = make_environment();
	int err = env ? posix_spawn_file_actions_init(&actions) : ENOMEM;

	if (err)
		goto free_env;
	err = posix_spawnattr_init(&attr);
	if (err)
		goto free_actions;
	err = set_descriptors(&actions, out, errors);
	if (!err)
		err = set_signals(&attr);
	if (!err)
		err = posix_spawn(pid, argv[0], &actions, &attr, (char *const *)(uintptr_t)argv,
				  env);
	posix_spawnattr_destroy(&attr);
free_actions:
	posix_spawn_file_actions_destroy(&actions);
free_env:
	free(env);
	return -err;
}

/* ---- what it says ---- */

static int ms_left(uint64_t until)
{
	uint64_t now = clock_now();

	return now >= until ? 0 : (int)((until - now) / NS_PER_MS) + 1;
}

/* 1: there may be more; 0: the end; -ETIMEDOUT. */
static int take(int from, uint64_t until, struct spawn_result *r)
{
	struct pollfd f = {.fd = from, .events = POLLIN};
	char more[READ_BYTES];

	if (!ms_left(until))
		return -ETIMEDOUT;
	if (poll(&f, 1, ms_left(until)) <= 0)
		return 1;
	ssize_t n = read(from, more, sizeof(more));
	if (n <= 0)
		return n < 0 && errno == EINTR;
	size_t room = SPAWN_OUT_MAX - r->len, used = (size_t)n < room ? (size_t)n : room;
	memcpy(r->out + r->len, more, used);
	r->len += used;
	r->is_cut |= used < (size_t)n;
	return 1;
}

static int wait_end(pid_t pid, uint64_t until, int *status)
{
	for (;;) {
		pid_t ended = waitpid(pid, status, WNOHANG);
		if (ended == pid)
			return 0;
		if (ended < 0 && errno != EINTR)
			return -errno;
		if (!ms_left(until))
			return -ETIMEDOUT;
		(void)poll(NULL, 0, END_MS);
	}
}

/* 0: it has ended; -ETIMEDOUT: that, and whatever it says, can be asked for again. */
static int follow(pid_t pid, int from, uint64_t until, struct spawn_result *r, int *status)
{
	int rc;

	while ((rc = take(from, until, r)) > 0)
		;
	return rc ? rc : wait_end(pid, until, status);
}

static int end(pid_t pid, int rc, int *status)
{
	if (!rc || rc == -ECHILD)
		return rc;
	kill(pid, SIGKILL);
	(void)wait_end(pid, clock_now() + GRACE_MS * NS_PER_MS, status);
	return rc;
}

int spawn_watch(const char *const argv[], unsigned tick_ms, bool errors, bool (*go_on)(void *arg),
		void *arg, struct spawn_result *r)
{
	int p[2], status = 0, rc;
	pid_t pid;

	*r = (struct spawn_result){.status = -1};
	if (pipe2(p, O_CLOEXEC))
		return -errno;
	rc = start(argv, p[1], errors, &pid);
	close(p[1]);
	if (!rc) {
		do
			rc = follow(pid, p[0], clock_now() + tick_ms * NS_PER_MS, r, &status);
		while (rc == -ETIMEDOUT && go_on(arg));
		rc = end(pid, rc, &status);
	}
	close(p[0]);
	r->out[r->len] = '\0';
	if (!rc && WIFEXITED(status))
		r->status = WEXITSTATUS(status);
	return rc;
}

static bool no_more(void *arg)
{
	(void)arg;
	return false;
}

int spawn_run(const char *const argv[], unsigned limit_ms, bool errors, struct spawn_result *r)
{
	return spawn_watch(argv, limit_ms, errors, no_more, NULL, r);
}
