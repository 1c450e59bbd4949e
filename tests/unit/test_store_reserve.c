// SPDX-License-Identifier: MIT
/* test_store_reserve.c - pages at hand: how many, who gets them, and who is woken for them. */
#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <semaphore.h>
#include <sys/mman.h>
#include <unistd.h>

#include "test_store.h"

static struct store *s;
static struct store_reader *r;
static unsigned wakes;
static uint64_t now;

static void on_wake(void *arg)
{
	ck_assert_ptr_eq(arg, &wakes);
	wakes++;
}

static void open_pool(uint64_t pages, uint64_t reserve)
{
	struct store_options o = {.kind = STORE_PLAIN,
				  .ceiling = pages * PAGE,
				  .reserve = reserve,
				  .readers = 1,
				  .no_filler = true};
	char why[256] = "";

	ck_assert_msg(store_open(&s, &o, why, sizeof(why)) == 0, "%s", why);
	r = store_reader(s, 0);
	store_on_retire(s, on_wake, &wakes);
	now = clock_now();
}

static struct store_lun *make(uint64_t pages, enum store_provisioning p)
{
	struct store_lun *l = NULL;
	char why[256] = "";

	int rc = store_lun_create(s, pages * PAGE, p, NULL, NULL, NULL, &l, why, sizeof(why));
	ck_assert_msg(rc == 0, "%s", why);
	return l;
}

static void end(struct store_lun *l)
{
	quiet_all(s, r);
	store_lun_destroy(l);
	expect_empty(s);
	store_close(s);
}

static void run(void)
{
	filler_run_at(s, now);
}

static void run_if_asked(void)
{
	ck_assert(s->pool.asked);
	run();
}

static uint64_t reserve(void)
{
	return stats_of(s).pages_reserve;
}

static int64_t put(struct store_lun *l, uint64_t page)
{
	return store_write(r, l, page * PAGE, "x", 1);
}

static void put_all(struct store_lun *l, uint64_t page, unsigned n)
{
	while (n--)
		ck_assert_int_eq(put(l, page++), 1);
}

static void drop(struct store_lun *l, uint64_t page)
{
	ck_assert_uint_eq(store_unmap(r, l, page * PAGE, PAGE), PAGE);
}

static void set_headroom(int64_t bytes)
{
	s->pool.budget.keep = bytes;
	s->pool.budget.taken = BUDGET_MAX_PAGES;
}

/* None for those who have all they can have. */
START_TEST(as_many_as_there_are_holes)
{
	open_pool(64, 0);
	run();
	ck_assert_uint_eq(reserve(), 0);
	struct store_lun *full = make(10, STORE_FULL);
	run();
	ck_assert_uint_eq(reserve(), 0);
	struct store_lun *small = make(3, STORE_THIN);
	run();
	ck_assert_uint_eq(reserve(), 3);
	put_all(small, 0, 2);
	run();
	ck_assert_uint_eq(reserve(), 1);
	struct store_lun *large = make(1000, STORE_THIN);
	run();
	ck_assert_uint_eq(reserve(), RESERVE_MIN);
	store_lun_destroy(large);
	run();
	ck_assert_uint_eq(reserve(), 1);
	ck_assert_uint_eq(stats_of(s).pages_used, 12);
	ck_assert_uint_eq(stats_of(s).host_bytes, 13 * PAGE);
	store_lun_destroy(full);
	end(small);
}
END_TEST

/* The filler hears of it at half, not of each page. */
START_TEST(asked_at_the_low_water_mark)
{
	open_pool(256, 0);
	struct store_lun *l = make(256, STORE_THIN);
	run();
	for (unsigned i = 0; i < RESERVE_MIN; i++) {
		ck_assert_int_eq(s->pool.asked, i > RESERVE_MIN / 2);
		put_all(l, i, 1);
	}
	run();
	ck_assert_uint_eq(reserve(), RESERVE_MIN);
	ck_assert_uint_eq(wakes, 0);
	ck_assert_uint_eq(stats_of(s).misses, 0);
	end(l);
}
END_TEST

