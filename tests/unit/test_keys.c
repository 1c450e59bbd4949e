// SPDX-License-Identifier: MIT
/* What each key makes of two values, and what is answered. RFC 7143 6.2, 13. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "iscsi/keys.h"
#include "lib/test_main.h"

static const struct config_login config = {
	.header_digest = DIGEST_NONE | DIGEST_CRC32C,
	.data_digest = DIGEST_NONE,
	.max_recv_data_segment_length = 262144,
	.max_burst_length = 1048576,
	.first_burst_length = 262144,
	.max_outstanding_r2t = 4,
	.immediate_data = true,
	.default_time2wait = 2,
	.default_time2retain = 20,
};

/* One negotiation: its state, and the answers so far as "a=b c=d". */
struct talk {
	struct key_state keys;
	struct iscsi_params params;
	char said[40000];
};

static void talk_begin(struct talk *t, const struct config_login *c)
{
	keys_begin(&t->keys, c, &t->params);
}

static void spell(char *to, const struct writer *w)
{
	size_t n = writer_len(w);

	memcpy(to, w->buf, n);
	for (size_t i = 0; i < n; i++) {
		if (!to[i])
			to[i] = ' ';
	}
	to[n ? n - 1 : 0] = '\0';
}

/* `text` is written with spaces for NULs. */
static size_t unspell(uint8_t *to, const char *text)
{
	size_t n = strlen(text);

	memcpy(to, text, n + 1);
	for (size_t i = 0; i < n; i++) {
		if (to[i] == ' ')
			to[i] = 0;
	}
	return n ? n + 1 : 0;
}

static enum iscsi_login_status hear(struct talk *t, enum iscsi_stage stage, const char *text)
{
	uint8_t in[20000], out[30000];
	struct writer w = writer_of(out, sizeof(out));
	size_t n = unspell(in, text);
	enum iscsi_login_status status = keys_take(&t->keys, &t->params, stage, in, n);

	if (status == ISCSI_LOGIN_SUCCESS)
		status = keys_answer(&t->keys, &t->params, in, n, &w);
	spell(t->said, &w);
	if (status != ISCSI_LOGIN_SUCCESS)
		ck_assert_ptr_nonnull(t->keys.why);
	return status;
}

#define OPERATIONAL ISCSI_STAGE_OPERATIONAL

START_TEST(each_row)
{
	const struct key_def *k = &iscsi_keys[_i];

	ck_assert_ptr_nonnull(k->name);
	ck_assert_uint_le(strlen(k->name), TEXT_KEY_MAX);
	ck_assert_ptr_nonnull(k->clause);
	ck_assert_uint_ne(k->from, 0);
	ck_assert_uint_ne(k->where, 0);
	ck_assert_uint_le(k->min, k->max);
	if (k->rule <= RULE_SIZE) {
		ck_assert_uint_le(k->min, k->def);
		ck_assert_uint_le(k->def, k->max);
	}
	struct text_pair p = {.key = k->name, .key_len = strlen(k->name)};
	ck_assert_int_eq(key_find(&p), _i);
}
END_TEST

/* Below, at and above both limits of every key with a number. */
START_TEST(limits)
{
	const struct key_def *k = &iscsi_keys[_i];

	if (k->rule == RULE_LIST || k->rule > RULE_SIZE)
		return;
	uint32_t out = 4711;
	if (k->min)
		ck_assert_int_eq(key_combine(k, k->max, k->min - 1, &out), KEY_REJECT);
	ck_assert_int_eq(key_combine(k, k->max, k->max + 1, &out), KEY_REJECT);
	ck_assert_int_eq(key_combine(k, k->max, UINT32_MAX, &out), KEY_REJECT);
	ck_assert_uint_eq(out, 4711);
	ck_assert_int_eq(key_combine(k, k->max, k->min, &out), KEY_OK);
	ck_assert_uint_le(out, k->max);
	ck_assert_int_eq(key_combine(k, k->max, k->max, &out), KEY_OK);
	ck_assert_uint_eq(out, k->max);
}
END_TEST

