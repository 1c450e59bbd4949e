// SPDX-License-Identifier: MIT
/* Logins as sequences of PDUs: stages, continuation, refusals, every truncation. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "iscsi/login.h"
#include "lib/test_main.h"

#define T   ISCSI_LOGIN_TRANSIT
#define C   ISCSI_LOGIN_CONTINUE
#define SEC (ISCSI_STAGE_SECURITY << 2)
#define OPS (ISCSI_STAGE_OPERATIONAL << 2)
#define FFP ISCSI_STAGE_FULL_FEATURE

#define NAMES "InitiatorName=iqn.i:1|TargetName=iqn.2026-01.t:open|"

static struct config_rule rules[] = {{.initiator = (char *)"iqn.i:*"}};
static struct config_target targets[] = {
	{.name = "iqn.2026-01.t:open", .alias = "store", .access = {.any = true}},
	{.name = "iqn.2026-01.t:mine", .access = {.rules = rules, .nrules = 1}},
};
static struct config config = {
	.targets = targets,
	.ntargets = 2,
	.login =
		{
			.header_digest = DIGEST_NONE | DIGEST_CRC32C,
			.data_digest = DIGEST_NONE | DIGEST_CRC32C,
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
static struct bhs_login_req req;
static char said[3 * LOGIN_TEXT_MAX]; /* the last answer, "a=b|c=d|" */

static void begin(void)
{
	struct sockaddr_storage peer = {0};
	struct sockaddr_in *in = (void *)&peer;

	in->sin_family = AF_INET;
	in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(login_begin(&l, &config, &peer, 7), 0);
	req = (struct bhs_login_req){.opcode = 0x43, .isid = {0x80, 1, 2, 3, 4, 5}};
	put32(&req.itt, 0x11223344);
	put16(&req.cid, 9);
	put32(&req.cmdsn, 77);
}

static void end(void)
{
	login_end(&l);
}

/* One request, its data in a heap block of just its size. */
static enum login_step send_bytes(uint8_t flags, const void *data, size_t n)
{
	uint8_t *exact = malloc(n + !n);

	memcpy(exact, data, n);
	req.flags = flags;
	put24(&req.data_len, (uint32_t)n);
	enum login_step step = login_input(&l, &req, n ? exact : NULL, n, &reply);
	free(exact);
	if (step == LOGIN_DROP)
		return step;
	ck_assert_uint_le(reply.text_len, 8192);
	ck_assert_uint_eq(get24(reply.bhs.data_len), reply.text_len);
	ck_assert_uint_eq(reply.bhs.opcode, ISCSI_OP_LOGIN_RSP);
	ck_assert_mem_eq(reply.bhs.isid, l.isid, 6);
	ck_assert_uint_eq(get32(reply.bhs.itt), l.itt);
	/* 11.13.2: never both */
	ck_assert_uint_ne(reply.bhs.flags & (T | C), T | C);
	if (reply.text_len)
		memcpy(said, reply.text, reply.text_len);
	for (size_t i = 0; i < reply.text_len; i++) {
		if (!said[i])
			said[i] = '|';
	}
	said[reply.text_len] = '\0';
	if (step == LOGIN_FAIL)
		ck_assert_uint_eq(reply.bhs.flags, 0);
	return step;
}

/* The same, with text in which "|" stands for NUL. */
static enum login_step say(uint8_t flags, const char *text)
{
	static char in[3 * LOGIN_TEXT_MAX];
	size_t n = strlen(text);

	for (size_t i = 0; i < n; i++)
		in[i] = text[i] == '|' ? '\0' : text[i];
	return send_bytes(flags, in, n);
}

static unsigned status(void)
{
	return (unsigned)reply.bhs.status_class << 8 | reply.bhs.status_detail;
}

