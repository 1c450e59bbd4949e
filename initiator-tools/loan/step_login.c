// SPDX-License-Identifier: MIT
/* step_login.c - a session with the donor, and in it the LUN as a disk of this host. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/clock.h"
#include "initiator-tools/host/child.h"
#include "initiator-tools/host/inquire.h"
#include "initiator-tools/host/node.h"
#include "initiator-tools/loan/step_disk.h"

#define SCAN_LIMIT_NS	(60 * NS_PER_S)
#define DELETE_LIMIT_NS (40 * NS_PER_S)
#define LOST_LIMIT_NS	(5 * NS_PER_S) /* nothing of a lost donor is waited for */
#define APPEAR_LIMIT_NS (20 * NS_PER_S)
#define APPEAR_LOOK_MS	50

/* ---- files of sysfs that the kernel may take long to write ---- */

struct line {
	char path[DISK_PATH_MAX], text[64];
};

static int write_in_child(void *arg, void *result)
{
	const struct line *l = arg;
	size_t n = strlen(l->text);
	int fd = open(l->path, O_WRONLY | O_CLOEXEC);

	(void)result;
	if (fd < 0)
		return -errno;
	int err = write(fd, l->text, n) == (ssize_t)n ? 0 : -errno;
	close(fd);
	return err;
}

/* ---- the disk appears ---- */

static int scan(const struct disk *k, unsigned lun, bool is_flat)
{
	struct line l;

	disk_scan_path(k, l.path);
	snprintf(l.text, sizeof(l.text), "%u %u %u", k->channel, k->target,
		 disk_kernel_lun(lun, is_flat));
	return child_run(write_in_child, &l, NULL, 0, SCAN_LIMIT_NS);
}

static bool has_node(const struct disk *k)
{
	char path[DISK_PATH_MAX];
	struct stat st;

	snprintf(path, sizeof(path), "%s/dev/%s", disk_root, k->name);
	return !stat(path, &st) && S_ISBLK(st.st_mode) && st.st_rdev == makedev(k->major, k->minor);
}

static bool appears(const struct loan_disk *d, struct disk *k, uint64_t limit_ns)
{
	uint64_t until = clock_now() + limit_ns;

	while (disk_find(d, k) || !k->is_running || !has_node(k)) {
		if (clock_now() >= until)
			return false;
		(void)poll(NULL, 0, APPEAR_LOOK_MS);
	}
	return true;
}

/* The kernel is told to look for this LUN only. When a scan ends it has found the LUN, or has not;
 * the disk, and its node, may come a little later. */
static int make_disk(struct step *s, struct disk *k)
{
	char lun[STEP_LUN_BYTES];
	int err = 0;

	for (int flat = 0; flat < 2 && !err; flat++)
		if (disk_find(s->disk, k) == -ENODEV && !k->is_known)
			err = scan(k, s->disk->lun, flat);
	if (err)
		return step_fail_donor(s, -err, "%s: looking for the disk: %s",
				       step_lun(s->disk, lun), strerror(-err));
	if (disk_find(s->disk, k) && !k->is_known)
		return step_fail_donor(s, ENODEV, "%s: the donor shows this host no such disk",
				       step_lun(s->disk, lun));
	if (!appears(s->disk, k, APPEAR_LIMIT_NS))
		return step_fail_donor(s, ETIMEDOUT, "%s: the disk does not get ready",
				       step_lun(s->disk, lun));
	return 0;
}

static int delete_disk(const struct disk *k, uint64_t limit_ns)
{
	struct line l = {.text = "1"};

	disk_device_path(k, "delete", l.path);
	return child_run(write_in_child, &l, NULL, 0, limit_ns);
}

/* ---- it is that disk ---- */

/* It is asked: what the kernel read when it found the disk may be old. A disk whose content was
 * lost may tell nothing any more but its name, which is another. */
