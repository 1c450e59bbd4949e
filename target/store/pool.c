// SPDX-License-Identifier: MIT
/* pool.c - a memfd of 2 MiB pages that are allocated and punched one by one. */
#include "store/pool.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/numa.h"

/* A reader that is woken tries again within a tick of its reactor. */
#define UNTOLD_NS (2 * NS_PER_S)

static size_t link_bytes(const struct pool *p)
{
	return ((size_t)p->pages_mapped + 1) * sizeof(*p->link);
}

static size_t pool_bytes(const struct pool *p)
{
	return (size_t)p->pages_mapped << STORE_PAGE_SHIFT;
}

/* Plain pages are kept out of swap where we may: only as many as there may be, since all that is
 * locked counts against the limit, whether it is there or not. */
static void lock_plain(const struct pool *p, uint32_t from, uint32_t to)
{
	if (mlock2(p->base + ((size_t)from << STORE_PAGE_SHIFT),
		   (size_t)(to - from) << STORE_PAGE_SHIFT, MLOCK_ONFAULT) < 0)
		log_info("store: the host may swap out LUN memory (mlock: %s); LimitMEMLOCK="
			 "infinity for the service prevents it",
			 strerror(errno));
}

/* What `why` says if a step of pool_open() fails. */
static int explain(int err, const char *what, char *why, size_t why_len)
{
	snprintf(why, why_len, "cannot make the memory pool: %s: %s", what, strerror(err));
	return -err;
}

static int map(struct pool *p)
{
	if (ftruncate(p->fd, (off_t)pool_bytes(p)) < 0)
		return -errno;
	p->base = mmap(NULL, pool_bytes(p), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE,
		       p->fd, 0);
	return p->base == MAP_FAILED ? -errno : 0;
}

/* Address space costs nothing, but there may be a limit: then the pool cannot grow. */
static int map_most(struct pool *p)
{
	uint64_t host = host_memory() >> STORE_PAGE_SHIFT;

	if (host > p->pages_max && host <= STORE_LUN_MAX >> STORE_PAGE_SHIFT) {
		p->pages_mapped = (uint32_t)host;
		if (map(p) == 0)
			return 0;
	}
	p->pages_mapped = p->pages_max;
	return map(p);
}

static int map_pool(struct pool *p, char *why, size_t why_len)
{
	unsigned flags = MFD_CLOEXEC;

	if (p->kind == STORE_HUGE)
		flags |= MFD_HUGETLB | MFD_HUGE_2MB;
	p->fd = memfd_create("memtgt-pool", flags);
	if (p->fd < 0)
		return explain(errno, "memfd_create", why, why_len);
	int rc = map_most(p);
	if (rc) {
		close(p->fd);
		return explain(-rc, "mmap of its ceiling, make pool.size smaller", why, why_len);
	}
	madvise(p->base, pool_bytes(p), MADV_DONTDUMP);
	if (p->kind == STORE_HUGE)
		return 0;
	madvise(p->base, pool_bytes(p), MADV_HUGEPAGE); /* where the host likes */
	lock_plain(p, 0, p->pages_max);
	p->pages_locked = p->pages_max;
	return 0;
}

/* The operator should learn at start, not at the first write, that a node cannot be used. */
static int check_numa(uint64_t nodes, char *why, size_t why_len)
{
	struct numa_policy before;
	int rc = nodes ? numa_bind(nodes, &before) : 0;

	if (rc)
		return explain(-rc, "NUMA nodes cannot be used", why, why_len);
	if (nodes)
		numa_restore(&before);
	return 0;
}

static uint64_t lent_max(const struct pool *p, uint64_t pages)
{
	return p->overcommit_percent ? pages * p->overcommit_percent / 100 : UINT64_MAX;
}

static int init_lock(struct pool *p)
{
	pthread_condattr_t attr;
	int rc = -pthread_mutex_init(&p->lock, NULL);

	if (rc)
		return rc;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	rc = -pthread_cond_init(&p->ask, &attr);
	pthread_condattr_destroy(&attr);
	if (rc)
		pthread_mutex_destroy(&p->lock);
	return rc;
}

