// SPDX-License-Identifier: MIT
/* test_loan_swap.c - the steps crypt and swap: keys, areas, and memory that is missing. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "initiator-tools/host/disk.h"
#include "initiator-tools/host/tool.h"
#include "initiator-tools/loan/swap.h"
#include "lib/test_main.h"
#include "loan_rig.h"

#define HEADER "Filename\tType\tSize\tUsed\tPriority\n"
#define OPEN                                                                                 \
	"cryptsetup open --batch-mode --type plain --cipher aes-xts-plain64 --key-size 512 " \
	"--key-file /dev/urandom --allow-discards --perf-no_read_workqueue "                 \
	"--perf-no_write_workqueue /dev/mapper/memtgt_x-data memtgt_x_crypt\n"

static struct step s;

static void setup(void)
{
	rig_begin();
	s = rig_step(NULL, -1);
	rig_file("proc/swaps", HEADER);
	rig_file("proc/meminfo", "MemTotal: 409600 kB\nMemAvailable: 102400 kB\n");
}

static void fails(int err, int expected, const char *why)
{
	ck_assert_int_eq(err, expected);
	ck_assert_msg(strstr(s.why, why) != NULL, "%s", s.why);
	ck_assert(!s.is_donors_fault);
}

static void log_is(const char *wanted)
{
	ck_assert_str_eq(rig_log(), wanted);
}

/* ---- crypt ---- */

#define TABLE "echo 0 16384 crypt aes-xts-plain64 0000 0 254:7 0"

static void crypt_setup(void)
{
	setup();
	rig_loan.wish.is_encrypted = true;
	rig_dm(7, "memtgt_x-data");
}

START_TEST(crypt_not_asked_for)
{
	rig_loan.wish.is_encrypted = false;
	rig_dm(1, "memtgt_x_crypt"); /* not ours, then */
	ck_assert_int_eq(step_crypt_run(&s), 0);
	ck_assert_int_eq(step_crypt_undo(&s), 0);
	log_is("");
}
END_TEST

START_TEST(crypt_opened)
{
	ck_assert_int_eq(step_crypt_run(&s), 0);
	log_is(OPEN);
	rig_answer("cryptsetup", 0, "echo 'Device is in use.' >&2; exit 5");
	fails(step_crypt_run(&s), -EREMOTEIO, "cryptsetup: exit status 5: Device is in use.");
}
END_TEST

/* The key is where it is: another one would make noise of what was written. */
START_TEST(crypt_there)
{
	rig_dm(1, "memtgt_x_crypt");
	rig_answer("dmsetup", 0, TABLE);
	rig_loan.is_made = true;
	ck_assert_int_eq(step_crypt_run(&s), 0);
	log_is("dmsetup table memtgt_x_crypt\n");
}
END_TEST

/* Left by a program that was killed. */
START_TEST(crypt_without_a_table)
{
	rig_dm(1, "memtgt_x_crypt");
	rig_answer("dmsetup", 1, "");
	ck_assert_int_eq(step_crypt_run(&s), 0);
	log_is("dmsetup table memtgt_x_crypt\ndmsetup remove --retry memtgt_x_crypt\n" OPEN);
}
END_TEST

/* Of this name, and of somebody else. */
START_TEST(crypt_of_others)
{
	static const char *const tables[] = {
		"echo 0 16384 crypt aes-xts-plain64 0000 0 254:70 0",
		"echo 0 16384 crypt aes-xts-plain64 0000 7 8:0 0",
		"echo 0 16384 linear 254:7 0",
	};

	rig_dm(1, "memtgt_x_crypt");
	rig_answer("dmsetup", 0, tables[_i]);
	fails(step_crypt_run(&s), -EEXIST, "/dev/mapper/memtgt_x_crypt is there");
	ck_assert_int_eq(step_crypt_undo(&s), 0);
	log_is("dmsetup table memtgt_x_crypt\ndmsetup table memtgt_x_crypt\n");
}
END_TEST

START_TEST(crypt_after_a_boot)
{
	rig_loan.wish.kind = LOAN_VOLUME;
	ck_assert_int_eq(step_crypt_run(&s), 0);
	log_is(OPEN);
	rig_loan.is_made = true;
	fails(step_crypt_run(&s), -EKEYREVOKED, "memloan return x");
	log_is("");
	/* What was swapped out went with the boot. */
	rig_loan.wish.kind = LOAN_SWAP;
	ck_assert_int_eq(step_crypt_run(&s), 0);
	log_is(OPEN);
}
END_TEST