START_TEST(arithmetic)
{
	/* clang-format off */
	static const struct {
		enum iscsi_key key;
		uint32_t ours, theirs;
		enum key_result r;
		uint32_t out;
	} sums[] = {
		{KEY_MaxBurstLength,   4096, 8192, KEY_OK, 4096},
		{KEY_MaxBurstLength,   8192, 4096, KEY_OK, 4096},
		{KEY_DefaultTime2Wait, 2, 5, KEY_OK, 5},
		{KEY_DefaultTime2Wait, 5, 2, KEY_OK, 5},
		{KEY_ImmediateData, 0, 1, KEY_OK, 0}, {KEY_ImmediateData, 1, 1, KEY_OK, 1},
		{KEY_InitialR2T,    0, 1, KEY_OK, 1}, {KEY_InitialR2T,    0, 0, KEY_OK, 0},
		{KEY_HeaderDigest,  3, 2, KEY_OK, 2}, {KEY_HeaderDigest,  1, 2, KEY_REJECT, 9},
		{KEY_HeaderDigest,  3, 0, KEY_REJECT, 9},
		{KEY_IFMarkInt,     0, 0, KEY_REJECT, 9},
	};
	/* clang-format on */
	for (size_t i = 0; i < sizeof(sums) / sizeof(*sums); i++) {
		uint32_t out = 9;
		ck_assert_int_eq(
			key_combine(&iscsi_keys[sums[i].key], sums[i].ours, sums[i].theirs, &out),
			sums[i].r);
		ck_assert_uint_eq(out, sums[i].out);
	}
}
END_TEST

