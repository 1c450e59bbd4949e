// SPDX-License-Identifier: MIT
/* own_luns.c - lun.list of this host's memtgtd, page by page. */
#include "initiator-tools/own_luns.h"

#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "memtgt/control.h"

struct caller {
	int fd;
	uint64_t until;
	char *line; /* CONTROL_RESPONSE_MAX and a newline */
	size_t have;
};

/* 0, or -ETIMEDOUT. */
static int wait_for(const struct caller *c, short events)
{
	uint64_t now = clock_now();
	struct pollfd p = {.fd = c->fd, .events = events};

	if (now >= c->until)
		return -ETIMEDOUT;
	int ms = (int)((c->until - now) / NS_PER_MS) + 1;
	return poll(&p, 1, ms) > 0 ? 0 : -ETIMEDOUT;
}

static int dial(struct caller *c, const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	if (strlen(path) >= sizeof(a.sun_path))
		return -ENAMETOOLONG;
	memcpy(a.sun_path, path, strlen(path));
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->fd < 0)
		return -errno;
	return connect(c->fd, (struct sockaddr *)&a, sizeof(a)) ? -errno : 0;
}

/* `from`: where the page begins; NULL: the first. */
static int ask(const struct caller *c, const json_t *from)
{
	json_t *request = from ? json_pack("{s:s, s:i, s:s, s:{s:O}}", "jsonrpc", "2.0", "id", 1,
					   "method", "lun.list", "params", "from", from)
			       : json_pack("{s:s, s:i, s:s}", "jsonrpc", "2.0", "id", 1, "method",
					   "lun.list");
	char *text = request ? json_dumps(request, JSON_COMPACT) : NULL;
	int err = text ? 0 : -ENOMEM;

	json_decref(request);
	size_t n = text ? strlen(text) : 0;
	if (text)
		text[n++] = '\n'; /* in place of the NUL */
	for (size_t at = 0; !err && at < n;) {
		err = wait_for(c, POLLOUT);
		ssize_t sent = err ? 0 : send(c->fd, text + at, n - at, MSG_NOSIGNAL);
		if (sent < 0 && errno != EAGAIN && errno != EINTR)
			err = -errno;
		at += sent > 0 ? (size_t)sent : 0;
	}
	free(text);
	return err;
}

/* One line, without its newline. Answers come one at a time. */
static int hear(struct caller *c, json_t **answer)
{
	c->have = 0;
	while (c->have <= CONTROL_RESPONSE_MAX) {
		int err = wait_for(c, POLLIN);
		if (err)
			return err;
		ssize_t n = recv(c->fd, c->line + c->have, CONTROL_RESPONSE_MAX + 1 - c->have, 0);
		if (!n || (n < 0 && errno != EAGAIN && errno != EINTR))
			return n ? -errno : -ECONNRESET;
		c->have += n > 0 ? (size_t)n : 0;
		if (c->have && c->line[c->have - 1] == '\n') {
			*answer = json_loadb(c->line, c->have, 0, NULL);
			return *answer ? 0 : -EPROTO;
		}
	}
	return -EPROTO;
}

static int take_rows(struct own_luns *o, const json_t *rows)
{
	json_t *row;
	size_t i, n = json_array_size(rows);

	if (!json_is_array(rows) || n + o->n > OWN_LUNS_MAX)
		return -EPROTO;
	void *more = reallocarray(o->naa, o->n + n + 1, sizeof(o->naa[0]));
	if (!more)
		return -ENOMEM;
	o->naa = more;
	json_array_foreach(rows, i, row)
	{
		const char *naa = json_string_value(json_object_get(row, "naa"));
		if (naa && strlen(naa) >= 16 && strlen(naa) < OWN_NAA_SIZE)
			memcpy(o->naa[o->n++], naa, strlen(naa) + 1);
	}
	return 0;
}

/* All pages. An answer that is no list means that we do not know. */
static int list(struct caller *c, struct own_luns *o)
{
	json_t *answer = NULL, *from = NULL;
	int err;

	do {
		err = ask(c, from);
		json_decref(from);
		from = NULL;
		if (!err)
			err = hear(c, &answer);
		if (err)
			break;
		const json_t *result = json_object_get(answer, "result");
		err = take_rows(o, json_object_get(result, "luns"));
		from = json_incref(json_object_get(result, "next"));
		json_decref(answer);
	} while (!err && from);
	json_decref(from);
	return err;
}

int own_luns_read(struct own_luns *o, const char *socket, uint64_t timeout_ns)
{
	struct caller c = {.fd = -1,
			   .until = clock_now() + timeout_ns,
			   .line = malloc(CONTROL_RESPONSE_MAX + 1)};

	*o = (struct own_luns){0};
	int err = c.line ? dial(&c, socket) : -ENOMEM;
	/* A socket without a daemon behind it is left by one that was killed. */
	bool is_none = err == -ENOENT || err == -ECONNREFUSED;
	if (!err)
		err = list(&c, o);
	if (c.fd >= 0)
		close(c.fd);
	free(c.line);
	if (err)
		own_luns_free(o);
	return is_none ? 0 : err;
}

bool own_luns_has(const struct own_luns *o, const char *naa)
{
	for (size_t i = 0; *naa && i < o->n; i++)
		if (!strcmp(o->naa[i], naa))
			return true;
	return false;
}

void own_luns_free(struct own_luns *o)
{
	free(o->naa);
	*o = (struct own_luns){0};
}
