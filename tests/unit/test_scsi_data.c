// SPDX-License-Identifier: MIT
/* test_scsi_data.c - data-out in every cut, data-in in pieces, comparing, and a medium that fails.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/test_main.h"
#include "store/store.h"
#include "unit/scsi_fixture.h"

/* Whatever the pieces, what is written is whole and right, and a stalled block is not seen. */
START_TEST(data_out_in_every_cut)
{
	const size_t n = 5u * FX_BLOCK;
	const size_t chunks[] = {1,
				 2,
				 3,
				 7,
				 FX_BLOCK - 1,
				 FX_BLOCK,
				 FX_BLOCK + 1,
				 2u * FX_BLOCK - 1,
				 2u * FX_BLOCK,
				 2u * FX_BLOCK + 1,
				 3u * FX_BLOCK + 5,
				 n - 1};
	const uint64_t lba = STORE_PAGE_SIZE / FX_BLOCK - 2;

	for (size_t i = 0; i < sizeof(chunks) / sizeof(chunks[0]); i++) {
		uint8_t *data = fx_pattern(n, (unsigned)i);

		fx.chunk = chunks[i];
		memset(fx.medium, 0, fx.medium_len);
		fx_run_range(0x2a, 0, lba, 5, data);
		fx_good();
		ck_assert_mem_eq(fx.medium + lba * FX_BLOCK, data, n);
		ck_assert_uint_eq(fx.medium[lba * FX_BLOCK - 1], 0);
		ck_assert_uint_eq(fx.medium[lba * FX_BLOCK + n], 0);
		fx_run_range(0x2f, 0x02, lba, 5, data);
		fx_good();
		free(data);
	}
}
END_TEST

START_TEST(half_a_block_is_never_seen)
{
	struct scsi_task *t = &fx.task;
	uint8_t *data = fx_pattern(2u * FX_BLOCK, 3);

	memset(t, 0, sizeof(*t));
	t->worker = &fx.worker;
	t->nexus = &fx.nexus;
	t->out_limit = 2u * FX_BLOCK;
	fx_cdb(t->cdb, 0x2a, 0, 0, 2);
	ck_assert_int_eq(scsi_start(t), SCSI_OUT);
	ck_assert_uint_eq(scsi_data_out(t, data, FX_BLOCK + 1), FX_BLOCK + 1);
	ck_assert_mem_eq(fx.medium, data, FX_BLOCK);
	for (size_t i = FX_BLOCK; i < 2u * FX_BLOCK; i++)
		ck_assert_uint_eq(fx.medium[i], 0);
	ck_assert_uint_eq(scsi_data_out(t, data + FX_BLOCK + 1, FX_BLOCK - 2), FX_BLOCK - 2);
	ck_assert_uint_eq(fx.medium[FX_BLOCK], 0);
	scsi_end(t); /* aborted: the rest never comes */
	ck_assert_uint_eq(fx.medium[FX_BLOCK], 0);
	ck_assert_uint_eq(fx.worker.bufs.used, 0);
	free(data);
}
END_TEST

/* The transport gives up on the data: the command fails, the half block is dropped. */
START_TEST(data_out_failed_by_the_transport)
{
	struct scsi_task *t = &fx.task;
	uint8_t *data = fx_pattern(FX_BLOCK, 3);

	memset(t, 0, sizeof(*t));
	t->worker = &fx.worker;
	t->nexus = &fx.nexus;
	t->out_limit = FX_BLOCK;
	fx_cdb(t->cdb, 0x2a, 0, 0, 1);
	ck_assert_int_eq(scsi_start(t), SCSI_OUT);
	ck_assert_uint_eq(scsi_data_out(t, data, FX_BLOCK - 1), FX_BLOCK - 1);
	scsi_data_failed(t, SENSE_DATA_PHASE_ERROR);
	fx_sense(0xb, 0x4b, 0x00);
	ck_assert_uint_eq(scsi_data_out(t, data, 1), 1);
	scsi_end(t);
	ck_assert_uint_eq(fx.writes, 0);
	ck_assert_uint_eq(fx.worker.bufs.used, 0);
	free(data);
}
END_TEST

