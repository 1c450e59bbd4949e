// SPDX-License-Identifier: MIT
/*
 * test_bad_login.c - logins that never end, that say too much, or go where they may not: RFC 7143
 * 6.3, 11.12, 11.13.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "iscsi/login.h"
#include "lib/fake_engine.h"
#include "lib/hostile.h"
#include "lib/test_main.h"

#define T   ISCSI_LOGIN_TRANSIT
#define C   ISCSI_LOGIN_CONTINUE
#define SEC (ISCSI_STAGE_SECURITY << 2)
#define OPS (ISCSI_STAGE_OPERATIONAL << 2)
#define FFP ISCSI_STAGE_FULL_FEATURE

static struct rig rig;

static void setup(void)
{
	log_set_level(LOG_LEVEL_ERROR);
	rig_init(&rig);
}

static void teardown(void)
{
	rig_stop(&rig);
}

/* The names, then `n` unknown keys, whose answers are longer than they. Returns its length. */
static size_t many_keys(char *text, unsigned n)
{
	size_t len = sizeof(HOSTILE_NAMES);

	memcpy(text, HOSTILE_NAMES, len);
	for (unsigned i = 0; i < n; i++)
		len += (size_t)sprintf(text + len, "X%u=", i) + 1;
	return len;
}

static struct bhs_login_rsp expect_answer(struct rig_peer *p, uint32_t *len)
{
	struct rig_pdu r = rig_expect(p, ISCSI_OP_LOGIN_RSP);
	*len = r.data_len;
	rig_pdu_free(&r);
	return r.login_rsp;
}

/* ---- without an end ---- */

static const struct round {
	uint8_t flags;
	const char *text;
	size_t n;
} rounds[] = {
	{SEC | C, "", 0},		      /* a text that is never whole */
	{OPS | C, "", 0},  {SEC, "X-a=b", 6}, /* a stage that is never left */
	{OPS, "X-a=b", 6}, {SEC, "", 0},      /* nothing to say, and no T bit */
	{OPS, "", 0},
};

/* 15 seconds are enough, however busy it is. */
START_TEST(rounds_without_end_by_time)
{
	const struct round *r = &rounds[_i];
	rig_start(&rig);
	struct rig_peer p = rig_connect(&rig);
	int s = 0;

	hostile_login(&p, r->flags & (uint8_t)~C, HOSTILE_NAMES, sizeof(HOSTILE_NAMES));
	for (; s < 60 && !rig_is_closed(&p); s++) {
		hostile_login(&p, r->flags, r->text, r->n);
		rig_advance(&rig, 1);
	}
	ck_assert_int_ge(s, 14);
	ck_assert_int_le(s, 17);
	hostile_leave(&p);
}
END_TEST

/* And without time they cost nothing that grows. */
START_TEST(rounds_without_end_by_number)
{
	const struct round *r = &rounds[_i];
	rig_start(&rig);
	struct rig_peer p = rig_connect(&rig);

	hostile_login(&p, r->flags & (uint8_t)~C, HOSTILE_NAMES, sizeof(HOSTILE_NAMES));
	for (int i = 0; i < 3000; i++) {
		hostile_login(&p, r->flags, r->text, r->n);
		struct hostile_look look = hostile_look(&p, IN_LOGIN_PHASE);
		ck_assert_uint_eq(look.fate, FATE_ANSWERED);
		ck_assert_uint_eq(look.last.login_rsp.flags & T, 0);
		ck_assert_uint_eq(rig.worker.bufs.used, 0);
		ck_assert_uint_eq(rig.worker.replies.used, 0);
	}
	hostile_leave(&p);
}
END_TEST

