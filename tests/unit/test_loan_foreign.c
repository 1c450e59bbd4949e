// SPDX-License-Identifier: MIT
/* test_loan_foreign.c - what the beginning of a disk says is on it. */
#include "initiator-tools/host/foreign.h"

#include <errno.h>
#include <string.h>

#include "lib/test_main.h"

static uint8_t disk[FOREIGN_BYTES];

START_TEST(zeroes_are_nothing)
{
	ck_assert_ptr_null(foreign_kind(disk, sizeof(disk)));
	ck_assert_ptr_null(foreign_kind(disk, 0));
}
END_TEST

START_TEST(any_byte_is_data)
{
	static const size_t places[] = {0, 1, 511, 4096, FOREIGN_BYTES / 2, FOREIGN_BYTES - 1};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		disk[places[i]] = 1;
		ck_assert_str_eq(foreign_kind(disk, sizeof(disk)), "data");
		disk[places[i]] = 0;
	}
}
END_TEST

START_TEST(what_is_known_is_named)
{
	static const struct {
		size_t at;
		const char *bytes, *text;
	} rows[] = {
		{512, "LABELONE", "a label of LVM"},	  {4086, "SWAPSPACE2", "a swap area"},
		{1080, "\x53\xef", "an ext file system"}, {510, "\x55\xaa", "a partition table"},
		{0, "LUKS\xba\xbe", "a LUKS header"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		memset(disk, 0, sizeof(disk));
		memcpy(disk + rows[i].at, rows[i].bytes, strlen(rows[i].bytes));
		ck_assert_str_eq(foreign_kind(disk, sizeof(disk)), rows[i].text);
		/* One that is cut is data still. */
		ck_assert_str_eq(foreign_kind(disk, rows[i].at + 1), "data");
	}
}
END_TEST

START_TEST(a_disk_that_is_not_there_is_not_empty)
{
	struct disk k = {.name = "no-such-disk"};
	const char *kind = "x";

	ck_assert_int_eq(foreign_look(&k, 1 << 26, NULL, &kind), -ENOENT);
	ck_assert_int_eq(foreign_wipe(&k, 1 << 26), -ENOENT);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("loan_foreign");
	TCase *tc = tcase_create("foreign");

	tcase_add_test(tc, zeroes_are_nothing);
	tcase_add_test(tc, any_byte_is_data);
	tcase_add_test(tc, what_is_known_is_named);
	tcase_add_test(tc, a_disk_that_is_not_there_is_not_empty);
	suite_add_tcase(suite, tc);
	return test_main(suite);
}
