// SPDX-License-Identifier: MIT
/* test_loan_conf.c - memloan.conf(5): what is read, and what is said of mistakes. */
#include "initiator-tools/conf.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/test_main.h"

static struct conf conf;
static char *said;

/* The number of errors; what was said of them, without the file's name, is in `said`. */
static int load(const char *text)
{
	char path[64];
	size_t n;
	int fd = memfd_create("conf", MFD_CLOEXEC);

	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	free(said);
	FILE *errors = open_memstream(&said, &n);
	int nerrors = conf_load(path, &conf, errors);
	fclose(errors);
	close(fd);
	size_t len = strlen(path);
	for (char *p; (p = strstr(said, path));)
		memmove(p, p + len + 1, strlen(p + len + 1) + 1);
	return nerrors;
}

static void stop(void)
{
	conf_free(&conf);
	free(said);
	said = NULL;
}

START_TEST(all_keys_are_read)
{
	ck_assert_int_eq(
		load("initiator = \"iqn.2026-01.org.example:me\";\n"
		     "donors = (\n"
		     "  { name = \"a\"; portals = [ \"192.0.2.1\", \"[2001:db8::1]:1\" ];\n"
		     "    chap_user = \"u\"; chap_secret_file = \"/s\"; },\n"
		     "  { name = \"b\"; portals = ( \"donor.example:3261\" ); } );\n"),
		0);
	ck_assert_str_eq(conf.initiator, "iqn.2026-01.org.example:me");
	ck_assert_uint_eq(conf.ndonors, 2);
	ck_assert_str_eq(conf.donors[0].name, "a");
	ck_assert_uint_eq(conf.donors[0].nportals, 2);
	ck_assert_str_eq(conf.donors[0].portals[1], "[2001:db8::1]:1");
	ck_assert_str_eq(conf.donors[0].chap_user, "u");
	ck_assert_str_eq(conf.donors[0].chap_secret_file, "/s");
	ck_assert_str_eq(conf.donors[1].portals[0], "donor.example:3261");
	ck_assert_ptr_null(conf.donors[1].chap_user);
}
END_TEST

START_TEST(loans_are_read)
{
	ck_assert_int_eq(
		load("state_dir = \"/s\"; sync_rate = \"50M\";\ndonors = ();\n"
		     "loans = (\n"
		     "  { name = \"a\"; size = \"4G\"; },\n"
		     "  { name = \"b\"; size = 1000; as = \"lv\"; copies = 2; encrypt = true;\n"
		     "    priority = 0; from = [ \"x\", \"y\" ]; } );\n"),
		0);
	ck_assert_str_eq(conf.state_dir, "/s");
	ck_assert_uint_eq(conf.sync_rate, (uint64_t)50 << 20);
	ck_assert_uint_eq(conf.nloans, 2);
	const struct conf_loan *a = &conf.loans[0], *b = &conf.loans[1];
	ck_assert_str_eq(a->name, "a");
	ck_assert_uint_eq(a->size, (uint64_t)4 << 30);
	ck_assert(!a->as && a->copies == 1 && !a->encrypt && !a->nfrom);
	ck_assert_uint_eq(a->priority, CONF_NO_PRIORITY);
	ck_assert_uint_eq(b->size, 1000);
	ck_assert_str_eq(b->as, "lv");
	ck_assert(b->copies == 2 && b->encrypt && b->priority == 0 && b->nfrom == 2);
	ck_assert_str_eq(b->from[1], "y");
}
END_TEST

START_TEST(each_mistake_of_a_loan_is_told)
{
	static const char *const rows[][2] = {
		{"{ name = \"a-b\"; size = 1; }", "loans.[0].name: found \"a-b\""},
		{"{ name = \"a\"; }", "loans.[0].size: missing"},
		{"{ name = \"a\"; size = 0; }", "loans.[0].size: found 0"},
		{"{ name = \"a\"; size = 1; as = \"raw\"; }", "loans.[0].as: found \"raw\""},
		{"{ name = \"a\"; size = 1; copies = 4; }", "loans.[0].copies: found 4"},
		{"{ name = \"a\"; size = 1; priority = -1; }", "loans.[0].priority: found -1"},
		{"{ name = \"a\"; size = 1; from = [ 1 ]; }", "loans.[0].from.[0]: found 1"},
		{"{ name = \"a\"; size = 1; from = \"x\"; }", "loans.[0].from: found \"x\""},
		{"{ name = \"a\"; size = 1; }, { name = \"a\"; size = 1; }",
		 "loans.[1].name: found \"a\" again"},
		{"7", "loans.[0]: found 7"},
	};
	char text[256];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(text, sizeof(text), "donors = ();\nloans = ( %s );\n", rows[i][0]);
		ck_assert_msg(load(text) == 1, "%s: %s", text, said);
		ck_assert_msg(strstr(said, rows[i][1]) != NULL, "%s: %s", text, said);
	}
}
END_TEST

