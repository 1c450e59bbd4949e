/* SPDX-License-Identifier: MIT */
/*
 * intents.h - how readers change blocks: by an intent (intent.h), each with a pen of its own.
 *
 * What is copied goes into kept memory first, and from there to its place, in chunks that stay in
 * the first cache: that is all it costs. Chunks are whole blocks, so each is an intent; a write of
 * all or nothing is one as a whole.
 */
#ifndef MEMTGT_STORE_INTENTS_H
#define MEMTGT_STORE_INTENTS_H

#include <stddef.h>
#include <stdint.h>

#include "store/intent.h"

/* A multiple of all blocks. Memory for so much data is there from the start, for more of it once it
 * was wanted. */
#define INTENT_CHUNK INTENT_BLOCK

/* One reader's. */
struct intent_pen {
	uint8_t *raw; /* INTENT_PLACE */
	int fd;
	off_t place;
	size_t room; /* bytes of data that have memory */
};

struct intents {
	uint8_t *base;
	unsigned n;
};

/* What an earlier process wrote was dealt with. The file becomes longer if it must. 0 or -errno. */
int intents_open(struct intents *is, int fd, unsigned readers) __attribute__((warn_unused_result));
void intents_close(struct intents *is);
struct intent_pen intents_pen(const struct intents *is, int fd, unsigned reader);

/* Where bytes are: at `at`, in a page of the table in this slot. */
struct intent_at {
	uint8_t *at;
	uint32_t slot, num, page, from;
};

/* These change n bytes, which are whole blocks within the page. They return like those of poison.h,
 * and do as much. */
size_t intent_zero(struct intent_pen *p, const struct intent_at *w, size_t n);
/* Copies of a block of up to INTENT_BLOCK bytes. */
size_t intent_fill(struct intent_pen *p, const struct intent_at *w, size_t n, const uint8_t *block,
		   size_t block_size);
/* Each block as a whole. */
size_t intent_copy(struct intent_pen *p, const struct intent_at *w, size_t n, const uint8_t *data);

/* All or nothing: up to INTENT_RANGES ranges of different pages of a table, INTENT_MOST bytes
 * altogether. */
struct intent_part {
	struct intent_at to;
	const uint8_t *data;
	size_t n;
	size_t good; /* set: what the others return */
};
/* Before anything is changed: memory for so much data. 0 or -ENOSPC. */
int intent_room(struct intent_pen *p, size_t n) __attribute__((warn_unused_result));
void intent_copy_whole(struct intent_pen *p, struct intent_part *parts, unsigned n);

#endif
