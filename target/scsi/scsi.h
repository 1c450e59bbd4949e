/* SPDX-License-Identifier: MIT */
/*
 * scsi.h - the device server: takes CDBs and data, gives status, sense and data.
 *
 * Knows no transport, no socket and no thread: the iSCSI layer calls it inside a turn of a
 * reactor's loop. The life of a command:
 *
 *	scsi_start()			checks everything that can be known from the CDB
 *	  SCSI_OUT: scsi_data_out()...	in rising order, until out_len bytes came; then
 *	  SCSI_RUN: scsi_run()		one slice, until it no longer says SCSI_RUN
 *	  SCSI_FENCE: scsi_fence(), and when all nexuses were told, scsi_run()
 *	  SCSI_IN:  scsi_data_in()...	where the answer's bytes lie, any time until scsi_end()
 *	  SCSI_DONE			status and sense are final
 *	scsi_end()			always, exactly once, also for an aborted command
 */
#ifndef MEMTGT_SCSI_H
#define MEMTGT_SCSI_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/arena.h"
#include "scsi/attention.h"
#include "scsi/fence.h"
#include "scsi/lun_map.h"
#include "scsi/reserve.h"
#include "scsi/sense.h"
#include "scsi/stopped.h"
#include "scsi/stripe.h"

#define SCSI_CDB_MAX	260u /* SPC-4 4.3.1 */
#define SCSI_SERIAL_MAX 20u
/* Parameter lists and parameter data never exceed this; see scsi_worker.bufs. */
#define SCSI_BUF_SIZE 8192u
/* But for what may be as long as an allocation length of 16 bits asks for, in one of wholes. */
#define SCSI_LONG_BUF_SIZE 65536u
/* Data of a command that is done whole or not at all, and long parameter data; see
 * scsi_worker.wholes. */
#define SCSI_WHOLE_SIZE ((size_t)2 * 255 * 4096)
#define SCSI_WHOLES	32u
#define SCSI_WHOLES_OF	8u /* of one nexus: it may withhold its data, and others want one too */

struct store_lun;
struct store_reader;
struct scsi_op;

/* SAM-5 5.3.1 */
enum scsi_status {
	SCSI_GOOD = 0x00,
	SCSI_CHECK_CONDITION = 0x02,
	SCSI_BUSY = 0x08,
	SCSI_RESERVATION_CONFLICT = 0x18,
	SCSI_TASK_SET_FULL = 0x28,
	SCSI_TASK_ABORTED = 0x40,
};

/*
 * A logical unit. Owned by whoever put it into its target; commands may use it until they were told
 * of its end. Immutable, but for what is atomic: a handler reads that once, where it starts.
 */
struct scsi_lu {
	unsigned id;
	struct store_lun *store;
	uint32_t block_size, block_shift;
	_Atomic uint64_t blocks;
	_Atomic uint64_t held; /* blocks from here on answer BUSY while it is decided whether they
				  stay; 0: all stay */
	_Atomic bool read_only;
	_Atomic bool stopped; /* scsi/stopped.h; set before the LU is shown */
	struct scsi_starters starters;
	struct scsi_reserve reserve; /* scsi/reserve.h */
	struct scsi_sharing sharing;
	void *owner; /* of whoever put it there */
	/* An initiator started it (may be NULL). In its reactor: must not wait. */
	void (*on_start)(struct scsi_lu *lu);
	bool thin;
	bool is_kept; /* it has what it had before this process: 29/04, not 29/00, begins a nexus */
	char serial[SCSI_SERIAL_MAX + 1];
	uint8_t naa[8]; /* NAA Locally Assigned, SPC-4 7.8.6.6.4 */
};

/* A SCSI target device. Its LUs come and go while commands run. */
struct scsi_target {
	const char *name;     /* its iSCSI name */
	uint64_t port_groups; /* bits: its target ports; 0: the one by which a nexus came */
	_Atomic(struct scsi_lu *) by_id[SCSI_LUNS_MAX];
};

