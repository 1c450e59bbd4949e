/* SPDX-License-Identifier: MIT */
/* message.h - what a daemon tells its keeper: one datagram of sd_notify(3). */
#ifndef MEMTGT_KEEPER_MESSAGE_H
#define MEMTGT_KEEPER_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/notify.h"

#define KEEPER_MESSAGE_MAX 8192u /* bytes of one */
#define KEEPER_BINARY_MAX  4095u /* of a path */
#define KEEPER_STATUS_MAX  255u	 /* the rest is cut off */
/* The longest that the watchdog can be put off by one message. */
#define KEEPER_EXTEND_MAX_S 86400u

struct keeper_message {
	bool ready, stopping, barrier;
	bool watchdog, hangs; /* WATCHDOG=1; WATCHDOG=trigger: it knows of itself that it hangs */
	bool store, forget;
	char name[NOTIFY_NAME_MAX + 1];	    /* of what is stored or forgotten */
	uint64_t extend_us;		    /* 0: nothing was said */
	char binary[KEEPER_BINARY_MAX + 1]; /* "": nothing was said */
	char status[KEEPER_STATUS_MAX + 1];
};

/*
 * Reads a datagram. Keys that are not known are passed over, as systemd does. 0, or -EINVAL: then
 * nothing of it is to be followed, and *why says what is strange.
 */
int keeper_message_parse(struct keeper_message *m, const void *p, size_t n, const char **why)
	__attribute__((warn_unused_result));

#endif
