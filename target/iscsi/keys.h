/* SPDX-License-Identifier: MIT */
/*
 * keys.h - what the keys of Login and Text PDUs mean, and how two sides agree. RFC 7143 6.2, 13.
 *
 * One row of tbl/iscsi_keys.def per key. A login takes the texts of its steps through
 * keys_login_text(); in the Full Feature Phase keys_text() does.
 */
#ifndef MEMTGT_KEYS_H
#define MEMTGT_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/config.h"
#include "iscsi/params.h"
#include "iscsi/text.h"
#include "memtgt/cursor.h"
#include "memtgt/iscsi_proto.h"

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
};

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

/* One login's negotiation. All its memory is here. Bits of the masks: 1u << enum iscsi_key. */
struct key_state {
	uint32_t got;	   /* keys that the initiator sent */
	uint32_t got_here; /* ... in this stage */
	uint32_t said;	   /* keys that we declared or offered */
	uint32_t offered;  /* keys that we offered and that are not answered */
	bool begun;	   /* the first text is in */
	uint32_t ours[KEY_COUNT], value[KEY_COUNT];
	const char *why; /* of a status that is not success: a sentence */
};

/* `c` is not kept. Sets *p to the defaults. */
void keys_begin(struct key_state *s, const struct config_login *c, struct iscsi_params *p);
/* The login goes to another stage. */
void keys_next_stage(struct key_state *s);

/*
 * One whole text of the initiator (all PDUs of a C-bit chain). Appends the answers. Names and
 * session type are in *p afterwards. A status other than success ends the login: s->why.
 */
enum iscsi_login_status keys_login_text(struct key_state *s, struct iscsi_params *p,
					enum iscsi_stage stage, const uint8_t *text, size_t n,
					struct writer *answer) __attribute__((warn_unused_result));

/* Declares a key of ours, once in a login. False: no room. */
bool keys_declare(struct key_state *s, enum iscsi_key key, const char *value, struct writer *answer)
	__attribute__((warn_unused_result));
/* Declares our MaxRecvDataSegmentLength, 13.12. */
bool keys_declare_size(struct key_state *s, struct writer *answer)
	__attribute__((warn_unused_result));
/*
 * Offers every key that the initiator left out and whose default is not acceptable here; then
 * s->offered is not 0, and the login needs another step. False: no room.
 */
bool keys_offer(struct key_state *s, const struct iscsi_params *p, struct writer *answer)
	__attribute__((warn_unused_result));
/* May the login end? False: a digest is required, and neither agreed on nor on offer. */
bool keys_acceptable(const struct key_state *s) __attribute__((warn_unused_result));
/* What was agreed, into *p. */
void keys_finish(const struct key_state *s, struct iscsi_params *p);

/*
 * One whole text in the Full Feature Phase. Appends the answers; *send_targets is the value of
 * SendTargets, in `text`, or NULL; MaxRecvDataSegmentLength and InitiatorAlias go to *p. 0,
 * -EPROTO (*why says what is wrong; nothing in *p changed), -ENOSPC (answers do not fit).
 */
int keys_text(struct iscsi_params *p, const uint8_t *text, size_t n, struct writer *answer,
	      const char **send_targets, const char **why) __attribute__((warn_unused_result));

#endif
