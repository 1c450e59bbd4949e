// SPDX-License-Identifier: MIT
/* app_hash.c - open addressing, linear probing. */
#include "app_hash.h"

#include "app_random.h"

/* A key's hash is its product with one; the other makes a key of a hash, so keys can be made in the
 * order of their hashes. */
#define TO_HASH	  0x9e3779b97f4a7c15u
#define FROM_HASH 0xf1de83e19937733du
_Static_assert(TO_HASH *FROM_HASH == 1, "they undo each other");

static uint64_t n_slots(const struct app_hash *h)
{
	return 1ull << h->bits;
}

/* The i-th key: one of each of as many equal ranges of hashes as there are keys. Never 0. */
static uint64_t key_of(const struct app_hash *h, uint64_t i)
{
	uint64_t range = UINT64_MAX / h->keys;

	return (i * range + 1 + app_mix(i) % (range - 1)) * FROM_HASH;
}

/* The slot of the key, or the free one where it would be. */
static struct app_slot *find(const struct app_hash *h, uint64_t key)
{
	uint64_t at = (key * TO_HASH) >> (64 - h->bits);

	while (h->slots[at].key != 0 && h->slots[at].key != key)
		at = (at + 1) & (n_slots(h) - 1);
	return &h->slots[at];
}

void app_hash_load(struct app_hash *h, struct app_slot *slots, unsigned bits)
{
	*h = (struct app_hash){.slots = slots, .bits = bits, .keys = (1ull << bits) / 4 * 3};
	for (uint64_t i = 0; i < h->keys; i++) {
		uint64_t key = key_of(h, i);

		*find(h, key) = (struct app_slot){.key = key, .value = app_mix(key)};
	}
}

uint64_t app_hash_update(struct app_hash *h, uint64_t n)
{
	uint64_t missed = 0;

	for (uint64_t i = 0; i < n; i++) {
		uint64_t key = key_of(h, app_mix(h->updates + i) % h->keys);
		struct app_slot *slot = find(h, key);

		if (slot->key == key)
			slot->value++;
		else
			missed++;
	}
	h->updates += n;
	return missed;
}

uint64_t app_hash_bad(const struct app_hash *h)
{
	uint64_t bad = 0, keys = 0, updates = 0;

	for (const struct app_slot *slot = h->slots; slot < h->slots + n_slots(h); slot++) {
		uint64_t more = slot->value - app_mix(slot->key);

		if (slot->key == 0) {
			bad += slot->value != 0;
			continue;
		}
		keys++;
		updates += more;
		bad += more > h->updates || find(h, slot->key) != slot;
	}
	return bad + (keys != h->keys || updates != h->updates);
}
