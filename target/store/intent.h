/* SPDX-License-Identifier: MIT */
/*
 * intent.h - a change of blocks that is done again by the next process if this one ends within it.
 *
 * A process may be killed between any two of its instructions, also in the middle of a block that
 * it copies or zeroes: then the block would be half of one and half of another. So before a reader
 * changes a byte that a table names, it writes down all that is to be: which bytes of which pages
 * become zeroes, copies of a block, or these data. One store makes that valid, one takes it back
 * when all is done. Who adopts the memory does what is valid once more, before anybody sees it
 * (adopt_redo.c), so of a block no part was changed, or all of it is.
 *
 * Memory outlives a killed process as the last instruction left it, so nothing is flushed: only the
 * compiler must keep the order.
 *
 * An intent names the page's number and the place in a table where it was found. The reader passes
 * no quiet point meanwhile, so a page that leaves its table then is not given to another; one that
 * is still named there is the one that was meant, and any other is left alone.
 *
 * Each reader has a place of its own, behind the notes in the file of the records: a head, then the
 * data. Here are the bytes; the threads' side is intents.h.
 */
#ifndef MEMTGT_STORE_INTENT_H
#define MEMTGT_STORE_INTENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "memtgt/wire.h"
#include "store/records.h"

#define INTENTS_MAX   4096u
#define INTENT_PLACE  ((size_t)2 << 20)	 /* from one reader's to the next */
#define INTENT_DATA   ((size_t)4096)	 /* where the data is in it */
#define INTENT_MOST   ((size_t)1 << 20)	 /* data */
#define INTENT_BLOCK  ((size_t)16 << 10) /* of those, the block of a fill */
#define INTENT_RANGES 2u
#define INTENTS_FILE  (RECORDS_FILE + (off_t)(INTENTS_MAX * INTENT_PLACE))

enum intent_kind { INTENT_ZERO = 1, INTENT_FILL, INTENT_COPY };

/* Bytes [from, from+len) of a page: its number, and its place in the table. */
struct intent_range {
	uint32_t num, page, from, len;
};
struct intent {
	enum intent_kind kind;
	unsigned slot;	     /* of the table */
	uint32_t block_size; /* FILL: of the block, which is the data; it lies at multiples */
	unsigned n;
	struct intent_range range[INTENT_RANGES]; /* COPY: their data is one behind the other */
};

struct intent_range_wire {
	be32 num, page, from, len;
};
struct intent_wire {
	uint8_t seal[8]; /* one word: 0, or INTENT_SEAL and the CRC of the rest, as the host's */
	uint8_t kind;
	uint8_t n;
	uint8_t reserved[2];
	be32 slot;
	be32 block_size;
	uint8_t reserved2[12];
	struct intent_range_wire range[INTENT_RANGES];
};
#define INTENT_BYTES 64u
WIRE_SIZE(struct intent_wire, INTENT_BYTES);
#define INTENT_SEAL ((uint64_t)0x4d54494e << 32)

/* Makes the bytes but for the seal, which is returned. */
uint64_t intent_put(const struct intent *i, uint8_t raw[static INTENT_BYTES]);

/* BAD: there was one, and it is damaged. */
enum intent_is { INTENT_NONE, INTENT_GOOD, INTENT_BAD };
/* *out is set if it is GOOD, and all zeroes else. Its ranges lie within pages, and are whole blocks
 * of 512 bytes; that the page is meant is not known here. */
enum intent_is intent_get(const uint8_t raw[static INTENT_BYTES], struct intent *out);
/* Bytes of data that it needs, up to INTENT_MOST. */
size_t intent_data(const struct intent *i);
/* Does it to the range, which is at `at`; `data` is that of the range. Returns the bytes from the
 * front that were there: poison.h. */
size_t intent_do(const struct intent *i, uint8_t *at, size_t n, const uint8_t *data);

static inline off_t intent_place(unsigned reader)
{
	return RECORDS_FILE + (off_t)(reader * INTENT_PLACE);
}

#endif