static void refused(uint8_t flags, const char *text, unsigned with)
{
	ck_assert_int_eq(say(flags, text), LOGIN_FAIL);
	ck_assert_uint_eq(status(), with);
	ck_assert_uint_eq(reply.text_len, 0);
	ck_assert_ptr_nonnull(l.why);
	ck_assert_int_eq(say(OPS | T | FFP, NAMES), LOGIN_DROP);
}

START_TEST(straight_to_full_feature)
{
	ck_assert_int_eq(say(OPS | T | FFP, NAMES "HeaderDigest=CRC32C|ImmediateData=Yes|"),
			 LOGIN_COMPLETE);
	ck_assert_str_eq(said, "HeaderDigest=CRC32C|ImmediateData=Yes|TargetPortalGroupTag=7|"
			       "TargetAlias=store|MaxRecvDataSegmentLength=262144|");
	ck_assert_uint_eq(reply.bhs.flags, OPS | T | FFP);
	ck_assert_uint_eq(status(), 0);
	ck_assert_ptr_eq(l.target, &targets[0]);
	ck_assert(l.params.header_digest && !l.params.data_digest && !l.params.discovery);
	ck_assert_str_eq(l.params.initiator_name, "iqn.i:1");
	ck_assert_uint_eq(l.params.max_recv_data_segment_length, 262144);
	ck_assert_uint_eq(l.params.max_xmit_data_segment_length, 8192);
	ck_assert_uint_eq(l.cid, 9);
	ck_assert_uint_eq(l.cmdsn, 77);
	ck_assert_int_eq(say(OPS | T | FFP, ""), LOGIN_DROP);
}
END_TEST

START_TEST(security_then_operational)
{
	ck_assert_int_eq(say(SEC | T | 1, NAMES "AuthMethod=CHAP,None|"), LOGIN_SEND);
	ck_assert_str_eq(said, "AuthMethod=None|TargetPortalGroupTag=7|TargetAlias=store|");
	ck_assert_uint_eq(reply.bhs.flags, SEC | T | 1);
	ck_assert_int_eq(say(OPS, "MaxBurstLength=512|FirstBurstLength=512|"), LOGIN_SEND);
	ck_assert_str_eq(said, "MaxBurstLength=512|FirstBurstLength=512|"
			       "MaxRecvDataSegmentLength=262144|");
	ck_assert_uint_eq(reply.bhs.flags, OPS);
	ck_assert_int_eq(say(OPS | T | FFP, ""), LOGIN_COMPLETE);
	ck_assert_str_eq(said, "");
	ck_assert_uint_eq(l.params.max_burst_length, 512);
	ck_assert_uint_eq(l.params.first_burst_length, 512);
}
END_TEST

START_TEST(security_to_full_feature)
{
	ck_assert_int_eq(say(SEC | T | FFP, NAMES), LOGIN_COMPLETE);
	ck_assert_uint_eq(reply.bhs.flags, SEC | T | FFP);
	/* never declared, so the initiator keeps to the default */
	ck_assert_uint_eq(l.params.max_recv_data_segment_length, 8192);
}
END_TEST

START_TEST(discovery)
{
	ck_assert_int_eq(say(OPS | T | FFP, "InitiatorName=x|SessionType=Discovery|"),
			 LOGIN_COMPLETE);
	ck_assert_str_eq(said, "MaxRecvDataSegmentLength=262144|");
	ck_assert(l.params.discovery);
	ck_assert_ptr_null(l.target);
}
END_TEST

START_TEST(discovery_that_names_a_target)
{
	ck_assert_int_eq(say(OPS | T | FFP, "InitiatorName=x|TargetName=y|SessionType=Discovery|"),
			 LOGIN_COMPLETE);
	ck_assert_str_eq(l.params.target_name, "");
}
END_TEST

START_TEST(target_name_in_capitals)
{
	ck_assert_int_eq(say(OPS | T | FFP, "InitiatorName=x|TargetName=IQN.2026-01.T:OPEN|"),
			 LOGIN_COMPLETE);
	ck_assert_ptr_eq(l.target, &targets[0]);
}
END_TEST

