// SPDX-License-Identifier: MIT
/*
 * test_loan_volume.c - the steps label, group and mirror: which commands they give for what they
 * find, and when they refuse.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "initiator-tools/host/tool.h"
#include "initiator-tools/loan/mirror.h"
#include "lib/test_main.h"
#include "loan_rig.h"

#define PVS "pvs --reportformat json --options pv_name,vg_name,vg_tags\n"
#define LVS                                                                                     \
	"lvs --all --reportformat json --units b --nosuffix --options lv_name,lv_attr,lv_size," \
	"devices memtgt_x\n"
#define BLKID "blkid --probe --output export /dev/sda\n"
#define CREATE \
	"pvcreate --yes --dataalignment 2097152b --setphysicalvolumesize 18874368b /dev/sda\n"
#define STATUS "dmsetup status --noflush memtgt_x-data\n"

/* PVs of the group, volumes in it. */
#define OURS(disk)	   RIG_PV("/dev/" disk, "memtgt_x", RIG_TAG)
#define MISSING		   RIG_PV("[unknown]", "memtgt_x", RIG_TAG)
#define LINEAR(attr, disk) RIG_LV("data", attr, "/dev/" disk "(0)")
#define MIRROR(attr)	   RIG_LV("data", attr, "data_rimage_0(0),data_rimage_1(0)")
#define IMAGE(n, attr, disk)                                                    \
	"," RIG_LV("[data_rimage_" n "]", attr, "/dev/" disk "(1)") "," RIG_LV( \
		"[data_rmeta_" n "]", "ewi-aor---", "/dev/" disk "(0)")
#define BOTH_WHOLE \
	MIRROR("rwi-a-r--k") IMAGE("0", "iwi-aor---", "sda") IMAGE("1", "iwi-aor---", "sdb")

static struct step s;

static void setup(void)
{
	rig_begin();
	mirror_tick_ms = 1;
}

static void fails(int err, int expected, bool is_donors_fault, const char *why)
{
	ck_assert_int_eq(err, expected);
	ck_assert_msg(strstr(s.why, why) != NULL, "%s", s.why);
	ck_assert(s.is_donors_fault == is_donors_fault);
}

static void log_is(const char *wanted)
{
	ck_assert_str_eq(rig_log(), wanted);
}

static void log_has(const char *wanted)
{
	const char *log = rig_log();

	ck_assert_msg(strstr(log, wanted) != NULL, "%s", log);
}

static void log_has_not(const char *unwanted)
{
	const char *log = rig_log();

	ck_assert_msg(strstr(log, unwanted) == NULL, "%s", log);
}

/* ---- label ---- */

static void label_setup(void)
{
	setup();
	s = rig_step(rig_leg("a", STEP_COMMIT), 0);
	rig_pvs(0, "");
	rig_answer("blkid", 0, "exit 2");
}

START_TEST(label_of_an_empty_disk)
{
	ck_assert_int_eq(step_label_run(&s), 0);
	log_is(PVS BLKID CREATE);
	ck_assert_ptr_nonnull(strstr(rig_config(), " filter=[\"a|^/dev/sda$|\",\"r|.*|\"]"));
}
END_TEST

START_TEST(label_of_all_of_a_disk)
{
	s.disk->used = s.disk->size;
	ck_assert_int_eq(step_label_run(&s), 0);
	log_has("pvcreate --yes --dataalignment 2097152b /dev/sda\n");
}
END_TEST

START_TEST(label_without_a_group_is_made_anew)
{
	rig_pvs(0, RIG_PV("/dev/sda", "", ""));
	ck_assert_int_eq(step_label_run(&s), 0);
	log_is(PVS CREATE);
}
END_TEST

/* A group of the loan's name, with disks that are elsewhere; also of another loan of that name. */
START_TEST(label_of_a_leftover)
{
	rig_pvs(0, _i ? MISSING "," OURS("sda") : RIG_PV("/dev/sda", "memtgt_x", "memtgt-other"));
	ck_assert_int_eq(step_label_run(&s), 0);
	log_is(PVS "pvremove --yes --force --force /dev/sda\n" CREATE);
}
END_TEST

/* The leg has begun to join: what is there may be its data. */
START_TEST(label_of_a_member)
{
	s.leg->steps[STEP_GROUP] = (uint8_t)(_i + STEP_BEGUN);
	rig_pvs(0, OURS("sda"));
	ck_assert_int_eq(step_label_run(&s), 0);
	log_is(PVS);
	ck_assert_int_eq(step_label_undo(&s), 0);
	log_is(PVS);
}
END_TEST

static const struct {
	const char *pvs, *blkid, *what, *forced;
} foreign[] = {
	{RIG_PV("/dev/sda", "rootvg", ""), "exit 2", "the volume group rootvg",
	 PVS "wipefs --all --force /dev/sda\n" CREATE},
	{RIG_PV("/dev/sda", "memtgt_y", RIG_TAG), "exit 2", "the volume group memtgt_y",
	 PVS "wipefs --all --force /dev/sda\n" CREATE},
	{"", "echo DEVNAME=/dev/sda; echo TYPE=ext4", "foreign data on it: ext4;",
	 PVS BLKID "wipefs --all --force /dev/sda\n" CREATE},
	{"", "echo PTTYPE=gpt", "foreign data on it: gpt;",
	 PVS BLKID "wipefs --all --force /dev/sda\n" CREATE},
	{"", "exit 8", "signatures of several kinds",
	 PVS BLKID "wipefs --all --force /dev/sda\n" CREATE},
};

