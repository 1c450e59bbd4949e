// SPDX-License-Identifier: MIT
/* scsi_fixture.c - see scsi_fixture.h. */
#include "unit/scsi_fixture.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/store.h"

struct fixture fx;
const uint8_t fx_lun0[8], fx_lun_none[8] = {0, 7};

/* The medium. */

static bool fails(void)
{
	if (!fx.error || fx.error_after) {
		fx.error_after -= fx.error_after ? 1 : 0;
		return false;
	}
	if (!fx.error_times)
		return false;
	fx.error_times--;
	return true;
}

static uint64_t page_rest(uint64_t off, uint64_t len)
{
	const uint64_t rest = STORE_PAGE_SIZE - off % STORE_PAGE_SIZE;
	return len < rest ? len : rest;
}

const uint8_t *store_at(const struct store_lun *l, uint64_t off, size_t want, size_t *have)
{
	ck_assert_ptr_nonnull(l);
	ck_assert_uint_le(off + want, fx.medium_len);
	*have = (size_t)page_rest(off, want);
	return fx.medium + off;
}

int64_t store_write(struct store_reader *r, struct store_lun *l, uint64_t off, const void *p,
		    size_t n)
{
	(void)r;
	ck_assert_ptr_nonnull(l);
	ck_assert_uint_le(off + n, fx.medium_len);
	ck_assert_uint_gt(n, 0);
	fx.writes++;
	if (fails())
		return fx.error;
	n = (size_t)page_rest(off, n);
	memcpy(fx.medium + off, p, n);
	fx.state[off / STORE_PAGE_SIZE] = STORE_MAPPED;
	return (int64_t)n;
}

/* In one go, as a write of which all is there. */
int64_t store_write_whole(struct store_reader *r, struct store_lun *l, uint64_t off, const void *p,
			  size_t n)
{
	int64_t got = 0;
	size_t done = 0;

	for (; done < n && got >= 0; done += got > 0 ? (size_t)got : 0)
		got = store_write(r, l, off + done, (const uint8_t *)p + done, n - done);
	return done ? (int64_t)done : got;
}

int store_prepare(struct store_lun *l, uint64_t off, const void *p, size_t n)
{
	ck_assert_ptr_nonnull(l);
	ck_assert_ptr_nonnull(p);
	ck_assert_uint_le(off + n, fx.medium_len);
	fx.prepares++;
	return fails() ? (int)fx.error : 0;
}

uint64_t store_read(const struct store_lun *l, uint64_t off, void *to, size_t n)
{
	memcpy(to, fx.medium + off, n);
	return store_readable(l, off, n);
}

uint64_t store_point_set(struct store_reader *r)
{
	(void)r;
	return ++fx.points;
}

bool store_point_passed(const struct store_reader *r, uint64_t point)
{
	(void)r;
	return fx.passed >= point;
}

void store_wake(const struct store_reader *r)
{
	(void)r;
	fx.wakes++;
}

int64_t store_unmap(struct store_reader *r, struct store_lun *l, uint64_t off, uint64_t len)
{
	(void)r;
	ck_assert_ptr_nonnull(l);
	ck_assert_uint_gt(len, 0);
	ck_assert_uint_le(off + len, fx.medium_len);
	fx.unmaps++;
	len = page_rest(off, len < fx.slice ? len : fx.slice);
	memset(fx.medium + off, 0, len);
	if (len == STORE_PAGE_SIZE)
		fx.state[off / STORE_PAGE_SIZE] = STORE_DEALLOCATED;
	return (int64_t)len;
}

int64_t store_fill(struct store_reader *r, struct store_lun *l, uint64_t off, uint64_t len,
		   const uint8_t *block, size_t block_size)
{
	(void)r;
	ck_assert_ptr_nonnull(l);
	ck_assert_uint_gt(len, 0);
	ck_assert_uint_le(off + len, fx.medium_len);
	fx.fills++;
	if (fails())
		return fx.error;
	len = page_rest(off, len < fx.slice ? len : fx.slice);
	for (uint64_t i = 0; i < len; i += block_size)
		memcpy(fx.medium + off + i, block, block_size);
	return (int64_t)len;
}

int64_t store_anchor(struct store_reader *r, struct store_lun *l, uint64_t off, uint64_t len)
{
	(void)r;
	ck_assert_ptr_nonnull(l);
	ck_assert_uint_gt(len, 0);
	ck_assert_uint_le(off + len, fx.medium_len);
	fx.anchors++;
	if (fails())
		return fx.error;
	len = page_rest(off, len < fx.slice ? len : fx.slice);
	memset(fx.medium + off, 0, len);
	if (len == STORE_PAGE_SIZE)
		fx.state[off / STORE_PAGE_SIZE] = STORE_ANCHORED;
	return (int64_t)len;
}

