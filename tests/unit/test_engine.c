// SPDX-License-Identifier: MIT
/* test_engine.c - every engine, and io_uring without each feature that a kernel may lack. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "reactor/engine_impl.h"
#include "test_main.h"

/* clang-format off */
static const struct {
	const char *name, *refuse;
} engines[] = {
	{"io_uring", ""},
	{"io_uring", "skip"},
	{"io_uring", "ext_arg"},
	{"io_uring", "skip,ext_arg"},
	{"io_uring", "defer"},
	{"io_uring", "defer,coop"},
	{"io_uring", "defer,coop,ext_arg"},
	{"epoll",    ""},
};
/* clang-format on */
#define NENGINES ((int)(sizeof(engines) / sizeof(engines[0])))

#define MAX_IOS 600u

/* One end of a socket pair on the engine; the test holds the other. */
struct end {
	struct engine_io io;
	struct engine *e;
	int peer;
	unsigned received, sent;
	int64_t last;
	int err;
	uint8_t buf[4096];
	struct msghdr msg;
	struct iovec iov[4];
};

static void on_received(struct engine_io *io, int64_t n)
{
	struct end *d = container_of(io, struct end, io);

	ck_assert(!io->receiving);
	d->received++;
	d->last = n;
}

static void on_sent(struct engine_io *io, int err)
{
	struct end *d = container_of(io, struct end, io);

	ck_assert(!io->sending);
	d->sent++;
	d->err = err;
}

static const struct engine_io_ops ops = {.received = on_received, .sent = on_sent};

/* NULL: this kernel has no io_uring. */
static struct engine *open_engine(int i, unsigned spin_us)
{
	struct engine *e = NULL;
	const struct engine_options o = {.max_ios = MAX_IOS, .spin_us = spin_us};

	setenv("MEMTGT_ENGINE_REFUSE", engines[i].refuse, 1);
	int rc = engine_open(&e, engines[i].name, &o);
	if (rc == -ENOSYS || rc == -EPERM) {
		test_skip("%s: %s", engines[i].name, strerror(-rc));
		return NULL;
	}
	ck_assert_int_eq(rc, 0);
	ck_assert_str_eq(e->ops->name, engines[i].name);
	return e;
}

static void end_open(struct end *d, struct engine *e, uint32_t slot)
{
	int fd[2];

	memset(d, 0, sizeof(*d));
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
	d->e = e;
	d->peer = fd[1];
	d->io.ops = &ops;
	d->io.fd = fd[0];
	d->io.slot = slot;
	ck_assert_int_eq(e->ops->add(e, &d->io), 0);
}

static void end_recv(struct end *d)
{
	d->e->ops->recv(d->e, &d->io, d->buf, sizeof(d->buf));
}

static void end_send(struct end *d, const void *p, size_t n)
{
	d->iov[0] = (struct iovec){.iov_base = (void *)(uintptr_t)p, .iov_len = n};
	d->msg = (struct msghdr){.msg_iov = d->iov, .msg_iovlen = 1};
	d->e->ops->send(d->e, &d->io, &d->msg, n);
}

/* Waits until *count is `want`, at most two seconds. */
static void until_count(struct engine *e, const unsigned *count, unsigned want)
{
	uint64_t end = clock_now() + 2 * NS_PER_S;

	while (*count < want && clock_now() < end)
		e->ops->wait(e, clock_now() + 100 * NS_PER_MS);
	ck_assert_uint_eq(*count, want);
}

static void end_close(struct end *d)
{
	d->e->ops->shutdown(d->e, &d->io);
	for (int i = 0; i < 100 && (d->io.receiving || d->io.sending); i++)
		d->e->ops->wait(d->e, clock_now() + 20 * NS_PER_MS);
	ck_assert(!d->io.receiving && !d->io.sending);
	d->e->ops->close_io(d->e, &d->io);
	close(d->peer);
}

