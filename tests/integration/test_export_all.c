// SPDX-License-Identifier: MIT
/*
 * test_export_all.c - lun export --all and lun import --all of a real memtgtd, over a restart:
 * what is there already, what is missing, what does not fit, what fails in the middle.
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

#include "base/image.h"
#include "lib/ctl.h"
#include "lib/daemon.h"
#include "lib/rawinit.h"
#include "lib/test_main.h"

#define MIB    (1u << 20)
#define LUNS_N 3

static struct daemon d;
static char folder[64], words[256], path[256];
static uint8_t data[65536], back[65536];

static void start(const char *luns)
{
	char more[256];

	snprintf(more, sizeof(more),
		 "reactor = { count = 1; }; control = { socket = \"%s\"; };"
		 "pool = { size = \"64M\"; pages = \"plain\"; };",
		 ctl_path);
	daemon_start(&d, luns, more);
}

#define THREE                                                  \
	"{ id = 0; size = \"4M\"; provisioning = \"thin\"; }," \
	"{ id = 1; size = \"4M\"; provisioning = \"full\"; }," \
	"{ id = 7; size = \"8M\"; provisioning = \"thin\"; block_size = 4096; }"

static const unsigned ids[LUNS_N] = {0, 1, 7}, blocks[LUNS_N] = {512, 512, 4096};

static void setup(void)
{
	strcpy(folder, "/tmp/test_export_all.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(ctl_path, sizeof(ctl_path), "%s.sock", folder);
	start(THREE);
}

static void teardown(void)
{
	DIR *all = opendir(folder);
	const struct dirent *e;

	if (d.pid)
		daemon_stop(&d);
	while ((e = readdir(all)))
		if (e->d_name[0] != '.')
			ck_assert_int_eq(unlinkat(dirfd(all), e->d_name, 0), 0);
	closedir(all);
	ck_assert_int_eq(rmdir(folder), 0);
}

static void all(const char *verb, const char *more, int status)
{
	snprintf(words, sizeof(words), "lun %s --all %s%s", verb, folder, more);
	ctl(words, status);
}

static const char *file_of(unsigned id)
{
	snprintf(path, sizeof(path), "%s/" DAEMON_TARGET ".lun%u.image", folder, id);
	return path;
}

static unsigned count_files(void)
{
	DIR *dir = opendir(folder);
	const struct dirent *e;
	unsigned n = 0;

	while ((e = readdir(dir)))
		n += e->d_name[0] != '.';
	closedir(dir);
	return n;
}

/* What each LUN holds tells which it is. */
static void make_data(unsigned lun, unsigned salt)
{
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)((i * 2654435761u >> 13) + lun * 37 + salt) | 1;
}

static void wait_alone(void)
{
	do
		ctl("--json lun list", 0);
	while (strstr(ctl_out, "\"sessions\": 1"));
}

static void fill(unsigned salt)
{
	struct raw r;

	raw_session(&r, d.port, NULL);
	for (unsigned i = 0; i < LUNS_N; i++) {
		while (raw_test_unit_ready(&r, ids[i]) != 0)
			;
		make_data(i, salt);
		ck_assert_uint_eq(
			raw_write(&r, ids[i], MIB / blocks[i], data, sizeof(data), blocks[i]), 0);
	}
	raw_close(&r);
	wait_alone();
}

/* Of LUN i. salt 0: nothing. */
static void expect(unsigned i, unsigned salt)
{
	struct raw r;

	raw_session(&r, d.port, NULL);
	while (raw_test_unit_ready(&r, ids[i]) != 0)
		;
	ck_assert_uint_eq(raw_read(&r, ids[i], MIB / blocks[i], back, sizeof(back), blocks[i]), 0);
	make_data(i, salt);
	if (!salt)
		memset(data, 0, sizeof(data));
	ck_assert_mem_eq(back, data, sizeof(data));
	raw_close(&r);
	wait_alone();
}

