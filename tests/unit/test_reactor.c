// SPDX-License-Identifier: MIT
/* test_reactor.c - the thread, its mailbox and real sockets, on every engine. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "reactor/conn.h"
#include "reactor/reactor.h"
#include "test_main.h"

static const struct sockaddr_storage nobody;

/* clang-format off */
static const struct {
	const char *name, *refuse;
} engines[] = {
	{"io_uring", ""},
	{"io_uring", "skip"},
	{"io_uring", "ext_arg"},
	{"io_uring", "defer"},
	{"io_uring", "defer,coop,ext_arg"},
	{"epoll",    ""},
};
/* clang-format on */
#define NENGINES ((int)(sizeof(engines) / sizeof(engines[0])))

#define CONNS	64u
#define OUT_MAX ((size_t)4 << 20)

static _Atomic unsigned opened_n, dead_n, closed_n, gone_n, ticks_n, quiet_n, started_n, stopped_n;

/* Sends back what it gets. Input stops while OUT_MAX bytes wait to be sent. */
struct echo {
	struct conn conn;
	uint8_t *out;
	size_t start, end; /* of what is to be sent; a batch covers a part from start */
	size_t in_batch;
};

static struct echo *echo_of(struct conn *c)
{
	return container_of(c, struct echo, conn);
}

static void on_gone(struct conn *c)
{
	(void)c;
	atomic_fetch_add(&gone_n, 1);
}

static int opened(struct conn *c)
{
	struct echo *u = echo_of(c);

	u->start = u->end = u->in_batch = 0;
	u->out = malloc(OUT_MAX);
	c->on_gone = on_gone;
	atomic_fetch_add(&opened_n, 1);
	return 0;
}

static size_t input(struct conn *c, const uint8_t *p, size_t n)
{
	struct echo *u = echo_of(c);
	size_t room = OUT_MAX - u->end;

	if (n > room) {
		n = room;
		conn_pause_rx(c);
	}
	memcpy(u->out + u->end, p, n);
	u->end += n;
	conn_want_send(c);
	return n;
}

static void fill(struct conn *c, struct tx_batch *b)
{
	struct echo *u = echo_of(c);
	size_t n = u->end - u->start;

	u->in_batch = n < TX_BYTES_MAX ? n : TX_BYTES_MAX;
	ck_assert(tx_data(b, u->out + u->start, u->in_batch));
}

static void sent(struct conn *c, struct tx_batch *b, int err)
{
	struct echo *u = echo_of(c);

	(void)b;
	(void)err;
	u->start += u->in_batch;
	if (u->start == u->end) {
		u->start = u->end = 0;
		if (!c->is_dead && c->rx_paused)
			conn_resume_rx(c);
	}
}

static bool slice(struct conn *c)
{
	(void)c;
	return false;
}

static void tick(struct conn *c, uint64_t now)
{
	(void)c;
	(void)now;
	atomic_fetch_add(&ticks_n, 1);
}

static void dead(struct conn *c, enum conn_close_reason why)
{
	(void)c;
	(void)why;
	atomic_fetch_add(&dead_n, 1);
}

static void closed(struct conn *c)
{
	free(echo_of(c)->out);
	atomic_fetch_add(&closed_n, 1);
}

static const struct conn_ops echo_ops = {
	.opened = opened,
	.input = input,
	.fill = fill,
	.sent = sent,
	.slice = slice,
	.tick = tick,
	.dead = dead,
	.closed = closed,
};

static int on_start(struct reactor *r)
{
	atomic_fetch_add(&started_n, 1);
	return r->o.owner ? *(int *)r->o.owner : 0;
}

static void on_quiet(struct reactor *r)
{
	(void)r;
	atomic_fetch_add(&quiet_n, 1);
}

static void on_stop(struct reactor *r)
{
	(void)r;
	atomic_fetch_add(&stopped_n, 1);
}

/* False: this kernel has no io_uring. */
static bool start(struct reactor *r, int i, unsigned spin_us, int *start_error)
{
	struct reactor_options o = {
		.cpu = -1,
		.spin_us = spin_us,
		.max_conns = CONNS,
		.conn_ops = &echo_ops,
		.conn_size = sizeof(struct echo),
		.start = on_start,
		.quiet = on_quiet,
		.stop = on_stop,
		.owner = start_error,
	};

	strcpy(o.engine, engines[i].name);
	setenv("MEMTGT_ENGINE_REFUSE", engines[i].refuse, 1);
	int rc = reactor_start(r, &o);
	if (rc == -ENOSYS || rc == -EPERM) {
		test_skip("%s: %s", engines[i].name, strerror(-rc));
		return false;
	}
	ck_assert_int_eq(rc, start_error ? *start_error : 0);
	return true;
}

