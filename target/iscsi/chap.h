/* SPDX-License-Identifier: MIT */
/*
 * chap.h - the exchange of CHAP in the security stage of a login: values of keys in, values out.
 *
 * RFC 7143 12.1.3 and 9.2.1, RFC 1994. The initiator names algorithms; we choose one and challenge
 * it; it answers, and may challenge us. Knows no socket, and nothing of a login but these keys.
 */
#ifndef MEMTGT_CHAP_H
#define MEMTGT_CHAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/config.h"
#include "memtgt/cursor.h"

#define CHAP_BINARY_MAX	  1024u /* bytes of a challenge or response, 12.1.3 */
#define CHAP_CHALLENGE	  32u	/* bytes of ours */
#define CHAP_RESPONSE_MAX 32u	/* bytes of the longest digest */
#define CHAP_USER_SHOWN	  64u	/* bytes of a user's name in the log */

/* In the order of tbl/iscsi_keys.def, from KEY_CHAP_A on. */
enum chap_key { CHAP_A, CHAP_I, CHAP_C, CHAP_N, CHAP_R, CHAP_KEYS };

enum chap_phase {
	CHAP_IDLE,     /* it was not agreed on */
	CHAP_WANTS_A,  /* the initiator's algorithms are next */
	CHAP_WANTS_NR, /* the answer to our challenge is next */
	CHAP_PASSED,   /* it is who it says; if it asked, we proved who we are */
	CHAP_FAILED,
};

enum chap_result {
	CHAP_OK,
	CHAP_REFUSED, /* it is not authenticated: why says the reason */
	CHAP_BROKEN,  /* ours: no random bytes, no memory */
};

struct chap_algorithm;

/* One exchange. Nothing in it is secret, and nothing needs to be freed. */
struct chap {
	const struct config *config;	/* borrowed: credentials, and which algorithms we take */
	const struct config_auth *auth; /* borrowed: whose credentials count */
	enum chap_phase phase;
	const struct chap_algorithm *algorithm;
	uint8_t id, challenge[CHAP_CHALLENGE];
	char user[CHAP_USER_SHOWN]; /* who it says it is, as far as it can be printed */
	const char *why;	    /* of a refusal: a sentence, static */
};

/* AuthMethod=CHAP was agreed on. */
void chap_begin(struct chap *c, const struct config *config, const struct config_auth *auth);

/*
 * The keys of one whole text; NULL: it has none of that name. Appends our keys to `answer`. After a
 * result other than CHAP_OK the exchange is over.
 */
enum chap_result chap_input(struct chap *c, const char *const keys[static CHAP_KEYS],
			    struct writer *answer) __attribute__((warn_unused_result));

/*
 * A binary-value of RFC 7143 6.1, "0x..." or "0b...", into `out`, of 1 to `cap` bytes. False: it is
 * none, or longer.
 */
bool chap_decode(const char *v, uint8_t *out, size_t cap, size_t *len)
	__attribute__((warn_unused_result));

/* The algorithm's number in CHAP_A and the bytes of its digest; NULL: none was chosen. */
unsigned chap_number(const struct chap_algorithm *a);
size_t chap_digest_len(const struct chap_algorithm *a);
/* RFC 1994 4.1: the digest of id, secret and challenge. False: the library would not. */
bool chap_digest(const struct chap_algorithm *a, uint8_t id, const struct config_credential *who,
		 const uint8_t *challenge, size_t n, uint8_t out[static CHAP_RESPONSE_MAX])
	__attribute__((warn_unused_result));

/* Once, before the reactors: the library reads its configuration at its first use. */
void chap_prepare(void);

#endif
