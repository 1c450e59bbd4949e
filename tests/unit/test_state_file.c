// SPDX-License-Identifier: MIT
/* test_state_file.c - what is known of LUNs stays known, and a file that is not understood is no
 * empty one. */
#include "state/file.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/test_main.h"

#define TARGET "iqn.2026-01.org.memtgt:a"
#define LUN    "{\"target\":\"" TARGET "\",\"id\":%s,\"generation\":%s,\"used\":%s,\"spilled\":%s}"

static char dir[64], path[128], why[512];

static void setup(void)
{
	strcpy(dir, "/tmp/memtgt-test-state-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/" STATE_FILE_NAME, dir);
	why[0] = '\0';
}

static void teardown(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", dir);
	ck_assert_int_eq(system(command), 0);
}

static struct state_file *open_good(void)
{
	struct state_file *f;

	ck_assert_msg(!state_open(dir, &f, why, sizeof(why)), "%s", why);
	return f;
}

static void write_file(const char *text)
{
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	ck_assert_int_eq(fclose(f), 0);
}

static void save(struct state_file *f)
{
	ck_assert_msg(!state_save(f, why, sizeof(why)), "%s", why);
}

START_TEST(nothing_is_known_at_first)
{
	struct state_file *f = open_good();
	struct state_lun lun = {.used = true};

	ck_assert(!state_find(f, TARGET, 0, &lun));
	ck_assert(!lun.used && !lun.generation && !lun.spilled[0]);
	ck_assert_str_eq(state_path(f), path);
	state_close(f);
	ck_assert_int_eq(access(path, F_OK), -1);
}
END_TEST

START_TEST(what_is_saved_is_found)
{
	struct state_file *f = open_good();
	struct state_lun lun;

	ck_assert_int_eq(state_set_used(f, TARGET, 0, true), 0);
	ck_assert_int_eq(state_set_generation(f, TARGET, 0, UINT32_MAX), 0);
	ck_assert_int_eq(state_set_generation(f, TARGET, 255, 7), 0);
	ck_assert_int_eq(state_set_spilled(f, TARGET, 255, "0f8fad5b-d9cb-469f-a165-70867728950e"),
			 0);
	save(f);
	state_close(f);
	f = open_good();
	ck_assert(state_find(f, TARGET, 0, &lun));
	ck_assert(lun.used && lun.generation == UINT32_MAX && !lun.spilled[0]);
	ck_assert(state_find(f, "IQN.2026-01.org.memtgt:A", 255, &lun));
	ck_assert(!lun.used && lun.generation == 7);
	ck_assert_str_eq(lun.spilled, "0f8fad5b-d9cb-469f-a165-70867728950e");
	ck_assert(!state_find(f, TARGET, 1, &lun));
	state_close(f);
}
END_TEST

/* A container has no machine-id; its LUNs are to have the same names all the same. */
START_TEST(the_host_is_the_same_after_a_restart)
{
	uint8_t first[STATE_HOST_SIZE], again[STATE_HOST_SIZE], other[STATE_HOST_SIZE];
	struct state_file *f = open_good();

	ck_assert_int_eq(state_host(f, first), 0);
	ck_assert_int_eq(state_host(f, again), 0);
	ck_assert_mem_eq(first, again, sizeof(first));
	save(f);
	state_close(f);
	f = open_good();
	ck_assert_int_eq(state_host(f, again), 0);
	ck_assert_mem_eq(first, again, sizeof(first));
	state_close(f);
	unlink(path);
	f = open_good();
	ck_assert_int_eq(state_host(f, other), 0);
	ck_assert_mem_ne(first, other, sizeof(first));
	state_close(f);
}
END_TEST

START_TEST(only_changes_are_written)
{
	struct state_file *f = open_good();
	struct stat before, after;

	ck_assert_int_eq(state_set_used(f, TARGET, 0, true), 0);
	save(f);
	ck_assert_int_eq(stat(path, &before), 0);
	ck_assert_int_eq(state_set_used(f, TARGET, 0, true), 0);
	save(f);
	ck_assert_int_eq(stat(path, &after), 0);
	ck_assert_uint_eq(before.st_ino, after.st_ino);
	ck_assert_int_eq(state_set_used(f, TARGET, 0, false), 0);
	save(f);
	ck_assert_int_eq(stat(path, &after), 0);
	ck_assert_uint_ne(before.st_ino, after.st_ino);
	ck_assert_uint_eq(after.st_mode & 0777, 0600);
	state_close(f);
}
END_TEST

