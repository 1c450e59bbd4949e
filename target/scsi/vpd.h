/* SPDX-License-Identifier: MIT */
/* vpd.h - vital product data: what INQUIRY answers with EVPD 1. SPC-4 7.8. */
#ifndef MEMTGT_VPD_H
#define MEMTGT_VPD_H

#include "memtgt/cursor.h"
#include "scsi/scsi.h"

#define SCSI_VENDOR "MEMTGT"

/* INQUIRY for the page in byte 2 of the CDB. */
struct scsi_result scsi_vpd(struct scsi_task *t) SCSI_CHECKED;

/* PERIPHERAL QUALIFIER and DEVICE TYPE: a disk, or (no such LU) 3 and 1Fh. SPC-4 6.6.2 */
uint8_t scsi_peripheral(const struct scsi_task *t);

/* A string left-aligned in `width` bytes, filled with spaces. SPC-4 4.4.1 */
void scsi_put_padded(struct writer *w, const char *s, size_t width);

#endif
