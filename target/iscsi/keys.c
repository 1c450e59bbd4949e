// SPDX-License-Identifier: MIT
/* keys.c - negotiation by table. RFC 7143 6.2, 13. */
#include "iscsi/keys.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/lower.h"

#define BIT(key) ((uint64_t)1 << (key))
_Static_assert(KEY_CHAP_R - KEY_CHAP_A == CHAP_R && KEY_CHAP_I - KEY_CHAP_A == CHAP_I &&
		       KEY_CHAP_C - KEY_CHAP_A == CHAP_C && KEY_CHAP_N - KEY_CHAP_A == CHAP_N,
	       "the order of enum chap_key");
_Static_assert(KEY_COUNT <= 64, "the masks of struct key_state have a bit per key");

static bool put_word(struct writer *w, const struct text_pair *p, const char *word)
{
	return text_put(w, p->key, p->key_len, word);
}

void keys_begin(struct key_state *s, const struct config_login *c, struct iscsi_params *p)
{
	*s = (struct key_state){
		.ours =
			{
				[KEY_AuthMethod] = AUTH_NONE,
				[KEY_HeaderDigest] = c->header_digest,
				[KEY_DataDigest] = c->data_digest,
				[KEY_MaxConnections] = 1,
				[KEY_InitialR2T] = c->initial_r2t,
				[KEY_ImmediateData] = c->immediate_data,
				[KEY_MaxRecvDataSegmentLength] = c->max_recv_data_segment_length,
				[KEY_MaxBurstLength] = c->max_burst_length,
				[KEY_FirstBurstLength] = c->first_burst_length,
				[KEY_DefaultTime2Wait] = c->default_time2wait,
				[KEY_DefaultTime2Retain] = c->default_time2retain,
				[KEY_MaxOutstandingR2T] = c->max_outstanding_r2t,
				[KEY_DataPDUInOrder] = 1,
				[KEY_DataSequenceInOrder] = 1,
				[KEY_ErrorRecoveryLevel] = 0,
				[KEY_TaskReporting] = 1 | 2,
				[KEY_iSCSIProtocolLevel] = 2, /* RFC 7144 */
			},
	};
	for (enum iscsi_key key = 0; key < KEY_COUNT; key++)
		s->value[key] = iscsi_keys[key].def;
	*p = (struct iscsi_params){0};
	keys_finish(s, p);
}

void keys_next_stage(struct key_state *s)
{
	s->got_here = 0;
}

static enum iscsi_login_status fail(struct key_state *s, enum iscsi_login_status status,
				    const char *why)
{
	s->why = why;
	return status;
}

static enum iscsi_login_status no_room(struct key_state *s)
{
	return fail(s, ISCSI_LOGIN_INITIATOR_ERROR, "it sent more keys than can be answered");
}

/* Where a declared text belongs; NULL: nowhere. */
static char *text_field(struct iscsi_params *p, enum iscsi_key key)
{
	switch (key) {
	case KEY_InitiatorName:
		return p->initiator_name;
	case KEY_InitiatorAlias:
		return p->initiator_alias;
	case KEY_TargetName:
		return p->target_name;
	default:
		return NULL;
	}
}

/* 4.2.7: case is nothing in them, so rules, limits and reservations see one form of each. */
static bool is_name(enum iscsi_key key)
{
	return key == KEY_InitiatorName || key == KEY_TargetName;
}

static bool is_same(enum iscsi_key key, const char *a, const char *b)
{
	return !(is_name(key) ? strcasecmp(a, b) : strcmp(a, b));
}

static const char session_types[][10] = {"Normal", "Discovery"};

/*
 * Declared once; but libiscsi says who it is again in each stage, which changes nothing and is let
 * pass. What decides about the session belongs in the first request (6.3).
 */
static enum iscsi_login_status declared(struct key_state *s, struct iscsi_params *p,
					enum iscsi_key key, const struct text_pair *pair)
{
	const struct key_def *k = &iscsi_keys[key];
	char *field = text_field(p, key);

	if (s->got & BIT(key)) {
		const char *had = field ? field : session_types[p->discovery];
		if (!is_same(key, had, pair->value))
			return fail(s, ISCSI_LOGIN_INITIATOR_ERROR, "it declared a key anew");
		return ISCSI_LOGIN_SUCCESS;
	}
	if (s->begun && key != KEY_InitiatorAlias)
		return fail(s, ISCSI_LOGIN_INITIATOR_ERROR,
			    "it said who it is or what it wants after its first request");
	if (pair->value_len < k->min || pair->value_len > k->max ||
	    !key_printable(key, pair->value))
		return fail(s, ISCSI_LOGIN_INITIATOR_ERROR, "a name or alias is malformed");
	if (field) {
		memcpy(field, pair->value, pair->value_len + 1);
		if (is_name(key))
			text_lower(field, pair->value_len);
		return ISCSI_LOGIN_SUCCESS;
	}
	p->discovery = strcmp(pair->value, session_types[true]) == 0;
	if (!p->discovery && strcmp(pair->value, session_types[false]) != 0)
		return fail(s, ISCSI_LOGIN_SESSION_TYPE, "it wants an unknown SessionType");
	return ISCSI_LOGIN_SUCCESS;
}

