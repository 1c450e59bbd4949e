// SPDX-License-Identifier: MIT
/*
 * test_spill_live.c - the end of a real memtgtd with spill_dir, and its next start: what initiators
 * see of it, also when a file is damaged, or the disk was full.
 */
#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/ctl.h"
#include "lib/daemon.h"
#include "lib/rawinit.h"
#include "lib/test_main.h"

#define BLOCK	512u
#define MIB	((uint64_t)1 << 20)
#define STOPPED 0x020402u

static const char luns[] = "{ id = 0; size = \"8M\"; provisioning = \"thin\"; },"
			   "{ id = 1; size = \"8M\"; provisioning = \"full\"; },"
			   "{ id = 2; size = \"8M\"; provisioning = \"thin\"; }";
static struct daemon d;
static char dir[64], spills[80], serial[2][64], words[256];
static uint8_t data[65536], back[65536];

static void setup(void)
{
	strcpy(dir, "/tmp/memtgt-test-spill-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(spills, sizeof(spills), "%s/spill", dir);
	ck_assert_int_eq(mkdir(spills, 0700), 0);
	snprintf(ctl_path, sizeof(ctl_path), "%s/control.sock", dir);
}

static void teardown(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", dir);
	ck_assert_int_eq(system(command), 0);
}

static void start(bool keeper)
{
	char text[512];

	snprintf(text, sizeof(text),
		 "state_dir = \"%s\"; spill_dir = \"%s\"; control = { socket = \"%s\"; };"
		 "pool = { pages = \"plain\"; headroom = 0; }; reactor = { count = 2; };",
		 dir, spills, ctl_path);
	if (keeper)
		daemon_start_kept(&d, luns, text);
	else
		daemon_start(&d, luns, text);
}

/* The only image's path; NULL: there is none. */
static const char *image(void)
{
	static char path[400];
	DIR *all = opendir(spills);
	const struct dirent *e;
	unsigned n = 0;

	while ((e = readdir(all)))
		if (e->d_name[0] != '.' && ++n)
			snprintf(path, sizeof(path), "%s/%s", spills, e->d_name);
	closedir(all);
	ck_assert_uint_le(n, 1);
	return n ? path : NULL;
}

static unsigned count_images(void)
{
	DIR *all = opendir(spills);
	const struct dirent *e;
	unsigned n = 0;

	while ((e = readdir(all)))
		n += e->d_name[0] != '.';
	closedir(all);
	return n;
}

/* ---- sessions ---- */

static void make_data(unsigned salt)
{
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)((i * 2654435761u >> 13) + salt * 31) | 1;
}

/* Logged in, and told all that there is to tell; returns the sense that stays, 0: it is ready. */
static uint32_t enter(struct raw *r, unsigned lun)
{
	raw_session(r, d.port, NULL);
	while (raw_test_unit_ready(r, lun) != 0)
		if (raw_sense(r) >> 16 != 6)
			return raw_sense(r);
	return 0;
}

static void write_lun(unsigned lun, unsigned salt)
{
	struct raw r;

	enter(&r, lun);
	make_data(salt);
	ck_assert_uint_eq(raw_write(&r, lun, MIB / BLOCK, data, sizeof(data), BLOCK), 0);
	raw_close(&r);
}

static void expect_lun(unsigned lun, unsigned salt)
{
	struct raw r;

	enter(&r, lun);
	make_data(salt);
	ck_assert_uint_eq(raw_read(&r, lun, MIB / BLOCK, back, sizeof(back), BLOCK), 0);
	ck_assert_mem_eq(back, data, sizeof(data));
	raw_close(&r);
}

static void expect_stopped(unsigned lun)
{
	struct raw r;

	ck_assert_uint_eq(enter(&r, lun), STOPPED);
	raw_close(&r);
}

static void get_serial(unsigned lun, char out[static 64])
{
	snprintf(words, sizeof(words), "--json lun show " DAEMON_TARGET " %u", lun);
	ctl(words, 0);
	const char *at = strstr(ctl_out, "\"serial\": \"");
	ck_assert_ptr_nonnull(at);
	snprintf(out, 64, "%.*s", (int)strcspn(at + 11, "\""), at + 11);
}

/* ---- tests ---- */

/* Twice: what came back goes again. LUN 2 has no data, and needs no file. */
START_TEST(stop_and_start)
{
	start(_i);
	for (unsigned salt = 1; salt < 3; salt++) {
		write_lun(0, salt);
		write_lun(1, salt + 10);
		get_serial(0, serial[0]);
		daemon_stop(&d);
		ck_assert_uint_eq(count_images(), 2);
		start(_i);
		ck_assert_uint_eq(count_images(), 0);
		expect_lun(0, salt);
		expect_lun(1, salt + 10);
		get_serial(0, serial[1]);
		ck_assert_str_eq(serial[0], serial[1]);
		get_serial(2, serial[1]);
	}
	daemon_stop(&d);
}
END_TEST

/* A LUN that the operator made comes back as it was. */
START_TEST(made_at_run_time)
{
	start(false);
	ctl("lun create " DAEMON_TARGET " 6M 9 serial=MINE", 0);
	write_lun(9, 4);
	daemon_stop(&d);
	ck_assert_ptr_nonnull(image());
	start(false);
	expect_lun(9, 4);
	get_serial(9, serial[0]);
	ck_assert_str_eq(serial[0], "MINE");
	daemon_stop(&d);
}
END_TEST

