// SPDX-License-Identifier: MIT
/*
 * test_fencing.c - after the answer to what ends another session's commands, none of them writes.
 *
 * Pairs of sessions on two reactors, a pair for each LUN: A has a queue of WRITEs whose data is on
 * its way, or half of one, or READs that it does not take; B ends them, by one of `ways`. Two reads
 * after its answer, a while apart, must show the same. A's commands are all known to be there
 * before B speaks (each has its R2T), since those that come later are not what a reset is about.
 *
 * $MEMTGT_FENCE_ROUNDS: rounds of each way, of all pairs together. $MEMTGT_FENCE_MS: how long an
 * answer may take while A holds something back, where the machine is not busy with other tests.
 */
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/daemon.h"
#include "lib/rawinit.h"
#include "lib/test_main.h"

#define BLOCK	   512u
#define PAIRS	   8u
#define DEPTH	   32u
#define WRITE_SIZE 4096u
#define RANGE	   (DEPTH * WRITE_SIZE)
#define PAUSE_MS   100u
#define MIB	   (1u << 20)
#define SOLICITED  "ImmediateData=No\nInitialR2T=Yes\nMaxOutstandingR2T=1\n"

static struct daemon d;

struct pair {
	unsigned lun, seed, rounds;
	const struct way *way;
	struct raw a, b;
	uint64_t round;
	union raw_bhs r2t[DEPTH];
	uint8_t data[RANGE], first[RANGE], second[RANGE];
	unsigned answered, cut; /* WRITEs of A, in all rounds */
	unsigned long long longest_ms;
};

/* ---- what B does ---- */

/* `begin` (may be NULL) prepares both sessions for a round; `ask` sends what ends A's commands,
 * `hear` takes the answer, after which nothing may change. */
struct way {
	const char *name;
	void (*begin)(struct pair *p);
	void (*ask)(struct pair *p);
	void (*hear)(struct pair *p);
};

static void send_tmf(struct pair *p, uint8_t function)
{
	union raw_bhs h =
		raw_request(&p->b, ISCSI_OP_TMF_REQ | ISCSI_IMMEDIATE, ISCSI_FINAL | function);

	raw_set_lun(&h, p->lun);
	put32(&h.tmf.ref_itt, ISCSI_TAG_NONE);
	ck_assert(raw_send(&p->b, &h, NULL, 0));
}

static void ask_lun_reset(struct pair *p)
{
	send_tmf(p, ISCSI_TMF_LUN_RESET);
}

static void hear_tmf(struct pair *p)
{
	raw_expect(&p->b, ISCSI_OP_TMF_RSP);
	ck_assert_uint_eq(p->b.bhs.tmf_rsp.response, ISCSI_TMF_COMPLETE);
}

/* ---- PERSISTENT RESERVE OUT, SPC-4 6.16 ---- */

#define KEY_A	     0xaaaau
#define KEY_B	     0xbbbbu
#define PR_RESERVE   1u
#define PR_PREEMPT_A 5u
#define PR_IGNORE    6u
#define PR_TYPE	     5u /* Write Exclusive - Registrants Only */

/* Without its parameter list, for which an R2T comes. */
static void send_pr(struct raw *r, unsigned lun, uint8_t action)
{
	const uint8_t cdb[16] = {0x5f, action, PR_TYPE, [8] = 24};
	union raw_bhs h =
		raw_command(r, ISCSI_FINAL | ISCSI_CMD_WRITE | ISCSI_ATTR_SIMPLE, cdb, 24);

	raw_set_lun(&h, lun);
	ck_assert(raw_send(r, &h, NULL, 0));
}

static void hear_pr(struct raw *r, uint64_t key, uint64_t other)
{
	uint8_t list[24] = {0};

	st64(list, key);
	st64(list + 8, other);
	raw_expect(r, ISCSI_OP_R2T);
	raw_answer_r2t(r, list);
	raw_expect(r, ISCSI_OP_SCSI_RSP);
	ck_assert_uint_eq(r->bhs.rsp.status, 0);
}

