// SPDX-License-Identifier: MIT
/* inquiry.c - INQUIRY: the standard data; VPD pages are in vpd.c. SPC-4 6.6. */
#include <stdio.h>

#include "scsi/data.h"
#include "scsi/handlers.h"
#include "scsi/vpd.h"

#define EVPD		0x01u
#define STANDARD_LENGTH 96u /* with all eight version descriptors */

/* SPC-4 table 204 and annex D: architecture, transport, primary and block commands */
static const uint16_t versions[] = {
	0x00a0, /* SAM-5 */
	0x0960, /* iSCSI */
	0x0460, /* SPC-4 */
	0x04c0, /* SBC-3 */
};

void scsi_put_padded(struct writer *w, const char *s, size_t width)
{
	for (size_t i = 0; i < width; i++)
		writer_u8(w, *s ? (uint8_t)*s++ : ' ');
}

uint8_t scsi_peripheral(const struct scsi_task *t)
{
	return t->lu ? 0x00 : 0x7f;
}

/* PRODUCT REVISION LEVEL: what four characters can tell of the version, "0.1" of "0.1.0". */
static void put_revision(struct writer *w)
{
	char text[5];
	const int n = snprintf(text, sizeof(text), "%.4s", PACKAGE_VERSION);

	if (n > 0 && text[n - 1] == '.')
		text[n - 1] = '\0';
	scsi_put_padded(w, text, 4);
}

static struct scsi_result standard(struct scsi_task *t)
{
	struct writer w;
	struct scsi_result r = scsi_param_begin(t, &w);

	if (r.outcome != SENSE_OK)
		return r;
	writer_u8(&w, scsi_peripheral(t));
	writer_u8(&w, 0x00); /* RMB 0 */
	writer_u8(&w, 0x06); /* SPC-4 */
	writer_u8(&w, 0x12); /* HISUP, RESPONSE DATA FORMAT 2 */
	writer_u8(&w, STANDARD_LENGTH - 5);
	writer_zero(&w, 2);
	writer_u8(&w, 0x02); /* CMDQUE */
	scsi_put_padded(&w, SCSI_VENDOR, 8);
	scsi_put_padded(&w, "MEMORY LUN", 16);
	put_revision(&w);
	writer_zero(&w, 58 - w.want);
	for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++)
		writer_u16(&w, versions[i]);
	writer_zero(&w, STANDARD_LENGTH - w.want);
	return scsi_param_end(t, &w, ld16(t->cdb + 3));
}

struct scsi_result scsi_inquiry(struct scsi_task *t)
{
	if (t->cdb[1] & EVPD)
		return scsi_vpd(t);
	if (t->cdb[2])
		return scsi_bad_byte(2);
	if (t->lu)
		scsi_stopped_probe(t->nexus, t->lu);
	return standard(t);
}
