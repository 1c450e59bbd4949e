// SPDX-License-Identifier: MIT
/* test_rpc.c - lines as they should be, and every way of being wrong. */
#include "control/rpc.h"

#include <stdlib.h>
#include <string.h>

#include "control/clean.h"
#include "lib/logged.h"
#include "lib/test_main.h"
#include "memtgt/control.h"
#include "unit/rpc_fixture.h"

/* The answer to n bytes, which lie in memory of just that size; NULL: none is due. */
static json_t *ask_bytes(const char *p, size_t n)
{
	char *exact = malloc(n ? n : 1);
	memcpy(exact, p, n);
	struct rpc_answer a = rpc_answer(&fixture_rpc, exact, n, "the test", NULL);
	free(exact);
	if (!a.text)
		return NULL;
	ck_assert_uint_eq(a.len, strlen(a.text));
	ck_assert_ptr_null(strchr(a.text, '\n'));
	ck_assert_uint_le(a.len, CONTROL_RESPONSE_MAX);
	json_t *answer = json_loads(a.text, JSON_REJECT_DUPLICATES, NULL);
	ck_assert_msg(answer != NULL, "not JSON: %s", a.text);
	free(a.text);
	ck_assert_str_eq(json_string_value(json_object_get(answer, "jsonrpc")), "2.0");
	ck_assert_ptr_nonnull(json_object_get(answer, "id"));
	ck_assert_uint_eq(json_object_size(answer), 3);
	json_t *error = json_object_get(answer, "error");
	ck_assert((json_object_get(answer, "result") != NULL) == !error);
	ck_assert_int_eq(a.error, json_integer_value(json_object_get(error, "code")));
	return answer;
}

static json_t *ask(const char *text)
{
	return ask_bytes(text, strlen(text));
}

static void expect_error(json_t *answer, int code, const char *id, const char *message)
{
	ck_assert_ptr_nonnull(answer);
	json_t *error = json_object_get(answer, "error");
	ck_assert_int_eq(json_integer_value(json_object_get(error, "code")), code);
	const char *told = json_string_value(json_object_get(error, "message"));
	ck_assert_msg(strstr(told, message) != NULL, "no \"%s\" in: %s", message, told);
	char *got = json_dumps(json_object_get(answer, "id"), JSON_ENCODE_ANY);
	ck_assert_str_eq(got, id);
	free(got);
	json_decref(answer);
}

/* ---- what is no request ---- */

#define Q(more) "{\"jsonrpc\":\"2.0\"," more "}"

