// SPDX-License-Identifier: MIT
/* test_memtgtctl.c - words to requests, results to tables. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/protocol.h"
#include "lib/test_main.h"
#include "memtgt/iscsi_proto.h"
#include "memtgtctl/bulk.h"
#include "memtgtctl/command.h"
#include "memtgtctl/show.h"

#define WORDS_MAX 16

static char why[512];

/* Words with one blank between. The parameters as JSON; NULL: refused. The caller frees it. */
static char *read_words(const char *words, unsigned *method)
{
	char text[512], *argv[WORDS_MAX], *save;
	struct command c;
	size_t n = 0;

	snprintf(text, sizeof(text), "%s", words);
	for (char *w = strtok_r(text, " ", &save); w; w = strtok_r(NULL, " ", &save))
		argv[n++] = w;
	if (command_read(argv, n, &c, why, sizeof(why)))
		return NULL;
	*method = c.method;
	char *params = json_dumps(c.params, JSON_COMPACT | JSON_SORT_KEYS);
	json_decref(c.params);
	return params;
}

static const struct {
	const char *words;
	unsigned method;
	const char *params;
} good[] = {
	/* clang-format off */
	{"version",                    CONTROL_VERSION,      "{}"},
	{"drain",                      CONTROL_DRAIN,        "{}"},
	{"drain on",                   CONTROL_DRAIN,        "{\"on\":true}"},
	{"drain off",                  CONTROL_DRAIN,        "{\"on\":false}"},
	{"drain on=no",                CONTROL_DRAIN,        "{\"on\":false}"},
	{"pool show",                  CONTROL_POOL_SHOW,    "{}"},
	{"pool resize 3G",             CONTROL_POOL_RESIZE,  "{\"size\":3221225472}"},
	{"lun list",                   CONTROL_LUN_LIST,     "{}"},
	{"lun list iqn.2026-01.a",     CONTROL_LUN_LIST,     "{\"target\":\"iqn.2026-01.a\"}"},
	{"lun list target=a=b",        CONTROL_LUN_LIST,     "{\"target\":\"a=b\"}"},
	{"lun list x=y",               CONTROL_LUN_LIST,     "{\"target\":\"x=y\"}"},
	{"lun show a 0",               CONTROL_LUN_SHOW,     "{\"id\":0,\"target\":\"a\"}"},
	{"lun show id=255 a",          CONTROL_LUN_SHOW,     "{\"id\":255,\"target\":\"a\"}"},
	{"lun show a id=7",            CONTROL_LUN_SHOW,     "{\"id\":7,\"target\":\"a\"}"},
	{"lun show id=7 target=a",     CONTROL_LUN_SHOW,     "{\"id\":7,\"target\":\"a\"}"},
	{"lun show a 9223372036854775807", CONTROL_LUN_SHOW, "{\"id\":9223372036854775807,\"target\":\"a\"}"},
	{"lun create a 4G",            CONTROL_LUN_CREATE,   "{\"size\":4294967296,\"target\":\"a\"}"},
	{"lun create a 4096 3 full",   CONTROL_LUN_CREATE,   "{\"id\":3,\"provisioning\":\"full\",\"size\":4096,\"target\":\"a\"}"},
	{"lun create a 1M force=yes",  CONTROL_LUN_CREATE,   "{\"force\":true,\"size\":1048576,\"target\":\"a\"}"},
	{"lun delete a 3",             CONTROL_LUN_DELETE,   "{\"id\":3,\"target\":\"a\"}"},
	{"lun resize a 3 1K force=no", CONTROL_LUN_RESIZE,   "{\"force\":false,\"id\":3,\"size\":1024,\"target\":\"a\"}"},
	{"lun readonly a 3 true",      CONTROL_LUN_READONLY, "{\"id\":3,\"on\":true,\"target\":\"a\"}"},
	{"lun export a 3 f",           CONTROL_LUN_EXPORT,   "{\"file\":\"f\",\"id\":3,\"target\":\"a\"}"},
	{"lun export a 3 - yes",       CONTROL_LUN_EXPORT,   "{\"file\":\"-\",\"force\":true,\"id\":3,\"target\":\"a\"}"},
	{"lun import file=f a 3",      CONTROL_LUN_IMPORT,   "{\"file\":\"f\",\"id\":3,\"target\":\"a\"}"},
	{"session list from=3",        CONTROL_SESSION_LIST, "{\"target\":\"from=3\"}"},
	{"session end 7",              CONTROL_SESSION_END,  "{\"tsih\":7}"},
	{"session end 7 iqn.2026-01.a", CONTROL_SESSION_END, "{\"initiator\":\"iqn.2026-01.a\",\"tsih\":7}"},
	{"counters",                   CONTROL_COUNTERS,     "{}"},
	/* clang-format on */
};

