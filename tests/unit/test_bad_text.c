// SPDX-License-Identifier: MIT
/*
 * test_bad_text.c - Text Requests that broke other targets: long answers, pieces in any order,
 * digests. Each test is named for its source, see tests/HOSTILE.md.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "lib/fake_engine.h"
#include "lib/hostile.h"
#include "lib/logged.h"
#include "lib/test_main.h"
#include "pdu/digest.h"

#define T	  ISCSI_LOGIN_TRANSIT
#define C	  ISCSI_TEXT_CONTINUE
#define F	  ISCSI_FINAL
#define OPS	  (ISCSI_STAGE_OPERATIONAL << 2)
#define TO_FFP	  (T | OPS | ISCSI_STAGE_FULL_FEATURE)
#define INITIATOR "InitiatorName=iqn.2026-01.org.memtgt:hostile\0"
#define TARGETS	  200
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

/* An unknown key of one byte is answered with 16: 512 of them fill what a Text Response holds. */
START_TEST(bad_input_lio_rsp_buf_of_a_text)
{
	static char text[3 * 2000];
	static const unsigned counts[] = {1, 511, 512, 513, 1000, 2000};
	rig_start(&rig);
	struct rig_peer p = HOSTILE_PEER(&rig, IN_NORMAL_SESSION, "");

	for (unsigned i = 0; i < 2000; i++)
		memcpy(text + 3 * i, "X=", 3);
	(void)logged();
	const struct hostile_said *s = hostile_say_text(&p, text, 3 * counts[_i]);
	if (counts[_i] <= 512) {
		ck_assert_uint_eq(s->pdu.bhs.opcode, ISCSI_OP_TEXT_RSP);
		ck_assert_uint_eq(s->pdu.data_len, 16 * counts[_i]);
		ck_assert_uint_eq(s->pdu.bhs.flags, F);
	} else {
		ck_assert_uint_eq(s->pdu.bhs.opcode, ISCSI_OP_REJECT);
		ck_assert_ptr_nonnull(strstr(logged(), "its answer is too long"));
	}
	hostile_serves(&p);
	hostile_leave(&p);
}
END_TEST

/* Reads pieces to the end of the answer, each no longer than `most`: how many targets it names. */
static size_t count_targets(struct rig_peer *p, const struct hostile_said *s, uint32_t most)
{
	static char all[200000];
	size_t sum = 0, found = 0;

	for (;;) {
		ck_assert_uint_eq(s->pdu.bhs.opcode, ISCSI_OP_TEXT_RSP);
		ck_assert_uint_le(s->pdu.data_len, most);
		ck_assert_uint_lt(sum + s->pdu.data_len, sizeof(all));
		memcpy(all + sum, s->text, s->pdu.data_len);
		sum += s->pdu.data_len;
		if (s->pdu.bhs.flags & F)
			break;
		hostile_text(p, F, get32(s->pdu.text_rsp.ttt), NULL, 0);
		s = hostile_hear(p);
	}
	all[sum] = '\0';
	for (char *at = all; (at = strstr(at, "TargetName=")); at++)
		found++;
	return found;
}

static void many_targets(void)
{
	static struct config_target targets[TARGETS];

	targets[0] = rig.target_config;
	for (unsigned i = 1; i < TARGETS; i++) {
		targets[i].access.any = true;
		memset(targets[i].name, 'n', ISCSI_NAME_MAX);
		int n = sprintf(targets[i].name, "iqn.2026-01.org.memtgt:%03u", i);
		targets[i].name[n] = 'n';
	}
	rig.config.targets = targets;
	rig.config.ntargets = TARGETS;
}

/*
 * SendTargets=All of many targets with long names, behind unknown keys whose answers leave it much,
 * little or no room in the first PDU.
 */
