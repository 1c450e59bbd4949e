// SPDX-License-Identifier: MIT
/*
 * fuzz_login - logins as sequences of PDUs.
 *
 * Input: byte 0 chooses the configuration; then PDUs of flags (1), a byte that is XORed into the
 * header at the next byte's place (2), length (2, big-endian), and that many bytes of text.
 */
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "iscsi/login.h"

#define REQUIRE(x)               \
	do {                     \
		if (!(x))        \
			abort(); \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t n);

static struct config_rule rules[] = {{.initiator = (char *)"iqn.i:*"}};
static struct config_target targets[] = {
	{.name = "iqn.t:a", .alias = "store", .access = {.any = true}},
	{.name = "iqn.t:b", .access = {.rules = rules, .nrules = 1}},
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
	uint8_t *text = malloc(len + 1);
	if (!text)
		return LOGIN_DROP;
	if (len)
		memcpy(text, cursor_take(c, len), len);
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
	struct config config = {.targets = targets, .ntargets = 2};
	struct config_login *c = &config.login;
	struct sockaddr_storage peer = {.ss_family = AF_INET};
	struct cursor cursor = cursor_of(in, n);
	struct login l;
	uint8_t which = cursor_u8(&cursor);

	*c = (struct config_login){
		.header_digest = which & 1 ? DIGEST_CRC32C : DIGEST_NONE | DIGEST_CRC32C,
		.data_digest = DIGEST_NONE | DIGEST_CRC32C,
		.max_recv_data_segment_length = 262144,
		.max_burst_length = which & 2 ? 512 : 1048576,
		.first_burst_length = which & 2 ? 512 : 262144,
		.max_outstanding_r2t = 4,
		.initial_r2t = which & 4,
		.immediate_data = !(which & 8),
		.default_time2wait = 2,
		.default_time2retain = 20,
	};
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