/* Both are registered, and B lets only registrants write: A, until it is preempted. */
static void begin_preempt(struct pair *p)
{
	send_pr(&p->b, p->lun, PR_IGNORE);
	hear_pr(&p->b, 0, KEY_B);
	send_pr(&p->b, p->lun, PR_RESERVE);
	hear_pr(&p->b, KEY_B, 0);
	send_pr(&p->a, p->lun, PR_IGNORE);
	hear_pr(&p->a, 0, KEY_A);
}

static void ask_preempt(struct pair *p)
{
	send_pr(&p->b, p->lun, PR_PREEMPT_A);
}

static void hear_preempt(struct pair *p)
{
	hear_pr(&p->b, KEY_B, KEY_A);
}

static const struct way ways[] = {
	{"LUN RESET", NULL, ask_lun_reset, hear_tmf},
	{"PREEMPT AND ABORT", begin_preempt, ask_preempt, hear_preempt},
};
#define NWAYS ((int)(sizeof(ways) / sizeof(ways[0])))

/* ---- sessions ---- */

static void clear(struct raw *r, unsigned lun)
{
	for (int i = 0; i < 4; i++)
		if (raw_test_unit_ready(r, lun) == 0)
			return;
	ck_abort_msg("unit attentions do not end");
}

static void open_session(struct raw *r, unsigned lun, const char *keys, int window)
{
	static unsigned isid;

	raw_open(r, d.port);
	raw_set_isid(r, 0xfe0000 + isid++);
	if (window)
		ck_assert_int_eq(setsockopt(r->fd, SOL_SOCKET, SO_RCVBUF, &window, sizeof(window)),
				 0);
	ck_assert_uint_eq(raw_login(r, DAEMON_TARGET, keys), 0);
	clear(r, lun);
}

/* All that came before is done with: answers of A's WRITEs, which are counted, and no more R2Ts. */
static unsigned drain(struct raw *r)
{
	union raw_bhs h = raw_request(r, ISCSI_OP_NOP_OUT | ISCSI_IMMEDIATE, ISCSI_FINAL);
	unsigned answers = 0;

	ck_assert(raw_send(r, &h, NULL, 0));
	for (;;) {
		ck_assert(raw_recv(r));
		if (r->bhs.any.opcode == ISCSI_OP_NOP_IN)
			return answers;
		ck_assert_uint_ne(r->bhs.any.opcode, ISCSI_OP_R2T);
		answers += r->bhs.any.opcode == ISCSI_OP_SCSI_RSP;
	}
}

/* ---- a queue of WRITEs ---- */

static void begin(struct pair *p)
{
	if (p->way->begin)
		p->way->begin(p);
}

/* Words that tell the round and the command; a block has one of them. */
static void stamp(struct pair *p)
{
	for (size_t i = 0; i < RANGE; i += 8)
		st64(p->data + i, p->round << 8 | i / WRITE_SIZE);
}

static void check_blocks(const uint8_t *p)
{
	for (size_t i = 0; i < RANGE; i += BLOCK)
		for (size_t at = 8; at < BLOCK; at += 8)
			if (memcmp(p + i, p + i + at, 8) != 0)
				ck_abort_msg("block %zu is of two commands", i / BLOCK);
}

static void begin_writes(struct pair *p)
{
	uint8_t cdb[16];

	begin(p);
	for (unsigned i = 0; i < DEPTH; i++) {
		raw_cdb_rw16(cdb, 0x8a, i * (WRITE_SIZE / BLOCK), WRITE_SIZE / BLOCK);
		union raw_bhs h = raw_command(
			&p->a, ISCSI_FINAL | ISCSI_CMD_WRITE | ISCSI_ATTR_SIMPLE, cdb, WRITE_SIZE);
		raw_set_lun(&h, p->lun);
		ck_assert(raw_send(&p->a, &h, NULL, 0));
	}
	for (unsigned i = 0; i < DEPTH; i++) {
		raw_expect(&p->a, ISCSI_OP_R2T);
		p->r2t[i] = p->a.bhs;
	}
}