START_TEST(label_and_foreign_data)
{
	rig_pvs(0, foreign[_i].pvs);
	rig_answer("blkid", 0, foreign[_i].blkid);
	fails(step_label_run(&s), -EEXIST, true, foreign[_i].what);
	log_has_not("pvcreate");
	/* Undone after that, it must not be touched either. */
	ck_assert_int_eq(step_label_undo(&s), 0);
	log_has_not("remove");
	s.is_forced = true;
	ck_assert_int_eq(step_label_run(&s), 0);
	log_is(foreign[_i].forced);
}
END_TEST

START_TEST(label_errors)
{
	rig_answer("blkid", 0, "echo trouble; exit 4");
	fails(step_label_run(&s), -EREMOTEIO, true, "blkid: exit status 4");
	rig_answer("pvs", 0, "exit 5");
	fails(step_label_run(&s), -EREMOTEIO, true, "pvs: exit status 5");
	rig_pvs(0, "");
	rig_answer("blkid", 0, "exit 2");
	rig_answer("pvcreate", 0, "echo '  Device busy' >&2; exit 5");
	fails(step_label_run(&s), -EREMOTEIO, true, "pvcreate: exit status 5: Device busy");
	rig_uninstall("pvcreate");
	fails(step_label_run(&s), -ENOENT, false, "pvcreate is not installed");
	rig_uninstall("pvs");
	fails(step_label_run(&s), -ENOENT, false, "pvs is not installed");
}
END_TEST

/* Each ends in time when the disk is silent. */
START_TEST(label_hangs)
{
	static const char *const programs[] = {"pvs", "blkid", "pvcreate"};

	tool_limit_ms = 300;
	rig_answer(programs[_i], 0, "exec sleep 1000");
	fails(step_label_run(&s), -ETIMEDOUT, true, "did not end in time");
	tool_limit_ms = TOOL_LIMIT_MS;
}
END_TEST

static const struct {
	struct rig_disk disk;
	const char *why;
} silent[] = {
	{{.is_gone = true}, "donor-a, LUN 0: there is no working session with it"},
	{{.is_out = true}, "donor-a, LUN 0: the kernel has taken the disk out of use"},
	{{.is_other = true}, "donor-a, LUN 0: the LUN is another one than the loan's"},
};

START_TEST(label_and_no_disk)
{
	rig_disks[0] = silent[_i].disk;
	fails(step_label_run(&s), -ENOTCONN, true, silent[_i].why);
	fails(step_label_undo(&s), -ENOTCONN, true, silent[_i].why);
	s.leg->is_lost = true;
	ck_assert_int_eq(step_label_undo(&s), 0);
	s.leg->is_lost = false;
	rig_loan.is_ending = true;
	ck_assert_int_eq(step_label_undo(&s), 0);
	rig_loan.is_ending = false;
	s.leg->is_unwanted = true;
	ck_assert_int_eq(step_label_undo(&s), 0);
	s.leg->has_data = true;
	fails(step_label_undo(&s), -ENOTCONN, true, silent[_i].why);
	log_is("");
}
END_TEST

START_TEST(label_undone)
{
	ck_assert_int_eq(step_label_undo(&s), 0); /* there is none */
	log_is(PVS BLKID);
	rig_pvs(0, RIG_PV("/dev/sda", "", ""));
	ck_assert_int_eq(step_label_undo(&s), 0);
	log_is(PVS "pvremove --yes /dev/sda\n");
	rig_pvs(0, OURS("sda"));
	ck_assert_int_eq(step_label_undo(&s), 0);
	log_is(PVS "pvremove --yes --force --force /dev/sda\n");
	s.leg->is_lost = true;
	ck_assert_int_eq(step_label_undo(&s), 0);
	log_is("");
}
END_TEST

/* ---- group ---- */

START_TEST(group_of_the_first_leg)
{
	s = rig_step(rig_leg("ab", STEP_LABEL), -1);
	rig_pvs(0, RIG_PV("/dev/sda", "", "") "," RIG_PV("/dev/sdb", "", ""));
	ck_assert_int_eq(step_group_run(&s), 0);
	log_is(PVS "vgcreate --yes --physicalextentsize 4194304b --addtag " RIG_TAG
		   " memtgt_x /dev/sda /dev/sdb\n");
}
END_TEST

START_TEST(group_of_the_next_leg)
{
	rig_leg("a", STEP_MIRROR);
	s = rig_step(rig_leg("bc", STEP_LABEL), -1);
	rig_pvs(0, OURS("sda") "," RIG_PV("/dev/sdb", "", "") "," RIG_PV("/dev/sdc", "", ""));
	rig_lvs(0, LINEAR("-wi-a----k", "sda"));
	ck_assert_int_eq(step_group_run(&s), 0);
	log_is(PVS LVS "vgextend --yes memtgt_x /dev/sdb /dev/sdc\n");
	/* A killed run has done a part of it, or all. */
	rig_pvs(0, OURS("sda") "," OURS("sdb") "," RIG_PV("/dev/sdc", "", ""));
	ck_assert_int_eq(step_group_run(&s), 0);
	log_is(PVS LVS "vgextend --yes memtgt_x /dev/sdc\n");
	rig_pvs(0, OURS("sda") "," OURS("sdb") "," OURS("sdc"));
	ck_assert_int_eq(step_group_run(&s), 0);
	log_is(PVS LVS);
}
END_TEST

