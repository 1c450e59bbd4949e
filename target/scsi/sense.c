// SPDX-License-Identifier: MIT
/* sense.c - the only writer of status and sense bytes. SPC-4 4.5. */
#include "scsi/sense.h"

#include <assert.h>
#include <string.h>

#include "memtgt/wire.h"
#include "scsi/scsi.h"

struct sense_code {
	uint8_t key, asc, ascq;
	const char *text;
};

static const struct sense_code codes[SENSE_OUTCOMES] = {
	[SENSE_OK] = {.text = "GOOD"},
	[SENSE_BUSY] = {.text = "BUSY"},
	[SENSE_RESERVATION_CONFLICT] = {.text = "RESERVATION CONFLICT"},
#define X(name, k, a, q, t) [SENSE_##name] = {.key = (k), .asc = (a), .ascq = (q), .text = (t)},
#include "tbl/scsi_sense.def"
#undef X
};

#define RESPONSE_FIXED	    0x70u /* current information, SPC-4 4.5.1 */
#define RESPONSE_DESCRIPTOR 0x72u
#define VALID		    0x80u
#define SKSV		    0x80u
#define C_D		    0x40u
#define BPV		    0x08u

static bool is_specific(const struct scsi_result *r)
{
	return r->has_field || r->has_progress;
}

/* The sense key specific bytes, SPC-4 4.5.2.4: the field pointer of ILLEGAL REQUEST, or the
 * progress indication of NO SENSE and NOT READY. */
static void put_specific(const struct scsi_result *r, uint8_t out[static 3])
{
	out[0] = SKSV;
	if (r->has_progress) {
		st16(out + 1, r->progress);
		return;
	}
	out[0] |= (uint8_t)((r->in_cdb ? C_D : 0) | (r->has_bit ? BPV | r->bit : 0));
	st16(out + 1, r->field);
}

static size_t build_fixed(const struct scsi_result *r, const struct sense_code *c, uint8_t *out)
{
	memset(out, 0, SCSI_SENSE_FIXED);
	out[0] = RESPONSE_FIXED;
	out[2] = c->key;
	out[7] = SCSI_SENSE_FIXED - 8;
	out[12] = c->asc;
	out[13] = c->ascq;
	/* Four bytes only: a larger value is left out with VALID 0 (SPC-4 4.5.3). */
	if (r->has_info && r->info <= UINT32_MAX) {
		out[0] |= VALID;
		st32(out + 3, (uint32_t)r->info);
	}
	if (is_specific(r))
		put_specific(r, out + 15);
	return SCSI_SENSE_FIXED;
}

static size_t build_descriptor(const struct scsi_result *r, const struct sense_code *c,
			       uint8_t *out)
{
	size_t n = 8;

	memset(out, 0, SCSI_SENSE_MAX);
	out[0] = RESPONSE_DESCRIPTOR;
	out[1] = c->key;
	out[2] = c->asc;
	out[3] = c->ascq;
	if (r->has_info) { /* SPC-4 4.5.2.2: type 00h */
		out[n + 1] = 0x0a;
		out[n + 2] = VALID;
		st64(out + n + 4, r->info);
		n += 12;
	}
	if (is_specific(r)) { /* SPC-4 4.5.2.4: type 02h */
		out[n] = 0x02;
		out[n + 1] = 0x06;
		put_specific(r, out + n + 4);
		n += 8;
	}
	out[7] = (uint8_t)(n - 8);
	return n;
}

size_t sense_build(struct scsi_result r, bool descriptor, uint8_t out[static SCSI_SENSE_MAX])
{
	assert(r.outcome < SENSE_OUTCOMES);
	const struct sense_code *c = &codes[r.outcome];

	return descriptor ? build_descriptor(&r, c, out) : build_fixed(&r, c, out);
}

void sense_finish(struct scsi_task *t, struct scsi_result r)
{
	t->sense_len = 0;
	switch (r.outcome) {
	case SENSE_OK:
		t->status = SCSI_GOOD;
		return;
	case SENSE_BUSY:
		t->status = SCSI_BUSY;
		return;
	case SENSE_RESERVATION_CONFLICT:
		t->status = SCSI_RESERVATION_CONFLICT;
		return;
	default:
		t->status = SCSI_CHECK_CONDITION;
		t->sense_len = (uint8_t)sense_build(r, false, t->sense);
	}
}

const char *sense_text(enum scsi_outcome o)
{
	return o < SENSE_OUTCOMES ? codes[o].text : "?";
}