START_TEST(crypt_undone)
{
	ck_assert_int_eq(step_crypt_undo(&s), 0);
	log_is("");
	rig_dm(1, "memtgt_x_crypt");
	rig_answer("dmsetup", 1, TABLE);
	ck_assert_int_eq(step_crypt_undo(&s), 0);
	log_is("dmsetup table memtgt_x_crypt\ndmsetup remove --retry memtgt_x_crypt\n");
	rig_answer("dmsetup", 1, TABLE);
	rig_answer("dmsetup", 2, "echo 'Device or resource busy'; exit 1");
	fails(step_crypt_undo(&s), -EBUSY, "/dev/mapper/memtgt_x_crypt is in use");
}
END_TEST

/* ---- swap ---- */

#define MAKE "mkswap --uuid " RIG_SWAP " /dev/mapper/memtgt_x-data\n"

START_TEST(swap_of_a_volume)
{
	rig_loan.wish.kind = LOAN_VOLUME;
	rig_dm(3, "memtgt_x-data");
	rig_file("proc/swaps", HEADER "/dev/dm-3 partition 8188 0 -2\n");
	ck_assert_int_eq(step_swap_run(&s), 0);
	ck_assert_int_eq(step_swap_undo(&s), 0);
	log_is("");
}
END_TEST

START_TEST(swap_on)
{
	rig_dm(3, "memtgt_x-data");
	rig_file("proc/swaps", HEADER "/dev/dm-2 partition 8188 0 -2\n");
	ck_assert_int_eq(step_swap_run(&s), 0);
	log_is(MAKE "swapon --discard=pages /dev/mapper/memtgt_x-data\n");
	rig_loan.wish.priority = 0;
	ck_assert_int_eq(step_swap_run(&s), 0);
	log_is(MAKE "swapon --discard=pages --priority 0 /dev/mapper/memtgt_x-data\n");
}
END_TEST

START_TEST(swap_on_what_is_encrypted)
{
	rig_loan.wish.is_encrypted = true;
	ck_assert_int_eq(step_swap_run(&s), 0);
	log_is("mkswap --uuid " RIG_SWAP " /dev/mapper/memtgt_x_crypt\n"
	       "swapon --discard=pages /dev/mapper/memtgt_x_crypt\n");
}
END_TEST

/* mkswap over an area in use would be the end of all who have pages there. */
START_TEST(swap_that_is_on)
{
	static const char *const paths[] = {"/dev/dm-3", "/dev/mapper/memtgt_x-data"};
	char text[200];

	rig_dm(3, "memtgt_x-data");
	snprintf(text, sizeof(text), HEADER "%s partition 8188 0 -2\n", paths[_i]);
	rig_file("proc/swaps", text);
	ck_assert_int_eq(step_swap_run(&s), 0);
	log_is("");
}
END_TEST

/* systemd, at a shutdown, was quicker. */
START_TEST(swap_that_others_take_off)
{
	char script[512];

	rig_dm(3, "memtgt_x-data");
	rig_file("proc/swaps", HEADER "/dev/dm-3 partition 8188 0 -2\n");
	rig_file("proc/meminfo", "MemAvailable: 100000 kB\n");
	rig_answer("swapoff", 0, "echo 'swapoff failed: Invalid argument'; exit 255");
	fails(step_swap_undo(&s), -EREMOTEIO, "swapoff failed: Invalid argument");
	snprintf(script, sizeof(script), "echo Filename >%s/proc/swaps; exit 255", disk_root);
	rig_answer("swapoff", 0, script);
	ck_assert_int_eq(step_swap_undo(&s), 0);
}
END_TEST

START_TEST(swap_errors)
{
	rig_answer("swapon", 0, "echo 'swapon failed: Invalid argument'; exit 255");
	fails(step_swap_run(&s), -EREMOTEIO, "swapon failed: Invalid argument");
	rig_answer("mkswap", 0, "exit 1");
	fails(step_swap_run(&s), -EREMOTEIO, "mkswap: exit status 1");
	rig_file("proc/swaps", "nonsense\n");
	rig_log();
	fails(step_swap_run(&s), -EBADMSG, "/proc/swaps");
	fails(step_swap_undo(&s), -EBADMSG, "/proc/swaps");
	rig_remove_file("proc/swaps");
	fails(step_swap_run(&s), -ENOENT, "/proc/swaps");
	log_is("");
}
END_TEST