static uint8_t where_of(enum iscsi_stage stage)
{
	return stage == ISCSI_STAGE_SECURITY ? WHERE_S : WHERE_O;
}

/* May this key come here and now? Texts that it declares are stored. */
static enum iscsi_login_status admit(struct key_state *s, struct iscsi_params *p,
				     enum iscsi_stage stage, const struct text_pair *pair)
{
	enum iscsi_key key = key_find(pair);

	if (key_is_refusal(pair->value)) {
		if (key < KEY_COUNT && s->said & BIT(key))
			return ISCSI_LOGIN_SUCCESS;
		return fail(s, ISCSI_LOGIN_INITIATOR_ERROR, "it offered a word that only answers");
	}
	if (key == KEY_COUNT)
		return ISCSI_LOGIN_SUCCESS;
	const struct key_def *k = &iscsi_keys[key];
	if (!(k->from & FROM_I))
		return fail(s, ISCSI_LOGIN_INITIATOR_ERROR, "it sent a key of targets");
	if (!(k->where & where_of(stage)))
		return fail(s, ISCSI_LOGIN_INITIATOR_ERROR, "it sent a key of another stage");
	bool again = s->got & BIT(key);
	if (s->got_here & BIT(key) || (again && k->rule != RULE_TEXT))
		return fail(s, ISCSI_LOGIN_INITIATOR_ERROR, "it sent a key twice"); /* 6.3 */
	/* Binary values may be longer; chap.c has their limits. */
	if (k->rule != RULE_CHAP && key_values_too_long(pair->value))
		return fail(s, ISCSI_LOGIN_INITIATOR_ERROR, "a value has more than 255 bytes");
	if (k->rule == RULE_TEXT) {
		enum iscsi_login_status status = declared(s, p, key, pair);
		if (status != ISCSI_LOGIN_SUCCESS)
			return status;
	}
	s->got |= BIT(key);
	s->got_here |= BIT(key);
	return ISCSI_LOGIN_SUCCESS;
}

/* 13: "Irrelevant when"; 13.14 besides. */
static bool irrelevant(const struct key_state *s, const struct iscsi_params *p, enum iscsi_key key)
{
	if (p->discovery && iscsi_keys[key].unless == UNLESS_DISCOVERY)
		return true;
	return key == KEY_FirstBurstLength && s->value[KEY_InitialR2T] &&
	       !s->value[KEY_ImmediateData];
}

/* What we bring: 13.14, FirstBurstLength never exceeds MaxBurstLength. */
static uint32_t ours_of(const struct key_state *s, enum iscsi_key key)
{
	const uint32_t *max_burst = s->offered & BIT(KEY_MaxBurstLength) ? s->ours : s->value;
	uint32_t ours = s->ours[key];

	if (key == KEY_FirstBurstLength && ours > max_burst[KEY_MaxBurstLength])
		ours = max_burst[KEY_MaxBurstLength];
	return ours;
}

/* The initiator answers what we offered: only what the rule makes of it is right, 6.2.2. */
static enum iscsi_login_status answered(struct key_state *s, enum iscsi_key key,
					const struct text_pair *pair)
{
	const struct key_def *k = &iscsi_keys[key];
	uint32_t v = 0;

	s->offered &= ~BIT(key);
	if (key_is_refusal(pair->value)) {
		if (k->rule == RULE_LIST)
			return fail(s, ISCSI_LOGIN_INITIATOR_ERROR,
				    "it refuses a digest that is required");
		return ISCSI_LOGIN_SUCCESS;
	}
	uint32_t theirs = key_parse(key, s->ours[key], pair->value);
	if (key_combine(k, s->ours[key], theirs, &v) != KEY_OK || v != theirs)
		return fail(s, ISCSI_LOGIN_INITIATOR_ERROR, "it answered outside of the offer");
	s->value[key] = v;
	return ISCSI_LOGIN_SUCCESS;
}

