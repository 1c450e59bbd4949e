// SPDX-License-Identifier: MIT
/* test_scsi_log.c - LOG SENSE: which pages there are, and the memory left for the LUN. */
#include <string.h>

#include "lib/test_main.h"
#include "unit/scsi_fixture.h"

#define LOG(page, subpage, pointer) CDB(0x4d, 0, (page), (subpage), 0, 0, (pointer), 0xff, 0xff)
#define PROVISIONING		    0x0c

START_TEST(supported_pages)
{
	fx_run(LOG(0, 0, 0), NULL, 0);
	fx_good();
	ck_assert_uint_eq(fx.in_len, 6);
	ck_assert_mem_eq(fx.in, "\0\0\0\2\0\x0c", 6);
	fx_run(LOG(0, 0xff, 0), NULL, 0);
	fx_good();
	ck_assert_uint_eq(fx.in_len, 10);
	ck_assert_mem_eq(fx.in, "\x40\xff\0\6\0\0\0\xff\x0c\0", 10);
	fx_every_allocation(LOG(0, 0xff, 0), 7, 2);
}
END_TEST

/* Each of the three that page 00h names is there, and no other. PC makes no difference. */
START_TEST(every_page_and_subpage)
{
	unsigned good = 0;

	for (unsigned page = 0; page < 256; page++) {
		for (unsigned subpage = 0; subpage < 256; subpage++) {
			const unsigned code = page & 0x3f;

			fx_run(LOG((uint8_t)page, (uint8_t)subpage, 0), NULL, 0);
			if (code != 0 && code != PROVISIONING) {
				fx_bad_cdb(2, 5);
			} else if (subpage && (code || subpage != 0xff)) {
				fx_bad_cdb(3, -1);
			} else {
				fx_good();
				ck_assert_uint_eq(fx.in[0] & 0x3f, code);
				ck_assert_uint_eq(fx.in[1], subpage);
				ck_assert_uint_eq(ld16(fx.in + 2), fx.in_len - 4);
				good++;
			}
		}
	}
	ck_assert_uint_eq(good, 3 * 4);
}
END_TEST

/* SBC-3 6.3.4: what is left is shared, what is used is the unit's own. */
START_TEST(memory_left_and_used)
{
	fx.available = 0x01020304;
	fx.pages = 0x05060708;
	fx_run(LOG(PROVISIONING, 0, 0), NULL, 0);
	fx_good();
	ck_assert_uint_eq(fx.in_len, 4 + 12 + 12);
	ck_assert_mem_eq(fx.in, "\x8c\0\0\x18", 4);
	ck_assert_mem_eq(fx.in + 4, "\0\1\3\x08\1\2\3\4\2\0\0\0", 12);
	ck_assert_mem_eq(fx.in + 16, "\0\2\3\x08\5\6\7\x08\1\0\0\0", 12);
	fx_every_allocation(LOG(PROVISIONING, 0, 0), 7, 2);
	fx.available = UINT64_MAX; /* a count that does not fit */
	fx_run(LOG(PROVISIONING, 0, 0), NULL, 0);
	ck_assert_uint_eq(ld32(fx.in + 8), UINT32_MAX);
}
END_TEST

/* SPC-4 6.8: parameters from this code on; a code above the last is an error. */
START_TEST(parameter_pointer)
{
	fx.pages = 7;
	fx_run(LOG(PROVISIONING, 0, 1), NULL, 0);
	fx_good();
	ck_assert_uint_eq(fx.in_len, 4 + 12 + 12);
	fx_run(LOG(PROVISIONING, 0, 2), NULL, 0);
	fx_good();
	ck_assert_uint_eq(fx.in_len, 4 + 12);
	ck_assert_uint_eq(ld16(fx.in + 4), 2);
	ck_assert_uint_eq(ld32(fx.in + 8), 7);
	fx_run(LOG(PROVISIONING, 0, 3), NULL, 0);
	fx_bad_cdb(5, -1);
	fx_run(CDB(0x4d, 0, PROVISIONING, 0, 0, 0xff, 0, 0xff, 0xff), NULL, 0);
	fx_bad_cdb(5, -1);
	fx_run(LOG(0, 0, 1), NULL, 0);
	fx_bad_cdb(5, -1);
	fx_run(LOG(0, 0xff, 1), NULL, 0);
	fx_bad_cdb(5, -1);
}
END_TEST

START_TEST(nothing_is_saved)
{
	fx_run(CDB(0x4d, 0x01, PROVISIONING, 0, 0, 0, 0, 0xff, 0xff), NULL, 0);
	fx_bad_cdb(1, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("scsi_log");
	TCase *c = tcase_create("log");

	tcase_add_checked_fixture(c, fx_open_512, fx_close);
	tcase_add_test(c, supported_pages);
	tcase_add_test(c, every_page_and_subpage);
	tcase_add_test(c, memory_left_and_used);
	tcase_add_test(c, parameter_pointer);
	tcase_add_test(c, nothing_is_saved);
	suite_add_tcase(s, c);
	return test_main(s);
}
