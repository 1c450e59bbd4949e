/* SPDX-License-Identifier: MIT */
/*
 * rpc.h - JSON-RPC 2.0: the bytes of a line in, the bytes of its answer out.
 *
 * Knows no socket and no thread. What a line may be is checked here, by the tables, before a method
 * sees it: a method finds its parameters there, of the right type and in range.
 */
#ifndef MEMTGT_RPC_H
#define MEMTGT_RPC_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/protocol.h"

#define RPC_MESSAGE_MAX 512

struct rpc_call;

/* A method: its result, a new reference; or NULL, after rpc_refuse() or for want of memory. */
typedef json_t *rpc_method(struct rpc_call *c);

struct rpc {
	const struct control_table *table;
	rpc_method *const *run; /* by the places of table->methods */
	void *context;		/* the methods' */
};

struct rpc_call {
	const struct rpc *rpc;
	unsigned method;
	json_t *params; /* an object, checked */
	int error;	/* enum control_error; 0: none */
	char message[RPC_MESSAGE_MAX];
};

struct rpc_answer {
	char *text; /* on the heap, without newline; NULL: none is due, or no memory for it */
	size_t len;
	int error; /* that it tells, 0: a result; of a notification, which is not told */
};

/*
 * Answers the request in p[0..n), which has no newline. `who` is the caller, for the log line of a
 * method that changes something.
 */
struct rpc_answer rpc_answer(const struct rpc *r, const char *p, size_t n, const char *who);

/* An answer to what could not be read as a request. */
struct rpc_answer rpc_error(int code, const char *message);

/* Always returns NULL, for methods to return. */
json_t *rpc_refuse(struct rpc_call *c, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Parameters of a call; `otherwise` if it is not there. The text is good during the call. */
const char *rpc_text(const struct rpc_call *c, const char *name, const char *otherwise);
uint64_t rpc_number(const struct rpc_call *c, const char *name, uint64_t otherwise);
bool rpc_bool(const struct rpc_call *c, const char *name, bool otherwise);

#endif
