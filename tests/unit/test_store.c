// SPDX-License-Identifier: MIT
/* test_store.c - opening a store, making LUNs and the sizes they may have. */
#include "test_store.h"

#include <errno.h>
#include <stdlib.h>

#include "base/poison.h" /* __SANITIZE_ADDRESS__ of clang too */
#include "store/host.h"
#include "store/table.h"

static void refused(struct store_options o, int err)
{
	struct store *s;
	char why[512] = "";

	ck_assert_int_eq(store_open(&s, &o, why, sizeof(why)), err);
	ck_assert_msg(strlen(why) > 10, "says \"%s\"", why);
}

static struct store_options plain(void)
{
	return (struct store_options){.kind = STORE_PLAIN, .ceiling = 4 * PAGE, .readers = 1};
}

/*
 * The sanitizers leave less address space than the largest pool takes: AddressSanitizer of gcc 14
 * and clang 19 2 GiB less, from the end of its shadow at 0x10007fff8000 to its heap at
 * 0x500000000000.
 */
#if defined(__SANITIZE_THREAD__)
#define LARGEST (STORE_LUN_MAX >> 8)
#elif defined(__SANITIZE_ADDRESS__)
#define LARGEST (STORE_LUN_MAX >> 1)
#else
#define LARGEST STORE_LUN_MAX
#endif

START_TEST(options_are_checked)
{
	struct store_options o = plain();
	struct store *s;
	char why[512];

	o.ceiling = 0;
	refused(o, -EINVAL);
	o.ceiling = STORE_LUN_MAX + 1;
	refused(o, -EINVAL);
	o = plain();
	o.readers = 0;
	refused(o, -EINVAL);
	o = plain();
	o.full_bytes = 4 * PAGE + 512;
	refused(o, -EINVAL);
	o.full_bytes = 4 * PAGE;
	ck_assert_int_eq(store_open(&s, &o, why, sizeof(why)), 0);
	store_close(s);
	o.full_bytes = 0;
	o.ceiling = 1;
	ck_assert_int_eq(store_open(&s, &o, why, sizeof(why)), 0);
	ck_assert_uint_eq(stats_of(s).pages_max, 1);
	store_close(s);
	o.ceiling = LARGEST;
	ck_assert_int_eq(store_open(&s, &o, why, sizeof(why)), 0);
	store_close(s);
}
END_TEST

/* Other programs take and give back hugepages while this test runs. */
static bool host_changed(uint64_t left)
{
	struct host_huge h;

	host_huge_read(&h);
	if (host_huge_left(&h) == left)
		return false;
	test_skip("the host's hugepages are in use by others");
	return true;
}

/* One page more than the host has: HUGE says what to set, AUTO goes on with plain pages. */
START_TEST(kind_follows_the_host)
{
	struct host_huge h;
	host_huge_read(&h);
	uint64_t left = host_huge_left(&h);
	struct store_options o = plain();
	struct store *s = NULL;
	char why[512] = "", value[64];

	o.kind = STORE_HUGE;
	o.full_bytes = o.ceiling = (left + 1) * PAGE;
	int rc = store_open(&s, &o, why, sizeof(why));
	snprintf(value, sizeof(value), "sysctl -w vm.nr_overcommit_hugepages=%llu",
		 (unsigned long long)(h.overcommit + 1));
	if (rc == 0)
		store_close(s);
	if (host_changed(left))
		return;
	ck_assert_int_eq(rc, -ENOSPC);
	ck_assert_msg(strstr(why, value) != NULL, "\"%s\" has no \"%s\"", why, value);

	o.kind = STORE_AUTO;
	ck_assert_int_eq(store_open(&s, &o, why, sizeof(why)), 0);
	enum store_kind above = stats_of(s).kind;
	store_close(s);
	o.full_bytes = o.ceiling = (left ? left : 1) * PAGE;
	ck_assert_int_eq(store_open(&s, &o, why, sizeof(why)), 0);
	enum store_kind at = stats_of(s).kind;
	store_close(s);
	if (host_changed(left))
		return;
	ck_assert_int_eq(above, STORE_PLAIN);
	ck_assert_int_eq(at, left ? STORE_HUGE : STORE_PLAIN);
}
END_TEST

