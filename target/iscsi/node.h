/* SPDX-License-Identifier: MIT */
/*
 * node.h - the iSCSI node: everything that its sessions share.
 *
 * Made by the main thread before the reactors start, and not changed while they run, but for the
 * session directory and the admission counts, which have locks of their own, and the LUs of a
 * target, which are atomics: live.h.
 *
 * Lock order: luns.lock, directory.lock, admission.lock; none is held while anything waits.
 */
#ifndef MEMTGT_NODE_H
#define MEMTGT_NODE_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/config.h"
#include "base/counters.h"
#include "iscsi/admission.h"
#include "iscsi/directory.h"
#include "reactor/reactor.h"
#include "scsi/scsi.h"

/* Answers other than SCSI responses that may wait for one connection's socket. Input stops at
 * this many, so a peer that sends NOP-Outs and does not read costs a bounded amount of memory. */
#define REPLIES_MAX 32u
/* Commands with the I bit that may be in flight besides the CmdSN window. RFC 7143 4.2.2.1 */
#define IMMEDIATE_MAX 8u
/* Longest data segment of a reply: text, ping data. */
#define REPLY_DATA_MAX 8192u
/* Data of one batch that is copied: under DataDigest, so that it cannot change after its CRC; of a
 * LUN that others use, so that no write runs through a block. */
#define BOUNCE_SIZE ((size_t)264 << 10)
/* Seconds that the data of a WRITE waits for a page before it is refused with BUSY. */
#define MEMORY_WAIT_S 3
/* Seconds for which who takes no data may hold up those who begin to use the same LUN. */
#define HINDERS_S 1

/* As many as the configuration may have. */
#define NODE_PORTALS_MAX 64u

/* What one reactor thread holds for its sessions: reactor->owner. */
struct iscsi_worker {
	struct iscsi_node *node;
	struct reactor reactor;
	struct store_reader *reader; /* handed on to the SCSI layer */
	struct scsi_worker scsi;
	struct arena tasks;   /* struct task */
	struct arena replies; /* struct reply */
	struct arena bufs;    /* REPLY_DATA_MAX each */
	struct arena bounces; /* copied data of a batch, BOUNCE_SIZE each */
};

struct iscsi_node {
	const struct config *config;
	struct scsi_target *targets; /* in the order of config->targets */
	size_t ntargets;
	struct iscsi_worker *workers;
	unsigned nworkers;
	struct directory directory;
	struct admission admission;
	/* On which port each portal of the configuration listens; 0: not known. Set before any
	 * connection is accepted. */
	uint16_t ports[NODE_PORTALS_MAX];
	struct counters accepting; /* the main thread's; reactors have their own */
	struct counters control;   /* the control socket's threads', under a lock of theirs */
	_Atomic bool stopping;	   /* the daemon ends: no new logins */
};

/* Seconds between the request to log out and the end of all connections. */
#define ISCSI_DRAIN_S 2

/* `config`, `targets` and `workers` are set and borrowed. 0 or -ENOMEM. */
int iscsi_node_init(struct iscsi_node *n) __attribute__((warn_unused_result));
void iscsi_node_free(struct iscsi_node *n);

/*
 * Starts worker i of the node: its reactor thread and all its pools. `cpu` -1: not pinned.
 * 0 or -errno.
 */
int iscsi_worker_start(struct iscsi_node *n, unsigned i, int cpu)
	__attribute__((warn_unused_result));
/* For tests on the fake engine: no thread. */
int iscsi_worker_init(struct iscsi_node *n, unsigned i, struct engine *e)
	__attribute__((warn_unused_result));

/* From the main thread: every session is asked to log out (RFC 7143 11.9.1, event 1). */
void iscsi_node_drain(struct iscsi_node *n);
/* Ends all connections and threads. */
void iscsi_node_stop(struct iscsi_node *n);
/*
 * What was counted so far, by all threads: sum[] is indexed by enum counter, and overwritten. From
 * any thread, while the workers exist, running or stopped. It costs no one who counts anything.
 */
void iscsi_node_counters(const struct iscsi_node *n, uint64_t sum[static COUNTERS]);
/* Connections that are open now. */
unsigned iscsi_node_connections(const struct iscsi_node *n);

#endif
