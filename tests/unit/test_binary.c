// SPDX-License-Identifier: MIT
/* test_binary.c - hexadecimal digits and base64: every length, every character, every limit. */
#include "base/binary.h"

#include <stdio.h>
#include <string.h>

#include "lib/test_main.h"

/* clang-format off */
static const struct {
	const char *text;
	int len; /* -1: refused */
	const char *bytes;
} hex[] = {
	{"00", 1, "\0"}, {"ff", 1, "\xff"}, {"FF", 1, "\xff"}, {"0aBc", 2, "\x0a\xbc"},
	{"", -1, ""}, {"0", -1, ""}, {"abc", -1, ""}, {"0x00", -1, ""}, {"gg", -1, ""},
	{"0g", -1, ""}, {"a ", -1, ""}, {" a", -1, ""}, {"-1", -1, ""}, {"\xc3\xa4", -1, ""},
}, base64[] = {
	{"AAAA", 3, "\0\0\0"}, {"////", 3, "\xff\xff\xff"}, {"+/+/", 3, "\xfb\xff\xbf"},
	{"Zm9vYmFy", 6, "foobar"}, {"Zm9vYmE=", 5, "fooba"}, {"Zm9vYg==", 4, "foob"},
	{"Zg==", 1, "f"}, {"YmE=", 2, "ba"},
	{"", -1, ""}, {"=", -1, ""}, {"==", -1, ""}, {"===", -1, ""}, {"====", -1, ""},
	{"A===", -1, ""}, {"Zg", -1, ""}, {"Zg=", -1, ""}, {"Zh==", -1, ""}, {"Zm9=", -1, ""},
	{"Zg==Zg==", -1, ""}, {"Z=g=", -1, ""}, {"Zm 9", -1, ""}, {"Zm9v\n", -1, ""},
	{"Zm-_", -1, ""}, {"Zm9\xff", -1, ""}, {"Zm9vZ", -1, ""},
};
/* clang-format on */

START_TEST(hex_values)
{
	uint8_t out[4];
	size_t n = 99;
	bool good = binary_of_hex(hex[_i].text, out, sizeof(out), &n);

	ck_assert_int_eq(good, hex[_i].len >= 0);
	if (good) {
		ck_assert_uint_eq(n, (size_t)hex[_i].len);
		ck_assert_mem_eq(out, hex[_i].bytes, n);
	}
}
END_TEST

START_TEST(base64_values)
{
	uint8_t out[8];
	size_t n = 99;
	bool good = binary_of_base64(base64[_i].text, out, sizeof(out), &n);

	ck_assert_int_eq(good, base64[_i].len >= 0);
	if (good) {
		ck_assert_uint_eq(n, (size_t)base64[_i].len);
		ck_assert_mem_eq(out, base64[_i].bytes, n);
	}
}
END_TEST

/* One character of 256, in each place of a group. */
START_TEST(every_character)
{
	unsigned digits = 0, sixty_four = 0;
	uint8_t out[3];
	size_t n;

	for (int c = 1; c < 256; c++) {
		char two[] = {'0', (char)c, 0}, four[] = {'A', 'A', 'A', 'A', 0};
		digits += binary_of_hex(two, out, sizeof(out), &n);
		four[_i] = (char)c;
		if (c != '=')
			sixty_four += binary_of_base64(four, out, sizeof(out), &n);
	}
	ck_assert_uint_eq(digits, 22);
	ck_assert_uint_eq(sixty_four, 64);
}
END_TEST

START_TEST(limits)
{
	uint8_t out[7], *exact = out;
	size_t n;

	memset(out, 0x55, sizeof(out));
	ck_assert(binary_of_hex("000102", exact, 3, &n));
	ck_assert(!binary_of_hex("00010203", exact, 3, &n));
	ck_assert(binary_of_base64("AAAAAA==", exact, 4, &n));
	ck_assert(!binary_of_base64("AAAAAAA=", exact, 4, &n));
	ck_assert(!binary_of_base64("AAAAAAAA", exact, 5, &n));
	ck_assert_uint_eq(out[4], 0x55);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("binary");
	TCase *t = tcase_create("binary");

	tcase_add_loop_test(t, hex_values, 0, sizeof(hex) / sizeof(*hex));
	tcase_add_loop_test(t, base64_values, 0, sizeof(base64) / sizeof(*base64));
	tcase_add_loop_test(t, every_character, 0, 4);
	tcase_add_test(t, limits);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	return test_main(suite());
}
