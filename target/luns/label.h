/* SPDX-License-Identifier: MIT */
/*
 * label.h - what is kept with a LUN's memory, for the next process to know the LUN by.
 *
 * The store keeps these bytes whole (store_lun_set_label()); what they mean is told here. A label
 * that cannot be understood is no label: its LUN is held, never guessed at.
 */
#ifndef MEMTGT_LUNS_LABEL_H
#define MEMTGT_LUNS_LABEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "memtgt/iscsi_proto.h"
#include "memtgt/wire.h"
#include "scsi/scsi.h"
#include "store/store.h"

#define LABEL_MAGIC   "mtLU"
#define LABEL_VERSION 1u

/* What the configuration said of the LUN when it was last applied. */
struct label_configured {
	uint64_t size;
	uint32_t block_size;
	bool is_thin;
	char serial[SCSI_SERIAL_MAX + 1]; /* "": made up */
};

struct luns_label {
	char target[ISCSI_NAME_MAX + 1];
	unsigned id;
	uint32_t block_size; /* 512 or 4096 */
	uint32_t generation;
	bool read_only;
	bool stopped;	/* what was there before was lost */
	bool by_config; /* else by the operator, at run time; then `configured` is all 0 */
	char serial[SCSI_SERIAL_MAX + 1];
	uint8_t naa[8];
	struct label_configured configured;
	unsigned nstarters; /* who started it, see scsi/stopped.h */
	uint8_t starters[SCSI_STARTERS * SCSI_STARTER_SIZE];
};

/* ---- as it lies in memory: big-endian, then the target's name, then the starters ---- */

enum { LABEL_READ_ONLY = 1, LABEL_STOPPED = 2, LABEL_BY_CONFIG = 4, LABEL_WAS_THIN = 8 };
#define LABEL_FLAGS 0x0fu

struct label_wire {
	uint8_t magic[4];
	be16 version;
	be16 length; /* of all that follows this struct */
	be16 flags;
	be16 id;
	be32 block_size;
	be32 generation;
	uint8_t naa[8];
	uint8_t serial[SCSI_SERIAL_MAX]; /* filled with NULs, as is the other */
	be64 configured_size;
	be32 configured_block_size;
	uint8_t configured_serial[SCSI_SERIAL_MAX];
	be16 nstarters;
	be16 name_len;
};
WIRE_SIZE(struct label_wire, 84);
WIRE_AT(struct label_wire, naa, 20);
WIRE_AT(struct label_wire, configured_size, 48);
WIRE_AT(struct label_wire, nstarters, 80);
_Static_assert(sizeof(struct label_wire) + ISCSI_NAME_MAX + SCSI_STARTERS * SCSI_STARTER_SIZE <=
		       STORE_LABEL_MAX,
	       "every label fits");

/* Returns its length. */
size_t label_write(const struct luns_label *l, uint8_t out[static STORE_LABEL_MAX]);
/* 0; -EINVAL: it is none; -ENOTSUP: a newer memtgtd wrote it. */
int label_read(const uint8_t *p, size_t n, struct luns_label *out)
	__attribute__((warn_unused_result));

#endif
