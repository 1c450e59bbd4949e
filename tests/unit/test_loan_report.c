// SPDX-License-Identifier: MIT
/* test_loan_report.c - what LVM, device mapper and the kernel say: whole, odd, cut at each byte. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "initiator-tools/host/dm.h"
#include "initiator-tools/host/lvm_report.h"
#include "initiator-tools/host/swaps.h"
#include "lib/test_main.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* As LVM 2.03.16 prints it. */
static const char pvs_text[] =
	"  {\n      \"report\": [\n          {\n              \"pv\": [\n"
	"                  {\"pv_name\":\"/dev/sda\", \"vg_name\":\"memtgt_x\", "
	"\"vg_tags\":\"memtgt-1,other\"},\n"
	"                  {\"pv_name\":\"[unknown]\", \"vg_name\":\"memtgt_x\", "
	"\"vg_tags\":\"memtgt-1,other\"},\n"
	"                  {\"pv_name\":\"/dev/sdb\", \"vg_name\":\"\", \"vg_tags\":\"\"}\n"
	"              ]\n          }\n      ]\n  }\n";

static const char lvs_text[] =
	"{\"report\": [{\"lv\": ["
	"{\"lv_name\":\"data\", \"lv_attr\":\"rwi-aor--k\", \"lv_size\":\"25165824\", "
	"\"devices\":\"data_rimage_0(0),data_rimage_1(0)\"},"
	"{\"lv_name\":\"[data_rimage_0]\", \"lv_attr\":\"iwi-aor---\", \"lv_size\":\"25165824\", "
	"\"devices\":\"/dev/sda(0)\"},"
	"{\"lv_name\":\"[data_rimage_1]\", \"lv_attr\":\"Iwi-aor-p-\", \"lv_size\":\"25165824\", "
	"\"devices\":\"[unknown](1)\"}]}]}";

START_TEST(pvs)
{
	struct lvm_pvs p;

	ck_assert_int_eq(lvm_read_pvs(pvs_text, strlen(pvs_text), &p), 0);
	ck_assert_uint_eq(p.n, 3);
	ck_assert_str_eq(p.rows[0].disk, "sda");
	ck_assert_str_eq(p.rows[0].group, "memtgt_x");
	ck_assert(lvm_has_tag(p.rows[0].tags, "other"));
	ck_assert_str_eq(p.rows[1].disk, "");
	ck_assert_str_eq(p.rows[2].disk, "sdb");
	ck_assert_str_eq(p.rows[2].group, "");
	free(p.rows);
}
END_TEST

START_TEST(segments)
{
	struct lvm_segments s;

	ck_assert_int_eq(lvm_read_segments(lvs_text, strlen(lvs_text), &s), 0);
	ck_assert_uint_eq(s.n, 3);
	ck_assert_str_eq(s.rows[0].volume, "data");
	ck_assert(!s.rows[0].is_hidden && !*s.rows[0].disk);
	ck_assert_uint_eq(s.rows[0].size, 25165824);
	ck_assert_str_eq(s.rows[1].volume, "data_rimage_0");
	ck_assert(s.rows[1].is_hidden);
	ck_assert_str_eq(s.rows[1].disk, "sda");
	ck_assert_str_eq(s.rows[2].disk, "");
	ck_assert_str_eq(s.rows[2].attr, "Iwi-aor-p-");
	free(s.rows);
}
END_TEST

START_TEST(nothing)
{
	static const char none[] = "{\"report\":[{\"pv\":[]}]}";
	struct lvm_pvs p;

	ck_assert_int_eq(lvm_read_pvs(none, strlen(none), &p), 0);
	ck_assert_uint_eq(p.n, 0);
	free(p.rows);
}
END_TEST

/* From a block of just its size, so that a sanitizer sees a byte too far. */
START_TEST(cut_everywhere)
{
	/* Behind the last brace there is only white space. */
	size_t whole = (size_t)(strrchr(pvs_text, '}') - pvs_text) + 1;

	for (size_t n = 0; n < whole; n++) {
		char *exact = malloc(n ? n : 1);
		struct lvm_pvs p;
		memcpy(exact, pvs_text, n);
		ck_assert_int_eq(lvm_read_pvs(exact, n, &p), -EBADMSG);
		ck_assert_ptr_null(p.rows);
		free(exact);
	}
}
END_TEST

