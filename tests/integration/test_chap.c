// SPDX-License-Identifier: MIT
/*
 * test_chap.c - CHAP of a running memtgtd: by libiscsi, which of Debian 12 has MD5 only, and by raw
 * logins with every digest.
 */
#include <iscsi/iscsi.h>
#include <iscsi/scsi-lowlevel.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/daemon.h"
#include "lib/rawinit.h"
#include "lib/test_main.h"

#define NAME   "iqn.2026-01.org.memtgt:"
#define ALPHA  "alpha-and-its-secret"
#define BETA   "beta-and-its-secret"
#define DONOR  "donor-and-its-secret"
#define FINDER "finder-and-its-secret"

#define AUTH_FAILURE ISCSI_LOGIN_AUTH_FAILURE

static struct daemon d;
static char secrets[64];

static void start_with(const char *more)
{
	char text[2048];

	strcpy(secrets, "/tmp/memtgt-test-secrets-XXXXXX");
	int fd = mkstemp(secrets);
	ck_assert_int_ge(fd, 0);
	dprintf(fd, "credentials = ( { name = \"alpha\"; secret = \"" ALPHA "\"; },"
		    "{ name = \"beta\"; secret = \"" BETA "\"; },"
		    "{ name = \"donor\"; secret = \"" DONOR "\"; },"
		    "{ name = \"finder\"; secret = \"" FINDER "\"; } );");
	close(fd);
	snprintf(text, sizeof(text),
		 "secrets = \"%s\"; discovery = { chap = \"finder\"; };"
		 "access = ( { initiator = \"" NAME "open\"; },"
		 "{ initiator = \"" NAME "one-way\"; chap = [ \"alpha\", \"beta\" ]; },"
		 "{ chap = \"alpha\"; chap_mutual = \"donor\"; } ); %s",
		 secrets, more);
	daemon_start(&d, "{ id = 0; size = \"1M\"; }", text);
	unlink(secrets);
}

static void start(void)
{
	start_with("");
}

static void stop(void)
{
	/* Whatever went on, no secret is in the log. */
	ck_assert(!daemon_log_has(&d, "-and-its-secret"));
	daemon_check_alive(&d);
	daemon_stop(&d);
}

/* ---- libiscsi ---- */

static struct iscsi_context *context(const char *name, const char *user, const char *secret,
				     const char *target_user, const char *target_secret)
{
	char full[128];

	snprintf(full, sizeof(full), NAME "%s", name);
	struct iscsi_context *i = iscsi_create_context(full);
	ck_assert_ptr_nonnull(i);
	iscsi_set_noautoreconnect(i, 1);
	if (user)
		ck_assert_int_eq(iscsi_set_initiator_username_pwd(i, user, secret), 0);
	if (target_user)
		ck_assert_int_eq(iscsi_set_target_username_pwd(i, target_user, target_secret), 0);
	return i;
}

/* Does a session come about, with which LUN 0 can be read? */
static bool gets_in(struct iscsi_context *i)
{
	iscsi_set_targetname(i, DAEMON_TARGET);
	iscsi_set_session_type(i, ISCSI_SESSION_NORMAL);
	bool in = iscsi_full_connect_sync(i, daemon_portal(&d), 0) == 0;
	if (in) {
		struct scsi_task *t = iscsi_read16_sync(i, 0, 0, 512, 512, 0, 0, 0, 0, 0);
		ck_assert_ptr_nonnull(t);
		ck_assert_int_eq(t->status, SCSI_STATUS_GOOD);
		scsi_free_scsi_task(t);
		ck_assert_int_eq(iscsi_logout_sync(i), 0);
	}
	return in;
}

