// SPDX-License-Identifier: MIT
/* Syntax of key=value text: pairs, numbers, booleans, lists, and answers that do not fit. */
#include <stdlib.h>
#include <string.h>

#include "iscsi/text.h"
#include "lib/test_main.h"

/* Reads a text from a heap block of just its size. Counts pairs, returns how it ended. */
static enum text_status read_all(const void *text, size_t n, unsigned *pairs)
{
	uint8_t *exact = malloc(n + !n);
	struct text_pair p;
	enum text_status t;

	if (n)
		memcpy(exact, text, n);
	struct cursor c = cursor_of(exact, n);
	*pairs = 0;
	while ((t = text_next(&c, &p)) == TEXT_PAIR) {
		ck_assert_uint_eq(strlen(p.value), p.value_len);
		ck_assert_uint_ge(p.key_len, 1);
		ck_assert_uint_le(p.key_len, TEXT_KEY_MAX);
		++*pairs;
	}
	free(exact);
	return t;
}

/* clang-format off */
static const struct {
	const char *text;
	size_t n;
	enum text_status end;
	unsigned pairs;
} texts[] = {
	{"", 0, TEXT_END, 0},
	{"a=b", 4, TEXT_END, 1},
	{"a=", 3, TEXT_END, 1},
	{"a=b=c", 6, TEXT_END, 1},
	{"a=1\0b=2", 8, TEXT_END, 2},
	{"a=b", 3, TEXT_NOT_TERMINATED, 0},
	{"a", 1, TEXT_NOT_TERMINATED, 0},
	{"a=1\0b=2", 7, TEXT_NOT_TERMINATED, 1},
	{"ab", 3, TEXT_NO_EQUALS, 0},
	{"a=1\0b", 6, TEXT_NO_EQUALS, 1},
	{"=b", 3, TEXT_EMPTY_KEY, 0},
	{"=", 2, TEXT_EMPTY_KEY, 0},
	{"", 1, TEXT_EMPTY_KEY, 0},
	{"a=1\0", 5, TEXT_EMPTY_KEY, 1},
	{"a b=1", 6, TEXT_BAD_KEY, 0},
	{"%n=1", 5, TEXT_BAD_KEY, 0},
	{"\xff=1", 4, TEXT_BAD_KEY, 0},
	{"X-com.example.a_b+c@d=1", 24, TEXT_END, 1},
	{"X#NodeArchitecture=1", 21, TEXT_END, 1},
};
/* clang-format on */
#define NTEXTS ((int)(sizeof(texts) / sizeof(*texts)))

START_TEST(pairs)
{
	unsigned n;

	ck_assert_int_eq(read_all(texts[_i].text, texts[_i].n, &n), texts[_i].end);
	ck_assert_uint_eq(n, texts[_i].pairs);
}
END_TEST

START_TEST(key_lengths)
{
	static const struct {
		size_t len;
		enum text_status end;
	} rows[] = {{1, TEXT_END},	     {62, TEXT_END},	       {63, TEXT_END},
		    {64, TEXT_KEY_TOO_LONG}, {255, TEXT_KEY_TOO_LONG}, {8191, TEXT_KEY_TOO_LONG}};
	char text[8200];
	unsigned n;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		memset(text, 'k', rows[i].len);
		memcpy(text + rows[i].len, "=v", 3);
		ck_assert_int_eq(read_all(text, rows[i].len + 3, &n), rows[i].end);
	}
}
END_TEST

START_TEST(every_status_has_a_name)
{
	for (enum text_status t = TEXT_PAIR; t <= TEXT_NOT_TERMINATED; t++)
		ck_assert_ptr_nonnull(text_status_name(t));
}
END_TEST