static void restart(const char *luns)
{
	daemon_stop(&d);
	start(luns);
}

START_TEST(over_a_restart)
{
	fill(1);
	all("export", "", 0);
	ck_assert_uint_eq(ctl_lines(), LUNS_N);
	ctl_has("LUN 7: 65536 of 8388608 bytes are data: ");
	ck_assert_uint_eq(count_files(), LUNS_N);
	restart(THREE);
	all("import", "", 0);
	ck_assert_uint_eq(ctl_lines(), LUNS_N);
	for (unsigned i = 0; i < LUNS_N; i++)
		expect(i, 1);
}
END_TEST

/* For programs. */
START_TEST(as_json)
{
	fill(1);
	snprintf(words, sizeof(words), "--json lun export --all %s", folder);
	ctl(words, 0);
	ctl_has("\"luns\": [");
	ctl_has("\"data_bytes\": 65536");
	ctl_has(file_of(7));
	ctl(words, 1);
	ctl_has("\"error\": \"");
	ctl_has("3 of 3 failed");
}
END_TEST

/* A file that is there stays what it is, and is named; the others are written. */
START_TEST(files_that_are_there)
{
	fill(1);
	int fd = open(file_of(1), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	ck_assert_int_eq(write(fd, "mine", 4), 4);
	close(fd);
	all("export", "", 1);
	ctl_has("is there already: --force overwrites it");
	ctl_has("1 of 3 failed: " DAEMON_TARGET " LUN 1");
	ck_assert_uint_eq(count_files(), LUNS_N);
	fd = open(file_of(1), O_RDONLY | O_CLOEXEC);
	ck_assert_int_eq(read(fd, back, sizeof(back)), 4);
	ck_assert_mem_eq(back, "mine", 4);
	close(fd);
	all("export", " --force", 0);
	restart(THREE);
	all("import", "", 0);
	for (unsigned i = 0; i < LUNS_N; i++)
		expect(i, 1);
}
END_TEST

/* A LUN that holds data keeps it, unless it is said that it is to go. */
START_TEST(luns_that_hold_data)
{
	fill(1);
	all("export", "", 0);
	fill(2);
	all("import", "", 1);
	ctl_has("LUN 0: it holds data, which would be lost: --force");
	ctl_has("3 of 3 failed");
	expect(0, 2);
	expect(2, 2);
	all("import", " --force", 0);
	for (unsigned i = 0; i < LUNS_N; i++)
		expect(i, 1);
}
END_TEST

/* No LUN of that name, a LUN that is smaller, a damaged file: each is told, the others go on. */
START_TEST(what_does_not_fit)
{
	fill(1);
	all("export", "", 0);
	restart("{ id = 0; size = \"1M\"; provisioning = \"thin\"; },"
		"{ id = 1; size = \"4M\"; provisioning = \"full\"; },"
		"{ id = 9; size = \"4M\"; provisioning = \"thin\"; }");
	all("import", "", 1);
	ctl_has("LUN 0: the image is of a LUN of 4194304 bytes, and this one has 1048576");
	ctl_has("LUN 7: memtgtd has no such LUN");
	ctl_has("LUN 9: ");
	ctl_has("has no image of it");
	ctl_has("2 of 3 failed: " DAEMON_TARGET " LUN 0; " DAEMON_TARGET " LUN 7\n");
	expect(1, 1);
	restart(THREE);
	ck_assert_int_eq(truncate(file_of(0), 500), 0);
	int fd = open(file_of(7), O_WRONLY | O_CLOEXEC);
	ck_assert_int_eq(pwrite(fd, "X", 1, 0), 1);
	close(fd);
	all("import", "", 1);
	ctl_has("LUN 0: ");
	ctl_has("the image is cut off; nothing was changed");
	ctl_has(".lun7.image: this is no image of a LUN; nothing was changed");
	ctl_has("2 of 3 failed");
	expect(0, 0);
	expect(1, 1);
	expect(2, 0);
}
END_TEST

static int put_file(void *arg, const void *p, size_t n)
{
	return fwrite(p, 1, n, arg) == n ? 0 : -1;
}

/* Two of one LUN: neither is taken. What does not say whose it is: nor that. Other names are left
 * alone, and the name of an image does not count. */
START_TEST(whose_is_it)
{
	struct image_lun of_nobody = {.bytes = 4 * MIB, .block_bytes = 512};
	char other[256];
	struct image_out o;

	fill(1);
	all("export", "", 0);
	snprintf(other, sizeof(other), "%s/a.image", folder);
	ck_assert_int_eq(rename(file_of(1), other), 0);
	snprintf(other, sizeof(other), "%s/b.image", folder);
	ck_assert_int_eq(link(file_of(0), other), 0);
	snprintf(other, sizeof(other), "%s/c.image", folder);
	FILE *f = fopen(other, "we");
	ck_assert_int_eq(image_out_begin(&o, put_file, f, &of_nobody), 0);
	ck_assert_int_eq(image_out_end(&o), 0);
	fclose(f);
	snprintf(other, sizeof(other), "%s/notes", folder);
	fclose(fopen(other, "we"));
	restart(THREE);
	all("import", "", 1);
	ctl_has("b.image are both of it: import the right one");
	ctl_has("c.image: the image does not say whose it is");
	ctl_has("3 of 5 failed");
	ck_assert_ptr_null(strstr(ctl_out, "notes"));
	expect(0, 0);
	expect(1, 1);
	expect(2, 1);
}
END_TEST

START_TEST(refused)
{
	struct raw r;

	ctl("lun export --all /nonexistent", 1);
	ctl_has("/nonexistent: No such file");
	ctl("lun import --all /nonexistent", 1);
	ctl("lun export --all /dev/null", 1);
	ctl_has("/dev/null: Not a directory");
	all("import", "", 1);
	ctl_has("no file there has a name that ends with .image");
	snprintf(words, sizeof(words), "lun list --all %s", folder);
	ctl(words, 2);
	ctl_has("--all belongs to lun export and lun import");
	ctl("lun export " DAEMON_TARGET " 0 - --force", 2);
	ctl_has("--force belongs to --all");
	all("export", " " DAEMON_TARGET, 2);
	ctl_has("target is too much");
	raw_session(&r, d.port, NULL);
	all("export", "", 1);
	ctl_has("3 of 3 failed");
	ck_assert_uint_eq(count_files(), 0);
	all("export", " force=yes", 0);
	raw_close(&r);
	daemon_stop(&d);
	all("import", "", 3);
	ctl_has("is not there: is memtgtd running");
}
END_TEST

/* A disk that is full for one LUN: no half of a file is left, and the smaller ones are written. */
START_TEST(no_room)
{
	struct rlimit was, few = {0};

	fill(1);
	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &was), 0);
	few = was;
	few.rlim_cur = 4096;
	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &few), 0);
	ctl("lun delete " DAEMON_TARGET " 0", 0);
	ctl("lun create " DAEMON_TARGET " 4M 0", 0);
	all("export", "", 1);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &was), 0);
	ctl_has("File too large");
	ctl_has("2 of 3 failed: " DAEMON_TARGET " LUN 1; " DAEMON_TARGET " LUN 7");
	ck_assert_uint_eq(count_files(), 1);
	ck_assert(!access(file_of(0), F_OK));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("export_all");
	TCase *t = tcase_create("export_all");

	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, over_a_restart);
	tcase_add_test(t, as_json);
	tcase_add_test(t, files_that_are_there);
	tcase_add_test(t, luns_that_hold_data);
	tcase_add_test(t, what_does_not_fit);
	tcase_add_test(t, whose_is_it);
	tcase_add_test(t, refused);
	tcase_add_test(t, no_room);
	suite_add_tcase(s, t);
	return test_main(s);
}
