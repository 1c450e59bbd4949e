// SPDX-License-Identifier: MIT
/*
 * fuzz_login - logins as sequences of PDUs.
 *
 * Input: byte 0 chooses the configuration; then PDUs of flags (1), a byte that is XORed into the
 * header at the next byte's place (2), length (2, big-endian), and that many bytes of text.
 * "CHAP_R=!" in it is the right response of "alpha" to the challenge that was sent.
 */
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "iscsi/login.h"

static struct config_rule rules[] = {{.initiator = (char *)"iqn.i:*"}};
static struct config_credential credentials[] = {
	{.name = "alpha", .secret = "alpha-secret-1234", .secret_len = 17},
	{.name = "donor", .secret = "donor-secret-1234", .secret_len = 17},
};
static struct config_rule chap_rules[] = {
	{.auth = {.required = true, .chap = {1}, .mutual = &credentials[1]}}};
static struct config_target targets[] = {
	{.name = "iqn.t:a", .alias = "store", .access = {.any = true}},
	{.name = "iqn.t:b", .access = {.rules = rules, .nrules = 1}},
	{.name = "iqn.t:c", .access = {.rules = chap_rules, .nrules = 1}},
};

/* What a session relies on. */
static void check_agreed(const struct login *l)
{
	const struct iscsi_params *p = &l->params;

	REQUIRE(p->initiator_name[0] && p->discovery == !l->target);
	REQUIRE(p->max_burst_length >= 512 && p->max_burst_length < 1u << 24);
	REQUIRE(p->first_burst_length >= 512 && p->first_burst_length <= p->max_burst_length);
	REQUIRE(p->max_xmit_data_segment_length >= 512);
	REQUIRE(p->max_recv_data_segment_length >= 512);
	REQUIRE(p->max_outstanding_r2t >= 1 && p->default_time2wait <= 3600);
	REQUIRE(p->header_digest || l->config->login.header_digest & DIGEST_NONE);
	/* Whoever asks for CHAP got it. */
	bool asked = l->target == &targets[2] || (!l->target && l->config->discovery.required);
	REQUIRE(asked == (l->chap.phase == CHAP_PASSED));
}

/* The text with the right response put in, in a block of its size; *len is set anew. */
static uint8_t *text_of(const struct login *l, const uint8_t *in, size_t *len)
{
	static const char mark[] = "CHAP_R=!";
	const uint8_t *at = l->chap.phase == CHAP_WANTS_NR && *len
				    ? memmem(in, *len, mark, sizeof(mark) - 1)
				    : NULL;
	char right[2 * CHAP_RESPONSE_MAX + 3] = "0x";
	uint8_t out[CHAP_RESPONSE_MAX];

	if (!at) {
		uint8_t *same = malloc(*len + 1);
		if (same && *len)
			memcpy(same, in, *len);
		return same;
	}
	const struct chap *c = &l->chap;
	REQUIRE(chap_digest(c->algorithm, c->id, &credentials[0], c->challenge, CHAP_CHALLENGE,
			    out));
	for (size_t i = 0; i < chap_digest_len(c->algorithm); i++)
		sprintf(right + 2 + 2 * i, "%02x", out[i]);
	size_t head = (size_t)(at - in) + sizeof(mark) - 2, tail = *len - head - 1;
	uint8_t *text = malloc(*len + strlen(right));
	if (!text)
		return NULL;
	memcpy(text, in, head);
	memcpy(text + head, right, strlen(right));
	memcpy(text + head + strlen(right), at + sizeof(mark) - 1, tail);
	*len = head + strlen(right) + tail;
	return text;
}

static enum login_step play(struct login *l, struct cursor *c)
{
	struct bhs_login_req req = {.opcode = 0x43, .itt = {{1, 2, 3, 4}}};
	struct login_reply reply;

	req.flags = cursor_u8(c);
	uint8_t value = cursor_u8(c), where = cursor_u8(c);
	if (where < sizeof(req))
		((uint8_t *)&req)[where] ^= value;
	size_t len = cursor_u16(c);
	if (len > c->left)
		len = c->left;
	uint8_t *text = text_of(l, cursor_take(c, len), &len);
	if (!text)
		return LOGIN_DROP;
	enum login_step step = login_input(l, &req, text, len, &reply);
	free(text);
	REQUIRE(reply.text_len <= ISCSI_LOGIN_DATA_MAX);
	REQUIRE((step == LOGIN_FAIL) == (reply.bhs.status_class != 0));
	REQUIRE((reply.bhs.flags & 0xc0) != 0xc0);
	REQUIRE(!reply.text_len || reply.text + reply.text_len <= l->out + LOGIN_TEXT_MAX);
	return step;
}

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t n)
{
	struct config config = {
		.targets = targets,
		.ntargets = 3,
		.credentials = credentials,
		.ncredentials = 2,
	};
	struct config_login *c = &config.login;
	struct sockaddr_storage peer = {.ss_family = AF_INET};
	struct cursor cursor = cursor_of(in, n);
	struct login l;
	uint8_t which = cursor_u8(&cursor);

	*c = (struct config_login){
		.header_digest = which & 1 ? DIGEST_CRC32C : DIGEST_NONE | DIGEST_CRC32C,
		.data_digest = DIGEST_NONE | DIGEST_CRC32C,
		.chap_algorithms = which & 32 ? CONFIG_CHAP_SHA3_256 : 15,
		.max_recv_data_segment_length = 262144,
		.max_burst_length = which & 2 ? 512 : 1048576,
		.first_burst_length = which & 2 ? 512 : 262144,
		.max_outstanding_r2t = 4,
		.initial_r2t = which & 4,
		.immediate_data = !(which & 8),
		.default_time2wait = 2,
		.default_time2retain = 20,
	};
	if (which & 16)
		config.discovery = chap_rules[0].auth;
	if (login_begin(&l, &config, &peer, 1))
		return 0;
	enum login_step step = LOGIN_SEND;
	while (step == LOGIN_SEND && cursor.left)
		step = play(&l, &cursor);
	if (step == LOGIN_COMPLETE)
		check_agreed(&l);
	login_end(&l);
	return 0;
}
