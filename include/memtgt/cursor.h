/* SPDX-License-Identifier: MIT */
/*
 * cursor.h - bounded reading of bytes that a peer sent, and bounded writing of answers.
 *
 * Neither can step past its end. A reader that was asked for too much gives zeroes and stays
 * `bad`; a writer that ran out keeps counting in `want` what it would have written, so that a
 * caller learns the full length of an answer that was cut (SPC-4 4.3.4.6: a response longer than
 * the allocation length is truncated, while its length fields tell the whole).
 */
#ifndef MEMTGT_CURSOR_H
#define MEMTGT_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "memtgt/wire.h"

struct cursor {
	const uint8_t *p;
	size_t left;
	bool bad;
};

static inline struct cursor cursor_of(const void *p, size_t n)
{
	return (struct cursor){.p = p, .left = n};
}

/* The next n bytes, or NULL (and the cursor is bad and empty) if there are fewer. */
static inline const uint8_t *cursor_take(struct cursor *c, size_t n)
{
	if (n > c->left) {
		c->bad = true;
		c->left = 0;
		return NULL;
	}
	const uint8_t *p = c->p;
	c->p += n;
	c->left -= n;
	return p;
}

static inline uint8_t cursor_u8(struct cursor *c)
{
	const uint8_t *p = cursor_take(c, 1);
	return p ? *p : 0;
}

static inline uint16_t cursor_u16(struct cursor *c)
{
	const uint8_t *p = cursor_take(c, 2);
	return p ? ld16(p) : 0;
}

static inline uint32_t cursor_u32(struct cursor *c)
{
	const uint8_t *p = cursor_take(c, 4);
	return p ? ld32(p) : 0;
}

static inline uint64_t cursor_u64(struct cursor *c)
{
	const uint8_t *p = cursor_take(c, 8);
	return p ? ld64(p) : 0;
}

/* A writer into a buffer of fixed size. */
struct writer {
	uint8_t *buf;
	size_t cap;
	size_t want; /* bytes written or lost for lack of room */
};

static inline struct writer writer_of(void *buf, size_t cap)
{
	return (struct writer){.buf = buf, .cap = cap};
}

/* Bytes that are really in the buffer. */
static inline size_t writer_len(const struct writer *w)
{
	return w->want < w->cap ? w->want : w->cap;
}

static inline bool writer_full(const struct writer *w)
{
	return w->want > w->cap;
}

static inline void writer_put(struct writer *w, const void *p, size_t n)
{
	if (w->want < w->cap && n) {
		size_t room = w->cap - w->want;
		memcpy(w->buf + w->want, p, n < room ? n : room);
	}
	w->want += n;
}

static inline void writer_zero(struct writer *w, size_t n)
{
	if (w->want < w->cap && n) {
		size_t room = w->cap - w->want;
		memset(w->buf + w->want, 0, n < room ? n : room);
	}
	w->want += n;
}

static inline void writer_u8(struct writer *w, uint8_t v)
{
	writer_put(w, &v, 1);
}

static inline void writer_u16(struct writer *w, uint16_t v)
{
	uint8_t b[2];
	st16(b, v);
	writer_put(w, b, 2);
}

static inline void writer_u32(struct writer *w, uint32_t v)
{
	uint8_t b[4];
	st32(b, v);
	writer_put(w, b, 4);
}

static inline void writer_u64(struct writer *w, uint64_t v)
{
	uint8_t b[8];
	st64(b, v);
	writer_put(w, b, 8);
}

#endif
