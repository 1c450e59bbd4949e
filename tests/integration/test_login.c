// SPDX-License-Identifier: MIT
/* test_login.c - logging in: keys, digests, refusals, limits of time and number, reinstatement. */
#include <iscsi/iscsi.h>
#include <iscsi/scsi-lowlevel.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/daemon.h"
#include "lib/rawinit.h"
#include "lib/test_main.h"

#define BLOCK 512u
#define LUNS  "{ id = 0; size = \"16M\"; }"

static struct daemon d;

/* One reactor: the sessions write the same blocks, and nothing in memtgtd orders that (issue 6). */
static void start(void)
{
	daemon_start(&d, LUNS,
		     "login = { InitialR2T = false; ImmediateData = true; };"
		     "reactor = { count = 1; };");
}

static void stop(void)
{
	daemon_check_alive(&d);
	daemon_stop(&d);
}

static void fill(uint8_t *p, size_t n, unsigned seed)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(rand_r(&seed) >> 7);
}

/* Writes and reads back over one session, at lengths around its burst limits. */
static void prove_io(struct raw *r)
{
	static uint8_t out[200 * BLOCK], in[sizeof(out)];
	static const uint32_t blocks[] = {1, 2, 15, 16, 17, 31, 33, 127, 128, 129, 200};

	for (size_t i = 0; i < sizeof(blocks) / sizeof(*blocks); i++) {
		uint32_t n = blocks[i] * BLOCK;
		fill(out, n, (unsigned)i);
		memset(in, 0xee, n);
		ck_assert_uint_eq(raw_write(r, 0, 3 + i, out, n, BLOCK), 0);
		ck_assert_uint_eq(raw_read(r, 0, 3 + i, in, n, BLOCK), 0);
		ck_assert_mem_eq(in, out, n);
	}
}

static struct iscsi_context *libiscsi_login(enum iscsi_header_digest digest)
{
	struct iscsi_context *i = iscsi_create_context("iqn.2026-01.org.memtgt:login");

	ck_assert_ptr_nonnull(i);
	iscsi_set_targetname(i, DAEMON_TARGET);
	iscsi_set_session_type(i, ISCSI_SESSION_NORMAL);
	iscsi_set_header_digest(i, digest);
	ck_assert_msg(iscsi_full_connect_sync(i, daemon_portal(&d), 0) == 0, "%s",
		      iscsi_get_error(i));
	return i;
}

START_TEST(libiscsi_logs_in_and_out)
{
	static const enum iscsi_header_digest digests[] = {ISCSI_HEADER_DIGEST_NONE,
							   ISCSI_HEADER_DIGEST_CRC32C,
							   ISCSI_HEADER_DIGEST_CRC32C_NONE};
	struct iscsi_context *i = libiscsi_login(digests[_i]);
	struct scsi_task *t = iscsi_testunitready_sync(i, 0);

	ck_assert_ptr_nonnull(t);
	ck_assert_int_eq(t->status, SCSI_STATUS_GOOD);
	scsi_free_scsi_task(t);
	ck_assert_int_eq(iscsi_logout_sync(i), 0);
	iscsi_destroy_context(i);
}
END_TEST

START_TEST(digests)
{
	static const char *const keys[] = {
		"HeaderDigest=None\nDataDigest=None\n",
		"HeaderDigest=CRC32C\nDataDigest=None\n",
		"HeaderDigest=None\nDataDigest=CRC32C\n",
		"HeaderDigest=CRC32C,None\nDataDigest=CRC32C,None\n",
	};
	struct raw r;

	raw_session(&r, d.port, keys[_i]);
	ck_assert_int_eq(r.header_digest, _i & 1);
	ck_assert_int_eq(r.data_digest, _i >> 1);
	prove_io(&r);
	raw_ping(&r);
	raw_close(&r);
}
END_TEST

