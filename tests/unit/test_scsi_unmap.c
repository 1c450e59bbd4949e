// SPDX-License-Identifier: MIT
/* test_scsi_unmap.c - WRITE SAME, UNMAP, GET LBA STATUS. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "lib/test_main.h"
#include "scsi/limits.h"
#include "store/store.h"
#include "unit/scsi_fixture.h"

/* Is [lba, lba+blocks) full of copies of `data`, and nothing else of the medium touched? */
static void check_same(uint64_t lba, uint64_t blocks, const uint8_t *data)
{
	for (uint64_t i = 0; i <= FX_LAST; i++) {
		const uint8_t *at = fx.medium + i * FX_BLOCK;

		if (i >= lba && i - lba < blocks)
			ck_assert_mem_eq(at, data, FX_BLOCK);
		else
			ck_assert_uint_eq(at[0], 0xee);
	}
}

START_TEST(write_same)
{
	static const uint8_t ops[] = {0x41, 0x93};
	uint8_t *data = fx_pattern(FX_BLOCK, 5), *zero = calloc(1, FX_BLOCK), c[16];

	for (size_t i = 0; i < sizeof(ops); i++) {
		const struct {
			uint64_t lba;
			uint32_t blocks;
		} cases[] = {{0, 1}, {3, 100}, {FX_LAST, 1}, {FX_LAST - 9, 10}, {0, FX_LAST + 1}};

		for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
			const uint64_t n = cases[k].blocks;

			fx_cdb(c, ops[i], 0, cases[k].lba, cases[k].blocks);
			memset(fx.medium, 0xee, fx.medium_len);
			fx.slice = n > 100 ? 64u * FX_BLOCK : FX_BLOCK;
			fx_run(c, data, FX_BLOCK);
			fx_good();
			check_same(cases[k].lba, n, data);
			ck_assert_uint_eq(fx.unmaps, 0);

			c[1] = 0x08; /* UNMAP of a block that is not zero: writes */
			memset(fx.medium, 0xee, fx.medium_len);
			fx_run(c, data, FX_BLOCK);
			fx_good();
			check_same(cases[k].lba, n, data);
			ck_assert_uint_eq(fx.unmaps, 0);

			memset(fx.medium, 0xee, fx.medium_len);
			fx.fills = 0;
			fx_run(c, zero, FX_BLOCK);
			fx_good();
			check_same(cases[k].lba, n, zero);
			ck_assert_uint_eq(fx.fills, 0);
			ck_assert_uint_gt(fx.unmaps, 0);
			fx.unmaps = 0;
		}
		/* WSNZ: 0 blocks are not the whole disk */
		fx_cdb(c, ops[i], 0, 0, 0);
		fx_run(c, data, FX_BLOCK);
		fx_bad_cdb(ops[i] == 0x41 ? 7 : 10, -1);
		fx_cdb(c, ops[i], 0, FX_LAST, 2);
		fx_run(c, data, FX_BLOCK);
		fx_sense(0x5, 0x21, 0x00);
		fx_cdb(c, ops[i], 0x10, 0, 1); /* ANCHOR without UNMAP */
		fx_run(c, data, FX_BLOCK);
		fx_bad_cdb(1, 4);
	}
	free(data);
	free(zero);
}
END_TEST

START_TEST(write_same_without_data)
{
	uint8_t c[16], *zero = calloc(1, FX_BLOCK);

	for (uint8_t unmap = 0; unmap <= 0x08; unmap += 0x08) {
		memset(fx.medium, 0xee, fx.medium_len);
		fx.fills = fx.unmaps = 0;
		fx.slice = 7u * FX_BLOCK;
		fx_cdb(c, 0x93, 0x01 | unmap, 5, 20);
		fx_run(c, NULL, 0);
		fx_good();
		check_same(5, 20, zero);
		ck_assert_uint_eq(fx.runs, 3);
		ck_assert_uint_eq(unmap ? fx.unmaps : fx.fills, 3);
	}
	fx_cdb(c, 0x41, 0x01, 5, 20); /* the 10-byte CDB has no NDOB */
	fx_run(c, NULL, 0);
	fx_bad_cdb(1, 0);
	free(zero);
}
END_TEST

