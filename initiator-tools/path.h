/* SPDX-License-Identifier: MIT */
/*
 * path.h - measures the path to a donor by READs of one of its LUNs: first how long 4 KiB take, one
 * after another, then how much 1 MiB at a time brings, a few at once.
 */
#ifndef MEMTGT_PATH_H
#define MEMTGT_PATH_H

#include <iscsi/iscsi.h>
#include <stdbool.h>
#include <stdint.h>

#include "initiator-tools/donor.h"
#include "initiator-tools/measure.h"

#define PATH_SMALL     4096u
#define PATH_LARGE     (1u << 20)
#define PATH_BYTES_MAX ((uint64_t)32 << 20) /* of one donor */
#define PATH_AT_ONCE   4u

/* How long one donor's turn is: it ends after `share`, once there are samples, and after `most`
 * whatever there is. */
struct path_limits {
	uint64_t share, most;
};

struct path {
	struct iscsi_context *session;
	const struct donor_lun *lun;
	bool is_large;
	struct path_limits limits;
	uint64_t begun, sent, ended;
	unsigned pending, count;
	uint64_t bytes;
	bool is_over;	/* nothing more is asked */
	bool is_broken; /* the session is of no more use */
	struct measure measure;
	uint8_t *buf; /* what is read goes here and is not looked at */
};

/* The buffer of PATH_LARGE bytes is the caller's, until the session is closed. */
void path_begin(struct path *p, struct iscsi_context *session, const struct donor_lun *l,
		bool is_large, struct path_limits limits, uint8_t *buf);
/* Looks at the clock: ends what takes too long. */
void path_tick(struct path *p, uint64_t now);
/* What was found out. */
void path_result(struct path *p, struct donor_path *out);

#endif
