// SPDX-License-Identifier: MIT
/* load_model.c - see load_model.h. */
#include "lib/load_model.h"

#include <assert.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "memtgt/wire.h"

#define MAGIC 0x6d656d7467740b10

struct content {
	be64 magic, seq, lba;
	be32 lun, session;
	uint8_t filling[LOAD_BLOCK - 36];
	be32 crc;
};
_Static_assert(sizeof(struct content) == LOAD_BLOCK, "a block");
_Static_assert(_Alignof(struct content) == 1, "laid over any bytes");

/* CRC32C by a table of its own, so that it cannot share a mistake with the daemon. */
static uint32_t crc_table[256];

static void make_crc_table(void)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t c = i;
		for (int bit = 0; bit < 8; bit++)
			c = c >> 1 ^ (c & 1 ? 0x82f63b78 : 0);
		crc_table[i] = c;
	}
}

static uint32_t crc_of(const uint8_t *p, size_t n)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	uint32_t crc = 0xffffffff;

	pthread_once(&once, make_crc_table);
	for (size_t i = 0; i < n; i++)
		crc = crc >> 8 ^ crc_table[(crc ^ p[i]) & 0xff];
	return ~crc;
}

/* The filling differs from one command to the next in each of its words. */
static void fill(struct content *c, uint64_t seq, uint64_t lba)
{
	uint64_t x = seq * 0x9e3779b97f4a7c15 ^ lba;

	for (size_t i = 0; i + 4 <= sizeof(c->filling); i += 4) {
		x = x * 6364136223846793005 + 1442695040888963407;
		st32(c->filling + i, (uint32_t)(x >> 32));
	}
}

void load_block_make(uint8_t p[static LOAD_BLOCK], const struct load_region *r,
		     const struct load_value *v)
{
	struct content *c = (struct content *)p;

	memset(p, 0, LOAD_BLOCK);
	if (!v->seq)
		return;
	put64(&c->magic, MAGIC);
	put64(&c->seq, v->seq);
	put64(&c->lba, v->lba);
	put32(&c->lun, r->lun);
	put32(&c->session, r->session);
	fill(c, v->seq, v->lba);
	put32(&c->crc, crc_of(p, offsetof(struct content, crc)));
}

/* ---- commands on blocks ---- */

bool load_is_free(const struct load_region *r, uint32_t at, uint32_t n)
{
	for (uint32_t i = at; i < at + n; i++)
		if (r->places[i].busy)
			return false;
	return true;
}

static void set_busy(struct load_region *r, uint32_t at, uint32_t n, bool busy)
{
	assert((uint64_t)at + n <= r->blocks);
	for (uint32_t i = at; i < at + n; i++) {
		assert(r->places[i].busy != busy);
		r->places[i].busy = busy;
	}
}

void load_take(struct load_region *r, uint32_t at, uint32_t n)
{
	set_busy(r, at, n, true);
}

void load_give_back(struct load_region *r, uint32_t at, uint32_t n)
{
	set_busy(r, at, n, false);
}

void load_change_begin(struct load_region *r, uint32_t at, uint32_t n, uint64_t seq, uint64_t lba)
{
	for (uint32_t i = at; i < at + n; i++) {
		struct load_place *p = &r->places[i];
		assert(p->busy && !p->open); /* two values at most */
		p->next.seq = seq;
		p->next.lba = lba == LOAD_OWN_PLACE ? r->first + i : lba;
		p->open = true;
	}
}

void load_change_end(struct load_region *r, uint32_t at, uint32_t n)
{
	for (uint32_t i = at; i < at + n; i++) {
		struct load_place *p = &r->places[i];
		assert(p->busy && p->open);
		p->now = p->next;
		p->open = false;
	}
}

/* ---- what is found ---- */

enum found { FOUND_ZEROES, FOUND_OURS, FOUND_FOREIGN, FOUND_MIXED };

static bool is_zero(const uint8_t *p)
{
	return p[0] == 0 && !memcmp(p, p + 1, LOAD_BLOCK - 1);
}

static enum found look(const struct load_region *r, const uint8_t *p, struct load_value *v)
{
	const struct content *c = (const struct content *)p;

	v->seq = v->lba = 0;
	if (is_zero(p))
		return FOUND_ZEROES;
	if (get32(c->crc) != crc_of(p, offsetof(struct content, crc)))
		return FOUND_MIXED;
	v->seq = get64(c->seq);
	v->lba = get64(c->lba);
	return get64(c->magic) == MAGIC && get32(c->lun) == r->lun &&
			       get32(c->session) == r->session && v->seq
		       ? FOUND_OURS
		       : FOUND_FOREIGN;
}

static bool same(const struct load_value *a, const struct load_value *b)
{
	return a->seq == b->seq && (!a->seq || a->lba == b->lba);
}

static void tell(const struct load_region *r, uint32_t i, enum found f, const struct load_value *v,
		 char *why, size_t why_len)
{
	static const char *const what[] = {"zeroes", "of another command", "of another place",
					   "mixed"};
	const struct load_place *p = &r->places[i];

	snprintf(why, why_len,
		 "session %u, LUN %u, LBA %" PRIu64 ": found %s (command %" PRIu64 " at %" PRIu64
		 "); wanted command %" PRIu64 " at %" PRIu64 "%s %" PRIu64,
		 r->session, r->lun, r->first + i, what[f], v->seq, v->lba, p->now.seq, p->now.lba,
		 p->open ? ", or" : "; its last change was", p->next.seq);
}

uint32_t load_check(struct load_region *r, uint32_t at, uint32_t n, const uint8_t *data, char *why,
		    size_t why_len)
{
	uint32_t bad = 0;

	for (uint32_t i = at; i < at + n; i++, data += LOAD_BLOCK) {
		struct load_place *p = &r->places[i];
		struct load_value v;
		enum found f = look(r, data, &v);
		bool right = f == FOUND_ZEROES || f == FOUND_OURS;

		right = right && (same(&v, &p->now) || (p->open && same(&v, &p->next)));
		if (!right && !bad++)
			tell(r, i, f, &v, why, why_len);
		if (right)
			p->now = v;
		p->open = false;
	}
	return bad;
}
