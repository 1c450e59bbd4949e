/* SPDX-License-Identifier: MIT */
/*
 * text.h - key=value text of Login and Text PDUs: its syntax, and nothing of its meaning.
 *
 * RFC 7143 6.1. Reading never steps past the bytes that were given, and what is wrong is named.
 */
#ifndef MEMTGT_TEXT_H
#define MEMTGT_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "memtgt/cursor.h"

#define TEXT_KEY_MAX   63u  /* bytes of a key's name */
#define TEXT_VALUE_MAX 255u /* bytes of a simple value; a list may have many */

enum text_status {
	TEXT_PAIR, /* here is one */
	TEXT_END,
	TEXT_NO_EQUALS,
	TEXT_EMPTY_KEY,
	TEXT_KEY_TOO_LONG,
	TEXT_BAD_KEY, /* a byte that no key has */
	TEXT_NOT_TERMINATED,
};

/* Points into the text. The value is followed by a NUL, the key is not. */
struct text_pair {
	const char *key, *value;
	size_t key_len, value_len;
};

/* The next pair. After anything but TEXT_PAIR the reader is of no more use. */
enum text_status text_next(struct cursor *c, struct text_pair *out)
	__attribute__((warn_unused_result));
/* A sentence for the log. */
const char *text_status_name(enum text_status s);

/* Is the pair's key this one? Case counts. */
bool text_is(const struct text_pair *p, const char *key);

/* numerical-value: "0", "65536", "0x1f", "0XFF", less than 2^64. */
bool text_number(const char *v, uint64_t *out) __attribute__((warn_unused_result));
/* "Yes" or "No". */
bool text_bool(const char *v, bool *out) __attribute__((warn_unused_result));

/* Walks a list of values: the next one in `*item`, `*len` bytes; false after the last. *list is
 * the walk's place: the list at first, NULL at the end. */
bool text_list_next(const char **list, const char **item, size_t *len)
	__attribute__((warn_unused_result));

/* Appends a pair. False, and nothing was written, if there is no room. */
bool text_put(struct writer *w, const char *key, size_t key_len, const char *value)
	__attribute__((warn_unused_result));

#endif
