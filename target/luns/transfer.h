/* SPDX-License-Identifier: MIT */
/*
 * transfer.h - what a LUN holds, read and written piece by piece by the operator.
 *
 * Between two pieces nothing is held: a LUN that is being transferred can be removed and resized,
 * and then the next piece is refused. Each piece is one change of luns/luns.h, which no other
 * change meets, of about a millisecond; changes go first. So whoever waits for a client's bytes
 * between two pieces delays nobody.
 *
 * A transfer begins only if no initiator can write: the LUN is read-only, or its target has no
 * session. If that ends, the transfer ends: the next piece is refused, or the last check. Force
 * goes without. None begins while a LUN is to be emptied (luns/scrub.h), and that ends those there
 * are.
 *
 * From any thread but the reactors, from luns_serve() to luns_close().
 */
#ifndef MEMTGT_LUNS_TRANSFER_H
#define MEMTGT_LUNS_TRANSFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "iscsi/directory.h"
#include "luns/luns.h"
#include "memtgt/iscsi_proto.h"

enum luns_use { LUNS_EXPORT, LUNS_IMPORT };

struct luns_transfer {
	struct luns_transfer *next; /* these two under luns.lock */
	const char *over;	    /* why no piece is given any more, NULL: it goes on */
	struct luns *luns;
	struct scsi_lu *lu; /* as long as it is not over; NULL: what is held (luns/held.h) */
	struct store_lun *store;
	char name[ISCSI_NAME_MAX + 1]; /* of the target */
	size_t target;		       /* if it has a LU */
	unsigned id;
	enum luns_use use;
	bool by_force, by_read_only; /* what it rests on; neither: that nobody logs in */
	struct directory_watch watch;
	uint64_t bytes;
	uint32_t block_bytes;
};

/* What is held can be exported, as nobody writes there. To be ended if it returns 0. -ENOENT,
 * -EBUSY, -ETIMEDOUT, -ESHUTDOWN, -ENOMEM: then `why` is a sentence, as in all calls below, but for
 * -EAGAIN. */
int luns_transfer_begin(struct luns *l, const char *target, unsigned id, enum luns_use use,
			bool force, struct luns_transfer *t, char *why, size_t why_len)
	__attribute__((warn_unused_result));
void luns_transfer_end(struct luns_transfer *t);

/*
 * Copies what lies at `off`, at most `max` bytes; *n: how many, or a longer hole, in which case
 * *is_hole. -EAGAIN: a change is under way, try again. -EIO: what lies there was lost; with force
 * it reads as zeroes.
 */
int luns_transfer_read(struct luns_transfer *t, uint64_t off, void *p, size_t max, uint64_t *n,
		       bool *is_hole, char *why, size_t why_len)
	__attribute__((warn_unused_result));
/* From the front; *n: how many bytes were written. -EAGAIN: the same, or no page is at hand at the
 * moment; -ENOSPC: none can be had. */
int luns_transfer_write(struct luns_transfer *t, uint64_t off, const void *p, size_t len, size_t *n,
			char *why, size_t why_len) __attribute__((warn_unused_result));
/* From the front; *n: how many bytes read as zeroes now, and have given back their pages. */
int luns_transfer_clear(struct luns_transfer *t, uint64_t off, uint64_t len, uint64_t *n, char *why,
			size_t why_len) __attribute__((warn_unused_result));
/* Did what it rests on hold until now? */
int luns_transfer_check(struct luns_transfer *t, char *why, size_t why_len)
	__attribute__((warn_unused_result));

/* ---- for who makes the change, in his turn ---- */

/* Those of this LUN are over; `writable`: only those that rest on its being read-only. */
void luns_transfers_over(struct luns *l, const struct scsi_lu *lu, bool writable, const char *why);
/* Those of what was held. */
void luns_held_over(struct luns *l, const struct luns_held *h, const char *why);

#endif
