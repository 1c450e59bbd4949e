// SPDX-License-Identifier: MIT
/*
 * call.c - the client's end of the control socket.
 *
 * The socket never blocks: whatever memtgtd does, or does not, the limit of time ends it.
 */
#include "memtgtctl/call.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "memtgt/control.h"

static enum call_result fail(struct call *c, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static enum call_result fail(struct call *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(c->why, sizeof(c->why), fmt, ap);
	va_end(ap);
	return CALL_FAILED;
}

static enum call_result too_late(struct call *c)
{
	return fail(c, "%s: no answer within %u s; memtgtd may still be starting: --timeout",
		    c->path, c->timeout_s);
}

static int ms_left(const struct call *c)
{
	uint64_t now = clock_now();

	return now >= c->until ? 0 : (int)((c->until - now) / NS_PER_MS) + 1;
}

/* false: the limit. */
static bool wait_for(const struct call *c, short events)
{
	struct pollfd fd = {.fd = c->fd, .events = events};
	int ms;

	while ((ms = ms_left(c)) > 0) {
		int n = poll(&fd, 1, ms);
		if (n > 0)
			return true;
		if (n < 0 && errno != EINTR)
			return false;
	}
	return false;
}

/* ---- connecting ---- */

static enum call_result explain_connect(struct call *c)
{
	switch (errno) {
	case ENOENT:
		return fail(c, "%s is not there: is memtgtd running, with this control.socket?",
			    c->path);
	case ECONNREFUSED:
		return fail(c, "%s: nobody listens there: memtgtd has ended", c->path);
	case EACCES:
	case EPERM:
		return fail(c,
			    "%s: permission denied: be root, memtgtd's user, or a member of "
			    "control.group",
			    c->path);
	default:
		return fail(c, "%s: %s", c->path, strerror(errno));
	}
}

/* A queue that is full answers EAGAIN, and nothing tells when it has room: unix(7). */
static enum call_result connect_in_time(struct call *c, const struct sockaddr_un *un)
{
	while (connect(c->fd, (const struct sockaddr *)un, sizeof(*un))) {
		if (errno != EAGAIN && errno != EINTR)
			return explain_connect(c);
		if (!ms_left(c))
			return too_late(c);
		(void)poll(NULL, 0, 10);
	}
	return CALL_OK;
}

enum call_result call_open(struct call *c, const char *path, unsigned timeout_s)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};

	*c = (struct call){.path = path, .timeout_s = timeout_s, .fd = -1};
	c->until = clock_now() + timeout_s * NS_PER_S;
	if (strlen(path) > CONTROL_PATH_MAX)
		return fail(c, "the path has %zu bytes; a socket's may have %d", strlen(path),
			    CONTROL_PATH_MAX);
	strcpy(un.sun_path, path);
	c->buffer = malloc(CONTROL_RESPONSE_MAX);
	if (!c->buffer)
		return fail(c, "out of memory");
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->fd < 0)
		return fail(c, "socket: %s", strerror(errno));
	return connect_in_time(c, &un);
}

void call_close(struct call *c)
{
	if (c->fd >= 0)
		close(c->fd);
	free(c->buffer);
}

/* ---- one call ---- */

static enum call_result send_line(struct call *c, const char *p, size_t n)
{
	while (n) {
		ssize_t sent = send(c->fd, p, n, MSG_NOSIGNAL);
		if (sent > 0) {
			p += sent;
			n -= (size_t)sent;
		} else if (errno == EAGAIN) {
			if (!wait_for(c, POLLOUT))
				return too_late(c);
		} else if (errno == EPIPE || errno == ECONNRESET) {
			c->is_refused = true;
			return CALL_OK; /* why stands in what it sent before */
		} else if (errno != EINTR) {
			return fail(c, "%s: %s", c->path, strerror(errno));
		}
	}
	return CALL_OK;
}

/* Until there is a line at the front of the buffer; *len: without its newline. */
static enum call_result receive_line(struct call *c, size_t *len)
{
	for (;;) {
		const char *end = memchr(c->buffer, '\n', c->have);
		if (end) {
			*len = (size_t)(end - c->buffer);
			return CALL_OK;
		}
		if (c->have == CONTROL_RESPONSE_MAX)
			return fail(c, "%s: the answer is too long", c->path);
		if (!wait_for(c, POLLIN))
			return too_late(c);
		ssize_t n = recv(c->fd, c->buffer + c->have, CONTROL_RESPONSE_MAX - c->have, 0);
		if (n > 0)
			c->have += (size_t)n;
		else if (!n || (errno != EAGAIN && errno != EINTR))
			return fail(c, "%s: memtgtd ended the connection without an answer",
				    c->path);
	}
}

