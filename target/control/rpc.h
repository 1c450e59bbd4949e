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

/*
 * The connection, for a method that gives or takes more bytes than a line. Until it returns they
 * are its own: those it reads follow the request, those it writes come before the answer.
 */
struct rpc_stream {
	/* Just n bytes, within the client's limit of time. 0, -ENODATA: the client has gone;
	 * -ETIMEDOUT; -ECANCELED: all clients are to end. */
	int (*read)(struct rpc_stream *s, void *p, size_t n);
	int (*write)(struct rpc_stream *s, const void *p, size_t n);
	/* Lets time pass. 0 or -ECANCELED. */
	int (*rest)(struct rpc_stream *s, unsigned ms);
	bool is_lost; /* what follows is no request: the connection ends after the answer */
};

struct rpc {
	const struct control_table *table;
	rpc_method *const *run; /* by the places of table->methods */
	void *context;		/* the methods' */
};

struct rpc_call {
	const struct rpc *rpc;
	unsigned method;
	json_t *params;		   /* an object, checked */
	struct rpc_stream *stream; /* NULL: there is none, or nobody hears the answer */
	int error;		   /* enum control_error; 0: none */
	char message[RPC_MESSAGE_MAX];
};

struct rpc_answer {
	char *text; /* on the heap, without newline; NULL: none is due, or no memory for it */
	size_t len;
	int error; /* that it tells, 0: a result; of a notification, which is not told */
};

/*
 * Answers the request in p[0..n), which has no newline. `who` is the caller, for the log line of a
 * method that changes something. `stream` may be NULL.
 */
struct rpc_answer rpc_answer(const struct rpc *r, const char *p, size_t n, const char *who,
			     struct rpc_stream *stream);

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