/* In bytes, as if each of them took a page. */
void store_check_begin(struct store_lun *l, struct store_check *c)
{
	ck_assert_ptr_nonnull(l);
	fx.checks++;
	c->available = fx.anchors_max;
	c->looks = fx.looks;
}

int64_t store_anchor_check(const struct store_lun *l, uint64_t off, uint64_t len,
			   struct store_check *c)
{
	static unsigned calls;

	ck_assert_ptr_nonnull(l);
	ck_assert_uint_le(off + len, fx.medium_len);
	if (fx.check_waits && ++calls % 2 == 0) {
		fx.check_waits--;
		return -EAGAIN;
	}
	if (len > (uint64_t)c->looks * FX_BLOCK)
		len = (uint64_t)c->looks * FX_BLOCK;
	c->looks -= (unsigned)(len / FX_BLOCK);
	c->pages += len;
	return c->pages > c->available ? -ENOSPC : (int64_t)len;
}

enum store_state store_state(const struct store_lun *l, uint64_t off, uint64_t max, uint64_t *run)
{
	ck_assert_ptr_nonnull(l);
	*run = page_rest(off, max);
	return fx.state[off / STORE_PAGE_SIZE];
}

uint64_t store_lun_available(struct store_lun *l)
{
	ck_assert_ptr_nonnull(l);
	return fx.available;
}

uint64_t store_lun_pages(const struct store_lun *l)
{
	ck_assert_ptr_nonnull(l);
	return fx.pages;
}

uint64_t store_readable(const struct store_lun *l, uint64_t off, uint64_t len)
{
	ck_assert_ptr_nonnull(l);
	ck_assert_uint_le(off + len, fx.medium_len);
	if (!fx.lost_len || off >= fx.lost + fx.lost_len || off + len <= fx.lost)
		return len;
	return off < fx.lost ? fx.lost - off : 0;
}

bool store_tell_lost(const struct store_lun *l, uint64_t off, uint64_t *from, uint64_t *len)
{
	ck_assert_ptr_nonnull(l);
	ck_assert_uint_lt(off, fx.medium_len);
	*from = *len = 0;
	return false;
}

int64_t store_agree(const struct store_lun *l, uint64_t off, const void *with, size_t n)
{
	const uint8_t *b = with;
	size_t same = 0, have = (size_t)store_readable(l, off, page_rest(off, n));

	if (!have)
		return -EIO;
	while (same < have && fx.medium[off + same] == b[same])
		same++;
	return (int64_t)same;
}

size_t store_copy(void *to, const void *from, size_t n)
{
	memcpy(to, from, n);
	return n;
}

void store_look(const void *at, size_t n)
{
	(void)at;
	(void)n;
}

unsigned store_pin(struct store_reader *r)
{
	(void)r;
	return 1;
}

void store_unpin(struct store_reader *r, unsigned pin)
{
	(void)r;
	(void)pin;
}

void store_reader_quiet(struct store_reader *r)
{
	(void)r;
}

/* The target. */

void fx_open(uint32_t block_size, bool thin)
{
	static const unsigned ids[FX_LUS] = {0, 5, 255};
	static const uint8_t host[16] = {1, 2, 3};

	memset(&fx, 0, sizeof(fx));
	fx.medium_len = FX_PAGES * STORE_PAGE_SIZE + STORE_PAGE_SIZE / 2;
	fx.medium = calloc(1, fx.medium_len);
	ck_assert_ptr_nonnull(fx.medium);
	fx.slice = fx.anchors_max = UINT64_MAX;
	fx.looks = fx.passed = UINT_MAX;
	for (unsigned i = 0; i <= FX_PAGES; i++)
		fx.state[i] = STORE_DEALLOCATED;
	fx.target = (struct scsi_target){
		.name = "iqn.2026-01.org.memtgt:test",
	};
	for (unsigned i = 0; i < FX_LUS; i++) {
		fx.lus[i] = (struct scsi_lu){
			.id = ids[i],
			.store = (struct store_lun *)(void *)fx.medium,
			.block_size = block_size,
			.block_shift = (uint32_t)__builtin_ctz(block_size),
			.blocks = fx.medium_len / block_size,
			.thin = thin,
		};
		scsi_lu_name(&fx.lus[i], host, fx.target.name, 1, "");
		fx.target.by_id[ids[i]] = &fx.lus[i];
	}
	scsi_nexus_init(&fx.nexus, &fx.target, fx.ua);
	memset(fx.ua, 0, sizeof(fx.ua));
	ck_assert_int_eq(scsi_worker_init(&fx.worker, NULL, 2), 0);
}

void fx_open_512(void)
{
	fx_open(512, true);
}

void fx_open_4096(void)
{
	fx_open(4096, true);
}

