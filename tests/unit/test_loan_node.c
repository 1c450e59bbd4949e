// SPDX-License-Identifier: MIT
/*
 * test_loan_node.c - records of iscsiadm, with an iscsiadm that is a script: it notes how it was
 * called and makes a record as the real one does.
 */
#include "initiator-tools/host/node.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "initiator-tools/host/disk.h"
#include "initiator-tools/host/tool.h"
#include "lib/test_main.h"

#define TARGET "iqn.2026-01.org.example:donor"

static char root[] = "/tmp/memtgt-node.XXXXXX", why[512];
static struct loan_disk d;

static void put(const char *file, const char *text, mode_t mode)
{
	char path[DISK_PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", root, file);
	FILE *f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fputs(text, f), 0);
	ck_assert_int_eq(fclose(f), 0);
	ck_assert_int_eq(chmod(path, mode), 0);
}

static const char *get(const char *file)
{
	static char text[8192];
	char path[DISK_PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", root, file);
	FILE *f = fopen(path, "r");
	size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;
	text[n] = '\0';
	if (f)
		fclose(f);
	return text;
}

/* As much of iscsiadm as is used. */
static const char script[] =
	"#!/bin/sh\n"
	"top=${0%/bin/iscsiadm}\n"
	"echo \"$*\" >>$top/calls\n"
	"folder=$top/etc/iscsi/nodes/" TARGET "\n"
	"record=$folder/192.0.2.1,3260\n"
	"case \"$*\" in\n"
	"*'-o new') mkdir -p $folder; printf '# BEGIN RECORD\\nnode.startup = automatic\\n"
	"node.discovery_type = static\\nnode.session.auth.authmethod = None\\n"
	"node.session.auth.chap_algs = MD5\\n# END RECORD\\n' >$record ;;\n"
	"*'-o update'*) while [ $# -gt 0 ]; do [ \"$1\" = -n ] && {\n"
	"grep -vF \"$2 = \" $record >$record.2; sed -i \"\\$i $2 = $4\" $record.2\n"
	"mv $record.2 $record; }; shift; done ;;\n"
	"*--login) exit $(cat $top/status) ;;\n"
	"*'-o delete') rm $record ;;\n"
	"esac\n";

static void setup(void)
{
	static char bin[64];
	char path[DISK_PATH_MAX];

	snprintf(root, sizeof(root), "/tmp/memtgt-node.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(root));
	disk_root = root;
	snprintf(path, sizeof(path), "mkdir -p %s/bin %s/run %s/etc/iscsi/nodes", root, root, root);
	ck_assert_int_eq(system(path), 0);
	snprintf(bin, sizeof(bin), "%s/bin", root);
	tool_path = bin;
	put("bin/iscsiadm", script, 0755);
	put("status", "0\n", 0644);
	put("secret", "the secret, no other\n", 0600);
	d = (struct loan_disk){.portal = "192.0.2.1:3260", .target = TARGET, .lun = 1};
}

static void teardown(void)
{
	char command[64];

	free(d.chap_user);
	free(d.chap_secret_file);
	snprintf(command, sizeof(command), "rm -rf %s", root);
	ck_assert_int_eq(system(command), 0);
}

static void use_chap(void)
{
	char path[DISK_PATH_MAX];

	snprintf(path, sizeof(path), "%s/secret", root);
	d.chap_user = strdup("alpha");
	d.chap_secret_file = strdup(path);
}

#define RECORD "etc/iscsi/nodes/" TARGET "/192.0.2.1,3260"

START_TEST(a_login_makes_a_record_of_ours)
{
	ck_assert(!node_is_ours(&d));
	ck_assert_int_eq(node_login(&d, why, sizeof(why)), 0);
	ck_assert(node_is_ours(&d));
	ck_assert_ptr_nonnull(strstr(get(RECORD), "\nnode.session.scan = manual\n"));
	ck_assert_ptr_nonnull(strstr(get(RECORD), "\nnode.session.auth.authmethod = None\n"));
	/* Again: the record is not made anew. */
	ck_assert_int_eq(node_login(&d, why, sizeof(why)), 0);
	char *first = strstr(get("calls"), "-o new");
	ck_assert_ptr_nonnull(first);
	ck_assert_ptr_null(strstr(first + 1, "-o new"));
	ck_assert_int_eq(node_logout(&d, why, sizeof(why)), 0);
	ck_assert_str_eq(get(RECORD), "");
	ck_assert_int_eq(node_logout(&d, why, sizeof(why)), 0);
}
END_TEST

START_TEST(no_command_line_shows_the_secret)
{
	struct stat st;
	char path[DISK_PATH_MAX];

	use_chap();
	ck_assert_int_eq(node_login(&d, why, sizeof(why)), 0);
	ck_assert_ptr_null(strstr(get("calls"), "secret"));
	ck_assert_ptr_nonnull(strstr(get(RECORD), "\nnode.session.auth.authmethod = CHAP\n"
						  "node.session.auth.username = alpha\n"
						  "node.session.auth.password = the secret, "
						  "no other\n"));
	ck_assert_ptr_null(strstr(get(RECORD), "= None"));
	ck_assert_ptr_nonnull(strstr(get(RECORD), "chap_algs = MD5"));
	snprintf(path, sizeof(path), "%s/" RECORD, root);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
	ck_assert(node_is_ours(&d));
}
END_TEST

START_TEST(a_secret_that_others_can_read_is_none)
{
	use_chap();
	ck_assert_int_eq(chmod(d.chap_secret_file, 0640), 0);
	ck_assert_int_eq(node_login(&d, why, sizeof(why)), -EINVAL);
	ck_assert_ptr_nonnull(strstr(why, "chmod 600"));
	ck_assert_ptr_null(strstr(get("calls"), "--login"));
}
END_TEST

START_TEST(a_record_that_was_there_stays)
{
	char path[DISK_PATH_MAX];

	snprintf(path, sizeof(path), "mkdir -p %s/etc/iscsi/nodes/%s", root, TARGET);
	ck_assert_int_eq(system(path), 0);
	put(RECORD, "# BEGIN RECORD\nnode.discovery_type = send_targets\n# END RECORD\n", 0600);
	ck_assert_int_eq(node_login(&d, why, sizeof(why)), 0);
	ck_assert(!node_is_ours(&d));
	ck_assert_ptr_nonnull(strstr(get(RECORD), "\nnode.session.scan = manual\n"));
	ck_assert_int_eq(node_logout(&d, why, sizeof(why)), 0);
	ck_assert_ptr_nonnull(strstr(get(RECORD), "send_targets"));
	ck_assert_ptr_null(strstr(get("calls"), "-o new"));
}
END_TEST

START_TEST(a_record_of_a_portal_group_is_found)
{
	char path[DISK_PATH_MAX];

	ck_assert_int_eq(node_login(&d, why, sizeof(why)), 0);
	snprintf(path, sizeof(path),
		 "cd %s/etc/iscsi/nodes/%s && mv 192.0.2.1,3260 x && mkdir 192.0.2.1,3260,1 && "
		 "mv x 192.0.2.1,3260,1/default",
		 root, TARGET);
	ck_assert_int_eq(system(path), 0);
	ck_assert(node_is_ours(&d));
	snprintf(d.portal, sizeof(d.portal), "192.0.2.1:326");
	ck_assert(!node_is_ours(&d));
}
END_TEST

START_TEST(failures_are_told_apart)
{
	static const struct {
		const char *status;
		int err;
	} rows[] = {
		{"24", -EACCES}, {"19", -EACCES},   {"4", -EHOSTUNREACH}, {"8", -EHOSTUNREACH},
		{"15", 0},	 {"20", -ENOTCONN}, {"1", -EREMOTEIO},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		put("status", rows[i].status, 0644);
		why[0] = '\0';
		ck_assert_int_eq(node_login(&d, why, sizeof(why)), rows[i].err);
		ck_assert(!rows[i].err || why[0]);
	}
	tool_path = "/nowhere";
	ck_assert_int_eq(node_login(&d, why, sizeof(why)), -ENOENT);
}
END_TEST

START_TEST(what_no_record_can_hold_is_refused)
{
	static const char text[] = "# BEGIN\na = b\n# END\n";
	char out[256];

	ck_assert(node_text_with_chap(text, "u", "s", out, sizeof(out)));
	for (size_t n = 1; n <= strlen(out); n++) {
		char small[256];
		ck_assert(!node_text_with_chap(text, "u", "s", small, n));
	}
	ck_assert(!node_text_with_chap(text, "u\nnode.name = x", "s", out, sizeof(out)));
	ck_assert(!node_text_with_chap(text, "u", "s\n", out, sizeof(out)));
	ck_assert(!node_text_with_chap(text, "u", " s", out, sizeof(out)));
	ck_assert(!node_text_with_chap(text, "u ", "s", out, sizeof(out)));
	ck_assert(!node_text_with_chap(text, "", "s", out, sizeof(out)));
	ck_assert(!node_text_with_chap("", "u", "s", out, sizeof(out)));
}
END_TEST

START_TEST(one_at_a_time_has_the_lock)
{
	char path[DISK_PATH_MAX];
	int fd = node_lock();

	ck_assert_int_ge(fd, 0);
	snprintf(path, sizeof(path), "%s/run/memloan-sessions.lock", root);
	int other = open(path, O_RDWR);
	ck_assert_int_eq(flock(other, LOCK_EX | LOCK_NB), -1);
	close(fd);
	ck_assert_int_eq(flock(other, LOCK_EX | LOCK_NB), 0);
	close(other);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("loan_node");
	TCase *tc = tcase_create("node");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, a_login_makes_a_record_of_ours);
	tcase_add_test(tc, no_command_line_shows_the_secret);
	tcase_add_test(tc, a_secret_that_others_can_read_is_none);
	tcase_add_test(tc, a_record_that_was_there_stays);
	tcase_add_test(tc, a_record_of_a_portal_group_is_found);
	tcase_add_test(tc, failures_are_told_apart);
	tcase_add_test(tc, what_no_record_can_hold_is_refused);
	tcase_add_test(tc, one_at_a_time_has_the_lock);
	suite_add_tcase(suite, tc);
	return test_main(suite);
}