static void miss(struct store_lun *l, uint64_t *page)
{
	unsigned before = wakes;

	put_all(l, *page, (unsigned)reserve());
	*page = store_lun_pages(l);
	uint64_t misses = stats_of(s).misses;
	ck_assert_int_eq(put(l, *page), -EAGAIN);
	ck_assert_int_eq(put(l, *page), -EAGAIN);
	ck_assert_uint_eq(stats_of(s).misses, misses + 2);
	run();
	ck_assert_uint_eq(wakes, before + 1);
	ck_assert_uint_eq(stats_of(s).waits, wakes);
}

/* Above the least, who waits is woken for several pages, or for what there is. */
START_TEST(woken_for_several)
{
	uint64_t page = 0;

	open_pool(400, 0);
	struct store_lun *l = make(400, STORE_THIN);
	run();
	miss(l, &page);
	put_all(l, page, 16);
	ck_assert_int_eq(put(l, page + 16), -EAGAIN);
	unsigned before = wakes;
	for (unsigned i = 1; i < RESERVE_WAKE; i++) {
		ck_assert_uint_eq(reserve_turn(&s->reserve, now), 0);
		ck_assert_uint_eq(reserve(), i);
		ck_assert_uint_eq(wakes, before);
	}
	ck_assert_uint_eq(reserve_turn(&s->reserve, now), 0);
	ck_assert_uint_eq(wakes, before + 1);
	put_all(l, page + 16, RESERVE_WAKE);
	ck_assert_int_eq(put(l, page + 20), -EAGAIN);
	ck_assert_uint_eq(reserve_turn(&s->reserve, now), 0);
	set_headroom(INT64_MAX / 2);
	ck_assert_uint_ne(reserve_turn(&s->reserve, now), 0);
	ck_assert_uint_eq(wakes, before + 2);
	put_all(l, page + 20, 1);
	end(l);
}
END_TEST

/* What was not enough is doubled, up to a limit; what is not used is halved. */
START_TEST(grows_and_shrinks)
{
	static const unsigned after_miss[] = {16, 32, 64, 64};
	static const unsigned after_idle[] = {32, 16, 8, 8};
	uint64_t page = 0;

	open_pool(512, 0);
	struct store_lun *l = make(512, STORE_THIN);
	run();
	for (unsigned i = 0; i < 4; i++) {
		miss(l, &page);
		ck_assert_uint_eq(reserve(), after_miss[i]);
	}
	put_all(l, page, 1);
	run();
	now += RESERVE_IDLE_NS - 1;
	run();
	ck_assert_uint_eq(reserve(), 64);
	for (unsigned i = 0; i < 4; i++) {
		now += i ? RESERVE_IDLE_NS : 1;
		run();
		ck_assert_uint_eq(reserve(), after_idle[i]);
	}
	end(l);
}
END_TEST

/* reserve: 0 is by demand; else the most, also if that is less than it would begin with. */
START_TEST(most)
{
	/* clang-format off */
	static const struct {
		uint64_t pool, most;
		unsigned begins, ends;
	} rows[] = {
		{4096, 0,	   8,  256},
		{80,   0,	   8,  10},
		{64,   0,	   8,  8},
		{4,    0,	   4,  4},
		{4096, 1,	   1,  1},
		{4096, PAGE,	   1,  1},
		{4096, 3 * PAGE,   3,  3},
		{64,   20 * PAGE,  8,  20},
		{4,    20 * PAGE,  4,  4},
	};
	/* clang-format on */
	open_pool(rows[_i].pool, rows[_i].most);
	struct store_lun *l = make(rows[_i].pool + 8, STORE_THIN);
	run();
	ck_assert_uint_eq(reserve(), rows[_i].begins);
	uint64_t page = 0;
	while (reserve() < rows[_i].ends)
		miss(l, &page);
	ck_assert_uint_eq(reserve(), rows[_i].ends);
	if (rows[_i].ends < rows[_i].pool / 2)
		miss(l, &page);
	ck_assert_uint_eq(reserve(), rows[_i].ends);
	end(l);
}
END_TEST

