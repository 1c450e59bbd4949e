// SPDX-License-Identifier: MIT
/* test_records.c - the two copies of a record: which one counts, and how the other is healed. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "lib/test_main.h"
#include "store/records.h"

static struct records rs;

static void setup(void)
{
	ck_assert_int_eq(records_open(&rs, -1), 0);
}

static void teardown(void)
{
	records_close(&rs);
}

static struct record_lun sample(uint64_t sequence)
{
	struct record_lun r = {.sequence = sequence,
			       .state = RECORD_LIVE,
			       .provisioning = STORE_THIN,
			       .flags = RECORD_USED,
			       .bytes = 4096 * sequence,
			       .label_len = 5};

	memcpy(r.label, "label", 5);
	return r;
}

static void write_one(uint32_t place, uint64_t sequence)
{
	uint8_t raw[RECORD_BYTES];

	if (place) {
		struct record_lun r = sample(sequence);
		record_put_lun(&r, place, raw);
	} else {
		struct record_store r = {.sequence = sequence, .settings_len = 3};
		memcpy(r.settings, "set", 3);
		record_put_store(&r, raw);
	}
	ck_assert_int_eq(records_reserve(&rs, place), 0);
	ck_assert_int_eq(records_write(&rs, place, raw), 0);
}

static enum record_is read_one(uint32_t place, uint64_t *sequence, bool *healed)
{
	uint8_t raw[RECORD_BYTES];
	enum record_is is;

	ck_assert_int_eq(records_read(&rs, place, raw, &is, healed), 0);
	ck_assert_int_eq(record_check(raw, place, sequence), is);
	return is;
}

static void get_copy(uint32_t place, unsigned copy, uint8_t *raw)
{
	off_t at = (off_t)place * RECORD_BYTES + copy * RECORDS_COPY;

	ck_assert_int_eq(pread(rs.fd, raw, RECORD_BYTES, at), RECORD_BYTES);
}

static void put_copy(uint32_t place, unsigned copy, const uint8_t *raw)
{
	off_t at = (off_t)place * RECORD_BYTES + copy * RECORDS_COPY;

	ck_assert_int_eq(pwrite(rs.fd, raw, RECORD_BYTES, at), RECORD_BYTES);
}

static void change_byte(uint32_t place, unsigned copy, size_t at)
{
	uint8_t raw[RECORD_BYTES];

	get_copy(place, copy, raw);
	raw[at] ^= 0x40;
	put_copy(place, copy, raw);
}

static void expect_same(uint32_t place)
{
	uint8_t a[RECORD_BYTES], b[RECORD_BYTES];

	get_copy(place, 0, a);
	get_copy(place, 1, b);
	ck_assert_mem_eq(a, b, RECORD_BYTES);
}

static const uint32_t places[] = {0, 1, 2, TABLES_MAX};

START_TEST(what_was_written_is_read)
{
	const uint32_t place = places[_i];
	uint64_t sequence;
	bool healed;

	ck_assert_int_eq(read_one(place, &sequence, &healed), RECORD_NONE);
	ck_assert(!healed);
	for (uint64_t i = 1; i < 4; i++) {
		write_one(place, i);
		ck_assert_int_eq(read_one(place, &sequence, &healed), RECORD_GOOD);
		ck_assert(!healed && sequence == i);
		expect_same(place);
	}
}
END_TEST

START_TEST(all_of_a_record_is_kept)
{
	struct record_lun in = sample(7), out;
	struct record_store store = {.sequence = 9, .settings_len = STORE_SETTINGS_MAX}, back;
	uint8_t raw[RECORD_BYTES];

	in.state = RECORD_GOING;
	in.flags = RECORD_HELD;
	in.provisioning = STORE_FULL;
	in.bytes = STORE_LUN_MAX;
	in.label_len = STORE_LABEL_MAX;
	memset(in.label, 0xa5, sizeof(in.label));
	record_put_lun(&in, 3, raw);
	ck_assert_int_eq(record_get_lun(raw, 3, &out), RECORD_GOOD);
	ck_assert_uint_eq(out.sequence, 7);
	ck_assert_int_eq(out.state, RECORD_GOING);
	ck_assert_int_eq(out.flags, RECORD_HELD);
	ck_assert_int_eq(out.provisioning, STORE_FULL);
	ck_assert_uint_eq(out.bytes, STORE_LUN_MAX);
	ck_assert_uint_eq(out.label_len, STORE_LABEL_MAX);
	ck_assert_mem_eq(out.label, in.label, STORE_LABEL_MAX);
	ck_assert_int_eq(record_get_lun(raw, 4, &out), RECORD_BAD);

	memset(store.settings, 0x5a, sizeof(store.settings));
	record_put_store(&store, raw);
	ck_assert_int_eq(record_get_store(raw, &back), RECORD_GOOD);
	ck_assert_uint_eq(back.sequence, 9);
	ck_assert_uint_eq(back.settings_len, STORE_SETTINGS_MAX);
	ck_assert_mem_eq(back.settings, store.settings, STORE_SETTINGS_MAX);
}
END_TEST

/* Each byte of one copy: the other serves, and heals it. */
START_TEST(one_bad_copy_is_healed)
{
	const uint32_t place = places[_i];
	uint64_t sequence, n = 0;
	bool healed;

	write_one(place, 5);
	for (size_t at = 0; at < RECORD_BYTES; at++) {
		for (unsigned copy = 0; copy < 2; copy++, n++) {
			change_byte(place, copy, at);
			ck_assert_int_eq(read_one(place, &sequence, &healed), RECORD_GOOD);
			ck_assert(healed && sequence == 5);
			expect_same(place);
		}
	}
	printf("# %llu changed bytes healed\n", (unsigned long long)n);
}
END_TEST

