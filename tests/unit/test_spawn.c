// SPDX-License-Identifier: MIT
/* test_spawn.c - programs that print, fail, hang, and what they get of us. */
#include "base/spawn.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/test_main.h"

#define PATIENCE_MS 60000u

static struct spawn_result r;

static int shell(const char *script, unsigned limit_ms, bool errors)
{
	const char *const argv[] = {"/bin/sh", "-c", script, NULL};

	return spawn_run(argv, limit_ms, errors, &r);
}

static const struct {
	const char *script;
	bool errors;
	int status;
	const char *out;
} runs[] = {
	{"echo 1 2", false, 0, "1 2\n"},
	{"echo 1; exit 3", false, 3, "1\n"},
	{"echo 1; kill -9 $$", false, -1, "1\n"},
	{"echo 1; echo 2 >&2", false, 0, "1\n"},
	{"echo 1; echo 2 >&2", true, 0, "1\n2\n"},
	{"cat; echo end", false, 0, "end\n"}, /* nothing to read */
	{"exec >&- 2>&-; exit 7", true, 7, ""},
};

START_TEST(prints)
{
	ck_assert_int_eq(shell(runs[_i].script, PATIENCE_MS, runs[_i].errors), 0);
	ck_assert_int_eq(r.status, runs[_i].status);
	ck_assert_str_eq(r.out, runs[_i].out);
	ck_assert_uint_eq(r.len, strlen(runs[_i].out));
	ck_assert(!r.is_cut);
}
END_TEST

/* At the limit, and beyond it. The program is not stopped by what nobody takes. */
START_TEST(much)
{
	char script[64];

	snprintf(script, sizeof(script), "head -c %u /dev/zero", SPAWN_OUT_MAX);
	ck_assert_int_eq(shell(script, PATIENCE_MS, false), 0);
	ck_assert_uint_eq(r.len, SPAWN_OUT_MAX);
	ck_assert(!r.is_cut);
	snprintf(script, sizeof(script), "head -c %u /dev/zero", SPAWN_OUT_MAX + 1);
	ck_assert_int_eq(shell(script, PATIENCE_MS, false), 0);
	ck_assert(r.is_cut);
	ck_assert_int_eq(shell("head -c 1000000 /dev/zero; exit 5", PATIENCE_MS, false), 0);
	ck_assert_uint_eq(r.len, SPAWN_OUT_MAX);
	ck_assert_int_eq(r.status, 5);
}
END_TEST

/* One that prints nothing, one that prints for ever, one that has said that it prints no more. */
START_TEST(hangs)
{
	static const char *const scripts[] = {"exec sleep 1000", "exec yes",
					      "exec >&-; exec sleep 1000"};

	ck_assert_int_eq(shell(scripts[_i], 100, false), -ETIMEDOUT);
	ck_assert_int_eq(r.status, -1);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1); /* and it was waited for */
	ck_assert_int_eq(errno, ECHILD);
}
END_TEST

/*
 * A program that SIGKILL does not end in time, as one that stands in the kernel: here because a
 * tracer keeps its end to itself. This program in another role: traced by its child, whose number
 * it prints.
 */
static int play_stuck(void)
{
	pid_t parent = getpid();
	int p[2];
	char byte;

	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
	if (pipe(p))
		return EXIT_FAILURE;
	pid_t pid = fork();
	if (pid) {
		if (pid < 0 || read(p[0], &byte, 1) != 1)
			return EXIT_FAILURE;
		printf("%d %c\n", (int)pid, byte);
		fflush(stdout);
		for (;;)
			pause();
	}
	byte = ptrace(PTRACE_SEIZE, parent, NULL, NULL) ? 'n' : 'y';
	if (write(p[1], &byte, 1) != 1)
		return EXIT_FAILURE;
	alarm(100);
	for (;;)
		pause();
}

START_TEST(stuck)
{
	const char *const argv[] = {"/proc/self/exe", "stuck", NULL};
	int tracer;
	char is_traced;

	ck_assert_int_eq(spawn_run(argv, 3000, false, &r), -ETIMEDOUT);
	ck_assert_int_eq(sscanf(r.out, "%d %c", &tracer, &is_traced), 2);
	if (is_traced != 'y') {
		kill(tracer, SIGKILL);
		test_skip("ptrace(2) is not allowed here");
		return;
	}
	/* It was left behind, and can still be waited for when it ends. */
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), 0);
	ck_assert_int_eq(kill(tracer, SIGKILL), 0);
	ck_assert_int_gt(waitpid(-1, NULL, 0), 0);
}
END_TEST

