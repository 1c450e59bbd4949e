// SPDX-License-Identifier: MIT
/* test_store_poison.c - memory of the pool that fails: what is lost, what is not, and what heals.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/poison.h" /* __SANITIZE_ADDRESS__ of clang too */
#include "lib/lose.h"
#include "test_store.h"

#define BLOCK 512u
#define AT    ((uint64_t)5 * BLOCK)

static struct store *s;
static struct store_reader *r;
static int kind;
static uint8_t ones[1 << 21], twos[1 << 21], got[1 << 21];

static void setup(int k, uint64_t pages)
{
	kind = k;
	s = open_store(kind, pages, 1);
	r = store_reader(s, 0);
	memset(ones, 1, sizeof(ones));
	memset(twos, 2, sizeof(twos));
}

static uint64_t unit(void)
{
	return kind == STORE_HUGE ? PAGE : POISON_UNIT;
}

static uint8_t *place(const struct store_lun *l, uint64_t off)
{
	size_t have;

	return (uint8_t *)(uintptr_t)store_at(l, off, 1, &have);
}

/* The memory of [off, off+unit()) fails. False: it cannot be tried here. */
static bool fail_at(const struct store_lun *l, uint64_t off)
{
	const char *why;

	if (lose(place(l, off), unit(), &why))
		return true;
	test_skip("memory cannot be made to fail: %s", why);
	return false;
}

static void expect_sums(uint64_t aside, uint64_t poisoned)
{
	struct store_stats st = stats_of(s);

	ck_assert_uint_eq(st.pages_aside, aside);
	ck_assert_uint_eq(st.pages_poisoned, poisoned);
	ck_assert_uint_eq(st.pages_used + st.pages_reserve + st.pages_coming + st.pages_free +
				  st.pages_aside,
			  st.pages_max);
}

static void teardown(struct store_lun *l)
{
	quiet_all(s, r);
	store_lun_destroy(l);
	ck_assert_uint_eq(s->anchored, 0);
	ck_assert_uint_eq(s->pool.used, 0);
	store_close(s);
}

/* Two pages of ones, in the first of which memory fails at the second unit, or all of it. */
static struct store_lun *make_failed(int k, enum store_provisioning p, uint64_t *off)
{
	setup(k, 8);
	struct store_lun *l = make_lun(s, 2 * PAGE + 4 * BLOCK, p);

	filler_run(s);
	ck_assert_int_eq(store_write(r, l, 0, ones, PAGE), PAGE);
	ck_assert_int_eq(store_write(r, l, PAGE, ones, PAGE), PAGE);
	*off = kind == STORE_HUGE ? 0 : POISON_UNIT;
	if (fail_at(l, *off))
		return l;
	teardown(l);
	return NULL;
}

/* All of [0, PAGE) is there, and is v. */
static void expect_whole(const struct store_lun *l, uint8_t v)
{
	ck_assert(!store_lost(l, 0, PAGE));
	expect(l, 0, PAGE, v);
	expect(l, PAGE, PAGE, 1);
}

/* Nobody knows it until somebody meets it; then it is told, once, and what is there is read. */
START_TEST(reads)
{
	uint64_t off, from, len;
	struct store_lun *l = make_failed(_i, STORE_THIN, &off);

	if (!l)
		return;
	ck_assert_uint_eq(store_readable(l, 0, 2 * PAGE), 2 * PAGE);
	expect_sums(0, 0);
	memset(got, 7, sizeof(got));
	ck_assert_uint_eq(store_read(l, 0, got, PAGE), off);
	for (uint64_t i = 0; i < PAGE; i++)
		ck_assert_uint_eq(got[i], i < off || i >= off + unit());
	expect_sums(0, 1);
	ck_assert_uint_eq(store_readable(l, 0, 2 * PAGE), off);
	ck_assert_uint_eq(store_readable(l, off + unit() - 1, PAGE), 0);
	ck_assert_uint_eq(store_readable(l, off + unit(), PAGE), PAGE);
	ck_assert(store_lost(l, off + 1, 1));
	ck_assert(!store_lost(l, PAGE, PAGE));
	ck_assert(store_tell_lost(l, off + 9, &from, &len));
	ck_assert_uint_eq(from, 0);
	ck_assert_uint_eq(len, PAGE);
	ck_assert(!store_tell_lost(l, off + 9, &from, &len));
	ck_assert(!store_tell_lost(l, PAGE, &from, &len));
	teardown(l);
}
END_TEST

