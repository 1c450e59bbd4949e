// SPDX-License-Identifier: MIT
/* test_loan_disk.c - which disk is the LUN, in a tree that looks like sysfs. */
#include "initiator-tools/host/disk.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/test_main.h"

#define TARGET "iqn.2026-01.org.example:donor"
#define NAA    "30010203040506ff"

static char root[] = "/tmp/memtgt-disk.XXXXXX";
static struct loan_disk d;

/* A folder and all above it. */
static void folder(const char *path)
{
	char all[DISK_PATH_MAX];

	snprintf(all, sizeof(all), "%s", path);
	for (char *p = all + strlen(root) + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		(void)mkdir(all, 0700);
		*p = '/';
	}
}

__attribute__((format(printf, 3, 4))) static void put(const void *bytes, size_t n, const char *fmt,
						      ...)
{
	char path[DISK_PATH_MAX];
	va_list args;
	int at = snprintf(path, sizeof(path), "%s/sys/", root);

	va_start(args, fmt);
	vsnprintf(path + at, sizeof(path) - (size_t)at, fmt, args);
	va_end(args);
	folder(path);
	FILE *f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(bytes, 1, n, f), n);
	ck_assert_int_eq(fclose(f), 0);
}

#define PUT(text, ...) put(text, strlen(text), __VA_ARGS__)

static void link_to(const char *to, int n, const char *file)
{
	char path[DISK_PATH_MAX];

	snprintf(path, sizeof(path), "%s/sys/class/iscsi_session/session%d%s", root, n, file);
	folder(path);
	ck_assert_int_eq(symlink(to, path), 0);
}

static void session(int n, const char *target, const char *address, const char *port,
		    const char *state)
{
	char to[DISK_PATH_MAX];

#define SESSION	   "devices/platform/host%d/session%d/"
#define OF_SESSION SESSION "iscsi_session/session%d/"
#define OF_CONN	   SESSION "connection%d:0/iscsi_connection/connection%d:0/"
	PUT(target, OF_SESSION "targetname", n + 7, n, n);
	PUT(state, OF_SESSION "state", n + 7, n, n);
	PUT("0\n", OF_SESSION "target_id", n + 7, n, n);
	PUT("default\n", OF_SESSION "ifacename", n + 7, n, n);
	PUT(address, OF_CONN "persistent_address", n + 7, n, n, n);
	PUT(port, OF_CONN "persistent_port", n + 7, n, n, n);
	snprintf(to, sizeof(to), "../../devices/platform/host%d/session%d/iscsi_session/session%d",
		 n + 7, n, n);
	link_to(to, n, "");
	link_to("../..", n, "/device");
}

static const uint8_t naa[] = {0, 0x83, 0, 12, 1, 3, 0, 8, 0x30, 1, 2, 3, 4, 5, 6, 0xff};
static const uint8_t serial[] = {0, 0x80, 0, 4, 'S', 'E', 'R', '1'};

static void lun(int n, unsigned id, const char *name)
{
#define OF_LUN SESSION "target%d:0:0/%d:0:0:%u/"
#define WHERE  n + 7, n, n + 7, n + 7, id
	PUT("running\n", OF_LUN "state", WHERE);
	put(naa, sizeof(naa), OF_LUN "vpd_pg83", WHERE);
	put(serial, sizeof(serial), OF_LUN "vpd_pg80", WHERE);
	PUT("8:32\n", OF_LUN "block/%s/dev", WHERE, name);
	PUT("4096\n", OF_LUN "block/%s/queue/logical_block_size", WHERE, name);
}

static void setup(void)
{
	snprintf(root, sizeof(root), "/tmp/memtgt-disk.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(root));
	disk_root = root;
	d = (struct loan_disk){.portal = "192.0.2.1:3260", .target = TARGET, .lun = 1};
	snprintf(d.naa, sizeof(d.naa), NAA);
	snprintf(d.serial, sizeof(d.serial), "SER1");
}

static void teardown(void)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -rf %s", root);
	ck_assert_int_eq(system(command), 0);
}

