// SPDX-License-Identifier: MIT
/*
 * test_store_model.c - threads do everything at once to one LUN, beside a model of it in memory.
 *
 * A thread locks the pages that a step touches, does it to the LUN and to the model, and compares
 * what it reads. The pool is smaller than the LUN, so pages come, run out, and go back all the
 * time. At the end all bytes are compared, and every page that is used is named by a table.
 *
 * MEMTGT_MODEL_S: seconds; without it a number of steps. Long times become several tests, with
 * other random numbers each: Check counts the microseconds of one test in an int.
 */
#include "test_store.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define THREADS 8u
#define STEPS	1000u /* of each thread */
#define PAGES	20u   /* of the LUN, and a part */
#define POOL	14u
#define MOST_S	1800u /* of one test */
#define BYTES	((uint64_t)PAGES * PAGE + 3 * UNIT)
#define UNIT	((uint64_t)4096) /* one byte of the model stands for it */
#define UNITS	(BYTES / UNIT)
#define MOST	(3 * PAGE / UNIT) /* units of one step */

static struct store *s;
static struct store_lun *l;
static pthread_mutex_t locks[PAGES + 1];
static uint8_t model[UNITS];
static uint64_t size; /* units of the LUN just now; changed under all locks */
static _Atomic(const char *) wrong;
static uint64_t seconds; /* of all tests; 0: a number of steps */
static uint64_t ends, seed;

enum step { WRITE, READ, UNMAP, FILL, ANCHOR, STATE, RESIZE, GATE, REST };
#define KINDS (REST + 1)

struct worker {
	struct store_reader *r;
	uint64_t random;
	unsigned done[KINDS], short_of;
	uint8_t *buf;
};

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

/* ---- a step on the units [at, at+n), all of whose pages are locked ---- */

struct range {
	uint64_t at, n;
};

static uint64_t page_of(uint64_t unit)
{
	return unit * UNIT / PAGE;
}

/* In rising order, so that nobody waits in a circle. */
static void lock_pages(struct range g)
{
	for (uint64_t page = page_of(g.at); page <= page_of(g.at + g.n - 1); page++)
		pthread_mutex_lock(&locks[page]);
}

static void unlock_pages(struct range g)
{
	for (uint64_t page = page_of(g.at); page <= page_of(g.at + g.n - 1); page++)
		pthread_mutex_unlock(&locks[page]);
}

/* What came of `got` bytes from unit `at` on, if they now read as v. Returns the units. */
static uint64_t note(struct worker *w, uint64_t at, int64_t got, uint8_t v)
{
	if (got < 0) {
		check(got == -EAGAIN || got == -ENOSPC, "an error of another kind");
		w->short_of++;
		return 0;
	}
	check(got % (int64_t)UNIT == 0, "a unit was cut");
	memset(model + at, v, (size_t)got / UNIT);
	return (uint64_t)got / UNIT;
}

static void step_write(struct worker *w, struct range g, uint8_t v)
{
	memset(w->buf, v, g.n * UNIT);
	note(w, g.at, store_write(w->r, l, g.at * UNIT, w->buf, g.n * UNIT), v);
}

static void step_fill(struct worker *w, struct range g, uint8_t v)
{
	memset(w->buf, v, UNIT);
	note(w, g.at, store_fill(w->r, l, g.at * UNIT, g.n * UNIT, w->buf, UNIT), v);
}

static void step_unmap(struct worker *w, struct range g)
{
	while (g.n) {
		uint64_t n =
			note(w, g.at, (int64_t)store_unmap(w->r, l, g.at * UNIT, g.n * UNIT), 0);

		g.at += n;
		g.n -= n;
	}
}

static void step_anchor(struct worker *w, struct range g)
{
	for (uint64_t n = 1; n && g.n; g.at += n, g.n -= n)
		n = note(w, g.at, store_anchor(w->r, l, g.at * UNIT, g.n * UNIT), 0);
}

static void compare(struct range g)
{
	for (; g.n; g.at++, g.n--) {
		size_t have;
		const uint8_t *p = store_at(l, g.at * UNIT, UNIT, &have);

		check(have == UNIT, "a unit lies in two pages");
		check(p[0] == model[g.at] && !memcmp(p, p + 1, UNIT - 1),
		      "other data than written");
	}
}

