// SPDX-License-Identifier: MIT
/* test_config_include.c - files, folders and patterns; merging; places of errors. */
#include "lib/test_main.h"
#include "unit/config_fixture.h"

#define TARGET_OF(name, luns) \
	"targets = ( { name = \"iqn.2026-01.org.memtgt:" name "\"; luns = ( " luns " ); } );\n"
#define LUN0 "{ id = 0; size = \"1M\"; }"

static void folder(const char *name)
{
	ck_assert_int_eq(mkdir(fixture_path(name), 0755), 0);
}

static void bad(const char *text, const char *expected)
{
	fixture_bad(text, expected);
}

START_TEST(one_file)
{
	fixture_file("more.conf", "\n" TARGETS);
	struct config *c = fixture_good("  @include\t\"more.conf\"\n" PORTALS);
	ck_assert_int_eq(c->targets[0].line, 2);
	config_free(c);
	bad(PORTALS "@include \"less.conf\"",
	    "main.conf:2: @include: less.conf cannot be read: No such file or directory");
	/* libconfig's own lexer knows it only at the beginning of a line. */
	bad(PORTALS TARGETS ";; @include \"more.conf\"", "main.conf:3: syntax error");
	bad(PORTALS "@include more.conf", "main.conf:2: syntax error");
	bad(PORTALS "@include \"more.conf", "main.conf:2: @include: a name in double quotes");
	bad(PORTALS "@include \"\"", "main.conf:2: @include: a name in double quotes");
}
END_TEST

START_TEST(relative_to_the_file)
{
	char text[512];

	folder("d");
	folder("d/e");
	fixture_file("d/a.conf", "@include \"e/b.conf\"\n");
	fixture_file("d/e/b.conf", TARGETS "x = 1;");
	bad(PORTALS "@include \"d/a.conf\"\n", "d/e/b.conf:2: x: found an unknown key");
	snprintf(text, sizeof(text), PORTALS "@include \"%s\"\n", fixture_path("d/e/b.conf"));
	bad(text, "d/e/b.conf:2: x: found an unknown key");
}
END_TEST

START_TEST(a_folder)
{
	folder("conf.d");
	struct config *c = fixture_good(PORTALS TARGETS "@include \"conf.d\"\n");
	config_free(c);
	fixture_file("conf.d/20.conf", TARGET_OF("c", LUN0));
	fixture_file("conf.d/10.conf", TARGET_OF("b", LUN0) "limits = { logins = 7; };");
	fixture_file("conf.d/.hidden.conf", "x = ;");
	fixture_file("conf.d/README", "x = ;");
	fixture_file("conf.d/30.conf~", "x = ;");
	fixture_file("conf.d/.conf", "x = ;");
	c = fixture_good(PORTALS TARGETS "@include \"conf.d\"\nlimits = { rx_stall = 3; };\n");
	ck_assert_uint_eq(c->ntargets, 3);
	ck_assert_str_eq(c->targets[0].name, "iqn.2026-01.org.memtgt:a");
	ck_assert_str_eq(c->targets[1].name, "iqn.2026-01.org.memtgt:b");
	ck_assert_str_eq(c->targets[2].name, "iqn.2026-01.org.memtgt:c");
	ck_assert_uint_eq(c->limits.logins, 7);
	ck_assert_uint_eq(c->limits.rx_stall, 3);
	config_free(c);
	c = fixture_good(PORTALS TARGETS "@include \"conf.d/\"\n");
	ck_assert_uint_eq(c->ntargets, 3);
	config_free(c);
}
END_TEST

START_TEST(a_pattern)
{
	fixture_file("t-2.inc", TARGET_OF("c", LUN0));
	fixture_file("t-1.inc", TARGET_OF("b", LUN0));
	struct config *c = fixture_good(PORTALS "@include \"t-?.inc\"\n");
	ck_assert_uint_eq(c->ntargets, 2);
	ck_assert_str_eq(c->targets[0].name, "iqn.2026-01.org.memtgt:b");
	config_free(c);
	c = fixture_good(PORTALS TARGETS "@include \"none*\"\n");
	config_free(c);
}
END_TEST

START_TEST(set_twice)
{
	fixture_file("a.conf", "log_level = \"info\";\nlimits = { logins = 7; };\n");
	bad(PORTALS TARGETS "log_level = \"debug\";\n@include \"a.conf\"\n",
	    "a.conf:1: log_level: found again; it is set at main.conf:3\n");
	bad(PORTALS TARGETS "@include \"a.conf\"\nlimits = { logins = 7; };\n",
	    "a.conf:2: limits.logins: found again; it is set at main.conf:4\n");
	fixture_file("a.conf", TARGETS);
	bad(PORTALS TARGETS "@include \"a.conf\"\n",
	    "a.conf:1: targets.[0].name: found \"iqn.2026-01.org.memtgt:a\", which the target at "
	    "main.conf:2 has");
	fixture_file("a.conf", PORTALS);
	bad(PORTALS TARGETS "@include \"a.conf\"\n",
	    "a.conf:1: portals.[0].address: found \"127.0.0.1\" with port 3260, where the portal "
	    "at main.conf:1 listens");
	fixture_file("a.conf", "access = \"any\";\n");
	bad(PORTALS TARGETS "access = \"any\";\n@include \"a.conf\"\n",
	    "a.conf:1: access: found again; it is set at main.conf:3\n");
}
END_TEST

