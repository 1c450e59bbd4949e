// SPDX-License-Identifier: MIT
/* fake_engine.c - see fake_engine.h. */
#include "fake_engine.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "base/clock.h"
#include "base/poison.h"
#include "memtgt/wire.h"
#include "reactor/engine_impl.h"

/* Far from real descriptors, so that options set on one fail. */
#define FD_BASE	   (1 << 24)
#define TIME_BEGIN (3600 * NS_PER_S)
#define RUBBISH	   0xa5

struct buffer {
	uint8_t *p;
	size_t start, end, cap;
};

struct fake_socket {
	struct engine_io *io; /* NULL before add and after close */
	struct buffer in, out;
	size_t split_max;
	uint32_t split_seed;
	size_t step;
	unsigned delay, delay_left;
	int recv_error, send_error;
	bool eof, shut, send_ended, closed;
	uint64_t send_sum; /* of the bytes not taken yet */
};

struct fake {
	struct engine base;
	uint64_t time;
	uint32_t max_ios;
	struct fake_socket *sockets; /* never removed, so that a test can look at closed ones */
	unsigned nsockets;
	bool (*may_change)(void *arg, const void *p); /* or NULL */
	void *may_change_arg;
};

static struct fake *fake_of(struct engine *e)
{
	return container_of(e, struct fake, base);
}

static struct fake_socket *socket_of(struct engine *e, int fd)
{
	struct fake *f = fake_of(e);

	assert(fd >= FD_BASE && (unsigned)(fd - FD_BASE) < f->nsockets);
	return &f->sockets[fd - FD_BASE];
}

static size_t buffer_len(const struct buffer *b)
{
	return b->end - b->start;
}

static void buffer_put(struct buffer *b, const void *p, size_t n)
{
	if (b->end + n > b->cap) {
		b->cap = 2 * b->cap + n + 4096;
		b->p = realloc(b->p, b->cap);
		assert(b->p);
	}
	if (n)
		memcpy(b->p + b->end, p, n);
	b->end += n;
}

static void buffer_drop(struct buffer *b, size_t n)
{
	assert(n <= buffer_len(b));
	b->start += n;
	if (b->start == b->end)
		b->start = b->end = 0;
}

/* ---- engine ---- */

static int fake_open(struct engine **out, const struct engine_options *o)
{
	*out = fake_engine(o->max_ios);
	return 0;
}

struct engine *fake_engine(uint32_t max_ios)
{
	struct fake *f = calloc(1, sizeof(*f));

	assert(f);
	f->base.ops = &engine_fake;
	f->time = TIME_BEGIN;
	f->max_ios = max_ios;
	return &f->base;
}

static void fake_close(struct engine *e)
{
	struct fake *f = fake_of(e);

	for (unsigned i = 0; i < f->nsockets; i++) {
		free(f->sockets[i].in.p);
		free(f->sockets[i].out.p);
	}
	free(f->sockets);
	free(f);
}

static int fake_add(struct engine *e, struct engine_io *io)
{
	struct fake *f = fake_of(e);
	struct fake_socket *s = socket_of(e, io->fd);

	assert(io->slot < f->max_ios && !s->io && !s->closed);
	for (unsigned i = 0; i < f->nsockets; i++)
		assert(!f->sockets[i].io || f->sockets[i].io->slot != io->slot);
	engine_io_init(io);
	s->io = io;
	return 0;
}

static void fake_recv(struct engine *e, struct engine_io *io, uint8_t *buf, size_t len)
{
	assert(socket_of(e, io->fd)->io == io && !io->receiving && len);
	io->receiving = true;
	io->rx_buf = buf;
	io->rx_len = len;
	memset(buf, RUBBISH, len);
	ASAN_POISON_MEMORY_REGION(buf, len);
}

/* Like FNV-1a, eight bytes at a time, over what is still to be taken and must not change. */
static uint64_t sum_of(const struct fake *f, const struct msghdr *m)
{
	uint64_t sum = 14695981039346656037ull;

	for (size_t i = 0; i < m->msg_iovlen; i++) {
		const uint8_t *p = m->msg_iov[i].iov_base, *end = p + m->msg_iov[i].iov_len;
		if (f->may_change && f->may_change(f->may_change_arg, p))
			continue;
		for (; end - p >= 8; p += 8)
			sum = (sum ^ ld64(p)) * 1099511628211ull;
		for (; p < end; p++)
			sum = (sum ^ *p) * 1099511628211ull;
	}
	return sum;
}

