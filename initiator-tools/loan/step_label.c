// SPDX-License-Identifier: MIT
/* step_label.c - a donor's disk becomes a physical volume of LVM, as long as the loan uses it. */
#include <errno.h>
#include <stdio.h>

#include "initiator-tools/host/tool.h"
#include "initiator-tools/loan/label.h"
#include "initiator-tools/loan/group.h"

#define WHAT_BYTES 200

/* LVM, with this disk only. */
static int open_disk(struct step *s, struct lvm *l, const lvm_disk *name)
{
	char group[LOAN_GROUP_BYTES];

	loan_group(s->loan, group);
	return lvm_open(l, group, (struct lvm_disks){name, 1})
		       ? step_fail(s, ENOMEM, "out of memory")
		       : 0;
}

static int remove_label(struct step *s, const lvm_disk *name, bool is_forced)
{
	struct lvm l;
	int err = open_disk(s, &l, name);

	if (err)
		return err;
	err = lvm_pv_remove(&l, (struct lvm_disks){name, 1}, is_forced);
	if (err)
		step_fail_tool(s, err, l.why);
	lvm_close(&l);
	return err;
}

static int create_label(struct step *s, const lvm_disk *name)
{
	uint64_t bytes = s->disk->used < s->disk->size ? s->disk->used : 0;
	struct lvm l;
	int err = open_disk(s, &l, name);

	if (err)
		return err;
	err = lvm_pv_create(&l, *name, bytes);
	if (err)
		step_fail_tool(s, err, l.why);
	lvm_close(&l);
	return err;
}

/* A table of partitions, which pvcreate(8) does not touch. */
static int wipe(struct step *s, const char *name)
{
	char path[DISK_NAME_MAX + 5], why[256];
	const char *const argv[] = {"wipefs", "--all", "--force", path, NULL};
	struct spawn_result r;

	snprintf(path, sizeof(path), "/dev/%s", name);
	int err = tool_run(argv, &r, why, sizeof(why));
	return err ? step_fail_tool(s, err, why) : 0;
}

/* While the leg has not joined the loan's group, a group of its name is what was left by another
 * life of the loan, or by another loan. */
static bool is_leftover(const struct step *s, enum label found)
{
	return found == LABEL_GROUP && s->leg->steps[STEP_GROUP] == STEP_NONE;
}

int step_label_run(struct step *s)
{
	enum label found = LABEL_NOTHING;
	char what[WHAT_BYTES] = "";
	lvm_disk name;
	int err = group_disk(s, s->disk, name);

	if (!err)
		err = label_look(s, name, &found, what, sizeof(what));
	if (!err && found == LABEL_GROUP && !is_leftover(s, found))
		return 0;
	if (err)
		return err;
	if (found == LABEL_DATA && !s->is_forced)
		return step_fail_donor(s, EEXIST,
				       "%s, LUN %u: there is foreign data on it: %s; --force would "
				       "overwrite it",
				       s->disk->donor, s->disk->lun, what);
	if (found == LABEL_GROUP || (found == LABEL_DATA && s->is_forced))
		err = found == LABEL_GROUP ? remove_label(s, (const lvm_disk *)&name, true)
					   : wipe(s, name);
	return err ? err : create_label(s, (const lvm_disk *)&name);
}

/* A disk of which nobody needs what it has keeps its label if it does not answer: who gives the
 * memory back empties it. */
int step_label_undo(struct step *s)
{
	enum label found = LABEL_NOTHING;
	char what[WHAT_BYTES] = "";
	lvm_disk name;
	int err;

	if (s->leg->is_lost)
		return 0;
	err = group_disk(s, s->disk, name);
	if (err)
		return group_leg_is_gone(s->loan, s->leg, false) ? 0 : err;
	err = label_look(s, name, &found, what, sizeof(what));
	if (err || (found != LABEL_ORPHAN && !is_leftover(s, found)))
		return err;
	return remove_label(s, (const lvm_disk *)&name, found == LABEL_GROUP);
}
