// SPDX-License-Identifier: MIT
/* test_scsi_attention.c - unit attentions and sense data. */
#include <string.h>

#include "lib/test_main.h"
#include "unit/scsi_fixture.h"

#define TUR	    CDB(0x00)
#define INQUIRY	    CDB(0x12, 0, 0, 0, 96)
#define REPORT_LUNS CDB(0xa0, 0, 0, 0, 0, 0, 0, 0, 0, 64)
#define SENSE(desc) CDB(0x03, (desc), 0, 0, 252)

static const uint8_t lun5[8] = {0, 5};

START_TEST(every_row_has_its_code)
{
	static const struct {
		uint8_t asc, ascq;
	} codes[SCSI_UA_KINDS] = {
		{0x29, 0x00}, {0x29, 0x01}, {0x29, 0x04}, {0x29, 0x02}, {0x29, 0x03}, {0x29, 0x07},
		{0x28, 0x00}, {0x2a, 0x01}, {0x2a, 0x03}, {0x2a, 0x04}, {0x2a, 0x05}, {0x2a, 0x06},
		{0x2a, 0x09}, {0x2f, 0x00}, {0x38, 0x07}, {0x3f, 0x0e},
	};

	for (unsigned a = 0; a < SCSI_UA_KINDS; a++) {
		scsi_attention_raise(&fx.nexus, 0, (enum scsi_attention)a);
		fx_run(TUR, NULL, 0);
		fx_sense(0x6, codes[a].asc, codes[a].ascq);
		fx_run(TUR, NULL, 0);
		fx_good();
	}
	for (unsigned o = 0; o < SENSE_OUTCOMES; o++)
		ck_assert_uint_gt(strlen(sense_text((enum scsi_outcome)o)), 3);
}
END_TEST

START_TEST(a_new_nexus_begins_with_power_on_everywhere)
{
	scsi_nexus_init(&fx.nexus, &fx.target, fx.ua);
	fx_run_on(lun5, TUR, NULL, 0);
	fx_sense(0x6, 0x29, 0x00);
	fx_run_on(lun5, TUR, NULL, 0);
	fx_good();
	fx_run(TUR, NULL, 0); /* the other LU's waits on its own */
	fx_sense(0x6, 0x29, 0x00);
	ck_assert_uint_eq(fx.ua[255].n, 1);
}
END_TEST

/* SAM-5 5.14.1: three commands run past it and leave it, also in vain; REQUEST SENSE takes it. */
START_TEST(commands_that_run_past)
{
	scsi_attention_raise(&fx.nexus, 0, SCSI_UA_POWER_ON_OR_RESET);
	fx_run(INQUIRY, NULL, 0);
	fx_good();
	fx_run(REPORT_LUNS, NULL, 0);
	fx_good();
	fx_run(CDB(0x12, 0xfe), NULL, 0);
	fx_bad_cdb(1, 7);
	fx_run(SENSE(0), NULL, 0);
	fx_good();
	ck_assert_uint_eq(fx.in_len, 18);
	ck_assert_uint_eq(fx.in[0], 0x70);
	ck_assert_uint_eq(fx.in[2], 0x06);
	ck_assert_uint_eq(fx.in[12], 0x29);
	fx_run(SENSE(0), NULL, 0);
	ck_assert_uint_eq(fx.in[2], 0x00);
	ck_assert_uint_eq(fx.in[12], 0x00);
	fx_run(TUR, NULL, 0);
	fx_good();
}
END_TEST

/* Any other command, known or not, reports it and does nothing else. */
START_TEST(the_command_that_reports_does_nothing)
{
	uint8_t data[512];

	memset(data, 0x55, sizeof(data));
	scsi_attention_raise(&fx.nexus, SCSI_LUN_ALL, SCSI_UA_LU_RESET);
	fx_run(CDB(0x2a, 0, 0, 0, 0, 0, 0, 0, 1), data, sizeof(data));
	fx_sense(0x6, 0x29, 0x03);
	ck_assert_uint_eq(fx.writes, 0);
	scsi_attention_raise(&fx.nexus, 0, SCSI_UA_LU_RESET);
	fx_run(CDB(0xff), NULL, 0);
	fx_sense(0x6, 0x29, 0x03);
	fx_run(CDB(0xff), NULL, 0);
	fx_sense(0x5, 0x20, 0x00);
}
END_TEST

static void expect(unsigned asc, unsigned ascq)
{
	fx_run(TUR, NULL, 0);
	fx_sense(0x6, asc, ascq);
}

static void raise_ua(enum scsi_attention a)
{
	scsi_attention_raise(&fx.nexus, 0, a);
}

START_TEST(order_and_no_kind_twice)
{
	for (unsigned i = 0; i < 100; i++) {
		raise_ua(SCSI_UA_LUNS_CHANGED);
		raise_ua(SCSI_UA_CAPACITY_CHANGED);
		raise_ua(SCSI_UA_THIN_THRESHOLD);
		raise_ua(SCSI_UA_MODE_CHANGED);
	}
	ck_assert_uint_eq(fx.ua[0].n, 4);
	expect(0x3f, 0x0e);
	expect(0x2a, 0x09);
	raise_ua(SCSI_UA_LUNS_CHANGED);
	expect(0x38, 0x07);
	expect(0x2a, 0x01);
	expect(0x3f, 0x0e);
	fx_run(TUR, NULL, 0);
	fx_good();
}
END_TEST