START_TEST(choice)
{
	struct engine *e;
	const struct engine_options o = {.max_ios = 4};

	setenv("MEMTGT_ENGINE_REFUSE", "io_uring", 1);
	ck_assert_int_eq(engine_open(&e, "io_uring", &o), -ENOSYS);
	ck_assert_int_eq(engine_open(&e, "auto", &o), 0);
	ck_assert_str_eq(e->ops->name, "epoll");
	e->ops->close(e);
	ck_assert_int_eq(engine_open(&e, "select", &o), -EINVAL);
	ck_assert_int_eq(engine_open(&e, "", &o), -EINVAL);
}
END_TEST

START_TEST(refused_words)
{
	setenv("MEMTGT_ENGINE_REFUSE", "skip,io_uring", 1);
	ck_assert(engine_refused("skip"));
	ck_assert(engine_refused("io_uring"));
	ck_assert(!engine_refused("ski"));
	ck_assert(!engine_refused("skips"));
	ck_assert(!engine_refused("ring"));
	ck_assert(!engine_refused("defer"));
	unsetenv("MEMTGT_ENGINE_REFUSE");
	ck_assert(!engine_refused("skip"));
}
END_TEST

START_TEST(advance)
{
	/* Bytes below, at and above the end of the first piece. */
	static const struct {
		size_t n, pieces, first, left;
	} rows[] = {{0, 3, 0, 4}, {3, 3, 3, 1}, {4, 2, 4, 4}, {5, 2, 5, 3}, {12, 0, 0, 0}};
	char mem[12];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct iovec v[] = {{mem, 4}, {mem + 4, 4}, {mem + 8, 4}};
		struct msghdr m = {.msg_iov = v, .msg_iovlen = 3};
		engine_advance(&m, rows[i].n);
		ck_assert_uint_eq(m.msg_iovlen, rows[i].pieces);
		if (!rows[i].pieces)
			continue;
		ck_assert_ptr_eq(m.msg_iov[0].iov_base, mem + rows[i].first);
		ck_assert_uint_eq(m.msg_iov[0].iov_len, rows[i].left);
	}
}
END_TEST

START_TEST(spin_average)
{
	struct spin s;

	spin_init(&s, 0);
	ck_assert(!spin_pays(&s));
	spin_init(&s, 50);
	ck_assert(spin_pays(&s));
	for (int i = 0; i < 100; i++)
		spin_learn(&s, NS_PER_S);
	ck_assert(!spin_pays(&s));
	for (int i = 0; i < 15; i++)
		spin_learn(&s, 10 * NS_PER_US);
	ck_assert(spin_pays(&s));
	for (int i = 0; i < 20; i++)
		spin_learn(&s, 10 * NS_PER_US);
	spin_learn(&s, NS_PER_S); /* one long wait changes nothing */
	ck_assert(spin_pays(&s));
}
END_TEST

START_TEST(receive)
{
	struct end d;
	struct engine *e = open_engine(_i, 20);

	if (!e)
		return;
	end_open(&d, e, 7);
	ck_assert_int_eq(write(d.peer, "abc", 3), 3); /* before */
	end_recv(&d);
	until_count(e, &d.received, 1);
	ck_assert_int_eq(d.last, 3);
	ck_assert(!memcmp(d.buf, "abc", 3));
	end_recv(&d);
	e->ops->wait(e, 0);
	e->ops->wait(e, clock_now() + 5 * NS_PER_MS);
	ck_assert_uint_eq(d.received, 1);
	ck_assert_int_eq(write(d.peer, "defgh", 5), 5); /* while outstanding */
	until_count(e, &d.received, 2);
	ck_assert_int_eq(d.last, 5);
	ck_assert_int_eq(write(d.peer, "i", 1), 1);
	shutdown(d.peer, SHUT_WR);
	end_recv(&d);
	until_count(e, &d.received, 3);
	ck_assert_int_eq(d.last, 1);
	end_recv(&d);
	until_count(e, &d.received, 4);
	ck_assert_int_eq(d.last, 0);
	end_close(&d);
	ck_assert_uint_eq(e->stats.stale, 0);
	e->ops->close(e);
}
END_TEST

