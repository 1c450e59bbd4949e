// SPDX-License-Identifier: MIT
/* test_loan_tool.c - programs that are there or not, fail, hang, and what is said of them. */
#include "initiator-tools/host/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "initiator-tools/loan/record.h"
#include "lib/test_main.h"
#include "loan_rig.h"

static struct spawn_result r;
static char why[120];

static int run(const char *a, const char *b)
{
	const char *const argv[] = {"lvs", a, b, NULL};

	why[0] = '\0';
	return tool_run(argv, &r, why, sizeof(why));
}

START_TEST(words_and_output)
{
	rig_answer("lvs", 0, "echo out; echo err >&2");
	ck_assert_int_eq(run("a", "b  c"), 0);
	ck_assert_str_eq(r.out, "out\nerr\n");
	ck_assert_str_eq(rig_log(), "lvs a b  c\n");
	ck_assert_str_eq(why, "");
}
END_TEST

static const struct {
	const char *script;
	int err;
	const char *why;
} failures[] = {
	{"exit 5", -EREMOTEIO, "lvs: exit status 5"},
	{"echo first; echo ' last '; echo; exit 3", -EREMOTEIO, "lvs: exit status 3: last"},
	{"printf 'a\\033[2Jb\\377'; exit 1", -EREMOTEIO, "lvs: exit status 1: a?[2Jb?"},
	{"kill -9 $$", -EREMOTEIO, "lvs: a signal ended it"},
	{"echo waiting; exec sleep 1000", -ETIMEDOUT, "lvs: it did not end in time: waiting"},
};

START_TEST(fails)
{
	tool_limit_ms = failures[_i].err == -ETIMEDOUT ? 500 : TOOL_LIMIT_MS;
	rig_answer("lvs", 0, failures[_i].script);
	ck_assert_int_eq(run(NULL, NULL), failures[_i].err);
	ck_assert_str_eq(why, failures[_i].why);
	tool_limit_ms = TOOL_LIMIT_MS;
}
END_TEST

/* Four times as long. */
START_TEST(patience)
{
	const char *const argv[] = {"lvconvert", NULL};

	tool_limit_ms = 1000;
	rig_answer("lvconvert", 0, "sleep 2");
	ck_assert_int_eq(tool_run(argv, &r, why, sizeof(why)), -ETIMEDOUT);
	tool_limit_ms = 10000;
	ck_assert_int_eq(tool_run_patiently(argv, &r, why, sizeof(why)), 0);
	tool_limit_ms = 50;
	rig_answer("lvconvert", 0, "exec sleep 1000");
	ck_assert_int_eq(tool_run_patiently(argv, &r, why, sizeof(why)), -ETIMEDOUT);
	tool_limit_ms = TOOL_LIMIT_MS;
}
END_TEST

START_TEST(path)
{
	char file[TOOL_PATH_MAX], both[600];

	rig_uninstall("lvs");
	ck_assert_int_eq(run(NULL, NULL), -ENOENT);
	ck_assert_ptr_nonnull(strstr(why, "the program lvs is not installed"));
	snprintf(both, sizeof(both), "/nonexistent::%s", tool_path);
	tool_path = both;
	ck_assert_int_eq(tool_find("pvs", file, why, sizeof(why)), 0);
	ck_assert_ptr_nonnull(strstr(file, "/tools/pvs"));
	memset(both, 'a', sizeof(both) - 1);
	both[sizeof(both) - 1] = '\0';
	ck_assert_int_eq(tool_find(both, file, why, sizeof(why)), -ENOENT);
}
END_TEST

START_TEST(ask_takes_standard_output_only)
{
	const char *const argv[] = {"pvs", NULL};

	rig_answer("pvs", 0, "echo out; echo err >&2");
	ck_assert_int_eq(tool_ask(argv, &r, why, sizeof(why)), 0);
	ck_assert_str_eq(r.out, "out\n");
	rig_answer("pvs", 0, "head -c 100000 /dev/zero");
	ck_assert_int_eq(tool_ask(argv, &r, why, sizeof(why)), -EMSGSIZE);
	ck_assert_str_eq(why, "pvs: it says more than can be read");
}
END_TEST

static unsigned asked;

static bool twice(void *arg)
{
	ck_assert_ptr_eq(arg, &asked);
	return ++asked < 2;
}

START_TEST(watch_asks_whether_to_go_on)
{
	const char *const argv[] = {"swapoff", NULL};

	rig_answer("swapoff", 0, "exec sleep 1000");
	ck_assert_int_eq(tool_watch(argv, twice, &asked, &r, why, sizeof(why)), -ETIMEDOUT);
	ck_assert_uint_eq(asked, 2);
	rig_answer("swapoff", 0, "sleep 2; echo done");
	asked = 0;
	tool_limit_ms = 1; /* is not for it */
	ck_assert_int_eq(tool_watch(argv, twice, &asked, &r, why, sizeof(why)), -ETIMEDOUT);
	tool_limit_ms = TOOL_LIMIT_MS;
	rig_answer("swapoff", 0, "echo done");
	ck_assert_int_eq(tool_watch(argv, twice, &asked, &r, why, sizeof(why)), 0);
	ck_assert_str_eq(r.out, "done\n");
}
END_TEST

/* memloan, with a lock, until somebody kills it. */
static void run_locked(const char *dir)
{
	int lock = record_lock(dir, 0);

	if (lock >= 0)
		(void)run(NULL, NULL);
	_exit(lock < 0);
}

/* The next one must not begin beside a program that still works; nor may that be hit by what the
 * first one left, such as a pipe that nobody reads. */
START_TEST(a_program_goes_on_without_us)
{
	char dir[] = "/tmp/memtgt-outlive.XXXXXX", file[64], script[512];

	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(script, sizeof(script),
		 "touch %s/begun; until [ -e %s/killed ]; do sleep 0.01; done; sleep 0.3; "
		 "echo word && touch %s/done",
		 dir, dir, dir);
	rig_answer("lvs", 0, script);
	pid_t pid = fork();
	ck_assert_int_ge(pid, 0);
	if (!pid)
		run_locked(dir);
	snprintf(file, sizeof(file), "%s/begun", dir);
	while (access(file, F_OK))
		usleep(1000);
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	ck_assert_int_eq(record_lock(dir, 0), -EBUSY);
	snprintf(file, sizeof(file), "%s/killed", dir);
	ck_assert_int_eq(close(creat(file, 0600)), 0);
	int lock = record_lock(dir, 60000);
	ck_assert_int_ge(lock, 0);
	close(lock);
	snprintf(file, sizeof(file), "%s/done", dir);
	ck_assert_int_eq(access(file, F_OK), 0);
	snprintf(script, sizeof(script), "rm -rf %s", dir);
	ck_assert_int_eq(system(script), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("loan_tool");
	TCase *t = tcase_create("tool");

	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, rig_begin, rig_end);
	tcase_add_test(t, words_and_output);
	tcase_add_loop_test(t, fails, 0, sizeof(failures) / sizeof(failures[0]));
	tcase_add_test(t, patience);
	tcase_add_test(t, path);
	tcase_add_test(t, ask_takes_standard_output_only);
	tcase_add_test(t, watch_asks_whether_to_go_on);
	tcase_add_test(t, a_program_goes_on_without_us);
	suite_add_tcase(s, t);
	return test_main(s);
}
