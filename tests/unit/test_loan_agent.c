// SPDX-License-Identifier: MIT
/* test_loan_agent.c - what the agent reads, writes and decides beside its judge. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "initiator-tools/agent/array.h"
#include "initiator-tools/agent/fail.h"
#include "initiator-tools/agent/leaving.h"
#include "initiator-tools/agent/mend.h"
#include "initiator-tools/agent/metrics.h"
#include "initiator-tools/agent/say.h"
#include "initiator-tools/agent/since.h"
#include "initiator-tools/agent/uevent.h"
#include "lib/test_main.h"

/* ---- events ---- */

#define CHANGE                                                                             \
	"change@/devices/platform/host3/session1/target3:0:0/3:0:0:16385\0ACTION=change\0" \
	"DEVPATH=/devices/platform/host3/session1/target3:0:0/3:0:0:16385\0SUBSYSTEM=scsi\0"

static struct uevent event;

static bool parse(const char *bytes, size_t n)
{
	return uevent_parse(cursor_of(bytes, n), &event);
}

#define PARSE(text) parse(text, sizeof(text))

START_TEST(event_of_a_short_donor)
{
	ck_assert(PARSE(CHANGE "SDEV_UA=THIN_PROVISIONING_SOFT_THRESHOLD_REACHED"));
	ck_assert_int_eq(event.attention, UEVENT_THRESHOLD);
	ck_assert_uint_eq(event.host, 3);
	ck_assert_uint_eq(event.channel, 0);
	ck_assert_uint_eq(event.target, 0);
	ck_assert_uint_eq(event.lun, 16385);
	ck_assert(!event.is_removed);
	ck_assert(PARSE(CHANGE "SDEV_UA=CAPACITY_DATA_HAS_CHANGED\0SEQNUM=77"));
	ck_assert_int_eq(event.attention, UEVENT_CAPACITY);
}
END_TEST

START_TEST(event_that_matters_not)
{
	ck_assert(!PARSE(CHANGE "SDEV_UA=SOMETHING_ELSE"));
	ck_assert(!PARSE(CHANGE "SDEV_UA="));
	ck_assert(!PARSE(CHANGE "SEQNUM=1"));
	ck_assert(!PARSE("change@/a/3:0:0:1\0DEVPATH=/a/3:0:0:1\0SUBSYSTEM=block\0"
			 "SDEV_UA=CAPACITY_DATA_HAS_CHANGED"));
	/* udevd's own begin so. */
	ck_assert(!PARSE("libudev\0SUBSYSTEM=scsi\0DEVPATH=/a/3:0:0:1\0ACTION=remove"));
	ck_assert(!PARSE("remove@/a\0SUBSYSTEM=scsi\0DEVPATH=/a/target3:0:0\0ACTION=remove"));
	ck_assert(!PARSE("remove@/a\0SUBSYSTEM=scsi\0DEVPATH=/a/3:0:0:1x\0ACTION=remove"));
	ck_assert(!parse("", 0));
}
END_TEST

START_TEST(event_of_a_disk_that_went)
{
	ck_assert(PARSE("remove@/a/3:0:7:1\0SUBSYSTEM=scsi\0DEVPATH=/a/3:0:7:1\0ACTION=remove"));
	ck_assert(event.is_removed);
	ck_assert_uint_eq(event.target, 7);
	/* Without a NUL at the end, and with a line that fits nowhere. */
	char big[3000];
	memset(big, 'x', sizeof(big));
	memcpy(big, "remove@", 7);
	big[2000] = '\0';
	static const char rest[] = "SUBSYSTEM=scsi\0DEVPATH=/a/3:0:7:1\0ACTION=remove";
	memcpy(big + 2001, rest, sizeof(rest) - 1);
	ck_assert(parse(big, 2001 + sizeof(rest) - 1));
}
END_TEST

/* ---- device mapper ---- */