/* clang-format off */
static const struct exchange {
	const char *ask, *answer;
} exchanges[] = {
	{"", ""},
	{"HeaderDigest=None,CRC32C", "HeaderDigest=None"},
	{"HeaderDigest=CRC32C,None", "HeaderDigest=CRC32C"},
	{"HeaderDigest=X-foo,CRC32C", "HeaderDigest=CRC32C"},
	{"HeaderDigest=X-foo", "HeaderDigest=Reject"},
	{"HeaderDigest=crc32c", "HeaderDigest=Reject"},
	{"HeaderDigest=", "HeaderDigest=Reject"},
	{"DataDigest=CRC32C,None", "DataDigest=None"},
	{"DataDigest=CRC32C", "DataDigest=Reject"},
	{"MaxConnections=8", "MaxConnections=1"},
	{"MaxConnections=0", "MaxConnections=Reject"},
	{"MaxConnections=65536", "MaxConnections=Reject"},
	{"InitialR2T=No", "InitialR2T=No"},
	{"InitialR2T=Yes", "InitialR2T=Yes"},
	{"InitialR2T=yes", "InitialR2T=Reject"},
	{"ImmediateData=Yes", "ImmediateData=Yes"},
	{"ImmediateData=1", "ImmediateData=Reject"},
	{"MaxRecvDataSegmentLength=65536", ""},
	{"MaxRecvDataSegmentLength=512", ""},
	{"MaxRecvDataSegmentLength=511", "MaxRecvDataSegmentLength=Reject"},
	{"MaxRecvDataSegmentLength=16777215", ""},
	{"MaxRecvDataSegmentLength=16777216", "MaxRecvDataSegmentLength=Reject"},
	{"MaxBurstLength=262144", "MaxBurstLength=262144"},
	{"MaxBurstLength=0x40000", "MaxBurstLength=262144"},
	{"MaxBurstLength=16777215", "MaxBurstLength=1048576"},
	{"MaxBurstLength=18446744073709551616", "MaxBurstLength=Reject"},
	{"MaxBurstLength=4294967808", "MaxBurstLength=Reject"}, /* 2^32 + 512 */
	{"FirstBurstLength=4096", "FirstBurstLength=4096"},
	/* 13.14: never above MaxBurstLength, in whatever order they come */
	{"FirstBurstLength=65536 MaxBurstLength=4096", "MaxBurstLength=4096 FirstBurstLength=4096"},
	{"MaxBurstLength=65536 FirstBurstLength=65535", "MaxBurstLength=65536 FirstBurstLength=65535"},
	{"MaxBurstLength=65536 FirstBurstLength=65536", "MaxBurstLength=65536 FirstBurstLength=65536"},
	{"MaxBurstLength=65536 FirstBurstLength=65537", "MaxBurstLength=65536 FirstBurstLength=65536"},
	/* 13.14: Irrelevant when InitialR2T=Yes and ImmediateData=No */
	{"FirstBurstLength=4096 InitialR2T=Yes ImmediateData=No",
	 "InitialR2T=Yes ImmediateData=No FirstBurstLength=Irrelevant"},
	{"FirstBurstLength=4096 InitialR2T=No ImmediateData=No",
	 "InitialR2T=No ImmediateData=No FirstBurstLength=4096"},
	{"DefaultTime2Wait=0", "DefaultTime2Wait=2"},
	{"DefaultTime2Wait=3600", "DefaultTime2Wait=3600"},
	{"DefaultTime2Wait=3601", "DefaultTime2Wait=Reject"},
	{"DefaultTime2Retain=0", "DefaultTime2Retain=0"},
	{"MaxOutstandingR2T=1", "MaxOutstandingR2T=1"},
	{"MaxOutstandingR2T=65535", "MaxOutstandingR2T=4"},
	{"DataPDUInOrder=No", "DataPDUInOrder=Yes"},
	{"DataSequenceInOrder=No", "DataSequenceInOrder=Yes"},
	{"ErrorRecoveryLevel=2", "ErrorRecoveryLevel=0"},
	{"ErrorRecoveryLevel=3", "ErrorRecoveryLevel=Reject"},
	{"TaskReporting=FastAbort,RFC3720", "TaskReporting=RFC3720"},
	{"TaskReporting=FastAbort", "TaskReporting=Reject"},
	{"TaskReporting=FastAbort,ResponseFence,RFC3720", "TaskReporting=ResponseFence"},
	{"TaskReporting=RFC3720,ResponseFence", "TaskReporting=RFC3720"},
	{"iSCSIProtocolLevel=1", "iSCSIProtocolLevel=1"},
	{"iSCSIProtocolLevel=2", "iSCSIProtocolLevel=2"},
	{"iSCSIProtocolLevel=31", "iSCSIProtocolLevel=2"},
	{"iSCSIProtocolLevel=0", "iSCSIProtocolLevel=0"},
	{"iSCSIProtocolLevel=32", "iSCSIProtocolLevel=Reject"},
	/* 13.25: never NotUnderstood */
	{"OFMarker=No IFMarker=Yes", "OFMarker=No IFMarker=No"},
	{"OFMarkInt=2048~8192 IFMarkInt=1", "OFMarkInt=Reject IFMarkInt=Reject"},
	{"X-com.example=1 Foo= maxburstlength=1",
	 "X-com.example=NotUnderstood Foo=NotUnderstood maxburstlength=NotUnderstood"},
	{"RDMAExtensions=Yes", "RDMAExtensions=NotUnderstood"},
	{"InitiatorName=iqn.a:b SessionType=Normal TargetName=iqn.c:d InitiatorAlias=%n%s", ""},
	/* 13: irrelevant in a discovery session, wherever SessionType stands */
	{"MaxBurstLength=512 InitialR2T=No SessionType=Discovery",
	 "MaxBurstLength=Irrelevant InitialR2T=Irrelevant"},
	{"SessionType=Discovery ImmediateData=Yes FirstBurstLength=512 MaxOutstandingR2T=1 "
	 "MaxConnections=1 DataPDUInOrder=Yes DataSequenceInOrder=Yes TaskReporting=RFC3720 "
	 "iSCSIProtocolLevel=1",
	 "ImmediateData=Irrelevant MaxOutstandingR2T=Irrelevant MaxConnections=Irrelevant "
	 "DataPDUInOrder=Irrelevant DataSequenceInOrder=Irrelevant TaskReporting=Irrelevant "
	 "iSCSIProtocolLevel=Irrelevant FirstBurstLength=Irrelevant"},
	{"SessionType=Discovery DefaultTime2Wait=2 ErrorRecoveryLevel=0 HeaderDigest=CRC32C",
	 "DefaultTime2Wait=2 ErrorRecoveryLevel=0 HeaderDigest=CRC32C"},
};
/* clang-format on */
#define NEXCHANGES ((int)(sizeof(exchanges) / sizeof(*exchanges)))