#define LV(name, attr, size, devices)                                         \
	"{\"report\":[{\"lv\":[{\"lv_name\":\"" name "\",\"lv_attr\":\"" attr \
	"\",\"lv_size\":\"" size "\",\"devices\":\"" devices "\"}]}]}"
static const char *const bad_reports[] = {
	"",
	"[]",
	"{}",
	"{\"report\":{}}",
	"{\"report\":[]}",
	"{\"report\":[{\"lv\":[]},{\"lv\":[]}]}",
	"{\"report\":[{\"pv\":[]}]}",
	"{\"report\":[{\"lv\":[1]}]}",
	"{\"report\":[{\"lv\":[{}]}]}",
	"{\"report\":[{\"lv\":[],\"lv\":[]}]}",
	"  WARNING: x\n" LV("a", "rwi-aor--k", "1", ""),
	LV("", "rwi-aor--k", "1", ""),
	LV("a", "rwi-aor--", "1", ""),
	LV("a", "rwi-aor--kk", "1", ""),
	LV("a", "rwi-aor--k", "", ""),
	LV("a", "rwi-aor--k", "-1", ""),
	LV("a", "rwi-aor--k", "9223372036854775808", ""),
	LV("a", "rwi-aor--k", "8.00m", ""),
};

START_TEST(bad_report)
{
	struct lvm_segments s;

	ck_assert_int_eq(lvm_read_segments(bad_reports[_i], strlen(bad_reports[_i]), &s), -EBADMSG);
	ck_assert_ptr_null(s.rows);
}
END_TEST

static const struct {
	const char *text, *disk;
} places[] = {
	{LV("a", "rwi-aor--k", "0", "/dev/sdzz(12)"), "sdzz"},
	{LV("a", "rwi-aor--k", "0", "/dev/mapper/x(0)"), ""},
	{LV("a", "rwi-aor--k", "0", "/dev/(0)"), ""},
	{LV("a", "rwi-aor--k", "0", "/dev/sda(0),/dev/sdb(0)"), ""},
	{LV("a", "rwi-aor--k", "9223372036854775807", ""), ""},
	{LV("a", "rwi-aor--k", "0", "/dev/a234567890123456789012345678901(0)"),
	 "a234567890123456789012345678901"},
	{LV("a", "rwi-aor--k", "0", "/dev/a2345678901234567890123456789012(0)"), ""},
};

START_TEST(place)
{
	struct lvm_segments s;

	ck_assert_int_eq(lvm_read_segments(places[_i].text, strlen(places[_i].text), &s), 0);
	ck_assert_str_eq(s.rows[0].disk, places[_i].disk);
	free(s.rows);
}
END_TEST

START_TEST(tags)
{
	ck_assert(lvm_has_tag("a,b,c", "a") && lvm_has_tag("a,b,c", "b") &&
		  lvm_has_tag("a,b,c", "c"));
	ck_assert(!lvm_has_tag("", "a") && !lvm_has_tag("ab", "a") && !lvm_has_tag("b,ab", "a"));
}
END_TEST

static const struct {
	const char *text;
	bool is_mirror;
	const char *health;
	uint64_t done, total;
} mirrors[] = {
	{"0 49152 raid raid1 2 Aa 48000/49152 recover 0 0 -\n", true, "Aa", 48000, 49152},
	{"0 49152 raid raid1 3 ADA 49152/49152 idle 0 0 -", true, "ADA", 49152, 49152},
	{"0 8 raid raid1 1 A 18446744073709551615/0 idle", true, "A", UINT64_MAX, 0},
	{"0 49152 linear \n", false, "", 0, 0},
	{"", false, "", 0, 0},
	{"0 49152 raid raid5_ls 2 Aa 48000/49152 recover 0 0 -\n", false, "", 0, 0},
	{"0 49152 raid raid1 2 Aaa 48000/49152 recover 0 0 -\n", false, "", 0, 0},
	{"0 49152 raid raid1 2 AX 48000/49152 recover 0 0 -\n", false, "", 0, 0},
	{"0 49152 raid raid1 0 A 48000/49152 recover 0 0 -\n", false, "", 0, 0},
	{"0 49152 raid raid1 2 Aa 48000 recover 0 0 -\n", false, "", 0, 0},
	{"0 49152 raid raid1 2 Aa 48000/x recover 0 0 -\n", false, "", 0, 0},
	{"0 8 raid raid1 17 AAAAAAAAAAAAAAAAA 1/1 idle 0 0 -\n", false, "", 0, 0},
};