/* More than LOGIN_TEXT_MAX over all PDUs of one text. */
START_TEST(a_text_without_end)
{
	rig_start(&rig);
	struct rig_peer p = rig_connect(&rig);
	uint32_t piece = (uint32_t[]){1, 4096, 8192}[_i], sum = 0;
	struct hostile_look look;

	do {
		hostile_login(&p, OPS | C, rig_filled('v', piece), piece);
		sum += piece;
		look = hostile_look(&p, IN_LOGIN_PHASE);
	} while (look.fate == FATE_ANSWERED && sum < 100000);
	ck_assert_uint_eq(look.fate, FATE_ANSWERED | FATE_CLOSED);
	ck_assert_uint_eq(look.last.login_rsp.status_class, 2);
	ck_assert_uint_gt(sum, LOGIN_TEXT_MAX);
	ck_assert_uint_le(sum, LOGIN_TEXT_MAX + piece);
	hostile_leave(&p);
}
END_TEST

/* ---- more answers than one PDU holds: LIO, iscsi_encode_text_output() ---- */

/* Whatever the number of keys: pieces of at most what the initiator takes, or a refusal. */
START_TEST(bad_input_lio_rsp_buf_of_a_login)
{
	static char text[3 * LOGIN_TEXT_MAX];
	static const unsigned counts[] = {1, 400, 500, 511, 512, 513, 600, 900, 1000, 1100};
	unsigned in_pieces = 0, refused = 0;

	rig_start(&rig);
	for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
		struct rig_peer p = rig_connect(&rig);
		size_t n = many_keys(text, counts[i]);
		uint32_t len, sum = 0;
		ck_assert_uint_le(n, ISCSI_LOGIN_DATA_MAX);
		hostile_login(&p, OPS | T | FFP, text, n);
		struct bhs_login_rsp r = expect_answer(&p, &len);
		while (!r.status_class && r.flags & C) {
			in_pieces++;
			sum += len;
			ck_assert_uint_le(sum, LOGIN_TEXT_MAX);
			ck_assert_uint_eq(len, ISCSI_LOGIN_DATA_MAX);
			hostile_login(&p, OPS | T | FFP, NULL, 0);
			r = expect_answer(&p, &len);
		}
		if (r.status_class) {
			ck_assert_uint_eq(r.status_class << 8 | r.status_detail, 0x0200);
			refused++;
		} else {
			ck_assert_uint_eq(r.flags, OPS | T | FFP);
			hostile_serves(&p);
		}
		hostile_leave(&p);
	}
	ck_assert_uint_ge(in_pieces, 3);
	ck_assert_uint_ge(refused, 1);
}
END_TEST

/* ---- past what is required ---- */

/*
 * A required digest is asked for in the operational stage. Whoever asks to go there with a text
 * whose answer takes several pieces, and changes NSG while it fetches them, goes nowhere.
 */
START_TEST(a_later_nsg_does_not_pass_by_a_required_digest)
{
	static char text[3 * LOGIN_TEXT_MAX];
	uint32_t len;

	rig.config.login.header_digest = DIGEST_CRC32C;
	rig_start(&rig);
	struct rig_peer p = rig_connect(&rig);
	hostile_login(&p, SEC | T | ISCSI_STAGE_OPERATIONAL, text, many_keys(text, 600));
	struct bhs_login_rsp r = expect_answer(&p, &len);
	ck_assert_uint_eq(r.flags, SEC | C);
	hostile_login(&p, SEC | T | FFP, NULL, 0);
	struct hostile_look look = hostile_look(&p, IN_LOGIN_PHASE);
	ck_assert_uint_eq(look.fate, FATE_ANSWERED | FATE_CLOSED);
	ck_assert_uint_eq(look.last.login_rsp.status_class, 2);
	hostile_leave(&p);
}
END_TEST

/* ---- every two requests, on the state machine alone ---- */

/* What RFC 7143 11.12.1-3 makes of one request in `stage`; NULL stage bits: see below. */
static bool stages_fit(uint8_t flags, uint8_t stage)
{
	unsigned csg = ISCSI_LOGIN_CSG(flags), nsg = ISCSI_LOGIN_NSG(flags);

	if (csg > ISCSI_STAGE_OPERATIONAL || csg != stage)
		return false;
	return !(flags & T) || (!(flags & C) && nsg > csg && nsg != 2);
}

