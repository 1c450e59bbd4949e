/* SPDX-License-Identifier: MIT */
/*
 * keys.h - how two sides agree on the keys of Login and Text PDUs. RFC 7143 6.2, 13.
 *
 * A login takes the texts of its steps through keys_take() and keys_answer(); in the Full Feature
 * Phase keys_text() does.
 */
#ifndef MEMTGT_KEYS_H
#define MEMTGT_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "iscsi/chap.h"
#include "iscsi/key.h"
#include "iscsi/params.h"
#include "memtgt/iscsi_proto.h"

/* One login's negotiation. All its memory is here. Bits of the masks: 1 << enum iscsi_key. */
struct key_state {
	uint64_t got;	   /* keys that the initiator sent */
	uint64_t got_here; /* ... in this stage */
	uint64_t said;	   /* keys that we declared or offered */
	uint64_t offered;  /* keys that we offered and that are not answered */
	bool begun;	   /* the first text is in */
	uint32_t ours[KEY_COUNT], value[KEY_COUNT];
	const char *chap[CHAP_KEYS]; /* of the last text, and in it; NULL: it had none such */
	const char *why;	     /* of a status that is not success: a sentence */
};

/* `c` is not kept. Sets *p to the defaults. */
void keys_begin(struct key_state *s, const struct config_login *c, struct iscsi_params *p);
/* The login goes to another stage. */
void keys_next_stage(struct key_state *s);

/*
 * One whole text of the initiator (all PDUs of a C-bit chain) is taken, then answered; in between
 * the caller may decide what we bring, s->ours, since names and session type are in *p. A status
 * other than success ends the login: s->why.
 */
enum iscsi_login_status keys_take(struct key_state *s, struct iscsi_params *p,
				  enum iscsi_stage stage, const uint8_t *text, size_t n)
	__attribute__((warn_unused_result));
/* Appends the answers; but those of CHAP are the caller's: s->chap. */
enum iscsi_login_status keys_answer(struct key_state *s, const struct iscsi_params *p,
				    const uint8_t *text, size_t n, struct writer *answer)
	__attribute__((warn_unused_result));

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
