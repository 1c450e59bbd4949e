// SPDX-License-Identifier: MIT
/* message.c - lines KEY=VALUE. */
#include "keeper/message.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"

/* What stands in one line; not ended by NUL. */
struct value {
	const char *p;
	size_t n;
};

static bool is(struct value v, const char *text)
{
	return v.n == strlen(text) && !memcmp(v.p, text, v.n);
}

/* Into out[max + 1]; false: too long. */
static bool copy(struct value v, char *out, size_t max)
{
	if (v.n > max)
		return false;
	memcpy(out, v.p, v.n);
	out[v.n] = '\0';
	return true;
}

/* What is told by "1" only. NULL, or `why`. */
static const char *flag(struct value v, bool *out, const char *why)
{
	*out = is(v, "1");
	return *out ? NULL : why;
}

/* ---- one function a key: NULL, or what is strange ---- */

static const char *take_ready(struct keeper_message *m, struct value v)
{
	return flag(v, &m->ready, "READY is not 1");
}

static const char *take_stopping(struct keeper_message *m, struct value v)
{
	return flag(v, &m->stopping, "STOPPING is not 1");
}

static const char *take_watchdog(struct keeper_message *m, struct value v)
{
	m->watchdog = is(v, "1");
	m->hangs = is(v, "trigger");
	return m->watchdog || m->hangs ? NULL : "WATCHDOG is neither 1 nor \"trigger\"";
}

static const char *take_extend(struct keeper_message *m, struct value v)
{
	char text[24];

	if (!copy(v, text, sizeof(text) - 1) ||
	    !text_number(text, KEEPER_EXTEND_MAX_S * NS_PER_S / NS_PER_US, &m->extend_us))
		return "EXTEND_TIMEOUT_USEC is no number of microseconds up to a day";
	return NULL;
}

static const char *take_store(struct keeper_message *m, struct value v)
{
	return flag(v, &m->store, "FDSTORE is not 1");
}

static const char *take_forget(struct keeper_message *m, struct value v)
{
	return flag(v, &m->forget, "FDSTOREREMOVE is not 1");
}

static const char *take_name(struct keeper_message *m, struct value v)
{
	return copy(v, m->name, NOTIFY_NAME_MAX) && notify_name_ok(m->name)
		       ? NULL
		       : "FDNAME is no name for a descriptor";
}

static const char *take_barrier(struct keeper_message *m, struct value v)
{
	return flag(v, &m->barrier, "BARRIER is not 1");
}

static const char *take_status(struct keeper_message *m, struct value v)
{
	if (v.n > KEEPER_STATUS_MAX)
		v.n = KEEPER_STATUS_MAX;
	return copy(v, m->status, KEEPER_STATUS_MAX) ? NULL : "STATUS";
}

static const char *take_binary(struct keeper_message *m, struct value v)
{
	return copy(v, m->binary, KEEPER_BINARY_MAX) && m->binary[0] == '/'
		       ? NULL
		       : "X_MEMTGT_BINARY is no absolute path";
}

/* clang-format off */
static const struct {
	const char *key;
	const char *(*take)(struct keeper_message *m, struct value v);
} keys[] = {
	{"READY",               take_ready},
	{"STOPPING",            take_stopping},
	{"WATCHDOG",            take_watchdog},
	{"EXTEND_TIMEOUT_USEC", take_extend},
	{"FDSTORE",             take_store},
	{"FDSTOREREMOVE",       take_forget},
	{"FDNAME",              take_name},
	{"BARRIER",             take_barrier},
	{"STATUS",              take_status},
	{"X_MEMTGT_BINARY",     take_binary},
};
/* clang-format on */

static const char *take_line(struct keeper_message *m, struct value line)
{
	const char *equals = memchr(line.p, '=', line.n);

	if (!equals)
		return line.n ? "a line without \"=\"" : NULL;
	struct value key = {line.p, (size_t)(equals - line.p)};
	struct value value = {equals + 1, line.n - key.n - 1};
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		if (is(key, keys[i].key))
			return keys[i].take(m, value);
	return NULL;
}

/* What the lines say together. */
static const char *check(const struct keeper_message *m)
{
	if (m->store && m->forget)
		return "FDSTORE and FDSTOREREMOVE at once";
	if (m->store && m->barrier)
		return "FDSTORE and BARRIER at once";
	if ((m->store || m->forget) && !m->name[0])
		return "no FDNAME";
	return NULL;
}

int keeper_message_parse(struct keeper_message *m, const void *p, size_t n, const char **why)
{
	struct value rest = {p, n};

	memset(m, 0, sizeof(*m));
	*why = n > KEEPER_MESSAGE_MAX ? "it is too long" : NULL;
	if (!*why && n && memchr(p, '\0', n))
		*why = "it has a byte 0";
	while (!*why && rest.n) {
		const char *end = memchr(rest.p, '\n', rest.n);
		struct value line = {rest.p, end ? (size_t)(end - rest.p) : rest.n};
		*why = take_line(m, line);
		rest.p += line.n + (end != NULL);
		rest.n -= line.n + (end != NULL);
	}
	if (!*why)
		*why = check(m);
	return *why ? -EINVAL : 0;
}
