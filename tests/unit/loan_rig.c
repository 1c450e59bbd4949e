// SPDX-License-Identifier: MIT
/* loan_rig.c - fake programs are one script under many names. */
#include "loan_rig.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "initiator-tools/host/disk.h"
#include "initiator-tools/host/tool.h"

#define PATH_BYTES 256

static const char *const programs[] = {
	"blkid",    "cryptsetup", "dmsetup",  "lvchange", "lvconvert", "lvcreate",
	"lvextend", "lvreduce",	  "lvremove", "lvs",	  "mkswap",    "pvcreate",
	"pvremove", "pvresize",	  "pvs",      "swapoff",  "swapon",    "vgcreate",
	"vgextend", "vgreduce",	  "vgremove", "wipefs",
};
#define NPROGRAMS (sizeof(programs) / sizeof(programs[0]))

/* PATH is the real one in it; answers are sourced. */
static const char script[] =
	"#!/bin/sh\n"
	"dir=${0%/*} name=${0##*/} config= line=$name\n"
	"for word; do\n"
	"	if [ \"$config\" ]; then printf %s \"$word\" >\"$dir/config\"; config=\n"
	"	elif [ \"$word\" = --config ]; then config=1\n"
	"	else line=\"$line $word\"; fi\n"
	"done\n"
	"echo \"$line\" >>\"$dir/log\"\n"
	"n=$(cat \"$dir/$name.count\" 2>/dev/null || echo 0)\n"
	"n=$((n + 1))\n"
	"echo $n >\"$dir/$name.count\"\n"
	"answer=$dir/$name.$n\n"
	"[ -e \"$answer\" ] || answer=$dir/$name.0\n"
	"[ ! -e \"$answer\" ] || . \"$answer\"\n";

const char *disk_root;
struct rig_disk rig_disks[26];
struct loan rig_loan;
int rig_permille;

static char folder[] = "/tmp/test_loan.XXXXXX", tools[PATH_BYTES], text[65536];
static const char *old_path;

static void write_file(const char *path, const char *what)
{
	FILE *f = fopen(path, "we");

	ck_assert_ptr_nonnull(f);
	fputs(what, f);
	ck_assert_int_eq(fclose(f), 0);
}

void rig_begin(void)
{
	char path[PATH_BYTES + 32];

	memcpy(folder + sizeof(folder) - 7, "XXXXXX", 6);
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(tools, sizeof(tools), "%s/tools", folder);
	ck_assert_int_eq(mkdir(tools, 0755), 0);
	for (size_t i = 0; i < NPROGRAMS; i++) {
		snprintf(path, sizeof(path), "%s/%s", tools, programs[i]);
		write_file(path, script);
		ck_assert_int_eq(chmod(path, 0755), 0);
	}
	old_path = tool_path;
	tool_path = tools;
	disk_root = folder;
	memset(rig_disks, 0, sizeof(rig_disks));
	rig_permille = -1;
	rig_loan = (struct loan){
		.wish = {.name = "x", .size = 8 << 20, .copies = 2, .priority = -1},
		.uuid = RIG_UUID,
		.swap_uuid = RIG_SWAP,
	};
}

void rig_end(void)
{
	char command[PATH_BYTES];

	loan_free(&rig_loan);
	tool_path = old_path;
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	ck_assert_int_eq(system(command), 0);
}

/* ---- programs ---- */

void rig_answer(const char *program, unsigned n, const char *what)
{
	char path[PATH_BYTES + 32];

	if (n) {
		snprintf(path, sizeof(path), "%s/%s.count", tools, program);
		FILE *f = fopen(path, "re");
		unsigned before = 0;
		if (f) {
			ck_assert_int_eq(fscanf(f, "%u", &before), 1);
			fclose(f);
		}
		n += before;
	}
	snprintf(path, sizeof(path), "%s/%s.%u", tools, program, n);
	write_file(path, what);
}

void rig_uninstall(const char *program)
{
	char path[PATH_BYTES + 32];

	snprintf(path, sizeof(path), "%s/%s", tools, program);
	ck_assert_int_eq(unlink(path), 0);
}

