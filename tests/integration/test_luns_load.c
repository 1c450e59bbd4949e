// SPDX-License-Identifier: MIT
/*
 * test_luns_load.c - LUNs that come, go and change under sessions on several reactors.
 *
 * The sessions are of real sockets; the changes are calls of luns/luns.h, which no client can make.
 * Run it under ThreadSanitizer as well.
 */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "integration/luns_fixture.h"
#include "lib/test_main.h"
#include "store/store.h"

/* ---- read-only ---- */

#define WRITERS 3u
#define ROUNDS	15

struct writer {
	struct raw r;
	unsigned index;
	_Atomic uint64_t acked; /* the last stamp that was answered with GOOD */
	_Atomic bool *is_over;
	_Atomic unsigned refused;
};

#define STAMP_BYTES (64u << 10)

/* All blocks of a writer's range get one stamp after the other, in PDUs of a few blocks. */
static void *stamp(void *arg)
{
	struct writer *w = arg;
	uint8_t *buf = malloc(STAMP_BYTES);

	for (uint64_t n = 1; !*w->is_over; n++) {
		uint32_t o;
		for (uint32_t i = 0; i < STAMP_BYTES; i += 8)
			st64(buf + i, n << 8 | w->index);
		do
			o = write_at(&w->r, 0, w->index * STAMP_BYTES / BLOCK, buf, STAMP_BYTES);
		while (o == MODE_CHANGED);
		ck_assert(o == GOOD || o == WRITE_PROTECT);
		if (o == GOOD)
			w->acked = n;
		else
			w->refused++;
	}
	free(buf);
	return NULL;
}

static void snapshot(struct raw *r, uint8_t *all)
{
	uint32_t o;

	do
		o = read_at(r, 0, 0, all, WRITERS * STAMP_BYTES);
	while (o == MODE_CHANGED);
	ck_assert_uint_eq(o, GOOD);
}

/* What was acknowledged is there, whole; a WRITE that failed may have come in part. */
static void check_stamps(const struct writer *w, const uint8_t *all)
{
	uint64_t acked = w->acked;

	for (uint32_t i = 0; i < STAMP_BYTES; i += 8) {
		uint64_t v = ld64(all + (size_t)w->index * STAMP_BYTES + i);
		ck_assert(v == 0 || (v & 0xff) == w->index);
		ck_assert_uint_ge(v >> 8, acked);
	}
}

/* The promise of read-only: no write lands after the answer. */
START_TEST(read_only_under_writers)
{
	static uint8_t first[WRITERS * STAMP_BYTES], then[WRITERS * STAMP_BYTES];
	_Atomic bool over = false;
	struct writer w[WRITERS];
	pthread_t thread[WRITERS];
	struct raw r;

	raw_session(&r, in.port, NULL);
	for (unsigned i = 0; i < WRITERS; i++) {
		memset(&w[i], 0, sizeof(w[i]));
		w[i].index = i;
		w[i].is_over = &over;
		raw_session(&w[i].r, in.port,
			    i == 1 ? "InitialR2T=Yes\nImmediateData=No\nMaxBurstLength=4096\n"
				     "FirstBurstLength=4096\n"
				   : "MaxBurstLength=16384\nFirstBurstLength=512\n");
		ck_assert_int_eq(pthread_create(&thread[i], NULL, stamp, &w[i]), 0);
	}
	for (int round = 0; round < ROUNDS; round++) {
		test_sleep_ms(10);
		ck_assert_int_eq(read_only(0, true), 0);
		snapshot(&r, first);
		for (unsigned i = 0, n = w[0].refused; i < 20 && w[0].refused < n + 3; i++)
			test_sleep_ms(5);
		snapshot(&r, then);
		ck_assert(!memcmp(first, then, sizeof(first)));
		for (unsigned i = 0; i < WRITERS; i++)
			check_stamps(&w[i], then);
		ck_assert_int_eq(read_only(0, false), 0);
	}
	over = true;
	for (unsigned i = 0; i < WRITERS; i++) {
		ck_assert_int_eq(pthread_join(thread[i], NULL), 0);
		ck_assert_uint_gt(w[i].refused, 0);
		ck_assert_uint_gt(w[i].acked, 0);
		raw_close(&w[i].r);
	}
	raw_close(&r);
}
END_TEST

