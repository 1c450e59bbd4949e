// SPDX-License-Identifier: MIT
/* test_loan_record.c - the file of a loan: what is written is read, what is none of ours is
 * refused. */
#include "initiator-tools/loan/record.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/test_main.h"

static char dir[] = "/tmp/test_loan_record.XXXXXX";
static char why[512];

static void setup(void)
{
	strcpy(dir + strlen(dir) - 6, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	why[0] = '\0';
}

static void teardown(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", dir);
	ck_assert_int_eq(system(command), 0);
}

/* Two legs, of two disks and of one. */
static struct loan a_loan(void)
{
	struct loan l = {.wish = {.name = "a_loan",
				  .kind = LOAN_VOLUME,
				  .size = 3 * LOAN_EXTENT,
				  .copies = 2,
				  .is_encrypted = true,
				  .priority = -1,
				  .from = {"attic", "cellar"},
				  .nfrom = 2},
			 .uuid = "01234567-89ab-cdef-0123-456789abcdef",
			 .swap_uuid = "11234567-89ab-cdef-0123-456789abcdef",
			 .boot = "21234567-89ab-cdef-0123-456789abcdef",
			 .key = 0xfedcba9876543210,
			 .is_made = true};
	struct loan_leg *leg = loan_add_leg(&l, 2);

	ck_assert_ptr_nonnull(leg);
	leg->has_data = true;
	leg->steps[STEP_GROUP] = STEP_DONE;
	leg->steps[STEP_MIRROR] = STEP_UNDOING;
	leg->disks[1] = (struct loan_disk){.donor = "attic",
					   .portal = "[2001:db8::1]:3260",
					   .target = "iqn.2026-01.org.example:a",
					   .lun = 255,
					   .naa = "6001405deadbeef0",
					   .serial = "S 1",
					   .size = 1 << 30,
					   .used = 1 << 20,
					   .committed = 1 << 19,
					   .is_session_foreign = true};
	leg->disks[1].chap_user = strdup("me");
	leg->disks[1].chap_secret_file = strdup("/etc/secret");
	leg->disks[1].steps[STEP_CLAIM] = STEP_BEGUN;
	leg = loan_add_leg(&l, 1);
	ck_assert_ptr_nonnull(leg);
	leg->is_unwanted = leg->is_lost = true;
	leg = loan_add_leg(&l, 1);
	ck_assert_ptr_nonnull(leg);
	memcpy(leg->disks[0].donor, "shed", 5);
	leg->disks[0].chap_user = strdup("you");
	leg->disks[0].steps[STEP_LOGIN] = STEP_UNDOING;
	leg->is_lost = true;
	loan_leave_leg(&l, 2);
	l.steps[STEP_SWAP] = STEP_DONE;
	return l;
}

START_TEST(what_is_written_is_read)
{
	struct loan l = a_loan(), back;

	ck_assert_int_eq(record_write(dir, &l, why, sizeof(why)), 0);
	ck_assert_int_eq(record_read(dir, "a_loan", &back, why, sizeof(why)), 0);
	ck_assert_mem_eq(&back.wish, &l.wish, sizeof(l.wish));
	ck_assert_str_eq(back.uuid, l.uuid);
	ck_assert_str_eq(back.swap_uuid, l.swap_uuid);
	ck_assert_str_eq(back.boot, l.boot);
	ck_assert_uint_eq(back.key, l.key);
	ck_assert(back.is_made && !back.is_ending);
	ck_assert_uint_eq(back.nlegs, 2);
	ck_assert_uint_eq(back.next_leg, 3);
	ck_assert_uint_eq(back.nleft, 1);
	ck_assert_str_eq(back.left[0].disks[0].donor, "shed");
	ck_assert_str_eq(back.left[0].disks[0].chap_user, "you");
	ck_assert(back.left[0].disks[0].steps[STEP_LOGIN] == STEP_UNDOING && !back.left[0].is_lost);
	ck_assert_mem_eq(back.steps, l.steps, sizeof(l.steps));
	ck_assert(back.legs[0].has_data && !back.legs[0].is_lost && !back.legs[0].is_unwanted);
	ck_assert_mem_eq(back.legs[0].steps, l.legs[0].steps, sizeof(l.steps));
	ck_assert(back.legs[1].is_lost && back.legs[1].is_unwanted);
	const struct loan_disk *d = &back.legs[0].disks[1], *was = &l.legs[0].disks[1];
	ck_assert_str_eq(d->donor, was->donor);
	ck_assert_str_eq(d->portal, was->portal);
	ck_assert_str_eq(d->target, was->target);
	ck_assert_str_eq(d->naa, was->naa);
	ck_assert_str_eq(d->serial, was->serial);
	ck_assert_str_eq(d->chap_user, was->chap_user);
	ck_assert_str_eq(d->chap_secret_file, was->chap_secret_file);
	ck_assert(d->lun == 255 && d->size == 1 << 30 && d->used == 1 << 20 &&
		  d->committed == 1 << 19);
	ck_assert(d->is_session_foreign);
	ck_assert_mem_eq(d->steps, was->steps, sizeof(d->steps));
	loan_free(&back);
	loan_free(&l);
}
END_TEST

START_TEST(there_may_be_none)
{
	struct loan l;

	ck_assert_int_eq(record_read(dir, "none", &l, why, sizeof(why)), -ENOENT);
	ck_assert_int_eq(record_remove(dir, "none", why, sizeof(why)), 0);
}
END_TEST

START_TEST(nobody_else_may_read_it)
{
	struct loan l = a_loan();
	char path[128];
	struct stat st;

	ck_assert_int_eq(record_write(dir, &l, why, sizeof(why)), 0);
	snprintf(path, sizeof(path), "%s/a_loan.json", dir);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(st.st_mode & 0777, 0600);
	loan_free(&l);
}
END_TEST

/* A text in which one thing stands in place of another. */
static char *changed(const char *was, const char *is)
{
	struct loan l = a_loan();
	char *text = record_format(&l), *at = strstr(text, was), *out;

	loan_free(&l);
	ck_assert_msg(at != NULL, "%s is not in %s", was, text);
	ck_assert_int_gt(asprintf(&out, "%.*s%s%s", (int)(at - text), text, is, at + strlen(was)),
			 0);
	free(text);
	return out;
}

START_TEST(what_cannot_be_is_refused)
{
	static const char *const rows[][3] = {
		{"\"version\": 1", "\"version\": 2", "version"},
		{"\"fedcba9876543210\"", "\"fedcba987654321\"", "key"},
		{"\"fedcba9876543210\"", "\"fedcba987654321X\"", "key"},
		{"\"fedcba9876543210\"", "7", "key"},
		{"\"fedcba9876543210\"", "\"0000000000000000\"", "key"},
		{"\"01234567-89ab-cdef-0123-456789abcdef\"", "\"\"", "uuid"},
		{"\"11234567-89ab-cdef-0123-456789abcdef\"", "\"\"", "swap_uuid"},
		{"\"size\": 12582912", "\"size\": 12582913", "asked"},
		{"\"size\": 12582912", "\"size\": -1", "size"},
		{"\"copies\": 2", "\"copies\": 0", "asked"},
		{"\"copies\": 2", "\"copies\": 9", "copies"},
		{"\"name\": \"a_loan\"", "\"name\": \"../a\"", "name"},
		{"\"as\": \"lv\"", "\"as\": \"raw\"", "as"},
		{"\"priority\": -1", "\"priority\": -2", "priority"},
		{"\"used\": 1048576", "\"used\": 1073741825", "used"},
		{"\"committed\": 524288", "\"committed\": 1073741825", "committed"},
		{"\"lun\": 255", "\"lun\": 16384", "lun"},
		{"\"mirror\": \"undoing\"", "\"mirror\": \"maybe\"", "mirror"},
		{"\"lost\": false", "\"lost\": 0", "lost"},
		{"iqn.2026-01.org.example:a", "iqn/../a", "target"},
		{"[2001:db8::1]:3260", "[::1]:3260;reboot now", "portal"},
		{"\"attic\",\n", "7,\n", "from"},
		{"01234567-89ab", "x1234567-89ab", "uuid"},
		{"\"disks\": [", "\"discs\": [", "legs"},
	};
	struct loan l;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *text = changed(rows[i][0], rows[i][1]);
		ck_assert_msg(record_parse(text, strlen(text), &l, why, sizeof(why)) == -EINVAL,
			      "%s was taken", rows[i][1]);
		ck_assert_msg(!strncmp(why, rows[i][2], strlen(rows[i][2])), "%s: %s", rows[i][1],
			      why);
		free(text);
	}
}
END_TEST