/* What held data is not made anew, and what has the name only is another's. */
START_TEST(group_that_is_gone)
{
	rig_leg("a", STEP_MIRROR);
	s = rig_step(rig_leg("b", STEP_LABEL), -1);
	rig_pvs(0, RIG_PV("/dev/sdb", "", ""));
	fails(step_group_run(&s), -ENODATA, true, "memtgt_x is not there any more");
	rig_pvs(0, RIG_PV("/dev/sda", "memtgt_x", "memtgt-other"));
	fails(step_group_run(&s), -EEXIST, false, "of another loan");
	log_has_not("\nvg");
}
END_TEST

/* Disks that were forgotten while nobody could tell LVM. */
START_TEST(group_is_healed)
{
	s = rig_step(rig_leg("a", STEP_MIRROR), -1);
	rig_pvs(1, OURS("sda") "," MISSING);
	rig_pvs(2, OURS("sda"));
	rig_lvs(0, LINEAR("-wi-a----k", "sda"));
	ck_assert_int_eq(step_group_run(&s), 0);
	log_is(PVS LVS "vgreduce --yes --removemissing --force memtgt_x\n" PVS LVS);
}
END_TEST

/* ...but not while a leg is away that may come back. */
START_TEST(group_is_not_healed)
{
	rig_leg("b", STEP_MIRROR);
	s = rig_step(rig_leg("a", STEP_MIRROR), -1);
	rig_disks[1].is_gone = true;
	rig_pvs(0, OURS("sda") "," MISSING);
	rig_lvs(0, LINEAR("-wi-a----k", "sda"));
	ck_assert_int_eq(step_group_run(&s), 0);
	log_is(PVS LVS);
}
END_TEST

START_TEST(group_undone)
{
	struct loan_leg *a = rig_leg("a", STEP_GROUP);

	rig_leg("b", STEP_GROUP);
	s = rig_step(a, -1);
	rig_pvs(0, OURS("sda") "," OURS("sdb"));
	rig_lvs(0, LINEAR("-wi-a----k", "sdb"));
	ck_assert_int_eq(step_group_undo(&s), 0);
	log_is(PVS LVS "vgreduce --yes memtgt_x /dev/sda\n");
	rig_pvs(0, OURS("sda") "," RIG_PV("/dev/sdb", "", ""));
	ck_assert_int_eq(step_group_undo(&s), 0);
	log_is(PVS LVS "vgremove --yes memtgt_x\n");
	rig_pvs(0, RIG_PV("/dev/sda", "", ""));
	ck_assert_int_eq(step_group_undo(&s), 0);
	log_is(PVS);
	rig_disks[0].is_gone = true;
	fails(step_group_undo(&s), -ENOTCONN, true, "no working session");
}
END_TEST

/* The lost disk is not shown to LVM, even if it still seems to be there. */
START_TEST(group_undone_of_a_lost_leg)
{
	struct loan_leg *a = rig_leg("a", STEP_MIRROR);

	rig_leg("b", STEP_MIRROR);
	a->is_lost = true;
	s = rig_step(a, -1);
	rig_pvs(0, MISSING "," OURS("sdb"));
	rig_lvs(0, LINEAR("-wi-a----k", "sdb"));
	ck_assert_int_eq(step_group_undo(&s), 0);
	log_is(PVS LVS "vgreduce --yes --removemissing --force memtgt_x\n" PVS LVS);
	ck_assert_ptr_null(strstr(rig_config(), "sda"));
	/* Another leg is silent, and not lost: what is missing may be that. */
	rig_disks[1].is_out = true;
	rig_pvs(0, MISSING);
	rig_lvs(0, "");
	fails(step_group_undo(&s), -ENOTCONN, false, "donor-b does not answer");
}
END_TEST

/* ---- mirror ---- */

START_TEST(mirror_of_the_first_leg)
{
	s = rig_step(rig_leg("a", STEP_GROUP), -1);
	rig_pvs(0, OURS("sda"));
	rig_lvs(1, "");
	rig_lvs(2, LINEAR("-wi------k", "sda"));
	rig_lvs(0, LINEAR("-wi-a----k", "sda"));
	ck_assert_int_eq(step_mirror_run(&s), 0);
	log_is(PVS LVS
	       "lvcreate --yes --activate n --zero n --wipesignatures n --setactivationskip y "
	       "--type "
	       "linear --size 8388608b --name data memtgt_x /dev/sda\n" PVS LVS
	       "lvchange --yes --activate y --ignoreactivationskip --activationmode complete "
	       "memtgt_x/data\n" PVS LVS);
	/* Again. */
	ck_assert_int_eq(step_mirror_run(&s), 0);
	log_is(PVS LVS);
}
END_TEST

static void both_are_whole(void)
{
	rig_pvs(0, OURS("sda") "," OURS("sdb"));
	rig_lvs(0, BOTH_WHOLE);
	rig_answer("dmsetup", 0, "echo 0 9 raid raid1 2 AA 9/9 idle 0 0 -");
}

static void second_leg(void)
{
	rig_leg("a", STEP_MIRROR);
	s = rig_step(rig_leg("b", STEP_GROUP), -1);
	both_are_whole();
	rig_lvs(1, LINEAR("-wi-a----k", "sda"));
	rig_lvs(2, MIRROR("rwi-a-r--k") IMAGE("0", "iwi-aor---", "sda")
			   IMAGE("1", "Iwi-aor---", "sdb"));
}

