// SPDX-License-Identifier: MIT
/* test_scsi_atomic.c - COMPARE AND WRITE, WRITE ATOMIC, ORWRITE: all or nothing. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/test_main.h"
#include "scsi/limits.h"
#include "unit/scsi_fixture.h"

static void caw_cdb(uint8_t c[static 16], uint64_t lba, uint8_t blocks)
{
	memset(c, 0, 16);
	c[0] = 0x89;
	st64(c + 2, lba);
	c[13] = blocks;
}

static void atomic_cdb(uint8_t c[static 16], uint64_t lba, unsigned boundary, unsigned blocks)
{
	memset(c, 0, 16);
	c[0] = 0x9c;
	st64(c + 2, lba);
	st16(c + 10, (uint16_t)boundary);
	st16(c + 12, (uint16_t)blocks);
}

/* The compare data is what the medium has, then the write data. */
static uint8_t *caw_data(uint64_t lba, size_t n, unsigned seed)
{
	uint8_t *p = malloc(2 * n), *pattern = fx_pattern(n, seed);

	memcpy(p, fx.medium + lba * FX_BLOCK, n);
	memcpy(p + n, pattern, n);
	free(pattern);
	return p;
}

static void caw(uint64_t lba, uint8_t blocks, const uint8_t *p)
{
	uint8_t c[16];

	caw_cdb(c, lba, blocks);
	fx_run(c, p, (size_t)2 * blocks * FX_BLOCK);
}

/* One block, the most, at both ends, and over the border of a page; in pieces of any size. */
START_TEST(caw_writes_what_agrees)
{
	static const size_t chunks[] = {0, 1000, 7};
	const uint64_t page = STORE_PAGE_SIZE / FX_BLOCK;
	const struct {
		uint64_t lba;
		uint8_t blocks;
	} cases[] = {{0, 1}, {3, 2}, {FX_LAST, 1}, {FX_LAST - 254, 255}, {page - 2, 255}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const uint64_t lba = cases[i].lba;
		const size_t n = cases[i].blocks * (size_t)FX_BLOCK;
		uint8_t *p = caw_data(lba, n, (unsigned)i);

		fx.chunk = chunks[i % 3];
		caw(lba, cases[i].blocks, p);
		fx_good();
		ck_assert_mem_eq(fx.medium + lba * FX_BLOCK, p + n, n);
		/* Now it differs from what is expected. */
		caw(lba, cases[i].blocks, p);
		fx_sense(0xe, 0x1d, 0x00);
		fx_info(0);
		ck_assert_mem_eq(fx.medium + lba * FX_BLOCK, p + n, n);
		free(p);
	}
}
END_TEST

/* INFORMATION is the offset of the first byte that differs, whichever it is. */
START_TEST(caw_tells_where_it_differs)
{
	const size_t n = (size_t)3 * FX_BLOCK;
	const size_t at[] = {0, 1, FX_BLOCK - 1, FX_BLOCK, n - 1};

	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		uint8_t *p = caw_data(5, n, 9);

		p[at[i]] ^= 0x10;
		caw(5, 3, p);
		fx_sense(0xe, 0x1d, 0x00);
		fx_info((uint32_t)at[i]);
		free(p);
	}
	ck_assert_uint_eq(fx.writes, 0);
}
END_TEST

/* The initiator's length must be two times the blocks: nothing else is what it means. */
START_TEST(caw_of_another_length)
{
	uint8_t c[16], *p = calloc(1, (size_t)8 * FX_BLOCK);
	const size_t wrong[] = {1, FX_BLOCK, 2 * FX_BLOCK - 1, 2 * FX_BLOCK + 1, 4 * FX_BLOCK};

	caw_cdb(c, 0, 1);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		fx_run(c, p, wrong[i]);
		fx_sense(0x5, 0x0e, 0x03);
	}
	fx_run(c, NULL, 0);
	fx_sense(0x5, 0x0e, 0x03);
	ck_assert_uint_eq(fx.writes, 0);
	free(p);
}
END_TEST