/* No number is left: known at once. One is on its way back: worth waiting for. */
START_TEST(full_pool)
{
	open_pool(3, 0);
	struct store_lun *l = make(8, STORE_THIN);
	run();
	put_all(l, 0, 3);
	ck_assert_int_eq(put(l, 3), -ENOSPC);
	drop(l, 0);
	unsigned before = wakes; /* for the grace period */
	ck_assert_int_eq(put(l, 3), -EAGAIN);
	run();
	ck_assert_int_eq(put(l, 3), -EAGAIN);
	run();
	ck_assert_uint_eq(wakes, before);
	ck_assert(!s->pool.asked);
	store_reader_quiet(r);
	run_if_asked();
	ck_assert_uint_eq(wakes, before + 1);
	put_all(l, 3, 1);
	ck_assert_int_eq(put(l, 4), -ENOSPC);
	end(l);
}
END_TEST

/* It was on its way to a table: who waited for it hears that there is none. */
START_TEST(what_was_coming_went_elsewhere)
{
	_Atomic uint32_t place = 0, taken = 7;
	uint32_t num, there;

	open_pool(2, 0);
	struct store_lun *l = make(8, STORE_THIN);
	run();
	put_all(l, 0, 1);
	ck_assert_int_eq(pool_get(&s->pool, &num), 0);
	ck_assert_int_eq(put(l, 1), -EAGAIN);
	run();
	ck_assert_uint_eq(wakes, 0);
	ck_assert(pool_settle(&s->pool, &place, num, &there));
	ck_assert_uint_eq(place, num);
	run_if_asked();
	ck_assert_uint_eq(wakes, 1);
	ck_assert_int_eq(put(l, 1), -ENOSPC);
	pool_leave(&s->pool, 1);
	/* Or the place was taken, and it is there for others. */
	ck_assert_int_eq(put(l, 1), -EAGAIN);
	run();
	ck_assert(!pool_settle(&s->pool, &taken, num, &there));
	ck_assert_uint_eq(there, 7);
	pool_keep(&s->pool, num);
	run_if_asked();
	ck_assert_uint_eq(wakes, 2);
	put_all(l, 1, 1);
	end(l);
}
END_TEST

/* The host gives nothing: everyone who waited is told, however late he comes, and then it is tried
 * again. */
START_TEST(the_host_gives_none)
{
	open_pool(64, 0);
	set_headroom(INT64_MAX / 2);
	struct store_lun *l = make(64, STORE_THIN);
	run();
	ck_assert_uint_eq(reserve(), 0);
	ck_assert_int_eq(put(l, 0), -EAGAIN);
	run();
	ck_assert_uint_eq(wakes, 1);
	s->pool.dry_until = clock_now() - NS_PER_S;
	ck_assert_int_eq(put(l, 0), -ENOSPC);
	ck_assert_int_eq(put(l, 0), -EAGAIN);
	run();
	ck_assert_uint_eq(wakes, 2);
	/* He never came: that is not held against others. */
	s->pool.dry_until = clock_now() - 3 * NS_PER_S;
	ck_assert_int_eq(put(l, 0), -EAGAIN);
	run();
	ck_assert_uint_eq(wakes, 3);
	s->pool.dry_until = clock_now() + NS_PER_S; /* just now */
	ck_assert_int_eq(put(l, 0), -ENOSPC);
	ck_assert_int_eq(put(l, 0), -ENOSPC);
	s->pool.dry_until = 0;
	ck_assert_int_eq(put(l, 0), -EAGAIN);
	set_headroom(0);
	run();
	ck_assert_uint_eq(wakes, 4);
	ck_assert_uint_eq(reserve(), 8);
	put_all(l, 0, 1);
	end(l);
}
END_TEST