START_TEST(numa_nodes_are_checked)
{
	struct store_options o = plain();
	struct store *s;
	char why[512] = "";

	o.numa_nodes = 1;
	int rc = store_open(&s, &o, why, sizeof(why));
	if (rc == -EPERM || rc == -ENOSYS) {
		test_skip("NUMA policies: %s", strerror(-rc));
		return;
	}
	ck_assert_msg(rc == 0, "%s", why);
	store_lun_destroy(make_lun(s, 3 * PAGE, STORE_FULL));
	expect_empty(s);
	store_close(s);
	o.numa_nodes = (uint64_t)1 << 63;
	refused(o, -EINVAL);
}
END_TEST

/* Percent of a pool of 10 pages, and the pages that LUNs may have then. */
/* clang-format off */
static const struct {
	unsigned percent;
	uint64_t pages;
} overcommits[] = {
	{1,	0},
	{100,	10},
	{109,	10},
	{110,	11},
	{250,	25},
	{100000, 10000},
};
/* clang-format on */

static int make_thin(struct store *s, uint64_t pages, struct store_lun **l, char *why)
{
	return store_lun_create(s, pages * PAGE - 512, STORE_THIN, NULL, NULL, NULL, l, why, 512);
}

/* What is promised has a limit, whoever was promised it; and it ends with the LUN. */
START_TEST(overcommit_is_limited)
{
	struct store_options o = plain();
	uint64_t pages = overcommits[_i].pages;
	struct store *s;
	struct store_lun *l, *one;
	char why[512] = "";

	o.ceiling = 10 * PAGE;
	o.overcommit_percent = overcommits[_i].percent;
	o.no_filler = true;
	ck_assert_int_eq(store_open(&s, &o, why, sizeof(why)), 0);
	ck_assert_int_eq(make_thin(s, pages + 1, &l, why), -ENOSPC);
	ck_assert_msg(strstr(why, "pool.overcommit"), "says \"%s\"", why);
	for (int again = 0; pages && again < 2; again++) {
		ck_assert_int_eq(make_thin(s, pages, &l, why), 0);
		ck_assert_int_eq(make_thin(s, 1, &one, why), -ENOSPC);
		store_lun_destroy(l);
	}
	if (pages) {
		ck_assert_int_eq(make_thin(s, pages - 1, &l, why), 0);
		one = make_lun(s, PAGE, STORE_FULL);
		ck_assert_int_eq(
			store_lun_create(s, 512, STORE_FULL, NULL, NULL, NULL, &l, why, 512),
			-ENOSPC);
		store_lun_destroy(one);
		ck_assert_int_eq(make_thin(s, 1, &one, why), 0);
		store_lun_destroy(one);
		store_lun_destroy(l);
	}
	expect_empty(s);
	store_close(s);
}
END_TEST

/* bytes, result, pages of a full LUN */
/* clang-format off */
static const struct {
	uint64_t bytes;
	int rc;
	uint64_t pages;
} sizes[] = {
	{0,		       -EINVAL, 0},
	{511,		       -EINVAL, 0},
	{512,		       0,	1},
	{513,		       -EINVAL, 0},
	{PAGE - 512,	       0,	1},
	{PAGE,		       0,	1},
	{PAGE + 512,	       0,	2},
	{4 * PAGE,	       0,	4},
	{4 * PAGE + 512,       -ENOSPC, 0},
	{STORE_LUN_MAX,	       -ENOSPC, 0},
	{STORE_LUN_MAX + 512,  -EINVAL, 0},
};
/* clang-format on */

START_TEST(sizes_of_luns)
{
	struct store *s = open_store(STORE_PLAIN, 4, 1);
	struct store_lun *l;
	char why[512] = "";
	int rc;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		uint64_t bytes = sizes[i].bytes;

		rc = store_lun_create(s, bytes, STORE_FULL, NULL, NULL, NULL, &l, why, sizeof(why));
		ck_assert_int_eq(rc, sizes[i].rc);
		if (!rc) {
			ck_assert_uint_eq(store_lun_pages(l), sizes[i].pages);
			ck_assert_uint_eq(store_lun_bytes(l), bytes);
			ck_assert_int_eq(store_lun_provisioning(l), STORE_FULL);
			ck_assert_uint_eq(stats_of(s).host_bytes, sizes[i].pages * PAGE);
			expect(l, 0, bytes, 0);
			store_lun_destroy(l);
		}
		expect_empty(s);
		/* A thin one needs no pages. */
		rc = store_lun_create(s, bytes, STORE_THIN, NULL, NULL, NULL, &l, why, sizeof(why));
		ck_assert_int_eq(rc, sizes[i].rc == -ENOSPC ? 0 : sizes[i].rc);
		if (!rc)
			store_lun_destroy(l);
		expect_empty(s);
	}
	store_close(s);
}
END_TEST

