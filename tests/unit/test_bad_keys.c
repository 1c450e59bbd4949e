// SPDX-License-Identifier: MIT
/*
 * test_bad_keys.c - keys and values that broke other targets, each test named for its source. See
 * tests/HOSTILE.md.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "lib/hostile.h"
#include "lib/logged.h"
#include "lib/test_main.h"

#define T	  ISCSI_LOGIN_TRANSIT
#define SEC	  (ISCSI_STAGE_SECURITY << 2)
#define OPS	  (ISCSI_STAGE_OPERATIONAL << 2)
#define TO_FFP	  (T | OPS | ISCSI_STAGE_FULL_FEATURE)
#define INITIATOR "InitiatorName=iqn.2026-01.org.memtgt:hostile\0"
#define NAMES	  INITIATOR "SessionType=Normal\0TargetName=iqn.2026-01.org.memtgt:rig\0"
#define COUNT(a)  (sizeof(a) / sizeof(*(a)))

static struct rig rig;

static void setup(void)
{
	rig_init(&rig);
}

static void teardown(void)
{
	rig_stop(&rig);
}

/* A key with a name of `len` bytes, behind `front`. */
static size_t with_long_key(char *text, const void *front, size_t n, size_t len)
{
	memcpy(text, front, n);
	memset(text + n, 'k', len);
	memcpy(text + n + len, "=v", 3);
	return n + len + 3;
}

/* ---- long names, long values ---- */

/* 6.1: 63 bytes are a key and come back whole; one more is a fault, never a cut. */
START_TEST(bad_input_cve_2013_2850_long_keys)
{
	static const size_t len[] = {1, 62, 63, 64, 65, 255, 256, 4096, 8000};
	static char text[9000];
	rig_start(&rig);
	struct rig_peer p = rig_connect(&rig);
	bool right = len[_i] <= 63;
	size_t n = with_long_key(text, NAMES, sizeof(NAMES) - 1, len[_i]);
	const struct hostile_said *s = hostile_say_login(&p, OPS, text, n);

	ck_assert_uint_eq(hostile_status(s), right ? 0 : 0x0200);
	if (right)
		ck_assert_uint_eq(strcspn(strrchr(s->text, 'k') - len[_i] + 1, "="), len[_i]);
	hostile_leave(&p);

	p = HOSTILE_PEER(&rig, IN_NORMAL_SESSION, "");
	s = hostile_say_text(&p, text, with_long_key(text, "", 0, len[_i]));
	ck_assert_uint_eq(s->pdu.bhs.opcode, right ? ISCSI_OP_TEXT_RSP : ISCSI_OP_REJECT);
	if (right)
		ck_assert_uint_eq(strcspn(s->text, "="), len[_i]);
	hostile_serves(&p);
	hostile_leave(&p);
}
END_TEST

/* 6.1: no value of ours is longer than 255 bytes, whatever was configured. */
START_TEST(bad_input_cve_2021_27365_values_stay_short)
{
	rig_start(&rig);
	size_t cap = sizeof(rig.target_config.alias) - 1;
	memset(rig.target_config.alias, 'a', cap);
	struct rig_peer p = rig_connect(&rig);
	const struct hostile_said *s = hostile_say_login(&p, TO_FFP, NAMES, sizeof(NAMES) - 1);

	ck_assert_uint_eq(hostile_status(s), 0);
	ck_assert_ptr_nonnull(strstr(s->text, "TargetAlias=aaa"));
	for (const char *at = s->text; *at; at += strcspn(at, "|") + 1) {
		size_t key = strcspn(at, "="), whole = strcspn(at, "|");
		ck_assert_uint_le(key, 63);
		ck_assert_uint_lt(key, whole);
		ck_assert_uint_le(whole - key - 1, 255);
	}
	hostile_leave(&p);
}
END_TEST

/* ---- CHAP, where it was not agreed on; chap.c has its own tests ---- */

#define HEX16  "0123456789abcdef"
#define HEX256 HEX16 HEX16 HEX16 HEX16 HEX16 HEX16 HEX16 HEX16 HEX16 HEX16 HEX16 HEX16 HEX16
#define PAIR(s)              \
	{                    \
		s, sizeof(s) \
	}