int pool_open(struct pool *p, enum store_kind kind, uint32_t pages_max,
	      const struct store_options *o, char *why, size_t why_len)
{
	const char *huge_free = kind == STORE_HUGE ? HOST_HUGE_FREE : NULL;
	int rc = check_numa(o->numa_nodes, why, why_len);

	if (rc)
		return rc;
	*p = (struct pool){.kind = kind,
			   .pages_max = pages_max,
			   .numa_nodes = o->numa_nodes,
			   .overcommit_percent = o->overcommit_percent};
	p->soft_at = UINT64_MAX;
	p->lent_max = lent_max(p, pages_max);
	rc = map_pool(p, why, why_len);
	if (rc)
		return rc;
	p->link = mmap(NULL, link_bytes(p), PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p->link == MAP_FAILED) {
		rc = explain(errno, "mmap", why, why_len);
		goto err_map;
	}
	rc = budget_open(&p->budget, HOST_MEMINFO, huge_free, o->headroom);
	if (rc) {
		rc = explain(-rc, "reading what memory the host has", why, why_len);
		goto err_link;
	}
	rc = init_lock(p);
	if (!rc)
		return 0;

	rc = explain(-rc, "mutex", why, why_len);
	budget_close(&p->budget);
err_link:
	munmap(p->link, link_bytes(p));
err_map:
	munmap(p->base, pool_bytes(p));
	close(p->fd);
	return rc;
}

void pool_close(struct pool *p)
{
	pthread_cond_destroy(&p->ask);
	pthread_mutex_destroy(&p->lock);
	budget_close(&p->budget);
	munmap(p->link, link_bytes(p));
	munmap(p->base, pool_bytes(p));
	close(p->fd);
}

static int page_fallocate(const struct pool *p, uint32_t num, int mode)
{
	off_t at = (off_t)(num - 1) << STORE_PAGE_SHIFT;
	int rc;

	do {
		rc = fallocate(p->fd, mode, at, (off_t)STORE_PAGE_SIZE);
	} while (rc < 0 && errno == EINTR);
	return rc < 0 ? -errno : 0;
}

/* Faults the page in: 512 faults of 4 KiB, one by one at the first write, were measured at 5 ms,
 * this at 0.4 ms. */
static int populate(const struct pool *p, uint32_t num)
{
	uint8_t *page = pool_page(p, num);

	if (madvise(page, STORE_PAGE_SIZE, MADV_POPULATE_WRITE) == 0)
		return 0;
	if (errno != EINVAL)
		return -errno;
	/* A kernel before 5.14. */
	for (size_t at = 0; at < STORE_PAGE_SIZE; at += 4096)
		*(volatile uint8_t *)(page + at) = 0;
	return 0;
}

/* A page that kept its bytes would show them to the next LUN, so there is no going on without. */
static void punch(const struct pool *p, uint32_t num)
{
	int rc = page_fallocate(p, num, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE);

	assert(rc == 0);
	(void)rc;
}

/* Any error means that the host does not give the page: its limits, a cgroup's, no memory. */
static int page_alloc(const struct pool *p, uint32_t num)
{
	struct numa_policy before;
	int rc = p->numa_nodes ? numa_bind(p->numa_nodes, &before) : 0;

	if (rc)
		return rc;
	rc = page_fallocate(p, num, 0);
	if (p->numa_nodes)
		numa_restore(&before);
	if (rc)
		return rc;
	rc = populate(p, num);
	if (rc)
		punch(p, num);
	return rc;
}

/* ---- numbers, under the lock ---- */

/* The same as the pages that are used, in the reserve or coming. */
static uint32_t held(const struct pool *p)
{
	return p->fresh - p->free.n;
}

static uint64_t numbers_left(const struct pool *p)
{
	return p->pages_max - held(p);
}

uint64_t pool_left(const struct pool *p)
{
	uint64_t left = numbers_left(p) + p->reserve.n;

	return left > p->owed ? left - p->owed : 0;
}

uint64_t pool_holes(const struct pool *p)
{
	uint64_t filled = p->used + p->owed;

	return p->lent > filled ? p->lent - filled : 0;
}

static uint32_t number_get(struct pool *p)
{
	uint32_t n = numbers_left(p) ? page_list_pop(p, &p->free) : 0;

	if (n || !numbers_left(p) || p->fresh == p->pages_mapped)
		return n;
	return ++p->fresh;
}

void pool_unlock_ask(struct pool *p, bool ask)
{
	bool ring = ask && !p->asked;

	p->asked |= ask;
	pthread_mutex_unlock(&p->lock);
	if (ring)
		pthread_cond_signal(&p->ask);
}

