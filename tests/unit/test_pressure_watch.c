// SPDX-License-Identifier: MIT
/* test_pressure_watch.c - the thread that watches the host, on files made up here. */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/test_main.h"
#include "pressure/watch.h"

#define MIB ((uint64_t)1 << 20)

static char dir[64], meminfo[96], stalls[96];

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static enum pressure_state told[16];
static unsigned ntold;

/* In place and with one write, since the watcher keeps the file open. */
static void set_file(const char *path, const char *text)
{
	FILE *f = fopen(path, access(path, F_OK) ? "w" : "r+");
	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
}

static void set_available(uint64_t mib)
{
	char text[128];
	snprintf(text, sizeof(text), "MemTotal: 1 kB\nMemAvailable: %10llu kB\nX: 1 kB\n",
		 (unsigned long long)(mib << 10));
	set_file(meminfo, text);
}

static void make_files(void)
{
	strcpy(dir, "/tmp/memtgt-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(meminfo, sizeof(meminfo), "%s/meminfo", dir);
	snprintf(stalls, sizeof(stalls), "%s/stalls", dir);
	set_available(4000);
	set_file(stalls, "some avg10=0.00 avg60=0.00 avg300=0.00 total=5\n"
			 "full avg10=0.00 avg60=0.00 avg300=0.00 total=3\n");
	ntold = 0;
}

static void remove_files(void)
{
	unlink(meminfo);
	unlink(stalls);
	rmdir(dir);
}

static void on_change(void *arg, enum pressure_state from, enum pressure_state to,
		      const struct pressure_sample *s)
{
	(void)s;
	ck_assert_ptr_eq(arg, dir);
	pthread_mutex_lock(&lock);
	ck_assert_int_eq(from, ntold ? told[ntold - 1] : PRESSURE_GREEN);
	ck_assert_uint_lt(ntold, 16);
	told[ntold++] = to;
	pthread_cond_signal(&changed);
	pthread_mutex_unlock(&lock);
}

static struct pressure_watch *start(void)
{
	struct pressure_watch_options o = {.headroom = 1000 * MIB,
					   .meminfo = meminfo,
					   .stalls = stalls,
					   .interval_ns = 20 * NS_PER_MS,
					   .changed = on_change,
					   .arg = dir};
	struct pressure_watch *w;
	ck_assert_int_eq(pressure_watch_start(&w, &o), 0);
	return w;
}

static void wait_told(unsigned n)
{
	pthread_mutex_lock(&lock);
	while (ntold < n)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
}

/* Every state is told, one after the other, to the end of what the memory calls for. */
START_TEST(changes_are_told_in_order)
{
	struct pressure_watch *w = start();
	struct pressure_sample s;

	set_available(100);
	wait_told(3);
	ck_assert_int_eq(told[0], PRESSURE_YELLOW);
	ck_assert_int_eq(told[1], PRESSURE_ORANGE);
	ck_assert_int_eq(told[2], PRESSURE_RED);
	ck_assert_int_eq(pressure_watch_state(w, &s), PRESSURE_RED);
	ck_assert_uint_eq(s.available, 100 * MIB);
	ck_assert_uint_eq(s.stalled_us, 5);
	pressure_watch_stop(w);
	ck_assert_uint_eq(ntold, 3);
}
END_TEST

/* A kernel without PSI is no reason to stop. */
START_TEST(without_stalls)
{
	unlink(stalls);
	struct pressure_watch *w = start();

	set_available(900);
	wait_told(2);
	ck_assert_int_eq(told[1], PRESSURE_ORANGE);
	pressure_watch_stop(w);
}
END_TEST

START_TEST(without_meminfo)
{
	struct pressure_watch_options o = {.meminfo = "/nonexistent", .changed = on_change};
	struct pressure_watch *w = NULL;

	ck_assert_int_eq(pressure_watch_start(&w, &o), -ENOENT);
	pressure_watch_stop(NULL);
}
END_TEST

/* Numbers that cannot be read change nothing. */
START_TEST(rubbish)
{
	struct pressure_watch *w = start();
	struct pressure_sample s;

	ck_assert_int_eq(truncate(meminfo, 0), 0);
	set_file(stalls, "some total");
	usleep(100000);
	ck_assert_int_eq(pressure_watch_state(w, &s), PRESSURE_GREEN);
	set_available(900);
	wait_told(2);
	pressure_watch_stop(w);
}
END_TEST

/* The host's own files. What they say is not ours to know. */
START_TEST(real_files)
{
	struct pressure_watch_options o = {.headroom = 1,
					   .meminfo = "/proc/meminfo",
					   .stalls = "/proc/pressure/memory",
					   .trigger = true,
					   .interval_ns = 10 * NS_PER_MS,
					   .changed = on_change,
					   .arg = dir};
	struct pressure_watch *w;
	struct pressure_sample s = {0};

	ck_assert_int_eq(pressure_watch_start(&w, &o), 0);
	while (!s.available)
		pressure_watch_state(w, &s);
	pressure_watch_stop(w);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("pressure_watch");
	TCase *c = tcase_create("watch");

	tcase_set_timeout(c, 30);
	tcase_add_checked_fixture(c, make_files, remove_files);
	tcase_add_test(c, changes_are_told_in_order);
	tcase_add_test(c, without_stalls);
	tcase_add_test(c, without_meminfo);
	tcase_add_test(c, rubbish);
	tcase_add_test(c, real_files);
	suite_add_tcase(s, c);
	return test_main(s);
}