START_TEST(words)
{
	unsigned method = CONTROL_METHODS;
	char *params = read_words(good[_i].words, &method);

	ck_assert_msg(params != NULL, "%s: %s", good[_i].words, why);
	ck_assert_uint_eq(method, good[_i].method);
	ck_assert_str_eq(params, good[_i].params);
	free(params);
}
END_TEST

static const struct {
	const char *words, *why;
} bad[] = {
	/* clang-format off */
	{"x",                    "no command \"x\""},
	{"lun",                  "no command \"lun\""},
	{"lun x",                "no command \"lun x\""},
	{"lunlist",              "no command"},
	{"lun.list",             "no command"},
	{"versions",             "no command"},
	{"version x",            "\"x\" is too much"},
	{"lun list a b",         "\"b\" is too much"},
	{"lun list target=a b",  "\"b\" is too much"},
	{"lun show",             "target is missing"},
	{"lun show a",           "id is missing"},
	{"lun show id=3",        "target is missing"},
	{"lun show a x",         "id: found \"x\"; needed is a whole number from 0 to 65535"},
	{"lun show a -1",        "id: found \"-1\""},
	{"lun show a +1",        "id: found \"+1\""},
	{"lun show a 1x",        "id: found \"1x\""},
	{"lun show a id=",       "id: found \"\""},
	{"lun show a 9223372036854775808", "id: found"},
	{"lun show id=1 id=2",   "id is given twice"},
	{"lun show a 1 id=2",    "id is given twice"},
	{"lun create a 4X",      "size: found \"4X\"; needed is a size from 512 to 64T"},
	{"lun create a 1.5G",    "size: found \"1.5G\""},
	{"lun create a",         "size is missing"},
	{"session end",          "tsih is missing"},
	{"session end x",        "tsih: found \"x\"; needed is a whole number from 1 to 65535"},
	{"lun export a 1",       "file is missing: the file"},
	{"lun import a 1 force=yes", "file is missing"},
	{"lun readonly a 1",     "on is missing"},
	{"lun readonly a 1 1",   "on: found \"1\"; needed is true or false"},
	{"drain offf",           "on: found \"offf\"; needed is true or false"},
	{"lun show a\xff 1",     "target: found"},
	/* clang-format on */
};

START_TEST(wrong_words)
{
	unsigned method;

	ck_assert_ptr_null(read_words(bad[_i].words, &method));
	ck_assert_msg(strstr(why, bad[_i].why) != NULL, "no \"%s\" in: %s", bad[_i].why, why);
}
END_TEST

static const struct {
	const char *words, *params; /* NULL: refused */
} all[] = {
	{"lun export", "{}"},
	{"lun export force=yes", "{\"force\":true}"},
	{"lun import force=no", "{\"force\":false}"},
	{"lun export a", NULL},
	{"lun export id=3", NULL},
	{"lun import file=x", NULL},
	{"lun exports", NULL},
};

/* With --all nothing is missing, and what names one LUN is too much. */
START_TEST(words_for_all)
{
	char text[64], *argv[WORDS_MAX], *save;
	struct command c;
	size_t n = 0;

	snprintf(text, sizeof(text), "%s", all[_i].words);
	for (char *w = strtok_r(text, " ", &save); w; w = strtok_r(NULL, " ", &save))
		argv[n++] = w;
	int err = command_read_all(argv, n, &c, why, sizeof(why));
	ck_assert_int_eq(!err, all[_i].params != NULL);
	if (err)
		return;
	char *params = json_dumps(c.params, JSON_COMPACT);
	ck_assert_str_eq(params, all[_i].params);
	free(params);
	json_decref(c.params);
}
END_TEST

