/* SPDX-License-Identifier: MIT */
/*
 * methods.h - the methods of tbl/control_methods.def, and what they know of the daemon.
 *
 * They run in the threads of the control socket's clients, several at one time. What they read is
 * atomic, or behind a lock of its owner, or asked of the reactors by messages.
 */
#ifndef MEMTGT_METHODS_H
#define MEMTGT_METHODS_H

#include "control/rpc.h"

struct iscsi_node;
struct luns;
struct shortage;
struct store;
struct upgrade;

/* rpc.context. Borrowed; lives while the control socket serves. */
struct control_daemon {
	struct iscsi_node *node;
	struct store *store;
	struct luns *luns;
	struct shortage *shortage;
	struct upgrade *upgrade;
	uint64_t ready_at; /* ns */
	uint64_t pause_ms; /* before that nobody was served for so long; 0: it is a start */
};

#define CONTROL_METHOD(id, call, name, effect, list, text) \
	json_t *method_##call(struct rpc_call *c);
#include "tbl/control_methods.def"

/* By enum control_method_id. */
extern rpc_method *const control_run[];

static inline const struct control_daemon *control_daemon_of(const struct rpc_call *c)
{
	return c->rpc->context;
}

#endif
