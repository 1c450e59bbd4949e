// SPDX-License-Identifier: MIT
/* test_store_anchor.c - pages that are there and zero: how they come, stay, and go. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "store/slice.h"
#include "test_store.h"

#define TAIL (4 * PAGE + 1024)

static struct store *s;
static struct store_reader *r;
static uint8_t ones[1 << 21];
static const uint8_t noughts[1 << 21];

static void setup(int kind, uint64_t pages)
{
	s = open_store(kind, pages, 1);
	r = store_reader(s, 0);
	memset(ones, 1, sizeof(ones));
}

static void teardown(struct store_lun *l)
{
	quiet_all(s, r);
	store_lun_destroy(l);
	expect_empty(s);
	ck_assert_uint_eq(s->anchored, 0);
	store_close(s);
}

static void put(struct store_lun *l, uint64_t off, size_t n)
{
	filler_run(s);
	ck_assert_int_eq(store_write(r, l, off, ones, n), (int64_t)n);
}

static void anchor_all(struct store_lun *l, uint64_t off, uint64_t len)
{
	while (len) {
		int64_t n = store_anchor(r, l, off, len);

		if (n == -EAGAIN) {
			filler_run(s);
			continue;
		}
		ck_assert(n > 0 && (uint64_t)n <= len);
		off += (uint64_t)n;
		len -= (uint64_t)n;
	}
}

/* All slices of it; adds to *pages. */
static int check(struct store_lun *l, uint64_t off, uint64_t len, uint64_t *pages)
{
	struct store_check c = {.pages = *pages};

	while (len) {
		store_check_begin(l, &c);
		int64_t n = store_anchor_check(l, off, len, &c);

		*pages = c.pages;
		if (n < 0)
			return (int)n;
		ck_assert(n > 0 && (uint64_t)n <= len);
		off += (uint64_t)n;
		len -= (uint64_t)n;
	}
	return 0;
}

/* 'm' mapped, '.' not, 'a' anchored: of each page. */
static void expect_pages(const struct store_lun *l, const char *want)
{
	static const char names[] = {
		[STORE_MAPPED] = 'm', [STORE_DEALLOCATED] = '.', [STORE_ANCHORED] = 'a'};
	char got[16] = "";
	uint64_t run;

	for (size_t i = 0; i < strlen(want); i++)
		got[i] = names[store_state(l, i * PAGE, PAGE, &run)];
	ck_assert_str_eq(got, want);
}

/* Pages 0 and 3 are written, 1 is a hole, 2 anchored, 4 is the written tail. */
static struct store_lun *make_mixed(void)
{
	struct store_lun *l = make_lun(s, TAIL, STORE_THIN);

	put(l, 0, PAGE);
	put(l, 3 * PAGE, PAGE);
	put(l, 4 * PAGE, 1024);
	anchor_all(l, 2 * PAGE, PAGE);
	expect_pages(l, "m.amm");
	return l;
}

/* clang-format off */
static const struct {
	uint64_t off, len;
	const char *pages;
} anchors[] = {
	{0,		 TAIL,		 "aaaaa"},
	{0,		 PAGE,		 "a.amm"},
	{0,		 PAGE - 512,	 "m.amm"},
	{512,		 2 * PAGE,	 "maamm"},
	{PAGE,		 PAGE,		 "maamm"},
	{PAGE,		 PAGE - 512,	 "m.amm"},
	{PAGE + 512,	 PAGE,		 "m.amm"},
	{2 * PAGE,	 2 * PAGE,	 "m.aam"},
	{2 * PAGE + 512, 512,		 "m.amm"},
	{4 * PAGE,	 1024,		 "m.ama"},
	{4 * PAGE,	 512,		 "m.amm"},
	{TAIL - 512,	 512,		 "m.amm"},
};
/* clang-format on */
#define NANCHORS ((int)(sizeof(anchors) / sizeof(anchors[0])))

START_TEST(states)
{
	uint64_t off = anchors[_i].off, end = off + anchors[_i].len;
	static const uint64_t data[][2] = {{0, PAGE}, {3 * PAGE, 4 * PAGE}, {4 * PAGE, TAIL}};

	setup(KINDS_FROM, 8);
	struct store_lun *l = make_mixed();
	anchor_all(l, off, anchors[_i].len);
	expect_pages(l, anchors[_i].pages);
	expect(l, off, end - off, 0);
	/* What was written elsewhere is still there. */
	for (size_t i = 0; i < 3; i++) {
		uint64_t from = data[i][0], to = data[i][1];

		if (off > from)
			expect(l, from, (off < to ? off : to) - from, 1);
		if (end < to)
			expect(l, end > from ? end : from, to - (end > from ? end : from), 1);
	}
	unsigned a = 0;
	for (const char *p = anchors[_i].pages; *p; p++)
		a += *p == 'a';
	ck_assert_uint_eq(stats_of(s).pages_anchored, a);
	teardown(l);
}
END_TEST

