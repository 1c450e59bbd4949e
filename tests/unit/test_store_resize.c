// SPDX-License-Identifier: MIT
/*
 * test_store_resize.c - LUNs that grow, shrink and go while readers use them.
 *
 * Run it under ThreadSanitizer as well.
 */
#include "test_store.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "base/clock.h"

static struct store *s;
static struct store_reader *r;
static char why[512];

static void open_with(int kind, uint64_t pages)
{
	s = open_store(kind, pages, 1);
	r = store_reader(s, 0);
	why[0] = '\0';
}

static void close_all(struct store_lun *l)
{
	if (l)
		store_lun_destroy(l);
	quiet_all(s, r);
	expect_empty(s);
	store_close(s);
}

static int resize(struct store_lun *l, uint64_t bytes, bool force)
{
	return store_lun_resize(r, l, bytes, force, why, sizeof(why));
}

static void put(struct store_lun *l, uint64_t off, uint64_t n, uint8_t v)
{
	uint8_t *p = malloc(n);

	memset(p, v, n);
	ck_assert_int_eq(store_write(r, l, off, p, n), (int64_t)n);
	free(p);
}

/* What is added is a hole on a thin LUN, and a page on a full one; it reads as zeroes. */
START_TEST(grows)
{
	for (int p = STORE_FULL; p <= STORE_THIN; p++) {
		open_with(_i, 8);
		struct store_lun *l = make_lun(s, PAGE + 512, (enum store_provisioning)p);

		put(l, PAGE, 512, 1);
		ck_assert_int_eq(resize(l, 4 * PAGE, false), 0);
		ck_assert_uint_eq(store_lun_bytes(l), 4 * PAGE);
		ck_assert_uint_eq(store_lun_pages(l), p == STORE_FULL ? 4 : 1);
		expect(l, PAGE, 512, 1);
		expect(l, PAGE + 512, 3 * PAGE - 512, 0);
		put(l, 4 * PAGE - 512, 512, 2);
		expect(l, 4 * PAGE - 512, 512, 2);
		ck_assert_int_eq(resize(l, 4 * PAGE, false), 0); /* the same */
		close_all(l);
	}
}
END_TEST

/* Leaves of the table that a small LUN never had. */
START_TEST(grows_to_the_largest)
{
	open_with(_i, 4);
	struct store_lun *l = make_lun(s, 512, STORE_THIN);

	ck_assert_int_eq(resize(l, STORE_LUN_MAX, false), 0);
	put(l, STORE_LUN_MAX - 512, 512, 3);
	ck_assert_int_eq(resize(l, STORE_LUN_MAX - 512, false), -EBUSY);
	ck_assert_int_eq(resize(l, STORE_LUN_MAX - 512, true), 0);
	ck_assert_int_eq(resize(l, STORE_LUN_MAX, false), 0);
	expect(l, STORE_LUN_MAX - PAGE, PAGE, 0);
	close_all(l);
}
END_TEST

START_TEST(sizes_that_are_refused)
{
	static const uint64_t bad[] = {0, 1, 513, STORE_LUN_MAX + 512};

	open_with(_i, 4);
	struct store_lun *l = make_lun(s, 2 * PAGE, STORE_THIN);

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ck_assert_int_eq(resize(l, bad[i], true), -EINVAL);
		ck_assert_ptr_nonnull(strstr(why, "multiple of 512"));
		ck_assert_uint_eq(store_lun_bytes(l), 2 * PAGE);
	}
	close_all(l);
}
END_TEST

/* Of a full LUN nothing changes if not all of its pages are to be had. */
START_TEST(a_full_lun_grows_whole_or_not)
{
	open_with(_i, 4);
	struct store_lun *l = make_lun(s, 2 * PAGE, STORE_FULL);
	struct store_lun *thin = make_lun(s, PAGE, STORE_THIN);

	put(thin, 0, 512, 1);
	ck_assert_int_eq(resize(l, 4 * PAGE, false), -ENOSPC);
	ck_assert_ptr_nonnull(strstr(why, "pool.size"));
	ck_assert_uint_eq(store_lun_bytes(l), 2 * PAGE);
	ck_assert_uint_eq(store_lun_pages(l), 2);
	ck_assert_int_eq(resize(l, 3 * PAGE, false), 0);
	ck_assert_uint_eq(store_lun_pages(l), 3);
	store_lun_destroy(thin);
	close_all(l);
}
END_TEST