/* An initiator that offers less than its CDB asks for. */
START_TEST(residual_overflow)
{
	uint8_t *data = fx_pattern(3u * FX_BLOCK, 3), c[16];

	fx_cdb(c, 0x2a, 0, 0, 3);
	fx_run(c, data, 2u * FX_BLOCK);
	fx_good();
	ck_assert_uint_eq(fx.task.out_want, 3u * FX_BLOCK);
	ck_assert_mem_eq(fx.medium, data, 2u * FX_BLOCK);
	ck_assert_uint_eq(fx.medium[2u * FX_BLOCK], 0);

	fx_run(c, NULL, 0);
	fx_good();
	ck_assert_uint_eq(fx.task.out_want, 3u * FX_BLOCK);

	/* Part of a block cannot be written, and must not be taken for good. */
	memset(fx.medium, 0, fx.medium_len);
	const size_t offers[] = {1, FX_BLOCK - 1, FX_BLOCK + 1, 2u * FX_BLOCK - 1,
				 3u * FX_BLOCK - 1};
	for (size_t i = 0; i < sizeof(offers) / sizeof(offers[0]); i++) {
		fx_run(c, data, offers[i]);
		fx_sense(0x5, 0x0e, 0x03);
		ck_assert_uint_eq(fx.task.out_len, 0);
		ck_assert_uint_eq(fx.task.out_want, 3u * FX_BLOCK);
		ck_assert_uint_eq(fx.medium[0], 0);
	}
	/* More than it asks for is not taken. */
	fx_run(c, data, 3u * FX_BLOCK);
	fx_good();
	fx_cdb(c, 0x2a, 0, 8, 1);
	fx_run(c, data, 3u * FX_BLOCK);
	fx_good();
	ck_assert_uint_eq(fx.task.out_len, FX_BLOCK);
	free(data);
}
END_TEST

START_TEST(memory_short_for_a_moment)
{
	static const unsigned after[] = {0, 1, 2};
	const size_t n = 4u * FX_BLOCK;
	uint8_t *data = fx_pattern(n, 9);

	for (size_t i = 0; i < 3; i++) {
		for (size_t chunk = 0; chunk <= FX_BLOCK + 1; chunk += FX_BLOCK / 2 + 1) {
			memset(fx.medium, 0, n);
			fx.error = -EAGAIN;
			fx.error_after = chunk ? after[i] : 0;
			fx.error_times = 3;
			fx.chunk = chunk;
			fx_run_range(0x2a, 0, 0, 4, data);
			fx_good();
			ck_assert_uint_eq(fx.stops, 3);
			ck_assert_uint_eq(fx.starved, 3);
			ck_assert_mem_eq(fx.medium, data, n);
		}
	}
	free(data);
}
END_TEST

START_TEST(memory_gone)
{
	const size_t n = 4u * FX_BLOCK;
	uint8_t *data = fx_pattern(n, 9);

	fx.chunk = FX_BLOCK / 2 + 3;
	fx.error = -ENOSPC;
	fx.error_after = 2;
	fx.error_times = 1;
	fx_run_range(0x2a, 0, 100, 4, data);
	fx_sense(0x7, 0x27, 0x07);
	fx_info(102);
	ck_assert_uint_eq(fx.task.out_done, n);
	ck_assert_mem_eq(fx.medium + 100u * FX_BLOCK, data, 2u * FX_BLOCK);
	ck_assert_uint_eq(fx.medium[102u * FX_BLOCK], 0); /* nothing after the error */
	ck_assert_uint_eq(fx.medium[103u * FX_BLOCK], 0);
	fx.error = -EIO;
	fx.error_times = 1;
	fx.chunk = 0;
	fx_run_range(0x2a, 0, 100, 4, data);
	fx_sense(0x3, 0x0c, 0x00);
	fx_info(100);
	free(data);
}
END_TEST

START_TEST(no_buffer_is_busy)
{
	void *a = arena_get(&fx.worker.bufs), *b = arena_get(&fx.worker.bufs);
	struct scsi_task *t = &fx.task;

	memset(t, 0, sizeof(*t));
	t->worker = &fx.worker;
	t->nexus = &fx.nexus;
	t->cdb[0] = 0x12;
	t->cdb[4] = 96;
	ck_assert_int_eq(scsi_start(t), SCSI_DONE);
	ck_assert_uint_eq(t->status, SCSI_BUSY);
	ck_assert_uint_eq(t->sense_len, 0);
	scsi_end(t);
	/* Half a block waits until there is one. */
	uint8_t *data = fx_pattern(FX_BLOCK, 1);
	t->out_limit = FX_BLOCK;
	fx_cdb(t->cdb, 0x2a, 0, 0, 1);
	ck_assert_int_eq(scsi_start(t), SCSI_OUT);
	ck_assert_uint_eq(scsi_data_out(t, data, 5), 0);
	arena_put(&fx.worker.bufs, a);
	ck_assert_uint_eq(scsi_data_out(t, data, 5), 5);
	ck_assert_uint_eq(scsi_data_out(t, data + 5, FX_BLOCK - 5), FX_BLOCK - 5);
	ck_assert_int_eq(scsi_run(t), SCSI_DONE);
	ck_assert_uint_eq(t->status, SCSI_GOOD);
	scsi_end(t);
	arena_put(&fx.worker.bufs, b);
	free(data);
}
END_TEST

