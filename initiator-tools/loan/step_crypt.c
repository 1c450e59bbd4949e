// SPDX-License-Identifier: MIT
/*
 * step_crypt.c - what leaves this host is encrypted, by a key that is nowhere but in the kernel.
 *
 * It stands above the mirror, so that no donor sees anything else; and without dm-crypt's
 * workqueues: a worker that has to wait for memory while the host swaps to it would hang the host.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "initiator-tools/host/dm.h"
#include "initiator-tools/host/tool.h"
#include "initiator-tools/loan/step.h"

#define WHY_BYTES 300

static void mapping(const struct loan *l, char out[static DM_NAME_BYTES])
{
	snprintf(out, DM_NAME_BYTES, "memtgt_%s_crypt", l->wish.name);
}

static int open_mapping(struct step *s, const char *name)
{
	char path[LOAN_PATH_BYTES], why[WHY_BYTES];
	/* clang-format off */
	const char *const argv[] = {
		"cryptsetup", "open", "--batch-mode", "--type", "plain",
		"--cipher", "aes-xts-plain64", "--key-size", "512", "--key-file", "/dev/urandom",
		"--allow-discards", "--perf-no_read_workqueue", "--perf-no_write_workqueue",
		path, name, NULL,
	};
	/* clang-format on */
	struct spawn_result r;

	loan_volume_path(s->loan, path);
	int err = tool_run(argv, &r, why, sizeof(why));
	return err ? step_fail(s, -err, "%s", why) : 0;
}

/* One without a table is what a program that was killed has left. */
static int has_table(struct step *s, const char *name, bool *out)
{
	const char *const argv[] = {"dmsetup", "table", name, NULL};
	struct spawn_result r;
	char why[WHY_BYTES];
	int err = tool_ask(argv, &r, why, sizeof(why));

	*out = !err && strstr(r.out, " crypt ") != NULL;
	return err ? step_fail(s, -err, "%s", why) : 0;
}

static int remove_mapping(struct step *s, const char *name)
{
	char why[WHY_BYTES];
	int err = dm_remove(name, why, sizeof(why));

	if (err == -EBUSY)
		return step_fail(s, EBUSY, "/dev/mapper/%s is in use", name);
	return err ? step_fail(s, -err, "%s", why) : 0;
}

/* The volume below it has become larger, or smaller. */
static int follow_size(struct step *s, const char *name)
{
	const char *const argv[] = {"cryptsetup", "resize", "--batch-mode", name, NULL};
	struct spawn_result r;
	char why[WHY_BYTES];
	uint64_t size;

	if (dm_size(name, &size) || size == s->loan->wish.size)
		return 0;
	int err = tool_run(argv, &r, why, sizeof(why));
	return err ? step_fail(s, -err, "%s", why) : 0;
}

/* What was written by a key that is gone cannot be read by another. */
static bool was_open(const struct loan *l)
{
	return l->is_made && l->wish.kind == LOAN_VOLUME;
}

int step_crypt_run(struct step *s)
{
	char name[DM_NAME_BYTES], node[DM_NAME_BYTES];
	bool is_whole = false;
	dev_t dev;
	int err = 0;

	if (!s->loan->wish.is_encrypted)
		return 0;
	mapping(s->loan, name);
	if (!dm_find(name, &dev, node)) {
		err = has_table(s, name, &is_whole);
		if (!err && !is_whole)
			err = remove_mapping(s, name);
	}
	if (err || is_whole)
		return err ? err : follow_size(s, name);
	if (was_open(s->loan))
		return step_fail(s, EKEYREVOKED,
				 "its key was in memory only and is gone: what it held cannot be "
				 "read any more; memloan return %s",
				 s->loan->wish.name);
	return open_mapping(s, name);
}

int step_crypt_undo(struct step *s)
{
	char name[DM_NAME_BYTES], node[DM_NAME_BYTES];
	dev_t dev;

	if (!s->loan->wish.is_encrypted)
		return 0;
	mapping(s->loan, name);
	return dm_find(name, &dev, node) ? 0 : remove_mapping(s, name);
}