START_TEST(comparisons)
{
	uint64_t off;
	struct store_lun *l = make_failed(_i, STORE_THIN, &off);

	if (!l)
		return;
	if (off) {
		ck_assert_int_eq(store_agree(l, 0, ones, PAGE), (int64_t)off);
		ck_assert_int_eq(store_agree(l, 0, twos, PAGE), 0);
	}
	memcpy(got, ones, PAGE);
	got[AT] = 2;
	ck_assert_int_eq(store_agree(l, off, ones, BLOCK), -EIO);
	ck_assert_int_eq(store_agree(l, off, ones, BLOCK), -EIO);
	ck_assert_int_eq(store_agree(l, PAGE, got, PAGE), AT);
	ck_assert_int_eq(store_agree(l, PAGE, ones, PAGE), PAGE);
	teardown(l);
}
END_TEST

/* What can be written is, to the last block, and the first that cannot is told. */
START_TEST(partial_writes)
{
	uint64_t off, end;
	struct store_lun *l = make_failed(_i, STORE_THIN, &off);

	if (!l)
		return;
	end = off + unit();
	if (off) {
		ck_assert_int_eq(store_write(r, l, BLOCK, twos, PAGE - 2 * BLOCK),
				 (int64_t)(off - BLOCK));
		expect(l, 0, BLOCK, 1);
		expect(l, BLOCK, off - BLOCK, 2);
		expect(l, end, PAGE - BLOCK - end, 2);
		expect(l, PAGE - BLOCK, BLOCK, 1);
	}
	ck_assert_int_eq(store_write(r, l, off, twos, BLOCK), -EIO);
	ck_assert_int_eq(store_write(r, l, off + unit() - BLOCK, twos, 2 * BLOCK), -EIO);
	ck_assert_int_eq(store_fill(r, l, off, BLOCK, twos, BLOCK), -EIO);
	ck_assert_int_eq(store_unmap(r, l, off, BLOCK), -EIO);
	ck_assert_int_eq(store_anchor(r, l, off, BLOCK), -EIO);
	ck_assert(store_lost(l, off, BLOCK));
	ck_assert_int_eq(store_write(r, l, PAGE + BLOCK, twos, BLOCK), BLOCK);
	expect_sums(0, 1);
	teardown(l);
}
END_TEST

/* ---- what replaces the page ---- */

static int64_t by_unmap(struct store_lun *l)
{
	return store_unmap(r, l, 0, PAGE);
}

static int64_t by_anchor(struct store_lun *l)
{
	return store_anchor(r, l, 0, PAGE);
}

static int64_t by_zeroes(struct store_lun *l)
{
	static const uint8_t zero[BLOCK];

	return store_fill(r, l, 0, PAGE, zero, BLOCK);
}

static int64_t by_fill(struct store_lun *l)
{
	return store_fill(r, l, 0, PAGE, twos, BLOCK);
}

static int64_t by_write(struct store_lun *l)
{
	return store_write(r, l, 0, twos, PAGE);
}

/* clang-format off */
static const struct {
	int64_t (*how)(struct store_lun *l);
	enum store_provisioning p;
	enum store_state state;
	uint8_t then;
} ways[] = {
	{ by_unmap,  STORE_THIN, STORE_DEALLOCATED, 0 },
	{ by_unmap,  STORE_FULL, STORE_MAPPED,      0 },
	{ by_anchor, STORE_THIN, STORE_ANCHORED,    0 },
	{ by_anchor, STORE_FULL, STORE_MAPPED,      0 },
	{ by_zeroes, STORE_THIN, STORE_MAPPED,      0 },
	{ by_zeroes, STORE_FULL, STORE_MAPPED,      0 },
	{ by_fill,   STORE_THIN, STORE_MAPPED,      2 },
	{ by_fill,   STORE_FULL, STORE_MAPPED,      2 },
	{ by_write,  STORE_THIN, STORE_MAPPED,      2 },
};
/* clang-format on */
#define WAYS ((int)(sizeof(ways) / sizeof(ways[0])))