START_TEST(bad_input_lio_rsp_buf_of_send_targets)
{
	static const unsigned unknown[] = {0,  1,   15,	 16,  17,  31,	32,
					   33, 495, 496, 497, 510, 511, 512};
	static const char ask[] = "SendTargets=All";
	const uint32_t most = _i ? 512 : 8192;
	char text[3 * 512 + sizeof(ask)] = INITIATOR "SessionType=Discovery";
	size_t n = sizeof(INITIATOR "SessionType=Discovery");

	many_targets();
	rig_start(&rig);
	struct rig_peer p = rig_connect(&rig);
	n += (size_t)sprintf(text + n, "MaxRecvDataSegmentLength=%u", most) + 1;
	ck_assert_uint_eq(hostile_status(hostile_say_login(&p, TO_FFP, text, n)), 0);
	for (size_t i = 0; i < COUNT(unknown); i++) {
		for (unsigned k = 0; k < unknown[i]; k++)
			memcpy(text + 3 * k, "X=", 3);
		memcpy(text + 3 * unknown[i], ask, sizeof(ask));
		const struct hostile_said *s =
			hostile_say_text(&p, text, 3 * unknown[i] + sizeof(ask));
		ck_assert_uint_eq(count_targets(&p, s, most), TARGETS);
	}
	hostile_leave(&p);
}
END_TEST

/* ---- text in pieces ---- */

/* F and C in every order, with and without text, going on or beginning anew: 11.10.1-4. */
struct pair {
	const char *text;
	size_t n;
};
#define PAIR(s)              \
	{                    \
		s, sizeof(s) \
	}

static const struct pair pieces[] = {{NULL, 0}, PAIR("X-a=b"), PAIR("SendTargets=")};
static const uint8_t flags[] = {0, C, F, F | C};

static void one_piece(struct rig_peer *p, unsigned which, uint32_t *ttt)
{
	const struct pair *t = &pieces[which % 3];
	uint8_t f = flags[which / 3 % 4];

	hostile_text(p, f, which / 12 ? *ttt : ISCSI_TAG_NONE, t->text, t->n);
	struct hostile_look look = hostile_look(p, IN_NORMAL_SESSION);
	ck_assert_msg(look.fate == FATE_ANSWERED || look.fate == FATE_REJECTED,
		      "flags %02x, %zu bytes: %s", f, t->n, hostile_fate_text(look.fate));
	if (f == (F | C))
		ck_assert_uint_eq(look.fate, FATE_REJECTED);
	if (look.fate == FATE_ANSWERED) {
		ck_assert_uint_eq(look.last.bhs.opcode, ISCSI_OP_TEXT_RSP);
		*ttt = get32(look.last.text_rsp.ttt);
		if (look.last.bhs.flags & F)
			ck_assert_uint_eq(*ttt, ISCSI_TAG_NONE);
	}
	ck_assert_uint_le(rig.worker.bufs.used, 2);
	ck_assert_uint_eq(rig.worker.replies.used, 0);
}

START_TEST(bad_input_cve_2021_28361_text_without_data)
{
	const unsigned n = 3 * COUNT(flags) * 2;
	rig_start(&rig);
	struct rig_peer p = HOSTILE_PEER(&rig, IN_NORMAL_SESSION, "");

	for (unsigned a = (unsigned)_i; a < n; a += 4) {
		for (unsigned b = 0; b < n; b++) {
			for (unsigned c = 0; c < n; c++) {
				uint32_t ttt = ISCSI_TAG_NONE;
				one_piece(&p, a, &ttt);
				one_piece(&p, b, &ttt);
				one_piece(&p, c, &ttt);
			}
		}
	}
	hostile_serves(&p);
	hostile_leave(&p);
}
END_TEST

