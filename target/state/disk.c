// SPDX-License-Identifier: MIT
/* disk.c - the file in its folder: locked, read, replaced. See state/file.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"
#include "state/impl.h"

#define LOCK_NAME    "lock"
#define LOCK_TRIES   50u /* a process that ends may have it a moment longer */
#define LOCK_STEP_NS 100000000

#define SAY(...) snprintf(why, why_len, __VA_ARGS__)

/* Another file, whole and on the disk. */
static int write_fresh(const struct state_file *f, const char *text)
{
	int fd = openat(f->dir, STATE_FILE_NAME ".new",
			O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	int rc = io_write_all(fd, text, strlen(text));
	if (!rc && fsync(fd))
		rc = -errno;
	if (close(fd) && !rc)
		rc = -errno;
	return rc;
}

/* Until the folder is on the disk, too, either file may be there after a loss of power. */
static int replace(const struct state_file *f, const char *text)
{
	int rc = write_fresh(f, text);

	if (rc)
		return rc;
	if (renameat(f->dir, STATE_FILE_NAME ".new", f->dir, STATE_FILE_NAME) || fsync(f->dir))
		return -errno;
	return 0;
}

int state_save(struct state_file *f, char *why, size_t why_len)
{
	uint64_t changes;
	int rc = 0;

	pthread_mutex_lock(&f->saving);
	char *text = state_text_of(f, &changes);
	if (!text)
		rc = -ENOMEM;
	else if (changes != f->saved)
		rc = replace(f, text);
	if (!rc)
		f->saved = changes;
	pthread_mutex_unlock(&f->saving);
	free(text);
	if (rc)
		SAY("%s cannot be written: %s: make room there, or let state_dir name another "
		    "folder",
		    f->path, strerror(-rc));
	return rc;
}

/* 0 and a text that is to be freed; NULL: there is no file. */
static int read_all(int dir, char **out, size_t *n)
{
	struct stat st;
	int rc = 0;
	int fd = openat(dir, STATE_FILE_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	*out = NULL;
	*n = 0;
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (fstat(fd, &st) || st.st_size < 0 || (uint64_t)st.st_size > STATE_FILE_MAX) {
		close(fd);
		return -EFBIG;
	}
	char *text = malloc((size_t)st.st_size + 1);
	if (!text)
		rc = -ENOMEM;
	while (!rc && *n < (size_t)st.st_size) {
		ssize_t got = read(fd, text + *n, (size_t)st.st_size - *n);
		if (got <= 0)
			rc = got ? -errno : -EIO;
		else
			*n += (size_t)got;
	}
	close(fd);
	if (rc)
		free(text);
	else
		*out = text;
	return rc;
}

/* The lock is a file beside it, since that one is replaced. It goes with the process. */
static int take_lock(int dir)
{
	const struct timespec step = {.tv_nsec = LOCK_STEP_NS};
	int fd = openat(dir, LOCK_NAME, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return -errno;
	for (unsigned i = 0; flock(fd, LOCK_EX | LOCK_NB); i++) {
		int rc = -errno;
		if (rc == -EINTR)
			continue;
		if (rc != -EWOULDBLOCK || i == LOCK_TRIES) {
			close(fd);
			return rc;
		}
		nanosleep(&step, NULL);
	}
	return fd;
}

/* What is in the folder; takes both descriptors with it on success. */
static int load(const char *path, int dir, int locked, struct state_file **out, char *why,
		size_t why_len)
{
	char *text, reason[256];
	size_t n;
	int rc = read_all(dir, &text, &n);

	if (rc) {
		SAY("%s cannot be read: %s", path, strerror(-rc));
		return rc;
	}
	if (text)
		rc = state_parse(text, n, out, reason, sizeof(reason));
	else
		*out = state_new();
	free(text);
	if (rc) {
		SAY("%s: %s. It tells which LUNs had data, so none is served without it: put a "
		    "good "
		    "copy there or, if no initiator expects data of before, move it away",
		    path, reason);
		return rc;
	}
	if (!*out) {
		SAY("out of memory");
		return -ENOMEM;
	}
	(*out)->dir = dir;
	(*out)->locked = locked;
	return 0;
}

static int open_in(const char *dir, const char *path, struct state_file **out, char *why,
		   size_t why_len)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0) {
		int rc = -errno;
		SAY("state_dir \"%s\": %s: make that folder, and give it to memtgtd's user", dir,
		    strerror(-rc));
		return rc;
	}
	int locked = take_lock(fd);
	if (locked == -EWOULDBLOCK)
		SAY("another memtgtd uses state_dir \"%s\": end it, or give each a folder of its "
		    "own",
		    dir);
	else if (locked < 0)
		SAY("state_dir \"%s\" cannot be used: %s", dir, strerror(-locked));
	int rc = locked < 0 ? locked : load(path, fd, locked, out, why, why_len);
	if (rc) {
		close(fd);
		if (locked >= 0)
			close(locked);
	}
	return rc == -EWOULDBLOCK ? -EBUSY : rc;
}

int state_open(const char *dir, struct state_file **out, char *why, size_t why_len)
{
	char *path;

	*out = NULL;
	if (asprintf(&path, "%s/%s", dir, STATE_FILE_NAME) < 0) {
		SAY("out of memory");
		return -ENOMEM;
	}
	int rc = open_in(dir, path, out, why, why_len);
	if (rc)
		free(path);
	else
		(*out)->path = path;
	return rc;
}
