// SPDX-License-Identifier: MIT
/* swaps.c - lines of two files of the kernel. */
#include "initiator-tools/host/swaps.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "initiator-tools/host/disk.h"
#include "initiator-tools/host/dm.h"

#define FILE_BYTES   16384
#define LINE_BYTES   512
#define FIELDS	     5 /* of /proc/swaps: Filename Type Size Used Priority */
#define KIB	     1024u
#define KIB_MAX	     (UINT64_MAX / KIB)
#define PRIORITY_MAX 32767u

/* ---- texts ---- */

/* The next line, without its end; false: there is none. One that is too long is cut. */
static bool next_line(const char **text, size_t *n, char line[static LINE_BYTES])
{
	if (!*n)
		return false;
	const char *end = memchr(*text, '\n', *n);
	size_t len = end ? (size_t)(end - *text) : *n, used = len + (end != NULL);
	size_t kept = len < LINE_BYTES - 1 ? len : LINE_BYTES - 1;

	memcpy(line, *text, kept);
	line[kept] = '\0';
	*text += used;
	*n -= used;
	return true;
}

static bool is_octal(const char *p)
{
	return p[0] >= '0' && p[0] <= '3' && p[1] >= '0' && p[1] <= '7' && p[2] >= '0' &&
	       p[2] <= '7';
}

/* "\040" is a blank. */
static void unescape(char *text)
{
	char *to = text;

	for (const char *from = text; *from; to++) {
		if (*from == '\\' && is_octal(from + 1)) {
			*to = (char)((from[1] - '0') * 64 + (from[2] - '0') * 8 + (from[3] - '0'));
			from += 4;
		} else {
			*to = *from++;
		}
	}
	*to = '\0';
}

static bool kibibytes(const char *text, uint64_t *out)
{
	if (!text_number(text, KIB_MAX, out))
		return false;
	*out *= KIB;
	return true;
}

static bool priority(const char *text, int *out)
{
	uint64_t n;
	bool is_negative = *text == '-';

	if (!text_number(text + is_negative, PRIORITY_MAX, &n))
		return false;
	*out = is_negative ? -(int)n : (int)n;
	return true;
}

static bool area(char *line, struct swap_area *out)
{
	char *fields[FIELDS], *at = NULL;
	size_t n = 0;

	for (char *p = strtok_r(line, " \t", &at); p; p = strtok_r(NULL, " \t", &at)) {
		if (n == FIELDS)
			return false;
		fields[n++] = p;
	}
	if (n != FIELDS || strlen(fields[0]) >= sizeof(out->path))
		return false;
	*out = (struct swap_area){0};
	memcpy(out->path, fields[0], strlen(fields[0]) + 1);
	unescape(out->path);
	return kibibytes(fields[2], &out->size) && kibibytes(fields[3], &out->used) &&
	       out->used <= out->size && priority(fields[4], &out->priority);
}

bool swaps_parse(const char *text, size_t n, struct swaps *out)
{
	char line[LINE_BYTES];

	out->n = 0;
	if (!next_line(&text, &n, line) || strncmp(line, "Filename", 8) != 0)
		return false;
	while (out->n < SWAPS_MAX && next_line(&text, &n, line))
		out->n += area(line, &out->areas[out->n]);
	return true;
}

bool meminfo_parse(const char *text, size_t n, const char *name, uint64_t *out)
{
	char line[LINE_BYTES], number[32];
	size_t len = strlen(name);

	while (next_line(&text, &n, line))
		if (!strncmp(line, name, len) && line[len] == ':')
			return sscanf(line + len + 1, " %31s kB", number) == 1 &&
			       kibibytes(number, out);
	return false;
}

/* ---- files ---- */

/* -errno, or how much of the file is in `text`. */
static ssize_t read_file(const char *path, char text[static FILE_BYTES])
{
	char full[LINE_BYTES];
	size_t len = 0;
	ssize_t n;

	snprintf(full, sizeof(full), "%s%s", disk_root, path);
	int fd = open(full, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while ((n = read(fd, text + len, FILE_BYTES - len)) > 0)
		len += (size_t)n;
	int err = n < 0 ? -errno : 0;
	close(fd);
	return err ? err : (ssize_t)len;
}

int swaps_read(struct swaps *out)
{
	char text[FILE_BYTES];
	ssize_t n = read_file("/proc/swaps", text);

	out->n = 0;
	if (n < 0)
		return (int)n;
	/* A kernel without areas may show nothing at all. */
	return !n || swaps_parse(text, (size_t)n, out) ? 0 : -EBADMSG;
}

int meminfo_read(const char *name, uint64_t *out)
{
	char text[FILE_BYTES];
	ssize_t n = read_file("/proc/meminfo", text);

	if (n < 0)
		return (int)n;
	return meminfo_parse(text, (size_t)n, name, out) ? 0 : -EBADMSG;
}

static bool is_device(const char *path, dev_t dev)
{
	char full[LINE_BYTES];
	struct stat st;

	snprintf(full, sizeof(full), "%s%s", disk_root, path);
	return !stat(full, &st) && S_ISBLK(st.st_mode) && st.st_rdev == dev;
}

const struct swap_area *swaps_find(const struct swaps *s, const char *dm_name)
{
	char node[DM_NAME_BYTES], paths[2][DM_NAME_BYTES + 16];
	dev_t dev;

	if (dm_find(dm_name, &dev, node))
		return NULL;
	snprintf(paths[0], sizeof(paths[0]), "/dev/%s", node);
	snprintf(paths[1], sizeof(paths[1]), "/dev/mapper/%s", dm_name);
	for (size_t i = 0; i < s->n; i++) {
		const char *path = s->areas[i].path;
		if (!strcmp(path, paths[0]) || !strcmp(path, paths[1]) || is_device(path, dev))
			return &s->areas[i];
	}
	return NULL;
}
