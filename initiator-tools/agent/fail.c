// SPDX-License-Identifier: MIT
/* fail.c - a process that waits for an order, and two files of sysfs. */
#include "initiator-tools/agent/fail.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "initiator-tools/agent/poller.h"
#include "initiator-tools/agent/safety.h"
#include "initiator-tools/agent/say.h"
#include "initiator-tools/host/child.h"

#define RECOVERY_S "1"

static struct {
	pid_t pid; /* 0: none waits */
	int fd;	   /* orders go in there */
} spare;

/* ---- in the process ---- */

static int put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), err = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		err = -errno;
	close(fd);
	return err;
}

/* The name may be another disk's by now. */
static bool is_still(const char *name, unsigned major, unsigned minor)
{
	char path[DISK_PATH_MAX], want[32], got[32];

	snprintf(path, sizeof(path), "%s/sys/class/block/%s/dev", disk_root, name);
	snprintf(want, sizeof(want), "%u:%u\n", major, minor);
	FILE *f = fopen(path, "re");
	bool ok = f && fgets(got, sizeof(got), f) && !strcmp(got, want);
	if (f)
		fclose(f);
	return ok;
}

/* Sessions first: to delete a disk may take as long as the first of them. */
int fail_now(const struct fail_order *o)
{
	char path[DISK_PATH_MAX];
	int first = 0;

	for (size_t i = 0; i < o->n; i++)
		if (o->disks[i].session >= 0) {
			snprintf(path, sizeof(path),
				 "%s/sys/class/iscsi_session/session%d/recovery_tmo", disk_root,
				 o->disks[i].session);
			(void)put(path, RECOVERY_S);
		}
	for (size_t i = 0; i < o->n; i++) {
		struct disk k = {.name = ""};
		memcpy(k.name, o->disks[i].name, sizeof(k.name));
		if (!is_still(k.name, o->disks[i].major, o->disks[i].minor))
			continue;
		disk_device_path(&k, "delete", path);
		int err = put(path, "1");
		first = first ? first : err;
	}
	return first;
}

static int wait_for_order(void *arg)
{
	struct fail_order order;
	int fd = dup2(*(const int *)arg, STDERR_FILENO + 1);

	safety_in_child(STDERR_FILENO + 2);
	if (read(fd, &order, sizeof(order)) != sizeof(order))
		return 0;
	int err = fail_now(&order);
	if (err)
		say("a disk could not be taken from the kernel: %s", strerror(-err));
	return 0;
}

/* ---- the agent ---- */

int fail_prepare(void)
{
	int fds[2];

	if (spare.pid)
		return 0;
	if (pipe2(fds, O_CLOEXEC))
		return -errno;
	pid_t pid = child_start(wait_for_order, &fds[0]);
	close(fds[0]);
	if (pid < 0) {
		close(fds[1]);
		return pid;
	}
	spare.pid = pid;
	spare.fd = fds[1];
	return 0;
}

/* An order is smaller than what a pipe takes at once. */
int fail_leg(const struct fail_order *o)
{
	_Static_assert(sizeof(*o) <= 4096, "PIPE_BUF");
	int err = fail_prepare();

	if (err)
		return err;
	if (write(spare.fd, o, sizeof(*o)) != sizeof(*o))
		err = -EPIPE;
	close(spare.fd);
	poller_left(spare.pid);
	spare.pid = 0;
	return err;
}

void fail_end(void)
{
	if (!spare.pid)
		return;
	close(spare.fd);
	poller_leave(spare.pid);
	spare.pid = 0;
}
