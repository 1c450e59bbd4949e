// SPDX-License-Identifier: MIT
/* record.c - the files of loans. */
#include "initiator-tools/loan/record.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"

#define NAME_CHARACTERS              \
	"abcdefghijklmnopqrstuvwxyz" \
	"ABCDEFGHIJKLMNOPQRSTUVWXYZ" \
	"0123456789_"
#define SUFFIX	".json"
#define DONORS	"luns" /* luns.json in the same folder is that of this host's memtgtd */
#define LOOK_MS 50

const char *record_bad_name(const char *name)
{
	size_t n = strlen(name);

	if (!n || n > LOAN_NAME_MAX)
		return "the name of a loan has 1 to 31 characters";
	if (strspn(name, NAME_CHARACTERS) != n)
		return "the name of a loan has only letters, digits and underscores";
	if (!strcmp(name, DONORS))
		return "no loan is called \"" DONORS "\": memtgtd has a file of this name";
	return NULL;
}

int record_lock(const char *dir, unsigned wait_ms)
{
	if (mkdir(dir, 0700) && errno != EEXIST)
		return -errno;
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while (flock(fd, LOCK_EX | LOCK_NB)) {
		int err = errno;
		if (err == EINTR)
			continue;
		if (err != EWOULDBLOCK || wait_ms < LOOK_MS) {
			close(fd);
			return err == EWOULDBLOCK ? -EBUSY : -err;
		}
		(void)poll(NULL, 0, LOOK_MS);
		wait_ms -= LOOK_MS;
	}
	return fd;
}

static void path_of(const char *dir, const char *name, const char *suffix,
		    char out[static PATH_MAX])
{
	snprintf(out, PATH_MAX, "%s/%s%s", dir, name, suffix);
}

static int told(int err, const char *path, char *why, size_t n)
{
	snprintf(why, n, "%s: %s", path, strerror(-err));
	return err;
}

/* All of it, to be freed; or NULL and *err. */
static char *load(const char *path, size_t *n, int *err)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	char *text = NULL;

	*err = fd < 0 || fstat(fd, &st) ? -errno : 0;
	if (!*err && (!S_ISREG(st.st_mode) || (size_t)st.st_size > RECORD_MAX))
		*err = -EFBIG;
	if (!*err && !(text = malloc((size_t)st.st_size + 1)))
		*err = -ENOMEM;
	if (!*err) {
		*n = (size_t)st.st_size;
		*err = io_read_all(fd, text, *n);
	}
	if (fd >= 0)
		close(fd);
	if (!*err)
		return text;
	free(text);
	return NULL;
}

int record_read(const char *dir, const char *name, struct loan *out, char *why, size_t why_len)
{
	char path[PATH_MAX], what[256];
	size_t n;
	int err;

	*out = (struct loan){0};
	path_of(dir, name, SUFFIX, path);
	char *text = load(path, &n, &err);
	if (!text)
		return err == -ENOENT ? err : told(err, path, why, why_len);
	err = record_parse(text, n, out, what, sizeof(what));
	free(text);
	if (!err && strcmp(out->wish.name, name) != 0) {
		loan_free(out);
		err = -EINVAL;
		snprintf(what, sizeof(what), "it is of a loan with another name");
	}
	if (err)
		snprintf(why, why_len, "%s cannot be understood: %s", path, what);
	return err;
}

static int store(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return -errno;
	int err = io_write_all(fd, text, strlen(text));
	if (!err)
		err = io_sync(fd);
	close(fd);
	return err;
}

int record_write(const char *dir, const struct loan *l, char *why, size_t why_len)
{
	char path[PATH_MAX], next[PATH_MAX];
	char *text = record_format(l);

	path_of(dir, l->wish.name, SUFFIX, path);
	path_of(dir, l->wish.name, ".new", next);
	int err = text ? store(next, text) : -ENOMEM;
	free(text);
	if (!err && rename(next, path))
		err = -errno;
	if (!err)
		err = io_sync_folder(dir);
	return err ? told(err, path, why, why_len) : 0;
}

int record_remove(const char *dir, const char *name, char *why, size_t why_len)
{
	char path[PATH_MAX];

	path_of(dir, name, ".new", path);
	(void)unlink(path);
	path_of(dir, name, SUFFIX, path);
	int err = unlink(path) && errno != ENOENT ? -errno : io_sync_folder(dir);
	return err ? told(err, path, why, why_len) : 0;
}

static int is_record(const struct dirent *e)
{
	size_t n = strlen(e->d_name), tail = strlen(SUFFIX);
	char name[LOAN_NAME_MAX + 1];

	if (n <= tail || n - tail > LOAN_NAME_MAX || strcmp(e->d_name + n - tail, SUFFIX) != 0)
		return 0;
	snprintf(name, sizeof(name), "%.*s", (int)(n - tail), e->d_name);
	return !record_bad_name(name);
}

int record_list(const char *dir, char ***names)
{
	struct dirent **found;
	int n = scandir(dir, &found, is_record, alphasort), kept = 0;

	*names = NULL;
	if (n < 0)
		return errno == ENOENT ? 0 : -errno;
	*names = calloc((size_t)n + 1, sizeof(**names));
	for (int i = 0; i < n; i++) {
		size_t len = strlen(found[i]->d_name) - strlen(SUFFIX);
		char *name = *names ? strndup(found[i]->d_name, len) : NULL;
		if (name)
			(*names)[kept++] = name;
		free(found[i]);
	}
	free(found);
	if (kept == n)
		return n;
	record_list_free(*names, kept);
	*names = NULL;
	return -ENOMEM;
}

void record_list_free(char **names, int n)
{
	for (int i = 0; i < n; i++)
		free(names[i]);
	free(names);
}