/* The first request has the names, the second nothing. */
static enum login_step outcome(uint8_t first, uint8_t second)
{
	uint8_t stage = ISCSI_LOGIN_CSG(first);

	if (!stages_fit(first, stage))
		return LOGIN_FAIL;
	if (first & T) {
		stage = ISCSI_LOGIN_NSG(first);
		if (stage == FFP)
			return LOGIN_COMPLETE;
	}
	if (!stages_fit(second, stage))
		return LOGIN_FAIL;
	return second & T && ISCSI_LOGIN_NSG(second) == FFP ? LOGIN_COMPLETE : LOGIN_SEND;
}

static enum login_step give(struct login *l, uint8_t flags, const void *text, size_t n)
{
	struct bhs_login_req req = {.opcode = 0x43, .flags = flags};
	struct login_reply reply;

	enum login_step step = login_input(l, &req, text, n, &reply);
	ck_assert_uint_ne(reply.bhs.flags & (T | C), T | C);
	ck_assert_int_eq(step == LOGIN_FAIL, reply.bhs.status_class != 0);
	return step;
}

START_TEST(every_two_requests)
{
	struct sockaddr_storage peer = {.ss_family = AF_INET};

	rig_start(&rig);
	for (int first = _i; first < 256; first += 4) {
		for (int second = 0; second < 256; second++) {
			struct login l;
			ck_assert_int_eq(login_begin(&l, &rig.config, &peer, 1), 0);
			enum login_step step =
				give(&l, (uint8_t)first, HOSTILE_NAMES, sizeof(HOSTILE_NAMES));
			bool more = step == LOGIN_SEND;
			if (more)
				step = give(&l, (uint8_t)second, NULL, 0);
			ck_assert_msg(step == outcome((uint8_t)first, (uint8_t)second),
				      "flags %02x, %02x: step %d", first, second, step);
			if (!more || step != LOGIN_SEND) /* it is over for good */
				ck_assert_int_eq(give(&l, OPS, NULL, 0), LOGIN_DROP);
			login_end(&l);
		}
	}
}
END_TEST

/* ---- who else is there ---- */

/* All places of logins are taken by peers that say nothing, or half of it, until their time ends.
 */
START_TEST(bad_input_ms14_028_half_open_logins)
{
	struct rig_peer p[8];
	struct sockaddr_storage nobody = {0};

	rig.config.limits.logins = 8;
	rig_start(&rig);
	for (unsigned i = 0; i < 8; i++) {
		p[i] = rig_connect(&rig);
		if (i % 3 == 1)
			hostile_login(&p[i], OPS | C, rig_filled('a', 8192), 8192);
		if (i % 3 == 2)
			fake_feed(rig.engine, p[i].fd, "\x43\x87", 2);
	}
	rig_run(&rig);
	ck_assert_ptr_nonnull(admission_enter(&rig.node.admission, &nobody));
	rig_advance(&rig, 17);
	for (unsigned i = 0; i < 8; i++)
		ck_assert(rig_is_closed(&p[i]));
	struct rig_peer good = HOSTILE_PEER(&rig, IN_NORMAL_SESSION, "");
	hostile_serves(&good);
	hostile_leave(&good);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("bad_login");
	TCase *t = tcase_create("bad_login");
	const int nrounds = sizeof(rounds) / sizeof(*rounds);

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, rounds_without_end_by_time, 0, nrounds);
	tcase_add_loop_test(t, rounds_without_end_by_number, 0, nrounds);
	tcase_add_loop_test(t, a_text_without_end, 0, 3);
	tcase_add_test(t, bad_input_lio_rsp_buf_of_a_login);
	tcase_add_test(t, a_later_nsg_does_not_pass_by_a_required_digest);
	tcase_add_loop_test(t, every_two_requests, 0, 4);
	tcase_add_test(t, bad_input_ms14_028_half_open_logins);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	return test_main(suite());
}
