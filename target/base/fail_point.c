// SPDX-License-Identifier: MIT
/* fail_point.c - which place is armed, and the end of the process there. */
#include "base/fail_point.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* clang-format off */
static const char *const names[FAIL_POINTS_COUNT] = {
#define FAIL_AT(id, text) [FAIL_AT_##id] = #id,
#include "tbl/fail_points.def"
};
/* clang-format on */

/* FAIL_POINTS_COUNT: none. */
static _Atomic unsigned armed = FAIL_POINTS_COUNT;
static _Atomic long left; /* times that the place is still to be passed, and then once more */

const char *fail_point_name(enum fail_point p)
{
	return names[p];
}

int fail_point_arm(const char *where)
{
	size_t len = where ? strcspn(where, ":") : 0;
	long nth = len && where[len] ? strtol(where + len + 1, NULL, 10) : 1;

	armed = FAIL_POINTS_COUNT;
	if (!len)
		return 0;
	for (unsigned i = 0; i < FAIL_POINTS_COUNT; i++) {
		if (strlen(names[i]) != len || strncmp(names[i], where, len) != 0)
			continue;
		left = nth;
		armed = i;
		return nth > 0 ? 0 : -EINVAL;
	}
	return -EINVAL;
}

#ifdef FAIL_POINTS
static struct fail_point_board *board;

/* A file that a test named and that is not there, or too short, is the test's fault. */
static void open_board(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) || st.st_size < (off_t)sizeof(*board))
		abort();
	board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (board == MAP_FAILED)
		abort();
	close(fd);
}

static void arm_by_environment(void)
{
	const char *path = getenv("MEMTGT_FAIL_POINT_BOARD");

	if (path)
		open_board(path);
	const char *where = getenv("MEMTGT_FAIL_POINT");

	/* A place that nobody knows would be passed for ever, and the test would show nothing. */
	if (where && fail_point_arm(where))
		abort();
}

static bool is_on_board(enum fail_point p)
{
	if (!board)
		return false;
	board->passed[p]++;
	if (board->armed != p + 1U || atomic_fetch_sub(&board->left, 1) != 1)
		return false;
	board->left = 1;
	board->armed = atomic_exchange(&board->next, 0);
	return true;
}

void fail_point_reach(enum fail_point p)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, arm_by_environment);
	bool by_board = is_on_board(p);
	if (!by_board && (armed != p || atomic_fetch_sub(&left, 1) != 1))
		return;
	for (;;)
		kill(getpid(), SIGKILL);
}
#endif
