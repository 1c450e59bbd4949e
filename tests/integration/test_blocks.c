// SPDX-License-Identifier: MIT
/*
 * test_blocks.c - blocks are atomic, over all reactors.
 *
 * Clients increment counters by COMPARE AND WRITE, while others write over them, by WRITE, WRITE
 * SAME and UNMAP, whose PDUs come in pieces with pauses. A counter fills a block with pairs (base,
 * count): base names the command that covered the block last, and count its increments since. So a
 * block that two commands had a part in has pairs that differ, and an increment that was lost, or
 * is not one, shows when all that were answered with GOOD are put in order: of each base there are
 * 1, 2, 3, ... and what is on the medium at the end is the last.
 *
 * $MEMTGT_INCREMENTS says how many; a million is the real test.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/daemon.h"
#include "lib/rawinit.h"
#include "lib/test_main.h"

#define BLOCK	   4096u
#define PAIRS	   (BLOCK / 16)
#define CLIENTS	   8u
#define COUNTERS   5u
#define INCREMENTS 4000u
#define PAUSE_MS   50
#define MOST	   32u /* blocks of a command that covers */
#define DISK	   1536u

static struct daemon d;
/* In two pages, and on both sides of the border between them. */
static const unsigned counters[COUNTERS] = {3, 40, 511, 512, 700};
static _Atomic uint64_t next_base = 1, good, miscompares, reads;
static uint64_t wanted;
static _Atomic bool over;

struct pair {
	uint64_t base, count;
};

struct increment {
	unsigned counter;
	struct pair to;
};

struct client {
	struct raw r;
	pthread_t thread;
	unsigned index, seed;
	struct increment *log;
	size_t n;
	uint64_t covered; /* commands, of who covers */
	uint8_t *buf;
};

static void fill(uint8_t *block, struct pair p)
{
	for (unsigned i = 0; i < PAIRS; i++)
		memcpy(block + i * sizeof(p), &p, sizeof(p));
}

/* Of one command. */
static struct pair pair_of(const uint8_t *block, uint64_t lba)
{
	struct pair first, p;

	memcpy(&first, block, sizeof(first));
	for (unsigned i = 1; i < PAIRS; i++) {
		memcpy(&p, block + i * sizeof(p), sizeof(p));
		if (p.base != first.base || p.count != first.count)
			ck_abort_msg("block %llu is mixed: at byte 0 it is %llu/%llu, at byte %u "
				     "%llu/%llu",
				     (unsigned long long)lba, (unsigned long long)first.base,
				     (unsigned long long)first.count, i * (unsigned)sizeof(p),
				     (unsigned long long)p.base, (unsigned long long)p.count);
	}
	return first;
}

/* A command with immediate data, in pieces or not. Its status. */
static uint8_t out(struct client *c, const uint8_t cdb[static 16], const uint8_t *data, uint32_t n,
		   unsigned cuts)
{
	union raw_bhs h =
		raw_command(&c->r, ISCSI_FINAL | ISCSI_CMD_WRITE | ISCSI_ATTR_SIMPLE, cdb, n);
	uint8_t *pdu = malloc(ISCSI_BHS_LEN + n + 16);
	const size_t len = raw_make(&c->r, &h, data, n, pdu);

	for (size_t at = 0, part; at < len; at += part) {
		part = len - at;
		if (cuts && cuts--)
			part = 1 + (size_t)rand_r(&c->seed) % part;
		ck_assert(raw_bytes(&c->r, pdu + at, part, 0));
		if (at + part < len)
			test_sleep_ms((unsigned)rand_r(&c->seed) % (PAUSE_MS + 1));
	}
	free(pdu);
	raw_expect(&c->r, ISCSI_OP_SCSI_RSP);
	return c->r.bhs.rsp.status;
}

static struct pair read_counter(struct client *c, unsigned counter)
{
	/* Sometimes with its neighbours, across two stripes. */
	const unsigned more = rand_r(&c->seed) % 16 ? 0 : 3;
	const uint64_t lba = counters[counter] - more;
	const uint32_t blocks = 1 + 2 * more;
	struct pair p = {0, 0};

