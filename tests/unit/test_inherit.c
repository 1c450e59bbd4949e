// SPDX-License-Identifier: MIT
/* test_inherit.c - descriptors with names, from one program to the next. */
#include "base/inherit.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/notify.h"
#include "lib/logged.h"
#include "lib/test_main.h"

static char *self; /* this program: run with an argument it is the next one */

/* ---- what the variables say ---- */

/* clang-format off */
static const struct {
	const char *pid, *count, *names;
	int n;
	const char *first, *last;
} rows[] = {
	{"7",  "2",   "a:b",       2, "a", "b"},
	{"7",  "1",   "portal-0",  1, "portal-0", "portal-0"},
	{"7",  "2",   "same:same", 2, "same", "same"},
	{"7",  "2",   NULL,        2, NULL, NULL},
	{"7",  "0",   "",          0, NULL, NULL},
	{"7",  "0",   NULL,        0, NULL, NULL},
	{"8",  "2",   "a:b",       0, NULL, NULL},	/* for another */
	{"8",  "x",   "a",         0, NULL, NULL},
	{NULL, "2",   "a:b",       0, NULL, NULL},
	{"7",  NULL,  "a:b",       0, NULL, NULL},
	{"",   "1",   "a",         -EINVAL, NULL, NULL},
	{"7 ", "1",   "a",         -EINVAL, NULL, NULL},
	{"-7", "1",   "a",         -EINVAL, NULL, NULL},
	{"4294967303", "1", "a",   -EINVAL, NULL, NULL},	/* 7, in 32 bits */
	{"7",  "",    "a",         -EINVAL, NULL, NULL},
	{"7",  "+1",  "a",         -EINVAL, NULL, NULL},
	{"7",  "-1",  "a",         -EINVAL, NULL, NULL},
	{"7",  "1x",  "a",         -EINVAL, NULL, NULL},
	{"7",  "254", NULL,        -EINVAL, NULL, NULL},
	{"7",  "253", NULL,        253, NULL, NULL},
	{"7",  "18446744073709551617", "a", -EINVAL, NULL, NULL},
	{"7",  "1",   "a:b",       -EINVAL, NULL, NULL},
	{"7",  "2",   "a",         -EINVAL, NULL, NULL},
	{"7",  "2",   "a:",        -EINVAL, NULL, NULL},
	{"7",  "2",   ":b",        -EINVAL, NULL, NULL},
	{"7",  "1",   "",          -EINVAL, NULL, NULL},
	{"7",  "0",   "a",         -EINVAL, NULL, NULL},
	{"7",  "1",   "a b",       -EINVAL, NULL, NULL},
	{"7",  "1",   "a\n",       -EINVAL, NULL, NULL},
};
/* clang-format on */

START_TEST(parse)
{
	struct inherit_fd out[INHERIT_MAX];
	char *names = rows[_i].names ? strdup(rows[_i].names) : NULL;

	int n = inherit_parse(rows[_i].pid, rows[_i].count, names, 7, out);
	ck_assert_int_eq(n, rows[_i].n);
	for (int i = 0; i < n; i++)
		ck_assert_int_eq(out[i].fd, INHERIT_FIRST + i);
	if (n > 0) {
		ck_assert_pstr_eq(out[0].name, rows[_i].first);
		ck_assert_pstr_eq(out[n - 1].name, rows[_i].last);
	}
	free(names);
}
END_TEST

/* ---- taking ---- */

static void set_variables(const char *count, const char *names)
{
	char pid[24];

	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", count, 1);
	setenv("LISTEN_FDNAMES", names, 1);
	setenv("LISTEN_PIDFDID", "1", 1);
}

