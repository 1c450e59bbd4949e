// SPDX-License-Identifier: MIT
/* pool_map.c - the memory itself: a memfd, mapped once, whose pages are made and punched. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/memfd.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fail_point.h"
#include "base/log.h"
#include "store/numa.h"
#include "store/pool.h"

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
void pool_lock_plain(const struct pool *p, uint32_t from, uint32_t to)
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

static int map(struct pool *p, uint32_t file_pages)
{
	if (p->pages_mapped > file_pages && ftruncate(p->fd, (off_t)pool_bytes(p)) < 0)
		return -errno;
	p->base = mmap(NULL, pool_bytes(p), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE,
		       p->fd, 0);
	return p->base == MAP_FAILED ? -errno : 0;
}

/* Address space costs nothing, but there may be a limit: then the pool cannot grow. */
static int map_most(struct pool *p, uint32_t file_pages)
{
	uint64_t host = host_memory() >> STORE_PAGE_SHIFT;
	uint32_t least = p->pages_max > file_pages ? p->pages_max : file_pages;

	if (host > least && host <= STORE_LUN_MAX >> STORE_PAGE_SHIFT) {
		p->pages_mapped = (uint32_t)host;
		if (map(p, file_pages) == 0)
			return 0;
	}
	p->pages_mapped = least;
	return map(p, file_pages);
}

int pool_file(int fd, enum store_kind *kind, uint32_t *pages)
{
	struct statfs fs;
	struct stat st;

	if (fstatfs(fd, &fs) < 0 || fstat(fd, &st) < 0)
		return -errno;
	*kind = fs.f_type == HUGETLBFS_MAGIC ? STORE_HUGE : STORE_PLAIN;
	if (*kind == STORE_HUGE ? st.st_blksize != (blksize_t)STORE_PAGE_SIZE
				: fs.f_type != TMPFS_MAGIC)
		return -EINVAL;
	if (!S_ISREG(st.st_mode) || st.st_size < (off_t)STORE_PAGE_SIZE ||
	    st.st_size % (off_t)STORE_PAGE_SIZE || st.st_size > (off_t)STORE_LUN_MAX)
		return -EINVAL;
	*pages = (uint32_t)(st.st_size >> STORE_PAGE_SHIFT);
	return 0;
}

static int make_file(struct pool *p)
{
	unsigned flags = MFD_CLOEXEC;

	if (p->kind == STORE_HUGE)
		flags |= MFD_HUGETLB | MFD_HUGE_2MB;
	p->fd = memfd_create("memtgt-pool", flags);
	return p->fd < 0 ? -errno : 0;
}

static int map_pool(struct pool *p, int fd, char *why, size_t why_len)
{
	enum store_kind kind;
	uint32_t pages = 0;
	int rc;

	p->fd = fd;
	rc = fd < 0 ? make_file(p) : pool_file(fd, &kind, &pages);
	if (rc)
		return explain(-rc, fd < 0 ? "memfd_create" : "its kept file", why, why_len);
	rc = map_most(p, pages);
	if (rc) {
		if (fd < 0)
			close(p->fd);
		return explain(-rc, "mmap of its ceiling, make pool.size smaller", why, why_len);
	}
	madvise(p->base, pool_bytes(p), MADV_DONTDUMP);
	if (p->kind == STORE_HUGE)
		return 0;
	madvise(p->base, pool_bytes(p), MADV_HUGEPAGE); /* where the host likes */
	pool_lock_plain(p, 0, p->pages_max);
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

static int init_lock(struct pool *p)
{
	int rc = -pthread_mutex_init(&p->lock, NULL);

	if (rc)
		return rc;
	rc = -pthread_mutex_init(&p->touch, NULL);
	if (rc)
		goto err_lock;
	rc = clock_cond_init(&p->ask);
	if (!rc)
		return 0;

	pthread_mutex_destroy(&p->touch);
err_lock:
	pthread_mutex_destroy(&p->lock);
	return rc;
}

int pool_open(struct pool *p, enum store_kind kind, uint32_t pages_max, int fd,
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
	p->lent_max = pool_lent_max(p, pages_max);
	rc = map_pool(p, fd, why, why_len);
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
	rc = poison_open(&p->poison, p->base, p->pages_mapped);
	if (rc) {
		rc = explain(-rc, "marks of pages", why, why_len);
		goto err_budget;
	}
	rc = init_lock(p);
	if (!rc)
		return 0;

	rc = explain(-rc, "mutex", why, why_len);
	poison_close(&p->poison);
err_budget:
	budget_close(&p->budget);
err_link:
	munmap(p->link, link_bytes(p));
err_map:
	munmap(p->base, pool_bytes(p));
	if (fd < 0)
		close(p->fd);
	return rc;
}

void pool_close(struct pool *p)
{
	pthread_cond_destroy(&p->ask);
	pthread_mutex_destroy(&p->touch);
	pthread_mutex_destroy(&p->lock);
	poison_close(&p->poison);
	budget_close(&p->budget);
	munmap(p->link, link_bytes(p));
	munmap(p->base, pool_bytes(p));
	close(p->fd);
}

/* Pages [from, to). */
static int pages_fallocate(const struct pool *p, uint32_t from, uint32_t to, int mode)
{
	off_t at = (off_t)(from - 1) << STORE_PAGE_SHIFT;
	int rc;

	do {
		rc = fallocate(p->fd, mode, at, (off_t)(to - from) << STORE_PAGE_SHIFT);
	} while (rc < 0 && errno == EINTR);
	return rc < 0 ? -errno : 0;
}

/* Faults pages in: 512 faults of 4 KiB, one by one at the first write, were measured at 5 ms, this
 * at 0.4 ms. */
int pool_populate(const struct pool *p, uint32_t from, uint32_t to)
{
	uint8_t *at = pool_page(p, from);
	size_t n = (size_t)(to - from) << STORE_PAGE_SHIFT;

	if (madvise(at, n, MADV_POPULATE_WRITE) == 0)
		return 0;
	if (errno != EINVAL)
		return -errno;
	/* A kernel before 5.14. Only read: others may write there. */
	for (; n; at += 4096, n -= 4096)
		(void)*(volatile uint8_t *)at;
	return 0;
}

/* A page that kept its bytes would show them to the next LUN, so there is no going on without. */
void pool_punch(const struct pool *p, uint32_t from, uint32_t to)
{
	int rc = pages_fallocate(p, from, to, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE);

	assert(rc == 0);
	(void)rc;
}

void pool_page_punch(const struct pool *p, uint32_t num)
{
	pool_punch(p, num, num + 1);
}

/* Any error means that the host does not give the page: its limits, a cgroup's, no memory. */
int pool_page_make(const struct pool *p, uint32_t num)
{
	struct numa_policy before;
	int rc = p->numa_nodes ? numa_bind(p->numa_nodes, &before) : 0;

	if (rc)
		return rc;
	rc = pages_fallocate(p, num, num + 1, 0);
	if (p->numa_nodes)
		numa_restore(&before);
	if (rc)
		return rc;
	FAIL_POINT(PAGE_MADE);
	rc = pool_populate(p, num, num + 1);
	if (rc)
		pool_page_punch(p, num);
	return rc;
}

uint64_t pool_host_bytes(const struct pool *p)
{
	struct stat st;

	return fstat(p->fd, &st) == 0 ? (uint64_t)st.st_blocks * 512 : 0;
}