START_TEST(ranges)
{
	uint8_t c[16], *p = calloc(1, SCSI_WHOLE_SIZE);

	caw_cdb(c, FX_LAST + 1, 0);
	fx_run(c, NULL, 0);
	fx_good();
	caw_cdb(c, FX_LAST + 2, 0);
	fx_run(c, NULL, 0);
	fx_sense(0x5, 0x21, 0x00);
	caw_cdb(c, 0, 0); /* 256 blocks? */
	fx_run(c, p, 512);
	fx_bad_cdb(13, -1);
	caw(FX_LAST, 2, p);
	fx_sense(0x5, 0x21, 0x00);
	caw_cdb(c, UINT64_MAX, 255);
	fx_run(c, p, (size_t)2 * 255 * FX_BLOCK);
	fx_sense(0x5, 0x21, 0x00);
	atomic_cdb(c, FX_LAST + 1, 0, 0);
	fx_run(c, NULL, 0);
	fx_good();
	atomic_cdb(c, FX_LAST, 0, 2);
	fx_run(c, p, 2 * FX_BLOCK);
	fx_sense(0x5, 0x21, 0x00);
	fx_run_range(0x8b, 0, FX_LAST, 2, p);
	fx_sense(0x5, 0x21, 0x00);
	fx_run_range(0x8b, 0, FX_LAST + 1, 0, NULL);
	fx_good();
	ck_assert_uint_eq(fx.writes, 0);
	free(p);
}
END_TEST

/* The most, and one more; a boundary up to the same; WRPROTECT never. */
START_TEST(atomic_limits)
{
	const unsigned most = SCSI_ATOMIC_MAX / FX_BLOCK;
	uint8_t c[16], *p = fx_pattern((size_t)(most + 1) * FX_BLOCK, 3);

	atomic_cdb(c, 7, 0, most);
	fx_run(c, p, SCSI_ATOMIC_MAX);
	fx_good();
	ck_assert_mem_eq(fx.medium + 7 * FX_BLOCK, p, SCSI_ATOMIC_MAX);
	atomic_cdb(c, 7, 0, most + 1);
	fx_run(c, p, SCSI_ATOMIC_MAX + FX_BLOCK);
	fx_bad_cdb(12, -1);
	atomic_cdb(c, 0, most, most);
	fx_run(c, p, SCSI_ATOMIC_MAX);
	fx_good();
	atomic_cdb(c, 0, most + 1, most);
	fx_run(c, p, SCSI_ATOMIC_MAX);
	fx_bad_cdb(10, -1);
	atomic_cdb(c, 0, 1, 1);
	c[1] = 0x20;
	fx_run(c, p, FX_BLOCK);
	fx_bad_cdb(1, 5);
	atomic_cdb(c, 0, 0, 2); /* less than all is nothing */
	fx_run(c, p, FX_BLOCK);
	fx_sense(0x5, 0x0e, 0x03);
	free(p);
}
END_TEST

/* Small data needs no large buffer, and these are few. */
START_TEST(buffers_are_bounded)
{
	const unsigned small = SCSI_BUF_SIZE / FX_BLOCK;
	uint8_t *p = fx_pattern((size_t)2 * SCSI_BUF_SIZE, 3), c[16];

	fx.nexus.wholes = SCSI_WHOLES_OF;
	atomic_cdb(c, 0, 0, small);
	fx_run(c, p, SCSI_BUF_SIZE);
	fx_good();
	caw(0, (uint8_t)(small / 2), p);
	fx_good();
	atomic_cdb(c, 0, 0, small + 1);
	fx_run(c, p, SCSI_BUF_SIZE + FX_BLOCK);
	ck_assert_uint_eq(fx.task.status, SCSI_BUSY);

	fx.nexus.wholes = 0;
	void *held[SCSI_WHOLES];
	for (unsigned i = 0; i < SCSI_WHOLES; i++)
		held[i] = arena_get(&fx.worker.wholes);
	fx_run(c, p, SCSI_BUF_SIZE + FX_BLOCK);
	ck_assert_uint_eq(fx.task.status, SCSI_BUSY);
	arena_put(&fx.worker.wholes, held[0]);
	fx_run(c, p, SCSI_BUF_SIZE + FX_BLOCK);
	fx_good();
	ck_assert_uint_eq(fx.nexus.wholes, 0);
	for (unsigned i = 1; i < SCSI_WHOLES; i++)
		arena_put(&fx.worker.wholes, held[i]);
	free(p);
}
END_TEST

