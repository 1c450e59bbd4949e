// SPDX-License-Identifier: MIT
/* text.c - RFC 7143 6.1: pairs, numbers, booleans and lists. */
#include "iscsi/text.h"

#include <string.h>

/* 6.1: standard-label: letters, digits, ".", "-", "+", "@", "_"; 13.22 adds "#" in X# keys. */
static bool key_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr(".-+@_#", c));
}

static enum text_status key_check(const struct text_pair *p)
{
	if (!p->key_len)
		return TEXT_EMPTY_KEY;
	if (p->key_len > TEXT_KEY_MAX)
		return TEXT_KEY_TOO_LONG;
	for (size_t i = 0; i < p->key_len; i++) {
		if (!key_byte(p->key[i]))
			return TEXT_BAD_KEY;
	}
	return TEXT_PAIR;
}

enum text_status text_next(struct cursor *c, struct text_pair *out)
{
	if (!c->left)
		return TEXT_END;
	const uint8_t *nul = memchr(c->p, 0, c->left);
	if (!nul)
		return TEXT_NOT_TERMINATED;

	size_t len = (size_t)(nul - c->p);
	const char *pair = (const char *)cursor_take(c, len + 1);
	const char *equals = memchr(pair, '=', len);
	if (!equals)
		return len ? TEXT_NO_EQUALS : TEXT_EMPTY_KEY;
	out->key = pair;
	out->key_len = (size_t)(equals - pair);
	out->value = equals + 1;
	out->value_len = len - out->key_len - 1;
	return key_check(out);
}

const char *text_status_name(enum text_status s)
{
	static const char *const names[] = {
		[TEXT_PAIR] = "a key and its value",
		[TEXT_END] = "the end of the text",
		[TEXT_NO_EQUALS] = "text without \"=\"",
		[TEXT_EMPTY_KEY] = "a key without a name",
		[TEXT_KEY_TOO_LONG] = "a key name of more than 63 bytes",
		[TEXT_BAD_KEY] = "a key name with a byte that is not allowed",
		[TEXT_NOT_TERMINATED] = "text that does not end with NUL",
	};
	return names[s];
}

bool text_is(const struct text_pair *p, const char *key)
{
	return strlen(key) == p->key_len && memcmp(key, p->key, p->key_len) == 0;
}

/* The value of a digit below `base`, or -1. */
static int digit(char c, int base)
{
	int d = -1;

	if (c >= '0' && c <= '9')
		d = c - '0';
	else if (c >= 'a' && c <= 'f')
		d = c - 'a' + 10;
	else if (c >= 'A' && c <= 'F')
		d = c - 'A' + 10;
	return d < base ? d : -1;
}

bool text_number(const char *v, uint64_t *out)
{
	int base = 10;
	uint64_t n = 0;

	if (v[0] == '0' && (v[1] == 'x' || v[1] == 'X')) {
		base = 16;
		v += 2;
	} else if (v[0] == '0' && v[1]) {
		return false; /* decimal-constant has no leading zero */
	}
	if (!*v)
		return false;
	for (; *v; v++) {
		int d = digit(*v, base);
		if (d < 0 || __builtin_mul_overflow(n, (uint64_t)base, &n) ||
		    __builtin_add_overflow(n, (uint64_t)d, &n))
			return false;
	}
	*out = n;
	return true;
}

bool text_bool(const char *v, bool *out)
{
	*out = strcmp(v, "Yes") == 0;
	return *out || strcmp(v, "No") == 0;
}

bool text_list_next(const char **list, const char **item, size_t *len)
{
	if (!*list)
		return false;
	const char *comma = strchr(*list, ',');
	*item = *list;
	*len = comma ? (size_t)(comma - *list) : strlen(*list);
	*list = comma ? comma + 1 : NULL;
	return true;
}

bool text_put(struct writer *w, const char *key, size_t key_len, const char *value)
{
	size_t value_len = strlen(value);

	if (writer_full(w) || w->cap - w->want < key_len + value_len + 2)
		return false;
	writer_put(w, key, key_len);
	writer_u8(w, '=');
	writer_put(w, value, value_len + 1);
	return true;
}
