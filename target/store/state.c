// SPDX-License-Identifier: MIT
/* state.c - what lies under a range of a LUN, and whether the rest of it could be had. */
#include <assert.h>
#include <errno.h>

#include "store/internal.h"
#include "store/slice.h"

static enum store_state state(const struct store_lun *l, uint64_t page)
{
	uint32_t e = table_entry(&l->table, page);

	if (e & TABLE_ANCHORED)
		return STORE_ANCHORED;
	return e ? STORE_MAPPED : STORE_DEALLOCATED;
}

/* To the end of the page, or of a leaf that is not there. */
static uint64_t step(const struct store_lun *l, uint64_t off, uint64_t n)
{
	return table_leaf(&l->table, off >> STORE_PAGE_SHIFT) ? slice_share(off, n)
							      : slice_leaf_share(off, n);
}

enum store_state store_state(const struct store_lun *l, uint64_t off, uint64_t max, uint64_t *run)
{
	assert(off < l->bytes);
	if (max > l->bytes - off)
		max = l->bytes - off;
	*run = max;
	if (l->provisioning == STORE_FULL)
		return STORE_MAPPED;
	enum store_state answer = state(l, off >> STORE_PAGE_SHIFT);

	*run = 0;
	for (unsigned steps = 0; *run < max && steps < SLICE_STEPS; steps++) {
		if (state(l, (off + *run) >> STORE_PAGE_SHIFT) != answer)
			break;
		*run += step(l, off + *run, max - *run);
	}
	return answer;
}

/* ---- whether the rest could be had ---- */

void store_check_begin(struct store_lun *l, struct store_check *c)
{
	c->available = store_lun_available(l);
	c->looks = SLICE_STEPS;
}

/* Counts the holes among pages [page, end), as far as there are looks left; returns how far. */
static uint64_t count_holes(const struct store_lun *l, uint64_t page, uint64_t end,
			    struct store_check *c)
{
	for (; page < end && c->looks && c->pages <= c->available; c->looks--) {
		uint64_t next = table_leaf(&l->table, page)
					? page + 1
					: slice_least(table_next_leaf(page), end);

		if (!table_entry(&l->table, page))
			c->pages += next - page;
		page = next;
	}
	return page;
}

int64_t store_anchor_check(const struct store_lun *l, uint64_t off, uint64_t len,
			   struct store_check *c)
{
	uint64_t page = pages_of(off), end = (off + len) >> STORE_PAGE_SHIFT;

	if (l->provisioning == STORE_FULL)
		return (int64_t)len;
	if (off + len == l->bytes)
		end = l->table.pages;
	page = count_holes(l, page, end, c);
	if (c->pages > c->available)
		return pool_await(&l->store->pool, c->pages - c->available) ? -EAGAIN : -ENOSPC;
	return (int64_t)(page < end ? (page << STORE_PAGE_SHIFT) - off : len);
}
