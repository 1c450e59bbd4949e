// SPDX-License-Identifier: MIT
/* test_store_data.c - reading, writing, filling, unmapping, at the borders of blocks and pages. */
#include "test_store.h"

#include <errno.h>
#include <stdlib.h>

#define LEAF (1024 * PAGE) /* what 4 KiB of the table stand for */

static struct store *s;
static struct store_reader *r;
static uint8_t ones[2 << 21], noughts[2 << 21];

static void setup(int kind, uint64_t pages)
{
	s = open_store(kind, pages, 1);
	r = store_reader(s, 0);
	memset(ones, 1, sizeof(ones));
}

static void teardown(struct store_lun *l)
{
	quiet_all(s, r);
	ck_assert_uint_eq(stats_of(s).pages_used, store_lun_pages(l));
	ck_assert_uint_eq(stats_of(s).host_bytes,
			  (store_lun_pages(l) + stats_of(s).pages_reserve) * PAGE);
	store_lun_destroy(l);
	expect_empty(s);
	store_close(s);
}

static void put(struct store_lun *l, uint64_t off, size_t n)
{
	filler_run(s);
	ck_assert_int_eq(store_write(r, l, off, ones, n), (int64_t)n);
}

/* Size of the LUN, where and how much is written, the pages that takes. */
/* clang-format off */
static const struct {
	uint64_t bytes, off, n;
	uint64_t pages;
} writes[] = {
	{512,		 0,		 512,	   1},
	{512,		 511,		 1,	   1},
	{512,		 512,		 0,	   0},
	{PAGE - 512,	 PAGE - 1024,	 512,	   1},
	{PAGE,		 0,		 PAGE,	   1},
	{PAGE,		 PAGE - 1,	 1,	   1},
	{PAGE + 512,	 PAGE - 512,	 512,	   1},
	{PAGE + 512,	 PAGE - 512,	 1024,	   2},
	{PAGE + 512,	 PAGE,		 512,	   1},
	{3 * PAGE,	 PAGE - 1,	 PAGE + 2, 3},
	{3 * PAGE,	 PAGE,		 PAGE,	   1},
	{STORE_LUN_MAX,	 0,		 1,	   1},
	{STORE_LUN_MAX,	 LEAF - 512,	 1024,	   2},
	{STORE_LUN_MAX,	 STORE_LUN_MAX - 512, 512, 1},
};
/* clang-format on */
#define NWRITES (sizeof(writes) / sizeof(writes[0]))

START_TEST(write_touches_only_its_bytes)
{
	for (size_t i = 0; i < NWRITES; i++) {
		uint64_t off = writes[i].off, n = writes[i].n, end = writes[i].bytes;
		setup(_i, 4);
		struct store_lun *l = make_lun(s, end, STORE_THIN);
		uint64_t before = off < PAGE ? off : PAGE;
		uint64_t after = end - off - n < PAGE ? end - off - n : PAGE;

		put(l, off, n);
		ck_assert_uint_eq(store_lun_pages(l), writes[i].pages);
		expect(l, off - before, before, 0);
		expect(l, off, n, 1);
		expect(l, off + n, after, 0);
		teardown(l);
	}
}
END_TEST

/* Reading a LUN of any size takes nothing, and never goes over the end of a page. */
START_TEST(holes_cost_nothing)
{
	size_t have;

	setup(_i, 1);
	struct store_lun *l = make_lun(s, STORE_LUN_MAX, STORE_THIN);
	expect(l, 0, 64 * PAGE, 0);
	expect(l, STORE_LUN_MAX - 512, 512, 0);
	store_at(l, PAGE - 1, 100, &have);
	ck_assert_uint_eq(have, 1);
	store_at(l, PAGE, 2 * PAGE, &have);
	ck_assert_uint_eq(have, PAGE);
	store_at(l, STORE_LUN_MAX, 0, &have);
	ck_assert_uint_eq(have, 0);
	put(l, 3 * PAGE, 1);
	expect(l, LEAF - PAGE, 64 * PAGE, 0);
	ck_assert_uint_eq(store_lun_pages(l), 1);
	teardown(l);
}
END_TEST