START_TEST(mirror)
{
	struct dm_mirror m;

	ck_assert(dm_read_mirror(mirrors[_i].text, strlen(mirrors[_i].text), &m) ==
		  mirrors[_i].is_mirror);
	if (!mirrors[_i].is_mirror)
		return;
	ck_assert_str_eq(m.health, mirrors[_i].health);
	ck_assert_uint_eq(m.n, strlen(mirrors[_i].health));
	ck_assert_uint_eq(m.done, mirrors[_i].done);
	ck_assert_uint_eq(m.total, mirrors[_i].total);
}
END_TEST

static const char swaps_text[] =
	"Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
	"/dev/dm-3                               partition\t204796\t\t1024\t\t-2\n"
	"/a\\040b\\134c                            file\t\t8\t\t8\t\t100\n"
	"/odd partition 1 2 3 4 5\n"
	"/too/much partition 8 9 1\n"
	"/no/number partition 8 x 1\n"
	"/last partition 4 0 32767";

START_TEST(swaps)
{
	struct swaps s;

	ck_assert(swaps_parse(swaps_text, strlen(swaps_text), &s));
	ck_assert_uint_eq(s.n, 3);
	ck_assert_str_eq(s.areas[0].path, "/dev/dm-3");
	ck_assert_uint_eq(s.areas[0].size, 204796u << 10);
	ck_assert_uint_eq(s.areas[0].used, 1u << 20);
	ck_assert_int_eq(s.areas[0].priority, -2);
	ck_assert_str_eq(s.areas[1].path, "/a b\\c");
	ck_assert_int_eq(s.areas[2].priority, 32767);
	ck_assert(!swaps_parse("", 0, &s));
	ck_assert(!swaps_parse("/dev/sda 1 2 3 4\n", 17, &s));
}
END_TEST

START_TEST(many_swaps)
{
	static char text[16384];
	struct swaps s;
	size_t n = (size_t)sprintf(text, "Filename\n");

	for (unsigned i = 0; i < SWAPS_MAX + 5; i++)
		n += (size_t)sprintf(text + n, "/dev/%u partition 8 4 1\n", i);
	ck_assert(swaps_parse(text, n, &s));
	ck_assert_uint_eq(s.n, SWAPS_MAX);
}
END_TEST

START_TEST(memory)
{
	static const char text[] = "MemTotal:   1000 kB\nMemAvailable:     512 kB\nBad: x kB\n";
	uint64_t n = 7;

	ck_assert(meminfo_parse(text, strlen(text), "MemAvailable", &n));
	ck_assert_uint_eq(n, 512 << 10);
	ck_assert(meminfo_parse(text, strlen(text), "MemTotal", &n));
	ck_assert(!meminfo_parse(text, strlen(text), "Mem", &n));
	ck_assert(!meminfo_parse(text, strlen(text), "Bad", &n));
	ck_assert(!meminfo_parse("", 0, "Bad", &n));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("loan_report");
	TCase *t = tcase_create("report");

	tcase_add_test(t, pvs);
	tcase_add_test(t, segments);
	tcase_add_test(t, nothing);
	tcase_add_test(t, cut_everywhere);
	tcase_add_loop_test(t, bad_report, 0, COUNT(bad_reports));
	tcase_add_loop_test(t, place, 0, COUNT(places));
	tcase_add_test(t, tags);
	tcase_add_loop_test(t, mirror, 0, COUNT(mirrors));
	tcase_add_test(t, swaps);
	tcase_add_test(t, many_swaps);
	tcase_add_test(t, memory);
	suite_add_tcase(s, t);
	return test_main(s);
}
