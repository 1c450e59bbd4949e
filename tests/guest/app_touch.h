/* SPDX-License-Identifier: MIT */
/*
 * app_touch.h - pages that are touched one after the other, in random order; how long each kept its
 * program waiting, and whether it is the page that was left.
 */
#ifndef MEMTGT_APP_TOUCH_H
#define MEMTGT_APP_TOUCH_H

#include <stddef.h>
#include <stdint.h>

#define APP_PAGE 4096u

struct app_touch {
	uint64_t *memory; /* the caller's */
	uint32_t *rounds; /* the caller's: how often each page was written */
	size_t pages;
	uint64_t touches;
	uint64_t bad; /* pages that were not as they were left */
};

/* Writes all pages. */
void app_touch_fill(struct app_touch *t, uint64_t *memory, uint32_t *rounds, size_t pages);
/* Touches the next page, looks at it, and writes it. Returns the nanoseconds of the touch alone. */
uint64_t app_touch_next(struct app_touch *t);

#endif