START_TEST(table_of_a_mirror)
{
	struct array a;

	ck_assert(array_parse_table("raid1 3 0 region_size 4096 2 254:0 254:1 254:2 254:3", &a));
	ck_assert_uint_eq(a.n, 2);
	ck_assert_uint_eq(a.images[0].major, 254);
	ck_assert_uint_eq(a.images[0].minor, 1);
	ck_assert_uint_eq(a.images[1].minor, 3);
	ck_assert(array_parse_table("raid1 1 0 3 254:0 254:1 - - - 254:5", &a));
	ck_assert_uint_eq(a.images[1].major, 0);
	ck_assert_uint_eq(a.images[2].minor, 5);
}
END_TEST

START_TEST(table_of_nothing)
{
	static const char *const texts[] = {
		"",
		"raid1",
		"raid5_ls 1 0 2 254:0 254:1 254:2 254:3",
		"raid1 99 0",
		"raid1 2 0",
		"raid1 1 0 0",
		"raid1 1 0 17 254:0 254:1",
		"raid1 1 0 2 254:0 254:1 254:2",
		"raid1 1 0 1 254:0 254:x",
		"raid1 1 0 1 254:0 254:1:1",
		"raid1 1 0 1 254:0 123456789012345678901234567890123:1",
	};
	struct array a;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		ck_assert_msg(!array_parse_table(texts[i], &a), "%s", texts[i]);
}
END_TEST

START_TEST(health_of_an_image)
{
	ck_assert_int_eq(array_health(NULL), LEG_ABSENT);
	ck_assert_int_eq(array_health(&(struct array_image){.health = 'A'}), LEG_SYNCED);
	ck_assert_int_eq(array_health(&(struct array_image){.health = 'a'}), LEG_SYNCING);
	ck_assert_int_eq(array_health(&(struct array_image){.health = 'D'}), LEG_DEAD);
	ck_assert_int_eq(array_health(&(struct array_image){0}), LEG_UNKNOWN);
}
END_TEST

/* ---- since when ---- */

static int64_t since(const char *text, const char *name)
{
	return since_parse(text, strlen(text), name);
}

START_TEST(since_when)
{
	ck_assert_int_eq(since("swap 1790000000\n", "swap"), 1790000000);
	ck_assert_int_eq(since("swap2 5\nswap 7\n", "swap"), 7);
	ck_assert_int_eq(since("a 1\nswap 7", "swap"), 7);
	ck_assert_int_eq(since("swap 9223372036854775807\n", "swap"), INT64_MAX);
	ck_assert_int_eq(since("swap 9223372036854775808\n", "swap"), 0);
	ck_assert_int_eq(since("swap 99999999999999999999999\n", "swap"), 0);
	ck_assert_int_eq(since("swap -7\nswap \nswap\nswa", "swap"), 0);
	ck_assert_int_eq(since("", "swap"), 0);
	ck_assert_int_eq(since_parse("swap 7\0", 7, "swap"), 0);
}
END_TEST

static char dir[64];