/* What is not mapped reads as zeroes, by the model too. */
static void step_state(struct range g)
{
	uint64_t run, end = g.at + g.n;

	for (; g.at < end; g.at += run / UNIT) {
		enum store_state st = store_state(l, g.at * UNIT, (end - g.at) * UNIT, &run);

		check(run && run % UNIT == 0, "a run of no length");
		for (uint64_t i = 0; st != STORE_MAPPED && i < run / UNIT; i++)
			check(!model[g.at + i], "data that is not mapped");
	}
}

/* What is cut off is gone: it reads as zeroes when the LUN has grown again. */
static void step_resize(struct worker *w)
{
	const struct range all = {0, UNITS};
	const bool force = draw(w, 4) > 0;
	char why[256];

	lock_pages(all);
	const uint64_t units = draw(w, 3) ? UNITS - draw(w, UNITS / 2) : UNITS;
	int rc = store_lun_resize(w->r, l, units * UNIT, force, why, sizeof(why));

	check(!rc || (rc == -EBUSY && !force && units < size), "a size that was refused");
	if (!rc && units < size)
		memset(model + units, 0, size - units);
	if (!rc)
		size = units;
	check(store_lun_bytes(l) == size * UNIT, "another size than asked for");
	unlock_pages(all);
}

/* ---- threads ---- */

static enum step choose(struct worker *w)
{
	static const unsigned shares[KINDS] = {
		[WRITE] = 30, [READ] = 24,  [UNMAP] = 15, [FILL] = 10, [ANCHOR] = 8,
		[STATE] = 5,  [RESIZE] = 1, [GATE] = 2,	  [REST] = 5};
	unsigned at = (unsigned)draw(w, 100), i = 0;

	while (at >= shares[i])
		at -= shares[i++];
	return (enum step)i;
}

/* Mostly within a page, now and then whole ones, often at their borders. */
static struct range somewhere(struct worker *w)
{
	const uint64_t units = PAGE / UNIT;
	struct range g = {draw(w, UNITS), 1 + draw(w, draw(w, 4) ? 16 : MOST)};

	if (!draw(w, 3))
		g = (struct range){draw(w, PAGES + 1) * units, (1 + draw(w, 3)) * units};
	if (g.n > UNITS - g.at)
		g.n = UNITS - g.at;
	return g;
}

static void rest(struct worker *w)
{
	const struct timespec pause = {.tv_nsec = 200000};

	store_reader_offline(w->r);
	nanosleep(&pause, NULL);
	store_reader_online(w->r);
}

/* On what is there of the range: its pages are locked, so its size stays. */
static void step_data(struct worker *w, enum step what, struct range g)
{
	const uint8_t v = (uint8_t)draw(w, 256);

	if (g.at >= size)
		return;
	if (g.n > size - g.at)
		g.n = size - g.at;
	if (what == WRITE)
		step_write(w, g, v);
	if (what == FILL)
		step_fill(w, g, v);
	if (what == UNMAP)
		step_unmap(w, g);
	if (what == ANCHOR)
		step_anchor(w, g);
	if (what == STATE)
		step_state(g);
	compare(g);
}

static void step(struct worker *w)
{
	static const enum store_gate gates[] = {STORE_GATE_OPEN, STORE_GATE_LEAN, STORE_GATE_SHUT,
						STORE_GATE_OPEN};
	const enum step what = choose(w);
	const struct range g = somewhere(w);

	w->done[what]++;
	if (what == GATE)
		store_set_gate(s, gates[draw(w, 4)]);
	if (what == REST)
		rest(w);
	if (what == RESIZE)
		step_resize(w);
	lock_pages(g);
	step_data(w, what, g);
	unlock_pages(g);
	store_reader_quiet(w->r);
}

static void *work(void *arg)
{
	struct worker *w = arg;

	store_reader_online(w->r);
	for (unsigned i = 0; !wrong && (ends ? clock_now() < ends : i < STEPS); i++)
		step(w);
	store_reader_offline(w->r);
	return NULL;
}