/* An I_T nexus: what the device server remembers of one session. Only its reactor touches it. */
struct scsi_nexus {
	const struct scsi_target *target;
	char port_name[256]; /* "iqn...,i,0x<ISID>", the initiator port, SPC-4 7.6.4; lower case */
	uint16_t port_group; /* the portal group tag: its target port. RFC 7143 4.4.3 */
	struct scsi_lun_map luns;   /* what it sees of the target */
	struct scsi_attentions *ua; /* SCSI_LUNS_MAX, by LU id, whether there is a LU or not */
	uint64_t knew[SCSI_LUNS_MAX / 64]; /* bits: this LUN was another LU before */
	/* Bits, of stopped LUs; scsi/stopped.h */
	uint64_t started[SCSI_LUNS_MAX / 64]; /* this initiator port has started it */
	uint64_t probed[SCSI_LUNS_MAX / 64];  /* it has asked what it is, before it used it */
	uint64_t older[SCSI_LUNS_MAX / 64];   /* it has not: it knows it from before the loss */
	struct reserve_known reserve[RESERVE_KNOWN]; /* of LUNs by id % RESERVE_KNOWN */
	/* Bits, by the LU's id; scsi/stripe.h */
	uint64_t uses[SCSI_LUNS_MAX / 64];    /* it has read or written the medium */
	uint64_t settled[SCSI_LUNS_MAX / 64]; /* and needs to wait for nobody */
	uint64_t sends[SCSI_LUNS_MAX / 64];   /* data lies in place that is not sent */
	unsigned wholes;		      /* buffers of scsi_worker.wholes it has */
};

/* What the device server needs of the thread it runs in. One per reactor. */
struct scsi_worker {
	struct store_reader *reader;
	struct arena bufs;   /* SCSI_BUF_SIZE each: parameter lists and data, partial blocks */
	struct arena wholes; /* SCSI_WHOLE_SIZE each: data of commands of all or nothing */
};

enum scsi_step {
	SCSI_DONE,  /* status is set; no data-in */
	SCSI_IN,    /* status GOOD; in_len bytes are there for scsi_data_in() */
	SCSI_OUT,   /* wants out_len bytes by scsi_data_out(), then scsi_run() */
	SCSI_RUN,   /* more to do: call scsi_run() on a later turn */
	SCSI_FENCE, /* the effect is on other nexuses: call scsi_fence() */
};

struct scsi_task {
	/* The caller's, before scsi_start(). */
	struct scsi_worker *worker;
	struct scsi_nexus *nexus;
	uint8_t lun[8];	    /* SAM-5 4.7 */
	uint8_t cdb[16];    /* longer CDBs are refused: none is supported */
	uint16_t cdb_len;   /* of what the initiator sent, 16 without an AHS */
	uint64_t out_limit; /* bytes of data-out the initiator offers (expected transfer length), 0
			       if it is not a write */

	/* The device server's. */
	const struct scsi_op *op;
	struct scsi_lu *lu;  /* NULL: no such LUN */
	uint64_t off, bytes; /* the medium's range: byte offset and length */
	uint64_t in_len;     /* data-in the command has to give (before the initiator's limit) */
	uint64_t out_want;   /* data-out the CDB asks for */
	uint64_t out_len;    /* data-out to be sent: the smaller of out_want and out_limit */
	uint64_t out_done;   /* data-out received */
	uint64_t checked;    /* bytes of it that were found to be possible, before any is done */
	uint64_t pages;	     /* and the pages that these will take */
	uint64_t done;	     /* progress of slices */
	bool starved;	     /* the last call found no page: try again after a wake-up */
	bool medium_failed;  /* it ended since memory of the medium is lost */
	bool is_long;	     /* buf is one of scsi_worker.wholes */
	bool is_fenced;	     /* its effect is there */
	/* What scsi_fence() does. */
	struct scsi_result (*fence)(struct scsi_task *t, struct scsi_fence *f);
	uint8_t *buf;	      /* parameter list, parameter data, or a block cut in two */
	uint8_t *whole;	      /* a larger one, of worker.wholes */
	uint8_t *cut;	      /* a block of data-in, of which the front was copied... */
	uint64_t cut_at;      /* ...and where it begins */
	uint64_t waits_since; /* ns: for others who use the LU; 0: it does not */
	uint8_t status;	      /* enum scsi_status */
	uint8_t sense_len;
	uint8_t sense[SCSI_SENSE_MAX];
};