static const struct pair {
	const char *text;
	size_t n;
} chap_pairs[] = {
	PAIR("CHAP_A=5"),	 PAIR("CHAP_A=55"),
	PAIR("CHAP_A=5x"),	 PAIR("CHAP_A="),
	PAIR("CHAP_A=5,7,6"),	 PAIR("CHAP_I=256"),
	PAIR("CHAP_I=0x1ff"),	 PAIR("CHAP_I=-1"),
	PAIR("CHAP_I="),	 PAIR("CHAP_N="),
	PAIR("CHAP_N=%n%s"),	 PAIR("CHAP_R="),
	PAIR("CHAP_R=0x"),	 PAIR("CHAP_R=0xabc"),
	PAIR("CHAP_R=0xzz"),	 PAIR("CHAP_R=0x" HEX256 HEX256 HEX256 HEX256),
	PAIR("CHAP_R=0b"),	 PAIR("CHAP_R=0bAAAA" HEX256 HEX256 HEX256 HEX256),
	PAIR("CHAP_C=0x"),	 PAIR("CHAP_C=0x" HEX256 HEX256 HEX256 HEX256 HEX256 HEX256),
	PAIR("CHAP_C=0bA==="),	 PAIR("SRP_U=x"),
	PAIR("KRB_AP_REQ=0x00"),
};

/* Whoever offers CHAP beside None gets None, and may not go on with CHAP then. 12.1 */
START_TEST(bad_input_cve_2018_14633_chap_keys)
{
	static const char first[] = NAMES "AuthMethod=CHAP,None";
	const struct pair *pair = &chap_pairs[_i];
	char want[80];
	rig_start(&rig);
	struct rig_peer p = rig_connect(&rig);

	const struct hostile_said *s = hostile_say_login(&p, SEC, first, sizeof(first));
	ck_assert_uint_eq(hostile_status(s), 0);
	ck_assert_ptr_nonnull(strstr(s->text, "AuthMethod=None|"));
	s = hostile_say_login(&p, SEC, pair->text, pair->n);
	if (strncmp(pair->text, "CHAP_", 5) == 0) {
		ck_assert_uint_eq(hostile_status(s), ISCSI_LOGIN_INITIATOR_ERROR);
		hostile_leave(&p);
		return;
	}
	ck_assert_uint_eq(hostile_status(s), 0);
	snprintf(want, sizeof(want), "%.*s=NotUnderstood|", (int)strcspn(pair->text, "="),
		 pair->text);
	ck_assert_str_eq(s->text, want);
	s = hostile_say_login(&p, T | SEC | ISCSI_STAGE_FULL_FEATURE, NULL, 0);
	ck_assert_uint_eq(hostile_status(s), 0);
	hostile_serves(&p);
	hostile_leave(&p);
}
END_TEST

/* "compare full CHAP_A strings" of LIO, for AuthMethod: only a whole "None" is None. */
START_TEST(bad_input_lio_only_whole_words_match)
{
	static const struct {
		struct pair pair;
		unsigned status;
	} rows[] = {
		{PAIR("AuthMethod=CHAP"), 0x0201},
		{PAIR("AuthMethod="), 0x0201},
		{PAIR("AuthMethod=none"), 0x0201},
		{PAIR("AuthMethod=Non"), 0x0201},
		{PAIR("AuthMethod=None2"), 0x0201},
		{PAIR("AuthMethod=NoneNone"), 0x0201},
		{PAIR("AuthMethod= None"), 0x0201},
		{PAIR("AuthMethod=,,,"), 0x0201},
		{PAIR("AuthMethod=CHAP,SRP,KRB5"), 0x0201},
		{PAIR("AuthMethod=CHAP,None"), 0},
		{PAIR("AuthMethod=None"), 0},
		{PAIR("AuthMethod=Reject"), 0x0200},
		{PAIR("AuthMethod=NotUnderstood"), 0x0200},
		{PAIR("authmethod=CHAP"), 0},
		{PAIR("AuthMethod=" HEX256 HEX256 ",None"), 0x0200},
	};
	char text[1000];

	rig_start(&rig);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct rig_peer p = rig_connect(&rig);
		memcpy(text, NAMES, sizeof(NAMES) - 1);
		memcpy(text + sizeof(NAMES) - 1, rows[i].pair.text, rows[i].pair.n);
		const struct hostile_said *s =
			hostile_say_login(&p, SEC, text, sizeof(NAMES) - 1 + rows[i].pair.n);
		ck_assert_msg(hostile_status(s) == rows[i].status, "%s: 0x%04x", rows[i].pair.text,
			      hostile_status(s));
		ck_assert_int_eq(rig_is_closed(&p), rows[i].status != 0);
		hostile_leave(&p);
	}
}
END_TEST

/* ---- what is no text ---- */

