// SPDX-License-Identifier: MIT
/* block.c - /sys/class/block: slaves, holders, partitions. */
#include "initiator-tools/check/block.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "initiator-tools/check/tree.h"

/* Where sysfs has it: ".../host2/session1/target2:0:0/2:0:0:0/block/sda/sda1". */
static bool place_of(const char *name, char out[static PATH_MAX])
{
	char path[TREE_PATH_MAX];

	return *name && !strchr(name, '/') && tree_path(path, "/sys/class/block/%s", name) &&
	       realpath(path, out);
}

static bool is_partition(const char *name)
{
	return tree_exists("/sys/class/block/%s/partition", name);
}

static bool disk_of(const char *name, char out[static BLOCK_NAME_MAX + 1])
{
	char place[PATH_MAX];

	if (!is_partition(name)) {
		snprintf(out, BLOCK_NAME_MAX + 1, "%s", name);
		return true;
	}
	if (!place_of(name, place))
		return false;
	*strrchr(place, '/') = '\0';
	snprintf(out, BLOCK_NAME_MAX + 1, "%s", strrchr(place, '/') + 1);
	return true;
}

bool block_attribute(const char *name, const char *attribute, char *out, size_t n)
{
	char disk[BLOCK_NAME_MAX + 1], word[TREE_WORD_MAX];

	if (!disk_of(name, disk) || !tree_word(word, "/sys/class/block/%s/%s", disk, attribute))
		return false;
	return (size_t)snprintf(out, n, "%s", word) < n;
}

struct walk {
	block_each_fn *fn;
	void *arg;
	unsigned depth;
	bool is_empty; /* nothing was below */
	const char *name;
};

static int step_down(const char *name, void *arg);
static int step_up(const char *name, void *arg);

static bool down(const char *name, block_each_fn *fn, void *arg, unsigned depth)
{
	struct walk w = {.fn = fn, .arg = arg, .depth = depth + 1, .is_empty = true};
	char disk[BLOCK_NAME_MAX + 1], path[TREE_PATH_MAX];

	if (depth == BLOCK_DEPTH_MAX || !disk_of(name, disk))
		return false;
	snprintf(path, sizeof(path), "/sys/class/block/%s/slaves", disk);
	if (tree_each(path, step_down, &w) > 0)
		return true;
	return w.is_empty && fn(disk, arg);
}

static int step_down(const char *name, void *arg)
{
	struct walk *w = arg;

	w->is_empty = false;
	return down(name, w->fn, w->arg, w->depth);
}

bool block_below(const char *name, block_each_fn *fn, void *arg)
{
	return down(name, fn, arg, 0);
}

static bool up(const char *name, block_each_fn *fn, void *arg, unsigned depth)
{
	struct walk w = {.fn = fn, .arg = arg, .depth = depth + 1, .name = name};
	char path[TREE_PATH_MAX];

	if (depth == BLOCK_DEPTH_MAX)
		return false;
	snprintf(path, sizeof(path), "/sys/class/block/%s/holders", name);
	if (tree_each(path, step_up, &w) > 0)
		return true;
	snprintf(path, sizeof(path), "/sys/class/block/%s", name);
	return tree_each(path, step_up, &w) > 0;
}

/* Of a disk's own folder only its partitions are meant: "sda" has "sda1". */
static int step_up(const char *name, void *arg)
{
	struct walk *w = arg;
	size_t n = strlen(w->name);
	bool is_holder = tree_exists("/sys/class/block/%s/holders/%s", w->name, name);

	if (!is_holder && (strncmp(name, w->name, n) != 0 || !is_partition(name)))
		return 0;
	return w->fn(name, w->arg) || up(name, w->fn, w->arg, w->depth);
}

bool block_above(const char *name, block_each_fn *fn, void *arg)
{
	return up(name, fn, arg, 0);
}

static bool is_of_session(const char *name, void *arg)
{
	char place[PATH_MAX];

	(void)arg;
	if (!place_of(name, place))
		return false;
	const char *session = strstr(place, "/session");
	return session && strspn(session + 8, "0123456789") && strstr(session, "/block/");
}

bool block_is_remote(const char *name)
{
	return block_below(name, is_of_session, NULL);
}

bool block_is_loan(const char *name)
{
	char word[TREE_WORD_MAX];

	return tree_word(word, "/sys/class/block/%s/dm/name", name) &&
	       !strncmp(word, BLOCK_GROUP, strlen(BLOCK_GROUP));
}

bool block_is_multipath(const char *name)
{
	char word[TREE_WORD_MAX];

	return tree_word(word, "/sys/class/block/%s/dm/uuid", name) && !strncmp(word, "mpath-", 6);
}

bool block_of_path(const char *path, char out[static BLOCK_NAME_MAX + 1])
{
	char full[TREE_PATH_MAX], place[PATH_MAX];

	if (strncmp(path, "/dev/", 5) != 0 || !tree_path(full, "%s", path))
		return false;
	/* A device that has no node any more still has its name. */
	const char *name = strrchr(realpath(full, place) ? place : path, '/') + 1;
	if (strlen(name) > BLOCK_NAME_MAX || !tree_exists("/sys/class/block/%s", name))
		return false;
	snprintf(out, BLOCK_NAME_MAX + 1, "%s", name);
	return true;
}
