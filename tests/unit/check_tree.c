// SPDX-License-Identifier: MIT
/* check_tree.c - a safe host, file by file. */
#include "unit/check_tree.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "initiator-tools/check/tree.h"

#define TARGET "iqn.2026-01.org.memtgt:donor"
#define DISK   "/sys/devices/platform/host2/session1/target2:0:0/2:0:0:1"
#define LOAN   "/sys/devices/virtual/block/dm-0"
#define CONN   "/sys/class/iscsi_session/session1/device/connection1:0/iscsi_connection/connection1:0"

static char root[64];

static const struct {
	const char *path, *text;
} files[] = {
	{"/proc/meminfo", "MemTotal:       16777216 kB\nMemFree:  1 kB\n"},
	{"/proc/sys/vm/min_free_kbytes", "262144\n"},
	{"/proc/sys/vm/watermark_scale_factor", "50\n"},
	{"/proc/sys/vm/page-cluster", "3\n"},
	{"/proc/sys/kernel/osrelease", "6.1.0-9-amd64\n"},
	{"/proc/sys/kernel/hung_task_panic", "0\n"},
	{"/proc/sys/kernel/modules_disabled", "0\n"},

	{"/proc/1/comm", "systemd\n"},
	{"/proc/1/status",
	 "Name:\tsystemd\nPPid:\t0\nVmLck:\t0 kB\nVmRSS:\t9000 kB\nVmSwap:\t0 kB\n"},
	{"/proc/1/oom_score_adj", "0\n"},
	{"/proc/1/cgroup", "0::/init.scope\n"},
	{"/sys/fs/cgroup/init.scope/memory.swap.max", "0\n"},
	{"/proc/200/comm", "iscsid\n"},
	{"/proc/200/status", "PPid:\t1\nVmLck:\t0 kB\nVmRSS:\t836 kB\nVmSwap:\t0 kB\n"},
	{"/proc/200/oom_score_adj", "-1000\n"},
	{"/proc/200/cgroup", "0::/system.slice/iscsid.service\n"},
	{"/proc/201/comm", "iscsid\n"},
	{"/proc/201/status", "PPid:\t1\nVmLck:\t14216 kB\nVmRSS:\t14224 kB\nVmSwap:\t0 kB\n"},
	{"/proc/201/oom_score_adj", "-1000\n"},
	{"/proc/201/cgroup", "0::/system.slice/iscsid.service\n"},
	{"/sys/fs/cgroup/system.slice/iscsid.service/memory.swap.max", "0\n"},
	{"/sys/fs/cgroup/system.slice/memory.swap.max", "max\n"},
	{"/proc/300/comm", "sshd\n"},
	{"/proc/300/status", "PPid:\t1\nVmLck:\t0 kB\nVmRSS:\t5000 kB\nVmSwap:\t0 kB\n"},
	{"/proc/300/oom_score_adj", "-1000\n"},
	{"/proc/300/cgroup", "0::/system.slice/ssh.service\n"},
	{"/sys/fs/cgroup/system.slice/ssh.service/memory.swap.max", "0\n"},
	/* Somebody is logged in. */
	{"/proc/301/comm", "sshd\n"},
	{"/proc/301/status", "PPid:\t300\nVmLck:\t0 kB\nVmRSS:\t5000 kB\nVmSwap:\t77 kB\n"},
	{"/proc/301/cgroup", "0::/user.slice/user-0.slice/session-1.scope\n"},
	{"/proc/400/comm", "memloan\n"},
	{"/proc/400/status", "PPid:\t1\nVmLck:\t9000 kB\nVmRSS:\t9000 kB\nVmSwap:\t0 kB\n"},
	{"/proc/400/oom_score_adj", "-1000\n"},
	{"/proc/400/cgroup", "0::/memloan.slice/memloan-agent.service\n"},
	/* The operator looks at his loans. */
	{"/proc/401/comm", "memloan\n"},
	{"/proc/401/status", "PPid:\t301\nVmLck:\t0 kB\nVmRSS:\t9000 kB\nVmSwap:\t5 kB\n"},
	{"/proc/401/cgroup", "0::/user.slice/user-0.slice/session-1.scope\n"},
	{"/proc/500/comm", "multipathd\n"},
	{"/proc/500/status", "PPid:\t1\nVmLck:\t9000 kB\nVmRSS:\t9000 kB\nVmSwap:\t0 kB\n"},
	{"/proc/600/comm", "qemu-system-x86\n"},
	{"/proc/600/status", "PPid:\t1\nVmLck:\t0 kB\nVmRSS:\t90000 kB\nHugetlbPages:\t0 kB\n"},
	{"/proc/700/comm", "postgres\n"},
	{"/proc/700/status", "PPid:\t1\nVmLck:\t0 kB\nVmRSS:\t9 kB\nVmSwap:\t123456 kB\n"},

	{"/sys/class/iscsi_session/session1/targetname", TARGET "\n"},
	{"/sys/class/iscsi_session/session1/initiatorname", "iqn.2026-01.org.memtgt:host\n"},
	{"/sys/class/iscsi_session/session1/state", "LOGGED_IN\n"},
	{"/sys/class/iscsi_session/session1/recovery_tmo", "120\n"},
	{CONN "/address", "192.0.2.7\n"},
	{CONN "/recv_tmo", "5\n"},
	{CONN "/ping_tmo", "5\n"},
	{DISK "/vendor", "MEMTGT  \n"},
	{DISK "/timeout", "30\n"},
	{DISK "/block/sda/queue/scheduler", "[none] mq-deadline\n"},
	{DISK "/block/sda/queue/rotational", "0\n"},
	{DISK "/block/sda/holders/dm-0", ""},
	{LOAN "/dm/name", "memtgt_x-data\n"},
	{LOAN "/dm/uuid", "LVM-abc\n"},
	{LOAN "/slaves/sda", ""},
	{LOAN "/queue/rotational", "0\n"},
	{LOAN "/queue/discard_max_bytes", "4294966784\n"},
	{"/dev/dm-0", ""},
	{"/proc/swaps", "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
			"/dev/nvme0n1p3                          partition\t1048572\t\t0\t\t-2\n"
			"/dev/dm-0                               partition\t204796\t\t8\t\t100\n"},
	{"/sys/devices/virtual/block/nvme0n1p3/queue/rotational", "1\n"},
	{"/dev/kmsg", "6,1,2,-;Adding 204796k swap on /dev/mapper/memtgt_x-data.  Priority:100 "
		      "extents:1 across:204796k SSDsc\n"},

	{"/etc/machine-id", "6d656d7467742d67756573742d696d61\n"},
	{"/etc/iscsi/initiatorname.iscsi", "InitiatorName=iqn.2026-01.org.memtgt:host\n"},
	{"/run/udev/control", ""},
	{"/etc/udev/rules.d/60-memtgt-capacity.rules", "#\n"},
	{"/usr/lib/udev/rules.d/60-memtgt-disk.rules", "#\n"},
	{"/run/systemd/system/x", ""},
	{"/usr/lib/systemd/system/iscsid.service", "#\n"},
	{"/usr/lib/systemd/system/ssh.service", "#\n"},
	{"/usr/lib/systemd/system/memloan-stop.service", "#\n"},
	{"/etc/systemd/system/multi-user.target.wants/memloan-stop.service", "#\n"},
	{"/etc/systemd/system/iscsid.service.d/60-memloan.conf", "#\n"},
	{"/lib/modules/6.1.0-9-amd64/modules.dep",
	 "kernel/drivers/scsi/iscsi_tcp.ko: kernel/drivers/scsi/libiscsi.ko\n"
	 "kernel/drivers/md/dm-raid.ko: kernel/drivers/md/dm-mod.ko\n"
	 "kernel/drivers/md/raid1.ko.xz: \n"
	 "kernel/drivers/md/dm-crypt.ko.zst:\n"},
	{"/lib/modules/6.1.0-9-amd64/modules.builtin", "kernel/drivers/scsi/sd_mod.ko\n"},
	{"/sys/module/dm_mod/x", ""},
	{"/usr/sbin/iscsiadm", ""},
	{"/usr/sbin/iscsid", ""},
	{"/sbin/lvm", ""},
	{"/usr/sbin/cryptsetup", ""},
	{"/sbin/mkswap", ""},
	{"/etc/lvm/lvm.conf", "devices {\n\tuse_devicesfile = 1\n\tfilter = [ \"a|.*|\" ]\n}\n"
			      "activation { raid_fault_policy = \"warn\" }\n"},
	{"/etc/multipath.conf", "defaults {\n\tfind_multipaths strict # not greedy\n}\n"},
};

