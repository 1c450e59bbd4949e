// SPDX-License-Identifier: MIT
/*
 * test_crash.c - a daemon that is killed, or replaced, under verified load: nobody sees an error,
 * what was acknowledged is there, no page is lost. The longest pause is printed.
 *
 * MEMTGT_CRASH_KILLS, MEMTGT_CRASH_UPGRADES: how often, in place of a few times. In builds that
 * have fail points (base/fail_point.h) it dies at some of them, other ones each time, or at the one
 * that MEMTGT_CRASH_POINTS names, or, if that is "all", at each.
 */
#include <errno.h>
#include <fcntl.h>
#include <iscsi/iscsi.h>
#include <iscsi/scsi-lowlevel.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fail_point.h"
#include "lib/crash_rig.h"
#include "lib/test_main.h"

static struct crash_rig c;

static unsigned times(const char *variable, unsigned usual)
{
	const char *text = getenv(variable);

	return text ? (unsigned)atoi(text) : usual;
}

static void start(void)
{
	crash_folder(&c);
	crash_start(&c, NULL);
	crash_load(&c, false);
}

/* ---- SIGKILL at any moment ---- */

/* Now and then the next dies before it serves anybody. */
START_TEST(killed_at_random_moments)
{
	unsigned kills = times("MEMTGT_CRASH_KILLS", 10), seed = (unsigned)getpid();
	struct load_sums sums;

	printf("# seed %u\n", seed);
	start();
	for (unsigned i = 1; i <= kills; i++) {
		if (rand_r(&seed) % 4)
			load_wait(c.load, 20);
		test_sleep_ms((unsigned)rand_r(&seed) % 300);
		crash_kill(&c);
		if (i % 10 == 0)
			crash_check(&c);
	}
	crash_check(&c);
	load_sum(c.load, &sums);
	ck_assert_uint_gt(sums.unanswered, 0);
	ck_assert_uint_gt(sums.settled, 0);
	printf("# %u kills\n", kills);
	crash_stop(&c, "killed");
}
END_TEST

/* ---- upgrades ---- */

/* To another file each time, and to the same now and then; then it is killed, and the one that was
 * told last is started. */
START_TEST(upgraded)
{
	unsigned upgrades = times("MEMTGT_CRASH_UPGRADES", 3);
	char program[2][128], command[256], exe[128], link[64];
	struct load_sums sums;

	start();
	for (int i = 0; i < 2; i++) {
		snprintf(program[i], sizeof(program[i]), "%s/memtgtd-%d", c.folder, i);
		crash_copy_program(program[i]);
	}
	for (unsigned i = 0; i < upgrades; i++) {
		pid_t pid = crash_child(&c);
		load_wait(c.load, 20);
		if (i % 3 == 2)
			strcpy(command, "upgrade");
		else
			snprintf(command, sizeof(command), "upgrade %s", program[i & 1]);
		ctl(command, 0);
		load_wait(c.load, 20);
		ck_assert_int_eq(crash_child(&c), pid);
		crash_served(&c);
	}
	crash_check(&c);
	snprintf(command, sizeof(command), "upgrade %s", program[1]);
	ctl(command, 0);
	crash_served(&c);
	crash_kill(&c);
	crash_check(&c);
	snprintf(link, sizeof(link), "/proc/%d/exe", (int)crash_child(&c));
	ssize_t n = readlink(link, exe, sizeof(exe) - 1);
	ck_assert_int_gt(n, 0);
	exe[n] = '\0';
	ck_assert_str_eq(exe, program[1]);
	load_sum(c.load, &sums);
	ck_assert_uint_gt(sums.logins, CRASH_SESSIONS);
	printf("# %u upgrades\n", upgrades + 1);
	crash_stop(&c, "upgraded");
}
END_TEST

/* ---- fail points ---- */

#ifdef FAIL_POINTS

#define FAIL_POINTS_LEAST 40
#define ROUNDS		  6 /* of all that may lead to a place */

static struct fail_point_board *board;

static void open_board(void)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/board", c.folder);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	ck_assert(fd >= 0 && !fchmod(fd, 0666) && !ftruncate(fd, sizeof(*board)));
	board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ck_assert_ptr_ne(board, MAP_FAILED);
	close(fd);
	setenv("MEMTGT_FAIL_POINT_BOARD", path, 1);
}

/* `p` counts after the process died at `before`, if that is not FAIL_POINTS_COUNT. */
static void arm(enum fail_point p, enum fail_point before)
{
	bool two = before != FAIL_POINTS_COUNT;

	board->left = 1;
	board->next = two ? p + 1 : 0;
	board->armed = (two ? before : p) + 1;
}

