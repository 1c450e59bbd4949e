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

static size_t link_bytes(const struct pool *p)
{
	return ((size_t)p->pages_max + 1) * sizeof(*p->link);
}

static size_t pool_bytes(const struct pool *p)
{
	return (size_t)p->pages_max << STORE_PAGE_SHIFT;
}

/* Plain pages are kept out of swap where we may, and made of huge ones where the host likes. */
static void advise_plain(const struct pool *p)
{
	madvise(p->base, pool_bytes(p), MADV_HUGEPAGE);
	if (mlock2(p->base, pool_bytes(p), MLOCK_ONFAULT) < 0)
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

static int map_pool(struct pool *p, char *why, size_t why_len)
{
	unsigned flags = MFD_CLOEXEC;
	int rc;

	if (p->kind == STORE_HUGE)
		flags |= MFD_HUGETLB | MFD_HUGE_2MB;
	p->fd = memfd_create("memtgt-pool", flags);
	if (p->fd < 0)
		return explain(errno, "memfd_create", why, why_len);
	if (ftruncate(p->fd, (off_t)pool_bytes(p)) < 0) {
		rc = explain(errno, "ftruncate", why, why_len);
		goto err_fd;
	}
	p->base = mmap(NULL, pool_bytes(p), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE,
		       p->fd, 0);
	if (p->base == MAP_FAILED) {
		rc = explain(errno, "mmap of its ceiling, make pool.size smaller", why, why_len);
		goto err_fd;
	}
	madvise(p->base, pool_bytes(p), MADV_DONTDUMP);
	if (p->kind == STORE_PLAIN)
		advise_plain(p);
	return 0;

err_fd:
	close(p->fd);
	return rc;
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

int pool_open(struct pool *p, enum store_kind kind, uint32_t pages_max,
	      const struct store_options *o, char *why, size_t why_len)
{
	const char *huge_free = kind == STORE_HUGE ? HOST_HUGE_FREE : NULL;
	int rc = check_numa(o->numa_nodes, why, why_len);

	if (rc)
		return rc;
	*p = (struct pool){.kind = kind, .pages_max = pages_max, .numa_nodes = o->numa_nodes};
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
	rc = -pthread_mutex_init(&p->lock, NULL);
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

static int shortage(const struct pool *p)
{
	return p->coming ? -EAGAIN : -ENOSPC;
}

int pool_get(struct pool *p, uint32_t *num)
{
	int rc = 0;

	pthread_mutex_lock(&p->lock);
	uint32_t n = page_list_pop(p, &p->free);
	if (!n && p->fresh < p->pages_max)
		n = ++p->fresh;
	if (n)
		p->coming++;
	else
		rc = shortage(p);
	pthread_mutex_unlock(&p->lock);
	if (rc)
		return rc;
	if (budget_take(&p->budget, clock_now())) {
		if (page_alloc(p, n) == 0) {
			*num = n;
			return 0;
		}
		budget_give(&p->budget, 1);
	}
	pthread_mutex_lock(&p->lock);
	page_list_push(p, &p->free, n);
	p->coming--;
	rc = shortage(p);
	pthread_mutex_unlock(&p->lock);
	return rc;
}

void pool_settle(struct pool *p)
{
	pthread_mutex_lock(&p->lock);
	p->coming--;
	pthread_mutex_unlock(&p->lock);
}

void pool_leave(struct pool *p, uint32_t n)
{
	pthread_mutex_lock(&p->lock);
	p->coming += n;
	pthread_mutex_unlock(&p->lock);
}

void pool_put(struct pool *p, struct page_list *l)
{
	uint32_t n = l->n;

	for (uint32_t num = l->head, left = n; left; num = p->link[num], left--)
		punch(p, num);
	budget_give(&p->budget, n);
	pthread_mutex_lock(&p->lock);
	page_list_move(p, &p->free, l);
	p->coming -= n;
	pthread_mutex_unlock(&p->lock);
}

uint64_t pool_host_bytes(const struct pool *p)
{
	struct stat st;

	return fstat(p->fd, &st) == 0 ? (uint64_t)st.st_blocks * 512 : 0;
}
