/* SPDX-License-Identifier: MIT */
/* range.h - where on the medium a CDB points, and whether that is there. */
#ifndef MEMTGT_RANGE_H
#define MEMTGT_RANGE_H

#include <stdint.h>

#include "scsi/scsi.h"

/* LOGICAL BLOCK ADDRESS and the length field of the 6-, 10-, 12- and 16-byte CDBs of SBC. */
struct scsi_range {
	uint64_t lba;
	uint32_t blocks;
};
struct scsi_range scsi_cdb_range(const struct scsi_task *t);

/* The first block that a command may not touch just now. */
uint64_t scsi_lu_end(const struct scsi_lu *lu);

/*
 * LOGICAL BLOCK ADDRESS OUT OF RANGE unless [lba, lba+blocks) lies on the medium; INFORMATION is
 * the first LBA that does not. Zero blocks may begin at the end. BUSY where the LU decides about
 * its end just now.
 */
struct scsi_result scsi_range_check(const struct scsi_lu *lu, uint64_t lba,
				    uint64_t blocks) SCSI_CHECKED;

/* The same; then sets the task's off and bytes. */
struct scsi_result scsi_range_place(struct scsi_task *t, struct scsi_range g) SCSI_CHECKED;

/* The same, for the task's CDB. */
struct scsi_result scsi_range_set(struct scsi_task *t) SCSI_CHECKED;

/* The same, with MAXIMUM TRANSFER LENGTH of VPD B0h kept: INVALID FIELD IN CDB above it. */
struct scsi_result scsi_transfer_set(struct scsi_task *t) SCSI_CHECKED;

/* The same, for what looks at the medium: MEDIUM ERROR if a block of the range was lost;
 * INFORMATION is the first one. SPC-4 4.5.3 */
struct scsi_result scsi_read_set(struct scsi_task *t) SCSI_CHECKED;

/* A command meets memory that failed, or is lost otherwise, at byte `off` of the medium:
 * INFORMATION is its block. One log line tells of each page. */
struct scsi_result scsi_medium_error(struct scsi_task *t, enum scsi_outcome o,
				     uint64_t off) SCSI_CHECKED;

#endif