/* RFC 7143 7.7: the stream cannot be followed any more. */
START_TEST(wrong_header_digest_ends_the_connection)
{
	struct raw r;
	uint8_t pdu[64];

	raw_session(&r, d.port, "HeaderDigest=CRC32C\n");
	union raw_bhs h = raw_request(&r, ISCSI_OP_NOP_OUT | ISCSI_IMMEDIATE, ISCSI_FINAL);
	size_t n = raw_make(&r, &h, NULL, 0, pdu);
	pdu[n - 1] ^= 1;
	raw_bytes(&r, pdu, n, 0);
	raw_expect_closed(&r);
	raw_close(&r);
}
END_TEST

/*
 * RFC 7143 7.8: Reject, then the task ends in ABORTED COMMAND, or with ErrorRecoveryLevel 0 the
 * connection ends; the medium is as it was.
 */
START_TEST(wrong_data_digest_writes_nothing)
{
	struct raw r;
	uint8_t cdb[16], old[BLOCK], new[BLOCK], pdu[BLOCK + 64];

	raw_session(&r, d.port, "DataDigest=CRC32C\nImmediateData=No\nInitialR2T=Yes\n");
	memset(old, 'o', BLOCK);
	memset(new, 'n', BLOCK);
	ck_assert_uint_eq(raw_write(&r, 0, 7, old, BLOCK, BLOCK), 0);
	raw_cdb_rw16(cdb, 0x8a, 7, 1);
	union raw_bhs h =
		raw_command(&r, ISCSI_FINAL | ISCSI_CMD_WRITE | ISCSI_ATTR_SIMPLE, cdb, BLOCK);
	ck_assert(raw_send(&r, &h, NULL, 0));
	raw_expect(&r, ISCSI_OP_R2T);
	union raw_bhs out = {.out = {.opcode = ISCSI_OP_DATA_OUT, .flags = ISCSI_FINAL}};
	out.out.itt = r.bhs.r2t.itt;
	out.out.ttt = r.bhs.r2t.ttt;
	size_t n = raw_make(&r, &out, new, BLOCK, pdu);
	pdu[n - 2] ^= 0x10;
	ck_assert(raw_bytes(&r, pdu, n, 0));
	raw_expect(&r, ISCSI_OP_REJECT);
	ck_assert_uint_eq(r.bhs.reject.reason, ISCSI_REJECT_DATA_DIGEST);
	ck_assert_uint_eq(r.len, ISCSI_BHS_LEN); /* the header of the PDU, 11.17.2 */
	if (raw_recv(&r)) {
		ck_assert_uint_eq(r.bhs.any.opcode, ISCSI_OP_SCSI_RSP);
		ck_assert_uint_eq(r.bhs.rsp.status, 0x02);
		ck_assert_uint_eq(raw_sense(&r) >> 16, 0xb);
	}
	raw_close(&r);
	raw_session(&r, d.port, NULL);
	ck_assert_uint_eq(raw_read(&r, 0, 7, new, BLOCK, BLOCK), 0);
	ck_assert_mem_eq(new, old, BLOCK);
	raw_close(&r);
}
END_TEST

START_TEST(small_data_segments_are_kept)
{
	static uint8_t out[64 * BLOCK], in[sizeof(out)];
	struct raw r;
	uint8_t cdb[16];
	uint32_t got = 0;

	raw_session(&r, d.port, "MaxRecvDataSegmentLength=512\n");
	fill(out, sizeof(out), 1);
	ck_assert_uint_eq(raw_write(&r, 0, 9, out, sizeof(out), BLOCK), 0);
	raw_cdb_rw16(cdb, 0x88, 9, 64);
	union raw_bhs h =
		raw_command(&r, ISCSI_FINAL | ISCSI_CMD_READ | ISCSI_ATTR_SIMPLE, cdb, sizeof(in));
	ck_assert(raw_send(&r, &h, NULL, 0));
	do {
		raw_expect(&r, ISCSI_OP_DATA_IN);
		ck_assert_uint_le(r.len, 512);
		memcpy(in + got, r.data, r.len);
		got += (uint32_t)r.len;
	} while (!(r.bhs.in.flags & ISCSI_DATA_STATUS));
	ck_assert_uint_eq(got, sizeof(in));
	ck_assert_mem_eq(in, out, sizeof(in));
	raw_close(&r);
}
END_TEST

