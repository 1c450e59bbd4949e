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

/* Is there something to go on with? */
static bool has_kept(const struct store_options *o)
{
	const struct store_files *k = o->kept;

	return k && (k->pool >= 0 || k->tables >= 0 || k->records >= 0);
}

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

/* Kept LUNs that nobody adopted stay as they are. Returns their pages. */
static uint64_t free_kept(struct store *s)
{
	uint64_t pages = 0;

	for (unsigned i = 0; s->kept && i < TABLES_MAX; i++) {
		if (!s->kept[i])
			continue;
		pages += s->kept[i]->pages;
		lun_free(s->kept[i]);
	}
	free(s->kept);
	s->kept = NULL;
	return pages;
}

/* Who is left gives the rest back. */
static void stop_filler(struct store *s)
{
	touch_stop(&s->touch);
	reserve_stop(&s->reserve);
	s->retire.by_filler = false;
}

/* Everything but the pool and the records, which have told their errors themselves. `kept` is -1 in
 * a store that is made anew. */
static int open_rest(struct store *s, const struct store_options *o, int kept)
{
	int rc = -ENOMEM;

	s->zero = map_zero();
	if (!s->zero)
		return rc;
	rc = tables_open(&s->tables, kept);
	if (rc)
		goto err_zero;
	rc = retire_open(&s->retire, &s->pool, o->readers);
	if (rc)
		goto err_tables;
	rc = -pthread_mutex_init(&s->wake_lock, NULL);
	if (!rc)
		return 0;

	retire_close(&s->retire);
err_tables:
	if (kept >= 0)
		s->tables.fd = -1;
	tables_close(&s->tables);
err_zero:
	munmap((void *)(uintptr_t)s->zero, STORE_PAGE_SIZE);
	return rc;
}

static void close_rest(struct store *s)
{
	pthread_mutex_destroy(&s->wake_lock);
	tables_close(&s->tables);
	munmap((void *)(uintptr_t)s->zero, STORE_PAGE_SIZE);
}

/* What the kept files are, as far as they tell. */
static int check_kept(const struct store_files *k, enum store_kind *kind, uint32_t *pages,
		      char *why, size_t why_len)
{
	int rc = -EINVAL;

	if (k->pool >= 0 && k->tables >= 0 && k->records >= 0)
		rc = pool_file(k->pool, kind, pages);
	if (rc)
		snprintf(why, why_len,
			 "the memory that was kept cannot be used: its pool, its tables and its "
			 "records must all be there, as memtgtd made them");
	return rc;
}

static int open_records(struct store *s, int kept, char *why, size_t why_len)
{
	pid_t pid = 0;
	int rc = records_open(&s->records, kept);

	if (rc) {
		snprintf(why, why_len, "cannot %s the records of the LUNs: %s",
			 kept < 0 ? "make" : "use", strerror(-rc));
		return rc;
	}
	rc = records_lock(&s->records, RECORDS_LOCK_S, &pid);
	if (!rc)
		return 0;
	if (rc == -EBUSY && pid > 0)
		snprintf(why, why_len,
			 "the memory is in use by process %d: only one memtgtd can have it; end "
			 "that one first",
			 (int)pid);
	else if (rc == -EBUSY)
		snprintf(why, why_len,
			 "the memory is in use by another process: only one memtgtd can have it; "
			 "end that one first");
	else
		snprintf(why, why_len, "the memory cannot be locked: %s", strerror(-rc));
	if (kept >= 0)
		s->records.fd = -1;
	records_close(&s->records);
	return rc;
}

/* Goes on, or begins. */
static int begin(struct store *s, const struct store_options *o, uint32_t file_pages, char *why,
		 size_t why_len)
{
	if (s->is_kept)
		return store_adopt(s, file_pages, !o->no_filler, why, why_len);
	int rc = records_write_store(&s->records, &s->records.store);
	if (rc)
		snprintf(why, why_len, "cannot write the records of the LUNs: %s", strerror(-rc));
	return rc;
}

