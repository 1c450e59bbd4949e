/* SPDX-License-Identifier: MIT */
/*
 * cmdsn.h - the numbering of requests, and the window of those that may come. RFC 7143 4.2.2.1
 *
 * On one connection requests come in the order of their CmdSN, but for immediate ones. One that an
 * ABORT TASK overtook counts as received and never runs (11.6.1): its number is skipped, and it is
 * ignored if it comes all the same.
 */
#ifndef MEMTGT_CMDSN_H
#define MEMTGT_CMDSN_H

#include <stdbool.h>
#include <stdint.h>

struct session;

enum cmdsn_verdict {
	CMDSN_TAKE,
	CMDSN_IGNORE, /* outside the window or twice: silently ignored, 4.2.2.1 */
	CMDSN_GAP,    /* on one connection a gap can never close */
};
enum cmdsn_verdict cmdsn_take(struct session *s, uint32_t cmdsn, bool immediate)
	__attribute__((warn_unused_result));
uint32_t cmdsn_max(const struct session *s);

/* It was not received, may come, and comes before a request whose CmdSN is `before`. */
bool cmdsn_is_ahead(const struct session *s, uint32_t cmdsn, uint32_t before);
/* An immediate request of this CmdSN is here before others that may come, and are before it. */
bool cmdsn_overtook(const struct session *s, uint32_t cmdsn);
/* One that is ahead counts as received. False: there are too many of them. */
bool cmdsn_skip(struct session *s, uint32_t cmdsn) __attribute__((warn_unused_result));

#endif
