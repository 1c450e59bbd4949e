// SPDX-License-Identifier: MIT
/* key.c - the table of keys, and their values. RFC 7143 6.2, 13. */
#include "iscsi/key.h"

#include <stdio.h>
#include <string.h>

const struct key_def iscsi_keys[KEY_COUNT] = {
#define X(key, rule_, from_, where_, unless_, def_, min_, max_, clause_) \
	[KEY_##key] = {.name = #key,                                     \
		       .clause = clause_,                                \
		       .rule = RULE_##rule_,                             \
		       .unless = UNLESS_##unless_,                       \
		       .from = FROM_##from_,                             \
		       .where = where_,                                  \
		       .def = def_,                                      \
		       .min = min_,                                      \
		       .max = max_},
#define S WHERE_S
#define O WHERE_O
#define F WHERE_F
#include "tbl/iscsi_keys.def"
#undef F
#undef O
#undef S
#undef X
};

/* Values of lists, as bits; the keys of digests have those of enum config_digest. */
static const struct key_choice {
	enum iscsi_key key;
	const char *name;
	uint32_t bit;
} choices[] = {
	/* clang-format off */
	{KEY_AuthMethod,    "None",    AUTH_NONE},	/* 12.1 */
	{KEY_AuthMethod,    "CHAP",    AUTH_CHAP},
	{KEY_HeaderDigest,  "None",    DIGEST_NONE},	/* 13.1 */
	{KEY_HeaderDigest,  "CRC32C",  DIGEST_CRC32C},
	{KEY_DataDigest,    "None",    DIGEST_NONE},
	{KEY_DataDigest,    "CRC32C",  DIGEST_CRC32C},
	/* 13.23: the order of our one connection is the fence. FastAbort would have the answer
	 * to a reset wait for what other initiators acknowledge: none is to hang for another. */
	{KEY_TaskReporting, "RFC3720", 1},
	{KEY_TaskReporting, "ResponseFence", 2},
	/* clang-format on */
};
#define NCHOICES (sizeof(choices) / sizeof(*choices))

enum iscsi_key key_find(const struct text_pair *p)
{
	enum iscsi_key key = 0;

	while (key < KEY_COUNT && !text_is(p, iscsi_keys[key].name))
		key++;
	return key;
}

enum key_result key_combine(const struct key_def *k, uint32_t ours, uint32_t theirs, uint32_t *out)
{
	if (theirs < k->min || theirs > k->max)
		return KEY_REJECT;
	switch (k->rule) {
	case RULE_MIN:
		*out = ours < theirs ? ours : theirs;
		return KEY_OK;
	case RULE_MAX:
		*out = ours > theirs ? ours : theirs;
		return KEY_OK;
	case RULE_AND:
		*out = ours && theirs;
		return KEY_OK;
	case RULE_OR:
		*out = ours || theirs;
		return KEY_OK;
	case RULE_LIST:
		if (!(ours & theirs))
			return KEY_REJECT;
		*out = theirs;
		return KEY_OK;
	case RULE_SIZE:
		*out = theirs;
		return KEY_OK;
	case RULE_TEXT:
	case RULE_ASK:
	case RULE_REFUSED:
	case RULE_CHAP:
		break;
	}
	return KEY_REJECT;
}

static uint32_t choice_bit(enum iscsi_key key, const char *name, size_t len)
{
	for (size_t i = 0; i < NCHOICES; i++) {
		const struct key_choice *c = &choices[i];
		if (c->key == key && strlen(c->name) == len && memcmp(c->name, name, len) == 0)
			return c->bit;
	}
	return 0;
}

/* 6.2.1: the first value of the offered list that we have. 0: none. */
static uint32_t choose(enum iscsi_key key, uint32_t ours, const char *list)
{
	const char *item;
	size_t len;

	while (text_list_next(&list, &item, &len)) {
		uint32_t bit = choice_bit(key, item, len) & ours;
		if (bit)
			return bit;
	}
	return 0;
}

uint32_t key_parse(enum iscsi_key key, uint32_t ours, const char *v)
{
	uint64_t n;
	bool yes;

	switch (iscsi_keys[key].rule) {
	case RULE_LIST:
		return choose(key, ours, v);
	case RULE_AND:
	case RULE_OR:
		return text_bool(v, &yes) ? yes : UINT32_MAX;
	default:
		return text_number(v, &n) && n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;
	}
}

bool key_put(struct writer *w, enum iscsi_key key, uint32_t v)
{
	const struct key_def *k = &iscsi_keys[key];
	char number[16] = "None";
	const char *text = number;

	if (k->rule == RULE_LIST) {
		for (size_t i = 0; i < NCHOICES; i++) {
			if (choices[i].key == key && choices[i].bit == v)
				text = choices[i].name;
		}
	} else if (k->rule == RULE_AND || k->rule == RULE_OR) {
		text = v ? "Yes" : "No";
	} else {
		snprintf(number, sizeof(number), "%u", v);
	}
	return text_put(w, k->name, strlen(k->name), text);
}

bool key_is_refusal(const char *v)
{
	return strcmp(v, "Reject") == 0 || strcmp(v, "Irrelevant") == 0 ||
	       strcmp(v, "NotUnderstood") == 0;
}

bool key_values_too_long(const char *list)
{
	const char *item;
	size_t len;

	while (text_list_next(&list, &item, &len)) {
		if (len > TEXT_VALUE_MAX)
			return true;
	}
	return false;
}

bool key_printable(enum iscsi_key key, const char *v)
{
	bool name = key == KEY_InitiatorName || key == KEY_TargetName;

	for (; *v; v++) {
		unsigned char c = (unsigned char)*v;
		if (c < ' ' || c == 0x7f || (name && (c == ' ' || c >= 0x80)))
			return false;
	}
	return true;
}
