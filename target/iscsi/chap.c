// SPDX-License-Identifier: MIT
/*
 * chap.c - who proves what to whom. RFC 7143 12.1.3, 9.2.1; RFC 1994.
 *
 * Whether a user exists must not show in the time that an answer takes: an unknown one is checked
 * against another's secret, and refused in the same place.
 */
#include "iscsi/chap.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/binary.h"
#include "iscsi/text.h"

/* "PPP Authentication Algorithms" of IANA. */
struct chap_algorithm {
	uint8_t number;
	uint8_t len; /* of the digest */
	uint8_t bit; /* enum config_chap */
	const EVP_MD *(*md)(void);
};
static const struct chap_algorithm algorithms[] = {
	/* clang-format off */
	{5, 16, CONFIG_CHAP_MD5,      EVP_md5},
	{6, 20, CONFIG_CHAP_SHA1,     EVP_sha1},
	{7, 32, CONFIG_CHAP_SHA256,   EVP_sha256},
	{8, 32, CONFIG_CHAP_SHA3_256, EVP_sha3_256},
	/* clang-format on */
};
#define NALGORITHMS (sizeof(algorithms) / sizeof(*algorithms))

unsigned chap_number(const struct chap_algorithm *a)
{
	return a->number;
}

size_t chap_digest_len(const struct chap_algorithm *a)
{
	return a->len;
}

bool chap_digest(const struct chap_algorithm *a, uint8_t id, const struct config_credential *who,
		 const uint8_t *challenge, size_t n, uint8_t out[static CHAP_RESPONSE_MAX])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = ctx && EVP_DigestInit_ex(ctx, a->md(), NULL) && EVP_DigestUpdate(ctx, &id, 1) &&
		  EVP_DigestUpdate(ctx, who->secret, who->secret_len) &&
		  EVP_DigestUpdate(ctx, challenge, n) && EVP_DigestFinal_ex(ctx, out, NULL);

	EVP_MD_CTX_free(ctx);
	return ok;
}

/* A library that is told to may refuse old ones. */
static bool works(const struct chap_algorithm *a)
{
	static const struct config_credential nobody;
	uint8_t ignored[CHAP_RESPONSE_MAX];

	return chap_digest(a, 0, &nobody, ignored, 0, ignored);
}

void chap_prepare(void)
{
	for (size_t i = 0; i < NALGORITHMS; i++)
		(void)works(&algorithms[i]);
}

void chap_begin(struct chap *c, const struct config *config, const struct config_auth *auth)
{
	*c = (struct chap){.config = config, .auth = auth, .phase = CHAP_WANTS_A};
}

static enum chap_result refused(struct chap *c, const char *why)
{
	c->phase = CHAP_FAILED;
	c->why = why;
	return CHAP_REFUSED;
}

static enum chap_result broken(struct chap *c, const char *why)
{
	c->phase = CHAP_FAILED;
	c->why = why;
	return CHAP_BROKEN;
}

/* ---- values, RFC 7143 6.1 ---- */

bool chap_decode(const char *v, uint8_t *out, size_t cap, size_t *len)
{
	if (v[0] != '0' || !v[1])
		return false;
	if (v[1] == 'x' || v[1] == 'X')
		return binary_of_hex(v + 2, out, cap, len);
	return (v[1] == 'b' || v[1] == 'B') && binary_of_base64(v + 2, out, cap, len);
}

static bool put_text(struct writer *w, const char *key, const char *value)
{
	return text_put(w, key, strlen(key), value);
}

static bool put_number(struct writer *w, const char *key, unsigned v)
{
	char text[12];

	snprintf(text, sizeof(text), "%u", v);
	return put_text(w, key, text);
}

static bool put_binary(struct writer *w, const char *key, const uint8_t *p, size_t n)
{
	char text[2 + 2 * CHAP_RESPONSE_MAX + 1] = "0x";
	_Static_assert(CHAP_CHALLENGE <= CHAP_RESPONSE_MAX, "what we send fits");

	for (size_t i = 0; i < n; i++)
		snprintf(text + 2 + 2 * i, 3, "%02x", p[i]);
	return put_text(w, key, text);
}

