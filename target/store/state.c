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

/* Pages that anchoring [off, off+len) would take, counted as far as `most`. */
static uint64_t holes_in(const struct store_lun *l, uint64_t off, uint64_t len, uint64_t most)
{
	uint64_t page = pages_of(off), end = (off + len) >> STORE_PAGE_SHIFT, n = 0;

	if (off + len == l->bytes)
		end = l->table.pages;
	for (unsigned steps = 0; page < end && n <= most && steps < SLICE_STEPS; steps++) {
		uint64_t next = page + 1;

		if (!table_leaf(&l->table, page))
			next = table_next_leaf(page);
		if (next > end)
			next = end;
		if (!table_entry(&l->table, page))
			n += next - page;
		page = next;
	}
	return n;
}

int store_anchor_check(struct store_lun *l, uint64_t off, uint64_t len, uint64_t *pages)
{
	uint64_t left = pool_could_give(&l->store->pool);

	if (l->provisioning == STORE_FULL)
		return 0;
	*pages += holes_in(l, off, len, left);
	return *pages > left ? -ENOSPC : 0;
}
