// SPDX-License-Identifier: MIT
/* area.c - swap areas, and the devices below them. */
#include "initiator-tools/check/area.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "initiator-tools/check/tree.h"

#define KIB	      1024u
#define FIELD_MAX     (AREA_PATH_MAX + 1)
#define LOG_LINE      8193  /* of /dev/kmsg a record at most, and a NUL */
#define LOG_LINES_MAX 65536 /* more than fit into any buffer of the kernel */

/* The next field of a line into `out`; false: there is none, or it is too long. */
static bool field(const char **line, char out[static FIELD_MAX])
{
	const char *from = *line + strspn(*line, " \t");
	size_t n = strcspn(from, " \t");

	if (!n || n >= FIELD_MAX)
		return false;
	memcpy(out, from, n);
	out[n] = '\0';
	*line = from + n;
	return true;
}

/* "\040" is a blank: the kernel writes so what would divide fields. */
static void unescape(char *text)
{
	char *to = text;

	for (const char *p = text; *p; to++) {
		if (p[0] == '\\' && p[1] >= '0' && p[1] <= '3' && p[2] >= '0' && p[2] <= '7' &&
		    p[3] >= '0' && p[3] <= '7') {
			*to = (char)((p[1] - '0') << 6 | (p[2] - '0') << 3 | (p[3] - '0'));
			p += 4;
		} else {
			*to = *p++;
		}
	}
	*to = '\0';
}

bool area_parse(const char *line, struct area *out)
{
	char path[FIELD_MAX], type[FIELD_MAX], size[FIELD_MAX], used[FIELD_MAX];

	*out = (struct area){0};
	if (!field(&line, path) || path[0] != '/' || !field(&line, type) || !field(&line, size) ||
	    !field(&line, used) || !text_number(size, UINT64_MAX / KIB, &out->bytes) ||
	    !text_number(used, UINT64_MAX / KIB, &out->used))
		return false;
	unescape(path);
	snprintf(out->path, sizeof(out->path), "%s", path);
	out->bytes *= KIB;
	out->used *= KIB;
	return true;
}

bool area_parse_log(const char *line, char path[static AREA_PATH_MAX + 1], bool *discards)
{
	const char *from = strstr(line, "Adding "), *end;

	if (!from || !(from = strstr(from, "k swap on ")))
		return false;
	from += strlen("k swap on ");
	end = strstr(from, ".  Priority:");
	if (!end || end == from || end - from > AREA_PATH_MAX)
		return false;
	memcpy(path, from, (size_t)(end - from));
	path[end - from] = '\0';
	/* Behind the last number, "SS" for a disk that does not turn, then D, s and c. */
	const char *across = strstr(end, "across:");
	const char *flags = across ? strchr(across, ' ') : NULL;
	*discards = flags && memchr(flags, 'c', strcspn(flags, "\n"));
	return true;
}

static int take(const char *line, void *arg)
{
	struct areas *all = arg;
	struct area *a = &all->all[all->n];

	if (all->n < AREAS_MAX && area_parse(line, a))
		all->n++;
	return 0;
}

/* ---- a file's device: the mount that has the longest beginning of its path ---- */

struct mount {
	const char *path;
	size_t longest;
	char device[FIELD_MAX]; /* "8:1" */
};

static int look_mount(const char *line, void *arg)
{
	struct mount *m = arg;
	char id[FIELD_MAX], parent[FIELD_MAX], device[FIELD_MAX], root[FIELD_MAX], point[FIELD_MAX];

	if (!field(&line, id) || !field(&line, parent) || !field(&line, device) ||
	    !field(&line, root) || !field(&line, point))
		return 0;
	unescape(point);
	size_t n = strcmp(point, "/") != 0 ? strlen(point) : 0;
	bool is_below = !strncmp(m->path, point, n) && m->path[n] == '/';
	if (is_below && (n > m->longest || !m->device[0])) {
		m->longest = n;
		snprintf(m->device, sizeof(m->device), "%s", device);
	}
	return 0;
}

static int take_name(const char *line, void *arg)
{
	char *out = arg;

	if (strncmp(line, "DEVNAME=", 8) != 0)
		return 0;
	snprintf(out, BLOCK_NAME_MAX + 1, "%s", line + 8);
	return 1;
}

static void device_of_file(const char *path, char out[static BLOCK_NAME_MAX + 1])
{
	struct mount m = {.path = path};
	char uevent[TREE_PATH_MAX];

	if (tree_lines("/proc/self/mountinfo", look_mount, &m) < 0 || !m.device[0])
		return;
	snprintf(uevent, sizeof(uevent), "/sys/dev/block/%s/uevent", m.device);
	if (tree_lines(uevent, take_name, out) <= 0)
		out[0] = '\0';
}

/* ---- the kernel's log ---- */

static void take_log(struct areas *all, const char *line)
{
	char path[AREA_PATH_MAX + 1], name[BLOCK_NAME_MAX + 1];
	bool discards;

	if (!area_parse_log(line, path, &discards))
		return;
	for (size_t i = 0; i < all->n; i++) {
		struct area *a = &all->all[i];
		bool is_same = !strcmp(a->path, path) ||
			       (block_of_path(path, name) && !strcmp(a->block, name));
		if (is_same) { /* the last one counts */
			a->has_flags = true;
			a->discards = discards;
		}
	}
}

/* Each read is one record; -EPIPE: some have gone. Without the right to read, flags stay unknown.
 */
static void read_log(struct areas *all)
{
	char path[TREE_PATH_MAX], line[LOG_LINE];
	int fd = tree_path(path, "/dev/kmsg") ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;

	for (unsigned i = 0; fd >= 0 && i < LOG_LINES_MAX; i++) {
		ssize_t n = read(fd, line, sizeof(line) - 1);
		if (n > 0) {
			line[n] = '\0';
			take_log(all, line);
		} else if (!n || errno != EPIPE) {
			break;
		}
	}
	if (fd >= 0)
		close(fd);
}

int areas_read(struct areas *a)
{
	bool is_any = false;

	*a = (struct areas){0};
	int err = tree_lines("/proc/swaps", take, a);
	if (err)
		return err;
	for (size_t i = 0; i < a->n; i++) {
		struct area *area = &a->all[i];
		if (!block_of_path(area->path, area->block))
			device_of_file(area->path, area->block);
		area->is_remote = area->block[0] && block_is_remote(area->block);
		area->is_loan = area->is_remote && block_is_loan(area->block);
		is_any |= area->is_remote;
	}
	if (is_any)
		read_log(a);
	return 0;
}

unsigned areas_remote(const struct areas *a)
{
	unsigned n = 0;

	for (size_t i = 0; i < a->n; i++)
		n += a->all[i].is_remote;
	return n;
}