/* nvmet "non-NUL names"; 6.1 */
START_TEST(bad_input_nvmet_text_that_does_not_end)
{
	static const struct pair rows[] = {
		{"InitiatorName=iqn.x:y", 21},
		{"InitiatorName", 13},
		{"InitiatorName=", 14},
		{"=", 1},
		{"=\0", 2},
		{"\0", 1},
		{"\0\0\0\0", 4},
		{"=v\0", 3},
		{"a", 1},
		{"a\0", 2},
		{"a=b\0c", 5},
		{"a=b\0c=d", 7},
		{"\xff\xff=\xff\0", 5},
		{"a b=c\0", 6},
		{"a%n=c\0", 6},
		{"a\n=c\0", 5},
	};
	rig_start(&rig);
	struct rig_peer p = rig_connect(&rig);
	char text[200];

	memcpy(text, NAMES, sizeof(NAMES) - 1);
	memcpy(text + sizeof(NAMES) - 1, rows[_i].text, rows[_i].n);
	unsigned status =
		hostile_status(hostile_say_login(&p, OPS, text, sizeof(NAMES) - 1 + rows[_i].n));
	ck_assert_uint_eq(status, 0x0200);
	ck_assert(rig_is_closed(&p));
	hostile_leave(&p);
	p = HOSTILE_PEER(&rig, IN_NORMAL_SESSION, "");
	ck_assert_uint_eq(hostile_say_text(&p, rows[_i].text, rows[_i].n)->pdu.bhs.opcode,
			  ISCSI_OP_REJECT);
	hostile_serves(&p);
	hostile_leave(&p);
}
END_TEST

/* A name is a name, also in the log. */
START_TEST(bad_input_cve_2010_0743_format_strings)
{
	static const char text[] = "InitiatorName=iqn.%n%s%p:%*d\0"
				   "SessionType=Normal\0TargetName=iqn.%n%n%s";
	static const char other[] = "InitiatorName=iqn.%n%s%p:%*d\0InitiatorAlias=%s%n\0"
				    "SessionType=Normal\0TargetName=iqn.2026-01.org.memtgt:rig";
	rig_start(&rig);
	struct rig_peer p = rig_connect(&rig);

	ck_assert_uint_eq(hostile_status(hostile_say_login(&p, TO_FFP, text, sizeof(text))),
			  0x0203);
	ck_assert_ptr_nonnull(strstr(logged(), "iqn.%n%s%p:%*d at "));
	hostile_leave(&p);
	p = rig_connect(&rig);
	ck_assert_uint_eq(hostile_status(hostile_say_login(&p, TO_FFP, other, sizeof(other))), 0);
	ck_assert_ptr_nonnull(strstr(logged(), "iqn.%n%s%p:%*d at "));
	(void)hostile_say_text(&p, "%n%s=%n", 8);
	ck_assert_ptr_nonnull(strstr(logged(), "iqn.%n%s%p:%*d at "));
	hostile_serves(&p);
	hostile_leave(&p);
}
END_TEST

/* A line of the log is one line: control characters are no part of a name. 4.2.7 */
START_TEST(names_do_not_write_lines_of_the_log)
{
	static const char text[] = "InitiatorName=iqn.x:y\nmemtgtd:forged\0"
				   "SessionType=Normal\0TargetName=iqn.2026-01.org.memtgt:rig";
	rig_start(&rig);
	struct rig_peer p = rig_connect(&rig);

	ck_assert_uint_eq(hostile_status(hostile_say_login(&p, TO_FFP, text, sizeof(text))),
			  0x0200);
	ck_assert_ptr_null(strstr(logged(), "forged"));
	hostile_leave(&p);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("bad_keys");
	TCase *t = tcase_create("bad_keys");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, bad_input_cve_2013_2850_long_keys, 0, 9);
	tcase_add_test(t, bad_input_cve_2021_27365_values_stay_short);
	tcase_add_loop_test(t, bad_input_cve_2018_14633_chap_keys, 0, COUNT(chap_pairs));
	tcase_add_test(t, bad_input_lio_only_whole_words_match);
	tcase_add_loop_test(t, bad_input_nvmet_text_that_does_not_end, 0, 16);
	suite_add_tcase(s, t);
	t = tcase_create("log");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_checked_fixture(t, log_catch, log_release);
	tcase_add_test(t, bad_input_cve_2010_0743_format_strings);
	tcase_add_test(t, names_do_not_write_lines_of_the_log);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	return test_main(suite());
}
