// SPDX-License-Identifier: MIT
/* store.c - opens the store: chooses the kind of pages, and says what to do if there are none. */
#include "store/store.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/log.h"
#include "store/internal.h"

static int check_options(const struct store_options *o, char *why, size_t why_len)
{
	const char *wrong = NULL;

	if (!o->ceiling)
		wrong = "its size is 0";
	else if (o->ceiling > STORE_LUN_MAX)
		wrong = "its size is above 64 TiB";
	else if (pages_of(o->full_bytes) > pages_of(o->ceiling))
		wrong = "the full LUNs are larger than its size";
	else if (!o->readers)
		wrong = "nobody would read it";
	if (!wrong)
		return 0;
	snprintf(why, why_len, "cannot make the memory pool: %s", wrong);
	return -EINVAL;
}

/* AUTO becomes HUGE or PLAIN; HUGE stays, or is refused. */
static int choose_kind(const struct store_options *o, enum store_kind *kind, char *why,
		       size_t why_len)
{
	uint64_t need = pages_of(o->full_bytes), ceiling = pages_of(o->ceiling);
	struct host_huge h;
	char advice[256];

	*kind = o->kind;
	if (o->kind == STORE_PLAIN)
		return 0;
	host_huge_read(&h);
	uint64_t left = host_huge_left(&h);
	if (left >= (need ? need : 1)) {
		*kind = STORE_HUGE;
		return 0;
	}
	snprintf(advice, sizeof(advice),
		 "%" PRIu64 " hugepages of 2 MiB are needed at once, %" PRIu64 " in all, and the "
		 "host has %" PRIu64 ": sysctl -w vm.nr_overcommit_hugepages=%" PRIu64,
		 need ? need : 1, ceiling, left, h.overcommit + ceiling - left);
	if (o->kind == STORE_HUGE) {
		snprintf(why, why_len, "%s", advice);
		return -ENOSPC;
	}
	log_warn("store: using pages of 4 KiB, which are slower; %s", advice);
	*kind = STORE_PLAIN;
	return 0;
}

/* Never written, so all of it is the kernel's one page of zeroes; not a huge one, so that it stays
 * in the processor's cache. */
static const uint8_t *map_zero(void)
{
	void *at = mmap(NULL, STORE_PAGE_SIZE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		return NULL;
	madvise(at, STORE_PAGE_SIZE, MADV_NOHUGEPAGE);
	madvise(at, STORE_PAGE_SIZE, MADV_DONTDUMP);
	return at;
}

/* Takes a fraction of a millisecond for a page: none of that is a reader's. */
static bool reap(void *arg)
{
	return retire_reap(arg);
}

static int start_filler(struct store *s, const struct store_options *o)
{
	reserve_init(&s->reserve, &s->pool, o->reserve, retire_wake, &s->retire);
	s->reserve.reap = reap;
	s->reserve.threshold.percent = o->soft_threshold_percent;
	s->retire.by_filler = !o->no_filler;
	return o->no_filler ? 0 : reserve_start(&s->reserve);
}

/* Who is left gives the rest back. */
static void stop_filler(struct store *s)
{
	reserve_stop(&s->reserve);
	s->retire.by_filler = false;
}

/* Everything but the pool, which has told its errors itself. */
static int open_rest(struct store *s, const struct store_options *o)
{
	int rc = -ENOMEM;

	s->zero = map_zero();
	if (!s->zero)
		return rc;
	rc = tables_open(&s->tables);
	if (rc)
		goto err_zero;
	rc = retire_open(&s->retire, &s->pool, o->readers);
	if (rc)
		goto err_tables;
	rc = start_filler(s, o);
	if (!rc)
		return 0;

	retire_close(&s->retire);
err_tables:
	tables_close(&s->tables);
err_zero:
	munmap((void *)(uintptr_t)s->zero, STORE_PAGE_SIZE);
	return rc;
}

int store_open(struct store **out, const struct store_options *o, char *why, size_t why_len)
{
	enum store_kind kind;
	int rc = check_options(o, why, why_len);

	if (!rc)
		rc = choose_kind(o, &kind, why, why_len);
	if (rc)
		return rc;
	struct store *s = calloc(1, sizeof(*s));
	if (!s) {
		snprintf(why, why_len, "cannot make the memory pool: out of memory");
		return -ENOMEM;
	}
	rc = pool_open(&s->pool, kind, (uint32_t)pages_of(o->ceiling), o, why, why_len);
	if (rc)
		goto err_store;
	rc = open_rest(s, o);
	if (rc) {
		snprintf(why, why_len, "cannot make the memory pool: %s", strerror(-rc));
		goto err_pool;
	}
	*out = s;
	return 0;

err_pool:
	pool_close(&s->pool);
err_store:
	free(s);
	return rc;
}

void store_close(struct store *s)
{
	assert(s->luns == 0 && s->pool.used == 0);
	stop_filler(s);
	retire_close(&s->retire);
	tables_close(&s->tables);
	munmap((void *)(uintptr_t)s->zero, STORE_PAGE_SIZE);
	pool_close(&s->pool);
	free(s);
}

void store_stop_filling(struct store *s)
{
	stop_filler(s);
}

struct store_reader *store_reader(struct store *s, unsigned i)
{
	assert(i < s->retire.nreaders);
	store_reader_online(&s->retire.readers[i]);
	return &s->retire.readers[i];
}

void store_on_retire(struct store *s, void (*wake)(void *arg), void *arg)
{
	s->retire.wake = wake;
	s->retire.wake_arg = arg;
}

void store_on_threshold(struct store *s, void (*fn)(void *arg), void *arg)
{
	struct threshold *t = &s->reserve.threshold;

	pthread_mutex_lock(&s->pool.lock);
	t->fn = fn;
	t->arg = arg;
	pool_unlock_ask(&s->pool, fn != NULL);
}

void store_set_gate(struct store *s, enum store_gate g)
{
	pool_set_gate(&s->pool, g);
}
