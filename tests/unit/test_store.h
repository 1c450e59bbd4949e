/* SPDX-License-Identifier: MIT */
/* test_store.h - stores for the tests: small, of either kind of pages. */
#ifndef MEMTGT_TEST_STORE_H
#define MEMTGT_TEST_STORE_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "lib/filler.h"
#include "lib/test_main.h"
#include "store/store.h"

#define MIB  ((uint64_t)1 << 20)
#define PAGE ((uint64_t)STORE_PAGE_SIZE)

/* Kinds for loop tests: hugepages only where tests.list sees to it that there are some. */
#define KINDS_FROM (getenv("MEMTGT_TEST_HUGE") ? STORE_HUGE : STORE_PLAIN)
#define KINDS_TO   (STORE_PLAIN + 1)

static inline struct store *open_store_as(int kind, uint64_t pages, unsigned readers, bool filler)
{
	struct store_options o = {
		.kind = (enum store_kind)kind,
		.full_bytes = kind == STORE_HUGE ? pages * PAGE : 0,
		.ceiling = pages * PAGE,
		.readers = readers,
		.no_filler = !filler,
	};
	struct store *s = NULL;
	char why[512] = "";
	int rc = store_open(&s, &o, why, sizeof(why));

	ck_assert_msg(rc == 0, "%s", why);
	return s;
}

/* Without a filler: it works only where the test says so, by filler_run(). */
static inline struct store *open_store(int kind, uint64_t pages, unsigned readers)
{
	return open_store_as(kind, pages, readers, false);
}

static inline struct store_lun *make_lun(struct store *s, uint64_t bytes, enum store_provisioning p)
{
	struct store_lun *l = NULL;
	char why[512] = "";
	int rc = store_lun_create(s, bytes, p, NULL, NULL, NULL, &l, why, sizeof(why));

	ck_assert_msg(rc == 0, "%s", why);
	if (!s->reserve.has_thread)
		filler_run(s);
	return l;
}

static inline struct store_stats stats_of(struct store *s)
{
	struct store_stats st;

	store_get_stats(s, &st);
	return st;
}

/* Pages are freed a batch at a time. */
static inline void quiet_all(struct store *s, struct store_reader *r)
{
	const struct timespec pause = {.tv_nsec = (long)NS_PER_MS};

	for (int i = 0; i < 10000 && stats_of(s).pages_retired; i++) {
		store_reader_quiet(r);
		if (s->reserve.has_thread)
			nanosleep(&pause, NULL);
	}
	ck_assert_uint_eq(stats_of(s).pages_retired, 0);
}

/* All bytes of [off, off+n) are v. */
static inline void expect(const struct store_lun *l, uint64_t off, uint64_t n, uint8_t v)
{
	while (n) {
		size_t have;
		const uint8_t *p = store_at(l, off, n, &have);

		ck_assert(have && have <= n);
		if (p[0] != v || memcmp(p, p + 1, have - 1) != 0)
			ck_abort_msg("[%llu, +%zu) is not all %d", (unsigned long long)off, have,
				     v);
		off += have;
		n -= have;
	}
}

/* What the host gives is what is counted, as soon as the filler rests. */
static inline void expect_host(struct store *s)
{
	const struct timespec pause = {.tv_nsec = (long)NS_PER_MS};
	struct store_stats st = stats_of(s);

	for (int i = 0; i < 10000; i++, st = stats_of(s)) {
		if (st.host_bytes == (st.pages_used + st.pages_retired + st.pages_reserve) * PAGE)
			return;
		nanosleep(&pause, NULL);
	}
	ck_abort_msg("%llu bytes for %llu, %llu and %llu pages", (unsigned long long)st.host_bytes,
		     (unsigned long long)st.pages_used, (unsigned long long)st.pages_retired,
		     (unsigned long long)st.pages_reserve);
}

/* The numbers when the filler has given back all that was retired: nobody holds it any more. */
static inline struct store_stats stats_at_rest(struct store *s)
{
	const struct timespec pause = {.tv_nsec = (long)NS_PER_MS};
	struct store_stats st = stats_of(s);

	for (int i = 0; i < 10000 && st.pages_retired; i++, st = stats_of(s))
		nanosleep(&pause, NULL);
	return st;
}

/* As if nothing had ever been written. */
static inline void expect_empty(struct store *s)
{
	const struct timespec pause = {.tv_nsec = (long)NS_PER_MS};

	if (!s->reserve.has_thread)
		filler_run(s);
	for (int i = 0; i < 10000; i++) { /* a page may still be on its way into the reserve */
		struct store_stats now = stats_of(s);
		if (!now.pages_reserve && !now.pages_coming)
			break;
		nanosleep(&pause, NULL);
	}
	expect_host(s);
	struct store_stats st = stats_of(s);

	ck_assert_uint_eq(st.pages_used, 0);
	ck_assert_uint_eq(st.pages_retired, 0);
	ck_assert_uint_eq(st.pages_reserve, 0);
	ck_assert_uint_eq(st.host_bytes, 0);
}

#endif