/* The data of all of them, from the byte `from` up to `to` of the stream of PDUs. */
static void send_stream(struct pair *p, size_t from, size_t to)
{
	static _Thread_local uint8_t stream[RANGE + DEPTH * ISCSI_BHS_LEN];
	size_t n = 0;

	for (unsigned i = 0; i < DEPTH; i++) {
		union raw_bhs h = {.out = {.opcode = ISCSI_OP_DATA_OUT, .flags = ISCSI_FINAL}};

		h.out.itt = p->r2t[i].r2t.itt;
		h.out.ttt = p->r2t[i].r2t.ttt;
		raw_set_lun(&h, p->lun);
		n += raw_make(&p->a, &h, p->data + i * WRITE_SIZE, WRITE_SIZE, stream + n);
	}
	ck_assert(raw_bytes(&p->a, stream + from, (to < n ? to : n) - from, 0));
}

static void look(struct pair *p, uint8_t *out)
{
	ck_assert_uint_eq(raw_read(&p->b, p->lun, 0, out, RANGE, BLOCK), 0);
	check_blocks(out);
}

static void end(struct pair *p)
{
	unsigned answers = drain(&p->a);

	p->answered += answers;
	p->cut += DEPTH - answers;
	clear(&p->a, p->lun);
}

/* B speaks when so much of A's data is on its way. The rest follows without a pause: before B's
 * answer is heard, and after B has looked. */
static void play_queue(struct pair *p)
{
	const size_t when = (size_t)rand_r(&p->seed) % RANGE;
	const size_t until = when + (size_t)rand_r(&p->seed) % (RANGE - when);

	stamp(p);
	begin_writes(p);
	send_stream(p, 0, when);
	p->way->ask(p);
	send_stream(p, when, until);
	p->way->hear(p);
	clear(&p->b, p->lun);
	look(p, p->first);
	send_stream(p, until, SIZE_MAX);
	test_sleep_ms(PAUSE_MS);
	look(p, p->second);
	if (memcmp(p->first, p->second, RANGE) != 0)
		ck_abort_msg("LUN %u changed after the answer to %s", p->lun, p->way->name);
	end(p);
}

/* ---- those that hold something back ---- */

static void hear_soon(struct pair *p)
{
	const unsigned long long begun = test_now_ms();

	p->way->ask(p);
	p->way->hear(p);
	const unsigned long long took = test_now_ms() - begun;
	p->longest_ms = took > p->longest_ms ? took : p->longest_ms;
	clear(&p->b, p->lun);
}

/* Half of the data, which ends inside a block; the rest comes after the answer. */
static void play_half(struct pair *p)
{
	const size_t half = RANGE / 2 + (size_t)rand_r(&p->seed) % WRITE_SIZE;

	stamp(p);
	begin_writes(p);
	send_stream(p, 0, half);
	hear_soon(p);
	look(p, p->first);
	send_stream(p, half, SIZE_MAX);
	drain(&p->a);
	look(p, p->second);
	ck_assert_mem_eq(p->first, p->second, RANGE);
	clear(&p->a, p->lun);
	p->cut++;
}

/* READs whose data nobody takes: all buffers on the way are full. */
static void play_closed(struct pair *p)
{
	uint8_t cdb[16];

	open_session(&p->a, p->lun, NULL, 16 << 10);
	begin(p);
	raw_cdb_rw16(cdb, 0x88, 0, MIB / BLOCK);
	for (int i = 0; i < 16; i++) {
		union raw_bhs h = raw_command(
			&p->a, ISCSI_FINAL | ISCSI_CMD_READ | ISCSI_ATTR_SIMPLE, cdb, MIB);
		raw_set_lun(&h, p->lun);
		ck_assert(raw_send(&p->a, &h, NULL, 0));
	}
	ck_assert(!raw_silent(&p->a, DAEMON_PATIENCE_MS));
	test_sleep_ms(20);
	hear_soon(p);
	unsigned whole = 0;
	union raw_bhs h = raw_request(&p->a, ISCSI_OP_NOP_OUT | ISCSI_IMMEDIATE, ISCSI_FINAL);
	ck_assert(raw_send(&p->a, &h, NULL, 0));
	do {
		ck_assert(raw_recv(&p->a));
		whole += p->a.bhs.any.opcode == ISCSI_OP_DATA_IN &&
			 p->a.bhs.in.flags & ISCSI_DATA_STATUS;
	} while (p->a.bhs.any.opcode != ISCSI_OP_NOP_IN);
	p->cut += whole < 16;
	clear(&p->a, p->lun);
	raw_close(&p->a);
}