/* Is it known that no page can be made? That is believed for a moment, and somewhat longer if
 * nobody was told: who waited for the answer may come late for it, or never. */
static bool is_dry(struct pool *p)
{
	uint64_t until = p->told ? p->dry_until : p->dry_until + UNTOLD_NS;

	if (p->dry && clock_now() >= until)
		p->dry = false;
	p->told |= p->dry;
	return p->dry;
}

/* ---- pages ---- */

int pool_get(struct pool *p, uint32_t *num)
{
	int rc = 0;

	pthread_mutex_lock(&p->lock);
	bool left = p->gate != STORE_GATE_SHUT && pool_left(p) > 0;
	*num = left ? page_list_pop(p, &p->reserve) : 0;
	if (*num) {
		p->coming++;
		p->taken++;
	} else if (p->gate == STORE_GATE_SHUT || (!p->coming && (!left || is_dry(p)))) {
		rc = -ENOSPC;
	} else {
		p->waiting = true;
		p->misses++;
		rc = -EAGAIN;
	}
	pool_unlock_ask(p, rc == -EAGAIN || (!rc && p->reserve.n < p->low));
	return rc;
}

/* Under the lock: a number for pool_make(), or a page of the reserve. */
static uint32_t number_for(struct pool *p, bool owed, bool *made)
{
	*made = false;
	if (p->gate == STORE_GATE_SHUT)
		return 0;
	if (!owed)
		return numbers_left(p) > p->owed ? number_get(p) : 0;
	uint32_t n = number_get(p);
	if (!n) {
		n = page_list_pop(p, &p->reserve);
		*made = n != 0;
	}
	p->owed -= n != 0;
	return n;
}

int pool_make(struct pool *p, bool owed, uint32_t *num)
{
	bool made;

	pthread_mutex_lock(&p->lock);
	*num = number_for(p, owed, &made);
	int rc = *num ? 0 : p->coming && p->gate != STORE_GATE_SHUT ? -EAGAIN : -ENOSPC;
	p->coming += *num != 0;
	pthread_mutex_unlock(&p->lock);
	if (rc || made)
		return rc;
	if (budget_take(&p->budget, clock_now())) {
		if (page_alloc(p, *num) == 0)
			return 0;
		budget_give(&p->budget, 1);
	}
	pthread_mutex_lock(&p->lock);
	page_list_push(p, &p->free, *num);
	p->owed += owed;
	p->coming--;
	rc = p->coming ? -EAGAIN : -ENOSPC;
	pool_unlock_ask(p, owed && p->waiting); /* else it is the filler that fails */
	return rc;
}

void pool_keep(struct pool *p, uint32_t num)
{
	pthread_mutex_lock(&p->lock);
	page_list_push(p, &p->reserve, num);
	p->coming--;
	pool_unlock_ask(p, p->waiting);
}

bool pool_settle(struct pool *p, _Atomic uint32_t *place, uint32_t entry, uint32_t *there)
{
	*there = 0;
	pthread_mutex_lock(&p->lock);
	bool ok = atomic_compare_exchange_strong_explicit(place, there, entry, memory_order_acq_rel,
							  memory_order_acquire);
	if (ok) {
		p->used++;
		p->coming--;
	}
	/* Who waits because this page was coming has nothing to wait for now. */
	pool_unlock_ask(p, ok && (p->waiting || (p->used >= p->soft_at && !p->soft_said)));
	return ok;
}

void pool_leave(struct pool *p, uint32_t n)
{
	pthread_mutex_lock(&p->lock);
	p->used -= n;
	p->coming += n;
	if (p->used < p->soft_back)
		p->soft_said = false;
	pthread_mutex_unlock(&p->lock);
}

/* And `cut` of them are not to come again. */
static void give_back(struct pool *p, struct page_list *l, uint32_t cut)
{
	uint32_t n = l->n;

	for (uint32_t num = l->head, left = n; left; num = p->link[num], left--)
		punch(p, num);
	budget_give(&p->budget, n);
	pthread_mutex_lock(&p->lock);
	page_list_move(p, &p->free, l);
	p->coming -= n;
	p->pages_max -= cut;
	p->cutting -= cut;
	p->dry = false;
	pool_unlock_ask(p, p->waiting);
}

void pool_put(struct pool *p, struct page_list *l)
{
	give_back(p, l, 0);
}

