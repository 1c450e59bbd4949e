/* SPDX-License-Identifier: MIT */
/*
 * session.h - one iSCSI session and its only connection (MaxConnections=1 is negotiated).
 *
 * Lives on one reactor, so its state needs no lock. The way of a PDU through this folder:
 *
 *	session.c	bytes -> pdu_rx -> the handler of its opcode (handlers.def)
 *	cmdsn.c		the numbers of requests, and their window
 *	pdu_*.c		one file per kind of request
 *	task.c		SCSI commands in flight: data-out, R2T, slices, abort
 *	send.c		what is ready -> PDUs in a batch
 *	ask.c		a question to every reactor, and their answers; by way of it:
 *	fence.c		what a command does to other sessions, before its GOOD
 *	reset.c		what one session does to those of all reactors
 *	live.c		what becomes of a LUN, told to the sessions of all reactors
 */
#ifndef MEMTGT_SESSION_H
#define MEMTGT_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "iscsi/directory.h"
#include "iscsi/node.h"
#include "iscsi/params.h"
#include "memtgt/iscsi_proto.h"
#include "pdu/pdu_rx.h"
#include "reactor/conn.h"
#include "scsi/scsi.h"

#define ITT_BUCKETS 64u
/* Numbers of requests that ABORT TASK overtook: cmdsn.h. */
#define CMDSN_SKIPS_MAX 16u
/* Immediate task management requests that overtook others, and so long they wait for them. */
#define TMFS_WAITING_MAX 4u
#define TMF_WAIT_S	 2

struct login;
struct task;

enum session_state {
	SESSION_LOGIN,	 /* negotiating */
	SESSION_JOINING, /* agreed, waits for an older session of its name to end */
	SESSION_FULL,	 /* Full Feature Phase */
	SESSION_ENDING,	 /* logged out; only sends what is left */
};

/* What a PDU's data segment is for; set by its header handler, acted on in session.c. */
enum rx_mode {
	RX_DROP,    /* nobody wants it */
	RX_COLLECT, /* into `text`, for a handler that needs it whole */
	RX_TASK,    /* data-out of rx_task */
};

/* Something waits in session.out for the socket. */
enum tx_kind { TX_REPLY, TX_TASK };
struct tx_item {
	struct list link; /* in session.out, then in tx_batch.done */
	enum tx_kind kind;
};

/* A PDU of our own making, at most one data segment. Owned by the session until it was sent. */
struct reply {
	struct tx_item tx;
	struct bhs bhs;	   /* all but StatSN, ExpCmdSN and MaxCmdSN */
	bool takes_statsn; /* the next PDU has the next StatSN; not so for pings, 11.19.3 */
	bool digests_on;   /* the last Login Response: digests begin after it, 13.1 */
	bool ends;	   /* after it the connection closes, for this reason: */
	enum conn_close_reason why;
	uint32_t data_len;
	uint8_t *data; /* a worker buf, or NULL */
};

/* A text exchange of the Full Feature Phase, 11.10: pdu_text.c. */
struct text_exchange {
	uint32_t ttt; /* ISCSI_TAG_NONE: none is under way */
	uint32_t last_ttt;
	uint8_t *answer; /* a worker buf: answers to the initiator's keys */
	size_t answer_len, answer_sent;
	char *send_targets; /* the value of that key, or NULL */
	size_t at;	    /* how far its answer was sent */
};

struct session {
	struct conn conn; /* first: the reactor makes both as one */
	struct iscsi_worker *w;
	enum session_state state;
	uint64_t began;	    /* ns: when the login began, for its limit */
	bool counted_login; /* admission still counts it as a login */
	bool announced;	    /* a log line told of the login */

	/* receiving */
	struct pdu_rx rx;
	enum rx_mode rx_mode;
	struct task *rx_task;
	uint8_t *text; /* a worker buf, while a PDU or a chain of Text Requests is collected */
	uint32_t text_len;
	bool rx_skip;	    /* refused or ignored: its `end` handler is not called */
	unsigned rx_budget; /* PDUs left in this turn */
	uint64_t unread_at; /* ns: when we last left input unread, for reasons of our own */
	uint64_t data_at;   /* ns: when data-out last came, or was asked for */

	/* who */
	struct login *login;	    /* only in SESSION_LOGIN and SESSION_JOINING */
	struct iscsi_params params; /* final in SESSION_FULL */
	struct directory_entry entry;
	bool entered;
	uint16_t tsih, cid;
	struct scsi_target *target;	/* NULL in a discovery session */
	const struct config_rule *rule; /* by which it was let in; NULL likewise */
	struct scsi_nexus nexus;

	/* numbers, 4.2.2 */
	uint32_t statsn, exp_cmdsn;
	unsigned in_flight;  /* commands that count in the window */
	unsigned immediates; /* and those that do not */
	uint32_t skipped[CMDSN_SKIPS_MAX];
	unsigned skips;

