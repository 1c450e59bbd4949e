// SPDX-License-Identifier: MIT
/*
 * test_luns.c - LUNs that come, go and change under sessions on several reactors.
 *
 * The sessions are of real sockets; the changes are calls of luns.h, which no client can make. Run
 * it under ThreadSanitizer as well.
 */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

#include "lib/daemon.h"
#include "lib/inside.h"
#include "lib/rawinit.h"
#include "lib/test_main.h"
#include "store/store.h"

#define BLOCK	512u
#define MIB	((uint64_t)1 << 20)
#define GIVE_UP 200 /* unit attentions in a row */

#define GOOD	      0u
#define LBA_RANGE     0x052100u
#define NO_LU	      0x052500u
#define POWER_ON      0x062900u
#define MODE_CHANGED  0x062a01u
#define SIZE_CHANGED  0x062a09u
#define LUNS_CHANGED  0x063f0eu
#define WRITE_PROTECT 0x072700u
#define BUSY	      0xffffffu /* no sense: the status */

static struct inside in;
static char why[LUNS_WHY];

/* ---- what a change answers ---- */

static int add(unsigned id, uint64_t bytes, bool force)
{
	struct luns_new n = {.id = id, .bytes = bytes, .force = force};

	return luns_add(&in.luns, DAEMON_TARGET, &n, NULL, why, sizeof(why));
}

static int take(unsigned id)
{
	return luns_remove(&in.luns, DAEMON_TARGET, id, why, sizeof(why));
}

static int resize(unsigned id, uint64_t bytes, bool force)
{
	return luns_resize(&in.luns, DAEMON_TARGET, id, bytes, force, why, sizeof(why));
}

static int read_only(unsigned id, bool on)
{
	return luns_set_read_only(&in.luns, DAEMON_TARGET, id, on, why, sizeof(why));
}

static struct luns_info find(unsigned id)
{
	struct luns_info i;

	ck_assert_int_eq(luns_find(&in.luns, DAEMON_TARGET, id, &i, why, sizeof(why)), 0);
	return i;
}

/* ---- what a command answers ---- */

static uint32_t outcome(const struct raw *r, uint8_t status)
{
	if (status == 0)
		return GOOD;
	return status == 8 ? BUSY : raw_sense(r);
}

static uint32_t tur(struct raw *r, unsigned lun)
{
	uint8_t status = raw_test_unit_ready(r, lun);

	return outcome(r, status);
}

static void clear(struct raw *r, unsigned lun)
{
	for (int i = 0; tur(r, lun) >> 16 == 0x6; i++)
		ck_assert_int_lt(i, GIVE_UP);
}

static uint32_t write_at(struct raw *r, unsigned lun, uint64_t lba, const void *p, uint32_t n)
{
	uint8_t status = raw_write(r, lun, lba, p, n, BLOCK);

	return outcome(r, status);
}

static uint32_t read_at(struct raw *r, unsigned lun, uint64_t lba, void *p, uint32_t n)
{
	uint8_t status = raw_read(r, lun, lba, p, n, BLOCK);

	return outcome(r, status);
}

/* LUN 0 is there before and after, and serves as the place where unit attentions are seen. */
static void start(void)
{
	inside_start(&in, 2, "{ id = 0; size = \"8M\"; provisioning = \"thin\"; }",
		     "limits = { tx_stall = 600; rx_stall = 600; };"
		     "pool = { size = \"128M\"; pages = \"plain\"; };");
}

static void stop(void)
{
	inside_stop(&in);
}

/* ---- one after the other ---- */

