// SPDX-License-Identifier: MIT
/* test_loan_commit.c - which UNMAPs a range becomes, and what a disk's pages allow. */
#include "initiator-tools/host/commit.h"

#include <errno.h>
#include <string.h>

#include "lib/test_main.h"
#include "memtgt/wire.h"

#define UNMAPS_MAX 64

struct disk_under_test {
	uint8_t limits[64], provisioning[8];
	bool knows_pages;
	struct {
		uint64_t lba;
		uint32_t blocks;
		bool is_anchor;
	} unmaps[UNMAPS_MAX];
	unsigned n, full_at; /* the memory ends with this one; 0: it does not */
	struct sg_result refusal;
};

static struct disk_under_test t;
static unsigned last_permille;

static int inquire(const struct sg_command *c, uint8_t *buf, struct sg_result *r)
{
	bool is_limits = c->cdb[2] == 0xb0;
	size_t n = is_limits ? sizeof(t.limits) : sizeof(t.provisioning);

	ck_assert_uint_eq(c->cdb[1], 1);
	if (!t.knows_pages) {
		*r = (struct sg_result){.status = SG_CHECK, .key = 5, .asc = 0x24};
		return 0;
	}
	r->got = (uint32_t)(n < c->len ? n : c->len);
	memcpy(buf, is_limits ? t.limits : t.provisioning, r->got);
	return 0;
}

static int answer(void *arg, const struct sg_command *c, void *data, struct sg_result *r)
{
	const uint8_t *list = data;

	(void)arg;
	if (c->cdb[0] == 0x12)
		return inquire(c, data, r);
	ck_assert_uint_eq(c->cdb[0], 0x42);
	ck_assert_uint_eq(c->cdb[8], 24);
	ck_assert_uint_eq(c->len, 24);
	ck_assert_uint_eq(ld16(list), 22);
	ck_assert_uint_eq(ld16(list + 2), 16);
	ck_assert_uint_lt(t.n, UNMAPS_MAX);
	t.unmaps[t.n].lba = ld64(list + 8);
	t.unmaps[t.n].blocks = ld32(list + 16);
	t.unmaps[t.n].is_anchor = c->cdb[1] & 1;
	if (++t.n == t.full_at)
		*r = (struct sg_result){.status = SG_CHECK, .key = 7, .asc = 0x27, .ascq = 7};
	else if (t.refusal.status)
		*r = t.refusal;
	return 0;
}

static const struct sg_device device = {.send = answer};

static void setup(void)
{
	memset(&t, 0, sizeof(t));
	t.knows_pages = true;
	t.limits[1] = 0xb0;
	t.limits[3] = 60;
	st32(t.limits + 20, 1u << 20);
	st32(t.limits + 24, 1);
	t.provisioning[1] = 0xb2;
	t.provisioning[3] = 4;
	t.provisioning[5] = 0x82; /* LBPU, ANC_SUP */
	last_permille = 0;
}

static void progress(void *arg, unsigned permille)
{
	(void)arg;
	ck_assert_uint_ge(permille, last_permille);
	ck_assert_uint_le(permille, 1000);
	last_permille = permille;
}

static int unmap(uint64_t bytes, unsigned block_size, bool is_anchor, struct sg_result *r)
{
	struct commit_limits l;
	struct commit_range range = {.bytes = bytes,
				     .block_size = block_size,
				     .is_anchor = is_anchor,
				     .progress = progress};
	int err = commit_limits(&device, &l, r);

	return err ? err : commit_unmap(&device, &l, &range, r);
}

/* Each block once, none behind the range, no command larger than it may be. */
static void check_cover(uint64_t blocks, uint32_t most, bool is_anchor)
{
	uint64_t next = 0;

	for (unsigned i = 0; i < t.n; i++) {
		ck_assert_uint_eq(t.unmaps[i].lba, next);
		ck_assert_uint_ge(t.unmaps[i].blocks, 1);
		ck_assert_uint_le(t.unmaps[i].blocks, most);
		ck_assert(t.unmaps[i].is_anchor == is_anchor);
		next += t.unmaps[i].blocks;
	}
	ck_assert_uint_eq(next, blocks);
}

#define MIB ((uint64_t)1 << 20)

START_TEST(a_range_is_anchored_in_slices)
{
	struct sg_result r;

	ck_assert_int_eq(unmap(200 * MIB, 512, true, &r), 0);
	ck_assert_uint_eq(t.n, 4);
	check_cover(200 * MIB / 512, 131072, true);
	ck_assert_uint_eq(last_permille, 1000);
}
END_TEST

