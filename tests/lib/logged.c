// SPDX-License-Identifier: MIT
/* logged.c - see logged.h: stderr is a pipe meanwhile. */
#include "lib/logged.h"

#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static int ends[2], saved_stderr;

void log_catch(void)
{
	unsetenv("JOURNAL_STREAM");
	ck_assert_int_eq(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
	saved_stderr = dup(STDERR_FILENO);
	dup2(ends[1], STDERR_FILENO);
}

void log_release(void)
{
	dup2(saved_stderr, STDERR_FILENO);
	close(saved_stderr);
	close(ends[0]);
	close(ends[1]);
}

const char *logged(void)
{
	static char buf[65536];
	ssize_t n = read(ends[0], buf, sizeof(buf) - 1);

	buf[n > 0 ? n : 0] = '\0';
	return buf;
}