/* The host wants its memory back: what was made beyond the least is given. */
START_TEST(the_host_becomes_short)
{
	uint64_t page = 0;

	open_pool(512, 0);
	struct store_lun *l = make(512, STORE_THIN);
	run();
	miss(l, &page);
	ck_assert_uint_eq(reserve(), 16);
	set_headroom(INT64_MAX / 2);
	run();
	now += NS_PER_S;
	run();
	ck_assert_uint_eq(reserve(), 8);
	end(l);
}
END_TEST

/* What a full LUN was promised nobody else gets, and it may take what is in the reserve. */
START_TEST(full_luns_come_first)
{
	uint64_t left;
	uint32_t num;

	open_pool(12, 0);
	struct store_lun *l = make(12, STORE_THIN);
	run();
	ck_assert_uint_eq(reserve(), 8);
	ck_assert_int_eq(pool_lend(&s->pool, 13, 13, &left), -ENOSPC);
	ck_assert_uint_eq(left, 12);
	ck_assert_int_eq(pool_lend(&s->pool, 11, 11, &left), 0);
	put_all(l, 0, 1);
	ck_assert_int_eq(put(l, 1), -ENOSPC);
	run();
	ck_assert_int_eq(pool_make(&s->pool, false, &num), -ENOSPC);
	pool_unlend(&s->pool, 11, 11);
	struct store_lun *full = make(11, STORE_FULL);
	ck_assert_uint_eq(reserve(), 0);
	expect(full, 0, 11 * PAGE, 0);
	expect_host(s);
	ck_assert_int_eq(put(l, 1), -ENOSPC);
	store_lun_destroy(full);
	run();
	put_all(l, 1, 8);
	end(l);
}
END_TEST

/* ---- the gate ---- */

/* Nothing is kept, but for a moment what was made for who waits; each write gets its page. */
START_TEST(lean)
{
	open_pool(64, 0);
	struct store_lun *l = make(64, STORE_THIN);
	run();
	store_set_gate(s, STORE_GATE_LEAN);
	run_if_asked();
	ck_assert_uint_eq(reserve(), 0);
	for (unsigned i = 0; i < 12; i++) {
		ck_assert_int_eq(put(l, i), -EAGAIN);
		run();
		ck_assert_uint_eq(wakes, i + 1);
		ck_assert_uint_eq(reserve(), 1);
		if (i < 11)
			put_all(l, i, 1);
	}
	now += RESERVE_KEEP_NS - 1;
	run();
	ck_assert_uint_eq(reserve(), 1);
	ck_assert_uint_eq(reserve_turn(&s->reserve, now), now + 1);
	now++;
	run();
	ck_assert_uint_eq(reserve(), 0);
	/* What waits is not left there when it shuts. */
	ck_assert_int_eq(put(l, 20), -EAGAIN);
	run();
	ck_assert_uint_eq(reserve(), 1);
	store_set_gate(s, STORE_GATE_SHUT);
	run();
	ck_assert_uint_eq(reserve(), 0);
	store_set_gate(s, STORE_GATE_OPEN);
	run_if_asked();
	ck_assert_uint_ge(reserve(), RESERVE_MIN);
	end(l);
}
END_TEST

