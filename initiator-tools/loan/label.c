// SPDX-License-Identifier: MIT
/* label.c - LVM knows its own labels; blkid(8) all the rest. */
#include "initiator-tools/loan/label.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "initiator-tools/host/tool.h"

#define BLKID_NOTHING	 2
#define BLKID_AMBIVALENT 8

/* The value of "NAME=value" of blkid's lines. */
static bool value_of(const struct spawn_result *r, const char *name, char *out, size_t size)
{
	size_t n = strlen(name);

	for (const char *p = r->out; *p; p += strcspn(p, "\n"), p += *p == '\n')
		if (!strncmp(p, name, n) && p[n] == '=') {
			snprintf(out, size, "%.*s", (int)strcspn(p + n + 1, "\n"), p + n + 1);
			return true;
		}
	return false;
}

static int look_by_blkid(struct step *s, const char *disk, enum label *out, char *what,
			 size_t what_len)
{
	char path[DISK_NAME_MAX + 5], why[256], type[64];
	const char *const argv[] = {"blkid", "--probe", "--output", "export", path, NULL};
	struct spawn_result r;

	snprintf(path, sizeof(path), "/dev/%s", disk);
	int err = tool_ask(argv, &r, why, sizeof(why));
	if (err == -EREMOTEIO && r.status == BLKID_NOTHING) {
		*out = LABEL_NOTHING;
		return 0;
	}
	if (err && !(err == -EREMOTEIO && r.status == BLKID_AMBIVALENT))
		return step_fail_tool(s, err, why);
	*out = LABEL_DATA;
	if (value_of(&r, "TYPE", type, sizeof(type)) || value_of(&r, "PTTYPE", type, sizeof(type)))
		snprintf(what, what_len, "%s", type);
	else
		snprintf(what, what_len, "signatures of several kinds");
	return 0;
}

/* What LVM says of the only disk that it is shown. */
static enum label judge(const struct lvm_pvs *pvs, const char *group, char *what, size_t what_len)
{
	for (size_t i = 0; i < pvs->n; i++) {
		if (!*pvs->rows[i].group || !*pvs->rows[i].disk)
			continue;
		snprintf(what, what_len, "the volume group %s", pvs->rows[i].group);
		return strcmp(pvs->rows[i].group, group) ? LABEL_DATA : LABEL_GROUP;
	}
	return LABEL_ORPHAN;
}

int label_look(struct step *s, const char *disk, enum label *out, char *what, size_t what_len)
{
	char group[LOAN_GROUP_BYTES];
	lvm_disk name;
	struct lvm l;
	struct lvm_pvs pvs = {0};

	loan_group(s->loan, group);
	snprintf(name, sizeof(name), "%s", disk);
	if (lvm_open(&l, group, (struct lvm_disks){&name, 1}))
		return step_fail(s, ENOMEM, "out of memory");
	int err = lvm_pvs(&l, &pvs);
	if (err)
		err = step_fail_tool(s, err, l.why);
	else if (pvs.n)
		*out = judge(&pvs, group, what, what_len);
	else
		err = look_by_blkid(s, disk, out, what, what_len);
	free(pvs.rows);
	lvm_close(&l);
	return err;
}
