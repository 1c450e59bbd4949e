// SPDX-License-Identifier: MIT
/* takeover.c - asks for an upgrade, and waits for who comes. */
#include "memtgtctl/takeover.h"

#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "control/protocol.h"
#include "memtgtctl/command.h"

#define BETWEEN_MS 20 /* how often the socket is tried */
#define ANSWER_S   2u /* for each answer: who ends may have taken the connection */

/* memtgtd's folder is not ours. */
static int make_absolute(json_t *params)
{
	const char *binary = json_string_value(json_object_get(params, "binary"));
	char *folder;

	if (!binary || *binary == '/')
		return 0;
	folder = getcwd(NULL, 0);
	int err = !folder ||
		  json_object_set_new(params, "binary", json_sprintf("%s/%s", folder, binary));
	free(folder);
	return err;
}

static json_int_t number(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

static const char *text(const json_t *object, const char *name)
{
	const char *s = json_string_value(json_object_get(object, name));

	return s ? s : "?";
}

/* One try to hear from the next one. */
static json_t *ask_status(const char *socket, json_int_t ready_ns)
{
	json_t *status = NULL, *none = json_object();
	struct call c;

	if (call_open(&c, socket, ANSWER_S) == CALL_OK)
		(void)call_method(&c, "status", none, &status);
	call_close(&c);
	json_decref(none);
	if (status && number(status, "ready_ns") != ready_ns)
		return status;
	json_decref(status);
	return NULL;
}

static json_t *wait_for(const struct takeover *t, uint64_t until, json_int_t ready_ns)
{
	json_t *status;

	while (!(status = ask_status(t->socket, ready_ns)) && clock_now() < until)
		(void)poll(NULL, 0, BETWEEN_MS);
	return status;
}

static enum call_result ask(const struct takeover *t, unsigned limit_s, json_t **answer, char *why,
			    size_t n)
{
	struct call c;
	enum call_result r = call_open(&c, t->socket, limit_s);

	if (r == CALL_OK)
		r = call_method(&c, "upgrade", t->command->params, answer);
	if (r != CALL_OK)
		snprintf(why, n, "%s", c.why);
	call_close(&c);
	return r;
}

static json_t *both(const json_t *before, const json_t *after)
{
	return json_pack("{s:O, s:O, s:O, s:O, s:O}", "binary", json_object_get(after, "binary"),
			 "old_version", json_object_get(before, "version"), "version",
			 json_object_get(after, "version"), "pid", json_object_get(after, "pid"),
			 "pause_ms", json_object_get(after, "pause_ms"));
}

/* Is it the program that was asked for, as the process that there was? */
static bool took_over(const json_t *before, const json_t *after)
{
	return number(before, "pid") == number(after, "pid") &&
	       json_equal(json_object_get(before, "binary"), json_object_get(after, "binary"));
}

enum call_result takeover_run(const struct takeover *t, json_t **result, char *why, size_t n)
{
	unsigned limit_s = t->timeout_s > TAKEOVER_S ? t->timeout_s : TAKEOVER_S;
	uint64_t until = clock_now() + limit_s * NS_PER_S;
	json_t *before;

	if (make_absolute(t->command->params)) {
		snprintf(why, n, "the program's path is none that can be sent");
		return CALL_REFUSED;
	}
	enum call_result r = ask(t, limit_s, &before, why, n);
	if (r != CALL_OK)
		return r;
	json_t *after = wait_for(t, until, number(before, "ready_ns"));
	if (!after) {
		snprintf(why, n,
			 "%s: memtgtd began to go over to the other program, and nobody answered "
			 "within %u s: its log tells why",
			 t->socket, limit_s);
		r = CALL_FAILED;
	} else if (!took_over(before, after)) {
		snprintf(why, n,
			 "%.300s could not take over, and %.300s goes on: its log tells why",
			 text(before, "binary"), text(after, "binary"));
		r = CALL_REFUSED;
	} else {
		*result = both(before, after);
	}
	json_decref(before);
	json_decref(after);
	return r;
}

void takeover_show(FILE *out, const json_t *result)
{
	fprintf(out, "memtgtd %s is %s now, process %lld; nobody was served for %lld ms\n",
		text(result, "old_version"), text(result, "version"),
		(long long)number(result, "pid"), (long long)number(result, "pause_ms"));
}
