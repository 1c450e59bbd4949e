// SPDX-License-Identifier: MIT
/* inherit.c - $LISTEN_FDS, from either side. */
#include "base/inherit.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/notify.h"
#include "base/text.h"

/* Of this process: its environment is too. */
static struct {
	struct inherit_fd fds[INHERIT_MAX]; /* fd -1: taken */
	size_t n;
	char *names; /* where the names lie */
} got;

/* ---- reading ---- */

/* As many names as descriptors. */
static bool cut_names(char *names, struct inherit_fd *out, size_t n)
{
	size_t i = 0;

	for (char *at = names; at; i++) {
		char *colon = strchr(at, ':');
		if (colon)
			*colon++ = '\0';
		if (i == n || !notify_name_ok(at))
			return false;
		out[i].name = at;
		at = colon;
	}
	return i == n;
}

int inherit_parse(const char *pid, const char *count, char *names, pid_t self,
		  struct inherit_fd out[static INHERIT_MAX])
{
	uint64_t n;

	if (!pid || !count)
		return 0;
	if (!text_number(pid, INT32_MAX, &n))
		return -EINVAL;
	if ((pid_t)n != self)
		return 0;
	if (!text_number(count, INHERIT_MAX, &n))
		return -EINVAL;
	for (size_t i = 0; i < n; i++)
		out[i] = (struct inherit_fd){.fd = INHERIT_FIRST + (int)i};
	if (names && (n || *names) && !cut_names(names, out, n))
		return -EINVAL;
	return (int)n;
}

static int close_at_exec(void)
{
	for (size_t i = 0; i < got.n; i++) {
		if (fcntl(got.fds[i].fd, F_SETFD, FD_CLOEXEC)) {
			log_error("LISTEN_FDS is %zu, but descriptor %d is not open", got.n,
				  got.fds[i].fd);
			return -EBADF;
		}
	}
	return 0;
}

static int read_variables(void)
{
	const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
	const char *names = getenv("LISTEN_FDNAMES");

	got.names = names ? strdup(names) : NULL;
	if (names && !got.names)
		return -ENOMEM;
	int n = inherit_parse(pid, count, got.names, getpid(), got.fds);
	if (n < 0) {
		log_error("LISTEN_FDS \"%s\" and LISTEN_FDNAMES \"%s\" do not tell what is passed",
			  count, names ? names : "");
		return n;
	}
	got.n = (size_t)n;
	return close_at_exec();
}

static void remove_variables(void)
{
	static const char *const names[] = {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES",
					    "LISTEN_PIDFDID"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		unsetenv(names[i]);
}

int inherit_read(void)
{
	free(got.names);
	got.names = NULL;
	got.n = 0;
	int err = read_variables();
	remove_variables();
	return err;
}

/* ---- taking ---- */

static bool has_name(const struct inherit_fd *f, const char *name)
{
	return f->name && !strcmp(f->name, name);
}

int inherit_take(const char *name)
{
	for (size_t i = 0; i < got.n; i++) {
		int fd = got.fds[i].fd;
		if (fd < 0 || !has_name(&got.fds[i], name))
			continue;
		got.fds[i].fd = -1;
		return fd;
	}
	return -1;
}

/* To forget a name forgets all that is kept under it. */
static bool is_used(const char *name)
{
	for (size_t i = 0; i < got.n; i++)
		if (got.fds[i].fd < 0 && has_name(&got.fds[i], name))
			return true;
	return false;
}

void inherit_close_rest(void)
{
	for (size_t i = 0; i < got.n; i++) {
		struct inherit_fd *f = &got.fds[i];
		if (f->fd < 0)
			continue;
		log_info("descriptor %d, \"%s\", was passed and is not used: it is closed", f->fd,
			 f->name ? f->name : "without a name");
		if (f->name && !is_used(f->name))
			notify_forget(f->name);
		close(f->fd);
	}
	free(got.names);
	got.names = NULL;
	got.n = 0;
}

/* ---- passing on ---- */

static int set_variables(const struct inherit_fd *fds, size_t n)
{
	char *names = calloc(n + 1, NOTIFY_NAME_MAX + 1), number[24];
	size_t used = 0;

	if (!names)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		assert(notify_name_ok(fds[i].name));
		used += (size_t)sprintf(names + used, "%s%s", i ? ":" : "", fds[i].name);
	}
	int bad = setenv("LISTEN_FDNAMES", names, 1);
	snprintf(number, sizeof(number), "%zu", n);
	bad |= setenv("LISTEN_FDS", number, 1);
	snprintf(number, sizeof(number), "%d", (int)getpid());
	bad |= setenv("LISTEN_PID", number, 1);
	free(names);
	return bad ? -ENOMEM : 0;
}

static void close_all(const int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		close(fds[i]);
}

/* First all out of the way: one's place may be where another is. */
static int put_in_place(struct inherit_fd *fds, size_t n)
{
	int away[INHERIT_MAX];

	for (size_t i = 0; i < n; i++) {
		away[i] = fcntl(fds[i].fd, F_DUPFD_CLOEXEC, INHERIT_FIRST + (int)n);
		if (away[i] < 0) {
			int err = errno;
			close_all(away, i);
			return -err;
		}
	}
	for (size_t i = 0; i < n; i++) {
		fds[i].fd = dup2(away[i], INHERIT_FIRST + (int)i);
		assert(fds[i].fd >= 0);
		close(away[i]);
	}
	return 0;
}

int inherit_exec(const char *path, char *const argv[], struct inherit_fd *fds, size_t n)
{
	assert(n <= INHERIT_MAX);
	int err = n ? set_variables(fds, n) : 0;
	if (!err)
		err = put_in_place(fds, n);
	if (!err) {
		execv(path, argv);
		err = -errno;
	}
	remove_variables();
	return err;
}
