// SPDX-License-Identifier: MIT
/* test_loan_check.c - every row of findings.def: a host in which it is found, and nothing else, and
 * one in which nothing is. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "initiator-tools/check/finding.h"
#include "lib/test_main.h"
#include "unit/check_tree.h"

#define SESSION	   "/sys/class/iscsi_session/session1"
#define CONNECTION SESSION "/device/connection1:0/iscsi_connection/connection1:0"
#define DEVICE	   "/sys/devices/platform/host2/session1/target2:0:0/2:0:0:1"
#define NAME_FILE  "/etc/iscsi/initiatorname.iscsi"
#define CHANGES	   3

static const struct {
	enum finding_id id;
	const char *what; /* stands in its particulars */
	struct {
		const char *path, *text;
	} changes[CHANGES];
} cases[] = {
	{FINDING_MIN_FREE,
	 "vm.min_free_kbytes is 167771, 167772 is wanted",
	 {{"/proc/sys/vm/min_free_kbytes", "167771\n"}}},
	{FINDING_ISCSID, "1 session", {{"/proc/200", NULL}, {"/proc/201", NULL}}},
	{FINDING_ISCSID_OOM, "oom_score_adj of 201 is -17", {{"/proc/201/oom_score_adj", "-17\n"}}},
	{FINDING_ISCSID_SWAP,
	 "process 200",
	 {{"/sys/fs/cgroup/system.slice/iscsid.service/memory.swap.max", "max\n"}}},
	{FINDING_ISCSID_SWAP,
	 "process 200",
	 {{"/proc/200/cgroup", "1:memory:/system.slice/iscsid.service\n"}}},
	{FINDING_ISCSID_UNIT,
	 "60-memloan.conf",
	 {{"/etc/systemd/system/iscsid.service.d/60-memloan.conf", NULL}}},
	{FINDING_SWAPPABLE,
	 "systemd (1)",
	 {{"/sys/fs/cgroup/init.scope/memory.swap.max", "max\n"}}},
	{FINDING_SWAPPABLE, "sshd (300)", {{"/proc/300/cgroup", "0::/system.slice/x.service\n"}}},
	{FINDING_SWAPPABLE,
	 "memloan (400)",
	 {{"/proc/400/status", "PPid:\t1\nVmLck:\t800 kB\nVmRSS:\t9000 kB\n"}}},
	{FINDING_SWAPPED,
	 "systemd (1): 12 KiB",
	 {{"/proc/1/status", "VmLck:\t0 kB\nVmRSS:\t9000 kB\nVmSwap:\t      12 kB\n"}}},
	{FINDING_HUNG_TASK, "is 1", {{"/proc/sys/kernel/hung_task_panic", "1\n"}}},
	{FINDING_NAME, "not there", {{NAME_FILE, NULL}}},
	{FINDING_NAME, "no InitiatorName", {{NAME_FILE, "GenerateName=yes\n"}}},
	{FINDING_NAME, "no InitiatorName", {{NAME_FILE, ""}}},
	{FINDING_NAME_CLONED,
	 "documentation",
	 {{NAME_FILE, "InitiatorName=iqn.2026-01.com.example:host\n"},
	  {SESSION "/initiatorname", "iqn.2026-01.com.example:host\n"}}},
	{FINDING_NAME_CLONED,
	 "documentation",
	 {{NAME_FILE, "InitiatorName=iqn.1993-08.org.debian:01:\n"},
	  {SESSION "/initiatorname", "iqn.1993-08.org.debian:01:\n"}}},
	{FINDING_OWN, "is at 127.0.0.1", {{CONNECTION "/address", "127.0.0.1\n"}}},
	{FINDING_OWN, "is at ::1", {{CONNECTION "/address", "::1\n"}}},
	{FINDING_RECOVERY, "119 s", {{SESSION "/recovery_tmo", "119\n"}}},
	{FINDING_RECOVERY, "timeout 0 s", {{SESSION "/recovery_tmo", "0\n"}}},
	{FINDING_NOOP,
	 "every 1 s, answered within 2 s",
	 {{CONNECTION "/recv_tmo", "1\n"}, {CONNECTION "/ping_tmo", "2\n"}}},
	{FINDING_NOOP, "within 4 s", {{CONNECTION "/ping_tmo", "4\n"}}},
	{FINDING_NOOP, "every 4 s", {{CONNECTION "/recv_tmo", "4\n"}}},
	{FINDING_SCSI_TIMEOUT, "sda: 29 s", {{DEVICE "/timeout", "29\n"}}},
	{FINDING_SHUTDOWN,
	 "not enabled",
	 {{"/etc/systemd/system/multi-user.target.wants/memloan-stop.service", NULL}}},
	{FINDING_SHUTDOWN,
	 "not installed",
	 {{"/etc/systemd/system/multi-user.target.wants/memloan-stop.service", NULL},
	  {"/usr/lib/systemd/system/memloan-stop.service", NULL}}},
	{FINDING_MULTIPATH, "sda", {{"/sys/devices/virtual/block/dm-0/dm/uuid", "mpath-1\n"}}},
	{FINDING_LVM_FAULT,
	 "allocate",
	 {{"/etc/lvm/lvmlocal.conf", "activation { raid_fault_policy = \"allocate\" }\n"}}},
	{FINDING_WATERMARK, "is 49, 50", {{"/proc/sys/vm/watermark_scale_factor", "49\n"}}},
	{FINDING_PAGE_CLUSTER, "is 0", {{"/proc/sys/vm/page-cluster", "0\n"}}},
	{FINDING_MODULES,
	 "sd_mod; dm_crypt",
	 {{"/lib/modules/6.1.0-9-amd64/modules.builtin", ""},
	  {"/lib/modules/6.1.0-9-amd64/modules.dep",
	   "iscsi_tcp.ko: x\ndm-raid.ko:\nraid1.ko: dm-crypt.ko\nxdm-crypt.ko:\n"}}},
	{FINDING_MODULES,
	 "iscsi_tcp may not be loaded any more",
	 {{"/proc/sys/kernel/modules_disabled", "1\n"}}},
	{FINDING_PROGRAMS, "cryptsetup", {{"/usr/sbin/cryptsetup", NULL}}},
	{FINDING_UDEV, "60-memtgt-disk.rules", {{"/usr/lib/udev/rules.d", NULL}}},
	{FINDING_SCHEDULER, "sda", {{DEVICE "/block/sda/queue/scheduler", "none [mq-deadline]\n"}}},
	{FINDING_DISCARD,
	 "without --discard",
	 {{"/dev/kmsg", "6,1,2,-;Adding 204796k swap on /dev/mapper/memtgt_x-data.  Priority:100 "
			"extents:1 across:204796k SS\n"}}},
	{FINDING_DISCARD,
	 "cannot discard",
	 {{"/sys/devices/virtual/block/dm-0/queue/discard_max_bytes", "0\n"}}},
	{FINDING_ROTATIONAL,
	 "/dev/dm-0",
	 {{"/sys/devices/virtual/block/dm-0/queue/rotational", "1\n"}}},
	{FINDING_RECOVERY_NEVER, "donor", {{SESSION "/recovery_tmo", "off\n"}}},
	{FINDING_NOOP_OFF,
	 "donor",
	 {{CONNECTION "/recv_tmo", "0\n"}, {CONNECTION "/ping_tmo", "0\n"}}},
	{FINDING_NAME_CHANGED,
	 "org.memtgt:other",
	 {{SESSION "/initiatorname", "iqn.2026-01.org.memtgt:other\n"}}},
	{FINDING_LVM_DISKS, "neither", {{"/etc/lvm/lvm.conf", "# use_devicesfile = 1\n"}}},
	{FINDING_LVM_DISKS,
	 "neither",
	 {{"/etc/lvm/lvm.conf", "devices {\nglobal_filter = [ \"a|.*|\" ] }\n"}}},
	{FINDING_LVM_DISKS,
	 "neither",
	 {{"/etc/lvm/lvmlocal.conf", "devices { use_devicesfile=0 }\n"}}},
	{FINDING_MULTIPATH_CONF,
	 "greedy",
	 {{"/etc/multipath/conf.d/x.conf", "defaults {\n find_multipaths \"greedy\"\n}\n"}}},
	{FINDING_UNMANAGED,
	 "/dev/dm-0",
	 {{"/sys/devices/virtual/block/dm-0/dm/name", "vg-swap\n"}}},
	{FINDING_GUESTS,
	 "2048 MiB of hugepages",
	 {{"/proc/600/status", "PPid:\t1\nVmRSS:\t9 kB\nHugetlbPages:\t 2097152 kB\n"}}},
	{FINDING_GUESTS,
	 "1 MiB locked",
	 {{"/proc/600/status", "PPid:\t1\nVmLck:\t1024 kB\nVmRSS:\t2048 kB\n"}}},
};