static bool is_hit(void)
{
	return !board->armed;
}

/* ---- what leads to places, beside the load ---- */

#define T DAEMON_TARGET

/* The daemon may die of it: then the words of memtgtctl are nothing to go by. */
static void ask(const char *words)
{
	crash_served(&c);
	ctl_run(words, false);
}

static void kill_it(const char *unused)
{
	(void)unused;
	crash_kill(&c);
}

/* Some data. Whatever becomes of it: the daemon may die meanwhile. */
static void write_to(int lun)
{
	struct iscsi_context *i = iscsi_create_context("iqn.2026-01.org.memtgt:first");
	uint8_t data[4096] = {7};

	iscsi_set_targetname(i, T);
	iscsi_set_session_type(i, ISCSI_SESSION_NORMAL);
	iscsi_set_noautoreconnect(i, 1);
	iscsi_set_timeout(i, 20);
	if (!iscsi_full_connect_sync(i, daemon_portal(&c.d), lun))
		scsi_free_scsi_task(
			iscsi_write16_sync(i, lun, 0, data, sizeof(data), 512, 0, 0, 0, 0, 0));
	iscsi_destroy_context(i);
}

static void write_7(const char *unused)
{
	(void)unused;
	write_to(7);
}

/* Both copies of the record of LUN 7, which is then held. */
static void damage_7(const char *unused)
{
	(void)unused;
	crash_halt(&c);
	crash_damage(&c, 8u << 20);
	crash_resume(&c);
}

/* LUN 7 comes and goes. */
static const struct {
	void (*act)(const char *words);
	const char *words;
} acts[] = {
	{ask, "lun create " T " 16M 7 thin force=true"},
	{write_7, NULL},
	{ask, "lun resize " T " 7 24M"},
	{ask, "lun readonly " T " 7 true"},
	{ask, "lun readonly " T " 7 false"},
	{ask, "lun resize " T " 7 9M force=true"},
	{ask, "pool resize 144M"},
	{kill_it, NULL},
	{ask, "lun delete " T " 7"},
	{ask, "lun create " T " 8M 7 full force=true"},
	{ask, "upgrade"},
	{ask, "lun resize " T " 7 13M"},
	{ask, "lun resize " T " 7 8M force=true"},
	{damage_7, NULL},
	{ask, "lun delete held 2"},
	{ask, "pool resize 160M"},
};
#define ACTS (sizeof(acts) / sizeof(acts[0]))

static void provoke(void)
{
	for (size_t i = 0; i < ROUNDS * ACTS && !is_hit(); i++) {
		acts[i % ACTS].act(acts[i % ACTS].words);
		load_wait(c.load, 5);
	}
}

/* ---- which places, and how ---- */

enum way { BY_ACTS, BY_HEADER, BY_END, BY_UNIT };

/* All others are passed by acts. `before`: only after the daemon died there. */
static const struct {
	enum fail_point p, before;
	enum way way;
} special[] = {
	{FAIL_AT_ADOPT_GONE, FAIL_AT_CREATE_FILLED, BY_ACTS},
	{FAIL_AT_ADOPT_ENTRY, FAIL_AT_GROW_FILLED, BY_ACTS},
	{FAIL_AT_ADOPT_REDONE, FAIL_AT_INTENT_HALF, BY_ACTS},
	{FAIL_AT_ADOPT_HELD, FAIL_POINTS_COUNT, BY_HEADER},
	{FAIL_AT_SPILL_HALF, FAIL_POINTS_COUNT, BY_END},
	{FAIL_AT_SPILL_WRITTEN, FAIL_POINTS_COUNT, BY_END},
	{FAIL_AT_SPILL_RENAMED, FAIL_POINTS_COUNT, BY_END},
	{FAIL_AT_SPILL_NAMED, FAIL_POINTS_COUNT, BY_END},
	/* The keeper gets the memory when all is restored: tests/unit/test_spill.c is there. */
	{FAIL_AT_RESTORE_DROPPED, FAIL_POINTS_COUNT, BY_UNIT},
	{FAIL_AT_RESTORE_BEGUN, FAIL_POINTS_COUNT, BY_END},
	{FAIL_AT_RESTORE_HALF, FAIL_POINTS_COUNT, BY_END},
	{FAIL_AT_RESTORE_FILLED, FAIL_POINTS_COUNT, BY_END},
	{FAIL_AT_RESTORE_KNOWN, FAIL_POINTS_COUNT, BY_END},
	{FAIL_AT_RESTORE_FORGOTTEN, FAIL_POINTS_COUNT, BY_END},
	{FAIL_AT_RESTORE_REMOVED, FAIL_POINTS_COUNT, BY_END},
};