/* All four of InitialR2T and ImmediateData, each with bursts small and large. */
START_TEST(burst_rules)
{
	static const char *const lengths[] = {
		"FirstBurstLength=512\nMaxBurstLength=512\n",
		"FirstBurstLength=1536\nMaxBurstLength=8192\n",
		"FirstBurstLength=65536\nMaxBurstLength=65536\n",
		"",
	};
	bool r2t = _i & 1, immediate = _i & 2;
	char keys[256];
	struct raw r;

	snprintf(keys, sizeof(keys), "InitialR2T=%s\nImmediateData=%s\n%s", r2t ? "Yes" : "No",
		 immediate ? "Yes" : "No", lengths[_i >> 2]);
	raw_session(&r, d.port, keys);
	ck_assert_int_eq(r.initial_r2t, r2t);
	ck_assert_int_eq(r.immediate_data, immediate);
	prove_io(&r);
	raw_close(&r);
}
END_TEST

struct refusal {
	const char *target, *keys;
	uint16_t status; /* RFC 7143 11.13.5 */
};

/* clang-format off */
static const struct refusal refusals[] = {
	{DAEMON_TARGET "x", NULL,				ISCSI_LOGIN_NOT_FOUND},
	{DAEMON_TARGET, "InitiatorName=\n",			0x0200},
	{DAEMON_TARGET, "SessionType=Strange\n",		0x0200},
	{DAEMON_TARGET, "no equal sign\n",			0x0200},
	{DAEMON_TARGET, "InitialR2T=Yes\nInitialR2T=Yes\n",	0x0200},
};
/* clang-format on */

START_TEST(refused_with_status)
{
	const struct refusal *f = &refusals[_i];
	struct raw r;

	raw_open(&r, d.port);
	uint16_t status = raw_login(&r, f->target, f->keys);
	if (f->status == 0x0200) /* which detail is the target's choice */
		ck_assert_msg(status >> 8 == 2, "status %04x", status);
	else
		ck_assert_uint_eq(status, f->status);
	raw_expect_closed(&r);
	raw_close(&r);
}
END_TEST

/* The first Login Request changed at one place. */
static uint16_t login_changed(size_t at, uint8_t value, bool no_names)
{
	struct raw r;
	union raw_bhs h;
	char text[1024];

	raw_open(&r, d.port);
	size_t n = raw_login_request(&r, DAEMON_TARGET, NULL, &h, text, sizeof(text));
	h.raw[at] = value;
	ck_assert(raw_send(&r, &h, text, no_names ? 0 : n));
	raw_expect(&r, ISCSI_OP_LOGIN_RSP);
	uint16_t status =
		(uint16_t)(r.bhs.login_rsp.status_class << 8 | r.bhs.login_rsp.status_detail);
	raw_expect_closed(&r);
	raw_close(&r);
	return status;
}

START_TEST(refused_by_header)
{
	ck_assert_uint_eq(login_changed(3, 1, false), ISCSI_LOGIN_UNSUPPORTED_VERSION);
	ck_assert_uint_eq(login_changed(2, 0, true), ISCSI_LOGIN_MISSING_PARAMETER);
	/* CSG = NSG, CSG 2, CSG above NSG; all with T: 11.12.3 */
	ck_assert_uint_eq(login_changed(1, 0x85, false) >> 8, 2);
	ck_assert_uint_eq(login_changed(1, 0x8b, false) >> 8, 2);
	ck_assert_uint_eq(login_changed(1, 0x84, false) >> 8, 2);
}
END_TEST