/* The page is out of the pool for good, and what was written is there. */
static void heal(bool known)
{
	uint64_t off, run;
	struct store_lun *l;

	for (int i = 0; i < WAYS; i++) {
		l = make_failed(KINDS_FROM, ways[i].p, &off);
		if (!l)
			return;
		ck_assert_uint_eq(store_read(l, 0, got, known ? PAGE : 0), known ? off : 0);
		const uint8_t *was = place(l, 0);
		int64_t n = ways[i].how(l);
		if (n == -EAGAIN) {
			filler_run_at(s, clock_now());
			n = ways[i].how(l);
		}
		ck_assert_msg(n == (int64_t)PAGE, "way %d: %lld", i, (long long)n);
		ck_assert_int_eq(store_state(l, 0, PAGE, &run), ways[i].state);
		expect_whole(l, ways[i].then);
		ck_assert_ptr_ne(place(l, 0), was);
		quiet_all(s, r);
		/* An unmapped page that nobody had met before goes like all others. */
		bool met = known || ways[i].how != by_unmap || ways[i].p == STORE_FULL;
		expect_sums(met, met);
		teardown(l);
	}
}

START_TEST(healed_when_it_is_known)
{
	heal(true);
}
END_TEST

START_TEST(healed_when_it_is_met)
{
	heal(false);
}
END_TEST

/* Without a page to be had it stays as it is, and is not taken for anchored, or for zeroes. */
START_TEST(nothing_to_heal_with)
{
	uint64_t off, run;
	struct store_lun *l = make_failed(KINDS_FROM, STORE_THIN, &off);

	if (!l)
		return;
	ck_assert_int_eq(store_read(l, 0, got, PAGE) < PAGE, true);
	store_set_gate(s, STORE_GATE_SHUT);
	for (int i = 1; i < WAYS; i++) {
		if (ways[i].p == STORE_FULL)
			continue;
		ck_assert_int_eq(ways[i].how(l), -EIO);
		ck_assert_int_eq(store_state(l, 0, PAGE, &run), STORE_MAPPED);
		ck_assert(store_lost(l, off, BLOCK));
		ck_assert_uint_eq(s->anchored, 0);
	}
	/* One that will come is waited for. */
	store_set_gate(s, STORE_GATE_OPEN);
	while (stats_of(s).pages_reserve)
		pool_trim(&s->pool, 8);
	ck_assert_int_eq(by_fill(l), -EAGAIN);
	filler_run(s);
	ck_assert_int_eq(by_fill(l), PAGE);
	expect_whole(l, 2);
	teardown(l);
}
END_TEST

/* A range of several pages, in slices that would cut a page in two. */
START_TEST(healed_in_slices)
{
	const uint64_t pages = 6, from = PAGE / 2, n = (pages - 1) * PAGE;

	setup(KINDS_FROM, 2 * pages);
	struct store_lun *l = make_lun(s, pages * PAGE, STORE_FULL);

	for (uint64_t i = 0; i < pages; i++)
		ck_assert_int_eq(store_write(r, l, i * PAGE, ones, PAGE), PAGE);
	for (uint64_t i = 1; i < pages - 1; i++)
		if (!fail_at(l, i * PAGE)) {
			teardown(l);
			return;
		}
	for (int way = 0; way < 2; way++)
		for (uint64_t done = 0; done < n;) {
			int64_t k = way ? store_fill(r, l, from + done, n - done, twos, BLOCK)
					: store_unmap(r, l, from + done, n - done);
			if (k == -EAGAIN) {
				filler_run_at(s, clock_now());
				continue;
			}
			ck_assert_int_gt(k, 0);
			done += (uint64_t)k;
			expect(l, from, done, way ? 2 : 0);
		}
	quiet_all(s, r);
	expect_sums(pages - 2, pages - 2);
	teardown(l);
}
END_TEST

