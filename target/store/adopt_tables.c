// SPDX-License-Identifier: MIT
/* adopt_tables.c - which pages the tables of kept LUNs name, and what is wrong in them. */
#include <inttypes.h>

#include "base/fail_point.h"
#include "base/log.h"
#include "store/adopt.h"

#define PAGE_MIB (STORE_PAGE_SIZE >> 20)

void adopt_each_entry(struct adoption *a, void (*fn)(struct adoption *a, struct store_lun *l,
						     uint64_t page, uint32_t entry))
{
	for (unsigned slot = 0; slot < TABLES_MAX; slot++) {
		struct store_lun *l = a->s->kept[slot];
		uint64_t page = 0;

		while (l && page < TABLE_LEAVES * TABLE_LEAF) {
			uint32_t e = table_entry(&l->table, page);

			if (e)
				fn(a, l, page, e);
			page = table_leaf(&l->table, page) ? page + 1 : table_next_leaf(page);
		}
	}
}

static void set(struct store_lun *l, uint64_t page, uint32_t entry)
{
	atomic_store(&l->table.entry[page], entry);
	FAIL_POINT(ADOPT_ENTRY);
}

void adopt_lose(struct store_lun *l, uint64_t page)
{
	set(l, page, TABLE_LOST);
	l->lost++;
	if (l->lost == 1)
		log_error("store: the LUN of table %u has lost the 2 MiB at %" PRIu64
			  " MiB, and maybe more: it is read-only, and reads of them fail",
			  l->table.slot, page * PAGE_MIB);
}

static void name(struct adoption *a, struct store_lun *l, uint64_t page, uint32_t entry)
{
	const uint32_t num = entry & ~TABLE_ANCHORED;

	if (page >= l->table.pages) {
		set(l, page, 0); /* it was being cut off, or was not added yet */
	} else if (num == TABLE_LOST) {
		l->lost++;
	} else if (!num || num > a->file_pages) {
		adopt_lose(l, page);
	} else {
		if (num != entry)
			set(l, page, num);
		if (pool_bit(a->named, num)) {
			pool_set_bit(a->twice, num);
			a->doubles++;
		}
		pool_set_bit(a->named, num);
		l->pages++;
	}
}

/* Nobody can tell whose it is, so nobody gets it. */
static void lose_double(struct adoption *a, struct store_lun *l, uint64_t page, uint32_t entry)
{
	if (entry & TABLE_LOST || !pool_bit(a->twice, entry))
		return;
	adopt_lose(l, page);
	l->pages--;
}

/* A full LUN has all its pages. */
static int lose_holes(struct store_lun *l)
{
	int rc = 0;

	if (l->provisioning != STORE_FULL || l->pages + l->lost == l->table.pages)
		return 0;
	for (uint64_t page = 0; page < l->table.pages && !rc; page++) {
		if (table_entry(&l->table, page))
			continue;
		rc = table_leaf_make(&l->table, page);
		if (!rc)
			adopt_lose(l, page);
	}
	return rc;
}

int adopt_tables(struct adoption *a)
{
	int rc = 0;

	adopt_each_entry(a, name);
	if (a->doubles)
		adopt_each_entry(a, lose_double);
	for (uint32_t i = 0; a->doubles && i <= a->file_pages / 64; i++)
		a->named[i] &= ~a->twice[i];
	for (unsigned slot = 0; slot < TABLES_MAX && !rc; slot++)
		if (a->s->kept[slot])
			rc = lose_holes(a->s->kept[slot]);
	return rc;
}
