// SPDX-License-Identifier: MIT
/* touch.c - the thread that maps kept pages again. */
#include "store/touch.h"

#include <inttypes.h>
#include <signal.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/table.h"

#define ENTRY_BYTES sizeof(uint32_t)
#define LEAF_BYTES  (TABLE_LEAF * ENTRY_BYTES)

/* The page that the entry at this place of the file names, or 0. */
static uint32_t page_at(const struct touch *t, off_t at)
{
	uint32_t e = 0;

	if (pread(t->tables, &e, sizeof(e), at) != (ssize_t)sizeof(e))
		return 0;
	e &= TABLE_NUMBER;
	return e <= t->pool->pages_mapped ? e : 0;
}

static bool touch_one(struct touch *t, off_t at)
{
	pthread_mutex_lock(&t->pool->touch);
	uint32_t num = page_at(t, at);
	int rc = num ? pool_populate(t->pool, num, num + 1) : 0;
	pthread_mutex_unlock(&t->pool->touch);
	return num && !rc;
}

static uint64_t touch_leaf(struct touch *t, off_t at)
{
	uint32_t entry[TABLE_LEAF];
	uint64_t n = 0;

	if (pread(t->tables, entry, sizeof(entry), at) != (ssize_t)sizeof(entry))
		return 0;
	for (uint64_t i = 0; i < TABLE_LEAF && !t->stop; i++)
		if (entry[i])
			n += touch_one(t, at + (off_t)(i * ENTRY_BYTES));
	return n;
}

uint64_t touch_all(struct touch *t)
{
	off_t at = 0;
	uint64_t n = 0;

	while (!t->stop && (at = lseek(t->tables, at, SEEK_DATA)) >= 0) {
		n += touch_leaf(t, at);
		at += (off_t)LEAF_BYTES;
	}
	return n;
}

static void *run(void *arg)
{
	struct touch *t = arg;
	const uint64_t began = clock_now();

	pthread_setname_np(pthread_self(), "touch");
	uint64_t n = touch_all(t);
	log_info("store: %" PRIu64 " kept pages of 2 MiB are mapped again%s, after %" PRIu64 " ms",
		 n, t->stop ? " (not all)" : "", (uint64_t)((clock_now() - began) / NS_PER_MS));
	return NULL;
}

/* Signals are the main thread's. */
int touch_start(struct touch *t, struct pool *p, int tables)
{
	sigset_t all, before;

	t->pool = p;
	t->tables = tables;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int rc = pthread_create(&t->thread, NULL, run, t);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	t->has_thread = rc == 0;
	return -rc;
}

void touch_stop(struct touch *t)
{
	if (!t->has_thread)
		return;
	t->stop = true;
	pthread_join(t->thread, NULL);
	t->has_thread = false;
}
