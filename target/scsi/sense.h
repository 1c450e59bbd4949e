/* SPDX-License-Identifier: MIT */
/*
 * sense.h - the outcome of a command, and the one place that turns it into status and sense bytes.
 *
 * A handler returns a struct scsi_result, made by one of the functions below; it never writes
 * status or sense itself.
 */
#ifndef MEMTGT_SENSE_H
#define MEMTGT_SENSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct scsi_task;

/* Descriptor format with an information and a sense key specific descriptor: 8 + 12 + 8. */
#define SCSI_SENSE_MAX	 28u
#define SCSI_SENSE_FIXED 18u

enum scsi_outcome {
	SENSE_OK,		    /* GOOD */
	SENSE_BUSY,		    /* BUSY, without sense: a shortage of ours */
	SENSE_RESERVATION_CONFLICT, /* that status, without sense */
#define X(name, key, asc, ascq, text) SENSE_##name,
#include "tbl/scsi_sense.def"
#undef X
	SENSE_OUTCOMES
};

struct scsi_result {
	enum scsi_outcome outcome;
	bool more;  /* outcome OK: scsi_run() has (more) to do */
	bool fence; /* outcome OK: scsi_fence() comes next; see scsi_fenced() */
	/* SPC-4 4.5.2.4.2: which byte, and which bit of it, of the CDB or of the parameter list. */
	bool has_field, in_cdb, has_bit;
	uint8_t bit;
	uint16_t field;
	bool has_info;
	uint64_t info; /* INFORMATION: an LBA, or where a comparison differs */
	/* SPC-4 4.5.2.4.4: NO SENSE or NOT READY: this of 65536 parts is done. */
	bool has_progress;
	uint16_t progress;
};

/* A result that nobody looks at is a mistake. */
#define SCSI_CHECKED __attribute__((warn_unused_result))

static inline struct scsi_result scsi_ok(void)
{
	return (struct scsi_result){.outcome = SENSE_OK};
}

static inline struct scsi_result scsi_more(void)
{
	return (struct scsi_result){.outcome = SENSE_OK, .more = true};
}

static inline struct scsi_result scsi_fail(enum scsi_outcome o)
{
	return (struct scsi_result){.outcome = o};
}

static inline struct scsi_result scsi_fail_info(enum scsi_outcome o, uint64_t info)
{
	return (struct scsi_result){.outcome = o, .has_info = true, .info = info};
}

/* It is at work: `done` of `whole` (not 0) is done, which is told as less than all. */
static inline struct scsi_result scsi_fail_progress(enum scsi_outcome o, uint64_t done,
						    uint64_t whole)
{
	const uint64_t part = whole >> 16 ? done / (whole >> 16) : (done << 16) / whole;

	return (struct scsi_result){
		.outcome = o,
		.has_progress = true,
		.progress = part < UINT16_MAX ? (uint16_t)part : UINT16_MAX,
	};
}

/* INVALID FIELD IN CDB: a field that begins at `byte`, or one bit (the field's highest). */
static inline struct scsi_result scsi_bad_byte(unsigned byte)
{
	return (struct scsi_result){
		.outcome = SENSE_BAD_CDB_FIELD,
		.has_field = true,
		.in_cdb = true,
		.field = (uint16_t)byte,
	};
}

static inline struct scsi_result scsi_bad_bit(unsigned byte, unsigned bit)
{
	struct scsi_result r = scsi_bad_byte(byte);
	r.has_bit = true;
	r.bit = (uint8_t)bit;
	return r;
}

/* INVALID FIELD IN PARAMETER LIST: a field that begins at `byte` of the list. */
static inline struct scsi_result scsi_bad_list(unsigned byte)
{
	return (struct scsi_result){
		.outcome = SENSE_BAD_LIST_FIELD,
		.has_field = true,
		.field = (uint16_t)byte,
	};
}

/* Sets the task's status, and its autosense: always fixed format, as D_SENSE is 0 (mode page 0Ah).
 */
void sense_finish(struct scsi_task *t, struct scsi_result r);

/* Sense data of either format (SPC-4 4.5.2, 4.5.3). Returns the length. */
size_t sense_build(struct scsi_result r, bool descriptor, uint8_t out[static SCSI_SENSE_MAX]);

/* The text of an outcome, for log lines. */
const char *sense_text(enum scsi_outcome o);

#endif