START_TEST(unit_attentions_of_two_sessions)
{
	struct raw r[2];

	for (int i = 0; i < 2; i++)
		raw_session(&r[i], in.port, NULL);
	ck_assert_int_eq(add(7, 16 * MIB, false), 0);
	for (int i = 0; i < 2; i++) {
		ck_assert_uint_eq(tur(&r[i], 0), LUNS_CHANGED);
		ck_assert_uint_eq(tur(&r[i], 0), GOOD);
		ck_assert_uint_eq(tur(&r[i], 7), POWER_ON);
		ck_assert_uint_eq(tur(&r[i], 7), GOOD);
	}
	ck_assert_int_eq(read_only(7, true), 0);
	ck_assert_int_eq(resize(7, 32 * MIB, false), 0);
	for (int i = 0; i < 2; i++) {
		ck_assert_uint_eq(tur(&r[i], 7), MODE_CHANGED);
		ck_assert_uint_eq(tur(&r[i], 7), SIZE_CHANGED);
		ck_assert_uint_eq(tur(&r[i], 7), GOOD);
		ck_assert_uint_eq(tur(&r[i], 0), GOOD);
	}
	ck_assert_int_eq(take(7), 0);
	for (int i = 0; i < 2; i++) {
		ck_assert_uint_eq(tur(&r[i], 7), NO_LU);
		ck_assert_uint_eq(tur(&r[i], 0), LUNS_CHANGED);
		raw_close(&r[i]);
	}
}
END_TEST

START_TEST(what_a_list_shows)
{
	struct luns_new full = {
		.id = LUNS_ANY_ID, .bytes = 4 * MIB, .is_full = true, .block_size = 4096};
	struct luns_info *all, made;
	struct raw r;
	size_t n;

	raw_session(&r, in.port, NULL);
	full.serial = "SER-1";
	ck_assert_int_eq(luns_add(&in.luns, DAEMON_TARGET, &full, &made, why, sizeof(why)), 0);
	ck_assert_uint_eq(made.id, 1);
	ck_assert_int_eq(read_only(1, true), 0);
	ck_assert_int_eq(luns_list(&in.luns, &all, &n), 0);
	ck_assert_uint_eq(n, 2);
	ck_assert_str_eq(all[1].target, DAEMON_TARGET);
	ck_assert_uint_eq(all[1].id, 1);
	ck_assert_uint_eq(all[1].bytes, 4 * MIB);
	ck_assert_uint_eq(all[1].block_size, 4096);
	ck_assert(!all[1].is_thin && all[1].is_read_only && !all[1].is_going);
	ck_assert_uint_eq(all[1].used, 4 * MIB);
	ck_assert_uint_eq(all[1].sessions, 1);
	ck_assert_str_eq(all[1].serial, "SER-1");
	ck_assert_uint_eq(strlen(all[1].naa), 16);
	ck_assert_int_eq(all[1].naa[0], '3');
	ck_assert(all[0].is_thin && !all[0].is_read_only);
	ck_assert_uint_eq(all[0].used, 0);
	ck_assert_str_ne(all[0].naa, all[1].naa);
	free(all);
	raw_close(&r);
}
END_TEST

