// SPDX-License-Identifier: MIT
/* commit.c - UNMAP, slice by slice. */
#include "initiator-tools/host/commit.h"

#include <errno.h>

#include "initiator-tools/host/inquire.h"
#include "memtgt/wire.h"

enum { PAGE_LIMITS = 0xb0, PAGE_PROVISIONING = 0xb2 };
enum { UNMAP = 0x42, ANCHOR = 0x01 };
enum { LIST_BYTES = 8 + 16, PAGE_BYTES = 64 };
enum { DATA_PROTECT = 7, SPACE_ALLOCATION = 0x27, FAILED_WRITE_PROTECT = 0x07 };
#define UNMAP_LIMIT_MS 60000u

/* What follows a page's header. SPC-4 7.8 */
static bool is_page(struct cursor *c, uint8_t page)
{
	cursor_take(c, 1);
	bool is_it = cursor_u8(c) == page;
	uint16_t len = cursor_u16(c);

	if (len < c->left)
		c->left = len;
	return is_it && !c->bad;
}

bool commit_read_limits(struct cursor c, struct commit_limits *l)
{
	if (!is_page(&c, PAGE_LIMITS))
		return false;
	cursor_take(&c, 16); /* bytes 4 to 19 */
	uint32_t blocks = cursor_u32(&c), descriptors = cursor_u32(&c);
	if (c.bad)
		return false;
	l->blocks = descriptors ? blocks : 0;
	return true;
}

bool commit_read_provisioning(struct cursor c, struct commit_limits *l)
{
	if (!is_page(&c, PAGE_PROVISIONING))
		return false;
	cursor_take(&c, 1);
	uint8_t flags = cursor_u8(&c);
	if (c.bad)
		return false;
	if (!(flags & 0x80)) /* LBPU */
		l->blocks = 0;
	l->can_anchor = flags & 0x02;
	return true;
}

static int take_page(const struct sg_device *d, uint8_t page,
		     bool (*take)(struct cursor c, struct commit_limits *l),
		     struct commit_limits *l, struct sg_result *r, bool *is_there)
{
	uint8_t buf[PAGE_BYTES];
	int n = inquire_page(d, page, buf, sizeof(buf), r);

	*is_there = n >= 0 && take(cursor_of(buf, (size_t)n), l);
	if (n == -EREMOTEIO && r->status == SG_CHECK)
		return 0;
	return n < 0 ? n : 0;
}

int commit_limits(const struct sg_device *d, struct commit_limits *l, struct sg_result *r)
{
	bool has_limits, has_provisioning = false;

	*l = (struct commit_limits){0};
	int err = take_page(d, PAGE_LIMITS, commit_read_limits, l, r, &has_limits);
	if (!err)
		err = take_page(d, PAGE_PROVISIONING, commit_read_provisioning, l, r,
				&has_provisioning);
	if (!err && !(has_limits && has_provisioning))
		*l = (struct commit_limits){0};
	return err;
}

static int unmap(const struct sg_device *d, uint64_t lba, uint32_t blocks, bool is_anchor,
		 struct sg_result *r)
{
	struct sg_command c = {.cdb = {UNMAP, is_anchor ? ANCHOR : 0, [8] = LIST_BYTES},
			       .cdb_len = 10,
			       .way = SG_TO_DISK,
			       .len = LIST_BYTES,
			       .limit_ms = UNMAP_LIMIT_MS};
	uint8_t list[LIST_BYTES] = {0};

	st16(list, LIST_BYTES - 2);
	st16(list + 2, LIST_BYTES - 8);
	st64(list + 8, lba);
	st32(list + 16, blocks);
	int err = sg_run(d, &c, list, r);
	if (err || r->status == SG_GOOD)
		return err;
	bool is_full = r->status == SG_CHECK && r->key == DATA_PROTECT &&
		       r->asc == SPACE_ALLOCATION && r->ascq == FAILED_WRITE_PROTECT;
	return is_full ? -ENOSPC : -EREMOTEIO;
}

int commit_unmap(const struct sg_device *d, const struct commit_limits *l,
		 const struct commit_range *range, struct sg_result *r)
{
	uint64_t first = range->from / range->block_size;
	uint64_t all = range->bytes / range->block_size, done = 0;
	uint64_t most = COMMIT_SLICE / range->block_size;

	if (!l->blocks)
		return -EOPNOTSUPP;
	if (most > l->blocks)
		most = l->blocks;
	while (done < all) {
		uint64_t n = all - done < most ? all - done : most;
		int err = unmap(d, first + done, (uint32_t)n, range->is_anchor, r);
		if (err)
			return err;
		done += n;
		if (range->progress)
			range->progress(range->arg, (unsigned)(done * 1000 / all));
	}
	return 0;
}