START_TEST(resets_come_first_and_the_highest_speaks)
{
	raise_ua(SCSI_UA_CAPACITY_CHANGED);
	raise_ua(SCSI_UA_NEXUS_LOSS);
	raise_ua(SCSI_UA_LU_RESET);
	raise_ua(SCSI_UA_NEXUS_LOSS);
	ck_assert_uint_eq(fx.ua[0].n, 2);
	expect(0x29, 0x03);
	expect(0x2a, 0x09);
	fx_run(TUR, NULL, 0);
	fx_good();
}
END_TEST

START_TEST(all_kinds_at_once_fit)
{
	for (unsigned i = SCSI_UA_KINDS; i-- > 0;)
		raise_ua((enum scsi_attention)i);
	/* One reset, and all that is none. */
	ck_assert_uint_eq(fx.ua[0].n, SCSI_UA_KINDS - SCSI_UA_READY + 1);
	expect(0x29, 0x00);
}
END_TEST

START_TEST(report_luns_clears_the_change_of_luns)
{
	scsi_attention_raise(&fx.nexus, SCSI_LUN_ALL, SCSI_UA_LUNS_CHANGED);
	raise_ua(SCSI_UA_CAPACITY_CHANGED);
	fx_run_on(lun5, REPORT_LUNS, NULL, 0);
	fx_good();
	fx_run_on(lun5, TUR, NULL, 0);
	fx_good();
	expect(0x2a, 0x09);
	fx_run(TUR, NULL, 0);
	fx_good();
}
END_TEST

START_TEST(no_such_lu)
{
	fx_run_on(fx_lun_none, TUR, NULL, 0);
	fx_sense(0x5, 0x25, 0x00);
	fx_run_on(fx_lun_none, CDB(0xff), NULL, 0);
	fx_sense(0x5, 0x25, 0x00);
	fx_run_on(fx_lun_none, SENSE(0), NULL, 0);
	fx_good();
	ck_assert_uint_eq(fx.in[2], 0x05);
	ck_assert_uint_eq(fx.in[12], 0x25);
	fx_run_on(fx_lun_none, SENSE(1), NULL, 0);
	fx_good();
	ck_assert_uint_eq(fx.in_len, 8);
	ck_assert_mem_eq(fx.in, "\x72\x05\x25\0\0\0\0\0", 8);
}
END_TEST

START_TEST(sense_formats)
{
	uint8_t s[SCSI_SENSE_MAX];

	ck_assert_uint_eq(sense_build(scsi_fail_info(SENSE_LBA_RANGE, 0x11223344), false, s), 18);
	ck_assert_mem_eq(s, "\xf0\0\x05\x11\x22\x33\x44\x0a\0\0\0\0\x21\0\0\0\0\0", 18);
	/* UINT32_MAX still fits, one more does not. */
	ck_assert_uint_eq(sense_build(scsi_fail_info(SENSE_LBA_RANGE, UINT32_MAX), false, s), 18);
	ck_assert_uint_eq(s[0], 0xf0);
	ck_assert_uint_eq(sense_build(scsi_fail_info(SENSE_LBA_RANGE, 1ull << 32), false, s), 18);
	ck_assert_uint_eq(s[0], 0x70);
	ck_assert_uint_eq(ld32(s + 3), 0);
	ck_assert_uint_eq(sense_build(scsi_fail_info(SENSE_LBA_RANGE, 1ull << 32), true, s), 20);
	ck_assert_mem_eq(s, "\x72\x05\x21\0\0\0\0\x0c\0\x0a\x80\0\0\0\0\1\0\0\0\0", 20);
	ck_assert_uint_eq(sense_build(scsi_bad_bit(0x102, 7), true, s), 16);
	ck_assert_mem_eq(s, "\x72\x05\x24\0\0\0\0\x08\x02\x06\0\0\xcf\1\2\0", 16);
	ck_assert_uint_eq(sense_build(scsi_bad_list(2), false, s), 18);
	ck_assert_mem_eq(s + 12, "\x26\0\0\x80\0\2", 6);
	/* Both descriptors: the longest there is. */
	struct scsi_result r = scsi_bad_byte(1);
	r.has_info = true;
	ck_assert_uint_eq(sense_build(r, true, s), SCSI_SENSE_MAX);
}
END_TEST

START_TEST(request_sense_cut_at_every_length)
{
	fx_every_allocation(SENSE(0), 4, 1);
	ck_assert_uint_eq(fx.in_len, 18);
	fx_every_allocation(SENSE(1), 4, 1);
	ck_assert_uint_eq(fx.in_len, 8);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("scsi_attention");
	TCase *c = tcase_create("attention");

	tcase_add_checked_fixture(c, fx_open_512, fx_close);
	tcase_add_test(c, every_row_has_its_code);
	tcase_add_test(c, a_new_nexus_begins_with_power_on_everywhere);
	tcase_add_test(c, commands_that_run_past);
	tcase_add_test(c, the_command_that_reports_does_nothing);
	tcase_add_test(c, order_and_no_kind_twice);
	tcase_add_test(c, resets_come_first_and_the_highest_speaks);
	tcase_add_test(c, all_kinds_at_once_fit);
	tcase_add_test(c, report_luns_clears_the_change_of_luns);
	tcase_add_test(c, no_such_lu);
	tcase_add_test(c, sense_formats);
	tcase_add_test(c, request_sense_cut_at_every_length);
	suite_add_tcase(s, c);
	return test_main(s);
}
