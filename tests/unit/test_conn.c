// SPDX-License-Identifier: MIT
/* test_conn.c - look-ahead, batches and the end of a connection, on the fake engine. */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "fake_engine.h"
#include "reactor/conn.h"
#include "reactor/reactor.h"
#include "reactor/sock.h"
#include "test_main.h"

#define CONNS	4u
#define OUT_MAX ((size_t)2 << 20)

/* Which callback closes, or does what `act` says. */
enum where { NOWHERE, OPENED, INPUT, FILL, SENT, SLICE, WOKEN, TICK, WHERE_MAX };

/* An upper layer that sends back what it gets, through a buffer of its own. */
struct echo {
	struct conn conn;
	struct echo_log *log;
	uint8_t *out; /* OUT_MAX bytes; [sent, len) is to be sent */
	size_t len, sent;
};

/* What happened; outlives the connection. */
struct echo_log {
	unsigned opened, dead, closed, gone, fills, sents, ticks, slices, inputs, wakes;
	unsigned max_inputs_per_turn, inputs_this_turn;
	int sent_err;
	enum conn_close_reason why;
	size_t taken;
	/* Orders of the test. */
	size_t take_max;   /* bytes taken by one input(), 0: all */
	bool take_nothing; /* and do not pause */
	bool pause;	   /* take nothing, and pause */
	size_t fill_max;   /* bytes of one batch, 0: all that fit */
	unsigned slices_wanted;
	int open_error;
	bool stranger; /* no conn_trust() */
	enum where act_at;
	void (*act)(struct conn *c);
	struct echo *echo;
};

static struct echo_log log_;
static struct reactor r;
static struct engine *e;

static struct echo *echo_of(struct conn *c)
{
	return container_of(c, struct echo, conn);
}

static void acts(struct conn *c, enum where w)
{
	if (echo_of(c)->log->act_at == w)
		echo_of(c)->log->act(c);
}

static void on_gone(struct conn *c)
{
	echo_of(c)->log->gone++;
}

static int opened(struct conn *c)
{
	struct echo *u = echo_of(c);

	u->log = &log_;
	u->log->echo = u;
	u->len = u->sent = 0;
	u->log->opened++;
	c->on_gone = on_gone;
	if (!u->log->stranger)
		conn_trust(c);
	acts(c, OPENED);
	if (!u->log->open_error)
		u->out = malloc(OUT_MAX);
	return u->log->open_error;
}

static size_t input(struct conn *c, const uint8_t *p, size_t n)
{
	struct echo *u = echo_of(c);

	ck_assert(!c->is_dead);
	ck_assert_uint_ge(n, 1);
	u->log->inputs++;
	u->log->inputs_this_turn++;
	if (u->log->pause)
		conn_pause_rx(c);
	if (u->log->pause || u->log->take_nothing)
		return 0;
	if (u->log->take_max && n > u->log->take_max)
		n = u->log->take_max;
	ck_assert_uint_le(u->len + n, OUT_MAX);
	memcpy(u->out + u->len, p, n);
	u->len += n;
	u->log->taken += n;
	conn_want_send(c);
	acts(c, INPUT);
	return n;
}

/* Four bytes as header, if there are so many, the rest as data. */
static void fill(struct conn *c, struct tx_batch *b)
{
	struct echo *u = echo_of(c);
	size_t n = u->len - u->sent;

	ck_assert(!c->is_dead);
	ck_assert(!b->niov && !b->bytes && !b->pdus && !b->hdr_used && !b->pinned && !b->bounce);
	ck_assert(list_empty(&b->done));
	u->log->fills++;
	if (u->log->fill_max && n > u->log->fill_max)
		n = u->log->fill_max;
	if (n > TX_BYTES_MAX)
		n = TX_BYTES_MAX;
	if (n >= 4) {
		memcpy(tx_header(b, 4), u->out + u->sent, 4);
		ck_assert(tx_data(b, u->out + u->sent + 4, n - 4));
	} else {
		ck_assert(tx_data(b, u->out + u->sent, n));
	}
	b->pin = (unsigned)n;
	acts(c, FILL);
}

static void sent(struct conn *c, struct tx_batch *b, int err)
{
	struct echo *u = echo_of(c);

	u->sent += b->pin;
	u->log->sents++;
	u->log->sent_err = err;
	if (err)
		ck_assert(c->is_dead);
	if (u->sent == u->len && !err) {
		memset(u->out, 0xee, u->len); /* nobody may look at it any more */
		u->sent = u->len = 0;
	}
	acts(c, SENT);
}

static bool slice(struct conn *c)
{
	struct echo *u = echo_of(c);

	ck_assert(!c->is_dead);
	u->log->slices++;
	acts(c, SLICE);
	return u->log->slices < u->log->slices_wanted;
}