/* Every refusal says what was wrong, and changes nothing. */
START_TEST(what_is_refused)
{
	/* clang-format off */
	const struct { struct luns_new how; int rc; const char *says; } t[] = {
		{ { .id = 0, .bytes = MIB },                        -EEXIST, "another id" },
		{ { .id = 256, .bytes = MIB },                      -EINVAL, "0 to 255" },
		{ { .id = 1, .bytes = 0 },                          -EINVAL, "multiples" },
		{ { .id = 1, .bytes = 512 + 1 },                    -EINVAL, "multiples" },
		{ { .id = 1, .bytes = 512, .block_size = 4096 },    -EINVAL, "multiples" },
		{ { .id = 1, .bytes = MIB, .block_size = 1024 },    -EINVAL, "512 and 4096" },
		{ { .id = 1, .bytes = MIB, .serial = "SER-0" },     -EINVAL, "multipath" },
		{ { .id = 1, .bytes = MIB, .serial = "123456789012345678901" }, -EINVAL, "20" },
		{ { .id = 1, .bytes = STORE_LUN_MAX + 512 },        -EINVAL, "64 TiB" },
		{ { .id = 1, .bytes = 256 * MIB, .is_full = true }, -ENOSPC, "pool.size" },
	};
	/* clang-format on */
	struct luns_new named = {.id = 9, .bytes = MIB, .serial = "SER-0"};
	struct luns_info *all;
	size_t n;

	ck_assert_int_eq(luns_add(&in.luns, DAEMON_TARGET, &named, NULL, why, sizeof(why)), 0);
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		ck_assert_int_eq(
			luns_add(&in.luns, DAEMON_TARGET, &t[i].how, NULL, why, sizeof(why)),
			t[i].rc);
		ck_assert_msg(strstr(why, t[i].says), "\"%s\" does not say \"%s\"", why, t[i].says);
	}
	ck_assert_int_eq(luns_add(&in.luns, "iqn.2026-01.org:none", &named, NULL, why, sizeof(why)),
			 -ENOENT);
	ck_assert_ptr_nonnull(strstr(why, "no target"));
	ck_assert_int_eq(take(3), -ENOENT);
	ck_assert_ptr_nonnull(strstr(why, "no LUN 3"));
	ck_assert_int_eq(take(256), -ENOENT);
	ck_assert_int_eq(resize(3, MIB, false), -ENOENT);
	ck_assert_int_eq(read_only(3, true), -ENOENT);
	ck_assert_int_eq(resize(9, 0, true), -EINVAL);
	ck_assert_int_eq(resize(9, MIB + 1, true), -EINVAL);
	ck_assert_uint_eq(find(9).bytes, MIB);
	ck_assert_int_eq(luns_list(&in.luns, &all, &n), 0);
	ck_assert_uint_eq(n, 2);
	free(all);
}
END_TEST

/* An id that was another LUN for a session is free again when that is gone, or by force. */
START_TEST(an_id_that_was_another_lun)
{
	struct raw r;
	char before[17];

	ck_assert_int_eq(add(1, MIB, false), 0);
	memcpy(before, find(1).naa, sizeof(before));
	raw_session(&r, in.port, NULL);
	ck_assert_int_eq(take(1), 0);
	ck_assert_int_eq(add(1, MIB, false), -EBUSY);
	ck_assert_ptr_nonnull(strstr(why, "1 session that still runs"));
	ck_assert_int_eq(add(LUNS_ANY_ID, MIB, false), 0);
	ck_assert_uint_eq(find(2).bytes, MIB);
	ck_assert_int_eq(add(1, MIB, true), 0);
	ck_assert_str_ne(find(1).naa, before);
	ck_assert_uint_eq(tur(&r, 1), POWER_ON);
	ck_assert_int_eq(take(1), 0);
	raw_close(&r);
	for (int i = 0; find(0).sessions; i++) {
		ck_assert_int_lt(i, DAEMON_PATIENCE_MS);
		test_sleep_ms(1);
	}
	ck_assert_int_eq(add(1, MIB, false), 0);
}
END_TEST

/* Who made a change holds no memory back: what sessions unmap later returns to the host. */
START_TEST(memory_returns_after_a_change)
{
	uint8_t cdb[16] = {[0] = 0x42, [8] = 24}, list[24] = {[1] = 22, [3] = 16};
	uint8_t buf[BLOCK] = {1};
	struct raw r;

	raw_session(&r, in.port, NULL);
	ck_assert_int_eq(resize(0, 4 * MIB, false), 0);
	clear(&r, 0);
	for (int i = 0; i < 3; i++) {
		ck_assert_uint_eq(write_at(&r, 0, 0, buf, sizeof(buf)), GOOD);
		ck_assert_uint_eq(find(0).used, STORE_PAGE_SIZE);
		st32(list + 16, 4 * MIB / BLOCK);
		union raw_bhs h = raw_command(&r, ISCSI_FINAL | ISCSI_CMD_WRITE | ISCSI_ATTR_SIMPLE,
					      cdb, sizeof(list));
		ck_assert(raw_send(&r, &h, list, sizeof(list)));
		raw_expect(&r, ISCSI_OP_SCSI_RSP);
		ck_assert_uint_eq(r.bhs.rsp.status, 0);
		inside_check_pages(&in, 0);
	}
	raw_close(&r);
}
END_TEST

