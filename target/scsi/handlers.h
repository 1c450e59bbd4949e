/* SPDX-License-Identifier: MIT */
/* handlers.h - the functions that the rows of tbl/scsi_ops.def name. */
#ifndef MEMTGT_HANDLERS_H
#define MEMTGT_HANDLERS_H

#include "scsi/op.h"

/* inquiry.c */
scsi_fn scsi_inquiry;
/* capacity.c */
scsi_fn scsi_read_capacity10, scsi_read_capacity16, scsi_get_lba_status;
/* defects.c */
scsi_fn scsi_read_defects10, scsi_read_defects12;
/* report_luns.c */
scsi_fn scsi_report_luns;
/* report_opcodes.c */
scsi_fn scsi_report_opcodes;
/* log_sense.c */
scsi_fn scsi_log_sense;
/* mode_sense.c */
scsi_fn scsi_mode_sense;
/* unit.c */
scsi_fn scsi_test_unit_ready, scsi_request_sense, scsi_start_stop, scsi_sync_cache, scsi_prefetch;
/* rw.c */
scsi_fn scsi_read, scsi_read_run, scsi_write;
scsi_out_fn scsi_write_out;
/* verify.c */
scsi_fn scsi_verify, scsi_verify_run;
scsi_out_fn scsi_verify_out;
/* write_same.c */
scsi_fn scsi_write_same, scsi_write_same_run;
/* unmap.c */
scsi_fn scsi_unmap, scsi_unmap_run;
/* The end of the last of its ranges, in blocks; 0 while the list is not there and checked. */
uint64_t scsi_unmap_end(const struct scsi_task *t);
/* atomic.c */
scsi_fn scsi_compare_and_write, scsi_compare_and_write_run;
scsi_fn scsi_write_atomic, scsi_write_atomic_run;
/* orwrite.c */
scsi_fn scsi_orwrite, scsi_orwrite_run;
scsi_out_fn scsi_orwrite_out;
/* pr_in.c */
scsi_fn scsi_pr_read_keys, scsi_pr_read_reservation, scsi_pr_report_capabilities,
	scsi_pr_read_full_status;
/* pr_out.c */
scsi_fn scsi_pr_out, scsi_pr_out_run;
/* reserve6.c */
scsi_fn scsi_reserve6, scsi_release6;
/* data.c */
scsi_out_fn scsi_list_out;
/* whole.c */
scsi_out_fn scsi_whole_out;

#endif