/* clang-format off */
static const struct {
	uint8_t flags;
	const char *text;
	unsigned status;
} refusals[] = {
	{OPS | T | FFP, "", 0x207},
	{OPS | T | FFP, "TargetName=iqn.2026-01.t:open|", 0x207},
	{OPS | T | FFP, "InitiatorName=x|", 0x207},
	{OPS | T | FFP, "InitiatorName=x|SessionType=Normal|", 0x207},
	{OPS | T | FFP, "InitiatorName=x|TargetName=iqn.2026-01.t:ope|", 0x203},
	{OPS | T | FFP, "InitiatorName=x|TargetName=iqn.2026-01.t:openn|", 0x203},
	{OPS | T | FFP, "InitiatorName=x|TargetName=iqn.2026-01.t:mine|", 0x202},
	{OPS | T | FFP, "InitiatorName=x|SessionType=Other|", 0x209},
	{SEC | T | 1, NAMES "AuthMethod=CHAP|", 0x201},
	{OPS | T | FFP, "InitiatorName=x", 0x200},
	{OPS | T | FFP, NAMES "x|", 0x200},
	{OPS | T | FFP, NAMES "|", 0x200},
	{OPS | T | C | FFP, NAMES, 0x200},
	{SEC | T | 0, NAMES, 0x200}, {SEC | T | 2, NAMES, 0x200},
	{OPS | T | 0, NAMES, 0x200}, {OPS | T | 1, NAMES, 0x200}, {OPS | T | 2, NAMES, 0x200},
	{2 << 2, NAMES, 0x200}, {2 << 2 | T | FFP, NAMES, 0x200},
	{3 << 2, NAMES, 0x200}, {3 << 2 | T | FFP, NAMES, 0x200},
};
/* clang-format on */
#define NREFUSALS ((int)(sizeof(refusals) / sizeof(*refusals)))

START_TEST(refusing)
{
	refused(refusals[_i].flags, refusals[_i].text, refusals[_i].status);
}
END_TEST

START_TEST(access_by_rule)
{
	ck_assert_int_eq(say(OPS | T | FFP, "InitiatorName=iqn.i:2|TargetName=iqn.2026-01.t:mine|"),
			 LOGIN_COMPLETE);
	ck_assert_ptr_eq(l.target, &targets[1]);
}
END_TEST

START_TEST(version)
{
	req.version_max = 1;
	ck_assert_int_eq(say(OPS, NAMES), LOGIN_SEND);
	ck_assert_uint_eq(reply.bhs.version_max, 0);
	ck_assert_uint_eq(reply.bhs.version_active, 0);
	end();
	begin();
	req.version_max = req.version_min = 1;
	refused(OPS, NAMES, 0x205);
}
END_TEST

/* Loop: which field of the second request differs. */
START_TEST(identity_stays)
{
	ck_assert_int_eq(say(OPS, NAMES), LOGIN_SEND);
	uint8_t *const fields[] = {&req.isid[0], &req.isid[5], &req.tsih.b[1], &req.cid.b[0],
				   &req.itt.b[3]};
	*fields[_i] ^= 1;
	refused(OPS, "", 0x200);
}
END_TEST

START_TEST(stage_stays)
{
	ck_assert_int_eq(say(SEC, NAMES), LOGIN_SEND);
	refused(OPS | T | FFP, "", 0x200);
}
END_TEST

START_TEST(no_way_back)
{
	ck_assert_int_eq(say(SEC | T | 1, NAMES), LOGIN_SEND);
	refused(SEC, "", 0x200);
}
END_TEST

START_TEST(tsih_is_echoed)
{
	put16(&req.tsih, 0x1234);
	ck_assert_int_eq(say(OPS | T | FFP, NAMES), LOGIN_COMPLETE);
	ck_assert_uint_eq(get16(reply.bhs.tsih), 0x1234);
	ck_assert_uint_eq(l.tsih, 0x1234);
	login_refuse(&l, ISCSI_LOGIN_NO_SESSION, &reply);
	ck_assert_uint_eq(status(), 0x20a);
	ck_assert_uint_eq(get32(reply.bhs.itt), 0x11223344);
}
END_TEST