START_TEST(answers)
{
	struct talk t;

	talk_begin(&t, &config);
	ck_assert_int_eq(hear(&t, OPERATIONAL, exchanges[_i].ask), ISCSI_LOGIN_SUCCESS);
	ck_assert_str_eq(t.said, exchanges[_i].answer);
}
END_TEST

/* clang-format off */
static const struct {
	enum iscsi_stage stage;
	const char *text;
	enum iscsi_login_status status;
} failures[] = {
	{OPERATIONAL, "MaxBurstLength=512 MaxBurstLength=512", ISCSI_LOGIN_INITIATOR_ERROR},
	{OPERATIONAL, "InitiatorName=a InitiatorName=a", ISCSI_LOGIN_INITIATOR_ERROR},
	{OPERATIONAL, "AuthMethod=None", ISCSI_LOGIN_INITIATOR_ERROR},
	{OPERATIONAL, "SendTargets=All", ISCSI_LOGIN_INITIATOR_ERROR},
	{OPERATIONAL, "TargetAlias=x", ISCSI_LOGIN_INITIATOR_ERROR},
	{OPERATIONAL, "TargetAddress=x", ISCSI_LOGIN_INITIATOR_ERROR},
	{OPERATIONAL, "TargetPortalGroupTag=1", ISCSI_LOGIN_INITIATOR_ERROR},
	{OPERATIONAL, "SessionType=Foo", ISCSI_LOGIN_SESSION_TYPE},
	{OPERATIONAL, "SessionType=", ISCSI_LOGIN_INITIATOR_ERROR},
	{OPERATIONAL, "InitiatorName=", ISCSI_LOGIN_INITIATOR_ERROR},
	{OPERATIONAL, "InitiatorName=a\x01" "b", ISCSI_LOGIN_INITIATOR_ERROR},
	{OPERATIONAL, "InitiatorName=a\xff", ISCSI_LOGIN_INITIATOR_ERROR},
	{OPERATIONAL, "InitiatorAlias=a\nb", ISCSI_LOGIN_INITIATOR_ERROR},
	{OPERATIONAL, "MaxBurstLength=Reject", ISCSI_LOGIN_INITIATOR_ERROR},
	{OPERATIONAL, "X-foo=NotUnderstood", ISCSI_LOGIN_INITIATOR_ERROR},
	{OPERATIONAL, "InitialR2T=Irrelevant", ISCSI_LOGIN_INITIATOR_ERROR},
	{OPERATIONAL, "=x", ISCSI_LOGIN_INITIATOR_ERROR},
	{OPERATIONAL, "x", ISCSI_LOGIN_INITIATOR_ERROR},
	{ISCSI_STAGE_SECURITY, "HeaderDigest=None", ISCSI_LOGIN_INITIATOR_ERROR},
	{ISCSI_STAGE_SECURITY, "AuthMethod=CHAP", ISCSI_LOGIN_AUTH_FAILURE},
	{ISCSI_STAGE_SECURITY, "AuthMethod=NoneX,SRP", ISCSI_LOGIN_AUTH_FAILURE},
	{ISCSI_STAGE_SECURITY, "AuthMethod=", ISCSI_LOGIN_AUTH_FAILURE},
};
/* clang-format on */
#define NFAILURES ((int)(sizeof(failures) / sizeof(*failures)))

START_TEST(failing)
{
	struct talk t;

	talk_begin(&t, &config);
	ck_assert_int_eq(hear(&t, failures[_i].stage, failures[_i].text), failures[_i].status);
}
END_TEST

START_TEST(auth_none)
{
	struct talk t;

	talk_begin(&t, &config);
	ck_assert_int_eq(hear(&t, ISCSI_STAGE_SECURITY, "AuthMethod=CHAP,None"), 0);
	ck_assert_str_eq(t.said, "AuthMethod=None");
}
END_TEST

static enum iscsi_login_status value_of_length(const char *key, size_t n)
{
	struct talk t;
	char text[9000];
	int at = sprintf(text, "%s=", key);

	memset(text + at, 'v', n);
	text[(size_t)at + n] = '\0';
	talk_begin(&t, &config);
	return hear(&t, OPERATIONAL, text);
}

