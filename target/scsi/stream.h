/* SPDX-License-Identifier: MIT */
/*
 * stream.h - data-out to the medium, in whole logical blocks whatever the pieces it comes in.
 *
 * A block that comes in pieces waits in the task's buffer, so that nobody ever sees half of it on
 * the medium, however long the sender stalls.
 */
#ifndef MEMTGT_STREAM_H
#define MEMTGT_STREAM_H

#include <stdint.h>

#include "scsi/scsi.h"

/*
 * What to do with whole blocks for byte `off` of the medium. Returns the bytes taken from the
 * front, a multiple of the block; 0: none at the moment, or *r (OK before) says what failed.
 */
typedef size_t scsi_sink(struct scsi_task *t, uint64_t off, const uint8_t *p, size_t n,
			 struct scsi_result *r);

struct scsi_result scsi_stream(struct scsi_task *t, const uint8_t *p, size_t n,
			       scsi_sink *sink) SCSI_CHECKED;

/*
 * Data-out of t->bytes in whole blocks. If the initiator offers less (residual overflow), what it
 * offers must be whole blocks too: else nothing is taken, and the status says so.
 */
struct scsi_result scsi_stream_want(struct scsi_task *t) SCSI_CHECKED;

/* What an error of store_write() and store_fill() (other than -EAGAIN) at byte `off` means. */
struct scsi_result scsi_store_error(struct scsi_task *t, int64_t err, uint64_t off) SCSI_CHECKED;

#endif