struct seen {
	uint64_t calls, done, of;
};

static void on_progress(void *arg, uint64_t done, uint64_t of)
{
	struct seen *p = arg;

	ck_assert_uint_ge(done, p->done);
	ck_assert_uint_le(done, of);
	p->calls++;
	p->done = done;
	p->of = of;
}

START_TEST(full_lun_has_all_pages)
{
	struct store *s = open_store(_i, 150, 1);
	struct store_lun *l;
	struct seen p = {0};
	char why[512] = "";

	int rc = store_lun_create(s, 149 * PAGE + 512, STORE_FULL, NULL, on_progress, &p, &l, why,
				  sizeof(why));
	ck_assert_msg(rc == 0, "%s", why);
	ck_assert_uint_eq(p.done, 150);
	ck_assert_uint_eq(p.of, 150);
	ck_assert_uint_ge(p.calls, 2);
	ck_assert_uint_eq(store_lun_pages(l), 150);
	ck_assert_uint_eq(stats_of(s).host_bytes, 150 * PAGE);
	expect(l, 0, 149 * PAGE + 512, 0);
	store_lun_destroy(l);
	expect_empty(s);
	store_close(s);
}
END_TEST

static void cancel(void *arg, uint64_t done, uint64_t of)
{
	(void)done, (void)of;
	store_cancel_fills(arg);
}

/* Who ends waits for no more than a few pages, and what was had is given back. */
START_TEST(full_lun_is_cancelled)
{
	struct store *s = open_store(_i, 400, 1);
	struct store_lun *l, *thin = make_lun(s, PAGE, STORE_THIN);
	char why[512] = "";

	ck_assert_int_eq(
		store_lun_create(s, 399 * PAGE, STORE_FULL, NULL, cancel, s, &l, why, sizeof(why)),
		-ECANCELED);
	ck_assert_ptr_nonnull(strstr(why, "about to end"));
	ck_assert_uint_eq(stats_of(s).pages_used, 0);
	/* And so is every later one, but not what needs no fill. */
	ck_assert_int_eq(
		store_lun_create(s, PAGE, STORE_FULL, NULL, NULL, NULL, &l, why, sizeof(why)),
		-ECANCELED);
	store_lun_destroy(thin);
	expect_empty(s);
	store_close(s);
}
END_TEST

/* The host's headroom stops a full LUN midway: it says so, and gives back what it had. */
START_TEST(full_lun_stops_at_the_headroom)
{
	struct store_options o = plain();
	struct store *s;
	struct store_lun *l;
	char why[512] = "", line[128];
	unsigned long long kib = 0;
	FILE *f = fopen("/proc/meminfo", "r");

	ck_assert_ptr_nonnull(f);
	while (fgets(line, sizeof(line), f) && sscanf(line, "MemAvailable: %llu", &kib) != 1)
		;
	fclose(f);
	o.ceiling = 2000 * PAGE;
	o.headroom = kib << 10; /* and the reserve beside it: not one page is to be had */
	ck_assert_int_eq(store_open(&s, &o, why, sizeof(why)), 0);
	ck_assert_int_eq(store_lun_create(s, 2000 * PAGE, STORE_FULL, NULL, NULL, NULL, &l, why,
					  sizeof(why)),
			 -ENOSPC);
	ck_assert_msg(strstr(why, "headroom") != NULL, "says \"%s\"", why);
	expect_empty(s);
	store_close(s);
}
END_TEST

/* What LOG SENSE tells: the pool's size less what is in use, or what the host has, if that is less,
 * and nothing at all while no page is let out. */
