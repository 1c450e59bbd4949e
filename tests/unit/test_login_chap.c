// SPDX-License-Identifier: MIT
/* test_login_chap.c - the security stage: where CHAP is asked for, nothing leads past it. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "iscsi/login.h"
#include "lib/test_main.h"

#define T   ISCSI_LOGIN_TRANSIT
#define C   ISCSI_LOGIN_CONTINUE
#define SEC (ISCSI_STAGE_SECURITY << 2)
#define OPS (ISCSI_STAGE_OPERATIONAL << 2)
#define FFP ISCSI_STAGE_FULL_FEATURE

#define I     "InitiatorName=iqn.i:1|"
#define NAMES I "TargetName=iqn.2026-01.t:chap|"

static struct config_credential credentials[] = {
	{.name = "alpha", .secret = "alpha-secret-1234", .secret_len = 17},
	{.name = "donor", .secret = "donor-secret-1234", .secret_len = 17},
	{.name = "finder", .secret = "finder-secret-123", .secret_len = 17},
};
/* The first rule that fits is the one that counts. */
static struct config_rule rules[] = {
	{.initiator = (char *)"iqn.i:open"},
	{.place = (char *)"f:2",
	 .auth = {.required = true, .chap = {1}, .mutual = &credentials[1]}},
	{.initiator = (char *)"iqn.i:1"},
};
static struct config_target targets[] = {
	{.name = "iqn.2026-01.t:chap", .access = {.rules = rules, .nrules = 3}},
	{.name = "iqn.2026-01.t:open", .access = {.any = true}},
};
static struct config config = {
	.targets = targets,
	.ntargets = 2,
	.credentials = credentials,
	.ncredentials = 3,
	.discovery = {.required = true, .chap = {4}},
	.login =
		{
			.header_digest = DIGEST_NONE | DIGEST_CRC32C,
			.data_digest = DIGEST_NONE | DIGEST_CRC32C,
			.chap_algorithms = 15,
			.max_recv_data_segment_length = 262144,
			.max_burst_length = 1048576,
			.first_burst_length = 262144,
			.max_outstanding_r2t = 4,
			.immediate_data = true,
			.default_time2wait = 2,
			.default_time2retain = 20,
		},
};

static struct login l;
static struct login_reply reply;
static char said[3 * LOGIN_TEXT_MAX];

static void begin(void)
{
	struct sockaddr_storage peer = {0};
	struct sockaddr_in *in = (void *)&peer;

	in->sin_family = AF_INET;
	in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(login_begin(&l, &config, &peer, 7), 0);
}

static void end(void)
{
	login_end(&l);
}

/* "|" stands for NUL. */
static enum login_step say(uint8_t flags, const char *text)
{
	struct bhs_login_req req = {.opcode = 0x43, .flags = flags};
	size_t n = strlen(text);
	uint8_t *in = malloc(n + 1);

	for (size_t i = 0; i < n; i++)
		in[i] = text[i] == '|' ? 0 : (uint8_t)text[i];
	put24(&req.data_len, (uint32_t)n);
	enum login_step step = login_input(&l, &req, in, n, &reply);
	free(in);
	for (size_t i = 0; i < reply.text_len; i++)
		said[i] = reply.text[i] ? (char)reply.text[i] : '|';
	said[reply.text_len] = '\0';
	return step;
}

/* The right answer to the challenge that was sent. */
static const char *right(const struct config_credential *who)
{
	static char text[512];
	uint8_t out[CHAP_RESPONSE_MAX];
	const struct chap *c = &l.chap;

	ck_assert(chap_digest(c->algorithm, c->id, who, c->challenge, CHAP_CHALLENGE, out));
	int n = sprintf(text, "CHAP_N=%s|CHAP_R=0x", who->name);
	for (size_t i = 0; i < chap_digest_len(c->algorithm); i++)
		n += sprintf(text + n, "%02x", out[i]);
	strcpy(text + n, "|");
	return text;
}

static void refused(uint8_t flags, const char *text, unsigned with)
{
	ck_assert_int_eq(say(flags, text), LOGIN_FAIL);
	ck_assert_uint_eq((unsigned)reply.bhs.status_class << 8 | reply.bhs.status_detail, with);
	ck_assert_str_eq(said, "");
	ck_assert_ptr_nonnull(l.why);
	ck_assert_int_eq(say(SEC, ""), LOGIN_DROP);
}

