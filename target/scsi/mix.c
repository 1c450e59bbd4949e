// SPDX-License-Identifier: MIT
/* mix.c - see mix.h. */
#include "scsi/mix.h"

#include <string.h>

#include "memtgt/wire.h"

static uint64_t stir(uint64_t x)
{
	x ^= x >> 30;
	x *= 0xbf58476d1ce4e5b9u;
	x ^= x >> 27;
	x *= 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

void mix_word(struct mix *d, uint64_t w)
{
	d->a = stir(d->a ^ w);
	d->b = stir(d->b + w * 0x9e3779b97f4a7c15u + d->a);
}

void mix_bytes(struct mix *d, const void *p, size_t n)
{
	const uint8_t *bytes = p;

	mix_word(d, n);
	while (n) {
		uint8_t word[8] = {0};
		const size_t part = n < sizeof(word) ? n : sizeof(word);

		memcpy(word, bytes, part);
		mix_word(d, ld64(word));
		bytes += part;
		n -= part;
	}
}