/* A WRITE of 8 blocks whose data is there by half. */
struct half {
	struct raw r;
	uint8_t data[8 * BLOCK];
	union raw_bhs rest; /* the Data-Out that would complete it */
};

static void send_half(struct half *h, unsigned lun, uint64_t lba, struct raw *other)
{
	union raw_bhs d = {.out = {.opcode = ISCSI_OP_DATA_OUT}};
	uint8_t cdb[16], back[BLOCK] = {0};

	memset(h->data, 0x5a, sizeof(h->data));
	raw_session(&h->r, in.port, "InitialR2T=Yes\nImmediateData=No\n");
	clear(&h->r, lun);
	raw_cdb_rw16(cdb, 0x8a, lba, 8);
	union raw_bhs c = raw_command(&h->r, ISCSI_FINAL | ISCSI_CMD_WRITE | ISCSI_ATTR_SIMPLE, cdb,
				      sizeof(h->data));
	raw_set_lun(&c, lun);
	ck_assert(raw_send(&h->r, &c, NULL, 0));
	raw_expect(&h->r, ISCSI_OP_R2T);
	d.out.itt = c.cmd.itt;
	d.out.ttt = h->r.bhs.r2t.ttt;
	ck_assert(raw_send(&h->r, &d, h->data, sizeof(h->data) / 2));
	clear(other, lun);
	for (int i = 0; back[0] != 0x5a; i++) { /* it has landed */
		ck_assert_int_lt(i, DAEMON_PATIENCE_MS);
		ck_assert_uint_eq(read_at(other, lun, lba, back, sizeof(back)), GOOD);
	}
	d.out.flags = ISCSI_FINAL;
	put32(&d.out.datasn, 1);
	put32(&d.out.offset, sizeof(h->data) / 2);
	h->rest = d;
}

static uint32_t send_rest(struct half *h)
{
	ck_assert(raw_send(&h->r, &h->rest, h->data + sizeof(h->data) / 2, sizeof(h->data) / 2));
	raw_expect(&h->r, ISCSI_OP_SCSI_RSP);
	return outcome(&h->r, h->r.bhs.rsp.status);
}

/* The change answers at once, and the other half of the WRITE does not land. */
START_TEST(read_only_does_not_wait_for_a_slow_writer)
{
	uint8_t back[8 * BLOCK];
	struct half h;
	struct raw r;

	raw_session(&r, in.port, NULL);
	send_half(&h, 0, 0, &r);
	unsigned long long began = test_now_ms();
	ck_assert_int_eq(read_only(0, true), 0);
	ck_assert_uint_lt(test_now_ms() - began, LUNS_LIMIT_MS);
	ck_assert_uint_eq(send_rest(&h), WRITE_PROTECT);
	clear(&r, 0);
	ck_assert_uint_eq(read_at(&r, 0, 0, back, sizeof(back)), GOOD);
	ck_assert_mem_eq(back, h.data, sizeof(back) / 2);
	for (size_t i = sizeof(back) / 2; i < sizeof(back); i++)
		ck_assert_uint_eq(back[i], 0);
	raw_close(&h.r);
	raw_close(&r);
}
END_TEST

/* ---- add and remove ---- */

#define COMING	  4u /* LUNs 1 to 4 come and go */
#define LUN_BYTES (8 * MIB)
#define CHANGES	  120u

struct tenant {
	struct raw r;
	unsigned index, seed;
	_Atomic bool *is_over;
	_Atomic uint64_t served, refused;
};

/* Every block says which LUN and which session it is of. */
static void fill(uint8_t *p, uint32_t n, unsigned lun, unsigned index)
{
	memset(p, (int)(lun << 4 | (index + 1)), n);
}

static void check_block(const uint8_t *p, uint32_t n, unsigned lun, unsigned index)
{
	uint8_t mine = (uint8_t)(lun << 4 | (index + 1));

	for (uint32_t i = 0; i < n; i++)
		if (p[i] && p[i] != mine)
			ck_abort_msg("LUN %u, session %u: 0x%02x", lun, index, p[i]);
}

