/* SPDX-License-Identifier: MIT */
/*
 * conn.h - one TCP connection on its reactor: look-ahead in, batches out, an orderly end.
 *
 * The upper layer's struct begins with struct conn and is driven through conn_ops. The life of a
 * connection has three states: OPEN; DEAD (conn_close() was called: no more input, no new batch);
 * gone, when nothing is outstanding in the engine and conn_hold() counts are released: then
 * closed() is called, once, and the slot may be used again.
 *
 * Look-ahead. Bytes are received into a buffer of CONN_RX_SMALL (idle connections, and those that
 * nobody called conn_trust() for) or CONN_RX_LARGE and offered to input(), which says how many it
 * took; the rest is offered again, in front of what comes next. input() may refuse to go on for now
 * (conn_pause_rx()), which closes the TCP window in time and asks nothing of memory.
 */
#ifndef MEMTGT_CONN_H
#define MEMTGT_CONN_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/list.h"
#include "reactor/engine.h"

#define CONN_RX_SMALL ((size_t)16 << 10)
#define CONN_RX_LARGE ((size_t)260 << 10) /* one PDU of 256 KiB with headers and digests, whole */

/* One sendmsg: headers made here, data where it lies. */
#define TX_IOVS	     1024u /* UIO_MAXIOV */
#define TX_HDR_BYTES (24u << 10)
#define TX_BYTES_MAX (1u << 20) /* data of one batch */
#define TX_PDUS_MAX  256u
struct tx_batch {
	struct msghdr msg;
	size_t bytes; /* of all iovecs */
	unsigned niov, pdus;
	uint32_t hdr_used;
	unsigned pin; /* the upper layer's: store pin, if pinned */
	bool pinned;
	struct list done; /* the upper layer's: what ends when this batch was sent */
	uint8_t *bounce;  /* the upper layer's, NULL unless it set it */
	struct iovec iov[TX_IOVS];
	uint8_t hdr[TX_HDR_BYTES];
};

/* Room for n bytes made here (a header, a digest, padding), already part of the batch; NULL: full.
 */
uint8_t *tx_header(struct tx_batch *b, size_t n);
/* Adds bytes that stay where they are until the batch was sent. false: full. */
bool tx_data(struct tx_batch *b, const void *p, size_t n);
/* Is there room for one more PDU with `iovs` data pieces and `hdr` header and digest bytes? Counts
 * b->pdus, which the upper layer keeps; says nothing about the data's length, see tx_data_room().
 */
bool tx_room(const struct tx_batch *b, unsigned iovs, size_t hdr);
/* How many more bytes tx_data() will take, iovecs permitting. */
static inline size_t tx_data_room(const struct tx_batch *b)
{
	return TX_BYTES_MAX - (b->bytes - b->hdr_used);
}

/* Each reason is counted: tbl/counters.def. */
enum conn_close_reason {
#define CONN_END(id, name, text) CONN_CLOSE_##id,
#include "tbl/counters.def"
};

/* For log lines: "the peer ended it". */
const char *conn_close_reason_text(enum conn_close_reason why);

struct conn;

struct conn_ops {
	int (*opened)(struct conn *c); /* 0, or -errno: closed at once, closed() is not called */
	/* n >= 1 bytes; returns how many were taken. At most CONN_PDUS_PER_TURN PDUs a call. */
	size_t (*input)(struct conn *c, const uint8_t *p, size_t n);
	/* Fills an empty batch; leaves it empty (and sent() is not called) if there is nothing to
	 * send. Asked again after each batch that was sent. */
	void (*fill)(struct conn *c, struct tx_batch *b);
	/* The batch left the engine: err 0, or -errno (the connection is being closed). Called also
	 * for the last batch of a dead connection. */
	void (*sent)(struct conn *c, struct tx_batch *b, int err);
	/* A slice of long operations; true: there is more. */
	bool (*slice)(struct conn *c);
	/* The reactor was woken after conn_want_wake(), or a tick passed; once per call of that.
	 * NULL if it is never called. */
	void (*woken)(struct conn *c);
	/* Once a second. */
	void (*tick)(struct conn *c, uint64_t now);
	/* Became dead, just now: stop everything that would touch data. Not called twice. */
	void (*dead)(struct conn *c, enum conn_close_reason why);
	/* Nothing is outstanding: free what the connection holds. */
	void (*closed)(struct conn *c);
};
#define CONN_PDUS_PER_TURN 128

struct conn {
	struct engine_io io;
	struct reactor *reactor;
	const struct conn_ops *ops;
	struct list link, rx_ready, tx_ready, slice_ready, wake_wait;
	struct sockaddr_storage peer, local;
	uint16_t portal;     /* as it was given: the acceptor's, for the upper layer */
	char peer_name[64];  /* "ADDRESS:PORT" for log lines */
	uint32_t id;	     /* of the process's life, for log lines */
	uint32_t generation; /* grows when the slot is used again */
	bool is_dead, rx_paused, close_after_send, rx_idle;
	bool rx_may_grow; /* conn_trust() was called */
	unsigned holds;
	/* look-ahead: bytes [rx_start, rx_end) of rx_buf wait for input() */
	uint8_t *rx_buf;
	size_t rx_cap, rx_start, rx_end;
	uint64_t last_rx, last_tx; /* when bytes last moved, ns */
	struct tx_batch *batch;	   /* outstanding, or NULL */
	/* The reactor's own. */
	bool rx_grow;			  /* the small buffer was filled */
	bool rx_eof;			  /* the peer sends no more */
	bool draining;			  /* dead, all is sent: waiting for the peer's EOF */
	enum conn_close_reason close_why; /* with close_after_send */
	uint64_t drain_until, tx_acked;
	struct list gone_ready;
	/* Called when the connection is gone; the acceptor's count. */
	void (*on_gone)(struct conn *c);
};

/* A socket on its reactor's thread. */
int conn_open(struct reactor *r, int fd, const struct sockaddr_storage *peer, uint16_t portal)
	__attribute__((warn_unused_result));
/* The peer has shown who it is: its look-ahead may become CONN_RX_LARGE. Until then it costs no
 * more than CONN_RX_SMALL, and a message that does not fit ends the connection. */
void conn_trust(struct conn *c);
/* Ends it now: what is not sent is lost. May be called from any callback; harmless twice. */
void conn_close(struct conn *c, enum conn_close_reason why);
/* Ends it when everything queued so far has been sent (or tx_stall strikes). No more input. */
void conn_close_after_send(struct conn *c, enum conn_close_reason why);
/* There is something for fill(). */
void conn_want_send(struct conn *c);
/* There is something for slice(). */
void conn_want_slice(struct conn *c);
/*
 * Something waits for another thread, which will call reactor_wake() after this, whenever what is
 * waited for was asked for in this turn: a wake-up that comes before the reactor sleeps is not
 * lost. Should one be missing all the same, the next tick takes its place.
 */
void conn_want_wake(struct conn *c);
/* Stop, and go on, offering input. */
void conn_pause_rx(struct conn *c);
void conn_resume_rx(struct conn *c);
/* Keep the slot alive across an answer from another thread. */
void conn_hold(struct conn *c);
void conn_release(struct conn *c);

#endif