/* Pages on their way back to the pool count as there: it waits for them, and holds none back. */
START_TEST(a_full_lun_grows_by_pages_that_come_back)
{
	open_with(_i, 4);
	struct store_lun *l = make_lun(s, 2 * PAGE, STORE_FULL);
	struct store_lun *thin = make_lun(s, 2 * PAGE, STORE_THIN);

	put(thin, 0, 2 * PAGE, 1);
	ck_assert_uint_eq(store_unmap(r, thin, 0, 2 * PAGE), 2 * PAGE);
	ck_assert_uint_gt(stats_of(s).pages_retired, 0);
	ck_assert_int_eq(resize(l, 4 * PAGE, false), 0);
	store_lun_destroy(thin);
	close_all(l);
}
END_TEST

/* They do not come, as an unsent response holds them: what was got already is given back. */
START_TEST(a_full_lun_that_cannot_grow)
{
	size_t have;

	s = open_store(_i, 5, 2);
	r = store_reader(s, 0);
	struct store_reader *other = store_reader(s, 1);
	struct store_lun *l = make_lun(s, 2 * PAGE, STORE_FULL);
	struct store_lun *thin = make_lun(s, 2 * PAGE, STORE_THIN);

	put(thin, 0, 2 * PAGE, 1);
	(void)store_at(thin, 0, 1, &have);
	unsigned pin = store_pin(other);
	ck_assert_uint_eq(store_unmap(r, thin, 0, 2 * PAGE), 2 * PAGE);
	ck_assert_int_eq(resize(l, 5 * PAGE, false), -ENOSPC);
	ck_assert_ptr_nonnull(strstr(why, "the host gave 1"));
	ck_assert_uint_eq(store_lun_pages(l), 2);
	ck_assert_uint_eq(store_lun_bytes(l), 2 * PAGE);
	store_unpin(other, pin);
	store_reader_offline(other);
	store_lun_destroy(thin);
	close_all(l);
}
END_TEST

/* Without force nothing that was written is lost: in a page behind the end, or right behind it. */
START_TEST(shrinks_over_nothing_only)
{
	open_with(_i, 8);
	struct store_lun *l = make_lun(s, 4 * PAGE, STORE_THIN);

	put(l, 0, 1024, 1);
	put(l, 3 * PAGE, 512, 2);
	ck_assert_int_eq(resize(l, 3 * PAGE, false), -EBUSY);
	ck_assert_ptr_nonnull(strstr(why, "2 MiB"));
	ck_assert_ptr_nonnull(strstr(why, "force"));
	expect(l, 3 * PAGE, 512, 2);
	ck_assert_uint_eq(store_unmap(r, l, 3 * PAGE, PAGE), PAGE);
	ck_assert_int_eq(resize(l, 3 * PAGE, false), 0);
	ck_assert_int_eq(resize(l, 512, false), -EBUSY);
	ck_assert_int_eq(resize(l, 1023 / 512 * 512, false), -EBUSY);
	ck_assert_int_eq(resize(l, 1024, false), 0);
	expect(l, 0, 1024, 1);
	ck_assert_uint_eq(store_lun_bytes(l), 1024);
	close_all(l);
}
END_TEST

/* With force it is lost, and stays lost when the LUN grows again. */
START_TEST(shrinks_by_force)
{
	for (int p = STORE_FULL; p <= STORE_THIN; p++) {
		open_with(_i, 8);
		struct store_lun *l = make_lun(s, 4 * PAGE, (enum store_provisioning)p);

		for (uint64_t i = 0; i < 4; i++)
			put(l, i * PAGE, PAGE, (uint8_t)(i + 1));
		if (p == STORE_FULL)
			ck_assert_int_eq(resize(l, 3 * PAGE, false), -EBUSY);
		ck_assert_int_eq(resize(l, PAGE + 512, true), 0);
		quiet_all(s, r);
		ck_assert_uint_eq(stats_of(s).pages_used, 2);
		expect(l, 0, PAGE, 1);
		expect(l, PAGE, 512, 2);
		ck_assert_int_eq(resize(l, 4 * PAGE, false), 0);
		expect(l, PAGE + 512, 3 * PAGE - 512, 0);
		ck_assert_uint_eq(store_lun_pages(l), p == STORE_FULL ? 4 : 2);
		close_all(l);
	}
}
END_TEST

