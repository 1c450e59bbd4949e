/* SPDX-License-Identifier: MIT */
/* data.h - a task's buffer: parameter data to send, parameter lists received. */
#ifndef MEMTGT_SCSI_DATA_H
#define MEMTGT_SCSI_DATA_H

#include <stdint.h>

#include "memtgt/cursor.h"
#include "scsi/scsi.h"

/* Gives the task a buffer of SCSI_BUF_SIZE, unless it has one. NULL: none is free. */
uint8_t *scsi_buf_get(struct scsi_task *t);
/* The same, of SCSI_LONG_BUF_SIZE, to a task that has none. */
uint8_t *scsi_buf_get_long(struct scsi_task *t);
void scsi_buf_put(struct scsi_task *t);

/* The block of data-in that waits in a buffer of its own, if any: data_in.c. */
void scsi_cut_put(struct scsi_task *t);

/* Parameter data is written between these two. BUSY if no buffer is free. */
struct scsi_result scsi_param_begin(struct scsi_task *t, struct writer *w) SCSI_CHECKED;
/* Cuts what was written at the allocation length (SPC-4 4.2.5.6); its length fields stay. */
struct scsi_result scsi_param_end(struct scsi_task *t, const struct writer *w,
				  uint64_t allocation_length) SCSI_CHECKED;

/* Asks for a parameter list of n bytes, n <= SCSI_BUF_SIZE; scsi_list_out() takes it. */
struct scsi_result scsi_list_want(struct scsi_task *t, size_t n) SCSI_CHECKED;

#endif
