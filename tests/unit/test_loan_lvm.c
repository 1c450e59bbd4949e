// SPDX-License-Identifier: MIT
/* test_loan_lvm.c - the words of each command of LVM, and which disks it may open. */
#include "initiator-tools/host/lvm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/test_main.h"
#include "loan_rig.h"

static const lvm_disk names[] = {"sda", "sdb"};
static const struct lvm_disks two = {names, 2};
static struct lvm l;

static void setup(void)
{
	rig_begin();
	ck_assert_int_eq(lvm_open(&l, "memtgt_x", two), 0);
}

static void teardown(void)
{
	lvm_close(&l);
	rig_end();
}

/* clang-format off */
static int pv_create(void)     { return lvm_pv_create(&l, "sda", 18 << 20); }
static int pv_create_all(void) { return lvm_pv_create(&l, "sda", 0); }
static int pv_resize(void)     { return lvm_pv_resize(&l, "sda", 34 << 20); }
static int pv_remove(void)     { return lvm_pv_remove(&l, two, false); }
static int pv_wipe(void)       { return lvm_pv_remove(&l, two, true); }
static int group_create(void)  { return lvm_group_create(&l, "tag", two); }
static int group_extend(void)  { return lvm_group_extend(&l, two); }
static int group_reduce(void)  { return lvm_group_reduce(&l, two); }
static int group_remove(void)  { return lvm_group_remove(&l); }
static int forget(void)        { return lvm_group_forget_missing(&l); }
static int create(void)        { return lvm_create(&l, "data", 8 << 20, two); }
static int activate(void)      { return lvm_activate(&l, "data", false); }
static int activate_some(void) { return lvm_activate(&l, "data", true); }
static int deactivate(void)    { return lvm_deactivate(&l, "data"); }
static int refresh(void)       { return lvm_refresh(&l, "data"); }
static int limit_rate(void)    { return lvm_limit_rate(&l, "data", 5 << 20); }
static int add_image(void)     { return lvm_add_image(&l, "data", two); }
static int drop_image(void)    { return lvm_drop_image(&l, "data", two); }
static int drop_stray(void)    { return lvm_drop_image(&l, "data", (struct lvm_disks){0}); }
static int remove_volume(void) { return lvm_remove(&l, "data"); }
static int extend(void)        { return lvm_extend(&l, "data", 16 << 20, two); }
static int reduce(void)        { return lvm_reduce(&l, "data", 4 << 20); }
/* clang-format on */

static const struct {
	int (*fn)(void);
	const char *words;
} commands[] = {
	{pv_create, "pvcreate --yes --dataalignment 2097152b --setphysicalvolumesize 18874368b "
		    "/dev/sda\n"},
	{pv_create_all, "pvcreate --yes --dataalignment 2097152b /dev/sda\n"},
	{pv_resize, "pvresize --yes --setphysicalvolumesize 35651584b /dev/sda\n"},
	{pv_remove, "pvremove --yes /dev/sda /dev/sdb\n"},
	{pv_wipe, "pvremove --yes --force --force /dev/sda /dev/sdb\n"},
	{group_create,
	 "vgcreate --yes --physicalextentsize 4194304b --addtag tag memtgt_x /dev/sda "
	 "/dev/sdb\n"},
	{group_extend, "vgextend --yes memtgt_x /dev/sda /dev/sdb\n"},
	{group_reduce, "vgreduce --yes memtgt_x /dev/sda /dev/sdb\n"},
	{group_remove, "vgremove --yes memtgt_x\n"},
	{forget, "vgreduce --yes --removemissing --force memtgt_x\n"},
	{create, "lvcreate --yes --activate n --zero n --wipesignatures n --setactivationskip y "
		 "--type linear --size 8388608b --name data memtgt_x /dev/sda /dev/sdb\n"},
	{activate, "lvchange --yes --activate y --ignoreactivationskip --activationmode complete "
		   "memtgt_x/data\n"},
	{activate_some,
	 "lvchange --yes --activate y --ignoreactivationskip --activationmode degraded "
	 "memtgt_x/data\n"},
	{limit_rate, "lvchange --yes --maxrecoveryrate 5242880b memtgt_x/data\n"},
	{deactivate, "lvchange --yes --activate n memtgt_x/data\n"},
	{refresh, "lvchange --yes --refresh memtgt_x/data\n"},
	{add_image, "lvconvert --yes --type raid1 --mirrors +1 memtgt_x/data /dev/sda /dev/sdb\n"},
	{drop_image, "lvconvert --yes --mirrors -1 memtgt_x/data /dev/sda /dev/sdb\n"},
	{drop_stray, "lvconvert --yes --mirrors -1 memtgt_x/data\n"},
	{remove_volume, "lvremove --yes memtgt_x/data\n"},
	{extend, "lvextend --yes --size 16777216b memtgt_x/data /dev/sda /dev/sdb\n"},
	{reduce, "lvreduce --yes --force --size 4194304b memtgt_x/data\n"},
};