START_TEST(after_the_end)
{
	luns_close(&in.luns);
	ck_assert_int_eq(add(1, MIB, false), -ESHUTDOWN);
	ck_assert_int_eq(take(0), -ESHUTDOWN);
	ck_assert_ptr_nonnull(strstr(why, "end"));
	ck_assert_uint_eq(find(0).bytes, 8 * MIB);
}
END_TEST

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

/* ---- several who change ---- */

static void *administrate(void *arg)
{
	unsigned seed = (unsigned)(uintptr_t)arg;
	char say[LUNS_WHY];

	for (unsigned i = 0; i < 40; i++) {
		struct luns_new how = {.id = LUNS_ANY_ID, .bytes = 4 * MIB, .force = true};
		struct luns_info made, *all;
		size_t n;

		ck_assert_int_eq(luns_add(&in.luns, DAEMON_TARGET, &how, &made, say, sizeof(say)),
				 0);
		ck_assert_int_eq(luns_set_read_only(&in.luns, DAEMON_TARGET, made.id,
						    rand_r(&seed) & 1, say, sizeof(say)),
				 0);
		ck_assert_int_eq(luns_resize(&in.luns, DAEMON_TARGET, made.id, 6 * MIB, false, say,
					     sizeof(say)),
				 0);
		ck_assert_int_eq(luns_list(&in.luns, &all, &n), 0);
		ck_assert(n >= 2 && n <= 4);
		free(all);
		ck_assert_int_eq(luns_remove(&in.luns, DAEMON_TARGET, made.id, say, sizeof(say)),
				 0);
	}
	return NULL;
}

START_TEST(administrators_take_turns)
{
	pthread_t thread[3];

	for (uintptr_t i = 0; i < 3; i++)
		ck_assert_int_eq(pthread_create(&thread[i], NULL, administrate, (void *)(i + 1)),
				 0);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(pthread_join(thread[i], NULL), 0);
	inside_check_pages(&in, 0);
}
END_TEST

/* ---- a reactor that does not answer ---- */

struct stuck {
	struct reactor_msg msg; /* first */
	sem_t here, go;
};

static void wait_sem(sem_t *s)
{
	while (sem_wait(s) && errno == EINTR)
		;
}

static void stay(struct reactor *r, struct reactor_msg *m)
{
	struct stuck *s = container_of(m, struct stuck, msg);
	(void)r;

	sem_post(&s->here);
	wait_sem(&s->go);
}

static void stick(struct stuck *s)
{
	s->msg.run = stay;
	sem_init(&s->here, 0, 0);
	sem_init(&s->go, 0, 0);
	in.luns.limit_ms = 20;
	reactor_post(&in.node.workers[1].reactor, &s->msg);
	wait_sem(&s->here);
}

static void unstick(struct stuck *s)
{
	in.luns.limit_ms = DAEMON_PATIENCE_MS;
	sem_post(&s->go);
}

/* What a time-out leaves can be completed, and nothing is freed before. */
START_TEST(a_reactor_that_does_not_answer)
{
	struct stuck s;

	ck_assert_int_eq(add(1, 4 * MIB, false), 0);
	stick(&s);
	ck_assert_int_eq(resize(1, 2 * MIB, false), -ETIMEDOUT);
	ck_assert_ptr_nonnull(strstr(why, "nothing was changed"));
	ck_assert_uint_eq(find(1).bytes, 4 * MIB);
	ck_assert_int_eq(add(2, MIB, false), -ETIMEDOUT);
	ck_assert_int_eq(read_only(1, true), -ETIMEDOUT);
	ck_assert_ptr_nonnull(strstr(why, "may still land"));
	ck_assert(find(1).is_read_only);
	ck_assert_int_eq(take(1), -ETIMEDOUT);
	ck_assert_ptr_nonnull(strstr(why, "again"));
	ck_assert(find(1).is_going);
	ck_assert_int_eq(add(1, MIB, true), -EEXIST);
	ck_assert_int_eq(resize(1, 8 * MIB, false), -ENOENT);
	ck_assert_int_eq(read_only(1, false), -ENOENT);
	ck_assert_ptr_nonnull(strstr(why, "remove it again"));
	ck_assert_int_eq(take(1), -ETIMEDOUT);
	unstick(&s);
	ck_assert_int_eq(take(1), 0);
	ck_assert_int_eq(take(1), -ENOENT);
	ck_assert_int_eq(add(2, MIB, false), 0);
	sem_destroy(&s.go);
}
END_TEST

