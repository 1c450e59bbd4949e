/* SPDX-License-Identifier: MIT */
/*
 * load_model.h - what a disk must hold: blocks that tell by themselves what they are, and for each
 * the value that was acknowledged last, and one that may be there instead.
 *
 * A block's content names its session, its LUN, the LBA and the sequence number of the command that
 * wrote it, and has a CRC32C over all of it. A block of a WRITE SAME names the command's first LBA.
 * Nothing here takes a lock: a region belongs to one thread.
 */
#ifndef MEMTGT_LOAD_MODEL_H
#define MEMTGT_LOAD_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOAD_BLOCK     512u
#define LOAD_OWN_PLACE UINT64_MAX /* each block names its own LBA */

/* What a block holds; `seq` 0: zeroes. */
struct load_value {
	uint64_t seq;
	uint64_t lba; /* that its content names */
};

struct load_place {
	struct load_value now;	/* acknowledged, or found by a READ */
	struct load_value next; /* of a change that was not answered */
	bool busy;		/* a command is in flight, or is to be sent again */
	bool open;		/* `now` or `next`, until a READ tells which */
};

/* Blocks of one LUN that one session alone uses. */
struct load_region {
	unsigned session, lun;
	uint64_t first; /* LBA */
	uint32_t blocks;
	struct load_place *places; /* of calloc(): all zeroes */
};

/* One block's content. */
void load_block_make(uint8_t p[static LOAD_BLOCK], const struct load_region *r,
		     const struct load_value *v);

/* No command is on any of these blocks. */
bool load_is_free(const struct load_region *r, uint32_t at, uint32_t n);
void load_take(struct load_region *r, uint32_t at, uint32_t n);
void load_give_back(struct load_region *r, uint32_t at, uint32_t n);

/* A command that changes these blocks is sent: each may be old or new from now on. `lba` is what
 * their content names, or LOAD_OWN_PLACE; `seq` 0: zeroes. */
void load_change_begin(struct load_region *r, uint32_t at, uint32_t n, uint64_t seq, uint64_t lba);
/* It was acknowledged. */
void load_change_end(struct load_region *r, uint32_t at, uint32_t n);

/* Compares what was read. From here on an open block is what was found. Returns 0, or the number of
 * blocks that are wrong, the first of which `why` tells. */
uint32_t load_check(struct load_region *r, uint32_t at, uint32_t n, const uint8_t *data, char *why,
		    size_t why_len);

#endif