/* Two ends of a connection: TCP on loopback, or a socket pair. */
static void connect_pair(bool tcp, int fd[2])
{
	struct sockaddr_in a = {.sin_family = AF_INET};
	socklen_t len = sizeof(a);

	if (!tcp) {
		ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
		return;
	}
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int l = socket(AF_INET, SOCK_STREAM, 0);
	ck_assert_int_eq(bind(l, (struct sockaddr *)&a, len), 0);
	ck_assert_int_eq(listen(l, 1), 0);
	ck_assert_int_eq(getsockname(l, (struct sockaddr *)&a, &len), 0);
	fd[0] = socket(AF_INET, SOCK_STREAM, 0);
	ck_assert_int_eq(connect(fd[0], (struct sockaddr *)&a, len), 0);
	fd[1] = accept(l, NULL, NULL);
	ck_assert_int_ge(fd[1], 0);
	close(l);
}

/* The test's end of a new connection of r. */
static int client(struct reactor *r, bool tcp)
{
	int fd[2];

	connect_pair(tcp, fd);
	ck_assert_int_eq(reactor_give(r, fd[1], &nobody, 1), 0);
	return fd[0];
}

static void until_eq(_Atomic unsigned *n, unsigned want)
{
	for (int i = 0; i < 5000 && atomic_load(n) != want; i++)
		usleep(1000);
	ck_assert_uint_eq(atomic_load(n), want);
}

static uint8_t byte_at(uint64_t seed, size_t i)
{
	return (uint8_t)((i * 31 + i / 253) ^ seed);
}

/*
 * Writes n bytes in pieces of up to `piece`, and reads back what comes, both without blocking, so
 * that the peer's buffers fill.
 */
static void exchange(int fd, size_t n, size_t piece, unsigned seed)
{
	uint8_t *buf = malloc(piece);
	size_t wrote = 0, got = 0;

	while (got < n) {
		struct pollfd p = {.fd = fd, .events = POLLIN | (wrote < n ? POLLOUT : 0)};
		ck_assert_int_gt(poll(&p, 1, 5000), 0);
		size_t k = 1 + (size_t)rand_r(&seed) % piece;
		if (p.revents & POLLOUT) {
			k = k < n - wrote ? k : n - wrote;
			for (size_t i = 0; i < k; i++)
				buf[i] = byte_at(1, wrote + i);
			ssize_t w = send(fd, buf, k, MSG_DONTWAIT | MSG_NOSIGNAL);
			wrote += w > 0 ? (size_t)w : 0;
		}
		if (p.revents & POLLIN) {
			ssize_t g = recv(fd, buf, piece, MSG_DONTWAIT);
			ck_assert_int_gt(g, 0);
			for (ssize_t i = 0; i < g; i++)
				if (buf[i] != byte_at(1, got + (size_t)i))
					ck_abort_msg("wrong byte at %zu", got + (size_t)i);
			got += (size_t)g;
		}
	}
	ck_assert_uint_eq(got, n);
	free(buf);
}

START_TEST(echo)
{
	static const struct {
		size_t n, piece;
	} rows[] = {{1, 1}, {1000, 10}, {300000, 5000}, {6000000, 400000}, {0, 1}};
	struct reactor r;

	if (!start(&r, _i, _i % 2 ? 50 : 0, NULL))
		return;
	for (int tcp = 0; tcp < 2; tcp++)
		for (unsigned k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
			int fd = client(&r, tcp);
			exchange(fd, rows[k].n, rows[k].piece, k + 1);
			close(fd);
		}
	until_eq(&gone_n, 10);
	ck_assert_uint_eq(atomic_load(&closed_n), 10);
	ck_assert_uint_eq(atomic_load(&r.load), 0);
	ck_assert_uint_eq(r.engine->stats.stale, 0);
	reactor_stop(&r);
	ck_assert_uint_eq(atomic_load(&started_n), 1);
	ck_assert_uint_eq(atomic_load(&stopped_n), 1);
}
END_TEST

struct client {
	pthread_t thread;
	int fd;
	unsigned seed;
};

static void *client_main(void *arg)
{
	struct client *c = arg;

	for (unsigned i = 0; i < 10; i++)
		exchange(c->fd, 20000, 3000, c->seed + i);
	return NULL;
}