static void make_dir(void)
{
	snprintf(dir, sizeof(dir), "/tmp/memtgt-agent.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
}

static void remove_dir(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	ck_assert_int_eq(system(command), 0);
}

START_TEST(since_in_a_file)
{
	make_dir();
	ck_assert_int_eq(since_read(dir, "swap"), 0);
	ck_assert_int_eq(since_write(dir, "swap 12\n", 8), 0);
	ck_assert_int_eq(since_read(dir, "swap"), 12);
	ck_assert_int_eq(since_write(dir, "", 0), 0);
	ck_assert_int_eq(since_read(dir, "swap"), 0);
	/* Nothing is left in the folder of loans. */
	ck_assert_int_eq(rmdir(dir), 0);
	ck_assert_int_eq(since_write(dir, "", 0), 0);
	ck_assert_int_eq(since_write(dir, "swap 12\n", 8), -ENOENT);
}
END_TEST

/* ---- donors that are left ---- */

START_TEST(donor_that_refuses_twice)
{
	static struct leaving l;

	l = (struct leaving){0};
	leaving_take(&l, "a", true);
	ck_assert(!leaving_has(&l, "a"));
	leaving_take(&l, "b", true);
	leaving_take(&l, "a", false);
	leaving_take(&l, "a", true);
	ck_assert(!leaving_has(&l, "a"));
	leaving_take(&l, "a", true);
	leaving_take(&l, "a", true);
	ck_assert(leaving_has(&l, "a"));
	ck_assert(!leaving_has(&l, "b"));
	ck_assert(!leaving_has(&l, "c"));
	leaving_take(&l, "a", false);
	ck_assert(!leaving_has(&l, "a"));
}
END_TEST

/* ---- what is written into a loan ---- */

static struct loan loan;

static struct mend a_loan(enum judge_act act, unsigned leg)
{
	struct mend m = {.act = act, .leg = leg, .uuid = "one"};

	loan = (struct loan){.uuid = "one", .is_made = true, .nlegs = 2};
	loan.legs[0] = (struct loan_leg){.id = 4, .has_data = true};
	loan.legs[1] = (struct loan_leg){.id = 7, .has_data = true};
	return m;
}

START_TEST(marks)
{
	struct mend m = a_loan(JUDGE_REPLACE, 7);

	ck_assert(mend_mark(&loan, &m));
	ck_assert(loan.legs[1].is_lost && loan.legs[1].is_unwanted);
	ck_assert(!loan.legs[0].is_lost && !loan.legs[0].is_unwanted);
	/* A donor that leaves has a copy until there is another one. */
	m = a_loan(JUDGE_MOVE, 4);
	ck_assert(mend_mark(&loan, &m));
	ck_assert(loan.legs[0].is_unwanted && !loan.legs[0].is_lost);
	m = a_loan(JUDGE_REBUILD, 0);
	ck_assert(mend_mark(&loan, &m));
	ck_assert(!loan.legs[0].is_unwanted && !loan.legs[1].is_unwanted);
}
END_TEST

/* What the operator has done meanwhile stands above what was decided before. */
START_TEST(marks_nothing)
{
	struct mend m = a_loan(JUDGE_REPLACE, 5);

	ck_assert(!mend_mark(&loan, &m));
	m = a_loan(JUDGE_REPLACE, 7);
	loan.is_ending = true;
	ck_assert(!mend_mark(&loan, &m));
	m = a_loan(JUDGE_REPLACE, 7);
	loan.is_stopped = true;
	ck_assert(!mend_mark(&loan, &m));
	m = a_loan(JUDGE_REPLACE, 7);
	memcpy(loan.uuid, "two", 4);
	ck_assert(!mend_mark(&loan, &m));
	m = a_loan(JUDGE_REBUILD, 0);
	loan.is_made = false;
	ck_assert(!mend_mark(&loan, &m));
	ck_assert(!loan.legs[1].is_lost);
}
END_TEST

/* ---- a disk is taken from the kernel ---- */

static void put_file(const char *name, const char *text)
{
	char path[512], folder[600];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	snprintf(folder, sizeof(folder), "mkdir -p \"$(dirname '%s')\"", path);
	ck_assert_int_eq(system(folder), 0);
	FILE *f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
}

static const char *got_file(const char *name)
{
	static char text[64];
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	FILE *f = fopen(path, "r");
	ck_assert_ptr_nonnull(f);
	size_t n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = '\0';
	return text;
}

#define BLOCK	"sys/class/block/"
#define SESSION "sys/class/iscsi_session/session"

static void two_disks(void)
{
	make_dir();
	disk_root = dir;
	put_file(BLOCK "sda/dev", "8:0\n");
	put_file(BLOCK "sda/device/delete", "");
	put_file(BLOCK "sdb/dev", "8:16\n");
	put_file(BLOCK "sdb/device/delete", "");
	put_file(SESSION "1/recovery_tmo", "999");
	put_file(SESSION "2/recovery_tmo", "999");
}

START_TEST(disk_is_deleted)
{
	two_disks();
	struct fail_order o = {.n = 1, .disks[0] = {"sdb", 8, 16, 2}};
	ck_assert_int_eq(fail_now(&o), 0);
	ck_assert_str_eq(got_file(BLOCK "sdb/device/delete"), "1");
	/* A file of sysfs is written from its beginning. */
	ck_assert_str_eq(got_file(SESSION "2/recovery_tmo"), "199");
	ck_assert_str_eq(got_file(BLOCK "sda/device/delete"), "");
	ck_assert_str_eq(got_file(SESSION "1/recovery_tmo"), "999");
	remove_dir();
}
END_TEST

/* Another disk has the name now; and a session that others use is left alone. */
START_TEST(disk_is_another)
{
	two_disks();
	struct fail_order o = {
		.n = 2, .disks[0] = {"sda", 8, 32, -1}, .disks[1] = {"sdb", 8, 16, -1}};
	ck_assert_int_eq(fail_now(&o), 0);
	ck_assert_str_eq(got_file(BLOCK "sda/device/delete"), "");
	ck_assert_str_eq(got_file(BLOCK "sdb/device/delete"), "1");
	ck_assert_str_eq(got_file(SESSION "1/recovery_tmo"), "999");
	ck_assert_str_eq(got_file(SESSION "2/recovery_tmo"), "999");
	remove_dir();
}
END_TEST

static bool appears(const char *name, const char *want)
{
	for (unsigned i = 0; i < 1000 && strcmp(got_file(name), want); i++)
		usleep(10000);
	return !strcmp(got_file(name), want);
}

/* By the process that waits; then there is another one. */
START_TEST(order_is_carried_out)
{
	two_disks();
	struct fail_order o = {.n = 1, .disks[0] = {"sda", 8, 0, -1}};
	ck_assert_int_eq(fail_prepare(), 0);
	ck_assert_int_eq(fail_prepare(), 0);
	ck_assert_int_eq(fail_leg(&o), 0);
	ck_assert(appears(BLOCK "sda/device/delete", "1"));
	o.disks[0] = (struct fail_order){.disks[0] = {"sdb", 8, 16, -1}}.disks[0];
	ck_assert_int_eq(fail_leg(&o), 0);
	ck_assert(appears(BLOCK "sdb/device/delete", "1"));
	ck_assert_int_eq(fail_prepare(), 0);
	fail_end();
	remove_dir();
}
END_TEST

/* ---- metrics ---- */

static bool nobody_leaves(void *arg, const char *donor)
{
	(void)arg;
	return !strcmp(donor, "cellar");
}

static const char *printed(const struct metrics *m)
{
	static char text[16384];
	FILE *f = fmemopen(text, sizeof(text), "w");

	ck_assert_ptr_nonnull(f);
	metrics_print(f, m);
	fclose(f);
	return text;
}

static bool has_line(const char *text, const char *line)
{
	const char *at = strstr(text, line);

	return at && at[strlen(line)] == '\n' && (at == text || at[-1] == '\n');
}

START_TEST(metrics_of_a_loan)
{
	static struct watch_loan l;
	static struct loan_disk disk = {.donor = "cellar", .lun = 1};
	struct watch w = {.boot = "boot", .loans[0] = &l, .n = 1};
	struct metrics m = {.watch = &w, .leaves = nobody_leaves, .now = 1790000100, .stalls = 2};

	l.loan = (struct loan){
		.wish = {.name = "vol", .size = 4096, .copies = 2, .kind = LOAN_VOLUME},
		.boot = "boot",
		.is_made = true,
		.nlegs = 1};
	l.loan.legs[0] = (struct loan_leg){.id = 3, .disks = &disk, .ndisks = 1};
	l.copies = 1;
	l.degraded_since = 1790000000;
	l.legs[0] = (struct watch_leg){.is_used = true, .id = 3, .ndisks = 1, .donor = "cellar"};
	l.of[0] = &l.legs[0];
	l.nseen = 1;
	m.decisions[JUDGE_FAIL] = 3;
	const char *text = printed(&m);
	ck_assert(has_line(text, "memloan_loan_size_bytes{loan=\"vol\"} 4096"));
	ck_assert(has_line(text, "memloan_loan_copies_promised{loan=\"vol\"} 2"));
	ck_assert(has_line(text, "memloan_loan_copies{loan=\"vol\"} 1"));
	ck_assert(has_line(text, "memloan_loan_degraded_seconds{loan=\"vol\"} 100"));
	ck_assert(!strstr(text, "memloan_loan_swap_used_bytes{"));
	ck_assert(has_line(text, "memloan_donor_silent_seconds{loan=\"vol\",donor=\"cellar\"} 0"));
	ck_assert(has_line(text, "memloan_donor_leaving{loan=\"vol\",donor=\"cellar\"} 1"));
	ck_assert(has_line(text, "memloan_agent_decisions_total{decision=\"fail\"} 3"));
	ck_assert(has_line(text, "memloan_agent_decisions_total{decision=\"move\"} 0"));
	ck_assert(has_line(text, "memloan_agent_stalls_total 2"));
	ck_assert(has_line(text, "memloan_agent_look_timestamp_seconds 1790000100"));
	ck_assert(has_line(text, "# TYPE memloan_agent_stalls_total counter"));
}
END_TEST

/* What node_exporter takes: each name after its TYPE, in one block, once; no line twice. */
START_TEST(metrics_have_form)
{
	struct watch w = {0};
	struct metrics m = {.watch = &w, .leaves = nobody_leaves};
	char text[16384], last[128] = "";
	unsigned types = 0;

	snprintf(text, sizeof(text), "%s", printed(&m));
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		char name[128];
		if (sscanf(line, "# TYPE %127s", name) == 1) {
			ck_assert_str_ne(name, last);
			memcpy(last, name, sizeof(last));
			types++;
		} else if (line[0] != '#') {
			ck_assert_msg(!strncmp(line, last, strlen(last)), "%s", line);
			ck_assert(strchr("{ ", line[strlen(last)]));
		}
	}
	ck_assert_uint_gt(types, 10);
}
END_TEST

