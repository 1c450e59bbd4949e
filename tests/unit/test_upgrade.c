// SPDX-License-Identifier: MIT
/*
 * test_upgrade.c - which program may take over: what it says, what it does not, who asks when.
 *
 * Programs are scripts, whose first argument tells what they are asked.
 */
#include "upgrade/upgrade.h"

#include <check.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/test_main.h"

static struct upgrade u;
static char folder[64], program[96], path[UPGRADE_PATH], why[768];

static void setup(void)
{
	strcpy(folder, "/tmp/test_upgrade.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(program, sizeof(program), "%s/program", folder);
	ck_assert_int_eq(upgrade_open(&u, "the.conf"), 0);
	u.limit_ms = 60000;
	u.can_leave = true;
}

static void teardown(void)
{
	upgrade_close(&u);
	unlink(program);
	rmdir(folder);
}

/* What it does when it is asked for formats, and for the configuration. */
static void make_program(const char *formats, const char *config)
{
	FILE *f = fopen(program, "we");

	fprintf(f,
		"#!/bin/sh\ncase \"$*\" in\n--store-formats) %s;;\n"
		"'--check-config -c the.conf') %s;;\n*) exit 99;;\nesac\n",
		formats, config);
	fclose(f);
	ck_assert_int_eq(chmod(program, 0700), 0);
}

static bool is_awake(void)
{
	struct pollfd f = {.fd = u.wake, .events = POLLIN};

	return poll(&f, 1, 0) == 1;
}

static void expect_no(const char *binary, const char *says)
{
	ck_assert_int_eq(upgrade_ask(&u, binary, path, why, sizeof(why)), -EINVAL);
	ck_assert_msg(strstr(why, says) != NULL, "no \"%s\" in: %s", says, why);
	ck_assert(!is_awake() && !upgrade_is_wanted(&u));
}

START_TEST(good)
{
	make_program("echo 1 1000", "exit 0");
	ck_assert_msg(!upgrade_ask(&u, program, path, why, sizeof(why)), "%s", why);
	ck_assert_str_eq(path, program);
	ck_assert_str_eq(u.binary, program);
	ck_assert(is_awake() && upgrade_is_wanted(&u));
	/* It is decided. */
	ck_assert_int_eq(upgrade_ask(&u, program, path, why, sizeof(why)), -EBUSY);
	ck_assert_ptr_nonnull(strstr(why, "under way"));
	upgrade_cancel(&u);
	ck_assert(!is_awake() && !upgrade_is_wanted(&u));
	ck_assert_int_eq(upgrade_ask(&u, program, path, why, sizeof(why)), 0);
	ck_assert(is_awake() && upgrade_is_wanted(&u));
}
END_TEST

static const struct {
	const char *formats, *config, *says;
} bad[] = {
	/* clang-format off */
	{"echo 3 1000",           "exit 0",                  "reads memory of the formats 3 to 1000, and this one has format 2"},
	{"echo 0 0",              "exit 0",                  "reads memory of the formats 0 to 0"},
	{"exit 0",                "exit 0",                  "is no memtgtd"},
	{"echo 1 1; exit 1",      "exit 0",                  "is no memtgtd"},
	{"echo 1 1; kill -9 $$",  "exit 0",                  "is no memtgtd"},
	{"echo 1 1; echo",        "exit 0",                  "is no memtgtd"},
	{"yes | head -c 100000",  "exit 0",                  "is no memtgtd"},
	{"echo 1 1 >&2",          "exit 0",                  "is no memtgtd"},
	{"echo 1 1000",           "echo a:1: b; echo c; exit 1", "does not take the configuration: a:1: b"},
	{"echo 1 1000",           "echo a:1: b >&2; exit 1", "does not take the configuration: a:1: b"},
	{"echo 1 1000",           "kill -9 $$",              "does not take the configuration"},
	/* clang-format on */
};

START_TEST(refused)
{
	make_program(bad[_i].formats, bad[_i].config);
	expect_no(program, bad[_i].says);
	/* Another may be asked. */
	make_program("echo 1 1000", "exit 0");
	ck_assert_int_eq(upgrade_ask(&u, program, path, why, sizeof(why)), 0);
}
END_TEST

START_TEST(no_program)
{
	char longer[UPGRADE_PATH + 8];

	expect_no("/nonexistent/memtgtd", "cannot be run: No such file");
	expect_no("/dev/null", "cannot be run: Permission denied");
	expect_no("memtgtd", "needed is a path that begins with /");
	expect_no("", "needed is a path");
	memset(longer, '/', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	expect_no(longer, "too long");
}
END_TEST

/* As long as nobody could find what LUNs hold. */
START_TEST(no_memory_to_leave)
{
	make_program("echo 1 1000", "exit 0");
	u.can_leave = false;
	expect_no(program, "what LUNs hold would be lost");
}
END_TEST

START_TEST(hangs)
{
	u.limit_ms = 100;
	make_program("exec sleep 1000", "exit 0");
	expect_no(program, "--store-formats did not end within 100 ms");
}
END_TEST

/* ---- formats ---- */

static const struct {
	const char *text;
	int err;
	unsigned oldest, newest;
} texts[] = {
	{"1 1\n", 0, 1, 1},
	{"1 17\n", 0, 1, 17},
	{"0 1000000\n", 0, 0, 1000000},
	{"2 1\n", -EINVAL, 0, 0},
	{"1 1000001\n", -EINVAL, 0, 0},
	{"1 99999999999999999999\n", -EINVAL, 0, 0},
	{"1 1", -EINVAL, 0, 0},
	{"1 1\n\n", -EINVAL, 0, 0},
	{"1  1\n", -EINVAL, 0, 0},
	{" 1 1\n", -EINVAL, 0, 0},
	{"1\n", -EINVAL, 0, 0},
	{"1 -1\n", -EINVAL, 0, 0},
	{"+1 1\n", -EINVAL, 0, 0},
	{"1 1 1\n", -EINVAL, 0, 0},
	{"0x1 1\n", -EINVAL, 0, 0},
	{"", -EINVAL, 0, 0},
	{"\n", -EINVAL, 0, 0},
};

START_TEST(formats)
{
	unsigned oldest, newest;
	const char *text = texts[_i].text;

	ck_assert_int_eq(upgrade_parse_formats(text, strlen(text), &oldest, &newest),
			 texts[_i].err);
	if (texts[_i].err)
		return;
	ck_assert_uint_eq(oldest, texts[_i].oldest);
	ck_assert_uint_eq(newest, texts[_i].newest);
	/* A NUL, and what follows it, are no part of the answer. */
	ck_assert_int_eq(upgrade_parse_formats(text, strlen(text) + 1, &oldest, &newest), -EINVAL);
}
END_TEST

/* ---- its own path ---- */

static void expect_self(const char *execfn, const char *exe, const char *expected)
{
	ck_assert_int_eq(upgrade_self(execfn, exe, path), 0);
	ck_assert_str_eq(path, expected);
}

START_TEST(self)
{
	char link[96], deleted[128], expected[128], here[UPGRADE_PATH];

	snprintf(link, sizeof(link), "%s/exe", folder);
	snprintf(deleted, sizeof(deleted), "%s (deleted)", program);
	expect_self("/usr/sbin/memtgtd", link, "/usr/sbin/memtgtd");
	/* By its name alone, or by a descriptor: what the kernel says. */
	ck_assert_int_eq(symlink(program, link), 0);
	expect_self("memtgtd", link, program);
	expect_self("/dev/fd/7", link, program);
	expect_self("/proc/self/fd/7", link, program);
	expect_self(NULL, link, program);
	/* It was replaced; a program that is called so is itself. */
	unlink(link);
	ck_assert_int_eq(symlink(deleted, link), 0);
	expect_self(NULL, link, program);
	fclose(fopen(deleted, "we"));
	expect_self(NULL, link, deleted);
	unlink(deleted);
	unlink(link);
	ck_assert_int_eq(upgrade_self(NULL, link, path), -ENOENT);
	/* Beside where it was started. */
	ck_assert_ptr_nonnull(getcwd(here, sizeof(here)));
	ck_assert_int_eq(chdir(folder), 0);
	snprintf(expected, sizeof(expected), "%s/bin/memtgtd", folder);
	expect_self("bin/memtgtd", link, expected);
	ck_assert_int_eq(chdir(here), 0);
}
END_TEST

/* Without a path it is this program, which is no memtgtd. */
START_TEST(default_program)
{
	ck_assert_int_eq(u.self[0], '/');
	ck_assert_int_eq(access(u.self, X_OK), 0);
	snprintf(u.self, sizeof(u.self), "%s", program);
	make_program("echo 2 2", "exit 0");
	ck_assert_int_eq(upgrade_ask(&u, NULL, path, why, sizeof(why)), 0);
	ck_assert_str_eq(u.binary, program);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("upgrade");
	TCase *t = tcase_create("upgrade");

	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, good);
	tcase_add_loop_test(t, refused, 0, sizeof(bad) / sizeof(bad[0]));
	tcase_add_test(t, no_program);
	tcase_add_test(t, no_memory_to_leave);
	tcase_add_test(t, hangs);
	tcase_add_loop_test(t, formats, 0, sizeof(texts) / sizeof(texts[0]));
	tcase_add_test(t, self);
	tcase_add_test(t, default_program);
	suite_add_tcase(s, t);
	return test_main(s);
}
