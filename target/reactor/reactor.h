/* SPDX-License-Identifier: MIT */
/*
 * reactor.h - one thread, one engine, the connections that live on it.
 *
 * A turn of the loop: completions, mailbox, a bounded amount of input per connection, slices of
 * long operations, sends, and the quiet point. Nothing in a turn waits. All of a reactor's state
 * belongs to its thread; other threads reach it only by reactor_post().
 */
#ifndef MEMTGT_REACTOR_H
#define MEMTGT_REACTOR_H

#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/counters.h"
#include "base/list.h"
#include "reactor/engine.h"

struct conn;
struct conn_ops;
struct reactor;

/* A message to a reactor: the sender's memory until run() is called, run()'s from then on. */
struct reactor_msg {
	struct reactor_msg *next;
	void (*run)(struct reactor *r, struct reactor_msg *m);
};

#define REACTOR_TIDY_S 2
/* Objects of one arena that are given back at once: about a millisecond. */
#define REACTOR_TIDY_MAX 256u

struct reactor_options {
	unsigned index;
	int cpu; /* -1: not pinned */
	char engine[16];
	unsigned spin_us;
	uint32_t max_conns;
	const struct conn_ops *conn_ops;
	size_t conn_size; /* of the struct that begins with struct conn */
	void *owner;	  /* for the upper layer: reactor->owner */
	/* Called in the reactor's thread: before the first turn (0 or -errno), at each quiet point
	 * (nothing of this turn is in hand any more), and after the last turn. */
	int (*start)(struct reactor *r);
	void (*quiet)(struct reactor *r);
	void (*stop)(struct reactor *r);
	/* Every REACTOR_TIDY_S seconds: give back memory that nobody needs. True: there is more, so
	 * call it again even if there is no connection left. */
	bool (*tidy)(struct reactor *r);
	/* A socket of reactor_give() was not opened (no slot, opened() failed): for the acceptor's
	 * counts, called before it is closed. May be NULL, as may the four above. */
	void (*refused)(struct reactor *r, const struct sockaddr_storage *peer);
};

struct reactor {
	struct reactor_options o;
	struct engine *engine;
	pthread_t thread;
	uint64_t now; /* of this turn, ns */
	uint64_t next_tick;
	void *owner;
	struct reactor_msg *_Atomic mail;	/* newest first */
	struct arena conns;			/* o.conn_size each */
	struct arena small, large;		/* look-ahead buffers, rx.h */
	struct arena batches;			/* struct tx_batch */
	struct list all;			/* conn.link */
	struct list ready_rx, ready_tx, slices; /* conn.rx_ready, tx_ready, slice_ready */
	struct list wake_wait;			/* conn.wake_wait */
	_Atomic uint32_t load;			/* connections, for the acceptor */
	struct counters counters;		/* of this thread; others read */
	bool stopping;
	/* The reactor's own. */
	struct list gone; /* conn.gone_ready: dead and perhaps at rest */
	bool now_stale;	  /* `now` is of before the wait */
	bool untidy;	  /* connections went, and their memory is not given back yet */
	uint64_t next_tidy;
	bool ending, abandoned;
	int start_error;
	uint64_t stop_deadline;
	sem_t started, drained, left, leave; /* steps of the thread, in this order */
	struct reactor_msg poke, drain, end;
	_Atomic bool poked;
};

/* Makes the thread. Returns after `start` has run there: 0 or its error. */
int reactor_start(struct reactor *r, const struct reactor_options *o)
	__attribute__((warn_unused_result));
/* Closes all connections, joins the thread. */
void reactor_stop(struct reactor *r);
/*
 * The same for several that post to each other: each answers messages until all have drained. Other
 * threads post no more when it is called; a message that comes too late is not run.
 */
void reactors_stop(struct reactor *const *r, size_t n);

/* For tests on the fake engine: no thread; each call of reactor_turn() is one turn. */
int reactor_init(struct reactor *r, const struct reactor_options *o, struct engine *e)
	__attribute__((warn_unused_result));
void reactor_fini(struct reactor *r);
/* `block`: wait for something to do. */
void reactor_turn(struct reactor *r, bool block);

/* From any thread. Messages of one sender arrive in order. */
void reactor_post(struct reactor *r, struct reactor_msg *m);
/* Wakes the reactor, so that it passes a quiet point soon, and connections that asked for it by
 * conn_want_wake() try again. From any thread. */
void reactor_wake(struct reactor *r);
/* Hands an accepted socket over, with what conn.portal shall be; on refusal (no slot) it is closed
 * there. From any thread. On an error returned here (-ENOMEM) the descriptor is still the caller's.
 */
int reactor_give(struct reactor *r, int fd, const struct sockaddr_storage *peer, uint16_t portal);

#endif