#define CASES (sizeof(cases) / sizeof(cases[0]))

/* What is near to a case, and is none. */
static const struct {
	const char *path, *text;
} harmless[] = {
	{"/proc/sys/vm/min_free_kbytes", "167772\n"},
	{"/proc/301/status", "PPid:\t300\nVmSwap:\t 9999 kB\n"},
	{"/proc/700/status", "VmSwap:\t 9999 kB\n"},
	{"/proc/600/status", "PPid:\t1\nVmLck:\t1023 kB\nVmRSS:\t2048 kB\n"},
	{SESSION "/recovery_tmo", "3600\n"},
	{DEVICE "/timeout", "180\n"},
	{CONNECTION "/address", "198.51.100.1\n"},
	{CONNECTION "/ping_tmo", "10\n"},
	{"/proc/sys/kernel/hung_task_panic", NULL},
	{"/dev/kmsg", NULL},
	{"/run/udev/control", NULL},
	{"/etc/lvm", NULL},
	{"/etc/lvm/lvm.conf", "global_filter = [ \"r|^/dev/disk/by-path/.*-iscsi-|\" ]\n"},
	{"/etc/lvm/lvm.conf", "global_filter = [ \"a|^/dev/nvme|\", \"r|.*|\" ]\n"},
	{"/etc/lvm/lvm.conf",
	 "devices { use_devicesfile = 1 }\n#raid_fault_policy = \"allocate\"\n"},
	{"/etc/multipath.conf", "defaults { find_multipaths greedy }\nblacklist { device {\n"
				"vendor \"MEMTGT\"\n} }\n"},
	{"/proc/500", NULL},
};