static const struct {
	const char *line;
	size_t n; /* 0: as long as the text */
	int code;
	const char *id, *message;
} bad[] = {
	/* clang-format off */
	{"",                      0, CONTROL_ERR_PARSE, "null", "byte"},
	{" ",                     0, CONTROL_ERR_PARSE, "null", ""},
	{"{",                     0, CONTROL_ERR_PARSE, "null", ""},
	{"GET / HTTP/1.1\r",      0, CONTROL_ERR_PARSE, "null", "near"},
	{"\x80\xff\x01garbage",   0, CONTROL_ERR_PARSE, "null", ""},
	{"\0\0\0\0",              4, CONTROL_ERR_PARSE, "null", ""},
	{"{\"jsonrpc\":\"2.0\"}\0", 18, CONTROL_ERR_PARSE, "null", ""},
	{Q("\"id\":1,\"method\":\"echo\"") "x", 0, CONTROL_ERR_PARSE, "null", "end of file"},
	{Q("\"id\":1,\"method\":\"echo\"") Q(""), 0, CONTROL_ERR_PARSE, "null", "end of file"},
	{Q("\"id\":1,\"method\":\"ec\xc3o\""), 0, CONTROL_ERR_PARSE, "null", ""},
	{Q("\"id\":1,\"method\":\"\xed\xa0\x80\""), 0, CONTROL_ERR_PARSE, "null", ""},
	{Q("\"id\":1,\"method\":\"a\\u0000b\""), 0, CONTROL_ERR_PARSE, "null", ""},
	{Q("\"id\":1,\"method\":\"a\\ud800b\""), 0, CONTROL_ERR_PARSE, "null", ""},
	{Q("\"id\":1,\"id\":2,\"method\":\"echo\""), 0, CONTROL_ERR_PARSE, "null", "duplicate"},
	{Q("\"id\":1,\"method\":\"echo\",\"params\":{\"uint\":3,\"uint\":4}"), 0, CONTROL_ERR_PARSE, "null", "duplicate"},
	{Q("\"id\":123456789012345678901234567890,\"method\":\"echo\""), 0, CONTROL_ERR_PARSE, "null", "big"},
	{Q("\"id\":1e999,\"method\":\"echo\""), 0, CONTROL_ERR_PARSE, "null", ""},
	{"[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]", 0, CONTROL_ERR_PARSE, "null", "more than 16"},

	{"[]",                    0, CONTROL_ERR_REQUEST, "null", "batches"},
	{"[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]", 0, CONTROL_ERR_REQUEST, "null", "batches"},
	{"[" Q("\"id\":1,\"method\":\"echo\"") "]", 0, CONTROL_ERR_REQUEST, "null", "batches"},
	{"1",                     0, CONTROL_ERR_REQUEST, "null", "object"},
	{"\"text\"",              0, CONTROL_ERR_REQUEST, "null", "object"},
	{"null",                  0, CONTROL_ERR_REQUEST, "null", "object"},
	{"{}",                    0, CONTROL_ERR_REQUEST, "null", "jsonrpc"},
	{"{\"id\":1,\"method\":\"echo\"}", 0, CONTROL_ERR_REQUEST, "1", "jsonrpc"},
	{"{\"jsonrpc\":2.0,\"id\":1,\"method\":\"echo\"}", 0, CONTROL_ERR_REQUEST, "1", "jsonrpc"},
	{"{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"echo\"}", 0, CONTROL_ERR_REQUEST, "1", "jsonrpc"},
	{Q("\"id\":1"),           0, CONTROL_ERR_REQUEST, "1", "method"},
	{Q("\"id\":1,\"method\":1"), 0, CONTROL_ERR_REQUEST, "1", "method"},
	{Q("\"method\":1,\"params\":\"bar\""), 0, CONTROL_ERR_REQUEST, "null", "method"},
	{Q("\"id\":1.5,\"method\":\"echo\""), 0, CONTROL_ERR_REQUEST, "null", "id"},
	{Q("\"id\":true,\"method\":\"echo\""), 0, CONTROL_ERR_REQUEST, "null", "id"},
	{Q("\"id\":[1],\"method\":\"echo\""), 0, CONTROL_ERR_REQUEST, "null", "id"},
	{Q("\"id\":{},\"method\":\"echo\""), 0, CONTROL_ERR_REQUEST, "null", "id"},
	{Q("\"id\":1,\"method\":\"echo\",\"more\":1"), 0, CONTROL_ERR_REQUEST, "1", "no more"},

	{Q("\"id\":1,\"method\":\"\""), 0, CONTROL_ERR_METHOD, "1", "no method"},
	{Q("\"id\":1,\"method\":\"ech\""), 0, CONTROL_ERR_METHOD, "1", "\"ech\""},
	{Q("\"id\":1,\"method\":\"echo \""), 0, CONTROL_ERR_METHOD, "1", "no method"},
	{Q("\"id\":1,\"method\":\"Echo\""), 0, CONTROL_ERR_METHOD, "1", "no method"},

	{Q("\"id\":1,\"method\":\"echo\",\"params\":[1]"), 0, CONTROL_ERR_PARAMS, "1", "object"},
	{Q("\"id\":1,\"method\":\"echo\",\"params\":null"), 0, CONTROL_ERR_PARAMS, "1", "object"},
	{Q("\"id\":1,\"method\":\"echo\",\"params\":\"x\""), 0, CONTROL_ERR_PARAMS, "1", "object"},
	{Q("\"id\":1,\"method\":\"echo\",\"params\":{\"texts\":1}"), 0, CONTROL_ERR_PARAMS, "1", "\"texts\"; echo takes text, uint, size, bool"},
	{Q("\"id\":1,\"method\":\"echo\",\"params\":{\"\":1}"), 0, CONTROL_ERR_PARAMS, "1", "unknown"},
	{Q("\"id\":1,\"method\":\"change\",\"params\":{\"x\":1}"), 0, CONTROL_ERR_PARAMS, "1", "change takes none"},
	{Q("\"id\":1,\"method\":\"change.not\""), 0, CONTROL_ERR_PARAMS, "1", "must: found nothing; needed is a whole number from 0 to 1"},
	{Q("\"id\":1,\"method\":\"change.not\",\"params\":{}"), 0, CONTROL_ERR_PARAMS, "1", "must: found nothing"},
	{Q("\"id\":1,\"method\":\"change.not\",\"params\":{\"must\":null}"), 0, CONTROL_ERR_PARAMS, "1", "must: found null"},

	{Q("\"id\":1,\"method\":\"change.not\",\"params\":{\"must\":1}"), 0, CONTROL_ERR_REFUSED, "1", "not ?today"},
	{Q("\"id\":1,\"method\":\"no.memory\""), 0, CONTROL_ERR_INTERNAL, "1", "memory"},
	/* clang-format on */
};