	/* tasks and answers */
	struct list tasks;   /* task.link, oldest first: until the status was laid out */
	struct list running; /* task.phase_link: in slices */
	struct list starved; /* task.phase_link: between slices, waits for a page */
	struct list held;    /* task.phase_link: behind an ORDERED command */
	struct task *by_itt[ITT_BUCKETS];
	unsigned active;    /* tasks that are not held... */
	unsigned ordered;   /* ...and the ORDERED among them */
	unsigned receiving; /* tasks that wait for data-out */
	struct list out;    /* tx_item.link, in the order of sending */
	unsigned replies;   /* in `out` and in the batch under way */
	unsigned resets;    /* under way; each will make a reply */
	unsigned tmfs_waiting;
	struct {
		struct bhs_tmf_req h;
		uint64_t since;		 /* ns */
	} waiting_tmf[TMFS_WAITING_MAX]; /* as they came: pdu_tmf.c */
	bool memory_wait;		 /* input stopped for want of a page, or of a buffer... */
	uint64_t short_at;		 /* ...since then, 0: not */
	bool tx_header_digest, tx_data_digest;
	size_t bounce_used;  /* of the batch's bounce buffer */
	uint64_t hinders_at; /* ns: others wait for what it does not take; 0: they do not */

	struct text_exchange exchange;

	/* pings, 11.19 */
	uint32_t ping_ttt;
	uint64_t ping_at; /* when it was sent; 0: none is outstanding */
};

static inline struct session *session_of(struct conn *c)
{
	return container_of(c, struct session, conn);
}

/* So many answers wait for the socket that no more questions are read. A login goes by one question
 * and one answer at a time (6.3), so a stranger can make us keep one. */
static inline bool session_owes_much(const struct session *s)
{
	return s->replies + s->resets + s->tmfs_waiting >=
	       (s->state < SESSION_FULL ? 1 : REPLIES_MAX);
}

static inline void session_count(struct session *s, enum counter which, uint64_t n)
{
	counter_add(&s->w->reactor.counters, which, n);
}

extern const struct conn_ops session_conn_ops;

/* For log lines: "INITIATOR at ADDRESS:PORT". Good until the next call in this thread. */
const char *session_name(const struct session *s);

/* The connection cannot go on: one log line, and the end. Always returns PDU_CLOSED. */
enum pdu_error session_fail(struct session *s, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Begin to collect the PDU's data into session.text; false: it is longer than we take. */
bool session_collect(struct session *s) __attribute__((warn_unused_result));
/* The same for data of any length, of which the first REPLY_DATA_MAX bytes are kept. */
bool session_collect_front(struct session *s) __attribute__((warn_unused_result));
void session_drop_text(struct session *s);

/* A reply with ITT, opcode and F bit set; data_len bytes of room. NULL: none is free. */
struct reply *reply_new(struct session *s, enum iscsi_opcode opcode, be32 itt, uint32_t data_len);
void reply_send(struct session *s, struct reply *r);
void reply_free(struct session *s, struct reply *r);
/* Refuse the PDU at hand, 11.17. */
enum pdu_error reply_reject(struct session *s, enum iscsi_reject_reason reason);

/* Queue for sending. Harmless if it is queued already. */
void tx_queue(struct session *s, struct tx_item *i);

/* The handlers of requests, one file each: see handlers.def. */
#define X(op, name, states, last) enum pdu_error name##_header(struct session *s);
#include "iscsi/handlers.def"
#undef X
enum pdu_error pdu_login_end(struct session *s);
enum pdu_error pdu_text_end(struct session *s);
enum pdu_error pdu_nop_out_end(struct session *s);
enum pdu_error pdu_scsi_cmd_end(struct session *s);
enum pdu_error pdu_data_out_end(struct session *s);

/* pdu_tmf.c: the requests that waited run, as far as what they overtook is here; or all. */
enum pdu_error pdu_tmf_release(struct session *s, bool all) __attribute__((warn_unused_result));

/* pdu_text.c: forgets the exchange. */
void text_end(struct session *s);

/* pdu_login.c: the older sessions are gone, or there was none. */
void login_joined(struct session *s);
void login_free(struct session *s);
/* The log line of a login that went without one when there were too many: it stayed. */
void login_announce_late(struct session *s);

/*
 * reset.c: LUN RESET (`lun`: its id) and target resets (SCSI_LUN_ALL; cold: all sessions end), over
 * all reactors. The response follows when no task of the victims can touch data any more. 0,
 * -ENOMEM.
 */
int reset_start(struct session *s, unsigned lun, be32 itt, bool cold)
	__attribute__((warn_unused_result));

/* send.c: what conn asks for. */
void send_fill(struct conn *c, struct tx_batch *b);
void send_sent(struct conn *c, struct tx_batch *b, int err);

/* A session's address for other threads, and the session behind one (NULL: gone). */
struct session_ref session_ref(const struct session *s);
struct session *session_at(struct session_ref r);

#endif