/* Not exactly one block of data: nothing is written. */
START_TEST(write_same_with_other_lengths)
{
	uint8_t *data = fx_pattern(3u * FX_BLOCK, 5), c[16];
	const size_t lengths[] = {0, 1, FX_BLOCK / 2, FX_BLOCK - 1, FX_BLOCK + 1, 2u * FX_BLOCK};

	fx_cdb(c, 0x41, 0, 0, 1);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		fx_run(c, data, lengths[i]);
		fx_sense(0x5, 0x0e, 0x03);
		ck_assert_uint_eq(fx.task.out_want, FX_BLOCK);
	}
	ck_assert_uint_eq(fx.fills, 0);
	fx.chunk = 1;
	fx_run(c, data, FX_BLOCK);
	fx_good();
	ck_assert_mem_eq(fx.medium, data, FX_BLOCK);
	free(data);
}
END_TEST

START_TEST(write_same_when_memory_fails)
{
	uint8_t *data = fx_pattern(FX_BLOCK, 5), c[16];

	fx_cdb(c, 0x41, 0, 10, 4);
	fx.slice = FX_BLOCK;
	fx.error = -EAGAIN;
	fx.error_after = 2;
	fx.error_times = 5;
	fx_run(c, data, FX_BLOCK);
	fx_good();
	ck_assert_uint_eq(fx.starved, 5);
	ck_assert_uint_eq(fx.runs, 9);
	fx.error = -ENOSPC;
	fx.error_after = 2;
	fx.error_times = 1;
	fx_run(c, data, FX_BLOCK);
	fx_sense(0x7, 0x27, 0x07);
	fx_info(12);
	free(data);
}
END_TEST

struct unmap_list {
	uint8_t p[8 + 300 * 16];
	size_t len;
};

static void list_begin(struct unmap_list *l)
{
	memset(l, 0, sizeof(*l));
	l->len = 8;
}

static void list_add(struct unmap_list *l, uint64_t lba, uint32_t blocks)
{
	st64(l->p + l->len, lba);
	st32(l->p + l->len + 8, blocks);
	l->len += 16;
	st16(l->p, (uint16_t)(l->len - 2));
	st16(l->p + 2, (uint16_t)(l->len - 8));
}

static void unmap_with(const struct unmap_list *l, size_t list_len, size_t offered)
{
	fx_run(CDB(0x42, 0, 0, 0, 0, 0, 0, (uint8_t)(list_len >> 8), (uint8_t)list_len), l->p,
	       offered);
}

static void unmap(const struct unmap_list *l)
{
	unmap_with(l, l->len, l->len);
}

START_TEST(unmap_ranges)
{
	struct unmap_list l;
	const struct {
		uint64_t lba;
		uint32_t blocks;
	} cases[] = {{0, 1}, {FX_LAST, 1}, {5, 0}, {100, 1000}, {FX_LAST + 1, 0}, {7, 2}};

	for (int chunked = 0; chunked <= 1; chunked++) {
		list_begin(&l);
		for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
			list_add(&l, cases[i].lba, cases[i].blocks);
		memset(fx.medium, 0xee, fx.medium_len);
		fx.slice = 99u * FX_BLOCK;
		fx.chunk = (size_t)chunked;
		unmap(&l);
		fx_good();
		for (uint64_t i = 0; i <= FX_LAST; i++) {
			const bool gone = i == 0 || i == FX_LAST || (i >= 100 && i < 1100) ||
					  i == 7 || i == 8;

			ck_assert_uint_eq(fx.medium[i * FX_BLOCK], gone ? 0 : 0xee);
			ck_assert_uint_eq(fx.medium[(i + 1) * FX_BLOCK - 1], gone ? 0 : 0xee);
		}
	}
}
END_TEST