/* Of a response that was not sent yet the pages stay, and what is in them. */
START_TEST(pins_outlive_the_lun)
{
	size_t have;

	open_with(_i, 8);
	struct store_lun *l = make_lun(s, 4 * PAGE, STORE_THIN);

	for (uint64_t i = 0; i < 4; i++)
		put(l, i * PAGE, PAGE, 7);
	const uint8_t *cut = store_at(l, 3 * PAGE, PAGE, &have);
	const uint8_t *gone = store_at(l, 0, PAGE, &have);
	unsigned pin = store_pin(r);

	ck_assert_int_eq(resize(l, 2 * PAGE, true), 0);
	store_lun_destroy_live(r, l);
	struct store_lun *next = make_lun(s, 4 * PAGE, STORE_THIN);
	for (int i = 0; i < 10; i++)
		store_reader_quiet(r);
	for (uint64_t i = 0; i < 4; i++)
		put(next, i * PAGE, PAGE, 9);
	ck_assert_uint_eq(stats_of(s).pages_retired, 4);
	ck_assert(cut[0] == 7 && !memcmp(cut, cut + 1, PAGE - 1));
	ck_assert(gone[0] == 7 && !memcmp(gone, gone + 1, PAGE - 1));
	store_unpin(r, pin);
	close_all(next);
}
END_TEST

/* ---- readers at work ---- */

#define READERS	   3u
#define LUN_MAX	   (12 * PAGE)
#define KEPT	   (4 * PAGE) /* never cut off */
#define RESIZES	   50u
#define ENOUGH	   20u /* writes of each reader */
#define PATIENCE_S 60
#define BLOCK	   512u

struct shared {
	struct store_lun *l;
	_Atomic uint64_t end; /* what readers may use: lowered before the LUN is */
	_Atomic uint64_t turns[READERS];
	_Atomic bool is_over;
	_Atomic(const char *) wrong;
};

struct user {
	struct shared *sh;
	struct store_reader *r;
	unsigned id;
	uint64_t random;
	_Atomic uint64_t worked;
};

static uint64_t draw(struct user *u, uint64_t below)
{
	u->random = u->random * 6364136223846793005u + 1442695040888963407u;
	return (u->random >> 33) % below;
}

/* A block of this reader's own: what it wrote into the kept part is there, and elsewhere it may
 * have been cut off since, to zeroes. */
static void use_block(struct user *u, uint64_t end)
{
	const uint64_t off = draw(u, end / PAGE) * PAGE + u->id * BLOCK;
	uint8_t block[BLOCK];
	size_t have;
	const uint8_t *p = store_at(u->sh->l, off, BLOCK, &have);

	if (have != BLOCK || memcmp(p, p + 1, BLOCK - 1) || (*p && *p != u->id + 1))
		u->sh->wrong = "foreign data";
	memset(block, (int)u->id + 1, BLOCK);
	int64_t n = store_write(u->r, u->sh->l, off, block, BLOCK);
	if (n == BLOCK)
		u->worked++;
	else if (n != -EAGAIN && n != -ENOSPC)
		u->sh->wrong = "a write was cut";
	/* On a full LUN an UNMAP writes zeroes: into its own block. */
	bool thin = store_lun_provisioning(u->sh->l) == STORE_THIN;
	if (!draw(u, 4) &&
	    store_unmap(u->r, u->sh->l, thin ? off & ~(PAGE - 1) : off, thin ? PAGE : BLOCK) <= 0)
		u->sh->wrong = "an UNMAP failed";
}

