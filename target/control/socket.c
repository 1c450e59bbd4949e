// SPDX-License-Identifier: MIT
/* socket.c - making the control socket, and removing it. */
#include "control/socket.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libgen.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define BACKLOG	   64
#define LOCK_TRIES 200 /* of 10 ms */

static int explain(int err, char *why, size_t n, const char *what, const char *path)
{
	snprintf(why, n, "%s %s: %s", what, path, strerror(-err));
	return err;
}

static void address_of(const char *path, struct sockaddr_un *un)
{
	*un = (struct sockaddr_un){.sun_family = AF_UNIX};
	memcpy(un->sun_path, path, strlen(path) + 1);
}

/* -1 as a group changes none. */
static int find_group(const char *name, gid_t *out, char *why, size_t n)
{
	const struct group *g = name ? getgrnam(name) : NULL;
	char *end;

	*out = (gid_t)-1;
	if (!name)
		return 0;
	if (g) {
		*out = g->gr_gid;
		return 0;
	}
	unsigned long number = strtoul(name, &end, 10);
	if (isdigit((unsigned char)*name) && !*end && number < (gid_t)-1) {
		*out = (gid_t)number;
		return 0;
	}
	snprintf(why, n, "this host has no group \"%s\": make it, or name another", name);
	return -ENOENT;
}

/* ---- what stands at the path ---- */

/*
 * Two daemons that start at one time must not both find the same stale socket: what one has made
 * since, the other would remove. So they look, remove and bind one after the other, by a lock on
 * the folder, which leaves no file behind.
 */
static int lock_folder(const char *path, char *why, size_t n)
{
	char copy[CONTROL_PATH_MAX + 1];
	struct timespec pause = {.tv_nsec = 10000000};

	strcpy(copy, path);
	const char *folder = dirname(copy);
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT) {
		snprintf(why, n, "there is no folder %s: make it, for the user that runs memtgtd",
			 folder);
		return -ENOENT;
	}
	if (fd < 0)
		return explain(-errno, why, n, "cannot open", folder);
	for (int i = 0; flock(fd, LOCK_EX | LOCK_NB); i++) {
		if (errno != EWOULDBLOCK || i == LOCK_TRIES) {
			int err = explain(-errno, why, n, "cannot lock", folder);
			close(fd);
			return err;
		}
		nanosleep(&pause, NULL);
	}
	return fd;
}

/* Nobody listens there. */
static bool is_stale(const char *path)
{
	struct sockaddr_un un;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool refused = false;

	if (fd < 0)
		return false;
	address_of(path, &un);
	if (connect(fd, (const struct sockaddr *)&un, sizeof(un)))
		refused = errno == ECONNREFUSED;
	close(fd);
	return refused;
}

static int make_room(const char *path, char *why, size_t n)
{
	struct stat st;

	if (lstat(path, &st))
		return errno == ENOENT ? 0 : explain(-errno, why, n, "cannot look at", path);
	if (!S_ISSOCK(st.st_mode)) {
		snprintf(why, n, "%s is there, and no socket: remove it, or name another path",
			 path);
		return -EEXIST;
	}
	if (!is_stale(path)) {
		snprintf(why, n,
			 "%s is in use, perhaps by another memtgtd, or another user's: end that, "
			 "remove it, or name another path",
			 path);
		return -EADDRINUSE;
	}
	if (unlink(path) && errno != ENOENT)
		return explain(-errno, why, n, "cannot remove the old", path);
	return 0;
}

/* ---- the socket ---- */

/*
 * Linux gives the file the mode of the socket's own inode, less the umask, which belongs to all
 * threads and is left alone. Group and 0660 come after that: until then it is 0600.
 */
static int bind_file(struct control_socket *s, gid_t group, char *why, size_t n)
{
	struct sockaddr_un un;
	struct stat st;

	address_of(s->path, &un);
	if (fchmod(s->fd, 0600) || bind(s->fd, (const struct sockaddr *)&un, sizeof(un)))
		return explain(-errno, why, n, "cannot make", s->path);
	if (lstat(s->path, &st))
		return explain(-errno, why, n, "cannot look at", s->path);
	s->dev = st.st_dev;
	s->ino = st.st_ino;
	if (group == (gid_t)-1)
		return 0;
	if (lchown(s->path, (uid_t)-1, group) && errno == EPERM) {
		snprintf(why, n,
			 "cannot give %s to its group: memtgtd's user must be a member of that "
			 "group",
			 s->path);
		return -EPERM;
	}
	if (chmod(s->path, 0660))
		return explain(-errno, why, n, "cannot set the mode of", s->path);
	return 0;
}

static int make(struct control_socket *s, gid_t group, char *why, size_t n)
{
	s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->fd < 0)
		return explain(-errno, why, n, "cannot make a socket for", s->path);
	int err = bind_file(s, group, why, n);
	if (!err && listen(s->fd, BACKLOG))
		err = explain(-errno, why, n, "cannot listen on", s->path);
	if (err)
		control_socket_close(s);
	return err;
}

int control_socket_open(struct control_socket *s, const char *path, const char *group, char *why,
			size_t n)
{
	gid_t gid;

	*s = (struct control_socket){.fd = -1};
	if (strlen(path) > CONTROL_PATH_MAX) {
		snprintf(why, n, "the path has %zu bytes; a socket's may have %d", strlen(path),
			 CONTROL_PATH_MAX);
		return -ENAMETOOLONG;
	}
	strcpy(s->path, path);
	int err = find_group(group, &gid, why, n);
	if (err)
		return err;
	int lock = lock_folder(path, why, n);
	if (lock < 0)
		return lock;
	err = make_room(path, why, n);
	if (!err)
		err = make(s, gid, why, n);
	close(lock);
	return err;
}

void control_socket_close(struct control_socket *s)
{
	struct stat st;

	if (s->fd < 0)
		return;
	if (s->ino && !lstat(s->path, &st) && st.st_dev == s->dev && st.st_ino == s->ino)
		(void)unlink(s->path);
	close(s->fd);
	s->fd = -1;
}
