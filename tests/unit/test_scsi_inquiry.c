// SPDX-License-Identifier: MIT
/* test_scsi_inquiry.c - what a LU says of itself: INQUIRY, VPD, capacity, modes, LUNs, names. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/test_main.h"
#include "store/store.h"
#include "unit/scsi_fixture.h"

#define STANDARD		    CDB(0x12, 0, 0, 0xff, 0xff)
#define VPD(page)		    CDB(0x12, 1, (page), 0xff, 0xff)
#define READ_CAPACITY_16	    CDB(0x9e, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff)
#define MODE_6(dbd, page, subpage)  CDB(0x1a, (dbd), (page), (subpage), 0xff)
#define MODE_10(dbd, page, subpage) CDB(0x5a, (dbd), (page), (subpage), 0, 0, 0, 0xff, 0xff)
#define LUNS(select)		    CDB(0xa0, 0, (select), 0, 0, 0, 0, 0, 0xff, 0xff)

static const uint8_t vpd_pages[] = {0x00, 0x80, 0x83, 0xb0, 0xb1, 0xb2};

START_TEST(standard_data)
{
	fx_run(STANDARD, NULL, 0);
	fx_good();
	ck_assert_uint_eq(fx.in_len, 96);
	ck_assert_uint_eq(fx.in[4], 91);
	ck_assert_mem_eq(fx.in + 8, "MEMTGT  MEMORY LUN      ", 24);
	memcpy(fx.in + 32, "0.1 ", 4); /* the version is not what the golden file is about */
	fx_golden("inquiry-standard", fx.in, fx.in_len);
	fx_every_allocation(STANDARD, 3, 2);
}
END_TEST

START_TEST(standard_data_without_a_lu)
{
	fx_run_on(fx_lun_none, STANDARD, NULL, 0);
	fx_good();
	ck_assert_uint_eq(fx.in_len, 96);
	ck_assert_uint_eq(fx.in[0], 0x7f);
	fx_run_on(fx_lun_none, VPD(0x00), NULL, 0);
	fx_good();
	ck_assert_uint_eq(fx.in_len, 5);
	ck_assert_mem_eq(fx.in, "\x7f\0\0\1\0", 5);
	fx_run_on(fx_lun_none, VPD(0x83), NULL, 0);
	fx_bad_cdb(2, -1);
}
END_TEST

START_TEST(page_without_evpd)
{
	fx_run(CDB(0x12, 0, 0x80, 0, 96), NULL, 0);
	fx_bad_cdb(2, -1);
}
END_TEST

START_TEST(vpd_of_every_page_code)
{
	unsigned good = 0;

	for (unsigned page = 0; page < 256; page++) {
		fx_run(VPD((uint8_t)page), NULL, 0);
		if (!memchr(vpd_pages, (int)page, sizeof(vpd_pages))) {
			fx_bad_cdb(2, -1);
			continue;
		}
		fx_good();
		ck_assert_uint_eq(fx.in[1], page);
		ck_assert_uint_eq(ld16(fx.in + 2), fx.in_len - 4);
		good++;
		fx_every_allocation(VPD((uint8_t)page), 3, 2);
	}
	ck_assert_uint_eq(good, sizeof(vpd_pages));
	fx_run(VPD(0x00), NULL, 0);
	ck_assert_uint_eq(fx.in_len, 4 + sizeof(vpd_pages));
	ck_assert_mem_eq(fx.in + 4, vpd_pages, sizeof(vpd_pages));
}
END_TEST

START_TEST(vpd_golden)
{
	char name[32];

	for (size_t i = 0; i < sizeof(vpd_pages); i++) {
		snprintf(name, sizeof(name), "inquiry-vpd-%02x", vpd_pages[i]);
		fx_run(VPD(vpd_pages[i]), NULL, 0);
		fx_good();
		fx_golden(name, fx.in, fx.in_len);
	}
}
END_TEST