static void *live_there(void *arg)
{
	struct tenant *t = arg;
	const uint32_t most = 256u << 10;
	uint8_t *buf = malloc(most);

	while (!*t->is_over) {
		unsigned lun = (unsigned)rand_r(&t->seed) % (COMING + 1);
		uint32_t n = (1 + (uint32_t)rand_r(&t->seed) % (most / BLOCK)) * BLOCK;
		uint64_t lba = t->index * (LUN_BYTES / 4 / BLOCK) +
			       (uint32_t)rand_r(&t->seed) % ((LUN_BYTES / 4 - most) / BLOCK);
		bool write = rand_r(&t->seed) & 1;
		fill(buf, n, lun, t->index);
		uint32_t o = write ? write_at(&t->r, lun, lba, buf, n)
				   : read_at(&t->r, lun, lba, buf, n);
		if (o == GOOD && !write)
			check_block(buf, n, lun, t->index);
		t->served += o == GOOD;
		t->refused += o == NO_LU;
		ck_assert_msg(o == GOOD || o == NO_LU || o == LUNS_CHANGED || o == POWER_ON,
			      "LUN %u: sense %06x", lun, o);
		ck_assert(lun || o == GOOD || o == LUNS_CHANGED);
	}
	free(buf);
	return NULL;
}

START_TEST(come_and_go_under_load)
{
	_Atomic bool over = false;
	struct tenant t[4];
	pthread_t thread[4];
	unsigned seed = 3, there = 0;
	uint64_t refused = 0;

	for (unsigned i = 0; i < 4; i++) {
		t[i] = (struct tenant){.index = i, .seed = i + 10, .is_over = &over};
		raw_session(&t[i].r, in.port, i & 1 ? "DataDigest=CRC32C\n" : NULL);
		ck_assert_int_eq(pthread_create(&thread[i], NULL, live_there, &t[i]), 0);
	}
	for (unsigned i = 0; i < CHANGES; i++) {
		unsigned id = 1 + (unsigned)rand_r(&seed) % COMING;
		int rc = there >> id & 1 ? take(id) : add(id, LUN_BYTES, true);
		ck_assert_msg(!rc, "LUN %u: %s", id, why);
		there ^= 1u << id;
		test_sleep_ms((unsigned)rand_r(&seed) % 8);
	}
	over = true;
	for (unsigned i = 0; i < 4; i++) {
		ck_assert_int_eq(pthread_join(thread[i], NULL), 0);
		ck_assert_uint_gt(t[i].served, 0);
		refused += t[i].refused;
		raw_close(&t[i].r);
	}
	ck_assert_uint_gt(refused, 0);
	for (unsigned id = 1; id <= COMING; id++)
		if (there >> id & 1)
			ck_assert_int_eq(take(id), 0);
	inside_check_pages(&in, find(0).used / STORE_PAGE_SIZE);
}
END_TEST

#define READS	  96u /* more than sockets hold */
#define READ_SIZE (256u << 10)

static uint64_t bytes_read(void)
{
	uint64_t sum[COUNTERS];

	iscsi_node_counters(&in.node, sum);
	return sum[COUNT_BYTES_READ];
}

/* READs whose answers it does not take; the target has laid out what the socket lets it. */
static void send_reads(struct raw *r, unsigned lun)
{
	uint8_t cdb[16];

	for (unsigned i = 0; i < READS; i++) {
		raw_cdb_rw16(cdb, 0x88, i % (LUN_BYTES / READ_SIZE) * (READ_SIZE / BLOCK),
			     READ_SIZE / BLOCK);
		union raw_bhs h = raw_command(r, ISCSI_FINAL | ISCSI_CMD_READ | ISCSI_ATTR_SIMPLE,
					      cdb, READ_SIZE);
		raw_set_lun(&h, lun);
		ck_assert(raw_send(r, &h, NULL, 0));
	}
	for (uint64_t was = 0, now; (now = bytes_read()) != was || !now; was = now)
		test_sleep_ms(50);
	ck_assert_uint_lt(bytes_read(), (uint64_t)READS * READ_SIZE);
}