/* A crash cut the file, or something else is in it: that is not "no loan". */
START_TEST(a_broken_file_is_an_error)
{
	struct loan l = a_loan();
	char path[128], *text = record_format(&l);

	snprintf(path, sizeof(path), "%s/a_loan.json", dir);
	for (size_t n = 0; n < strlen(text); n += 97) {
		FILE *f = fopen(path, "w");
		struct loan back;
		fwrite(text, 1, n, f);
		fclose(f);
		ck_assert_int_eq(record_read(dir, "a_loan", &back, why, sizeof(why)), -EINVAL);
		ck_assert_ptr_nonnull(strstr(why, path));
	}
	free(text);
	loan_free(&l);
}
END_TEST

START_TEST(a_file_of_another_loan_is_refused)
{
	struct loan l = a_loan(), back;
	char from[128], to[128];

	ck_assert_int_eq(record_write(dir, &l, why, sizeof(why)), 0);
	snprintf(from, sizeof(from), "%s/a_loan.json", dir);
	snprintf(to, sizeof(to), "%s/b.json", dir);
	ck_assert_int_eq(rename(from, to), 0);
	ck_assert_int_eq(record_read(dir, "b", &back, why, sizeof(why)), -EINVAL);
	loan_free(&l);
}
END_TEST

START_TEST(loans_are_listed)
{
	struct loan l = a_loan();
	char path[128], **names;

	ck_assert_int_eq(record_list("/tmp/test_loan_record.none", &names), 0);
	for (char c = 'c'; c >= 'a'; c--) {
		snprintf(l.wish.name, sizeof(l.wish.name), "%c", c);
		ck_assert_int_eq(record_write(dir, &l, why, sizeof(why)), 0);
	}
	snprintf(path, sizeof(path), "%s/a b.json", dir);
	fclose(fopen(path, "w"));
	snprintf(path, sizeof(path), "%s/d.new", dir);
	fclose(fopen(path, "w"));
	ck_assert_int_eq(record_list(dir, &names), 3);
	ck_assert(!strcmp(names[0], "a") && !strcmp(names[1], "b") && !strcmp(names[2], "c"));
	record_list_free(names, 3);
	ck_assert_int_eq(record_remove(dir, "b", why, sizeof(why)), 0);
	ck_assert_int_eq(record_list(dir, &names), 2);
	record_list_free(names, 2);
	loan_free(&l);
}
END_TEST