static void woken(struct conn *c)
{
	ck_assert(!c->is_dead);
	echo_of(c)->log->wakes++;
	acts(c, WOKEN);
}

static void tick(struct conn *c, uint64_t now)
{
	ck_assert(!c->is_dead);
	ck_assert_uint_eq(now, c->reactor->now);
	echo_of(c)->log->ticks++;
	acts(c, TICK);
}

static void dead(struct conn *c, enum conn_close_reason why)
{
	ck_assert(c->is_dead);
	echo_of(c)->log->dead++;
	echo_of(c)->log->why = why;
	conn_close(c, CONN_CLOSE_ERROR); /* harmless */
	conn_want_send(c);
	conn_want_slice(c);
	conn_want_wake(c);
	conn_resume_rx(c);
}

static void closed(struct conn *c)
{
	struct echo *u = echo_of(c);

	ck_assert(!c->batch && !c->io.receiving && !c->io.sending);
	free(u->out);
	u->out = NULL;
	u->log->closed++;
}

static const struct conn_ops echo_ops = {
	.opened = opened,
	.input = input,
	.fill = fill,
	.sent = sent,
	.slice = slice,
	.woken = woken,
	.tick = tick,
	.dead = dead,
	.closed = closed,
};

static unsigned refusals, given_and_refused;

static const struct sockaddr_storage nobody;

static void refused(struct reactor *rr, const struct sockaddr_storage *peer)
{
	ck_assert_ptr_eq(rr, &r);
	ck_assert_mem_eq(peer, &nobody, sizeof(nobody));
	refusals++;
}

static void set_up(void)
{
	const struct reactor_options o = {
		.cpu = -1,
		.max_conns = CONNS,
		.conn_ops = &echo_ops,
		.conn_size = sizeof(struct echo),
		.refused = refused,
	};

	memset(&log_, 0, sizeof(log_));
	refusals = given_and_refused = 0;
	e = fake_engine(CONNS);
	ck_assert_int_eq(reactor_init(&r, &o, e), 0);
}

/* Whatever happened, each connection ended for one reason, which was counted. */
static void check_counters(void)
{
	uint64_t sum[COUNTERS] = {0}, ended = 0;

	counters_get(&r.counters, sum);
#define CONN_END(id, name, text) ended += sum[COUNT_ENDED_##id];
#include "tbl/counters.def"
	ck_assert_uint_eq(sum[COUNT_ACCEPTED], ended);
	ck_assert_uint_eq(ended, log_.open_error ? 0 : log_.opened);
	ck_assert_uint_eq(sum[COUNT_REFUSED_RESOURCES], given_and_refused);
}

static void tear_down(void)
{
	reactor_fini(&r);
	check_counters();
	ck_assert_uint_eq(log_.dead, log_.closed);
	ck_assert_uint_eq(r.conns.used, 0);
}

static int open_one(void)
{
	int fd = fake_socket(e);

	ck_assert_int_eq(conn_open(&r, fd, &nobody, 1), 0);
	return fd;
}

static void turn(void)
{
	log_.inputs_this_turn = 0;
	reactor_turn(&r, false);
	if (log_.inputs_this_turn > log_.max_inputs_per_turn)
		log_.max_inputs_per_turn = log_.inputs_this_turn;
}

static void turns(int n)
{
	while (n--)
		turn();
}

static void expect_sent(int fd, const void *p, size_t n)
{
	size_t have;
	const uint8_t *got = fake_sent(e, fd, &have);

	ck_assert_uint_eq(have, n);
	ck_assert(!n || !memcmp(got, p, n));
}

static uint8_t *pattern(size_t n)
{
	uint8_t *p = malloc(n);

	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(i * 13 + i / 255);
	return p;
}

/* ---- bytes ---- */

START_TEST(echo_splits)
{
	/* Each receive and each step of a send, from one byte upwards. */
	static const struct {
		size_t split, step, n;
		uint32_t seed;
		unsigned delay;
	} rows[] = {
		{1, SIZE_MAX, 300, 0, 0},    {0, 1, 300, 0, 0},
		{3, 5, 2000, 0, 2},	     {100, 70, 9000, 9, 1},
		{7000, 9000, 400000, 77, 3}, {0, SIZE_MAX, 1500000, 0, 1},
		{48, SIZE_MAX, 5000, 3, 5},
	};
	uint8_t *p = pattern(rows[_i].n);
	size_t have = 0;
	int fd = open_one();

	fake_split(e, fd, rows[_i].split, rows[_i].seed);
	fake_take(e, fd, rows[_i].step, rows[_i].delay);
	fake_feed(e, fd, p, rows[_i].n);
	for (int i = 0; i < 20000 && have < rows[_i].n; i++) {
		turn();
		(void)fake_sent(e, fd, &have);
	}
	expect_sent(fd, p, rows[_i].n);
	ck_assert_uint_eq(log_.taken, rows[_i].n);
	free(p);
}
END_TEST

