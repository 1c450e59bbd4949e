// SPDX-License-Identifier: MIT
/* test_loan_cure.c - what --fix changes: values, files, and what it leaves alone; parsers below
 * check. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "initiator-tools/check/finding.h"
#include "initiator-tools/check/tree.h"
#include "lib/test_main.h"
#include "unit/check_tree.h"

#define EXAMPLES    "/usr/share/memtgt"
#define SYSCTL_FILE "/etc/sysctl.d/60-memloan.conf"

static struct cure *cure;

static void start(void)
{
	check_tree_make();
	cure_examples = EXAMPLES;
	check_tree_put(EXAMPLES "/iscsid-memloan.conf", "iscsid\n");
	check_tree_put(EXAMPLES "/init-memloan.conf", "init\n");
	check_tree_put(EXAMPLES "/sshd-memloan.conf", "sshd\n");
	check_tree_put(EXAMPLES "/60-memtgt-capacity.rules", "capacity\n");
	check_tree_put(EXAMPLES "/60-memtgt-disk.rules", "disk\n");
	cure = calloc(1, sizeof(*cure));
}

static void stop(void)
{
	free(cure);
	check_tree_remove();
}

static void run(fix_fn *fix)
{
	struct facts f;

	memset(cure, 0, sizeof(*cure));
	facts_read(&f, "/nonexistent/control.sock");
	fix(&f, cure);
	facts_free(&f);
}

static bool said(const char *text)
{
	for (size_t i = 0; i < cure->n; i++)
		if (strstr(cure->lines[i], text))
			return true;
	return false;
}

START_TEST(values_are_set_now_and_for_every_boot)
{
	check_tree_put("/proc/sys/vm/min_free_kbytes", "1000\n");
	check_tree_put(SYSCTL_FILE, "# mine\nvm.min_free_kbytes = 5\n vm.min_free_kbytes=6\n"
				    "vm.min_free_kbytes_x = 7\nvm.swappiness = 1");
	run(fix_min_free);
	ck_assert_str_eq(check_tree_text("/proc/sys/vm/min_free_kbytes"), "167772");
	ck_assert_str_eq(check_tree_text(SYSCTL_FILE),
			 "# mine\nvm.min_free_kbytes_x = 7\nvm.swappiness = 1\n"
			 "vm.min_free_kbytes = 167772\n");
	ck_assert_uint_eq(cure->n, 2);
	ck_assert_uint_eq(cure->failed, 0);
	run(fix_watermark);
	ck_assert_str_eq(check_tree_text("/proc/sys/vm/watermark_scale_factor"), "50");
	ck_assert(strstr(check_tree_text(SYSCTL_FILE), "vm.watermark_scale_factor = 50\n"));
}
END_TEST

/* It only ever raises. */
START_TEST(what_is_enough_stays)
{
	check_tree_put("/proc/sys/vm/min_free_kbytes", "167773\n");
	run(fix_min_free);
	ck_assert_uint_eq(cure->n, 0);
	ck_assert_str_eq(check_tree_text("/proc/sys/vm/min_free_kbytes"), "167773\n");
	check_tree_put("/proc/meminfo", NULL);
	check_tree_put("/proc/sys/vm/min_free_kbytes", "1\n");
	run(fix_min_free);
	ck_assert_uint_eq(cure->n, 0);
}
END_TEST

START_TEST(a_new_file_says_whose_it_is)
{
	check_tree_put("/proc/sys/vm/min_free_kbytes", "1000\n");
	run(fix_min_free);
	ck_assert_str_eq(check_tree_text(SYSCTL_FILE),
			 "# Written by memloan check --fix.\nvm.min_free_kbytes = 167772\n");
	ck_assert(!tree_exists("%s.new", SYSCTL_FILE));
}
END_TEST

