// SPDX-License-Identifier: MIT
/* test_config_text.c - sizes, iSCSI names, serials, aliases, patterns, paths, groups. */
#include "base/config_text.h"

#include <errno.h>
#include <string.h>

#include "base/config.h"
#include "lib/test_main.h"

static const struct {
	const char *text;
	int rc;
	uint64_t bytes;
} sizes[] = {
	/* clang-format off */
	{"0", 0, 0},
	{"1", 0, 1},
	{"512", 0, 512},
	{"007", 0, 7},
	{"1K", 0, 1024},
	{"256M", 0, (uint64_t)256 << 20},
	{"256MiB", 0, (uint64_t)256 << 20},
	{"1G", 0, (uint64_t)1 << 30},
	{"4T", 0, (uint64_t)4 << 40},
	{"4TiB", 0, (uint64_t)4 << 40},
	{"1P", 0, (uint64_t)1 << 50},
	{"15E", 0, (uint64_t)15 << 60},
	{"16E", -ERANGE, 0},
	{"16777215T", 0, (uint64_t)16777215 << 40},
	{"16777216T", -ERANGE, 0},
	{"18446744073709551615", 0, UINT64_MAX},
	{"18446744073709551616", -ERANGE, 0},
	{"99999999999999999999999999", -ERANGE, 0},
	{"", -EINVAL, 0},
	{"M", -EINVAL, 0},
	{"-1", -EINVAL, 0},
	{"+1", -EINVAL, 0},
	{" 1", -EINVAL, 0},
	{"1 ", -EINVAL, 0},
	{"1 M", -EINVAL, 0},
	{"1m", -EINVAL, 0},
	{"1MB", -EINVAL, 0},
	{"1Mi", -EINVAL, 0},
	{"1MiBs", -EINVAL, 0},
	{"1B", -EINVAL, 0},
	{"1iB", -EINVAL, 0},
	{"1.5G", -EINVAL, 0},
	{"0x10", -EINVAL, 0},
	/* clang-format on */
};

START_TEST(size)
{
	uint64_t bytes = 42;

	ck_assert_int_eq(config_parse_size(sizes[_i].text, &bytes), sizes[_i].rc);
	ck_assert_uint_eq(bytes, sizes[_i].rc ? 42 : sizes[_i].bytes);
}
END_TEST

START_TEST(size_texts)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} rows[] = {
		{0, "0"},
		{1, "1"},
		{1023, "1023"},
		{1024, "1K"},
		{1025, "1025"},
		{(uint64_t)1536 << 20, "1536M"},
		{(uint64_t)1 << 46, "64T"},
		{(uint64_t)15 << 60, "15E"},
		{UINT64_MAX, "18446744073709551615"},
	};
	char text[24];
	uint64_t bytes;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		config_text_of_size(rows[i].bytes, text);
		ck_assert_str_eq(text, rows[i].text);
		ck_assert_int_eq(config_parse_size(text, &bytes), 0);
		ck_assert_uint_eq(bytes, rows[i].bytes);
	}
}
END_TEST

START_TEST(size_advice)
{
	ck_assert_ptr_nonnull(strstr(config_text_bad_size("1.5G"), "fractions"));
	ck_assert_ptr_nonnull(strstr(config_text_bad_size("1,5G"), "fractions"));
	ck_assert_ptr_nonnull(strstr(config_text_bad_size("1MB"), "binary"));
	ck_assert_ptr_nonnull(strstr(config_text_bad_size("1kB"), "binary"));
	ck_assert_ptr_nonnull(strstr(config_text_bad_size("16E"), "64 bits"));
	ck_assert_ptr_nonnull(strstr(config_text_bad_size("B"), "whole number"));
	ck_assert_ptr_nonnull(strstr(config_text_bad_size(""), "whole number"));
}
END_TEST

/* RFC 7143 4.2.7 */
static const char *const good_names[] = {
	"iqn.2026-01.org.memtgt:demo",
	"iqn.2026-12.a",
	"iqn.1987-05.com.cisco:01.38f14e7d1cb6",
	"iqn.2001-04.com.example:storage:diskarrays-sn-a8675309",
	"iqn.2001-04.xn--p1ai.a-b:\xc3\xa9",
	"eui.02004567a425678d",
	"naa.52004567ba64678d",
	"naa.62004567ba64678d0123456789abcdef",
};