/* Takes all answers: data is of `v` only. Returns how many READs ended with `sense`. */
static unsigned take_reads(struct raw *r, uint8_t v, uint32_t sense)
{
	unsigned cut = 0;

	for (unsigned ended = 0; ended < READS;) {
		ck_assert(raw_recv(r));
		if (r->bhs.any.opcode == ISCSI_OP_SCSI_RSP) {
			ck_assert_uint_eq(outcome(r, r->bhs.rsp.status), sense);
			ended++;
			cut++;
			continue;
		}
		ck_assert_uint_eq(r->bhs.any.opcode, ISCSI_OP_DATA_IN);
		for (size_t i = 0; i < r->len; i++)
			if (r->data[i] != v)
				ck_abort_msg("0x%02x, not 0x%02x", r->data[i], v);
		ended += (r->bhs.in.flags & ISCSI_DATA_STATUS) != 0;
	}
	return cut;
}

static void fill_lun(struct raw *r, unsigned lun, uint8_t v)
{
	static uint8_t buf[MIB];

	clear(r, lun);
	memset(buf, v, sizeof(buf));
	for (uint64_t i = 0; i < LUN_BYTES / MIB; i++)
		ck_assert_uint_eq(write_at(r, lun, i * MIB / BLOCK, buf, sizeof(buf)), GOOD);
}

/* Answers that a session does not take yet keep the pages they point into, though the LUN is gone
 * and its memory is wanted by the next. What is not laid out ends with 25/00. */
START_TEST(removed_with_answers_unsent)
{
	struct raw slow, r;

	ck_assert_int_eq(add(1, LUN_BYTES, false), 0);
	raw_session(&r, in.port, NULL);
	raw_session(&slow, in.port, NULL);
	fill_lun(&r, 1, 0x11);
	clear(&slow, 1);
	send_reads(&slow, 1);
	ck_assert_int_eq(take(1), 0);
	ck_assert_int_eq(add(2, LUN_BYTES, false), 0);
	fill_lun(&r, 2, 0x22);
	ck_assert_uint_gt(take_reads(&slow, 0x11, NO_LU), 0);
	raw_close(&slow);
	raw_close(&r);
	inside_check_pages(&in, find(2).used / STORE_PAGE_SIZE);
}
END_TEST

/* ---- resize ---- */

#define SMALL (2 * MIB)
#define LARGE (16 * MIB)

/* Blocks of a LUN whose end moves: below the smallest size all is as ever, beyond it a block is
 * there, held, gone, or new and empty. */
static void *use_the_end(void *arg)
{
	struct tenant *t = arg;
	uint8_t buf[16 * BLOCK];

	while (!*t->is_over) {
		uint64_t span = rand_r(&t->seed) & 1 ? SMALL : LARGE;
		uint64_t lba = (uint32_t)rand_r(&t->seed) % (span / sizeof(buf) / 4) * 4 + t->index;
		bool write = rand_r(&t->seed) & 1;
		lba *= sizeof(buf) / BLOCK;
		fill(buf, sizeof(buf), 1, t->index);
		uint32_t o = write ? write_at(&t->r, 1, lba, buf, sizeof(buf))
				   : read_at(&t->r, 1, lba, buf, sizeof(buf));
		if (o == GOOD && !write)
			check_block(buf, sizeof(buf), 1, t->index);
		t->served += o == GOOD;
		t->refused += o == LBA_RANGE;
		ck_assert_msg(o == GOOD || o == BUSY || o == LBA_RANGE || o == SIZE_CHANGED,
			      "sense %06x", o);
		ck_assert(lba * BLOCK >= SMALL || o == GOOD || o == SIZE_CHANGED);
	}
	return NULL;
}