START_TEST(session_that_is_not_there)
{
	struct raw r;

	raw_open(&r, d.port);
	r.tsih = 0x77;
	ck_assert_uint_eq(raw_login(&r, DAEMON_TARGET, NULL), ISCSI_LOGIN_NO_SESSION);
	raw_expect_closed(&r);
	raw_close(&r);
}
END_TEST

/* RFC 7143 6.2 */
START_TEST(keys_that_cannot_be_agreed_on)
{
	static const char *const keys[][2] = {
		{"X-org.memtgt.what=1\n", "NotUnderstood"},
		{"MaxRecvDataSegmentLength=no\n", "Reject"},
		{"MaxBurstLength=511\n", "Reject"},
		{"MaxBurstLength=16777216\n", "Reject"},
		{"ErrorRecoveryLevel=3\n", "Reject"},
		{"ImmediateData=Maybe\n", "Reject"},
		{"HeaderDigest=MD5\n", "Reject"},
		{"IFMarker=Yes\n", "NotUnderstood Reject No"}, /* 13.22-13.25, obsolete */
	};
	char text[1024], name[64];
	union raw_bhs h;
	struct raw r;

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		raw_open(&r, d.port);
		size_t n = raw_login_request(&r, DAEMON_TARGET, keys[i][0], &h, text, sizeof(text));
		ck_assert(raw_send(&r, &h, text, n));
		raw_expect(&r, ISCSI_OP_LOGIN_RSP);
		snprintf(name, sizeof(name), "%.*s", (int)strcspn(keys[i][0], "="), keys[i][0]);
		const char *answer = raw_key(&r, name);
		if (r.bhs.login_rsp.status_class == 0)
			ck_assert_msg(answer && strstr(keys[i][1], answer), "%s is answered %s",
				      keys[i][0], answer);
		else
			ck_assert_uint_eq(r.bhs.login_rsp.status_class, 2);
		raw_close(&r);
	}
}
END_TEST

/* The request's text in two PDUs joined by the C bit, cut inside a key. RFC 7143 6.2, 11.12.3 */
START_TEST(text_over_two_pdus)
{
	struct raw r;
	union raw_bhs h;
	char text[1024];

	raw_open(&r, d.port);
	size_t n = raw_login_request(&r, DAEMON_TARGET, NULL, &h, text, sizeof(text));
	h.login.flags = ISCSI_LOGIN_CONTINUE | ISCSI_STAGE_OPERATIONAL << 2;
	ck_assert(raw_send(&r, &h, text, 5));
	raw_expect(&r, ISCSI_OP_LOGIN_RSP);
	ck_assert_uint_eq(r.bhs.login_rsp.status_class, 0);
	ck_assert_uint_eq(r.bhs.login_rsp.flags & ISCSI_LOGIN_TRANSIT, 0);
	ck_assert_uint_eq(r.len, 0);
	h.login.flags =
		ISCSI_LOGIN_TRANSIT | ISCSI_STAGE_OPERATIONAL << 2 | ISCSI_STAGE_FULL_FEATURE;
	put32(&h.login.exp_statsn, r.exp_statsn);
	ck_assert(raw_send(&r, &h, text + 5, n - 5));
	raw_expect(&r, ISCSI_OP_LOGIN_RSP);
	ck_assert_uint_eq(r.bhs.login_rsp.status_class, 0);
	raw_close(&r);
}
END_TEST

START_TEST(login_byte_by_byte)
{
	struct raw r;

	raw_open(&r, d.port);
	r.step = 1;
	ck_assert_uint_eq(raw_login(&r, DAEMON_TARGET, NULL), 0);
	raw_ping(&r);
	raw_close(&r);
}
END_TEST

/* spdk#3927: a scanner's first PDU is no Login Request. RFC 7143 6.1 */
START_TEST(another_pdu_first_closes)
{
	struct raw r;
	union raw_bhs h = {.any = {.opcode = (uint8_t)_i, .flags = ISCSI_FINAL}};

	if ((_i & ISCSI_OP_MASK) == ISCSI_OP_LOGIN_REQ)
		return;
	raw_open(&r, d.port);
	raw_bytes(&r, &h, sizeof(h), 0);
	raw_expect_closed(&r);
	raw_close(&r);
}
END_TEST

