// SPDX-License-Identifier: MIT
/* look_installed.c - what must be installed: modules, programs, rules of udev, units of systemd. */
#include <stdio.h>
#include <string.h>

#include "initiator-tools/check/finding.h"
#include "initiator-tools/check/tree.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* ---- modules ---- */

static const char *const modules[] = {"iscsi_tcp", "sd_mod", "dm_mod",
				      "dm_raid",   "raid1",  "dm_crypt"};

struct module_list {
	bool has[COUNT(modules)];
};

/* "kernel/drivers/md/dm-raid.ko.xz: ..." is dm_raid. */
static int take_module(const char *line, void *arg)
{
	struct module_list *list = arg;
	char name[64];
	size_t n = strcspn(line, ":");
	const char *from = line;

	for (const char *p = line; p < line + n; p++)
		if (*p == '/')
			from = p + 1;
	const char *end = strstr(from, ".ko");
	if (!end || end >= line + n || (size_t)(end - from) >= sizeof(name))
		return 0;
	snprintf(name, sizeof(name), "%.*s", (int)(end - from), from);
	for (char *p = name; *p; p++)
		*p = *p == '-' ? '_' : *p;
	for (size_t i = 0; i < COUNT(modules); i++)
		list->has[i] |= !strcmp(modules[i], name);
	return 0;
}

void look_modules(const struct facts *f, struct finding *out)
{
	struct module_list list = {0}, builtin = {0};
	char release[TREE_WORD_MAX], path[TREE_PATH_MAX];
	uint64_t is_closed = 0;

	(void)f;
	if (tree_word(release, "/proc/sys/kernel/osrelease")) {
		snprintf(path, sizeof(path), "/lib/modules/%s/modules.dep", release);
		(void)tree_lines(path, take_module, &list);
		snprintf(path, sizeof(path), "/lib/modules/%s/modules.builtin", release);
		(void)tree_lines(path, take_module, &builtin);
	}
	bool closed = tree_number(&is_closed, "/proc/sys/kernel/modules_disabled") && is_closed;
	for (size_t i = 0; i < COUNT(modules); i++)
		if (!tree_exists("/sys/module/%s", modules[i]) && !builtin.has[i] &&
		    (closed || !list.has[i]))
			finding_add(out, list.has[i] ? "%s may not be loaded any more" : "%s",
				    modules[i]);
}

/* ---- programs ---- */

static bool is_program(const char *name)
{
	static const char *const folders[] = {"/usr/local/sbin", "/usr/local/bin", "/usr/sbin",
					      "/usr/bin",	 "/sbin",	   "/bin"};

	for (size_t i = 0; i < COUNT(folders); i++)
		if (tree_exists("%s/%s", folders[i], name))
			return true;
	return false;
}

void look_programs(const struct facts *f, struct finding *out)
{
	static const char *const names[] = {"iscsiadm", "iscsid", "lvm", "cryptsetup", "mkswap"};

	(void)f;
	for (size_t i = 0; i < COUNT(names); i++)
		if (!is_program(names[i]))
			finding_add(out, "%s", names[i]);
}

/* ---- udev, systemd ---- */

static const char *const rules[] = {"60-memtgt-capacity.rules", "60-memtgt-disk.rules"};

static bool has_rules(const char *name)
{
	static const char *const folders[] = {"/etc/udev/rules.d", "/run/udev/rules.d",
					      "/usr/local/lib/udev/rules.d",
					      "/usr/lib/udev/rules.d", "/lib/udev/rules.d"};

	for (size_t i = 0; i < COUNT(folders); i++)
		if (tree_exists("%s/%s", folders[i], name))
			return true;
	return false;
}

/* Only where there is a udevd. */
void look_udev(const struct facts *f, struct finding *out)
{
	(void)f;
	for (size_t i = 0; i < COUNT(rules) && tree_exists("/run/udev/control"); i++)
		if (!has_rules(rules[i]))
			finding_add(out, "%s", rules[i]);
}

void fix_udev(const struct facts *f, struct cure *c)
{
	char path[128];

	(void)f;
	for (size_t i = 0; i < COUNT(rules); i++)
		if (!has_rules(rules[i])) {
			snprintf(path, sizeof(path), "/etc/udev/rules.d/%s", rules[i]);
			cure_install(c, rules[i], path);
		}
}

#define STOP_UNIT "memloan-stop.service"

void look_shutdown(const struct facts *f, struct finding *out)
{
	if (f->is_systemd && !unit_exists("multi-user.target.wants/" STOP_UNIT))
		finding_add(out, STOP_UNIT " is %s",
			    unit_exists(STOP_UNIT) ? "not enabled" : "not installed");
}
