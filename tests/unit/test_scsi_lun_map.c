// SPDX-License-Identifier: MIT
/* test_scsi_lun_map.c - what a nexus sees, under which numbers, and what it may not write. */
#include "scsi/lun_map.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/test_main.h"
#include "unit/scsi_fixture.h"

#define WRITE_10     0x2a
#define INQUIRY	     CDB(0x12, 0, 0, 0, 96)
#define TUR	     CDB(0)
#define REPORT(s)    CDB(0xa0, 0, s, 0, 0, 0, 0, 0, 16, 0)
#define MODE_SENSE   CDB(0x1a, 0x08, 0x3f, 0, 255)
#define NO_LU	     5, 0x25, 0x00
#define PROTECTED    7, 0x27, 0x00
#define LUNS_CHANGED 6, 0x3f, 0x0e

static const uint8_t lun0[8], lun1[8] = {0, 1}, lun5[8] = {0, 5}, lun255[8] = {0, 255};

/* The fixture's LUs have the ids 0, 5 and 255: LUN 0 is 255 here, LUN 1 is 5, read-only. */
static void open_mapped(void)
{
	fx_open_512();
	scsi_lun_map_none(&fx.nexus.luns);
	scsi_lun_map_add(&fx.nexus.luns, 0, 255, false);
	scsi_lun_map_add(&fx.nexus.luns, 1, 5, true);
}

START_TEST(numbers)
{
	struct scsi_lun_map m;

	scsi_lun_map_whole(&m, false);
	ck_assert(m.is_whole);
	for (unsigned i = 0; i < SCSI_LUNS_MAX; i++) {
		ck_assert_uint_eq(scsi_lun_map_id(&m, i), i);
		ck_assert_uint_eq(scsi_lun_map_lun(&m, i), i);
		ck_assert(scsi_lun_map_sees(&m, i) && !scsi_lun_bit(m.read_only, i));
	}
	scsi_lun_map_whole(&m, true);
	for (unsigned i = 0; i < SCSI_LUNS_MAX; i++)
		ck_assert(scsi_lun_bit(m.read_only, i));
	scsi_lun_map_none(&m);
	for (unsigned i = 0; i < SCSI_LUNS_MAX; i++) {
		ck_assert_uint_eq(scsi_lun_map_id(&m, i), SCSI_LUN_NONE);
		ck_assert_uint_eq(scsi_lun_map_lun(&m, i), SCSI_LUN_NONE);
		ck_assert(!scsi_lun_map_sees(&m, i));
	}
	/* Each number of a LUN with each of an id. */
	for (unsigned lun = 0; lun < SCSI_LUNS_MAX; lun++)
		scsi_lun_map_add(&m, lun, 255 - lun, lun % 2);
	ck_assert(!m.is_whole);
	for (unsigned i = 0; i < SCSI_LUNS_MAX; i++) {
		ck_assert_uint_eq(scsi_lun_map_id(&m, i), 255 - i);
		ck_assert_uint_eq(scsi_lun_map_lun(&m, i), 255 - i);
		ck_assert_int_eq(scsi_lun_bit(m.read_only, i), (255 - i) % 2);
	}
	ck_assert_uint_eq(scsi_lun_map_id(&m, SCSI_LUN_NONE), SCSI_LUN_NONE);
	ck_assert_uint_eq(scsi_lun_map_id(&m, SCSI_LUN_ALL), SCSI_LUN_NONE);
	ck_assert_uint_eq(scsi_lun_map_id(&m, UINT32_MAX), SCSI_LUN_NONE);
	ck_assert_uint_eq(scsi_lun_map_lun(&m, SCSI_LUN_NONE), SCSI_LUN_NONE);
	ck_assert(!scsi_lun_map_sees(&m, SCSI_LUN_ALL));
}
END_TEST

START_TEST(found_by_its_number)
{
	open_mapped();
	ck_assert_ptr_eq(scsi_lu_find(&fx.nexus, lun0), &fx.lus[2]);
	ck_assert_ptr_eq(scsi_lu_find(&fx.nexus, lun1), &fx.lus[1]);
	ck_assert_uint_eq(scsi_lu_id(&fx.nexus, lun0), 255);
	ck_assert_uint_eq(scsi_lu_id(&fx.nexus, lun1), 5);
	ck_assert_ptr_null(scsi_lu_find(&fx.nexus, lun5));
	ck_assert_ptr_null(scsi_lu_find(&fx.nexus, lun255));
	/* The LU is gone, its number is not. */
	fx.target.by_id[5] = NULL;
	ck_assert_ptr_null(scsi_lu_find(&fx.nexus, lun1));
	ck_assert_uint_eq(scsi_lu_id(&fx.nexus, lun1), 5);
}
END_TEST

START_TEST(what_is_not_shown_is_not_there)
{
	static const uint8_t *const hidden[] = {lun5, lun255};

	open_mapped();
	for (size_t i = 0; i < 2; i++) {
		fx_run_on(hidden[i], TUR, NULL, 0);
		fx_sense(NO_LU);
		fx_run_on(hidden[i], INQUIRY, NULL, 0);
		fx_good();
		ck_assert_uint_eq(fx.in[0], 0x7f);
	}
	fx_run_on(lun1, INQUIRY, NULL, 0);
	fx_good();
	ck_assert_uint_eq(fx.in[0], 0);
}
END_TEST