	ck_assert_uint_eq(raw_read(&c->r, 0, lba, c->buf, blocks * BLOCK, BLOCK), 0);
	atomic_fetch_add(&reads, 1);
	for (uint32_t i = 0; i < blocks; i++) {
		const struct pair q = pair_of(c->buf + (size_t)i * BLOCK, lba + i);
		if (i == more)
			p = q;
	}
	return p;
}

/* From what it read to the next. */
static void increment(struct client *c, unsigned counter)
{
	const struct pair had = read_counter(c, counter);
	struct pair to = {had.base, had.count + 1};
	uint8_t cdb[16] = {0x89, [13] = 1};

	if (!had.base)
		to.base = atomic_fetch_add(&next_base, 1);
	st64(cdb + 2, counters[counter]);
	fill(c->buf, had);
	fill(c->buf + BLOCK, to);
	if (out(c, cdb, c->buf, 2 * BLOCK, 0) == 0) {
		c->log[c->n++] = (struct increment){counter, to};
		atomic_fetch_add(&good, 1);
		return;
	}
	ck_assert_uint_eq(raw_sense(&c->r), 0x0e1d00);
	atomic_fetch_add(&miscompares, 1);
}

static void *count(void *arg)
{
	struct client *c = arg;

	while (atomic_load(&good) < wanted)
		increment(c, (unsigned)rand_r(&c->seed) % COUNTERS);
	return NULL;
}

/* Blocks with a counter among them. */
static uint64_t choose(struct client *c, uint32_t *blocks)
{
	const unsigned counter = counters[(unsigned)rand_r(&c->seed) % COUNTERS];
	const unsigned before = (unsigned)rand_r(&c->seed) % (MOST / 2);
	const unsigned from = counter > before ? counter - before : 0;

	*blocks = counter - from + 1 + (unsigned)rand_r(&c->seed) % (MOST / 2);
	return from;
}

static uint8_t cover_write(struct client *c, unsigned cuts)
{
	uint32_t blocks;
	uint8_t cdb[16];

	raw_cdb_rw16(cdb, 0x8a, choose(c, &blocks), 0);
	st32(cdb + 10, blocks);
	const struct pair p = {atomic_fetch_add(&next_base, 1), 0};
	for (uint32_t i = 0; i < blocks; i++)
		fill(c->buf + (size_t)i * BLOCK, p);
	return out(c, cdb, c->buf, blocks * BLOCK, cuts);
}

static uint8_t cover_same(struct client *c, unsigned cuts)
{
	uint32_t blocks;
	uint8_t cdb[16];

	raw_cdb_rw16(cdb, 0x93, choose(c, &blocks), 0);
	st32(cdb + 10, blocks);
	fill(c->buf, (struct pair){atomic_fetch_add(&next_base, 1), 0});
	return out(c, cdb, c->buf, BLOCK, cuts);
}

/* Now and then all, so that pages leave and come. */
static uint8_t cover_unmap(struct client *c, unsigned cuts)
{
	uint8_t cdb[16] = {0x42, [8] = 24}, list[24] = {[1] = 22, [3] = 16};
	uint32_t blocks = DISK;
	const bool all = rand_r(&c->seed) % 8 == 0;

	st64(list + 8, all ? 0 : choose(c, &blocks));
	st32(list + 16, blocks);
	return out(c, cdb, list, sizeof(list), cuts);
}

static void *cover(void *arg)
{
	static uint8_t (*const how[])(struct client *, unsigned) = {cover_write, cover_same,
								    cover_unmap};
	struct client *c = arg;

	while (!atomic_load(&over)) {
		ck_assert_uint_eq(how[c->index % 3](c, (unsigned)rand_r(&c->seed) % 4), 0);
		c->covered++;
	}
	return NULL;
}

static void begin(struct client *c, unsigned index, void *(*run)(void *))
{
	memset(c, 0, sizeof(*c));
	c->index = index;
	c->seed = 7000 + index;
	c->buf = malloc((size_t)(MOST + 2) * BLOCK);
	c->log = run == count ? malloc((wanted + CLIENTS) * sizeof(*c->log)) : NULL;
	ck_assert_ptr_nonnull(c->buf);
	raw_session(&c->r, d.port,
		    index % 3 == 1 ? "FirstBurstLength=262144\nDataDigest=CRC32C\n"
				   : "FirstBurstLength=262144\n");
	ck_assert_uint_ge(c->r.first_burst, MOST * BLOCK);
	ck_assert_uint_ge(c->r.max_send, MOST * BLOCK);
	ck_assert_int_eq(pthread_create(&c->thread, NULL, run, c), 0);
}

