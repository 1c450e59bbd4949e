// SPDX-License-Identifier: MIT
/* reserve.c - the filler. */
#include "store/reserve.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "base/thread.h"

#define TICK_NS NS_PER_S
/* Below this, what could not be made is not asked for again. */
#define DRY_NS BUDGET_MAX_NS

static uint32_t least(uint64_t a, uint64_t b)
{
	return (uint32_t)(a < b ? a : b);
}

/* Under the lock: the ceiling may have changed. */
static void set_limits(struct reserve *r)
{
	const struct pool *p = r->pool;
	uint32_t max = least(p->pages_max / 8, RESERVE_MAX);

	if (r->most)
		max = least(r->most >> STORE_PAGE_SHIFT, p->pages_max);
	else if (max < RESERVE_MIN)
		max = RESERVE_MIN;
	r->max = max ? max : 1;
	r->min = least(r->max, RESERVE_MIN);
	if (r->target > r->max)
		r->target = r->max;
	if (r->target < r->min)
		r->target = r->min;
}

void reserve_init(struct reserve *r, struct pool *p, uint64_t most, void (*wake)(void *arg),
		  void *arg)
{
	*r = (struct reserve){.pool = p, .wake = wake, .arg = arg, .most = most};
	set_limits(r);
}

/* ---- what to do, under the lock ---- */

/* Pages that the reserve should hold now: what was made for who waits is not counted here. */
static uint32_t wanted(const struct reserve *r)
{
	return r->pool->gate == STORE_GATE_OPEN ? least(r->target, pool_holes(r->pool)) : 0;
}

static void note_use(struct reserve *r, uint64_t now)
{
	const struct pool *p = r->pool;

	if (p->taken != r->taken || !r->used_at)
		r->used_at = now;
	r->taken = p->taken;
	if (r->target > r->min && now - r->used_at >= RESERVE_IDLE_NS) {
		r->target = r->target / 2 > r->min ? r->target / 2 : r->min;
		r->used_at = now;
	}
}

/* Pages are there for those who waited, or it is known that none will come. */
static void wake(struct reserve *r)
{
	r->wake(r->arg);
}

/* A page came. True: somebody waited for it. */
static bool served(struct reserve *r, uint64_t now)
{
	struct pool *p = r->pool;

	pthread_mutex_lock(&p->lock);
	bool waiting = p->waiting;
	p->waiting = p->dry = false;
	if (waiting) {
		r->waits++;
		r->target = least((uint64_t)r->target * 2, r->max);
		r->keep_until = now + RESERVE_KEEP_NS;
	}
	pthread_mutex_unlock(&p->lock);
	return waiting;
}

/* No page could be made. Who waits goes on waiting for those that are coming, if there are any:
 * whoever ends that, asks the filler. True: somebody is to be told. */
static bool failed(struct reserve *r, uint64_t now)
{
	struct pool *p = r->pool;

	pthread_mutex_lock(&p->lock);
	bool tell = p->waiting && (!p->coming || p->gate == STORE_GATE_SHUT);
	if (tell) {
		p->waiting = p->told = false;
		p->dry = true;
		p->dry_until = now + DRY_NS;
		r->waits++;
	}
	pthread_mutex_unlock(&p->lock);
	return tell;
}

/* ---- turns ---- */

/* Does the host want its memory back? Asked once a tick, and not for a few pages. */
static void look_at_host(struct reserve *r, uint64_t now)
{
	struct pool *p = r->pool;

	if (now - r->host_at < TICK_NS || r->target <= r->min)
		return;
	r->host_at = now;
	if (budget_pages(&p->budget, now))
		return;
	pthread_mutex_lock(&p->lock);
	r->target = r->min;
	pthread_mutex_unlock(&p->lock);
}

static uint64_t rest(const struct reserve *r, uint64_t now, uint32_t n, uint32_t want)
{
	if (n > want)
		return r->keep_until;
	return r->target > r->min || n > r->min ? now + TICK_NS : UINT64_MAX;
}

/* Who waits is woken for this many pages; the first one at once. */
static uint32_t enough(const struct reserve *r, uint32_t want)
{
	return r->target > r->min && want > RESERVE_WAKE ? RESERVE_WAKE : 1;
}

/* One page more, of n. */
static uint64_t fill(struct reserve *r, uint64_t now, uint32_t n, uint32_t want)
{
	uint32_t num;

	if (pool_make(r->pool, false, &num)) {
		if (n ? served(r, now) : failed(r, now))
			wake(r);
		return rest(r, now, n, want);
	}
	pool_keep(r->pool, num);
	if (n + 1 >= enough(r, want) && served(r, now))
		wake(r);
	return 0;
}

uint64_t reserve_turn(struct reserve *r, uint64_t now)
{
	struct pool *p = r->pool;

	pthread_mutex_lock(&p->lock);
	p->asked = false;
	if (p->moved) {
		r->threshold.looked_at = 0;
		set_limits(r);
	}
	p->moved = false;
	pthread_mutex_unlock(&p->lock);
	look_at_host(r, now);
	threshold_turn(&r->threshold, p, now);

	pthread_mutex_lock(&p->lock);
	note_use(r, now);
	bool waiting = p->waiting;
	uint32_t n = p->reserve.n, want = wanted(r);
	p->low = (want + 1) / 2;
	bool keep = now < r->keep_until && p->gate != STORE_GATE_SHUT;
	pthread_mutex_unlock(&p->lock);

	if (n < want || (waiting && !n))
		return fill(r, now, n, want);
	if (waiting && served(r, now))
		wake(r);
	if (n <= want || keep)
		return rest(r, now, n, want);
	pool_trim(p, least(n - want, RESERVE_TRIM));
	return 0;
}

uint64_t reserve_pass(struct reserve *r, uint64_t now)
{
	/* It takes the asking back, so what was asked for is looked at after that. */
	uint64_t until = reserve_turn(r, now);

	return r->reap && r->reap(r->arg) ? 0 : until;
}

/* ---- the thread ---- */

/* Until somebody asks, or that time. False: the end. */
static bool wait_until(struct reserve *r, uint64_t until)
{
	struct pool *p = r->pool;
	const struct timespec at = clock_timespec(until);
	int rc = 0;

	pthread_mutex_lock(&p->lock);
	while (until && !p->asked && !r->stop && rc != ETIMEDOUT)
		rc = until == UINT64_MAX ? pthread_cond_wait(&p->ask, &p->lock)
					 : pthread_cond_timedwait(&p->ask, &p->lock, &at);
	bool go_on = !r->stop;
	pthread_mutex_unlock(&p->lock);
	return go_on;
}

static void *filler(void *arg)
{
	struct reserve *r = arg;

	pthread_setname_np(pthread_self(), "filler");
	while (wait_until(r, reserve_pass(r, clock_now())))
		;
	return NULL;
}

/* Signals are the main thread's. */
int reserve_start(struct reserve *r)
{
	sigset_t before;

	thread_block_signals(&before);
	int rc = pthread_create(&r->thread, NULL, filler, r);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	r->has_thread = rc == 0;
	return -rc;
}

void reserve_stop(struct reserve *r)
{
	struct pool *p = r->pool;

	if (!r->has_thread)
		return;
	pthread_mutex_lock(&p->lock);
	r->stop = true;
	pthread_mutex_unlock(&p->lock);
	pthread_cond_signal(&p->ask);
	pthread_join(r->thread, NULL);
	r->has_thread = false;
}
