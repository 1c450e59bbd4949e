// SPDX-License-Identifier: MIT
/* test_scsi_attention.c - unit attentions and sense data. */
#include <string.h>

#include "lib/test_main.h"
#include "unit/scsi_fixture.h"

#define TUR	    CDB(0x00)
#define INQUIRY	    CDB(0x12, 0, 0, 0, 96)
#define REPORT_LUNS CDB(0xa0, 0, 0, 0, 0, 0, 0, 0, 0, 64)
#define SENSE(desc) CDB(0x03, (desc), 0, 0, 252)

#define RESETS 6 /* of which one speaks for the others */

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
	fx_bad_cdb(1, 4);
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
	ck_assert_uint_eq(fx.ua[0].n, 1 + SCSI_UA_KINDS - RESETS);
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

/* clang-format off */
static const struct {
	struct scsi_result r;
	const char *fixed, *descriptor; /* from byte 0 on; SPC-4 4.5.3, 4.5.2 */
	size_t descriptor_len;
} senses[] = {
	{{.outcome = SENSE_NO_SENSE},
	 "\x70\0\0\0\0\0\0\x0a\0\0\0\0\0\0\0\0\0\0", "\x72\0\0\0\0\0\0\0", 8},
	/* INFORMATION: four bytes or none; eight */
	{{.outcome = SENSE_READ_ERROR, .has_info = true},
	 "\xf0\0\x03\0\0\0\0\x0a\0\0\0\0\x11\0\0\0\0\0",
	 "\x72\x03\x11\0\0\0\0\x0c\0\x0a\x80\0\0\0\0\0\0\0\0\0", 20},
	{{.outcome = SENSE_READ_ERROR, .has_info = true, .info = 0x1122334455667788},
	 "\x70\0\x03\0\0\0\0\x0a\0\0\0\0\x11\0\0\0\0\0",
	 "\x72\x03\x11\0\0\0\0\x0c\0\x0a\x80\0\x11\x22\x33\x44\x55\x66\x77\x88", 20},
	/* the field pointer: C/D, BPV, the bit */
	{{.outcome = SENSE_BAD_CDB_FIELD, .has_field = true, .in_cdb = true, .has_bit = true, .bit = 3, .field = 0x0102},
	 "\x70\0\x05\0\0\0\0\x0a\0\0\0\0\x24\0\0\xcb\x01\x02",
	 "\x72\x05\x24\0\0\0\0\x08\x02\x06\0\0\xcb\x01\x02\0", 16},
	{{.outcome = SENSE_BAD_CDB_FIELD, .has_field = true, .in_cdb = true, .field = 9},
	 "\x70\0\x05\0\0\0\0\x0a\0\0\0\0\x24\0\0\xc0\0\x09",
	 "\x72\x05\x24\0\0\0\0\x08\x02\x06\0\0\xc0\0\x09\0", 16},
	{{.outcome = SENSE_BAD_LIST_FIELD, .has_field = true, .has_bit = true, .bit = 7, .field = 0xffff},
	 "\x70\0\x05\0\0\0\0\x0a\0\0\0\0\x26\0\0\x8f\xff\xff",
	 "\x72\x05\x26\0\0\0\0\x08\x02\x06\0\0\x8f\xff\xff\0", 16},
	/* the progress indication */
	{{.outcome = SENSE_NOT_STARTED, .has_progress = true, .progress = 0x1234},
	 "\x70\0\x02\0\0\0\0\x0a\0\0\0\0\x04\x02\0\x80\x12\x34",
	 "\x72\x02\x04\x02\0\0\0\x08\x02\x06\0\0\x80\x12\x34\0", 16},
	{{.outcome = SENSE_NO_SENSE, .has_progress = true},
	 "\x70\0\0\0\0\0\0\x0a\0\0\0\0\0\0\0\x80\0\0",
	 "\x72\0\0\0\0\0\0\x08\x02\x06\0\0\x80\0\0\0", 16},
	/* both descriptors, by rising type */
	{{.outcome = SENSE_LBA_RANGE, .has_info = true, .info = 7, .has_field = true, .in_cdb = true, .field = 2},
	 "\xf0\0\x05\0\0\0\x07\x0a\0\0\0\0\x21\0\0\xc0\0\x02",
	 "\x72\x05\x21\0\0\0\0\x14\0\x0a\x80\0\0\0\0\0\0\0\0\x07\x02\x06\0\0\xc0\0\x02\0", 28},
};
/* clang-format on */

START_TEST(sense_byte_by_byte)
{
	uint8_t s[SCSI_SENSE_MAX];

	memset(s, 0xee, sizeof(s));
	ck_assert_uint_eq(sense_build(senses[_i].r, false, s), SCSI_SENSE_FIXED);
	ck_assert_mem_eq(s, senses[_i].fixed, SCSI_SENSE_FIXED);
	memset(s, 0xee, sizeof(s));
	ck_assert_uint_eq(sense_build(senses[_i].r, true, s), senses[_i].descriptor_len);
	ck_assert_mem_eq(s, senses[_i].descriptor, senses[_i].descriptor_len);
}
END_TEST

