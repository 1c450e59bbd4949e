// SPDX-License-Identifier: MIT
/* test_store_intent.c - which intents of kept memory are done again, and which must not be. */
#include "test_kept.h"

#include <errno.h>
#include <sys/stat.h>

#include "base/crc32c.h"
#include "base/log.h"

#define PAGES 4u
#define POOL  16u
#define OTHER 7u /* a reader that this process has not */

static struct store *s;
static struct store_lun *l;
static struct store_files kept;
static uint32_t entry[PAGES];
static unsigned slot;

/* A LUN of ones, which its process has left. */
static void begin(int kind)
{
	uint8_t *ones = malloc(PAGE);

	s = open_store(kind, POOL, 1);
	l = make_lun(s, PAGES * PAGE, STORE_THIN);
	struct store_reader *r = store_reader(s, 0);
	memset(ones, 1, PAGE);
	for (unsigned i = 0; i < 3; i++) {
		filler_run(s);
		ck_assert_int_eq(store_write(r, l, i * PAGE, ones, PAGE), (int64_t)PAGE);
		entry[i] = table_get(&l->table, i);
	}
	free(ones);
	slot = l->table.slot;
	kept = keep_files(s);
	store_reader_offline(r);
	store_lun_leave(l);
	store_leave(s);
}

static void adopt(void)
{
	s = adopt_store(&kept, POOL, 1);
	l = adopt_lun(s, slot);
}

static void leave(void)
{
	store_lun_leave(l);
	store_leave(s);
}

static void end(void)
{
	adopt();
	store_lun_destroy(l);
	store_close(s);
	drop_files(&kept);
}

static struct intent intent_of(enum intent_kind kind, uint32_t page, uint32_t from, uint32_t len)
{
	return (struct intent){
		.kind = kind, .slot = slot, .n = 1, .range = {{entry[page], page, from, len}}};
}

static void put_raw(unsigned reader, const uint8_t raw[INTENT_BYTES], const void *data, size_t n)
{
	const off_t at = intent_place(reader);

	ck_assert_int_eq(pwrite(kept.records, data, n, at + (off_t)INTENT_DATA), (ssize_t)n);
	ck_assert_int_eq(pwrite(kept.records, raw, INTENT_BYTES, at), INTENT_BYTES);
}

/* Of its data there are n bytes at most. */
static void put(unsigned reader, const struct intent *i, const void *data, size_t n)
{
	uint8_t raw[INTENT_BYTES] = {0};
	const uint64_t seal = intent_put(i, raw);

	memcpy(raw, &seal, sizeof(seal));
	put_raw(reader, raw, data, intent_data(i) < n ? intent_data(i) : n);
}

/* Nothing is left that could be done a second time. */
static void expect_forgotten(void)
{
	for (unsigned i = 0; i <= OTHER; i++) {
		uint8_t raw[INTENT_BYTES];
		struct intent in;

		ck_assert_int_eq(pread(kept.records, raw, sizeof(raw), intent_place(i)),
				 sizeof(raw));
		ck_assert_int_eq(intent_get(raw, &in), INTENT_NONE);
	}
}

static void expect_untouched(void)
{
	adopt();
	expect(l, 0, 3 * PAGE, 1);
	expect(l, 3 * PAGE, PAGE, 0);
	ck_assert_uint_eq(store_lun_pages(l), 3);
	expect_forgotten();
	leave();
}

START_TEST(each_kind_is_done_again)
{
	uint8_t data[8192];

	begin(_i);
	struct intent zero = intent_of(INTENT_ZERO, 0, 512, 1024);
	struct intent fill = intent_of(INTENT_FILL, 1, 4096, 8192);
	struct intent copy = intent_of(INTENT_COPY, 0, (uint32_t)PAGE - 4096, 4096);
	copy.n = 2;
	copy.range[1] = (struct intent_range){entry[2], 2, 0, 4096};
	fill.block_size = 4096;
	memset(data, 3, 4096);
	memset(data + 4096, 4, 4096);
	put(0, &zero, data, sizeof(data));
	put(1, &fill, data, sizeof(data));
	put(OTHER, &copy, data, sizeof(data));
	adopt();
	expect(l, 0, 512, 1);
	expect(l, 512, 1024, 0);
	expect(l, 1536, PAGE - 4096 - 1536, 1);
	expect(l, PAGE - 4096, 4096, 3);
	expect(l, PAGE, 4096, 1);
	expect(l, PAGE + 4096, 8192, 3);
	expect(l, PAGE + 12288, PAGE - 12288, 1);
	expect(l, 2 * PAGE, 4096, 4);
	expect(l, 2 * PAGE + 4096, PAGE - 4096, 1);
	expect_forgotten();
	leave();
	end();
}
END_TEST

