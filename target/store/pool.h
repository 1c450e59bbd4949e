/* SPDX-License-Identifier: MIT */
/*
 * pool.h - the pages: one memfd, mapped once at all that the host could give, numbered from 1. How
 * many of them there may be at a time, pages_max, is a number that can change.
 *
 * A page is at any time one of: free (no memory behind it), in the reserve (zeroed, faulted in),
 * used (named by a table), on its way ("coming": being allocated, retired, being punched), or set
 * aside (its memory failed, and no table names it any more: it stays so). So free, reserve, used,
 * coming and aside add up to pages_max, always. A shortage while pages are coming
 * passes, one without is told: so a page is counted as coming without a gap.
 *
 * Readers take pages from the reserve only, and never wait for the host. The filler (reserve.h)
 * makes them. What readers tell it is here, since it is the same lock: `asked`, there is something
 * to do; `waiting`, somebody was told -EAGAIN and must be woken when that has changed.
 */
#ifndef MEMTGT_STORE_POOL_H
#define MEMTGT_STORE_POOL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "store/host.h"
#include "store/poison.h"
#include "store/store.h"

/* Linked through pool.link. Owned by one thread, or by the lock of the struct it is in. */
struct page_list {
	uint32_t head, tail, n; /* 0: none */
};

struct pool {
	enum store_kind kind;
	int fd;
	uint32_t pages_mapped; /* pages_max can become so many */
	uint64_t numa_nodes;
	unsigned overcommit_percent; /* 0: no limit */
	uint8_t *base;
	uint32_t *link; /* of page n at n; belongs to who owns the list the page is on */
	struct budget budget;
	struct poison poison;

	pthread_mutex_t touch; /* while pages are given back, or mapped again: touch.h; a leaf */
	pthread_mutex_t lock;  /* of what follows; a leaf, never held over a system call */
	uint32_t pages_max;
	uint32_t cutting; /* of pages_max and coming: on their way back, and not to come again */
	uint32_t pages_locked; /* plain: numbers up to this are kept out of swap */
	struct page_list free, reserve;
	uint32_t fresh; /* pages above this number were never used */
	uint64_t used, coming, aside;
	uint64_t lent; /* pages that all LUNs would take if they were full */
	uint64_t lent_max;
	enum store_gate gate;
	uint64_t owed; /* of free and reserve: promised to full LUNs that are being filled */

	pthread_cond_t ask;  /* the filler waits for it */
	bool asked, waiting; /* see above */
	uint32_t low;	     /* fewer in the reserve: the filler is asked */
	uint64_t taken;	     /* pages that readers took from the reserve */
	uint64_t misses;     /* times that it was empty */
	uint64_t soft_at;    /* so many used: the filler is asked... */
	uint64_t soft_back;  /* ...again only after it was less than this... */
	bool soft_said;	     /* ...once it knows */
	bool moved;	    /* what is lent, or pages_max: the filler is to look where soft_at is */
	bool dry, told;	    /* no page could be made; and one reader at least knows */
	uint64_t dry_until; /* until then none is asked for, once that is told */
};

/* fd < 0: a new file. Else a kept one, of that kind, which stays the caller's on errors. */
int pool_open(struct pool *p, enum store_kind kind, uint32_t pages_max, int fd,
	      const struct store_options *o, char *why, size_t why_len)
	__attribute__((warn_unused_result));
void pool_close(struct pool *p);
/* What a kept file is: its kind, and how many pages it is long. 0; -EINVAL: it is none of ours. */
int pool_file(int fd, enum store_kind *kind, uint32_t *pages) __attribute__((warn_unused_result));
/*
 * Of a kept file, before anybody uses the pool: `n` pages are used, those whose numbers have their
 * bit in `named`, up to `highest`. The rest is free, and has no memory.
 */
void pool_adopt(struct pool *p, const uint64_t *named, uint32_t highest, uint32_t n);
/* Pages [from, to), numbered from 1: no memory stays behind them; or they are faulted in, which
 * they are not of themselves in a new process. 0 or -errno. */
void pool_punch(const struct pool *p, uint32_t from, uint32_t to);
int pool_populate(const struct pool *p, uint32_t from, uint32_t to)
	__attribute__((warn_unused_result));

