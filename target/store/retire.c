// SPDX-License-Identifier: MIT
/* retire.c - readers, their quiet points and pins, and the grace periods of retired pages. */
#include "store/retire.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail_point.h"

int retire_open(struct retire *t, struct pool *p, unsigned readers)
{
	size_t bytes = readers * sizeof(*t->readers);
	int rc;

	*t = (struct retire){.pool = p, .nreaders = readers};
	t->batch = p->kind == STORE_HUGE ? RETIRE_BATCH_HUGE : RETIRE_BATCH_PLAIN;
	t->readers = aligned_alloc(_Alignof(struct store_reader), bytes);
	if (!t->readers)
		return -ENOMEM;
	memset(t->readers, 0, bytes);
	for (unsigned i = 0; i < readers; i++)
		t->readers[i].retire = t;
	rc = -pthread_mutex_init(&t->lock, NULL);
	if (rc)
		free(t->readers);
	return rc;
}

/* Under the lock: pages whose grace period is over become ready, and the next period begins if
 * pages wait for it. True: one began, the readers must be woken. */
static bool advance(struct retire *t)
{
	bool began = false;

	for (;;) {
		for (unsigned i = 0; i < t->nreaders && t->running; i++) {
			const struct store_reader *r = &t->readers[i];
			if (r->online && r->done != t->wanted)
				return began;
		}
		page_list_move(t->pool, &t->ready, &t->current);
		atomic_store_explicit(&t->ready_n, t->ready.n, memory_order_relaxed);
		t->running = t->waiting.n > 0;
		if (!t->running)
			return began;
		page_list_move(t->pool, &t->current, &t->waiting);
		atomic_fetch_add_explicit(&t->wanted, 1, memory_order_release);
		began = true;
	}
}

void retire_wake(void *arg)
{
	struct retire *t = arg;

	if (t->wake)
		t->wake(t->wake_arg);
}

bool retire_reap(struct retire *t)
{
	struct page_list l = {0};

	pthread_mutex_lock(&t->lock);
	while (l.n < t->batch && t->ready.n)
		page_list_push(t->pool, &l, page_list_pop(t->pool, &t->ready));
	bool more = t->ready.n > 0;
	atomic_store_explicit(&t->ready_n, t->ready.n, memory_order_relaxed);
	pthread_mutex_unlock(&t->lock);

	uint32_t n = l.n;
	if (!n)
		return more;
	pool_put(t->pool, &l);
	pthread_mutex_lock(&t->lock);
	t->pages -= n;
	pthread_mutex_unlock(&t->lock);
	return more;
}

/* With the lock released: who has something to do now. */
static void tell(struct retire *t, bool began)
{
	if (began)
		retire_wake(t);
	if (t->by_filler && atomic_load_explicit(&t->ready_n, memory_order_relaxed))
		pool_ask(t->pool);
}

void retire_close(struct retire *t)
{
	for (unsigned i = 0; i < t->nreaders; i++)
		store_reader_offline(&t->readers[i]);
	assert(t->pages == 0);
	retire_leave(t);
}

void retire_leave(struct retire *t)
{
	pthread_mutex_destroy(&t->lock);
	free(t->readers);
}

void retire_pages(struct store_reader *r, struct page_list *l)
{
	struct retire *t = r->retire;
	bool began = false;

	assert(r->online);
	pthread_mutex_lock(&t->lock);
	t->pages += l->n;
	page_list_move(t->pool, &t->waiting, l);
	FAIL_POINT(PAGE_RETIRED);
	if (!t->running)
		began = advance(t);
	pthread_mutex_unlock(&t->lock);
	tell(t, began);
}

uint64_t retire_count(struct retire *t)
{
	pthread_mutex_lock(&t->lock);
	uint64_t n = t->pages;
	pthread_mutex_unlock(&t->lock);
	return n;
}

void store_reader_online(struct store_reader *r)
{
	struct retire *t = r->retire;

	/* Under the lock, a grace period that ends without this reader ends before it looks at any
	 * table, and the lock makes it see all exchanges of that period. */
	pthread_mutex_lock(&t->lock);
	if (!r->online) {
		r->online = true;
		r->seen = r->done = t->wanted;
		atomic_store_explicit(&r->turn, t->turn, memory_order_release);
	}
	pthread_mutex_unlock(&t->lock);
}

static bool nobody_online(const struct retire *t)
{
	for (unsigned i = 0; i < t->nreaders; i++)
		if (t->readers[i].online)
			return false;
	return true;
}

void store_reader_offline(struct store_reader *r)
{
	struct retire *t = r->retire;

	assert(r->pins[0] == 0 && r->pins[1] == 0);
	pthread_mutex_lock(&t->lock);
	r->online = false;
	bool began = advance(t);
	bool last = nobody_online(t);
	bool ready = t->ready.n > 0;
	pthread_mutex_unlock(&t->lock);
	while (last && retire_reap(t))
		;
	tell(t, began || (ready && !last && !t->by_filler));
}

/* The reader is done with the pages of the period it saw. */
static void report(struct retire *t, struct store_reader *r)
{
	pthread_mutex_lock(&t->lock);
	r->done = r->seen;
	bool began = advance(t);
	pthread_mutex_unlock(&t->lock);
	tell(t, began);
}

void store_reader_quiet(struct store_reader *r)
{
	struct retire *t = r->retire;
	const uint64_t turn = atomic_load_explicit(&t->turn, memory_order_acquire);

	if (atomic_load_explicit(&r->turn, memory_order_relaxed) != turn)
		atomic_store_explicit(&r->turn, turn, memory_order_release);
	for (;;) {
		uint64_t wanted = atomic_load_explicit(&t->wanted, memory_order_acquire);

		if (r->seen != wanted) {
			/* The period before ended by this reader's word that its older pins are
			 * gone, so that counter is free for new ones. */
			assert(r->pins[r->parity ^ 1] == 0);
			r->parity ^= 1;
			r->seen = wanted;
		}
		if (r->done == r->seen || r->pins[r->parity ^ 1])
			break;
		report(t, r);
	}
	if (t->by_filler || !atomic_load_explicit(&t->ready_n, memory_order_relaxed))
		return;
	if (retire_reap(t))
		retire_wake(t);
}

unsigned store_pin(struct store_reader *r)
{
	assert(r->online);
	r->pins[r->parity]++;
	return r->parity;
}

void store_unpin(struct store_reader *r, unsigned pin)
{
	assert(pin < 2 && r->pins[pin]);
	r->pins[pin]--;
}

uint64_t store_point_set(struct store_reader *r)
{
	struct retire *t = r->retire;

	pthread_mutex_lock(&t->lock);
	const uint64_t point = atomic_fetch_add_explicit(&t->turn, 1, memory_order_release) + 1;
	pthread_mutex_unlock(&t->lock);
	retire_wake(t);
	return point;
}

bool store_point_passed(const struct store_reader *r, uint64_t point)
{
	struct retire *t = r->retire;
	bool passed = true;

	pthread_mutex_lock(&t->lock);
	for (unsigned i = 0; i < t->nreaders; i++) {
		const struct store_reader *other = &t->readers[i];
		if (other->online &&
		    atomic_load_explicit(&other->turn, memory_order_acquire) < point)
			passed = false;
	}
	pthread_mutex_unlock(&t->lock);
	return passed;
}

void store_wake(const struct store_reader *r)
{
	retire_wake(r->retire);
}