/* Anything written maps the page, zeroes too; what zeroes in place does not. */
START_TEST(writes_map)
{
	setup(KINDS_FROM, 16);
	struct store_lun *l = make_lun(s, 8 * PAGE, STORE_THIN);

	anchor_all(l, 0, 8 * PAGE);
	expect_pages(l, "aaaaaaaa");
	ck_assert_uint_eq(stats_of(s).pages_used, 8);
	put(l, 512, 1);
	expect_pages(l, "maaaaaaa");
	expect(l, 0, 512, 0);
	expect(l, 512, 1, 1);
	expect(l, 513, PAGE - 513, 0);
	ck_assert_int_eq(store_write(r, l, 2 * PAGE - 512, noughts, 1024), 1024);
	expect_pages(l, "mmmaaaaa");
	ck_assert_int_eq(store_fill(r, l, 3 * PAGE, 512, ones, 512), 512);
	expect_pages(l, "mmmmaaaa");
	ck_assert_uint_eq(store_unmap(r, l, 4 * PAGE + 512, 512), 512);
	expect_pages(l, "mmmmaaaa");
	ck_assert_uint_eq(store_unmap(r, l, 4 * PAGE, 2 * PAGE), 2 * PAGE);
	expect_pages(l, "mmmm..aa");
	ck_assert_uint_eq(stats_of(s).pages_anchored, 2);
	uint64_t run;
	ck_assert_int_eq(store_state(l, 6 * PAGE + 512, 8 * PAGE, &run), STORE_ANCHORED);
	ck_assert_uint_eq(run, 2 * PAGE - 512);
	ck_assert_int_eq(store_state(l, 0, 8 * PAGE, &run), STORE_MAPPED);
	ck_assert_uint_eq(run, 4 * PAGE);
	teardown(l);
}
END_TEST

START_TEST(full_luns_stay_mapped)
{
	setup(KINDS_FROM, 8);
	struct store_lun *l = make_lun(s, TAIL, STORE_FULL);
	uint64_t run, pages = 0;

	put(l, 0, PAGE);
	put(l, PAGE, PAGE);
	ck_assert_int_eq(check(l, 0, TAIL, &pages), 0);
	anchor_all(l, 512, PAGE);
	expect(l, 0, 512, 1);
	expect(l, 512, PAGE, 0);
	expect(l, PAGE + 512, PAGE - 512, 1);
	anchor_all(l, 0, TAIL);
	expect(l, 0, TAIL, 0);
	ck_assert_int_eq(store_state(l, 512, UINT64_MAX, &run), STORE_MAPPED);
	ck_assert_uint_eq(run, TAIL - 512);
	ck_assert_uint_eq(stats_of(s).pages_anchored, 0);
	teardown(l);
}
END_TEST

/* A page is zeroed in one piece, or it would end as two parts of a page. */
START_TEST(slices)
{
	const uint64_t n = STORE_SLICE_PAGES + 10;

	setup(KINDS_FROM, n);
	struct store_lun *l = make_lun(s, n * PAGE, STORE_THIN);
	put(l, 0, PAGE);
	put(l, PAGE, PAGE);
	put(l, 2 * PAGE, PAGE);
	ck_assert_int_eq(store_anchor(r, l, 512, 3 * PAGE - 512), 2 * PAGE - 512);
	expect_pages(l, "mam");
	ck_assert_int_eq(store_anchor(r, l, 0, 3 * PAGE), 3 * PAGE);
	expect_pages(l, "aaa");
	/* Holes, as many as there are pages at hand; then it waits. */
	filler_run(s);
	uint64_t at_hand = stats_of(s).pages_reserve;
	ck_assert_int_eq(store_anchor(r, l, 3 * PAGE, (n - 3) * PAGE), (int64_t)(at_hand * PAGE));
	ck_assert_int_eq(store_anchor(r, l, (3 + at_hand) * PAGE, PAGE), -EAGAIN);
	anchor_all(l, 0, n * PAGE);
	ck_assert_uint_eq(stats_of(s).pages_anchored, n);
	/* All there: bounded by the steps only. */
	ck_assert_int_eq(store_anchor(r, l, 0, n * PAGE), (int64_t)(n * PAGE));
	teardown(l);
}
END_TEST

