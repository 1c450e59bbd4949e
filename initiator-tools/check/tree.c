// SPDX-License-Identifier: MIT
/* tree.c - bounded reading of small files. */
#include "initiator-tools/check/tree.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"

/* A fifo or a terminal in the place of a file must not stop us. */
#define OPEN_FLAGS (O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)

const char *tree_root = "";

__attribute__((format(printf, 2, 0))) static bool path_of(char out[static TREE_PATH_MAX],
							  const char *fmt, va_list args)
{
	int n = snprintf(out, TREE_PATH_MAX, "%s", tree_root);
	int rest = n >= 0 && n < TREE_PATH_MAX
			   ? vsnprintf(out + n, (size_t)(TREE_PATH_MAX - n), fmt, args)
			   : -1;

	return rest >= 0 && n + rest < TREE_PATH_MAX;
}

static long read_path(char *out, size_t n, const char *path)
{
	int fd = open(path, OPEN_FLAGS);
	size_t have = 0;
	ssize_t got = 1;

	out[0] = '\0';
	if (fd < 0)
		return -errno;
	while (have < n - 1 && got) {
		got = read(fd, out + have, n - 1 - have);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			break;
		have += (size_t)got;
	}
	int err = got < 0 ? -errno : 0;
	close(fd);
	out[err ? 0 : have] = '\0';
	return err ? err : (long)have;
}

/* The path that fmt and what follows it make, below the root; empty: it is too long. */
#define PATH_OF(path, fmt)                      \
	char path[TREE_PATH_MAX];               \
	do {                                    \
		va_list args_;                  \
		va_start(args_, fmt);           \
		if (!path_of(path, fmt, args_)) \
			path[0] = '\0';         \
		va_end(args_);                  \
	} while (0)

bool tree_path(char out[static TREE_PATH_MAX], const char *fmt, ...)
{
	PATH_OF(path, fmt);
	memcpy(out, path, TREE_PATH_MAX);
	return path[0] != '\0';
}

long tree_read(char *out, size_t n, const char *fmt, ...)
{
	PATH_OF(path, fmt);
	return read_path(out, n, path);
}

static bool word_of(char out[static TREE_WORD_MAX], const char *path)
{
	char line[TREE_WORD_MAX];

	out[0] = '\0';
	if (read_path(line, sizeof(line), path) < 0)
		return false;
	line[strcspn(line, "\r\n")] = '\0';
	char *from = line + strspn(line, " \t");
	size_t n = strlen(from);
	while (n && isspace((unsigned char)from[n - 1]))
		n--;
	memcpy(out, from, n);
	out[n] = '\0';
	return n > 0;
}

bool tree_word(char out[static TREE_WORD_MAX], const char *fmt, ...)
{
	PATH_OF(path, fmt);
	return word_of(out, path);
}

bool tree_number(uint64_t *out, const char *fmt, ...)
{
	char word[TREE_WORD_MAX];

	PATH_OF(path, fmt);
	return word_of(word, path) && text_number(word, UINT64_MAX, out);
}

bool tree_exists(const char *fmt, ...)
{
	PATH_OF(path, fmt);
	return path[0] && !access(path, F_OK);
}

int tree_each(const char *folder, tree_each_fn *fn, void *arg)
{
	char path[TREE_PATH_MAX];
	DIR *d = tree_path(path, "%s", folder) ? opendir(path) : NULL;
	int result = d ? 0 : -errno;

	for (const struct dirent *e; d && !result && (e = readdir(d));)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			result = fn(e->d_name, arg);
	if (d)
		closedir(d);
	return result;
}

int tree_lines(const char *path, tree_each_fn *fn, void *arg)
{
	char full[TREE_PATH_MAX], line[TREE_LINE_MAX + 2];
	int fd = tree_path(full, "%s", path) ? open(full, OPEN_FLAGS) : -1;
	FILE *f = fd >= 0 ? fdopen(fd, "r") : NULL;
	int result = f ? 0 : -errno;
	bool is_rest = false;

	while (f && !result && fgets(line, sizeof(line), f)) {
		size_t n = strcspn(line, "\n");
		bool is_end = line[n] == '\n';
		line[n] = '\0';
		if (!is_rest)
			result = fn(line, arg);
		is_rest = !is_end;
	}
	if (f)
		fclose(f);
	else if (fd >= 0)
		close(fd);
	return result;
}

bool tree_key(const char *text, const char *key, uint64_t *out)
{
	size_t n = strlen(key);

	for (const char *p = text; p; p = strchr(p, '\n'), p = p ? p + 1 : NULL) {
		char number[24];
		if (strncmp(p, key, n) != 0 || p[n] != ':')
			continue;
		p += n + 1 + strspn(p + n + 1, " \t");
		size_t digits = strspn(p, "0123456789");
		if (digits >= sizeof(number))
			return false;
		memcpy(number, p, digits);
		number[digits] = '\0';
		return text_number(number, UINT64_MAX, out);
	}
	return false;
}