START_TEST(progress_is_never_all)
{
	ck_assert_uint_eq(scsi_fail_progress(SENSE_NO_SENSE, 0, 9).progress, 0);
	ck_assert_uint_eq(scsi_fail_progress(SENSE_NO_SENSE, 1, 2).progress, 0x8000);
	ck_assert_uint_eq(scsi_fail_progress(SENSE_NO_SENSE, 9, 9).progress, 0xffff);
	ck_assert_uint_eq(scsi_fail_progress(SENSE_NO_SENSE, 1ull << 62, 1ull << 63).progress,
			  0x8000);
}
END_TEST

/* Each kind, on one LUN of one nexus: the others hear nothing of it. */
START_TEST(of_one_lun_and_one_nexus)
{
	static struct scsi_attentions other_ua[SCSI_LUNS_MAX];
	struct scsi_nexus other;
	const enum scsi_attention a = (enum scsi_attention)_i;
	uint8_t info[3];

	scsi_nexus_init(&other, &fx.target, other_ua);
	for (unsigned i = 0; i < SCSI_LUNS_MAX; i++)
		other_ua[i].n = 0;
	raise_ua(a);
	ck_assert(scsi_attention_query(&fx.nexus, 0, info));
	ck_assert_uint_eq(info[0], 0x16);
	for (unsigned i = 0; i < SCSI_LUNS_MAX; i++) {
		ck_assert(!scsi_attention_query(&other, i, info));
		ck_assert(i == 0 || !scsi_attention_query(&fx.nexus, i, info));
	}
	fx_run_on(lun5, TUR, NULL, 0);
	fx_good();
	ck_assert(scsi_attention_query(&fx.nexus, 0, info));
}
END_TEST

/* Of each kind: who runs past it and leaves it, and who takes it, in which format. */
START_TEST(each_kind_is_told_once)
{
	const enum scsi_attention a = (enum scsi_attention)_i;
	uint8_t want[SCSI_SENSE_MAX];

	for (unsigned descriptor = 0; descriptor < 2; descriptor++) {
		raise_ua(a);
		fx_run(INQUIRY, NULL, 0);
		fx_good();
		size_t n = sense_build(scsi_fail(attention_outcome(a)), descriptor, want);
		fx_run(SENSE((uint8_t)descriptor), NULL, 0);
		fx_good();
		ck_assert_uint_eq(fx.in_len, n);
		ck_assert_mem_eq(fx.in, want, n);
		fx_run(SENSE((uint8_t)descriptor), NULL, 0);
		ck_assert_uint_eq(fx.in[descriptor ? 1 : 2], 0);
	}
	raise_ua(a);
	fx_run(REPORT_LUNS, NULL, 0);
	fx_good();
	ck_assert_uint_eq(fx.ua[0].n, a != SCSI_UA_LUNS_CHANGED); /* SPC-4 6.33 */
	fx.ua[0].n = 0;
	/* UA_INTLCK_CTRL 00b: told by CHECK CONDITION, it is gone. SPC-4 7.5.7 */
	raise_ua(a);
	fx_run(TUR, NULL, 0);
	ck_assert_uint_eq(fx.task.status, SCSI_CHECK_CONDITION);
	fx_run(TUR, NULL, 0);
	fx_good();
}
END_TEST

/* Of any two kinds none is lost, but a reset that a higher one speaks for. */
START_TEST(any_two_kinds)
{
	for (unsigned a = 0; a < SCSI_UA_KINDS; a++) {
		for (unsigned b = 0; b < SCSI_UA_KINDS; b++) {
			const bool both = a < SCSI_UA_READY && b < SCSI_UA_READY;
			const bool swap = b < SCSI_UA_READY && (!both || b < a);
			const unsigned first = swap ? b : a, second = swap ? a : b;
			enum scsi_attention got;

			fx.ua[0].n = 0;
			raise_ua((enum scsi_attention)a);
			raise_ua((enum scsi_attention)b);
			ck_assert(attention_take(&fx.ua[0], &got));
			ck_assert_uint_eq(got, first);
			ck_assert_uint_eq(fx.ua[0].n, a != b && !both);
			if (fx.ua[0].n)
				ck_assert_uint_eq(fx.ua[0].queue[0], second);
		}
	}
	fx.ua[0].n = 0;
}
END_TEST

START_TEST(a_lost_nexus_is_told_on_every_lun)
{
	raise_ua(SCSI_UA_CAPACITY_CHANGED);
	scsi_nexus_lost(&fx.nexus);
	expect(0x29, 0x07);
	expect(0x2a, 0x09);
	fx_run_on(lun5, TUR, NULL, 0);
	fx_sense(0x6, 0x29, 0x07);
	ck_assert_uint_eq(fx.ua[255].n, 1);
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
	tcase_add_loop_test(c, sense_byte_by_byte, 0, sizeof(senses) / sizeof(senses[0]));
	tcase_add_test(c, progress_is_never_all);
	tcase_add_loop_test(c, of_one_lun_and_one_nexus, 0, SCSI_UA_KINDS);
	tcase_add_loop_test(c, each_kind_is_told_once, 0, SCSI_UA_KINDS);
	tcase_add_test(c, any_two_kinds);
	tcase_add_test(c, a_lost_nexus_is_told_on_every_lun);
	tcase_add_test(c, request_sense_cut_at_every_length);
	suite_add_tcase(s, c);
	return test_main(s);
}
