// SPDX-License-Identifier: MIT
/*
 * data.c - bytes in and out of a LUN.
 *
 * A page number read from the table is good until the reader's next quiet point, also if the page
 * leaves the table meanwhile: a write then lands in a page that nobody reads any more, which is the
 * order "written, then unmapped".
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/fail_point.h"
#include "store/internal.h"
#include "store/slice.h"

static bool in_range(const struct store_lun *l, uint64_t off, uint64_t n)
{
	uint64_t bytes = l->bytes;

	return off <= bytes && n <= bytes - off;
}

const uint8_t *store_at(const struct store_lun *l, uint64_t off, size_t want, size_t *have)
{
	assert(in_range(l, off, want));
	*have = slice_share(off, want);
	uint32_t num = want ? table_get(&l->table, off >> STORE_PAGE_SHIFT) : 0;
	/* From its start, so that reads of holes share cache lines. */
	return num ? pool_page(&l->store->pool, num) + (off & PAGE_MASK) : l->store->zero;
}

static bool is_zero(const struct store *s, const void *p, size_t n)
{
	return memcmp(p, s->zero, n) == 0;
}

static bool mapped(const struct store_lun *l, uint64_t off)
{
	return table_get(&l->table, off >> STORE_PAGE_SHIFT) != 0;
}

static uint8_t *in_page(const struct store_lun *l, uint64_t off, uint32_t entry)
{
	return pool_page(&l->store->pool, entry & ~TABLE_ANCHORED) + (off & PAGE_MASK);
}

/* Where to write at off; the page is got if there is none. When that is done: written(). */
static int writable(struct store_lun *l, uint64_t off, uint8_t **at)
{
	uint32_t entry;
	int rc = lun_page_make(l, off >> STORE_PAGE_SHIFT, LUN_FROM_RESERVE, 0, &entry);

	if (!rc)
		*at = in_page(l, off, entry);
	return rc;
}

/* What was written must be seen before the entry is looked at. ThreadSanitizer knows no fences. */
static void fence(void)
{
#if defined(__SANITIZE_THREAD__)
	static _Thread_local _Atomic int any;

	atomic_exchange(&any, 1);
#else
	atomic_thread_fence(memory_order_seq_cst);
#endif
}

/* If the page is anchored, or was anchored by somebody meanwhile, it is so no more: see table.h. */
static void written(struct store_lun *l, uint64_t off)
{
	FAIL_POINT(PAGE_WRITTEN);
	fence();
	lun_page_map(l, off >> STORE_PAGE_SHIFT);
}

int64_t store_write(struct store_reader *r, struct store_lun *l, uint64_t off, const void *p,
		    size_t n)
{
	const uint8_t *from = p;
	size_t done = 0;

	assert(r->online && in_range(l, off, n));
	if (!lun_may_write(l))
		return -EAGAIN;
	while (done < n) {
		size_t part = slice_share(off + done, n - done);

		if (mapped(l, off + done) || !is_zero(l->store, from + done, part)) {
			uint8_t *at;
			int rc = writable(l, off + done, &at);
			if (rc)
				return done ? (int64_t)done : rc;
			memcpy(at, from + done, part);
			written(l, off + done);
		}
		done += part;
	}
	return (int64_t)done;
}

/* What a call has done so far, and the pages it took out. */
struct slice {
	uint64_t zeroed;
	uint32_t steps, made;
	struct page_list out;
};

static bool slice_left(const struct slice *s)
{
	return s->zeroed < STORE_SLICE_BYTES && s->steps < SLICE_STEPS &&
	       s->out.n + s->made < STORE_SLICE_PAGES;
}

/* Is this share of a page all that the LUN has of it? */
static bool whole_page(const struct store_lun *l, uint64_t off, size_t n)
{
	return (off & PAGE_MASK) == 0 && n == slice_least(STORE_PAGE_SIZE, l->bytes - off);
}

/* Clears from the front of [off, off+len) up to the end of a page or leaf; returns the bytes. */
static uint64_t clear_part(struct store_lun *l, uint64_t off, uint64_t len, bool release,
			   struct slice *s)
{
	uint64_t page = off >> STORE_PAGE_SHIFT;
	size_t part = slice_share(off, len);