/* From 3 on lie as many descriptors of memory; whatever was there is not needed by a test. */
static void lay_out(int n)
{
	for (int i = 0; i < n; i++) {
		int fd = memfd_create("inherited", 0);
		ck_assert_int_ge(fd, 0);
		if (fd == INHERIT_FIRST + i)
			continue;
		ck_assert_int_eq(dup2(fd, INHERIT_FIRST + i), INHERIT_FIRST + i);
		if (fd >= INHERIT_FIRST + n)
			close(fd);
	}
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

START_TEST(take)
{
	unsetenv("NOTIFY_SOCKET");
	notify_open();
	lay_out(5);
	set_variables("5", "one:two:same:same:rest");
	ck_assert_int_eq(inherit_read(), 0);
	ck_assert_ptr_null(getenv("LISTEN_PID"));
	ck_assert_ptr_null(getenv("LISTEN_FDS"));
	ck_assert_ptr_null(getenv("LISTEN_FDNAMES"));
	ck_assert_ptr_null(getenv("LISTEN_PIDFDID"));
	ck_assert_int_eq(inherit_take("two"), 4);
	ck_assert_int_eq(fcntl(4, F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(inherit_take("two"), -1);
	ck_assert_int_eq(inherit_take("none"), -1);
	ck_assert_int_eq(inherit_take("same"), 5);
	inherit_close_rest();
	ck_assert(!is_open(3) && is_open(4) && is_open(5) && !is_open(6) && !is_open(7));
	ck_assert_int_eq(inherit_take("one"), -1);
	inherit_close_rest();
}
END_TEST

/* The names of what is not used are forgotten where they are kept, but never one that is in use. */
START_TEST(forget_the_rest)
{
	char text[200];
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int manager = fcntl(socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0), F_DUPFD, 20);

	snprintf(text, sizeof(text), "@memtgt-test-inherit-%d", (int)getpid());
	memcpy(a.sun_path + 1, text + 1, strlen(text) - 1);
	ck_assert_int_eq(bind(manager, (void *)&a,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(text))),
			 0);
	setenv("NOTIFY_SOCKET", text, 1);
	notify_open();
	lay_out(3);
	set_variables("3", "same:same:rest");
	ck_assert_int_eq(inherit_read(), 0);
	ck_assert_int_eq(inherit_take("same"), 3);
	inherit_close_rest();
	ssize_t n = recv(manager, text, sizeof(text) - 1, 0);
	ck_assert_int_gt(n, 0);
	text[n] = '\0';
	ck_assert_str_eq(text, "FDSTOREREMOVE=1\nFDNAME=rest");
	ck_assert_int_lt(recv(manager, text, sizeof(text), 0), 0);
	notify_close();
}
END_TEST

START_TEST(refused)
{
	log_catch();
	lay_out(1);
	set_variables("2", "one");
	ck_assert_int_eq(inherit_read(), -EINVAL);
	ck_assert_ptr_null(getenv("LISTEN_FDS"));
	ck_assert_ptr_nonnull(strstr(logged(), "LISTEN_FDNAMES \"one\""));
	ck_assert(is_open(3));
	closefrom(150);
	set_variables("200", "");
	unsetenv("LISTEN_FDNAMES");
	ck_assert_int_eq(inherit_read(), -EBADF);
	ck_assert_ptr_nonnull(strstr(logged(), "is not open"));
	unsetenv("LISTEN_PID");
	ck_assert_int_eq(inherit_read(), 0);
	ck_assert_int_eq(inherit_take("one"), -1);
	log_release();
}
END_TEST

/* ---- passing on ---- */

/* The next program: prints NAME=SIZE of each of these names, and whether another is open. */
static int next_program(char **names)
{
	struct stat st;

	if (inherit_read())
		return 1;
	for (; *names; names++) {
		int fd = inherit_take(*names);
		if (fd < 0 || fstat(fd, &st))
			return 2;
		printf("%s=%d:%lld ", *names, fd, (long long)st.st_size);
	}
	return is_open(30) ? 3 : 0;
}

/* Not by Check's macros: they write to a descriptor of theirs, whose place this may be. */
static void sized(int at, off_t size)
{
	int fd = memfd_create("sized", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, size) || dup3(fd, at, O_CLOEXEC) != at)
		_exit(9);
	close(fd);
}

/* In place of each other, twice the same, and far away; the first program is not there. */
static void __attribute__((noreturn)) pass_on(int out)
{
	struct inherit_fd fds[] = {{"b", 4}, {"a", 3}, {"c", 100}, {"b-again", 4}};
	char *argv[] = {self, "a", "b", "c", "b-again", NULL};

	out = fcntl(out, F_DUPFD, 50);
	closefrom(51);
	dup2(out, STDOUT_FILENO);
	sized(3, 30);
	sized(4, 40);
	sized(100, 1000);
	sized(30, 1);
	int err = inherit_exec("/nonexistent", argv, fds, 4);
	if (err != -ENOENT || getenv("LISTEN_FDS"))
		_exit(10);
	for (int i = 0; i < 4; i++)
		if (fds[i].fd != INHERIT_FIRST + i)
			_exit(11);
	(void)inherit_exec(self, argv, fds, 4);
	_exit(12);
}

START_TEST(exec)
{
	int ends[2], status;
	char text[200] = "";

	ck_assert_int_eq(pipe(ends), 0);
	pid_t pid = fork();
	if (!pid)
		pass_on(ends[1]);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	ck_assert_int_gt(read(ends[0], text, sizeof(text) - 1), 0);
	ck_assert_str_eq(text, "a=4:30 b=3:40 c=5:1000 b-again=6:40 ");
}
END_TEST

START_TEST(exec_of_a_closed_one)
{
	struct inherit_fd fds[] = {{"a", STDIN_FILENO}, {"b", 999}};
	char *argv[] = {self, NULL};

	ck_assert_int_eq(inherit_exec(self, argv, fds, 2), -EBADF);
	ck_assert_int_eq(fds[0].fd, STDIN_FILENO); /* nothing was moved */
	ck_assert_ptr_null(getenv("LISTEN_FDS"));
}
END_TEST

int main(int argc, char **argv)
{
	if (argc > 1)
		return next_program(argv + 1);
	self = realpath("/proc/self/exe", NULL);
	Suite *s = suite_create("inherit");
	TCase *t = tcase_create("inherit");

	tcase_add_loop_test(t, parse, 0, sizeof(rows) / sizeof(*rows));
	tcase_add_test(t, take);
	tcase_add_test(t, forget_the_rest);
	tcase_add_test(t, refused);
	tcase_add_test(t, exec);
	tcase_add_test(t, exec_of_a_closed_one);
	suite_add_tcase(s, t);
	int status = test_main(s);
	free(self);
	return status;
}