void pool_trim(struct pool *p, uint32_t n)
{
	struct page_list l = {0};

	pthread_mutex_lock(&p->lock);
	while (l.n < n && p->reserve.n)
		page_list_push(p, &l, page_list_pop(p, &p->reserve));
	p->coming += l.n;
	pthread_mutex_unlock(&p->lock);
	if (l.n)
		pool_put(p, &l);
}

/* ---- the ceiling ---- */

/* Numbers that were never used are locked before they can be. */
static void lock_more(struct pool *p, uint64_t pages)
{
	pthread_mutex_lock(&p->lock);
	uint32_t from = p->pages_locked;
	if (pages > from && p->kind == STORE_PLAIN)
		p->pages_locked = (uint32_t)pages;
	uint32_t to = p->pages_locked;
	pthread_mutex_unlock(&p->lock);
	if (to > from)
		lock_plain(p, from, to);
}

/* Under the lock. */
static int check_size(const struct pool *p, uint64_t pages, uint64_t *least)
{
	if (pages + p->cutting >= p->pages_max)
		return 0;
	*least = p->used + p->owed;
	if (pages < *least)
		return -EBUSY;
	*least += p->coming - p->cutting;
	if (pages < *least)
		return -EAGAIN;
	*least = p->overcommit_percent
			 ? (p->lent * 100 + p->overcommit_percent - 1) / p->overcommit_percent
			 : 0;
	return pages < *least ? -EDQUOT : 0;
}

int pool_resize(struct pool *p, uint64_t pages, uint64_t *least)
{
	struct page_list l = {0};

	*least = p->pages_mapped;
	if (pages > p->pages_mapped)
		return -EINVAL;
	lock_more(p, pages);
	pthread_mutex_lock(&p->lock);
	int rc = check_size(p, pages, least);
	if (!rc) {
		for (; held(p) > pages + p->cutting; p->cutting++)
			page_list_push(p, &l, page_list_pop(p, &p->reserve));
		p->coming += l.n;
		p->pages_max = (uint32_t)pages + p->cutting;
		p->lent_max = lent_max(p, pages);
		p->moved = true;
		p->dry = false;
	}
	pool_unlock_ask(p, !rc);
	if (l.n)
		give_back(p, &l, l.n);
	return rc;
}

void pool_set_gate(struct pool *p, enum store_gate g)
{
	pthread_mutex_lock(&p->lock);
	p->gate = g;
	p->dry = false;
	pool_unlock_ask(p, true);
}

/* ---- LUNs ---- */

int pool_lend(struct pool *p, uint64_t pages, uint64_t owed, uint64_t *left)
{
	int rc = 0;

	pthread_mutex_lock(&p->lock);
	*left = p->lent < p->lent_max ? p->lent_max - p->lent : 0;
	if (pages > *left) {
		rc = -EDQUOT;
	} else {
		*left = pool_left(p) + p->coming; /* who fills waits for those */
		rc = owed > *left ? -ENOSPC : 0;
	}
	if (!rc) {
		p->lent += pages;
		p->owed += owed;
		p->moved = true;
	}
	pool_unlock_ask(p, !rc);
	return rc;
}

void pool_unlend(struct pool *p, uint64_t pages, uint64_t owed)
{
	pthread_mutex_lock(&p->lock);
	p->lent -= pages;
	p->owed -= owed;
	p->moved = true;
	pool_unlock_ask(p, true);
}

uint64_t pool_host_left(struct pool *p, uint64_t now)
{
	uint64_t left = budget_pages(&p->budget, now);
	struct host_huge h;

	if (p->kind != STORE_HUGE)
		return left;
	host_huge_read(&h);
	return left < host_huge_left(&h) ? left : host_huge_left(&h);
}

uint64_t pool_can_give(const struct pool *p, uint64_t host)
{
	uint64_t left = p->gate == STORE_GATE_SHUT ? 0 : pool_left(p);

	return left < host + p->reserve.n ? left : host + p->reserve.n;
}

uint64_t pool_could_give(struct pool *p)
{
	uint64_t host = pool_host_left(p, clock_now());

	pthread_mutex_lock(&p->lock);
	uint64_t left = pool_can_give(p, host);
	pthread_mutex_unlock(&p->lock);
	return left;
}

uint64_t pool_host_bytes(const struct pool *p)
{
	struct stat st;

	return fstat(p->fd, &st) == 0 ? (uint64_t)st.st_blocks * 512 : 0;
}