START_TEST(time_of_a_leg)
{
	ck_assert_int_eq(load("donors = ();\n"), 0);
	ck_assert_uint_eq(conf.leg_timeout, 20);
	ck_assert_int_eq(load("leg_timeout = 9; donors = ();\n"), 1);
	ck_assert_int_eq(load("leg_timeout = 10; donors = ();\n"), 0);
	ck_assert_uint_eq(conf.leg_timeout, 10);
	ck_assert_int_eq(load("leg_timeout = 100; donors = ();\n"), 0);
	ck_assert_int_eq(load("leg_timeout = 101; donors = ();\n"), 1);
}
END_TEST

START_TEST(donors_may_be_none)
{
	ck_assert_int_eq(load("donors = ();\n"), 0);
	ck_assert_uint_eq(conf.ndonors, 0);
	ck_assert_ptr_null(conf.initiator);
}
END_TEST

START_TEST(each_mistake_is_told_with_its_line)
{
	static const char text[] = "initiator = \"Iqn\";\n"				  /* 1 */
				   "colour = 1;\n"					  /* 2 */
				   "donors = (\n"					  /* 3 */
				   " { name = \"a b\"; portals = [ \"x:0\" ]; },\n"	  /* 4 */
				   " { portals = [ 1 ]; chap_user = \"u\"; },\n"	  /* 5 */
				   " { name = \"c\"; portals = []; speed = 1; },\n"	  /* 6 */
				   " { name = \"c\"; portals = [ \"x\" ];\n"		  /* 7 */
				   "   chap_user = \"u\"; chap_secret_file = \"s\"; },\n" /* 8 */
				   " 7 );\n";						  /* 9 */
	static const char *const rows[] = {
		"1: initiator: found \"Iqn\"; a name is written in lower case",
		"2: colour: found an unknown key; allowed are initiator, control_socket, state_dir",
		"4: donors.[0].name: found \"a b\"; a donor's name has only",
		"4: donors.[0].portals.[0]: found \"x:0\"; a port is a number from 1 to 65535",
		"5: donors.[1].portals.[0]: found 1; allowed is a portal in quotes",
		"5: donors.[1].name: missing; needed is a string in quotes, of length from 1 to 63",
		"5: donors.[1]: found only one of chap_user and chap_secret_file",
		"6: donors.[2].portals: found an array [ ... ]; allowed is a list of 1 to 8",
		"6: donors.[2].speed: found an unknown key; allowed are name, portals, chap_user",
		"8: donors.[3].chap_secret_file: found \"s\"; a path begins with /",
		"7: donors.[3].name: found \"c\" again; each donor has a name of its own",
		"9: donors.[4]: found 7; allowed is a group",
	};

	int n = load(text);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ck_assert_msg(strstr(said, rows[i]) != NULL, "no \"%s\" in\n%s", rows[i], said);
	ck_assert_msg(n == 12, "%d\n%s", n, said);
	ck_assert_uint_eq(conf.ndonors, 0);
}
END_TEST

START_TEST(donors_are_needed)
{
	ck_assert_int_eq(load(""), 1);
	ck_assert_ptr_nonnull(strstr(said, "donors: missing; needed is a list of at most 1024"));
	ck_assert_int_eq(load("donors = 1;"), 1);
	ck_assert_ptr_nonnull(strstr(said, "donors: found 1; allowed is a list of at most 1024"));
}
END_TEST

START_TEST(the_initiator_of_the_host_is_found)
{
	char path[] = "/tmp/initiator-XXXXXX", name[ISCSI_NAME_MAX + 1];
	int fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	ck_assert(!conf_initiator(path, name));
	dprintf(fd, "## DO NOT EDIT\n#InitiatorName=iqn.2026-01.org.example:no\n"
		    "InitiatorName=iqn.2026-01.org.example:yes \n");
	ck_assert(conf_initiator(path, name));
	ck_assert_str_eq(name, "iqn.2026-01.org.example:yes");
	ck_assert_int_eq(ftruncate(fd, 0), 0);
	ck_assert_int_eq(pwrite(fd, "InitiatorName=x y\n", 18, 0), 18);
	ck_assert(!conf_initiator(path, name));
	close(fd);
	unlink(path);
	ck_assert(!conf_initiator(path, name));
}
END_TEST

START_TEST(portals_of_the_command_line_are_donors)
{
	ck_assert_int_eq(load("donors = ();\n"), 0);
	ck_assert_int_eq(conf_add_portal(&conf, "192.0.2.1:1"), 0);
	ck_assert_uint_eq(conf.ndonors, 1);
	ck_assert_str_eq(conf.donors[0].name, "192.0.2.1:1");
	ck_assert_str_eq(conf.donors[0].portals[0], "192.0.2.1:1");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("loan_conf");
	TCase *all = tcase_create("all");

	tcase_add_checked_fixture(all, NULL, stop);
	tcase_add_test(all, all_keys_are_read);
	tcase_add_test(all, loans_are_read);
	tcase_add_test(all, each_mistake_of_a_loan_is_told);
	tcase_add_test(all, time_of_a_leg);
	tcase_add_test(all, donors_may_be_none);
	tcase_add_test(all, each_mistake_is_told_with_its_line);
	tcase_add_test(all, donors_are_needed);
	tcase_add_test(all, the_initiator_of_the_host_is_found);
	tcase_add_test(all, portals_of_the_command_line_are_donors);
	suite_add_tcase(suite, all);
	return test_main(suite);
}