/* The pool's numbers, and the host's, before anything changes. */
START_TEST(checked_before)
{
	const uint64_t leaf = 1024 * PAGE;
	uint64_t pages = 0;

	setup(STORE_PLAIN, 6);
	struct store_lun *l = make_lun(s, 3 * leaf + 512, STORE_THIN);
	put(l, PAGE, 1);
	ck_assert_int_eq(check(l, 0, 2 * PAGE, &pages), 0);
	ck_assert_uint_eq(pages, 1);
	/* Only those that are wholly covered, the end of the medium being the end of its page. */
	ck_assert_int_eq(check(l, 2 * PAGE + 512, 2 * PAGE, &pages), 0);
	ck_assert_uint_eq(pages, 2);
	ck_assert_int_eq(check(l, 3 * leaf, 512, &pages), 0);
	ck_assert_uint_eq(pages, 3);
	ck_assert_int_eq(check(l, 512, 512, &pages), 0);
	ck_assert_uint_eq(pages, 3);
	ck_assert_int_eq(check(l, leaf - PAGE, 2 * PAGE, &pages), 0);
	ck_assert_uint_eq(pages, 5);
	ck_assert_int_eq(check(l, 0, PAGE, &pages), -ENOSPC);
	pages = 0;
	ck_assert_int_eq(check(l, 0, 3 * leaf, &pages), -ENOSPC);
	pages = 0;
	ck_assert_int_eq(check(l, leaf + PAGE, leaf - PAGE, &pages), -ENOSPC);
	/* The host gives nothing more than what is at hand. */
	uint64_t at_hand = stats_of(s).pages_reserve;
	ck_assert_uint_gt(at_hand, 0);
	s->pool.budget.keep = INT64_MAX / 2;
	pages = 0;
	ck_assert_int_eq(check(l, leaf, at_hand * PAGE, &pages), 0);
	ck_assert_int_eq(check(l, 0, PAGE, &pages), -ENOSPC);
	pages = 0;
	store_set_gate(s, STORE_GATE_SHUT);
	ck_assert_int_eq(check(l, 0, PAGE, &pages), -ENOSPC);
	pages = 0;
	ck_assert_int_eq(check(l, PAGE, PAGE, &pages), 0);
	teardown(l);
}
END_TEST

/* Pages on their way back are no shortage. */
START_TEST(those_that_come_back_are_waited_for)
{
	uint64_t pages = 0;

	setup(STORE_PLAIN, 4);
	struct store_lun *l = make_lun(s, 8 * PAGE, STORE_THIN);
	anchor_all(l, 0, 4 * PAGE);
	ck_assert_int_eq(check(l, 4 * PAGE, PAGE, &pages), -ENOSPC);
	for (int64_t n = 0, at = 0; at < (int64_t)(3 * PAGE); at += n) {
		n = store_unmap(r, l, (uint64_t)at, 3 * PAGE - (uint64_t)at);
		ck_assert_int_gt(n, 0);
	}
	pages = 0;
	ck_assert_int_eq(check(l, 4 * PAGE, 3 * PAGE, &pages), -EAGAIN);
	quiet_all(s, r);
	pages = 0;
	ck_assert_int_eq(check(l, 4 * PAGE, 3 * PAGE, &pages), 0);
	pages = 0;
	ck_assert_int_eq(check(l, 4 * PAGE, 4 * PAGE, &pages), -ENOSPC);
	filler_run(s);
	s->reserve.keep_until = 0; /* nobody who waited comes for his page */
	teardown(l);
}
END_TEST

static void pretend_mapped(struct store_lun *l, uint64_t pages, uint32_t entry)
{
	for (uint64_t page = 0; page < pages; page++) {
		ck_assert_int_eq(table_leaf_make(&l->table, page), 0);
		l->table.entry[page] = entry;
	}
}

/* Of a range of any size, and of any number of them, a slice looks at so many entries. */
START_TEST(checked_in_slices)
{
	const uint64_t pages = 3 * (uint64_t)SLICE_STEPS + 7, leaf = 1024;
	struct store_check c = {0};

	setup(STORE_PLAIN, 4);
	struct store_lun *l = make_lun(s, (pages + leaf) * PAGE, STORE_THIN);
	pretend_mapped(l, pages, 1);
	uint64_t at = 0;
	for (unsigned i = 0; i < 3; i++) {
		store_check_begin(l, &c);
		ck_assert_uint_eq(c.looks, SLICE_STEPS);
		ck_assert_int_eq(store_anchor_check(l, at * PAGE, (pages + 1 - at) * PAGE, &c),
				 SLICE_STEPS * PAGE);
		ck_assert_uint_eq(c.looks, 0);
		ck_assert_uint_eq(c.pages, 0);
		/* Nothing is left of the slice for the next range, but what needs no look. */
		ck_assert_int_eq(store_anchor_check(l, 0, PAGE, &c), 0);
		ck_assert_int_eq(store_anchor_check(l, 512, PAGE, &c), PAGE);
		at += SLICE_STEPS;
	}
	/* What comes last is counted, however far behind. */
	store_check_begin(l, &c);
	ck_assert_int_eq(store_anchor_check(l, at * PAGE, (pages + 4 - at) * PAGE, &c), 11 * PAGE);
	ck_assert_uint_eq(c.pages, 4);
	ck_assert_uint_eq(c.looks, SLICE_STEPS - 11);
	uint64_t sum = 0;
	ck_assert_int_eq(check(l, 0, (pages + 5) * PAGE, &sum), -ENOSPC);
	sum = 0;
	ck_assert_int_eq(check(l, 0, (pages + 4) * PAGE, &sum), 0);
	ck_assert_uint_eq(sum, 4);
	pretend_mapped(l, pages, 0);
	teardown(l);
}
END_TEST