static struct facts facts;

static void read_facts(void)
{
	facts_read(&facts, "/nonexistent/control.sock");
}

static void expect(enum finding_id wanted, enum finding_result result, const char *what)
{
	for (unsigned i = 0; i < FINDINGS; i++) {
		struct finding f = {0};
		finding_rows[i].look(&facts, &f);
		enum finding_result want = i == wanted ? result : FOUND_NOT;
		ck_assert_msg(f.result == want, "%s: %d, wanted %d: %s", finding_rows[i].word,
			      (int)f.result, (int)want, f.what);
		if (i == wanted)
			ck_assert_msg(strstr(f.what, what) != NULL, "%s: %s", finding_rows[i].word,
				      f.what);
	}
}

START_TEST(a_safe_host_has_no_finding)
{
	check_tree_make();
	read_facts();
	ck_assert_uint_eq(facts.sessions.n, 1);
	ck_assert_uint_eq(facts.sessions.all[0].ndisks, 1);
	ck_assert_str_eq(facts.sessions.all[0].disks[0].naa, "311ff4a711f8fe17");
	ck_assert(facts.sessions.all[0].disks[0].is_loan);
	ck_assert_uint_eq(facts.areas.n, 2);
	ck_assert_uint_eq(areas_remote(&facts.areas), 1);
	ck_assert(facts.areas.all[1].is_loan && facts.areas.all[1].discards);
	expect(FINDINGS, FOUND_NOT, "");
	facts_free(&facts);
	check_tree_remove();
}
END_TEST

START_TEST(each_row_is_found)
{
	check_tree_make();
	for (size_t i = 0; i < CHANGES && cases[_i].changes[i].path; i++)
		check_tree_put(cases[_i].changes[i].path, cases[_i].changes[i].text);
	read_facts();
	expect(cases[_i].id, FOUND, cases[_i].what);
	facts_free(&facts);
	check_tree_remove();
}
END_TEST

START_TEST(what_is_near_is_not_found)
{
	check_tree_make();
	check_tree_put(harmless[_i].path, harmless[_i].text);
	read_facts();
	expect(FINDINGS, FOUND_NOT, "");
	facts_free(&facts);
	check_tree_remove();
}
END_TEST

START_TEST(each_row_has_a_case)
{
	bool has[FINDINGS] = {0};

	for (size_t i = 0; i < CASES; i++)
		has[cases[i].id] = true;
	for (unsigned i = 0; i < FINDINGS; i++) {
		ck_assert_msg(has[i], "no case for %s", finding_rows[i].word);
		ck_assert(finding_rows[i].text[0] && finding_rows[i].cure[0]);
	}
}
END_TEST

