// SPDX-License-Identifier: MIT
/*
 * mode_sense.c - MODE SENSE(6) and (10). SPC-4 6.14, 7.5; SBC-3 6.4.
 *
 * No parameter can be changed (there is no MODE SELECT), so default values are the current ones
 * and the mask of changeable ones is zero.
 */
#include "scsi/data.h"
#include "scsi/handlers.h"

/* clang-format off */
static const struct mode_page {
	uint8_t len; /* with its two bytes of header */
	uint8_t data[20];
} pages[] = {
	/* Read-Write Error Recovery, SBC-3 6.4.7: LBPERE, thresholds are told by unit attention */
	{ .len = 12, .data = { 0x01, 0x0a, [7] = 0x80 } },
	/* Caching, SBC-3 6.4.5: WCE 0, for what is acknowledged is on the medium */
	{ .len = 20, .data = { 0x08, 0x12 } },
	/* Control, SPC-4 7.5.8: TST 001b (a task set per I_T nexus), unrestricted reordering,
	 * QERR 00b, D_SENSE 0 */
	{ .len = 12, .data = { 0x0a, 0x0a, 0x20, 0x10 } },
	/* Informational Exceptions Control, SPC-4 7.5.11: DEXCPT, nothing is predicted */
	{ .len = 12, .data = { 0x1c, 0x0a, 0x08 } },
};
/* clang-format on */
#define PAGES (sizeof(pages) / sizeof(pages[0]))

#define DBD		 0x08u
#define LLBAA		 0x10u
#define ALL_PAGES	 0x3fu
#define ALL_SUBPAGES	 0xffu
#define WP		 0x80u /* DEVICE-SPECIFIC PARAMETER, SBC-3 6.4.1 */
#define DPOFUA		 0x10u
#define MODE_SENSE_6_LEN 6u

enum page_control { PC_CURRENT = 0, PC_CHANGEABLE = 1, PC_DEFAULT = 2, PC_SAVED = 3 };

static size_t descriptor_len(const struct scsi_task *t)
{
	if (t->cdb[1] & DBD)
		return 0;
	return t->cdb[1] & LLBAA ? 16 : 8; /* MODE SENSE(6) has no LLBAA: its mask refuses it */
}

/* SBC-3 6.4.2: the number of blocks, FFFFFFFFh if it does not fit, and their length. */
static void put_descriptor(const struct scsi_task *t, struct writer *w)
{
	const struct scsi_lu *lu = t->lu;
	const uint64_t blocks = lu->blocks;

	switch (descriptor_len(t)) {
	case 8:
		writer_u32(w, blocks < UINT32_MAX ? (uint32_t)blocks : UINT32_MAX);
		writer_u32(w, lu->block_size);
		break;
	case 16:
		writer_u64(w, blocks);
		writer_u32(w, 0);
		writer_u32(w, lu->block_size);
		break;
	default:
		break;
	}
}

/* MODE DATA LENGTH comes last: see put_length(). */
static void put_header(const struct scsi_task *t, struct writer *w)
{
	const uint8_t descriptors = (uint8_t)descriptor_len(t);
	const uint8_t specific = (uint8_t)(DPOFUA | (scsi_lu_read_only(t->nexus, t->lu) ? WP : 0));

	if (t->op->cdb_len == MODE_SENSE_6_LEN) { /* SPC-4 7.5.5 */
		writer_u16(w, 0);
		writer_u8(w, specific);
		writer_u8(w, descriptors);
		return;
	}
	writer_zero(w, 3);
	writer_u8(w, specific);
	writer_u8(w, descriptors == 16); /* LONGLBA */
	writer_u8(w, 0);
	writer_u16(w, descriptors);
}

/* The bytes after the field itself. */
static void put_length(const struct scsi_task *t, const struct writer *w)
{
	if (t->op->cdb_len == MODE_SENSE_6_LEN)
		t->buf[0] = (uint8_t)(w->want - 1);
	else
		st16(t->buf, (uint16_t)(w->want - 2));
}

static void put_page(struct writer *w, const struct mode_page *page, enum page_control pc)
{
	writer_put(w, page->data, 2);
	if (pc == PC_CHANGEABLE)
		writer_zero(w, page->len - 2u);
	else
		writer_put(w, page->data + 2, page->len - 2u);
}

/* The pages asked for; how many that were. */
static unsigned put_pages(const struct scsi_task *t, struct writer *w)
{
	const uint8_t code = t->cdb[2] & 0x3f;
	unsigned n = 0;

	for (size_t i = 0; i < PAGES; i++) {
		if (code != ALL_PAGES && code != pages[i].data[0])
			continue;
		put_page(w, &pages[i], t->cdb[2] >> 6);
		n++;
	}
	return n;
}

struct scsi_result scsi_mode_sense(struct scsi_task *t)
{
	struct writer w;

	if (t->cdb[2] >> 6 == PC_SAVED)
		return scsi_fail(SENSE_NO_SAVED_PAGES);
	if (t->cdb[3] && t->cdb[3] != ALL_SUBPAGES)
		return scsi_bad_byte(3);
	struct scsi_result r = scsi_param_begin(t, &w);

	if (r.outcome != SENSE_OK)
		return r;
	put_header(t, &w);
	put_descriptor(t, &w);
	if (!put_pages(t, &w))
		return scsi_bad_bit(2, 5);
	put_length(t, &w);
	return scsi_param_end(t, &w,
			      t->op->cdb_len == MODE_SENSE_6_LEN ? t->cdb[4] : ld16(t->cdb + 7));
}
