/* SPDX-License-Identifier: MIT */
/*
 * fail_point.h - a test ends the process at a named place: tbl/fail_points.def.
 *
 * FAIL_POINT(ID) is nothing unless the build was configured with --enable-sanitize. There, the
 * process kills itself (SIGKILL) when it comes to the place that the environment's
 * MEMTGT_FAIL_POINT names, at the nth time if that is "ID:n", else at the first.
 *
 * MEMTGT_FAIL_POINT_BOARD names a file with a struct fail_point_board, which a test maps too: there
 * it arms a place while the process runs. That acts once, in whichever process comes there first,
 * so that one which is started again with the same environment lives.
 */
#ifndef MEMTGT_FAIL_POINT_H
#define MEMTGT_FAIL_POINT_H

#include <stdint.h>

/* clang-format off */
enum fail_point {
#define FAIL_AT(id, text) FAIL_AT_##id,
#include "tbl/fail_points.def"
	FAIL_POINTS_COUNT
};
/* clang-format on */

struct fail_point_board {
	_Atomic uint32_t armed; /* the place, plus 1; 0: none. Written after `left` */
	_Atomic uint32_t left;	/* the process ends when it comes there for this time */
	_Atomic uint32_t next;	/* is armed then, as the first time; 0: none */
	_Atomic uint32_t passed[FAIL_POINTS_COUNT]; /* how often any process came there */
};

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