static enum way way_to(enum fail_point p, enum fail_point *before)
{
	*before = FAIL_POINTS_COUNT;
	for (size_t i = 0; i < sizeof(special) / sizeof(special[0]); i++)
		if (special[i].p == p) {
			*before = special[i].before;
			return special[i].way;
		}
	return BY_ACTS;
}

/* All of them take minutes. */
static bool is_wanted(unsigned p)
{
	const char *text = getenv("MEMTGT_CRASH_POINTS");

	if (text && strcmp(text, "all") != 0)
		return !strcmp(text, fail_point_name(p));
	return text || (p + (unsigned)getppid()) % 8 == 0;
}

/* For each place of this way in turn: it is armed, `try` leads to it, and all is well after it. */
static void at_each(enum way way, void (*try)(void))
{
	unsigned hit = 0;

	for (unsigned p = 0; p < FAIL_POINTS_COUNT; p++) {
		enum fail_point before;
		if (way_to(p, &before) != way || !is_wanted(p))
			continue;
		arm(p, before);
		try();
		printf("# %s: %s\n", fail_point_name(p), is_hit() ? "hit" : "NOT HIT");
		fflush(stdout);
		hit += is_hit();
		ck_assert_msg(is_hit(), "%s was not passed", fail_point_name(p));
		crash_check(&c);
	}
	printf("# %u of %u fail points\n", hit, (unsigned)FAIL_POINTS_COUNT);
}

/* ---- fail points: the tests ---- */

static void act(void)
{
	provoke();
	ask("lun delete " T " 7");
	ask("lun delete held 2");
	ask("pool resize 160M");
}

/* All in one daemon's life, or rather many. */
START_TEST(killed_at_each_fail_point)
{
	ck_assert_uint_ge(FAIL_POINTS_COUNT, FAIL_POINTS_LEAST);
	crash_folder(&c);
	open_board();
	crash_start(&c, NULL);
	crash_load(&c, false);
	at_each(BY_ACTS, act);
	crash_stop(&c, "killed at fail points");
}
END_TEST

/* The store's own record is lost: no LUN is served, and what they had is there for export. */
START_TEST(killed_while_all_is_held)
{
	char words[256];

	crash_folder(&c);
	open_board();
	crash_start(&c, NULL);
	write_to(1); /* what is empty is not held */
	arm(FAIL_AT_ADOPT_HELD, FAIL_POINTS_COUNT);
	crash_halt(&c);
	ck_assert(crash_damage_copy(&c, 0, 0, 40) && crash_damage_copy(&c, 0, 1, 41));
	crash_resume(&c);
	ck_assert(is_hit());
	crash_check_pages(&c);
	for (int slot = 0; slot < 2; slot++) {
		snprintf(words, sizeof(words), "lun export held %d %s/image", slot, c.folder);
		ctl(words, 0);
		snprintf(words, sizeof(words), "lun delete held %d", slot);
		ctl(words, 0);
	}
	crash_check_pages(&c);
	crash_stop(&c, NULL);
}
END_TEST

/* The final end, and another keeper with another daemon, on the same port. */
static void end_and_begin(void)
{
	load_rest(c.load);
	crash_restart(&c);
	load_go(c.load);
	load_wait(c.load, 5);
}

/* What LUNs hold goes to the disk at the end, and comes back. */
START_TEST(killed_while_memory_is_spilled)
{
	char more[128];

	crash_folder(&c);
	open_board();
	snprintf(more, sizeof(more), "spill_dir = \"%s\";", c.spill);
	crash_start(&c, more);
	crash_load(&c, true);
	at_each(BY_END, end_and_begin);
	crash_stop(&c, "killed while memory is spilled");
}
END_TEST

#endif

static Suite *suite(void)
{
	Suite *s = suite_create("crash");
	TCase *t = tcase_create("crash");

	tcase_set_timeout(t, 600);
	tcase_add_test(t, killed_at_random_moments);
	tcase_add_test(t, upgraded);
#ifdef FAIL_POINTS
	tcase_add_test(t, killed_at_each_fail_point);
	tcase_add_test(t, killed_while_all_is_held);
	tcase_add_test(t, killed_while_memory_is_spilled);
#endif
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	return test_main(suite());
}
