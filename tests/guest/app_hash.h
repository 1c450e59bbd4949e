/* SPDX-License-Identifier: MIT */
/*
 * app_hash.h - a hash table whose keys are looked up all over it: no locality, so what is not in
 * local memory is missed each time.
 */
#ifndef MEMTGT_APP_HASH_H
#define MEMTGT_APP_HASH_H

#include <stddef.h>
#include <stdint.h>

struct app_slot {
	uint64_t key; /* 0: free */
	uint64_t value;
};

struct app_hash {
	struct app_slot *slots; /* the caller's, zeros at first */
	unsigned bits;		/* 2^bits slots, 3-32 */
	uint64_t keys;		/* three of four slots are used */
	uint64_t updates;
};

/* Puts all keys in, in the order of their slots: so this streams over the memory. */
void app_hash_load(struct app_hash *h, struct app_slot *slots, unsigned bits);
/* Looks so many random keys up, and adds 1 to the value of each. Returns how many were not found.
 */
uint64_t app_hash_update(struct app_hash *h, uint64_t n);
/* How many slots hold what they cannot; one more if keys or updates are missing. */
uint64_t app_hash_bad(const struct app_hash *h);

#endif
