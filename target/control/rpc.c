// SPDX-License-Identifier: MIT
/* rpc.c - reads a request, finds its method, makes the answer. */
#include "control/rpc.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "control/clean.h"
#include "control/param.h"
#include "memtgt/control.h"

json_t *rpc_refuse(struct rpc_call *c, int code, const char *fmt, ...)
{
	va_list ap;

	c->error = code;
	va_start(ap, fmt);
	vsnprintf(c->message, sizeof(c->message), fmt, ap);
	va_end(ap);
	control_text_clean(c->message);
	return NULL;
}

const char *rpc_text(const struct rpc_call *c, const char *name, const char *otherwise)
{
	const char *text = json_string_value(json_object_get(c->params, name));

	return text ? text : otherwise;
}

uint64_t rpc_number(const struct rpc_call *c, const char *name, uint64_t otherwise)
{
	const json_t *value = json_object_get(c->params, name);

	return value ? param_number(value) : otherwise;
}

bool rpc_bool(const struct rpc_call *c, const char *name, bool otherwise)
{
	const json_t *value = json_object_get(c->params, name);

	return value ? json_is_true(value) : otherwise;
}

/* ---- answers ---- */

/* `object` is ours now. */
static struct rpc_answer told(json_t *object, int error)
{
	struct rpc_answer a = {.error = error};

	if (object)
		a.text = json_dumps(object, JSON_COMPACT);
	json_decref(object);
	if (a.text)
		a.len = strlen(a.text);
	else
		a.error = CONTROL_ERR_INTERNAL;
	return a;
}

/* `id` is borrowed; NULL: it is not known. JSON-RPC 2.0, 5 */
static struct rpc_answer told_error(json_t *id, int code, const char *message)
{
	return told(json_pack("{s:s, s:O?, s:{s:i, s:s}}", "jsonrpc", "2.0", "id",
			      id ? id : json_null(), "error", "code", code, "message", message),
		    code);
}

struct rpc_answer rpc_error(int code, const char *message)
{
	return told_error(NULL, code, message);
}

/* ---- requests ---- */

/* Before the parser, which calls itself at each level. */
static bool too_deep(const char *p, size_t n)
{
	unsigned depth = 0;
	bool in_text = false;

	for (size_t i = 0; i < n; i++) {
		if (in_text && p[i] == '\\')
			i++;
		else if (p[i] == '"')
			in_text = !in_text;
		else if (in_text)
			continue;
		else if ((p[i] == '[' || p[i] == '{') && ++depth > CONTROL_DEPTH_MAX)
			return true;
		else if ((p[i] == ']' || p[i] == '}') && depth)
			depth--;
	}
	return false;
}

static json_t *parse(struct rpc_call *c, const char *p, size_t n)
{
	json_error_t error;

	if (too_deep(p, n))
		return rpc_refuse(c, CONTROL_ERR_PARSE,
				  "arrays and objects are more than %u inside of each other",
				  CONTROL_DEPTH_MAX);
	json_t *request = json_loadb(p, n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
	if (request)
		return request;
	if (json_error_code(&error) == json_error_out_of_memory)
		return rpc_refuse(c, CONTROL_ERR_INTERNAL, "out of memory");
	return rpc_refuse(c, CONTROL_ERR_PARSE, "byte %d: %s", error.position, error.text);
}

static bool good_id(const json_t *id)
{
	return json_is_string(id) || json_is_integer(id) || json_is_null(id);
}

static const char *unknown_member(json_t *request)
{
	static const char *const known[] = {"jsonrpc", "id", "method", "params", NULL};
	const char *name;
	json_t *value;

	json_object_foreach(request, name, value)
	{
		size_t i = 0;
		while (known[i] && strcmp(known[i], name) != 0)
			i++;
		if (!known[i])
			return name;
	}
	return NULL;
}

/* JSON-RPC 2.0, 4. A batch (6) would be several long answers at once: who wants many sends many
 * lines. */
static const char *bad_request(json_t *request)
{
	const char *version = json_string_value(json_object_get(request, "jsonrpc"));
	const json_t *id = json_object_get(request, "id");

	if (json_is_array(request))
		return "batches are not taken: send each request as a line of its own";
	if (!json_is_object(request))
		return "a request is an object { ... }";
	if (id && !good_id(id))
		return "id is a text, a whole number or null";
	if (!version || strcmp(version, "2.0") != 0)
		return "jsonrpc is missing, or not \"2.0\"";
	if (!json_is_string(json_object_get(request, "method")))
		return "method is missing, or no text";
	return unknown_member(request) ? "a request has jsonrpc, id, method, params, and no more"
				       : NULL;
}

static void find_method(struct rpc_call *c, const char *name)
{
	int i = control_method_find(c->rpc->table, name);

	if (i >= 0)
		c->method = (unsigned)i;
	else
		rpc_refuse(c, CONTROL_ERR_METHOD, "there is no method \"%.80s%s\"", name,
			   strlen(name) > 80 ? "..." : "");
}

static void check_params(struct rpc_call *c)
{
	char why[RPC_MESSAGE_MAX];

	if (!json_is_object(c->params))
		rpc_refuse(c, CONTROL_ERR_PARAMS, "params is an object of names and values");
	else if (!param_check_all(c->rpc->table, c->method, c->params, why, sizeof(why)))
		rpc_refuse(c, CONTROL_ERR_PARAMS, "%s", why);
}

static json_t *run(struct rpc_call *c, const char *who)
{
	const struct control_method *m = &c->rpc->table->methods[c->method];
	json_t *result = c->rpc->run[c->method](c);

	if (!result && !c->error)
		rpc_refuse(c, CONTROL_ERR_INTERNAL, "out of memory");
	if (m->effect == CONTROL_CHANGES && c->error)
		log_warn("control: %s by %s: %s", m->name, who, c->message);
	else if (m->effect == CONTROL_CHANGES)
		log_info("control: %s by %s", m->name, who);
	return result;
}

/* What a right request asks for: its result, or NULL and an error in `c`. */
static json_t *call(struct rpc_call *c, const json_t *request, const char *who)
{
	json_t *params = json_object_get(request, "params"), *result = NULL;

	find_method(c, json_string_value(json_object_get(request, "method")));
	if (c->error)
		return NULL;
	c->params = params ? json_incref(params) : json_object();
	if (!c->params)
		return rpc_refuse(c, CONTROL_ERR_INTERNAL, "out of memory");
	check_params(c);
	if (!c->error)
		result = run(c, who);
	json_decref(c->params);
	return result;
}

struct rpc_answer rpc_answer(const struct rpc *r, const char *p, size_t n, const char *who,
			     struct rpc_stream *stream)
{
	struct rpc_call c = {.rpc = r};
	json_t *request = parse(&c, p, n);

	if (!request)
		return rpc_error(c.error, c.message);
	const char *wrong = bad_request(request);
	json_t *id = json_object_get(request, "id");
	struct rpc_answer a = {0};
	if (wrong) {
		a = told_error(id && good_id(id) ? id : NULL, CONTROL_ERR_REQUEST, wrong);
	} else {
		c.stream = id ? stream : NULL;
		json_t *result = call(&c, request, who);
		if (!id) /* a notification, 4.1 */
			a.error = c.error;
		else if (c.error)
			a = told_error(id, c.error, c.message);
		else
			a = told(json_pack("{s:s, s:O, s:O}", "jsonrpc", "2.0", "id", id, "result",
					   result),
				 0);
		json_decref(result);
	}
	json_decref(request);
	return a;
}
