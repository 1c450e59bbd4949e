// SPDX-License-Identifier: MIT
/* ceiling.c - the pool gets another size while it is used. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "store/internal.h"

#define PAGE_MIB  (STORE_PAGE_SIZE >> 20)
#define RETRY_NS  NS_PER_MS
#define RETRY_MAX 1000u

/* Pages on their way back to the host are waited for. */
static int resize(struct pool *p, uint64_t pages, uint64_t *least)
{
	const struct timespec pause = {.tv_nsec = RETRY_NS};
	int rc = pool_resize(p, pages, least);

	for (unsigned i = 0; rc == -EAGAIN && i < RETRY_MAX; i++) {
		nanosleep(&pause, NULL);
		rc = pool_resize(p, pages, least);
	}
	return rc;
}

static int refuse(const struct pool *p, int rc, uint64_t least, char *why, size_t n)
{
	uint64_t mib = least * PAGE_MIB;

	switch (rc) {
	case -EINVAL:
		snprintf(why, n,
			 "the pool can have %" PRIu64 " MiB at most, since it was made for the "
			 "memory of the host; a start with a larger pool.size makes it larger",
			 mib);
		return rc;
	case -EDQUOT:
		snprintf(why, n,
			 "the pool must keep %" PRIu64 " MiB, since LUNs were promised so much and "
			 "pool.overcommit is %u percent: delete LUNs or make them smaller first",
			 mib, p->overcommit_percent);
		return -EBUSY;
	case -EAGAIN:
		snprintf(why, n,
			 "%" PRIu64 " MiB are used, or on their way to LUNs or back to the host: "
			 "try again",
			 mib);
		return -EBUSY;
	default:
		snprintf(why, n,
			 "LUNs have %" PRIu64 " MiB, or are about to get them: unmap what nobody "
			 "needs (fstrim, blkdiscard), or delete LUNs, first",
			 mib);
		return rc;
	}
}

/* What the host does not give of so many pages, as it is now. */
static void note(struct store *s, uint64_t pages, char *why, size_t n)
{
	struct store_stats st;
	struct host_huge h;

	store_get_stats(s, &st);
	host_huge_read(&h);
	uint64_t more = pages - (st.pages_max - st.pages_free);
	if (pool_host_left(&s->pool, clock_now()) >= more)
		return;
	if (st.kind == STORE_HUGE && host_huge_left(&h) < more)
		snprintf(why, n,
			 "the host does not give all of it: sysctl -w "
			 "vm.nr_overcommit_hugepages=%" PRIu64,
			 h.overcommit + more - host_huge_left(&h));
	else
		snprintf(why, n,
			 "the host does not give all of it: %" PRIu64 " MiB are free, and the "
			 "headroom stays with the host",
			 st.host_available >> 20);
}

int store_set_ceiling(struct store *s, uint64_t bytes, char *why, size_t why_len)
{
	uint64_t least = s->pool.pages_mapped;
	bool fits = bytes && bytes <= STORE_LUN_MAX;
	int rc = fits ? resize(&s->pool, pages_of(bytes), &least) : -EINVAL;

	if (rc && !bytes)
		snprintf(why, why_len, "the pool's size cannot be 0");
	else if (rc)
		rc = refuse(&s->pool, rc, least, why, why_len);
	else
		note(s, pages_of(bytes), why, why_len);
	return rc;
}