/* ---- the first step: algorithms, and our challenge ---- */

static const struct chap_algorithm *algorithm_of(const char *item, size_t len)
{
	char text[8];
	uint64_t n;

	if (len >= sizeof(text))
		return NULL;
	memcpy(text, item, len);
	text[len] = '\0';
	for (size_t i = 0; text_number(text, &n) && i < NALGORITHMS; i++)
		if (algorithms[i].number == n)
			return &algorithms[i];
	return NULL;
}

/* The first of the initiator's list that we take. */
static const struct chap_algorithm *choose(const struct chap *c, const char *list)
{
	const char *item;
	size_t len;

	while (text_list_next(&list, &item, &len)) {
		const struct chap_algorithm *a = algorithm_of(item, len);
		if (a && a->bit & c->config->login.chap_algorithms && works(a))
			return a;
	}
	return NULL;
}

static int random_bytes(void *p, size_t n)
{
	/* Up to 256 bytes come whole, once the kernel has any at all. */
	return getrandom(p, n, 0) == (ssize_t)n ? 0 : -EIO;
}

static enum chap_result challenge(struct chap *c, const char *const keys[static CHAP_KEYS],
				  struct writer *answer)
{
	if (!keys[CHAP_A] || keys[CHAP_I] || keys[CHAP_C] || keys[CHAP_N] || keys[CHAP_R])
		return refused(c, "CHAP does not begin with CHAP_A alone");
	c->algorithm = choose(c, keys[CHAP_A]);
	if (!c->algorithm)
		return refused(c, "none of its CHAP_A is an algorithm that is taken");
	if (random_bytes(&c->id, 1) || random_bytes(c->challenge, sizeof(c->challenge)))
		return broken(c, "no random bytes for a challenge");
	if (!put_number(answer, "CHAP_A", c->algorithm->number) ||
	    !put_number(answer, "CHAP_I", c->id) ||
	    !put_binary(answer, "CHAP_C", c->challenge, sizeof(c->challenge)))
		return broken(c, "no room for a challenge");
	c->phase = CHAP_WANTS_NR;
	return CHAP_OK;
}

/* ---- the second step: its response, and ours ---- */

/* What the initiator sent, as bytes. */
struct answer {
	const char *name;
	uint8_t response[CHAP_RESPONSE_MAX];
	bool asks; /* for our response to: */
	uint8_t id, challenge[CHAP_BINARY_MAX];
	size_t challenge_len;
};

/* NULL, or what is wrong. */
static const char *read_answer(const struct chap *c, const char *const keys[static CHAP_KEYS],
			       struct answer *a)
{
	size_t n;
	uint64_t id;

	if (keys[CHAP_A] || !keys[CHAP_N] || !keys[CHAP_R])
		return "the challenge is not answered with CHAP_N and CHAP_R";
	a->name = keys[CHAP_N];
	if (!*a->name || strlen(a->name) > CONFIG_USER_MAX)
		return "CHAP_N has not 1 to 255 bytes";
	if (!chap_decode(keys[CHAP_R], a->response, sizeof(a->response), &n) ||
	    n != c->algorithm->len)
		return "CHAP_R is no digest of the algorithm, in hex or base64";
	a->asks = keys[CHAP_I] || keys[CHAP_C];
	if (!a->asks)
		return NULL;
	if (!keys[CHAP_I] || !keys[CHAP_C])
		return "CHAP_I and CHAP_C do not come together";
	if (!text_number(keys[CHAP_I], &id) || id > UINT8_MAX)
		return "CHAP_I is no number from 0 to 255";
	a->id = (uint8_t)id;
	if (!chap_decode(keys[CHAP_C], a->challenge, sizeof(a->challenge), &a->challenge_len))
		return "CHAP_C has not 1 to 1024 bytes in hex or base64";
	return NULL;
}

/* For the log: a name is any bytes that the peer likes. */
static void show_user(struct chap *c, const char *name)
{
	size_t n = strlen(name), room = sizeof(c->user) - 1;

	for (size_t i = 0; i < n && i < room; i++) {
		unsigned char b = (unsigned char)name[i];
		c->user[i] = (char)(b > ' ' && b < 0x7f && b != '"' ? b : '?');
	}
	if (n > room)
		memcpy(c->user + room - 3, "...", 3);
}