START_TEST(buffer_grows_and_shrinks)
{
	int fd = open_one();
	uint8_t *p = pattern(CONN_RX_LARGE);

	turn();
	struct conn *c = &log_.echo->conn;
	ck_assert_uint_eq(c->rx_cap, CONN_RX_SMALL);
	fake_feed(e, fd, p, CONN_RX_SMALL - 1);
	turns(3);
	ck_assert_uint_eq(c->rx_cap, CONN_RX_SMALL);
	fake_feed(e, fd, p, CONN_RX_SMALL);
	turns(3);
	ck_assert_uint_eq(c->rx_cap, CONN_RX_LARGE);
	ck_assert_uint_eq(r.small.used, 0);
	/* Used within each second: it stays. */
	for (int i = 0; i < 3; i++) {
		fake_advance(e, NS_PER_S);
		fake_feed(e, fd, p, 10);
		turns(3);
	}
	ck_assert_uint_eq(c->rx_cap, CONN_RX_LARGE);
	/* Idle: it goes with the next receive. */
	for (int i = 0; i < 3; i++) {
		fake_advance(e, NS_PER_S);
		turn();
	}
	ck_assert(c->rx_idle);
	fake_feed(e, fd, p, 10);
	turns(3);
	ck_assert_uint_eq(c->rx_cap, CONN_RX_SMALL);
	ck_assert(!c->rx_idle);
	ck_assert_uint_eq(r.large.used, 0);
	free(p);
}
END_TEST

static uint64_t counted(enum counter which)
{
	uint64_t sum[COUNTERS] = {0};

	counters_get(&r.counters, sum);
	return sum[which];
}

/* Who is not trusted never has the large buffer, however much it sends and of whatever size; what
 * does not fit the small one ends it. One byte below its size, at it, and above. */
START_TEST(a_stranger_has_the_small_buffer)
{
	uint8_t *p = pattern(4 * CONN_RX_LARGE);

	log_.stranger = true;
	int fd = open_one();
	turn();
	struct conn *c = &log_.echo->conn;
	for (size_t sent = 0; sent + CONN_RX_LARGE < OUT_MAX; sent += CONN_RX_LARGE) {
		log_.take_max = sent ? 5000 : 0;
		fake_feed(e, fd, p, CONN_RX_LARGE);
		for (int i = 0; i < 200; i++) {
			turn();
			ck_assert_uint_le(c->rx_cap, CONN_RX_SMALL);
			ck_assert_uint_eq(r.large.fresh, 0);
		}
	}
	ck_assert_uint_eq(fake_unread(e, fd), 0);
	log_.take_nothing = true;
	fake_feed(e, fd, p, CONN_RX_SMALL - 1);
	turns(5);
	ck_assert(!c->is_dead);
	fake_feed(e, fd, p, 1);
	turns(5);
	ck_assert_uint_eq(log_.closed, 1);
	ck_assert_int_eq(log_.why, CONN_CLOSE_PROTOCOL);
	ck_assert_uint_eq(counted(COUNT_ENDED_PROTOCOL), 1);
	ck_assert_uint_eq(r.large.fresh, 0);
	free(p);
}
END_TEST

/* Trust that comes later is good from the next receive on. */
START_TEST(trust_comes_later)
{
	uint8_t *p = pattern(CONN_RX_SMALL);

	log_.stranger = true;
	int fd = open_one();
	turn();
	struct conn *c = &log_.echo->conn;
	fake_feed(e, fd, p, CONN_RX_SMALL);
	turns(3);
	ck_assert_uint_eq(c->rx_cap, CONN_RX_SMALL);
	conn_trust(c);
	fake_feed(e, fd, p, CONN_RX_SMALL);
	turns(3);
	ck_assert_uint_eq(c->rx_cap, CONN_RX_LARGE);
	free(p);
}
END_TEST

/* What a crowd used goes back when it has gone, though there is no connection left to tick for. */
START_TEST(memory_goes_back)
{
	uint8_t *p = pattern(CONN_RX_SMALL);
	int fds[CONNS];

	for (unsigned i = 0; i < CONNS; i++)
		fds[i] = open_one();
	for (unsigned i = 0; i < CONNS; i++)
		fake_feed(e, fds[i], p, CONN_RX_SMALL);
	turns(5);
	ck_assert_uint_eq(r.large.used, CONNS);
	for (unsigned i = 0; i < CONNS; i++)
		fake_eof(e, fds[i]);
	turns(5);
	ck_assert_uint_eq(r.conns.used, 0);
	ck_assert(r.untidy);
	for (int i = 0; i < 8 && r.untidy; i++)
		reactor_turn(&r, true);
	ck_assert(!r.untidy);
	ck_assert_uint_eq(r.large.clean, CONNS);
	ck_assert_uint_eq(r.small.clean, r.small.nfree);
	ck_assert_uint_eq(r.batches.clean, r.batches.nfree);
	free(p);
}
END_TEST