/* The page is another's by now, or nobody's: whose, the table tells. */
START_TEST(another_page_is_left_alone)
{
	const uint8_t data[512] = {9};
	struct intent wrong[8];

	begin(_i);
	for (unsigned k = 0; k < 8; k++)
		wrong[k] = intent_of(k % 2 ? INTENT_COPY : INTENT_ZERO, 0, 0, 512);
	wrong[0].range[0].num = entry[1];
	wrong[1].range[0].page = 1;
	wrong[2].range[0].page = 3;	/* a hole */
	wrong[3].range[0].page = PAGES; /* behind the end */
	wrong[4].slot = slot + 1;
	wrong[5].slot = TABLES_MAX - 1;
	wrong[6].range[0].num = POOL + 1;
	wrong[7].range[0].num = TABLE_NUMBER;
	for (unsigned k = 0; k < 8; k++) {
		put(k % 2 ? 0 : OTHER, &wrong[k], data, sizeof(data));
		expect_untouched();
	}
	end();
}
END_TEST

/* With a checksum that fits, too. */
START_TEST(what_is_damaged_is_not_done)
{
	const uint8_t data[512] = {9};
	uint8_t raw[INTENT_BYTES] = {0};

	begin(_i);
	const struct intent i = intent_of(INTENT_COPY, 0, 0, 512);
	const uint64_t seal = intent_put(&i, raw);
	memcpy(raw, &seal, sizeof(seal));
	for (unsigned bit = 0; bit < INTENT_BYTES * 8; bit += 3) {
		uint8_t bad[INTENT_BYTES];

		memcpy(bad, raw, sizeof(bad));
		bad[bit / 8] ^= (uint8_t)(1u << bit % 8);
		struct intent out;
		ck_assert_int_eq(intent_get(bad, &out), INTENT_BAD);
		ck_assert_uint_eq(out.n, 0);
	}
	raw[20] ^= 1;
	put_raw(0, raw, data, sizeof(data));
	expect_untouched();

	struct intent wrong[12];
	for (unsigned k = 0; k < 12; k++)
		wrong[k] = intent_of(INTENT_ZERO, 0, 0, 512);
	wrong[0].range[0].len = 0;
	wrong[1].range[0].len = 511;
	wrong[2].range[0].from = 100;
	wrong[3].range[0].from = (uint32_t)PAGE;
	wrong[4].range[0].from = (uint32_t)PAGE - 512;
	wrong[4].range[0].len = 1024;
	wrong[5].slot = TABLES_MAX;
	wrong[6].range[0].num = 0;
	wrong[7].kind = (enum intent_kind)4;
	wrong[8].kind = INTENT_COPY;
	wrong[8].range[0].len = (uint32_t)INTENT_MOST + 512;
	wrong[9].kind = INTENT_FILL;
	wrong[10].kind = INTENT_FILL;
	wrong[10].block_size = 1024;
	wrong[11].n = 2;
	wrong[11].range[1] = wrong[11].range[0];
	for (unsigned k = 0; k < 12; k++) {
		put(0, &wrong[k], data, sizeof(data));
		expect_untouched();
	}
	end();
}
END_TEST

static uint32_t format_of_store(void)
{
	uint8_t raw[RECORD_BYTES];

	ck_assert_int_eq(pread(kept.records, raw, sizeof(raw), 0), sizeof(raw));
	return ld32(raw + offsetof(struct record_head, format));
}

static void put_format(unsigned copy, uint32_t format)
{
	const size_t at = offsetof(struct record_head, crc), after = at + sizeof(be32);
	uint8_t raw[RECORD_BYTES];

	ck_assert_int_eq(pread(kept.records, raw, sizeof(raw), copy * RECORDS_COPY), sizeof(raw));
	st32(raw + offsetof(struct record_head, format), format);
	uint32_t crc = crc32c_update(CRC32C_INIT, raw, at);
	st32(raw + at, ~crc32c_update(crc, raw + after, RECORD_BYTES - after));
	ck_assert_int_eq(pwrite(kept.records, raw, sizeof(raw), copy * RECORDS_COPY), sizeof(raw));
}