static inline bool pool_bit(const uint64_t *bits, uint32_t num)
{
	return bits[num / 64] >> num % 64 & 1;
}

static inline void pool_set_bit(uint64_t *bits, uint32_t num)
{
	bits[num / 64] |= (uint64_t)1 << num % 64;
}

/* For readers: a page of zeroes from the reserve, coming now. 0; -EAGAIN: `waiting` is set, and the
 * filler is asked; -ENOSPC: there is none to wait for. */
int pool_get(struct pool *p, uint32_t *num) __attribute__((warn_unused_result));
/* `more` pages are missing, and so many are coming: then `waiting` is set. */
bool pool_await(struct pool *p, uint64_t more);
/* A page of zeroes from the host, coming now; `owed`: one of those that are owed, else from the
 * reserve if no other is left. 0, -EAGAIN (others are coming) or -ENOSPC. May take a millisecond.
 */
int pool_make(struct pool *p, bool owed, uint32_t *num) __attribute__((warn_unused_result));
/* A coming page that nobody has seen goes into the reserve. */
void pool_keep(struct pool *p, uint32_t num);
/* A coming page goes to its place in a table, and is used, in one step: nobody can take it out
 * before it is counted. False: there is another entry, *there. */
bool pool_settle(struct pool *p, _Atomic uint32_t *place, uint32_t entry, uint32_t *there);
/* n used pages were taken out of tables, and are coming. */
void pool_leave(struct pool *p, uint32_t n);
/* Give coming pages that nobody can reach back to the host, but for those whose memory failed; and
 * empty the list. */
void pool_put(struct pool *p, struct page_list *l);
/* Up to n pages of the reserve go back to the host. */
void pool_trim(struct pool *p, uint32_t n);

void pool_set_gate(struct pool *p, enum store_gate g);
/* Another pages_max. 0; -EINVAL: it is above pages_mapped; -EDQUOT: so much is lent that it must be
 * *least; -EBUSY: so many are used and owed; -EAGAIN: as many as that with those that are coming.
 */
int pool_resize(struct pool *p, uint64_t pages, uint64_t *least)
	__attribute__((warn_unused_result));
/* LUNs grow by so many pages altogether, `owed` of which will be made at once. 0; -ENOSPC: the pool
 * has fewer than that left, *left; -EDQUOT: only *left may still be lent. */
int pool_lend(struct pool *p, uint64_t pages, uint64_t owed, uint64_t *left)
	__attribute__((warn_unused_result));
/* They shrink; `owed` pages will not be made after all. */
void pool_unlend(struct pool *p, uint64_t pages, uint64_t owed);

/* Under the lock, which this releases: tells the filler that there is something to do. */
void pool_unlock_ask(struct pool *p, bool ask);
/* The same from outside of it. */
void pool_ask(struct pool *p);
/* Under the lock: pages that LUNs may still ask for: their holes. */
uint64_t pool_holes(const struct pool *p);
/* Under the lock: pages that readers could still ask for, if the host gives them. */
uint64_t pool_left(const struct pool *p);
/* The same, as far as a host that has `host` pages left could give them. */
uint64_t pool_can_give(const struct pool *p, uint64_t host);
/* The same, not under the lock. Reads the host's counters. */
uint64_t pool_could_give(struct pool *p);
/* Pages that the host could still give. Reads its counters. */
uint64_t pool_host_left(struct pool *p, uint64_t now);
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

/* ---- between pool.c and pool_map.c ---- */

/* Memory behind a number, zeroed and faulted in. Any error means that the host does not give it:
 * its limits, a cgroup's, no memory. */
int pool_page_make(const struct pool *p, uint32_t num) __attribute__((warn_unused_result));
void pool_page_punch(const struct pool *p, uint32_t num);
/* Plain pages [from, to), counted from 0, are kept out of swap where we may. */
void pool_lock_plain(const struct pool *p, uint32_t from, uint32_t to);

static inline uint64_t pool_lent_max(const struct pool *p, uint64_t pages)
{
	return p->overcommit_percent ? pages * p->overcommit_percent / 100 : UINT64_MAX;
}

#endif