/* A pair may be cut anywhere, and pieces may be empty. */
START_TEST(text_in_pieces)
{
	static const char text[] = NAMES "DataDigest=CRC32C|";

	for (size_t cut = 0; cut < sizeof(text); cut++) {
		char first[sizeof(text)];
		memcpy(first, text, cut);
		first[cut] = '\0';
		end();
		begin();
		ck_assert_int_eq(say(OPS | C, first), LOGIN_SEND);
		ck_assert_uint_eq(reply.bhs.flags, OPS);
		ck_assert_uint_eq(reply.text_len, 0);
		ck_assert_int_eq(say(OPS | C, ""), LOGIN_SEND);
		ck_assert_uint_eq(reply.text_len, 0);
		ck_assert_int_eq(say(OPS | T | FFP, text + cut), LOGIN_COMPLETE);
		ck_assert(l.params.data_digest);
	}
}
END_TEST

START_TEST(every_truncation)
{
	static const char text[] = NAMES "DataDigest=CRC32C|";

	for (size_t cut = 0; cut < sizeof(text) - 1; cut++) {
		char first[sizeof(text)];
		memcpy(first, text, cut);
		first[cut] = '\0';
		end();
		begin();
		bool whole = cut == strlen(NAMES);
		ck_assert_int_eq(say(OPS | T | FFP, first), whole ? LOGIN_COMPLETE : LOGIN_FAIL);
	}
}
END_TEST

/* Every first byte of flags, without and with data: an answer, and no way into a session but the
 * right ones. */
START_TEST(all_flags)
{
	for (unsigned i = 0; i < 256; i++) {
		uint8_t f = (uint8_t)i;
		bool right = f & T && !(f & C) && (f & 3) == FFP && ISCSI_LOGIN_CSG(f) <= 1;
		end();
		begin();
		ck_assert_int_ne(say(f, ""), LOGIN_COMPLETE);
		end();
		begin();
		ck_assert_int_eq(say(f, NAMES) == LOGIN_COMPLETE, right);
	}
}
END_TEST

static char long_text[2 * LOGIN_TEXT_MAX];

/* n unknown keys, each answered in 17 + 4 bytes. */
static void unknown_keys(unsigned n)
{
	char *at = long_text + sprintf(long_text, "%s", NAMES);

	for (unsigned i = 0; i < n; i++)
		at += sprintf(at, "X-%04u=|", i);
}

START_TEST(long_answer_in_pieces)
{
	size_t total = 0;
	unsigned pieces = 1;
	enum login_step step;

	unknown_keys(700);
	ck_assert_int_eq(say(OPS | T | FFP, long_text), LOGIN_SEND);
	ck_assert_uint_eq(reply.bhs.flags, OPS | C);
	ck_assert_uint_eq(reply.text_len, 8192);
	do {
		total += reply.text_len;
		step = say(OPS | T | FFP, "");
		pieces++;
		ck_assert_uint_lt(pieces, 9);
	} while (step == LOGIN_SEND);
	ck_assert_int_eq(step, LOGIN_COMPLETE);
	ck_assert_uint_eq(reply.bhs.flags, OPS | T | FFP);
	total += reply.text_len;
	ck_assert_uint_eq(total, 700 * strlen("X-0000=NotUnderstood|") +
					 strlen("TargetPortalGroupTag=7|TargetAlias=store|"
						"MaxRecvDataSegmentLength=262144|"));
	ck_assert_uint_eq(pieces, 2);
}
END_TEST

