/* SPDX-License-Identifier: MIT */
/*
 * record.h - loans in files: /var/lib/memtgt/NAME.json, one each.
 *
 * A file is replaced as a whole and is on the disk when the call returns: whoever reads it finds
 * one state or the next. One that cannot be understood is an error, never an absent loan. One
 * process changes loans at a time: record_lock().
 */
#ifndef MEMTGT_RECORD_H
#define MEMTGT_RECORD_H

#include <stddef.h>

#include "initiator-tools/loan/loan.h"

#define RECORD_DIR     "/var/lib/memtgt"
#define RECORD_VERSION 1
#define RECORD_MAX     ((size_t)1 << 20) /* bytes; a larger file is none of ours */

/* NULL, or why this is no name of a loan. */
const char *record_bad_name(const char *name);

/*
 * Makes the folder if it is not there, and locks it until the process ends or the descriptor is
 * closed. Waits for at most so long; -EBUSY: another memloan is at work. The descriptor or -errno.
 */
int record_lock(const char *dir, unsigned wait_ms) __attribute__((warn_unused_result));

/* 0; -ENOENT: there is no such loan; or -errno with a sentence in `why`. To be freed by
 * loan_free(). */
int record_read(const char *dir, const char *name, struct loan *out, char *why, size_t why_len)
	__attribute__((warn_unused_result));
int record_write(const char *dir, const struct loan *l, char *why, size_t why_len)
	__attribute__((warn_unused_result));
int record_remove(const char *dir, const char *name, char *why, size_t why_len)
	__attribute__((warn_unused_result));

/* The names of all loans, sorted; *names and its elements are to be freed. Their number, or -errno.
 */
int record_list(const char *dir, char ***names) __attribute__((warn_unused_result));
void record_list_free(char **names, int n);

/* The text of a file; the first is for the fuzzer, too. */
int record_parse(const char *text, size_t n, struct loan *out, char *why, size_t why_len)
	__attribute__((warn_unused_result));
/* To be freed; NULL: no memory. */
char *record_format(const struct loan *l);

#endif
