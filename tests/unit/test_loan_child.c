// SPDX-License-Identifier: MIT
/* test_loan_child.c - a function in a process of its own: its value, its result, its limit, its
 * end. */
#include "initiator-tools/host/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "lib/test_main.h"

#define LONG (60 * NS_PER_S)

struct result {
	int in, out;
};

static int give(void *arg, void *result)
{
	struct result *r = result;

	r->out = r->in + 1;
	return *(int *)arg;
}

START_TEST(value_and_result_come_back)
{
	struct result r = {.in = 41};

	ck_assert_int_eq(child_run(give, &(int){0}, &r, sizeof(r), LONG), 0);
	ck_assert_int_eq(r.out, 42);
	ck_assert_int_eq(child_run(give, &(int){-ENOSPC}, &r, sizeof(r), LONG), -ENOSPC);
	ck_assert_int_eq(child_run(give, &(int){-200}, &r, sizeof(r), LONG), -200);
}
END_TEST

static int nothing(void *arg, void *result)
{
	(void)arg;
	(void)result;
	return 0;
}

START_TEST(no_result_is_needed)
{
	ck_assert_int_eq(child_run(nothing, NULL, NULL, 0, LONG), 0);
}
END_TEST

/* As in the kernel: no signal but the last reaches it. */
static int stand(void *arg, void *result)
{
	(void)arg;
	((struct result *)result)->out = 7;
	while (pause())
		;
	return 0;
}

START_TEST(a_limit_ends_it)
{
	struct result r = {.out = 1};
	uint64_t begun = clock_now();

	ck_assert_int_eq(child_run(stand, NULL, &r, sizeof(r), NS_PER_S / 20), -ETIMEDOUT);
	ck_assert_uint_ge(clock_now() - begun, NS_PER_S / 20);
	/* What it had so far is no result. */
	ck_assert_int_eq(r.out, 1);
}
END_TEST

static int die(void *arg, void *result)
{
	(void)arg;
	(void)result;
	raise(SIGKILL);
	return 0;
}

START_TEST(a_signal_is_an_error)
{
	ck_assert_int_eq(child_run(die, NULL, NULL, 0, LONG), -EIO);
}
END_TEST

static int is_open(void *arg, void *result)
{
	(void)result;
	return fcntl(*(int *)arg, F_GETFD) < 0 ? 0 : -EBUSY;
}

/* A child that is left behind would hold the lock of the loan's file. */
START_TEST(it_has_no_descriptor_of_ours)
{
	int fd = open("/dev/null", O_RDONLY);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(child_run(is_open, &fd, NULL, 0, LONG), 0);
	close(fd);
}
END_TEST

static int seven(void *arg)
{
	(void)arg;
	return 7;
}

START_TEST(a_plain_child_has_an_exit_status)
{
	pid_t pid = child_start(seven, NULL);

	ck_assert_int_gt(pid, 0);
	ck_assert_int_eq(child_wait(pid, LONG), 7);
	/* There is no such child any more: that is no end to wait for. */
	ck_assert_int_eq(child_wait(pid, LONG), -ECHILD);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("loan_child");
	TCase *tc = tcase_create("child");

	tcase_add_test(tc, value_and_result_come_back);
	tcase_add_test(tc, no_result_is_needed);
	tcase_add_test(tc, a_limit_ends_it);
	tcase_add_test(tc, a_signal_is_an_error);
	tcase_add_test(tc, it_has_no_descriptor_of_ours);
	tcase_add_test(tc, a_plain_child_has_an_exit_status);
	suite_add_tcase(suite, tc);
	return test_main(suite);
}