START_TEST(mirror_of_the_second_leg)
{
	second_leg();
	rig_answer("dmsetup", 1, "echo 0 9 raid raid1 2 Aa 0/9 recover 0 0 -");
	rig_answer("dmsetup", 2, "echo 0 9 raid raid1 2 Aa 6/9 recover 0 0 -");
	rig_answer("dmsetup", 3, "echo 0 9 raid raid1 2 Aa 9/9 recover 0 0 -");
	ck_assert_int_eq(step_mirror_run(&s), 0);
	log_is(PVS LVS "lvconvert --yes --type raid1 --mirrors +1 memtgt_x/data /dev/sdb\n" PVS LVS
		       STATUS STATUS STATUS STATUS PVS LVS);
	ck_assert_int_eq(rig_permille, 1000);
}
END_TEST

START_TEST(mirror_within_a_rate)
{
	second_leg();
	s.sync_rate = 5 << 20;
	ck_assert_int_eq(step_mirror_run(&s), 0);
	log_has("/dev/sdb\n" PVS LVS
		"lvchange --yes --maxrecoveryrate 5242880b memtgt_x/data\n" STATUS);
	/* It is whole. */
	ck_assert_int_eq(step_mirror_run(&s), 0);
	log_has_not("lvchange");
}
END_TEST

/* What a killed lvconvert has left is removed, and nothing else. */
START_TEST(mirror_with_remains)
{
	second_leg();
	rig_lvs(1, LINEAR("-wi-a----k", "sda") "," RIG_LV("data_rmeta_1", "-wi-a-----",
							  "/dev/sdb(0)"));
	ck_assert_int_eq(step_mirror_run(&s), 0);
	log_has(LVS "lvremove --yes memtgt_x/data_rmeta_1\nlvconvert");
	/* The volume has a table of a mirror, not used yet, which holds them. */
	rig_dm(3, "memtgt_x-data");
	rig_lvs(1, LINEAR("-wi-a----k", "sda") "," RIG_LV("data_rmeta_1", "-wi-a-----",
							  "/dev/sdb(0)"));
	ck_assert_int_eq(step_mirror_run(&s), 0);
	log_has("dmsetup clear memtgt_x-data\nlvremove --yes memtgt_x/data_rmeta_1\nlvconvert");
}
END_TEST

static const struct {
	const char *status;
	int err;
	bool is_donors_fault;
	const char *why;
	unsigned refreshed;
} bad_copies[] = {
	{"echo 0 9 raid raid1 2 AD 3/9 idle 0 0 -", -EIO, true, "the copy on donor-b has failed",
	 1},
	{"echo 0 9 linear", -EIO, true, "the copy on donor-b has failed", 1},
	{"echo 0 9 raid raid1 1 A 9/9 idle", -EIO, true, "the copy on donor-b has failed", 1},
	{"echo 0 9 raid raid1 2 Da 3/9 idle 0 0 -", -EIO, false, "no copy is whole any more", 0},
	{"echo 0 9 raid raid1 2 Aa 3/9 recover 0 0 -", -ETIMEDOUT, true, "has not gone on", 0},
	{"exit 1", -EREMOTEIO, false, "dmsetup: exit status 1", 0},
};

START_TEST(mirror_that_fails)
{
	second_leg();
	mirror_stall_ms = 200;
	rig_answer("dmsetup", 0, bad_copies[_i].status);
	fails(step_mirror_run(&s), bad_copies[_i].err, bad_copies[_i].is_donors_fault,
	      bad_copies[_i].why);
	const char *log = rig_log();
	ck_assert((strstr(log, "lvchange --yes --refresh memtgt_x/data\n") != NULL) ==
		  bad_copies[_i].refreshed);
	mirror_stall_ms = 180000;
}
END_TEST

/* LVM has the last word: an image that it does not call whole is none. */
START_TEST(mirror_that_is_not_whole)
{
	second_leg();
	rig_lvs(0, MIRROR("rwi-a-r--k") IMAGE("0", "iwi-aor---", "sda")
			   IMAGE("1", "Iwi-aor---", "sdb"));
	fails(step_mirror_run(&s), -EIO, true, "the copy on donor-b is not whole");
}
END_TEST

/* A disk that was away is taken in again. */
START_TEST(mirror_is_refreshed)
{
	second_leg();
	rig_answer("dmsetup", 1, "echo 0 9 raid raid1 2 AD 9/9 idle 0 0 -");
	ck_assert_int_eq(step_mirror_run(&s), 0);
	log_has(STATUS "lvchange --yes --refresh memtgt_x/data\n" STATUS PVS LVS);
}
END_TEST

/* After a boot the first leg waits for the second: nobody knows which is the newer. */
START_TEST(mirror_after_a_boot)
{
	struct loan_leg *a = rig_leg("a", STEP_MIRROR), *b = rig_leg("b", STEP_MIRROR);
	static const char inactive[] = MIRROR("rwi---r--k") IMAGE("0", "Iwi---r---", "sda")
		IMAGE("1", "Iwi---r---", "sdb");

	a->steps[STEP_MIRROR] = b->steps[STEP_MIRROR] = STEP_BEGUN;
	rig_disks[1].is_gone = true;
	rig_pvs(0, OURS("sda") "," MISSING);
	rig_lvs(0, inactive);
	s = rig_step(a, -1);
	ck_assert_int_eq(step_mirror_run(&s), 0);
	log_is(PVS LVS);
	rig_disks[1].is_gone = false;
	both_are_whole();
	rig_lvs(1, inactive);
	s = rig_step(b, -1);
	ck_assert_int_eq(step_mirror_run(&s), 0);
	log_is(PVS LVS
	       "lvchange --yes --activate y --ignoreactivationskip --activationmode complete "
	       "memtgt_x/data\n" PVS LVS STATUS PVS LVS);
}
END_TEST