static void challenged(const char *names)
{
	char text[512];

	snprintf(text, sizeof(text), "%sAuthMethod=CHAP,None|", names);
	ck_assert_int_eq(say(SEC, text), LOGIN_SEND);
	ck_assert_ptr_nonnull(strstr(said, "AuthMethod=CHAP|"));
	ck_assert_int_eq(say(SEC, "CHAP_A=7,5|"), LOGIN_SEND);
	ck_assert_ptr_nonnull(strstr(said, "CHAP_A=7|CHAP_I="));
}

START_TEST(to_the_operational_stage)
{
	challenged(NAMES);
	ck_assert_int_eq(say(SEC | T | 1, right(&credentials[0])), LOGIN_SEND);
	ck_assert_uint_eq(reply.bhs.flags, SEC | T | 1);
	ck_assert_str_eq(said, "");
	ck_assert_int_eq(say(OPS | T | FFP, "HeaderDigest=CRC32C|"), LOGIN_COMPLETE);
	ck_assert_ptr_eq(l.target, &targets[0]);
	ck_assert_str_eq(l.chap.user, "alpha");
}
END_TEST

START_TEST(straight_to_full_feature)
{
	challenged(NAMES);
	ck_assert_int_eq(say(SEC | T | FFP, right(&credentials[0])), LOGIN_COMPLETE);
}
END_TEST

/* Each request asks for the next stage; it is granted when all was said. */
START_TEST(transit_is_held_back)
{
	ck_assert_int_eq(say(SEC | T | 1, NAMES "AuthMethod=None,CHAP|"), LOGIN_SEND);
	ck_assert_uint_eq(reply.bhs.flags, SEC);
	ck_assert_ptr_nonnull(strstr(said, "AuthMethod=CHAP|"));
	ck_assert_int_eq(say(SEC | T | 1, "CHAP_A=8|"), LOGIN_SEND);
	ck_assert_uint_eq(reply.bhs.flags, SEC);
	ck_assert_int_eq(say(SEC | T | 1, right(&credentials[0])), LOGIN_SEND);
	ck_assert_uint_eq(reply.bhs.flags, SEC | T | 1);
}
END_TEST

START_TEST(transit_a_step_later)
{
	challenged(NAMES);
	ck_assert_int_eq(say(SEC, right(&credentials[0])), LOGIN_SEND);
	ck_assert_uint_eq(reply.bhs.flags, SEC);
	ck_assert_int_eq(say(SEC | T | FFP, ""), LOGIN_COMPLETE);
}
END_TEST

START_TEST(mutual_in_pieces)
{
	char text[800];

	challenged(NAMES);
	snprintf(text, sizeof(text), "%sCHAP_I=3|CHAP_C=0xabcdef|", right(&credentials[0]));
	size_t half = strlen(text) / 2;
	char part[800];
	memcpy(part, text, half);
	part[half] = '\0';
	ck_assert_int_eq(say(SEC | C, part), LOGIN_SEND);
	ck_assert_int_eq(say(SEC | T | FFP, text + half), LOGIN_COMPLETE);
	ck_assert_ptr_nonnull(strstr(said, "CHAP_N=donor|CHAP_R=0x"));
}
END_TEST

/* A rule without CHAP beside one with it, and the order in which they are looked at. */
START_TEST(rules_side_by_side)
{
	ck_assert_int_eq(say(OPS | T | FFP, "InitiatorName=iqn.i:open|"
					    "TargetName=iqn.2026-01.t:chap|"),
			 LOGIN_COMPLETE);
	end();
	begin();
	/* Its own rule stands behind the one that fits all. */
	refused(OPS | T | FFP, NAMES, 0x201);
	end();
	begin();
	ck_assert_int_eq(
		say(SEC | T | FFP, I "TargetName=iqn.2026-01.t:open|AuthMethod=CHAP,None|"),
		LOGIN_COMPLETE);
	end();
	begin();
	refused(SEC, I "TargetName=iqn.2026-01.t:open|AuthMethod=CHAP|", 0x201);
}
END_TEST