/* input() takes nothing: of a full small buffer, of one with room, of a full large one. */
START_TEST(nothing_taken)
{
	int fd = open_one();
	uint8_t *p = pattern(CONN_RX_LARGE);

	log_.take_nothing = true;
	fake_split(e, fd, 1000, 0);
	fake_feed(e, fd, p, CONN_RX_SMALL);
	for (int i = 0; i < 30; i++)
		turn();
	struct conn *c = &log_.echo->conn;
	ck_assert_uint_eq(c->rx_cap, CONN_RX_LARGE);
	ck_assert_uint_eq(c->rx_end - c->rx_start, CONN_RX_SMALL);
	fake_feed(e, fd, p + CONN_RX_SMALL, CONN_RX_LARGE - 1 - CONN_RX_SMALL);
	for (int i = 0; i < 400; i++)
		turn();
	ck_assert(!c->is_dead);
	ck_assert_uint_eq(log_.dead, 0);
	unsigned inputs = log_.inputs;
	turns(5);
	ck_assert_uint_eq(log_.inputs, inputs); /* asked again only when more came */
	fake_feed(e, fd, p + CONN_RX_LARGE - 1, 1);
	turns(5);
	ck_assert_uint_eq(log_.closed, 1);
	ck_assert_int_eq(log_.why, CONN_CLOSE_PROTOCOL);
	free(p);
}
END_TEST

/* What is left at the front moves, and nothing is lost: pieces of 1000 that straddle. */
START_TEST(leftovers_move)
{
	size_t n = 600000;
	uint8_t *p = pattern(n);
	int fd = open_one();
	size_t have = 0;

	fake_split(e, fd, 5000, 5);
	fake_feed(e, fd, p, n);
	for (int i = 0; i < 3000 && have < n; i++) {
		log_.take_max = 1 + (size_t)i * 37 % 3000;
		/* "more is needed" is true only while more is to come */
		log_.take_nothing = i % 5 == 4 && fake_unread(e, fd) > 5000;
		turn();
		(void)fake_sent(e, fd, &have);
	}
	expect_sent(fd, p, n);
	free(p);
}
END_TEST

/* A budget used up: one input() a turn, others have theirs, the rest goes on by itself. */
START_TEST(budget)
{
	uint8_t *p = pattern(1000);
	int fd = open_one();
	unsigned turns_used = 0;
	size_t have = 0;

	log_.take_max = 10;
	fake_feed(e, fd, p, 1000);
	for (; have < 1000 && turns_used < 300; turns_used++) {
		log_.inputs_this_turn = 0;
		reactor_turn(&r, true); /* does not sleep */
		if (log_.inputs_this_turn > log_.max_inputs_per_turn)
			log_.max_inputs_per_turn = log_.inputs_this_turn;
		(void)fake_sent(e, fd, &have);
	}
	ck_assert_uint_eq(have, 1000);
	ck_assert_uint_eq(log_.max_inputs_per_turn, 1);
	ck_assert_uint_eq(e->stats.sleeps, 0);
	free(p);
}
END_TEST

START_TEST(pause_and_resume)
{
	int fd = open_one();

	turn();
	log_.pause = true;
	fake_feed(e, fd, "abcdef", 6);
	turns(5);
	ck_assert_uint_eq(log_.inputs, 1);
	ck_assert(!fake_receiving(e, fd));
	fake_feed(e, fd, "gh", 2);
	turns(5);
	ck_assert_uint_eq(fake_unread(e, fd), 2);
	log_.pause = false;
	conn_resume_rx(&log_.echo->conn);
	turns(5);
	expect_sent(fd, "abcdefgh", 8);
	/* Paused while a receive is outstanding: what it brings waits. */
	conn_pause_rx(&log_.echo->conn);
	ck_assert(fake_receiving(e, fd));
	fake_feed(e, fd, "i", 1);
	turns(5);
	expect_sent(fd, "abcdefgh", 8);
	conn_resume_rx(&log_.echo->conn);
	conn_resume_rx(&log_.echo->conn);
	turns(5);
	expect_sent(fd, "abcdefghi", 9);
}
END_TEST

/* ---- batches ---- */

static struct tx_batch *empty_batch(void)
{
	static struct tx_batch b;

	memset(&b, 0, offsetof(struct tx_batch, iov));
	return &b;
}