static void fake_send(struct engine *e, struct engine_io *io, struct msghdr *msg, size_t bytes)
{
	struct fake_socket *s = socket_of(e, io->fd);
	size_t total = 0;

	assert(s->io == io && !io->sending && bytes && !s->send_ended);
	for (size_t i = 0; i < msg->msg_iovlen; i++) {
		assert(msg->msg_iov[i].iov_len);
		total += msg->msg_iov[i].iov_len;
	}
	assert(total == bytes && msg->msg_iovlen <= 1024);
	io->sending = true;
	io->tx_msg = msg;
	io->tx_left = bytes;
	s->delay_left = s->delay;
	s->send_sum = sum_of(fake_of(e), msg);
}

static void fake_shutdown(struct engine *e, struct engine_io *io)
{
	socket_of(e, io->fd)->shut = true;
}

static void fake_end_send(struct engine *e, struct engine_io *io)
{
	assert(!io->sending);
	socket_of(e, io->fd)->send_ended = true;
}

static void fake_close_io(struct engine *e, struct engine_io *io)
{
	struct fake_socket *s = socket_of(e, io->fd);

	assert(s->io == io && !io->receiving && !io->sending);
	s->io = NULL;
	s->closed = true;
	io->fd = -1;
}

static uint32_t next_random(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

/* How much the next receive gets; not 0 if there is something. */
static size_t split(struct fake_socket *s)
{
	size_t n = buffer_len(&s->in);

	if (n > s->io->rx_len)
		n = s->io->rx_len;
	if (!s->split_max)
		return n;
	size_t max = s->split_seed ? 1 + next_random(&s->split_seed) % s->split_max : s->split_max;
	return n < max ? n : max;
}

/* True: the receive ended, with *result. */
static bool receive(struct fake_socket *s, int64_t *result)
{
	size_t n = split(s);

	if (s->shut) {
		*result = 0;
	} else if (n) {
		*result = (int64_t)n;
	} else if (s->recv_error) {
		*result = -s->recv_error;
	} else if (s->eof) {
		*result = 0;
	} else {
		return false;
	}
	ASAN_UNPOISON_MEMORY_REGION(s->io->rx_buf, s->io->rx_len);
	if (*result > 0) {
		memcpy(s->io->rx_buf, s->in.p + s->in.start, (size_t)*result);
		buffer_drop(&s->in, (size_t)*result);
	}
	return true;
}

static void check_unchanged(const struct fake *f, const struct fake_socket *s)
{
	if (sum_of(f, s->io->tx_msg) == s->send_sum)
		return;
	fprintf(stderr, "fake engine: bytes of a send changed before it ended\n");
	abort();
}

static void take(const struct fake *f, struct fake_socket *s)
{
	struct engine_io *io = s->io;
	size_t n = s->step < io->tx_left ? s->step : io->tx_left;

	if (!n)
		return; /* what changes meanwhile is seen when the next byte is taken */
	check_unchanged(f, s);
	io->tx_left -= n;
	while (n) {
		const struct iovec *v = io->tx_msg->msg_iov;
		size_t part = n < v->iov_len ? n : v->iov_len;
		buffer_put(&s->out, v->iov_base, part);
		engine_advance(io->tx_msg, part);
		n -= part;
	}
	s->send_sum = sum_of(f, io->tx_msg);
}

/* True: the send ended, with *err. */
static bool transmit(const struct fake *f, struct fake_socket *s, int *err)
{
	*err = s->shut ? -EPIPE : -s->send_error;
	if (*err)
		return true;
	if (s->io->tx_left) {
		take(f, s);
		return !s->io->tx_left && !s->delay_left;
	}
	return --s->delay_left == 0;
}

static bool step(struct fake *f, unsigned i)
{
	int err;
	int64_t n;
	bool any = false;
	struct engine_io *io = f->sockets[i].io;

	if (io && io->sending && transmit(f, &f->sockets[i], &err)) {
		io->sending = false;
		f->base.stats.sends++;
		io->ops->sent(io, err);
		any = true;
	}
	if (io && f->sockets[i].io == io && io->receiving && receive(&f->sockets[i], &n)) {
		io->receiving = false;
		f->base.stats.recvs++;
		io->ops->received(io, n);
		any = true;
	}
	return any;
}

/* A send that is being taken, or delayed, goes on by itself: no time passes. */
static bool moving(const struct fake *f)
{
	for (unsigned i = 0; i < f->nsockets; i++) {
		const struct fake_socket *s = &f->sockets[i];
		if (s->io && s->io->sending && (s->step || !s->io->tx_left))
			return true;
	}
	return false;
}

static void fake_wait(struct engine *e, uint64_t until)
{
	struct fake *f = fake_of(e);
	unsigned n = f->nsockets;
	bool any = false;

	e->stats.waits++;
	for (unsigned i = 0; i < n; i++)
		any |= step(f, i);
	if (any || until == 0 || until == UINT64_MAX || moving(f) || engine_has_mail(e))
		return;
	e->stats.sleeps++;
	if (until > f->time)
		f->time = until;
}

static void fake_wake(struct engine *e)
{
	(void)e;
}

static uint64_t fake_now(struct engine *e)
{
	return fake_of(e)->time;
}

const struct engine_ops engine_fake = {
	.name = "fake",
	.open = fake_open,
	.close = fake_close,
	.add = fake_add,
	.recv = fake_recv,
	.send = fake_send,
	.shutdown = fake_shutdown,
	.end_send = fake_end_send,
	.close_io = fake_close_io,
	.wait = fake_wait,
	.wake = fake_wake,
	.now = fake_now,
};

/* ---- the test's end ---- */

int fake_socket(struct engine *e)
{
	struct fake *f = fake_of(e);

	f->sockets = realloc(f->sockets, (f->nsockets + 1) * sizeof(f->sockets[0]));
	assert(f->sockets);
	f->sockets[f->nsockets] = (struct fake_socket){.step = SIZE_MAX};
	return FD_BASE + (int)f->nsockets++;
}

void fake_feed(struct engine *e, int fd, const void *p, size_t n)
{
	buffer_put(&socket_of(e, fd)->in, p, n);
}

void fake_split(struct engine *e, int fd, size_t max, uint32_t seed)
{
	socket_of(e, fd)->split_max = max;
	socket_of(e, fd)->split_seed = seed;
}

void fake_eof(struct engine *e, int fd)
{
	socket_of(e, fd)->eof = true;
}

void fake_fail_recv(struct engine *e, int fd, int err)
{
	socket_of(e, fd)->recv_error = err;
}

size_t fake_unread(struct engine *e, int fd)
{
	return buffer_len(&socket_of(e, fd)->in);
}

void fake_take(struct engine *e, int fd, size_t n, unsigned delay)
{
	socket_of(e, fd)->step = n;
	socket_of(e, fd)->delay = delay;
}

void fake_fail_send(struct engine *e, int fd, int err)
{
	socket_of(e, fd)->send_error = err;
}

const uint8_t *fake_sent(struct engine *e, int fd, size_t *n)
{
	const struct buffer *b = &socket_of(e, fd)->out;

	*n = buffer_len(b);
	return b->p ? b->p + b->start : (const uint8_t *)"";
}

void fake_drop(struct engine *e, int fd, size_t n)
{
	buffer_drop(&socket_of(e, fd)->out, n);
}

void fake_may_change(struct engine *e, bool (*may)(void *arg, const void *p), void *arg)
{
	fake_of(e)->may_change = may;
	fake_of(e)->may_change_arg = arg;
}

bool fake_receiving(struct engine *e, int fd)
{
	const struct fake_socket *s = socket_of(e, fd);
	return s->io && s->io->receiving;
}

bool fake_sending(struct engine *e, int fd)
{
	const struct fake_socket *s = socket_of(e, fd);
	return s->io && s->io->sending;
}

bool fake_shut(struct engine *e, int fd)
{
	return socket_of(e, fd)->shut;
}

bool fake_send_ended(struct engine *e, int fd)
{
	return socket_of(e, fd)->send_ended;
}

bool fake_closed(struct engine *e, int fd)
{
	return socket_of(e, fd)->closed;
}

void fake_advance(struct engine *e, uint64_t ns)
{
	fake_of(e)->time += ns;
}
