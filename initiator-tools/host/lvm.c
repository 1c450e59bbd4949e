// SPDX-License-Identifier: MIT
/* lvm.c - the words of each command, and the configuration that all of them get. */
#include "initiator-tools/host/lvm.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "initiator-tools/host/tool.h"

#define PATH_BYTES  (DISK_NAME_MAX + 5)
#define WORDS_MAX   (LVM_DISKS_MAX + 24)
#define SIZE_BYTES  24
#define EXTENT_WORD "4194304b" /* LOAN_EXTENT */
#define ALIGN_WORD  "2097152b" /* LVM_DATA_BEGIN */

/* md_component_detection reads the ends of disks; hints name disks that the filter leaves out. */
/* clang-format off */
#define SETTINGS                                                               \
	" use_devicesfile=0 md_component_detection=0 hints=\"none\" scan_lvs=0"  \
	" preferred_names=[\"^/dev/sd\"] issue_discards=0 }"                     \
	" activation { raid_fault_policy=\"warn\" monitoring=0 }"                \
	" backup { backup=0 archive=0 }"                                         \
	" global { event_activation=0 use_lvmpolld=0 }"                          \
	" report { mark_hidden_devices=1 }"                                      \
	" config { checks=0 }"
/* clang-format on */

static void put_filter(FILE *f, const char *key, struct lvm_disks seen)
{
	fprintf(f, " %s=[", key);
	for (size_t i = 0; i < seen.n; i++)
		fprintf(f, "\"a|^/dev/%s$|\",", seen.names[i]);
	fputs("\"r|.*|\"]", f);
}

static char *make_config(struct lvm_disks seen)
{
	size_t n;
	char *text = NULL;
	FILE *f = open_memstream(&text, &n);

	if (!f)
		return NULL;
	fputs("devices {", f);
	put_filter(f, "filter", seen);
	put_filter(f, "global_filter", seen);
	fputs(SETTINGS, f);
	if (!fclose(f))
		return text;
	free(text);
	return NULL;
}

int lvm_open(struct lvm *l, const char *group, struct lvm_disks seen)
{
	*l = (struct lvm){.config = make_config(seen)};
	snprintf(l->group, sizeof(l->group), "%s", group);
	return l->config ? 0 : -ENOMEM;
}

void lvm_close(struct lvm *l)
{
	free(l->config);
	l->config = NULL;
}

/* ---- words ---- */

struct words {
	const char *v[WORDS_MAX + 1];
	size_t n;
	char target[2 * LVM_NAME_BYTES], size[SIZE_BYTES], paths[LVM_DISKS_MAX][PATH_BYTES];
};

/* A command of LVM, without what it is about. */
#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void begin(struct words *w, const struct lvm *l, const char *const head[])
{
	w->n = 0;
	w->v[w->n++] = head[0];
	w->v[w->n++] = "--config";
	w->v[w->n++] = l->config;
	while (*++head)
		w->v[w->n++] = *head;
	w->v[w->n] = NULL;
}

static void add(struct words *w, const char *word)
{
	w->v[w->n++] = word;
	w->v[w->n] = NULL;
}

static void add_size(struct words *w, const char *option, uint64_t bytes)
{
	snprintf(w->size, sizeof(w->size), "%llub", (unsigned long long)bytes);
	add(w, option);
	add(w, w->size);
}

static void add_volume(struct words *w, const struct lvm *l, const char *volume)
{
	snprintf(w->target, sizeof(w->target), "%s/%s", l->group, volume);
	add(w, w->target);
}

/* Commands that stop a volume for a moment, and would leave it so if they were killed then. */
static bool is_delicate(const char *program)
{
	static const char *const names[] = {"lvchange", "lvconvert", "lvextend", "lvreduce",
					    "vgreduce"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(program, names[i]))
			return true;
	return false;
}

static int run(struct lvm *l, struct words *w, struct lvm_disks d)
{
	struct spawn_result r;

	if (d.n > LVM_DISKS_MAX) {
		snprintf(l->why, sizeof(l->why), "%s: too many disks", w->v[0]);
		return -E2BIG;
	}
	for (size_t i = 0; i < d.n; i++) {
		snprintf(w->paths[i], PATH_BYTES, "/dev/%s", d.names[i]);
		add(w, w->paths[i]);
	}
	return is_delicate(w->v[0]) ? tool_run_patiently(w->v, &r, l->why, sizeof(l->why))
				    : tool_run(w->v, &r, l->why, sizeof(l->why));
}

static const struct lvm_disks no_disks;

/* About the group. */
static int run_group(struct lvm *l, const char *const head[], struct lvm_disks d)
{
	struct words w;

	begin(&w, l, head);
	add(&w, l->group);
	return run(l, &w, d);
}

/* About a volume; bytes 0: no size. */
static int run_volume(struct lvm *l, const char *const head[], uint64_t bytes, const char *volume,
		      struct lvm_disks d)
{
	struct words w;

	begin(&w, l, head);
	if (bytes)
		add_size(&w, "--size", bytes);
	add_volume(&w, l, volume);
	return run(l, &w, d);
}

/* ---- commands ---- */

static int ask(struct lvm *l, const char *const head[], const char *about, struct spawn_result *r)
{
	struct words w;

	begin(&w, l, head);
	if (about)
		add(&w, about);
	return tool_ask(w.v, r, l->why, sizeof(l->why));
}

static int unreadable(struct lvm *l, const char *program, int err)
{
	if (err)
		snprintf(l->why, sizeof(l->why), "%s: what it says cannot be read: %s", program,
			 strerror(-err));
	return err;
}

