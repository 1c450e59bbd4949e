// SPDX-License-Identifier: MIT
/*
 * note.c - the note of a LUN (store_lun_note()) beside its image: UUID.image.note, the bytes and
 * their CRC32C. It is on the disk before the image has its name, and counts as long as that does.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "base/io.h"
#include "memtgt/wire.h"
#include "spill/spill.h"
#include "store/store.h"

/* A note that nobody can read, for one that is damaged: its LUN is not to be taken for one without.
 */
static const char damaged[] = "damaged";

static uint32_t crc_of(const void *p, size_t n)
{
	return ~crc32c_update(CRC32C_INIT, p, n);
}

static int put_file(const char *path, const void *note, size_t n)
{
	uint8_t crc[4];
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		return -errno;
	st32(crc, crc_of(note, n));
	int err = io_write_all(fd, note, n);
	if (!err)
		err = io_write_all(fd, crc, sizeof(crc));
	if (!err && fsync(fd))
		err = -errno;
	if (close(fd) && !err)
		err = -errno;
	return err;
}

int spill_put_note(const struct spill *s, const char *uuid, struct store_lun *l)
{
	char path[SPILL_PATH];
	uint8_t *note = NULL;
	size_t n = 0;
	const int had = store_lun_note(l, &note, &n);
	int err = had == -EIO ? 0 : had;

	if (!err)
		err = spill_path(s, uuid, SPILL_NOTE, path);
	if (!err && had)
		err = put_file(path, damaged, sizeof(damaged));
	else if (!err && note)
		err = put_file(path, note, n);
	free(note);
	return err;
}

/* 0, or -errno: it is not the note that was written. */
static int read_note(int fd, uint8_t *p, size_t n)
{
	int err = io_read_all(fd, p, n);

	if (err)
		return err;
	return ld32(p + n - 4) == crc_of(p, n - 4) ? 0 : -EBADMSG;
}

static int take_note(int fd, struct store_lun *l)
{
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	const bool is_sane = st.st_size >= 4 && st.st_size <= (off_t)STORE_NOTE_MAX + 4;
	const size_t n = is_sane ? (size_t)st.st_size : 4;
	uint8_t *p = malloc(n);
	if (!p)
		return -ENOMEM;
	int err = is_sane && !read_note(fd, p, n) ? store_lun_set_note(l, p, n - 4)
						  : store_lun_set_note(l, damaged, sizeof(damaged));
	free(p);
	return err;
}

int spill_get_note(const struct spill *s, const char *uuid, struct store_lun *l)
{
	char path[SPILL_PATH];
	int err = spill_path(s, uuid, SPILL_NOTE, path);

	if (err)
		return err;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	err = take_note(fd, l);
	close(fd);
	return err;
}

void spill_drop_note(const struct spill *s, const char *uuid)
{
	char path[SPILL_PATH];

	if (!spill_path(s, uuid, SPILL_NOTE, path))
		(void)unlink(path);
}
