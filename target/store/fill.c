// SPDX-License-Identifier: MIT
/* fill.c - pages of a full LUN, got by a few threads before they are offered. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/thread.h"
#include "store/internal.h"

#define FILL_THREADS   8u  /* at most, the caller's included */
#define FILL_CHUNK     32u /* pages a thread takes at a time, and between two calls of progress */
#define FILL_RETRY_NS  NS_PER_MS
#define FILL_RETRY_MAX 1000u /* pages on their way back to the pool are waited for so long */

struct fill {
	struct store_lun *l;
	uint64_t end;
	_Atomic uint64_t next, done;
	_Atomic int rc; /* the first error: everybody stops */
};

static int fill_page(struct store_lun *l, uint64_t page)
{
	const struct timespec pause = {.tv_nsec = FILL_RETRY_NS};
	uint32_t entry;
	int rc = lun_page_make(l, page, LUN_FROM_HOST, 0, &entry);

	for (unsigned i = 0; rc == -EAGAIN && i < FILL_RETRY_MAX && !l->store->no_fills; i++) {
		nanosleep(&pause, NULL);
		rc = lun_page_make(l, page, LUN_FROM_HOST, 0, &entry);
	}
	if (rc == -EAGAIN)
		return l->store->no_fills ? -ECANCELED : -ENOSPC;
	return rc;
}

/* False: nothing is left to do. */
static bool fill_chunk(struct fill *f)
{
	uint64_t page = atomic_fetch_add(&f->next, FILL_CHUNK), end = page + FILL_CHUNK;

	for (; page < end && page < f->end && !f->rc; page++) {
		int none = 0, rc = f->l->store->no_fills ? -ECANCELED : fill_page(f->l, page);

		if (rc)
			atomic_compare_exchange_strong(&f->rc, &none, rc);
		else
			f->done++;
	}
	return end < f->end && !f->rc;
}

static void *fill_thread(void *arg)
{
	while (fill_chunk(arg))
		;
	return NULL;
}

/* A thread that cannot be had only makes it slower. Signals are the main thread's. */
static unsigned start_threads(struct fill *f, pthread_t *thread)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	uint64_t want = (f->end - f->next) / FILL_CHUNK;
	sigset_t before;
	unsigned n = 0;

	if (want > FILL_THREADS)
		want = FILL_THREADS;
	if (cpus > 0 && want > (uint64_t)cpus)
		want = (uint64_t)cpus;
	thread_block_signals(&before);
	while (n + 1 < want && pthread_create(&thread[n], NULL, fill_thread, f) == 0)
		n++;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return n;
}

void store_cancel_fills(struct store *s)
{
	s->no_fills = true;
}

int lun_fill(struct store_lun *l, uint64_t from, uint64_t end,
	     void (*progress)(void *arg, uint64_t done, uint64_t of), void *arg, uint64_t *done)
{
	struct fill f = {.l = l, .end = end, .next = from};
	pthread_t thread[FILL_THREADS];
	unsigned n = start_threads(&f, thread);

	while (fill_chunk(&f))
		if (progress)
			progress(arg, f.done, end - from);
	for (unsigned i = 0; i < n; i++)
		pthread_join(thread[i], NULL);
	*done = f.done;
	if (!f.rc && progress)
		progress(arg, *done, end - from);
	return f.rc;
}