START_TEST(unmap_of_the_whole_medium)
{
	struct unmap_list l;

	list_begin(&l);
	list_add(&l, 0, (uint32_t)(FX_LAST + 1));
	memset(fx.medium, 0xee, fx.medium_len);
	unmap(&l);
	fx_good();
	ck_assert_uint_eq(fx.runs, FX_PAGES + 1);
	for (size_t i = 0; i < fx.medium_len; i += 4096)
		ck_assert_uint_eq(fx.medium[i], 0);
}
END_TEST

START_TEST(unmap_checks_all_before_the_first)
{
	static const struct {
		uint64_t lba;
		uint32_t blocks;
	} bad[] = {
		{UINT64_MAX, 1}, {UINT64_MAX, UINT32_MAX}, {(uint64_t)1 << 63, 1}, {0, UINT32_MAX}};
	struct unmap_list l;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]) + 3; i++) {
		const size_t known = sizeof(bad) / sizeof(bad[0]);

		list_begin(&l);
		list_add(&l, 0, 8);
		if (i < known)
			list_add(&l, bad[i].lba, bad[i].blocks);
		else
			list_add(&l, FX_LAST + (i - known), i == known ? 2 : i == known + 1);
		if (i == known + 2)
			list_add(&l, FX_LAST + 2, 0); /* no blocks, but no such place */
		unmap(&l);
		fx_sense(0x5, 0x21, 0x00);
		ck_assert_uint_eq(fx.unmaps, 0);
	}
}
END_TEST

/* The list cut at every byte, by the CDB and by what the initiator offers. */
START_TEST(unmap_list_cut_at_every_byte)
{
	struct unmap_list l;

	list_begin(&l);
	list_add(&l, 0, 8);
	list_add(&l, 16, 8);
	for (size_t n = 0; n <= l.len; n++) {
		fx.unmaps = 0;
		unmap_with(&l, n, n);
		if (n == 0 || n == l.len)
			fx_good();
		else
			fx_sense(0x5, 0x1a, 0x00);
		ck_assert_uint_eq(fx.unmaps, n == l.len ? 2 : 0);

		fx.unmaps = 0;
		unmap_with(&l, l.len, n);
		if (n == 0 || n == l.len)
			fx_good();
		else
			fx_sense(0x5, 0x1a, 0x00);
		ck_assert_uint_eq(fx.unmaps, n == l.len ? 2 : 0);
	}
}
END_TEST

/* SBC-3 5.28.2: descriptor data lengths that are 0, no multiple of 16, or too long. */
START_TEST(unmap_descriptor_lengths)
{
	struct unmap_list l;

	list_begin(&l);
	list_add(&l, 0, 8);
	list_add(&l, 16, 8);
	for (unsigned n = 0; n <= 34; n++) {
		fx.unmaps = 0;
		st16(l.p + 2, (uint16_t)n);
		unmap(&l);
		if (n > 32)
			fx_sense(0x5, 0x1a, 0x00);
		else
			fx_good();
		ck_assert_uint_eq(fx.unmaps, n > 32 ? 0 : n / 16);
	}
}
END_TEST

START_TEST(unmap_list_lengths)
{
	struct unmap_list l;

	for (unsigned n = 255; n <= 257; n++) {
		fx.unmaps = 0;
		list_begin(&l);
		for (unsigned i = 0; i < n; i++)
			list_add(&l, i, 1);
		unmap(&l);
		ck_assert_uint_eq(fx.unmaps, n <= 256 ? n : 0);
		if (n <= 256) {
			fx_good();
			continue;
		}
		fx_sense(0x5, 0x26, 0x00);
		ck_assert_mem_eq(fx.task.sense + 15, "\x80\0\2", 3);
	}
	uint8_t *big = calloc(1, 65535); /* no descriptors, then nothing */
	fx_run(CDB(0x42, 0, 0, 0, 0, 0, 0, 0x20, 0x00), big, 8192);
	fx_good();
	fx_run(CDB(0x42, 0, 0, 0, 0, 0, 0, 0x20, 0x01), big, 8193);
	fx_bad_cdb(7, -1);
	fx_run(CDB(0x42, 0, 0, 0, 0, 0, 0, 0xff, 0xff), big, 65535);
	fx_bad_cdb(7, -1);
	fx_run(CDB(0x42, 1, 0, 0, 0, 0, 0, 0, 8), big, 8); /* ANCHOR, of nothing */
	fx_good();
	fx_run(CDB(0x42, 2, 0, 0, 0, 0, 0, 0, 8), big, 8);
	fx_bad_cdb(1, 1);
	free(big);
}
END_TEST