START_TEST(batch_merges)
{
	struct tx_batch *b = empty_batch();
	char mem[64];

	ck_assert(tx_header(b, 48) == b->hdr);
	ck_assert(tx_header(b, 48) == b->hdr + 48);
	ck_assert_uint_eq(b->niov, 1);
	ck_assert_uint_eq(b->iov[0].iov_len, 96);
	ck_assert(tx_data(b, mem, 8));
	ck_assert(tx_data(b, mem + 8, 8)); /* follows */
	ck_assert(tx_data(b, mem + 20, 8));
	ck_assert(tx_data(b, mem, 0));
	ck_assert_uint_eq(b->niov, 3);
	ck_assert(tx_header(b, 4) == b->hdr + 96); /* data between */
	ck_assert_uint_eq(b->niov, 4);
	ck_assert_uint_eq(b->bytes, 96 + 24 + 4);
	ck_assert_uint_eq(tx_data_room(b), TX_BYTES_MAX - 24);
}
END_TEST

START_TEST(batch_limits)
{
	static uint8_t mem[2 * TX_BYTES_MAX];
	struct tx_batch *b = empty_batch();

	/* bytes */
	ck_assert(!tx_data(b, mem, TX_BYTES_MAX + 1));
	ck_assert(tx_data(b, mem, TX_BYTES_MAX - 1));
	ck_assert(tx_room(b, 1, 48));
	ck_assert(!tx_data(b, mem, 2));
	ck_assert(tx_header(b, 48) != NULL); /* not data */
	ck_assert(tx_data(b, mem, 1));
	ck_assert(!tx_room(b, 1, 48));
	/* headers */
	b = empty_batch();
	ck_assert(tx_room(b, 0, TX_HDR_BYTES));
	ck_assert(!tx_room(b, 0, TX_HDR_BYTES + 4));
	ck_assert(tx_header(b, TX_HDR_BYTES + 4) == NULL);
	ck_assert(tx_header(b, TX_HDR_BYTES - 4) != NULL);
	ck_assert(tx_header(b, 8) == NULL);
	ck_assert(tx_header(b, 4) != NULL);
	ck_assert(tx_header(b, 4) == NULL);
	/* PDUs */
	b = empty_batch();
	b->pdus = TX_PDUS_MAX - 1;
	ck_assert(tx_room(b, 1, 48));
	b->pdus = TX_PDUS_MAX;
	ck_assert(!tx_room(b, 1, 48));
	/* iovecs */
	b = empty_batch();
	ck_assert(tx_room(b, TX_IOVS - 2, 4));
	ck_assert(!tx_room(b, TX_IOVS - 1, 4));
	for (unsigned i = 0; i < TX_IOVS; i++)
		ck_assert(tx_data(b, mem + 2 * i, 1));
	ck_assert(!tx_data(b, mem, 1));
	ck_assert(tx_data(b, mem + 2 * (TX_IOVS - 1) + 1, 1)); /* needs no iovec */
	ck_assert(tx_header(b, 4) == NULL);
	ck_assert(!tx_room(b, 0, 0));
}
END_TEST

/* What did not fit is asked for again, without conn_want_send(). */
START_TEST(fill_again)
{
	int fd = open_one();

	log_.fill_max = 3;
	fake_feed(e, fd, "0123456789", 10);
	turns(12);
	expect_sent(fd, "0123456789", 10);
	ck_assert_uint_eq(log_.sents, 4);
	unsigned fills = log_.fills;
	turns(5);
	ck_assert_uint_eq(log_.fills, fills);
	ck_assert_uint_eq(r.batches.used, 0);
}
END_TEST

START_TEST(one_batch_at_a_time)
{
	int fd = open_one();

	fake_take(e, fd, 0, 0);
	fake_feed(e, fd, "abc", 3);
	turns(4);
	ck_assert_uint_eq(log_.fills, 1);
	fake_feed(e, fd, "def", 3);
	turns(4);
	ck_assert_uint_eq(log_.fills, 1);
	ck_assert_uint_eq(log_.taken, 6);
	fake_take(e, fd, SIZE_MAX, 0);
	turns(4);
	expect_sent(fd, "abcdef", 6);
	ck_assert_uint_eq(log_.sents, 2);
}
END_TEST

/* ---- ends ---- */

static void do_close(struct conn *c)
{
	conn_close(c, CONN_CLOSE_LOGOUT);
}