/* Until memtgtd has closed it, too: else the limits of open connections may be reached. */
static void close_and_wait(struct raw *r)
{
	char bytes[512];

	shutdown(r->fd, SHUT_WR);
	while (recv(r->fd, bytes, sizeof(bytes), 0) > 0)
		;
	raw_close(r);
}

START_TEST(every_cut_of_a_login)
{
	struct raw r;
	union raw_bhs h;
	char text[1024];
	uint8_t pdu[2048];

	for (size_t cut = 0;; cut++) {
		raw_open(&r, d.port);
		size_t n = raw_login_request(&r, DAEMON_TARGET, NULL, &h, text, sizeof(text));
		n = raw_make(&r, &h, text, n, pdu);
		raw_bytes(&r, pdu, cut, 0);
		close_and_wait(&r);
		if (cut == n)
			break;
	}
	raw_session(&r, d.port, NULL);
	raw_ping(&r);
	raw_close(&r);
}
END_TEST

/* RFC 7143 6.3.5: the old session ends before the new one is there. */
START_TEST(same_isid_reinstates)
{
	struct raw old, new;

	raw_session(&old, d.port, NULL);
	for (int i = 0; i < 5; i++) {
		raw_open(&new, d.port);
		memcpy(new.isid, old.isid, 6);
		ck_assert_uint_eq(raw_login(&new, DAEMON_TARGET, NULL), 0);
		raw_expect_closed(&old);
		raw_close(&old);
		raw_ping(&new);
		old = new;
	}
	while (raw_test_unit_ready(&old, 0) != 0)
		;
	prove_io(&old);
	raw_close(&old);
}
END_TEST

START_TEST(other_isid_is_another_session)
{
	struct raw a, b;

	raw_session(&a, d.port, NULL);
	raw_session(&b, d.port, NULL);
	ck_assert_uint_ne(a.tsih, b.tsih);
	raw_ping(&a);
	raw_ping(&b);
	raw_close(&a);
	raw_close(&b);
}
END_TEST

START_TEST(logout_is_answered_then_closed)
{
	struct raw r;

	raw_session(&r, d.port, NULL);
	union raw_bhs h = raw_request(&r, ISCSI_OP_LOGOUT_REQ, ISCSI_FINAL | (uint8_t)_i);
	put16(&h.logout.cid, 0);
	memset(h.logout.rsvd3, 0, 2);
	ck_assert(raw_send(&r, &h, NULL, 0));
	raw_expect(&r, ISCSI_OP_LOGOUT_RSP);
	ck_assert_uint_eq(r.bhs.logout_rsp.response, ISCSI_LOGOUT_OK);
	raw_expect_closed(&r);
	raw_close(&r);
}
END_TEST

START_TEST(login_must_end_in_time)
{
	struct daemon quick;
	struct raw silent, half;
	union raw_bhs h;
	char text[1024];

	daemon_start(&quick, LUNS, "limits = { login_timeout = 1; };");
	raw_open(&silent, quick.port);
	raw_open(&half, quick.port);
	size_t n = raw_login_request(&half, DAEMON_TARGET, NULL, &h, text, sizeof(text));
	ck_assert(raw_bytes(&half, &h, 47, 0));
	ck_assert_uint_gt(n, 0);
	raw_expect_closed(&silent);
	raw_expect_closed(&half);
	raw_close(&silent);
	raw_close(&half);
	/* One that has logged in stays. */
	raw_session(&half, quick.port, NULL);
	test_sleep_ms(3000);
	raw_ping(&half);
	raw_close(&half);
	daemon_stop(&quick);
}
END_TEST