START_TEST(send_small)
{
	struct end d;
	char got[16];
	struct engine *e = open_engine(_i, 0);

	if (!e)
		return;
	end_open(&d, e, 0);
	for (unsigned i = 1; i <= 20; i++) {
		end_send(&d, "0123456789", 10);
		until_count(e, &d.sent, i);
		ck_assert_int_eq(d.err, 0);
		ck_assert_int_eq(read(d.peer, got, sizeof(got)), 10);
		ck_assert(!memcmp(got, "0123456789", 10));
	}
	ck_assert_uint_eq(e->stats.sends, 20);
	if (!strcmp(engines[_i].name, "io_uring") && !*engines[_i].refuse)
		ck_assert_uint_eq(e->stats.sends_inline, 20);
	end_close(&d);
	e->ops->close(e);
}
END_TEST

/* Below, at and above the limit of inline sends, and far above what the socket holds. */
static const size_t big_sizes[] = {(256 << 10) - 1, 256 << 10, (256 << 10) + 1, 8 << 20};

START_TEST(send_big)
{
	struct end d;
	struct engine *e = open_engine(_i, 0);

	if (!e)
		return;
	for (size_t k = 0; k < sizeof(big_sizes) / sizeof(big_sizes[0]); k++) {
		size_t n = big_sizes[k], have = 0;
		uint8_t *out = malloc(n), *in = malloc(n + 1);
		for (size_t i = 0; i < n; i++)
			out[i] = (uint8_t)(i * 7 + i / 251);
		end_open(&d, e, 1);
		size_t cut = n / 3;
		for (int i = 0; i < 3; i++)
			d.iov[i] = (struct iovec){out + cut * (size_t)i, i < 2 ? cut : n - 2 * cut};
		d.msg = (struct msghdr){.msg_iov = d.iov, .msg_iovlen = 3};
		e->ops->send(e, &d.io, &d.msg, n);
		uint64_t end = clock_now() + 5 * NS_PER_S;
		while (have < n && clock_now() < end) {
			e->ops->wait(e, clock_now() + NS_PER_MS);
			for (ssize_t r; (r = read(d.peer, in + have, n + 1 - have)) > 0;)
				have += (size_t)r;
		}
		until_count(e, &d.sent, 1);
		ck_assert_int_eq(d.err, 0);
		ck_assert_uint_eq(have, n);
		ck_assert(!memcmp(in, out, n));
		end_close(&d);
		free(out);
		free(in);
	}
	ck_assert_uint_eq(e->stats.stale, 0);
	e->ops->close(e);
}
END_TEST

START_TEST(peer_does_not_read)
{
	struct end d;
	struct engine *e = open_engine(_i, 0);
	static uint8_t zeros[4 << 20];

	if (!e)
		return;
	end_open(&d, e, 3);
	end_recv(&d);
	end_send(&d, zeros, sizeof(zeros));
	for (int i = 0; i < 5; i++)
		e->ops->wait(e, clock_now() + 2 * NS_PER_MS);
	ck_assert_uint_eq(d.sent, 0);
	e->ops->shutdown(e, &d.io);
	until_count(e, &d.sent, 1);
	ck_assert_int_lt(d.err, 0);
	until_count(e, &d.received, 1);
	ck_assert_int_le(d.last, 0);
	end_close(&d);
	e->ops->close(e);
}
END_TEST

START_TEST(peer_is_gone)
{
	struct end d;
	struct engine *e = open_engine(_i, 0);

	if (!e)
		return;
	end_open(&d, e, 3);
	close(d.peer);
	end_send(&d, "x", 1);
	until_count(e, &d.sent, 1);
	ck_assert_int_eq(d.err, -EPIPE);
	d.peer = -1;
	end_close(&d);
	e->ops->close(e);
}
END_TEST