static const struct {
	const char *path, *to;
} links[] = {
	{"/sys/class/iscsi_session/session1/device/target2:0:0",
	 "../../../../devices/platform/host2/session1/target2:0:0"},
	{"/sys/class/block/sda",
	 "../../devices/platform/host2/session1/target2:0:0/2:0:0:1/block/sda"},
	{"/sys/class/block/dm-0", "../../devices/virtual/block/dm-0"},
	{"/sys/class/block/nvme0n1p3", "../../devices/virtual/block/nvme0n1p3"},
	{"/dev/mapper/memtgt_x-data", "../dm-0"},
};

/* With an NAA of 8 bytes behind a designator that is none. */
static const unsigned char page83[] = {0, 0x83, 0, 18,	 2,    1,    0,	   2,	 'a',  'b',  1,
				       3, 0,	8, 0x31, 0x1f, 0xf4, 0xa7, 0x11, 0xf8, 0xfe, 0x17};

static void full(char out[static PATH_MAX], const char *path)
{
	snprintf(out, PATH_MAX, "%s%s", root, path);
}

static void make_folders(char *path)
{
	for (char *p = path + strlen(root) + 1; (p = strchr(p, '/')); *p++ = '/') {
		*p = '\0';
		ck_assert(!mkdir(path, 0755) || errno == EEXIST);
	}
}