START_TEST(bad_line)
{
	json_t *answer = ask_bytes(bad[_i].line, bad[_i].n ? bad[_i].n : strlen(bad[_i].line));

	expect_error(answer, bad[_i].code, bad[_i].id, bad[_i].message);
}
END_TEST

/* Cut anywhere, a request is no request, and nothing beyond its bytes is read. */
START_TEST(cut_anywhere)
{
	static const char line[] =
		Q("\"id\":1,\"method\":\"echo\",\"params\":{\"text\":\"abc\",\"size\":\"1K\"}");

	for (size_t n = 0; n < sizeof(line) - 1; n++)
		expect_error(ask_bytes(line, n), CONTROL_ERR_PARSE, "null", "");
	json_decref(ask_bytes(line, sizeof(line) - 1));
}
END_TEST

/* ---- parameters ---- */

static const struct {
	const char *param;
	bool ok;
} values[] = {
	/* clang-format off */
	{"\"text\":\"\"",           false},
	{"\"text\":\"a\"",          false},
	{"\"text\":\"ab\"",         true},
	{"\"text\":\"abcde\"",      true},
	{"\"text\":\"abcdef\"",     false},
	{"\"text\":\"\xc3\xa4\xc3\xa4\"", true},
	{"\"text\":\"\xc3\xa4\xc3\xa4\xc3\xa4\"", false},
	{"\"text\":\"a\\nb\"",      false},
	{"\"text\":\"a\\u007fb\"",  false},
	{"\"text\":1234",           false},
	{"\"text\":null",           false},
	{"\"text\":[\"ab\"]",       false},
	{"\"uint\":2",              false},
	{"\"uint\":3",              true},
	{"\"uint\":9",              true},
	{"\"uint\":10",             false},
	{"\"uint\":-3",             false},
	{"\"uint\":-9223372036854775808", false},
	{"\"uint\":9223372036854775807",  false},
	{"\"uint\":3.0",            false},
	{"\"uint\":\"3\"",          false},
	{"\"uint\":true",           false},
	{"\"uint\":{}",             false},
	{"\"size\":0",              true},
	{"\"size\":4096",           true},
	{"\"size\":4097",           false},
	{"\"size\":\"4K\"",         true},
	{"\"size\":\"4096\"",       true},
	{"\"size\":\"5K\"",         false},
	{"\"size\":\"4k\"",         false},
	{"\"size\":\"-1\"",         false},
	{"\"size\":\"\"",           false},
	{"\"size\":\"99999999999999999999\"", false},
	{"\"size\":-1",             false},
	{"\"size\":1.5",            false},
	{"\"bool\":true",           true},
	{"\"bool\":false",          true},
	{"\"bool\":0",              false},
	{"\"bool\":\"true\"",       false},
	{"\"bool\":null",           false},
	/* clang-format on */
};

