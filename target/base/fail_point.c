// SPDX-License-Identifier: MIT
/* fail_point.c - which place is armed, and the end of the process there. */
#include "base/fail_point.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
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
static void arm_by_environment(void)
{
	const char *where = getenv("MEMTGT_FAIL_POINT");

	/* A place that nobody knows would be passed for ever, and the test would show nothing. */
	if (where && fail_point_arm(where))
		abort();
}

void fail_point_reach(enum fail_point p)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, arm_by_environment);
	if (armed != p || atomic_fetch_sub(&left, 1) != 1)
		return;
	for (;;)
		kill(getpid(), SIGKILL);
}
#endif
