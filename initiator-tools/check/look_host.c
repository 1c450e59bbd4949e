// SPDX-License-Identifier: MIT
/* look_host.c - swap areas, and what is installed: modules, programs, rules, units, LVM, multipath.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "initiator-tools/check/finding.h"
#include "initiator-tools/check/tree.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* ---- swap areas ---- */

static bool areas_known(const struct facts *f, struct finding *out)
{
	if (f->areas_err)
		finding_unknown(out, "/proc/swaps: %s", strerror(-f->areas_err));
	return !f->areas_err;
}

static bool attribute_is(const struct area *a, const char *attribute, const char *value)
{
	char word[TREE_WORD_MAX];

	return block_attribute(a->block, attribute, word, sizeof(word)) && !strcmp(word, value);
}

/* How it was switched on only the kernel's log tells; when that has gone, nobody does. */
void look_discard(const struct facts *f, struct finding *out)
{
	if (!areas_known(f, out))
		return;
	for (size_t i = 0; i < f->areas.n; i++) {
		const struct area *a = &f->areas.all[i];
		if (a->is_remote && attribute_is(a, "queue/discard_max_bytes", "0"))
			finding_add(out, "%s cannot discard", a->path);
		else if (a->is_remote && a->has_flags && !a->discards)
			finding_add(out, "%s was switched on without --discard", a->path);
	}
}

void look_rotational(const struct facts *f, struct finding *out)
{
	if (!areas_known(f, out))
		return;
	for (size_t i = 0; i < f->areas.n; i++) {
		const struct area *a = &f->areas.all[i];
		if (a->is_remote && attribute_is(a, "queue/rotational", "1"))
			finding_add(out, "%s", a->path);
	}
}

void look_unmanaged(const struct facts *f, struct finding *out)
{
	if (!areas_known(f, out))
		return;
	for (size_t i = 0; i < f->areas.n; i++) {
		const struct area *a = &f->areas.all[i];
		if (a->is_remote && !a->is_loan)
			finding_add(out, "%s", a->path);
	}
}

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

#define RETURN_UNIT "memloan-return.service"

void look_shutdown(const struct facts *f, struct finding *out)
{
	if (f->is_systemd && !unit_exists("multi-user.target.wants/" RETURN_UNIT))
		finding_add(out, RETURN_UNIT " is %s",
			    unit_exists(RETURN_UNIT) ? "not enabled" : "not installed");
}

/* ---- settings of LVM and multipath, in files with comments ---- */

struct setting {
	const char *key;
	char value[TREE_LINE_MAX];
	bool is_there;
	bool names_memtgt; /* MEMTGT stands somewhere in the file, whatever for */
};

/* "key = value" or "key value", also behind a brace; the last one counts. */
static int take_setting(const char *line, void *arg)
{
	struct setting *s = arg;
	char text[TREE_LINE_MAX + 1];
	size_t n = strlen(s->key);

	snprintf(text, sizeof(text), "%s", line);
	text[strcspn(text, "#!")] = '\0';
	s->names_memtgt |= strstr(text, "MEMTGT") != NULL;
	for (const char *p = text; (p = strstr(p, s->key)); p += n) {
		bool begins = p == text || strchr(" \t{/", p[-1]);
		if (!begins || !p[n] || !strchr(" \t=", p[n]))
			continue;
		const char *value = p + n + strspn(p + n, " \t=");
		snprintf(s->value, sizeof(s->value), "%s", value);
		s->value[strcspn(s->value, "}")] = '\0';
		s->is_there = true;
	}
	return 0;
}

static bool value_is(const struct setting *s, const char *word)
{
	const char *v = s->value + strspn(s->value, " \t\"");
	size_t n = strlen(word);

	return s->is_there && !strncmp(v, word, n) && !isalnum((unsigned char)v[n]);
}

/* lvmlocal.conf stands above lvm.conf. */
static void read_lvm(struct setting *s)
{
	(void)tree_lines("/etc/lvm/lvm.conf", take_setting, s);
	(void)tree_lines("/etc/lvm/lvmlocal.conf", take_setting, s);
}

void look_lvm_fault(const struct facts *f, struct finding *out)
{
	struct setting policy = {.key = "raid_fault_policy"};

	(void)f;
	read_lvm(&policy);
	if (value_is(&policy, "allocate"))
		finding_add(out, "raid_fault_policy is \"allocate\"");
}

/* A pattern that rejects all, without one that is about donors' disks. */
static bool rejects_all(const struct setting *filter)
{
	static const char *const accepted[] = {"MEMTGT", "memtgt", "wwn-", "scsi-", "iscsi"};
	bool rejects = false;

	for (const char *p = filter->value; (p = strstr(p, "\"r")); p += 2)
		rejects |= p[2] && (!strncmp(p + 3, ".*", 2) || p[3] == p[2]);
	for (size_t i = 0; i < COUNT(accepted); i++)
		rejects &= !strstr(filter->value, accepted[i]);
	return filter->is_there && rejects;
}

void look_lvm_devices(const struct facts *f, struct finding *out)
{
	struct setting use = {.key = "use_devicesfile"}, global = {.key = "global_filter"},
		       filter = {.key = "filter"};

	(void)f;
	read_lvm(&use);
	read_lvm(&global);
	read_lvm(&filter);
	if (value_is(&use, "1") ||
	    (!use.is_there && tree_exists("/etc/lvm/devices/system.devices")))
		finding_add(out, "only disks in /etc/lvm/devices/system.devices are seen");
	else if (rejects_all(&global) || rejects_all(&filter))
		finding_add(out, "the filter in /etc/lvm rejects all disks that it does not name");
}

static int take_multipath_file(const char *name, void *arg)
{
	char path[TREE_PATH_MAX];
	size_t n = strlen(name);

	if (n > 5 && !strcmp(name + n - 5, ".conf") &&
	    snprintf(path, sizeof(path), "/etc/multipath/conf.d/%s", name) < TREE_PATH_MAX)
		(void)tree_lines(path, take_setting, arg);
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
	(void)tree_lines("/etc/multipath.conf", take_setting, &find);
	(void)tree_each("/etc/multipath/conf.d", take_multipath_file, &find);
	for (size_t i = 0; i < COUNT(greedy); i++)
		if (value_is(&find, greedy[i]) && !find.names_memtgt)
			finding_add(out, "find_multipaths is %s", greedy[i]);
}
