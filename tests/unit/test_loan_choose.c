// SPDX-License-Identifier: MIT
/* test_loan_choose.c - the LUNs of a leg: enough, free, of one donor if that can be. */
#include "initiator-tools/loan/choose.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "initiator-tools/rank.h"
#include "lib/test_main.h"

#define ME  "iqn.2026-01.org.example:me"
#define MiB ((uint64_t)1 << 20)

static struct donor donors[4], *order[4];
static struct donor_lun luns[4][8];
static struct loan loan;
static struct choice choice;
static char why[256];

static void setup(void)
{
	memset(donors, 0, sizeof(donors));
	memset(luns, 0, sizeof(luns));
	for (unsigned i = 0; i < 4; i++) {
		order[i] = &donors[i];
		donors[i] = (struct donor){.name = {(char)('a' + i)}, .luns = luns[i]};
	}
	loan = (struct loan){.wish = {.name = "x", .size = 100 * MiB, .copies = 1}};
}

/* Adds a LUN whose memory is there. */
static struct donor_lun *full(unsigned d, unsigned mib)
{
	struct donor_lun *l = &luns[d][donors[d].nluns];

	*l = (struct donor_lun){.target = "iqn.2026-01.org.example:t",
				.id = (unsigned)donors[d].nluns++,
				.is_disk = true,
				.serial = "1",
				.ready = READY_YES,
				.size = mib * MiB,
				.block_size = 512,
				.has_provisioning = true,
				.has_keys = true,
				.has_reservation = true,
				.has_claims = true};
	return l;
}

/* One that takes it from what its donor has, told in MiB. */
static struct donor_lun *thin(unsigned d, unsigned mib, unsigned available)
{
	struct donor_lun *l = full(d, mib);

	l->is_thin = l->has_available = l->is_shared = true;
	l->threshold_exponent = 11;
	l->available = available;
	return l;
}

static int choose(void)
{
	for (unsigned i = 0; i < 4; i++) {
		donors[i].state = DONOR_NO_LUNS;
		donor_judge(&donors[i], 0, ME);
	}
	return choose_leg(&loan, order, 4, NULL, NULL, &choice, why, sizeof(why));
}

/* "a0:108" is donor, LUN, MiB of it that are used. */
static void chosen(const char *want)
{
	char got[256] = "";

	ck_assert_msg(!choose(), "%s", why);
	for (size_t i = 0; i < choice.n; i++)
		snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s%s%u:%llu", i ? " " : "",
			 choice.disks[i].donor, choice.disks[i].lun,
			 (unsigned long long)(choice.disks[i].used / MiB));
	ck_assert_str_eq(got, want);
}

START_TEST(the_fittest_donor_with_the_smallest_lun_that_does)
{
	full(0, 1000);
	full(0, 200);
	full(0, 90);
	full(1, 200);
	chosen("a1:108");
}
END_TEST

START_TEST(a_lun_loses_what_lvm_keeps)
{
	full(0, 107);
	full(1, 108);
	chosen("b0:108");
}
END_TEST

START_TEST(several_luns_of_one_donor_before_several_donors)
{
	full(0, 60);
	full(1, 60);
	full(1, 50);
	full(1, 30);
	chosen("b0:60 b1:48 b2:8");
}
END_TEST

START_TEST(several_donors_if_none_has_enough)
{
	full(0, 60);
	full(2, 64);
	chosen("a0:60 c0:52");
}
END_TEST

START_TEST(thin_luns_share_the_memory_of_their_donor)
{
	thin(0, 1000, 100);
	thin(0, 1000, 100);
	thin(1, 1000, 120);
	chosen("b0:108");
	donors[1].nluns = 0;
	ck_assert_int_eq(choose(), -ENOSPC);
	ck_assert_ptr_nonnull(strstr(why, "8 MiB"));
}
END_TEST

START_TEST(who_does_not_tell_his_memory_is_not_chosen)
{
	thin(0, 1000, 0)->has_available = false;
	full(1, 200);
	chosen("b0:108");
}
END_TEST

START_TEST(claimed_or_unready_luns_are_not_chosen)
{
	full(0, 200)->keys = 1;
	full(0, 200)->ready = READY_NO;
	full(0, 200)->is_disk = false;
	struct donor_lun *unknown = full(0, 200);
	unknown->has_keys = unknown->has_claims = unknown->has_reservation = false;
	full(0, 300);
	chosen("a4:108");
}
END_TEST

/* It could not be known again. */
START_TEST(a_lun_without_identity_is_not_chosen)
{
	struct donor_lun *l = full(0, 200);

	*l->serial = '\0';
	ck_assert_int_eq(choose(), -ENOSPC);
	strcpy(l->naa, "60014050000000000000000000000001");
	chosen("a0:108");
}
END_TEST

START_TEST(copies_are_on_different_donors)
{
	full(0, 200);
	full(0, 200);
	full(1, 200);
	struct loan_leg *leg = loan_add_leg(&loan, 1);
	ck_assert_ptr_nonnull(leg);
	strcpy(leg->disks[0].donor, "a");
	chosen("b0:108");
	strcpy(leg->disks[0].donor, "b");
	donors[0].nluns = 0;
	ck_assert_int_eq(choose(), -ENOSPC);
	loan_free(&loan);
}
END_TEST

START_TEST(only_donors_that_were_asked_for)
{
	full(0, 200);
	full(2, 200);
	loan.wish.nfrom = 1;
	strcpy(loan.wish.from[0], "c");
	chosen("c0:108");
}
END_TEST

START_TEST(never_from_this_host)
{
	full(0, 200);
	donors[0].is_own = true;
	full(1, 200);
	chosen("b0:108");
}
END_TEST

START_TEST(blocks_of_one_size)
{
	full(0, 60);
	full(0, 55)->block_size = 4096;
	full(0, 50);
	full(0, 50);
	chosen("a0:60 a2:48 a3:8");
}
END_TEST

START_TEST(blocks_of_the_size_that_the_loan_has)
{
	full(0, 200)->block_size = 4096;
	full(1, 200);
	struct loan_leg *leg = loan_add_leg(&loan, 1);
	ck_assert_ptr_nonnull(leg);
	strcpy(leg->disks[0].donor, "d");
	leg->disks[0].block_size = 512;
	chosen("b0:108");
	leg->disks[0].block_size = 4096;
	chosen("a0:108");
	ck_assert_uint_eq(choice.disks[0].block_size, 4096);
	loan_free(&loan);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("loan_choose");
	TCase *t = tcase_create("all");

	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_test(t, the_fittest_donor_with_the_smallest_lun_that_does);
	tcase_add_test(t, a_lun_loses_what_lvm_keeps);
	tcase_add_test(t, several_luns_of_one_donor_before_several_donors);
	tcase_add_test(t, several_donors_if_none_has_enough);
	tcase_add_test(t, thin_luns_share_the_memory_of_their_donor);
	tcase_add_test(t, who_does_not_tell_his_memory_is_not_chosen);
	tcase_add_test(t, claimed_or_unready_luns_are_not_chosen);
	tcase_add_test(t, a_lun_without_identity_is_not_chosen);
	tcase_add_test(t, copies_are_on_different_donors);
	tcase_add_test(t, only_donors_that_were_asked_for);
	tcase_add_test(t, never_from_this_host);
	tcase_add_test(t, blocks_of_one_size);
	tcase_add_test(t, blocks_of_the_size_that_the_loan_has);
	suite_add_tcase(s, t);
	return test_main(s);
}
