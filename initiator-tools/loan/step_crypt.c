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
#include <sys/sysmacros.h>

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

/* What has the mapping's name. */
enum found {
	NOTHING,
	REMAINS, /* it has no table: of a program that was killed */
	OURS,
	OTHERS, /* it encrypts another device, or nothing */
};

/* "0 16384 crypt aes-xts-plain64 0000 0 254:0 0": on the loan's volume? */
static bool is_on_volume(const struct loan *l, const char *table)
{
	char path[LOAN_PATH_BYTES], node[DM_NAME_BYTES], word[32];
	dev_t dev;

	loan_volume_path(l, path);
	if (dm_find(strrchr(path, '/') + 1, &dev, node))
		return false;
	snprintf(word, sizeof(word), " %u:%u ", major(dev), minor(dev));
	return strstr(table, " crypt ") && strstr(table, word);
}

static int look(struct step *s, const char *name, enum found *out)
{
	const char *const argv[] = {"dmsetup", "table", name, NULL};
	char why[WHY_BYTES], node[DM_NAME_BYTES];
	struct spawn_result r;
	dev_t dev;

	*out = NOTHING;
	if (dm_find(name, &dev, node))
		return 0;
	int err = tool_ask(argv, &r, why, sizeof(why));
	if (err)
		return step_fail(s, -err, "%s", why);
	bool is_empty = !r.out[strspn(r.out, " \n")];
	*out = is_empty ? REMAINS : is_on_volume(s->loan, r.out) ? OURS : OTHERS;
	return 0;
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
	char name[DM_NAME_BYTES];
	enum found found;

	if (!s->loan->wish.is_encrypted)
		return 0;
	mapping(s->loan, name);
	int err = look(s, name, &found);
	if (!err && found == OTHERS)
		err = step_fail(s, EEXIST, "/dev/mapper/%s is there, and not the loan's", name);
	if (!err && found == REMAINS)
		err = remove_mapping(s, name);
	if (err || found == OURS)
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
	char name[DM_NAME_BYTES];
	enum found found;

	if (!s->loan->wish.is_encrypted)
		return 0;
	mapping(s->loan, name);
	int err = look(s, name, &found);
	return !err && (found == REMAINS || found == OURS) ? remove_mapping(s, name) : err;
}
