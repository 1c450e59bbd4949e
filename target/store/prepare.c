// SPDX-License-Identifier: MIT
/* prepare.c - what a write of all or nothing needs is there before its first byte. */
#include <errno.h>
#include <string.h>

#include "store/internal.h"
#include "store/slice.h"

/* The same for what lies in one page. */
static int prepare(struct store_lun *l, uint64_t off, const uint8_t *p, size_t n)
{
	const uint32_t flags = l->provisioning == STORE_THIN ? TABLE_ANCHORED : 0;
	const uint64_t page = off >> STORE_PAGE_SHIFT;
	uint32_t entry = table_entry(&l->table, page);

	if (!entry && memcmp(p, l->store->zero, n) == 0)
		return 0;
	int rc = lun_page_make(l, page, LUN_FROM_RESERVE, flags, &entry);
	if (rc)
		return rc;
	const uint8_t *at = pool_page(&l->store->pool, entry & TABLE_NUMBER) + (off & PAGE_MASK);

	return poison_probe(at, n) == n ? 0 : -EIO;
}

int store_prepare(struct store_lun *l, uint64_t off, const void *p, size_t n)
{
	int rc = lun_may_write(l) ? 0 : -EAGAIN;

	for (size_t done = 0, part; done < n && !rc; done += part) {
		part = slice_share(off + done, n - done);
		rc = prepare(l, off + done, (const uint8_t *)p + done, part);
	}
	return rc;
}