START_TEST(value_lengths)
{
	ck_assert_int_eq(value_of_length("InitiatorName", 222), ISCSI_LOGIN_SUCCESS);
	ck_assert_int_eq(value_of_length("InitiatorName", 223), ISCSI_LOGIN_SUCCESS);
	ck_assert_int_eq(value_of_length("InitiatorName", 224), ISCSI_LOGIN_INITIATOR_ERROR);
	ck_assert_int_eq(value_of_length("TargetName", 223), ISCSI_LOGIN_SUCCESS);
	ck_assert_int_eq(value_of_length("TargetName", 224), ISCSI_LOGIN_INITIATOR_ERROR);
	ck_assert_int_eq(value_of_length("InitiatorAlias", 254), ISCSI_LOGIN_SUCCESS);
	ck_assert_int_eq(value_of_length("InitiatorAlias", 255), ISCSI_LOGIN_SUCCESS);
	ck_assert_int_eq(value_of_length("InitiatorAlias", 256), ISCSI_LOGIN_INITIATOR_ERROR);
	ck_assert_int_eq(value_of_length("HeaderDigest", 255), ISCSI_LOGIN_SUCCESS);
	ck_assert_int_eq(value_of_length("HeaderDigest", 256), ISCSI_LOGIN_INITIATOR_ERROR);
	ck_assert_int_eq(value_of_length("MaxBurstLength", 256), ISCSI_LOGIN_INITIATOR_ERROR);
	/* of a key that is not ours nothing is known */
	ck_assert_int_eq(value_of_length("X-foo", 8191), ISCSI_LOGIN_SUCCESS);
}
END_TEST

START_TEST(list_longer_than_a_value)
{
	struct talk t;
	char text[4096] = "HeaderDigest=";

	for (int i = 0; i < 200; i++)
		strcat(text, "X-aaaaaa,");
	strcat(text, "CRC32C");
	talk_begin(&t, &config);
	ck_assert_int_eq(hear(&t, OPERATIONAL, text), 0);
	ck_assert_str_eq(t.said, "HeaderDigest=CRC32C");
}
END_TEST

START_TEST(twice_over_steps)
{
	struct talk t;

	talk_begin(&t, &config);
	ck_assert_int_eq(hear(&t, OPERATIONAL, "MaxBurstLength=512"), 0);
	ck_assert_int_eq(hear(&t, OPERATIONAL, "MaxRecvDataSegmentLength=512"), 0);
	ck_assert_int_eq(hear(&t, OPERATIONAL, "MaxRecvDataSegmentLength=512"), 0x200);
	talk_begin(&t, &config);
	ck_assert_int_eq(hear(&t, OPERATIONAL, "MaxBurstLength=512"), 0);
	ck_assert_int_eq(hear(&t, OPERATIONAL, "MaxBurstLength=512"), 0x200);
}
END_TEST

/* libiscsi says who it is again in the next stage. */
START_TEST(names_again_in_the_next_stage)
{
	static const char who[] =
		"InitiatorName=i TargetName=t SessionType=Normal InitiatorAlias=a";
	struct talk t;

	talk_begin(&t, &config);
	ck_assert_int_eq(hear(&t, ISCSI_STAGE_SECURITY, who), 0);
	ck_assert_int_eq(hear(&t, ISCSI_STAGE_SECURITY, "InitiatorName=i"), 0x200);
	talk_begin(&t, &config);
	ck_assert_int_eq(hear(&t, ISCSI_STAGE_SECURITY, who), 0);
	keys_next_stage(&t.keys);
	ck_assert_int_eq(hear(&t, OPERATIONAL, who), 0);
	keys_next_stage(&t.keys);
	ck_assert_int_eq(hear(&t, OPERATIONAL, "InitiatorName=j"), 0x200);
	ck_assert_str_eq(t.params.initiator_name, "i");
	ck_assert_int_eq(hear(&t, OPERATIONAL, "SessionType=Discovery"), 0x200);
}
END_TEST