START_TEST(iscsid_is_protected)
{
	check_tree_put("/proc/200/oom_score_adj", "0\n");
	check_tree_put("/proc/201/oom_score_adj", "-17\n");
	check_tree_put("/proc/300/oom_score_adj", "0\n");
	check_tree_put("/etc/systemd/system/iscsid.service.d", NULL);
	run(fix_iscsid);
	ck_assert_str_eq(check_tree_text("/proc/200/oom_score_adj"), "-1000");
	ck_assert_str_eq(check_tree_text("/proc/201/oom_score_adj"), "-1000");
	ck_assert_str_eq(check_tree_text("/proc/300/oom_score_adj"), "0\n");
	ck_assert_str_eq(check_tree_text("/etc/systemd/system/iscsid.service.d/60-memloan.conf"),
			 "iscsid\n");
	ck_assert_uint_eq(cure->failed, 0);
	ck_assert(cure->reload_units && !cure->reload_rules);
	run(fix_iscsid);
	ck_assert_uint_eq(cure->n, 0);
}
END_TEST

START_TEST(a_file_of_somebody_else_stays)
{
	run(fix_iscsid);
	ck_assert_uint_eq(cure->failed, 1);
	ck_assert(said("could not: copy iscsid-memloan.conf"));
	ck_assert_str_eq(check_tree_text("/etc/systemd/system/iscsid.service.d/60-memloan.conf"),
			 "#\n");
}
END_TEST

START_TEST(units_are_those_that_are_there)
{
	run(fix_vital);
	ck_assert_str_eq(check_tree_text("/etc/systemd/system/init.scope.d/60-memloan.conf"),
			 "init\n");
	ck_assert_str_eq(check_tree_text("/etc/systemd/system/ssh.service.d/60-memloan.conf"),
			 "sshd\n");
	ck_assert(!tree_exists("/etc/systemd/system/sshd.service.d"));
	check_tree_put("/run/systemd/system", NULL);
	check_tree_put("/etc/systemd/system/init.scope.d", NULL);
	run(fix_vital);
	ck_assert_uint_eq(cure->n, 0);
	ck_assert(!tree_exists("/etc/systemd/system/init.scope.d"));
}
END_TEST

START_TEST(rules_are_copied)
{
	check_tree_put("/etc/udev/rules.d/60-memtgt-capacity.rules", NULL);
	run(fix_udev);
	ck_assert_str_eq(check_tree_text("/etc/udev/rules.d/60-memtgt-capacity.rules"),
			 "capacity\n");
	ck_assert(!tree_exists("/etc/udev/rules.d/60-memtgt-disk.rules"));
	ck_assert(cure->reload_rules && !cure->reload_units);
}
END_TEST

START_TEST(what_is_missing_is_told)
{
	check_tree_put(EXAMPLES "/init-memloan.conf", NULL);
	run(fix_vital);
	ck_assert_uint_eq(cure->failed, 1);
	ck_assert(said("could not: read " EXAMPLES "/init-memloan.conf: No such file"));
	memset(cure, 0, sizeof(*cure));
	cure_write(cure, "/proc/sys/vm/nothing", "1");
	ck_assert_uint_eq(cure->failed, 1);
	ck_assert(!tree_exists("/proc/sys/vm/nothing"));
}
END_TEST

/* ---- parsers ---- */

START_TEST(swap_areas_are_parsed)
{
	struct area a;

	ck_assert(area_parse("/dev/sda\tpartition\t1024\t\t12\t\t-2", &a));
	ck_assert_str_eq(a.path, "/dev/sda");
	ck_assert_uint_eq(a.bytes, 1024 << 10);
	ck_assert_uint_eq(a.used, 12 << 10);
	ck_assert(area_parse("/a\\040b\\012c\\134 file 1 0 -2", &a));
	ck_assert_str_eq(a.path, "/a b\nc\\");
	ck_assert(!area_parse("Filename Type Size Used Priority", &a));
	ck_assert(!area_parse("", &a));
	ck_assert(!area_parse("/dev/sda partition 1024", &a));
	ck_assert(!area_parse("/dev/sda partition -1 0 1", &a));
	ck_assert(!area_parse("/dev/sda partition 99999999999999999999 0 1", &a));
}
END_TEST