START_TEST(resized_under_load)
{
	_Atomic bool over = false;
	struct tenant t[4];
	pthread_t thread[4];
	unsigned seed = 9;
	uint64_t refused = 0;

	ck_assert_int_eq(add(1, LARGE, false), 0);
	for (unsigned i = 0; i < 4; i++) {
		t[i] = (struct tenant){.index = i, .seed = i + 20, .is_over = &over};
		raw_session(&t[i].r, in.port, NULL);
		clear(&t[i].r, 1);
		ck_assert_int_eq(pthread_create(&thread[i], NULL, use_the_end, &t[i]), 0);
	}
	for (unsigned i = 0; i < 80; i++) {
		uint64_t bytes =
			SMALL + (uint64_t)rand_r(&seed) % ((LARGE - SMALL) / BLOCK) * BLOCK;
		ck_assert_msg(!resize(1, i & 1 ? LARGE : bytes, true), "%s", why);
		test_sleep_ms((unsigned)rand_r(&seed) % 5);
	}
	over = true;
	for (unsigned i = 0; i < 4; i++) {
		ck_assert_int_eq(pthread_join(thread[i], NULL), 0);
		ck_assert_uint_gt(t[i].served, 0);
		refused += t[i].refused;
		raw_close(&t[i].r);
	}
	ck_assert_uint_gt(refused, 0);
	inside_check_pages(&in, find(1).used / STORE_PAGE_SIZE);
}
END_TEST

static void *use_the_last_block(void *arg)
{
	struct tenant *t = arg;
	uint8_t buf[BLOCK];

	while (!*t->is_over) {
		fill(buf, BLOCK, 1, t->index);
		uint32_t o = write_at(&t->r, 1, LARGE / BLOCK - 1, buf, BLOCK);
		ck_assert(o == GOOD || o == BUSY);
		t->served += o == GOOD;
	}
	return NULL;
}

/* A WRITE across the new end whose data is still to come, and answers from beyond it. */
START_TEST(shrunk_amid_commands)
{
	struct raw slow, r;
	struct half h;

	ck_assert_int_eq(add(1, LUN_BYTES, false), 0);
	raw_session(&r, in.port, NULL);
	raw_session(&slow, in.port, NULL);
	fill_lun(&r, 1, 0x5a);
	clear(&slow, 1);
	send_reads(&slow, 1);
	send_half(&h, 1, LUN_BYTES / 2 / BLOCK - 4, &r);
	ck_assert_int_eq(resize(1, LUN_BYTES / 2, true), 0);
	ck_assert_uint_eq(send_rest(&h), BUSY);
	ck_assert_uint_eq(tur(&h.r, 1), SIZE_CHANGED);
	ck_assert_uint_gt(take_reads(&slow, 0x5a, BUSY), 0);
	raw_close(&slow);
	raw_close(&h.r);
	raw_close(&r);
	inside_check_pages(&in, LUN_BYTES / 2 / STORE_PAGE_SIZE);
}
END_TEST

/* A shrink that would lose data is refused, and nobody has an error for it. */
START_TEST(refused_shrinks_disturb_nobody)
{
	_Atomic bool over = false;
	struct tenant t = {.is_over = &over};
	uint8_t buf[BLOCK] = {1};
	pthread_t thread;

	ck_assert_int_eq(add(1, LARGE, false), 0);
	raw_session(&t.r, in.port, NULL);
	clear(&t.r, 1);
	ck_assert_uint_eq(write_at(&t.r, 1, LARGE / BLOCK - 1, buf, BLOCK), GOOD);
	ck_assert_int_eq(pthread_create(&thread, NULL, use_the_last_block, &t), 0);
	unsigned long long limit = test_now_ms() + DAEMON_PATIENCE_MS;
	for (unsigned i = 0; i < 100 || (t.served < 100 && test_now_ms() < limit); i++) {
		ck_assert_int_eq(resize(1, SMALL, false), -EBUSY);
		ck_assert_ptr_nonnull(strstr(why, "force"));
	}
	over = true;
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_uint_ge(t.served, 100);
	ck_assert_uint_eq(tur(&t.r, 1), GOOD);
	raw_close(&t.r);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("luns_load");
	TCase *t = tcase_create("luns_load");

	tcase_set_timeout(t, 240);
	tcase_add_checked_fixture(t, start, stop);
	tcase_add_test(t, read_only_under_writers);
	tcase_add_test(t, read_only_does_not_wait_for_a_slow_writer);
	tcase_add_test(t, come_and_go_under_load);
	tcase_add_test(t, removed_with_answers_unsent);
	tcase_add_test(t, resized_under_load);
	tcase_add_test(t, shrunk_amid_commands);
	tcase_add_test(t, refused_shrinks_disturb_nobody);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	return test_main(suite());
}
