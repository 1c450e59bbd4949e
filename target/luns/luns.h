/* SPDX-License-Identifier: MIT */
/*
 * luns.h - the LUNs: from the configuration to memory, and how they change while the daemon runs.
 *
 * Changes. A LUN is named by its target's iSCSI name and its id. Each call below takes effect whole
 * before it returns: what it took away no session touches any more, and every session has a unit
 * attention that tells of it. It returns 0, or -errno and in `why` a sentence for the operator that
 * names the remedy; `why` may be written, too, when it returns 0. Changes are not written to the
 * configuration; they last until the daemon ends.
 *
 * From any thread but the reactors, from luns_serve() to luns_close(). One change is made at a
 * time; who comes meanwhile waits, `limit_ms` at most (-EBUSY). No peer can delay one. That
 * every reactor has taken note is waited for as long at most (-ETIMEDOUT: `why` says what became of
 * the change). Only the memory of a full LUN takes as long as the host needs to give it. Looking
 * never waits for a change.
 */
#ifndef MEMTGT_LUNS_H
#define MEMTGT_LUNS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "memtgt/iscsi_proto.h"
#include "scsi/scsi.h"

struct config;
struct iscsi_node;
struct luns_held;
struct luns_scrub;
struct luns_used;
struct state_file;
struct store;
struct store_options;
struct store_reader;

#define LUNS_LIMIT_MS 10000u /* luns_create() sets luns.limit_ms to this */
#define LUNS_WHY      512u   /* bytes of a sentence */

/* The LUs of one target. What is here and no more in the target's by_id is being removed. */
struct luns_owned {
	struct scsi_lu *lu[SCSI_LUNS_MAX];
};

struct luns_transfer;

struct luns {
	const struct config *config;
	struct scsi_target *targets; /* as many as the configuration has, in its order */
	struct store *store;
	struct store_reader *reader; /* of who makes a change; offline otherwise */
	struct iscsi_node *node;     /* who is told; NULL: nobody yet */
	_Atomic unsigned limit_ms;   /* tests set another */
	struct state_file *state;    /* borrowed; NULL: nothing outlives the memory */
	struct luns_used *used;	     /* luns/used.h; NULL without a state */
	struct luns_scrub *scrub;    /* luns/scrub.h */
	uint8_t host[16];	     /* makes names of LUNs of the configuration */

	pthread_mutex_t ceiling_lock; /* luns/pool.h: one change of it at a time */
	pthread_mutex_t lock; /* of what follows, and of LUs against being freed; the first to be
				 taken (ARCHITECTURE.md) */
	pthread_cond_t idle;
	struct luns_owned *owned;	 /* beside targets */
	struct luns_held *held;		 /* luns/held.h; changed in a turn */
	struct luns_transfer *transfers; /* luns/transfer.h */
	unsigned waiting; /* changes that wait for their turn: steps let them go first */
	bool is_busy, is_closed;
};

/* ---- start and end ---- */

/* What the pool must hold. `reactors` readers, and one more for luns_create(). */
void luns_store_options(const struct config *c, unsigned reactors, struct store_options *o);

/* Says what the memory is made of, and where the host gives less than the configuration counts on.
 */
void luns_report_pool(const struct config *c, struct store *s);

/*
 * Kept memory becomes LUNs again (luns/kept.h), and what else the configuration names is made.
 * Where the state says that a LUN was used whose memory is not there, it has new names and is
 * stopped (scsi/stopped.h), unless on_loss says otherwise. `state` may be NULL: then a loss is not
 * known. 0 or -errno, after a log line that says what to do. luns_destroy() or luns_keep() is
 * needed in any case.
 */
int luns_create(struct luns *l, const struct config *c, struct store *s, struct store_reader *r,
		struct state_file *state) __attribute__((warn_unused_result));
/* The node's reactors run: changes are possible. */
void luns_serve(struct luns *l, struct iscsi_node *node);
/* Before luns_close(), at the final end: no initiator writes any more. Nothing of it is kept: a
 * next daemon that finds the memory after all goes on as before. */
void luns_freeze(struct luns *l);
/* Waits for the change under way; later ones get -ESHUTDOWN. Before the reactors are stopped. */
void luns_close(struct luns *l);
/* `log_loss`: what the LUNs held is gone now; the log says how much. */
void luns_destroy(struct luns *l, bool log_loss);
/* In its place: what the LUNs hold stays with who has the store's files. Then store_leave(). */
void luns_keep(struct luns *l);