/*
 * 0 or -ENOMEM. `bufs`: most buffers at once, one per command that may be in flight.
 */
int scsi_worker_init(struct scsi_worker *w, struct store_reader *reader, uint32_t bufs)
	__attribute__((warn_unused_result));
void scsi_worker_free(struct scsi_worker *w);

/*
 * A nexus begins with unit attention 29/00 on every LUN, or 29/04 where the daemon is another one
 * but the memory is not. `ua` has room for SCSI_LUNS_MAX. It sees all LUs, by portal group 1:
 * whoever wants something else sets `luns` and `port_group` before the first command.
 */
void scsi_nexus_init(struct scsi_nexus *n, const struct scsi_target *t, struct scsi_attentions *ua);
/* It ends, before its target does. Its tasks have ended; what was laid out in place may still be on
 * its way: scsi_data_sent(). */
void scsi_nexus_end(struct scsi_nexus *n, struct scsi_worker *w);

enum scsi_step scsi_start(struct scsi_task *t) __attribute__((warn_unused_result));

/*
 * The next n bytes of data-out (together never more than out_len). Whole blocks reach the medium;
 * a block cut in two waits until its rest is there, so that no peer's stall is ever visible inside
 * a block. Returns the bytes taken, n in all cases but one: fewer when memory is short at the
 * moment. The caller offers the rest again on a later turn, or, if t->starved, after the store's
 * wake-up. After an error all bytes are taken and dropped, and scsi_run() then tells the status.
 */
size_t scsi_data_out(struct scsi_task *t, const uint8_t *p, size_t n)
	__attribute__((warn_unused_result));

/*
 * The transport saw the data-out go wrong: the command ends with this outcome, and touches the
 * medium no more. Instead of the rest of scsi_data_out() and scsi_run(). RFC 7143 11.4.7.2
 */
void scsi_data_failed(struct scsi_task *t, enum scsi_outcome o);

/* One slice. After the data-out is complete, or whenever the last step was SCSI_RUN: on a later
 * turn, or, if t->starved, after the store's wake-up. */
enum scsi_step scsi_run(struct scsi_task *t) __attribute__((warn_unused_result));

/*
 * After SCSI_FENCE, once: makes the change. SCSI_FENCE: every nexus of the target is to be told by
 * what f says, then scsi_run() gives the status; f is the caller's until its release(). SCSI_DONE:
 * the command has ended, there is nothing to tell. Memory for telling is to be had before.
 */
enum scsi_step scsi_fence(struct scsi_task *t, struct scsi_fence *f)
	__attribute__((warn_unused_result));

/*
 * Where bytes [off, off+len) of the data-in lie: fills at most *niov entries and returns the bytes
 * they cover: fewer than len if the entries ran out, or the memory behind them is lost; 0: that of
 * the first is, and the command has ended with MEDIUM ERROR, after `off` bytes. Pointers into the
 * medium are good until the worker's next quiet point unless pinned (scsi_pin()).
 */
size_t scsi_data_in(struct scsi_task *t, uint64_t off, size_t len, struct iovec *iov, size_t *niov);
/* The command ends with MEDIUM ERROR after `off` bytes of data-in, which are sent or laid out: the
 * next one is lost. */
void scsi_data_lost(struct scsi_task *t, uint64_t off);
/* What they point to is copied by this only: memory may fail at any time. Returns the bytes from
 * the front that were there. */
size_t scsi_data_copy(void *to, const void *from, size_t n);
/*
 * Others may change what scsi_data_in() points to before it is sent: then it is to be copied, by
 * scsi_data_in_copy(), which gives each block as it was at one moment. In a turn in which the
 * answer was No, pinned pointers to whole blocks may be sent.
 */
bool scsi_data_moves(const struct scsi_task *t) __attribute__((warn_unused_result));
/* All that scsi_data_in() pointed to since the last call is sent, or dropped. */
void scsi_data_sent(struct scsi_nexus *n, struct scsi_worker *w);
/* Once a second. True: commands of others wait for that, so it should not take long. */
bool scsi_nexus_tick(const struct scsi_nexus *n, const struct scsi_worker *w);
/* Copies [off, off+len) of the data-in: in rising order, without a gap. Returns the bytes; 0: the
 * command has ended instead, after `off` bytes. */