START_TEST(the_log_of_swap_is_parsed)
{
	char path[AREA_PATH_MAX + 1];
	bool discards;

	ck_assert(area_parse_log("6,1,2,-;Adding 8k swap on /dev/sda.  Priority:-2 extents:1 "
				 "across:8k SSDsc\n",
				 path, &discards));
	ck_assert_str_eq(path, "/dev/sda");
	ck_assert(discards);
	ck_assert(area_parse_log("Adding 8k swap on /dev/a.b.  Priority:1 extents:1 across:8k SSDs",
				 path, &discards));
	ck_assert_str_eq(path, "/dev/a.b");
	ck_assert(!discards);
	ck_assert(area_parse_log("Adding 8k swap on /c.  Priority:1 extents:1 across:8k \n c", path,
				 &discards));
	ck_assert(!discards);
	ck_assert(!area_parse_log("Adding 8k swap on /dev/sda", path, &discards));
	ck_assert(!area_parse_log("swap on /dev/sda.  Priority:1", path, &discards));
}
END_TEST

START_TEST(designators_are_parsed)
{
	static const unsigned char other_lu[] = {0, 0x83, 0, 12, 1, 0x13, 0, 8,
						 1, 2,	  3, 4,	 5, 6,	  7, 8};
	static const unsigned char cut[] = {0, 0x83, 0, 12, 1, 3, 0, 8, 1, 2, 3, 4, 5, 6, 7};
	static const unsigned char good[] = {0, 0x83, 0, 12, 1, 3, 0, 8, 1, 2, 3, 4, 5, 6, 7, 0xff};
	char naa[33];

	ck_assert(sessions_naa(good, sizeof(good), naa));
	ck_assert_str_eq(naa, "01020304050607ff");
	ck_assert(!sessions_naa(other_lu, sizeof(other_lu), naa));
	ck_assert(!sessions_naa(cut, sizeof(cut), naa));
	ck_assert_str_eq(naa, "");
	ck_assert(!sessions_naa(good, 3, naa));
}
END_TEST

START_TEST(processes_are_known_by_name)
{
	ck_assert_int_eq(process_kind(1, "qemu-x"), PROCESS_INIT);
	ck_assert_int_eq(process_kind(2, "iscsid"), PROCESS_ISCSID);
	ck_assert_int_eq(process_kind(2, "iscsid2"), PROCESS_OTHER);
	ck_assert_int_eq(process_kind(2, "iscsi"), PROCESS_OTHER);
	ck_assert_int_eq(process_kind(2, "qemu-system-x86"), PROCESS_GUEST);
	ck_assert_int_eq(process_kind(2, "memloan-agent"), PROCESS_OWN_AGENT);
	ck_assert_int_eq(process_kind(2, ""), PROCESS_OTHER);
}
END_TEST

START_TEST(files_are_read_within_bounds)
{
	char small[8], word[TREE_WORD_MAX], long_path[600];
	uint64_t n;

	check_tree_put("/x", "  12 \nzz");
	ck_assert_int_eq(tree_read(small, sizeof(small), "/x"), 7);
	ck_assert_str_eq(small, "  12 \nz");
	ck_assert(tree_word(word, "/x"));
	ck_assert_str_eq(word, "12");
	ck_assert(tree_number(&n, "/x") && n == 12);
	check_tree_put("/x", "12 3\n");
	ck_assert(!tree_number(&n, "/x"));
	check_tree_put("/x", "\n");
	ck_assert(!tree_word(word, "/x"));
	memset(long_path, 'a', sizeof(long_path) - 1);
	long_path[sizeof(long_path) - 1] = '\0';
	ck_assert(!tree_exists("/%s", long_path));
	ck_assert_int_lt(tree_read(small, sizeof(small), "/%s", long_path), 0);
	ck_assert(!tree_key("XVmSwap: 1\nVmSwapX: 2\n", "VmSwap", &n));
	ck_assert(tree_key("A: 1\nVmSwap:\t 12 kB", "VmSwap", &n) && n == 12);
	ck_assert(!tree_key("VmSwap: x\n", "VmSwap", &n));
	ck_assert(!tree_key("VmSwap: 99999999999999999999999999\n", "VmSwap", &n));
}
END_TEST

