/* SPDX-License-Identifier: MIT */
/* swaps.h - /proc/swaps and /proc/meminfo: what swaps, and what memory there is. */
#ifndef MEMTGT_SWAPS_H
#define MEMTGT_SWAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SWAPS_MAX	64
#define SWAP_PATH_BYTES 256

struct swap_area {
	char path[SWAP_PATH_BYTES]; /* without the kernel's escapes */
	uint64_t size, used;	    /* bytes */
	int priority;
};

struct swaps {
	struct swap_area areas[SWAPS_MAX];
	size_t n;
};

/* The text of /proc/swaps; false: that is none. Lines that cannot be read are left out. */
bool swaps_parse(const char *text, size_t n, struct swaps *out);
/* The bytes of a line of /proc/meminfo, "MemAvailable". False: it has none. */
bool meminfo_parse(const char *text, size_t n, const char *name, uint64_t *out);

/* The same of the files. 0 or -errno. */
int swaps_read(struct swaps *out) __attribute__((warn_unused_result));
int meminfo_read(const char *name, uint64_t *out) __attribute__((warn_unused_result));

/*
 * The area on the device of device mapper with this name; NULL: it swaps nothing. The kernel shows
 * the path by which it was given, so what is compared is the device.
 */
const struct swap_area *swaps_find(const struct swaps *s, const char *dm_name);

#endif