/* ---- ANCHOR ---- */

static void anchor(const struct unmap_list *l)
{
	fx_run(CDB(0x42, 1, 0, 0, 0, 0, 0, (uint8_t)(l->len >> 8), (uint8_t)l->len), l->p, l->len);
}

START_TEST(unmap_anchors)
{
	const uint32_t page = STORE_PAGE_SIZE / FX_BLOCK;
	struct unmap_list l;

	list_begin(&l);
	list_add(&l, page, page);
	list_add(&l, 3, 5);
	memset(fx.medium, 0xee, fx.medium_len);
	fx.error = -EAGAIN;
	fx.error_times = 4;
	anchor(&l);
	fx_good();
	ck_assert_uint_eq(fx.starved, 4);
	ck_assert_uint_eq(fx.unmaps, 0);
	ck_assert_uint_eq(fx.anchors, 6);
	ck_assert_int_eq(fx.state[1], STORE_ANCHORED);
	ck_assert_uint_eq(fx.medium[3 * FX_BLOCK - 1], 0xee);
	ck_assert_uint_eq(fx.medium[3 * FX_BLOCK], 0);
	ck_assert_uint_eq(fx.medium[8 * FX_BLOCK - 1], 0);
	ck_assert_uint_eq(fx.medium[8 * FX_BLOCK], 0xee);
	/* Short in spite of what was said before: 27/07, and where. */
	fx.error = -ENOSPC;
	fx.error_after = 1;
	fx.error_times = 1;
	anchor(&l);
	fx_sense(0x7, 0x27, 0x07);
	fx_info(3);
}
END_TEST

/* What cannot be had for all of the list is refused before the first block is touched. */
START_TEST(unmap_anchors_all_or_nothing)
{
	struct unmap_list l;

	list_begin(&l);
	list_add(&l, 0, 8);
	list_add(&l, 16, 8);
	memset(fx.medium, 0xee, fx.medium_len);
	fx.anchors_max = 16u * FX_BLOCK - 1;
	anchor(&l);
	fx_sense(0x7, 0x27, 0x07);
	fx_info(16);
	ck_assert_uint_eq(fx.anchors, 0);
	ck_assert_uint_eq(fx.medium[0], 0xee);
	unmap(&l);
	fx_good();
	fx.anchors_max++;
	anchor(&l);
	fx_good();
	ck_assert_uint_eq(fx.anchors, 2);
}
END_TEST

/* Looking takes its time with such a list too: a slice of it in a turn, and not a block is touched
 * before all of it was looked at. */
START_TEST(unmap_anchors_looks_in_slices)
{
	const unsigned blocks = 100, looks = 30, all = SCSI_UNMAP_DESCRIPTORS * blocks;
	struct unmap_list l;

	list_begin(&l);
	for (unsigned i = 0; i < SCSI_UNMAP_DESCRIPTORS; i++)
		list_add(&l, i, blocks);
	memset(fx.medium, 0xee, fx.medium_len);
	fx.looks = looks;
	fx.anchors_max = (uint64_t)all * FX_BLOCK - 1;
	anchor(&l);
	fx_sense(0x7, 0x27, 0x07);
	fx_info(SCSI_UNMAP_DESCRIPTORS - 1);
	ck_assert_uint_eq(fx.runs, (all + looks - 1) / looks);
	ck_assert_uint_eq(fx.checks, fx.runs);
	ck_assert_uint_eq(fx.anchors, 0);
	ck_assert_uint_eq(fx.medium[0], 0xee);
	fx.anchors_max++;
	fx.checks = 0;
	anchor(&l);
	fx_good();
	ck_assert_uint_eq(fx.checks, (all + looks - 1) / looks);
	ck_assert_uint_eq(fx.anchors, SCSI_UNMAP_DESCRIPTORS);
	ck_assert_uint_eq(fx.runs, fx.checks + fx.anchors - 1); /* the last look goes on at once */
}
END_TEST

