/* SPDX-License-Identifier: MIT */
/*
 * record.h - what is kept of the store and of each LUN beside its pages, as bytes.
 *
 * Place 0 is the store's own record, place n + 1 that of the LUN whose table is in slot n. Each is
 * there in two copies. The first is written whole, then the second, so at every instant one of them
 * is whole; both are the same when nothing is written. Of two that are right the one with the
 * higher sequence number counts. All zeroes is right, too: it was never written.
 *
 * The head and the size of a record are the same in every format, so that a newer one is known as
 * such. Bytes in, bytes out: records.h has the file.
 */
#ifndef MEMTGT_STORE_RECORD_H
#define MEMTGT_STORE_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "memtgt/wire.h"
#include "store/store.h"

#define RECORD_BYTES 2048u
#define RECORD_MAGIC "MTGTREC\n"

struct record_head {
	uint8_t magic[8];
	be32 format;
	be32 crc; /* of all the record without these four bytes */
	be64 sequence;
	be32 place; /* a record that lies elsewhere is none */
	uint8_t reserved[4];
};
WIRE_SIZE(struct record_head, 32);
WIRE_AT(struct record_head, crc, 12);

struct record_store_wire {
	struct record_head head;
	be32 page_shift;
	be32 settings_len;
	uint8_t reserved[RECORD_BYTES - 40 - STORE_SETTINGS_MAX];
	uint8_t settings[STORE_SETTINGS_MAX];
};
WIRE_SIZE(struct record_store_wire, RECORD_BYTES);

struct record_lun_wire {
	struct record_head head;
	uint8_t state;
	uint8_t provisioning;
	uint8_t flags;
	uint8_t reserved;
	be32 label_len;
	be64 bytes;
	uint8_t reserved2[RECORD_BYTES - 48 - STORE_LABEL_MAX];
	uint8_t label[STORE_LABEL_MAX];
};
WIRE_SIZE(struct record_lun_wire, RECORD_BYTES);
WIRE_AT(struct record_lun_wire, bytes, 40);

/* What the table in a slot is. MAKING and GOING: no LUN yet, or no more; what it has is nobody's.
 */
enum record_state { RECORD_FREE, RECORD_MAKING, RECORD_LIVE, RECORD_GOING };
#define RECORD_USED  0x01u /* store_lun_used() */
#define RECORD_HELD  0x02u /* STORE_KEPT_HELD */
#define RECORD_FLAGS (RECORD_USED | RECORD_HELD)

struct record_store {
	uint64_t sequence;
	uint32_t settings_len;
	uint8_t settings[STORE_SETTINGS_MAX];
};

struct record_lun {
	uint64_t sequence;
	enum record_state state;
	enum store_provisioning provisioning;
	uint8_t flags;
	uint64_t bytes; /* 0 only if it is FREE */
	uint32_t label_len;
	uint8_t label[STORE_LABEL_MAX];
};

/* `raw` has RECORD_BYTES everywhere. The sequence number is the caller's to count. */
void record_put_store(const struct record_store *r, uint8_t *raw);
void record_put_lun(const struct record_lun *r, uint32_t place, uint8_t *raw);

/* RECORD_NONE: never written. RECORD_BAD: lost. RECORD_NEWER: of a format that only a newer memtgtd
 * knows. */
enum record_is { RECORD_GOOD, RECORD_NONE, RECORD_BAD, RECORD_NEWER };
/* *out is set if it is GOOD, and all zeroes else. */
enum record_is record_get_store(const uint8_t *raw, struct record_store *out);
enum record_is record_get_lun(const uint8_t *raw, uint32_t place, struct record_lun *out);
/* By its place; only the sequence number is told. */
enum record_is record_check(const uint8_t *raw, uint32_t place, uint64_t *sequence);

/* Which of two copies counts: 0 or 1. *is is what that one is; *same: the other is the same. */
unsigned record_choose(const uint8_t *a, const uint8_t *b, uint32_t place, enum record_is *is,
		       bool *same);

#endif
