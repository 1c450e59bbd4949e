/* SPDX-License-Identifier: MIT */
/*
 * fail_point.h - a test ends the process at a named place: tbl/fail_points.def.
 *
 * FAIL_POINT(ID) is nothing unless the build was configured with --enable-sanitize. There, the
 * process kills itself (SIGKILL) when it comes to the place that the environment's
 * MEMTGT_FAIL_POINT names, at the nth time if that is "ID:n", else at the first.
 */
#ifndef MEMTGT_FAIL_POINT_H
#define MEMTGT_FAIL_POINT_H

/* clang-format off */
enum fail_point {
#define FAIL_AT(id, text) FAIL_AT_##id,
#include "tbl/fail_points.def"
	FAIL_POINTS_COUNT
};
/* clang-format on */

const char *fail_point_name(enum fail_point p);
/* In place of the environment's: "ID" or "ID:n"; NULL or "": none. Returns 0, or -EINVAL. */
int fail_point_arm(const char *where);

#ifdef FAIL_POINTS
void fail_point_reach(enum fail_point p);
#define FAIL_POINT(id) fail_point_reach(FAIL_AT_##id)
#else
#define FAIL_POINT(id) ((void)0)
#endif

#endif
