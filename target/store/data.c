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

#include "store/internal.h"

#define PAGE_MASK (STORE_PAGE_SIZE - 1)

/* Table entries and leaves one call looks at. */
#define SLICE_STEPS 65536u

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* What of [off, off+n) lies in the page of off. */
static size_t share(uint64_t off, uint64_t n)
{
	return (size_t)least(n, STORE_PAGE_SIZE - (off & PAGE_MASK));
}

/* The same for the page's leaf of the table. */
static uint64_t leaf_share(uint64_t off, uint64_t n)
{
	const uint64_t leaf = TABLE_LEAF << STORE_PAGE_SHIFT;

	return least(n, leaf - (off & (leaf - 1)));
}

static bool in_range(const struct store_lun *l, uint64_t off, uint64_t n)
{
	uint64_t bytes = l->bytes;

	return off <= bytes && n <= bytes - off;
}

const uint8_t *store_at(const struct store_lun *l, uint64_t off, size_t want, size_t *have)
{
	assert(in_range(l, off, want));
	*have = share(off, want);
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

/* Where to write at off; the page is got if there is none. */
static int writable(struct store_lun *l, uint64_t off, uint8_t **at)
{
	uint32_t num;
	int rc = lun_page_make(l, off >> STORE_PAGE_SHIFT, LUN_FROM_RESERVE, &num);

	if (!rc)
		*at = pool_page(&l->store->pool, num) + (off & PAGE_MASK);
	return rc;
}

int64_t store_write(struct store_reader *r, struct store_lun *l, uint64_t off, const void *p,
		    size_t n)
{
	const uint8_t *from = p;
	size_t done = 0;

	assert(r->online && in_range(l, off, n));
	while (done < n) {
		size_t part = share(off + done, n - done);

		if (mapped(l, off + done) || !is_zero(l->store, from + done, part)) {
			uint8_t *at;
			int rc = writable(l, off + done, &at);
			if (rc)
				return done ? (int64_t)done : rc;
			memcpy(at, from + done, part);
		}
		done += part;
	}
	return (int64_t)done;
}

/* What a call has done so far, and the pages it took out. */
struct slice {
	uint64_t zeroed;
	uint32_t steps;
	struct page_list out;
};

static bool slice_left(const struct slice *s)
{
	return s->zeroed < STORE_SLICE_BYTES && s->steps < SLICE_STEPS &&
	       s->out.n < STORE_SLICE_PAGES;
}

/* Is this share of a page all that the LUN has of it? */
static bool whole_page(const struct store_lun *l, uint64_t off, size_t n)
{
	return (off & PAGE_MASK) == 0 && n == least(STORE_PAGE_SIZE, l->bytes - off);
}

/* Clears from the front of [off, off+len) up to the end of a page or leaf; returns the bytes. */
static uint64_t clear_part(struct store_lun *l, uint64_t off, uint64_t len, bool release,
			   struct slice *s)
{
	uint64_t page = off >> STORE_PAGE_SHIFT;
	size_t part = share(off, len);

	s->steps++;
	if (!table_leaf(&l->table, page))
		return leaf_share(off, len);
	uint32_t num = table_get(&l->table, page);
	if (!num)
		return part;
	if (release && whole_page(l, off, part)) {
		lun_page_drop(l, page, &s->out);
		return part;
	}
	part = (size_t)least(part, STORE_SLICE_BYTES - s->zeroed);
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
	if (is_zero(l->store, block, block_size))
		return (int64_t)clear(r, l, off, len, false);
	len = least(len, STORE_SLICE_BYTES);
	while (done < len) {
		size_t part = share(off + done, len - done);
		uint8_t *at;
		int rc = writable(l, off + done, &at);
		if (rc)
			return done ? (int64_t)done : rc;
		replicate(at, part, block, block_size);
		done += part;
	}
	return (int64_t)done;
}

bool store_mapped(const struct store_lun *l, uint64_t off, uint64_t max, uint64_t *run)
{
	assert(off < l->bytes);
	max = least(max, l->bytes - off);
	bool answer = mapped(l, off);

	*run = 0;
	for (unsigned steps = 0; *run < max && steps < SLICE_STEPS; steps++) {
		uint64_t at = off + *run;
		if (mapped(l, at) != answer)
			break;
		if (table_leaf(&l->table, at >> STORE_PAGE_SHIFT))
			*run += share(at, max - *run);
		else
			*run += leaf_share(at, max - *run);
	}
	return answer;
}