/* The limit is reached, passed, and free again after one has gone. */
static void prove_limit(const char *more, unsigned limit)
{
	struct daemon small;
	struct raw r[8], extra;

	daemon_start(&small, LUNS, more);
	for (unsigned i = 0; i < limit; i++)
		raw_session(&r[i], small.port, NULL);
	raw_open(&extra, small.port);
	raw_expect_closed(&extra);
	raw_close(&extra);
	for (unsigned i = 0; i < limit; i++)
		raw_ping(&r[i]);
	raw_close(&r[0]);
	unsigned long long end = test_now_ms() + DAEMON_PATIENCE_MS;
	for (;;) {
		raw_open(&extra, small.port);
		union raw_bhs h;
		char text[1024];
		size_t n = raw_login_request(&extra, DAEMON_TARGET, NULL, &h, text, sizeof(text));
		bool in = raw_send(&extra, &h, text, n) && raw_recv(&extra);
		raw_close(&extra);
		if (in)
			break;
		ck_assert(test_now_ms() < end);
		test_sleep_ms(20);
	}
	for (unsigned i = 1; i < limit; i++)
		raw_close(&r[i]);
	daemon_stop(&small);
}

START_TEST(connections_are_limited)
{
	prove_limit("limits = { connections = 3; };", 3);
}
END_TEST

START_TEST(connections_of_one_address_are_limited)
{
	prove_limit("limits = { connections_per_address = 2; };", 2);
}
END_TEST

/* Text of logins is bounded: keys that never end are refused or dropped, not collected. */
START_TEST(endless_login_text)
{
	struct raw r;
	union raw_bhs h;
	char text[8000];

	raw_open(&r, d.port);
	raw_login_request(&r, DAEMON_TARGET, NULL, &h, text, sizeof(text));
	memset(text, 'k', sizeof(text));
	h.login.flags = ISCSI_LOGIN_CONTINUE | ISCSI_STAGE_OPERATIONAL << 2;
	bool open = true;
	for (int i = 0; i < 64 && open; i++) {
		open = raw_send(&r, &h, text, sizeof(text)) && raw_recv(&r);
		if (open && r.bhs.login_rsp.status_class) {
			raw_expect_closed(&r);
			open = false;
		}
		put32(&h.login.exp_statsn, r.exp_statsn);
	}
	ck_assert(!open);
	raw_close(&r);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("login");
	TCase *t = tcase_create("login");

	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, start, stop);
	tcase_add_loop_test(t, libiscsi_logs_in_and_out, 0, 3);
	tcase_add_loop_test(t, digests, 0, 4);
	tcase_add_test(t, wrong_header_digest_ends_the_connection);
	tcase_add_test(t, wrong_data_digest_writes_nothing);
	tcase_add_test(t, small_data_segments_are_kept);
	tcase_add_loop_test(t, burst_rules, 0, 16);
	tcase_add_loop_test(t, refused_with_status, 0, sizeof(refusals) / sizeof(*refusals));
	tcase_add_test(t, refused_by_header);
	tcase_add_test(t, session_that_is_not_there);
	tcase_add_test(t, keys_that_cannot_be_agreed_on);
	tcase_add_test(t, text_over_two_pdus);
	tcase_add_test(t, login_byte_by_byte);
	tcase_add_test(t, every_cut_of_a_login);
	tcase_add_test(t, same_isid_reinstates);
	tcase_add_test(t, other_isid_is_another_session);
	tcase_add_loop_test(t, logout_is_answered_then_closed, 0, 2);
	tcase_add_test(t, endless_login_text);
	suite_add_tcase(s, t);

	t = tcase_create("first_pdu");
	tcase_set_timeout(t, 120);
	tcase_add_unchecked_fixture(t, start, stop);
	tcase_add_loop_test(t, another_pdu_first_closes, 0, 128);
	suite_add_tcase(s, t);

	t = tcase_create("limits");
	tcase_set_timeout(t, 120);
	tcase_add_test(t, login_must_end_in_time);
	tcase_add_test(t, connections_are_limited);
	tcase_add_test(t, connections_of_one_address_are_limited);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	return test_main(suite());
}