static const struct play {
	const char *name;
	void (*round)(struct pair *p);
	bool opens;    /* A's session itself */
	unsigned part; /* of the rounds, one in so many */
} plays[] = {
	{"a queue", play_queue, false, 1},
	{"half of a WRITE", play_half, false, 4},
	{"a closed window", play_closed, true, 16},
};
#define NPLAYS ((int)(sizeof(plays) / sizeof(plays[0])))

/* ---- pairs ---- */

static const struct play *playing;

static void *play_pair(void *arg)
{
	struct pair *p = arg;

	for (p->round = 1; p->round <= p->rounds; p->round++)
		playing->round(p);
	return NULL;
}

static unsigned rounds_of(const struct play *how)
{
	const unsigned each = (unsigned)test_number("MEMTGT_FENCE_ROUNDS", 32) / how->part / PAIRS;

	return each ? each : 1;
}

/* A and B by turns, so that the reactors with the fewest connections have all As and all Bs. */
static void open_pairs(struct pair *p, const struct way *w, const struct play *how)
{
	for (unsigned i = 0; i < PAIRS; i++) {
		p[i].lun = i;
		p[i].seed = 77 + i;
		p[i].way = w;
		p[i].rounds = rounds_of(how);
		if (!how->opens)
			open_session(&p[i].a, i, SOLICITED, 0);
		open_session(&p[i].b, i, NULL, 0);
	}
}

static void start(void)
{
	char luns[PAIRS * 40] = "";

	for (unsigned i = 0; i < PAIRS; i++)
		sprintf(luns + strlen(luns), "%s{ id = %u; size = \"2M\"; }", i ? ", " : "", i);
	daemon_start(&d, luns, "reactor = { count = 2; };");
}

static void stop(void)
{
	daemon_check_alive(&d);
	daemon_stop(&d);
}

START_TEST(nothing_changes_after_the_answer)
{
	static struct pair pairs[PAIRS];
	pthread_t thread[PAIRS];
	unsigned answered = 0, cut = 0, rounds = 0;
	unsigned long long longest = 0;

	playing = &plays[_i % NPLAYS];
	open_pairs(pairs, &ways[_i / NPLAYS], playing);
	for (unsigned i = 0; i < PAIRS; i++)
		ck_assert_int_eq(pthread_create(&thread[i], NULL, play_pair, &pairs[i]), 0);
	for (unsigned i = 0; i < PAIRS; i++) {
		ck_assert_int_eq(pthread_join(thread[i], NULL), 0);
		answered += pairs[i].answered;
		cut += pairs[i].cut;
		rounds += pairs[i].rounds;
		if (pairs[i].longest_ms > longest)
			longest = pairs[i].longest_ms;
		raw_close(&pairs[i].b);
		if (!playing->opens)
			raw_close(&pairs[i].a);
	}
	printf("# %s, %s: %u rounds, %u commands answered, %u cut, longest answer %llu ms\n",
	       ways[_i / NPLAYS].name, playing->name, rounds, answered, cut, longest);
	ck_assert_uint_gt(cut, 0);
	ck_assert_uint_le(longest, test_number("MEMTGT_FENCE_MS", DAEMON_PATIENCE_MS));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("fencing");
	TCase *t = tcase_create("fencing");

	tcase_set_timeout(t, 1200);
	tcase_add_checked_fixture(t, start, stop);
	tcase_add_loop_test(t, nothing_changes_after_the_answer, 0, NWAYS * NPLAYS);
	suite_add_tcase(s, t);
	return test_main(s);
}