/* 4.2.7: case is nothing in names, and all there is in other texts. */
START_TEST(names_in_lower_case)
{
	struct talk t;

	talk_begin(&t, &config);
	ck_assert_int_eq(hear(&t, ISCSI_STAGE_SECURITY,
			      "InitiatorName=IQN.2026-01.A:AZ@[`az{ TargetName=Iqn.2026-01.T "
			      "InitiatorAlias=TheHost"),
			 0);
	ck_assert_str_eq(t.params.initiator_name, "iqn.2026-01.a:az@[`az{");
	ck_assert_str_eq(t.params.target_name, "iqn.2026-01.t");
	ck_assert_str_eq(t.params.initiator_alias, "TheHost");
	keys_next_stage(&t.keys);
	ck_assert_int_eq(hear(&t, OPERATIONAL, "InitiatorName=IQN.2026-01.A:AZ@[`az{"), 0);
	keys_next_stage(&t.keys);
	ck_assert_int_eq(hear(&t, OPERATIONAL, "InitiatorAlias=thehost"), 0x200);
}
END_TEST

START_TEST(names_come_first)
{
	struct talk t;

	talk_begin(&t, &config);
	ck_assert_int_eq(hear(&t, OPERATIONAL, "InitiatorName=i"), 0);
	ck_assert_int_eq(hear(&t, OPERATIONAL, "InitiatorAlias=a"), 0);
	ck_assert_int_eq(hear(&t, OPERATIONAL, "SessionType=Discovery"), 0x200);
	ck_assert(!t.params.discovery);
}
END_TEST

static void offer(struct talk *t)
{
	uint8_t out[8192];
	struct writer w = writer_of(out, sizeof(out));

	ck_assert(keys_offer(&t->keys, &t->params, &w));
	spell(t->said, &w);
}

START_TEST(no_offer_when_defaults_do)
{
	struct talk t;
	struct config_login c = config;

	talk_begin(&t, &c);
	offer(&t);
	ck_assert_str_eq(t.said, "");
	ck_assert_uint_eq(t.keys.offered, 0);
	c.max_burst_length = 262144;
	c.first_burst_length = 65536;
	talk_begin(&t, &c);
	offer(&t);
	ck_assert_str_eq(t.said, "");
}
END_TEST

START_TEST(offers_what_defaults_do_not_give)
{
	struct config_login c = config;
	struct talk t;

	c.max_burst_length = 16384;
	c.header_digest = DIGEST_CRC32C;
	c.default_time2wait = 3;
	talk_begin(&t, &c);
	ck_assert(!keys_acceptable(&t.keys));
	offer(&t);
	ck_assert_str_eq(t.said, "HeaderDigest=CRC32C MaxBurstLength=16384 FirstBurstLength=16384 "
				 "DefaultTime2Wait=3");
	ck_assert(keys_acceptable(&t.keys));
	ck_assert_int_eq(hear(&t, OPERATIONAL,
			      "HeaderDigest=CRC32C MaxBurstLength=8192 "
			      "FirstBurstLength=4096 DefaultTime2Wait=5"),
			 0);
	ck_assert_str_eq(t.said, "");
	ck_assert_uint_eq(t.keys.offered, 0);
	ck_assert(keys_acceptable(&t.keys));
	keys_finish(&t.keys, &t.params);
	ck_assert(t.params.header_digest);
	ck_assert_uint_eq(t.params.max_burst_length, 8192);
	ck_assert_uint_eq(t.params.first_burst_length, 4096);
	ck_assert_uint_eq(t.params.default_time2wait, 5);
	offer(&t);
	ck_assert_str_eq(t.said, "");
}
END_TEST

START_TEST(answers_to_offers)
{
	/* clang-format off */
	static const struct {
		const char *text;
		enum iscsi_login_status status;
	} rows[] = {
		{"MaxBurstLength=16383", 0}, {"MaxBurstLength=16384", 0},
		{"MaxBurstLength=16385", ISCSI_LOGIN_INITIATOR_ERROR},
		{"MaxBurstLength=511", ISCSI_LOGIN_INITIATOR_ERROR},
		{"MaxBurstLength=Reject", 0}, {"MaxBurstLength=NotUnderstood", 0},
		{"HeaderDigest=None", ISCSI_LOGIN_INITIATOR_ERROR},
		{"HeaderDigest=Reject", ISCSI_LOGIN_INITIATOR_ERROR},
		{"MaxRecvDataSegmentLength=NotUnderstood", ISCSI_LOGIN_INITIATOR_ERROR},
	};
	/* clang-format on */
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct config_login c = config;
		struct talk t;
		c.max_burst_length = 16384;
		c.header_digest = DIGEST_CRC32C;
		talk_begin(&t, &c);
		offer(&t);
		ck_assert_int_eq(hear(&t, OPERATIONAL, rows[i].text), rows[i].status);
	}
}
END_TEST