/* ---- names of files ---- */

static const struct {
	const char *path, *target; /* NULL: none */
	unsigned id;
} paths[] = {
	/* clang-format off */
	{"iqn.2026-01.org.memtgt:a.lun0.image",                  "iqn.2026-01.org.memtgt:a", 0},
	{"/x/y.lun1.image/iqn.2026-01.org.memtgt:a.lun255.image", "iqn.2026-01.org.memtgt:a", 255},
	{"iqn.2026-01.org.memtgt:a.lun0.image.lun7.image",       "iqn.2026-01.org.memtgt:a.lun0.image", 7},
	{"eui.0123456789abcdef.lun3.image",                      "eui.0123456789abcdef", 3},
	{"held.lun3.image",                                      "held", 3},
	{"iqn.2026-01.org.memtgt:a.lun0.image.x",                NULL, 0},
	{"iqn.2026-01.org.memtgt:a.lun.image",                   NULL, 0},
	{"iqn.2026-01.org.memtgt:a.lun1234.image",               NULL, 0},
	{"iqn.2026-01.org.memtgt:a.image",                       NULL, 0},
	{"iqn.2026-01.org.memtgt:A.lun0.image",                  NULL, 0},
	{".lun0.image",                                          NULL, 0},
	{"",                                                     NULL, 0},
	/* clang-format on */
};

START_TEST(parsed_paths)
{
	char target[ISCSI_NAME_MAX + 1];
	unsigned id;
	bool is_one = bulk_parse(paths[_i].path, target, sizeof(target), &id);

	ck_assert_int_eq(is_one, paths[_i].target != NULL);
	if (!is_one)
		return;
	ck_assert_str_eq(target, paths[_i].target);
	ck_assert_uint_eq(id, paths[_i].id);
}
END_TEST

/* Any target's name makes one, also the longest, beside a temporary name; nothing else does. */
START_TEST(made_paths)
{
	char name[ISCSI_NAME_MAX + 1] = "iqn.2026-01.org.memtgt:", back[ISCSI_NAME_MAX + 1];
	char path[BULK_PATH], folder[BULK_PATH];
	unsigned id;

	memset(name + strlen(name), 'x', ISCSI_NAME_MAX - strlen(name));
	ck_assert_int_eq(bulk_path("/f", name, 255, path), 0);
	ck_assert_uint_le(strlen(path) - strlen("/f/") + strlen(".XXXXXX"), 255);
	ck_assert(bulk_parse(path, back, sizeof(back), &id));
	ck_assert_str_eq(back, name);
	ck_assert_uint_eq(id, 255);
	ck_assert_int_eq(bulk_path("/f", "../../etc/passwd", 0, path), -1);
	ck_assert_int_eq(bulk_path("/f", "iqn.2026-01.org.memtgt:../a", 0, path), -1);
	ck_assert_int_eq(bulk_path("/f", "", 0, path), -1);
	memset(folder, 'f', sizeof(folder) - 1);
	folder[sizeof(folder) - 1] = '\0';
	ck_assert_int_eq(bulk_path(folder, name, 0, path), -1);
}
END_TEST

/* ---- results ---- */

/* Good until the next call. */
static const char *shown(unsigned method, const char *result, bool is_long)
{
	static char text[8192];
	json_t *object = json_loads(result, 0, NULL);
	FILE *f = fmemopen(text, sizeof(text), "w");

	ck_assert_ptr_nonnull(object);
	show_result(f, method, object, is_long);
	fclose(f);
	json_decref(object);
	return text;
}

/* As many blanks as there are between columns are one. */
static void shows(unsigned method, const char *result, bool is_long, const char *expected)
{
	char squeezed[8192], *to = squeezed;

	for (const char *p = shown(method, result, is_long); *p; p++)
		if (*p != ' ' || p[1] != ' ')
			*to++ = *p;
	*to = '\0';
	ck_assert_str_eq(squeezed, expected);
}

static const struct {
	const char *bytes, *told;
} sizes[] = {
	{"0", "0 B"},
	{"1023", "1023 B"},
	{"1024", "1 KiB"},
	{"1536", "1.5 KiB"},
	{"2097152", "2 MiB"},
	{"13578272768", "12.6 GiB"},
	{"70368744177664", "64 TiB"},
	{"9223372036854775807", "8192 PiB"},
	{"\"text\"", "text"},
	{"null", "?"},
	{"[]", "?"},
	{"1.5", "?"},
	{"true", "yes"},
};