/* This run goes on without the other leg: swap holds nothing after a boot. */
START_TEST(mirror_without_a_leg_that_is_away)
{
	struct loan_leg *a = rig_leg("a", STEP_MIRROR), *b = rig_leg("b", STEP_MIRROR);

	a->steps[STEP_MIRROR] = STEP_BEGUN;
	rig_disks[1].is_gone = b->is_away = true;
	rig_pvs(0, OURS("sda") "," MISSING);
	rig_lvs(1, MIRROR("rwi---r-pk") IMAGE("0", "Iwi---r---", "sda")
			   IMAGE("1", "Iwi---r-p-", "[unknown]"));
	rig_lvs(0, MIRROR("rwi-a-r-pk") IMAGE("0", "iwi-aor---", "sda")
			   IMAGE("1", "Iwi-aor-p-", "[unknown]"));
	rig_answer("dmsetup", 0, "echo 0 9 raid raid1 2 AD 9/9 idle 0 0 -");
	s = rig_step(a, -1);
	ck_assert_int_eq(step_mirror_run(&s), 0);
	log_is(PVS LVS
	       "lvchange --yes --activate y --ignoreactivationskip --activationmode degraded "
	       "memtgt_x/data\n" PVS LVS STATUS PVS LVS);
	ck_assert(b->is_old && !a->is_old);
	/* It is back, and raid1 has made it whole. */
	b->is_away = rig_disks[1].is_gone = false;
	both_are_whole();
	s = rig_step(b, -1);
	ck_assert_int_eq(step_mirror_run(&s), 0);
	ck_assert(!b->is_old);
}
END_TEST

/* Of two copies that a host went down with, one is there. */
START_TEST(mirror_that_may_be_old)
{
	struct loan_leg *a = rig_leg("a", STEP_MIRROR);

	a->steps[STEP_MIRROR] = STEP_BEGUN;
	rig_loan.unsure = 2;
	rig_pvs(0, OURS("sda"));
	rig_lvs(1, LINEAR("-wi-----k-", "sda"));
	rig_lvs(0, LINEAR("-wi-a---k-", "sda"));
	s = rig_step(a, -1);
	fails(step_mirror_run(&s), -ENODATA, false, "1 of 2 copies are there");
	log_is(PVS LVS);
	rig_loan.unsure = 1;
	a->is_old = true;
	rig_lvs(1, LINEAR("-wi-----k-", "sda"));
	fails(step_mirror_run(&s), -ENODATA, false, "0 of 1 copies are there");
	rig_log();
	s.is_degraded = true;
	rig_lvs(1, LINEAR("-wi-----k-", "sda"));
	ck_assert_int_eq(step_mirror_run(&s), 0);
	ck_assert_uint_eq(rig_loan.unsure, 0);
}
END_TEST

/* What this host cannot do takes no copy away: another would not be better. */
START_TEST(mirror_that_this_host_cannot_activate)
{
	struct loan_leg *a = rig_leg("a", STEP_MIRROR);

	rig_leg("b", STEP_MIRROR);
	rig_pvs(0, OURS("sda") "," OURS("sdb"));
	rig_lvs(0, MIRROR("rwi---r--k") IMAGE("0", "Iwi---r---", "sda")
			   IMAGE("1", "Iwi---r---", "sdb"));
	rig_answer("lvchange", 0, "echo 'raid1: not in the kernel' >&2; exit 5");
	s = rig_step(a, -1);
	fails(step_mirror_run(&s), -EREMOTEIO, false, "raid1: not in the kernel");
	a->has_data = false;
	fails(step_mirror_run(&s), -EREMOTEIO, true, "raid1: not in the kernel");
	rig_uninstall("lvchange");
	fails(step_mirror_run(&s), -ENOENT, false, "lvchange is not installed");
}
END_TEST

START_TEST(mirror_that_is_gone)
{
	s = rig_step(rig_leg("a", STEP_MIRROR), -1);
	rig_pvs(0, OURS("sda"));
	rig_lvs(0, "");
	fails(step_mirror_run(&s), -ENODATA, true, "memtgt_x/data is not there any more");
	log_has_not("lvcreate");
}
END_TEST

START_TEST(mirror_without_its_disk)
{
	s = rig_step(rig_leg("ab", STEP_GROUP), -1);
	rig_disks[1] = silent[_i].disk;
	fails(step_mirror_run(&s), -ENOTCONN, true, strchr(silent[_i].why, ':'));
	fails(step_group_run(&s), -ENOTCONN, true, strchr(silent[_i].why, ':'));
	log_is("");
}
END_TEST

/* ---- mirror, undone ---- */

static struct loan_leg *legs[2];

static void two_legs(void)
{
	legs[0] = rig_leg("a", STEP_MIRROR);
	legs[1] = rig_leg("b", STEP_MIRROR);
	rig_pvs(0, OURS("sda") "," OURS("sdb"));
	rig_lvs(0, BOTH_WHOLE);
	s = rig_step(legs[0], -1);
}