/* SPC-4 7.8.6: the designators of page 83h, one by one. */
START_TEST(vpd_identification)
{
	static const uint8_t types[] = {3, 1, 4, 5, 8, 8};
	unsigned n = 0;

	fx_run(VPD(0x83), NULL, 0);
	for (size_t at = 4; at < fx.in_len; n++) {
		const uint8_t *d = fx.in + at;

		ck_assert_uint_lt(n, sizeof(types));
		ck_assert_uint_eq(d[1] & 0x0f, types[n]);
		if (d[1] & 0x30)
			ck_assert_uint_eq(d[0] & 0xf0, 0x50);
		if (types[n] == 8) {
			ck_assert_uint_eq(d[3] % 4, 0);
			ck_assert_uint_lt(strlen((const char *)d + 4), d[3]);
		}
		if (n == 4)
			ck_assert_str_eq((const char *)d + 4,
					 "iqn.2026-01.org.memtgt:test,t,0x0001");
		if (n == 5)
			ck_assert_str_eq((const char *)d + 4, "iqn.2026-01.org.memtgt:test");
		at += 4u + d[3];
		ck_assert_uint_le(at, fx.in_len);
	}
	ck_assert_uint_eq(n, sizeof(types));
	ck_assert_uint_eq(fx.in[8] >> 4, 3); /* NAA Locally Assigned */
}
END_TEST

/* The longest name of RFC 7143 4.2.7.1, and lengths around the filling to a word. */
START_TEST(vpd_identification_with_long_names)
{
	char name[224];

	for (size_t len = 216; len <= 223; len++) {
		memset(name, 'a', len);
		memcpy(name, "iqn.", 4);
		name[len] = '\0';
		fx.target.name = name;
		fx.nexus.port_group = 0xffff;
		fx_run(VPD(0x83), NULL, 0);
		fx_good();
		ck_assert_uint_eq(ld16(fx.in + 2), fx.in_len - 4);
		ck_assert_uint_eq(fx.in[fx.in_len - 1], 0);
	}
}
END_TEST

START_TEST(block_limits)
{
	for (uint32_t size = 512; size <= 4096; size *= 8) {
		fx_close();
		fx_open(size, true);
		fx_run(VPD(0xb0), NULL, 0);
		fx_good();
		ck_assert_uint_eq(fx.in_len, 64);
		ck_assert_uint_eq(ld32(fx.in + 8), (32u << 20) / size);
		ck_assert_uint_eq(ld32(fx.in + 12), (1u << 20) / size);
		ck_assert_uint_eq(ld32(fx.in + 20), UINT32_MAX);
		ck_assert_uint_eq(ld32(fx.in + 24), 256);
		ck_assert_uint_eq(ld32(fx.in + 28), (2u << 20) / size);
		ck_assert_uint_eq(ld32(fx.in + 32), 0x80000000u);
	}
}
END_TEST

START_TEST(provisioning)
{
	for (int thin = 0; thin <= 1; thin++) {
		fx_close();
		fx_open(4096, thin);
		fx_run(VPD(0xb2), NULL, 0);
		ck_assert_mem_eq(fx.in, thin ? "\0\xb2\0\4\x09\xe6\2\0" : "\0\xb2\0\4\x09\xe6\1\0",
				 8);
		fx_close();
		fx_open(512, thin);
		fx_run(VPD(0xb2), NULL, 0);
		ck_assert_mem_eq(fx.in, thin ? "\0\xb2\0\4\x0c\xe6\2\0" : "\0\xb2\0\4\x0c\xe6\1\0",
				 8);
		fx_run(READ_CAPACITY_16, NULL, 0);
		ck_assert_uint_eq(fx.in[14], 0xc0);
	}
}
END_TEST

START_TEST(read_capacity)
{
	const uint64_t last = fx.lus[0].blocks - 1;

	fx_run(CDB(0x25), NULL, 0);
	fx_good();
	ck_assert_uint_eq(fx.in_len, 8);
	ck_assert_uint_eq(ld32(fx.in), last);
	ck_assert_uint_eq(ld32(fx.in + 4), fx.lus[0].block_size);
	fx_run(READ_CAPACITY_16, NULL, 0);
	fx_good();
	ck_assert_uint_eq(fx.in_len, 32);
	ck_assert_uint_eq(ld64(fx.in), last);
	ck_assert_uint_eq(ld32(fx.in + 8), fx.lus[0].block_size);
	fx_every_allocation(READ_CAPACITY_16, 10, 4);
}
END_TEST