START_TEST(pages_available)
{
	struct store_options o = plain();
	struct store *s = open_store(STORE_PLAIN, 5, 1);
	struct store_lun *full = make_lun(s, 2 * PAGE, STORE_FULL);
	struct store_lun *thin = make_lun(s, 9 * PAGE, STORE_THIN);
	char why[512];

	ck_assert_uint_eq(store_lun_available(full), 3);
	ck_assert_uint_eq(store_lun_available(thin), 3);
	store_lun_destroy(full);
	ck_assert_uint_eq(store_lun_available(thin), 5);
	store_set_gate(s, STORE_GATE_SHUT);
	ck_assert_uint_eq(store_lun_available(thin), 0);
	store_set_gate(s, STORE_GATE_LEAN);
	ck_assert_uint_eq(store_lun_available(thin), 5);
	store_lun_destroy(thin);
	store_close(s);

	o.ceiling = 5 * PAGE;
	o.headroom = (uint64_t)1 << 60;
	ck_assert_int_eq(store_open(&s, &o, why, sizeof(why)), 0);
	thin = make_lun(s, 9 * PAGE, STORE_THIN);
	ck_assert_uint_eq(store_lun_available(thin), 0);
	store_lun_destroy(thin);
	store_close(s);
}
END_TEST

/* As many hugepages as the host would make, not as many as its memory holds. */
START_TEST(hugepages_available)
{
	struct store_options o = {.kind = STORE_HUGE, .readers = 1, .no_filler = true};
	struct host_huge h;
	struct store *s;
	char why[512] = "";

	o.ceiling = host_memory();
	ck_assert_msg(store_open(&s, &o, why, sizeof(why)) == 0, "%s", why);
	struct store_lun *thin = make_lun(s, o.ceiling / PAGE * PAGE, STORE_THIN);
	uint64_t n = store_lun_available(thin);

	host_huge_read(&h);
	ck_assert_uint_le(n, h.total + h.overcommit);
	store_lun_destroy(thin);
	store_close(s);
}
END_TEST

/* The table of a LUN that is gone must not shine through in the next one of the same slot. */
START_TEST(slots_are_clean_and_limited)
{
	struct store *s = open_store(STORE_PLAIN, 2, 1);
	struct store_reader *r = store_reader(s, 0);
	struct store_lun *l = make_lun(s, PAGE, STORE_THIN), **all;
	char why[512] = "";

	ck_assert_int_eq(store_write(r, l, 0, "x", 1), 1);
	store_lun_destroy(l);
	l = make_lun(s, PAGE, STORE_THIN);
	ck_assert_int_eq(store_write(r, l, 5, "x", 1), 1);
	expect(l, 0, 5, 0);
	expect(l, 6, PAGE - 6, 0);
	store_lun_destroy(l);

	all = calloc(TABLES_MAX, sizeof(struct store_lun *));
	for (unsigned i = 0; i < TABLES_MAX; i++)
		all[i] = make_lun(s, 512, STORE_THIN);
	ck_assert_int_eq(
		store_lun_create(s, 512, STORE_THIN, NULL, NULL, NULL, &l, why, sizeof(why)),
		-ENOMEM);
	store_lun_destroy(all[77]);
	all[77] = make_lun(s, 512, STORE_THIN);
	for (unsigned i = 0; i < TABLES_MAX; i++)
		store_lun_destroy(all[i]);
	free(all);
	expect_empty(s);
	store_close(s);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("store");
	TCase *tc = tcase_create("open");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, options_are_checked);
	tcase_add_test(tc, kind_follows_the_host);
	tcase_add_test(tc, numa_nodes_are_checked);
	tcase_add_loop_test(tc, overcommit_is_limited, 0, 6);
	tcase_add_test(tc, sizes_of_luns);
	tcase_add_loop_test(tc, full_lun_has_all_pages, KINDS_FROM, KINDS_TO);
	tcase_add_loop_test(tc, full_lun_is_cancelled, KINDS_FROM, KINDS_TO);
	tcase_add_test(tc, full_lun_stops_at_the_headroom);
	tcase_add_test(tc, pages_available);
	if (KINDS_FROM == STORE_HUGE)
		tcase_add_test(tc, hugepages_available);
	tcase_add_test(tc, slots_are_clean_and_limited);
	suite_add_tcase(suite, tc);
	return test_main(suite);
}