START_TEST(value)
{
	char line[256], name[8];

	sscanf(values[_i].param, "\"%7[a-z]", name);
	snprintf(line, sizeof(line), Q("\"id\":1,\"method\":\"echo\",\"params\":{%s}"),
		 values[_i].param);
	json_t *answer = ask(line);
	if (values[_i].ok)
		ck_assert_ptr_nonnull(json_object_get(answer, "result"));
	else
		expect_error(json_incref(answer), CONTROL_ERR_PARAMS, "1", name);
	json_decref(answer);
}
END_TEST

START_TEST(values_arrive)
{
	json_t *a = ask(Q("\"id\":\"x\",\"method\":\"echo\",\"params\":{\"text\":\"abc\","
			  "\"uint\":9,\"size\":\"2K\",\"bool\":false}"));
	const char *text;
	json_int_t uint, size;
	int truth;

	ck_assert_int_eq(json_unpack(json_object_get(a, "result"), "{s:s, s:I, s:I, s:b}", "text",
				     &text, "uint", &uint, "size", &size, "bool", &truth),
			 0);
	ck_assert_str_eq(text, "abc");
	ck_assert_int_eq(uint, 9);
	ck_assert_int_eq(size, 2048);
	ck_assert_int_eq(truth, 0);
	ck_assert_str_eq(json_string_value(json_object_get(a, "id")), "x");
	json_decref(a);
}
END_TEST

START_TEST(values_left_out)
{
	json_t *a = ask(Q("\"id\":-5,\"method\":\"echo\",\"params\":{}"));
	json_t *b = ask(Q("\"id\":-5,\"method\":\"echo\""));
	json_t *result = json_object_get(a, "result");

	ck_assert_str_eq(json_string_value(json_object_get(result, "text")), "none");
	ck_assert_int_eq(json_integer_value(json_object_get(result, "uint")), 77);
	ck_assert_int_eq(json_integer_value(json_object_get(result, "size")), 77);
	ck_assert(json_is_true(json_object_get(result, "bool")));
	ck_assert(json_equal(a, b));
	json_decref(a);
	json_decref(b);
}
END_TEST

