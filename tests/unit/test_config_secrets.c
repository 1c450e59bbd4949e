// SPDX-License-Identifier: MIT
/* test_config_secrets.c - the file of secrets: who may read it, what it may hold, who names it. */
#include "base/config.h"

#include "lib/test_main.h"
#include "unit/config_fixture.h"

#define GOOD                                                                       \
	"credentials = ( { name = \"alpha\"; secret = \"alpha-secret-1234\"; },\n" \
	"  { name = \"donor\"; secret_hex = \"000102030405060708090a0b\"; },\n"    \
	"  { name = \"beta\"; secret_base64 = \"AAECAwQFBgcICQoM\"; } );\n"

/* The file of secrets, of mode 0600, and a configuration that names it. */
static const char *main_with(const char *secrets, const char *text)
{
	static char all[8192];

	fixture_file("secrets.conf", secrets);
	ck_assert_int_eq(chmod(fixture_path("secrets.conf"), 0600), 0);
	snprintf(all, sizeof(all), PORTALS TARGETS "secrets = \"%s\";\n%s",
		 fixture_path("secrets.conf"), text);
	return all;
}

static bool asks(const struct config_auth *a, const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->ncredentials; i++)
		if (!strcmp(c->credentials[i].name, name))
			return a->chap[i / 64] >> i % 64 & 1;
	ck_abort_msg("no credential %s", name);
}

START_TEST(all_forms)
{
	struct config *c = fixture_good(main_with(
		GOOD, "access = ( { initiator = \"iqn.a:*\"; chap = [ \"alpha\", \"beta\" ];\n"
		      " chap_mutual = \"donor\"; }, { network = \"10.0.0.0/8\"; } );\n"
		      "discovery = { chap = \"beta\"; };"));
	const struct config_rule *r = c->targets[0].access.rules;

	ck_assert_uint_eq(c->ncredentials, 3);
	ck_assert_uint_eq(c->credentials[0].secret_len, 17);
	ck_assert_mem_eq(c->credentials[0].secret, "alpha-secret-1234", 17);
	ck_assert_uint_eq(c->credentials[1].secret_len, 12);
	ck_assert_mem_eq(c->credentials[1].secret, "\0\1\2\3\4\5\6\7\x8\x9\xa\xb", 12);
	ck_assert_uint_eq(c->credentials[2].secret_len, 12);
	ck_assert_mem_eq(c->credentials[2].secret, "\0\1\2\3\4\5\6\7\x8\x9\xa\xc", 12);
	ck_assert(r[0].auth.required && asks(&r[0].auth, c, "alpha") &&
		  asks(&r[0].auth, c, "beta"));
	ck_assert(!asks(&r[0].auth, c, "donor"));
	ck_assert_ptr_eq(r[0].auth.mutual, &c->credentials[1]);
	ck_assert(!r[1].auth.required && !r[1].auth.mutual);
	ck_assert(c->discovery.required && asks(&c->discovery, c, "beta"));
	ck_assert(!asks(&c->discovery, c, "alpha"));
	config_free(c);
}
END_TEST

START_TEST(nothing_asked)
{
	struct config *c = fixture_good(PORTALS TARGETS "access = ( { network = \"::/0\"; } );");

	ck_assert(!c->targets[0].access.rules[0].auth.required && !c->discovery.required);
	ck_assert_uint_eq(c->ncredentials, 0);
	config_free(c);
	/* A rule that only asks for CHAP is none that is empty. */
	c = fixture_good(main_with(GOOD, "access = ( { chap = \"alpha\"; } );"));
	ck_assert(c->targets[0].access.rules[0].auth.required);
	config_free(c);
}
END_TEST