/* From every callback, with and without a send outstanding. */
START_TEST(close_from)
{
	enum where w = (enum where)(_i % WHERE_MAX);
	bool stalled = _i >= WHERE_MAX;

	log_.act = do_close;
	if (w == OPENED)
		log_.act_at = w;
	int fd = open_one();
	turn();
	if (stalled && w != OPENED) {
		fake_take(e, fd, w == SENT || w == FILL ? 1 : 0, 0);
		fake_feed(e, fd, "xy", 2);
		log_.fill_max = w == FILL ? 1 : 0;
		turns(1);
	}
	log_.act_at = w;
	log_.slices_wanted = 3;
	if (w != OPENED) {
		conn_want_slice(&log_.echo->conn);
		conn_want_wake(&log_.echo->conn);
		fake_feed(e, fd, "abc", 3);
	}
	turns(4);
	fake_advance(e, NS_PER_S);
	turns(4);
	if (w == NOWHERE) {
		ck_assert_uint_eq(log_.dead, 0);
		conn_close(&log_.echo->conn, CONN_CLOSE_LOGOUT);
		conn_close(&log_.echo->conn, CONN_CLOSE_ERROR);
		turns(3);
	}
	ck_assert_uint_eq(log_.dead, 1);
	ck_assert_int_eq(log_.why, CONN_CLOSE_LOGOUT);
	ck_assert_uint_eq(log_.closed, 1);
	ck_assert_uint_eq(log_.gone, 1);
	ck_assert(fake_closed(e, fd));
	ck_assert_uint_eq(r.batches.used + r.small.used + r.large.used + r.conns.used, 0);
	ck_assert_uint_eq(atomic_load(&r.load), 0);
}
END_TEST

/* A send that is outstanding when the connection dies comes back, with its error, before closed. */
START_TEST(close_while_sending)
{
	int fd = open_one();

	fake_take(e, fd, 0, 0);
	fake_feed(e, fd, "abc", 3);
	turns(4);
	ck_assert(fake_sending(e, fd));
	conn_close(&log_.echo->conn, CONN_CLOSE_TX_STALL);
	ck_assert_uint_eq(log_.dead, 1);
	ck_assert_uint_eq(log_.closed, 0);
	ck_assert(fake_shut(e, fd));
	turns(2);
	ck_assert_uint_eq(log_.sents, 1);
	ck_assert_int_eq(log_.sent_err, -EPIPE);
	ck_assert_uint_eq(log_.closed, 1);
	ck_assert_int_eq(log_.why, CONN_CLOSE_TX_STALL);
}
END_TEST

START_TEST(socket_errors)
{
	static const struct {
		int err;
		bool send;
		enum conn_close_reason why;
	} errors[] = {
		{ECONNRESET, false, CONN_CLOSE_PEER_RESET},
		{ECONNRESET, true, CONN_CLOSE_PEER_RESET},
		{EPIPE, true, CONN_CLOSE_PEER_RESET},
		{ETIMEDOUT, false, CONN_CLOSE_ERROR},
		{ETIMEDOUT, true, CONN_CLOSE_ERROR},
	};
	int fd = open_one();

	if (errors[_i].send) {
		fake_fail_send(e, fd, errors[_i].err);
		fake_feed(e, fd, "abc", 3);
	} else {
		fake_fail_recv(e, fd, errors[_i].err);
	}
	turns(5);
	ck_assert_uint_eq(log_.dead, 1);
	ck_assert_int_eq(log_.why, errors[_i].why);
	ck_assert_uint_eq(log_.closed, 1);
	ck_assert_int_eq(log_.sent_err, errors[_i].send ? -errors[_i].err : 0);
}
END_TEST

/* The peer sends its last bytes and EOF, and reads on: it gets every answer. */
START_TEST(half_closed)
{
	uint8_t *p = pattern(5000);
	int fd = open_one();

	fake_split(e, fd, 700, 0);
	fake_take(e, fd, 900, 1);
	log_.take_max = 300;
	fake_feed(e, fd, p, 5000);
	fake_eof(e, fd);
	turns(200);
	expect_sent(fd, p, 5000);
	ck_assert_uint_eq(log_.closed, 1);
	ck_assert_int_eq(log_.why, CONN_CLOSE_PEER);
	free(p);
}
END_TEST

static void do_close_after_send(struct conn *c)
{
	conn_close_after_send(c, CONN_CLOSE_LOGOUT);
	conn_close_after_send(c, CONN_CLOSE_ERROR); /* the first counts */
}

/* FIN after the last byte, and the socket is closed only after the peer's EOF. */
START_TEST(orderly_end)
{
	int fd = open_one();

	log_.act = do_close_after_send;
	log_.act_at = INPUT;
	log_.fill_max = 2;
	turn();
	fake_feed(e, fd, "abcdefg", 7);
	turn();
	fake_feed(e, fd, "too late", 8);
	turns(12);
	expect_sent(fd, "abcdefg", 7);
	ck_assert_uint_eq(log_.inputs, 1);
	ck_assert_uint_eq(log_.dead, 1);
	ck_assert_uint_eq(log_.closed, 0);
	ck_assert(fake_send_ended(e, fd) && !fake_shut(e, fd));
	ck_assert_uint_eq(fake_unread(e, fd), 0); /* so that no RST is sent */
	fake_eof(e, fd);
	turns(3);
	ck_assert_uint_eq(log_.closed, 1);
	ck_assert_int_eq(log_.why, CONN_CLOSE_LOGOUT);
	ck_assert_uint_eq(log_.sents, 4);
}
END_TEST

