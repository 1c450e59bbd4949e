// SPDX-License-Identifier: MIT
/* test_loan_steps.c - the steps of a disk on a host that has no session: what they must not touch.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "initiator-tools/host/tool.h"
#include "initiator-tools/loan/step_disk.h"
#include "lib/test_main.h"

static char root[] = "/tmp/memtgt-steps.XXXXXX";
static struct loan loan;
static struct loan_leg leg;
static struct loan_disk disk;
static struct step s;

static void setup(void)
{
	char path[64];

	snprintf(root, sizeof(root), "/tmp/memtgt-steps.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(root));
	snprintf(path, sizeof(path), "%s/run", root);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	disk_root = root;
	tool_path = "/nowhere"; /* any program would be an error */
	loan = (struct loan){.key = 5};
	leg = (struct loan_leg){.disks = &disk, .ndisks = 1};
	disk = (struct loan_disk){.portal = "192.0.2.1:3260",
				  .target = "iqn.2026-01.org.example:d",
				  .size = 4096,
				  .used = 2048};
	s = (struct step){.loan = &loan, .leg = &leg, .disk = &disk};
}

static void teardown(void)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -rf %s", root);
	ck_assert_int_eq(system(command), 0);
}

static void ck_donor(int err, int want)
{
	ck_assert_int_eq(err, want);
	ck_assert(s.is_donors_fault);
	ck_assert(s.why[0]);
}

START_TEST(without_a_session_nothing_runs)
{
	ck_donor(step_claim_run(&s), -ENOTCONN);
	ck_donor(step_commit_run(&s), -ENOTCONN);
}
END_TEST

/* Anchoring empties: never again from the moment on when the loan may have written. */
START_TEST(data_is_not_anchored_away)
{
	disk.steps[STEP_LABEL] = STEP_BEGUN;
	ck_assert_int_eq(step_commit_run(&s), 0);
	disk.steps[STEP_LABEL] = STEP_UNDOING;
	ck_assert_int_eq(step_commit_run(&s), 0);
	disk.steps[STEP_LABEL] = STEP_NONE;
	leg.has_data = true;
	ck_assert_int_eq(step_commit_run(&s), 0);
	leg.has_data = false;
	ck_donor(step_commit_run(&s), -ENOTCONN);
	disk.committed = disk.used;
	ck_assert_int_eq(step_commit_run(&s), 0);
	leg.has_data = true;
	ck_assert_int_eq(step_commit_run(&s), 0);
	/* The loan has grown: what is behind the old end. */
	disk.used = 4096;
	ck_donor(step_commit_run(&s), -ENOTCONN);
}
END_TEST

START_TEST(what_is_lost_is_not_touched)
{
	leg.is_lost = true;
	disk.steps[STEP_COMMIT] = STEP_UNDOING;
	ck_assert_int_eq(step_commit_undo(&s), 0);
	ck_assert_int_eq(step_claim_undo(&s), 0);
	ck_assert_int_eq(step_login_undo(&s), 0);
}
END_TEST

/* It takes a login to give back; and nothing else ends it well. */
START_TEST(what_is_not_lost_is_given_back)
{
	ck_assert_int_eq(step_commit_undo(&s), -ENOENT);
	ck_assert_int_eq(step_claim_undo(&s), -ENOENT);
	ck_assert_ptr_nonnull(strstr(s.why, "iscsiadm"));
	ck_assert(!s.is_donors_fault);
}
END_TEST

START_TEST(a_session_that_is_gone_is_no_work)
{
	ck_assert_int_eq(step_login_undo(&s), 0);
	ck_assert_int_eq(step_login_undo(&s), 0);
}
END_TEST

/* A session with the donor, of whoever made it: there is no record of memloan's. */
static void make_session(void)
{
	char command[1024];

	snprintf(command, sizeof(command),
		 "cd %s && mkdir -p sys/class/iscsi_session sys/devices/host3/session1 && "
		 "cd sys/devices/host3/session1 && "
		 "c=connection1:0 && mkdir -p device/$c/iscsi_connection/$c && "
		 "echo 192.0.2.1 >device/$c/iscsi_connection/$c/persistent_address && "
		 "echo 3260 >device/$c/iscsi_connection/$c/persistent_port && "
		 "echo %s >targetname && echo LOGGED_IN >state && "
		 "ln -s ../../devices/host3/session1/ ../../../class/iscsi_session/session1",
		 root, disk.target);
	ck_assert_int_eq(system(command), 0);
}

/* Also if the run that found it there was killed before it could write that. */
START_TEST(a_session_of_others_is_not_ended)
{
	make_session();
	disk.steps[STEP_LOGIN] = STEP_UNDOING;
	ck_assert_int_eq(step_login_undo(&s), 0);
	ck_assert(disk.is_session_foreign);
}
END_TEST

/* This host's own lack is no donor's fault: another would not do. */
START_TEST(a_missing_program_is_no_donors_fault)
{
	ck_assert_int_eq(step_login_run(&s), -ENOENT);
	ck_assert(!s.is_donors_fault);
	ck_assert_ptr_nonnull(strstr(s.why, "iscsiadm"));
}
END_TEST

START_TEST(answers_become_sentences)
{
	char lun[STEP_LUN_BYTES];
	struct sg_result r = {.status = SG_CHECK, .key = 5, .asc = 0x20};

	ck_assert_str_eq(step_lun(&disk, lun),
			 "LUN 0 of iqn.2026-01.org.example:d at 192.0.2.1:3260");
	ck_donor(step_fail_command(&s, "UNMAP", -EREMOTEIO, &r), -EREMOTEIO);
	ck_assert_ptr_nonnull(strstr(s.why, "UNMAP: the donor answers sense 05/20/00"));
	ck_donor(step_fail_command(&s, "UNMAP", -ETIMEDOUT, &r), -ETIMEDOUT);
	ck_assert_ptr_nonnull(strstr(s.why, "does not answer"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("loan_steps");
	TCase *tc = tcase_create("steps");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, without_a_session_nothing_runs);
	tcase_add_test(tc, data_is_not_anchored_away);
	tcase_add_test(tc, what_is_lost_is_not_touched);
	tcase_add_test(tc, what_is_not_lost_is_given_back);
	tcase_add_test(tc, a_session_that_is_gone_is_no_work);
	tcase_add_test(tc, a_session_of_others_is_not_ended);
	tcase_add_test(tc, a_missing_program_is_no_donors_fault);
	tcase_add_test(tc, answers_become_sentences);
	suite_add_tcase(suite, tc);
	return test_main(suite);
}
