/* SPDX-License-Identifier: MIT */
/*
 * uevent.h - what the kernel tells of disks: a message of NETLINK_KOBJECT_UEVENT, as far as the
 * agent uses it. The parser takes any bytes.
 */
#ifndef MEMTGT_UEVENT_H
#define MEMTGT_UEVENT_H

#include <stdbool.h>

#include "memtgt/cursor.h"

#define UEVENT_MAX 8192 /* the kernel's own are 2 KiB of variables, and a path */

/* Words of the variable SDEV_UA, drivers/scsi/scsi_lib.c of Linux. */
#define UEVENT_ATTENTIONS(X)                                                                     \
	X(NONE, "", "")                                                                          \
	X(THRESHOLD, "THIN_PROVISIONING_SOFT_THRESHOLD_REACHED", "its donor is short of memory") \
	X(CAPACITY, "CAPACITY_DATA_HAS_CHANGED", "its size has changed")                         \
	X(INQUIRY, "INQUIRY_DATA_HAS_CHANGED", "it says something else of itself")               \
	X(LUNS, "REPORTED_LUNS_DATA_HAS_CHANGED", "its donor has other LUNs")

enum uevent_attention {
#define X(id, word, text) UEVENT_##id,
	UEVENT_ATTENTIONS(X)
#undef X
		UEVENT_ATTENTIONS_COUNT,
};

struct uevent {
	enum uevent_attention attention;
	bool is_removed;		/* the device has gone */
	unsigned host, channel, target; /* of a SCSI device */
	unsigned long long lun;
};

/* Is it about a SCSI device, and anything that matters here? Then *out has it. */
bool uevent_parse(struct cursor c, struct uevent *out);
const char *uevent_text(enum uevent_attention a);

/* A socket that does not block, or -errno. */
int uevent_open(void) __attribute__((warn_unused_result));
/* The next that matters. False: none is there. *is_lost: some did not fit the socket's memory. */
bool uevent_next(int fd, struct uevent *out, bool *is_lost);

#endif
