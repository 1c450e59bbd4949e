// SPDX-License-Identifier: MIT
/* pool.c - which pages are free, in the reserve, coming or used, and how many may be. */
#include "store/pool.h"

#include <errno.h>

#include "base/clock.h"
#include "base/fail_point.h"

/* A reader that is woken tries again within a tick of its reactor. */
#define UNTOLD_NS (2 * NS_PER_S)

/* ---- numbers, under the lock ---- */

/* The same as the pages that are used, in the reserve, coming or set aside. */
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

void pool_ask(struct pool *p)
{
	pthread_mutex_lock(&p->lock);
	pool_unlock_ask(p, true);
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

/* Nobody gets a page of which it is known that its memory failed. */
static uint32_t reserve_pop(struct pool *p)
{
	uint32_t num;

	while ((num = page_list_pop(p, &p->reserve)) && poison_is(&p->poison, num))
		p->aside++;
	return num;
}

int pool_get(struct pool *p, uint32_t *num)
{
	int rc = 0;

	pthread_mutex_lock(&p->lock);
	bool left = p->gate != STORE_GATE_SHUT && pool_left(p) > 0;
	*num = left ? reserve_pop(p) : 0;
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

bool pool_await(struct pool *p, uint64_t more)
{
	pthread_mutex_lock(&p->lock);
	const bool comes = p->gate != STORE_GATE_SHUT && more <= p->coming;
	p->waiting |= comes;
	pool_unlock_ask(p, comes);
	return comes;
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
		n = reserve_pop(p);
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
		if (pool_page_make(p, *num) == 0)
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
	FAIL_POINT(PAGE_KEPT);
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
		FAIL_POINT(PAGE_JOINED);
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

/* Takes those whose memory failed out of the list. Returns how many there were. */
static uint32_t set_aside(const struct pool *p, struct page_list *l)
{
	struct page_list good = {0};
	uint32_t n = l->n, num;

	if (!poison_any(&p->poison))
		return 0;
	while ((num = page_list_pop(p, l)))
		if (!poison_is(&p->poison, num))
			page_list_push(p, &good, num);
	*l = good;
	return n - good.n;
}

/* And `cut` of them are not to come again. */
static void give_back(struct pool *p, struct page_list *l, uint32_t cut)
{
	uint32_t aside = set_aside(p, l), n = l->n;

	pthread_mutex_lock(&p->touch);
	for (uint32_t num = l->head, left = n; left; num = p->link[num], left--) {
		pool_page_punch(p, num);
		FAIL_POINT(PAGE_PUNCHED);
	}
	pthread_mutex_unlock(&p->touch);
	budget_give(&p->budget, n);
	pthread_mutex_lock(&p->lock);
	page_list_move(p, &p->free, l);
	p->coming -= n + aside;
	p->aside += aside;
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
	FAIL_POINT(PAGE_TRIMMED);
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
		pool_lock_plain(p, from, to);
}

void pool_adopt(struct pool *p, const uint64_t *named, uint32_t highest, uint32_t n)
{
	lock_more(p, highest);
	pthread_mutex_lock(&p->lock);
	p->fresh = highest;
	for (uint32_t num = highest; num; num--)
		if (!pool_bit(named, num))
			page_list_push(p, &p->free, num);
	p->used = n;
	if (p->pages_max < n) {
		p->pages_max = n;
		p->lent_max = pool_lent_max(p, n);
	}
	p->moved = true;
	pthread_mutex_unlock(&p->lock);
}

/* Under the lock. */
static int check_size(const struct pool *p, uint64_t pages, uint64_t *least)
{
	if (pages + p->cutting >= p->pages_max)
		return 0;
	*least = p->used + p->owed + p->aside;
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
		p->lent_max = pool_lent_max(p, pages);
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
