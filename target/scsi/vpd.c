// SPDX-License-Identifier: MIT
/* vpd.c - the VPD pages. SPC-4 7.8, SBC-3 6.5. */
#include "scsi/vpd.h"

#include <stdio.h>
#include <string.h>

#include "scsi/data.h"
#include "scsi/limits.h"
#include "store/store.h"

typedef void page_fn(const struct scsi_task *t, struct writer *w);

static page_fn supported_pages, unit_serial, identification, block_limits, characteristics,
	provisioning;

/* clang-format off */
static const struct page {
	uint8_t code;
	page_fn *fill; /* all that follows PAGE LENGTH */
} pages[] = {
	{ .code = 0x00, .fill = supported_pages },	/* SPC-4 7.8.14 */
	{ .code = 0x80, .fill = unit_serial },		/* SPC-4 7.8.15 */
	{ .code = 0x83, .fill = identification },	/* SPC-4 7.8.6 */
	{ .code = 0xb0, .fill = block_limits },		/* SBC-3 6.5.3 */
	{ .code = 0xb1, .fill = characteristics },	/* SBC-3 6.5.2 */
	{ .code = 0xb2, .fill = provisioning },		/* SBC-3 6.5.4 */
};
/* clang-format on */
#define PAGES (sizeof(pages) / sizeof(pages[0]))

/* Where no LU is, only the list of pages can be told. */
static size_t pages_of(const struct scsi_task *t)
{
	return t->lu ? PAGES : 1;
}

static void supported_pages(const struct scsi_task *t, struct writer *w)
{
	for (size_t i = 0; i < pages_of(t); i++)
		writer_u8(w, pages[i].code);
}

static void unit_serial(const struct scsi_task *t, struct writer *w)
{
	writer_put(w, t->lu->serial, strlen(t->lu->serial));
}

/* SPC-4 7.8.6.1 */
enum designator_type {
	TYPE_T10_VENDOR = 1,
	TYPE_NAA = 3,
	TYPE_RELATIVE_PORT = 4,
	TYPE_PORT_GROUP = 5,
	TYPE_SCSI_NAME = 8,
};
enum association { OF_LU = 0x00, OF_PORT = 0x10, OF_TARGET = 0x20 };
enum code_set { BINARY = 1, ASCII = 2, UTF8 = 3 };
#define PIV_ISCSI 0x80u /* the byte with the association: PROTOCOL IDENTIFIER is valid */
#define ISCSI	  0x50u /* PROTOCOL IDENTIFIER 5h, SPC-4 7.6.1 */

/* A designator's header. */
static void designator(struct writer *w, enum code_set set, enum association of,
		       enum designator_type type, size_t len)
{
	const unsigned about = (unsigned)of | (unsigned)type;

	writer_u8(w, (uint8_t)(set | (of == OF_LU ? 0 : ISCSI)));
	writer_u8(w, (uint8_t)(about | (of == OF_LU ? 0 : PIV_ISCSI)));
	writer_u8(w, 0);
	writer_u8(w, (uint8_t)len);
}

/* SPC-4 7.8.6.11: NUL-terminated and filled with NULs to a multiple of 4. */
static void scsi_name(struct writer *w, enum association of, const char *name, const char *suffix)
{
	const size_t text = strlen(name) + strlen(suffix);
	const size_t len = (text + 4) & ~(size_t)3;

	designator(w, UTF8, of, TYPE_SCSI_NAME, len);
	writer_put(w, name, strlen(name));
	writer_put(w, suffix, strlen(suffix));
	writer_zero(w, len - text);
}

static void identification(const struct scsi_task *t, struct writer *w)
{
	const char *target = t->nexus->target->name;
	const uint16_t group = t->nexus->port_group;
	const struct scsi_lu *lu = t->lu;
	char port[16]; /* RFC 7143 4.4.2 and SPC-4 7.8.6.11: name ",t,0x" portal group tag */

	designator(w, BINARY, OF_LU, TYPE_NAA, sizeof(lu->naa));
	writer_put(w, lu->naa, sizeof(lu->naa));

	designator(w, ASCII, OF_LU, TYPE_T10_VENDOR, 8 + strlen(lu->serial));
	scsi_put_padded(w, SCSI_VENDOR, 8);
	writer_put(w, lu->serial, strlen(lu->serial));

	designator(w, BINARY, OF_PORT, TYPE_RELATIVE_PORT, 4);
	writer_u32(w,
		   group); /* an iSCSI target port is a portal group, so its tag tells it apart */
	designator(w, BINARY, OF_PORT, TYPE_PORT_GROUP, 4);
	writer_u32(w, group);
	snprintf(port, sizeof(port), ",t,0x%04x", (unsigned)group);
	scsi_name(w, OF_PORT, target, port);
	scsi_name(w, OF_TARGET, target, "");
}