START_TEST(what_no_file_can_hold_is_refused)
{
	struct state_file *f = open_good();
	char name[ISCSI_NAME_MAX + 2];

	memset(name, 'a', sizeof(name));
	name[ISCSI_NAME_MAX + 1] = '\0';
	ck_assert_int_eq(state_set_used(f, name, 0, true), -EINVAL);
	name[ISCSI_NAME_MAX] = '\0';
	ck_assert_int_eq(state_set_used(f, name, 0, true), 0);
	ck_assert_int_eq(state_set_used(f, "", 0, true), -EINVAL);
	ck_assert_int_eq(state_set_used(f, TARGET, STATE_IDS, true), -EINVAL);
	ck_assert_int_eq(state_set_used(f, TARGET, STATE_IDS - 1, true), 0);
	ck_assert_int_eq(state_set_spilled(f, TARGET, 0, "0f8fad5b-d9cb-469f-a165-70867728950e0"),
			 -EINVAL);
	state_close(f);
}
END_TEST

/* A folder that is gone takes no file. What was set waits for the next time. */
START_TEST(a_failure_to_write_is_told_and_made_good)
{
	struct state_file *f = open_good();
	struct state_lun lun;
	char block[160];

	snprintf(block, sizeof(block), "%s.new", path);
	ck_assert_int_eq(mkdir(block, 0700), 0);
	ck_assert_int_eq(state_set_used(f, TARGET, 0, true), 0);
	ck_assert_int_eq(state_save(f, why, sizeof(why)), -EISDIR);
	ck_assert_msg(strstr(why, path) != NULL, "%s", why);
	ck_assert_int_eq(rmdir(block), 0);
	save(f);
	state_close(f);
	f = open_good();
	ck_assert(state_find(f, TARGET, 0, &lun) && lun.used);
	state_close(f);
}
END_TEST

/* A process that died while it wrote leaves what is not the file. */
START_TEST(a_file_half_written_beside_it_is_nothing)
{
	char beside[160];
	struct state_file *f = open_good();
	struct state_lun lun;

	ck_assert_int_eq(state_set_used(f, TARGET, 0, true), 0);
	save(f);
	state_close(f);
	snprintf(beside, sizeof(beside), "%s.new", path);
	FILE *half = fopen(beside, "w");
	ck_assert_ptr_nonnull(half);
	fputs("{\"memtgt_sta", half);
	ck_assert_int_eq(fclose(half), 0);
	f = open_good();
	ck_assert(state_find(f, TARGET, 0, &lun) && lun.used);
	ck_assert_int_eq(state_set_used(f, TARGET, 1, true), 0);
	save(f);
	state_close(f);
	f = open_good();
	ck_assert(state_find(f, TARGET, 1, &lun) && lun.used);
	state_close(f);
}
END_TEST

/* One digit short. */
#define HOST "0123456789abcdef0123456789abcde"

static const struct bad {
	const char *text;
	int rc;
	const char *said;
} bad[] = {
	{"", -EINVAL, "no JSON"},
	{"{\"memtgt_state\":1,\"luns\":[", -EINVAL, "no JSON"},
	{"[]", -EINVAL, "memtgt_state"},
	{"{}", -EINVAL, "memtgt_state"},
	{"{\"memtgt_state\":0,\"luns\":[]}", -EINVAL, "memtgt_state"},
	{"{\"memtgt_state\":\"1\",\"luns\":[]}", -EINVAL, "memtgt_state"},
	{"{\"memtgt_state\":2,\"luns\":[]}", -ENOTSUP, "newer"},
	{"{\"memtgt_state\":2,\"disks\":{}}", -ENOTSUP, "newer"},
	{"{\"memtgt_state\":1}", -EINVAL, "luns"},
	{"{\"memtgt_state\":1,\"luns\":{}}", -EINVAL, "luns"},
	{"{\"memtgt_state\":1,\"memtgt_state\":1,\"luns\":[]}", -EINVAL, "no JSON"},
	{"{\"memtgt_state\":1,\"luns\":[[[[[[[[[[[]]]]]]]]]]]}", -EINVAL, "deep"},
	{"{\"memtgt_state\":1,\"luns\":[3]}", -EINVAL, "element 0"},
	{"{\"memtgt_state\":1,\"host\":\"" HOST "\",\"luns\":[]}", -EINVAL, "host"},
	{"{\"memtgt_state\":1,\"host\":\"" HOST "00\",\"luns\":[]}", -EINVAL, "host"},
	{"{\"memtgt_state\":1,\"host\":\"" HOST "g\",\"luns\":[]}", -EINVAL, "host"},
	{"{\"memtgt_state\":1,\"host\":1,\"luns\":[]}", -EINVAL, "host"},
};

