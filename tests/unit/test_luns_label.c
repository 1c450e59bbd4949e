// SPDX-License-Identifier: MIT
/* test_luns_label.c - the label of a LUN: what is written is read, and nothing else is. */
#include "luns/label.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/test_main.h"

static uint8_t bytes[STORE_LABEL_MAX];
static size_t len;

static struct luns_label sample(void)
{
	struct luns_label l = {.target = "iqn.2026-01.org.memtgt:a",
			       .id = 255,
			       .block_size = 4096,
			       .generation = UINT32_MAX,
			       .read_only = true,
			       .by_config = true,
			       .serial = "12345678901234567890",
			       .naa = {0x31, 2, 3, 4, 5, 6, 7, 8},
			       .configured = {.size = (uint64_t)1 << 46,
					      .block_size = 512,
					      .is_thin = true,
					      .serial = "S"},
			       .nstarters = 2};

	memset(l.starters, 0xab, SCSI_STARTER_SIZE);
	memset(l.starters + SCSI_STARTER_SIZE, 0xcd, SCSI_STARTER_SIZE);
	return l;
}

static void write_sample(void)
{
	struct luns_label l = sample();

	len = label_write(&l, bytes);
}

/* In a block of its own, so that a step past its end is seen. */
static int read_bytes(size_t n)
{
	struct luns_label l;
	uint8_t *copy = malloc(n ? n : 1);

	memcpy(copy, bytes, n);
	int rc = label_read(copy, n, &l);
	free(copy);
	return rc;
}

START_TEST(what_is_written_is_read)
{
	struct luns_label was = sample(), is;

	ck_assert_uint_eq(len, sizeof(struct label_wire) + strlen(was.target) + 32);
	ck_assert_int_eq(label_read(bytes, len, &is), 0);
	ck_assert_str_eq(is.target, was.target);
	ck_assert_str_eq(is.serial, was.serial);
	ck_assert_mem_eq(is.naa, was.naa, sizeof(is.naa));
	ck_assert(is.id == 255 && is.block_size == 4096 && is.generation == UINT32_MAX);
	ck_assert(is.read_only && is.by_config && !is.stopped);
	ck_assert(is.configured.size == (uint64_t)1 << 46 && is.configured.block_size == 512);
	ck_assert(is.configured.is_thin);
	ck_assert_str_eq(is.configured.serial, "S");
	ck_assert_uint_eq(is.nstarters, 2);
	ck_assert_mem_eq(is.starters, was.starters, sizeof(is.starters));
}
END_TEST

/* Each flag by itself: none stands for another. */
START_TEST(flags_are_apart)
{
	for (unsigned i = 0; i < 16; i++) {
		struct luns_label was = sample(), is;
		was.read_only = i & 1;
		was.stopped = i & 2;
		was.by_config = i & 4;
		was.configured.is_thin = i & 8;
		len = label_write(&was, bytes);
		ck_assert_int_eq(label_read(bytes, len, &is), 0);
		ck_assert(is.read_only == was.read_only && is.stopped == was.stopped &&
			  is.by_config == was.by_config &&
			  is.configured.is_thin == was.configured.is_thin);
	}
}
END_TEST

START_TEST(the_longest_fits)
{
	struct luns_label was = sample(), is;

	memset(was.target, 'a', ISCSI_NAME_MAX);
	was.nstarters = SCSI_STARTERS;
	memset(was.starters, 0x77, sizeof(was.starters));
	len = label_write(&was, bytes);
	ck_assert_int_eq(label_read(bytes, len, &is), 0);
	ck_assert_str_eq(is.target, was.target);
	ck_assert_mem_eq(is.starters, was.starters, sizeof(is.starters));
}
END_TEST

/* The layout is a contract with the next version: byte by byte. */
START_TEST(as_it_lies_in_memory)
{
	static const uint8_t head[20] = {'m',	  't',	'L',  'U',  0,	  1,	0,
					 24 + 32, 0,	13,   0,    255,  0x00, 0x00,
					 0x10,	  0x00, 0xff, 0xff, 0xff, 0xff};

	ck_assert_mem_eq(bytes, head, sizeof(head));
	ck_assert_mem_eq(bytes + 84, "iqn.2026-01.org.memtgt:a", 24);
}
END_TEST

START_TEST(a_cut_label_is_none)
{
	unsigned n = 0;

	for (size_t i = 0; i < len; i++, n++)
		ck_assert_int_eq(read_bytes(i), -EINVAL);
	ck_assert_uint_gt(n, 84);
	ck_assert_int_eq(read_bytes(len), 0);
	bytes[len] = 0;
	ck_assert_int_eq(read_bytes(len + 1), -EINVAL);
}
END_TEST

static const struct {
	size_t at;
	uint8_t value;
	int rc;
} wrong[] = {
	{0, 'M', -EINVAL},   {5, 0, -EINVAL},	 {5, 2, -ENOTSUP},   {4, 1, -ENOTSUP},
	{7, 1, -EINVAL},     {9, 0x10, -EINVAL}, {8, 0x01, -EINVAL}, {10, 1, -EINVAL},
	{14, 0x20, -EINVAL}, {28, 0, -EINVAL},	 {29, ' ', -EINVAL}, {30, 0, -EINVAL},
	{61, 'x', 0},	     {63, 'x', -EINVAL}, {81, 33, -EINVAL},  {81, 1, -EINVAL},
	{83, 0, -EINVAL},    {83, 25, -EINVAL},	 {82, 1, -EINVAL},   {90, 0x1f, -EINVAL},
	{95, 0, -EINVAL},    {130, 0, 0},
};

START_TEST(what_is_wrong_is_refused)
{
	bytes[wrong[_i].at] = wrong[_i].value;
	ck_assert_msg(read_bytes(len) == wrong[_i].rc, "byte %zu", wrong[_i].at);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("label");
	TCase *t = tcase_create("all");

	tcase_add_checked_fixture(t, write_sample, NULL);
	tcase_add_test(t, what_is_written_is_read);
	tcase_add_test(t, flags_are_apart);
	tcase_add_test(t, the_longest_fits);
	tcase_add_test(t, as_it_lies_in_memory);
	tcase_add_test(t, a_cut_label_is_none);
	tcase_add_loop_test(t, what_is_wrong_is_refused, 0,
			    (int)(sizeof(wrong) / sizeof(wrong[0])));
	suite_add_tcase(s, t);
	return test_main(s);
}