static void report(const char *program, unsigned n, const char *key, const char *rows)
{
	char what[16384];

	snprintf(what, sizeof(what), "cat <<'END'\n  {\"report\": [ {\"%s\": [%s]} ] }\nEND\n", key,
		 rows);
	rig_answer(program, n, what);
}

void rig_pvs(unsigned n, const char *rows)
{
	report("pvs", n, "pv", rows);
}

void rig_lvs(unsigned n, const char *rows)
{
	report("lvs", n, "lv", rows);
}

static const char *read_text(const char *name)
{
	char path[PATH_BYTES + 32];

	snprintf(path, sizeof(path), "%s/%s", tools, name);
	FILE *f = fopen(path, "re");
	size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;
	if (f)
		fclose(f);
	text[n] = '\0';
	return text;
}

const char *rig_log(void)
{
	char path[PATH_BYTES + 32];

	read_text("log");
	snprintf(path, sizeof(path), "%s/log", tools);
	unlink(path);
	return text;
}

const char *rig_config(void)
{
	return read_text("config");
}

/* ---- files and disks ---- */

void rig_file(const char *path, const char *what)
{
	char full[PATH_BYTES + 128];

	for (const char *p = path; (p = strchr(p, '/')); p++) {
		snprintf(full, sizeof(full), "%s/%.*s", folder, (int)(p - path), path);
		ck_assert(!mkdir(full, 0755) || errno == EEXIST);
	}
	snprintf(full, sizeof(full), "%s/%s", folder, path);
	write_file(full, what);
}

void rig_remove_file(const char *path)
{
	char full[PATH_BYTES + 128];

	snprintf(full, sizeof(full), "%s/%s", folder, path);
	ck_assert_int_eq(unlink(full), 0);
}

void rig_dm(unsigned minor, const char *name)
{
	char path[128], what[160];

	snprintf(path, sizeof(path), "sys/block/dm-%u/dm/name", minor);
	snprintf(what, sizeof(what), "%s\n", name);
	rig_file(path, what);
	snprintf(path, sizeof(path), "sys/block/dm-%u/dev", minor);
	snprintf(what, sizeof(what), "254:%u\n", minor);
	rig_file(path, what);
}

int disk_find(const struct loan_disk *d, struct disk *out)
{
	const struct rig_disk *r = &rig_disks[d->lun];

	*out = (struct disk){.session = -1, .host = -1};
	if (r->is_gone)
		return -ENOENT;
	out->is_logged_in = true;
	snprintf(out->name, sizeof(out->name), "sd%c", (char)('a' + d->lun));
	out->is_running = !r->is_out;
	out->is_same = !r->is_other;
	return 0;
}

/* ---- the loan ---- */

struct loan_leg *rig_leg(const char *letters, int done)
{
	struct loan_leg *leg = loan_add_leg(&rig_loan, strlen(letters));

	ck_assert_ptr_nonnull(leg);
	for (size_t i = 0; letters[i]; i++) {
		struct loan_disk *d = &leg->disks[i];
		snprintf(d->donor, sizeof(d->donor), "donor-%c", letters[0]);
		d->lun = (unsigned)(letters[i] - 'a');
		d->size = 64 << 20;
		d->used = 18 << 20;
		for (int s = 0; s <= done && s <= STEP_LABEL; s++)
			d->steps[s] = STEP_DONE;
	}
	for (int s = STEP_GROUP; s <= done && s <= STEP_MIRROR; s++)
		leg->steps[s] = STEP_DONE;
	leg->has_data = done >= STEP_MIRROR;
	return leg;
}

static void progress(void *arg, unsigned permille)
{
	(void)arg;
	rig_permille = (int)permille;
}

struct step rig_step(struct loan_leg *leg, int disk)
{
	return (struct step){.loan = &rig_loan,
			     .leg = leg,
			     .disk = disk < 0 ? NULL : &leg->disks[disk],
			     .progress = progress};
}
