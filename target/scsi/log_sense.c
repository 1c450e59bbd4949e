// SPDX-License-Identifier: MIT
/*
 * log_sense.c - LOG SENSE: how much memory there is for the unit. SPC-4 6.8, 7.3; SBC-3 6.3.
 *
 * Nothing is saved and nothing is cumulative, so SP is refused and PC makes no difference (SPC-4
 * 6.8: list parameters have one value).
 */
#include "scsi/data.h"
#include "scsi/handlers.h"
#include "store/store.h"

typedef void log_fn(const struct scsi_task *t, struct writer *w);

static log_fn supported_pages, supported_subpages, provisioning;

#define ALL_SUBPAGES 0xffu

enum resource { RESOURCE_AVAILABLE = 0x0001, RESOURCE_USED = 0x0002 }; /* SBC-3 6.3.4 */

/* clang-format off */
static const struct log_page {
	uint8_t code, subpage;
	uint16_t last; /* the highest parameter code; 0: it is a list without parameters */
	log_fn *fill;  /* all that follows PAGE LENGTH */
} pages[] = { /* by rising code and subpage */
	{ .code = 0x00, .subpage = 0x00, .fill = supported_pages },
	{ .code = 0x00, .subpage = ALL_SUBPAGES, .fill = supported_subpages },
	{ .code = 0x0c, .subpage = 0x00, .last = RESOURCE_USED, .fill = provisioning },
};
/* clang-format on */
#define PAGES (sizeof(pages) / sizeof(pages[0]))

#define DS	0x80u /* SPC-4 7.3.2: no parameter is saved */
#define SPF	0x40u /* the page has a subpage code */
#define POINTER 5u    /* bytes 5 and 6 of the CDB */

static uint16_t pointer(const struct scsi_task *t)
{
	return ld16(t->cdb + POINTER);
}

static void supported_pages(const struct scsi_task *t, struct writer *w)
{
	(void)t;
	for (size_t i = 0; i < PAGES; i++)
		if (!pages[i].subpage)
			writer_u8(w, pages[i].code);
}

static void supported_subpages(const struct scsi_task *t, struct writer *w)
{
	(void)t;
	for (size_t i = 0; i < PAGES; i++) {
		writer_u8(w, pages[i].code);
		writer_u8(w, pages[i].subpage);
	}
}

/* SBC-3 6.3.4: whose the counted resources are. */
enum scope { SCOPE_UNIT = 1, SCOPE_SHARED = 2 };

/* Counts are in threshold sets, of 2^THRESHOLD EXPONENT blocks (VPD B2h): pages. */
static void put_count(struct writer *w, enum resource code, uint64_t pages_counted, enum scope s)
{
	writer_u16(w, (uint16_t)code);
	writer_u8(w, 0x03); /* FORMAT AND LINKING: a list in binary */
	writer_u8(w, 8);
	writer_u32(w, pages_counted < UINT32_MAX ? (uint32_t)pages_counted : UINT32_MAX);
	writer_u8(w, (uint8_t)s);
	writer_zero(w, 3);
}

static void provisioning(const struct scsi_task *t, struct writer *w)
{
	if (pointer(t) <= RESOURCE_AVAILABLE)
		put_count(w, RESOURCE_AVAILABLE, store_lun_available(t->lu->store), SCOPE_SHARED);
	put_count(w, RESOURCE_USED, store_lun_pages(t->lu->store), SCOPE_UNIT);
}

static const struct log_page *find(const struct scsi_task *t)
{
	for (size_t i = 0; i < PAGES; i++)
		if (pages[i].code == (t->cdb[2] & 0x3f) && pages[i].subpage == t->cdb[3])
			return &pages[i];
	return NULL;
}

/* The code that is wrong: the page's, or only the subpage's. */
static struct scsi_result no_such_page(const struct scsi_task *t)
{
	for (size_t i = 0; i < PAGES; i++)
		if (pages[i].code == (t->cdb[2] & 0x3f))
			return scsi_bad_byte(3);
	return scsi_bad_bit(2, 5);
}

struct scsi_result scsi_log_sense(struct scsi_task *t)
{
	const struct log_page *page = find(t);
	struct writer w;

	if (!page)
		return no_such_page(t);
	if (pointer(t) > page->last)
		return scsi_bad_byte(POINTER);
	struct scsi_result r = scsi_param_begin(t, &w);

	if (r.outcome != SENSE_OK)
		return r;
	writer_u8(&w, (uint8_t)(page->code | (page->code ? DS : 0) | (page->subpage ? SPF : 0)));
	writer_u8(&w, page->subpage);
	writer_u16(&w, 0);
	page->fill(t, &w);
	st16(t->buf + 2, (uint16_t)(w.want - 4)); /* PAGE LENGTH */
	return scsi_param_end(t, &w, ld16(t->cdb + 7));
}