static void end(struct client *c)
{
	raw_close(&c->r);
	free(c->buf);
	free(c->log);
}

static int by_order(const void *a, const void *b)
{
	const struct increment *x = a, *y = b;

	if (x->counter != y->counter)
		return x->counter < y->counter ? -1 : 1;
	if (x->to.base != y->to.base)
		return x->to.base < y->to.base ? -1 : 1;
	return x->to.count < y->to.count ? -1 : x->to.count > y->to.count;
}

/* Each count of a base was reached once, and none is missing. */
static void check_order(const struct increment *all, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const bool first = !i || all[i - 1].counter != all[i].counter ||
				   all[i - 1].to.base != all[i].to.base;
		const uint64_t next = first ? 1 : all[i - 1].to.count + 1;

		if (all[i].to.count != next)
			ck_abort_msg("counter %u, base %llu: GOOD for %llu where %llu comes next",
				     all[i].counter, (unsigned long long)all[i].to.base,
				     (unsigned long long)all[i].to.count, (unsigned long long)next);
	}
}

/* What is there is what was answered. */
static void check_end(struct client *c, const struct increment *all, size_t n)
{
	for (unsigned k = 0; k < COUNTERS; k++) {
		const struct pair p = read_counter(c, k);
		uint64_t last = 0;

		for (size_t i = 0; i < n; i++)
			if (all[i].counter == k && all[i].to.base == p.base)
				last = all[i].to.count;
		ck_assert_uint_eq(p.count, last);
	}
}

START_TEST(counters_count)
{
	static struct client client[CLIENTS], covers[3], last;
	const char *text = getenv("MEMTGT_INCREMENTS");
	uint64_t covered = 0;
	size_t n = 0;

	wanted = text ? strtoull(text, NULL, 10) : INCREMENTS;
	daemon_start(&d, "{ id = 0; size = \"8M\"; provisioning = \"thin\"; block_size = 4096; }",
		     "reactor = { count = 2; };");
	for (unsigned i = 0; i < 3; i++)
		begin(&covers[i], i, cover);
	for (unsigned i = 0; i < CLIENTS; i++)
		begin(&client[i], i, count);
	for (unsigned i = 0; i < CLIENTS; i++) {
		ck_assert_int_eq(pthread_join(client[i].thread, NULL), 0);
		n += client[i].n;
	}
	over = true;
	for (unsigned i = 0; i < 3; i++) {
		ck_assert_int_eq(pthread_join(covers[i].thread, NULL), 0);
		ck_assert_uint_gt(covers[i].covered, 0);
		covered += covers[i].covered;
	}
	struct increment *all = malloc(n * sizeof(*all));
	n = 0;
	for (unsigned i = 0; i < CLIENTS; i++) {
		memcpy(all + n, client[i].log, client[i].n * sizeof(*all));
		n += client[i].n;
	}
	qsort(all, n, sizeof(*all), by_order);
	check_order(all, n);
	last.buf = malloc((size_t)(MOST + 2) * BLOCK);
	raw_session(&last.r, d.port, NULL);
	check_end(&last, all, n);
	end(&last);
	free(all);
	for (unsigned i = 0; i < CLIENTS; i++)
		end(&client[i]);
	for (unsigned i = 0; i < 3; i++)
		end(&covers[i]);
	printf("# %zu increments by %u clients, %llu that differed, %llu reads, %llu commands that "
	       "covered counters\n",
	       n, CLIENTS, (unsigned long long)miscompares, (unsigned long long)reads,
	       (unsigned long long)covered);
	ck_assert_uint_ge(n, wanted);
	daemon_check_alive(&d);
	daemon_stop(&d);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("blocks");
	TCase *tc = tcase_create("blocks");

	tcase_set_timeout(tc, 0); /* tests/run has a limit */
	tcase_add_test(tc, counters_count);
	suite_add_tcase(s, tc);
	return test_main(s);
}
