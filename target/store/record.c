// SPDX-License-Identifier: MIT
/* record.c - a record as bytes, and which of its copies counts. */
#include "store/record.h"

#include <string.h>

#include "base/crc32c.h"

_Static_assert(sizeof(RECORD_MAGIC) - 1 == sizeof(((struct record_head *)0)->magic), "magic");

static uint32_t crc_of(const uint8_t *raw)
{
	const size_t at = offsetof(struct record_head, crc), after = at + sizeof(be32);
	uint32_t crc = crc32c_update(CRC32C_INIT, raw, at);

	return ~crc32c_update(crc, raw + after, RECORD_BYTES - after);
}

static void put_head(uint8_t *raw, uint64_t sequence, uint32_t place)
{
	struct record_head h = {0};

	memcpy(h.magic, RECORD_MAGIC, sizeof(h.magic));
	put32(&h.format, STORE_FORMAT_NEWEST);
	put64(&h.sequence, sequence);
	put32(&h.place, place);
	memcpy(raw, &h, sizeof(h));
	put32(&h.crc, crc_of(raw));
	memcpy(raw, &h, sizeof(h));
}

void record_put_store(const struct record_store *r, uint8_t *raw)
{
	struct record_store_wire w = {0};

	put32(&w.page_shift, STORE_PAGE_SHIFT);
	put32(&w.settings_len, r->settings_len);
	memcpy(w.settings, r->settings, r->settings_len);
	memcpy(raw, &w, sizeof(w));
	put_head(raw, r->sequence, 0);
}

void record_put_lun(const struct record_lun *r, uint32_t place, uint8_t *raw)
{
	struct record_lun_wire w = {.state = (uint8_t)r->state,
				    .provisioning = (uint8_t)r->provisioning,
				    .flags = r->flags};

	put64(&w.bytes, r->bytes);
	put32(&w.label_len, r->label_len);
	memcpy(w.label, r->label, r->label_len);
	memcpy(raw, &w, sizeof(w));
	put_head(raw, r->sequence, place);
}

static bool is_zero(const uint8_t *raw)
{
	return raw[0] == 0 && !memcmp(raw, raw + 1, RECORD_BYTES - 1);
}

/* What every format has. */
static enum record_is check_head(const uint8_t *raw, uint32_t place, uint64_t *sequence)
{
	struct record_head h;

	*sequence = 0;
	if (is_zero(raw))
		return RECORD_NONE;
	memcpy(&h, raw, sizeof(h));
	if (memcmp(h.magic, RECORD_MAGIC, sizeof(h.magic)) || get32(h.crc) != crc_of(raw) ||
	    get32(h.place) != place || get32(h.format) < STORE_FORMAT_OLDEST)
		return RECORD_BAD;
	*sequence = get64(h.sequence);
	return get32(h.format) > STORE_FORMAT_NEWEST ? RECORD_NEWER : RECORD_GOOD;
}

enum record_is record_get_store(const uint8_t *raw, struct record_store *out)
{
	struct record_store_wire w;

	memset(out, 0, sizeof(*out));
	enum record_is is = check_head(raw, 0, &out->sequence);
	if (is != RECORD_GOOD)
		return is;
	memcpy(&w, raw, sizeof(w));
	uint32_t len = get32(w.settings_len);
	if (get32(w.page_shift) != STORE_PAGE_SHIFT || len > STORE_SETTINGS_MAX) {
		out->sequence = 0;
		return RECORD_BAD;
	}
	out->settings_len = len;
	memcpy(out->settings, w.settings, len);
	return RECORD_GOOD;
}

static bool is_sane(const struct record_lun_wire *w)
{
	const uint64_t bytes = get64(w->bytes);

	if (w->state > RECORD_GOING || w->provisioning > STORE_THIN || w->flags & ~RECORD_FLAGS)
		return false;
	if (get32(w->label_len) > STORE_LABEL_MAX || bytes % 512 || bytes > STORE_LUN_MAX)
		return false;
	return bytes || w->state == RECORD_FREE;
}

enum record_is record_get_lun(const uint8_t *raw, uint32_t place, struct record_lun *out)
{
	struct record_lun_wire w;
	uint64_t sequence;

	memset(out, 0, sizeof(*out));
	enum record_is is = check_head(raw, place, &sequence);
	if (is != RECORD_GOOD)
		return is;
	memcpy(&w, raw, sizeof(w));
	if (!is_sane(&w))
		return RECORD_BAD;
	out->sequence = sequence;
	out->state = (enum record_state)w.state;
	out->provisioning = (enum store_provisioning)w.provisioning;
	out->flags = w.flags;
	out->bytes = get64(w.bytes);
	out->label_len = get32(w.label_len);
	memcpy(out->label, w.label, out->label_len);
	return RECORD_GOOD;
}

enum record_is record_check(const uint8_t *raw, uint32_t place, uint64_t *sequence)
{
	struct record_store s;
	struct record_lun l;

	if (check_head(raw, place, sequence) == RECORD_NEWER)
		return RECORD_NEWER;
	enum record_is is = place ? record_get_lun(raw, place, &l) : record_get_store(raw, &s);
	*sequence = place ? l.sequence : s.sequence;
	return is;
}

/* All that is no loss. */
static bool counts(enum record_is is)
{
	return is != RECORD_BAD;
}

unsigned record_choose(const uint8_t *a, const uint8_t *b, uint32_t place, enum record_is *is,
		       bool *same)
{
	uint64_t sa, sb;
	enum record_is ia = record_check(a, place, &sa), ib = record_check(b, place, &sb);
	bool second = counts(ib) && (!counts(ia) || sb > sa);

	*is = second ? ib : ia;
	*same = memcmp(a, b, RECORD_BYTES) == 0;
	return second;
}