/* No new page, at once; what is there is written, and taken out. */
START_TEST(shut)
{
	static const uint8_t block[512] = {1};
	struct store_lun *other;
	char why[256];

	open_pool(64, 0);
	struct store_lun *l = make(64, STORE_THIN);
	run();
	put_all(l, 0, 7);
	store_set_gate(s, STORE_GATE_SHUT);
	ck_assert_int_eq(put(l, 7), -ENOSPC);
	put_all(l, 0, 7);
	run_if_asked();
	ck_assert_uint_eq(reserve(), 0);
	drop(l, 0);
	ck_assert_int_eq(put(l, 7), -ENOSPC);
	ck_assert_int_eq(store_fill(r, l, 7 * PAGE, 512, block, 512), -ENOSPC);
	ck_assert_int_eq(
		store_lun_create(s, PAGE, STORE_FULL, NULL, NULL, NULL, &other, why, sizeof(why)),
		-ENOSPC);
	store_reader_quiet(r);
	ck_assert_uint_eq(wakes, 1); /* for the grace period: nobody waited for a page */
	store_set_gate(s, STORE_GATE_OPEN);
	ck_assert_int_eq(put(l, 7), -EAGAIN);
	run();
	put_all(l, 7, 1);
	end(l);
}
END_TEST

/* An answer of the time when it was shut is no answer afterwards. */
START_TEST(shut_no_more)
{
	open_pool(64, 0);
	struct store_lun *l = make(64, STORE_THIN);
	ck_assert_int_eq(put(l, 0), -EAGAIN);
	store_set_gate(s, STORE_GATE_SHUT);
	run();
	ck_assert_uint_eq(wakes, 1);
	store_set_gate(s, STORE_GATE_OPEN);
	ck_assert_int_eq(put(l, 0), -EAGAIN);
	run();
	put_all(l, 0, 1);
	end(l);
}
END_TEST

/* Who waits when it shuts is told, also while pages are coming; and not when it is open again. */
START_TEST(shut_on_who_waits)
{
	open_pool(3, 0);
	struct store_lun *l = make(64, STORE_THIN);
	run();
	put_all(l, 0, 3);
	drop(l, 0);
	unsigned before = wakes;
	ck_assert_int_eq(put(l, 3), -EAGAIN);
	store_set_gate(s, STORE_GATE_SHUT);
	run_if_asked();
	ck_assert_uint_eq(wakes, before + 1);
	ck_assert_int_eq(put(l, 3), -ENOSPC);
	store_reader_quiet(r);
	store_set_gate(s, STORE_GATE_OPEN);
	ck_assert_int_eq(put(l, 3), -EAGAIN);
	run();
	put_all(l, 3, 1);
	end(l);
}
END_TEST

/* ---- hugepages that others take ---- */

static int take_hugepages(void)
{
	int fd = memfd_create("memtgt-test", MFD_CLOEXEC | MFD_HUGETLB | MFD_HUGE_2MB);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, (off_t)(4096 * PAGE)), 0);
	for (uint64_t i = 0; i < 4096; i++)
		if (fallocate(fd, 0, (off_t)(i * PAGE), (off_t)PAGE))
			return fd;
	ck_abort_msg("more than 4096 hugepages");
}

START_TEST(others_take_the_hugepages)
{
	s = open_store(STORE_HUGE, 64, 1);
	r = store_reader(s, 0);
	store_on_retire(s, on_wake, &wakes);
	struct store_lun *l = make_lun(s, 64 * PAGE, STORE_THIN);
	int fd = take_hugepages();
	put_all(l, 0, RESERVE_MIN);
	ck_assert_int_eq(put(l, RESERVE_MIN), -EAGAIN);
	filler_run(s);
	ck_assert_uint_eq(wakes, 1);
	ck_assert_int_eq(put(l, RESERVE_MIN), -ENOSPC);
	put_all(l, 0, RESERVE_MIN); /* what is there is written as ever */
	close(fd);
	s->pool.dry_until = 0;
	ck_assert_int_eq(put(l, RESERVE_MIN), -EAGAIN);
	filler_run(s);
	put_all(l, RESERVE_MIN, 1);
	end(l);
}
END_TEST

/* ---- the thread ---- */

static sem_t woken;

static void post(void *arg)
{
	(void)arg;
	sem_post(&woken);
}

