/* SPDX-License-Identifier: MIT */
/*
 * reserve.h - the reservation of a LU: the persistent one (registrants.h) or that of RESERVE, who
 * may use the LU meanwhile, and how it is changed. SPC-4 5.12, SPC-2 5.5.
 *
 * A LU that nobody has reserved costs a command one load. Of one that is, a nexus remembers what it
 * may do by the number of the last change, so only the first command after a change takes the lock.
 */
#ifndef MEMTGT_RESERVE_H
#define MEMTGT_RESERVE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "scsi/fence.h"
#include "scsi/registrants.h"
#include "scsi/sense.h"

struct scsi_lu;
struct scsi_nexus;
struct scsi_target;
struct scsi_task;

/* All zeroes: nobody. */
struct scsi_reserve {
	pthread_mutex_t lock;	 /* of what follows; before those of on_change() */
	_Atomic uint64_t change; /* unlike any before, of any LU; 0: nobody is to be kept out */
	struct claims *claims;	 /* NULL: nobody has ever registered */
	const struct scsi_nexus *holder; /* by RESERVE; compared only */
	/* Fences of changes, and 1 for the LU: who makes it 0 frees it. NULL: there was none. */
	_Atomic unsigned *under_way;
	uint32_t max; /* registrants; 0: SCSI_REGISTRANTS_DEFAULT */
	bool scrub;   /* when the last registrant leaves, what the LU holds is removed */
	/* Under the lock, in a reactor, before anybody is answered; they may be NULL. They wait for
	 * no peer and no disk. on_change() allocates, writes all registrations (up to
	 * STORE_NOTE_MAX bytes) to memory under the store's lock of records, and logs if that
	 * fails: what it cannot keep (-errno) does not happen. */
	int (*on_change)(struct scsi_lu *lu, const struct claims *now);
	void (*on_scrub)(struct scsi_lu *lu);
};

/* What a nexus remembers, of as many LUs. */
#define RESERVE_KNOWN 4u
struct reserve_known {
	uint64_t change;
	uint8_t may;
};

/* May the task's command run, as reservations are now? SENSE_OK, SENSE_RESERVATION_CONFLICT;
 * SENSE_BUSY while what the LU held is removed. */
enum scsi_outcome scsi_reserved(struct scsi_task *t);

/*
 * PERSISTENT RESERVE OUT; RESERVE, RELEASE. f->tell is set if the answer is to wait for others:
 * they are told of the change, or, whatever the outcome, it speaks of one of which not all were
 * told yet: a GOOD that changes nothing, or a conflict with who has just taken the LU.
 */
struct scsi_result scsi_claims_change(struct scsi_lu *lu, const struct scsi_nexus *n,
				      const struct claim_request *req,
				      struct scsi_fence *f) SCSI_CHECKED;
struct scsi_result scsi_reserve(struct scsi_lu *lu, const struct scsi_nexus *n,
				struct scsi_fence *f) SCSI_CHECKED;
struct scsi_result scsi_release(struct scsi_lu *lu, const struct scsi_nexus *n,
				struct scsi_fence *f) SCSI_CHECKED;

/* The nexus ends: what it had by RESERVE is free. SPC-2 5.5.1 */
void scsi_reserve_nexus_ends(const struct scsi_nexus *n);
/* So it is by a reset of a LUN, or of all (SCSI_LUN_ALL). */
void scsi_reserve_reset(const struct scsi_target *t, unsigned id);

/* A copy of what is there, to be free()d; any thread. NULL: no memory. *told (may be NULL): no
 * nexus has a command that runs as if it were still otherwise. */
struct claims *scsi_claims_get(struct scsi_lu *lu, bool *told);
/* From outside: all registrations go, as by CLEAR, also such as are not known; without one f->tell
 * stays NULL. 0 or -ENOMEM,
 * with nothing changed. */
int scsi_claims_clear(const struct scsi_target *t, struct scsi_lu *lu, struct scsi_fence *f)
	__attribute__((warn_unused_result));
/* Before the LU is shown: what was kept; it takes the memory. */
void scsi_claims_set(struct scsi_lu *lu, struct claims *c);
/* Is what it held being removed? Nobody uses it then, once all nexuses were told (a fence of
 * scsi_fence_checks()). */
bool scsi_scrubs(struct scsi_lu *lu);
/* It is gone: the LU may be used again. 0, or -errno: that cannot be kept, and it is not. */
int scsi_scrubbed(struct scsi_lu *lu) __attribute__((warn_unused_result));
/* A fence of nothing but an answer, which others' commands must not follow. */
void scsi_fence_answer(const struct scsi_target *target, const struct scsi_lu *lu,
		       struct scsi_fence *f);
/* A fence's tell() that tells nothing: commands are looked at anew. */
enum scsi_fence_verdict scsi_fence_checks(const struct scsi_fence *f, struct scsi_nexus *n);
/* The LU ends. */
void scsi_reserve_free(struct scsi_lu *lu);

#endif