/* An older memtgtd left it; from now on none takes it that would not know of intents. */
START_TEST(older_memory_is_taken)
{
	const off_t sizes[] = {RECORDS_BYTES, RECORDS_FILE, INTENTS_FILE};

	begin(_i);
	for (unsigned k = 0; k < 3; k++) {
		struct stat st;

		put_format(0, 1);
		put_format(1, 1);
		ck_assert_int_eq(ftruncate(kept.records, sizes[k]), 0);
		adopt();
		expect(l, 0, 3 * PAGE, 1);
		ck_assert_uint_eq(format_of_store(), 2);
		ck_assert_int_eq(fstat(kept.records, &st), 0);
		ck_assert_int_eq(st.st_size, INTENTS_FILE);
		leave();
	}
	end();
}
END_TEST

/* Places of readers that there are no more keep no memory; nor does what a large write took. */
START_TEST(its_memory_is_small)
{
	uint8_t *data = malloc(STORE_WHOLE_MAX);
	struct stat before, after;

	begin(_i);
	adopt();
	ck_assert_int_eq(fstat(kept.records, &before), 0);
	memset(data, 5, STORE_WHOLE_MAX);
	struct store_reader *r = store_reader(s, 0);
	ck_assert_int_eq(store_write_whole(r, l, PAGE - 512, data, STORE_WHOLE_MAX),
			 (int64_t)STORE_WHOLE_MAX);
	expect(l, PAGE - 512, STORE_WHOLE_MAX, 5);
	ck_assert_int_eq(fstat(kept.records, &after), 0);
	ck_assert_int_ge(after.st_blocks - before.st_blocks,
			 (STORE_WHOLE_MAX - INTENT_CHUNK) / 512);
	store_reader_offline(r);
	leave();
	adopt();
	ck_assert_int_eq(fstat(kept.records, &after), 0);
	ck_assert_int_eq(after.st_blocks, before.st_blocks);
	leave();
	end();
	free(data);
}
END_TEST

/* Zeroes into a hole of a thin LUN take no page, in one part of a write or in both. */
START_TEST(whole_writes_leave_holes)
{
	uint8_t data[4096] = {0};

	begin(_i);
	adopt();
	struct store_reader *r = store_reader(s, 0);
	ck_assert_int_eq(store_write_whole(r, l, 3 * PAGE - 512, data, 1024), 1024);
	expect(l, 3 * PAGE - 512, 1024, 0);
	ck_assert_int_eq(store_write_whole(r, l, 3 * PAGE + 512, data, 4096), 4096);
	ck_assert_uint_eq(store_lun_pages(l), 3);
	data[600] = 1;
	ck_assert_int_eq(store_write_whole(r, l, 3 * PAGE - 512, data, 1024), -EAGAIN);
	filler_run(s);
	ck_assert_int_eq(store_write_whole(r, l, 3 * PAGE - 512, data, 1024), 1024);
	ck_assert_uint_eq(store_lun_pages(l), 4);
	ck_assert_uint_eq(*store_at(l, 3 * PAGE + 88, 1, &(size_t){0}), 1);
	store_reader_offline(r);
	leave();
	end();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("store_intent");
	TCase *tc = tcase_create("intent");

	log_set_level(LOG_LEVEL_ERROR);
	tcase_add_loop_test(tc, each_kind_is_done_again, KINDS_FROM, KINDS_TO);
	tcase_add_loop_test(tc, another_page_is_left_alone, KINDS_FROM, KINDS_TO);
	tcase_add_loop_test(tc, what_is_damaged_is_not_done, KINDS_FROM, KINDS_TO);
	tcase_add_loop_test(tc, older_memory_is_taken, KINDS_FROM, KINDS_TO);
	tcase_add_loop_test(tc, its_memory_is_small, KINDS_FROM, KINDS_TO);
	tcase_add_loop_test(tc, whole_writes_leave_holes, KINDS_FROM, KINDS_TO);
	suite_add_tcase(suite, tc);
	return test_main(suite);
}