START_TEST(zeroes_leave_holes)
{
	setup(_i, 4);
	struct store_lun *l = make_lun(s, 4 * PAGE, STORE_THIN);
	ck_assert_int_eq(store_write(r, l, 0, noughts, 2 * PAGE), 2 * PAGE);
	ck_assert_uint_eq(store_lun_pages(l), 0);
	/* One byte in the middle of three pages: only its page. */
	static uint8_t mixed[3 << 21];
	mixed[2 * PAGE - 1] = 1;
	ck_assert_int_eq(store_write(r, l, 512, mixed, sizeof(mixed)), sizeof(mixed));
	ck_assert_uint_eq(store_lun_pages(l), 1);
	expect(l, 2 * PAGE + 511, 1, 1);
	/* Zeroes over data are written. */
	put(l, 0, 1024);
	ck_assert_int_eq(store_write(r, l, 512, noughts, 512), 512);
	expect(l, 0, 512, 1);
	expect(l, 512, 512, 0);
	teardown(l);
}
END_TEST

START_TEST(full_pool_and_recovery)
{
	setup(_i, 2);
	struct store_lun *l = make_lun(s, 4 * PAGE, STORE_THIN);
	put(l, 0, 1);
	/* What fits is written, from the front, up to a page's border. */
	ck_assert_int_eq(store_write(r, l, PAGE + 100, ones, PAGE), PAGE - 100);
	ck_assert_int_eq(store_write(r, l, 2 * PAGE, ones, 1), -ENOSPC);
	ck_assert_int_eq(store_fill(r, l, 2 * PAGE, 512, ones, 512), -ENOSPC);
	ck_assert_int_eq(store_write(r, l, 2 * PAGE, noughts, PAGE), PAGE);
	ck_assert_int_eq(store_fill(r, l, 2 * PAGE, PAGE, noughts, 512), PAGE);
	put(l, 512, 512);
	ck_assert_uint_eq(store_lun_pages(l), 2);
	/* A page that is on its way back is worth waiting for. */
	ck_assert_uint_eq(store_unmap(r, l, 0, PAGE), PAGE);
	ck_assert_uint_eq(stats_of(s).pages_retired, 1);
	ck_assert_int_eq(store_write(r, l, 2 * PAGE, ones, 1), -EAGAIN);
	ck_assert_int_eq(store_fill(r, l, 2 * PAGE, 512, ones, 512), -EAGAIN);
	store_reader_quiet(r);
	put(l, 2 * PAGE, 1);
	expect(l, 2 * PAGE + 1, PAGE - 1, 0);
	ck_assert_int_eq(store_write(r, l, 3 * PAGE, ones, 1), -ENOSPC);
	teardown(l);
}
END_TEST

/* A LUN of four pages and a part, all written; what is unmapped, and the pages that stay. */
#define TAIL (4 * PAGE + 1024)
/* clang-format off */
static const struct {
	uint64_t off, len, thin_pages;
} unmaps[] = {
	{0,		 TAIL,		 0},
	{0,		 PAGE,		 4},
	{0,		 PAGE - 512,	 5},
	{512,		 PAGE - 512,	 5},
	{512,		 PAGE,		 5},
	{512,		 2 * PAGE - 512, 4},
	{PAGE - 512,	 1024,		 5},
	{PAGE - 512,	 PAGE + 1024,	 4},
	{PAGE,		 2 * PAGE,	 3},
	{4 * PAGE,	 1024,		 4}, /* all that there is of the last page */
	{4 * PAGE,	 512,		 5},
	{4 * PAGE + 512, 512,		 5},
	{TAIL - 512,	 512,		 5},
};
/* clang-format on */
#define NUNMAPS (sizeof(unmaps) / sizeof(unmaps[0]))