static void run_threads(struct worker *w)
{
	pthread_t thread[THREADS];

	for (unsigned i = 0; i < THREADS; i++) {
		w[i] = (struct worker){.r = store_reader(s, i), .random = seed + i + 1};
		w[i].buf = malloc(MOST * UNIT);
		ck_assert_ptr_nonnull(w[i].buf);
		store_reader_offline(w[i].r);
	}
	for (unsigned i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&thread[i], NULL, work, &w[i]), 0);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	for (unsigned i = 0; i < THREADS; i++)
		free(w[i].buf);
}

/* Each kind of step was made, and pages were short now and then. */
static void report(const struct worker *w)
{
	static const char *const names[KINDS] = {"writes", "reads",   "unmaps", "fills", "anchors",
						 "states", "resizes", "gates",	"rests"};
	unsigned short_of = 0;

	for (unsigned k = 0; k < KINDS; k++) {
		unsigned n = 0;

		for (unsigned i = 0; i < THREADS; i++)
			n += w[i].done[k];
		printf("# %u %s\n", n, names[k]);
		ck_assert_uint_gt(n, 0);
	}
	for (unsigned i = 0; i < THREADS; i++)
		short_of += w[i].short_of;
	printf("# %u short of memory; %llu misses\n", short_of,
	       (unsigned long long)stats_of(s).misses);
	ck_assert_uint_gt(short_of, 0);
}

/* Used is what the table names; the rest is at hand or free, and nothing is under way. */
static void expect_pages(void)
{
	uint64_t named = 0, anchored = 0, run;
	struct store_stats st;

	for (uint64_t page = 0; page <= PAGES; page++) {
		enum store_state state = store_state(l, page * PAGE, PAGE, &run);

		named += state != STORE_DEALLOCATED;
		anchored += state == STORE_ANCHORED;
	}
	st = stats_at_rest(s);
	expect_host(s);
	ck_assert_uint_eq(st.pages_used, named);
	ck_assert_uint_eq(st.pages_anchored, anchored);
	ck_assert_uint_eq(store_lun_pages(l), named);
	ck_assert_uint_eq(st.pages_retired, 0);
	ck_assert_uint_eq(st.pages_used + st.pages_reserve + st.pages_coming + st.pages_free, POOL);
}

static void grow_to_the_end(struct store_reader *r)
{
	char why[256] = "";

	store_reader_online(r);
	ck_assert_msg(!store_lun_resize(r, l, BYTES, false, why, sizeof(why)), "%s", why);
	store_reader_offline(r);
}

/* How many tests the time makes, and the seconds of each. */
static uint64_t tests(void)
{
	return seconds ? (seconds + MOST_S - 1) / MOST_S : 1;
}

static uint64_t part(void)
{
	return seconds / tests();
}

START_TEST(everything_at_once)
{
	struct worker w[THREADS];

	if (seconds) {
		seed = clock_now();
		ends = seed + part() * NS_PER_S;
		printf("# seed %llu\n", (unsigned long long)seed);
	}
	memset(model, 0, sizeof(model));
	size = UNITS;
	s = open_store_as(_i, POOL, THREADS, true);
	l = make_lun(s, BYTES, STORE_THIN);
	for (unsigned i = 0; i <= PAGES; i++)
		pthread_mutex_init(&locks[i], NULL);
	run_threads(w);
	ck_assert_msg(!wrong, "%s", wrong);
	report(w);
	grow_to_the_end(w[0].r);
	compare((struct range){0, UNITS});
	ck_assert_msg(!wrong, "%s", wrong);
	store_set_gate(s, STORE_GATE_OPEN);
	expect_pages();
	store_lun_destroy(l);
	expect_empty(s);
	store_close(s);
	for (unsigned i = 0; i <= PAGES; i++)
		pthread_mutex_destroy(&locks[i]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("store_model");
	TCase *tc = tcase_create("model");
	const char *wish = getenv("MEMTGT_MODEL_S");

	seconds = wish ? strtoull(wish, NULL, 10) : 0;
	tcase_set_timeout(tc, 120 + 2 * (double)part());
	for (uint64_t i = 0; i < tests(); i++)
		tcase_add_loop_test(tc, everything_at_once, KINDS_FROM, KINDS_TO);
	suite_add_tcase(suite, tc);
	return test_main(suite);
}