/* Who tries again only when woken gets every page, and the end of them. */
START_TEST(no_wake_up_is_lost)
{
	const uint64_t n = 300;
	struct timespec limit;
	unsigned waits = 0;

	s = open_store_as(KINDS_FROM, n, 1, true);
	r = store_reader(s, 0);
	sem_init(&woken, 0, 0);
	store_on_retire(s, post, NULL);
	struct store_lun *l = make_lun(s, (n + 1) * PAGE, STORE_THIN);
	for (uint64_t page = 0; page < n;) {
		int64_t rc = put(l, page);
		page += rc == 1;
		if (rc == 1)
			continue;
		ck_assert_int_eq(rc, -EAGAIN);
		waits++;
		clock_gettime(CLOCK_REALTIME, &limit);
		limit.tv_sec += 60;
		ck_assert_int_eq(sem_timedwait(&woken, &limit), 0);
	}
	ck_assert_int_eq(put(l, n), -ENOSPC);
	printf("# %u waits for %u pages\n", waits, (unsigned)n);
	ck_assert_uint_lt(waits, n);
	ck_assert_uint_eq(stats_of(s).misses, waits);
	store_lun_destroy(l);
	expect_empty(s);
	/* Afterwards nobody is woken. */
	l = make_lun(s, PAGE, STORE_THIN);
	store_stop_filling(s);
	store_stop_filling(s);
	put(l, 0);
	store_lun_destroy(l);
	store_close(s);
	sem_destroy(&woken);
}
END_TEST

/* Pages get ready while it gives others back: it looks again. */
static bool reap_and_be_asked(void *arg)
{
	(void)arg;
	pool_ask(&s->pool);
	return false;
}

START_TEST(asked_amid_a_pass)
{
	open_pool(8, 0);
	s->reserve.reap = reap_and_be_asked;
	s->pool.asked = true;
	reserve_pass(&s->reserve, clock_now());
	ck_assert(s->pool.asked);
	s->reserve.reap = NULL;
	end(make(1, STORE_THIN));
}
END_TEST

/* The filler, asked at any moment of its turn: quiet_all() fails if it forgets one. */
START_TEST(no_retired_page_is_forgotten)
{
	s = open_store_as(KINDS_FROM, 16, 1, true);
	r = store_reader(s, 0);
	struct store_lun *l = make_lun(s, 16 * PAGE, STORE_THIN);
	for (unsigned i = 0; i < 300; i++) {
		while (put(l, i % 16) == -EAGAIN)
			store_reader_quiet(r);
		ck_assert_uint_eq(store_unmap(r, l, 0, 16 * PAGE), 16 * PAGE);
		quiet_all(s, r);
	}
	store_lun_destroy(l);
	expect_empty(s);
	store_close(s);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("store_reserve");
	TCase *tc = tcase_create("reserve");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, woken_for_several);
	tcase_add_test(tc, as_many_as_there_are_holes);
	tcase_add_test(tc, asked_at_the_low_water_mark);
	tcase_add_test(tc, grows_and_shrinks);
	tcase_add_loop_test(tc, most, 0, 9);
	tcase_add_test(tc, full_pool);
	tcase_add_test(tc, what_was_coming_went_elsewhere);
	tcase_add_test(tc, the_host_gives_none);
	tcase_add_test(tc, the_host_becomes_short);
	tcase_add_test(tc, full_luns_come_first);
	if (KINDS_FROM == STORE_HUGE)
		tcase_add_test(tc, others_take_the_hugepages);
	tcase_add_test(tc, lean);
	tcase_add_test(tc, shut);
	tcase_add_test(tc, shut_no_more);
	tcase_add_test(tc, shut_on_who_waits);
	tcase_add_test(tc, no_wake_up_is_lost);
	tcase_add_test(tc, asked_amid_a_pass);
	tcase_add_test(tc, no_retired_page_is_forgotten);
	suite_add_tcase(suite, tc);
	return test_main(suite);
}
