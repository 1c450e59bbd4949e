/* SPDX-License-Identifier: MIT */
/*
 * stripe.h - who may touch blocks at the same time: nobody.
 *
 * While one nexus alone uses the medium of a LU, there is nothing to exclude: a nexus lives on one
 * thread, which does one thing at a time. So there is no lock, and nothing that threads share is
 * written. A LU that more than one nexus uses is *shared*: then whoever touches blocks holds the
 * locks of the pages that they lie in (a stripe is every STRIPES-th page), and READ data is copied
 * out under them, not sent from where it lies.
 *
 * A nexus uses a LU from its first command that reads or writes the medium. If that makes two, the
 * LU is SOON shared, and from then on all take locks who see it. The newcomer reads when every
 * thread has seen it (store_point_set()), and writes when what was sent in place before is sent,
 * too. Until then it waits, as for a page, and nobody else does. A peer that takes no data does not
 * hold it up for long: stripe_waits_for(), SHARING_WAIT_S. When one nexus is left, the LU is shared
 * no more.
 *
 * A hold lasts within one call from the reactor's loop: nothing waits, and no message is run, while
 * a stripe is held. Stripes are taken in the order of their numbers.
 */
#ifndef MEMTGT_STRIPE_H
#define MEMTGT_STRIPE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "scsi/sense.h"
#include "store/store.h"

struct scsi_lu;
struct scsi_nexus;
struct scsi_task;
struct scsi_worker;

#define STRIPES 32u
/* Of one hold: what lies beyond is for the next. */
#define STRIPE_SPAN (STRIPES / 2 * STORE_PAGE_SIZE)
/* Seconds after which a command that waits ends with BUSY. */
#define SHARING_WAIT_S 4

enum sharing_state {
	SHARING_NOT, /* one nexus at most uses it, without locks */
	SHARING_SOON,
	SHARING_NOW,
};

/* Of a LU; all zero at first. No two locks share a cache line, wherever the LU lies. */
struct scsi_sharing {
	_Atomic uint32_t state; /* enum sharing_state; written under the lock */
	pthread_mutex_t lock;	/* of what follows */
	unsigned users;
	uint64_t since; /* while SOON: the store's point when that began */
	uint8_t apart[128];
	_Atomic uint32_t unsent; /* nexuses with data on its way from the medium; one at most, and
				    nobody else writes it, while the LU is not shared */
	uint8_t apart_too[128];
	struct stripe {
		pthread_mutex_t lock;
		uint8_t apart[128 - sizeof(pthread_mutex_t)];
	} stripes[STRIPES];
};

struct stripe_hold {
	struct scsi_sharing *of; /* NULL: nothing is held */
	uint32_t taken;		 /* bits */
};

enum stripe_use { STRIPE_READ, STRIPE_WRITE };

/*
 * Before the task touches [off, off+len) of its LU's medium, len > 0. Returns the bytes, from the
 * front, that it may touch until stripe_drop(): whole blocks if `off` and `len` are. 0: none; *r
 * (OK before) says how the command ends, or, if it is still OK, nothing is held and the task is to
 * try again on a later turn, or, if t->starved, after the store's wake-up.
 */
uint64_t stripe_take(struct scsi_task *t, enum stripe_use use, uint64_t off, uint64_t len,
		     struct stripe_hold *h, struct scsi_result *r)
	__attribute__((warn_unused_result));
void stripe_drop(struct stripe_hold *h);

/* The same question, for what will be read later (scsi_data_in()). */
bool stripe_may_read(struct scsi_task *t, struct scsi_result *r)
	__attribute__((warn_unused_result));

/* May what lies on the medium change under who reads it in place? Within a turn, No stays. */
bool stripe_is_shared(const struct scsi_lu *lu);

/* The nexus has data of the LU on its way, in place; until stripe_sent(). */
void stripe_sends(struct scsi_nexus *n, struct scsi_lu *lu);
void stripe_sent(struct scsi_nexus *n, struct scsi_worker *w);
/* Does anybody wait for that? */
bool stripe_waits_for(const struct scsi_nexus *n);

/* Now and then: of two who used a LU one may have left before it was shared. */
void stripe_tick(const struct scsi_nexus *n, const struct scsi_worker *w);

/* The nexus uses no LU any more; what it sends may still be on its way. */
void stripe_leave(struct scsi_nexus *n, struct scsi_worker *w);
/* The LU is there no more, and no other yet. */
void stripe_forget(struct scsi_nexus *n, unsigned id);

#endif
