/* SPDX-License-Identifier: MIT */
/* sessions.h - the kernel's iSCSI sessions and their disks, by sysfs. Asks no donor. */
#ifndef MEMTGT_SESSIONS_H
#define MEMTGT_SESSIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "initiator-tools/check/block.h"
#include "memtgt/iscsi_proto.h"

#define SESSIONS_MAX	  1024
#define SESSION_DISKS_MAX 256
#define SESSION_FOREVER	  -1 /* of a timer: never */
#define SESSION_UNKNOWN	  -2

struct session_disk {
	char name[BLOCK_NAME_MAX + 1];
	char naa[33];	   /* hexadecimal; empty: none */
	bool is_memtgt;	   /* INQUIRY: vendor MEMTGT */
	bool is_loan;	   /* something above it is a loan's */
	bool is_multipath; /* dm-multipath has it */
	long timeout;	   /* s for a command, or SESSION_UNKNOWN */
};

struct kernel_session {
	unsigned id;
	char target[ISCSI_NAME_MAX + 1], initiator[ISCSI_NAME_MAX + 1];
	char address[64]; /* of the donor, numeric; or empty */
	bool is_logged_in;
	long recovery;			  /* s, or SESSION_FOREVER, or SESSION_UNKNOWN */
	long noop_interval, noop_timeout; /* s; 0: none are sent */
	struct session_disk *disks;
	size_t ndisks;
};

struct sessions {
	struct kernel_session *all;
	size_t n;
	bool is_cut; /* there are more, or a session has more disks */
};

/* 0 or -errno. Without the kernel's initiator there are none. */
int sessions_read(struct sessions *s) __attribute__((warn_unused_result));
void sessions_free(struct sessions *s);

/* Does it bring memory: a disk of memtgt, or one that a loan uses? */
bool session_is_of_loan(const struct kernel_session *s);

/* The first NAA designator of a logical unit in page 83h; false: it has none. */
bool sessions_naa(const unsigned char *page, size_t n, char out[static 33]);

#endif
