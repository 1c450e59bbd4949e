// SPDX-License-Identifier: MIT
/* watch.c - see watch.h. */
#include "watch.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <check.h>

static const char mark[] = "memtgtd: counter ";

/* The log from byte `from` on; the caller frees it. */
static char *log_from(int fd, off_t from)
{
	struct stat st;
	ck_assert_int_eq(fstat(fd, &st), 0);
	size_t room = st.st_size > from ? (size_t)(st.st_size - from) : 0;
	char *text = malloc(room + 1);
	ck_assert_ptr_nonnull(text);
	ssize_t n = pread(fd, text, room, from);
	text[n > 0 ? n : 0] = 0;
	return text;
}

/* What SIGUSR1 makes it write; the caller frees it. */
static char *dump(const struct daemon *d)
{
	unsigned long long limit = test_now_ms() + DAEMON_PATIENCE_MS;
	struct stat st;

	ck_assert_int_eq(fstat(d->log, &st), 0);
	ck_assert_int_eq(kill(d->pid, SIGUSR1), 0);
	for (;;) {
		char *text = log_from(d->log, st.st_size);
		if (strstr(text, "counters: these were all that are not 0\n"))
			return text;
		free(text);
		ck_assert_msg(test_now_ms() < limit, "no counters after SIGUSR1");
		test_sleep_ms(2);
	}
}

/* `whole`: the name, and not what begins with it. */
static uint64_t sum(const struct daemon *d, const char *name, bool whole)
{
	char *text = dump(d);
	uint64_t total = 0;
	size_t len = strlen(name);

	for (const char *p = text; (p = strstr(p, mark));) {
		p += sizeof(mark) - 1;
		size_t n = strcspn(p, ":");
		if (strncmp(p, name, len) == 0 && (!whole || n == len))
			total += strtoull(p + n + 1, NULL, 10);
	}
	free(text);
	return total;
}

uint64_t watch_counter(const struct daemon *d, const char *name)
{
	return sum(d, name, true);
}

uint64_t watch_counters(const struct daemon *d, const char *prefix)
{
	return sum(d, prefix, false);
}

static void wait_sum(const struct daemon *d, const char *name, bool whole, uint64_t want)
{
	unsigned long long limit = test_now_ms() + DAEMON_PATIENCE_MS;
	for (uint64_t now; (now = sum(d, name, whole)) != want;) {
		ck_assert_msg(test_now_ms() < limit, "counter %s is %llu, not %llu", name,
			      (unsigned long long)now, (unsigned long long)want);
		test_sleep_ms(20);
	}
}

void watch_counter_wait(const struct daemon *d, const char *name, uint64_t want)
{
	wait_sum(d, name, true, want);
}

void watch_counters_wait(const struct daemon *d, const char *prefix, uint64_t want)
{
	wait_sum(d, prefix, false, want);
}

#define LIST_MAX 4096

/* "accepted=1 ended_peer=1" of the lines in `text`. */
static void list(const char *text, char out[static LIST_MAX])
{
	size_t at = 0;

	out[0] = 0;
	for (const char *p = text; (p = strstr(p, mark));) {
		p += sizeof(mark) - 1;
		at += (size_t)snprintf(out + at, LIST_MAX - at, "%s%.*s=%llu", at ? " " : "",
				       (int)strcspn(p, ":"), p,
				       strtoull(p + strcspn(p, ":") + 1, NULL, 10));
		ck_assert_uint_lt(at, LIST_MAX);
	}
}

void watch_all_wait(const struct daemon *d, const char *want)
{
	unsigned long long limit = test_now_ms() + DAEMON_PATIENCE_MS;
	char now[LIST_MAX];

	for (;;) {
		char *text = dump(d);
		list(text, now);
		free(text);
		if (strcmp(now, want) == 0)
			return;
		if (test_now_ms() > limit)
			ck_assert_str_eq(now, want);
		test_sleep_ms(20);
	}
}

void watch_all_at_end(int log, const char *want)
{
	char *text = log_from(log, 0), now[LIST_MAX];
	char *end = strstr(text, ": stopping");

	ck_assert_ptr_nonnull(end);
	list(end, now);
	ck_assert_str_eq(now, want);
	free(text);
}

unsigned watch_lines(const struct daemon *d, const char *text)
{
	char *all = log_from(d->log, 0), *save;
	unsigned n = 0;
	for (char *l = strtok_r(all, "\n", &save); l; l = strtok_r(NULL, "\n", &save))
		n += strstr(l, text) != NULL;
	free(all);
	return n;
}

unsigned watch_descriptors(const struct daemon *d)
{
	char path[64];
	unsigned n = 0;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)d->pid);
	DIR *dir = opendir(path);
	ck_assert_ptr_nonnull(dir);
	for (struct dirent *e; (e = readdir(dir));)
		n += e->d_name[0] != '.';
	closedir(dir);
	ck_assert_uint_ge(n, 3);
	return n;
}

void watch_descriptors_wait(const struct daemon *d, unsigned most)
{
	unsigned long long limit = test_now_ms() + DAEMON_PATIENCE_MS;
	for (unsigned now; (now = watch_descriptors(d)) > most;) {
		ck_assert_msg(test_now_ms() < limit, "%u descriptors are open, not %u", now, most);
		test_sleep_ms(20);
	}
}

static unsigned field(const char *text, const char *name)
{
	const char *p = strstr(text, name);
	ck_assert_msg(p != NULL, "no %s in /proc", name);
	return (unsigned)strtoul(p + strlen(name), NULL, 10);
}

unsigned watch_memory_kib(const struct daemon *d)
{
	char path[64], text[8192];

	snprintf(path, sizeof(path), "/proc/%d/status", (int)d->pid);
	FILE *f = fopen(path, "r");
	ck_assert_ptr_nonnull(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = 0;
	fclose(f);
	return field(text, "RssAnon:") + field(text, "RssFile:");
}

bool watch_memory_counts(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	return false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
	return false;
#else
	return true;
#endif
#else
	return true;
#endif
}

void watch_allow_files(unsigned n)
{
	struct rlimit rl;
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &rl), 0);
	if (rl.rlim_cur >= n)
		return;
	ck_assert_msg(rl.rlim_max >= n,
		      "this test needs %u open files: raise the hard limit (%llu)", n,
		      (unsigned long long)rl.rlim_max);
	rl.rlim_cur = n;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &rl), 0);
}