START_TEST(drop_one_of_two)
{
	two_legs();
	ck_assert_int_eq(step_mirror_undo(&s), 0);
	log_is(PVS LVS "lvconvert --yes --mirrors -1 memtgt_x/data /dev/sda\n");
	/* It is promised to somebody. */
	rig_loan.is_made = true;
	fails(step_mirror_undo(&s), -EBUSY, false,
	      "without donor-a there would be 1 whole copies, not 2");
	log_is(PVS LVS);
	rig_loan.wish.copies = 1;
	ck_assert_int_eq(step_mirror_undo(&s), 0);
	log_has("lvconvert --yes --mirrors -1");
}
END_TEST

/* The last whole one stays, whatever was promised, and whether the other is dead or being filled.
 */
START_TEST(drop_the_last_whole)
{
	two_legs();
	rig_lvs(0, MIRROR("rwi-a-r--k") IMAGE("0", "iwi-aor---", "sda")
			   IMAGE("1", "Iwi-aor---", "sdb"));
	fails(step_mirror_undo(&s), -ENODATA, false, "donor-a has the only whole copy");
	s = rig_step(legs[1], -1);
	ck_assert_int_eq(step_mirror_undo(&s), 0);
	log_has("lvconvert --yes --mirrors -1 memtgt_x/data /dev/sdb\n");
	rig_loan.is_made = true; /* a copy that is not whole is none */
	ck_assert_int_eq(step_mirror_undo(&s), 0);
	log_has("lvconvert --yes --mirrors -1 memtgt_x/data /dev/sdb\n");
	/* LVM calls a missing one whole if the kernel does not know yet. */
	rig_lvs(0, MIRROR("rwi-a-r-pk") IMAGE("0", "iwi-aor---", "sda")
			   IMAGE("1", "iwi-aor-p-", "sdb"));
	s = rig_step(legs[0], -1);
	fails(step_mirror_undo(&s), -ENODATA, false, "donor-a has the only whole copy");
	log_has_not("lvconvert");
}
END_TEST

START_TEST(drop_a_leg_without_an_image)
{
	two_legs();
	rig_lvs(0, LINEAR("-wi-a----k", "sdb"));
	ck_assert_int_eq(step_mirror_undo(&s), 0);
	log_is(PVS LVS);
	rig_pvs(0, "");
	ck_assert_int_eq(step_mirror_undo(&s), 0);
	log_is(PVS);
}
END_TEST

/* The first leg of a loan that could not be made. */
START_TEST(drop_a_first_leg)
{
	s = rig_step(rig_leg("a", STEP_GROUP), -1);
	rig_pvs(0, OURS("sda"));
	rig_lvs(0, LINEAR("-wi-a----k", "sda"));
	ck_assert_int_eq(step_mirror_undo(&s), 0);
	log_is(PVS LVS "lvchange --yes --activate n memtgt_x/data\nlvremove --yes memtgt_x/data\n");
	s.leg->has_data = true;
	fails(step_mirror_undo(&s), -ENODATA, false, "donor-a has the only whole copy");
}
END_TEST

START_TEST(drop_a_silent_leg)
{
	two_legs();
	rig_disks[0].is_out = true;
	rig_pvs(0, MISSING "," OURS("sdb"));
	fails(step_mirror_undo(&s), -ENOTCONN, true, "donor-a, LUN 0: the kernel has taken");
	log_has_not("lvconvert");
}
END_TEST

#define LOST_IMAGE RIG_LV("[data_rimage_0]", "vwi-aor-r-", "")
#define ONE_LEFT   MIRROR("rwi-a-r--k") "," LOST_IMAGE IMAGE("1", "iwi-aor---", "sdb")

START_TEST(drop_a_lost_leg)
{
	two_legs();
	legs[0]->is_lost = true;
	rig_loan.is_made = true;
	rig_pvs(1, MISSING "," OURS("sdb"));
	rig_pvs(0, OURS("sdb"));
	rig_lvs(1, MIRROR("rwi-a-r--k") "," RIG_LV("[data_rimage_0]", "iwi-aor-p-", "[unknown](1)")
			   IMAGE("1", "iwi-aor---", "sdb"));
	rig_lvs(2, ONE_LEFT);
	rig_lvs(0, LINEAR("-wi-a----k", "sdb"));
	ck_assert_int_eq(step_mirror_undo(&s), 0);
	log_is(PVS LVS "vgreduce --yes --removemissing --force memtgt_x\n" PVS LVS
		       "lvconvert --yes --mirrors -1 memtgt_x/data\n" PVS LVS);
	ck_assert_ptr_null(strstr(rig_config(), "sda"));
	ck_assert_int_eq(step_mirror_undo(&s), 0);
	log_is(PVS LVS);
}
END_TEST

