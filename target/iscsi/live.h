/* SPDX-License-Identifier: MIT */
/*
 * live.h - a LUN comes, goes or changes while the sessions of its target run.
 *
 * Whoever changes it does so first (scsi_target.by_id, the atomics of struct scsi_lu) and then
 * tells the sessions: a message goes to every reactor and runs there between two commands. It ends
 * the commands that the change does not let go on, and raises the unit attentions that tell of it.
 * When all reactors have run it, no command can touch what the change took away, and every later
 * one sees the new state. No peer can delay this: a command that waits for one is ended as well,
 * and only its answer waits.
 */
#ifndef MEMTGT_LIVE_H
#define MEMTGT_LIVE_H

#include <stdint.h>

#include "scsi/scsi.h"

struct iscsi_node;

enum live_event {
	LIVE_ADDED,	/* it is in by_id: 29/00 on it, 3F/0E on the others */
	LIVE_REMOVED,	/* it is in by_id no more: its commands end, 3F/0E on the others */
	LIVE_READ_ONLY, /* commands that write end; 2A/01 */
	LIVE_WRITABLE,	/* 2A/01 */
	LIVE_HELD,	/* commands that reach beyond scsi_lu.held end */
	LIVE_RESIZED,	/* 2A/09 */
	LIVE_STARTED,	/* it was stopped, for some: 28/00 */
	LIVE_SHORT,	/* memory is short: 38/07 on the thin LUs of all targets */
	LIVE_ASK,	/* counts the sessions that knew another LU under this id */
	LIVE_EVENTS
};

/* The LU is compared, never looked into: it may be NULL, as it is for LIVE_ASK. LIVE_SHORT looks at
 * none of the rest. */
struct live_change {
	enum live_event event;
	const struct scsi_target *target;
	const struct scsi_lu *lu;
	unsigned id;
};

/*
 * From any thread. `done` is called once, in the reactor that was last, with the number of sessions
 * that LIVE_ASK asks for; at once if there are no reactors. 0 or -ENOMEM, and then nothing happens.
 */
int live_start(struct iscsi_node *n, const struct live_change *c,
	       void (*done)(void *arg, unsigned found), void *arg)
	__attribute__((warn_unused_result));

/*
 * The same, and waits, `limit_ms` at most: from any thread but the reactors. `found` may be NULL.
 * 0, -ENOMEM, or -ETIMEDOUT: not all reactors have run it, but they will, and until then commands
 * may use the LU. Messages of one caller are run in order, so when a later one was in time, this
 * one was run as well.
 */
int live_tell(struct iscsi_node *n, const struct live_change *c, unsigned limit_ms, unsigned *found)
	__attribute__((warn_unused_result));

#endif