/* Reads with few iovecs, from any offset. */
START_TEST(data_in_piece_by_piece)
{
	struct scsi_task *t = &fx.task;
	const uint64_t lba = STORE_PAGE_SIZE / FX_BLOCK - 1;
	uint8_t *data = fx_pattern(3u * FX_BLOCK, 5);

	memcpy(fx.medium + lba * FX_BLOCK, data, 3u * FX_BLOCK);
	memset(t, 0, sizeof(*t));
	t->worker = &fx.worker;
	t->nexus = &fx.nexus;
	fx_cdb(t->cdb, 0x28, 0, lba, 3);
	ck_assert_int_eq(scsi_start(t), SCSI_IN);
	for (size_t off = 0; off < 3u * FX_BLOCK; off += 100) {
		struct iovec iov[3];
		size_t niov = 3;
		const size_t len = 3u * FX_BLOCK - off;

		ck_assert_uint_eq(scsi_data_in(t, off, len, iov, &niov), len);
		ck_assert_uint_eq(niov, off < FX_BLOCK ? 2 : 1);
		ck_assert_mem_eq(iov[0].iov_base, data + off, iov[0].iov_len);
		niov = 1;
		ck_assert_uint_eq(scsi_data_in(t, off, len, iov, &niov),
				  off < FX_BLOCK ? FX_BLOCK - off : len);
		niov = 0;
		ck_assert_uint_eq(scsi_data_in(t, off, len, iov, &niov), 0);
	}
	scsi_end(t);
	free(data);
}
END_TEST

/* INFORMATION is the offset of the first byte that differs, wherever pieces and pages end. */
START_TEST(verify_miscompare)
{
	const uint64_t lba = STORE_PAGE_SIZE / FX_BLOCK - 2;
	const size_t n = 4u * FX_BLOCK;
	const size_t wrong[] = {0,    1, FX_BLOCK - 1, FX_BLOCK, 2u * FX_BLOCK - 1, 2u * FX_BLOCK,
				n - 1};
	uint8_t *data = fx_pattern(n, 5);

	memcpy(fx.medium + lba * FX_BLOCK, data, n);
	for (size_t chunk = 0; chunk <= 2u * FX_BLOCK; chunk += FX_BLOCK / 2 - 1) {
		fx.chunk = chunk;
		for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
			data[wrong[i]] ^= 0x10;
			fx_run_range(0x8f, 0x02, lba, 4, data);
			fx_sense(0xe, 0x1d, 0x00);
			fx_info((uint32_t)wrong[i]);
			fx_run_range(0x8f, 0x00, lba, 4, NULL); /* not compared */
			fx_good();
			data[wrong[i]] ^= 0x10;
		}
	}
	ck_assert_uint_eq(fx.writes, 0);
	free(data);
}
END_TEST

START_TEST(verify_with_one_block)
{
	const uint32_t blocks = (STORE_SLICE_BYTES + STORE_PAGE_SIZE) / FX_BLOCK;
	uint8_t *data = fx_pattern(FX_BLOCK, 5), c[16];

	for (uint32_t i = 0; i < blocks; i++)
		memcpy(fx.medium + (size_t)i * FX_BLOCK, data, FX_BLOCK);
	fx_cdb(c, 0x8f, 0x06, 0, blocks);
	fx_run(c, data, FX_BLOCK);
	fx_good();
	ck_assert_uint_eq(fx.runs, 2); /* in slices */
	fx.medium[(size_t)blocks * FX_BLOCK - 1] ^= 1;
	fx_run(c, data, FX_BLOCK);
	fx_sense(0xe, 0x1d, 0x00);
	fx_info(blocks * FX_BLOCK - 1);
	fx_run(c, data, FX_BLOCK - 1);
	fx_sense(0x5, 0x0e, 0x03);
	fx_cdb(c, 0x8f, 0x06, 0, 0);
	fx_run(c, data, FX_BLOCK);
	fx_good();
	free(data);
}
END_TEST

static void add_tests(TCase *c)
{
	tcase_set_timeout(c, 60);
	tcase_add_test(c, data_out_in_every_cut);
	tcase_add_test(c, half_a_block_is_never_seen);
	tcase_add_test(c, data_out_failed_by_the_transport);
	tcase_add_test(c, residual_overflow);
	tcase_add_test(c, memory_short_for_a_moment);
	tcase_add_test(c, memory_gone);
	tcase_add_test(c, no_buffer_is_busy);
	tcase_add_test(c, data_in_piece_by_piece);
	tcase_add_test(c, verify_miscompare);
	tcase_add_test(c, verify_with_one_block);
}

int main(void)
{
	Suite *s = suite_create("scsi_data");
	TCase *small = tcase_create("512"), *large = tcase_create("4096");

	tcase_add_checked_fixture(small, fx_open_512, fx_close);
	add_tests(small);
	suite_add_tcase(s, small);
	tcase_add_checked_fixture(large, fx_open_4096, fx_close);
	add_tests(large);
	suite_add_tcase(s, large);
	return test_main(s);
}