/* Each byte of both copies: lost, and left as it is. */
START_TEST(two_bad_copies_are_lost)
{
	const uint32_t place = places[_i];
	uint64_t sequence, n = 0;
	bool healed;

	for (size_t at = 0; at < RECORD_BYTES; at++, n++) {
		write_one(place, 5);
		change_byte(place, 0, at);
		change_byte(place, 1, RECORD_BYTES - 1 - at);
		ck_assert_int_eq(read_one(place, &sequence, &healed), RECORD_BAD);
		ck_assert(!healed && sequence == 0);
	}
	printf("# %llu records lost\n", (unsigned long long)n);
}
END_TEST

/* As a process leaves them that ends while it writes, at each byte. */
START_TEST(a_torn_write_is_old_or_new)
{
	const uint32_t place = places[_i];
	uint8_t old[RECORD_BYTES], new[RECORD_BYTES], torn[RECORD_BYTES];
	uint64_t sequence, olds = 0, news = 0;
	bool healed;

	write_one(place, 6);
	get_copy(place, 0, new);
	write_one(place, 5);
	get_copy(place, 0, old);
	for (unsigned copy = 0; copy < 2; copy++) {
		for (size_t at = 0; at <= RECORD_BYTES; at++) {
			memcpy(torn, new, at);
			memcpy(torn + at, old + at, RECORD_BYTES - at);
			put_copy(place, 0, copy ? new : torn);
			put_copy(place, 1, copy ? torn : old);
			ck_assert_int_eq(read_one(place, &sequence, &healed), RECORD_GOOD);
			ck_assert(sequence == 5 || (sequence == 6 && (copy || at > 16)));
			ck_assert(!copy || sequence == 6);
			olds += sequence == 5;
			news += sequence == 6;
			expect_same(place);
		}
	}
	ck_assert(olds && news);
}
END_TEST

/* The first write of a place: nothing, or all. */
START_TEST(a_torn_first_write_is_none)
{
	uint8_t zero[RECORD_BYTES] = {0}, torn[RECORD_BYTES];
	uint64_t sequence;
	bool healed;

	write_one(1, 1);
	get_copy(1, 0, torn);
	memset(torn + RECORD_BYTES / 2, 0, RECORD_BYTES / 2);
	torn[RECORD_BYTES / 2 - 1] = 1;
	put_copy(1, 0, torn);
	put_copy(1, 1, zero);
	ck_assert_int_eq(read_one(1, &sequence, &healed), RECORD_NONE);
	ck_assert(healed);
	expect_same(1);
	/* All of one copy is gone, as if it had never been written. */
	write_one(1, 1);
	put_copy(1, 0, zero);
	ck_assert_int_eq(read_one(1, &sequence, &healed), RECORD_GOOD);
	ck_assert(healed && sequence == 1);
}
END_TEST

START_TEST(a_newer_format_is_known_as_such)
{
	const uint32_t place = places[_i];
	uint8_t raw[RECORD_BYTES], a[RECORD_BYTES];
	struct record_head h;
	uint64_t sequence;
	bool healed;

	write_one(place, 5);
	get_copy(place, 0, a);
	memcpy(raw, a, RECORD_BYTES);
	memcpy(&h, raw, sizeof(h));
	put32(&h.format, STORE_FORMAT_NEWEST + 1);
	put64(&h.sequence, 6);
	memcpy(raw, &h, sizeof(h));
	/* What lies where the CRC does is left out of it. */
	uint32_t crc = crc32c_update(CRC32C_INIT, raw, 12);
	put32(&h.crc, ~crc32c_update(crc, raw + 16, RECORD_BYTES - 16));
	memcpy(raw, &h, sizeof(h));
	put_copy(place, 0, raw);
	ck_assert_int_eq(read_one(place, &sequence, &healed), RECORD_NEWER);
	ck_assert(!healed);
	put_copy(place, 1, raw);
	ck_assert_int_eq(read_one(place, &sequence, &healed), RECORD_NEWER);
}
END_TEST