static int verify(struct step *s, const struct disk *k)
{
	struct sg_device dev = sg_of_disk(k);
	char lun[STEP_LUN_BYTES];
	struct donor_lun is;
	struct sg_result r;
	int err = inquire_identity(&dev, &is, &r);

	bool is_lost = err == -EREMOTEIO && is.naa[0] && strcmp(is.naa, s->disk->naa) != 0;
	if (err && !is_lost)
		return step_fail_command(s, "INQUIRY", err, &r);
	if (!k->is_same || strcmp(is.naa, s->disk->naa) != 0 ||
	    strcmp(is.serial, s->disk->serial) != 0)
		return step_fail_donor(s, ESTALE,
				       "%s: it is another disk than the loan's (NAA %s, serial %s; "
				       "the loan's has %s, %s): what was there may be lost",
				       step_lun(s->disk, lun), is.naa, is.serial, s->disk->naa,
				       s->disk->serial);
	if (is.size < s->disk->used)
		return step_fail_donor(s, ESTALE, "%s: it has become smaller than the loan needs",
				       step_lun(s->disk, lun));
	return 0;
}

/* ---- the session ---- */

static int log_in(struct step *s)
{
	int err = node_login(s->disk, s->why, sizeof(s->why));

	/* What this host cannot do for one donor it can for none. */
	s->is_donors_fault = err == -EACCES || err == -EHOSTUNREACH || err == -ETIMEDOUT;
	return err;
}

static int with_lock(struct step *s, step_fn *fn)
{
	int lock = node_lock();

	if (lock < 0)
		return step_fail(s, -lock, "sessions: the lock of memloan: %s", strerror(-lock));
	int err = fn(s);
	close(lock);
	return err;
}

static int run(struct step *s)
{
	struct loan_disk *d = s->disk;
	char lun[STEP_LUN_BYTES];
	struct disk k;
	int err = 0;

	bool was_there = disk_find(d, &k) != -ENOENT;
	if (!was_there)
		err = log_in(s);
	if (err)
		return err;
	d->is_session_foreign = was_there && !node_is_ours(d);
	step_progress(s, 500);
	if (disk_find(d, &k) == -ENOENT || !k.is_logged_in)
		return step_fail_donor(s, ENOTCONN, "%s: the session is there, but not connected",
				       step_lun(d, lun));
	bool was_known = k.is_known;
	err = make_disk(s, &k);
	if (!err)
		err = verify(s, &k);
	/* What is not the loan's disk is not to be taken for it by others either, LVM above all. */
	if (err && !was_known && !disk_find(d, &k))
		(void)delete_disk(&k, DELETE_LIMIT_NS);
	return err;
}

/* Without it, so much of the session is ours: nothing else than this disk. */
static int remove_disk(struct step *s, const struct disk *k)
{
	char lun[STEP_LUN_BYTES];
	bool is_lost = s->leg->is_lost;

	if (!k->name[0] || (s->disk->is_session_foreign && !k->is_same))
		return 0;
	if (k->is_held && !is_lost)
		return step_fail(s, EBUSY, "%s: /dev/%s is still in use on this host",
				 step_lun(s->disk, lun), k->name);
	int err = delete_disk(k, is_lost ? LOST_LIMIT_NS : DELETE_LIMIT_NS);
	if (!err || err == -ENOENT || err == -ENODEV || is_lost)
		return 0;
	return step_fail(s, -err, "%s: /dev/%s cannot be removed: %s", step_lun(s->disk, lun),
			 k->name, strerror(-err));
}

/* With a session that has no other disk, the end of the session ends what waits for the donor. */
static int undo(struct step *s)
{
	struct loan_disk *d = s->disk;
	struct disk k;
	bool is_there = disk_find(d, &k) != -ENOENT;
	int err = 0;

	/* A run that was killed may not have said so. */
	d->is_session_foreign |= is_there && !node_is_ours(d);
	bool ends = !d->is_session_foreign && (!is_there || !k.others);

	if (is_there && !(ends && s->leg->is_lost))
		err = remove_disk(s, &k);
	if (!err && ends)
		err = node_logout(d, s->why, sizeof(s->why));
	return err;
}

int step_login_run(struct step *s)
{
	return with_lock(s, run);
}

int step_login_undo(struct step *s)
{
	return with_lock(s, undo);
}