static void *add_slowly(void *arg)
{
	char say[LUNS_WHY];
	struct luns_new how = {.id = 1, .bytes = MIB};

	*(int *)arg = luns_add(&in.luns, DAEMON_TARGET, &how, NULL, say, sizeof(say));
	return NULL;
}

/* Who comes during a change waits for it, but not for ever. The list does not wait. */
START_TEST(a_change_that_takes_long)
{
	struct luns_info *all;
	struct stuck s;
	pthread_t thread;
	int rc = 1;
	size_t n;

	stick(&s);
	in.luns.limit_ms = DAEMON_PATIENCE_MS;
	ck_assert_int_eq(pthread_create(&thread, NULL, add_slowly, &rc), 0);
	/* It has told the reactors, and waits with the limit of before. */
	while (!atomic_load(&in.node.workers[1].reactor.mail))
		test_sleep_ms(1);
	in.luns.limit_ms = 20;
	ck_assert_int_eq(take(0), -EBUSY);
	ck_assert_ptr_nonnull(strstr(why, "another change"));
	ck_assert_int_eq(luns_list(&in.luns, &all, &n), 0);
	ck_assert_uint_eq(n, 1);
	free(all);
	unstick(&s);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_int_eq(rc, 0);
	ck_assert_int_eq(take(0), 0);
	sem_destroy(&s.go);
}
END_TEST

static void *unstick_later(void *arg)
{
	test_sleep_ms(50);
	unstick(arg);
	return NULL;
}

/* When luns_close() returns nobody tells the reactors anything any more. */
START_TEST(the_end_waits_for_a_change)
{
	struct stuck s;
	pthread_t thread[2];
	int rc = 1;

	stick(&s);
	in.luns.limit_ms = DAEMON_PATIENCE_MS;
	ck_assert_int_eq(pthread_create(&thread[0], NULL, add_slowly, &rc), 0);
	while (!atomic_load(&in.node.workers[1].reactor.mail))
		test_sleep_ms(1);
	ck_assert_int_eq(pthread_create(&thread[1], NULL, unstick_later, &s), 0);
	luns_close(&in.luns);
	pthread_mutex_lock(&in.luns.lock);
	ck_assert(!in.luns.is_busy);
	pthread_mutex_unlock(&in.luns.lock);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(pthread_join(thread[i], NULL), 0);
	ck_assert_int_eq(rc, 0);
	sem_destroy(&s.go);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("luns");
	TCase *t = tcase_create("luns");

	tcase_set_timeout(t, 240);
	tcase_add_checked_fixture(t, start, stop);
	tcase_add_test(t, unit_attentions_of_two_sessions);
	tcase_add_test(t, what_a_list_shows);
	tcase_add_test(t, what_is_refused);
	tcase_add_test(t, an_id_that_was_another_lun);
	tcase_add_test(t, memory_returns_after_a_change);
	tcase_add_test(t, after_the_end);
	tcase_add_test(t, read_only_under_writers);
	tcase_add_test(t, read_only_does_not_wait_for_a_slow_writer);
	tcase_add_test(t, come_and_go_under_load);
	tcase_add_test(t, removed_with_answers_unsent);
	tcase_add_test(t, resized_under_load);
	tcase_add_test(t, shrunk_amid_commands);
	tcase_add_test(t, refused_shrinks_disturb_nobody);
	tcase_add_test(t, administrators_take_turns);
	tcase_add_test(t, a_reactor_that_does_not_answer);
	tcase_add_test(t, a_change_that_takes_long);
	tcase_add_test(t, the_end_waits_for_a_change);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	return test_main(suite());
}