/* A loop of devices, which there cannot be, is no endless one. */
START_TEST(devices_end)
{
	check_tree_put("/sys/devices/virtual/block/dm-1/slaves/dm-1", "");
	check_tree_put("/sys/devices/virtual/block/dm-1/holders/dm-1", "");
	check_tree_link("/sys/class/block/dm-1", "../../devices/virtual/block/dm-1");
	ck_assert(!block_is_remote("dm-1"));
	ck_assert(!block_is_remote(""));
	ck_assert(!block_is_remote("../block/sda"));
	ck_assert(block_is_remote("sda") && block_is_remote("dm-0"));
	ck_assert(!block_is_remote("nvme0n1p3"));
}
END_TEST

/* A partition is of its disk; a file of the mount above it. */
START_TEST(areas_lead_to_disks)
{
	struct areas a;

	check_tree_put("/sys/devices/platform/host2/session1/target2:0:0/2:0:0:1/block/sda/sda1/"
		       "partition",
		       "1\n");
	check_tree_link("/sys/class/block/sda1",
			"../../devices/platform/host2/session1/target2:0:0/2:0:0:1/block/sda/sda1");
	check_tree_put("/sys/dev/block/8:1/uevent", "MAJOR=8\nDEVNAME=sda1\nDEVTYPE=partition\n");
	check_tree_put("/sys/dev/block/259:3/uevent", "DEVNAME=nvme0n1p3\n");
	check_tree_put("/proc/self/mountinfo",
		       "23 22 8:1 / /srv/a rw - ext4 /dev/sda1 rw\n"
		       "20 1 259:3 / / rw - ext4 /dev/nvme0n1p3 rw\n"
		       "21 20 8:1 / /srv\\040x rw shared:1 - ext4 /dev/sda1 rw\n"
		       "22 20 259:3 / /srv rw - ext4 /dev/nvme0n1p3 rw\n");
	check_tree_put("/proc/swaps", "Filename Type Size Used Priority\n"
				      "/srv\\040x/swap file 1 0 -2\n"
				      "/srv\\040xy/swap file 1 0 -2\n"
				      "/srv/swap file 1 0 -2\n"
				      "/srv/a/swap file 1 0 -2\n"
				      "/dev/sda1 partition 1 0 -2\n");
	ck_assert_int_eq(areas_read(&a), 0);
	ck_assert_uint_eq(a.n, 5);
	ck_assert(a.all[0].is_remote && !a.all[1].is_remote && !a.all[2].is_remote);
	ck_assert(a.all[3].is_remote);
	ck_assert(a.all[4].is_remote && !a.all[4].is_loan);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("loan_cure");
	TCase *t = tcase_create("cure");

	tcase_add_checked_fixture(t, start, stop);
	tcase_add_test(t, values_are_set_now_and_for_every_boot);
	tcase_add_test(t, what_is_enough_stays);
	tcase_add_test(t, a_new_file_says_whose_it_is);
	tcase_add_test(t, iscsid_is_protected);
	tcase_add_test(t, a_file_of_somebody_else_stays);
	tcase_add_test(t, units_are_those_that_are_there);
	tcase_add_test(t, rules_are_copied);
	tcase_add_test(t, what_is_missing_is_told);
	tcase_add_test(t, swap_areas_are_parsed);
	tcase_add_test(t, the_log_of_swap_is_parsed);
	tcase_add_test(t, designators_are_parsed);
	tcase_add_test(t, processes_are_known_by_name);
	tcase_add_test(t, files_are_read_within_bounds);
	tcase_add_test(t, devices_end);
	tcase_add_test(t, areas_lead_to_disks);
	suite_add_tcase(s, t);
	return test_main(s);
}