START_TEST(a_required_digest)
{
	struct config_login c = config;
	struct talk t;

	c.data_digest = DIGEST_CRC32C;
	talk_begin(&t, &c);
	ck_assert_int_eq(hear(&t, OPERATIONAL, "DataDigest=None"), 0x200);
	talk_begin(&t, &c);
	ck_assert_int_eq(hear(&t, OPERATIONAL, "DataDigest=None,CRC32C"), 0);
	ck_assert_str_eq(t.said, "DataDigest=CRC32C");
}
END_TEST

START_TEST(declares_once)
{
	uint8_t out[256];
	struct writer w = writer_of(out, sizeof(out));
	struct talk t;

	talk_begin(&t, &config);
	keys_finish(&t.keys, &t.params);
	ck_assert_uint_eq(t.params.max_recv_data_segment_length, 8192);
	ck_assert(keys_declare_size(&t.keys, &w));
	ck_assert(keys_declare_size(&t.keys, &w));
	ck_assert(keys_declare(&t.keys, KEY_TargetAlias, "x", &w));
	ck_assert(keys_declare(&t.keys, KEY_TargetAlias, "x", &w));
	spell(t.said, &w);
	ck_assert_str_eq(t.said, "MaxRecvDataSegmentLength=262144 TargetAlias=x");
	/* old initiators answer declarations */
	ck_assert_int_eq(hear(&t, OPERATIONAL, "TargetAlias=NotUnderstood"), 0);
	ck_assert_int_eq(hear(&t, OPERATIONAL, "MaxRecvDataSegmentLength=Reject"), 0);
	ck_assert_str_eq(t.said, "");
	ck_assert_int_eq(hear(&t, OPERATIONAL, "MaxRecvDataSegmentLength=4096"), 0);
	keys_finish(&t.keys, &t.params);
	ck_assert_uint_eq(t.params.max_xmit_data_segment_length, 4096);
	ck_assert_uint_eq(t.params.max_recv_data_segment_length, 262144);
}
END_TEST

/* FirstBurstLength agreed on first, a smaller MaxBurstLength later. */
START_TEST(first_burst_is_clamped_at_the_end)
{
	struct talk t;

	talk_begin(&t, &config);
	ck_assert_int_eq(hear(&t, OPERATIONAL, "FirstBurstLength=65536"), 0);
	ck_assert_int_eq(hear(&t, OPERATIONAL, "MaxBurstLength=1024"), 0);
	keys_finish(&t.keys, &t.params);
	ck_assert_uint_eq(t.params.first_burst_length, 1024);
}
END_TEST

START_TEST(no_room_for_answers)
{
	struct talk t;
	uint8_t in[64], out[40];

	for (size_t cap = 0; cap < sizeof(out); cap++) {
		struct writer w = writer_of(out, cap);
		size_t n = unspell(in, "X-a=1 MaxBurstLength=512");
		talk_begin(&t, &config);
		ck_assert_int_eq(keys_take(&t.keys, &t.params, OPERATIONAL, in, n), 0);
		enum iscsi_login_status status = keys_answer(&t.keys, &t.params, in, n, &w);
		ck_assert_int_eq(status, cap >= 37 ? 0 : ISCSI_LOGIN_INITIATOR_ERROR);
	}
}
END_TEST