static void *use(void *arg)
{
	struct user *u = arg;

	while (!u->sh->is_over) {
		use_block(u, u->sh->end);
		store_reader_quiet(u->r);
		u->sh->turns[u->id]++;
		sched_yield();
	}
	store_reader_offline(u->r);
	return NULL;
}

/* No reader is in a turn that began before. */
static void settle(struct shared *sh)
{
	for (unsigned i = 0; i < READERS; i++)
		for (uint64_t was = sh->turns[i]; sh->turns[i] < was + 2;)
			sched_yield();
}

static bool all_worked(const struct user *u)
{
	for (unsigned i = 0; i < READERS; i++)
		if (u[i].worked < ENOUGH)
			return false;
	return true;
}

static void resize_now_and_then(struct shared *sh, struct store_reader *me, uint64_t *random,
				const struct user *u)
{
	const uint64_t limit = clock_now() + PATIENCE_S * NS_PER_S;

	for (unsigned i = 0; i < RESIZES || (!all_worked(u) && clock_now() < limit); i++) {
		*random = *random * 6364136223846793005u + 1442695040888963407u;
		uint64_t bytes = KEPT + (*random >> 33) % (LUN_MAX / PAGE - 3) * PAGE;
		bool larger = bytes > store_lun_bytes(sh->l);

		if (!larger) {
			sh->end = bytes;
			settle(sh);
		}
		int rc = store_lun_resize(me, sh->l, bytes, true, why, sizeof(why));
		if (rc && rc != -ENOSPC)
			sh->wrong = "a resize failed";
		sh->end = store_lun_bytes(sh->l);
		store_reader_quiet(me);
	}
}

START_TEST(under_readers)
{
	const enum store_provisioning p = _i ? STORE_FULL : STORE_THIN;
	struct user u[READERS];
	pthread_t thread[READERS];
	uint64_t random = 5;

	s = open_store_as(KINDS_FROM, LUN_MAX / PAGE + 2, READERS + 1, true);
	struct shared sh = {.l = make_lun(s, LUN_MAX, p), .end = LUN_MAX};
	r = store_reader(s, READERS);
	for (unsigned i = 0; i < READERS; i++) {
		u[i] = (struct user){.sh = &sh, .r = store_reader(s, i), .id = i, .random = i + 1};
		ck_assert_int_eq(pthread_create(&thread[i], NULL, use, &u[i]), 0);
	}
	resize_now_and_then(&sh, r, &random, u);
	sh.is_over = true;
	for (unsigned i = 0; i < READERS; i++) {
		pthread_join(thread[i], NULL);
		ck_assert_uint_ge(u[i].worked, ENOUGH);
	}
	ck_assert_msg(!sh.wrong, "%s", sh.wrong ? sh.wrong : "");
	store_lun_destroy_live(r, sh.l);
	close_all(NULL);
}
END_TEST

static Suite *suite(void)
{
	Suite *su = suite_create("store_resize");
	TCase *t = tcase_create("resize");

	tcase_set_timeout(t, 120);
	tcase_add_loop_test(t, grows, KINDS_FROM, KINDS_TO);
	tcase_add_loop_test(t, grows_to_the_largest, KINDS_FROM, KINDS_TO);
	tcase_add_loop_test(t, sizes_that_are_refused, KINDS_FROM, KINDS_TO);
	tcase_add_loop_test(t, a_full_lun_grows_whole_or_not, KINDS_FROM, KINDS_TO);
	tcase_add_loop_test(t, a_full_lun_grows_by_pages_that_come_back, KINDS_FROM, KINDS_TO);
	tcase_add_loop_test(t, a_full_lun_that_cannot_grow, KINDS_FROM, KINDS_TO);
	tcase_add_loop_test(t, shrinks_over_nothing_only, KINDS_FROM, KINDS_TO);
	tcase_add_loop_test(t, shrinks_by_force, KINDS_FROM, KINDS_TO);
	tcase_add_loop_test(t, pins_outlive_the_lun, KINDS_FROM, KINDS_TO);
	tcase_add_loop_test(t, under_readers, 0, 2);
	suite_add_tcase(su, t);
	return su;
}

int main(void)
{
	return test_main(suite());
}
