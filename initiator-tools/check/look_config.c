// SPDX-License-Identifier: MIT
/* look_config.c - settings of LVM and dm-multipath that do not go with donors' disks. */
#include <stdio.h>
#include <string.h>

#include "initiator-tools/check/finding.h"
#include "initiator-tools/check/setting.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* lvmlocal.conf stands above lvm.conf. */
static void read_lvm(struct setting *s)
{
	(void)tree_lines("/etc/lvm/lvm.conf", setting_take, s);
	(void)tree_lines("/etc/lvm/lvmlocal.conf", setting_take, s);
}

void look_lvm_fault(const struct facts *f, struct finding *out)
{
	struct setting policy = {.key = "raid_fault_policy"};

	(void)f;
	read_lvm(&policy);
	if (setting_is(&policy, "allocate"))
		finding_add(out, "raid_fault_policy is \"allocate\"");
}

/* A pattern that rejects all, or one that is about donors' disks. */
static bool hides(const struct setting *filter)
{
	static const char *const named[] = {"iscsi", "MEMTGT", "memtgt", "wwn-", "scsi-"};
	bool is_hidden = false;

	for (const char *p = filter->value; (p = strstr(p, "\"r")); p += 2)
		is_hidden |= p[2] && (!strncmp(p + 3, ".*", 2) || p[3] == p[2]);
	for (size_t i = 0; i < COUNT(named); i++)
		is_hidden |= strstr(filter->value, named[i]) != NULL;
	return filter->is_there && is_hidden;
}

/* memloan's own calls bring their filter along: host/lvm.c. */
void look_lvm_disks(const struct facts *f, struct finding *out)
{
	struct setting use = {.key = "use_devicesfile"}, global = {.key = "global_filter"};

	(void)f;
	read_lvm(&use);
	read_lvm(&global);
	bool has_list = setting_is(&use, "1") ||
			(!use.is_there && tree_exists("/etc/lvm/devices/system.devices"));
	if (!has_list && !hides(&global) && tree_exists("/etc/lvm"))
		finding_add(out, "/etc/lvm/lvm.conf has neither a list of disks nor a filter");
}

static int take_multipath_file(const char *name, void *arg)
{
	char path[TREE_PATH_MAX];
	size_t n = strlen(name);

	if (n > 5 && !strcmp(name + n - 5, ".conf") &&
	    snprintf(path, sizeof(path), "/etc/multipath/conf.d/%s", name) < TREE_PATH_MAX)
		(void)tree_lines(path, setting_take, arg);
	return 0;
}

/* "strict" is the default: only disks that were multipath before. */
void look_multipath_conf(const struct facts *f, struct finding *out)
{
	static const char *const greedy[] = {"no", "off", "greedy", "smart"};
	struct setting find = {.key = "find_multipaths"};
	bool runs = false;

	for (size_t i = 0; i < f->processes.n; i++)
		runs |= f->processes.all[i].kind == PROCESS_MULTIPATHD;
	if (!runs)
		return;
	(void)tree_lines("/etc/multipath.conf", setting_take, &find);
	(void)tree_each("/etc/multipath/conf.d", take_multipath_file, &find);
	for (size_t i = 0; i < COUNT(greedy); i++)
		if (setting_is(&find, greedy[i]) && !find.names_memtgt)
			finding_add(out, "find_multipaths is %s", greedy[i]);
}