/*
 * WSNZ 1 and MAXIMUM WRITE SAME LENGTH 0: WRITE SAME takes any length but 0. Memory goes back to
 * the host by pages, hence the unmap granularity and alignment.
 */
static void block_limits(const struct scsi_task *t, struct writer *w)
{
	const unsigned shift = t->lu->block_shift;

	writer_u8(w, 0x01); /* WSNZ */
	writer_u8(w, SCSI_COMPARE_BLOCKS);
	writer_u16(w, 0); /* OPTIMAL TRANSFER LENGTH GRANULARITY: not reported */
	writer_u32(w, SCSI_TRANSFER_MAX >> shift);
	writer_u32(w, SCSI_TRANSFER_OPTIMAL >> shift);
	writer_u32(w, 0); /* MAXIMUM PREFETCH LENGTH: not reported */
	writer_u32(w, SCSI_UNMAP_BLOCKS);
	writer_u32(w, SCSI_UNMAP_DESCRIPTORS);
	writer_u32(w, (uint32_t)(STORE_PAGE_SIZE >> shift));
	writer_u32(w, 0x80000000u); /* UGAVALID, alignment 0 */
	writer_u64(w, 0);	    /* MAXIMUM WRITE SAME LENGTH: no limit */
	writer_u32(w, SCSI_ATOMIC_MAX >> shift);
	writer_u32(w, 0); /* ATOMIC ALIGNMENT: any block */
	writer_u32(w, 0); /* ATOMIC TRANSFER LENGTH GRANULARITY: any number */
	writer_u32(w, SCSI_ATOMIC_MAX >> shift); /* ... WITH ATOMIC BOUNDARY */
	writer_u32(w, SCSI_ATOMIC_MAX >> shift); /* MAXIMUM ATOMIC BOUNDARY SIZE */
}

static void characteristics(const struct scsi_task *t, struct writer *w)
{
	(void)t;
	writer_u16(w, 0x0001); /* MEDIUM ROTATION RATE: non-rotating */
	writer_zero(w, 58);
}

/*
 * A full LUN takes UNMAP as well: it zeroes the blocks and keeps their memory. That is a "resource
 * provisioned" unit (SBC-3 4.7.3.3): LBPME is 1, and the type tells that no write can run short.
 * ANCHOR asks it for what it does anyway; its blocks are mapped again at once of their own accord.
 */
static void provisioning(const struct scsi_task *t, struct writer *w)
{
	/* THRESHOLD EXPONENT: resources are counted in pages, see log_sense.c */
	writer_u8(w, (uint8_t)(STORE_PAGE_SHIFT - t->lu->block_shift));
	writer_u8(w, 0xe6); /* LBPU, LBPWS, LBPWS10, LBPRZ, ANC_SUP */
	writer_u8(w, t->lu->thin ? 2 : 1);
	writer_u8(w, 0);
}

static const struct page *find(const struct scsi_task *t)
{
	for (size_t i = 0; i < pages_of(t); i++) {
		if (pages[i].code == t->cdb[2])
			return &pages[i];
	}
	return NULL;
}

struct scsi_result scsi_vpd(struct scsi_task *t)
{
	const struct page *page = find(t);
	struct writer w;

	if (!page)
		return scsi_bad_byte(2);
	struct scsi_result r = scsi_param_begin(t, &w);

	if (r.outcome != SENSE_OK)
		return r;
	writer_u8(&w, scsi_peripheral(t));
	writer_u8(&w, page->code);
	writer_u16(&w, 0);
	page->fill(t, &w);
	st16(t->buf + 2, (uint16_t)(w.want - 4)); /* PAGE LENGTH */
	return scsi_param_end(t, &w, ld16(t->cdb + 3));
}