/* The peer neither closes nor stops to send. */
START_TEST(orderly_end_is_bounded)
{
	int fd = open_one();

	turn();
	conn_close_after_send(&log_.echo->conn, CONN_CLOSE_PROTOCOL);
	turns(3);
	ck_assert(fake_send_ended(e, fd));
	for (int i = 0; i < 25 && !log_.closed; i++) {
		if (_i)
			fake_feed(e, fd, "noise", 5);
		fake_advance(e, 100 * NS_PER_MS);
		turns(3);
		ck_assert(i >= 8 || !log_.closed);
	}
	ck_assert_uint_eq(log_.closed, 1);
	ck_assert_uint_eq(log_.inputs, 0);
}
END_TEST

START_TEST(hold)
{
	int fd = open_one();

	turn();
	struct conn *c = &log_.echo->conn;
	uint32_t generation = c->generation;
	conn_hold(c);
	conn_hold(c);
	conn_close(c, CONN_CLOSE_REPLACED);
	turns(4);
	ck_assert_uint_eq(log_.dead, 1);
	conn_release(c);
	turns(2);
	ck_assert_uint_eq(log_.closed, 0);
	ck_assert(!fake_closed(e, fd));
	conn_release(c);
	ck_assert_uint_eq(log_.closed, 0); /* not from inside */
	turns(1);
	ck_assert_uint_eq(log_.closed, 1);
	open_one();
	ck_assert_ptr_eq(&log_.echo->conn, c);
	ck_assert_uint_ne(c->generation, generation);
}
END_TEST

/* Slots: below, at and above max_conns. */
START_TEST(no_slot)
{
	for (unsigned i = 0; i < CONNS; i++)
		open_one();
	ck_assert_uint_eq(atomic_load(&r.load), CONNS);
	ck_assert_int_eq(conn_open(&r, fake_socket(e), &nobody, 1), -EBUSY);
	ck_assert_uint_eq(refusals, 1);
	ck_assert_int_eq(reactor_give(&r, fake_socket(e), &nobody, 1), 0);
	ck_assert_uint_eq(atomic_load(&r.load), CONNS + 1);
	turns(2);
	ck_assert_uint_eq(refusals, 2);
	given_and_refused = 1;
	ck_assert_uint_eq(atomic_load(&r.load), CONNS);
	conn_close(&log_.echo->conn, CONN_CLOSE_PEER);
	turns(3);
	ck_assert_int_eq(reactor_give(&r, fake_socket(e), &nobody, 1), 0);
	turns(2);
	ck_assert_uint_eq(log_.opened, CONNS + 1);
}
END_TEST

START_TEST(open_fails)
{
	log_.open_error = -ENOMEM;
	int fd = fake_socket(e);
	ck_assert_int_eq(conn_open(&r, fd, &nobody, 1), -ENOMEM);
	ck_assert(fake_closed(e, fd));
	turns(2);
	ck_assert_uint_eq(log_.dead + log_.closed + log_.gone, 0);
	ck_assert_uint_eq(refusals, 1);
	ck_assert_uint_eq(r.conns.used, 0);
	ck_assert_uint_eq(atomic_load(&r.load), 0);
}
END_TEST

START_TEST(ticks_and_slices)
{
	open_one();
	log_.slices_wanted = 4;
	conn_want_slice(&log_.echo->conn);
	conn_want_slice(&log_.echo->conn);
	for (unsigned i = 1; i <= 6; i++) {
		turn();
		ck_assert_uint_eq(log_.slices, i < 4 ? i : 4);
	}
	ck_assert_uint_eq(log_.ticks, 0);
	for (unsigned i = 1; i <= 5; i++) {
		fake_advance(e, NS_PER_S - 1);
		turn();
		fake_advance(e, 1);
		turn();
		ck_assert_uint_eq(log_.ticks, i);
	}
}
END_TEST

/* Who waits for another thread costs no turn, and is called by its wake-up, or by the tick. */
START_TEST(wake_ups)
{
	open_one();
	turn();
	struct conn *c = &log_.echo->conn;
	uint64_t next = r.next_tick;

	reactor_wake(&r);
	turns(2);
	ck_assert_uint_eq(log_.wakes, 0);
	conn_want_wake(c);
	conn_want_wake(c);
	turns(3);
	ck_assert_uint_eq(log_.wakes, 0);
	/* Woken before it sleeps: it does not, and the wake-up is not lost. */
	reactor_wake(&r);
	reactor_wake(&r);
	reactor_turn(&r, true);
	ck_assert_uint_eq(log_.wakes, 1);
	ck_assert_uint_lt(r.now, next);
	/* No wake-up: it sleeps, up to the tick. */
	conn_want_wake(c);
	reactor_turn(&r, true);
	ck_assert_uint_eq(log_.wakes, 2);
	ck_assert_uint_eq(r.now, next);
	reactor_wake(&r);
	turns(2);
	ck_assert_uint_eq(log_.wakes, 2);
}
END_TEST

