// SPDX-License-Identifier: MIT
/*
 * test_store_threads.c - several readers write, read, pin and unmap the same pages at once.
 *
 * In each page every thread has a block of its own, which it fills with stamps. Since anybody may
 * unmap the page, a thread may find its last stamp or zeroes there; an older stamp, or anybody
 * else's, is a page that was touched after it was freed. Run it under ThreadSanitizer as well.
 */
#include "test_store.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#define THREADS 4u
#define TURNS	5000u
#define MOST	(1000 * TURNS) /* until a worker has met all that it is to meet */
#define PAGES	24u	       /* of the LUN */
#define POOL	16u	       /* fewer, so that it runs full */
#define BLOCK	512u

struct stamp {
	uint64_t thread, page, count;
};

/* A pointer that is kept over many turns. */
struct held {
	const uint8_t *at;
	unsigned pin;
	uint64_t page;
	uint8_t bytes[BLOCK];
};

struct worker {
	unsigned id;
	struct store *s;
	struct store_lun *l;
	struct store_reader *r;
	uint64_t random, count;
	uint8_t want[PAGES][BLOCK]; /* what was written last; zeroes after they were seen */
	struct held held;
	unsigned short_of, verified, pins;
};

static const uint8_t noughts[BLOCK];
static _Atomic(const char *) wrong;

static void check(bool ok, const char *what)
{
	if (!ok)
		wrong = what;
}

static uint64_t draw(struct worker *w, uint64_t below)
{
	w->random = w->random * 6364136223846793005u + 1442695040888963407u;
	return (w->random >> 33) % below;
}

/* Another place in each page, so that a page that is used again meets other threads. */
static uint64_t place(const struct worker *w, uint64_t page)
{
	return page * PAGE + (w->id + page) % THREADS * BLOCK;
}

static void verify(struct worker *w, uint64_t page)
{
	size_t have;
	const uint8_t *p = store_at(w->l, place(w, page), BLOCK, &have);

	check(have == BLOCK, "a block was cut");
	if (memcmp(p, w->want[page], BLOCK) == 0) {
		w->verified += p[BLOCK - 1] != 0;
		return;
	}
	check(memcmp(p, noughts, BLOCK) == 0, "stale or foreign data");
	memset(w->want[page], 0, BLOCK);
}

static void write_stamp(struct worker *w, uint64_t page)
{
	struct stamp st = {w->id, page, ++w->count};
	uint8_t block[BLOCK];

	if (w->held.at && w->held.page == page)
		return;
	for (size_t i = 0; i + sizeof(st) <= BLOCK; i += sizeof(st))
		memcpy(block + i, &st, sizeof(st));
	memset(block + BLOCK - BLOCK % sizeof(st), 1, BLOCK % sizeof(st));
	int64_t n = store_write(w->r, w->l, place(w, page), block, BLOCK);
	if (n == BLOCK)
		memcpy(w->want[page], block, BLOCK);
	else
		w->short_of++;
	check(n == BLOCK || n == -EAGAIN || n == -ENOSPC, "a write was cut");
}

static void unmap(struct worker *w, uint64_t page)
{
	bool all = draw(w, 2);

	if (w->held.at && w->held.page == page)
		return;
	uint64_t off = all ? page * PAGE : place(w, page), n = all ? PAGE : BLOCK;
	check(store_unmap(w->r, w->l, off, n) == (int64_t)n, "an unmap was cut");
	memset(w->want[page], 0, BLOCK);
}

/* The page may be unmapped and its place be written anew: what the pin holds does not change. */
static void hold(struct worker *w, uint64_t page)
{
	size_t have;

	if (w->held.at)
		return;
	w->held.at = store_at(w->l, place(w, page), BLOCK, &have);
	w->held.pin = store_pin(w->r);
	w->held.page = page;
	memcpy(w->held.bytes, w->held.at, BLOCK);
	w->pins++;
}

static void let_go(struct worker *w)
{
	if (!w->held.at)
		return;
	check(memcmp(w->held.at, w->held.bytes, BLOCK) == 0, "pinned bytes changed");
	w->held.at = NULL;
	store_unpin(w->r, w->held.pin);
}

static void nap(struct worker *w)
{
	let_go(w);
	store_reader_offline(w->r);
	sched_yield();
	store_reader_online(w->r);
}

static void turn(struct worker *w)
{
	uint64_t page = draw(w, PAGES), what = draw(w, 64);

	verify(w, page);
	if (what < 32)
		write_stamp(w, page);
	else if (what < 40)
		unmap(w, page);
	else if (what < 44)
		hold(w, page);
	else if (what < 50)
		let_go(w);
	else if (what == 63)
		nap(w);
	store_reader_quiet(w->r);
}

/* TURNS may be over before the filler has made a page. */
static bool met_all(const struct worker *w)
{
	return w->short_of && w->verified && w->pins;
}