/* What main.conf may say wrongly. */
/* clang-format off */
static const struct { const char *text, *error; } mains[] = {
	{"access = ( { chap = \"nobody\"; } );", "main.conf:4: access.[0].chap: found \"nobody\"; the file of secrets has no"},
	{"access = ( { chap = [ \"alpha\", \"nobody\" ]; } );", "access.[0].chap.[1]: found \"nobody\""},
	{"access = ( { chap = 7; } );", "access.[0].chap: found 7; allowed is the name of a credential, in quotes, or a list"},
	{"access = ( { chap = \"\"; } );", "access.[0].chap: found \"\"; allowed is"},
	{"access = ( { chap = [ ]; } );", "access.[0].chap: found an array [ ... ]; allowed is"},
	{"access = ( { chap = ( \"alpha\", 3 ); } );", "access.[0].chap.[1]: found 3; allowed is"},
	{"access = ( { chap = \"alpha\"; chap_mutual = \"x\"; } );", "access.[0].chap_mutual: found \"x\"; the file of secrets"},
	{"access = ( { chap = \"alpha\"; chap_mutual = [ \"donor\" ]; } );", "access.[0].chap_mutual: found an array [ ... ]; allowed is the name of a credential, in quotes\n"},
	{"access = ( { chap_mutual = \"donor\"; } );", "access.[0].chap_mutual: found without chap"},
	{"discovery = { chap = \"nobody\"; };", "main.conf:4: discovery.chap: found \"nobody\""},
	{"discovery = { chap_mutual = \"donor\"; };", "discovery.chap_mutual: found without chap"},
	{"discovery = 7;", "discovery: found 7; allowed is a group"},
	{"discovery = { chop = 7; };", "discovery.chop: found an unknown key; did you mean chap?"},
	{"secret = \"x\";", "secret: found an unknown key; secret belongs into an element of credentials"},
	/* One credential for both directions, or two with one secret. */
	{"access = ( { chap = \"alpha\"; chap_mutual = \"alpha\"; } );", "main.conf:3: secrets: the secret of \"alpha\" (line 1), which stands in chap_mutual, is that of \"alpha\""},
	{"access = ( { chap = \"alpha\"; } ); discovery = { chap = \"beta\"; chap_mutual = \"alpha\"; };", "secrets: the secret of \"alpha\""},
};

/* And the file of secrets. None of these may show "hidden". */
static const struct { const char *text, *error; } files[] = {
	{"", "secrets.conf:1: credentials: missing; needed is a list"},
	{"credentials = ();", "secrets.conf:1: credentials: found 0 elements; allowed are 1 to 1024"},
	{"credentials = \"hidden\";", "secrets.conf:1: credentials: found a value that is not shown; allowed is a list"},
	{"credentials = ( \"hidden\" );", "secrets.conf:1: credentials.[0]: an element of credentials is a group { ... }"},
	{"\npasswords = ( \"hidden\" );", "secrets.conf:2: passwords: found an unknown key; the file of secrets may have credentials"},
	{"credentials = ( { secret = \"hidden-hidden-hidden\"; } );", "credentials.[0].name: missing"},
	{"credentials = ( { name = \"a\"; } );", "credentials.[0].secret: missing; needed is secret, secret_hex or secret_base64"},
	{"credentials = ( { name = 7; secret = \"hidden-hidden\"; } );", "credentials.[0].name: found a value that is not shown; allowed is a string"},
	{"credentials = ( { name = \"\"; secret = \"hidden-hidden\"; } );", "credentials.[0].name: found a value that is not shown"},
	{"credentials = ( { name = \"hidden\\n\"; secret = \"hidden-hidden\"; } );", "credentials.[0].name: found a value that is not shown; a user's name has no control"},
	{"credentials = ( { name = \"Reject\"; secret = \"hidden-hidden\"; } );", "credentials.[0].name: found a value that is not shown; this word"},
	{"credentials = ( { name = \"a\"; sekret = \"hidden-hidden\"; secret = \"hidden-hidden\"; } );", "credentials.[0].sekret: found an unknown key; did you mean secret?"},
	{"credentials = ( { name = \"a\"; secret = \"hidden12345\"; } );", "credentials.[0].secret: found a value that is not shown; allowed is a text in quotes, for 12 to 255 bytes"},
	{"credentials = ( { name = \"a\"; secret = \"\"; } );", "credentials.[0].secret: found"},
	{"credentials = ( { name = \"a\"; secret = 123456789012; } );", "credentials.[0].secret: found a value that is not shown"},
	{"credentials = ( { name = \"a\"; secret_hex = \"0102030405060708090a0\"; } );", "secret_hex: found a value that is not shown; allowed is an even number of hexadecimal digits in quotes, for 12"},
	{"credentials = ( { name = \"a\"; secret_hex = \"0102030405060708090a0b\"; } );", "secret_hex: found"},
	{"credentials = ( { name = \"a\"; secret_hex = \"0x000102030405060708090a0b\"; } );", "secret_hex: found"},
	{"credentials = ( { name = \"a\"; secret_hex = \"hiddenhiddenhiddenhidden\"; } );", "secret_hex: found"},
	{"credentials = ( { name = \"a\"; secret_base64 = \"AAECAwQFBgcICQo=\"; } );", "secret_base64: found a value that is not shown; allowed is base64, with its =, in quotes, for 12"},
	{"credentials = ( { name = \"a\"; secret_base64 = \"AAECAwQFBgcICQoLDA\"; } );", "secret_base64: found"},
	{"credentials = ( { name = \"a\"; secret = \"hidden-hidden\"; secret_hex = \"000102030405060708090a0b\"; } );", "credentials.[0].secret_hex: a credential has one secret"},
	{"credentials = ( { name = \"a\"; secret = \"hidden-hidden\"; },\n{ name = \"a\"; secret = \"hidden-hidden2\"; } );", "secrets.conf:2: credentials.[1].name: found \"a\", which the credential in line 1 has"},
	{"credentials = ( { name = \"a\"; secret = \"hidden-hidden\" \"; } );", "secrets.conf:1: syntax error"},
	{"credentials = ( { name = \"a\"; secret = hidden; } );", "secrets.conf:1: syntax error"},
	{"@include \"nothing.conf\"", "secrets.conf:1: @include: nothing.conf cannot be read"},
};
/* clang-format on */

