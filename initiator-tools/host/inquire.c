// SPDX-License-Identifier: MIT
/* inquire.c - INQUIRY and READ CAPACITY. */
#include "initiator-tools/host/inquire.h"

#include <errno.h>

#include "initiator-tools/answer.h"

#define PAGE_MAX     255
#define CAPACITY_MAX 32

int inquire_page(const struct sg_device *d, uint8_t page, uint8_t *buf, uint16_t n,
		 struct sg_result *r)
{
	/* SPC-4 6.6 */
	struct sg_command c = {.cdb = {0x12, 0x01, page, (uint8_t)(n >> 8), (uint8_t)n},
			       .cdb_len = 6,
			       .way = SG_FROM_DISK,
			       .len = n};
	int err = sg_run(d, &c, buf, r);

	if (err)
		return err;
	return r->status == SG_GOOD ? (int)(r->got < n ? r->got : n) : -EREMOTEIO;
}

/* A disk that does not know a page has none; one that does not answer is another matter. */
static int read_pages(const struct sg_device *d, struct donor_lun *out, struct sg_result *r)
{
	uint8_t buf[PAGE_MAX];
	int n = inquire_page(d, 0x83, buf, sizeof(buf), r);

	if (n >= 0)
		(void)answer_identification(cursor_of(buf, (size_t)n), out);
	else if (n != -EREMOTEIO || r->status != SG_CHECK)
		return n;
	n = inquire_page(d, 0x80, buf, sizeof(buf), r);
	if (n >= 0)
		(void)answer_serial(cursor_of(buf, (size_t)n), out);
	else if (n != -EREMOTEIO || r->status != SG_CHECK)
		return n;
	return 0;
}

int inquire_identity(const struct sg_device *d, struct donor_lun *out, struct sg_result *r)
{
	/* SBC-3 5.16 */
	static const struct sg_command capacity = {.cdb = {0x9e, 0x10, [13] = CAPACITY_MAX},
						   .cdb_len = 16,
						   .way = SG_FROM_DISK,
						   .len = CAPACITY_MAX};
	uint8_t buf[CAPACITY_MAX];

	*out = (struct donor_lun){0};
	int err = read_pages(d, out, r);
	if (err)
		return err;
	err = sg_run(d, &capacity, buf, r);
	if (err)
		return err;
	if (r->status != SG_GOOD || !answer_capacity(cursor_of(buf, r->got), out))
		return -EREMOTEIO;
	return 0;
}