START_TEST(discovery_has_its_own)
{
	challenged(I "SessionType=Discovery|");
	ck_assert_int_eq(say(SEC | T | FFP, right(&credentials[2])), LOGIN_COMPLETE);
	ck_assert_ptr_null(l.target);
	end();
	begin();
	challenged(I "SessionType=Discovery|");
	refused(SEC | T | FFP, right(&credentials[0]), 0x201);
	end();
	begin();
	challenged(NAMES);
	refused(SEC | T | FFP, right(&credentials[2]), 0x201);
	end();
	begin();
	refused(OPS | T | FFP, I "SessionType=Discovery|", 0x201);
	end();
	begin();
	/* discovery has no chap_mutual */
	challenged(I "SessionType=Discovery|");
	char text[800];
	snprintf(text, sizeof(text), "%sCHAP_I=1|CHAP_C=0x00|", right(&credentials[2]));
	refused(SEC | T | FFP, text, 0x201);
}
END_TEST

/* clang-format off */
static const struct {
	uint8_t flags;
	const char *text;
	unsigned status;
} first[] = {
	{SEC | T | 1, NAMES "AuthMethod=None|", 0x201},
	{SEC, NAMES "AuthMethod=None|", 0x201},
	{SEC, NAMES "AuthMethod=KRB5,SRP,None|", 0x201},
	{SEC, NAMES "AuthMethod=chap|", 0x201},
	{SEC, NAMES "AuthMethod=CHAP2|", 0x201},
	{SEC, NAMES "AuthMethod=|", 0x201},
	{SEC | T | 1, NAMES, 0x201}, {SEC | T | FFP, NAMES, 0x201},
	{OPS, NAMES, 0x201}, {OPS | T | FFP, NAMES, 0x201},
	{OPS | T | FFP, NAMES "AuthMethod=CHAP|", 0x200}, /* a key of another stage */
	{OPS | T | FFP, NAMES "CHAP_A=5|", 0x200},
	{SEC, NAMES "CHAP_A=5|", 0x200},
	{SEC, NAMES "AuthMethod=CHAP|CHAP_A=5|", 0x200},
	{SEC, NAMES "AuthMethod=CHAP|CHAP_N=alpha|CHAP_R=0x00|", 0x200},
	{SEC, NAMES "AuthMethod=CHAP|AuthMethod=CHAP|", 0x200},
}, second[] = { /* after AuthMethod=CHAP */
	{SEC, "", 0x201}, {SEC | T | 1, "", 0x201}, {SEC | T | FFP, "", 0x201},
	{OPS, "", 0x200}, {OPS | T | FFP, "", 0x200},
	{SEC, "AuthMethod=CHAP|", 0x200}, {SEC, "AuthMethod=None|", 0x200},
	{SEC, "X-a=b|", 0x201},
	{SEC, "CHAP_A=|", 0x201}, {SEC, "CHAP_A=MD5|", 0x201}, {SEC, "CHAP_A=05|", 0x201},
	{SEC, "CHAP_A=5|CHAP_A=5|", 0x200}, {SEC, "CHAP_A=Reject|", 0x200},
	{SEC, "CHAP_N=alpha|CHAP_R=0x00|", 0x201}, {SEC, "CHAP_A=5|CHAP_N=alpha|", 0x201},
	{SEC, "chap_a=5|", 0x201},
}, third[] = { /* after CHAP_A */
	{SEC, "", 0x201}, {SEC | T | 1, "", 0x201}, {SEC | T | FFP, "", 0x201},
	{OPS | T | FFP, "", 0x200},
	{SEC, "CHAP_A=5|", 0x200}, {SEC, "AuthMethod=None|", 0x200},
	{SEC, "CHAP_N=alpha|CHAP_R=0x00|", 0x201},
	{SEC, "CHAP_N=alpha|CHAP_N=alpha|CHAP_R=0x00|", 0x200},
	{SEC, "CHAP_N=alpha|CHAP_R=Irrelevant|", 0x200},
	{SEC, "CHAP_N=NotUnderstood|CHAP_R=0x00|", 0x200},
	{SEC, "InitiatorName=iqn.i:open|", 0x200},
	{SEC, "TargetName=iqn.2026-01.t:open|", 0x200},
};
/* clang-format on */
#define N(list) ((int)(sizeof(list) / sizeof(*(list))))

