/* SPDX-License-Identifier: MIT */
/*
 * engine.h - what a reactor asks of the kernel: receive, send, wait, be woken.
 *
 * Three engines stand behind it: io_uring (engine_uring.c), epoll (engine_epoll.c), and the fake
 * of tests/lib, which splits and delays bytes at will and keeps virtual time. A socket is an
 * engine_io. At most one receive and one send are outstanding on each; callbacks run only inside
 * engine_wait(), on the reactor's thread, and may start the next operation.
 *
 * Rules:
 *  - recv: the buffer belongs to the engine from engine_recv() until received().
 *  - send: the msghdr, its iovecs and what they point to belong to the engine from engine_send()
 *    until sent(). The engine sends every byte: partial sends are its affair. It may change the
 *    iovecs.
 *  - engine_shutdown() makes both directions fail soon; outstanding operations still call back.
 *    engine_close() is called when nothing is outstanding, and closes the descriptor.
 */
#ifndef MEMTGT_ENGINE_H
#define MEMTGT_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/list.h"

struct engine;
struct engine_io;
struct reactor_msg;

struct engine_io_ops {
	/* n > 0 bytes came; 0: the peer closed; < 0: -errno */
	void (*received)(struct engine_io *io, int64_t n);
	/* 0: all of it was handed to the kernel; < 0: -errno, the connection is broken */
	void (*sent)(struct engine_io *io, int err);
};

struct engine_io {
	const struct engine_io_ops *ops;
	int fd;
	uint32_t slot;		 /* < max_ios, the caller's; unique among open ios */
	bool receiving, sending; /* outstanding, kept by the engine */
	/* The engine's own. */
	uint32_t generation; /* of the slot, in the keys of completions */
	bool inline_send;    /* no completion will come unless it fails */
	bool tx_wait;	     /* the socket was full: send in a way that waits for room */
	uint8_t *rx_buf;
	size_t rx_len;
	struct msghdr *tx_msg;
	size_t tx_left;
	struct list rx_link, tx_link; /* of operations to be started, and of inline sends */
};

struct engine_options {
	uint32_t max_ios;
	unsigned spin_us; /* longest busy wait before sleeping in the kernel */
};

struct engine_stats {
	uint64_t waits, sleeps, spins_won; /* spins that ended by work */
	uint64_t sends, sends_inline, recvs;
	uint64_t stale; /* completions of an io that is closed: a bug, dropped */
};

struct engine_ops {
	const char *name;
	/* In the thread that will use it. 0 or -errno (-ENOSYS, -EPERM: use the next engine). */
	int (*open)(struct engine **out, const struct engine_options *o);
	void (*close)(struct engine *e);
	int (*add)(struct engine *e, struct engine_io *io); /* io->fd, slot, ops are set */
	void (*recv)(struct engine *e, struct engine_io *io, uint8_t *buf, size_t len);
	void (*send)(struct engine *e, struct engine_io *io, struct msghdr *msg, size_t bytes);
	void (*shutdown)(struct engine *e, struct engine_io *io);
	/* Nothing more will be sent: the peer reads EOF after what was sent. Receiving goes on. */
	void (*end_send)(struct engine *e, struct engine_io *io);
	void (*close_io)(struct engine *e, struct engine_io *io);
	/*
	 * Submit what is queued, run callbacks of what completed, and if there was nothing, wait
	 * until there is, engine_wake() is called, or `until_ns` (CLOCK_MONOTONIC; 0: do not wait;
	 * UINT64_MAX: no limit) is past. May return early. What a callback starts is submitted by
	 * the next call, so the work of one call is bounded. `asleep` is set just before the thread
	 * sleeps in the kernel and cleared after; after setting it the engine must look at `*mail`
	 * once more, and not sleep if it is not NULL (the lost wake-up of every mailbox).
	 */
	void (*wait)(struct engine *e, uint64_t until_ns);
	/* From any thread. */
	void (*wake)(struct engine *e);
	uint64_t (*now)(struct engine *e); /* CLOCK_MONOTONIC, or the fake's time */
};

/* Every engine's struct begins with this. */
struct engine {
	const struct engine_ops *ops;
	char how[64];		   /* the kernel's features that it uses, for people */
	struct engine_stats stats; /* the thread's own */
	_Atomic bool asleep; /* set only while the thread is in, or about to enter, the kernel */
	struct reactor_msg *_Atomic *mail; /* the reactor's mailbox head, or NULL; set after open */
};

extern const struct engine_ops engine_uring, engine_epoll;

/*
 * Opens the engine named ("auto": io_uring, and epoll where the kernel refuses it). 0 or -errno.
 * The environment variable MEMTGT_ENGINE_REFUSE (tests) names ring features to do without:
 * a comma list of "io_uring", "defer", "coop", "skip", "ext_arg".
 */
int engine_open(struct engine **out, const char *name, const struct engine_options *o)
	__attribute__((warn_unused_result));

#endif