/* Without a page at the moment they wait, having written nothing; without any, 27/07. */
START_TEST(pages_that_are_not_there)
{
	uint8_t c[3][16], *p = calloc(1, (size_t)2 * FX_BLOCK);

	caw_cdb(c[0], 0, 1);
	atomic_cdb(c[1], 0, 0, 2);
	fx_cdb(c[2], 0x8b, 0, 0, 2);
	for (unsigned i = 0; i < 3; i++) {
		fx.error = -EAGAIN;
		fx.error_times = 5;
		fx_run(c[i], p, 2 * FX_BLOCK);
		fx_good();
		ck_assert_uint_eq(fx.starved, 5);
		fx.error = -ENOSPC;
		fx.error_times = 1;
		fx.writes = 0;
		fx_run(c[i], p, 2 * FX_BLOCK);
		fx_sense(0x7, 0x27, 0x07);
		ck_assert_uint_eq(fx.writes, 0);
	}
	free(p);
}
END_TEST

/* What is lost is known before the first byte. */
START_TEST(memory_that_is_lost)
{
	uint8_t c[16], *p = calloc(1, (size_t)4 * FX_BLOCK);

	fx.lost = FX_BLOCK;
	fx.lost_len = FX_BLOCK;
	caw(0, 2, p);
	fx_sense(0x3, 0x11, 0x00);
	fx_info(1);
	fx.error = -EIO;
	fx.error_times = 1;
	atomic_cdb(c, 0, 0, 2);
	fx_run(c, p, 2 * FX_BLOCK);
	fx_sense(0x3, 0x0c, 0x00);
	fx_info(1);
	fx.error_times = 1;
	fx_run_range(0x8b, 0, 0, 2, p);
	fx_sense(0x3, 0x0c, 0x00);
	ck_assert_uint_eq(fx.writes, 0);
	free(p);
}
END_TEST

/* What fits is there whole before it is done; a longer one is done as it comes. */
START_TEST(orwrite)
{
	const size_t most = SCSI_WHOLE_SIZE / FX_BLOCK;
	const size_t blocks[] = {1, 3, most, most + 1};

	for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
		const size_t n = blocks[i] * FX_BLOCK;
		uint8_t *had = fx_pattern(n, 1), *p = fx_pattern(n, 2);

		memcpy(fx.medium + 2 * FX_BLOCK, had, n);
		fx.chunk = i & 1 ? 5000 : 0;
		fx_run_range(0x8b, 0, 2, (uint32_t)blocks[i], p);
		fx_good();
		for (size_t b = 0; b < n; b++)
			had[b] |= p[b];
		ck_assert_mem_eq(fx.medium + 2 * FX_BLOCK, had, n);
		free(had);
		free(p);
	}
	fx_run(CDB(0x8b, 0x20, [13] = 1), NULL, 0);
	fx_bad_cdb(1, 5);
	fx_run(CDB(0x8b, 0, [10] = 0xff), NULL, 0); /* MAXIMUM TRANSFER LENGTH */
	fx_bad_cdb(10, -1);
}
END_TEST

static void add(Suite *suite, const char *name, void (*setup)(void))
{
	TCase *tc = tcase_create(name);

	tcase_add_checked_fixture(tc, setup, fx_close);
	tcase_add_test(tc, caw_writes_what_agrees);
	tcase_add_test(tc, caw_tells_where_it_differs);
	tcase_add_test(tc, caw_of_another_length);
	tcase_add_test(tc, ranges);
	tcase_add_test(tc, atomic_limits);
	tcase_add_test(tc, buffers_are_bounded);
	tcase_add_test(tc, pages_that_are_not_there);
	tcase_add_test(tc, memory_that_is_lost);
	tcase_add_test(tc, orwrite);
	suite_add_tcase(suite, tc);
}

int main(void)
{
	Suite *suite = suite_create("scsi_atomic");

	add(suite, "512", fx_open_512);
	add(suite, "4096", fx_open_4096);
	return test_main(suite);
}
