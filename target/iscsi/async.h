/* SPDX-License-Identifier: MIT */
/*
 * async.h - Asynchronous Messages, RFC 7143 11.9: what an initiator is told without having asked.
 *
 *	event 0	if the configuration says so (scsi_events): a LUN changed, came or went
 *	event 1	before the daemon ends: log out, and come back later (ISCSI_DRAIN_S)
 *	event 3	before we end a session: by `memtgtctl session end`, or a target cold reset of
 *		anybody's. It knows then that this was no fault of the network, and how long to wait
 *
 * Event 2 would be of one connection among several, of which a session has none. Event 0 is off
 * unless asked for: 11.9.1 lets it depend on what INQUIRY and the Control mode page tell of it,
 *which SPC-3 took away, so initiators of other makers need not expect it. It is of use to hosts
 *that are idle: open-iscsi looks for LUNs anew at 3F/0E. What it tells waits as a unit attention
 *besides, so nothing is lost where it is not heard, or not sent.
 */
#ifndef MEMTGT_ASYNC_H
#define MEMTGT_ASYNC_H

#include <stdint.h>

#include "reactor/conn.h"
#include "scsi/attention.h"

struct iscsi_node;
struct session;
struct survey_session;

/* Event 0, of this LUN, with sense data; if it is configured, and the session is in a state to hear
 * it. In the session's reactor, as the next. */
void async_scsi_event(struct session *s, unsigned id, enum scsi_attention a);
/* Event 1. */
void async_ask_logout(struct session *s);
/*
 * Event 3, and the end of the session: its commands end now, without answers, and nothing that it
 * sends is taken any more; its connection goes when it has been told, or does not listen.
 */
void async_end(struct session *s, enum conn_close_reason why);

/*
 * Ends the session of this TSIH, from a thread that is no reactor; waits for every reactor, but not
 * longer than `ms`. 0: `out` is the session that was ended, and none of its commands touches data
 * any more. -ENOENT: there is none. -EPERM: its initiator is not `initiator` (NULL: any), and it
 * goes on. -ENOMEM; -ETIMEDOUT: it ends later.
 */
int async_end_tsih(struct iscsi_node *n, uint16_t tsih, const char *initiator, unsigned ms,
		   struct survey_session *out) __attribute__((warn_unused_result));

#endif