/* Its donor went while it was being filled: nobody waits for him. */
START_TEST(drop_a_silent_leg_without_data)
{
	two_legs();
	legs[1]->has_data = false;
	rig_disks[1].is_out = true;
	rig_pvs(1, OURS("sda") "," MISSING);
	rig_pvs(0, OURS("sda"));
	rig_lvs(1, MIRROR("rwi-a-r--k") "," RIG_LV("[data_rimage_1]", "Iwi-aor-p-", "[unknown](1)")
			   IMAGE("0", "iwi-aor---", "sda"));
	rig_lvs(2, MIRROR("rwi-a-r--k") "," RIG_LV("[data_rimage_1]", "vwi-aor-r-", "")
			   IMAGE("0", "iwi-aor---", "sda"));
	rig_lvs(0, LINEAR("-wi-a----k", "sda"));
	s = rig_step(legs[1], -1);
	fails(step_mirror_undo(&s), -ENOTCONN, true, "donor-b, LUN 1: the kernel has taken");
	rig_lvs(1, MIRROR("rwi-a-r--k") "," RIG_LV("[data_rimage_1]", "Iwi-aor-p-", "[unknown](1)")
			   IMAGE("0", "iwi-aor---", "sda"));
	rig_lvs(2, MIRROR("rwi-a-r--k") "," RIG_LV("[data_rimage_1]", "vwi-aor-r-", "")
			   IMAGE("0", "iwi-aor---", "sda"));
	rig_pvs(1, OURS("sda") "," MISSING);
	rig_log();
	legs[1]->is_unwanted = true;
	ck_assert_int_eq(step_mirror_undo(&s), 0);
	log_is(PVS LVS "vgreduce --yes --removemissing --force memtgt_x\n" PVS LVS
		       "lvconvert --yes --mirrors -1 memtgt_x/data\n" PVS LVS);
}
END_TEST

/* A program was killed while it held the volume still. */
START_TEST(volume_is_resumed)
{
	two_legs();
	rig_loan.wish.copies = 1;
	rig_lvs(1, MIRROR("rwi-s-r--k") IMAGE("0", "iwi-aor---", "sda")
			   IMAGE("1", "iwi-aor---", "sdb"));
	ck_assert_int_eq(step_mirror_undo(&s), 0);
	log_is(PVS LVS "lvchange --yes --refresh memtgt_x/data\n" PVS LVS
		       "lvconvert --yes --mirrors -1 memtgt_x/data /dev/sda\n");
}
END_TEST

/* What the lost leg had is not in the other yet: it is not to be taken for whole. */
START_TEST(drop_a_lost_last_copy)
{
	two_legs();
	legs[0]->is_lost = true;
	rig_pvs(0, MISSING "," OURS("sdb"));
	rig_lvs(0, MIRROR("rwi-a-r--k") "," RIG_LV("[data_rimage_0]", "iwi-aor-p-", "[unknown](1)")
			   IMAGE("1", "Iwi-aor---", "sdb"));
	fails(step_mirror_undo(&s), -ENODATA, false, "donor-a has the only whole copy");
	log_has_not("vgreduce");
}
END_TEST

/* Nobody has the volume in use after a boot, so nobody is in a hurry. */
START_TEST(drop_a_lost_leg_after_a_boot)
{
	two_legs();
	legs[0]->is_lost = true;
	rig_pvs(0, MISSING "," OURS("sdb"));
	rig_lvs(0, MIRROR("rwi---r--k") "," RIG_LV("[data_rimage_0]", "Iwi---r-p-", "[unknown](1)")
			   IMAGE("1", "Iwi---r---", "sdb"));
	ck_assert_int_eq(step_mirror_undo(&s), 0);
	log_is(PVS LVS);
}
END_TEST

/* ---- the end of a loan ---- */

START_TEST(end_removes_the_volume)
{
	two_legs();
	rig_loan.is_ending = rig_loan.is_made = true;
	ck_assert_int_eq(step_mirror_undo(&s), 0);
	log_is(PVS LVS "lvchange --yes --activate n memtgt_x/data\nlvremove --yes memtgt_x/data\n");
	rig_lvs(0, "");
	ck_assert_int_eq(step_mirror_undo(&s), 0);
	log_is(PVS LVS);
}
END_TEST

START_TEST(end_of_what_is_in_use)
{
	two_legs();
	rig_loan.is_ending = true;
	rig_lvs(0, RIG_LV("data", "rwi-aor--k", "data_rimage_0(0),data_rimage_1(0)"));
	fails(step_mirror_undo(&s), -EBUSY, false, "memtgt_x/data is in use");
	log_is(PVS LVS);
	rig_lvs(0, BOTH_WHOLE);
	rig_answer("lvchange", 0, "echo '  Logical volume memtgt_x/data in use.' >&2; exit 5");
	fails(step_mirror_undo(&s), -EREMOTEIO, false, "in use");
	log_has_not("lvremove");
}
END_TEST

/* A donor that does not answer does not keep the other's memory. */
START_TEST(end_with_a_silent_donor)
{
	two_legs();
	rig_loan.is_ending = true;
	rig_disks[1].is_gone = true;
	rig_pvs(1, OURS("sda") "," MISSING);
	rig_pvs(0, OURS("sda"));
	rig_lvs(0, BOTH_WHOLE);
	ck_assert_int_eq(step_mirror_undo(&s), 0);
	log_is(PVS LVS "lvchange --yes --activate n memtgt_x/data\n"
		       "vgreduce --yes --removemissing --force memtgt_x\n" PVS LVS
		       "lvremove --yes memtgt_x/data\n");
}
END_TEST

/* All donors are given up: what device mapper has here goes, the volume before what it is on. */
START_TEST(end_without_donors)
{
	two_legs();
	rig_loan.is_ending = true;
	legs[0]->is_lost = legs[1]->is_lost = true;
	rig_pvs(0, "");
	rig_dm(1, "memtgt_x-data_rimage_0");
	rig_dm(2, "memtgt_x-data");
	rig_dm(3, "other");
	rig_answer("dmsetup", 1, "rm -r \"$dir/../sys/block/dm-2\"");
	rig_answer("dmsetup", 2, "rm -r \"$dir/../sys/block/dm-1\"");
	ck_assert_int_eq(step_mirror_undo(&s), 0);
	log_is(PVS "dmsetup remove --retry memtgt_x-data\n"
		   "dmsetup remove --retry memtgt_x-data_rimage_0\n");
	rig_dm(2, "memtgt_x-data");
	rig_answer("dmsetup", 0, "echo 'Device or resource busy'; exit 1");
	fails(step_mirror_undo(&s), -EBUSY, false, "busy");
	rig_answer("dmsetup", 0, ""); /* it says that it did */
	fails(step_mirror_undo(&s), -EBUSY, false, "memtgt_x-data");
}
END_TEST