/* Pages on their way are waited for, and what was counted before is counted once. */
START_TEST(anchors_wait_for_what_comes)
{
	const unsigned blocks = 100, all = SCSI_UNMAP_DESCRIPTORS * blocks;
	struct unmap_list l;
	uint8_t c[16], *zero = calloc(1, FX_BLOCK);

	list_begin(&l);
	for (unsigned i = 0; i < SCSI_UNMAP_DESCRIPTORS; i++)
		list_add(&l, i, blocks);
	fx.looks = 250;
	fx.anchors_max = (uint64_t)all * FX_BLOCK;
	fx.check_waits = 7;
	anchor(&l);
	fx_good();
	ck_assert_uint_eq(fx.check_waits, 0);
	ck_assert_uint_eq(fx.starved, 7);
	fx.anchors = 0;
	fx.anchors_max--;
	fx.check_waits = 7;
	anchor(&l);
	fx_sense(0x7, 0x27, 0x07);
	ck_assert_uint_eq(fx.anchors, 0);

	fx_cdb(c, 0x93, 0x18, 3, 40);
	fx.looks = 7;
	fx.anchors_max = 40u * FX_BLOCK;
	fx.check_waits = 2;
	fx_run(c, zero, FX_BLOCK);
	fx_good();
	ck_assert_uint_eq(fx.check_waits, 0);
	ck_assert_uint_eq(fx.starved, 2);
	free(zero);
}
END_TEST

START_TEST(write_same_anchors)
{
	static const uint8_t ops[] = {0x41, 0x93};
	uint8_t *data = fx_pattern(FX_BLOCK, 5), *zero = calloc(1, FX_BLOCK), c[16];

	for (size_t i = 0; i < sizeof(ops); i++) {
		fx_cdb(c, ops[i], 0x18, 3, 40);
		memset(fx.medium, 0xee, fx.medium_len);
		fx.slice = 8u * FX_BLOCK;
		fx.anchors = fx.fills = 0;
		fx.anchors_max = 40u * FX_BLOCK;
		fx.error = -EAGAIN;
		fx.error_after = 2;
		fx.error_times = 3;
		fx_run(c, zero, FX_BLOCK);
		fx_good();
		check_same(3, 40, zero);
		ck_assert_uint_eq(fx.anchors, 8);
		ck_assert_uint_eq(fx.starved, 3);
		ck_assert_uint_eq(fx.fills + fx.unmaps, 0);
		/* Data is written. SBC-3 5.43 */
		fx_run(c, data, FX_BLOCK);
		fx_good();
		check_same(3, 40, data);
		ck_assert_uint_eq(fx.anchors, 8);
		fx.anchors_max--;
		fx_run(c, zero, FX_BLOCK);
		fx_sense(0x7, 0x27, 0x07);
		fx_info(3);
		check_same(3, 40, data);
		ck_assert_uint_eq(fx.anchors, 8);
		/* The same if it is not seen at the first look. */
		fx.looks = 7;
		fx.checks = 0;
		fx_run(c, zero, FX_BLOCK);
		fx_sense(0x7, 0x27, 0x07);
		fx_info(3);
		ck_assert_uint_eq(fx.checks, 6);
		ck_assert_uint_eq(fx.checks, fx.runs);
		ck_assert_uint_eq(fx.anchors, 8);
		fx.looks = UINT_MAX;
	}
	free(data);
	free(zero);
}
END_TEST

#define LBA_STATUS CDB(0x9e, 0x12, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0xff, 0xff)