static const struct {
	const char *id, *generation, *used, *spilled;
	int rc;
} fields[] = {
	{"255", "4294967295", "false", "\"\"", 0},
	{"256", "0", "true", "\"\"", -EINVAL},
	{"-1", "0", "true", "\"\"", -EINVAL},
	{"1.0", "0", "true", "\"\"", -EINVAL},
	{"1", "4294967296", "true", "\"\"", -EINVAL},
	{"1", "null", "true", "\"\"", -EINVAL},
	{"1", "0", "1", "\"\"", -EINVAL},
	{"1", "0", "true", "null", -EINVAL},
	{"1", "0", "true", "\"0123456789012345678901234567890123456\"", -EINVAL},
	{"1", "0", "true", "\"a\\nb\"", -EINVAL},
};

START_TEST(what_is_not_understood_is_refused)
{
	struct state_file *f;
	const struct bad *b = &bad[_i];

	write_file(b->text);
	ck_assert_int_eq(state_open(dir, &f, why, sizeof(why)), b->rc);
	ck_assert_ptr_null(f);
	ck_assert_msg(strstr(why, b->said) && strstr(why, path), "%s", why);
}
END_TEST

START_TEST(fields_are_checked)
{
	struct state_file *f;
	char text[512], lun[400];

	snprintf(lun, sizeof(lun), LUN, fields[_i].id, fields[_i].generation, fields[_i].used,
		 fields[_i].spilled);
	snprintf(text, sizeof(text), "{\"memtgt_state\":1,\"luns\":[%s]}", lun);
	write_file(text);
	ck_assert_int_eq(state_open(dir, &f, why, sizeof(why)), fields[_i].rc);
	state_close(f);
}
END_TEST

START_TEST(a_lun_twice_is_refused)
{
	struct state_file *f;
	char text[512], lun[200];

	snprintf(lun, sizeof(lun), LUN, "1", "0", "true", "\"\"");
	snprintf(text, sizeof(text), "{\"memtgt_state\":1,\"luns\":[%s,%s]}", lun, lun);
	write_file(text);
	ck_assert_int_eq(state_open(dir, &f, why, sizeof(why)), -EINVAL);
	ck_assert_msg(strstr(why, "twice") != NULL, "%s", why);
}
END_TEST

/* Not as large as it is: what it says would be cut. */
START_TEST(a_huge_file_is_refused)
{
	struct state_file *f;

	write_file("{}");
	ck_assert_int_eq(truncate(path, (off_t)STATE_FILE_MAX + 1), 0);
	ck_assert_int_eq(state_open(dir, &f, why, sizeof(why)), -EFBIG);
}
END_TEST

START_TEST(no_folder)
{
	struct state_file *f;

	ck_assert_int_eq(state_open("/nowhere/at/all", &f, why, sizeof(why)), -ENOENT);
	ck_assert_msg(strstr(why, "/nowhere/at/all") != NULL, "%s", why);
}
END_TEST

/* Both would write, each what it knows. */
START_TEST(two_processes_never_share_it)
{
	struct state_file *f = open_good(), *other;
	int status;

	pid_t pid = fork();
	if (!pid)
		_exit(state_open(dir, &other, why, sizeof(why)) == -EBUSY &&
				      strstr(why, "another memtgtd")
			      ? 0
			      : 1);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	state_close(f);
	f = open_good();
	state_close(f);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("state file");
	TCase *t = tcase_create("all");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, nothing_is_known_at_first);
	tcase_add_test(t, what_is_saved_is_found);
	tcase_add_test(t, the_host_is_the_same_after_a_restart);
	tcase_add_test(t, only_changes_are_written);
	tcase_add_test(t, what_no_file_can_hold_is_refused);
	tcase_add_test(t, a_failure_to_write_is_told_and_made_good);
	tcase_add_test(t, a_file_half_written_beside_it_is_nothing);
	tcase_add_loop_test(t, what_is_not_understood_is_refused, 0,
			    (int)(sizeof(bad) / sizeof(bad[0])));
	tcase_add_loop_test(t, fields_are_checked, 0, (int)(sizeof(fields) / sizeof(fields[0])));
	tcase_add_test(t, a_lun_twice_is_refused);
	tcase_add_test(t, a_huge_file_is_refused);
	tcase_add_test(t, no_folder);
	tcase_add_test(t, two_processes_never_share_it);
	suite_add_tcase(s, t);
	return test_main(s);
}
