// SPDX-License-Identifier: MIT
/* whole.c - a write of all or nothing: one intent for all of it. */
#include <assert.h>
#include <errno.h>

#include "store/data.h"
#include "store/slice.h"

_Static_assert(STORE_WHOLE_MAX <= INTENT_MOST, "its data fits");
_Static_assert(STORE_WHOLE_MAX <= STORE_PAGE_SIZE && INTENT_RANGES >= 2, "and its pages");

/* What is to be written: the parts, and of each the offset and the entry. Zeroes into a hole are no
 * part. */
struct whole {
	struct intent_part part[INTENT_RANGES];
	uint64_t off[INTENT_RANGES];
	uint32_t entry[INTENT_RANGES];
	unsigned n;
};

/* 0, -EAGAIN, -ENOSPC, or -EIO. */
static int add(struct whole *w, struct store_lun *l, uint64_t off, const uint8_t *p, size_t n)
{
	uint32_t entry;

	if (!data_mapped(l, off) && data_is_zero(l->store, p, n))
		return 0;
	int rc = lun_page_make(l, off >> STORE_PAGE_SHIFT, LUN_FROM_RESERVE, 0, &entry);
	if (rc)
		return rc;
	w->part[w->n] = (struct intent_part){data_place(l, off, entry), p, n, 0};
	w->off[w->n] = off;
	w->entry[w->n++] = entry;
	return 0;
}

static int64_t write_parts(struct store_reader *r, struct store_lun *l, struct whole *w,
			   struct page_list *out)
{
	int64_t bad = -1; /* the first byte that is lost, by its offset in the LUN */

	intent_copy_whole(&r->pen, w->part, w->n);
	for (unsigned k = 0; k < w->n; k++) {
		const struct intent_part *p = &w->part[k];
		bool lost = p->good < p->n;

		data_written(l, w->off[k]);
		if (lost && data_whole_page(l, w->off[k], p->n))
			lost = data_renew(l, w->off[k], p->n, w->entry[k], 0, p->data, p->n, out);
		if (lost && bad < 0)
			bad = (int64_t)(w->off[k] + p->good);
	}
	return bad;
}

int64_t store_write_whole(struct store_reader *r, struct store_lun *l, uint64_t off, const void *p,
			  size_t n)
{
	struct page_list out = {0};
	struct whole w = {.n = 0};
	int rc = 0;

	assert(n <= STORE_WHOLE_MAX && r->online && off <= l->bytes && n <= l->bytes - off);
	if (!lun_may_write(l))
		return -EAGAIN;
	for (size_t done = 0, part; done < n && !rc; done += part) {
		part = slice_share(off + done, n - done);
		rc = add(&w, l, off + done, (const uint8_t *)p + done, part);
	}
	if (!rc)
		rc = intent_room(&r->pen, n);
	if (rc || !w.n)
		return rc ? rc : (int64_t)n;
	const int64_t bad = write_parts(r, l, &w, &out);
	data_retire(r, &out);
	if (bad < 0)
		return (int64_t)n;
	return bad > (int64_t)off ? bad - (int64_t)off : -EIO;
}
