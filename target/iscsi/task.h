/* SPDX-License-Identifier: MIT */
/*
 * task.h - a SCSI command in flight on its session.
 *
 * A task is in session.tasks and found by its ITT until its status was laid out in a batch (from
 * then on the initiator may use the ITT again). Its memory lives on until that batch was sent,
 * since the batch may point into its parameter data.
 *
 * Data-out arrives strictly in order (DataPDUInOrder and DataSequenceInOrder are Yes): immediate,
 * then unsolicited, then the sequences of R2Ts, one after the other. So one offset says it all.
 */
#ifndef MEMTGT_TASK_H
#define MEMTGT_TASK_H

#include "iscsi/session.h"

enum task_phase {
	TASK_HELD,	  /* waits behind an ORDERED command */
	TASK_UNSOLICITED, /* unsolicited data is to come: no answer before its F bit */
	TASK_SOLICITED,	  /* R2Ts are out or to be sent */
	TASK_RUNNING,	  /* in slices, or starved between two */
	TASK_FENCED,	  /* its effect is there, and not all sessions were told: fence.h */
	TASK_READY,	  /* status, or data-in with status, is to be sent */
	TASK_GONE,	  /* status was laid out, or aborted: only the memory is left */
};

struct fence;

struct task {
	struct tx_item tx;
	struct list link, phase_link;
	struct task *itt_next;
	struct session *s;
	enum task_phase phase;
	bool immediate, ordered;
	bool in_batch; /* the batch under way points into its data, and there is more to send */
	uint32_t itt, edtl;
	uint64_t data_limit; /* EDTL if the initiator reads, else 0 */
	enum scsi_step step; /* what scsi_start() said last */
	struct scsi_task scsi;
	struct fence *fence; /* TASK_FENCED: which one it waits for */

	/* data-out */
	uint32_t recv_off; /* bytes that came, wanted or not */
	uint32_t seq_end;  /* end of the sequence that is being received */
	uint32_t datasn;   /* expected next, 11.7.5 */
	uint32_t r2t_off;  /* first byte not asked for yet */
	uint32_t r2tsn;
	unsigned r2t_out;	     /* outstanding */
	uint32_t tag_sent, tag_next; /* of R2Ts: kept when the slot is used again, 4096 before a
					Target Transfer Tag comes back */
	/* data-in */
	uint64_t sent_off;
	uint32_t data_sn;
	uint32_t burst; /* bytes of the Data-In sequence under way */
};

/* A task for the command PDU at hand, entered in its session; NULL: no slot. */
struct task *task_new(struct session *s, const struct bhs_scsi_cmd *cmd);
/* The task a tag names, or NULL. */
struct task *task_by_itt(const struct session *s, uint32_t itt);
struct task *task_by_ttt(const struct session *s, uint32_t ttt);
/* For the next R2T. */
uint32_t task_next_ttt(struct task *t);

/* Start it, or hold it behind an ORDERED command. `data`: data-out comes without being asked for.
 */
void task_begin(struct task *t, bool data);
/* Data-out bytes of the PDU at hand. Returns the bytes taken. */
size_t task_data(struct task *t, const uint8_t *p, size_t n) __attribute__((warn_unused_result));
/* A data-out PDU, or the command itself, is complete: `final` is its F bit. */
void task_data_end(struct task *t, bool final);
/* Its data-out does not fit: it will end with this outcome, and what still comes is dropped. */
void task_data_failed(struct task *t, enum scsi_outcome o);
/* A LU changed: those of its tasks that may not go on end, and say why. */
void task_changed_all(struct session *s, const struct scsi_lu *lu, enum scsi_change c);
/* It cannot go on in this turn: its session is called when it should try again. */
void task_want_turn(struct task *t);
/* One slice of a task in session.running. */
void task_slice(struct task *t);
/* It touches no data from now on, and no answer is sent. */
void task_abort(struct task *t);
/* The status was laid out. */
void task_done(struct task *t);
/* Its memory is free. */
void task_free(struct task *t);
/* At logout: all but those whose answer is ready. */
void task_abort_pending(struct session *s);
/* Abort those of a LUN (its id), or all (SCSI_LUN_ALL). Returns how many. */
unsigned task_abort_all(struct session *s, unsigned lun);

/* Is there one of this LUN, with no answer laid out? */
bool task_on_lun(const struct session *s, unsigned lun);
/* Abort those of a LUN, but for one that waits for this fence. Returns how many. */
unsigned task_abort_others(struct session *s, unsigned lun, const struct fence *but);
/* All were told: the fence of a task is behind it. */
void task_unfenced(struct task *t);

/* Bytes of status and residual: O, U bits and count, 11.4.5. */
uint8_t task_residual(const struct task *t, uint32_t *count);

#endif
