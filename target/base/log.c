// SPDX-License-Identifier: MIT
/* log.c - lines to stderr, each by one write(2), so that lines of several threads never mix. */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES 1024

const char *const log_level_names[] = {
	[LOG_LEVEL_ERROR] = "error",
	[LOG_LEVEL_WARNING] = "warning",
	[LOG_LEVEL_INFO] = "info",
	[LOG_LEVEL_DEBUG] = "debug",
	NULL,
};

/* The priorities of sd-daemon(3): ERR, WARNING, INFO, DEBUG. */
static const char *const priorities[] = {
	[LOG_LEVEL_ERROR] = "<3>",
	[LOG_LEVEL_WARNING] = "<4>",
	[LOG_LEVEL_INFO] = "<6>",
	[LOG_LEVEL_DEBUG] = "<7>",
};

static _Atomic int threshold = LOG_LEVEL_INFO;

void log_set_level(enum log_level level)
{
	threshold = (int)level;
}

int log_level_of(const char *name)
{
	for (int i = 0; log_level_names[i]; i++)
		if (!strcmp(log_level_names[i], name))
			return i;
	return -1;
}

/*
 * systemd.exec(5): JOURNAL_STREAM holds device and inode of the journal's socket, and stays in the
 * environment of whoever redirects stderr elsewhere, so both are compared.
 */
static bool to_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat st;

	return stream && sscanf(stream, "%llu:%llu", &dev, &ino) == 2 &&
	       !fstat(STDERR_FILENO, &st) && st.st_dev == dev && st.st_ino == ino;
}

/* A peer's name or text in a line must not make a second line, nor speak to a terminal. */
static void make_printable(char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)p[i] < 0x20 || p[i] == 0x7f)
			p[i] = '?';
}

static void write_line(enum log_level level, unsigned dropped, const char *fmt, va_list ap)
	__attribute__((format(printf, 3, 0)));

static void write_line(enum log_level level, unsigned dropped, const char *fmt, va_list ap)
{
	int saved = errno;
	char line[LINE_MAX_BYTES], tail[64] = "";
	size_t tail_len = 0;

	if (dropped)
		tail_len = (size_t)snprintf(tail, sizeof(tail), " (%u more such lines left out)",
					    dropped);
	const char *head = to_journal() ? priorities[level] : "memtgtd: ";
	size_t len = strlen(head), room = sizeof(line) - len - tail_len - 1;
	memcpy(line, head, len);
	int n = vsnprintf(line + len, room, fmt, ap);
	size_t text = n < 0 ? 0 : (size_t)n < room ? (size_t)n : room - 1;
	make_printable(line + len, text);
	if (n > 0 && (size_t)n > text)
		memcpy(line + len + text - 3, "...", 3);
	len += text;
	memcpy(line + len, tail, tail_len);
	len += tail_len;
	line[len++] = '\n';
	/* A line that cannot be written is lost: there is nobody to tell. */
	while (write(STDERR_FILENO, line, len) < 0 && errno == EINTR)
		;
	errno = saved;
}

void log_always(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	write_line(LOG_LEVEL_INFO, 0, fmt, ap);
	va_end(ap);
}

void log_line(enum log_level level, const char *fmt, ...)
{
	if ((int)level > threshold)
		return;
	va_list ap;
	va_start(ap, fmt);
	write_line(level, 0, fmt, ap);
	va_end(ap);
}

bool log_limit_pass(struct log_limit *l, unsigned *dropped)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	uint64_t now = (uint64_t)ts.tv_sec, start = l->window;

	*dropped = 0;
	/* Of threads that see the window end at one time, one begins the next. */
	if (now - start >= LOG_WINDOW_S &&
	    atomic_compare_exchange_strong(&l->window, &start, now)) {
		*dropped = atomic_exchange(&l->dropped, 0);
		l->sent = 0;
	}
	if (l->sent++ < LOG_BURST)
		return true;
	l->dropped++;
	return false;
}

bool log_line_limited(struct log_limit *l, enum log_level level, const char *fmt, ...)
{
	unsigned dropped = 0;

	if ((int)level > threshold)
		return true;
	if (l && !log_limit_pass(l, &dropped))
		return false;
	va_list ap;
	va_start(ap, fmt);
	write_line(level, dropped, fmt, ap);
	va_end(ap);
	return true;
}