START_TEST(a_name_older_than_the_host_is_a_clone)
{
	check_tree_make();
	check_tree_age("/etc/machine-id", 2001);
	read_facts();
	expect(FINDING_NAME_CLONED, FOUND, "came with an image");
	facts_free(&facts);
	check_tree_remove();
}
END_TEST

START_TEST(a_lun_of_this_host_is_its_own)
{
	static char naa[1][OWN_NAA_SIZE] = {"311ff4a711f8fe17"};

	check_tree_make();
	read_facts();
	facts.own = (struct own_luns){.naa = naa, .n = 1};
	expect(FINDING_OWN, FOUND, "sda is a LUN of this host's memtgtd");
	facts.own = (struct own_luns){0};
	facts.own_err = -EACCES;
	expect(FINDING_OWN, FOUND_UNKNOWN, "Permission denied");
	facts_free(&facts);
	check_tree_remove();
}
END_TEST

/* What cannot be found out is told. */
START_TEST(the_unknown_counts)
{
	check_tree_make();
	check_tree_put("/proc/sys/vm/min_free_kbytes", NULL);
	read_facts();
	expect(FINDING_MIN_FREE, FOUND_UNKNOWN, "cannot be read");
	facts_free(&facts);
	check_tree_put("/proc/sys/vm/min_free_kbytes", "99999999");
	check_tree_put("/proc/meminfo", "");
	read_facts();
	expect(FINDING_MIN_FREE, FOUND_UNKNOWN, "how much memory");
	facts_free(&facts);
	check_tree_put("/proc/meminfo", "MemTotal: 4096 kB\n");
	check_tree_put("/proc/201/oom_score_adj", NULL);
	read_facts();
	expect(FINDING_ISCSID_OOM, FOUND_UNKNOWN, "201");
	facts_free(&facts);
	check_tree_remove();
}
END_TEST

/* Without systemd, units are no matter; without a session, iscsid need not run. */
START_TEST(other_hosts_are_judged_by_what_they_have)
{
	check_tree_make();
	check_tree_put("/run/systemd", NULL);
	check_tree_put("/etc/systemd", NULL);
	check_tree_put("/proc/200", NULL);
	check_tree_put("/proc/201", NULL);
	check_tree_put("/sys/class/iscsi_session", NULL);
	read_facts();
	expect(FINDINGS, FOUND_NOT, "");
	facts_free(&facts);
	check_tree_remove();
}
END_TEST

START_TEST(the_reserve_is_in_proportion)
{
	static const uint64_t mib = 1 << 20;

	ck_assert_uint_eq(memory_min_free_kib(224 * mib), 32 << 10);
	ck_assert_uint_eq(memory_min_free_kib(256 * mib), 32 << 10);
	ck_assert_uint_eq(memory_min_free_kib(257 * mib), 40 << 10);
	ck_assert_uint_eq(memory_min_free_kib(512 * mib), 64 << 10);
	ck_assert_uint_eq(memory_min_free_kib(6400 * mib), 64 << 10);
	ck_assert_uint_eq(memory_min_free_kib(10000 * mib), 100 << 10);
	ck_assert_uint_eq(memory_min_free_kib(102400 * mib), 1 << 20);
	ck_assert_uint_eq(memory_min_free_kib(UINT64_MAX), 1 << 20);
	ck_assert_uint_eq(memory_min_free_kib(0), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("loan_check");
	TCase *t = tcase_create("check");

	tcase_add_test(t, a_safe_host_has_no_finding);
	tcase_add_loop_test(t, each_row_is_found, 0, CASES);
	tcase_add_loop_test(t, what_is_near_is_not_found, 0,
			    sizeof(harmless) / sizeof(harmless[0]));
	tcase_add_test(t, each_row_has_a_case);
	tcase_add_test(t, a_name_older_than_the_host_is_a_clone);
	tcase_add_test(t, a_lun_of_this_host_is_its_own);
	tcase_add_test(t, the_unknown_counts);
	tcase_add_test(t, other_hosts_are_judged_by_what_they_have);
	tcase_add_test(t, the_reserve_is_in_proportion);
	suite_add_tcase(s, t);
	return test_main(s);
}