/* clang-format off */
static const struct {
	const char *ask, *answer, *send_targets;
	int r;
	uint32_t size;
} texts[] = {
	{"", "", NULL, 0, 8192},
	{"SendTargets=All", "", "All", 0, 8192},
	{"SendTargets=", "", "", 0, 8192},
	{"SendTargets=All SendTargets=All", "", NULL, -EPROTO, 8192},
	{"MaxRecvDataSegmentLength=512", "", NULL, 0, 512},
	{"MaxRecvDataSegmentLength=511", "MaxRecvDataSegmentLength=Reject", NULL, 0, 8192},
	{"MaxRecvDataSegmentLength=16777215", "", NULL, 0, 16777215},
	{"MaxRecvDataSegmentLength=16777216", "MaxRecvDataSegmentLength=Reject", NULL, 0, 8192},
	{"MaxRecvDataSegmentLength=512 x", "", NULL, -EPROTO, 8192},
	{"MaxBurstLength=512", "MaxBurstLength=Reject", NULL, 0, 8192},
	{"InitiatorName=x", "InitiatorName=Reject", NULL, 0, 8192},
	{"X-foo=1", "X-foo=NotUnderstood", NULL, 0, 8192},
	{"X-foo=NotUnderstood", "", NULL, -EPROTO, 8192},
	{"TargetAlias=x", "", NULL, -EPROTO, 8192},
	{"InitiatorAlias=new", "", NULL, 0, 8192},
	{"InitiatorAlias=a\x01", "InitiatorAlias=Reject", NULL, 0, 8192},
	{"x", "", NULL, -EPROTO, 8192},
};
/* clang-format on */
#define NTEXTS ((int)(sizeof(texts) / sizeof(*texts)))

START_TEST(full_feature)
{
	uint8_t in[256], out[256];
	struct writer w = writer_of(out, sizeof(out));
	const char *send_targets = NULL, *why = NULL;
	struct iscsi_params p = {.max_xmit_data_segment_length = 8192};
	char said[300];

	int r = keys_text(&p, in, unspell(in, texts[_i].ask), &w, &send_targets, &why);
	ck_assert_int_eq(r, texts[_i].r);
	ck_assert_uint_eq(p.max_xmit_data_segment_length, texts[_i].size);
	if (r) {
		ck_assert_ptr_nonnull(why);
		return;
	}
	spell(said, &w);
	ck_assert_str_eq(said, texts[_i].answer);
	ck_assert_pstr_eq(send_targets, texts[_i].send_targets);
	if (strstr(texts[_i].ask, "=new"))
		ck_assert_str_eq(p.initiator_alias, "new");
}
END_TEST

START_TEST(full_feature_alias_length)
{
	uint8_t in[300] = "InitiatorAlias=", out[8];
	struct writer w = writer_of(out, sizeof(out));
	const char *send_targets, *why;
	struct iscsi_params p = {0};

	memset(in + 15, 'a', 256);
	ck_assert_int_eq(keys_text(&p, in, 15 + 257, &w, &send_targets, &why), -EPROTO);
	in[15 + 255] = 0;
	ck_assert_int_eq(keys_text(&p, in, 15 + 256, &w, &send_targets, &why), 0);
	ck_assert_uint_eq(strlen(p.initiator_alias), 255);
	ck_assert_int_eq(keys_text(&p, (const uint8_t *)"a=1", 4, &w, &send_targets, &why),
			 -ENOSPC);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("keys");
	TCase *t = tcase_create("negotiation");

	suite_add_tcase(s, t);
	tcase_add_loop_test(t, each_row, 0, KEY_COUNT);
	tcase_add_loop_test(t, limits, 0, KEY_COUNT);
	tcase_add_test(t, arithmetic);
	tcase_add_loop_test(t, answers, 0, NEXCHANGES);
	tcase_add_loop_test(t, failing, 0, NFAILURES);
	tcase_add_test(t, auth_none);
	tcase_add_test(t, value_lengths);
	tcase_add_test(t, list_longer_than_a_value);
	tcase_add_test(t, twice_over_steps);
	tcase_add_test(t, names_again_in_the_next_stage);
	tcase_add_test(t, names_in_lower_case);
	tcase_add_test(t, names_come_first);
	tcase_add_test(t, no_offer_when_defaults_do);
	tcase_add_test(t, offers_what_defaults_do_not_give);
	tcase_add_test(t, answers_to_offers);
	tcase_add_test(t, a_required_digest);
	tcase_add_test(t, declares_once);
	tcase_add_test(t, first_burst_is_clamped_at_the_end);
	tcase_add_test(t, no_room_for_answers);
	tcase_add_loop_test(t, full_feature, 0, NTEXTS);
	tcase_add_test(t, full_feature_alias_length);
	return test_main(s);
}
