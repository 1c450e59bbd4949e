// SPDX-License-Identifier: MIT
/* dm.c - sysfs, and dmsetup(8). */
#include "initiator-tools/host/dm.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "base/text.h"
#include "initiator-tools/host/disk.h"
#include "initiator-tools/host/tool.h"

#define BLOCK_FOLDER "/sys/block"
#define PATH_BYTES   512

/* The first line of a file of a device. */
static bool read_line(const char *node, const char *file, char *out, size_t size)
{
	char path[PATH_BYTES];

	snprintf(path, sizeof(path), "%s" BLOCK_FOLDER "/%s/%s", disk_root, node, file);
	FILE *f = fopen(path, "re");
	bool ok = f && fgets(out, (int)size, f);
	if (f)
		fclose(f);
	if (ok)
		out[strcspn(out, "\n")] = '\0';
	return ok;
}

/* The first device for which is_it(), its node and its name. */
static bool find(bool (*is_it)(const char *name, const char *wanted), const char *wanted,
		 char node[static DM_NAME_BYTES], char name[static DM_NAME_BYTES])
{
	char path[PATH_BYTES];
	struct dirent *e;
	bool found = false;

	snprintf(path, sizeof(path), "%s" BLOCK_FOLDER, disk_root);
	DIR *d = opendir(path);
	while (d && !found && (e = readdir(d))) {
		if (strncmp(e->d_name, "dm-", 3) || strlen(e->d_name) >= DM_NAME_BYTES)
			continue;
		found = read_line(e->d_name, "dm/name", name, DM_NAME_BYTES) && is_it(name, wanted);
		if (found)
			memcpy(node, e->d_name, strlen(e->d_name) + 1);
	}
	if (d)
		closedir(d);
	return found;
}

static bool is_equal(const char *name, const char *wanted)
{
	return !strcmp(name, wanted);
}

static bool begins(const char *name, const char *wanted)
{
	return !strncmp(name, wanted, strlen(wanted));
}

int dm_find(const char *name, dev_t *dev, char node[static DM_NAME_BYTES])
{
	char found[DM_NAME_BYTES], numbers[32];
	unsigned major, minor;

	if (!find(is_equal, name, node, found) ||
	    !read_line(node, "dev", numbers, sizeof(numbers)) ||
	    sscanf(numbers, "%8u:%8u", &major, &minor) != 2)
		return -ENOENT;
	*dev = makedev(major, minor);
	return 0;
}

int dm_size(const char *name, uint64_t *out)
{
	char node[DM_NAME_BYTES], line[32];
	uint64_t sectors;
	dev_t dev;

	if (dm_find(name, &dev, node) || !read_line(node, "size", line, sizeof(line)) ||
	    !text_number(line, UINT64_MAX >> 9, &sectors))
		return -ENOENT;
	*out = sectors << 9;
	return 0;
}

bool dm_first(const char *prefix, char name[static DM_NAME_BYTES])
{
	char node[DM_NAME_BYTES];

	return find(begins, prefix, node, name);
}

int dm_remove(const char *name, char *why, size_t why_len)
{
	const char *const argv[] = {"dmsetup", "remove", "--retry", name, NULL};
	struct spawn_result r;
	int err = tool_run(argv, &r, why, why_len);

	return err == -EREMOTEIO && strstr(why, "busy") ? -EBUSY : err;
}

int dm_clear(const char *name, char *why, size_t why_len)
{
	const char *const argv[] = {"dmsetup", "clear", name, NULL};
	struct spawn_result r;

	return tool_run(argv, &r, why, why_len);
}

/* "48000/49152" */
static bool ratio(char *text, uint64_t *done, uint64_t *total)
{
	char *slash = strchr(text, '/');

	if (!slash)
		return false;
	*slash = '\0';
	return text_number(text, UINT64_MAX, done) && text_number(slash + 1, UINT64_MAX, total);
}

bool dm_read_mirror(const char *text, size_t n, struct dm_mirror *out)
{
	char line[256], kind[16], type[16], progress[48];

	*out = (struct dm_mirror){0};
	if (n >= sizeof(line) || memchr(text, '\0', n))
		return false;
	memcpy(line, text, n);
	line[n] = '\0';
	if (sscanf(line, "%*u %*u %15s %15s %3u %16s %47s %15s", kind, type, &out->n, out->health,
		   progress, out->action) != 6)
		return false;
	return !strcmp(kind, "raid") && !strcmp(type, "raid1") && out->n && out->n <= DM_LEGS_MAX &&
	       strlen(out->health) == out->n && strspn(out->health, "AaD") == out->n &&
	       ratio(progress, &out->done, &out->total);
}

int dm_mirror_status(const char *name, struct dm_mirror *out, char *why, size_t why_len)
{
	const char *const argv[] = {"dmsetup", "status", "--noflush", name, NULL};
	struct spawn_result r;
	int err = tool_ask(argv, &r, why, why_len);

	if (err)
		return err;
	return dm_read_mirror(r.out, r.len, out) ? 0 : -EINVAL;
}
