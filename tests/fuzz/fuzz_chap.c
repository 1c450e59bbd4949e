// SPDX-License-Identifier: MIT
/*
 * fuzz_chap - exchanges of CHAP as texts of keys.
 *
 * Byte 0: bits 0-3 the algorithms that we take, bit 4 that we can prove ourselves. Then texts, with
 * a NUL behind each; a text is lines of a key's letter and its value, "A5", "Nalpha". The value "!"
 * of R is the right response, that of C our own challenge.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "iscsi/chap.h"
#include "iscsi/text.h"

#define INPUT_MAX ((size_t)64 << 10)

static struct config_credential credentials[] = {
	{.name = "alpha", .secret = "alpha-secret-1234", .secret_len = 17},
	{.name = "donor", .secret = "donor-secret-1234", .secret_len = 17},
};

static void put_hex(char *out, const uint8_t *p, size_t n)
{
	out += sprintf(out, "0x");
	for (size_t i = 0; i < n; i++)
		out += sprintf(out, "%02x", p[i]);
}

/* The value as the text means it. *right: the response to our challenge is in it. */
static const char *value_of(const struct chap *c, size_t key, const char *value, bool *right)
{
	static char response[80], challenge[80];
	uint8_t out[CHAP_RESPONSE_MAX];

	if (strcmp(value, "!") != 0 || c->phase != CHAP_WANTS_NR)
		return value;
	if (key == CHAP_C) {
		put_hex(challenge, c->challenge, CHAP_CHALLENGE);
		return challenge;
	}
	if (key != CHAP_R)
		return value;
	REQUIRE(chap_digest(c->algorithm, c->id, &credentials[0], c->challenge, CHAP_CHALLENGE,
			    out));
	put_hex(response, out, chap_digest_len(c->algorithm));
	*right = true;
	return response;
}

/* Whatever was answered: pairs. */
static void check_answer(const struct writer *w)
{
	struct cursor c = cursor_of(w->buf, writer_len(w));
	struct text_pair p;
	enum text_status t;

	while ((t = text_next(&c, &p)) == TEXT_PAIR)
		REQUIRE(p.key_len == 6 && p.value_len);
	REQUIRE(t == TEXT_END);
}

static enum chap_result play(struct chap *c, char *text)
{
	static const char letters[] = "AICNR";
	const char *keys[CHAP_KEYS] = {0};
	uint8_t answer[512];
	struct writer w = writer_of(answer, sizeof(answer));
	enum chap_phase before = c->phase;
	bool right = false;

	for (char *line = text, *end; line; line = end) {
		end = strchr(line, '\n');
		if (end)
			*end++ = '\0';
		const char *key = *line ? strchr(letters, *line) : NULL;
		if (key)
			keys[key - letters] = line + 1;
	}
	for (size_t i = 0; i < CHAP_KEYS; i++)
		if (keys[i])
			keys[i] = value_of(c, i, keys[i], &right);
	enum chap_result r = chap_input(c, keys, &w);
	REQUIRE(r != CHAP_BROKEN);
	REQUIRE((r == CHAP_REFUSED) == (c->phase == CHAP_FAILED) && (r == CHAP_OK || c->why));
	REQUIRE(strlen(c->user) < sizeof(c->user));
	if (before == CHAP_WANTS_NR && c->phase == CHAP_PASSED)
		REQUIRE(right && strcmp(c->user, "alpha") == 0);
	if (r == CHAP_OK)
		check_answer(&w);
	return r;
}

static void decode(const char *text, size_t n)
{
	/* Just as much room as there may be bytes: the sanitizer sees one more. */
	uint8_t *out = malloc(n + 1);
	size_t len = 0;

	REQUIRE(out);
	if (chap_decode(text, out, n / 2, &len))
		REQUIRE(len && len <= n / 2);
	free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t n)
{
	struct config config = {.credentials = credentials, .ncredentials = 2};
	struct config_auth auth = {.required = true, .chap = {1}};
	struct chap c;

	if (!n || n > INPUT_MAX)
		return 0;
	config.login.chap_algorithms = in[0] & 15;
	auth.mutual = in[0] & 16 ? &credentials[1] : NULL;
	chap_begin(&c, &config, &auth);
	char *text = malloc(n);
	REQUIRE(text);
	memcpy(text, in + 1, n - 1);
	text[n - 1] = '\0';
	decode(text, strlen(text));
	enum chap_result r = CHAP_OK;
	for (size_t at = 0; at < n && r == CHAP_OK;) {
		size_t len = strlen(text + at);
		r = play(&c, text + at);
		at += len + 1;
	}
	free(text);
	return 0;
}
