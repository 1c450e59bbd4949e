// SPDX-License-Identifier: MIT
/* qmp.c - one command after another. */
#include "initiator-tools/vm/qmp.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "initiator-tools/answer.h"

#define ROOM_FIRST 65536u

static int fail(struct qmp *q, int err, const char *text)
{
	answer_text((const uint8_t *)text, strlen(text), q->why, sizeof(q->why));
	return -err;
}

/* ---- messages ---- */

static enum qmp_kind error_of(const json_t *error, json_t **value)
{
	json_t *text = json_object_get(error, "desc");

	if (!json_is_string(text))
		return QMP_NONE;
	*value = json_incref(text);
	return QMP_ERROR;
}

enum qmp_kind qmp_message(const char *text, size_t n, unsigned id, json_t **value)
{
	json_t *m = json_loadb(text, n, 0, NULL);
	json_t *returned = json_object_get(m, "return"), *error = json_object_get(m, "error");
	enum qmp_kind kind = QMP_NONE;

	*value = NULL;
	if (json_is_string(json_object_get(m, "event"))) {
		kind = QMP_EVENT;
	} else if (json_is_object(json_object_get(m, "QMP"))) {
		kind = QMP_GREETING;
	} else if (returned || error) {
		const json_t *number = json_object_get(m, "id");
		/* What it cannot read it answers without an id. */
		if (number ? json_integer_value(number) != (json_int_t)id : !error)
			kind = QMP_STALE;
		else if (error)
			kind = error_of(error, value);
		else
			*value = json_incref(returned), kind = QMP_RETURN;
	}
	json_decref(m);
	return kind;
}

/* ---- the socket ---- */

static int wait_for(struct qmp *q, short events, uint64_t until)
{
	struct pollfd p = {.fd = q->fd, .events = events};
	uint64_t now = clock_now();

	if (now >= until)
		return fail(q, ETIMEDOUT, "it does not answer");
	int n = poll(&p, 1, (int)((until - now) / NS_PER_MS) + 1);
	return n < 0 && errno != EINTR ? fail(q, errno, strerror(errno)) : 0;
}

static int send_all(struct qmp *q, const char *text, size_t n, uint64_t until)
{
	int err = 0;

	for (size_t at = 0; !err && at < n;) {
		ssize_t sent = send(q->fd, text + at, n - at, MSG_NOSIGNAL);
		if (sent >= 0)
			at += (size_t)sent;
		else if (errno == EAGAIN)
			err = wait_for(q, POLLOUT, until);
		else if (errno != EINTR)
			err = fail(q, errno, strerror(errno));
	}
	return err;
}

static int make_room(struct qmp *q)
{
	if (q->have < q->room)
		return 0;
	size_t room = q->room ? 2 * q->room : ROOM_FIRST;
	if (room > QMP_LINE_MAX)
		return fail(q, EPROTO, "it sends a message without an end");
	char *buf = realloc(q->buf, room);
	if (!buf)
		return fail(q, ENOMEM, "out of memory");
	q->buf = buf;
	q->room = room;
	return 0;
}

/* More bytes, or an error. */
static int receive(struct qmp *q, uint64_t until)
{
	int err = make_room(q);

	while (!err) {
		ssize_t n = recv(q->fd, q->buf + q->have, q->room - q->have, 0);
		if (n > 0) {
			q->have += (size_t)n;
			return 0;
		}
		if (!n)
			err = fail(q, ECONNRESET, "it closed the connection");
		else if (errno == EAGAIN)
			err = wait_for(q, POLLIN, until);
		else if (errno != EINTR)
			err = fail(q, errno, strerror(errno));
	}
	return err;
}

/* The next message's kind; or -errno. */
static int hear(struct qmp *q, uint64_t until, json_t **value)
{
	const char *end;
	size_t looked = 0;

	while (!(end = q->have > looked ? memchr(q->buf + looked, '\n', q->have - looked) : NULL)) {
		looked = q->have;
		int err = receive(q, until);
		if (err)
			return err;
	}
	size_t n = (size_t)(end - q->buf);
	int kind = (int)qmp_message(q->buf, n, q->id, value);
	q->have -= n + 1;
	memmove(q->buf, end + 1, q->have);
	return kind == QMP_NONE ? fail(q, EPROTO, "what it says is no QMP") : kind;
}

/* Until a message of this kind, or an error. Whoever sends others without end has no more time. */
static int hear_kind(struct qmp *q, int kind, uint64_t until, json_t **value)
{
	for (;;) {
		int got = hear(q, until, value);
		if (got < 0 || got == kind)
			return got < 0 ? got : 0;
		if (got == QMP_ERROR && kind == QMP_RETURN) {
			(void)fail(q, EREMOTEIO, json_string_value(*value));
			json_decref(*value);
			*value = NULL;
			return -EREMOTEIO;
		}
		json_decref(*value);
		*value = NULL;
		if (clock_now() >= until)
			return fail(q, ETIMEDOUT, "it does not answer");
	}
}

/* ---- commands ---- */

static int dial(struct qmp *q, const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	if (strlen(path) >= sizeof(a.sun_path))
		return fail(q, ENAMETOOLONG, "the path of a socket has at most 107 bytes");
	memcpy(a.sun_path, path, strlen(path));
	q->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (q->fd < 0 || connect(q->fd, (struct sockaddr *)&a, sizeof(a)))
		return fail(q, errno, strerror(errno));
	return 0;
}

int qmp_open(struct qmp *q, const char *path, uint64_t limit_ns)
{
	json_t *nothing = NULL;

	*q = (struct qmp){.fd = -1, .limit_ns = limit_ns};
	int err = dial(q, path);
	if (!err)
		err = hear_kind(q, QMP_GREETING, clock_now() + limit_ns, &nothing);
	if (err == -ETIMEDOUT)
		return fail(q, ETIMEDOUT,
			    "it says nothing: it stands still, or has another client");
	return err ? err : qmp_run(q, "qmp_capabilities", NULL, NULL);
}

void qmp_close(struct qmp *q)
{
	if (q->fd >= 0)
		close(q->fd);
	free(q->buf);
	*q = (struct qmp){.fd = -1};
}

/* The text and a newline; NULL: no memory. */
static char *request(unsigned id, const char *command, json_t *arguments, size_t *n)
{
	json_t *m = json_pack("{s:s, s:I}", "execute", command, "id", (json_int_t)id);

	if (m && arguments && json_object_set(m, "arguments", arguments)) {
		json_decref(m);
		m = NULL;
	}
	char *text = m ? json_dumps(m, JSON_COMPACT) : NULL;
	json_decref(m);
	if (text) {
		*n = strlen(text);
		text[(*n)++] = '\n'; /* in place of the NUL */
	}
	return text;
}

int qmp_run(struct qmp *q, const char *command, json_t *arguments, json_t **out)
{
	uint64_t until = clock_now() + q->limit_ns;
	json_t *value = NULL;
	size_t n = 0;
	char *text = request(++q->id, command, arguments, &n);
	int err = text ? send_all(q, text, n, until) : fail(q, ENOMEM, "out of memory");

	if (text)
		explicit_bzero(text, n); /* a secret may be in it */
	free(text);
	json_decref(arguments);
	if (!err)
		err = hear_kind(q, QMP_RETURN, until, &value);
	if (!err && out)
		*out = value;
	else
		json_decref(value);
	return err;
}