START_TEST(wrong_in_main)
{
	fixture_bad(main_with(GOOD, mains[_i].text), mains[_i].error);
}
END_TEST

START_TEST(wrong_in_the_file)
{
	/* Who names what is wrong says nothing: one mistake, one error. */
	fixture_bad(main_with(files[_i].text, "access = ( { chap = \"a\"; } );"), files[_i].error);
	ck_assert_ptr_null(strstr(fixture_errors, "hidden"));
	ck_assert_ptr_null(strstr(fixture_errors, "123456789"));
}
END_TEST

START_TEST(no_file_at_all)
{
	fixture_bad(PORTALS TARGETS "access = ( { chap = \"alpha\"; } );",
		    "access.[0].chap: found \"alpha\"; set secrets = \"FILE\" at the top level");
	fixture_bad(PORTALS TARGETS "secrets = \"/nowhere/secrets.conf\";",
		    "/nowhere/secrets.conf cannot be read: No such file");
	fixture_bad(PORTALS TARGETS "secrets = \"secrets.conf\";",
		    "main.conf:3: secrets: found \"secrets.conf\"; a path begins with /");
	fixture_bad(PORTALS TARGETS "secrets = 7;", "main.conf:3: secrets: found 7; allowed is");
	fixture_bad(PORTALS TARGETS "secrets = \"/dev/zero\";",
		    "/dev/zero cannot be read: it is no regular file");
	fixture_bad(PORTALS TARGETS "secrets = \"/tmp\";", "/tmp cannot be read");
}
END_TEST

/* Every mode that lets others at it, and those that do not. */
START_TEST(bad_input_cve_2020_13867_files_that_others_read)
{
	const char *text = main_with(GOOD, "");
	char expected[128], command[64];
	unsigned refused = 0, taken = 0;

	for (unsigned mode = 0400; mode <= 0777; mode++) {
		if (!(mode & 0400))
			continue;
		ck_assert_int_eq(chmod(fixture_path("secrets.conf"), mode), 0);
		if (mode & 077) {
			snprintf(expected, sizeof(expected), "its mode %04o lets others use it",
				 mode);
			snprintf(command, sizeof(command), "cure: chmod 0600 secrets.conf");
			fixture_bad(text, expected);
			ck_assert_ptr_nonnull(strstr(fixture_errors, command));
			refused++;
			continue;
		}
		config_free(fixture_good(text));
		taken++;
	}
	ck_assert_uint_eq(taken, 4);
	ck_assert_uint_eq(refused, 4 * 63);
}
END_TEST

START_TEST(included_files_are_looked_at_too)
{
	fixture_file("more.conf",
		     "credentials = ( { name = \"m\"; secret = \"hidden-hidden\"; } );");
	ck_assert_int_eq(chmod(fixture_path("more.conf"), 0640), 0);
	const char *text =
		main_with(GOOD "@include \"more.conf\"\n", "access = ( { chap = \"m\"; } );");
	fixture_bad(text, "its mode 0640 lets others use it");
	ck_assert_ptr_null(strstr(fixture_errors, "hidden"));
	ck_assert_int_eq(chmod(fixture_path("more.conf"), 0600), 0);
	struct config *c = fixture_good(text);
	ck_assert_uint_eq(c->ncredentials, 4);
	ck_assert(asks(&c->targets[0].access.rules[0].auth, c, "m"));
	config_free(c);
}
END_TEST

START_TEST(another_owner)
{
	const char *text = main_with(GOOD, "");

	if (geteuid()) {
		test_skip("only root can give a file away");
		return;
	}
	ck_assert_int_eq(chown(fixture_path("secrets.conf"), 65533, 65533), 0);
	fixture_bad(text, "it holds secrets, and belongs to user 65533; allowed are root and");
	ck_assert_int_eq(chown(fixture_path("secrets.conf"), 0, 65533), 0);
	config_free(fixture_good(text));
}
END_TEST