static const struct {
	const char *name, *why;
} bad_names[] = {
	{"", "begins with"},
	{"disk", "begins with"},
	{"iqn", "begins with"},
	{"iqn.", "year"},
	{"iqn.2026-1.org:a", "year"},
	{"iqn.2026-00.org:a", "year"},
	{"iqn.2026-13.org:a", "year"},
	{"iqn.2026.01.org:a", "year"},
	{"iqn.2026-01", "year"},
	{"iqn.2026-01.", "domain"},
	{"iqn.2026-01.:a", "domain"},
	{"iqn.2026-01.org.:a", "domain"},
	{"iqn.2026-01.-org:a", "domain"},
	{"iqn.2026-01.org-:a", "domain"},
	{"iqn.2026-01.org..memtgt:a", "domain"},
	{"iqn.2026-01.\xc3\xa9:a", "domain"},
	{"iqn.2026-01.org:", "colon"},
	{"iqn.2026-01.org:a b", "only"},
	{"iqn.2026-01.org:a_b", "only"},
	{"iqn.2026-01.org:a/b", "only"},
	{"iqn.2026-01.org:a\n", "only"},
	{"iqn.2026-01.org:A", "lower case"},
	{"IQN.2026-01.org:a", "lower case"},
	{"eui.02004567a425678", "16"},
	{"eui.02004567a425678d0", "16"},
	{"eui.02004567a425678g", "16"},
	{"naa.52004567ba64678", "16 or 32"},
	{"naa.52004567ba64678d0", "16 or 32"},
	{"naa.52004567ba64678d0123456789abcde", "16 or 32"},
	{"naa.52004567ba64678d0123456789abcdef0", "16 or 32"},
};

START_TEST(names)
{
	for (size_t i = 0; i < sizeof(good_names) / sizeof(good_names[0]); i++)
		ck_assert_msg(!config_bad_iscsi_name(good_names[i]), "%s: %s", good_names[i],
			      config_bad_iscsi_name(good_names[i]));
	for (size_t i = 0; i < sizeof(bad_names) / sizeof(bad_names[0]); i++) {
		const char *why = config_bad_iscsi_name(bad_names[i].name);
		ck_assert_msg(why && strstr(why, bad_names[i].why), "\"%s\": %s", bad_names[i].name,
			      why ? why : "accepted");
	}
}
END_TEST

START_TEST(name_length)
{
	char name[256];

	for (size_t n = 222; n <= 224; n++) {
		memset(name, 'a', sizeof(name));
		memcpy(name, "iqn.2026-01.org:", 16);
		name[n] = '\0';
		ck_assert_int_eq(!config_bad_iscsi_name(name), n <= 223);
	}
}
END_TEST

START_TEST(other_texts)
{
	ck_assert_ptr_null(config_text_bad_serial("Ab-9_z."));
	ck_assert_ptr_nonnull(config_text_bad_serial("a b"));
	ck_assert_ptr_nonnull(config_text_bad_serial("a\xc3\xa9"));
	ck_assert_ptr_null(config_text_bad_alias("A disk, \xc3\xa9 ~"));
	ck_assert_ptr_nonnull(config_text_bad_alias("a\x1f"));
	ck_assert_ptr_nonnull(config_text_bad_alias("a\x7f"));
	ck_assert_ptr_null(config_text_bad_pattern("iqn.[0-9]*.org?:!^*"));
	ck_assert_ptr_nonnull(config_text_bad_pattern("iqn.A"));
	ck_assert_ptr_nonnull(config_text_bad_pattern("iqn.\\a"));
	ck_assert_ptr_nonnull(config_text_bad_pattern("iqn a"));
	ck_assert_ptr_null(config_text_bad_socket(""));
	ck_assert_ptr_null(config_text_bad_socket("/run/a b/\xc3\xa9"));
	ck_assert_ptr_nonnull(config_text_bad_socket("run/sock"));
	ck_assert_ptr_nonnull(config_text_bad_socket("@run"));
	ck_assert_ptr_nonnull(config_text_bad_socket("/run\n/sock"));
	ck_assert_ptr_null(config_text_bad_group("_mem-tgt.9"));
	ck_assert_ptr_nonnull(config_text_bad_group("mem tgt"));
	ck_assert_ptr_nonnull(config_text_bad_group("a:b"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("config_text");
	TCase *t = tcase_create("config_text");

	tcase_add_loop_test(t, size, 0, sizeof(sizes) / sizeof(sizes[0]));
	tcase_add_test(t, size_texts);
	tcase_add_test(t, size_advice);
	tcase_add_test(t, names);
	tcase_add_test(t, name_length);
	tcase_add_test(t, other_texts);
	suite_add_tcase(s, t);
	return test_main(s);
}
