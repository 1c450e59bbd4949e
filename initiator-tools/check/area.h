/* SPDX-License-Identifier: MIT */
/* area.h - the swap areas of this host: /proc/swaps, and what the kernel's log says of them. */
#ifndef MEMTGT_AREA_H
#define MEMTGT_AREA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "initiator-tools/check/block.h"

#define AREAS_MAX     64 /* the kernel's own limit is 29 */
#define AREA_PATH_MAX 255

struct area {
	char path[AREA_PATH_MAX + 1]; /* as /proc/swaps has it */
	char block[BLOCK_NAME_MAX +
		   1]; /* the device, that of the file system for a file; or empty */
	uint64_t bytes, used;
	bool is_remote; /* on a disk of an iSCSI session */
	bool is_loan;
	bool has_flags, discards; /* what was logged when it was switched on */
};

struct areas {
	struct area all[AREAS_MAX];
	size_t n;
};

/* 0 or -errno: it could not be found out. */
int areas_read(struct areas *a) __attribute__((warn_unused_result));
/* How many are on disks of donors. */
unsigned areas_remote(const struct areas *a);

/* A line of /proc/swaps: the first four fields, blanks in the path as \040. False: it is none. */
bool area_parse(const char *line, struct area *out);
/* "Adding 65532k swap on /dev/sda.  Priority:-2 extents:1 across:65532k SSDsc": the path, and
 * whether freed clusters are discarded. */
bool area_parse_log(const char *line, char path[static AREA_PATH_MAX + 1], bool *discards);

#endif
