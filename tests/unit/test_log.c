// SPDX-License-Identifier: MIT
/* test_log.c - lines, levels, the journal's prefixes and the limit of lines that peers cause. */
#include "base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/logged.h"
#include "lib/test_main.h"

static void setup(void)
{
	log_set_level(LOG_LEVEL_INFO);
	log_catch();
}

START_TEST(levels)
{
	for (int level = LOG_LEVEL_ERROR; level <= LOG_LEVEL_DEBUG; level++) {
		log_set_level((enum log_level)level);
		ck_assert_int_eq(log_level_of(log_level_names[level]), level);
		for (int of = LOG_LEVEL_ERROR; of <= LOG_LEVEL_DEBUG; of++) {
			log_line((enum log_level)of, "line %d", of);
			ck_assert_int_eq(*logged() != '\0', of <= level);
		}
	}
	ck_assert_int_eq(log_level_of("notice"), -1);
	ck_assert_int_eq(log_level_of(""), -1);
}
END_TEST

START_TEST(prefix_on_a_terminal)
{
	errno = ENOENT;
	log_warn("disk %d: %m", 7);
	ck_assert_int_eq(errno, ENOENT);
	ck_assert_str_eq(logged(), "memtgtd: disk 7: No such file or directory\n");
	/* Of somebody else's stderr. */
	setenv("JOURNAL_STREAM", "1:1", 1);
	log_info("x");
	ck_assert_str_eq(logged(), "memtgtd: x\n");
	setenv("JOURNAL_STREAM", "nonsense", 1);
	log_info("x");
	ck_assert_str_eq(logged(), "memtgtd: x\n");
}
END_TEST

START_TEST(prefix_in_the_journal)
{
	char stream[64];
	struct stat st;

	ck_assert_int_eq(fstat(STDERR_FILENO, &st), 0);
	snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev,
		 (unsigned long long)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	log_set_level(LOG_LEVEL_DEBUG);
	log_error("a");
	log_warn("b");
	log_info("c");
	log_debug("d");
	ck_assert_str_eq(logged(), "<3>a\n<4>b\n<6>c\n<7>d\n");
}
END_TEST

START_TEST(no_second_line)
{
	log_info("name %s.", "iqn\n<0>fake\r\033[2J\x7f");
	ck_assert_str_eq(logged(), "memtgtd: name iqn?<0>fake??[2J?.\n");
}
END_TEST

START_TEST(long_lines_are_cut)
{
	char text[2000];

	memset(text, 'x', sizeof(text));
	/* Below, at and above what a line holds beside "memtgtd: " and the newline. */
	for (int n = 1013; n <= 1015; n++) {
		log_info("%.*s", n, text);
		const char *got = logged();
		size_t len = strlen(got);
		ck_assert_uint_le(len, 1024);
		ck_assert_int_eq(got[len - 1], '\n');
		ck_assert_int_eq(strncmp(got + len - 4, "...", 3) == 0, n == 1015 || n == 1014);
	}
}
END_TEST

START_TEST(limit_at_and_above)
{
	struct log_limit l = {0};
	unsigned lines = 0;

	log_line_limited(&l, LOG_LEVEL_DEBUG, "not counted: too quiet");
	for (int i = 0; i < LOG_BURST + 5; i++) {
		log_line_limited(&l, LOG_LEVEL_INFO, "line %d", i);
		lines += *logged() != '\0';
	}
	ck_assert_uint_eq(lines, LOG_BURST);
	/* One second before the window's end, and at it. */
	l.window -= LOG_WINDOW_S - 2;
	log_line_limited(&l, LOG_LEVEL_INFO, "early");
	ck_assert_str_eq(logged(), "");
	l.window -= 2;
	log_line_limited(&l, LOG_LEVEL_INFO, "again");
	ck_assert_str_eq(logged(), "memtgtd: again (6 more such lines left out)\n");
	log_line_limited(&l, LOG_LEVEL_INFO, "again");
	ck_assert_str_eq(logged(), "memtgtd: again\n");
}
END_TEST

/* It says whether the line passed: one that the level leaves out was not held back by the limit. */
START_TEST(limit_tells)
{
	struct log_limit l = {0};

	for (int i = 0; i < LOG_BURST; i++)
		ck_assert(log_line_limited(&l, LOG_LEVEL_INFO, "line %d", i));
	ck_assert(!log_line_limited(&l, LOG_LEVEL_INFO, "above"));
	ck_assert(log_line_limited(&l, LOG_LEVEL_DEBUG, "too quiet"));
	(void)logged();
	for (int i = 0; i < 2 * LOG_BURST; i++) {
		ck_assert(log_line_limited(NULL, LOG_LEVEL_INFO, "no limit"));
		ck_assert_str_eq(logged(), "memtgtd: no limit\n");
	}
}
END_TEST

#define THREADS 4
#define LINES	100

static void *chatter(void *arg)
{
	for (int i = 0; i < LINES; i++)
		log_info("thread %c says %c%c%c%c%c%c%c%c", *(char *)arg, *(char *)arg,
			 *(char *)arg, *(char *)arg, *(char *)arg, *(char *)arg, *(char *)arg,
			 *(char *)arg, *(char *)arg);
	return NULL;
}

START_TEST(threads_do_not_mix)
{
	pthread_t threads[THREADS];
	char names[THREADS] = {'a', 'b', 'c', 'd'}, *save;
	unsigned lines = 0;

	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, chatter, &names[i]), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	char *all = strdup(logged());
	for (char *l = strtok_r(all, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		ck_assert_uint_eq(strlen(l), strlen("memtgtd: thread a says aaaaaaaa"));
		ck_assert_uint_eq(strspn(strrchr(l, ' ') + 1, (char[]){l[16], '\0'}), 8);
		lines++;
	}
	free(all);
	ck_assert_uint_eq(lines, THREADS * LINES);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("log");
	TCase *t = tcase_create("log");

	tcase_add_checked_fixture(t, setup, log_release);
	tcase_add_test(t, levels);
	tcase_add_test(t, prefix_on_a_terminal);
	tcase_add_test(t, prefix_in_the_journal);
	tcase_add_test(t, no_second_line);
	tcase_add_test(t, long_lines_are_cut);
	tcase_add_test(t, limit_at_and_above);
	tcase_add_test(t, limit_tells);
	tcase_add_test(t, threads_do_not_mix);
	suite_add_tcase(s, t);
	return test_main(s);
}