/* Several threads, several connections; some stay silent. */
START_TEST(echo_many)
{
	struct reactor r;
	struct client c[6];
	int silent[CONNS - 6];

	if (!start(&r, _i, 20, NULL))
		return;
	for (unsigned i = 0; i < CONNS - 6; i++)
		silent[i] = client(&r, i % 2);
	for (unsigned i = 0; i < 6; i++) {
		c[i] = (struct client){.fd = client(&r, i % 3), .seed = i};
		pthread_create(&c[i].thread, NULL, client_main, &c[i]);
	}
	for (unsigned i = 0; i < 6; i++) {
		pthread_join(c[i].thread, NULL);
		close(c[i].fd);
	}
	until_eq(&gone_n, 6);
	exchange(silent[CONNS - 7], 100, 10, 1);
	reactor_stop(&r);
	ck_assert_uint_eq(atomic_load(&closed_n), CONNS);
	ck_assert_uint_eq(atomic_load(&dead_n), CONNS);
	for (unsigned i = 0; i < CONNS - 6; i++)
		close(silent[i]);
}
END_TEST

/* The peer sends all, says that it will send no more, and then reads: nothing is lost. */
START_TEST(half_closed)
{
	static uint8_t buf[200000];
	struct reactor r;

	if (!start(&r, _i, 0, NULL))
		return;
	for (int tcp = 0; tcp < 2; tcp++) {
		int fd = client(&r, tcp);
		size_t got = 0;
		memset(buf, 7, sizeof(buf));
		ck_assert_int_eq(send(fd, buf, sizeof(buf), 0), sizeof(buf));
		shutdown(fd, SHUT_WR);
		for (ssize_t n; (n = recv(fd, buf, sizeof(buf), 0)) != 0; got += (size_t)n)
			ck_assert_int_gt(n, 0);
		ck_assert_uint_eq(got, sizeof(buf));
		close(fd);
	}
	until_eq(&gone_n, 2);
	reactor_stop(&r);
}
END_TEST

/* Sends until the echo's buffers and both sockets are full, and never reads. */
static int stuff(struct reactor *r, bool tcp)
{
	static uint8_t buf[65536];
	int fd = client(r, tcp);

	for (int idle = 0; idle < 20;) {
		if (send(fd, buf, sizeof(buf), MSG_DONTWAIT | MSG_NOSIGNAL) > 0) {
			idle = 0;
			continue;
		}
		usleep(2000);
		idle++;
	}
	return fd;
}

START_TEST(stop_while_busy)
{
	struct reactor r;
	int fd[4];

	if (!start(&r, _i, 20, NULL))
		return;
	fd[0] = stuff(&r, true);
	fd[1] = stuff(&r, false);
	fd[2] = client(&r, true);
	fd[3] = client(&r, true);
	close(fd[3]);
	uint64_t began = clock_now();
	reactor_stop(&r);
	ck_assert(clock_now() - began < 2 * NS_PER_S);
	ck_assert_uint_eq(atomic_load(&opened_n), 4);
	ck_assert_uint_eq(atomic_load(&dead_n), 4);
	ck_assert_uint_eq(atomic_load(&closed_n), 4);
	ck_assert_uint_eq(atomic_load(&gone_n), 4);
	for (int i = 0; i < 3; i++)
		close(fd[i]);
}
END_TEST

/* ---- messages ---- */

#define POSTERS 2u
#define POSTS	5000u

struct numbered {
	struct reactor_msg msg;
	unsigned sender, number;
	_Atomic unsigned *ran;
};

struct poster {
	pthread_t thread;
	struct reactor *r;
	struct numbered *m;
	_Atomic unsigned ran;
};

static unsigned next_number[POSTERS];

static void numbered_run(struct reactor *r, struct reactor_msg *m)
{
	struct numbered *n = container_of(m, struct numbered, msg);

	(void)r;
	ck_assert_uint_eq(n->number, next_number[n->sender]++);
	atomic_fetch_add(n->ran, 1);
}

/* One after the other, each waiting for the last to run, with a pause now and then, so that the
 * reactor is just falling asleep: a wake-up that is lost stops it all. */
static void *post_all(void *arg)
{
	struct poster *p = arg;

	for (unsigned i = 0; i < POSTS; i++) {
		reactor_post(p->r, &p->m[i].msg);
		if (i % 16 < 8)
			continue;
		uint64_t end = clock_now() + 5 * NS_PER_S;
		while (atomic_load(&p->ran) <= i)
			if (clock_now() > end)
				return "lost";
		for (unsigned k = 0; k < i % 128; k++)
			__atomic_signal_fence(__ATOMIC_SEQ_CST);
	}
	return NULL;
}

