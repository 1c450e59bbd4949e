// SPDX-License-Identifier: MIT
/* lu.c - finding a logical unit, and giving it names that no other has. */
#include <stdio.h>
#include <string.h>

#include "memtgt/wire.h"
#include "scsi/scsi.h"

/* SAM-5 4.7.7.2, 4.7.7.3: a single level LUN, peripheral (bus 0) or flat space addressing. */
unsigned scsi_lun_id(const uint8_t lun[static 8])
{
	static const uint8_t zero[6];
	const unsigned method = lun[0] >> 6;
	const unsigned id = method == 1 ? ld16(lun) & 0x3fffu : ld16(lun);

	if (method > 1 || id >= SCSI_LUNS_MAX || memcmp(lun + 2, zero, sizeof(zero)))
		return SCSI_LUN_NONE;
	return id;
}

struct scsi_lu *scsi_lu_find(const struct scsi_target *t, const uint8_t lun[static 8])
{
	const unsigned id = scsi_lun_id(lun);

	if (id == SCSI_LUN_NONE)
		return NULL;
	return atomic_load_explicit(&t->by_id[id], memory_order_acquire);
}

/*
 * A 128-bit digest of what makes a LU unique. Names need no secrecy and face no attacker (all of
 * the input is the operator's), only an even spread: two 64-bit lanes, each stirred by the
 * finalizer of splitmix64, a bijection in which every input bit flips every output bit with
 * probability one half. 60 bits of it make the NAA: the odds that any two of 100,000 LUs of a site
 * collide are 1 in 200 million.
 */
struct digest {
	uint64_t a, b;
};

static uint64_t stir(uint64_t x)
{
	x ^= x >> 30;
	x *= 0xbf58476d1ce4e5b9u;
	x ^= x >> 27;
	x *= 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

static void absorb_word(struct digest *d, uint64_t w)
{
	d->a = stir(d->a ^ w);
	d->b = stir(d->b + w * 0x9e3779b97f4a7c15u + d->a);
}

/* The length goes first, so that no two sequences of fields look the same. */
static void absorb(struct digest *d, const void *p, size_t n)
{
	const uint8_t *bytes = p;

	absorb_word(d, n);
	while (n) {
		uint8_t word[8] = {0};
		const size_t part = n < sizeof(word) ? n : sizeof(word);

		memcpy(word, bytes, part);
		absorb_word(d, ld64(word));
		bytes += part;
		n -= part;
	}
}

void scsi_lu_name(struct scsi_lu *lu, const uint8_t host_id[static 16], const char *target,
		  uint32_t generation, const char *serial)
{
	struct digest d = {.a = 0x6d656d7467742d61u, .b = 0x6d656d7467742d62u};

	absorb(&d, host_id, 16);
	absorb(&d, target, strlen(target));
	absorb_word(&d, lu->id);
	absorb_word(&d, generation);
	absorb_word(&d, 0);

	/* SPC-4 7.8.6.6.4: NAA 3h. The IEEE formats need a company's OUI, and we are none. */
	st64(lu->naa, d.a);
	lu->naa[0] = (uint8_t)(0x30 | (lu->naa[0] & 0x0f));
	if (*serial)
		snprintf(lu->serial, sizeof(lu->serial), "%s", serial);
	else
		snprintf(lu->serial, sizeof(lu->serial), "%016llx%04x", (unsigned long long)d.b,
			 (unsigned)(d.a & 0xffff));
}
