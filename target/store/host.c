// SPDX-License-Identifier: MIT
/* host.c - hugepage counters of the host, and the budget that keeps its headroom. */
#include "store/host.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/proc.h"
#include "store/store.h"

#define HUGE_DIR "/sys/kernel/mm/hugepages/hugepages-2048kB/"

static uint64_t read_counter(const char *path)
{
	unsigned long long v = 0;
	FILE *f = fopen(path, "re");

	if (!f)
		return 0;
	if (fscanf(f, "%llu", &v) != 1)
		v = 0;
	fclose(f);
	return v;
}

void host_huge_read(struct host_huge *h)
{
	h->total = read_counter(HUGE_DIR "nr_hugepages");
	h->free = read_counter(HUGE_DIR "free_hugepages");
	h->reserved = read_counter(HUGE_DIR "resv_hugepages");
	h->surplus = read_counter(HUGE_DIR "surplus_hugepages");
	h->overcommit = read_counter(HUGE_DIR "nr_overcommit_hugepages");
}

uint64_t host_huge_left(const struct host_huge *h)
{
	uint64_t idle = h->free > h->reserved ? h->free - h->reserved : 0;
	uint64_t more = h->overcommit > h->surplus ? h->overcommit - h->surplus : 0;

	return idle + more;
}

/* 0 if there is none: no memory that we know of. */
static uint64_t read_number(int fd, const char *key)
{
	uint64_t v = 0;

	(void)proc_number(fd, key, &v);
	return v;
}

uint64_t budget_available(const struct budget *b)
{
	return read_number(b->meminfo, "MemAvailable:") << 10;
}

uint64_t host_memory(void)
{
	int fd = open(HOST_MEMINFO, O_RDONLY | O_CLOEXEC);
	uint64_t kib = fd < 0 ? 0 : read_number(fd, "MemTotal:");

	if (fd >= 0)
		close(fd);
	return kib << 10;
}

static void read_host(struct budget *b, uint64_t now)
{
	b->left = (int64_t)budget_available(b) - b->keep;
	if (b->huge_free >= 0) {
		if (b->left < 0)
			b->left = 0;
		b->left += (int64_t)(read_number(b->huge_free, "") << STORE_PAGE_SHIFT);
	}
	b->read_at = now;
	b->taken = 0;
}

int budget_open(struct budget *b, const char *meminfo, const char *huge_free, uint64_t headroom)
{
	int rc;

	if (headroom > INT64_MAX - BUDGET_RESERVE)
		return -EINVAL;
	*b = (struct budget){.huge_free = -1, .keep = (int64_t)(headroom + BUDGET_RESERVE)};
	b->meminfo = open(meminfo, O_RDONLY | O_CLOEXEC);
	if (b->meminfo < 0)
		return -errno;
	if (huge_free) {
		b->huge_free = open(huge_free, O_RDONLY | O_CLOEXEC);
		if (b->huge_free < 0) {
			rc = -errno;
			goto err_meminfo;
		}
	}
	rc = -pthread_mutex_init(&b->lock, NULL);
	if (rc)
		goto err_huge;
	b->taken = BUDGET_MAX_PAGES; /* nothing was read yet */
	return 0;

err_huge:
	if (b->huge_free >= 0)
		close(b->huge_free);
err_meminfo:
	close(b->meminfo);
	return rc;
}

void budget_close(struct budget *b)
{
	pthread_mutex_destroy(&b->lock);
	if (b->huge_free >= 0)
		close(b->huge_free);
	close(b->meminfo);
}

uint64_t budget_pages(struct budget *b, uint64_t now)
{
	pthread_mutex_lock(&b->lock);
	read_host(b, now);
	int64_t left = b->left;
	pthread_mutex_unlock(&b->lock);
	return left > 0 ? (uint64_t)left / STORE_PAGE_SIZE : 0;
}

bool budget_take(struct budget *b, uint64_t now)
{
	pthread_mutex_lock(&b->lock);
	if (b->taken >= BUDGET_MAX_PAGES || now - b->read_at >= BUDGET_MAX_NS)
		read_host(b, now);
	bool ok = b->left >= (int64_t)STORE_PAGE_SIZE;
	if (ok) {
		b->left -= (int64_t)STORE_PAGE_SIZE;
		b->taken++;
	}
	pthread_mutex_unlock(&b->lock);
	return ok;
}

void budget_give(struct budget *b, uint32_t pages)
{
	pthread_mutex_lock(&b->lock);
	b->left += (int64_t)((uint64_t)pages << STORE_PAGE_SHIFT);
	pthread_mutex_unlock(&b->lock);
}