static int remove_one(const char *path, const struct stat *s, int type, struct FTW *f)
{
	(void)s, (void)type, (void)f;
	return remove(path);
}

static void put(const char *path, const void *bytes, size_t n)
{
	char name[PATH_MAX];

	full(name, path);
	make_folders(name);
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	ck_assert_msg(fd >= 0, "%s: %s", name, strerror(errno));
	ck_assert_int_eq(write(fd, bytes, n), (ssize_t)n);
	close(fd);
}

void check_tree_put(const char *path, const char *text)
{
	char name[PATH_MAX];

	if (text) {
		put(path, text, strlen(text));
		return;
	}
	full(name, path);
	ck_assert_msg(!nftw(name, remove_one, 8, FTW_DEPTH | FTW_PHYS), "%s: %s", name,
		      strerror(errno));
}

void check_tree_link(const char *path, const char *to)
{
	char name[PATH_MAX];

	full(name, path);
	make_folders(name);
	ck_assert(!symlink(to, name));
}

const char *check_tree_text(const char *path)
{
	static char text[8192];

	tree_read(text, sizeof(text), "%s", path);
	return text;
}

void check_tree_age(const char *path, long when)
{
	struct timespec times[2] = {{.tv_sec = when}, {.tv_sec = when}};
	char name[PATH_MAX];

	full(name, path);
	ck_assert(!utimensat(AT_FDCWD, name, times, 0));
}

void check_tree_make(void)
{
	/* A hundred small files for each test: not on a disk that others keep busy. */
	const char *base = access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm";

	snprintf(root, sizeof(root), "%s/check.XXXXXX", base);
	ck_assert(mkdtemp(root));
	tree_root = root;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		check_tree_put(files[i].path, files[i].text);
	put(DISK "/vpd_pg83", page83, sizeof(page83));
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++)
		check_tree_link(links[i].path, links[i].to);
	check_tree_age("/etc/machine-id", 1000);
	check_tree_age("/etc/iscsi/initiatorname.iscsi", 2000);
}

void check_tree_remove(void)
{
	check_tree_put("", NULL);
	tree_root = "";
}