/* It asks again from the call itself: that is for the next one. */
START_TEST(wake_ups_again)
{
	open_one();
	turn();
	log_.act_at = WOKEN;
	log_.act = conn_want_wake;
	conn_want_wake(&log_.echo->conn);
	for (unsigned i = 1; i < 4; i++) {
		reactor_wake(&r);
		turns(3);
		ck_assert_uint_eq(log_.wakes, i);
	}
	conn_close(&log_.echo->conn, CONN_CLOSE_PEER);
	reactor_wake(&r);
	turns(3);
	ck_assert_uint_eq(log_.wakes, 3);
}
END_TEST

START_TEST(times)
{
	int fd = open_one();

	turn();
	struct conn *c = &log_.echo->conn;
	uint64_t t0 = r.now;
	ck_assert_uint_eq(c->last_rx, t0);
	reactor_turn(&r, true); /* sleeps to the tick */
	ck_assert_uint_eq(r.now, t0 + NS_PER_S);
	fake_advance(e, 5);
	fake_feed(e, fd, "a", 1);
	turn();
	ck_assert_uint_eq(c->last_rx, t0 + NS_PER_S + 5);
	turn();
	ck_assert_uint_eq(c->last_tx, t0 + NS_PER_S + 5);
}
END_TEST

START_TEST(reasons_have_texts)
{
	unsigned n = 0;

	for (int w = CONN_CLOSE_PEER; w <= CONN_CLOSE_SHUTDOWN; w++, n++)
		ck_assert_uint_gt(strlen(conn_close_reason_text((enum conn_close_reason)w)), 3);
	ck_assert_uint_ge(n, 7);
}
END_TEST

static void name_in6(const uint8_t a[16], uint16_t port, const char *want)
{
	struct sockaddr_storage s = {0};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	char name[64];

	memcpy(&in6.sin6_addr, a, 16);
	memcpy(&s, &in6, sizeof(in6));
	sock_name(&s, name, sizeof(name));
	ck_assert_str_eq(name, want);
}

START_TEST(names)
{
	struct sockaddr_storage s = {0};
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(3260)};
	char name[64];

	in.sin_addr.s_addr = htonl(0xc0000201);
	memcpy(&s, &in, sizeof(in));
	sock_name(&s, name, sizeof(name));
	ck_assert_str_eq(name, "192.0.2.1:3260");
	name_in6((const uint8_t[16]){0x20, 1, 0xd, 0xb8, [15] = 1}, 65535, "[2001:db8::1]:65535");
	name_in6((const uint8_t[16]){[10] = 0xff, 0xff, 192, 0, 2, 9}, 1, "192.0.2.9:1");
	s.ss_family = AF_UNIX;
	sock_name(&s, name, sizeof(name));
	ck_assert_str_eq(name, "local");
	s.ss_family = AF_UNSPEC;
	sock_name(&s, name, sizeof(name));
	ck_assert_str_eq(name, "unknown");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("conn");
	TCase *t = tcase_create("conn");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_set_timeout(t, 30);
	tcase_add_loop_test(t, echo_splits, 0, 7);
	tcase_add_test(t, buffer_grows_and_shrinks);
	tcase_add_test(t, a_stranger_has_the_small_buffer);
	tcase_add_test(t, trust_comes_later);
	tcase_add_test(t, memory_goes_back);
	tcase_add_test(t, nothing_taken);
	tcase_add_test(t, leftovers_move);
	tcase_add_test(t, budget);
	tcase_add_test(t, pause_and_resume);
	tcase_add_test(t, batch_merges);
	tcase_add_test(t, batch_limits);
	tcase_add_test(t, fill_again);
	tcase_add_test(t, one_batch_at_a_time);
	tcase_add_loop_test(t, close_from, 0, 2 * WHERE_MAX);
	tcase_add_test(t, close_while_sending);
	tcase_add_loop_test(t, socket_errors, 0, 5);
	tcase_add_test(t, half_closed);
	tcase_add_test(t, orderly_end);
	tcase_add_loop_test(t, orderly_end_is_bounded, 0, 2);
	tcase_add_test(t, hold);
	tcase_add_test(t, no_slot);
	tcase_add_test(t, open_fails);
	tcase_add_test(t, ticks_and_slices);
	tcase_add_test(t, wake_ups);
	tcase_add_test(t, wake_ups_again);
	tcase_add_test(t, times);
	tcase_add_test(t, reasons_have_texts);
	tcase_add_test(t, names);
	suite_add_tcase(s, t);
	return test_main(s);
}
