// SPDX-License-Identifier: MIT
/* threshold.c - when the pool is soon full. */
#include "store/threshold.h"

#include <stdbool.h>

#include "store/slice.h"

static uint64_t percent_of(uint64_t pages, unsigned percent)
{
	return (pages * percent + 99) / 100;
}

/* Moves the marks: the host may be able to give less than the pool may hold. */
static void look(struct threshold *t, struct pool *p, uint64_t now)
{
	unsigned back = t->percent > STORE_SOFT_BACK ? t->percent - STORE_SOFT_BACK : 0;
	uint64_t left = pool_host_left(p, now);

	t->looked_at = now;
	pthread_mutex_lock(&p->lock);
	uint64_t most = slice_least(p->pages_max, p->used + p->reserve.n + left);
	/* What was lent can be had: nobody runs short. */
	p->soft_at = p->lent > most ? percent_of(most, t->percent) : UINT64_MAX;
	p->soft_back = percent_of(most, back);
	if (p->used < p->soft_back)
		p->soft_said = false;
	pthread_mutex_unlock(&p->lock);
}

void threshold_turn(struct threshold *t, struct pool *p, uint64_t now)
{
	if (!t->percent)
		return;
	if (!t->looked_at || now - t->looked_at >= THRESHOLD_LOOK_NS)
		look(t, p, now);
	pthread_mutex_lock(&p->lock);
	void (*fn)(void *arg) = t->fn;
	void *arg = t->arg;
	bool say = fn && p->used >= p->soft_at && !p->soft_said && pool_holes(p);
	p->soft_said |= say;
	pthread_mutex_unlock(&p->lock);
	if (say)
		fn(arg);
}
