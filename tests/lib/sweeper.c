// SPDX-License-Identifier: MIT
/* sweeper.c - a process that waits for the end of the test. */
#include "sweeper.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <check.h>

#define NAME "MEMTGT_TEST_OF"

/* "NAME=pid" is among the NUL-terminated strings of /proc/PID/environ. */
static bool is_ours(const char *pid, const char *mark)
{
	static char text[1 << 17];
	char path[64];

	snprintf(path, sizeof(path), "/proc/%.20s/environ", pid);
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text));
	if (fd >= 0)
		close(fd);
	for (ssize_t at = 0; at < n; at += (ssize_t)strnlen(text + at, (size_t)(n - at)) + 1)
		if ((size_t)(n - at) > strlen(mark) && !strcmp(text + at, mark))
			return true;
	return false;
}

static unsigned kill_ours(const char *mark)
{
	DIR *proc = opendir("/proc");
	unsigned n = 0;

	for (struct dirent *e; proc && (e = readdir(proc));) {
		if (e->d_name[0] < '0' || e->d_name[0] > '9' || !is_ours(e->d_name, mark))
			continue;
		kill((pid_t)atoi(e->d_name), SIGKILL);
		n++;
	}
	if (proc)
		closedir(proc);
	return n;
}

static void __attribute__((noreturn)) sweep(int test, const char *mark, const char *file)
{
	char c;

	setpgid(0, 0); /* what ends the test's group is not for it */
	while (read(test, &c, 1) > 0)
		;
	unlink(file);
	/* One that is killed may just have started another. A zombie has no environment. */
	for (int i = 0; i < 500 && kill_ours(mark); i++)
		usleep(20000);
	_exit(0);
}

void sweeper_start(const char *file)
{
	char mark[64], number[24];
	int ends[2];

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	snprintf(number, sizeof(number), "%d", (int)getpid());
	snprintf(mark, sizeof(mark), NAME "=%s", number);
	pid_t pid = fork();
	ck_assert_int_ge(pid, 0);
	if (!pid) {
		close(ends[1]);
		/* Nobody is to wait for the end of this one's output. */
		for (int fd = 0; fd < 3; fd++)
			dup2(ends[0], fd);
		sweep(ends[0], mark, file);
	}
	close(ends[0]); /* the other end stays open as long as this process lives */
	setenv(NAME, number, 1);
}