/* It is left there; the LUN is another one, and stopped; and the image never comes back by itself.
 */
START_TEST(damaged)
{
	char path[400];

	start(false);
	write_lun(0, 1);
	get_serial(0, serial[0]);
	daemon_stop(&d);
	strcpy(path, image());
	ck_assert_int_eq(truncate(path, 20000), 0);
	start(false);
	ck_assert(daemon_log_has(&d, "what it held is not back"));
	ck_assert(daemon_log_has(&d, "memtgtctl lun import"));
	ck_assert_int_eq(access(path, F_OK), 0);
	expect_stopped(0);
	get_serial(0, serial[1]);
	ck_assert_str_ne(serial[0], serial[1]);
	daemon_stop(&d);
	start(false);
	expect_stopped(0);
	daemon_stop(&d);
}
END_TEST

/* What found no room is told as lost, in bytes, and that it was used is still known. */
START_TEST(full_disk)
{
	struct rlimit was, few;

	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &was), 0);
	few = was;
	few.rlim_cur = 90000;
	start(false);
	ck_assert_int_eq(prlimit(d.pid, RLIMIT_FSIZE, &few, NULL), 0);
	write_lun(0, 1);
	struct raw r;
	enter(&r, 2);
	make_data(5);
	ck_assert_uint_eq(raw_write(&r, 2, MIB / BLOCK, data, 4096, BLOCK), 0);
	raw_close(&r);
	write_lun(1, 2);
	enter(&r, 1);
	ck_assert_uint_eq(raw_write(&r, 1, 3 * MIB / BLOCK, data, sizeof(data), BLOCK), 0);
	raw_close(&r);
	int log = dup(d.log);
	daemon_stop(&d);
	struct daemon old = {.log = log};
	ck_assert(daemon_log_has(&old, "LUN 1: cannot be saved to "));
	ck_assert(daemon_log_has(&old, "File too large"));
	ck_assert(daemon_log_has(&old, "LUN 1: 8388608 bytes of memory, and what was in them"));
	ck_assert(!daemon_log_has(&old, "LUN 0: 2097152 bytes of memory, and what was in them"));
	close(log);
	ck_assert_uint_eq(count_images(), 2);
	start(false);
	expect_lun(0, 1);
	expect_stopped(1);
	daemon_stop(&d);
}
END_TEST

/* One block, with no word but the answer to it. 0, the sense, or ENDED. */
#define ENDED 1u
static uint32_t write_or_end(struct raw *r, uint8_t with)
{
	uint8_t cdb[16], block[BLOCK];

	memset(block, with, sizeof(block));
	raw_cdb_rw16(cdb, 0x8a, 0, 1);
	union raw_bhs h = raw_command(r, ISCSI_CMD_WRITE | ISCSI_ATTR_SIMPLE | ISCSI_FINAL, cdb,
				      sizeof(block));
	if (!raw_send(r, &h, block, sizeof(block)))
		return ENDED;
	do
		if (!raw_recv(r))
			return ENDED;
	while (r->bhs.any.opcode != ISCSI_OP_SCSI_RSP);
	return r->bhs.rsp.status ? raw_sense(r) : 0;
}

/* Who is still there when the end begins cannot write what would not be saved. */
START_TEST(no_writes_at_the_end)
{
	uint8_t last = 1, with = 1;
	struct raw r;
	uint32_t sense;

	start(false);
	ck_assert_uint_eq(enter(&r, 0), 0);
	ck_assert_uint_eq(write_or_end(&r, with), 0);
	daemon_ask_to_end(&d);
	while (!(sense = write_or_end(&r, ++with)) || sense >> 16 == 6)
		last = sense ? last : with;
	ck_assert_msg(sense == 0x072700 || sense == ENDED, "sense %06x", (unsigned)sense);
	raw_close(&r);
	daemon_wait_end(&d, DAEMON_PATIENCE_MS);
	start(false);
	ck_assert_uint_eq(enter(&r, 0), 0);
	ck_assert_uint_eq(raw_read(&r, 0, 0, back, BLOCK, BLOCK), 0);
	ck_assert_uint_eq(back[0], last);
	raw_close(&r);
	daemon_stop(&d);
}
END_TEST

/* What came from a file is kept as all else is, and goes to one again. */
START_TEST(with_a_keeper)
{
	start(false);
	write_lun(0, 1);
	daemon_stop(&d);
	ck_assert_ptr_nonnull(image());
	start(true);
	expect_lun(0, 1);
	ck_assert_int_eq(kill(daemon_child(&d), SIGKILL), 0);
	daemon_wait_ready(&d, 2);
	expect_lun(0, 1);
	daemon_stop(&d);
	start(false);
	expect_lun(0, 1);
	daemon_stop(&d);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("spill_live");
	TCase *t = tcase_create("spill_live");

	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, stop_and_start, 0, 2);
	tcase_add_test(t, made_at_run_time);
	tcase_add_test(t, damaged);
	tcase_add_test(t, full_disk);
	tcase_add_test(t, no_writes_at_the_end);
	tcase_add_test(t, with_a_keeper);
	suite_add_tcase(s, t);
	return test_main(s);
}
