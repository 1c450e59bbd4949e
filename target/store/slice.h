/* SPDX-License-Identifier: MIT */
/* slice.h - the work of one call, cut at the borders of pages and leaves. */
#ifndef MEMTGT_STORE_SLICE_H
#define MEMTGT_STORE_SLICE_H

#include <stddef.h>
#include <stdint.h>

#include "store/table.h"

#define PAGE_MASK (STORE_PAGE_SIZE - 1)
/* Table entries and leaves one call looks at. */
#define SLICE_STEPS 65536u

static inline uint64_t slice_least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* What of [off, off+n) lies in the page of off. */
static inline size_t slice_share(uint64_t off, uint64_t n)
{
	return (size_t)slice_least(n, STORE_PAGE_SIZE - (off & PAGE_MASK));
}

/* The same for the page's leaf of the table. */
static inline uint64_t slice_leaf_share(uint64_t off, uint64_t n)
{
	const uint64_t leaf = TABLE_LEAF << STORE_PAGE_SHIFT;

	return slice_least(n, leaf - (off & (leaf - 1)));
}

#endif