/* SBC-3 5.15: the last LBA that ten bytes can tell, and one more. */
START_TEST(read_capacity_of_large_units)
{
	static const struct {
		uint64_t blocks;
		uint32_t last;
	} cases[] = {
		{0xffffffff, 0xfffffffe},
		{0x100000000, 0xffffffff},
		{0x100000001, 0xffffffff},
		{(uint64_t)1 << 37, 0xffffffff},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		fx.lus[0].blocks = cases[i].blocks;
		fx_run(CDB(0x25), NULL, 0);
		ck_assert_uint_eq(ld32(fx.in), cases[i].last);
		fx_run(READ_CAPACITY_16, NULL, 0);
		ck_assert_uint_eq(ld64(fx.in), cases[i].blocks - 1);
	}
}
END_TEST

START_TEST(report_luns)
{
	static const uint8_t all[] = {0, 0, 0, 24, 0, 0, 0, 0, 0, 0,   0, 0, 0, 0, 0, 0,
				      0, 5, 0, 0,  0, 0, 0, 0, 0, 255, 0, 0, 0, 0, 0, 0};

	for (uint8_t select = 0; select <= 2; select++) {
		fx_run_on(select ? fx_lun_none : fx_lun0, LUNS(select), NULL, 0);
		fx_good();
		if (select == 1) {
			ck_assert_uint_eq(fx.in_len, 8);
			ck_assert_mem_eq(fx.in, "\0\0\0\0\0\0\0\0", 8);
		} else {
			ck_assert_uint_eq(fx.in_len, sizeof(all));
			ck_assert_mem_eq(fx.in, all, sizeof(all));
		}
	}
	for (unsigned select = 3; select < 256; select++) {
		fx_run(LUNS((uint8_t)select), NULL, 0);
		fx_bad_cdb(2, -1);
	}
	fx_every_allocation(LUNS(0), 6, 4);
}
END_TEST

/* LUs come and go between two commands. The nexus keeps what waits for the others. */
START_TEST(luns_come_and_go)
{
	static const uint8_t lun5[8] = {0, 5};

	scsi_attention_raise(&fx.nexus, 255, SCSI_UA_LU_RESET);
	fx.target.by_id[5] = NULL;
	fx_run(LUNS(0), NULL, 0);
	ck_assert_uint_eq(ld32(fx.in), 16);
	ck_assert_uint_eq(ld16(fx.in + 16), 255);
	fx_run_on(lun5, CDB(0x00), NULL, 0);
	fx_sense(0x5, 0x25, 0x00);
	fx.target.by_id[5] = &fx.lus[1];
	fx_run(LUNS(0), NULL, 0);
	ck_assert_uint_eq(ld32(fx.in), 24);
	fx_run_on(lun5, CDB(0x00), NULL, 0);
	fx_good();
	fx_run_on((const uint8_t[8]){0, 255}, CDB(0x00), NULL, 0);
	fx_sense(0x6, 0x29, 0x03);
}
END_TEST

START_TEST(report_luns_of_a_full_target)
{
	struct scsi_lu *lus = calloc(SCSI_LUNS_MAX, sizeof(*lus));

	for (unsigned i = 0; i < SCSI_LUNS_MAX; i++) {
		lus[i].id = i;
		fx.target.by_id[i] = &lus[i];
	}
	fx_run(LUNS(0), NULL, 0);
	fx_good();
	ck_assert_uint_eq(fx.in_len, 8 + 8 * SCSI_LUNS_MAX);
	ck_assert_uint_eq(fx.in[8 + 8 * 255 + 1], 255);
	free(lus);
}
END_TEST