/* A ping between the pieces of a text has its own data, and leaves the text as it is. */
START_TEST(a_ping_between_two_pieces)
{
	rig_start(&rig);
	struct rig_peer p = HOSTILE_PEER(&rig, IN_NORMAL_SESSION, "");
	struct bhs_nop_out h = {.opcode = ISCSI_OP_NOP_OUT | ISCSI_IMMEDIATE, .flags = F};
	uint32_t len = (uint32_t[]){0, 1, 100, 8192, 262144}[_i];

	hostile_text(&p, C, ISCSI_TAG_NONE, "X-a", 3);
	uint32_t ttt = get32(hostile_hear(&p)->pdu.text_rsp.ttt);
	put32(&h.ttt, ISCSI_TAG_NONE);
	put32(&h.cmdsn, p.cmdsn);
	rig_send(&p, &h, rig_filled('z', len), len);
	ck_assert_uint_eq(hostile_hear(&p)->pdu.bhs.opcode, ISCSI_OP_NOP_IN);
	hostile_text(&p, F, ttt, "=b", 3);
	ck_assert_str_eq(hostile_hear(&p)->text, "X-a=NotUnderstood|");
	hostile_leave(&p);
}
END_TEST

/* ---- digests ---- */

/* "k=kk...\0", n bytes; of the digest byte bad - 1 is wrong, or none. */
static void send_digested(struct rig_peer *p, uint32_t n, unsigned bad)
{
	uint8_t pdu[ISCSI_BHS_LEN + 8192 + ISCSI_DIGEST_LEN] = {0};
	uint8_t *data = pdu + ISCSI_BHS_LEN;
	size_t padded = n + ISCSI_PAD(n);
	struct bhs_text_req h = {.opcode = ISCSI_OP_TEXT_REQ | ISCSI_IMMEDIATE, .flags = F};

	put32(&h.ttt, ISCSI_TAG_NONE);
	put32(&h.cmdsn, p->cmdsn);
	put24(&h.data_len, n);
	memcpy(pdu, &h, sizeof(h));
	memset(data, 'k', n - 1);
	data[1] = '=';
	digest_final(digest_update(DIGEST_INIT, data, padded), data + padded);
	if (bad)
		data[padded + bad - 1] ^= 0x10;
	fake_feed(rig.engine, p->fd, pdu, ISCSI_BHS_LEN + padded + ISCSI_DIGEST_LEN);
}

static void try_digest(uint32_t n, unsigned bad, size_t split)
{
	struct rig_peer p = rig_connect(&rig);

	RIG_LOGIN(&p, "DataDigest=CRC32C,None");
	p.data_digest = true;
	fake_split(rig.engine, p.fd, split, 0);
	send_digested(&p, n, bad);
	const struct hostile_said *s = hostile_hear(&p);
	if (bad) {
		ck_assert_uint_eq(s->pdu.bhs.opcode, ISCSI_OP_REJECT);
		ck_assert_uint_eq(s->pdu.reject.reason, ISCSI_REJECT_DATA_DIGEST);
	} else {
		ck_assert_str_eq(s->text, "k=NotUnderstood|");
	}
	ck_assert_int_eq(rig_is_closed(&p), bad != 0);
	hostile_leave(&p);
}

/* A length that is no multiple of 4: the padding is under the digest, nothing beyond it is read. */
START_TEST(bad_input_lio_text_digest)
{
	static const uint32_t lengths[] = {3, 4, 5, 6, 7, 8, 63, 4093, 8190, 8191, 8192};
	static const size_t splits[] = {0, 1, 7};
	rig_start(&rig);

	for (size_t i = 0; i < COUNT(lengths); i++)
		for (unsigned bad = 0; bad <= ISCSI_DIGEST_LEN; bad++)
			try_digest(lengths[i], bad, splits[_i]);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("bad_text");
	TCase *t = tcase_create("bad_text");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, bad_input_lio_rsp_buf_of_send_targets, 0, 2);
	tcase_add_loop_test(t, bad_input_cve_2021_28361_text_without_data, 0, 4);
	tcase_add_loop_test(t, a_ping_between_two_pieces, 0, 5);
	tcase_add_loop_test(t, bad_input_lio_text_digest, 0, 3);
	suite_add_tcase(s, t);
	t = tcase_create("log");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_checked_fixture(t, log_catch, log_release);
	tcase_add_loop_test(t, bad_input_lio_rsp_buf_of_a_text, 0, 6);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	return test_main(suite());
}