START_TEST(what_memtgtd_remembers_is_no_loan)
{
	char path[128], **names;

	snprintf(path, sizeof(path), "%s/luns.json", dir);
	fclose(fopen(path, "w"));
	ck_assert_int_eq(record_list(dir, &names), 0);
	record_list_free(names, 0);
	ck_assert_ptr_nonnull(record_bad_name("luns"));
	ck_assert_ptr_null(record_bad_name("luns2"));
	ck_assert_ptr_null(record_bad_name("lun"));
}
END_TEST

START_TEST(one_works_at_a_time)
{
	int one = record_lock(dir, 0);

	ck_assert_int_ge(one, 0);
	ck_assert_int_eq(record_lock(dir, 0), -EBUSY);
	ck_assert_int_eq(record_lock(dir, 120), -EBUSY);
	close(one);
	int two = record_lock(dir, 0);
	ck_assert_int_ge(two, 0);
	close(two);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("loan_record");
	TCase *t = tcase_create("all");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, what_is_written_is_read);
	tcase_add_test(t, there_may_be_none);
	tcase_add_test(t, nobody_else_may_read_it);
	tcase_add_test(t, what_cannot_be_is_refused);
	tcase_add_test(t, a_broken_file_is_an_error);
	tcase_add_test(t, a_file_of_another_loan_is_refused);
	tcase_add_test(t, loans_are_listed);
	tcase_add_test(t, what_memtgtd_remembers_is_no_loan);
	tcase_add_test(t, one_works_at_a_time);
	suite_add_tcase(s, t);
	return test_main(s);
}
