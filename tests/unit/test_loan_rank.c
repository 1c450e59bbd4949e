// SPDX-License-Identifier: MIT
/* test_loan_rank.c - which donor is good for what, and which comes first. */
#include "initiator-tools/rank.h"

#include <stdio.h>
#include <string.h>

#include "lib/test_main.h"

#define ME  "iqn.2026-01.org.example:me"
#define MiB ((uint64_t)1 << 20)

static struct donor d;
static struct donor_lun luns[4];

/* A thin LUN of 64 MiB that nobody has, with 512 bytes a block and 2 MiB a count. */
static struct donor_lun *thin(size_t i, uint32_t available)
{
	luns[i] = (struct donor_lun){.is_disk = true,
				     .ready = READY_YES,
				     .size = 64 * MiB,
				     .block_size = 512,
				     .has_provisioning = true,
				     .is_thin = true,
				     .threshold_exponent = 12,
				     .has_available = true,
				     .is_shared = true,
				     .available = available,
				     .has_keys = true,
				     .has_reservation = true,
				     .has_claims = true};
	if (d.nluns <= i)
		d.nluns = i + 1;
	return &luns[i];
}

static void setup(void)
{
	d = (struct donor){.name = "d", .state = DONOR_NO_LUNS, .luns = luns};
}

static void judged(uint64_t asked, enum donor_state want)
{
	d.state = DONOR_NO_LUNS;
	donor_judge(&d, asked, ME);
	ck_assert_str_eq(donor_state_word(d.state), donor_state_word(want));
}

static void claim(struct donor_lun *l, const char *name)
{
	snprintf(l->claims[l->nclaims++], sizeof(l->claims[0]), "%s", name);
	l->keys++;
}

START_TEST(memory_is_what_the_stock_has)
{
	thin(0, 10);
	thin(1, 10);
	judged(0, DONOR_USABLE);
	ck_assert(d.has_free);
	ck_assert_uint_eq(d.free, 20 * MiB); /* of one stock, not 40 */
	ck_assert_uint_eq(d.free_luns, 2);
	judged(20 * MiB, DONOR_USABLE);
	judged(20 * MiB + 1, DONOR_SMALL);
}
END_TEST

START_TEST(memory_is_no_more_than_the_luns_promise)
{
	thin(0, 1000);
	judged(0, DONOR_USABLE);
	ck_assert_uint_eq(d.free, 64 * MiB);
}
END_TEST

START_TEST(stocks_that_are_not_shared_add_up)
{
	thin(0, 10)->is_shared = false;
	thin(1, 1000)->is_shared = false;
	judged(0, DONOR_USABLE);
	ck_assert_uint_eq(d.free, 84 * MiB);
}
END_TEST

START_TEST(a_full_lun_has_its_memory)
{
	thin(0, 0)->is_thin = false;
	judged(64 * MiB, DONOR_USABLE);
	ck_assert_uint_eq(d.free, 64 * MiB);
}
END_TEST

START_TEST(an_empty_stock_is_full)
{
	thin(0, 0);
	judged(0, DONOR_FULL);
}
END_TEST

START_TEST(who_does_not_tell_has_not_enough)
{
	thin(0, 10)->has_available = false;
	judged(0, DONOR_USABLE);
	ck_assert(!d.has_free);
	judged(1, DONOR_SMALL);
	thin(0, 10)->threshold_exponent = 0;
	judged(1, DONOR_SMALL);
}
END_TEST

START_TEST(claims_of_others_are_not_free)
{
	claim(thin(0, 10), "iqn.2026-01.org.example:you");
	judged(0, DONOR_CLAIMED);
	ck_assert_int_eq(luns[0].claim, CLAIM_OTHERS);
	ck_assert_uint_eq(d.free, 0);
	thin(1, 10);
	judged(0, DONOR_USABLE);
	ck_assert_uint_eq(d.free_luns, 1);
}
END_TEST

START_TEST(claims_of_this_host_are_its_own)
{
	claim(thin(0, 10), ME);
	judged(0, DONOR_CLAIMED);
	ck_assert_int_eq(luns[0].claim, CLAIM_OURS);
	/* One of two others is enough. */
	claim(&luns[0], "iqn.2026-01.org.example:you");
	judged(0, DONOR_CLAIMED);
	ck_assert_int_eq(luns[0].claim, CLAIM_OTHERS);
}
END_TEST

START_TEST(a_claim_without_a_name_is_of_others)
{
	struct donor_lun *l = thin(0, 10);

	l->has_claims = false;
	l->keys = 1;
	judged(0, DONOR_CLAIMED);
	l->keys = 0;
	l->reservation = 7;
	judged(0, DONOR_CLAIMED);
	l->reservation = 0;
	judged(0, DONOR_USABLE);
	/* Nor is one of which only the names of some came. */
	l->has_claims = true;
	l->keys = 1;
	judged(0, DONOR_CLAIMED);
}
END_TEST