START_TEST(get_lba_status)
{
	const uint32_t page = STORE_PAGE_SIZE / FX_BLOCK;
	uint8_t c[16];

	fx.state[1] = STORE_MAPPED;
	fx.state[2] = STORE_ANCHORED;
	fx_run(LBA_STATUS, NULL, 0);
	fx_good();
	ck_assert_uint_eq(ld32(fx.in), fx.in_len - 4);
	ck_assert_uint_eq(fx.in_len, 8 + 16 * (FX_PAGES + 1));
	uint64_t lba = 5;
	for (size_t i = 0; i <= FX_PAGES; i++) {
		const uint8_t *d = fx.in + 8 + 16 * i;

		ck_assert_uint_eq(ld64(d), lba);
		ck_assert_uint_eq(ld32(d + 8), i == 0 ? page - 5 : i < FX_PAGES ? page : page / 2);
		ck_assert_uint_eq(d[12], i == 1 ? 0 : i == 2 ? 2 : 1);
		lba += ld32(d + 8);
	}
	ck_assert_uint_eq(lba, FX_LAST + 1);
	/* Only as many descriptors as there is room for, but one always. */
	for (uint32_t room = 0; room <= 60; room++) {
		memcpy(c, LBA_STATUS, 16);
		st32(c + 10, room);
		fx_run(c, NULL, 0);
		fx_good();
		const uint32_t n = room < 40 ? 1 : room < 56 ? 2 : 3;
		ck_assert_uint_eq(fx.in_len, room < 8 + 16 * n ? room : 8 + 16 * n);
		if (room >= 4)
			ck_assert_uint_eq(ld32(fx.in), 4 + 16 * n);
	}
	fx_cdb(c, 0x9e, 0x12, FX_LAST, 24);
	fx_run(c, NULL, 0);
	fx_good();
	fx_cdb(c, 0x9e, 0x12, FX_LAST + 1, 24);
	fx_run(c, NULL, 0);
	fx_sense(0x5, 0x21, 0x00);
	fx_cdb(c, 0x9e, 0x12, UINT64_MAX, 24);
	fx_run(c, NULL, 0);
	fx_sense(0x5, 0x21, 0x00);
}
END_TEST

START_TEST(start_stop)
{
	for (unsigned v = 0; v < 8; v++) {
		fx_run(CDB(0x1b, 1, 0, 0, (uint8_t)v), NULL, 0);
		if (v & 2)
			fx_bad_cdb(4, 1);
		else if (!(v & 1))
			fx_bad_cdb(4, 0);
		else
			fx_good();
	}
	fx_run(CDB(0x1b, 0, 0, 0, 0x30), NULL, 0); /* a power condition */
	fx_bad_cdb(4, 5);
}
END_TEST

static void add_tests(TCase *c)
{
	tcase_set_timeout(c, 60);
	tcase_add_test(c, write_same);
	tcase_add_test(c, write_same_without_data);
	tcase_add_test(c, write_same_with_other_lengths);
	tcase_add_test(c, write_same_when_memory_fails);
	tcase_add_test(c, unmap_ranges);
	tcase_add_test(c, unmap_of_the_whole_medium);
	tcase_add_test(c, unmap_checks_all_before_the_first);
	tcase_add_test(c, unmap_list_cut_at_every_byte);
	tcase_add_test(c, unmap_descriptor_lengths);
	tcase_add_test(c, unmap_list_lengths);
	tcase_add_test(c, unmap_anchors);
	tcase_add_test(c, unmap_anchors_all_or_nothing);
	tcase_add_test(c, unmap_anchors_looks_in_slices);
	tcase_add_test(c, anchors_wait_for_what_comes);
	tcase_add_test(c, write_same_anchors);
	tcase_add_test(c, get_lba_status);
	tcase_add_test(c, start_stop);
}

int main(void)
{
	Suite *s = suite_create("scsi_unmap");
	TCase *small = tcase_create("512"), *large = tcase_create("4096");

	tcase_add_checked_fixture(small, fx_open_512, fx_close);
	add_tests(small);
	suite_add_tcase(s, small);
	tcase_add_checked_fixture(large, fx_open_4096, fx_close);
	add_tests(large);
	suite_add_tcase(s, large);
	return test_main(s);
}