/* clang-format off */
static const struct {
	const char *name, *user, *secret, *target_user, *target_secret;
	bool in;
	const char *logged; /* of a refusal, by us; NULL: the initiator refused */
} clients[] = {
	{"one-way", "alpha", ALPHA, NULL, NULL, true, NULL},
	{"one-way", "beta",  BETA,  NULL, NULL, true, NULL},
	{"one-way", "alpha", BETA,  NULL, NULL, false, "to CHAP user \"alpha\": wrong response"},
	{"one-way", "alpha", "alpha-or-a-secret", NULL, NULL, false, "wrong response"},
	{"one-way", "nobody", ALPHA, NULL, NULL, false, "to CHAP user \"nobody\": no such user"},
	/* Somebody, but nobody to this rule. */
	{"one-way", "finder", FINDER, NULL, NULL, false, "to CHAP user \"finder\": no such user"},
	{"one-way", "a\tb", ALPHA, NULL, NULL, false, "to CHAP user \"a?b\": no such user"},
	{"one-way", NULL, NULL, NULL, NULL, false, "went past the security stage"},
	{"one-way", "alpha", ALPHA, "donor", DONOR, false, "chap_mutual is not set"},
	{"mutual", "alpha", ALPHA, "donor", DONOR, true, NULL},
	{"mutual", "alpha", ALPHA, NULL, NULL, true, NULL},
	{"mutual", "beta",  BETA,  "donor", DONOR, false, "no such user"},
	{"mutual", "alpha", BETA,  "donor", DONOR, false, "wrong response"},
	{"mutual", "donor", DONOR, NULL, NULL, false, "what memtgtd itself would answer"},
	{"mutual", "alpha", ALPHA, "donor", "donor-or-a-secret", false, NULL},
	{"mutual", "alpha", ALPHA, "other", DONOR, false, NULL},
	/* A rule without CHAP, beside: it is not asked, and takes who offers it besides None. */
	{"open", NULL, NULL, NULL, NULL, true, NULL},
	{"open", "alpha", "alpha-or-a-secret", NULL, NULL, true, NULL},
};
/* clang-format on */

START_TEST(libiscsi)
{
	struct iscsi_context *i = context(clients[_i].name, clients[_i].user, clients[_i].secret,
					  clients[_i].target_user, clients[_i].target_secret);

	ck_assert_int_eq(gets_in(i), clients[_i].in);
	if (clients[_i].logged)
		daemon_log_wait(&d, clients[_i].logged);
	else
		ck_assert(!daemon_log_has(&d, "login refused"));
	iscsi_destroy_context(i);
}
END_TEST

/* clang-format off */
static const struct {
	const char *user, *secret;
	bool in;
} finders[] = {
	{"finder", FINDER, true}, {"finder", ALPHA, false}, {"alpha", ALPHA, false},
	{"donor", DONOR, false}, {NULL, NULL, false},
};
/* clang-format on */

START_TEST(libiscsi_discovers)
{
	struct iscsi_context *i = context("open", finders[_i].user, finders[_i].secret, NULL, NULL);

	iscsi_set_session_type(i, ISCSI_SESSION_DISCOVERY);
	ck_assert_int_eq(iscsi_connect_sync(i, daemon_portal(&d)), 0);
	ck_assert_int_eq(iscsi_login_sync(i) == 0, finders[_i].in);
	if (finders[_i].in) {
		struct iscsi_discovery_address *found = iscsi_discovery_sync(i);
		ck_assert_ptr_nonnull(found);
		ck_assert_str_eq(found->target_name, DAEMON_TARGET);
		iscsi_free_discovery_data(i, found);
		ck_assert_int_eq(iscsi_logout_sync(i), 0);
	}
	iscsi_destroy_context(i);
}
END_TEST

/* ---- raw ---- */

static const struct algorithm {
	const char *number;
	const EVP_MD *(*md)(void);
} algorithms[] = {{"5", EVP_md5}, {"6", EVP_sha1}, {"7", EVP_sha256}, {"8", EVP_sha3_256}};

/* One Login Request of the security stage, its pairs ended by '\n', and the response. */
static bool step(struct raw *r, bool last, const char *pairs)
{
	union raw_bhs h = {.login = {.opcode = ISCSI_OP_LOGIN_REQ | ISCSI_IMMEDIATE}};
	char text[4096];
	size_t n = strlen(pairs);

	h.login.flags = last ? ISCSI_LOGIN_TRANSIT | ISCSI_STAGE_FULL_FEATURE : 0;
	memcpy(h.login.isid, r->isid, 6);
	put32(&h.login.itt, 77);
	put32(&h.login.cmdsn, r->cmdsn);
	put32(&h.login.exp_statsn, r->exp_statsn);
	memcpy(text, pairs, n);
	for (size_t i = 0; i < n; i++)
		if (text[i] == '\n')
			text[i] = 0;
	return raw_send(r, &h, text, n);
}

static uint16_t say(struct raw *r, bool last, const char *pairs)
{
	ck_assert(step(r, last, pairs));
	raw_expect(r, ISCSI_OP_LOGIN_RSP);
	return (uint16_t)(r->bhs.login_rsp.status_class << 8 | r->bhs.login_rsp.status_detail);
}

static size_t bytes_of(const char *hex, uint8_t *out)
{
	size_t n = 0;

	ck_assert(hex && hex[0] == '0' && hex[1] == 'x');
	for (hex += 2; sscanf(hex, "%2hhx", &out[n]) == 1; hex += 2)
		n++;
	return n;
}

