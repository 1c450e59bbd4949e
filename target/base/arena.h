/* SPDX-License-Identifier: MIT */
/*
 * arena.h - a pool of equal objects for one thread, sized once.
 *
 * The memory is reserved at the ceiling and costs nothing until an object is first used. Objects
 * come back in the order last freed, first used, so what is busy stays in cache. An object has a
 * stable index. Under ASan a free object is poisoned. Giving an object back twice, or one that is
 * not the arena's, ends the process by assert. What a crowd once needed goes back to the host by
 * arena_trim().
 */
#ifndef MEMTGT_ARENA_H
#define MEMTGT_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena {
	uint8_t *mem;
	size_t size;	     /* of one object, rounded up to a cache line */
	uint32_t max, fresh; /* objects at `fresh` and above were never used */
	uint32_t used;
	uint32_t *free_stack;
	uint32_t nfree;
	/* Of free_stack: [0, idle) were free since the last arena_trim(), and the memory of [0,
	 * clean) was given back. */
	uint32_t idle, clean;
	uint8_t *busy; /* one byte per object: is it in use? */
};

/* 0 or -ENOMEM. Objects are zero when first handed out and as they were left afterwards; in an
 * arena that is trimmed, they may be zero in parts. */
int arena_init(struct arena *a, size_t object_size, uint32_t max)
	__attribute__((warn_unused_result));
void arena_free(struct arena *a);

/* NULL when `max` objects are in use. */
void *arena_get(struct arena *a);
void arena_put(struct arena *a, void *object);

/*
 * Gives the host back the whole pages of at most `max` objects that have been free since the last
 * call. True: there is more to give back, at the next call or when it has been free as long.
 */
bool arena_trim(struct arena *a, uint32_t max);

uint32_t arena_index(const struct arena *a, const void *object);
/* The object at an index that may come from a peer; NULL if none is in use there. */
void *arena_at(const struct arena *a, uint32_t index);

#endif