START_TEST(without_a_session_there_is_none)
{
	struct disk k;

	ck_assert_int_eq(disk_find(&d, &k), -ENOENT);
	session(1, "iqn.2026-01.org.example:another\n", "192.0.2.1\n", "3260\n", "LOGGED_IN\n");
	session(2, TARGET "\n", "192.0.2.2\n", "3260\n", "LOGGED_IN\n");
	session(3, TARGET "\n", "192.0.2.1\n", "3261\n", "LOGGED_IN\n");
	session(4, TARGET "x\n", "192.0.2.1\n", "3260\n", "LOGGED_IN\n");
	ck_assert_int_eq(disk_find(&d, &k), -ENOENT);
	ck_assert_int_eq(k.session, -1);
}
END_TEST

START_TEST(a_session_without_the_lun_is_one)
{
	struct disk k;

	session(3, TARGET "\n", "192.0.2.1\n", "3260\n", "LOGGED_IN\n");
	ck_assert_int_eq(disk_find(&d, &k), -ENODEV);
	ck_assert_int_eq(k.session, 3);
	ck_assert_int_eq(k.host, 10);
	ck_assert(k.is_logged_in && !k.is_known);
	lun(3, 0, "sda");
	lun(3, 11, "sdb");
	ck_assert_int_eq(disk_find(&d, &k), -ENODEV);
	ck_assert_uint_eq(k.others, 2);
	/* The kernel knows the LUN; it has no disk yet. */
	PUT("running\n", OF_LUN "state", 10, 3, 10, 10, 1u);
	ck_assert_int_eq(disk_find(&d, &k), -ENODEV);
	ck_assert(k.is_known);
	ck_assert_uint_eq(k.others, 2);
}
END_TEST

START_TEST(the_disk_is_found)
{
	struct disk k;
	char path[DISK_PATH_MAX], wanted[DISK_PATH_MAX];

	session(3, TARGET "\n", "192.0.2.1\n", "3260\n", "LOGGED_IN\n");
	lun(3, 1, "sdc");
	lun(3, 2, "sdd");
	ck_assert_int_eq(disk_find(&d, &k), 0);
	ck_assert_str_eq(k.name, "sdc");
	ck_assert_uint_eq(k.major, 8);
	ck_assert_uint_eq(k.minor, 32);
	ck_assert_uint_eq(k.block_size, 4096);
	ck_assert_uint_eq(k.others, 1);
	ck_assert(k.is_running && k.is_same && k.is_known && !k.is_held);
	disk_scan_path(&k, path);
	snprintf(wanted, sizeof(wanted), "%s/sys/class/scsi_host/host10/scan", root);
	ck_assert_str_eq(path, wanted);
	disk_device_path(&k, "delete", path);
	snprintf(wanted, sizeof(wanted), "%s/sys/class/block/sdc/device/delete", root);
	ck_assert_str_eq(path, wanted);
}
END_TEST

START_TEST(states_are_told)
{
	struct disk k;
	int n = 3;
	unsigned id = 1;

	session(3, TARGET "\n", "192.0.2.1\n", "3260\n", "FAILED\n");
	lun(3, 1, "sdc");
	PUT("transport-offline\n", OF_LUN "state", WHERE);
	PUT("", OF_LUN "block/sdc/holders/dm-0", WHERE);
	ck_assert_int_eq(disk_find(&d, &k), 0);
	ck_assert(!k.is_logged_in && !k.is_running && k.is_held);
}
END_TEST

