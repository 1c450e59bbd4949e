/* SPDX-License-Identifier: MIT */
/* app_sort.h - a sort that needs all its memory: streams over it, finer and finer. */
#ifndef MEMTGT_APP_SORT_H
#define MEMTGT_APP_SORT_H

#include <stddef.h>
#include <stdint.h>

/* n random keys, the same each time. Returns what app_sort_bad() is to compare with. */
uint64_t app_sort_fill(uint64_t *keys, size_t n);
/* Ascending. */
void app_sort(uint64_t *keys, size_t n);
/* How many keys are less than the one before; one more if they are not those that were filled in.
 */
uint64_t app_sort_bad(const uint64_t *keys, size_t n, uint64_t filled);

#endif
