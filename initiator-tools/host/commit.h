/* SPDX-License-Identifier: MIT */
/*
 * commit.h - a donor's memory: got before it is needed (UNMAP with ANCHOR, SBC-3 5.28), given back
 * (UNMAP). In slices, so that no command takes long.
 */
#ifndef MEMTGT_COMMIT_H
#define MEMTGT_COMMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "initiator-tools/host/sg.h"
#include "memtgt/cursor.h"

#define COMMIT_SLICE ((uint64_t)64 << 20) /* bytes of a command, at most */

struct commit_limits {
	uint32_t blocks; /* of a command, at most; 0: UNMAP is not for this disk */
	bool can_anchor; /* ANC_SUP */
};

/* VPD B0h (SBC-3 6.5.3): the blocks; B2h (6.5.5): the rest. False: it is none. */
bool commit_read_limits(struct cursor c, struct commit_limits *l);
bool commit_read_provisioning(struct cursor c, struct commit_limits *l);

struct commit_range {
	uint64_t from, bytes;
	unsigned block_size;
	bool is_anchor;
	void (*progress)(void *arg, unsigned permille);
	void *arg;
};

/* What the disk says of itself. 0; a disk that does not have the pages can do nothing of it. */
int commit_limits(const struct sg_device *d, struct commit_limits *l, struct sg_result *r)
	__attribute__((warn_unused_result));

/*
 * Anchors or unmaps. What a block does not fill at the end of the range is left out. 0; -ENOSPC:
 * the donor has not so much memory; -EREMOTEIO: another answer, in *r; -errno: none.
 */
int commit_unmap(const struct sg_device *d, const struct commit_limits *l,
		 const struct commit_range *range, struct sg_result *r)
	__attribute__((warn_unused_result));

#endif
