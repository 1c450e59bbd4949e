// SPDX-License-Identifier: MIT
/*
 * test_upgrade_live.c - memtgtctl upgrade of a real memtgtd, with a keeper and without: what was
 * written is there, the port is open, and a program that fails costs nothing.
 */
#include <check.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/ctl.h"
#include "lib/daemon.h"
#include "lib/rawinit.h"
#include "lib/test_main.h"

#define BLOCK 512u
#define MIB   ((uint64_t)1 << 20)

static const char luns[] = "{ id = 0; size = \"8M\"; provisioning = \"thin\"; },"
			   "{ id = 1; size = \"8M\"; provisioning = \"full\"; }";
static struct daemon d;
static char dir[64], program[96], real[PATH_MAX], words[256];
static uint8_t data[65536], back[65536];
static unsigned starts;
static bool has_keeper;

static void setup(void)
{
	const char *name = getenv("MEMTGTD");

	strcpy(dir, "/tmp/memtgt-test-upgrade-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(ctl_path, sizeof(ctl_path), "%s/control.sock", dir);
	snprintf(program, sizeof(program), "%s/program", dir);
	ck_assert_ptr_nonnull(realpath(name ? name : "target/memtgtd", real));
}

static void teardown(void)
{
	char command[128];

	if (d.pid)
		daemon_stop(&d);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	ck_assert_int_eq(system(command), 0);
}

static void start(bool keeper)
{
	char text[512];

	has_keeper = keeper;
	snprintf(text, sizeof(text),
		 "state_dir = \"%s\"; control = { socket = \"%s\"; };"
		 "pool = { pages = \"plain\"; headroom = 0; }; reactor = { count = 2; };",
		 dir, ctl_path);
	if (keeper)
		daemon_start_kept(&d, luns, text);
	else
		daemon_start_lasting(&d, luns, text);
	starts = 1;
}

static pid_t process(void)
{
	return has_keeper ? daemon_child(&d) : d.pid;
}

/* What it does in place of memtgtd: for formats, for the configuration, and to serve. */
static void make_program(const char *formats, const char *config, const char *serve)
{
	FILE *f = fopen(program, "we");

	fprintf(f,
		"#!/bin/sh\ncase \"$1\" in\n--store-formats) %s;;\n--check-config) %s;;\n"
		"*) %s;;\nesac\n",
		formats, config, serve);
	fclose(f);
	ck_assert_int_eq(chmod(program, 0700), 0);
}

static void upgrade(const char *binary, int status)
{
	snprintf(words, sizeof(words), "upgrade%s%s", *binary ? " " : "", binary);
	ctl(words, status);
}

/* ---- sessions ---- */

static void make_data(unsigned salt)
{
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)((i * 2654435761u >> 13) + salt * 31) | 1;
}

static void enter(struct raw *r)
{
	raw_session(r, d.port, NULL);
	for (unsigned lun = 0; lun < 2; lun++)
		while (raw_test_unit_ready(r, lun) != 0)
			;
}

static void write_luns(unsigned salt)
{
	struct raw r;

	enter(&r);
	for (unsigned lun = 0; lun < 2; lun++) {
		make_data(salt + lun);
		ck_assert_uint_eq(raw_write(&r, lun, MIB / BLOCK, data, sizeof(data), BLOCK), 0);
	}
	raw_close(&r);
}

static void expect_luns(unsigned salt)
{
	struct raw r;

	enter(&r);
	for (unsigned lun = 0; lun < 2; lun++) {
		make_data(salt + lun);
		ck_assert_uint_eq(raw_read(&r, lun, MIB / BLOCK, back, sizeof(back), BLOCK), 0);
		ck_assert_mem_eq(back, data, sizeof(data));
	}
	raw_close(&r);
}

/* ---- tests ---- */

/* Again and again, with somebody logged in: by its own path, and by another. */
START_TEST(takes_over)
{
	struct raw r;
	char line[160];

	start(_i);
	ck_assert_int_eq(symlink(real, program), 0);
	for (unsigned i = 0; i < 4; i++) {
		write_luns(i);
		enter(&r);
		upgrade(i % 2 ? program : "", 0);
		snprintf(line, sizeof(line), "process %d; nobody was served for ", (int)process());
		ctl_has(line);
		daemon_wait_ready(&d, ++starts);
		raw_close(&r);
		expect_luns(i);
	}
	ctl("--json status", 0);
	snprintf(line, sizeof(line), "\"binary\": \"%s\"", program);
	ctl_has(line);
	ck_assert(daemon_log_has(&d, "took over from memtgtd"));
	if (!has_keeper)
		return;
	/* The keeper starts what has shown that it can. */
	ck_assert_int_eq(kill(process(), SIGKILL), 0);
	daemon_wait_ready(&d, ++starts);
	ctl("--json status", 0);
	ctl_has(line);
	expect_luns(3);
}
END_TEST

START_TEST(as_json)
{
	start(false);
	ctl("--json upgrade", 0);
	ctl_has("\"old_version\": \"");
	ctl_has("\"pause_ms\": ");
	ctl_has("\"binary\": \"");
}
END_TEST

/* Nobody takes note. */
START_TEST(refused)
{
	struct raw r;

	start(_i);
	write_luns(1);
	enter(&r);
	make_program("echo 1000 1001", "exit 0", "exit 1");
	upgrade(program, 1);
	ctl_has("reads memory of the formats 1000 to 1001");
	make_program("echo 0 1000", "echo x.conf:1: wrong; exit 1", "exit 1");
	upgrade(program, 1);
	ctl_has("does not take the configuration: x.conf:1: wrong");
	upgrade("/bin/true", 1);
	ctl_has("is no memtgtd");
	upgrade("/nonexistent", 1);
	ck_assert_uint_eq(raw_test_unit_ready(&r, 0), 0);
	raw_close(&r);
	expect_luns(1);
	ck_assert(!daemon_log_has(&d, "takes over"));
}
END_TEST

/* It was there when it was asked, and then no more: the one that ran goes on. */
START_TEST(cannot_be_started)
{
	start(_i);
	write_luns(1);
	make_program("echo 0 1000", "rm \"$0\"; exit 0", "exit 1");
	upgrade(program, 1);
	ctl_has("could not take over, and ");
	daemon_wait_ready(&d, ++starts);
	expect_luns(1);
	ck_assert(daemon_log_has(&d, "program cannot take over: No such file"));
}
END_TEST

/* It starts, and ends at once: whoever keeps the memory starts the one that could. */
START_TEST(fails_at_start)
{
	start(true);
	write_luns(1);
	make_program("echo 0 1000", "exit 0", "exit 1");
	upgrade(program, 1);
	ctl_has("could not take over, and ");
	daemon_wait_ready(&d, ++starts);
	expect_luns(1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("upgrade_live");
	TCase *t = tcase_create("upgrade_live");

	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, takes_over, 0, 2);
	tcase_add_test(t, as_json);
	tcase_add_loop_test(t, refused, 0, 2);
	tcase_add_loop_test(t, cannot_be_started, 0, 2);
	tcase_add_test(t, fails_at_start);
	suite_add_tcase(s, t);
	return test_main(s);
}