/* ---- looking ---- */

struct luns_info {
	char target[ISCSI_NAME_MAX + 1];
	unsigned id;
	uint64_t bytes;
	unsigned block_size;
	bool is_thin, is_read_only;
	bool is_going;	 /* removed, but not all reactors have taken note */
	bool is_stopped; /* for initiators that did not start it: scsi/stopped.h */
	bool is_held;	 /* no LUN: luns/held.h. The target is "held", the id a slot */
	bool is_used;	 /* data was written to it, ever */
	uint32_t generation;
	uint64_t used;	   /* bytes of memory that it has */
	unsigned sessions; /* of its target, that see it */
	char serial[SCSI_SERIAL_MAX + 1];
	char naa[2 * 8 + 1];	       /* hex */
	char was[ISCSI_NAME_MAX + 16]; /* held: "TARGET LUN ID", or "" if that is lost */
	char why[64];		       /* held, or damaged: why */
};

/* All LUNs, by target in the order of the configuration, then by id: *out is to be freed. 0 or
 * -ENOMEM. */
int luns_list(struct luns *l, struct luns_info **out, size_t *n)
	__attribute__((warn_unused_result));
/* One of them. 0 or -ENOENT. */
int luns_find(struct luns *l, const char *target, unsigned id, struct luns_info *out, char *why,
	      size_t why_len) __attribute__((warn_unused_result));

/* ---- changing ---- */

#define LUNS_ANY_ID UINT32_MAX

struct luns_new {
	uint32_t id; /* LUNS_ANY_ID: the lowest that is free */
	uint64_t bytes;
	bool is_full;	     /* all its memory now; else thin */
	unsigned block_size; /* 512 or 4096; 0: 512 */
	const char
		*serial; /* NULL or "": made up, as the NAA identifier is, and never used again */
	/* Also if the id was another LUN for a session that still runs: its host could take the new
	 * one for the old one, and write what belongs there. */
	bool force;
};

/* `out` (may be NULL): what was made. -ENOENT, -EEXIST, -EINVAL, -ENOSPC, -EBUSY (see force), ...
 */
int luns_add(struct luns *l, const char *target, const struct luns_new *how, struct luns_info *out,
	     char *why, size_t why_len) __attribute__((warn_unused_result));
/* Also of what is held. What it holds is lost, and its memory returns to the host: what unsent
 * responses point into follows when they were sent. */
int luns_remove(struct luns *l, const char *target, unsigned id, char *why, size_t why_len)
	__attribute__((warn_unused_result));
/* `force`: also if that loses data (-EBUSY). Commands beyond the new end get BUSY until it is
 * decided, so a refused one disturbs nobody. */
int luns_resize(struct luns *l, const char *target, unsigned id, uint64_t bytes, bool force,
		char *why, size_t why_len) __attribute__((warn_unused_result));
/* It was stopped, as its content was lost: from now on nobody needs to start it. */
int luns_start(struct luns *l, const char *target, unsigned id, char *why, size_t why_len)
	__attribute__((warn_unused_result));
/* After `on` no write lands any more, also none that was under way. */
int luns_set_read_only(struct luns *l, const char *target, unsigned id, bool on, char *why,
		       size_t why_len) __attribute__((warn_unused_result));

/* ---- between luns/luns.c, luns/change.c and luns/transfer.c ---- */

/*
 * A turn, until luns_leave(): who has it changes LUNs, and may put luns.reader online. A step is a
 * short piece of something long; it waits while changes wait. 0, -EBUSY (not within `limit_ms`) or
 * -ESHUTDOWN.
 */
enum luns_turn { LUNS_CHANGE, LUNS_STEP };
int luns_enter(struct luns *l, enum luns_turn turn, unsigned limit_ms, char *why, size_t why_len)
	__attribute__((warn_unused_result));
void luns_leave(struct luns *l);

/* The target's place in the configuration; targets.n if there is none. */
size_t luns_target(const struct luns *l, const char *name);
/* -ENOENT, and which of the two is not there. */
int luns_unknown(const struct luns *l, const char *target, unsigned id, char *why, size_t why_len);

#endif