int lvm_pvs(struct lvm *l, struct lvm_pvs *out)
{
	struct spawn_result r;
	int err = ask(l, WORDS("pvs", "--reportformat", "json", "--options", LVM_PV_FIELDS), NULL,
		      &r);

	*out = (struct lvm_pvs){0};
	return err ? err : unreadable(l, "pvs", lvm_read_pvs(r.out, r.len, out));
}

int lvm_segments(struct lvm *l, struct lvm_segments *out)
{
	struct spawn_result r;
	int err = ask(l,
		      WORDS("lvs", "--all", "--reportformat", "json", "--units", "b", "--nosuffix",
			    "--options", LVM_SEGMENT_FIELDS),
		      l->group, &r);

	*out = (struct lvm_segments){0};
	return err ? err : unreadable(l, "lvs", lvm_read_segments(r.out, r.len, out));
}

int lvm_pv_create(struct lvm *l, const char *disk, uint64_t bytes)
{
	lvm_disk name;
	struct words w;

	snprintf(name, sizeof(name), "%s", disk);
	begin(&w, l, WORDS("pvcreate", "--yes", "--dataalignment", ALIGN_WORD));
	if (bytes)
		add_size(&w, "--setphysicalvolumesize", bytes);
	return run(l, &w, (struct lvm_disks){&name, 1});
}

int lvm_pv_resize(struct lvm *l, const char *disk, uint64_t bytes)
{
	lvm_disk name;
	struct words w;

	snprintf(name, sizeof(name), "%s", disk);
	begin(&w, l, WORDS("pvresize", "--yes"));
	if (bytes)
		add_size(&w, "--setphysicalvolumesize", bytes);
	return run(l, &w, (struct lvm_disks){&name, 1});
}

int lvm_pv_remove(struct lvm *l, struct lvm_disks d, bool is_forced)
{
	struct words w;

	begin(&w, l, WORDS("pvremove", "--yes"));
	if (is_forced) {
		add(&w, "--force");
		add(&w, "--force");
	}
	return run(l, &w, d);
}

int lvm_group_create(struct lvm *l, const char *tag, struct lvm_disks d)
{
	return run_group(
		l, WORDS("vgcreate", "--yes", "--physicalextentsize", EXTENT_WORD, "--addtag", tag),
		d);
}

int lvm_group_extend(struct lvm *l, struct lvm_disks d)
{
	return run_group(l, WORDS("vgextend", "--yes"), d);
}

int lvm_group_reduce(struct lvm *l, struct lvm_disks d)
{
	return run_group(l, WORDS("vgreduce", "--yes"), d);
}

int lvm_group_remove(struct lvm *l)
{
	return run_group(l, WORDS("vgremove", "--yes"), no_disks);
}

int lvm_group_forget_missing(struct lvm *l)
{
	return run_group(l, WORDS("vgreduce", "--yes", "--removemissing", "--force"), no_disks);
}

/* The target has zeroes there already; and wiping would need it to be active. */
int lvm_create(struct lvm *l, const char *volume, uint64_t bytes, struct lvm_disks d)
{
	struct words w;

	begin(&w, l,
	      WORDS("lvcreate", "--yes", "--activate", "n", "--zero", "n", "--wipesignatures", "n",
		    "--setactivationskip", "y", "--type", "linear"));
	add_size(&w, "--size", bytes);
	add(&w, "--name");
	add(&w, volume);
	add(&w, l->group);
	return run(l, &w, d);
}

int lvm_activate(struct lvm *l, const char *volume, bool is_degraded)
{
	return run_volume(l,
			  WORDS("lvchange", "--yes", "--activate", "y", "--ignoreactivationskip",
				"--activationmode", is_degraded ? "degraded" : "complete"),
			  0, volume, no_disks);
}

int lvm_deactivate(struct lvm *l, const char *volume)
{
	return run_volume(l, WORDS("lvchange", "--yes", "--activate", "n"), 0, volume, no_disks);
}

int lvm_refresh(struct lvm *l, const char *volume)
{
	return run_volume(l, WORDS("lvchange", "--yes", "--refresh"), 0, volume, no_disks);
}

int lvm_limit_rate(struct lvm *l, const char *volume, uint64_t bytes)
{
	struct words w;

	begin(&w, l, WORDS("lvchange", "--yes"));
	add_size(&w, "--maxrecoveryrate", bytes);
	add_volume(&w, l, volume);
	return run(l, &w, no_disks);
}

int lvm_add_image(struct lvm *l, const char *volume, struct lvm_disks d)
{
	return run_volume(l, WORDS("lvconvert", "--yes", "--type", "raid1", "--mirrors", "+1"), 0,
			  volume, d);
}

int lvm_drop_image(struct lvm *l, const char *volume, struct lvm_disks d)
{
	return run_volume(l, WORDS("lvconvert", "--yes", "--mirrors", "-1"), 0, volume, d);
}

int lvm_remove(struct lvm *l, const char *volume)
{
	return run_volume(l, WORDS("lvremove", "--yes"), 0, volume, no_disks);
}

int lvm_extend(struct lvm *l, const char *volume, uint64_t bytes, struct lvm_disks d)
{
	return run_volume(l, WORDS("lvextend", "--yes"), bytes, volume, d);
}

int lvm_reduce(struct lvm *l, const char *volume, uint64_t bytes)
{
	return run_volume(l, WORDS("lvreduce", "--yes", "--force"), bytes, volume, no_disks);
}
