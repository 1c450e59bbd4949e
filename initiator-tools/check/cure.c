// SPDX-License-Identifier: MIT
/* cure.c - values written, files put in place. */
#include "initiator-tools/check/cure.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/spawn.h"
#include "initiator-tools/check/tree.h"

#define FILE_MAX       ((size_t)64 << 10)
#define RELOAD_LIMIT   30000u /* ms */
#define FILE_MODE      0644
#define FOLDER_MODE    0755
#define SYSCTL_HEADING "# Written by memloan check --fix.\n"

const char *cure_examples = PKGDATADIR;

static void say(struct cure *c, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void say(struct cure *c, int err, const char *fmt, ...)
{
	char what[CURE_LINE_BYTES - 64];
	va_list args;

	c->failed += err != 0;
	if (c->n == CURE_LINES_MAX)
		return;
	va_start(args, fmt);
	vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	if (err)
		snprintf(c->lines[c->n++], CURE_LINE_BYTES, "could not: %s: %s", what,
			 strerror(-err));
	else
		snprintf(c->lines[c->n++], CURE_LINE_BYTES, "%s", what);
}

static int write_value(const char *path, const char *value)
{
	char full[TREE_PATH_MAX];
	int fd = tree_path(full, "%s", path) ? open(full, O_WRONLY | O_CLOEXEC | O_TRUNC) : -1;
	int err = fd < 0 ? -errno : io_write_all(fd, value, strlen(value));

	if (fd >= 0 && close(fd) && !err)
		err = -errno;
	return err;
}

void cure_write(struct cure *c, const char *path, const char *value)
{
	int err = write_value(path, value);

	say(c, err, "%s %s to %s", err ? "write" : "wrote", value, path);
}

/* ---- files ---- */

static int make_folders(const char *full)
{
	char path[TREE_PATH_MAX];
	size_t root = strlen(tree_root);

	snprintf(path, sizeof(path), "%s", full);
	for (char *p = path + root + 1; (p = strchr(p, '/')); *p++ = '/') {
		*p = '\0';
		if (mkdir(path, FOLDER_MODE) && errno != EEXIST)
			return -errno;
	}
	return 0;
}

/* Whole or not at all, also after a loss of power: another file takes its name. */
static int put_file(const char *to, const char *text, size_t n)
{
	char full[TREE_PATH_MAX], other[TREE_PATH_MAX];

	if (!tree_path(full, "%s", to) || !tree_path(other, "%s.new", to))
		return -ENAMETOOLONG;
	int err = make_folders(full);
	if (err)
		return err;
	int fd = open(other, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
	if (fd < 0)
		return -errno;
	err = io_write_all(fd, text, n);
	if (!err)
		err = io_sync(fd);
	close(fd);
	if (!err && rename(other, full))
		err = -errno;
	if (err)
		unlink(other);
	return err;
}

static bool is_in(const char *path, const char *folder)
{
	return !strncmp(path, folder, strlen(folder));
}

void cure_install(struct cure *c, const char *example, const char *to)
{
	char *ours = malloc(2 * FILE_MAX), *theirs = ours ? ours + FILE_MAX : NULL;
	long n = ours ? tree_read(ours, FILE_MAX, "%s/%s", cure_examples, example) : -ENOMEM;

	if (n < 0) {
		say(c, (int)n, "read %s/%s", cure_examples, example);
	} else if (tree_read(theirs, FILE_MAX, "%s", to) < 0) {
		int err = put_file(to, ours, (size_t)n);
		say(c, err, "%s %s as %s", err ? "copy" : "copied", example, to);
		c->reload_units |= !err && is_in(to, "/etc/systemd/");
		c->reload_rules |= !err && is_in(to, "/etc/udev/");
	} else if (strcmp(ours, theirs) != 0) {
		say(c, -EEXIST, "copy %s to %s", example, to);
	}
	free(ours);
}

/* ---- sysctl ---- */

struct sysctl_file {
	const char *key;
	char text[FILE_MAX];
	size_t n;
	bool is_full;
};

static void put_line(struct sysctl_file *f, const char *line)
{
	size_t len = strlen(line);

	f->is_full |= f->n + len + 2 > FILE_MAX;
	if (f->is_full)
		return;
	memcpy(f->text + f->n, line, len);
	f->text[f->n + len] = '\n';
	f->n += len + 1;
}

/* All lines but those of the key. */
static int take_line(const char *line, void *arg)
{
	struct sysctl_file *f = arg;
	const char *from = line + strspn(line, " \t-");
	size_t n = strlen(f->key);
	bool is_key = !strncmp(from, f->key, n) && strchr(" \t=", from[n]) && from[n];

	if (!is_key)
		put_line(f, line);
	return 0;
}

static int keep_sysctl(const char *key, uint64_t value)
{
	struct sysctl_file *f = calloc(1, sizeof(*f));
	char line[160];

	if (!f)
		return -ENOMEM;
	f->key = key;
	int err = tree_lines(CURE_SYSCTL_FILE, take_line, f);
	if (err == -ENOENT) {
		f->n = strlen(SYSCTL_HEADING);
		memcpy(f->text, SYSCTL_HEADING, f->n);
		err = 0;
	}
	snprintf(line, sizeof(line), "%s = %llu", key, (unsigned long long)value);
	put_line(f, line);
	if (!err)
		err = f->is_full ? -EFBIG : put_file(CURE_SYSCTL_FILE, f->text, f->n);
	free(f);
	return err;
}

void cure_sysctl(struct cure *c, const char *key, uint64_t value)
{
	char path[TREE_PATH_MAX], text[24];

	snprintf(path, sizeof(path), "/proc/sys/%s", key);
	for (char *p = path + strlen("/proc/sys/"); (p = strchr(p, '.')); *p = '/')
		;
	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	int err = write_value(path, text);
	say(c, err, "set %s to %s", key, text);
	err = keep_sysctl(key, value);
	say(c, err, "%s %s in %s", err ? "write" : "wrote", key, CURE_SYSCTL_FILE);
}

/* ---- those who have read them before ---- */

static void reload(struct cure *c, const char *const argv[])
{
	struct spawn_result r;
	int err = spawn_run(argv, RELOAD_LIMIT, true, &r);

	if (!err && r.status)
		err = -EIO;
	say(c, err, "%s %s %s", err ? "run" : "ran", argv[0], argv[1]);
}

void cure_end(struct cure *c)
{
	char program[TREE_PATH_MAX];

	if (c->reload_units && tree_exists("/run/systemd/system") &&
	    tree_path(program, "/usr/bin/systemctl") && !access(program, X_OK))
		reload(c, (const char *const[]){program, "daemon-reload", NULL});
	if (c->reload_rules && tree_exists("/run/udev/control") &&
	    tree_path(program, "/usr/bin/udevadm") && !access(program, X_OK))
		reload(c, (const char *const[]){program, "control", "--reload", NULL});
}
