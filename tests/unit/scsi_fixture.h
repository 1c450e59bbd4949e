/* SPDX-License-Identifier: MIT */
/*
 * scsi_fixture.h - a target of three LUs over a medium of plain memory, and a client for it.
 *
 * The medium stands in for store/: it fails, stops and cuts its work into slices when told to.
 */
#ifndef MEMTGT_SCSI_FIXTURE_H
#define MEMTGT_SCSI_FIXTURE_H

#include <check.h>
#include <stdbool.h>
#include <stdint.h>

#include "memtgt/wire.h"
#include "scsi/op.h"
#include "scsi/scsi.h"
#include "store/store.h"

#define FX_LUS	 3u
#define FX_PAGES 4u /* of STORE_PAGE_SIZE, and half a page more */

struct fixture {
	struct scsi_lu lus[FX_LUS]; /* ids 0, 5, 255; all on the one medium */
	struct scsi_target target;
	struct scsi_attentions ua[SCSI_LUNS_MAX]; /* by LUN id */
	struct scsi_nexus nexus;
	struct scsi_nexus *as;	      /* whose commands run; NULL: its */
	struct scsi_nexus *others[4]; /* who is told of a fence besides */
	unsigned nothers;
	unsigned fences;
	enum scsi_fence_verdict verdict[1 + 4]; /* of the last: of nexus, then of others */
	struct scsi_worker worker;
	struct scsi_task task;

	uint8_t *medium;
	uint64_t medium_len;
	enum store_state state[FX_PAGES + 1];
	uint64_t available, pages;
	uint64_t lost, lost_len; /* bytes that store_lost() tells of */
	uint64_t slice;		 /* bytes of one store_unmap(), store_anchor() or store_fill() */
	int64_t error;	      /* store_write(), store_anchor() and store_fill() fail with it... */
	unsigned error_after; /* ...after that many calls... */
	unsigned error_times; /* ...so often */
	unsigned unmaps, fills, writes, anchors; /* calls */
	uint64_t anchors_max; /* bytes that store_anchor_check() lets a command have */
	unsigned looks;	      /* blocks that one slice of it looks at */
	unsigned checks;      /* slices of it */
	unsigned check_waits; /* so often every second call of it says that pages are coming */
	unsigned prepares;    /* calls of store_prepare(), which fails as store_write() does */
	unsigned points;      /* that were set; a later one is later */
	unsigned passed;      /* up to this one */
	unsigned wakes;	      /* calls of store_wake() */

	size_t chunk;	  /* data-out goes out in pieces of this; 0: at once */
	unsigned runs;	  /* calls of scsi_run() by the last command */
	unsigned stops;	  /* times scsi_data_out() took less */
	unsigned starved; /* times that was, or scsi_run() did nothing, for want of a page */
	uint8_t *in;	  /* data-in of the last command, in a block of exactly in_len bytes */
	size_t in_len;
};
extern struct fixture fx;

void fx_open(uint32_t block_size, bool thin); /* no unit attention waits */
void fx_open_512(void);
void fx_open_4096(void);
void fx_close(void);

/* Runs a command from start to end on the LU of index 0, or on the LUN field given. */
#define CDB(...) ((const uint8_t[16]){__VA_ARGS__})
void fx_run(const uint8_t cdb[static 16], const void *out, size_t out_len);
void fx_run_on(const uint8_t lun[static 8], const uint8_t cdb[static 16], const void *out,
	       size_t out_len);
extern const uint8_t fx_lun0[8], fx_lun_none[8];

/* The medium in blocks. */
#define FX_BLOCK fx.lus[0].block_size
#define FX_LAST	 (fx.lus[0].blocks - 1)

/* A CDB with a range, of the length that its opcode's group has; byte 1 is `flags`. */
void fx_cdb(uint8_t c[static 16], uint8_t opcode, uint8_t flags, uint64_t lba, uint32_t blocks);
/* Runs it, with `blocks` blocks of data-out unless `out` is NULL. */
void fx_run_range(uint8_t opcode, uint8_t flags, uint64_t lba, uint32_t blocks, const void *out);
/* n bytes, none of them 0, to be freed. */
uint8_t *fx_pattern(size_t n, unsigned seed);

/* Of the last command. */
void fx_good(void);
void fx_sense(unsigned key, unsigned asc, unsigned ascq);
void fx_bad_cdb(unsigned byte, int bit); /* 24/00 with that field pointer; bit -1: none */
void fx_info(uint32_t info);

/* Compares with tests/golden/NAME.hex; UPDATE_GOLDEN=1 in the environment writes it. */
void fx_golden(const char *name, const uint8_t *p, size_t n);

/* Runs the CDB with every allocation length from 0 to len+1; the field has `width` bytes at `at`.
 * Each answer must be the front of the longest one, which is left in fx.in. */
void fx_every_allocation(const uint8_t cdb[static 16], unsigned at, unsigned width);

#endif
