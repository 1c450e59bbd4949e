/* SPDX-License-Identifier: MIT */
/*
 * vm_mover.h - one run of vm-move: what its parts share. Functions that return a status return one
 * of memloan(8), 0 or after telling why.
 */
#ifndef MEMTGT_VM_MOVER_H
#define MEMTGT_VM_MOVER_H

#include <signal.h>

#include "initiator-tools/vm/qmp.h"
#include "initiator-tools/vm/vm_donor.h"
#include "initiator-tools/vm/vm_move.h"

#define VM_QMP_LIMIT_NS (10 * NS_PER_S) /* for a command */

struct vm_mover {
	const struct vm_rules *rules;
	struct asking asking;
	struct vm_donor donor;
	struct qmp qmp;
	const char *name, *to; /* of the disk, as it was asked for; of the donor */
	uint64_t rate;	       /* bytes per second; 0: any */
	struct vm_disk disk;
	json_t *nodes; /* query-named-block-nodes */
	char job[16];  /* also the beginning of our nodes' names */
	char node[VM_NODE_MAX + 1];
	struct vm_found found;
	uint64_t changed;	     /* when the guest changed over; 0: not in this run */
	volatile sig_atomic_t *stop; /* the number of a signal */
	bool is_line_open;
};

void vm_at(const struct vm_mover *m, enum vm_phase phase);

/* A line of its own: "memloan: DISK: ...". Returns the status. */
int vm_say(struct vm_mover *m, int status, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
int vm_say_qemu(struct vm_mover *m, const char *what);
/* How far the copy is, for a terminal; and the end of that line. */
void vm_bar(struct vm_mover *m, const struct vm_job *j);
void vm_end_line(struct vm_mover *m);

/* A command of QMP; `arguments` goes to it. vm_try(): whatever becomes of it, what matters is seen
 * otherwise. */
int vm_ask(struct vm_mover *m, const char *command, json_t *arguments, json_t **out);
void vm_try(struct vm_mover *m, const char *command, json_t *arguments);

/* The disk and all nodes, for the first time; under which names QEMU logs in, and we make jobs; the
 * disk and all nodes again. */
int vm_look(struct vm_mover *m);
int vm_learn_names(struct vm_mover *m);
int vm_look_again(struct vm_mover *m);

/* 1: our job is there. 0; -1 after an error. */
int vm_find_job(struct vm_mover *m, struct vm_job *j);
/* {"id": our job}, to be given back. */
json_t *vm_with_id(const struct vm_mover *m);

/* Puts a note to a node, or takes it away. */
int vm_change_note(struct vm_mover *m, const char *node, const struct vm_note *n, bool is_added);

/* ---- vm_left.c ---- */

/* Ends a copy of an earlier run, gives back what is noted, and looks again. */
int vm_tidy(struct vm_mover *m);
/* All LUNs that are noted at the guest's node, but its own; one whose donor is silent stays noted.
 */
void vm_give_all_back(struct vm_mover *m);
/* The key of this disk's marks: from the note about itself, which is made if it is missing. */
int vm_learn_key(struct vm_mover *m);

/* ---- vm_copy.c ---- */

/* From the LUN that was chosen to one that QEMU knows and that is marked. */
int vm_prepare(struct vm_mover *m);
/* Until the job has this status; an error if it has another end, stands still, or *m->stop. */
int vm_follow(struct vm_mover *m, const char *status, struct vm_job *j);
/* Copies, and changes over. After an error the guest is where it was, unless QEMU hangs. */
int vm_copy(struct vm_mover *m);

#endif
