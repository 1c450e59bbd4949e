// SPDX-License-Identifier: MIT
/* intent.c - an intent as bytes, and what it does. */
#include "store/intent.h"

#include <string.h>

#include "base/crc32c.h"
#include "store/poison.h"
#include "store/table.h"

_Static_assert(INTENT_DATA + INTENT_MOST <= INTENT_PLACE, "the data fits");
_Static_assert(sizeof(_Atomic uint64_t) == sizeof(((struct intent_wire *)0)->seal), "one store");

#define UNIT 512u /* of all that initiators can write */

/* Of what was never a LUN's there is no CRC, of a LUN's own bytes neither: the data has none. */
static uint64_t seal_of(const uint8_t *raw)
{
	const size_t from = offsetof(struct intent_wire, kind);

	return INTENT_SEAL | (uint32_t)~crc32c_update(CRC32C_INIT, raw + from, INTENT_BYTES - from);
}

uint64_t intent_put(const struct intent *i, uint8_t raw[static INTENT_BYTES])
{
	struct intent_wire w = {.kind = (uint8_t)i->kind, .n = (uint8_t)i->n};

	put32(&w.slot, i->slot);
	put32(&w.block_size, i->block_size);
	for (unsigned k = 0; k < i->n; k++) {
		put32(&w.range[k].num, i->range[k].num);
		put32(&w.range[k].page, i->range[k].page);
		put32(&w.range[k].from, i->range[k].from);
		put32(&w.range[k].len, i->range[k].len);
	}
	memcpy(raw + sizeof(w.seal), (const uint8_t *)&w + sizeof(w.seal),
	       INTENT_BYTES - sizeof(w.seal));
	return seal_of(raw);
}

size_t intent_data(const struct intent *i)
{
	size_t n = 0;

	if (i->kind == INTENT_FILL)
		return i->block_size;
	for (unsigned k = 0; k < i->n && i->kind == INTENT_COPY; k++)
		n += i->range[k].len;
	return n;
}

static bool is_range(const struct intent_range *r)
{
	return r->num && r->num <= TABLE_NUMBER && r->page < TABLE_LEAVES * TABLE_LEAF && r->len &&
	       r->from % UNIT == 0 && r->len % UNIT == 0 && r->from < STORE_PAGE_SIZE &&
	       r->len <= STORE_PAGE_SIZE - r->from;
}

/* Nothing but what intents.c writes. */
static bool is_right(const struct intent *i)
{
	const uint32_t size = i->block_size;
	bool ok = i->kind >= INTENT_ZERO && i->kind <= INTENT_COPY && i->slot < TABLES_MAX &&
		  i->n && i->n <= INTENT_RANGES;

	for (unsigned k = 0; ok && k < i->n; k++)
		ok = is_range(&i->range[k]) && (!k || i->range[k].num != i->range[0].num);
	if (!ok || (i->kind == INTENT_FILL) != (size != 0))
		return false;
	if (i->kind == INTENT_FILL)
		return i->n == 1 && size % UNIT == 0 && size <= INTENT_BLOCK &&
		       i->range[0].from % size == 0 && i->range[0].len % size == 0;
	return intent_data(i) <= INTENT_MOST;
}

enum intent_is intent_get(const uint8_t raw[static INTENT_BYTES], struct intent *out)
{
	struct intent_wire w;
	uint64_t seal;

	*out = (struct intent){0};
	memcpy(&w, raw, sizeof(w));
	memcpy(&seal, w.seal, sizeof(seal));
	if (!seal)
		return INTENT_NONE;
	struct intent i = {.kind = (enum intent_kind)w.kind,
			   .slot = get32(w.slot),
			   .block_size = get32(w.block_size),
			   .n = w.n};
	for (unsigned k = 0; k < INTENT_RANGES && k < w.n; k++)
		i.range[k] = (struct intent_range){get32(w.range[k].num), get32(w.range[k].page),
						   get32(w.range[k].from), get32(w.range[k].len)};
	if (seal != seal_of(raw) || !is_right(&i))
		return INTENT_BAD;
	*out = i;
	return INTENT_GOOD;
}

size_t intent_do(const struct intent *i, uint8_t *at, size_t n, const uint8_t *data)
{
	switch (i->kind) {
	case INTENT_ZERO:
		return poison_zero(at, n);
	case INTENT_FILL:
		return poison_fill(at, n, data, i->block_size);
	case INTENT_COPY:
		return poison_copy_in(at, data, n);
	}
	return 0;
}
