/* SPDX-License-Identifier: MIT */
/* rpc_fixture.h - methods of the tests' own, which try every type of parameter and every end. */
#ifndef MEMTGT_RPC_FIXTURE_H
#define MEMTGT_RPC_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/rpc.h"

#define BIG_BYTES (1u << 19)

enum { ECHO, CHANGE, CHANGE_NOT, NO_MEMORY, BIG, PARROT };

static const struct control_method fixture_methods[] = {
	[ECHO] = {"echo", CONTROL_READS, "", "its parameters"},
	[CHANGE] = {"change", CONTROL_CHANGES, "", "what is logged"},
	[CHANGE_NOT] = {"change.not", CONTROL_CHANGES, "", "what is refused"},
	[NO_MEMORY] = {"no.memory", CONTROL_READS, "", "what fails without a word"},
	[BIG] = {"big", CONTROL_READS, "", "a long text"},
	[PARROT] = {"parrot", CONTROL_READS, "", "takes bytes, and gives them back"},
};

static const struct control_param fixture_params[] = {
	/* clang-format off */
	{ECHO, "text", CONTROL_TEXT, CONTROL_OPT, 2, 5,    "a text"},
	{ECHO, "uint", CONTROL_UINT, CONTROL_OPT, 3, 9,    "a number"},
	{ECHO, "size", CONTROL_SIZE, CONTROL_OPT, 0, 4096, "a size"},
	{ECHO, "bool", CONTROL_BOOL, CONTROL_OPT, 0, 0,    "a truth"},
	{PARROT, "bytes", CONTROL_UINT, CONTROL_REQ, 0, BIG_BYTES, "how many"},
	{CHANGE_NOT, "must", CONTROL_UINT, CONTROL_REQ, 0, 1, "what must be there"},
	/* clang-format on */
};

static const struct control_table fixture_table = {
	.methods = fixture_methods,
	.nmethods = sizeof(fixture_methods) / sizeof(fixture_methods[0]),
	.params = fixture_params,
	.nparams = sizeof(fixture_params) / sizeof(fixture_params[0]),
};

static inline json_t *run_echo(struct rpc_call *c)
{
	return json_pack("{s:s, s:I, s:I, s:b}", "text", rpc_text(c, "text", "none"), "uint",
			 (json_int_t)rpc_number(c, "uint", 77), "size",
			 (json_int_t)rpc_number(c, "size", 77), "bool",
			 (int)rpc_bool(c, "bool", true));
}

static inline json_t *run_change(struct rpc_call *c)
{
	(void)c;
	return json_object();
}

static inline json_t *run_change_not(struct rpc_call *c)
{
	return rpc_refuse(c, CONTROL_ERR_REFUSED, "not \xff%s", "today");
}

static inline json_t *run_no_memory(struct rpc_call *c)
{
	(void)c;
	return NULL;
}

static inline json_t *run_big(struct rpc_call *c)
{
	char *text = malloc(BIG_BYTES + 1);

	(void)c;
	memset(text, 'x', BIG_BYTES);
	text[BIG_BYTES] = '\0';
	json_t *big = json_pack("{s:s}", "big", text);
	free(text);
	return big;
}

/* What went wrong is its error's number, and the connection is lost. */
static inline json_t *run_parrot(struct rpc_call *c)
{
	size_t n = rpc_number(c, "bytes", 0);
	char *bytes = malloc(n + 1);

	if (!c->stream) {
		free(bytes);
		return rpc_refuse(c, CONTROL_ERR_REFUSED, "no stream");
	}
	int err = c->stream->read(c->stream, bytes, n);
	if (!err)
		err = c->stream->rest(c->stream, 0);
	if (!err)
		err = c->stream->write(c->stream, bytes, n);
	free(bytes);
	c->stream->is_lost = err;
	return err ? rpc_refuse(c, CONTROL_ERR_REFUSED, "%s", strerror(-err)) : json_object();
}

static rpc_method *const fixture_run[] = {run_echo,	 run_change, run_change_not,
					  run_no_memory, run_big,    run_parrot};

static const struct rpc fixture_rpc = {.table = &fixture_table, .run = fixture_run};

#endif
