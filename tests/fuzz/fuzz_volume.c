// SPDX-License-Identifier: MIT
/* fuzz_volume.c - any bytes as what LVM, device mapper and the kernel say of volumes and swap. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "initiator-tools/host/dm.h"
#include "initiator-tools/host/lvm_report.h"
#include "initiator-tools/host/swaps.h"

/* "sda" */
static void check_disk(const char *name)
{
	REQUIRE(memchr(name, '\0', DISK_NAME_MAX) && !strchr(name, '/'));
}

static void check_reports(const char *text, size_t n)
{
	struct lvm_pvs pvs;
	struct lvm_segments segments;

	REQUIRE(!lvm_read_pvs(text, n, &pvs) || !pvs.rows);
	for (size_t i = 0; i < pvs.n; i++) {
		check_disk(pvs.rows[i].disk);
		(void)lvm_has_tag(pvs.rows[i].tags, "b");
	}
	free(pvs.rows);
	REQUIRE(!lvm_read_segments(text, n, &segments) || !segments.rows);
	for (size_t i = 0; i < segments.n; i++) {
		check_disk(segments.rows[i].disk);
		REQUIRE(*segments.rows[i].volume && strlen(segments.rows[i].attr) == 10);
	}
	free(segments.rows);
}

static void check_mirror(const char *text, size_t n)
{
	struct dm_mirror m;

	if (dm_read_mirror(text, n, &m))
		REQUIRE(m.n && m.n <= DM_LEGS_MAX && strlen(m.health) == m.n);
}

static void check_swaps(const char *text, size_t n)
{
	struct swaps s;
	uint64_t bytes;

	if (swaps_parse(text, n, &s))
		REQUIRE(s.n <= SWAPS_MAX);
	for (size_t i = 0; i < s.n; i++)
		REQUIRE(s.areas[i].used <= s.areas[i].size);
	if (meminfo_parse(text, n, "MemAvailable", &bytes))
		REQUIRE(bytes % 1024 == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	/* Of just its size, so that a sanitizer sees a byte too far. */
	char *text = malloc(n ? n : 1);

	REQUIRE(text);
	if (n)
		memcpy(text, data, n);
	check_reports(text, n);
	check_mirror(text, n);
	check_swaps(text, n);
	free(text);
	return 0;
}