void fx_close(void)
{
	for (unsigned i = 0; i < FX_LUS; i++)
		scsi_reserve_free(&fx.lus[i]);
	ck_assert_uint_eq(fx.worker.bufs.used, 0);
	ck_assert_uint_eq(fx.worker.wholes.used, 0);
	scsi_worker_free(&fx.worker);
	free(fx.medium);
	free(fx.in);
	fx.in = NULL;
}

static void send_out(const uint8_t *p)
{
	struct scsi_task *t = &fx.task;
	uint64_t sent = 0;

	while (sent < t->out_len) {
		size_t n = (size_t)(t->out_len - sent);

		if (fx.chunk && n > fx.chunk)
			n = fx.chunk;
		/* A block of its own, so that a step past its end is seen. */
		uint8_t *piece = malloc(n);
		memcpy(piece, p + sent, n);
		const size_t took = scsi_data_out(t, piece, n);
		free(piece);
		ck_assert_uint_le(took, n);
		fx.stops += took < n;
		fx.starved += took < n && t->starved;
		ck_assert_uint_lt(fx.stops, 1000);
		sent += took;
	}
	ck_assert_uint_eq(t->out_done, t->out_len);
}

/* Collects data-in through few iovecs at a time. */
static void take_in(void)
{
	struct scsi_task *t = &fx.task;

	fx.in_len = (size_t)t->in_len;
	fx.in = malloc(fx.in_len);
	for (size_t at = 0; at < fx.in_len;) {
		struct iovec iov[2];
		size_t niov = 2, sum = 0;
		const size_t got = scsi_data_in(t, at, fx.in_len - at, iov, &niov);

		ck_assert_uint_gt(got, 0);
		for (size_t i = 0; i < niov; i++) {
			memcpy(fx.in + at + sum, iov[i].iov_base, iov[i].iov_len);
			sum += iov[i].iov_len;
		}
		ck_assert_uint_eq(sum, got);
		at += got;
	}
}

/* Every nexus is told. False: there was nothing to tell. */
static bool raise_fence(void)
{
	struct scsi_fence f;

	if (scsi_fence(&fx.task, &f) != SCSI_FENCE)
		return false;
	fx.fences++;
	ck_assert_ptr_eq(f.target, &fx.target);
	fx.verdict[0] = f.tell(&f, &fx.nexus);
	for (unsigned i = 0; i < fx.nothers; i++)
		fx.verdict[1 + i] = f.tell(&f, fx.others[i]);
	if (f.release)
		f.release(&f);
	return true;
}

void fx_run_on(const uint8_t lun[static 8], const uint8_t cdb[static 16], const void *out,
	       size_t out_len)
{
	struct scsi_task *t = &fx.task;

	memset(t, 0xaa, sizeof(*t)); /* the device server sets what it uses */
	free(fx.in);
	fx.in = NULL;
	fx.in_len = fx.runs = fx.stops = fx.starved = 0;
	t->worker = &fx.worker;
	t->nexus = fx.as ? fx.as : &fx.nexus;
	t->cdb_len = 16;
	t->out_limit = out_len;
	memcpy(t->lun, lun, sizeof(t->lun));
	memcpy(t->cdb, cdb, sizeof(t->cdb));

	enum scsi_step step = scsi_start(t);
	if (step == SCSI_OUT) {
		ck_assert_uint_gt(t->out_len, 0);
		ck_assert_uint_le(t->out_len, out_len);
		send_out(out);
		step = SCSI_RUN;
	}
	while (step == SCSI_RUN || step == SCSI_FENCE) {
		if (step == SCSI_FENCE && !raise_fence())
			step = SCSI_DONE;
		else
			step = scsi_run(t);
		fx.starved += t->starved;
		ck_assert_uint_lt(++fx.runs, 100000);
	}
	ck_assert_int_ne(step, SCSI_OUT);
	if (step == SCSI_IN) {
		ck_assert_uint_gt(t->in_len, 0);
		take_in();
	} else {
		ck_assert_uint_eq(t->in_len, 0);
	}
	scsi_end(t);
	scsi_data_sent(t->nexus, &fx.worker);
	ck_assert_uint_eq(fx.worker.bufs.used, 0);
}

void fx_run(const uint8_t cdb[static 16], const void *out, size_t out_len)
{
	fx_run_on(fx_lun0, cdb, out, out_len);
}

/* Commands with a range. */

void fx_cdb(uint8_t c[static 16], uint8_t opcode, uint8_t flags, uint64_t lba, uint32_t blocks)
{
	memset(c, 0, 16);
	c[0] = opcode;
	c[1] = flags;
	switch (opcode >> 5) {
	case 0:
		st24(c + 1, (uint32_t)lba);
		c[4] = (uint8_t)blocks;
		break;
	case 1:
	case 2:
		st32(c + 2, (uint32_t)lba);
		st16(c + 7, (uint16_t)blocks);
		break;
	case 5:
		st32(c + 2, (uint32_t)lba);
		st32(c + 6, blocks);
		break;
	default:
		st64(c + 2, lba);
		st32(c + 10, blocks);
		break;
	}
}

