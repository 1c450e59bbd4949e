// SPDX-License-Identifier: MIT
/*
 * test_damage.c - what the keeper of a daemon holds, when that is dead, does not start, finds its
 * records damaged, or is not alone.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/crash_rig.h"
#include "lib/rawinit.h"
#include "lib/test_main.h"
#include "store/record.h"

#define T   DAEMON_TARGET
#define MIB (1u << 20)

static struct crash_rig c;

/* ---- a daemon that does not start ---- */

static void write_file(const char *path, const char *text)
{
	char next[160];

	snprintf(next, sizeof(next), "%s.next", path);
	int fd = open(next, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	ck_assert_int_eq(rename(next, path), 0);
}

/* The program is replaced by one that ends at once; repaired, it goes on as if nothing had been. */
START_TEST(a_program_that_ends_at_once)
{
	char program[128], aside[140];

	crash_folder(&c);
	snprintf(program, sizeof(program), "%s/memtgtd", c.folder);
	snprintf(aside, sizeof(aside), "%s.aside", program);
	crash_copy_program(program);
	crash_copy_program(aside);
	setenv("MEMTGTD", program, 1);
	crash_start(&c, NULL);
	crash_load(&c, false);
	load_wait(c.load, 50);
	write_file(program, "#!/bin/sh\nexit 1\n");
	crash_kill_child(&c);
	daemon_log_wait(&c.d, "ended 4 times in a row");
	ck_assert(daemon_log_has(&c.d, "What it gave to be kept"));
	ck_assert_int_eq(rename(aside, program), 0);
	load_wait(c.load, 50);
	crash_check(&c);
	crash_stop(&c, "after a program that ended at once");
}
END_TEST

/* ---- damage ---- */

/* One copy of each record, here and there: nobody sees anything. */
START_TEST(one_copy_damaged)
{
	unsigned damaged = 0, seed = 7;

	crash_folder(&c);
	crash_start(&c, NULL);
	crash_load(&c, false);
	for (unsigned round = 0; round < 8; round++) {
		load_look(c.load);
		crash_halt(&c);
		for (unsigned place = 0; place < 8; place++)
			damaged += crash_damage_copy(&c, place, round & 1,
						     (unsigned)rand_r(&seed) % RECORD_BYTES);
		crash_resume(&c);
		load_go(c.load);
		load_wait(c.load, 20);
		crash_check(&c);
	}
	ck_assert_uint_ge(damaged, 8 * 3);
	printf("# %u records damaged\n", damaged);
	crash_stop(&c, "one copy damaged");
}
END_TEST

#define DATA_BYTES (4u << 20) /* two pages */

static void fill(uint8_t *p, size_t n)
{
	unsigned seed = 11;

	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(rand_r(&seed) >> 5);
}

static void clear(struct raw *r, unsigned lun)
{
	for (int i = 0; i < 8 && raw_test_unit_ready(r, lun) != 0; i++)
		;
}

/* Both copies of one LUN's: it is not served, but what it had is there, and can be taken out. */
START_TEST(both_copies_damaged)
{
	static uint8_t data[DATA_BYTES], back[DATA_BYTES];
	char words[256];
	struct raw r;

	crash_folder(&c);
	crash_start(&c, NULL);
	fill(data, sizeof(data));
	raw_session(&r, c.d.port, NULL);
	clear(&r, 1);
	for (uint32_t at = 0; at < DATA_BYTES; at += MIB)
		ck_assert_uint_eq(raw_write(&r, 1, 8192 + at / 512, data + at, MIB, 512), 0);
	raw_close(&r);
	crash_halt(&c);
	ck_assert(crash_damage(&c, 34u << 20));
	crash_resume(&c);

	raw_session(&r, c.d.port, NULL);
	clear(&r, 1);
	ck_assert_uint_eq(raw_test_unit_ready(&r, 1), 2);
	ck_assert_uint_eq(raw_sense(&r), 0x020402);
	ctl("lun list", 0);
	ctl_has("held");
	ctl("--json pool show", 0);
	ck_assert_uint_ge(crash_number("used_bytes"), (32u << 20) + DATA_BYTES);
	snprintf(words, sizeof(words), "lun export held 1 %s/image", c.folder);
	ctl(words, 0);
	ctl("lun create " T " 34M 5", 0);
	snprintf(words, sizeof(words), "lun import " T " 5 %s/image force=true", c.folder);
	ctl(words, 0);
	clear(&r, 5);
	for (uint32_t at = 0; at < DATA_BYTES; at += MIB)
		ck_assert_uint_eq(raw_read(&r, 5, 8192 + at / 512, back + at, MIB, 512), 0);
	ck_assert_mem_eq(back, data, sizeof(data));
	raw_close(&r);
	crash_check_pages(&c);
	ctl("lun delete held 1", 0);
	crash_check_pages(&c);
	crash_stop(&c, NULL);
}
END_TEST

/* ---- two daemons ---- */

static void __attribute__((noreturn)) become_second(int log)
{
	static const char *const names[] = {"memtgt-pool", "memtgt-tables", "memtgt-records"};
	const char *program = getenv("MEMTGTD");
	char pid[16], config[128];
	int fds[3];

	if (!program)
		program = "target/memtgtd";
	snprintf(config, sizeof(config), "%s/second.conf", c.folder);
	write_file(config,
		   "portals = ( { address = \"127.0.0.1\"; port = 0; } );"
		   "targets = ( { name = \"" T "\"; luns = ( { id = 0; size = \"32M\"; } ); } );"
		   "control = { socket = \"\"; }; state_dir = \"\";");
	for (int i = 0; i < 3; i++)
		fds[i] = fcntl(crash_open_kept(&c, names[i]), F_DUPFD, 100);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(log, STDERR_FILENO);
	for (int i = 0; i < 3; i++)
		dup2(fds[i], 3 + i);
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", "3", 1);
	setenv("LISTEN_FDNAMES", "memtgt-pool:memtgt-tables:memtgt-records", 1);
	setenv("NOTIFY_SOCKET", "/nowhere", 1);
	setenv("FDSTORE", "16", 1);
	execl(program, program, "-c", config, (char *)NULL);
	_exit(127);
}

/* Whoever gets at the same memory: the second refuses, the first goes on. */
START_TEST(a_second_daemon_refuses)
{
	unsigned long long limit;
	char text[4096], owner[32];
	int log = memfd_create("log", MFD_CLOEXEC), status;

	crash_folder(&c);
	crash_start(&c, NULL);
	crash_load(&c, false);
	load_wait(c.load, 20);
	snprintf(owner, sizeof(owner), "%d", (int)crash_child(&c));
	pid_t pid = fork();
	ck_assert_int_ge(pid, 0);
	if (!pid)
		become_second(log);
	limit = test_now_ms() + DAEMON_PATIENCE_MS;
	while (!waitpid(pid, &status, WNOHANG)) {
		if (test_now_ms() > limit) {
			kill(pid, SIGKILL);
			ck_abort_msg("the second daemon goes on");
		}
		test_sleep_ms(10);
	}
	ssize_t n = pread(log, text, sizeof(text) - 1, 0);
	text[n > 0 ? n : 0] = '\0';
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) && WEXITSTATUS(status) != 127,
		      "status %d: %s", status, text);
	ck_assert_msg(strstr(text, owner) != NULL, "who has it is not told: %s", text);
	load_wait(c.load, 20);
	crash_check(&c);
	close(log);
	crash_stop(&c, "beside a second daemon");
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("damage");
	TCase *t = tcase_create("damage");

	tcase_set_timeout(t, 240);
	tcase_add_test(t, a_program_that_ends_at_once);
	tcase_add_test(t, one_copy_damaged);
	tcase_add_test(t, both_copies_damaged);
	tcase_add_test(t, a_second_daemon_refuses);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	return test_main(suite());
}