/* ---- the pool ---- */

/* What is set aside is nobody's: the others are all that can be had. */
START_TEST(never_given_out_again)
{
	uint64_t off;
	struct store_lun *l = make_failed(KINDS_FROM, STORE_THIN, &off);
	char why[256] = "";

	if (!l)
		return;
	ck_assert_uint_lt(store_read(l, 0, got, PAGE), PAGE);
	ck_assert_int_eq(store_unmap(r, l, 0, 2 * PAGE), 2 * PAGE);
	quiet_all(s, r);
	struct store_lun *all = make_lun(s, 8 * PAGE, STORE_THIN);
	for (unsigned i = 0; i < 8; i++) {
		filler_run(s);
		int64_t n = store_write(r, all, i * PAGE, ones, PAGE);
		if (n == -EAGAIN) {
			filler_run(s);
			n = store_write(r, all, i * PAGE, ones, PAGE);
		}
		ck_assert_int_eq(n, i < 7 ? (int64_t)PAGE : -ENOSPC);
	}
	expect(all, 0, 7 * PAGE, 1);
	expect_sums(1, 1);
	ck_assert_int_eq(store_set_ceiling(s, 7 * PAGE, why, sizeof(why)), -EBUSY);
	ck_assert_int_eq(store_unmap(r, all, 0, PAGE), PAGE);
	quiet_all(s, r);
	filler_run(s);
	ck_assert_int_eq(store_set_ceiling(s, 7 * PAGE, why, sizeof(why)), 0);
	store_lun_destroy(all);
	expect_sums(1, 1);
	teardown(l);
}
END_TEST

/* One that failed at hand does not get out, once that is known. */
START_TEST(not_from_the_reserve)
{
	const char *why;

	setup(KINDS_FROM, 8);
	struct store_lun *l = make_lun(s, 8 * PAGE, STORE_THIN);

	filler_run(s);
	uint32_t num = s->pool.reserve.head;
	uint8_t *at = pool_page(&s->pool, num);
	ck_assert_uint_gt(num, 0);
	if (!lose(at, unit(), &why)) {
		test_skip("memory cannot be made to fail: %s", why);
		teardown(l);
		return;
	}
	store_look(at, PAGE);
	expect_sums(0, 1);
	ck_assert_int_eq(store_write(r, l, 0, ones, PAGE), PAGE);
	ck_assert_ptr_ne(place(l, 0), at);
	expect_sums(1, 1);
	teardown(l);
}
END_TEST

/* Behind the end all is zero, or known not to be: growth shows nothing old. */
START_TEST(resize_over_it)
{
	uint64_t off;
	struct store_lun *l = make_failed(KINDS_FROM, STORE_THIN, &off);
	char why[256] = "";

	if (!l)
		return;
	ck_assert_int_eq(store_unmap(r, l, PAGE, PAGE + 4 * BLOCK), PAGE + 4 * BLOCK);
	ck_assert_int_eq(store_lun_resize(r, l, BLOCK, false, why, sizeof(why)), -EBUSY);
	ck_assert_int_eq(store_lun_resize(r, l, BLOCK, true, why, sizeof(why)), 0);
	ck_assert_int_eq(store_lun_resize(r, l, PAGE, false, why, sizeof(why)), 0);
	ck_assert(store_lost(l, off, BLOCK));
	if (off) {
		expect(l, 0, BLOCK, 1);
		expect(l, BLOCK, off - BLOCK, 0);
		expect(l, off + unit(), PAGE - off - unit(), 0);
	}
	/* All that the LUN has of the page, although it is not all of it. */
	ck_assert_int_eq(store_lun_resize(r, l, PAGE / 2, true, why, sizeof(why)), 0);
	int64_t n = store_fill(r, l, 0, PAGE / 2, twos, BLOCK);
	if (n == -EAGAIN) {
		filler_run_at(s, clock_now());
		n = store_fill(r, l, 0, PAGE / 2, twos, BLOCK);
	}
	ck_assert_int_eq(n, PAGE / 2);
	ck_assert(!store_lost(l, 0, PAGE / 2));
	ck_assert_int_eq(store_lun_resize(r, l, PAGE, false, why, sizeof(why)), 0);
	expect(l, 0, PAGE / 2, 2);
	expect(l, PAGE / 2, PAGE / 2, 0);
	teardown(l);
}
END_TEST