size_t scsi_data_in_copy(struct scsi_task *t, uint64_t off, void *to, size_t len)
	__attribute__((warn_unused_result));
/* Data-in is best cut at multiples of this. */
uint32_t scsi_data_unit(const struct scsi_task *t);
/* The kernel could not send these bytes, of whatever memory: if it was the medium's, its loss is
 * known from now on, and who asks for it again is told. */
void scsi_data_refused(const struct iovec *iov, size_t niov);

void scsi_end(struct scsi_task *t);

/* What a LU may do while commands run on it. */
enum scsi_change {
	SCSI_CHANGE_GONE,      /* it left its target: all its commands end */
	SCSI_CHANGE_READ_ONLY, /* those end that write */
	SCSI_CHANGE_HELD,      /* those end that reach beyond scsi_lu.held */
	SCSI_CHANGE_RESERVED,  /* those end that the reservation does not allow */
};

/*
 * The task's LU changed; `step` is what the task came to. True: it has ended with what the change
 * makes of it, and touches the medium no more, as after scsi_data_failed(). After SCSI_CHANGE_GONE
 * no task refers to the LU, ended or not.
 */
bool scsi_changed(struct scsi_task *t, enum scsi_step step, enum scsi_change c)
	__attribute__((warn_unused_result));

/* Pass-through of store_pin() and friends, so that the transport needs no store. */
unsigned scsi_pin(struct scsi_worker *w);
void scsi_unpin(struct scsi_worker *w, unsigned pin);
void scsi_quiet(struct scsi_worker *w);

/*
 * Names a LU whose `id` is set: fills naa, and serial with `serial` or, if that is empty, with one
 * made up. Equal arguments give equal names, on every start; different ones different names.
 * `host_id` tells hosts apart (machine-id), `generation` grows when the content was lost.
 */
void scsi_lu_name(struct scsi_lu *lu, const uint8_t host_id[static 16], const char *target,
		  uint32_t generation, const char *serial);

/* The id that a LUN field holds (peripheral or flat addressing, SAM-5 4.7.7), or SCSI_LUN_NONE. */
unsigned scsi_lun_id(const uint8_t lun[static 8]);
/* The id of the LU that a LUN field names for this nexus, or SCSI_LUN_NONE; that LU, or NULL if
 * there is none just now. */
unsigned scsi_lu_id(const struct scsi_nexus *n, const uint8_t lun[static 8]);
struct scsi_lu *scsi_lu_find(const struct scsi_nexus *n, const uint8_t lun[static 8]);
/* May this nexus not write the LU? */
bool scsi_lu_read_only(const struct scsi_nexus *n, const struct scsi_lu *lu);

/* Raise a unit attention on one LUN, or on all (SCSI_LUN_ALL), for this nexus. */
void scsi_attention_raise(struct scsi_nexus *n, unsigned id, enum scsi_attention a);
/* I_T nexus loss, SAM-5 6.3.4: 29/07 on every LUN. What the nexus had in flight ends before. */
void scsi_nexus_lost(struct scsi_nexus *n);
/* QUERY ASYNCHRONOUS EVENT, SAM-5 7.6: does a unit attention wait on this LUN? `info` then tells
 * the one that is reported next, which goes on waiting. */
bool scsi_attention_query(const struct scsi_nexus *n, unsigned id, uint8_t info[static 3]);
/* New pages get scarce: 38/07 on every thin LU. SBC-3 4.7.3.8 */
void scsi_memory_short(struct scsi_nexus *n);
/* The target has other LUNs than before: 3F/0E by way of all but `id`. SPC-4 6.33 */
void scsi_luns_changed(struct scsi_nexus *n, unsigned id);
/* The LUN names another LU from now on, or none: as at the beginning, and remembered. */
void scsi_lu_replaced(struct scsi_nexus *n, unsigned id, bool is_there);
/* Was this LUN another LU in this nexus' life? */
bool scsi_lu_was_other(const struct scsi_nexus *n, unsigned id);

#endif
