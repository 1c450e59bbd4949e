// SPDX-License-Identifier: MIT
/* test_discovery.c - SendTargets, in discovery sessions and in normal ones. RFC 7143 Appendix C */
#include <iscsi/iscsi.h>
#include <stdio.h>
#include <string.h>

#include "lib/daemon.h"
#include "lib/rawinit.h"
#include "lib/test_main.h"

static struct daemon d;

static void start(void)
{
	daemon_start(&d, "{ id = 0; size = \"1M\"; }", NULL);
}

static void stop(void)
{
	daemon_check_alive(&d);
	daemon_stop(&d);
}

START_TEST(libiscsi_finds_the_target)
{
	struct iscsi_context *i = iscsi_create_context("iqn.2026-01.org.memtgt:discovery");
	char address[64];

	iscsi_set_session_type(i, ISCSI_SESSION_DISCOVERY);
	ck_assert_int_eq(iscsi_connect_sync(i, daemon_portal(&d)), 0);
	ck_assert_msg(iscsi_login_sync(i) == 0, "%s", iscsi_get_error(i));
	struct iscsi_discovery_address *found = iscsi_discovery_sync(i);
	ck_assert_msg(found != NULL, "%s", iscsi_get_error(i));
	ck_assert_str_eq(found->target_name, DAEMON_TARGET);
	ck_assert_ptr_null(found->next);
	ck_assert_ptr_nonnull(found->portals);
	snprintf(address, sizeof(address), "%s,1", daemon_portal(&d));
	ck_assert_str_eq(found->portals->portal, address);
	ck_assert_ptr_null(found->portals->next);
	iscsi_free_discovery_data(i, found);
	ck_assert_int_eq(iscsi_logout_sync(i), 0);
	iscsi_destroy_context(i);
}
END_TEST

/* One Text exchange; the answer is in r->data. */
static void text(struct raw *r, const char *pairs, size_t n)
{
	union raw_bhs h = raw_request(r, ISCSI_OP_TEXT_REQ, ISCSI_FINAL);
	ck_assert(raw_send(r, &h, pairs, n));
	raw_expect(r, ISCSI_OP_TEXT_RSP);
	ck_assert_uint_eq(get32(r->bhs.any.itt), get32(h.any.itt));
	ck_assert(r->bhs.text_rsp.flags & ISCSI_FINAL);
	ck_assert_uint_eq(get32(r->bhs.text_rsp.ttt), ISCSI_TAG_NONE);
}

static void send_targets(struct raw *r, const char *value)
{
	char pair[300];
	int n = snprintf(pair, sizeof(pair), "SendTargets=%s", value);
	text(r, pair, (size_t)n + 1);
}

static void prove_found(struct raw *r)
{
	ck_assert_pstr_eq(raw_key(r, "TargetName"), DAEMON_TARGET);
	const char *at = raw_key(r, "TargetAddress");
	ck_assert_ptr_nonnull(at);
	ck_assert_int_eq(strncmp(at, daemon_portal(&d), strlen(daemon_portal(&d))), 0);
	ck_assert_int_eq(at[strlen(daemon_portal(&d))], ',');
}

START_TEST(in_a_discovery_session)
{
	struct raw r;

	raw_open(&r, d.port);
	ck_assert_uint_eq(raw_login(&r, NULL, NULL), 0);
	send_targets(&r, "All");
	prove_found(&r);
	send_targets(&r, DAEMON_TARGET);
	prove_found(&r);
	send_targets(&r, "iqn.2026-01.org.memtgt:nobody");
	ck_assert_ptr_null(raw_key(&r, "TargetName"));
	raw_close(&r);
}
END_TEST

/* A normal session asks for its own target only. */
START_TEST(in_a_normal_session)
{
	struct raw r;

	raw_session(&r, d.port, NULL);
	send_targets(&r, "");
	prove_found(&r);
	send_targets(&r, DAEMON_TARGET);
	prove_found(&r);
	send_targets(&r, "All");
	ck_assert_ptr_null(raw_key(&r, "TargetName"));
	raw_ping(&r);
	raw_close(&r);
}
END_TEST

START_TEST(unknown_text_key)
{
	static const char pair[] = "X-org.memtgt.what=1";
	struct raw r;

	raw_session(&r, d.port, NULL);
	text(&r, pair, sizeof(pair));
	ck_assert_pstr_eq(raw_key(&r, "X-org.memtgt.what"), "NotUnderstood");
	raw_close(&r);
}
END_TEST

/* A discovery session has no SCSI: RFC 7143 4.3 */
START_TEST(no_scsi_in_discovery)
{
	struct raw r;
	uint8_t cdb[16] = {0};

	raw_open(&r, d.port);
	ck_assert_uint_eq(raw_login(&r, NULL, NULL), 0);
	union raw_bhs h = raw_command(&r, ISCSI_FINAL | ISCSI_ATTR_SIMPLE, cdb, 0);
	ck_assert(raw_send(&r, &h, NULL, 0));
	if (raw_recv(&r)) {
		ck_assert_uint_eq(r.bhs.any.opcode, ISCSI_OP_REJECT);
	}
	raw_close(&r);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("discovery");
	TCase *t = tcase_create("discovery");

	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, start, stop);
	tcase_add_test(t, libiscsi_finds_the_target);
	tcase_add_test(t, in_a_discovery_session);
	tcase_add_test(t, in_a_normal_session);
	tcase_add_test(t, unknown_text_key);
	tcase_add_test(t, no_scsi_in_discovery);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	return test_main(suite());
}