START_TEST(posts)
{
	struct reactor r;
	struct poster p[POSTERS];

	if (!start(&r, _i, 0, NULL))
		return;
	for (unsigned i = 0; i < POSTERS; i++) {
		p[i].r = &r;
		p[i].m = calloc(POSTS, sizeof(*p[i].m));
		atomic_init(&p[i].ran, 0);
		for (unsigned k = 0; k < POSTS; k++)
			p[i].m[k] = (struct numbered){.msg.run = numbered_run,
						      .sender = i,
						      .number = k,
						      .ran = &p[i].ran};
		pthread_create(&p[i].thread, NULL, post_all, &p[i]);
	}
	for (unsigned i = 0; i < POSTERS; i++) {
		void *lost;
		pthread_join(p[i].thread, &lost);
		ck_assert_ptr_null(lost);
	}
	for (unsigned i = 0; i < POSTERS; i++)
		until_eq(&p[i].ran, POSTS);
	reactor_stop(&r);
	for (unsigned i = 0; i < POSTERS; i++)
		free(p[i].m);
}
END_TEST

START_TEST(wake_brings_a_quiet_point)
{
	struct reactor r;

	if (!start(&r, _i, 0, NULL))
		return;
	for (int i = 0; i < 200; i++) {
		unsigned before = atomic_load(&quiet_n);
		reactor_wake(&r);
		for (int k = 0; k < 5000 && atomic_load(&quiet_n) == before; k++)
			usleep(100);
		ck_assert_uint_ne(atomic_load(&quiet_n), before);
	}
	reactor_stop(&r);
}
END_TEST

START_TEST(ticks)
{
	struct reactor r;

	if (!start(&r, _i, 0, NULL))
		return;
	int fd = client(&r, true);
	until_eq(&ticks_n, 1);
	reactor_stop(&r);
	close(fd);
}
END_TEST

START_TEST(start_fails)
{
	struct reactor r;
	int error = -EDOM;

	for (int k = 0; k < 2; k++)
		if (!start(&r, _i, 0, &error))
			return;
	ck_assert_uint_eq(atomic_load(&started_n), 2);
	ck_assert_uint_eq(atomic_load(&stopped_n), 0);
}
END_TEST

START_TEST(unknown_engine)
{
	struct reactor r;
	struct reactor_options o = {
		.cpu = -1,
		.engine = "select",
		.max_conns = 1,
		.conn_ops = &echo_ops,
		.conn_size = sizeof(struct echo),
	};

	ck_assert_int_eq(reactor_start(&r, &o), -EINVAL);
}
END_TEST

/* Two that post to each other until both have drained. */
static void bounce_run(struct reactor *r, struct reactor_msg *m)
{
	struct reactor *other = r->o.index ? r - 1 : r + 1;

	if (!r->stopping)
		reactor_post(other, m);
}

START_TEST(stop_several)
{
	static struct reactor r[2];
	static struct reactor_msg m = {.run = bounce_run};
	int fd[2];

	for (unsigned i = 0; i < 2; i++) {
		if (!start(&r[i], _i, 0, NULL))
			return;
		fd[i] = client(&r[i], true);
	}
	r[1].o.index = 1;
	until_eq(&opened_n, 2);
	reactor_post(&r[0], &m);
	usleep(20000);
	reactors_stop((struct reactor *[]){&r[0], &r[1]}, 2);
	ck_assert_uint_eq(atomic_load(&gone_n), 2);
	close(fd[0]);
	close(fd[1]);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("reactor");
	TCase *t = tcase_create("reactor");

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, echo, 0, NENGINES);
	tcase_add_loop_test(t, echo_many, 0, NENGINES);
	tcase_add_loop_test(t, half_closed, 0, NENGINES);
	tcase_add_loop_test(t, stop_while_busy, 0, NENGINES);
	tcase_add_loop_test(t, posts, 0, NENGINES);
	tcase_add_loop_test(t, wake_brings_a_quiet_point, 0, NENGINES);
	tcase_add_loop_test(t, ticks, 0, NENGINES);
	tcase_add_loop_test(t, start_fails, 0, NENGINES);
	tcase_add_loop_test(t, stop_several, 0, NENGINES);
	tcase_add_test(t, unknown_engine);
	suite_add_tcase(s, t);
	return test_main(s);
}
