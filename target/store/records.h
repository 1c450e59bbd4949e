/* SPDX-License-Identifier: MIT */
/*
 * records.h - the file of all records, and the lock of who may change what is kept.
 *
 * The copies lie RECORDS_COPY apart, so that what damages one is likely to spare the other. What
 * was never written is a hole: the file takes memory only for LUNs that there are.
 */
#ifndef MEMTGT_STORE_RECORDS_H
#define MEMTGT_STORE_RECORDS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "store/record.h"
#include "store/table.h"

#define RECORDS_COPY  ((off_t)16 << 20)
#define RECORDS_BYTES (2 * RECORDS_COPY)
/* With the notes: note.c. Behind them are the intents: intent.h. A file that an older memtgtd left
 * may end before either. */
#define RECORDS_FILE   (RECORDS_BYTES + ((off_t)TABLES_MAX << 19))
#define RECORDS_PLACES (TABLES_MAX + 1)
_Static_assert(RECORDS_PLACES *RECORD_BYTES <= RECORDS_COPY, "a copy of all records");

/* How long one that dies may take until it has let go of the lock. */
#define RECORDS_LOCK_S 5u

struct records {
	int fd;
	pthread_mutex_t lock; /* one write at a time, and of what is written; a leaf */
	struct record_store store;
};

/* fd < 0: a new file. Else a kept one, which stays the caller's on errors. 0 or -errno; -EINVAL: it
 * is none of ours. */
int records_open(struct records *r, int fd) __attribute__((warn_unused_result));
void records_close(struct records *r);
/* Nobody else may have the lock (fcntl(2): this process', until it closes any descriptor of the
 * file or ends). -EBUSY: *pid has it, 0 if he cannot be named. */
int records_lock(struct records *r, unsigned wait_s, pid_t *pid)
	__attribute__((warn_unused_result));

/*
 * Reads and heals: the copy that counts is written over the other. GOOD, NONE or BAD: *raw is that
 * copy. -errno of the file.
 */
int records_read(struct records *r, uint32_t place, uint8_t *raw, enum record_is *is, bool *healed)
	__attribute__((warn_unused_result));
/* The first place from this one on that may have been written, or RECORDS_PLACES. */
uint32_t records_next(const struct records *r, uint32_t place);
/* Memory for both copies, so that records_write() cannot lack it. 0 or -errno. */
int records_reserve(struct records *r, uint32_t place) __attribute__((warn_unused_result));
/* The store's own record becomes *to; its sequence number is counted here. */
int records_write_store(struct records *r, const struct record_store *to)
	__attribute__((warn_unused_result));
/* First one copy, then the other; under the lock. 0 or -errno, which a reserved one has not. */
int records_write(struct records *r, uint32_t place, const uint8_t *raw)
	__attribute__((warn_unused_result));

#endif