START_TEST(small_initiator_gets_small_pieces)
{
	strcpy(long_text, NAMES "MaxRecvDataSegmentLength=512|");
	for (unsigned i = 0; i < 100; i++)
		sprintf(long_text + strlen(long_text), "X-%04u=|", i);
	ck_assert_int_eq(say(OPS | T | FFP, long_text), LOGIN_SEND);
	ck_assert_uint_eq(reply.text_len, 512);
	ck_assert_uint_eq(reply.bhs.flags, OPS | C);
	/* without T the last piece does not go on */
	while (reply.bhs.flags & C)
		ck_assert_int_eq(say(OPS, ""), LOGIN_SEND);
	ck_assert_uint_eq(reply.bhs.flags, OPS);
	ck_assert_int_eq(say(OPS | T | FFP, ""), LOGIN_COMPLETE);
}
END_TEST

START_TEST(text_while_pieces_wait)
{
	unknown_keys(700);
	ck_assert_int_eq(say(OPS, long_text), LOGIN_SEND);
	refused(OPS, "X-a=|", 0x200);
}
END_TEST

START_TEST(continuation_while_pieces_wait)
{
	unknown_keys(700);
	ck_assert_int_eq(say(OPS, long_text), LOGIN_SEND);
	refused(OPS | C, "", 0x200);
}
END_TEST

START_TEST(more_answers_than_room)
{
	unknown_keys(1000);
	refused(OPS, long_text, 0x200);
}
END_TEST

START_TEST(endless_text)
{
	static char piece[8193];

	memset(piece, 'v', 8192);
	memcpy(piece, "X-foo=", 6);
	ck_assert_int_eq(say(OPS | C, piece), LOGIN_SEND);
	ck_assert_int_eq(say(OPS | C, piece), LOGIN_SEND);
	refused(OPS | C, "v", 0x200);
}
END_TEST

START_TEST(longest_text)
{
	static char in[LOGIN_TEXT_MAX + 1];

	memset(in, 'v', LOGIN_TEXT_MAX);
	memcpy(in, NAMES "X-foo=", strlen(NAMES "X-foo="));
	in[LOGIN_TEXT_MAX - 1] = '|';
	ck_assert_int_eq(say(OPS, in), LOGIN_SEND);
	ck_assert_ptr_nonnull(strstr(said, "X-foo=NotUnderstood|"));
	/* and the next step has all of the room again */
	memset(in, 'w', 100);
	memcpy(in, "X-bar=", 6);
	ck_assert_int_eq(say(OPS, in), LOGIN_SEND);
}
END_TEST

/* Key names of 63, 64, 255 and 8191 bytes: answered or refused, never cut. */
START_TEST(long_key_names)
{
	static const struct {
		size_t len;
		enum login_step step;
	} rows[] = {{63, LOGIN_SEND}, {64, LOGIN_FAIL}, {255, LOGIN_FAIL}, {8191, LOGIN_FAIL}};
	char *at = long_text + sprintf(long_text, "%s", NAMES);

	memset(at, 'k', rows[_i].len);
	strcpy(at + rows[_i].len, "=|");
	ck_assert_int_eq(say(OPS, long_text), rows[_i].step);
	if (rows[_i].step == LOGIN_SEND) {
		ck_assert_uint_eq(strcspn(said, "="), 63);
		ck_assert(strncmp(said + 63, "=NotUnderstood|", 15) == 0);
	}
}
END_TEST

START_TEST(offer_takes_a_step)
{
	struct config c = config;
	struct sockaddr_storage peer = {.ss_family = AF_INET};

	c.login.max_burst_length = 4096;
	end();
	ck_assert_int_eq(login_begin(&l, &c, &peer, 7), 0);
	ck_assert_int_eq(say(OPS | T | FFP, NAMES "FirstBurstLength=4096|"), LOGIN_SEND);
	ck_assert_uint_eq(reply.bhs.flags, OPS);
	ck_assert_ptr_nonnull(strstr(said, "MaxBurstLength=4096|"));
	if (_i) { /* unanswered: the default stands */
		ck_assert_int_eq(say(OPS | T | FFP, ""), LOGIN_COMPLETE);
		ck_assert_uint_eq(l.params.max_burst_length, 262144);
		return;
	}
	ck_assert_int_eq(say(OPS | T | FFP, "MaxBurstLength=2048|"), LOGIN_COMPLETE);
	ck_assert_str_eq(said, "");
	ck_assert_uint_eq(l.params.max_burst_length, 2048);
	ck_assert_uint_eq(l.params.first_burst_length, 2048);
}
END_TEST

