// SPDX-License-Identifier: MIT
/* rawlogin.c - the raw initiator's login, and what it agreed on. */
#include "rawinit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <check.h>

#include "daemon.h"

#define LOGIN_NAME  "iqn.2026-01.org.memtgt:raw"
#define LOGIN_STEPS 8

/* "InitialR2T=" of "InitialR2T=Yes" */
static size_t name_len(const char *pair)
{
	return strcspn(pair, "=\n") + 1;
}

static bool named_in(const char *pair, const char *keys)
{
	for (const char *k = keys; k && *k; k += strcspn(k, "\n"), k += *k == '\n')
		if (strncmp(k, pair, name_len(pair)) == 0)
			return true;
	return false;
}

static size_t add_pair(char *text, size_t at, size_t cap, const char *pair, size_t n)
{
	ck_assert_uint_le(at + n + 1, cap);
	memcpy(text + at, pair, n);
	text[at + n] = 0;
	return at + n + 1;
}

size_t raw_login_request(struct raw *r, const char *target, const char *keys, union raw_bhs *h,
			 char *text, size_t cap)
{
	char name[ISCSI_NAME_MAX + 32];
	const char *usual[] = {"InitiatorName=" LOGIN_NAME,
			       target ? "SessionType=Normal" : "SessionType=Discovery", name};
	size_t n = 0;

	snprintf(name, sizeof(name), "TargetName=%s", target ? target : "");
	for (size_t i = 0; i < (target ? 3 : 2); i++)
		if (!named_in(usual[i], keys))
			n = add_pair(text, n, cap, usual[i], strlen(usual[i]));
	for (const char *k = keys; k && *k; k += strcspn(k, "\n"), k += *k == '\n')
		n = add_pair(text, n, cap, k, strcspn(k, "\n"));

	memset(h, 0, sizeof(*h));
	h->login.opcode = ISCSI_OP_LOGIN_REQ | ISCSI_IMMEDIATE;
	h->login.flags =
		ISCSI_LOGIN_TRANSIT | ISCSI_STAGE_OPERATIONAL << 2 | ISCSI_STAGE_FULL_FEATURE;
	memcpy(h->login.isid, r->isid, 6);
	put16(&h->login.tsih, r->tsih);
	put32(&h->login.itt, ++r->itt);
	put32(&h->login.cmdsn, r->cmdsn);
	return n;
}

/* The value of a key in text of `n` bytes, pairs ended by NUL. */
static const char *find_key(const char *text, size_t n, const char *key)
{
	size_t len = strcspn(key, "=");

	for (const char *p = text; p < text + n; p += strlen(p) + 1)
		if (strncmp(p, key, len) == 0 && p[len] == '=')
			return p + len + 1;
	return NULL;
}

const char *raw_key(const struct raw *r, const char *key)
{
	return find_key((const char *)r->data, r->len, key);
}

/*
 * Agrees to what the target offered by itself: keys of the answer that are not in what we sent.
 * RFC 7143 6.2: an offer must be answered.
 */
static size_t answer_offers(const struct raw *r, const char *sent, size_t sent_len, char *text,
			    size_t cap)
{
	static const char *const offers[] = {
		"InitialR2T",	      "ImmediateData",	    "MaxBurstLength", "FirstBurstLength",
		"MaxOutstandingR2T",  "DefaultTime2Wait",   "MaxConnections", "DefaultTime2Retain",
		"DataPDUInOrder",     "ErrorRecoveryLevel", "HeaderDigest",   "DataDigest",
		"DataSequenceInOrder"};
	char pair[300];
	size_t n = 0;

	for (size_t i = 0; i < sizeof(offers) / sizeof(*offers); i++) {
		const char *value = raw_key(r, offers[i]);
		if (!value || find_key(sent, sent_len, offers[i]))
			continue;
		/* Of a list, the first. */
		snprintf(pair, sizeof(pair), "%s=%.*s", offers[i], (int)strcspn(value, ","), value);
		n = add_pair(text, n, cap, pair, strlen(pair));
	}
	return n;
}

static void learn_number(const struct raw *r, const char *key, uint32_t *out)
{
	const char *v = raw_key(r, key);
	if (v)
		*out = (uint32_t)strtoul(v, NULL, 0);
}

static void learn_bool(const struct raw *r, const char *key, bool *out)
{
	const char *v = raw_key(r, key);
	if (v)
		*out = strcmp(v, "Yes") == 0;
}

static void learn(struct raw *r, bool digests[2])
{
	const char *v;

	learn_number(r, "MaxRecvDataSegmentLength", &r->max_send);
	learn_number(r, "MaxBurstLength", &r->max_burst);
	learn_number(r, "FirstBurstLength", &r->first_burst);
	learn_bool(r, "InitialR2T", &r->initial_r2t);
	learn_bool(r, "ImmediateData", &r->immediate_data);
	v = raw_key(r, "HeaderDigest");
	digests[0] = v ? strcmp(v, "CRC32C") == 0 : digests[0];
	v = raw_key(r, "DataDigest");
	digests[1] = v ? strcmp(v, "CRC32C") == 0 : digests[1];
}

static void set_defaults(struct raw *r)
{
	/* RFC 7143 13 */
	r->max_send = 8192;
	r->max_burst = 262144;
	r->first_burst = 65536;
	r->initial_r2t = r->immediate_data = true;
}

uint16_t raw_login(struct raw *r, const char *target, const char *keys)
{
	union raw_bhs h;
	char sent[ISCSI_LOGIN_DATA_MAX], text[ISCSI_LOGIN_DATA_MAX];
	bool digests[2] = {false, false};
	size_t sent_len = raw_login_request(r, target, keys, &h, sent, sizeof(sent)), n = sent_len;

	set_defaults(r);
	memcpy(text, sent, n);
	for (int step = 0; step < LOGIN_STEPS; step++) {
		ck_assert(raw_send(r, &h, text, n));
		raw_expect(r, ISCSI_OP_LOGIN_RSP);
		ck_assert_uint_eq(get32(r->bhs.any.itt), get32(h.any.itt));
		if (r->bhs.login_rsp.status_class)
			return (uint16_t)(r->bhs.login_rsp.status_class << 8 |
					  r->bhs.login_rsp.status_detail);
		learn(r, digests);
		if (r->bhs.login_rsp.flags & ISCSI_LOGIN_TRANSIT) {
			r->tsih = get16(r->bhs.login_rsp.tsih);
			r->header_digest = digests[0];
			r->data_digest = digests[1];
			return 0;
		}
		put32(&h.login.exp_statsn, r->exp_statsn);
		n = answer_offers(r, sent, sent_len, text, sizeof(text));
	}
	ck_abort_msg("no end of the login");
	return 0xffff;
}

void raw_session(struct raw *r, unsigned port, const char *keys)
{
	static unsigned counter;

	raw_open(r, port);
	raw_set_isid(r, (uint32_t)getpid() << 8 | (counter++ & 0xff));
	ck_assert_uint_eq(raw_login(r, DAEMON_TARGET, keys), 0);
	for (int i = 0; i < 4 && raw_test_unit_ready(r, 0) != 0; i++)
		;
}