static void unmap_all(struct store_lun *l, uint64_t off, uint64_t len)
{
	while (len) {
		uint64_t n = store_unmap(r, l, off, len);

		ck_assert(n && n <= len);
		off += n;
		len -= n;
	}
}

static void check_unmap(struct store_lun *l, uint64_t off, uint64_t len)
{
	for (uint64_t at = 0; at < TAIL; at += PAGE)
		put(l, at, TAIL - at < PAGE ? TAIL - at : PAGE);
	unmap_all(l, off, len);
	expect(l, 0, off, 1);
	expect(l, off, len, 0);
	expect(l, off + len, TAIL - off - len, 1);
}

START_TEST(unmap_reads_as_zeroes)
{
	for (size_t i = 0; i < NUNMAPS; i++) {
		setup(_i, 10);
		struct store_lun *thin = make_lun(s, TAIL, STORE_THIN);
		struct store_lun *full = make_lun(s, TAIL, STORE_FULL);

		check_unmap(thin, unmaps[i].off, unmaps[i].len);
		ck_assert_uint_eq(store_lun_pages(thin), unmaps[i].thin_pages);
		check_unmap(full, unmaps[i].off, unmaps[i].len);
		ck_assert_uint_eq(store_lun_pages(full), 5);
		quiet_all(s, r);
		/* What comes back is clean. */
		put(thin, 0, 1);
		expect(thin, 1, 511, unmaps[i].off < 512 ? 0 : 1);
		store_lun_destroy(full);
		teardown(thin);
	}
}
END_TEST

START_TEST(slices_are_bounded)
{
	const uint64_t n = STORE_SLICE_PAGES + 10;
	setup(_i, n);
	struct store_lun *l = make_lun(s, STORE_LUN_MAX, STORE_THIN);

	for (uint64_t i = 0; i < n; i++)
		put(l, i * PAGE, 1);
	/* Taken out: so many pages at a time. Written: so many bytes, to the end of a page. */
	ck_assert_int_eq(store_fill(r, l, 0, n * PAGE, noughts, 4096), STORE_SLICE_BYTES);
	ck_assert_int_eq(store_fill(r, l, 512, n * PAGE, noughts, 512), STORE_SLICE_BYTES - 512);
	ck_assert_int_eq(store_fill(r, l, 512, n * PAGE, ones, 512), STORE_SLICE_BYTES - 512);
	ck_assert_int_eq(store_fill(r, l, 0, n * PAGE, ones, 4096), STORE_SLICE_BYTES);
	ck_assert_uint_eq(store_unmap(r, l, 512, n * PAGE), STORE_SLICE_PAGES * PAGE + PAGE - 512);
	ck_assert_uint_eq(stats_of(s).pages_retired, STORE_SLICE_PAGES);
	ck_assert_uint_eq(store_lun_pages(l), 10);
	/* Emptiness is passed by the leaf: all 64 TiB in one call, but what has a table: its 1024
	 * entries one by one. */
	uint64_t rest = STORE_LUN_MAX - LEAF;
	ck_assert_uint_eq(store_unmap(r, l, LEAF, rest), rest);
	ck_assert_int_eq(store_fill(r, l, LEAF, rest, noughts, 512), (int64_t)rest);
	unmap_all(l, 0, STORE_LUN_MAX);
	ck_assert_uint_eq(store_lun_pages(l), 0);
	teardown(l);
}
END_TEST

