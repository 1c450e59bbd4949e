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
#include "store/data.h"
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

bool data_is_zero(const struct store *s, const void *p, size_t n)
{
	return memcmp(p, s->zero, n) == 0;
}

bool data_mapped(const struct store_lun *l, uint64_t off)
{
	return table_entry(&l->table, off >> STORE_PAGE_SHIFT) != 0;
}

static uint8_t *in_page(const struct store_lun *l, uint64_t off, uint32_t entry)
{
	return pool_page(&l->store->pool, entry & ~TABLE_ANCHORED) + (off & PAGE_MASK);
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

struct intent_at data_place(const struct store_lun *l, uint64_t off, uint32_t entry)
{
	return (struct intent_at){.at = in_page(l, off, entry),
				  .slot = l->table.slot,
				  .num = entry & TABLE_NUMBER,
				  .page = (uint32_t)(off >> STORE_PAGE_SHIFT),
				  .from = (uint32_t)(off & PAGE_MASK)};
}

void data_written(struct store_lun *l, uint64_t off)
{
	FAIL_POINT(PAGE_WRITTEN);
	fence();
	lun_page_map(l, off >> STORE_PAGE_SHIFT);
}

bool data_whole_page(const struct store_lun *l, uint64_t off, size_t n)
{
	return (off & PAGE_MASK) == 0 && n == slice_least(STORE_PAGE_SIZE, l->bytes - off);
}

int data_renew(struct store_lun *l, uint64_t off, size_t n, uint32_t entry, uint32_t flags,
	       const uint8_t *block, size_t block_size, struct page_list *out)
{
	struct pool *p = &l->store->pool;
	struct page_list back = {0};
	uint32_t fresh;
	int rc = pool_get(p, &fresh);

	if (rc)
		return rc == -ENOSPC ? -EIO : rc;
	if (!block || poison_fill(pool_page(p, fresh), n, block, block_size) == n) {
		lun_page_renew(l, off >> STORE_PAGE_SHIFT, entry, fresh | flags, out);
		return 0;
	}
	page_list_push(p, &back, fresh);
	pool_put(p, &back);
	return -EIO;
}

/* Copies of a block, in one page. Returns the bytes, from the front, or -errno. */
static int64_t put(struct store_reader *r, struct store_lun *l, uint64_t off, size_t n,
		   const uint8_t *block, size_t block_size, struct page_list *out)
{
	uint32_t entry;
	int rc = lun_page_make(l, off >> STORE_PAGE_SHIFT, LUN_FROM_RESERVE, 0, &entry);

	if (rc)
		return rc;
	const struct intent_at at = data_place(l, off, entry);
	size_t good = block_size == n ? intent_copy(&r->pen, &at, n, block)
				      : intent_fill(&r->pen, &at, n, block, block_size);
	data_written(l, off);
	if (good < n && data_whole_page(l, off, n)) {
		rc = data_renew(l, off, n, entry, 0, block, block_size, out);
		return rc ? rc : (int64_t)n;
	}
	return good ? (int64_t)good : -EIO;
}

void data_retire(struct store_reader *r, struct page_list *out)
{
	if (out->n)
		retire_pages(r, out);
}

int64_t store_write(struct store_reader *r, struct store_lun *l, uint64_t off, const void *p,
		    size_t n)
{
	struct page_list out = {0};
	const uint8_t *from = p;
	size_t done = 0;
	int64_t got = 0;

	assert(r->online && in_range(l, off, n));
	if (!lun_may_write(l))
		return -EAGAIN;
	for (; done < n && got >= 0; done += got > 0 ? (size_t)got : 0) {
		size_t part = slice_share(off + done, n - done);

		got = (int64_t)part;
		if (data_mapped(l, off + done) || !data_is_zero(l->store, from + done, part))
			got = put(r, l, off + done, part, from + done, part, &out);
	}
	data_retire(r, &out);
	return done || got >= 0 ? (int64_t)done : got;
}

/* What a call has done so far, and the pages it took out. */
struct slice {
	struct store_reader *r;
	uint64_t zeroed;
	uint32_t steps, made;
	struct page_list out;
};

static bool slice_left(const struct slice *s)
{
	return s->zeroed < STORE_SLICE_BYTES && s->steps < SLICE_STEPS &&
	       s->out.n + s->made < STORE_SLICE_PAGES;
}

/* Zeroes in a page that is there, and stays. *part: 0, the slice ends here. */
static int zero(struct store_lun *l, uint64_t off, uint32_t entry, struct slice *s, uint64_t *part)
{
	const bool whole = data_whole_page(l, off, *part);

	/* What is whole is not cut in two: it may have to be renewed. */
	if (whole && s->zeroed && s->zeroed + *part > STORE_SLICE_BYTES) {
		*part = 0;
		return 0;
	}
	*part = slice_least(*part, STORE_SLICE_BYTES - s->zeroed);
	FAIL_POINT(PAGE_CLEAR);
	s->zeroed += *part;
	const struct intent_at at = data_place(l, off, entry);
	if (intent_zero(&s->r->pen, &at, (size_t)*part) == *part)
		return 0;
	return whole ? data_renew(l, off, 0, entry, 0, NULL, 0, &s->out) : -EIO;
}

/* Clears from the front of [off, off+len) up to the end of a page or leaf: *part bytes. */
static int clear_part(struct store_lun *l, uint64_t off, uint64_t len, bool release,
		      struct slice *s, uint64_t *part)
{
	uint64_t page = off >> STORE_PAGE_SHIFT;

	*part = slice_share(off, len);
	s->steps++;
	if (!table_leaf(&l->table, page)) {
		*part = slice_leaf_share(off, len);
		return 0;
	}
	uint32_t entry = table_entry(&l->table, page);
	if (!(entry & TABLE_NUMBER))
		return entry && !release ? -EIO : 0;
	if (!release || !data_whole_page(l, off, *part))
		return zero(l, off, entry, s, part);
	lun_page_drop(l, page, &s->out);
	return 0;
}

static int64_t clear(struct store_reader *r, struct store_lun *l, uint64_t off, uint64_t len,
		     bool release)
{
	struct slice s = {.r = r};
	uint64_t done = 0, part = 1;
	int rc = 0;

	assert(r->online && in_range(l, off, len));
	while (done < len && part && !rc && slice_left(&s)) {
		rc = clear_part(l, off + done, len - done, release, &s, &part);
		done += rc ? 0 : part;
	}
	data_retire(r, &s.out);
	return done || !rc ? (int64_t)done : rc;
}

int64_t store_unmap(struct store_reader *r, struct store_lun *l, uint64_t off, uint64_t len)
{
	return clear(r, l, off, len, l->provisioning == STORE_THIN);
}

/* ---- anchors ---- */

/* A page that is there. Its zeroing is not cut in two, since the rest would not be a whole page any
 * more: then *part is 0, that is for the next slice. */
static int anchor_there(struct store_lun *l, uint64_t off, uint32_t entry, struct slice *s,
			uint64_t *part)
{
	const uint32_t flags = l->provisioning == STORE_THIN ? TABLE_ANCHORED : 0;
	const uint64_t page = off >> STORE_PAGE_SHIFT;

	if (entry & TABLE_ANCHORED)
		return 0;
	if (s->zeroed + *part > STORE_SLICE_BYTES) {
		*part = 0;
		return 0;
	}
	if (flags && !lun_page_anchor(l, page, entry))
		return 0; /* taken out, or anchored, or written, by another just now */
	FAIL_POINT(ANCHOR_SET);
	s->zeroed += *part;
	const struct intent_at at = data_place(l, off, entry);
	size_t good = intent_zero(&s->r->pen, &at, (size_t)*part);
	FAIL_POINT(ANCHOR_DONE);
	if (good == *part)
		return 0;
	lun_page_map(l, page); /* it is not zero */
	return data_renew(l, off, 0, entry, flags, NULL, 0, &s->out);
}

/* From the front of [off, off+len) to the end of a page; *part: 0, the slice ends here. */
static int anchor_part(struct store_lun *l, uint64_t off, uint64_t len, struct slice *s,
		       uint64_t *part)
{
	uint64_t page = off >> STORE_PAGE_SHIFT;
	uint32_t e = table_entry(&l->table, page);

	*part = slice_share(off, len);
	if (!data_whole_page(l, off, *part))
		return clear_part(l, off, *part, false, s, part);
	s->steps++;
	if (e & TABLE_LOST)
		return -EIO;
	if (e)
		return anchor_there(l, off, e, s, part);
	s->made++;
	return lun_page_make(l, page, LUN_FROM_RESERVE, TABLE_ANCHORED, &e);
}

int64_t store_anchor(struct store_reader *r, struct store_lun *l, uint64_t off, uint64_t len)
{
	struct slice s = {.r = r};
	uint64_t done = 0, part = 1;
	int rc = 0;

	assert(r->online && in_range(l, off, len));
	while (done < len && part && !rc && slice_left(&s)) {
		rc = anchor_part(l, off + done, len - done, &s, &part);
		done += rc ? 0 : part;
	}
	data_retire(r, &s.out);
	return done || !rc ? (int64_t)done : rc;
}

int64_t store_fill(struct store_reader *r, struct store_lun *l, uint64_t off, uint64_t len,
		   const uint8_t *block, size_t block_size)
{
	struct page_list out = {0};
	uint64_t done = 0;
	int64_t got = 0;

	assert(r->online && in_range(l, off, len));
	assert(block_size && STORE_PAGE_SIZE % block_size == 0 && block_size <= INTENT_BLOCK);
	assert(off % block_size == 0 && len % block_size == 0);
	if (!lun_may_write(l))
		return -EAGAIN;
	if (data_is_zero(l->store, block, block_size))
		return clear(r, l, off, len, false);
	/* Pages that are whole are not cut in two: they may have to be renewed. */
	if (len > STORE_SLICE_BYTES)
		len = STORE_SLICE_BYTES - ((off + STORE_SLICE_BYTES) & PAGE_MASK);
	for (; done < len && got >= 0; done += got > 0 ? (uint64_t)got : 0)
		got = put(r, l, off + done, slice_share(off + done, len - done), block, block_size,
			  &out);
	data_retire(r, &out);
	return done || got >= 0 ? (int64_t)done : got;
}

/* ---- what is gone ---- */

uint64_t store_readable(const struct store_lun *l, uint64_t off, uint64_t len)
{
	const struct pool *p = &l->store->pool;
	uint64_t done = 0;

	if (!l->lost && !poison_any(&p->poison))
		return len;
	while (done < len) {
		const size_t part = slice_share(off + done, len - done);
		const uint32_t e = table_entry(&l->table, (off + done) >> STORE_PAGE_SHIFT);
		size_t good = e & TABLE_LOST ? 0 : part;

		if (poison_is(&p->poison, e & TABLE_NUMBER))
			good = poison_probe(in_page(l, off + done, e), part);
		done += good;
		if (good < part)
			break;
	}
	return done;
}

bool store_lost(const struct store_lun *l, uint64_t off, uint64_t len)
{
	return store_readable(l, off, len) < len;
}

uint64_t store_read(const struct store_lun *l, uint64_t off, void *p, size_t n)
{
	uint64_t good = store_readable(l, off, n);
	uint8_t *to = p;

	for (size_t done = 0, have; done < n; done += have) {
		const uint8_t *from = store_at(l, off + done, n - done, &have);
		size_t got = poison_copy_out(to + done, from, have);

		if (got == have)
			continue;
		if (done + got < good)
			good = done + got;
		memset(to + done, 0, have);
		(void)poison_copy_out(to + done, from, have);
	}
	return good;
}

int64_t store_agree(const struct store_lun *l, uint64_t off, const void *with, size_t n)
{
	const size_t readable = (size_t)store_readable(l, off, n);
	size_t done = 0, have = 0, same = 0;
	bool gone = !readable;

	for (; done < readable && same == have; done += same) {
		const uint8_t *at = store_at(l, off + done, readable - done, &have);

		same = poison_agree(at, (const uint8_t *)with + done, have, &gone);
	}
	return done || !gone ? (int64_t)done : -EIO;
}

size_t store_copy(void *to, const void *from, size_t n)
{
	return poison_copy_out(to, from, n);
}

void store_look(const void *at, size_t n)
{
	(void)poison_probe(at, n);
}

bool store_tell_lost(const struct store_lun *l, uint64_t off, uint64_t *from, uint64_t *len)
{
	struct poison *p = &l->store->pool.poison;
	const uint32_t num = table_get(&l->table, off >> STORE_PAGE_SHIFT);

	*from = off & ~(uint64_t)PAGE_MASK;
	*len = slice_least(STORE_PAGE_SIZE, l->bytes - *from);
	return poison_is(p, num) && poison_tell(p, num);
}