START_TEST(another_identity_is_another_disk)
{
	struct disk k;

	session(3, TARGET "\n", "192.0.2.1\n", "3260\n", "LOGGED_IN\n");
	lun(3, 1, "sdc");
	d.naa[3]++;
	ck_assert_int_eq(disk_find(&d, &k), 0);
	ck_assert(!k.is_same);
	d.naa[0] = '\0';
	ck_assert_int_eq(disk_find(&d, &k), 0);
	ck_assert(!k.is_same);
	snprintf(d.naa, sizeof(d.naa), NAA);
	snprintf(d.serial, sizeof(d.serial), "OTHER");
	ck_assert_int_eq(disk_find(&d, &k), 0);
	ck_assert(!k.is_same);
}
END_TEST

START_TEST(vital_data_that_is_cut_is_none)
{
	struct disk k;
	int n = 3;
	unsigned id = 1;

	session(3, TARGET "\n", "192.0.2.1\n", "3260\n", "LOGGED_IN\n");
	lun(3, 1, "sdc");
	for (size_t len = 0; len < sizeof(naa); len++) {
		put(naa, len, OF_LUN "vpd_pg83", WHERE);
		ck_assert_int_eq(disk_find(&d, &k), 0);
		ck_assert(!k.is_same);
	}
}
END_TEST

START_TEST(addresses_are_compared_as_such)
{
	struct disk k;

	session(3, TARGET "\n", "2001:0DB8:0::1\n", "3260\n", "LOGGED_IN\n");
	snprintf(d.portal, sizeof(d.portal), "[2001:db8::1]:3260");
	ck_assert_int_eq(disk_find(&d, &k), -ENODEV);
	snprintf(d.portal, sizeof(d.portal), "[2001:db8::2]:3260");
	ck_assert_int_eq(disk_find(&d, &k), -ENOENT);
}
END_TEST

START_TEST(one_that_is_logged_in_is_preferred)
{
	struct disk k;

	session(1, TARGET "\n", "192.0.2.1\n", "3260\n", "FAILED\n");
	session(2, TARGET "\n", "192.0.2.1\n", "3260\n", "LOGGED_IN\n");
	session(5, TARGET "\n", "192.0.2.1\n", "3260\n", "LOGGED_IN\n");
	ck_assert_int_eq(disk_find(&d, &k), -ENODEV);
	ck_assert_int_eq(k.session, 2);
}
END_TEST

START_TEST(sessions_of_other_interfaces_are_not_ours)
{
	struct disk k;

	session(1, TARGET "\n", "192.0.2.1\n", "3260\n", "LOGGED_IN\n");
	PUT("fence\n", OF_SESSION "ifacename", 8, 1, 1);
	ck_assert_int_eq(disk_find(&d, &k), -ENOENT);
}
END_TEST

START_TEST(large_numbers_are_flat)
{
	struct disk k;

	ck_assert_uint_eq(disk_kernel_lun(255, false), 255);
	ck_assert_uint_eq(disk_kernel_lun(256, false), 0x4100);
	ck_assert_uint_eq(disk_kernel_lun(1, true), 0x4001);
	session(3, TARGET "\n", "192.0.2.1\n", "3260\n", "LOGGED_IN\n");
	lun(3, 0x4001, "sdc");
	ck_assert_int_eq(disk_find(&d, &k), 0);
	ck_assert_str_eq(k.name, "sdc");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("loan_disk");
	TCase *tc = tcase_create("disk");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, without_a_session_there_is_none);
	tcase_add_test(tc, a_session_without_the_lun_is_one);
	tcase_add_test(tc, the_disk_is_found);
	tcase_add_test(tc, states_are_told);
	tcase_add_test(tc, another_identity_is_another_disk);
	tcase_add_test(tc, vital_data_that_is_cut_is_none);
	tcase_add_test(tc, addresses_are_compared_as_such);
	tcase_add_test(tc, one_that_is_logged_in_is_preferred);
	tcase_add_test(tc, sessions_of_other_interfaces_are_not_ours);
	tcase_add_test(tc, large_numbers_are_flat);
	suite_add_tcase(suite, tc);
	return test_main(suite);
}