START_TEST(ends_send)
{
	struct end d;
	char c;
	struct engine *e = open_engine(_i, 0);

	if (!e)
		return;
	end_open(&d, e, 3);
	end_send(&d, "x", 1);
	until_count(e, &d.sent, 1);
	e->ops->end_send(e, &d.io);
	ck_assert_int_eq(read(d.peer, &c, 1), 1);
	ck_assert_int_eq(read(d.peer, &c, 1), 0);
	end_recv(&d);
	ck_assert_int_eq(write(d.peer, "y", 1), 1);
	until_count(e, &d.received, 1);
	ck_assert_int_eq(d.last, 1);
	end_close(&d);
	e->ops->close(e);
}
END_TEST

START_TEST(waits_for_time)
{
	struct engine *e = open_engine(_i, 50);

	if (!e)
		return;
	for (int k = 0; k < 3; k++) {
		uint64_t until = clock_now() + 15 * NS_PER_MS;
		int waits = 0;
		for (; clock_now() < until; waits++)
			e->ops->wait(e, until);
		ck_assert_int_le(waits, 4);
		ck_assert(clock_now() < until + 500 * NS_PER_MS);
	}
	ck_assert_uint_ge(e->stats.sleeps, 3);
	e->ops->wait(e, 0);
	e->ops->wait(e, clock_now() - 1);
	e->ops->close(e);
}
END_TEST

static atomic_bool woken_enough;

static void *wake_often(void *arg)
{
	struct engine *e = arg;

	while (!atomic_load(&woken_enough)) {
		if (atomic_load(&e->asleep))
			e->ops->wake(e);
		usleep(100);
	}
	return NULL;
}

START_TEST(wakes)
{
	pthread_t t;
	struct engine *e = open_engine(_i, 0);

	if (!e)
		return;
	ck_assert_int_eq(pthread_create(&t, NULL, wake_often, e), 0);
	while (e->stats.sleeps < 20)
		e->ops->wait(e, UINT64_MAX);
	atomic_store(&woken_enough, true);
	pthread_join(t, NULL);
	e->ops->close(e);
}
END_TEST

/* More than the SQ holds, in one submission, each way; slots are used again. */
START_TEST(many)
{
	static struct end d[MAX_IOS];
	struct engine *e = open_engine(_i, 0);

	if (!e)
		return;
	for (int round = 0; round < 2; round++) {
		unsigned total = 0;
		for (uint32_t i = 0; i < 400; i++)
			end_open(&d[i], e, MAX_IOS - 1 - i);
		for (uint32_t i = 0; i < 400; i++) {
			end_recv(&d[i]);
			end_send(&d[i], &i, sizeof(i));
			if (i % 100 == 99)
				until_count(e, &d[i].sent, 1);
		}
		for (uint32_t i = 0; i < 400; i++)
			until_count(e, &d[i].sent, 1);
		for (uint32_t i = 0; i < 400; i++)
			ck_assert_int_eq(write(d[i].peer, &i, sizeof(i)), sizeof(i));
		for (uint32_t i = 0; i < 400; i++) {
			until_count(e, &d[i].received, 1);
			ck_assert(!memcmp(d[i].buf, &i, sizeof(i)));
			total++;
		}
		ck_assert_uint_eq(total, 400);
		for (uint32_t i = 0; i < 400; i++)
			end_close(&d[i]);
	}
	ck_assert_uint_eq(e->stats.stale, 0);
	e->ops->close(e);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("engine");
	TCase *t = tcase_create("engine");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, choice);
	tcase_add_test(t, refused_words);
	tcase_add_test(t, advance);
	tcase_add_test(t, spin_average);
	tcase_add_loop_test(t, receive, 0, NENGINES);
	tcase_add_loop_test(t, send_small, 0, NENGINES);
	tcase_add_loop_test(t, send_big, 0, NENGINES);
	tcase_add_loop_test(t, peer_does_not_read, 0, NENGINES);
	tcase_add_loop_test(t, peer_is_gone, 0, NENGINES);
	tcase_add_loop_test(t, ends_send, 0, NENGINES);
	tcase_add_loop_test(t, waits_for_time, 0, NENGINES);
	tcase_add_loop_test(t, wakes, 0, NENGINES);
	tcase_add_loop_test(t, many, 0, NENGINES);
	suite_add_tcase(s, t);
	return test_main(s);
}
