// SPDX-License-Identifier: MIT
/* array.c - DM_TABLE_STATUS of dm-raid, and sysfs for what lies below. */
#include "initiator-tools/agent/array.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/dm-ioctl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/text.h"
#include "initiator-tools/host/disk.h"

#define ANSWER_BYTES 8192
#define STATUS_BYTES 256

/* The kernel's answer begins with the header of the question. */
static union {
	struct dm_ioctl header;
	char bytes[ANSWER_BYTES];
} answer;

/* ---- device mapper ---- */

static int ask(const char *name, uint32_t flags)
{
	int fd = open("/dev/mapper/control", O_RDWR | O_CLOEXEC), err = 0;

	if (fd < 0)
		return -errno;
	memset(&answer, 0, sizeof(answer));
	answer.header = (struct dm_ioctl){.version = {4, 0, 0},
					  .data_size = sizeof(answer),
					  .data_start = sizeof(answer.header),
					  .flags = flags | DM_NOFLUSH_FLAG};
	snprintf(answer.header.name, sizeof(answer.header.name), "%s", name);
	if (ioctl(fd, DM_TABLE_STATUS, &answer))
		err = -errno;
	close(fd);
	if (!err && (answer.header.flags & DM_BUFFER_FULL_FLAG))
		err = -EMSGSIZE;
	return err;
}

/* The text of the first target, and its type; NULL: there is none. */
static const char *first_target(char type[static DM_MAX_TYPE_NAME])
{
	size_t at = answer.header.data_start;
	struct dm_target_spec spec;

	if (!answer.header.target_count || at + sizeof(spec) >= sizeof(answer))
		return NULL;
	memcpy(&spec, &answer.bytes[at], sizeof(spec));
	memcpy(type, spec.target_type, DM_MAX_TYPE_NAME);
	type[DM_MAX_TYPE_NAME - 1] = '\0';
	answer.bytes[sizeof(answer) - 1] = '\0';
	return &answer.bytes[at + sizeof(spec)];
}

/* ---- texts ---- */

/* The next word, cut into `out`; false: there is none. */
static bool word(const char **text, char out[static 32])
{
	size_t n;

	*text += strspn(*text, " ");
	n = strcspn(*text, " ");
	snprintf(out, 32, "%.*s", n < 32 ? (int)n : 31, *text);
	*text += n;
	return n && n < 32;
}

static bool number(const char **text, uint64_t most, uint64_t *out)
{
	char digits[32];

	return word(text, digits) && text_number(digits, most, out);
}

/* "254:3", or "-": none is there. */
static bool device(const char **text, unsigned *major, unsigned *minor)
{
	char numbers[32];
	int used = 0;

	*major = *minor = 0;
	if (!word(text, numbers))
		return false;
	return !strcmp(numbers, "-") ||
	       (sscanf(numbers, "%9u:%9u%n", major, minor, &used) == 2 && !numbers[used]);
}

bool array_parse_table(const char *text, struct array *out)
{
	char type[32], skipped[32];
	uint64_t parameters, n;
	unsigned major, minor;

	*out = (struct array){.is_mirror = true};
	if (!word(&text, type) || strcmp(type, "raid1") || !number(&text, 64, &parameters))
		return false;
	while (parameters--)
		if (!word(&text, skipped))
			return false;
	if (!number(&text, DM_LEGS_MAX, &n))
		return false;
	out->n = (unsigned)n;
	for (unsigned i = 0; i < out->n; i++)
		if (!device(&text, &major, &minor) ||
		    !device(&text, &out->images[i].major, &out->images[i].minor))
			return false;
	return out->n > 0;
}

/* ---- both together ---- */

static int ask_health(const char *name, struct array *out)
{
	char type[DM_MAX_TYPE_NAME], line[STATUS_BYTES];
	struct dm_mirror m;
	int err = ask(name, 0);
	const char *text = err ? NULL : first_target(type);

	if (!text)
		return err ? err : -EINVAL;
	int n = snprintf(line, sizeof(line), "0 0 %s %s", type, text);
	if (n >= (int)sizeof(line) || !dm_read_mirror(line, (size_t)n, &m) || m.n != out->n)
		return -EINVAL;
	for (unsigned i = 0; i < m.n; i++)
		out->images[i].health = m.health[i];
	return 0;
}

int array_ask(const char *name, struct array *out)
{
	char type[DM_MAX_TYPE_NAME];
	int err = ask(name, DM_STATUS_TABLE_FLAG);
	const char *text = err ? NULL : first_target(type);

	*out = (struct array){0};
	if (!text)
		return err ? err : -EINVAL;
	if (!strcmp(type, "linear")) {
		*out = (struct array){.n = 1, .images[0].health = 'A'};
		return 0;
	}
	if (strcmp(type, "raid") != 0 || !array_parse_table(text, out))
		return -EINVAL;
	return ask_health(name, out);
}

/* ---- what lies on what ---- */

static bool lies_on(const char *folder, const char *disk)
{
	char path[DISK_PATH_MAX];

	snprintf(path, sizeof(path), "%s/sys/%s/slaves/%s", disk_root, folder, disk);
	return !access(path, F_OK);
}

const struct array_image *array_on(const struct array *a, const char *name, const char *disk)
{
	char folder[DM_NAME_BYTES + 16], node[DM_NAME_BYTES];
	dev_t dev;

	if (a->n == 1 && !a->is_mirror) {
		if (dm_find(name, &dev, node))
			return NULL;
		snprintf(folder, sizeof(folder), "block/%s", node);
		return lies_on(folder, disk) ? &a->images[0] : NULL;
	}
	for (unsigned i = 0; i < a->n; i++) {
		const struct array_image *k = &a->images[i];
		snprintf(folder, sizeof(folder), "dev/block/%u:%u", k->major, k->minor);
		if (k->major && lies_on(folder, disk))
			return k;
	}
	return NULL;
}

enum leg_health array_health(const struct array_image *image)
{
	if (!image)
		return LEG_ABSENT;
	switch (image->health) {
	case 'A':
		return LEG_SYNCED;
	case 'a':
		return LEG_SYNCING;
	case 'D':
		return LEG_DEAD;
	default:
		return LEG_UNKNOWN;
	}
}