/* "0x..." of H(id | secret | challenge), made here and not by what is tested. */
static const char *response(const struct algorithm *a, unsigned id, const char *secret,
			    const uint8_t *challenge, size_t n)
{
	static char text[80];
	uint8_t all[2048] = {(uint8_t)id}, out[64];
	unsigned len = 0, at = 2;

	memcpy(all + 1, secret, strlen(secret));
	memcpy(all + 1 + strlen(secret), challenge, n);
	ck_assert(EVP_Digest(all, 1 + strlen(secret) + n, out, &len, a->md(), NULL));
	strcpy(text, "0x");
	for (unsigned i = 0; i < len; i++)
		at += (unsigned)sprintf(text + at, "%02x", out[i]);
	return text;
}

/* Up to the challenge; what answers it is put into `pairs`. */
static void challenged(struct raw *r, const struct algorithm *a, const char *name, char *pairs)
{
	uint8_t challenge[1024];
	char text[512];

	raw_open(r, d.port);
	snprintf(text, sizeof(text), "InitiatorName=" NAME "%s\nTargetName=" DAEMON_TARGET "\n%s",
		 name, "AuthMethod=CHAP,None\n");
	ck_assert_uint_eq(say(r, false, text), 0);
	ck_assert_pstr_eq(raw_key(r, "AuthMethod"), "CHAP");
	snprintf(text, sizeof(text), "CHAP_A=%s\n", a->number);
	ck_assert_uint_eq(say(r, false, text), 0);
	ck_assert_pstr_eq(raw_key(r, "CHAP_A"), a->number);
	size_t n = bytes_of(raw_key(r, "CHAP_C"), challenge);
	ck_assert_uint_ge(n, 16);
	unsigned id = (unsigned)strtoul(raw_key(r, "CHAP_I"), NULL, 10);
	sprintf(pairs, "CHAP_N=alpha\nCHAP_R=%s\n", response(a, id, ALPHA, challenge, n));
}

START_TEST(raw_one_way)
{
	struct raw r;
	char pairs[256];

	challenged(&r, &algorithms[_i], "one-way", pairs);
	ck_assert_uint_eq(say(&r, true, pairs), 0);
	ck_assert(r.bhs.login_rsp.flags & ISCSI_LOGIN_TRANSIT);
	while (raw_test_unit_ready(&r, 0) != 0)
		;
	raw_ping(&r);
	raw_close(&r);
}
END_TEST

START_TEST(raw_mutual)
{
	static const uint8_t ours[] = {0, 1, 2, 0xff, 0x80, 5};
	struct raw r;
	char pairs[512];

	challenged(&r, &algorithms[_i], "mutual", pairs);
	strcat(pairs, "CHAP_I=0xc8\nCHAP_C=0x000102ff8005\n");
	ck_assert_uint_eq(say(&r, true, pairs), 0);
	ck_assert_pstr_eq(raw_key(&r, "CHAP_N"), "donor");
	ck_assert_pstr_eq(raw_key(&r, "CHAP_R"),
			  response(&algorithms[_i], 0xc8, DONOR, ours, sizeof(ours)));
	raw_close(&r);
}
END_TEST

START_TEST(raw_wrong)
{
	struct raw r;
	char pairs[256];

	challenged(&r, &algorithms[_i], "one-way", pairs);
	char *last = pairs + strlen(pairs) - 2;
	*last = *last == '0' ? '1' : '0';
	ck_assert_uint_eq(say(&r, true, pairs), AUTH_FAILURE);
	raw_expect_closed(&r);
	raw_close(&r);
}
END_TEST

/* Our challenge sent back, in a login that is right but for that. */
START_TEST(raw_reflected)
{
	struct raw r;
	char pairs[512], challenge[128];

	challenged(&r, &algorithms[_i], "mutual", pairs);
	snprintf(challenge, sizeof(challenge), "CHAP_I=1\nCHAP_C=%s\n", raw_key(&r, "CHAP_C"));
	strcat(pairs, challenge);
	ck_assert_uint_eq(say(&r, true, pairs), AUTH_FAILURE);
	ck_assert_ptr_null(raw_key(&r, "CHAP_R"));
	raw_expect_closed(&r);
	raw_close(&r);
}
END_TEST

/* What another connection was asked is of no use here. */
START_TEST(raw_replayed)
{
	struct raw a, b;
	char pairs[256], others[256];

	challenged(&a, &algorithms[_i], "one-way", pairs);
	challenged(&b, &algorithms[_i], "one-way", others);
	ck_assert_uint_eq(say(&b, true, pairs), AUTH_FAILURE);
	ck_assert_uint_eq(say(&a, true, pairs), 0);
	raw_close(&a);
	raw_close(&b);
}
END_TEST

