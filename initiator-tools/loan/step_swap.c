// SPDX-License-Identifier: MIT
/* step_swap.c - the host swaps to the loan; and takes home what is swapped out, if it has room. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "initiator-tools/host/swaps.h"
#include "initiator-tools/host/tool.h"
#include "initiator-tools/loan/step.h"
#include "initiator-tools/loan/swap.h"

#define WHY_BYTES 300
#define MIB	  (1u << 20)

unsigned swap_stall_ms = 300000;

/* What device mapper calls it. */
static const char *device(const struct loan *l, char path[static LOAN_PATH_BYTES])
{
	loan_used_path(l, path);
	return strrchr(path, '/') + 1;
}

/* 0 and *out, which is NULL if the loan does not swap; `all` outlives it. */
static int find(struct step *s, struct swaps *all, const struct swap_area **out)
{
	char path[LOAN_PATH_BYTES];
	int err = swaps_read(all);

	*out = err ? NULL : swaps_find(all, device(s->loan, path));
	return err ? step_fail(s, -err, "/proc/swaps: %s", strerror(-err)) : 0;
}

/* ---- on ---- */

static int run_tool(struct step *s, const char *const argv[])
{
	struct spawn_result r;
	char why[WHY_BYTES];
	int err = tool_run(argv, &r, why, sizeof(why));

	return err ? step_fail(s, -err, "%s", why) : 0;
}

static int make(struct step *s, const char *path)
{
	const char *const argv[] = {"mkswap", "--uuid", s->loan->swap_uuid, path, NULL};

	return run_tool(s, argv);
}

static int swap_on(struct step *s, const char *path)
{
	char priority[16];
	const char *argv[] = {"swapon", "--discard=pages", path, NULL, NULL, NULL};

	if (s->loan->wish.priority >= 0) {
		snprintf(priority, sizeof(priority), "%d", s->loan->wish.priority);
		argv[2] = "--priority";
		argv[3] = priority;
		argv[4] = path;
	}
	return run_tool(s, argv);
}

int step_swap_run(struct step *s)
{
	char path[LOAN_PATH_BYTES];
	const struct swap_area *area;
	struct swaps all;

	if (s->loan->wish.kind != LOAN_SWAP)
		return 0;
	int err = find(s, &all, &area);
	if (err || area)
		return err;
	loan_used_path(s->loan, path);
	err = make(s, path);
	return err ? err : swap_on(s, path);
}

/* ---- off ---- */

/* What another area can take instead; one in memory cannot. */
static uint64_t room_elsewhere(const struct swaps *all, const struct swap_area *ours)
{
	uint64_t room = 0;

	for (size_t i = 0; i < all->n; i++)
		if (&all->areas[i] != ours && !strstr(all->areas[i].path, "/zram"))
			room += all->areas[i].size - all->areas[i].used;
	return room;
}

static int check_room(struct step *s, const struct swaps *all, const struct swap_area *area)
{
	uint64_t available;
	int err = meminfo_read("MemAvailable", &available);

	if (err)
		return step_fail(s, -err, "/proc/meminfo: %s", strerror(-err));
	available += room_elsewhere(all, area);
	if (area->used <= available)
		return 0;
	return step_fail(
		s, ENOMEM,
		"%llu MiB are swapped out to it, and this host has room for %llu MiB: %llu "
		"MiB of memory are missing; end programs, or add swap, and try again",
		(unsigned long long)(area->used + MIB - 1) / MIB,
		(unsigned long long)available / MIB,
		(unsigned long long)(area->used - available + MIB - 1) / MIB);
}

struct homecoming {
	struct step *s;
	uint64_t begun, used, since; /* so much was there first, and is there since then */
};

static bool go_on(void *arg)
{
	struct homecoming *h = arg;
	const struct swap_area *area;
	struct swaps all;
	uint64_t now = clock_now();

	/* While swapoff(2) runs the kernel still shows the area. */
	if (!find(h->s, &all, &area) && area && area->used != h->used) {
		h->used = area->used;
		h->since = now;
	}
	if (h->begun && h->used <= h->begun)
		step_progress(h->s, (unsigned)((h->begun - h->used) * 1000 / h->begun));
	return now - h->since < swap_stall_ms * NS_PER_MS;
}

static int swap_off(struct step *s, const struct swap_area *area)
{
	struct homecoming h = {s, area->used, area->used, clock_now()};
	const char *const argv[] = {"swapoff", area->path, NULL};
	struct spawn_result r;
	char why[WHY_BYTES];
	int err = tool_watch(argv, go_on, &h, &r, why, sizeof(why));

	if (err == -ETIMEDOUT)
		return step_fail(s, ETIMEDOUT, "swapoff: no page has come home for %u s",
				 swap_stall_ms / 1000);
	return err ? step_fail(s, -err, "%s", why) : 0;
}

/* Somebody else was quicker: systemd at a shutdown, say. */
static bool is_off(struct step *s)
{
	const struct swap_area *area;
	struct swaps all;

	return !find(s, &all, &area) && !area;
}

int step_swap_undo(struct step *s)
{
	const struct swap_area *area;
	struct swaps all;

	if (s->loan->wish.kind != LOAN_SWAP)
		return 0;
	int err = find(s, &all, &area);
	if (err || !area)
		return err;
	err = check_room(s, &all, area);
	if (!err)
		err = swap_off(s, area);
	return err && is_off(s) ? 0 : err;
}