/* SAM-5 4.7.7: peripheral and flat addressing name the same LU; nothing else names one. */
START_TEST(lun_fields)
{
	for (unsigned i = 0; i < 0x10000; i++) {
		uint8_t lun[8] = {(uint8_t)(i >> 8), (uint8_t)i};
		const unsigned id = i & 0x3fff;
		const bool is = i >> 14 <= 1 && (id == 0 || id == 5 || id == 255);
		const struct scsi_lu *lu = scsi_lu_find(&fx.nexus, lun);

		ck_assert_int_eq(lu != NULL, is);
		if (!is)
			continue;
		ck_assert_uint_eq(lu->id, id);
		for (unsigned b = 2; b < 8; b++) {
			lun[b] = 1;
			ck_assert_ptr_null(scsi_lu_find(&fx.nexus, lun));
			lun[b] = 0;
		}
	}
}
END_TEST

START_TEST(mode_sense_all_pages)
{
	fx_run(MODE_6(0, 0x3f, 0), NULL, 0);
	fx_good();
	ck_assert_uint_eq(fx.in_len, 4 + 8 + 12 + 20 + 12 + 12);
	ck_assert_uint_eq(fx.in[0], fx.in_len - 1);
	ck_assert_uint_eq(fx.in[2], 0x10);
	ck_assert_uint_eq(fx.in[3], 8);
	ck_assert_uint_eq(ld32(fx.in + 4), fx.lus[0].blocks);
	ck_assert_uint_eq(ld32(fx.in + 8), 512);
	fx_golden("mode-sense-6-all", fx.in, fx.in_len);
	fx_every_allocation(MODE_6(0, 0x3f, 0), 4, 1);
	fx_every_allocation(MODE_10(0, 0x3f, 0xff), 7, 2);
	fx_run(MODE_10(0x10, 0x3f, 0), NULL, 0); /* LLBAA */
	fx_good();
	ck_assert_uint_eq(fx.in_len, 8 + 16 + 12 + 20 + 12 + 12);
	ck_assert_uint_eq(ld16(fx.in), fx.in_len - 2);
	ck_assert_uint_eq(fx.in[4], 1);
	ck_assert_uint_eq(ld16(fx.in + 6), 16);
	ck_assert_uint_eq(ld64(fx.in + 8), fx.lus[0].blocks);
	ck_assert_uint_eq(ld32(fx.in + 20), 512);
}
END_TEST

START_TEST(mode_sense_every_page_code)
{
	for (unsigned page = 0; page < 0x3f; page++) {
		for (unsigned pc = 0; pc < 3; pc++) {
			fx_run(MODE_10(0x08, (uint8_t)(pc << 6 | page), 0), NULL, 0);
			if (page != 0x01 && page != 0x08 && page != 0x0a && page != 0x1c) {
				fx_bad_cdb(2, 5);
				continue;
			}
			fx_good();
			ck_assert_uint_eq(fx.in_len, 8u + 2u + fx.in[9]);
			ck_assert_uint_eq(fx.in[8], page);
			ck_assert_uint_eq(ld16(fx.in + 6), 0); /* DBD */
			for (size_t i = 10; pc == 1 && i < fx.in_len; i++)
				ck_assert_uint_eq(fx.in[i], 0);
		}
		fx_run(MODE_10(0, (uint8_t)(3 << 6 | page), 0), NULL, 0);
		fx_sense(0x5, 0x39, 0x00);
	}
	for (unsigned subpage = 1; subpage < 0xff; subpage++) {
		fx_run(MODE_6(0, 0x3f, (uint8_t)subpage), NULL, 0);
		fx_bad_cdb(3, -1);
	}
}
END_TEST

START_TEST(mode_sense_of_large_units)
{
	fx.lus[0].blocks = 0xfffffffe;
	fx_run(MODE_6(0, 0x08, 0), NULL, 0);
	ck_assert_uint_eq(ld32(fx.in + 4), 0xfffffffe);
	fx.lus[0].blocks = 0x100000000;
	fx_run(MODE_6(0, 0x08, 0), NULL, 0);
	ck_assert_uint_eq(ld32(fx.in + 4), 0xffffffff);
}
END_TEST