START_TEST(inside_a_list)
{
	folder("luns");
	fixture_file("luns/1.conf", ", { id = 1; size = \"1M\"; }");
	fixture_file("luns/2.conf", "\n, { id = 2;\n size = 7; }");
	bad(PORTALS "targets = ( { name = \"iqn.2026-01.a\"; luns = (\n" LUN0
		    "\n@include \"luns\"\n, { id = 3; size = \"1M\"; } ); } );\n",
	    "luns/2.conf:3: targets.[0].luns.[2].size: found 7; allowed");
}
END_TEST

START_TEST(lines_after_an_include)
{
	struct config *c;

	fixture_file("luns.conf", "\n\n" LUN0 "\n\n");
	int n = fixture_load_text(
		PORTALS "targets = ( { name = \"iqn.2026-01.a\"; luns = (\n"
			"@include \"luns.conf\" , { id = 3; size = 9; } ); } );\nx = 1;\n",
		&c);
	ck_assert_int_eq(n, 2);
	ck_assert_ptr_nonnull(strstr(fixture_errors, "main.conf:3: targets.[0].luns.[1].size"));
	ck_assert_ptr_nonnull(strstr(fixture_errors, "main.conf:4: x: found an unknown"));
}
END_TEST

/* main.conf is the first file of a chain, which ends in one that is right. */
static void chain(int files)
{
	char name[32], text[64];

	for (int i = 1; i < files; i++) {
		snprintf(name, sizeof(name), i == 1 ? "main.conf" : "%d.conf", i);
		snprintf(text, sizeof(text), "@include \"%d.conf\"\n", i + 1);
		fixture_file(name, text);
	}
	snprintf(name, sizeof(name), "%d.conf", files);
	fixture_file(name, PORTALS TARGETS);
}

START_TEST(bounded_depth)
{
	struct config *c;

	/* The first file is no include. */
	for (int files = 8; files <= 9; files++) {
		chain(files);
		ck_assert_int_eq(fixture_load(&c), 0);
		config_free(c);
	}
	chain(10);
	ck_assert_int_eq(fixture_load(&c), 1);
	ck_assert_ptr_nonnull(strstr(fixture_errors, "9.conf:1: @include: 10.conf would be nested "
						     "deeper than 8 files"));
	bad(PORTALS TARGETS "@include \"main.conf\"\n", "does a file include itself?");
	bad(PORTALS "x = {\n@include \"main.conf\"\n};", "does a file include itself?");
}
END_TEST

START_TEST(bounded_number)
{
	struct config *c;
	char *text = malloc(1 << 16), *p = text;

	fixture_file("empty", "");
	p += sprintf(p, PORTALS TARGETS);
	for (int i = 1; i < 1024; i++)
		p += sprintf(p, "@include \"empty\"\n");
	ck_assert_int_eq(fixture_load_text(text, &c), 0);
	config_free(c);
	strcpy(p, "@include \"empty\"\n");
	fixture_bad(text, "main.conf:1026: @include: more than 1024 files");
	free(text);
}
END_TEST

START_TEST(no_devices)
{
	bad(PORTALS TARGETS "@include \"/dev/zero\"\n",
	    "main.conf:3: @include: /dev/zero cannot be read: it is no regular file");
	ck_assert_int_eq(mkfifo(fixture_path("fifo"), 0600), 0);
	bad(PORTALS TARGETS "@include \"fifo\"\n", "fifo cannot be read: it is no regular file");
}
END_TEST

START_TEST(a_syntax_error_ends_the_reading)
{
	fixture_file("a.conf", "\nx = ;\n");
	bad(PORTALS "limits = { logins = 0; };\n@include \"a.conf\"\n", "a.conf:2: syntax error");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("config_include");
	TCase *t = tcase_create("config_include");

	tcase_add_checked_fixture(t, fixture_setup, fixture_teardown);
	tcase_add_test(t, one_file);
	tcase_add_test(t, relative_to_the_file);
	tcase_add_test(t, a_folder);
	tcase_add_test(t, a_pattern);
	tcase_add_test(t, set_twice);
	tcase_add_test(t, inside_a_list);
	tcase_add_test(t, lines_after_an_include);
	tcase_add_test(t, bounded_depth);
	tcase_add_test(t, bounded_number);
	tcase_add_test(t, no_devices);
	tcase_add_test(t, a_syntax_error_ends_the_reading);
	suite_add_tcase(s, t);
	return test_main(s);
}