static void *work(void *arg)
{
	struct worker *w = arg;

	store_reader_online(w->r);
	for (unsigned i = 0; (i < TURNS || (!met_all(w) && i < MOST)) && !wrong; i++)
		turn(w);
	let_go(w);
	store_reader_offline(w->r);
	return NULL;
}

/* Whatever goes on, every page is somewhere, once. */
static void check_sums(struct store *s)
{
	struct store_stats st = stats_of(s);
	uint64_t held = st.pages_used + st.pages_reserve + st.pages_coming;

	check(held + st.pages_free == st.pages_max, "pages are lost, or counted twice");
	check(st.pages_floor + st.pages_elastic == held, "neither floor nor elastic");
}

static void run_threads(struct worker *w, void *(*run)(void *))
{
	pthread_t thread[THREADS];

	for (unsigned i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&thread[i], NULL, run, &w[i]), 0);
	for (unsigned i = 0; i < 200; i++)
		check_sums(w->s);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	ck_assert_msg(!wrong, "%s", wrong);
}

static struct worker *make_workers(struct store *s, struct store_lun *l)
{
	struct worker *w = calloc(THREADS, sizeof(*w));

	for (unsigned i = 0; i < THREADS; i++) {
		w[i].id = i;
		w[i].random = i + 1;
		w[i].s = s;
		w[i].l = l;
		w[i].r = store_reader(s, i);
		store_reader_offline(w[i].r);
	}
	return w;
}

static uint64_t count_mapped(const struct store_lun *l)
{
	uint64_t n = 0, run;

	for (uint64_t page = 0; page < PAGES; page++)
		n += store_state(l, page * PAGE, PAGE, &run) != STORE_DEALLOCATED;
	return n;
}

START_TEST(nothing_is_touched_after_free)
{
	struct store *s = open_store_as(_i, POOL, THREADS, true);
	unsigned short_of = 0, verified = 0, pins = 0;

	struct store_lun *l = make_lun(s, PAGES * PAGE, STORE_THIN);
	struct worker *w = make_workers(s, l);
	run_threads(w, work);
	for (unsigned i = 0; i < THREADS; i++) {
		for (unsigned page = 0; page < PAGES; page++)
			verify(&w[i], page);
		short_of += w[i].short_of;
		verified += w[i].verified;
		pins += w[i].pins;
	}
	ck_assert_msg(!wrong, "%s", wrong);
	printf("# %u stamps verified, %u pins, %u writes short of memory\n", verified, pins,
	       short_of);
	ck_assert(verified && pins && short_of);

	struct store_stats st = stats_at_rest(s);
	ck_assert_uint_eq(st.pages_retired, 0);
	ck_assert_uint_eq(st.pages_used, count_mapped(l));
	ck_assert_uint_eq(store_lun_pages(l), st.pages_used);
	expect_host(s);
	store_lun_destroy(l);
	expect_empty(s);
	store_close(s);
	free(w);
}
END_TEST

static pthread_barrier_t start;

/* All write to one fresh page at a time. */
static void *race(void *arg)
{
	struct worker *w = arg;
	int64_t n;

	store_reader_online(w->r);
	for (uint64_t page = 0; page < PAGES; page++) {
		pthread_barrier_wait(&start);
		while ((n = store_write(w->r, w->l, place(w, page), "stamp", 5)) == -EAGAIN)
			store_reader_quiet(w->r);
		check(n == 5, "no page, though one came for another thread");
		store_reader_quiet(w->r);
	}
	store_reader_offline(w->r);
	return NULL;
}

/* Two threads that need the same page get one, also if it is the last of the pool. */
START_TEST(first_writers_share_the_page)
{
	struct store *s = open_store_as(_i, PAGES, THREADS, true);
	size_t have;

	struct store_lun *l = make_lun(s, PAGES * PAGE, STORE_THIN);
	struct worker *w = make_workers(s, l);
	pthread_barrier_init(&start, NULL, THREADS);
	run_threads(w, race);
	for (unsigned i = 0; i < THREADS; i++)
		for (unsigned page = 0; page < PAGES; page++)
			ck_assert_mem_eq(store_at(l, place(&w[i], page), 5, &have), "stamp", 5);
	ck_assert_uint_eq(store_lun_pages(l), PAGES);
	expect_host(s);
	store_lun_destroy(l);
	expect_empty(s);
	store_close(s);
	pthread_barrier_destroy(&start);
	free(w);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("store_threads");
	TCase *tc = tcase_create("threads");

	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, nothing_is_touched_after_free, KINDS_FROM, KINDS_TO);
	tcase_add_loop_test(tc, first_writers_share_the_page, KINDS_FROM, KINDS_TO);
	suite_add_tcase(suite, tc);
	return test_main(suite);
}