START_TEST(words)
{
	ck_assert_int_eq(commands[_i].fn(), 0);
	ck_assert_str_eq(rig_log(), commands[_i].words);
	ck_assert_ptr_nonnull(strstr(rig_config(), "filter=[\"a|^/dev/sda$|\","));
}
END_TEST

/* A mirror made without a first synchronization answers with whatever was there. */
START_TEST(never_without_sync)
{
	ck_assert_ptr_null(strstr(commands[_i].words, "sync"));
}
END_TEST

/* Both filters accept the two disks and reject the rest; nothing else of the host is asked. */
START_TEST(config)
{
	static const char filter[] = "filter=[\"a|^/dev/sda$|\",\"a|^/dev/sdb$|\",\"r|.*|\"]";
	const char *const rest[] = {
		"use_devicesfile=0", "md_component_detection=0",
		"hints=\"none\"",    "raid_fault_policy=\"warn\"",
		"monitoring=0",	     "backup=0 archive=0",
		"use_lvmpolld=0",    "issue_discards=0",
		"scan_lvs=0",
	};

	ck_assert_int_eq(remove_volume(), 0);
	const char *text = rig_config();
	const char *first = strstr(text, filter);
	ck_assert_ptr_nonnull(first);
	ck_assert_ptr_nonnull(strstr(first + 1, filter));
	ck_assert_ptr_nonnull(strstr(text, " filter="));
	ck_assert_ptr_nonnull(strstr(text, " global_filter="));
	for (size_t i = 0; i < sizeof(rest) / sizeof(rest[0]); i++)
		ck_assert_ptr_nonnull(strstr(text, rest[i]));
}
END_TEST

START_TEST(no_disk_is_seen)
{
	struct lvm none;

	ck_assert_int_eq(lvm_open(&none, "memtgt_x", (struct lvm_disks){0}), 0);
	ck_assert_int_eq(lvm_group_remove(&none), 0);
	ck_assert_ptr_nonnull(strstr(rig_config(), " filter=[\"r|.*|\"]"));
	lvm_close(&none);
}
END_TEST

START_TEST(reports)
{
	struct lvm_pvs pvs;
	struct lvm_segments segments;

	rig_pvs(0, RIG_PV("/dev/sda", "memtgt_x", "t"));
	rig_lvs(0, RIG_LV("data", "-wi-a----k", "/dev/sda(0)"));
	ck_assert_int_eq(lvm_pvs(&l, &pvs), 0);
	ck_assert_uint_eq(pvs.n, 1);
	ck_assert_int_eq(lvm_segments(&l, &segments), 0);
	ck_assert_str_eq(segments.rows[0].disk, "sda");
	ck_assert_str_eq(rig_log(), "pvs --reportformat json --options pv_name,vg_name,vg_tags\n"
				    "lvs --all --reportformat json --units b --nosuffix --options "
				    "lv_name,lv_attr,lv_size,devices memtgt_x\n");
	free(pvs.rows);
	free(segments.rows);
}
END_TEST

START_TEST(failures)
{
	struct lvm_pvs pvs;
	lvm_disk many[LVM_DISKS_MAX + 1] = {0};

	rig_answer("vgremove", 0, "echo '  Volume group \"x\" not found' >&2; exit 5");
	ck_assert_int_eq(lvm_group_remove(&l), -EREMOTEIO);
	ck_assert_str_eq(l.why, "vgremove: exit status 5: Volume group \"x\" not found");
	rig_answer("pvs", 0, "echo nothing");
	ck_assert_int_eq(lvm_pvs(&l, &pvs), -EBADMSG);
	ck_assert_ptr_null(pvs.rows);
	rig_answer("pvs", 0, "exit 5");
	ck_assert_int_eq(lvm_pvs(&l, &pvs), -EREMOTEIO);
	ck_assert_ptr_null(pvs.rows);
	ck_assert_int_eq(
		lvm_group_extend(&l, (struct lvm_disks){(const lvm_disk *)many, LVM_DISKS_MAX + 1}),
		-E2BIG);
	ck_assert_int_eq(
		lvm_group_extend(&l, (struct lvm_disks){(const lvm_disk *)many, LVM_DISKS_MAX}), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("loan_lvm");
	TCase *t = tcase_create("lvm");

	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, words, 0, sizeof(commands) / sizeof(commands[0]));
	tcase_add_loop_test(t, never_without_sync, 0, sizeof(commands) / sizeof(commands[0]));
	tcase_add_test(t, config);
	tcase_add_test(t, no_disk_is_seen);
	tcase_add_test(t, reports);
	tcase_add_test(t, failures);
	suite_add_tcase(s, t);
	return test_main(s);
}
