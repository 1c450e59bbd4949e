// SPDX-License-Identifier: MIT
/* foreign.c - the beginning and the end of a disk, read and written in a child. */
#include "initiator-tools/host/foreign.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "initiator-tools/host/child.h"
#include "initiator-tools/host/sg.h"

#define ALIGNMENT 4096u
#define LIMIT_NS  (60 * NS_PER_S)

/* clang-format off */
static const struct {
	size_t at;
	const char *bytes;
	size_t n;
	const char *text;
} signatures[] = {
	{ 512,   "LABELONE",         8,  "a label of LVM" },
	{ 0,     "LUKS\xba\xbe",     6,  "a LUKS header" },
	{ 4086,  "SWAPSPACE2",       10, "a swap area" },
	{ 1080,  "\x53\xef",         2,  "an ext file system" },
	{ 0,     "XFSB",             4,  "an XFS file system" },
	{ 65600, "_BHRfS_M",         8,  "a btrfs file system" },
	{ 4096,  "\xfc\x4e\x2b\xa9", 4,  "a part of an md array" },
	{ 0,     "\xfc\x4e\x2b\xa9", 4,  "a part of an md array" },
	{ 512,   "EFI PART",         8,  "a partition table" },
	{ 4096,  "EFI PART",         8,  "a partition table" },
	{ 510,   "\x55\xaa",         2,  "a partition table" },
};
/* clang-format on */
#define SIGNATURES (sizeof(signatures) / sizeof(signatures[0]))

static bool is_zero(const uint8_t *p, size_t n)
{
	return !n || (!p[0] && !memcmp(p, p + 1, n - 1));
}

const char *foreign_kind(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < SIGNATURES; i++)
		if (signatures[i].at + signatures[i].n <= n &&
		    !memcmp(p + signatures[i].at, signatures[i].bytes, signatures[i].n))
			return signatures[i].text;
	return is_zero(p, n) ? NULL : "data";
}

/* ---- of a disk ---- */

struct look {
	const struct disk *disk;
	uint64_t size;
	const char *mark;
};

/* Of the words, a child can only tell the place: the same program, the same addresses. */
struct sight {
	const char *kind;
	bool is_ours;
};

static int read_at(int fd, uint8_t *buf, size_t n, uint64_t at)
{
	for (size_t done = 0; done < n;) {
		ssize_t r = pread(fd, buf + done, n - done, (off_t)(at + done));
		if (r <= 0)
			return r ? -errno : -ENODATA;
		done += (size_t)r;
	}
	return 0;
}

static int write_at(int fd, const uint8_t *buf, size_t n, uint64_t at)
{
	for (size_t done = 0; done < n;) {
		ssize_t r = pwrite(fd, buf + done, n - done, (off_t)(at + done));
		if (r <= 0)
			return r ? -errno : -EIO;
		done += (size_t)r;
	}
	return 0;
}

static size_t part(uint64_t size)
{
	uint64_t n = size < FOREIGN_BYTES ? size : FOREIGN_BYTES;

	return (size_t)(n / ALIGNMENT * ALIGNMENT);
}

static uint64_t last_part(uint64_t size)
{
	return (size - part(size)) / ALIGNMENT * ALIGNMENT;
}

/* O_EXCL: the kernel refuses what another device, a file system or a swap area uses. The disk's
 * pages in this host's cache may be older than what it holds: they are not read. */
static int begin(const struct look *l, int flags, uint8_t **buf)
{
	if (posix_memalign((void **)buf, ALIGNMENT, FOREIGN_BYTES))
		return -ENOMEM;
	return sg_open(l->disk, flags | O_EXCL | O_DIRECT);
}

static int look_in_child(void *arg, void *result)
{
	const struct look *l = arg;
	struct sight *out = result;
	size_t n = part(l->size);
	uint8_t *buf = NULL;
	int fd = begin(l, O_RDONLY, &buf);
	int err = fd < 0 ? fd : read_at(fd, buf, n, 0);

	if (!err) {
		out->kind = foreign_kind(buf, n);
		out->is_ours = l->mark && memmem(buf, n, l->mark, strlen(l->mark));
		err = read_at(fd, buf, n, last_part(l->size));
	}
	if (!err && !out->kind && !is_zero(buf, n))
		out->kind = "data at its end";
	free(buf);
	if (fd >= 0)
		close(fd);
	return err;
}

int foreign_look(const struct disk *k, uint64_t size, const char *mark, const char **kind)
{
	struct look l = {.disk = k, .size = size, .mark = mark};
	struct sight s = {0};
	int err = child_run(look_in_child, &l, &s, sizeof(s), LIMIT_NS);

	*kind = s.is_ours ? NULL : s.kind;
	return err;
}

static int wipe_in_child(void *arg, void *result)
{
	const struct look *l = arg;
	size_t n = part(l->size);
	uint8_t *buf = NULL;
	int fd = begin(l, O_RDWR, &buf);
	int err = fd;

	(void)result;
	if (fd >= 0) {
		memset(buf, 0, FOREIGN_BYTES);
		err = write_at(fd, buf, n, 0);
		if (!err)
			err = write_at(fd, buf, n, last_part(l->size));
		(void)ioctl(fd, BLKFLSBUF, 0);
		close(fd);
	}
	free(buf);
	return err;
}

int foreign_wipe(const struct disk *k, uint64_t size)
{
	struct look l = {.disk = k, .size = size};

	return child_run(wipe_in_child, &l, NULL, 0, LIMIT_NS);
}