/* clang-format off */
static const struct { size_t at; uint8_t v[8]; size_t n; } insane[] = {
	{offsetof(struct record_lun_wire, state), {4}, 1},
	{offsetof(struct record_lun_wire, provisioning), {2}, 1},
	{offsetof(struct record_lun_wire, flags), {4}, 1},
	{offsetof(struct record_lun_wire, label_len), {0, 0, 4, 1}, 4},
	{offsetof(struct record_lun_wire, bytes), {0}, 8},
	{offsetof(struct record_lun_wire, bytes), {0, 0, 0, 0, 0, 0, 2, 1}, 8},
	{offsetof(struct record_lun_wire, bytes), {0, 0, 0x40, 0, 0, 0, 2, 0}, 8},
};
/* clang-format on */

/* Its CRC is right, and what it says cannot be. */
START_TEST(what_cannot_be_is_no_record)
{
	struct record_lun r = sample(1), out;
	uint8_t raw[RECORD_BYTES];
	uint64_t sequence;
	be32 crc;

	record_put_lun(&r, 1, raw);
	memcpy(raw + insane[_i].at, insane[_i].v, insane[_i].n);
	uint32_t c = crc32c_update(CRC32C_INIT, raw, 12);
	put32(&crc, ~crc32c_update(c, raw + 16, RECORD_BYTES - 16));
	memcpy(raw + 12, &crc, 4);
	ck_assert_int_eq(record_get_lun(raw, 1, &out), RECORD_BAD);
	ck_assert_int_eq(record_check(raw, 1, &sequence), RECORD_BAD);
	ck_assert_uint_eq(sequence, 0);
}
END_TEST

START_TEST(other_files_are_refused)
{
	struct records other;

	ck_assert_int_eq(ftruncate(rs.fd, RECORDS_BYTES - 1), 0);
	ck_assert_int_eq(records_open(&other, rs.fd), -EINVAL);
	ck_assert_int_eq(records_open(&other, 9999), -EBADF);
	ck_assert_int_eq(ftruncate(rs.fd, RECORDS_BYTES), 0);
	ck_assert_int_eq(records_open(&other, rs.fd), 0);
	pthread_mutex_destroy(&other.lock);
}
END_TEST

/* A process has it until it ends, and is named. */
START_TEST(one_process_has_the_lock)
{
	int ready[2], go[2];
	char byte;
	pid_t pid, who = 0;

	ck_assert_int_eq(pipe(ready) | pipe(go), 0);
	pid = fork();
	if (!pid) {
		int rc = records_lock(&rs, 0, &who);
		if (rc || write(ready[1], "x", 1) != 1 || read(go[0], &byte, 1) != 1)
			_exit(1);
		_exit(0);
	}
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	ck_assert_int_eq(records_lock(&rs, 0, &who), -EBUSY);
	ck_assert_int_eq(who, pid);
	/* Who is about to end is waited for. */
	ck_assert_int_eq(write(go[1], "x", 1), 1);
	ck_assert_int_eq(records_lock(&rs, 60, &who), 0);
	waitpid(pid, NULL, 0);
}
END_TEST

int main(void)
{
	const int n = sizeof(places) / sizeof(places[0]);
	Suite *suite = suite_create("records");
	TCase *tc = tcase_create("records");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, what_was_written_is_read, 0, n);
	tcase_add_test(tc, all_of_a_record_is_kept);
	tcase_add_loop_test(tc, one_bad_copy_is_healed, 0, n);
	tcase_add_loop_test(tc, two_bad_copies_are_lost, 0, n);
	tcase_add_loop_test(tc, a_torn_write_is_old_or_new, 0, n);
	tcase_add_test(tc, a_torn_first_write_is_none);
	tcase_add_loop_test(tc, a_newer_format_is_known_as_such, 0, n);
	tcase_add_loop_test(tc, what_cannot_be_is_no_record, 0, sizeof(insane) / sizeof(insane[0]));
	tcase_add_test(tc, other_files_are_refused);
	tcase_add_test(tc, one_process_has_the_lock);
	suite_add_tcase(suite, tc);
	return test_main(suite);
}