START_TEST(size)
{
	char result[128], expected[128];

	snprintf(result, sizeof(result), "{\"max_bytes\":%s}", sizes[_i].bytes);
	snprintf(expected, sizeof(expected), "max_bytes %s\n", sizes[_i].told);
	shows(CONTROL_POOL_SHOW, result, false, expected);
}
END_TEST

static const struct {
	unsigned s;
	const char *told;
} times[] = {
	{0, "00:00:00"},     {59, "00:00:59"},	      {3661, "01:01:01"},
	{86399, "23:59:59"}, {90061, "1 d 01:01:01"},
};

START_TEST(seconds)
{
	char result[128], expected[128];

	snprintf(result, sizeof(result), "{\"uptime_s\":%u}", times[_i].s);
	snprintf(expected, sizeof(expected), "uptime_s %s\n", times[_i].told);
	shows(CONTROL_STATUS, result, false, expected);
}
END_TEST

/* Columns are as wide as what stands in them, numbers to the right; what a newer memtgtd adds is
 * left out. */
START_TEST(table)
{
	const char *text = shown(CONTROL_LUN_LIST,
				 "{\"luns\":[{\"target\":\"a\",\"id\":3,\"x\":1,"
				 "\"serial\":\"S\\u001b[31m\"},"
				 "{\"target\":\"a longer name\",\"id\":12}]}",
				 false);
	const char *one = strchr(text, '\n') + 1, *two = strchr(one, '\n') + 1;
	size_t lun = (size_t)(strstr(text, "LUN") - text);

	ck_assert_uint_eq(lun, strlen("a longer name  "));
	ck_assert_int_eq(strncmp(text, "TARGET         LUN  ", 20), 0);
	ck_assert_int_eq(strncmp(one, "a                3  ", 20), 0);
	ck_assert_int_eq(strncmp(two, "a longer name   12  ", 20), 0);
	ck_assert_ptr_nonnull(strstr(one, "  S?[31m\n"));
	ck_assert_ptr_nonnull(strstr(two, "  ?\n"));
	ck_assert_ptr_eq(strchr(two, '\n') + 1, two + strlen(two));
	ck_assert_ptr_null(strstr(text, " \n"));
}
END_TEST

/* The heading alone. */
START_TEST(empty_table)
{
	static const char *const results[] = {"{\"luns\":[]}", "{\"luns\":17}", "{}", "[]"};

	for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++) {
		const char *text = shown(CONTROL_LUN_LIST, results[i], false);
		ck_assert_int_eq(strncmp(text, "TARGET  LUN  ", 13), 0);
		ck_assert_ptr_eq(strchr(text, '\n') + 1, text + strlen(text));
	}
}
END_TEST

START_TEST(long_form)
{
	shows(CONTROL_LUN_LIST, "{\"luns\":[{\"target\":\"a\",\"id\":3},{\"target\":\"b\"}]}", true,
	      "target a\nid 3\n\ntarget b\n");
	shows(CONTROL_VERSION, "{\"protocol\":1}", true, "protocol 1 of the control socket\n");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("memtgtctl");
	TCase *t = tcase_create("memtgtctl");

	tcase_add_loop_test(t, words, 0, sizeof(good) / sizeof(good[0]));
	tcase_add_loop_test(t, wrong_words, 0, sizeof(bad) / sizeof(bad[0]));
	tcase_add_loop_test(t, words_for_all, 0, sizeof(all) / sizeof(all[0]));
	tcase_add_loop_test(t, parsed_paths, 0, sizeof(paths) / sizeof(paths[0]));
	tcase_add_test(t, made_paths);
	tcase_add_loop_test(t, size, 0, sizeof(sizes) / sizeof(sizes[0]));
	tcase_add_loop_test(t, seconds, 0, sizeof(times) / sizeof(times[0]));
	tcase_add_test(t, table);
	tcase_add_test(t, empty_table);
	tcase_add_test(t, long_form);
	suite_add_tcase(s, t);
	return test_main(s);
}