static void used(unsigned mebibytes, const char *others)
{
	char text[500];

	snprintf(text, sizeof(text), HEADER "/dev/dm-3 partition 409600 %u 5\n%s", mebibytes << 10,
		 others);
	rig_file("proc/swaps", text);
}

START_TEST(swap_off)
{
	ck_assert_int_eq(step_swap_undo(&s), 0); /* it is not there */
	rig_dm(3, "memtgt_x-data");
	ck_assert_int_eq(step_swap_undo(&s), 0); /* it swaps nothing */
	log_is("");
	used(100, "");
	ck_assert_int_eq(step_swap_undo(&s), 0);
	log_is("swapoff /dev/dm-3\n");
	rig_answer("swapoff", 0, "echo 'swapoff failed: Cannot allocate memory'; exit 4");
	fails(step_swap_undo(&s), -EREMOTEIO, "swapoff failed: Cannot allocate memory");
}
END_TEST

/* 100 MiB are available. */
static const struct {
	unsigned used;
	const char *others;
	const char *why; /* NULL: there is room */
} rooms[] = {
	{100, "", NULL},
	{101, "", "101 MiB are swapped out to it, and this host has room for 100 MiB: 1 MiB"},
	{350, "", ": 250 MiB of memory are missing"},
	{300, "/dev/sda2 partition 307200 102400 -2\n", NULL},
	{301, "/dev/sda2 partition 307200 102400 -2\n", "room for 300 MiB: 1 MiB"},
	/* What is in memory itself. */
	{101, "/dev/zram0 partition 409600 0 100\n", "room for 100 MiB: 1 MiB"},
};

START_TEST(swap_off_needs_memory)
{
	rig_dm(3, "memtgt_x-data");
	used(rooms[_i].used, rooms[_i].others);
	if (!rooms[_i].why) {
		ck_assert_int_eq(step_swap_undo(&s), 0);
		log_is("swapoff /dev/dm-3\n");
	} else {
		fails(step_swap_undo(&s), -ENOMEM, rooms[_i].why);
		log_is("");
	}
}
END_TEST

START_TEST(swap_off_stands_still)
{
	rig_dm(3, "memtgt_x-data");
	used(100, "");
	swap_stall_ms = 1200;
	rig_answer("swapoff", 0, "exec sleep 1000");
	fails(step_swap_undo(&s), -ETIMEDOUT, "no page has come home for 1 s");
	swap_stall_ms = 300000;
}
END_TEST

/* Longer than any other program may. */
START_TEST(swap_off_goes_on)
{
	rig_dm(3, "memtgt_x-data");
	used(100, "");
	tool_limit_ms = 100;
	rig_answer(
		"swapoff", 0,
		"printf 'Filename\n/dev/dm-3 partition 409600 25600 5\n' >\"$dir/../proc/swaps\"\n"
		"sleep 3\n");
	ck_assert_int_eq(step_swap_undo(&s), 0);
	ck_assert_int_eq(rig_permille, 750);
	tool_limit_ms = TOOL_LIMIT_MS;
}
END_TEST

#define COUNT(a) (int)(sizeof(a) / sizeof((a)[0]))

int main(void)
{
	Suite *suite = suite_create("loan_swap");
	TCase *t = tcase_create("crypt");

	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, crypt_setup, rig_end);
	tcase_add_test(t, crypt_not_asked_for);
	tcase_add_test(t, crypt_opened);
	tcase_add_test(t, crypt_there);
	tcase_add_test(t, crypt_without_a_table);
	tcase_add_loop_test(t, crypt_of_others, 0, 3);
	tcase_add_test(t, crypt_after_a_boot);
	tcase_add_test(t, crypt_undone);
	suite_add_tcase(suite, t);

	t = tcase_create("swap");
	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, setup, rig_end);
	tcase_add_test(t, swap_of_a_volume);
	tcase_add_test(t, swap_on);
	tcase_add_test(t, swap_on_what_is_encrypted);
	tcase_add_loop_test(t, swap_that_is_on, 0, 2);
	tcase_add_test(t, swap_that_others_take_off);
	tcase_add_test(t, swap_errors);
	tcase_add_test(t, swap_off);
	tcase_add_loop_test(t, swap_off_needs_memory, 0, COUNT(rooms));
	tcase_add_test(t, swap_off_stands_still);
	tcase_add_test(t, swap_off_goes_on);
	suite_add_tcase(suite, t);
	return test_main(suite);
}