START_TEST(wrong_first)
{
	refused(first[_i].flags, first[_i].text, first[_i].status);
	if (first[_i].status == ISCSI_LOGIN_AUTH_FAILURE)
		ck_assert_ptr_nonnull(strstr(l.why, "; the rule at f:2 asks for CHAP"));
}
END_TEST

START_TEST(wrong_second)
{
	ck_assert_int_eq(say(SEC, NAMES "AuthMethod=CHAP|"), LOGIN_SEND);
	refused(second[_i].flags, second[_i].text, second[_i].status);
}
END_TEST

START_TEST(wrong_third)
{
	challenged(NAMES);
	refused(third[_i].flags, third[_i].text, third[_i].status);
}
END_TEST

START_TEST(nothing_of_it_again)
{
	static const char *const again[] = {"CHAP_A=5|", "CHAP_N=x|CHAP_R=0x00|", "CHAP_I=1|",
					    "AuthMethod=CHAP|"};
	challenged(NAMES);
	ck_assert_int_eq(say(SEC, right(&credentials[0])), LOGIN_SEND);
	ck_assert_int_eq(say(SEC, again[_i]), LOGIN_FAIL);
	ck_assert_int_eq(say(SEC | T | FFP, ""), LOGIN_DROP);
}
END_TEST

/*
 * Any steps in any order: a login with this target is complete only if the right response was
 * among them, to the challenge that was sent.
 */
START_TEST(no_way_past_it)
{
	static const uint8_t flags[] = {SEC,	 SEC | T | 1, SEC | T | FFP,   OPS, OPS | T | FFP,
					SEC | C, OPS | C,     2 << 2 | T | FFP};
	static const char *const texts[] = {
		NAMES,
		"",
		NAMES "AuthMethod=CHAP|",
		NAMES "AuthMethod=CHAP,None|",
		NAMES "AuthMethod=None|",
		"AuthMethod=CHAP|",
		"CHAP_A=5|",
		"CHAP_A=8,7|",
		"CHAP_N=alpha|CHAP_R=0x00000000000000000000000000000000|",
		"CHAP_N=alpha|",
		"CHAP_I=1|CHAP_C=0x00|",
		"HeaderDigest=None|",
		"InitiatorName=iqn.i:open|",
		I,
		NULL,
		NULL};
	unsigned complete = 0, seed = 1;

	for (unsigned n = 0; n < 300000; n++) {
		enum login_step step = LOGIN_SEND;
		bool proved = false;
		end();
		begin();
		for (unsigned i = 0; i < 6 && step == LOGIN_SEND; i++) {
			uint8_t f = flags[rand_r(&seed) % N(flags)];
			const char *text = texts[rand_r(&seed) % N(texts)];
			/* Half of the logins begin as they should. */
			if (n % 2 && i < 2) {
				f = SEC;
				text = i ? "CHAP_A=7|" : NAMES "AuthMethod=CHAP|";
			}
			bool asked = l.chap.phase == CHAP_WANTS_NR;
			if (!text && asked)
				proved = true;
			if (!text)
				text = asked ? right(&credentials[0]) : "CHAP_N=alpha|CHAP_R=0x00|";
			step = say(f, text);
		}
		if (step != LOGIN_COMPLETE)
			continue;
		complete++;
		ck_assert(proved);
		ck_assert_int_eq(l.chap.phase, CHAP_PASSED);
	}
	ck_assert_uint_gt(complete, 1000);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("login_chap");
	TCase *t = tcase_create("login_chap");

	suite_add_tcase(s, t);
	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, begin, end);
	tcase_add_test(t, to_the_operational_stage);
	tcase_add_test(t, straight_to_full_feature);
	tcase_add_test(t, transit_is_held_back);
	tcase_add_test(t, transit_a_step_later);
	tcase_add_test(t, mutual_in_pieces);
	tcase_add_test(t, rules_side_by_side);
	tcase_add_test(t, discovery_has_its_own);
	tcase_add_loop_test(t, wrong_first, 0, N(first));
	tcase_add_loop_test(t, wrong_second, 0, N(second));
	tcase_add_loop_test(t, wrong_third, 0, N(third));
	tcase_add_loop_test(t, nothing_of_it_again, 0, 4);
	tcase_add_test(t, no_way_past_it);
	return test_main(s);
}
