/* SPDX-License-Identifier: MIT */
/*
 * pool.h - how much all LUNs may hold, over a restart that keeps the memory.
 *
 * What the operator set at run time stays, unless the configuration was changed since: as with the
 * size of a LUN.
 */
#ifndef MEMTGT_LUNS_POOL_H
#define MEMTGT_LUNS_POOL_H

#include <stddef.h>
#include <stdint.h>

#include "memtgt/wire.h"

struct luns;

/* Kept with the store (store_set_settings()). */
#define POOL_MAGIC   "mtPL"
#define POOL_VERSION 1u
struct pool_wire {
	uint8_t magic[4];
	be16 version;
	be16 length;	 /* of all of it */
	be64 ceiling;	 /* bytes */
	be64 configured; /* what the configuration made of it then */
};
WIRE_SIZE(struct pool_wire, 24);
WIRE_AT(struct pool_wire, ceiling, 8);

/* At the start: takes up what was kept, and keeps what is now. */
void luns_pool_start(struct luns *l);
/* Like store_set_ceiling(). From any thread but the reactors. */
int luns_set_ceiling(struct luns *l, uint64_t bytes, char *why, size_t why_len)
	__attribute__((warn_unused_result));

#endif