START_TEST(keys_match_whole_and_with_case)
{
	const char *text = "SendTargets=All";
	struct cursor c = cursor_of(text, strlen(text) + 1);
	struct text_pair p;

	ck_assert_int_eq(text_next(&c, &p), TEXT_PAIR);
	ck_assert(text_is(&p, "SendTargets"));
	ck_assert(!text_is(&p, "SendTarget"));
	ck_assert(!text_is(&p, "SendTargetsX"));
	ck_assert(!text_is(&p, "sendtargets"));
}
END_TEST

/* clang-format off */
static const struct {
	const char *v;
	bool ok;
	uint64_t n;
} numbers[] = {
	{"0", true, 0}, {"1", true, 1}, {"65536", true, 65536},
	{"18446744073709551614", true, UINT64_MAX - 1},
	{"18446744073709551615", true, UINT64_MAX},
	{"18446744073709551616", false, 0},
	{"99999999999999999999999", false, 0},
	{"0x0", true, 0}, {"0X1f", true, 31}, {"0xABCdef", true, 0xabcdef}, {"0x00010", true, 16},
	{"0xffffffffffffffff", true, UINT64_MAX}, {"0x10000000000000000", false, 0},
	{"", false, 0}, {"0x", false, 0}, {"00", false, 0}, {"010", false, 0}, {"-1", false, 0},
	{"+1", false, 0}, {" 1", false, 0}, {"1 ", false, 0}, {"1a", false, 0}, {"0xg", false, 0},
	{"1,2", false, 0}, {"1~2", false, 0}, {"x1", false, 0}, {"1.0", false, 0},
};
/* clang-format on */
#define NNUMBERS ((int)(sizeof(numbers) / sizeof(*numbers)))

START_TEST(number)
{
	uint64_t n = 77;

	ck_assert_int_eq(text_number(numbers[_i].v, &n), numbers[_i].ok);
	ck_assert_uint_eq(n, numbers[_i].ok ? numbers[_i].n : 77);
}
END_TEST

START_TEST(boolean)
{
	bool v;

	ck_assert(text_bool("Yes", &v) && v);
	ck_assert(text_bool("No", &v) && !v);
	ck_assert(!text_bool("yes", &v));
	ck_assert(!text_bool("NO", &v));
	ck_assert(!text_bool("", &v));
	ck_assert(!text_bool("Yes ", &v));
	ck_assert(!text_bool("1", &v));
}
END_TEST

static void walk(const char *list, unsigned items, size_t bytes)
{
	const char *item;
	size_t len, sum = 0;
	unsigned n = 0;

	for (; text_list_next(&list, &item, &len); n++)
		sum += len;
	ck_assert_uint_eq(n, items);
	ck_assert_uint_eq(sum, bytes);
}

START_TEST(lists)
{
	walk("CRC32C,None", 2, 10);
	walk("None", 1, 4);
	walk("", 1, 0);
	walk(",", 2, 0);
	walk("a,,b,", 4, 2);
}
END_TEST

START_TEST(answers_fit_or_not_at_all)
{
	for (size_t cap = 0; cap < 9; cap++) {
		uint8_t *buf = malloc(cap + !cap);
		struct writer w = writer_of(buf, cap);
		ck_assert_int_eq(text_put(&w, "key", 3, "val"), cap >= 8);
		ck_assert_uint_eq(writer_len(&w), cap >= 8 ? 8 : 0);
		if (cap >= 8)
			ck_assert_mem_eq(buf, "key=val", 8);
		ck_assert_int_eq(text_put(&w, "k", 1, ""), cap >= 3 && cap < 8);
		free(buf);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("text");
	TCase *t = tcase_create("syntax");

	suite_add_tcase(s, t);
	tcase_add_loop_test(t, pairs, 0, NTEXTS);
	tcase_add_test(t, key_lengths);
	tcase_add_test(t, every_status_has_a_name);
	tcase_add_test(t, keys_match_whole_and_with_case);
	tcase_add_loop_test(t, number, 0, NNUMBERS);
	tcase_add_test(t, boolean);
	tcase_add_test(t, lists);
	tcase_add_test(t, answers_fit_or_not_at_all);
	return test_main(s);
}
