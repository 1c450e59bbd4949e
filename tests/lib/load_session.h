/* SPDX-License-Identifier: MIT */
/*
 * load_session.h - one session of a load (load.h), with its thread.
 *
 * That uses assert() and not Check's macros, each of which writes to a file that all tests of a
 * program share.
 */
#ifndef MEMTGT_LOAD_SESSION_H
#define MEMTGT_LOAD_SESSION_H

#include <iscsi/iscsi.h>
#include <iscsi/scsi-lowlevel.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "lib/load.h"
#include "lib/load_model.h"

#define LOAD_DEPTH_MAX 32

struct load_session;

enum load_mode {
	LOAD_RUN,
	LOAD_REST,   /* nothing new */
	LOAD_LOOK,   /* after a rest: every block is read */
	LOAD_LOGOUT, /* the end */
	LOAD_LEAVE,  /* the end, without a word */
};

#define LOAD_MODES 8 /* room for them */

/* What all sessions of a load look at. */
struct load_shared {
	struct load_options options;
	_Atomic unsigned turn; /* a number, which grows, times LOAD_MODES, plus the mode */
	pthread_mutex_t lock;  /* of the next two */
	unsigned long long answered_ms;
	_Atomic unsigned longest_ms;
};

/* A command that is, or was, in flight: from its choice until it is answered. */
struct load_slot {
	struct load_session *session;
	struct load_region *region;
	enum load_kind {
		LOAD_READ,
		LOAD_WRITE,
		LOAD_SAME, /* WRITE SAME of a block */
		LOAD_ZERO, /* WRITE SAME with UNMAP */
		LOAD_UNMAP,
		LOAD_ANCHOR, /* UNMAP with ANCHOR */
	} kind;
	enum load_state { SLOT_IDLE, SLOT_READY, SLOT_SENT, SLOT_LOST } state;
	uint32_t at, n; /* blocks of the region */
	uint32_t done;	/* of a READ: it goes in pieces */
	uint32_t piece; /* that is in flight */
	uint8_t *data;
	struct scsi_iovec iov; /* libiscsi looks at it while the READ is in flight */
};

struct load_session {
	struct load_shared *shared;
	unsigned index, seed;
	pthread_t thread;
	struct iscsi_context *iscsi; /* NULL: not logged in */
	struct load_region regions[LOAD_LUNS_MAX];
	struct load_slot slots[LOAD_DEPTH_MAX];
	uint64_t seq;
	unsigned looked_lun; /* the next blocks that LOAD_LOOK reads */
	uint32_t looked_at;
	unsigned long long answered_ms; /* the last answer, or when work began */
	unsigned working;		/* the turn for which it began */

	/* For the test's thread. */
	_Atomic unsigned turn; /* the last that it has done */
	_Atomic bool is_wrong;
	char why[320]; /* before is_wrong is set */
	_Atomic unsigned longest_ms;
	_Atomic uint64_t writes, reads, fills, unmaps, blocks_checked, blocks_bad, logins,
		unanswered, settled, attentions, errors;
};

/* All zero before. */
void load_session_start(struct load_session *s, struct load_shared *shared, unsigned index);
void load_session_join(struct load_session *s);

#endif