void fx_run_range(uint8_t opcode, uint8_t flags, uint64_t lba, uint32_t blocks, const void *out)
{
	uint8_t c[16];

	fx_cdb(c, opcode, flags, lba, blocks);
	fx_run(c, out, out ? (size_t)blocks * FX_BLOCK : 0);
}

uint8_t *fx_pattern(size_t n, unsigned seed)
{
	uint8_t *p = malloc(n);

	ck_assert_ptr_nonnull(p);
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)((i * 2654435761u + seed) >> 7 | 1);
	return p;
}

/* What came of it. */

void fx_good(void)
{
	if (fx.task.status != SCSI_GOOD)
		ck_abort_msg("status %02x, sense %x %02x/%02x", fx.task.status, fx.task.sense[2],
			     fx.task.sense[12], fx.task.sense[13]);
	ck_assert_uint_eq(fx.task.sense_len, 0);
}

void fx_sense(unsigned key, unsigned asc, unsigned ascq)
{
	ck_assert_uint_eq(fx.task.status, SCSI_CHECK_CONDITION);
	ck_assert_uint_eq(fx.task.sense_len, SCSI_SENSE_FIXED);
	ck_assert_uint_eq(fx.task.sense[0] & 0x7f, 0x70);
	ck_assert_uint_eq(fx.task.sense[7], 10);
	ck_assert_uint_eq(fx.task.sense[2], key);
	ck_assert_uint_eq(fx.task.sense[12], asc);
	ck_assert_uint_eq(fx.task.sense[13], ascq);
}

void fx_bad_cdb(unsigned byte, int bit)
{
	fx_sense(0x5, 0x24, 0x00);
	ck_assert_uint_eq(fx.task.sense[15], bit < 0 ? 0xc0 : 0xc8u | (unsigned)bit);
	ck_assert_uint_eq(ld16(fx.task.sense + 16), byte);
}

void fx_info(uint32_t info)
{
	ck_assert_uint_eq(fx.task.sense[0], 0xf0);
	ck_assert_uint_eq(ld32(fx.task.sense + 3), info);
}

static FILE *golden_open(const char *name, const char *mode)
{
	const char *srcdir = getenv("srcdir");
	char path[512];

	snprintf(path, sizeof(path), "%s/tests/golden/%s.hex", srcdir ? srcdir : ".", name);
	FILE *f = fopen(path, mode);

	if (!f)
		ck_abort_msg("%s: %s", path, strerror(errno));
	return f;
}

void fx_golden(const char *name, const uint8_t *p, size_t n)
{
	FILE *f;

	if (getenv("UPDATE_GOLDEN")) {
		f = golden_open(name, "w");
		for (size_t i = 0; i < n; i++)
			fprintf(f, "%02x%c", p[i], i % 16 == 15 || i + 1 == n ? '\n' : ' ');
		fclose(f);
		return;
	}
	f = golden_open(name, "r");
	unsigned v;
	size_t i = 0;

	while (fscanf(f, "%2x", &v) == 1) {
		ck_assert_uint_lt(i, n);
		if (p[i] != v)
			ck_abort_msg("%s: byte %zu is %02x, not %02x", name, i, p[i], v);
		i++;
	}
	fclose(f);
	ck_assert_uint_eq(i, n);
}

static void put_length(uint8_t *p, unsigned width, uint32_t v)
{
	for (unsigned i = 0; i < width; i++)
		p[i] = (uint8_t)(v >> 8 * (width - 1 - i));
}

void fx_every_allocation(const uint8_t cdb[static 16], unsigned at, unsigned width)
{
	uint8_t c[16], whole[SCSI_BUF_SIZE];

	memcpy(c, cdb, sizeof(c));
	put_length(c + at, width, width == 1 ? UINT8_MAX : width == 2 ? UINT16_MAX : UINT32_MAX);
	fx_run(c, NULL, 0);
	fx_good();
	const size_t len = fx.in_len;

	ck_assert_uint_gt(len, 0);
	memcpy(whole, fx.in, len);
	for (uint32_t n = 0; n <= len + 1 && (width > 1 || n <= UINT8_MAX); n++) {
		put_length(c + at, width, n);
		fx_run(c, NULL, 0);
		fx_good();
		ck_assert_uint_eq(fx.in_len, n < len ? n : len);
		if (n)
			ck_assert_mem_eq(fx.in, whole, fx.in_len);
	}
}