/* 6.2.1, 6.2.2: a value that is not admissible is answered with Reject, and the default stays. */
static enum iscsi_login_status negotiate(struct key_state *s, enum iscsi_key key,
					 const struct text_pair *pair, struct writer *answer)
{
	const struct key_def *k = &iscsi_keys[key];
	uint32_t ours = ours_of(s, key);

	if (key_combine(k, ours, key_parse(key, ours, pair->value), &s->value[key]) != KEY_OK) {
		if (key == KEY_AuthMethod)
			return fail(s, ISCSI_LOGIN_AUTH_FAILURE, "no AuthMethod in common");
		if (k->rule == RULE_LIST && !(ours & k->def))
			return fail(s, ISCSI_LOGIN_INITIATOR_ERROR, "no digest in common");
		return put_word(answer, pair, "Reject") ? ISCSI_LOGIN_SUCCESS : no_room(s);
	}
	if (k->rule == RULE_SIZE)
		return ISCSI_LOGIN_SUCCESS;
	return key_put(answer, key, s->value[key]) ? ISCSI_LOGIN_SUCCESS : no_room(s);
}

static enum iscsi_login_status respond(struct key_state *s, const struct iscsi_params *p,
				       const struct text_pair *pair, struct writer *answer)
{
	enum iscsi_key key = key_find(pair);
	const char *word = NULL;

	if (key == KEY_COUNT)
		word = "NotUnderstood";
	else if (s->offered & BIT(key))
		return answered(s, key, pair);
	else if (iscsi_keys[key].rule == RULE_TEXT || key_is_refusal(pair->value))
		return ISCSI_LOGIN_SUCCESS;
	else if (iscsi_keys[key].rule == RULE_CHAP) {
		s->chap[key - KEY_CHAP_A] = pair->value;
		return ISCSI_LOGIN_SUCCESS;
	} else if (irrelevant(s, p, key))
		word = "Irrelevant";
	else if (iscsi_keys[key].rule == RULE_REFUSED)
		word = "Reject";
	if (!word)
		return negotiate(s, key, pair, answer);
	return put_word(answer, pair, word) ? ISCSI_LOGIN_SUCCESS : no_room(s);
}

/* First all of the text is judged, since SessionType may stand behind what depends on it. */
static enum iscsi_login_status scan(struct key_state *s, struct iscsi_params *p,
				    enum iscsi_stage stage, struct cursor text)
{
	struct text_pair pair;
	enum text_status t;

	while ((t = text_next(&text, &pair)) == TEXT_PAIR) {
		enum iscsi_login_status status = admit(s, p, stage, &pair);
		if (status != ISCSI_LOGIN_SUCCESS)
			return status;
	}
	s->begun = true;
	if (t != TEXT_END)
		return fail(s, ISCSI_LOGIN_INITIATOR_ERROR, text_status_name(t));
	return ISCSI_LOGIN_SUCCESS;
}

enum iscsi_login_status keys_take(struct key_state *s, struct iscsi_params *p,
				  enum iscsi_stage stage, const uint8_t *text, size_t n)
{
	return scan(s, p, stage, cursor_of(text, n));
}

enum iscsi_login_status keys_answer(struct key_state *s, const struct iscsi_params *p,
				    const uint8_t *text, size_t n, struct writer *answer)
{
	struct cursor c = cursor_of(text, n);
	struct text_pair pair, first_burst = {0};
	enum iscsi_login_status status = ISCSI_LOGIN_SUCCESS;

	memset(s->chap, 0, sizeof(s->chap));
	while (status == ISCSI_LOGIN_SUCCESS && text_next(&c, &pair) == TEXT_PAIR) {
		/* It depends on MaxBurstLength, InitialR2T and ImmediateData: last. */
		if (text_is(&pair, iscsi_keys[KEY_FirstBurstLength].name))
			first_burst = pair;
		else
			status = respond(s, p, &pair, answer);
	}
	if (status == ISCSI_LOGIN_SUCCESS && first_burst.key)
		status = respond(s, p, &first_burst, answer);
	return status;
}

bool keys_declare(struct key_state *s, enum iscsi_key key, const char *value, struct writer *answer)
{
	const char *name = iscsi_keys[key].name;

	if (s->said & BIT(key))
		return true;
	s->said |= BIT(key);
	return text_put(answer, name, strlen(name), value);
}

bool keys_declare_size(struct key_state *s, struct writer *answer)
{
	char number[16];

	snprintf(number, sizeof(number), "%u", s->ours[KEY_MaxRecvDataSegmentLength]);
	return keys_declare(s, KEY_MaxRecvDataSegmentLength, number, answer);
}

/* Is the default something that we cannot accept? */
static bool wants_offer(struct key_state *s, enum iscsi_key key)
{
	const struct key_def *k = &iscsi_keys[key];
	uint32_t v = k->def;

	if (k->rule == RULE_LIST)
		return !(s->ours[key] & k->def);
	if (k->rule > RULE_OR)
		return false;
	s->ours[key] = ours_of(s, key);
	return key_combine(k, s->ours[key], k->def, &v) != KEY_OK || v != k->def;
}