/* By way of any LUN, one that is not shown too. SPC-4 6.33 */
START_TEST(report_luns)
{
	open_mapped();
	for (unsigned select = 0; select < 3; select += 2) {
		fx_run_on(select ? lun5 : lun0, REPORT((uint8_t)select), NULL, 0);
		fx_good();
		ck_assert_uint_eq(ld32(fx.in), 16);
		fx_run_on(lun0, CDB(0xa0, 0, (uint8_t)select, 0, 0, 0, 0, 0, 64), NULL, 0);
		ck_assert_uint_eq(fx.in_len, 8 + 16);
		ck_assert_mem_eq(fx.in + 8, lun0, 8);
		ck_assert_mem_eq(fx.in + 16, lun1, 8);
	}
	fx_run_on(lun0, REPORT(1), NULL, 0);
	fx_good();
	ck_assert_uint_eq(ld32(fx.in), 0);
	/* What the map shows and the target has not is not listed. */
	fx.target.by_id[255] = NULL;
	fx_run_on(lun1, CDB(0xa0, 0, 0, 0, 0, 0, 0, 0, 64), NULL, 0);
	ck_assert_uint_eq(fx.in_len, 8 + 8);
	ck_assert_mem_eq(fx.in + 8, lun1, 8);
	scsi_lun_map_none(&fx.nexus.luns);
	fx_run_on(lun0, REPORT(0), NULL, 0);
	fx_good();
	ck_assert_uint_eq(ld32(fx.in), 0);
}
END_TEST

static void write_to(const uint8_t lun[static 8])
{
	uint8_t cdb[16];

	fx_cdb(cdb, WRITE_10, 0, 0, 1);
	uint8_t *p = fx_pattern(512, 1);
	fx_run_on(lun, cdb, p, 512);
	free(p);
}

/* For this nexus alone: what it may write, the LU itself, and the WP bit. SBC-3 6.4.1 */
START_TEST(read_only)
{
	/* UNMAP, WRITE SAME(10), (16), WRITE(16): all that is told to write. */
	static const uint8_t writes[][16] = {
		{0x42, [8] = 8}, {0x41, [8] = 1}, {0x93, [13] = 1}, {0x8a, [13] = 1}};

	open_mapped();
	write_to(lun0);
	fx_good();
	unsigned before = fx.writes;
	write_to(lun1);
	fx_sense(PROTECTED);
	for (size_t i = 0; i < sizeof(writes) / sizeof(*writes); i++) {
		fx_run_on(lun1, writes[i], NULL, 0);
		fx_sense(PROTECTED);
	}
	ck_assert_uint_eq(fx.writes + fx.unmaps + fx.fills, before);
	fx_run_on(lun0, MODE_SENSE, NULL, 0);
	ck_assert_uint_eq(fx.in[2], 0x10);
	fx_run_on(lun1, MODE_SENSE, NULL, 0);
	ck_assert_uint_eq(fx.in[2], 0x90);
	ck_assert(!fx.lus[1].read_only);

	scsi_lun_map_whole(&fx.nexus.luns, false);
	fx.nexus.ua[5].n = 0;
	write_to(lun5);
	fx_good();
	fx.lus[1].read_only = true;
	write_to(lun5);
	fx_sense(PROTECTED);
	scsi_lun_map_whole(&fx.nexus.luns, true);
	write_to(lun0);
	fx_sense(PROTECTED);
	fx_run_on(lun0, CDB(0x28, 0, 0, 0, 0, 0, 0, 0, 1), NULL, 0);
	fx_good();
}
END_TEST

/* Attentions are those of the LU, whatever its number is. */
START_TEST(attentions)
{
	open_mapped();
	scsi_attention_raise(&fx.nexus, 5, SCSI_UA_LUNS_CHANGED);
	fx_run_on(lun0, TUR, NULL, 0);
	fx_good();
	fx_run_on(lun1, TUR, NULL, 0);
	fx_sense(LUNS_CHANGED);
	fx_run_on(lun1, TUR, NULL, 0);
	fx_good();
	scsi_luns_changed(&fx.nexus, 255);
	fx_run_on(lun0, TUR, NULL, 0);
	fx_good();
	fx_run_on(lun1, TUR, NULL, 0);
	fx_sense(LUNS_CHANGED);
}
END_TEST

/* The designators of the port: those of the portal group. SPC-4 7.8.6.7, 7.8.6.8, 7.8.6.11 */
START_TEST(port_designators)
{
	unsigned seen = 0;

	open_mapped();
	fx.nexus.port_group = 0x1234;
	fx_run_on(lun1, CDB(0x12, 1, 0x83, 1, 0), NULL, 0);
	fx_good();
	for (size_t at = 4; at + 4 <= fx.in_len; at += 4u + fx.in[at + 3]) {
		const uint8_t *d = fx.in + at;
		if (d[1] == (0x80 | 0x10 | 4) || d[1] == (0x80 | 0x10 | 5)) {
			ck_assert_uint_eq(ld32(d + 4), 0x1234);
			seen++;
		} else if (d[1] == (0x80 | 0x10 | 8)) {
			char want[300];
			snprintf(want, sizeof(want), "%s,t,0x1234", fx.target.name);
			ck_assert_str_eq((const char *)d + 4, want);
			seen++;
		}
	}
	ck_assert_uint_eq(seen, 3);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("scsi_lun_map");
	TCase *t = tcase_create("maps");

	tcase_add_checked_fixture(t, NULL, fx_close);
	suite_add_tcase(s, t);
	tcase_add_test(t, found_by_its_number);
	tcase_add_test(t, what_is_not_shown_is_not_there);
	tcase_add_test(t, report_luns);
	tcase_add_test(t, read_only);
	tcase_add_test(t, attentions);
	tcase_add_test(t, port_designators);
	t = tcase_create("numbers");
	suite_add_tcase(s, t);
	tcase_add_test(t, numbers);
	return test_main(s);
}