START_TEST(required_digest_cannot_be_passed_by)
{
	struct config c = config;
	struct sockaddr_storage peer = {.ss_family = AF_INET};

	c.login.header_digest = DIGEST_CRC32C;
	end();
	ck_assert_int_eq(login_begin(&l, &c, &peer, 7), 0);
	refused(SEC | T | FFP, NAMES, 0x200);
	end();
	ck_assert_int_eq(login_begin(&l, &c, &peer, 7), 0);
	ck_assert_int_eq(say(OPS | T | FFP, NAMES), LOGIN_SEND);
	refused(OPS | T | FFP, "", 0x200);
	end();
	/* the T bit comes only with the request for the last piece */
	ck_assert_int_eq(login_begin(&l, &c, &peer, 7), 0);
	unknown_keys(700);
	ck_assert_int_eq(say(OPS, long_text), LOGIN_SEND);
	ck_assert_int_eq(say(OPS | T | FFP, ""), LOGIN_SEND);
	ck_assert_uint_eq(reply.bhs.flags, OPS);
	ck_assert_int_eq(say(OPS | T | FFP, ""), LOGIN_SEND);
	ck_assert_str_eq(said, "HeaderDigest=CRC32C|");
	ck_assert_int_eq(say(OPS | T | FFP, "HeaderDigest=CRC32C|"), LOGIN_COMPLETE);
}
END_TEST

START_TEST(statuses_have_names)
{
	static const enum iscsi_login_status all[] = {
#define X(status, name) status,
#include "tbl/iscsi_login.def"
#undef X
	};
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		ck_assert_str_ne(login_status_name(all[i]), "unknown status");
	ck_assert_uint_eq(sizeof(all) / sizeof(*all), 16);
	ck_assert_str_eq(login_status_name(0x0203), "no such target");
	ck_assert_str_eq(login_status_name(0x7777), "unknown status");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("login");
	TCase *t = tcase_create("sequences");

	suite_add_tcase(s, t);
	tcase_add_checked_fixture(t, begin, end);
	tcase_add_test(t, straight_to_full_feature);
	tcase_add_test(t, security_then_operational);
	tcase_add_test(t, security_to_full_feature);
	tcase_add_test(t, discovery);
	tcase_add_test(t, discovery_that_names_a_target);
	tcase_add_test(t, target_name_in_capitals);
	tcase_add_loop_test(t, refusing, 0, NREFUSALS);
	tcase_add_test(t, access_by_rule);
	tcase_add_test(t, version);
	tcase_add_loop_test(t, identity_stays, 0, 5);
	tcase_add_test(t, stage_stays);
	tcase_add_test(t, no_way_back);
	tcase_add_test(t, tsih_is_echoed);
	tcase_add_test(t, text_in_pieces);
	tcase_add_test(t, every_truncation);
	tcase_add_test(t, all_flags);
	tcase_add_test(t, long_answer_in_pieces);
	tcase_add_test(t, small_initiator_gets_small_pieces);
	tcase_add_test(t, text_while_pieces_wait);
	tcase_add_test(t, continuation_while_pieces_wait);
	tcase_add_test(t, more_answers_than_room);
	tcase_add_test(t, endless_text);
	tcase_add_test(t, longest_text);
	tcase_add_loop_test(t, long_key_names, 0, 4);
	tcase_add_loop_test(t, offer_takes_a_step, 0, 2);
	tcase_add_test(t, required_digest_cannot_be_passed_by);
	tcase_add_test(t, statuses_have_names);
	return test_main(s);
}