static unsigned asked;

/* Three times after it has begun, whenever that is. */
static bool thrice(void *arg)
{
	(void)arg;
	return !r.len || ++asked < 3;
}

/* As long as it is told to go on, and not longer. */
START_TEST(watched)
{
	const char *const argv[] = {"/bin/sh", "-c", "sleep 1; echo end; exit 4", NULL};
	const char *const endless[] = {"/bin/sh", "-c", "echo begun; exec sleep 1000", NULL};

	asked = 0;
	ck_assert_int_eq(spawn_watch(endless, 100, false, thrice, NULL, &r), -ETIMEDOUT);
	ck_assert_uint_eq(asked, 3);
	ck_assert_str_eq(r.out, "begun\n");
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	asked = 0;
	ck_assert_int_eq(spawn_watch(argv, PATIENCE_MS, false, thrice, NULL, &r), 0);
	ck_assert_uint_eq(asked, 0);
	ck_assert_int_eq(r.status, 4);
	ck_assert_str_eq(r.out, "end\n");
}
END_TEST

START_TEST(no_program)
{
	static const struct {
		const char *path;
		int err;
	} paths[] = {{"/nonexistent", -ENOENT},
		     {"/tmp", -EACCES},
		     {"/dev/null", -EACCES},
		     {"", -ENOENT}};

	const char *const argv[] = {paths[_i].path, NULL};
	ck_assert_int_eq(spawn_run(argv, PATIENCE_MS, false, &r), paths[_i].err);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
}
END_TEST

/* It has standard input, output and error, and the descriptor of the folder it looks into. */
START_TEST(descriptors)
{
	int leak = open("/dev/null", O_RDONLY);

	ck_assert_int_ge(fcntl(leak, F_DUPFD, 200), 200);
	const char *const argv[] = {"/bin/ls", "/proc/self/fd", NULL};
	ck_assert_int_eq(spawn_run(argv, PATIENCE_MS, true, &r), 0);
	ck_assert_str_eq(r.out, "0\n1\n2\n3\n");
}
END_TEST

START_TEST(environment)
{
	setenv("NOTIFY_SOCKET", "/x", 1);
	setenv("LISTEN_FDS", "3", 1);
	setenv("LISTEN_PID", "3", 1);
	setenv("WATCHDOG_USEC", "3", 1);
	setenv("FDSTORE", "3", 1);
	setenv("TZ_OF_TEST", "kept", 1);
	ck_assert_int_eq(
		shell("env | grep -E 'NOTIFY|LISTEN|WATCHDOG|FDSTORE|TZ_OF'", PATIENCE_MS, false),
		0);
	ck_assert_str_eq(r.out, "TZ_OF_TEST=kept\n");
}
END_TEST

/* As in memtgtd, whose signals come by a descriptor. */
START_TEST(signals)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	ck_assert_int_eq(shell("kill -TERM $$; echo not", PATIENCE_MS, false), 0);
	ck_assert_str_eq(r.out, "");
	ck_assert_int_eq(shell("kill -PIPE $$; echo not", PATIENCE_MS, false), 0);
	ck_assert_str_eq(r.out, "");
}
END_TEST

int main(int argc, char *argv[])
{
	if (argc == 2 && !strcmp(argv[1], "stuck"))
		return play_stuck();

	Suite *s = suite_create("spawn");
	TCase *t = tcase_create("spawn");

	tcase_set_timeout(t, 120);
	tcase_add_loop_test(t, prints, 0, sizeof(runs) / sizeof(runs[0]));
	tcase_add_test(t, much);
	tcase_add_loop_test(t, hangs, 0, 3);
	tcase_add_test(t, stuck);
	tcase_add_test(t, watched);
	tcase_add_loop_test(t, no_program, 0, 4);
	tcase_add_test(t, descriptors);
	tcase_add_test(t, environment);
	tcase_add_test(t, signals);
	suite_add_tcase(s, t);
	return test_main(s);
}