/* What lies before it has the loan's data. */
START_TEST(a_range_begins_where_it_begins)
{
	struct commit_limits l;
	struct commit_range range = {
		.from = 64 * MIB, .bytes = 80 * MIB, .block_size = 512, .is_anchor = true};
	struct sg_result r;

	ck_assert_int_eq(commit_limits(&device, &l, &r), 0);
	ck_assert_int_eq(commit_unmap(&device, &l, &range, &r), 0);
	ck_assert_uint_eq(t.n, 2);
	ck_assert_uint_eq(t.unmaps[0].lba, 131072);
	ck_assert_uint_eq(t.unmaps[1].lba, 262144);
	ck_assert_uint_eq(t.unmaps[1].blocks, 32768);
}
END_TEST

START_TEST(blocks_may_be_larger)
{
	struct sg_result r;

	ck_assert_int_eq(unmap(65 * MIB, 4096, false, &r), 0);
	ck_assert_uint_eq(t.n, 2);
	check_cover(65 * MIB / 4096, 16384, false);
}
END_TEST

START_TEST(the_disk_sets_limits)
{
	struct sg_result r;

	st32(t.limits + 20, 1000);
	ck_assert_int_eq(unmap(5 * MIB, 512, true, &r), 0);
	check_cover(10240, 1000, true);
	ck_assert_uint_eq(t.n, 11);
}
END_TEST

START_TEST(the_smallest_ranges)
{
	static const struct {
		uint64_t bytes;
		unsigned commands;
	} rows[] = {{0, 0}, {511, 0}, {512, 1}, {1023, 1}, {64 * MIB, 1}, {64 * MIB + 512, 2}};
	struct sg_result r;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		setup();
		ck_assert_int_eq(unmap(rows[i].bytes, 512, true, &r), 0);
		ck_assert_uint_eq(t.n, rows[i].commands);
		check_cover(rows[i].bytes / 512, 131072, true);
	}
}
END_TEST

START_TEST(memory_that_is_not_there_is_told)
{
	struct sg_result r;

	t.full_at = 2;
	ck_assert_int_eq(unmap(200 * MIB, 512, true, &r), -ENOSPC);
	ck_assert_uint_eq(t.n, 2);
	setup();
	t.refusal = (struct sg_result){.status = SG_CHECK, .key = 7, .asc = 0x27};
	ck_assert_int_eq(unmap(200 * MIB, 512, true, &r), -EREMOTEIO); /* write protected */
	setup();
	t.refusal.status = SG_CONFLICT;
	ck_assert_int_eq(unmap(200 * MIB, 512, true, &r), -EREMOTEIO);
	ck_assert_uint_eq(r.status, SG_CONFLICT);
}
END_TEST

START_TEST(a_disk_may_know_no_unmap)
{
	struct commit_limits l;
	struct sg_result r;

	t.knows_pages = false;
	ck_assert_int_eq(commit_limits(&device, &l, &r), 0);
	ck_assert(!l.blocks && !l.can_anchor);
	ck_assert_int_eq(unmap(MIB, 512, false, &r), -EOPNOTSUPP);
	setup();
	t.provisioning[5] = 0x02; /* no LBPU */
	ck_assert_int_eq(unmap(MIB, 512, false, &r), -EOPNOTSUPP);
	setup();
	st32(t.limits + 24, 0); /* no descriptor */
	ck_assert_int_eq(unmap(MIB, 512, false, &r), -EOPNOTSUPP);
	setup();
	t.provisioning[5] = 0x80;
	ck_assert_int_eq(commit_limits(&device, &l, &r), 0);
	ck_assert(l.blocks && !l.can_anchor);
	ck_assert_uint_eq(t.n, 0);
}
END_TEST

START_TEST(pages_that_are_cut_say_nothing)
{
	struct commit_limits l = {0};

	for (size_t n = 0; n < 28; n++)
		ck_assert(!commit_read_limits(cursor_of(t.limits, n), &l));
	ck_assert(!l.blocks);
	ck_assert(commit_read_limits(cursor_of(t.limits, 28), &l));
	for (size_t n = 0; n < 6; n++)
		ck_assert(!commit_read_provisioning(cursor_of(t.provisioning, n), &l));
	/* A page that says it is shorter than it came. */
	st16(t.limits + 2, 23);
	ck_assert(!commit_read_limits(cursor_of(t.limits, sizeof(t.limits)), &l));
	/* Another page. */
	ck_assert(!commit_read_limits(cursor_of(t.provisioning, sizeof(t.provisioning)), &l));
	ck_assert(!commit_read_provisioning(cursor_of(t.limits, sizeof(t.limits)), &l));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("loan_commit");
	TCase *tc = tcase_create("commit");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, a_range_is_anchored_in_slices);
	tcase_add_test(tc, a_range_begins_where_it_begins);
	tcase_add_test(tc, blocks_may_be_larger);
	tcase_add_test(tc, the_disk_sets_limits);
	tcase_add_test(tc, the_smallest_ranges);
	tcase_add_test(tc, memory_that_is_not_there_is_told);
	tcase_add_test(tc, a_disk_may_know_no_unmap);
	tcase_add_test(tc, pages_that_are_cut_say_nothing);
	suite_add_tcase(suite, tc);
	return test_main(suite);
}
