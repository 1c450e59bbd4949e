// SPDX-License-Identifier: MIT
/* look_memory.c - how the kernel keeps memory at hand, and what it does when it has none. */
#include <string.h>

#include "initiator-tools/check/finding.h"
#include "initiator-tools/check/tree.h"

#define MIB		 ((uint64_t)1 << 20)
#define MIN_FREE_FLOOR	 (64 * MIB)
#define MIN_FREE_CEILING (1024 * MIB)
#define MIN_FREE_STEP	 (8 * MIB)
#define MIN_FREE_PERCENT 1
#define SMALL_PART	 8  /* of a small host's memory */
#define WATERMARK	 50 /* of 10000 */

/*
 * The reserve is for what must be had while everything else waits: packets with answers, and the
 * commands of a page-out. That grows with what can be under way, so with the links, not with the
 * memory; but zones share the reserve by their size, so a larger host needs more for the zone that
 * the packets come from: 1 %, and 64 MiB at least. Above 1 GiB it is a tenth of a second of a link
 * of 100 Gbit/s, and more would only be lost. A small host cannot give 64 MiB: an eighth is what
 * dm-crypt above raid1 was found to need (32 MiB of 256), and it has less under way.
 */
uint64_t memory_min_free_kib(uint64_t ram)
{
	uint64_t part = ram / 100 * MIN_FREE_PERCENT, small = ram / SMALL_PART;
	uint64_t floor = (small + MIN_FREE_STEP - 1) / MIN_FREE_STEP * MIN_FREE_STEP;
	uint64_t want = part > MIN_FREE_FLOOR ? part : MIN_FREE_FLOOR;

	if (want > floor)
		want = floor;
	if (want > MIN_FREE_CEILING)
		want = MIN_FREE_CEILING;
	return want >> 10;
}

/* A value of the kernel; unknown values are told. */
static bool value(struct finding *out, const char *key, const char *path, uint64_t *v)
{
	if (tree_number(v, "%s", path))
		return true;
	finding_unknown(out, "%s cannot be read", key);
	return false;
}

void look_min_free(const struct facts *f, struct finding *out)
{
	uint64_t have, want = memory_min_free_kib(f->ram);

	if (!value(out, "vm.min_free_kbytes", "/proc/sys/vm/min_free_kbytes", &have))
		return;
	if (!f->ram)
		finding_unknown(out, "how much memory this host has cannot be read");
	else if (have < want)
		finding_add(out, "vm.min_free_kbytes is %llu, %llu is wanted",
			    (unsigned long long)have, (unsigned long long)want);
}

void fix_min_free(const struct facts *f, struct cure *c)
{
	uint64_t have;

	if (f->ram && tree_number(&have, "/proc/sys/vm/min_free_kbytes") &&
	    have < memory_min_free_kib(f->ram))
		cure_sysctl(c, "vm.min_free_kbytes", memory_min_free_kib(f->ram));
}

void look_watermark(const struct facts *f, struct finding *out)
{
	uint64_t have;

	(void)f;
	if (value(out, "vm.watermark_scale_factor", "/proc/sys/vm/watermark_scale_factor", &have) &&
	    have < WATERMARK)
		finding_add(out, "vm.watermark_scale_factor is %llu, %d is wanted",
			    (unsigned long long)have, WATERMARK);
}

void fix_watermark(const struct facts *f, struct cure *c)
{
	(void)f;
	cure_sysctl(c, "vm.watermark_scale_factor", WATERMARK);
}

void look_page_cluster(const struct facts *f, struct finding *out)
{
	uint64_t have;

	(void)f;
	if (value(out, "vm.page-cluster", "/proc/sys/vm/page-cluster", &have) && !have)
		finding_add(out, "vm.page-cluster is 0");
}

/* Kernels without the detector have no such file, and do not panic. */
void look_hung_task(const struct facts *f, struct finding *out)
{
	uint64_t have;

	(void)f;
	if (tree_number(&have, "/proc/sys/kernel/hung_task_panic") && have)
		finding_add(out, "kernel.hung_task_panic is %llu", (unsigned long long)have);
}