/* ---- threads ---- */

static struct store_lun *shared;

static void *read_it(void *arg)
{
	uint8_t *to = malloc(PAGE);

	(void)arg;
	for (unsigned i = 0; i < 200; i++) {
		ck_assert_uint_lt(store_read(shared, 0, to, PAGE), PAGE);
		ck_assert_uint_eq(store_read(shared, PAGE, to, PAGE), PAGE);
	}
	free(to);
	return NULL;
}

/* Each thread comes back to where it was itself. */
START_TEST(threads)
{
	pthread_t thread[4];
	uint64_t off;

	shared = make_failed(KINDS_FROM, STORE_THIN, &off);
	if (!shared)
		return;
	for (unsigned i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&thread[i], NULL, read_it, NULL), 0);
	for (unsigned i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
	expect_sums(0, 1);
	teardown(shared);
}
END_TEST

/* A sanitizer has its own end for that. */
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
/* All else that SIGBUS tells of is a fault, as ever. */
START_TEST(not_the_pool)
{
	setup(STORE_PLAIN, 1);
	int fd = memfd_create("other", MFD_CLOEXEC);
	uint8_t *p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);

	ck_assert(p != MAP_FAILED);
	(void)store_copy(got, p, 1);
}
END_TEST

START_TEST(not_where_it_is_expected)
{
	setup(STORE_PLAIN, 2);
	struct store_lun *l = make_lun(s, PAGE, STORE_FULL);

	if (!fail_at(l, 0))
		raise(SIGBUS);
	(void)*(volatile uint8_t *)place(l, 0);
}
END_TEST
#endif

/* A write of all or nothing is told before its first byte. */
START_TEST(prepared_writes)
{
	uint64_t off;
	struct store_lun *l = make_failed(_i, STORE_THIN, &off);

	if (!l)
		return;
	ck_assert_int_eq(store_prepare(l, off, twos, BLOCK), -EIO);
	ck_assert_int_eq(store_prepare(l, PAGE - BLOCK, twos, 2 * BLOCK),
			 kind == STORE_HUGE ? -EIO : 0);
	ck_assert_int_eq(store_prepare(l, 0, twos, PAGE + BLOCK), -EIO);
	ck_assert_uint_eq(store_readable(l, 0, PAGE), off);
	expect(l, PAGE, PAGE, 1);
	teardown(l);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("store_poison");
	TCase *tc = tcase_create("poison");

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, reads, KINDS_FROM, KINDS_TO);
	tcase_add_loop_test(tc, comparisons, KINDS_FROM, KINDS_TO);
	tcase_add_loop_test(tc, partial_writes, KINDS_FROM, KINDS_TO);
	tcase_add_loop_test(tc, prepared_writes, KINDS_FROM, KINDS_TO);
	tcase_add_test(tc, healed_when_it_is_known);
	tcase_add_test(tc, healed_when_it_is_met);
	tcase_add_test(tc, nothing_to_heal_with);
	tcase_add_test(tc, healed_in_slices);
	tcase_add_test(tc, never_given_out_again);
	tcase_add_test(tc, not_from_the_reserve);
	tcase_add_test(tc, resize_over_it);
	tcase_add_test(tc, threads);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	tcase_add_test_raise_signal(tc, not_the_pool, SIGBUS);
	tcase_add_test_raise_signal(tc, not_where_it_is_expected, SIGBUS);
#endif
	suite_add_tcase(suite, tc);
	return test_main(suite);
}