/* JSON-RPC 2.0, 4.1: a notification gets no answer, right or wrong. */
START_TEST(notification)
{
	static const char *const lines[] = {
		Q("\"method\":\"echo\""),
		Q("\"method\":\"nothing\""),
		Q("\"method\":\"echo\",\"params\":{\"x\":1}"),
		Q("\"method\":\"no.memory\""),
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		ck_assert_ptr_null(ask(lines[i]));
	/* An id of null is an id. */
	json_t *a = ask(Q("\"id\":null,\"method\":\"echo\""));
	ck_assert(json_is_null(json_object_get(a, "id")));
	json_decref(a);
}
END_TEST

/* ---- as much as a line may hold ---- */

static char *filled(const char *before, const char *piece, const char *after, size_t max)
{
	char *line = malloc(max + 1), *p = stpcpy(line, before);

	while ((size_t)(p - line) + strlen(piece) + strlen(after) <= max)
		p = stpcpy(p, piece);
	strcpy(p, after);
	return line;
}

START_TEST(as_much_as_fits)
{
	static const struct {
		const char *before, *piece, *after;
		int code;
	} lines[] = {
		{"", "[", "", CONTROL_ERR_PARSE},
		{"", "{\"a\":", "", CONTROL_ERR_PARSE},
		{"", "\"", "", CONTROL_ERR_PARSE},
		{"", "\\", "", CONTROL_ERR_PARSE},
		{"[", "1,", "1]", CONTROL_ERR_REQUEST},
		{"[", "[],", "1]", CONTROL_ERR_REQUEST},
		{"{\"a\":\"", "x", "\"}", CONTROL_ERR_REQUEST},
		{"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"", "y", "\"}", CONTROL_ERR_METHOD},
		{"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"echo\",\"params\":{\"", "y", "\":1}}",
		 CONTROL_ERR_PARAMS},
		{"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"echo\",\"params\":{\"text\":\"", "y",
		 "\"}}", CONTROL_ERR_PARAMS},
		{"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"echo\",\"params\":{\"text\":\"",
		 "\xc3\xbf", "\"}}", CONTROL_ERR_PARAMS},
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		char *line = filled(lines[i].before, lines[i].piece, lines[i].after,
				    CONTROL_REQUEST_MAX);
		json_t *answer = ask(line);
		json_t *error = json_object_get(answer, "error");
		ck_assert_int_eq(json_integer_value(json_object_get(error, "code")), lines[i].code);
		json_decref(answer);
		free(line);
	}
}
END_TEST

START_TEST(too_many_members)
{
	char *line = malloc(CONTROL_REQUEST_MAX), *p = line;

	p = stpcpy(p, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"echo\",\"params\":{\"a\":0");
	for (int i = 0; p - line < (long)CONTROL_REQUEST_MAX - 32; i++)
		p += sprintf(p, ",\"a%d\":0", i);
	strcpy(p, "}}");
	expect_error(ask(line), CONTROL_ERR_PARAMS, "1", "unknown parameter");
	free(line);
}
END_TEST

/* An id comes back as it was, however long. */
START_TEST(long_id)
{
	char *line = filled("{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"id\":\"", "i", "\"}",
			    CONTROL_REQUEST_MAX);
	json_t *answer = ask(line), *request = json_loads(line, 0, NULL);

	ck_assert(json_equal(json_object_get(answer, "id"), json_object_get(request, "id")));
	json_decref(answer);
	json_decref(request);
	free(line);
}
END_TEST

/* ---- what is logged, what is told ---- */

START_TEST(changes_are_logged)
{
	log_catch();
	json_decref(ask(Q("\"id\":1,\"method\":\"echo\"")));
	ck_assert_str_eq(logged(), "");
	json_decref(ask(Q("\"id\":1,\"method\":\"change\"")));
	ck_assert_str_eq(logged(), "memtgtd: control: change by the test\n");
	json_decref(ask(Q("\"id\":1,\"method\":\"change.not\",\"params\":{\"must\":0}")));
	ck_assert_str_eq(logged(), "memtgtd: control: change.not by the test: not ?today\n");
	ck_assert_ptr_null(ask(Q("\"method\":\"change\"")));
	ck_assert_str_eq(logged(), "memtgtd: control: change by the test\n");
	log_release();
}
END_TEST

START_TEST(clean)
{
	static const struct {
		const char *from, *to;
	} texts[] = {
		{"", ""},
		{"plain ~", "plain ~"},
		{"a\nb\x7f\x1b[31m", "a?b??[31m"},
		{"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"},
		{"\xc3", "?"},
		{"\xe2\x82", "??"},
		{"\xf0\x9f\x98", "???"},
		{"\xc0\xaf", "??"},
		{"\xe0\x9f\xbf", "???"},
		{"\xed\xa0\x80", "???"},
		{"\xf4\x90\x80\x80", "????"},
		{"\xff\xfe", "??"},
		{"\xc2\x9b"
		 "31m",
		 "??31m"},
		{"\xc2\xa0", "\xc2\xa0"},
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		json_t *text = control_json_text(texts[i].from);
		ck_assert_ptr_nonnull(text);
		ck_assert_str_eq(json_string_value(text), texts[i].to);
		json_decref(text);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("rpc");
	TCase *t = tcase_create("rpc");

	tcase_add_loop_test(t, bad_line, 0, sizeof(bad) / sizeof(bad[0]));
	tcase_add_loop_test(t, value, 0, sizeof(values) / sizeof(values[0]));
	tcase_add_test(t, cut_anywhere);
	tcase_add_test(t, values_arrive);
	tcase_add_test(t, values_left_out);
	tcase_add_test(t, notification);
	tcase_add_test(t, as_much_as_fits);
	tcase_add_test(t, too_many_members);
	tcase_add_test(t, long_id);
	tcase_add_test(t, changes_are_logged);
	tcase_add_test(t, clean);
	suite_add_tcase(s, t);
	return test_main(s);
}