START_TEST(what_cannot_be_claimed_is_not_usable)
{
	struct donor_lun *l = thin(0, 10);

	l->has_claims = l->has_keys = l->has_reservation = false;
	judged(0, DONOR_CLAIMLESS);
	ck_assert_int_eq(l->claim, CLAIM_UNKNOWN);
	ck_assert_uint_eq(d.free, 20 * MiB);
	ck_assert_uint_eq(d.free_luns, 0);
}
END_TEST

START_TEST(a_stopped_lun_is_not_free)
{
	thin(0, 10)->ready = READY_NO;
	judged(0, DONOR_STOPPED);
	luns[0].ready = READY_UNKNOWN;
	judged(0, DONOR_STOPPED);
}
END_TEST

START_TEST(this_host_is_never_usable)
{
	thin(0, 10);
	d.is_own = true;
	judged(0, DONOR_OWN);
	ck_assert(!donor_state_usable(d.state));
	/* Nor is it when something else is wrong with it. */
	d.state = DONOR_SILENT;
	donor_judge(&d, 0, ME);
	ck_assert_int_eq(d.state, DONOR_OWN);
}
END_TEST

START_TEST(what_failed_stays_failed)
{
	thin(0, 10);
	d.state = DONOR_SILENT;
	donor_judge(&d, 0, ME);
	ck_assert_int_eq(d.state, DONOR_SILENT);
}
END_TEST

START_TEST(only_the_first_state_is_usable)
{
	for (enum donor_state s = 0; s < DONOR_STATES_COUNT; s++) {
		ck_assert_int_eq(donor_state_usable(s), s == DONOR_USABLE);
		ck_assert_uint_gt(strlen(donor_state_text(s)), 0);
	}
}
END_TEST

static struct donor_path path(uint64_t p50, uint64_t mib_s)
{
	return (struct donor_path){
		.samples = 1, .p50 = p50, .bytes = mib_s * MiB, .ns = 1000000000};
}

START_TEST(the_better_one_is_first)
{
	struct donor all[] = {
		{.name = "a", .state = DONOR_UNREACHABLE},
		{.name = "b", .state = DONOR_SMALL, .path = path(50000, 1000), .free = 9},
		{.name = "c", .state = DONOR_USABLE},
		{.name = "d", .state = DONOR_USABLE, .path = path(900000, 1000), .free = 9},
		{.name = "e", .state = DONOR_USABLE, .path = path(100000, 100), .free = 9},
		{.name = "g", .state = DONOR_USABLE, .path = path(101000, 1000), .free = 1},
		{.name = "f", .state = DONOR_USABLE, .path = path(100000, 1001), .free = 2},
		{.name = "h", .state = DONOR_USABLE, .path = path(102000, 1002), .free = 1},
	};
	struct donor *order[8];
	char names[9] = "";

	for (size_t i = 0; i < 8; i++)
		order[i] = &all[i];
	donor_sort(order, 8);
	for (size_t i = 0; i < 8; i++)
		strcat(names, order[i]->name);
	/* f, g and h have one path: memory, then names. Who was not measured is the last usable. */
	ck_assert_str_eq(names, "fghedcba");
}
END_TEST

START_TEST(counts_are_bytes_by_their_unit)
{
	struct donor_lun l = {.block_size = 512, .threshold_exponent = 12};
	uint64_t bytes;

	ck_assert(donor_lun_bytes(&l, 3, &bytes));
	ck_assert_uint_eq(bytes, 6 * MiB);
	l.threshold_exponent = 0;
	ck_assert(!donor_lun_bytes(&l, 3, &bytes));
	l.threshold_exponent = 255;
	ck_assert(!donor_lun_bytes(&l, 3, &bytes));
	l.threshold_exponent = 48;
	ck_assert(donor_lun_bytes(&l, UINT32_MAX, &bytes));
	ck_assert_uint_eq(bytes, UINT64_MAX);
	l.block_size = 0;
	ck_assert(!donor_lun_bytes(&l, 3, &bytes));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("loan_rank");
	TCase *all = tcase_create("all");

	tcase_add_checked_fixture(all, setup, NULL);
	tcase_add_test(all, memory_is_what_the_stock_has);
	tcase_add_test(all, memory_is_no_more_than_the_luns_promise);
	tcase_add_test(all, stocks_that_are_not_shared_add_up);
	tcase_add_test(all, a_full_lun_has_its_memory);
	tcase_add_test(all, an_empty_stock_is_full);
	tcase_add_test(all, who_does_not_tell_has_not_enough);
	tcase_add_test(all, claims_of_others_are_not_free);
	tcase_add_test(all, claims_of_this_host_are_its_own);
	tcase_add_test(all, a_claim_without_a_name_is_of_others);
	tcase_add_test(all, what_cannot_be_claimed_is_not_usable);
	tcase_add_test(all, a_stopped_lun_is_not_free);
	tcase_add_test(all, this_host_is_never_usable);
	tcase_add_test(all, what_failed_stays_failed);
	tcase_add_test(all, only_the_first_state_is_usable);
	tcase_add_test(all, the_better_one_is_first);
	tcase_add_test(all, counts_are_bytes_by_their_unit);
	suite_add_tcase(suite, all);
	return test_main(suite);
}