/* The last request of a login, cut at each byte; then nothing is left of it. */
START_TEST(raw_cut)
{
	struct raw r;
	char pairs[256];

	for (size_t cut = 0, n = 1; cut < n; cut += 7) {
		uint8_t pdu[512];
		char bytes[256];
		union raw_bhs h = {.login = {.opcode = ISCSI_OP_LOGIN_REQ | ISCSI_IMMEDIATE}};
		challenged(&r, &algorithms[2], "one-way", pairs);
		memcpy(h.login.isid, r.isid, 6);
		n = raw_make(&r, &h, pairs, strlen(pairs), pdu);
		ck_assert(raw_bytes(&r, pdu, cut, 1));
		shutdown(r.fd, SHUT_WR);
		while (recv(r.fd, bytes, sizeof(bytes), 0) > 0)
			;
		raw_close(&r);
	}
	challenged(&r, &algorithms[2], "one-way", pairs);
	ck_assert_uint_eq(say(&r, true, pairs), 0);
	raw_close(&r);
}
END_TEST

static unsigned lines_with(const char *text)
{
	static char log[1 << 20];
	ssize_t len = pread(d.log, log, sizeof(log) - 1, 0);
	unsigned n = 0;

	ck_assert_int_gt(len, 0);
	log[len] = '\0';
	for (const char *at = log; (at = strstr(at, text)); at++)
		n++;
	return n;
}

/* Who guesses without end fills no log, and keeps nobody out. */
START_TEST(raw_guesses)
{
	struct raw r;
	char pairs[256];
	unsigned long long begun = test_now_ms();

	for (unsigned i = 0; i < 100; i++) {
		challenged(&r, &algorithms[i % 4], "one-way", pairs);
		pairs[strlen("CHAP_N=")] = (char)('a' + i % 26);
		ck_assert_uint_eq(say(&r, true, i % 26 ? pairs : "CHAP_N=alpha\nCHAP_R=0x00\n"),
				  AUTH_FAILURE);
		raw_close(&r);
	}
	/* LOG_BURST lines for each LOG_WINDOW_S, however long it took. */
	unsigned windows = (unsigned)((test_now_ms() - begun) / 10000) + 2;
	ck_assert_uint_ge(lines_with("login refused (0x0201) to CHAP user"), 10);
	ck_assert_uint_le(lines_with("login refused"), 10 * windows);
	challenged(&r, &algorithms[0], "one-way", pairs);
	ck_assert_uint_eq(say(&r, true, pairs), 0);
	raw_close(&r);
}
END_TEST

/* login.CHAP_A is what we take, whatever order the initiator has. */
START_TEST(only_what_is_taken)
{
	struct raw r;
	char pairs[256];

	daemon_stop(&d);
	start_with("login = { CHAP_A = [ \"SHA3-256\", \"SHA256\" ]; };");
	challenged(&r, &algorithms[2], "one-way", pairs);
	ck_assert_uint_eq(say(&r, true, pairs), 0);
	raw_close(&r);
	raw_open(&r, d.port);
	ck_assert_uint_eq(say(&r, false,
			      "InitiatorName=" NAME "one-way\nTargetName=" DAEMON_TARGET
			      "\nAuthMethod=CHAP\n"),
			  0);
	ck_assert_uint_eq(say(&r, false, "CHAP_A=5,6,8,7\n"), 0);
	ck_assert_pstr_eq(raw_key(&r, "CHAP_A"), "8");
	raw_close(&r);
	struct iscsi_context *i = context("one-way", "alpha", ALPHA, NULL, NULL);
	ck_assert(!gets_in(i));
	daemon_log_wait(&d, "none of its CHAP_A is an algorithm that is taken");
	iscsi_destroy_context(i);
}
END_TEST

#define N(list) ((int)(sizeof(list) / sizeof(*(list))))

static Suite *suite(void)
{
	Suite *s = suite_create("chap");
	TCase *t = tcase_create("chap");

	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, start, stop);
	tcase_add_loop_test(t, libiscsi, 0, N(clients));
	tcase_add_loop_test(t, libiscsi_discovers, 0, N(finders));
	tcase_add_loop_test(t, raw_one_way, 0, 4);
	tcase_add_loop_test(t, raw_mutual, 0, 4);
	tcase_add_loop_test(t, raw_wrong, 0, 4);
	tcase_add_loop_test(t, raw_reflected, 0, 4);
	tcase_add_loop_test(t, raw_replayed, 0, 4);
	tcase_add_test(t, raw_cut);
	tcase_add_test(t, raw_guesses);
	tcase_add_test(t, only_what_is_taken);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	return test_main(suite());
}