START_TEST(two_secrets_that_are_one)
{
	fixture_bad(
		main_with("credentials = ( { name = \"a\"; secret = \"abcdefghijkl\"; },\n"
			  "{ name = \"b\"; secret_hex = \"6162636465666768696a6b6c\"; } );",
			  "access = ( { chap = \"a\"; chap_mutual = \"b\"; } );"),
		"main.conf:3: secrets: the secret of \"b\" (line 2), which stands in chap_mutual, "
		"is that of \"a\" (line 1), which stands in chap");
	ck_assert_ptr_null(strstr(fixture_errors, "abcdef"));
	/* Two initiators may have one, though they should not. */
	config_free(fixture_good(
		main_with("credentials = ( { name = \"a\"; secret = \"abcdefghijkl\"; },\n"
			  "{ name = \"b\"; secret_hex = \"6162636465666768696a6b6c\"; } );",
			  "access = ( { chap = [ \"a\", \"b\" ]; } );")));
}
END_TEST

START_TEST(limits)
{
	static char text[256 * 1024], main[128];
	char secret[257];

	for (unsigned n = 254; n <= 256; n++) {
		memset(secret, 's', n);
		secret[n] = '\0';
		snprintf(text, sizeof(text),
			 "credentials = ( { name = \"%.*s\"; secret = \"%s\"; } );", 255, secret,
			 n > 255 ? "hidden" : secret);
		if (n <= 255)
			config_free(fixture_good(main_with(text, "")));
		snprintf(text, sizeof(text),
			 "credentials = ( { name = \"a\"; secret = \"%s\"; } );", secret);
		if (n <= 255)
			config_free(fixture_good(main_with(text, "")));
		else
			fixture_bad(main_with(text, ""), "credentials.[0].secret: found");
		snprintf(text, sizeof(text),
			 "credentials = ( { name = \"%s\"; secret = \"abcdefghijkl\"; } );",
			 secret);
		if (n > 255)
			fixture_bad(main_with(text, ""), "credentials.[0].name: found");
	}
	for (unsigned n = 1023; n <= 1025; n++) {
		size_t at = (size_t)sprintf(text, "credentials = (");
		for (unsigned i = 0; i < n; i++)
			at += (size_t)sprintf(text + at,
					      "%s{ name = \"n%u\"; secret = \"secret-of-%u-xx\"; }",
					      i ? "," : "", i, i);
		sprintf(text + at, ");");
		snprintf(main, sizeof(main), "access = ( { chap = \"n%u\"; } );", n - 1);
		if (n > 1024) {
			fixture_bad(main_with(text, main),
				    "found 1025 elements; allowed are 1 to 1024");
			continue;
		}
		struct config *c = fixture_good(main_with(text, main));
		ck_assert_uint_eq(c->ncredentials, n);
		uint64_t last = (uint64_t)1 << (n - 1) % 64;
		ck_assert_uint_eq(c->targets[0].access.rules[0].auth.chap[15], last);
		config_free(c);
	}
}
END_TEST

/* No core dump has them: the pages are marked, as the kernel tells. */
START_TEST(left_out_of_core_dumps)
{
	struct config *c = fixture_good(main_with(GOOD, ""));
	unsigned long lo, hi, at = (unsigned long)c->credentials;
	char line[512];
	bool inside = false, marked = false;
	FILE *f = fopen("/proc/self/smaps", "r");

	ck_assert_ptr_nonnull(f);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx ", &lo, &hi) == 2)
			inside = lo <= at && at < hi;
		else if (inside && !strncmp(line, "VmFlags:", 8))
			marked = strstr(line, " dd") != NULL;
	}
	fclose(f);
	ck_assert(marked);
	config_free(c);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("config_secrets");
	TCase *t = tcase_create("config_secrets");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, fixture_setup, fixture_teardown);
	tcase_add_test(t, all_forms);
	tcase_add_test(t, nothing_asked);
	tcase_add_loop_test(t, wrong_in_main, 0, sizeof(mains) / sizeof(*mains));
	tcase_add_loop_test(t, wrong_in_the_file, 0, sizeof(files) / sizeof(*files));
	tcase_add_test(t, no_file_at_all);
	tcase_add_test(t, bad_input_cve_2020_13867_files_that_others_read);
	tcase_add_test(t, included_files_are_looked_at_too);
	tcase_add_test(t, another_owner);
	tcase_add_test(t, two_secrets_that_are_one);
	tcase_add_test(t, limits);
	tcase_add_test(t, left_out_of_core_dumps);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	return test_main(suite());
}