#define COUNT(a) (int)(sizeof(a) / sizeof((a)[0]))

static TCase *tcase(Suite *suite, const char *name, void (*begin)(void))
{
	TCase *t = tcase_create(name);

	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, begin, rig_end);
	suite_add_tcase(suite, t);
	return t;
}

/* ---- size ---- */

/* Also after a boot in the middle of it, which the steps of disks know nothing of. */
START_TEST(size_that_has_grown)
{
	two_legs();
	rig_loan.wish.size = 12 << 20;
	rig_loan.legs[1].disks[0].used = rig_loan.legs[1].disks[0].size;
	s = rig_step(NULL, -1);
	ck_assert_int_eq(step_size_run(&s), 0);
	log_is(PVS LVS "pvresize --yes --setphysicalvolumesize 18874368b /dev/sda\n"
		       "pvresize --yes /dev/sdb\n"
		       "lvextend --yes --size 12582912b memtgt_x/data /dev/sda /dev/sdb\n");
	rig_answer("pvresize", 0, "echo no >&2; exit 5");
	fails(step_size_run(&s), -EREMOTEIO, false, "pvresize: exit status 5: no");
	log_has_not("lvextend");
	rig_disks[1].is_gone = true;
	ck_assert_int_ne(step_size_run(&s), 0);
	log_has_not("lvextend");
}
END_TEST

START_TEST(size_that_has_shrunk)
{
	two_legs();
	rig_loan.wish.size = 4 << 20;
	s = rig_step(NULL, -1);
	ck_assert_int_eq(step_size_run(&s), 0);
	log_is(PVS LVS "lvreduce --yes --force --size 4194304b memtgt_x/data\n");
	rig_loan.wish.size = 8 << 20;
	ck_assert_int_eq(step_size_run(&s), 0);
	log_is(PVS LVS);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("loan_volume");
	TCase *t = tcase(suite, "label", label_setup);

	tcase_add_test(t, label_of_an_empty_disk);
	tcase_add_test(t, label_of_all_of_a_disk);
	tcase_add_test(t, label_without_a_group_is_made_anew);
	tcase_add_loop_test(t, label_of_a_leftover, 0, 2);
	tcase_add_loop_test(t, label_of_a_member, 0, 3);
	tcase_add_loop_test(t, label_and_foreign_data, 0, COUNT(foreign));
	tcase_add_test(t, label_errors);
	tcase_add_loop_test(t, label_hangs, 0, 3);
	tcase_add_loop_test(t, label_and_no_disk, 0, COUNT(silent));
	tcase_add_test(t, label_undone);

	t = tcase(suite, "group", setup);
	tcase_add_test(t, group_of_the_first_leg);
	tcase_add_test(t, group_of_the_next_leg);
	tcase_add_test(t, group_that_is_gone);
	tcase_add_test(t, group_is_healed);
	tcase_add_test(t, group_is_not_healed);
	tcase_add_test(t, group_undone);
	tcase_add_test(t, group_undone_of_a_lost_leg);

	t = tcase(suite, "size", setup);
	tcase_add_test(t, size_that_has_grown);
	tcase_add_test(t, size_that_has_shrunk);

	t = tcase(suite, "mirror", setup);
	tcase_add_test(t, mirror_of_the_first_leg);
	tcase_add_test(t, mirror_of_the_second_leg);
	tcase_add_test(t, mirror_within_a_rate);
	tcase_add_test(t, mirror_with_remains);
	tcase_add_loop_test(t, mirror_that_fails, 0, COUNT(bad_copies));
	tcase_add_test(t, mirror_that_is_not_whole);
	tcase_add_test(t, mirror_is_refreshed);
	tcase_add_test(t, mirror_after_a_boot);
	tcase_add_test(t, mirror_without_a_leg_that_is_away);
	tcase_add_test(t, mirror_that_may_be_old);
	tcase_add_test(t, mirror_that_this_host_cannot_activate);
	tcase_add_test(t, mirror_that_is_gone);
	tcase_add_loop_test(t, mirror_without_its_disk, 0, COUNT(silent));

	t = tcase(suite, "drop", setup);
	tcase_add_test(t, drop_one_of_two);
	tcase_add_test(t, drop_the_last_whole);
	tcase_add_test(t, drop_a_leg_without_an_image);
	tcase_add_test(t, drop_a_first_leg);
	tcase_add_test(t, drop_a_silent_leg);
	tcase_add_test(t, drop_a_lost_leg);
	tcase_add_test(t, drop_a_silent_leg_without_data);
	tcase_add_test(t, volume_is_resumed);
	tcase_add_test(t, drop_a_lost_last_copy);
	tcase_add_test(t, drop_a_lost_leg_after_a_boot);

	t = tcase(suite, "end", setup);
	tcase_add_test(t, end_removes_the_volume);
	tcase_add_test(t, end_of_what_is_in_use);
	tcase_add_test(t, end_with_a_silent_donor);
	tcase_add_test(t, end_without_donors);
	return test_main(suite);
}
