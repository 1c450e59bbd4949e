/* SPDX-License-Identifier: MIT */
/*
 * key.h - one key of Login and Text PDUs: its row of tbl/iscsi_keys.def, and its values as numbers.
 * RFC 7143 6.2, 13.
 */
#ifndef MEMTGT_KEY_H
#define MEMTGT_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/config.h"
#include "iscsi/text.h"
#include "memtgt/cursor.h"

enum key_rule {
	RULE_MIN,
	RULE_MAX,
	RULE_AND,
	RULE_OR,
	RULE_LIST,
	RULE_SIZE,
	RULE_TEXT,
	RULE_ASK,
	RULE_REFUSED,
	RULE_CHAP,
};

/* Values of AuthMethod, as bits. */
enum auth_method { AUTH_NONE = 1, AUTH_CHAP = 2 };

/* Sets of bits, as the columns of iscsi_keys.def have them. */
enum key_from { FROM_I = 1, FROM_T = 2, FROM_B = 3 };
enum key_where { WHERE_S = 1, WHERE_O = 2, WHERE_F = 4 };
enum key_unless { UNLESS_NEVER, UNLESS_DISCOVERY };

enum iscsi_key {
#define X(key, rule, from, where, unless, def, min, max, clause) KEY_##key,
#include "tbl/iscsi_keys.def"
#undef X
	KEY_COUNT
};

struct key_def {
	const char *name, *clause;
	enum key_rule rule;
	enum key_unless unless;
	uint8_t from, where;
	uint32_t def, min, max;
};
extern const struct key_def iscsi_keys[KEY_COUNT];

/* The key of that name, KEY_COUNT if there is none. */
enum iscsi_key key_find(const struct text_pair *p);

enum key_result { KEY_OK, KEY_REJECT };

/*
 * The arithmetic of 6.2: what `ours` and `theirs` make. For RULE_LIST both are bits. KEY_REJECT if
 * `theirs` is not admissible; *out is then as it was.
 */
enum key_result key_combine(const struct key_def *k, uint32_t ours, uint32_t theirs, uint32_t *out)
	__attribute__((warn_unused_result));

/* A value as a number; what cannot be one becomes a number that no row admits. `ours`: the bits of
 * a list that we have. */
uint32_t key_parse(enum iscsi_key key, uint32_t ours, const char *v);
/* Appends "Key=value". False: no room. */
bool key_put(struct writer *w, enum iscsi_key key, uint32_t v) __attribute__((warn_unused_result));

/* 6.2: words that answer, and are never offered. */
bool key_is_refusal(const char *v);
/* Is one value of the list longer than 6.1 lets it be? */
bool key_values_too_long(const char *list);
/* Names go to logs and are compared: no control bytes, and no spaces in iSCSI names (4.2.7). */
bool key_printable(enum iscsi_key key, const char *v);

#endif