bool keys_offer(struct key_state *s, const struct iscsi_params *p, struct writer *answer)
{
	for (enum iscsi_key key = 0; key < KEY_COUNT; key++) {
		const struct key_def *k = &iscsi_keys[key];
		if ((s->got | s->said) & BIT(key) || !(k->from & FROM_T) || irrelevant(s, p, key) ||
		    !wants_offer(s, key))
			continue;
		if (!key_put(answer, key, s->ours[key]))
			return false;
		s->said |= BIT(key);
		s->offered |= BIT(key);
	}
	return true;
}

bool keys_acceptable(const struct key_state *s)
{
	for (enum iscsi_key key = 0; key < KEY_COUNT; key++) {
		if (iscsi_keys[key].rule == RULE_LIST && !(s->offered & BIT(key)) &&
		    !(s->ours[key] & s->value[key]))
			return false;
	}
	return true;
}

void keys_finish(const struct key_state *s, struct iscsi_params *p)
{
	const uint32_t *v = s->value;

	if (p->discovery)
		p->target_name[0] = '\0';
	p->header_digest = v[KEY_HeaderDigest] == DIGEST_CRC32C;
	p->data_digest = v[KEY_DataDigest] == DIGEST_CRC32C;
	p->max_recv_data_segment_length = iscsi_keys[KEY_MaxRecvDataSegmentLength].def;
	if (s->said & BIT(KEY_MaxRecvDataSegmentLength))
		p->max_recv_data_segment_length = s->ours[KEY_MaxRecvDataSegmentLength];
	p->max_xmit_data_segment_length = v[KEY_MaxRecvDataSegmentLength];
	p->max_burst_length = v[KEY_MaxBurstLength];
	/* 13.14, also if FirstBurstLength was agreed on before a smaller MaxBurstLength. */
	p->first_burst_length = v[KEY_FirstBurstLength] < p->max_burst_length
					? v[KEY_FirstBurstLength]
					: p->max_burst_length;
	p->max_outstanding_r2t = v[KEY_MaxOutstandingR2T];
	p->initial_r2t = v[KEY_InitialR2T];
	p->immediate_data = v[KEY_ImmediateData];
	p->default_time2wait = v[KEY_DefaultTime2Wait];
	p->default_time2retain = v[KEY_DefaultTime2Retain];
	p->protocol_level = v[KEY_iSCSIProtocolLevel];
}

/* What a text of the Full Feature Phase wants, before it takes effect. */
struct wishes {
	uint32_t size;
	const char *alias, *send_targets, *word;
};

/* What is wrong with this pair, or NULL. w->word is the answer, if it needs one. */
static const char *wish(struct wishes *w, uint64_t *got, const struct text_pair *pair)
{
	enum iscsi_key key = key_find(pair);

	w->word = NULL;
	if (key_is_refusal(pair->value))
		return "it offered a word that only answers";
	if (key == KEY_COUNT) {
		w->word = "NotUnderstood";
		return NULL;
	}
	const struct key_def *k = &iscsi_keys[key];
	if (!(k->from & FROM_I))
		return "it sent a key of targets";
	if (*got & BIT(key))
		return "it sent a key twice";
	*got |= BIT(key);
	if (!(k->where & WHERE_F))
		w->word = "Reject";
	else if (pair->value_len > TEXT_VALUE_MAX)
		return "a value has more than 255 bytes";
	else if (k->rule == RULE_ASK)
		w->send_targets = pair->value;
	else if (k->rule == RULE_TEXT && key_printable(key, pair->value))
		w->alias = pair->value;
	else if (key_combine(k, 0, key_parse(key, 0, pair->value), &w->size) != KEY_OK)
		w->word = "Reject";
	return NULL;
}

int keys_text(struct iscsi_params *p, const uint8_t *text, size_t n, struct writer *answer,
	      const char **send_targets, const char **why)
{
	struct cursor c = cursor_of(text, n);
	struct wishes w = {.size = p->max_xmit_data_segment_length};
	struct text_pair pair;
	enum text_status t;
	uint64_t got = 0;

	while ((t = text_next(&c, &pair)) == TEXT_PAIR) {
		const char *wrong = wish(&w, &got, &pair);
		if (wrong) {
			*why = wrong;
			return -EPROTO;
		}
		if (w.word && !put_word(answer, &pair, w.word))
			return -ENOSPC;
	}
	if (t != TEXT_END) {
		*why = text_status_name(t);
		return -EPROTO;
	}
	p->max_xmit_data_segment_length = w.size; /* 13.12 */
	if (w.alias)
		memcpy(p->initiator_alias, w.alias, strlen(w.alias) + 1);
	*send_targets = w.send_targets;
	return 0;
}
