/* SPDX-License-Identifier: MIT */
/*
 * pool.h - the pages: one memfd, mapped once, numbered from 1.
 *
 * A page is at any time one of: free (no memory behind it), named by a table, or on its way from
 * one to the other ("coming": being allocated, retired, being punched). A shortage while pages are
 * on their way is -EAGAIN, else -ENOSPC; so a page is counted as coming without a gap.
 */
#ifndef MEMTGT_STORE_POOL_H
#define MEMTGT_STORE_POOL_H

#include <pthread.h>
#include <stdint.h>

#include "store/host.h"
#include "store/store.h"

/* Linked through pool.link. Owned by one thread, or by the lock of the struct it is in. */
struct page_list {
	uint32_t head, tail, n; /* 0: none */
};

struct pool {
	enum store_kind kind;
	int fd;
	uint32_t pages_max;
	uint64_t numa_nodes;
	uint8_t *base;
	uint32_t *link; /* of page n at n; belongs to who owns the list the page is on */
	struct budget budget;

	pthread_mutex_t lock; /* of what follows; a leaf, never held over a system call */
	struct page_list free;
	uint32_t fresh; /* pages above this number were never used */
	uint64_t coming;
};

int pool_open(struct pool *p, enum store_kind kind, uint32_t pages_max,
	      const struct store_options *o, char *why, size_t why_len)
	__attribute__((warn_unused_result));
void pool_close(struct pool *p);

/* A page of zeroes, faulted in and counted as coming. 0, -EAGAIN or -ENOSPC. */
int pool_get(struct pool *p, uint32_t *num) __attribute__((warn_unused_result));
/* A table names the page now. */
void pool_settle(struct pool *p);
/* n pages were taken out of tables, and are coming. */
void pool_leave(struct pool *p, uint32_t n);
/* Give coming pages that nobody can reach back to the host, and empty the list. */
void pool_put(struct pool *p, struct page_list *l);
/* Bytes of the host that the pool holds. */
uint64_t pool_host_bytes(const struct pool *p);

static inline uint8_t *pool_page(const struct pool *p, uint32_t num)
{
	return p->base + ((size_t)(num - 1) << STORE_PAGE_SHIFT);
}

static inline void page_list_push(const struct pool *p, struct page_list *l, uint32_t num)
{
	p->link[num] = l->head;
	if (!l->head)
		l->tail = num;
	l->head = num;
	l->n++;
}

static inline uint32_t page_list_pop(const struct pool *p, struct page_list *l)
{
	uint32_t num = l->head;

	if (num) {
		l->head = p->link[num];
		l->n--;
	}
	return num;
}

/* All of `from` to the front of `to`. */
static inline void page_list_move(const struct pool *p, struct page_list *to,
				  struct page_list *from)
{
	if (!from->head)
		return;
	p->link[from->tail] = to->head;
	if (!to->head)
		to->tail = from->tail;
	to->head = from->head;
	to->n += from->n;
	*from = (struct page_list){0};
}

#endif