START_TEST(metrics_in_a_file)
{
	char path[128];
	struct watch w = {.dir = dir};
	struct metrics m = {.watch = &w, .leaves = nobody_leaves, .path = path};

	make_dir();
	snprintf(path, sizeof(path), "%s/memloan.prom", dir);
	ck_assert_int_eq(metrics_write(&m), 0);
	ck_assert_int_eq(access(path, R_OK), 0);
	ck_assert_int_eq(metrics_write(&m), 0);
	remove_dir();
	ck_assert_int_ne(metrics_write(&m), 0);
}
END_TEST

/* ---- lines ---- */

/* Nobody reads: the agent goes on, and tells later what was dropped. */
START_TEST(nobody_reads)
{
	int fds[2], saved = dup(STDERR_FILENO);
	char text[65536];
	ssize_t n;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	dup2(fds[1], STDERR_FILENO);
	for (unsigned i = 0; i < 20000; i++)
		say("line %u\x1b", i);
	while ((n = recv(fds[0], text, sizeof(text), MSG_DONTWAIT)) > 0)
		ck_assert_ptr_null(memchr(text, 0x1b, (size_t)n));
	say("the last");
	n = recv(fds[0], text, sizeof(text) - 1, MSG_DONTWAIT);
	dup2(saved, STDERR_FILENO);
	close(saved);
	ck_assert_int_gt(n, 0);
	text[n] = '\0';
	ck_assert_ptr_nonnull(strstr(text, "lines were not taken; the last\n"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("loan_agent");
	TCase *t = tcase_create("all");

	tcase_add_test(t, event_of_a_short_donor);
	tcase_add_test(t, event_that_matters_not);
	tcase_add_test(t, event_of_a_disk_that_went);
	tcase_add_test(t, table_of_a_mirror);
	tcase_add_test(t, table_of_nothing);
	tcase_add_test(t, health_of_an_image);
	tcase_add_test(t, since_when);
	tcase_add_test(t, since_in_a_file);
	tcase_add_test(t, donor_that_refuses_twice);
	tcase_add_test(t, marks);
	tcase_add_test(t, marks_nothing);
	tcase_add_test(t, disk_is_deleted);
	tcase_add_test(t, disk_is_another);
	tcase_add_test(t, order_is_carried_out);
	tcase_add_test(t, metrics_of_a_loan);
	tcase_add_test(t, metrics_have_form);
	tcase_add_test(t, metrics_in_a_file);
	tcase_add_test(t, nobody_reads);
	suite_add_tcase(s, t);
	signal(SIGPIPE, SIG_IGN);
	return test_main(s);
}