START_TEST(fill_copies_the_block)
{
	uint8_t block[4096];
	size_t have;

	setup(_i, 5);
	struct store_lun *l = make_lun(s, 5 * PAGE, STORE_THIN);
	for (size_t i = 0; i < sizeof(block); i++)
		block[i] = (uint8_t)(i * 7 + i / 256);
	for (size_t size = 512; size <= 4096; size += 4096 - 512) {
		uint64_t off = PAGE - 2 * size, len = 4 * size;

		put(l, 0, 2 * PAGE);
		ck_assert_int_eq(store_fill(r, l, off, len, block, size), (int64_t)len);
		expect(l, 0, off, 1);
		for (uint64_t at = off; at < off + len; at += size)
			ck_assert_mem_eq(store_at(l, at, size, &have), block, size);
		expect(l, off + len, PAGE - 2 * size, 1);
	}
	/* Zeroes: what is there is zeroed and kept, what is not stays a hole. */
	ck_assert_int_eq(store_fill(r, l, 512, 5 * PAGE - 512, noughts, 512), 5 * PAGE - 512);
	ck_assert_uint_eq(store_lun_pages(l), 2);
	expect(l, 0, 512, 1);
	expect(l, 512, 5 * PAGE - 512, 0);
	teardown(l);
}
END_TEST

static void expect_mapped(struct store_lun *l, uint64_t off, uint64_t max, bool answer,
			  uint64_t want)
{
	uint64_t run = 0;

	ck_assert_int_eq(store_state(l, off, max, &run), answer ? STORE_MAPPED : STORE_DEALLOCATED);
	ck_assert_uint_eq(run, want);
}

START_TEST(mapped_tells_runs)
{
	setup(_i, 4);
	struct store_lun *l = make_lun(s, 4 * LEAF + 512, STORE_THIN);
	uint64_t end = 4 * LEAF + 512;

	expect_mapped(l, 0, UINT64_MAX, false, end);
	expect_mapped(l, end - 512, UINT64_MAX, false, 512);
	put(l, PAGE, 1);
	put(l, 2 * PAGE, 1);
	put(l, 4 * LEAF, 1);
	put(l, 2 * LEAF - 1, 1);
	expect_mapped(l, 0, end, false, PAGE);
	expect_mapped(l, 512, 512, false, 512);
	expect_mapped(l, PAGE - 512, end, false, 512);
	expect_mapped(l, PAGE, end, true, 2 * PAGE);
	expect_mapped(l, PAGE + 512, PAGE, true, PAGE);
	expect_mapped(l, 3 * PAGE, end, false, 2 * LEAF - 4 * PAGE);
	expect_mapped(l, 2 * LEAF - PAGE, end, true, PAGE);
	expect_mapped(l, 2 * LEAF, end, false, 2 * LEAF);
	expect_mapped(l, 4 * LEAF, end, true, 512);
	expect_mapped(l, 2 * LEAF + PAGE, end, false, 2 * LEAF - PAGE);
	unmap_all(l, 2 * LEAF + PAGE, end - 2 * LEAF - PAGE);
	expect_mapped(l, 2 * LEAF, end, false, 2 * LEAF + 512);
	ck_assert_uint_eq(store_lun_pages(l), 3);
	teardown(l);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("store_data");
	TCase *tc = tcase_create("data");

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, write_touches_only_its_bytes, KINDS_FROM, KINDS_TO);
	tcase_add_loop_test(tc, holes_cost_nothing, KINDS_FROM, KINDS_TO);
	tcase_add_loop_test(tc, zeroes_leave_holes, KINDS_FROM, KINDS_TO);
	tcase_add_loop_test(tc, full_pool_and_recovery, KINDS_FROM, KINDS_TO);
	tcase_add_loop_test(tc, unmap_reads_as_zeroes, KINDS_FROM, KINDS_TO);
	tcase_add_loop_test(tc, slices_are_bounded, KINDS_FROM, KINDS_TO);
	tcase_add_loop_test(tc, fill_copies_the_block, KINDS_FROM, KINDS_TO);
	tcase_add_loop_test(tc, mapped_tells_runs, KINDS_FROM, KINDS_TO);
	suite_add_tcase(suite, tc);
	return test_main(suite);
}
