// SPDX-License-Identifier: MIT
/*
 * test_kept.c - data, names and sizes over a restart, and who may use what was lost: what
 * initiators see of it.
 */
#include <check.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/ctl.h"
#include "lib/daemon.h"
#include "lib/rawinit.h"
#include "lib/test_main.h"

#define BLOCK	512u
#define GOOD	0u
#define STOPPED 0x020402u
#define OLDER	0x020403u
#define RESET	0x062904u
#define POWERED 0x062900u
#define READY	0x062800u
#define BUSY	0xffffffu
#define KILLS	5u

static const char luns[] = "{ id = 0; size = \"8M\"; provisioning = \"thin\"; },"
			   "{ id = 1; size = \"8M\"; provisioning = \"thin\"; }";
static struct daemon d;
static char dir[64];
static unsigned starts; /* of daemons, by the keeper */

static const char *settings(const char *more)
{
	static char text[512];

	snprintf(text, sizeof(text),
		 "state_dir = \"%s\"; control = { socket = \"%s\"; };"
		 "pool = { pages = \"plain\"; headroom = 0; };"
		 "reactor = { count = 2; }; %s",
		 dir, ctl_path, more);
	return text;
}

static void setup(void)
{
	strcpy(dir, "/tmp/memtgt-test-kept-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(ctl_path, sizeof(ctl_path), "%s/control.sock", dir);
}

static void teardown(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", dir);
	ck_assert_int_eq(system(command), 0);
}

static void start(void)
{
	daemon_start(&d, luns, settings(""));
}

static void start_kept(void)
{
	daemon_start_kept(&d, luns, settings(""));
	starts = 1;
}

static void restart(int signo)
{
	ck_assert_int_eq(kill(daemon_child(&d), signo), 0);
	daemon_wait_ready(&d, ++starts);
}

/* ---- sessions ---- */

static void log_in(struct raw *r, uint32_t isid)
{
	raw_open(r, d.port);
	raw_set_isid(r, isid);
	ck_assert_uint_eq(raw_login(r, DAEMON_TARGET, NULL), 0);
}

static uint32_t outcome(const struct raw *r, uint8_t status)
{
	return !status ? GOOD : status == 8 ? BUSY : raw_sense(r);
}

static uint32_t tur(struct raw *r, unsigned lun)
{
	uint8_t status = raw_test_unit_ready(r, lun);

	return outcome(r, status);
}

/* INQUIRY for the standard data: as a host begins that does not know the disk. */
static void probe(struct raw *r, unsigned lun)
{
	uint8_t cdb[16] = {0x12, 0, 0, 0, 36};
	union raw_bhs h = raw_command(r, ISCSI_FINAL | ISCSI_ATTR_SIMPLE | ISCSI_CMD_READ, cdb, 36);

	raw_set_lun(&h, lun);
	ck_assert(raw_send(r, &h, NULL, 0));
	raw_expect(r, ISCSI_OP_DATA_IN);
}

/* START STOP UNIT with START=1. */
static uint32_t start_unit(struct raw *r, unsigned lun)
{
	uint8_t cdb[16] = {0x1b, 0, 0, 0, 1};
	union raw_bhs h = raw_command(r, ISCSI_FINAL | ISCSI_ATTR_SIMPLE, cdb, 0);

	raw_set_lun(&h, lun);
	ck_assert(raw_send(r, &h, NULL, 0));
	raw_expect(r, ISCSI_OP_SCSI_RSP);
	return outcome(r, r->bhs.rsp.status);
}

static uint32_t put(struct raw *r, unsigned lun, uint64_t lba, char c)
{
	char block[BLOCK];

	memset(block, c, sizeof(block));
	uint8_t status = raw_write(r, lun, lba, block, sizeof(block), BLOCK);
	return outcome(r, status);
}

/* What a block is full of; 0xff: its bytes differ. */
static uint32_t get(struct raw *r, unsigned lun, uint64_t lba, char *c)
{
	char block[BLOCK] = "";
	uint8_t status = raw_read(r, lun, lba, block, sizeof(block), BLOCK);

	*c = memcmp(block, block + 1, BLOCK - 1) ? (char)0xff : block[0];
	return outcome(r, status);
}

static void expect_block(struct raw *r, unsigned lun, uint64_t lba, char c)
{
	char is;

	ck_assert_uint_eq(get(r, lun, lba, &is), GOOD);
	ck_assert_int_eq(is, c);
}

/* The row of a LUN, from its target's name on. */
static void row(unsigned lun, char *out, size_t n)
{
	char words[128];

	snprintf(words, sizeof(words), "lun show " DAEMON_TARGET " %u", lun);
	ctl(words, 0);
	/* All but the sessions, which come and go. */
	char *sessions = strstr(ctl_out, "sessions");
	ck_assert_ptr_nonnull(sessions);
	char *end = strchr(sessions, '\n');
	snprintf(out, n, "%.*s%s", (int)(sessions - ctl_out), ctl_out, end ? end : "");
}

/* ---- with a keeper ---- */

/* Each daemon finds what was acknowledged to those before it, and the table of LUNs. */
START_TEST(killed_again_and_again)
{
	char was[4096], is[4096];
	struct raw r;

	start_kept();
	ctl("lun create " DAEMON_TARGET " 4M id=7 serial=MINE", 0);
	ctl("lun resize " DAEMON_TARGET " 0 16M", 0);
	for (unsigned i = 0; i < KILLS; i++) {
		log_in(&r, 1);
		for (unsigned lun = 0; lun < 8; lun = lun * 6 + 1) { /* 0, 1, 7 */
			ck_assert_uint_eq(tur(&r, lun), i ? RESET : POWERED);
			ck_assert_uint_eq(tur(&r, lun), GOOD);
			ck_assert_uint_eq(put(&r, lun, i, (char)('a' + i)), GOOD);
			for (unsigned j = 0; j <= i; j++)
				expect_block(&r, lun, j, (char)('a' + j));
		}
		row(7, was, sizeof(was));
		restart(i % 2 ? SIGTERM : SIGKILL);
		row(7, is, sizeof(is));
		ck_assert_str_eq(was, is);
		raw_expect_closed(&r);
		raw_close(&r);
	}
	ctl("lun list", 0);
	ctl_has("16 MiB");
	ctl_has("MINE");
	daemon_stop(&d);
}
END_TEST

/* What the operator made read-only, and what he removed, stays so. */
START_TEST(changes_outlive_a_daemon)
{
	struct raw r;

	start_kept();
	ctl("lun readonly " DAEMON_TARGET " 1 on", 0);
	ctl("lun create " DAEMON_TARGET " 4M id=7", 0);
	ctl("lun delete " DAEMON_TARGET " 7", 0);
	restart(SIGKILL);
	log_in(&r, 1);
	ck_assert_uint_eq(tur(&r, 1), RESET);
	ck_assert_uint_eq(put(&r, 1, 0, 'x'), 0x072700);
	raw_close(&r);
	ctl("lun show " DAEMON_TARGET " 7", 1);
	daemon_stop(&d);
}
END_TEST

/* ---- a loss ---- */

static void lose(void)
{
	daemon_stop(&d);
	start();
}

START_TEST(who_had_data_gets_errors)
{
	struct raw had, fresh;
	char c;

	start();
	log_in(&had, 1);
	ck_assert_uint_eq(tur(&had, 1), POWERED);
	ck_assert_uint_eq(put(&had, 1, 0, 'x'), GOOD);
	raw_close(&had);
	lose();
	log_in(&had, 1);
	ck_assert_uint_eq(tur(&had, 0), POWERED); /* nobody had written there */
	ck_assert_uint_eq(tur(&had, 0), GOOD);
	ck_assert_uint_eq(tur(&had, 1), POWERED);
	ck_assert_uint_eq(tur(&had, 1), STOPPED);
	ck_assert_uint_eq(get(&had, 1, 0, &c), OLDER);
	ck_assert_uint_eq(put(&had, 1, 0, 'y'), OLDER);
	ck_assert_uint_eq(start_unit(&had, 1), OLDER); /* "rescan" of a disk that it has */
	ck_assert_uint_eq(tur(&had, 1), OLDER);
	ctl("lun show " DAEMON_TARGET " 1", 0);
	ctl_has("stopped");

	log_in(&fresh, 2); /* as Linux probes */
	probe(&fresh, 1);
	ck_assert_uint_eq(tur(&fresh, 1), POWERED);
	ck_assert_uint_eq(tur(&fresh, 1), STOPPED);
	ck_assert_uint_eq(start_unit(&fresh, 1), GOOD);
	ck_assert_uint_eq(tur(&fresh, 1), GOOD);
	expect_block(&fresh, 1, 0, 0);
	ck_assert_uint_eq(put(&fresh, 1, 0, 'z'), GOOD);
	raw_close(&fresh);

	log_in(&fresh, 2); /* and goes on after its connection was lost */
	ck_assert_uint_eq(tur(&fresh, 1), POWERED);
	expect_block(&fresh, 1, 0, 'z');
	ck_assert_uint_eq(get(&had, 1, 0, &c), OLDER);

	ctl("lun start " DAEMON_TARGET " 1", 0);
	ck_assert_uint_eq(tur(&had, 1), READY);
	expect_block(&had, 1, 0, 'z');
	ck_assert_uint_eq(tur(&fresh, 1), READY);
	ck_assert_uint_eq(tur(&fresh, 1), GOOD);
	raw_close(&had);
	raw_close(&fresh);
	daemon_stop(&d);
}
END_TEST

/* After a loss, and a restart that is none: who started it goes on, who had data does not. */
START_TEST(started_before_a_restart)
{
	struct raw r;
	char c;

	start();
	log_in(&r, 1);
	ck_assert_uint_eq(tur(&r, 1), POWERED);
	ck_assert_uint_eq(put(&r, 1, 0, 'x'), GOOD);
	raw_close(&r);
	daemon_stop(&d);
	start_kept();
	log_in(&r, 2);
	probe(&r, 1);
	ck_assert_uint_eq(tur(&r, 1), POWERED);
	ck_assert_uint_eq(start_unit(&r, 1), GOOD);
	ck_assert_uint_eq(put(&r, 1, 0, 'z'), GOOD);
	restart(SIGKILL);
	raw_close(&r);
	log_in(&r, 2);
	ck_assert_uint_eq(tur(&r, 1), RESET);
	expect_block(&r, 1, 0, 'z');
	raw_close(&r);
	log_in(&r, 1);
	ck_assert_uint_eq(tur(&r, 1), RESET);
	ck_assert_uint_eq(get(&r, 1, 0, &c), OLDER);
	raw_close(&r);
	daemon_stop(&d);
}
END_TEST

/* ---- the disk ---- */

/* A write that cannot be remembered is never acknowledged, and delays nobody else. */
START_TEST(a_disk_that_takes_nothing)
{
	char block[128];
	struct raw r, other;

	snprintf(block, sizeof(block), "%s/luns.json.new", dir);
	start();
	log_in(&r, 1);
	log_in(&other, 2);
	ck_assert_uint_eq(tur(&r, 1), POWERED);
	ck_assert_uint_eq(tur(&other, 0), POWERED);
	ck_assert_uint_eq(put(&other, 0, 0, 'o'), GOOD);
	ck_assert_int_eq(mkdir(block, 0700), 0);
	ck_assert_uint_eq(put(&r, 1, 0, 'x'), BUSY);
	ck_assert_uint_eq(put(&other, 0, 0, 'p'), GOOD); /* that one is known */
	expect_block(&r, 1, 0, 0);
	ck_assert_int_eq(rmdir(block), 0);
	uint32_t rc;
	for (int i = 0; (rc = put(&r, 1, 0, 'y')) == BUSY; i++)
		ck_assert_int_lt(i, 10);
	ck_assert_uint_eq(rc, GOOD);
	expect_block(&r, 1, 0, 'y');
	raw_close(&r);
	raw_close(&other);
	daemon_stop(&d);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("kept");
	TCase *t = tcase_create("kept");

	tcase_set_timeout(t, 240);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, killed_again_and_again);
	tcase_add_test(t, changes_outlive_a_daemon);
	tcase_add_test(t, who_had_data_gets_errors);
	tcase_add_test(t, started_before_a_restart);
	tcase_add_test(t, a_disk_that_takes_nothing);
	suite_add_tcase(s, t);
	return test_main(s);
}