static bool counts(const struct chap *c, size_t i)
{
	return c->auth->chap[i / 64] >> i % 64 & 1;
}

/* Looks at all that count, whichever it is. *any is one of them, in place of one that is not. */
static const struct config_credential *find(const struct chap *c, const char *name,
					    const struct config_credential **any)
{
	const struct config_credential *found = NULL;

	*any = NULL;
	for (size_t i = 0; i < c->config->ncredentials; i++) {
		const struct config_credential *who = &c->config->credentials[i];
		if (!counts(c, i))
			continue;
		if (!*any)
			*any = who;
		if (strcmp(who->name, name) == 0)
			found = who;
	}
	return found;
}

static bool response_is_of(const struct chap *c, const struct config_credential *who,
			   const struct answer *a, bool *equal)
{
	uint8_t want[CHAP_RESPONSE_MAX];
	bool ok = chap_digest(c->algorithm, c->id, who, c->challenge, sizeof(c->challenge), want);

	*equal = ok && CRYPTO_memcmp(want, a->response, c->algorithm->len) == 0;
	OPENSSL_cleanse(want, sizeof(want));
	return ok;
}

static enum chap_result verify(struct chap *c, const struct answer *a)
{
	const struct config_credential *any, *known = find(c, a->name, &any);
	const struct config_credential *mutual = c->auth->mutual;
	bool right = false, ours = false;

	if (!any || !response_is_of(c, known ? known : any, a, &right) ||
	    (mutual && !response_is_of(c, mutual, a, &ours)))
		return broken(c, "no digest could be made");
	/* 9.2.1: who answers as we would has our secret, or got the answer from us. */
	if (ours)
		return refused(c, "its response is what memtgtd itself would answer");
	if (!known)
		return refused(c, "no such user here");
	return right ? CHAP_OK : refused(c, "wrong response: another secret");
}

static enum chap_result prove(struct chap *c, const struct answer *a, struct writer *answer)
{
	const struct config_credential *us = c->auth->mutual;
	uint8_t response[CHAP_RESPONSE_MAX];

	if (!us)
		return refused(c, "it wants memtgtd to prove itself, and chap_mutual is not set");
	/* 9.2.1: it must not let us answer our own question. */
	if (a->challenge_len == sizeof(c->challenge) &&
	    CRYPTO_memcmp(a->challenge, c->challenge, sizeof(c->challenge)) == 0)
		return refused(c, "it sent memtgtd's own challenge back");
	if (!chap_digest(c->algorithm, a->id, us, a->challenge, a->challenge_len, response))
		return broken(c, "no digest could be made");
	if (!put_text(answer, "CHAP_N", us->name) ||
	    !put_binary(answer, "CHAP_R", response, c->algorithm->len))
		return broken(c, "no room for a response");
	return CHAP_OK;
}

static enum chap_result judge(struct chap *c, const char *const keys[static CHAP_KEYS],
			      struct writer *answer)
{
	struct answer a;

	if (keys[CHAP_N])
		show_user(c, keys[CHAP_N]);
	const char *wrong = read_answer(c, keys, &a);
	if (wrong)
		return refused(c, wrong);
	enum chap_result r = verify(c, &a);
	if (r == CHAP_OK && a.asks)
		r = prove(c, &a, answer);
	if (r == CHAP_OK)
		c->phase = CHAP_PASSED;
	return r;
}

enum chap_result chap_input(struct chap *c, const char *const keys[static CHAP_KEYS],
			    struct writer *answer)
{
	switch (c->phase) {
	case CHAP_WANTS_A:
		return challenge(c, keys, answer);
	case CHAP_WANTS_NR:
		return judge(c, keys, answer);
	case CHAP_IDLE:
	case CHAP_PASSED:
	case CHAP_FAILED:
		break;
	}
	for (size_t i = 0; i < CHAP_KEYS; i++)
		if (keys[i])
			return refused(c, "a key of CHAP where CHAP does not go on");
	return CHAP_OK;
}
