// SPDX-License-Identifier: MIT
/*
 * resize.c - a LUN grows and shrinks while readers use what stays.
 *
 * Behind the end of a LUN its last page is zero at all times, so that growth shows nothing old.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/fail_point.h"
#include "store/internal.h"
#include "store/slice.h"

static uint64_t count_mapped(const struct store_lun *l, uint64_t page, uint64_t end)
{
	uint64_t n = 0;

	while (page < end) {
		if (table_leaf(&l->table, page))
			n += table_get(&l->table, page++) != 0;
		else
			page = table_next_leaf(page);
	}
	return n;
}

/* What the page in which the new end lies has behind it: NULL if nothing, or no page. */
static uint8_t *tail(const struct store_lun *l, uint64_t bytes, size_t *n)
{
	uint32_t num = bytes & PAGE_MASK ? table_get(&l->table, bytes >> STORE_PAGE_SHIFT) : 0;

	*n = STORE_PAGE_SIZE - (bytes & PAGE_MASK);
	return num ? pool_page(&l->store->pool, num) + (bytes & PAGE_MASK) : NULL;
}

static bool tail_is_zero(const struct store_lun *l, const uint8_t *p, size_t n)
{
	bool gone;

	return poison_agree(p, l->store->zero, n, &gone) == n;
}

void lun_clear_tail(struct store_lun *l)
{
	size_t n;
	uint8_t *p = tail(l, l->bytes, &n);

	/* What is gone of it stays so: it is no data, also when the LUN has grown. */
	if (p && !tail_is_zero(l, p, n))
		(void)poison_zero(p, n);
}

static int check_empty(const struct store_lun *l, uint64_t bytes, char *why, size_t why_len)
{
	size_t n;
	const uint8_t *p = tail(l, bytes, &n);
	uint64_t held = count_mapped(l, pages_of(bytes), l->table.pages);

	if (!held && (!p || tail_is_zero(l, p, n)))
		return 0;
	if (l->provisioning == STORE_FULL)
		snprintf(why, why_len,
			 "a full LUN has memory to its end, and what is in it would be lost: use "
			 "force if nobody needs it");
	else if (held)
		snprintf(why, why_len,
			 "%" PRIu64 " MiB are in use behind the new end, and would be lost: unmap "
			 "them (fstrim, blkdiscard), or use force if nobody needs them",
			 held * (STORE_PAGE_SIZE >> 20));
	else
		snprintf(why, why_len,
			 "data lies right behind the new end, and would be lost: unmap it (fstrim, "
			 "blkdiscard), or use force if nobody needs it");
	return -EBUSY;
}

static int shrink(struct store_reader *r, struct store_lun *l, uint64_t bytes, bool force,
		  char *why, size_t why_len)
{
	uint64_t pages = pages_of(bytes), had = l->table.pages;
	int rc = force ? 0 : check_empty(l, bytes, why, why_len);

	if (rc)
		return rc;
	rc = lun_record_bytes(l, bytes);
	if (rc) {
		snprintf(why, why_len, "cannot keep a record of the size: %s", strerror(-rc));
		return rc;
	}
	FAIL_POINT(SHRINK_RECORD);
	l->bytes = bytes;
	lun_clear_tail(l);
	FAIL_POINT(SHRINK_TAIL);
	lun_cut(r, l, pages, had);
	FAIL_POINT(SHRINK_CUT);
	l->table.pages = pages;
	pool_unlend(&l->store->pool, had - pages, 0);
	return 0;
}

/* Pages that are on their way back to the pool may be among those wanted: this reader is not to
 * hold them back. Nobody else looks behind the end. */
static int fill(struct store_reader *r, struct store_lun *l, uint64_t from, uint64_t end,
		uint64_t *done)
{
	store_reader_offline(r);
	int rc = lun_fill(l, from, end, NULL, NULL, done);

	store_reader_online(r);
	return rc;
}

static int grow(struct store_reader *r, struct store_lun *l, uint64_t bytes, char *why,
		size_t why_len)
{
	uint64_t pages = pages_of(bytes), had = l->table.pages, done = 0;
	uint64_t owed = l->provisioning == STORE_FULL ? pages - had : 0;
	int rc = owed ? fill(r, l, had, pages, &done) : 0;

	if (rc)
		lun_explain_fill(l, rc, done, pages - had, why, why_len);
	FAIL_POINT(GROW_FILLED);
	if (!rc) {
		/* Before anybody can write there: what he wrote would be behind the end. */
		rc = lun_record_bytes(l, bytes);
		if (rc)
			snprintf(why, why_len, "cannot keep a record of the size: %s",
				 strerror(-rc));
	}
	FAIL_POINT(GROW_RECORD);
	if (rc) {
		pool_unlend(&l->store->pool, pages - had, owed - done);
		lun_cut(NULL, l, had, pages);
		return rc;
	}
	l->table.pages = pages;
	l->bytes = bytes;
	return 0;
}

int store_lun_resize(struct store_reader *r, struct store_lun *l, uint64_t bytes, bool force,
		     char *why, size_t why_len)
{
	int rc = lun_lend(l->store, bytes, l->bytes, l->provisioning, why, why_len);

	if (rc)
		return rc;
	return bytes < l->bytes ? shrink(r, l, bytes, force, why, why_len)
				: grow(r, l, bytes, why, why_len);
}
