/* SPDX-License-Identifier: MIT */
/*
 * sendtargets.h - the answer to SendTargets: which targets there are, and where. RFC 7143 13.3 and
 * appendix C.
 *
 * An initiator is told of targets that it may use, and of portals that it can reach from where it
 * is. A target that is offered here, and at no such portal, is told without one: then it is here.
 *
 * The answer may be longer than any PDU, so it is read in pieces. It is made anew for each, from
 * what does not change: nothing is kept but a position.
 */
#ifndef MEMTGT_SENDTARGETS_H
#define MEMTGT_SENDTARGETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/config.h"

/* No line of an answer is longer: "TargetName=" and a name. A PDU always has room for one, since
 * MaxRecvDataSegmentLength is at least 512. */
#define SENDTARGETS_LINE_MAX 256u

/* A question; all is borrowed. */
struct sendtargets {
	const struct config *config;
	const struct config_target *own; /* of a normal session; NULL: discovery */
	const char *value;		 /* "All", a name, or "" for the own target */
	const char *initiator;		 /* its name and address: it sees what it may use */
	const struct sockaddr_storage *peer;
	const struct sockaddr_storage *local; /* of this connection, for portals on any address */
	const uint16_t *ports; /* of each portal; NULL: as the configuration has them */
	uint16_t portal_group; /* by which it came in */
};

/* False: the question is not allowed in this session, the answer is "SendTargets=Reject". */
bool sendtargets_allowed(const struct sendtargets *q) __attribute__((warn_unused_result));

/*
 * The next whole lines of the answer that fit into `cap` (at least SENDTARGETS_LINE_MAX) bytes;
 * returns how many bytes. *at is 0 for the first piece and is moved on; *more: there is another.
 */
size_t sendtargets_read(const struct sendtargets *q, size_t *at, uint8_t *buf, size_t cap,
			bool *more) __attribute__((warn_unused_result));

#endif
