// SPDX-License-Identifier: MIT
/* since.c - lines of two words. */
#include "initiator-tools/agent/since.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/text.h"

#define DIGITS_MAX 19

int64_t since_parse(const char *text, size_t n, const char *name)
{
	size_t len = strlen(name);
	char digits[DIGITS_MAX + 1];
	uint64_t since;

	while (n) {
		const char *end = memchr(text, '\n', n);
		size_t line = end ? (size_t)(end - text) : n;
		size_t rest = line > len ? line - len - 1 : 0;
		if (rest && rest <= DIGITS_MAX && !memcmp(text, name, len) && text[len] == ' ') {
			snprintf(digits, sizeof(digits), "%.*s", (int)rest, text + len + 1);
			if (strlen(digits) == rest && text_number(digits, INT64_MAX, &since))
				return (int64_t)since;
		}
		n -= end ? line + 1 : line;
		text += end ? line + 1 : line;
	}
	return 0;
}

int64_t since_read(const char *dir, const char *name)
{
	char path[PATH_MAX], text[SINCE_MAX];

	snprintf(path, sizeof(path), "%s/" SINCE_FILE, dir);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text));
	if (fd >= 0)
		close(fd);
	return n > 0 ? since_parse(text, (size_t)n, name) : 0;
}

int since_write(const char *dir, const char *text, size_t n)
{
	char path[PATH_MAX], next[PATH_MAX];

	snprintf(path, sizeof(path), "%s/" SINCE_FILE, dir);
	snprintf(next, sizeof(next), "%s/" SINCE_FILE ".new", dir);
	if (!n)
		return unlink(path) && errno != ENOENT ? -errno : 0;
	int fd = open(next, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	int err = io_write_all(fd, text, n);
	close(fd);
	return !err && rename(next, path) ? -errno : err;
}