/* Once those of an earlier process were dealt with. */
static int open_intents(struct store *s, unsigned readers, char *why, size_t why_len)
{
	const int fd = s->records.fd;
	int rc = intents_open(&s->intents, fd, readers);

	for (unsigned i = 0; i < readers && !rc; i++)
		s->retire.readers[i].pen = intents_pen(&s->intents, fd, i);
	if (rc)
		snprintf(why, why_len, "cannot make room for what threads are doing: %s",
			 strerror(-rc));
	return rc;
}

static int open_all(struct store *s, const struct store_options *o, const struct store_files *k,
		    enum store_kind kind, uint32_t file_pages, char *why, size_t why_len)
{
	int rc = open_records(s, k->records, why, why_len);

	if (rc)
		return rc;
	rc = pool_open(&s->pool, kind, (uint32_t)pages_of(o->ceiling), k->pool, o, why, why_len);
	if (rc)
		goto err_records;
	rc = open_rest(s, o, k->tables);
	if (rc) {
		snprintf(why, why_len, "cannot make the memory pool: %s", strerror(-rc));
		goto err_pool;
	}
	rc = begin(s, o, file_pages, why, why_len);
	if (rc)
		goto err_rest;
	rc = open_intents(s, o->readers, why, why_len);
	if (rc)
		goto err_rest;
	rc = start_filler(s, o);
	if (!rc)
		return 0;
	snprintf(why, why_len, "cannot start a thread: %s", strerror(-rc));

err_rest:
	touch_stop(&s->touch);
	free_kept(s);
	intents_close(&s->intents);
	retire_leave(&s->retire);
	if (s->is_kept)
		s->tables.fd = -1;
	close_rest(s);
err_pool:
	if (s->is_kept)
		s->pool.fd = -1;
	pool_close(&s->pool);
err_records:
	if (s->is_kept)
		s->records.fd = -1;
	records_close(&s->records);
	return rc;
}

int store_open(struct store **out, const struct store_options *o, char *why, size_t why_len)
{
	const struct store_files none = {-1, -1, -1};
	enum store_kind kind;
	uint32_t pages = 0;
	int rc = check_options(o, why, why_len);

	if (rc)
		return rc;
	rc = has_kept(o) ? check_kept(o->kept, &kind, &pages, why, why_len)
			 : choose_kind(o, &kind, why, why_len);
	if (rc)
		return rc;
	struct store *s = calloc(1, sizeof(*s));
	if (!s) {
		snprintf(why, why_len, "cannot make the memory pool: out of memory");
		return -ENOMEM;
	}
	s->is_kept = has_kept(o);
	rc = open_all(s, o, s->is_kept ? o->kept : &none, kind, pages, why, why_len);
	if (rc)
		free(s);
	else
		*out = s;
	return rc;
}

void store_close(struct store *s)
{
	stop_filler(s);
	uint64_t rest = free_kept(s);

	assert(s->luns == 0 && s->pool.used == rest);
	(void)rest;
	retire_close(&s->retire);
	intents_close(&s->intents);
	close_rest(s);
	pool_close(&s->pool);
	records_close(&s->records);
	free(s);
}

void store_leave(struct store *s)
{
	assert(s->luns == 0);
	stop_filler(s);
	free_kept(s);
	retire_leave(&s->retire);
	intents_close(&s->intents);
	close_rest(s);
	pool_close(&s->pool);
	records_close(&s->records);
	free(s);
}

void store_get_files(const struct store *s, struct store_files *out)
{
	*out = (struct store_files){s->pool.fd, s->tables.fd, s->records.fd};
}

bool store_is_kept(const struct store *s)
{
	return s->is_kept;
}

void store_stop_filling(struct store *s)
{
	stop_filler(s);
	pthread_mutex_lock(&s->wake_lock);
	s->no_wake = true;
	pthread_mutex_unlock(&s->wake_lock);
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