	s->steps++;
	if (!table_leaf(&l->table, page))
		return slice_leaf_share(off, len);
	uint32_t num = table_get(&l->table, page);
	if (!num)
		return part;
	if (release && whole_page(l, off, part)) {
		lun_page_drop(l, page, &s->out);
		return part;
	}
	part = (size_t)slice_least(part, STORE_SLICE_BYTES - s->zeroed);
	FAIL_POINT(PAGE_CLEAR);
	memset(pool_page(&l->store->pool, num) + (off & PAGE_MASK), 0, part);
	s->zeroed += part;
	return part;
}

static uint64_t clear(struct store_reader *r, struct store_lun *l, uint64_t off, uint64_t len,
		      bool release)
{
	struct slice s = {0};
	uint64_t done = 0;

	assert(r->online && in_range(l, off, len));
	while (done < len && slice_left(&s))
		done += clear_part(l, off + done, len - done, release, &s);
	if (s.out.n)
		retire_pages(r, &s.out);
	return done;
}

uint64_t store_unmap(struct store_reader *r, struct store_lun *l, uint64_t off, uint64_t len)
{
	return clear(r, l, off, len, l->provisioning == STORE_THIN);
}

/* ---- anchors ---- */

/* A page that is there. Its zeroing is not cut in two, since the rest would not be a whole page any
 * more: false, that is for the next slice. */
static bool anchor_there(struct store_lun *l, uint64_t off, size_t part, uint32_t entry,
			 struct slice *s)
{
	if (entry & TABLE_ANCHORED)
		return true;
	if (s->zeroed + part > STORE_SLICE_BYTES)
		return false;
	if (l->provisioning == STORE_THIN && !lun_page_anchor(l, off >> STORE_PAGE_SHIFT, entry))
		return true; /* taken out, or anchored, or written, by another just now */
	FAIL_POINT(ANCHOR_SET);
	memset(in_page(l, off, entry), 0, part);
	s->zeroed += part;
	FAIL_POINT(ANCHOR_DONE);
	return true;
}

/* From the front of [off, off+len) to the end of a page; *part: 0, the slice ends here. */
static int anchor_part(struct store_lun *l, uint64_t off, uint64_t len, struct slice *s,
		       size_t *part)
{
	uint64_t page = off >> STORE_PAGE_SHIFT;
	uint32_t e = table_entry(&l->table, page);

	*part = slice_share(off, len);
	if (!whole_page(l, off, *part)) {
		*part = (size_t)clear_part(l, off, *part, false, s);
		return 0;
	}
	s->steps++;
	if (e & TABLE_LOST)
		return -EIO;
	if (!e) {
		s->made++;
		return lun_page_make(l, page, LUN_FROM_RESERVE, TABLE_ANCHORED, &e);
	}
	if (!anchor_there(l, off, *part, e, s))
		*part = 0;
	return 0;
}

int64_t store_anchor(struct store_reader *r, struct store_lun *l, uint64_t off, uint64_t len)
{
	struct slice s = {0};
	uint64_t done = 0;
	size_t part = 1;

	assert(r->online && in_range(l, off, len));
	while (done < len && part && slice_left(&s)) {
		int rc = anchor_part(l, off + done, len - done, &s, &part);

		if (rc)
			return done ? (int64_t)done : rc;
		done += part;
	}
	return (int64_t)done;
}

/* Each copy is made from the block itself: a copy of what was just written could carry another
 * session's write of it along. */
static void replicate(uint8_t *at, size_t n, const uint8_t *block, size_t block_size)
{
	for (size_t i = 0; i < n; i += block_size)
		memcpy(at + i, block, block_size);
}

int64_t store_fill(struct store_reader *r, struct store_lun *l, uint64_t off, uint64_t len,
		   const uint8_t *block, size_t block_size)
{
	uint64_t done = 0;

	assert(r->online && in_range(l, off, len));
	assert(block_size && STORE_PAGE_SIZE % block_size == 0);
	assert(off % block_size == 0 && len % block_size == 0);
	if (!lun_may_write(l))
		return -EAGAIN;
	if (is_zero(l->store, block, block_size))
		return (int64_t)clear(r, l, off, len, false);
	len = slice_least(len, STORE_SLICE_BYTES);
	while (done < len) {
		size_t part = slice_share(off + done, len - done);
		uint8_t *at;
		int rc = writable(l, off + done, &at);
		if (rc)
			return done ? (int64_t)done : rc;
		replicate(at, part, block, block_size);
		written(l, off + done);
		done += part;
	}
	return (int64_t)done;
}
