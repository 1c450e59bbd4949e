/* SPDX-License-Identifier: MIT */
/*
 * whole.h - data-out that is there as a whole before anything is touched, and then done at once.
 *
 * Small data waits in the task's buffer, as parameter lists do. Larger data takes one of a bounded
 * number of buffers of its worker, and BUSY is the answer where none is free: a peer that withholds
 * its data holds back nobody who writes less, nor anybody for ever.
 */
#ifndef MEMTGT_WHOLE_H
#define MEMTGT_WHOLE_H

#include <stdint.h>

#include "scsi/scsi.h"

/* Asks for n bytes of data-out, n <= SCSI_WHOLE_SIZE, and takes a buffer for them. An initiator
 * that offers less is refused; scsi_whole_out() takes them. */
struct scsi_result scsi_whole_want(struct scsi_task *t, size_t n) SCSI_CHECKED;
const uint8_t *scsi_whole_data(const struct scsi_task *t);
void scsi_whole_put(struct scsi_task *t);

/*
 * Writes n bytes at byte `off` of the medium, all or nothing, within a hold of the stripes there.
 * More: no page at the moment, and nothing was written.
 */
struct scsi_result scsi_whole_write(struct scsi_task *t, uint64_t off, const uint8_t *p,
				    size_t n) SCSI_CHECKED;
/* What an error of store_prepare() for these bytes means. */
struct scsi_result scsi_whole_error(struct scsi_task *t, int64_t err, uint64_t off,
				    size_t n) SCSI_CHECKED;

#endif
