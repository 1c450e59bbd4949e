// SPDX-License-Identifier: MIT
/* test_loan_command.c - the command line, portals as texts. */
#include "initiator-tools/command.h"

#include <string.h>

#include "initiator-tools/donor.h"
#include "lib/test_main.h"

static struct command_line line;
static char why[256];

/* Words are separated by one blank. */
static int read_words(const char *words)
{
	static char copy[256];
	char *argv[16] = {"memloan"}, *save = NULL;
	int argc = 1;

	snprintf(copy, sizeof(copy), "%s", words);
	for (char *p = strtok_r(copy, " ", &save); p; p = strtok_r(NULL, " ", &save))
		argv[argc++] = p;
	why[0] = '\0';
	return command_read(argc, argv, &line, why, sizeof(why));
}

START_TEST(options_may_stand_anywhere)
{
	ck_assert_int_eq(read_words("-c /x donors --portal a -p b:1 --json -l --size=4G"), 0);
	ck_assert_int_eq(line.command, COMMAND_DONORS);
	ck_assert_str_eq(line.value[OPTION_CONFIG], "/x");
	ck_assert_uint_eq(line.nportals, 2);
	ck_assert_str_eq(line.portals[0], "a");
	ck_assert_str_eq(line.portals[1], "b:1");
	ck_assert(line.given[OPTION_JSON] && line.given[OPTION_LONG]);
	ck_assert(!line.given[OPTION_WATCH]);
	ck_assert_str_eq(line.value[OPTION_SIZE], "4G");
}
END_TEST

START_TEST(a_value_may_be_left_out)
{
	ck_assert_int_eq(read_words("donors --watch"), 0);
	ck_assert(line.given[OPTION_WATCH] && !line.value[OPTION_WATCH]);
	ck_assert_int_eq(read_words("donors --watch=7"), 0);
	ck_assert_str_eq(line.value[OPTION_WATCH], "7");
}
END_TEST

START_TEST(mistakes_are_told)
{
	static const char *const rows[][2] = {
		{"", "no command is given"},
		{"lend", "there is no command \"lend\""},
		{"donors more", "\"more\" is too much"},
		{"donors --nothing", "there is no --nothing"},
		{"donors --size", "--size needs a value"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ck_assert_int_eq(read_words(rows[i][0]), -1);
		ck_assert_str_eq(why, rows[i][1]);
	}
}
END_TEST

START_TEST(help_needs_no_command)
{
	ck_assert_int_eq(read_words("--help"), 0);
	ck_assert(line.help);
	ck_assert_int_eq(read_words("donors -h"), 0);
	ck_assert(line.help);
	ck_assert_int_eq(read_words("--version"), 0);
	ck_assert(line.version);
}
END_TEST

START_TEST(portals_have_a_host_and_a_port)
{
	static const struct {
		const char *text, *host;
		unsigned port;
	} rows[] = {
		{"192.0.2.1", "192.0.2.1", 3260},
		{"192.0.2.1:1", "192.0.2.1", 1},
		{"donor.example:65535", "donor.example", 65535},
		{"2001:db8::1", "2001:db8::1", 3260},
		{"[2001:db8::1]", "2001:db8::1", 3260},
		{"[fe80::1%eth0]:3261", "fe80::1%eth0", 3261},
	};
	char host[DONOR_PORTAL_MAX + 1];
	uint16_t port;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ck_assert_ptr_null(donor_parse_portal(rows[i].text, host, &port));
		ck_assert_str_eq(host, rows[i].host);
		ck_assert_uint_eq(port, rows[i].port);
	}
}
END_TEST

START_TEST(portals_that_are_none_are_refused)
{
	static const char *const rows[] = {
		"",	     ":3260", "a:",  "a:0", "a:65536", "a:x",	 "a:-1", "[::1",
		"[::1]3260", "[]:1",  "a b", "a,1", "a/b",     "[::1]:", "\n",
	};
	char longest[DONOR_PORTAL_MAX + 2];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ck_assert_msg(donor_bad_portal(rows[i]) != NULL, "%s", rows[i]);
	memset(longest, 'a', sizeof(longest));
	longest[DONOR_PORTAL_MAX] = '\0';
	ck_assert_ptr_null(donor_bad_portal(longest));
	longest[DONOR_PORTAL_MAX] = 'a';
	longest[DONOR_PORTAL_MAX + 1] = '\0';
	ck_assert_ptr_nonnull(donor_bad_portal(longest));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("loan_command");
	TCase *all = tcase_create("all");

	tcase_add_test(all, options_may_stand_anywhere);
	tcase_add_test(all, a_value_may_be_left_out);
	tcase_add_test(all, mistakes_are_told);
	tcase_add_test(all, help_needs_no_command);
	tcase_add_test(all, portals_have_a_host_and_a_port);
	tcase_add_test(all, portals_that_are_none_are_refused);
	suite_add_tcase(suite, all);
	return test_main(suite);
}