static enum call_result read_answer(struct call *c, const char *p, size_t n, json_t **result)
{
	json_t *answer = json_loadb(p, n, 0, NULL);
	const json_t *error = json_object_get(answer, "error");
	const char *message = json_string_value(json_object_get(error, "message"));
	enum call_result r = CALL_OK;

	*result = json_object_get(answer, "result");
	if (message) {
		(void)fail(c, "%s", message);
		r = CALL_REFUSED;
	} else if (!*result) {
		r = fail(c, "%s: this is no answer of memtgtd", c->path);
	} else {
		json_incref(*result);
	}
	json_decref(answer);
	return r;
}

static char *make_line(const char *method, json_t *params, size_t *len)
{
	json_t *request = json_pack("{s:s, s:i, s:s, s:O}", "jsonrpc", "2.0", "id", 1, "method",
				    method, "params", params);
	char *line = request ? json_dumps(request, JSON_COMPACT) : NULL;

	json_decref(request);
	if (!line)
		return NULL;
	*len = strlen(line) + 1;
	line[*len - 1] = '\n'; /* in place of its NUL */
	return line;
}

enum call_result call_request(struct call *c, const char *method, json_t *params)
{
	size_t n;
	char *line = make_line(method, params, &n);

	if (!line)
		return fail(c, "out of memory");
	enum call_result r = send_line(c, line, n);
	free(line);
	return r;
}

/* What is behind the first n bytes is at the front now. */
static void drop(struct call *c, size_t n)
{
	c->have -= n;
	memmove(c->buffer, c->buffer + n, c->have);
}

enum call_result call_answer(struct call *c, json_t **result)
{
	size_t len = 0;
	enum call_result r = receive_line(c, &len);

	if (r != CALL_OK)
		return r;
	r = read_answer(c, c->buffer, len, result);
	drop(c, len + 1);
	return r;
}

enum call_result call_method(struct call *c, const char *method, json_t *params, json_t **result)
{
	enum call_result r = call_request(c, method, params);

	return r == CALL_OK ? call_answer(c, result) : r;
}

/* ---- more than a line ---- */

static void begin_limit(struct call *c)
{
	c->until = clock_now() + c->timeout_s * NS_PER_S;
}

static enum call_result receive(struct call *c, void *p, size_t n, size_t *got)
{
	for (*got = 0; !*got;) {
		if (!wait_for(c, POLLIN))
			return too_late(c);
		ssize_t some = recv(c->fd, p, n, 0);
		if (some > 0)
			*got = (size_t)some;
		else if (!some || (errno != EAGAIN && errno != EINTR))
			return fail(c, "%s: memtgtd ended the connection", c->path);
	}
	return CALL_OK;
}

enum call_result call_peek(struct call *c, char *first)
{
	enum call_result r = CALL_OK;
	size_t got;

	begin_limit(c);
	if (!c->have) {
		r = receive(c, c->buffer, CONTROL_RESPONSE_MAX, &got);
		if (r == CALL_OK)
			c->have = got;
	}
	*first = c->buffer[0];
	return r;
}

enum call_result call_notified(struct call *c, const char *name)
{
	size_t len = 0;
	json_t *unexpected;
	enum call_result r = receive_line(c, &len);

	if (r != CALL_OK)
		return r;
	json_t *line = json_loadb(c->buffer, len, 0, NULL);
	const char *method = json_string_value(json_object_get(line, "method"));
	bool is_it = method && !strcmp(method, name);
	json_decref(line);
	if (is_it) {
		drop(c, len + 1);
		return CALL_OK;
	}
	r = call_answer(c, &unexpected);
	if (r != CALL_OK)
		return r;
	json_decref(unexpected);
	return fail(c, "%s: this is no answer of memtgtd", c->path);
}

enum call_result call_take(struct call *c, void *p, size_t n)
{
	size_t got = n < c->have ? n : c->have, more;
	enum call_result r = CALL_OK;

	begin_limit(c);
	memcpy(p, c->buffer, got);
	drop(c, got);
	for (; got < n && r == CALL_OK; got += more)
		r = receive(c, (char *)p + got, n - got, &more);
	return r;
}

enum call_result call_give(struct call *c, const void *p, size_t n)
{
	begin_limit(c);
	return c->is_refused ? CALL_OK : send_line(c, p, n);
}
