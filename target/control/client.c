// SPDX-License-Identifier: MIT
/*
 * client.c - lines in, answers out, on a thread of its own.
 *
 * Limits of time are for a whole request and for a whole answer, so a client that sends a byte now
 * and then gains nothing.
 */
#include "control/client.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "memtgt/control.h"

struct client {
	const struct control_clients *all;
	int fd;
	char who[64];
	uint64_t until; /* ns: the limit of this request, or of this answer */
	struct rpc_stream stream;
	size_t have, seen;		    /* bytes of `line`, and those without a newline */
	size_t taken;			    /* and those that were used */
	char line[CONTROL_REQUEST_MAX + 1]; /* a newline follows a line of any length */
};

void client_name(int fd, char *out, size_t n)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len))
		snprintf(out, n, "somebody");
	else
		snprintf(out, n, "uid %u (pid %d)", peer.uid, (int)peer.pid);
}

static void count(const struct client *c, enum counter which)
{
	pthread_mutex_lock(c->all->lock);
	counter_add(c->all->counters, which, 1);
	pthread_mutex_unlock(c->all->lock);
}

static void begin_limit(struct client *c)
{
	c->until = clock_now() + c->all->idle_ms * NS_PER_MS;
}

/* Until the socket is ready. 0, -ETIMEDOUT: the limit; -ECANCELED: the end of all. */
static int wait_for(const struct client *c, short events)
{
	struct pollfd fds[] = {{.fd = c->fd, .events = events},
			       {.fd = c->all->stop, .events = POLLIN}};

	for (;;) {
		uint64_t now = clock_now();
		if (now >= c->until)
			return -ETIMEDOUT;
		int n = poll(fds, 2, (int)((c->until - now) / NS_PER_MS) + 1);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			return fds[1].revents ? -ECANCELED : 0;
	}
}

/* ---- answers ---- */

static int send_all(struct client *c, const char *p, size_t n)
{
	int err = 0;

	begin_limit(c);
	while (n && !err) {
		ssize_t sent = send(c->fd, p, n, MSG_NOSIGNAL);
		if (sent > 0) {
			p += sent;
			n -= (size_t)sent;
		} else if (errno == EAGAIN) {
			err = wait_for(c, POLLOUT);
		} else if (errno != EINTR) {
			err = -ENODATA;
		}
	}
	return err;
}

/* false: the client cannot be told, so it is to go. */
static bool tell(struct client *c, struct rpc_answer *a, bool is_due)
{
	bool ok = !is_due || a->text;

	if (a->error)
		count(c, COUNT_CONTROL_ERRORS);
	if (a->text) {
		a->text[a->len] = '\n'; /* in place of its NUL */
		ok = !send_all(c, a->text, a->len + 1);
	}
	free(a->text);
	return ok;
}

static bool answer(struct client *c, size_t n)
{
	count(c, COUNT_CONTROL_REQUESTS);
	c->taken = n + 1;
	struct rpc_answer a = rpc_answer(&c->all->rpc, c->line, n, c->who, &c->stream);
	return tell(c, &a, a.error == CONTROL_ERR_INTERNAL) && !c->stream.is_lost;
}

/* Where the next request begins is not known any more. */
static void refuse_length(struct client *c)
{
	char message[64];

	snprintf(message, sizeof(message), "a request has at most %u bytes", CONTROL_REQUEST_MAX);
	struct rpc_answer a = rpc_error(CONTROL_ERR_TOO_LONG, message);
	(void)tell(c, &a, true);
}

/* ---- more than a line ---- */

/* What came behind the line, and is in the buffer already. */
static size_t take_buffered(struct client *c, void *p, size_t n)
{
	size_t left = c->have - c->taken;

	n = n < left ? n : left;
	memcpy(p, c->line + c->taken, n);
	c->taken += n;
	return n;
}

static int read_stream(struct rpc_stream *s, void *p, size_t n)
{
	struct client *c = container_of(s, struct client, stream);
	uint8_t *to = p;
	int err = 0;

	begin_limit(c);
	for (size_t got = take_buffered(c, p, n); got < n && !err;) {
		ssize_t more = recv(c->fd, to + got, n - got, 0);
		if (more > 0)
			got += (size_t)more;
		else if (!more || (errno != EAGAIN && errno != EINTR))
			err = -ENODATA;
		else if (errno == EAGAIN)
			err = wait_for(c, POLLIN);
	}
	return err;
}

static int write_stream(struct rpc_stream *s, const void *p, size_t n)
{
	return send_all(container_of(s, struct client, stream), p, n);
}

static int rest(struct rpc_stream *s, unsigned ms)
{
	const struct client *c = container_of(s, struct client, stream);
	struct pollfd end = {.fd = c->all->stop, .events = POLLIN};

	return poll(&end, 1, (int)ms) > 0 ? -ECANCELED : 0;
}

/* ---- requests ---- */

/* Every whole line in the buffer. */
static bool answer_lines(struct client *c)
{
	for (;;) {
		const char *end = memchr(c->line + c->seen, '\n', c->have - c->seen);
		if (!end) {
			c->seen = c->have;
			return true;
		}
		size_t n = (size_t)(end - c->line);
		if (!answer(c, n))
			return false;
		c->have -= c->taken;
		c->seen = 0;
		memmove(c->line, c->line + c->taken, c->have);
		begin_limit(c);
	}
}

static bool receive(struct client *c)
{
	ssize_t n = recv(c->fd, c->line + c->have, sizeof(c->line) - c->have, 0);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	c->have += (size_t)n;
	return n > 0;
}

void client_serve(const struct control_clients *all, int fd)
{
	struct client *c = malloc(sizeof(*c));

	if (!c) {
		client_send_away(fd, CONTROL_ERR_INTERNAL, "out of memory");
		return;
	}
	c->all = all;
	c->fd = fd;
	c->have = c->seen = c->taken = 0;
	c->stream = (struct rpc_stream){.read = read_stream, .write = write_stream, .rest = rest};
	client_name(fd, c->who, sizeof(c->who));
	count(c, COUNT_CONTROL_CLIENTS);
	log_peer(LOG_LEVEL_DEBUG, "control: %s", c->who);
	begin_limit(c);
	while (!wait_for(c, POLLIN) && receive(c) && answer_lines(c)) {
		if (c->have < sizeof(c->line))
			continue;
		refuse_length(c);
		break;
	}
	free(c);
}

void client_send_away(int fd, int error, const char *message)
{
	struct rpc_answer a = rpc_error(error, message);

	if (a.text) {
		a.text[a.len] = '\n'; /* in place of its NUL */
		(void)send(fd, a.text, a.len + 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	}
	free(a.text);
}