START_TEST(names_differ_where_anything_does)
{
	uint8_t host[16] = {1}, other[16] = {1, [15] = 1};
	struct scsi_lu a = {.id = 1}, b = {.id = 1};

	scsi_lu_name(&a, host, "iqn.a", 1, "");
	scsi_lu_name(&b, host, "iqn.a", 1, "");
	ck_assert_mem_eq(a.naa, b.naa, sizeof(a.naa));
	ck_assert_str_eq(a.serial, b.serial);
	ck_assert_uint_eq(strlen(a.serial), SCSI_SERIAL_MAX);

	const struct {
		const uint8_t *host;
		const char *target;
		uint32_t generation;
		unsigned id;
	} cases[] = {
		{other, "iqn.a", 1, 1}, {host, "iqn.b", 1, 1},		 {host, "iqn.a", 2, 1},
		{host, "iqn.a", 1, 2},	{host, "iqn.aaaaaaaaaaa", 1, 1},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		b.id = cases[i].id;
		scsi_lu_name(&b, cases[i].host, cases[i].target, cases[i].generation, "");
		ck_assert_mem_ne(a.naa, b.naa, sizeof(a.naa));
		ck_assert_str_ne(a.serial, b.serial);
		ck_assert_uint_eq(b.naa[0] >> 4, 3);
	}
	scsi_lu_name(&b, host, "iqn.a", 0, "S-1");
	ck_assert_str_eq(b.serial, "S-1");
}
END_TEST

#define DEFECTS_10(lists) CDB(0x37, 0, (lists), 0, 0, 0, 0, 0xff, 0xff)
#define DEFECTS_12(lists) CDB(0xb7, (lists), 0, 0, 0, 0, 0, 0, 0xff, 0xff)

/* SBC-3 5.17, 5.18: the lists that were asked for, and they are empty. */
START_TEST(memory_has_no_defects)
{
	for (unsigned lists = 0; lists <= 0x1f; lists++) {
		const uint8_t l = (uint8_t)lists;
		fx_run(DEFECTS_10(l), NULL, 0);
		fx_good();
		ck_assert_uint_eq(fx.in_len, 4);
		ck_assert_mem_eq(fx.in, ((uint8_t[]){0, l, 0, 0}), 4);
		fx_run(DEFECTS_12(l), NULL, 0);
		fx_good();
		ck_assert_uint_eq(fx.in_len, 8);
		ck_assert_mem_eq(fx.in, ((uint8_t[]){0, l, 0, 0, 0, 0, 0, 0}), 8);
	}
	fx_every_allocation(DEFECTS_10(0x18), 7, 2);
	fx_every_allocation(DEFECTS_12(0x18), 6, 4);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("scsi_inquiry");
	TCase *c = tcase_create("inquiry");

	tcase_add_checked_fixture(c, fx_open_512, fx_close);
	tcase_add_test(c, standard_data);
	tcase_add_test(c, standard_data_without_a_lu);
	tcase_add_test(c, page_without_evpd);
	tcase_add_test(c, vpd_of_every_page_code);
	tcase_add_test(c, vpd_golden);
	tcase_add_test(c, vpd_identification);
	tcase_add_test(c, vpd_identification_with_long_names);
	tcase_add_test(c, block_limits);
	tcase_add_test(c, provisioning);
	tcase_add_test(c, read_capacity);
	tcase_add_test(c, read_capacity_of_large_units);
	tcase_add_test(c, report_luns);
	tcase_add_test(c, luns_come_and_go);
	tcase_add_test(c, report_luns_of_a_full_target);
	tcase_add_test(c, lun_fields);
	tcase_add_test(c, mode_sense_all_pages);
	tcase_add_test(c, mode_sense_every_page_code);
	tcase_add_test(c, mode_sense_of_large_units);
	tcase_add_test(c, memory_has_no_defects);
	tcase_add_test(c, names_differ_where_anything_does);
	suite_add_tcase(s, c);
	return test_main(s);
}