/* An anchored page is there, whatever befalls the pool: that is what it is for. */
START_TEST(anchored_is_a_promise)
{
	setup(STORE_PLAIN, 2);
	struct store_lun *l = make_lun(s, 4 * PAGE, STORE_THIN);

	anchor_all(l, 0, PAGE);
	put(l, PAGE, 1);
	ck_assert_int_eq(store_anchor(r, l, 2 * PAGE, PAGE), -ENOSPC);
	ck_assert_int_eq(store_write(r, l, 2 * PAGE, ones, 1), -ENOSPC);
	store_set_gate(s, STORE_GATE_SHUT);
	put(l, 0, PAGE);
	expect(l, 0, PAGE, 1);
	expect_pages(l, "mm..");
	teardown(l);
}
END_TEST

/* ---- who writes a page while another anchors it ---- */

/* Both touch the same bytes, which ThreadSanitizer takes for a fault of ours. */
#if !defined(__SANITIZE_THREAD__)
#define ROUNDS 3000u

static struct store_lun *shared;
static pthread_barrier_t start, end;

static void *write_it(void *arg)
{
	struct store_reader *mine = arg;

	store_reader_online(mine);
	for (unsigned i = 0; i < ROUNDS; i++) {
		pthread_barrier_wait(&start);
		int64_t n = store_write(mine, shared, i % 4096 * 512, ones, 512);
		pthread_barrier_wait(&end);
		ck_assert_int_eq(n, 512);
		store_reader_quiet(mine);
	}
	store_reader_offline(mine);
	return NULL;
}

START_TEST(no_data_under_the_bit)
{
	pthread_t thread;
	unsigned anchored = 0, mapped = 0;
	uint64_t run;

	s = open_store(STORE_PLAIN, 4, 2);
	r = store_reader(s, 0);
	struct store_reader *other = store_reader(s, 1);
	store_reader_offline(other);
	memset(ones, 1, sizeof(ones));
	shared = make_lun(s, PAGE, STORE_THIN);
	put(shared, 0, 1);
	pthread_barrier_init(&start, NULL, 2);
	pthread_barrier_init(&end, NULL, 2);
	ck_assert_int_eq(pthread_create(&thread, NULL, write_it, other), 0);
	for (unsigned i = 0; i < ROUNDS; i++) {
		pthread_barrier_wait(&start);
		ck_assert_int_eq(store_anchor(r, shared, 0, PAGE), PAGE);
		pthread_barrier_wait(&end);
		if (store_state(shared, 0, PAGE, &run) == STORE_ANCHORED) {
			expect(shared, 0, PAGE, 0);
			anchored++;
		} else {
			mapped++;
		}
		put(shared, PAGE - 1, 1);
		store_reader_quiet(r);
	}
	pthread_join(thread, NULL);
	printf("# anchored at the end %u times, mapped %u times\n", anchored, mapped);
	pthread_barrier_destroy(&start);
	pthread_barrier_destroy(&end);
	teardown(shared);
}
END_TEST
#endif

int main(void)
{
	Suite *suite = suite_create("store_anchor");
	TCase *tc = tcase_create("anchor");

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, states, 0, NANCHORS);
	tcase_add_test(tc, writes_map);
	tcase_add_test(tc, full_luns_stay_mapped);
	tcase_add_test(tc, slices);
	tcase_add_test(tc, checked_before);
	tcase_add_test(tc, checked_in_slices);
	tcase_add_test(tc, those_that_come_back_are_waited_for);
	tcase_add_test(tc, anchored_is_a_promise);
#if !defined(__SANITIZE_THREAD__)
	tcase_add_test(tc, no_data_under_the_bit);
#endif
	suite_add_tcase(suite, tc);
	return test_main(suite);
}
