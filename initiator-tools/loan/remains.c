// SPDX-License-Identifier: MIT
/* remains.c - volumes and devices that nobody would remove, tables that nobody would use. */
#include "initiator-tools/loan/remains.h"

#include <errno.h>
#include <string.h>

#include "initiator-tools/host/dm.h"

int remains_resume(struct step *s, struct group *g)
{
	if (!g->is_suspended)
		return 0;
	int err = lvm_refresh(&g->lvm, GROUP_VOLUME);
	return err ? group_fail(s, g, err, true) : group_look(s, g);
}

static bool is_remains(const struct group *g, size_t i)
{
	const struct lvm_segment *seg = &g->segments.rows[i];

	return !seg->is_hidden && strcmp(seg->volume, GROUP_VOLUME) != 0 &&
	       (!i || strcmp(seg->volume, seg[-1].volume) != 0);
}

/* The volume may have been about to become a mirror of them. */
static int release_remains(struct step *s, const struct group *g)
{
	char name[DM_NAME_BYTES], node[DM_NAME_BYTES], why[256];
	dev_t dev;

	group_device(g, name);
	if (dm_find(name, &dev, node))
		return 0;
	int err = dm_clear(name, why, sizeof(why));
	return err ? step_fail(s, -err, "%s", why) : 0;
}

static int remove_volume(struct step *s, struct group *g, const char *name)
{
	int err = lvm_remove(&g->lvm, name);

	return err ? group_fail(s, g, err, true) : 0;
}

int remains_remove(struct step *s, struct group *g)
{
	int err = 0;
	bool is_any = false;

	for (size_t i = 0; !err && i < g->segments.n; i++) {
		if (!is_remains(g, i))
			continue;
		if (!is_any)
			err = release_remains(s, g);
		is_any = true;
		if (!err)
			err = remove_volume(s, g, g->segments.rows[i].volume);
	}
	return err;
}

int remains_remove_devices(struct step *s, const struct group *g)
{
	char prefix[DM_NAME_BYTES], name[DM_NAME_BYTES], why[256], tried[DM_NAME_BYTES] = "";
	dev_t dev;
	int err;

	group_device(g, prefix);
	/* What stands on others goes first. */
	if (!dm_find(prefix, &dev, name)) {
		err = dm_remove(prefix, why, sizeof(why));
		if (err)
			return step_fail(s, -err, "%s", why);
	}
	while (dm_first(prefix, name)) {
		if (!strcmp(name, tried))
			return step_fail(s, EBUSY, "%s cannot be removed", name);
		err = dm_remove(name, why, sizeof(why));
		if (err)
			return step_fail(s, -err, "%s", why);
		memcpy(tried, name, sizeof(tried));
	}
	return 0;
}
