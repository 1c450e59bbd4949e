/* SPDX-License-Identifier: MIT */
/*
 * work.h - what all commands share that change a loan: the lock, the loan's file, this boot, donors
 * when one is to be chosen, and the lines that tell how far it is.
 */
#ifndef MEMTGT_WORK_H
#define MEMTGT_WORK_H

#include "initiator-tools/asking.h"
#include "initiator-tools/loan/advance.h"

struct choice;

struct work {
	struct asking asking;
	const char *dir; /* of loans */
	int lock;
	char boot[LOAN_UUID_SIZE], machine[33];
	struct loan loan;
	bool is_there;	       /* the loan has a file */
	bool is_forced;	       /* --force */
	const char *degraded;  /* --degraded: of the loan with this name */
	const char *to;	       /* the next leg is to be of this donor; NULL: of any */
	bool is_quiet;	       /* tell nothing of steps: who works for itself logs */
	bool is_line_open;     /* a progress line without an end */
	struct choice *choice; /* shared with the child that chooses */
	char why[LOAN_WHY_BYTES];
};

/*
 * Reads the configuration and locks. 0, or an exit status after telling why. To be ended in all
 * cases.
 */
int work_begin(struct work *w, const struct command_line *c) __attribute__((warn_unused_result));
/*
 * The same for what needs no donor, and must not fail for a mistake in a file: of the configuration
 * only state_dir counts, and the usual folder if it cannot be read.
 */
int work_begin_here(struct work *w, const struct command_line *c)
	__attribute__((warn_unused_result));
void work_end(struct work *w);

/* Reads w->loan; without one w->is_there is false. 0, or an exit status after telling why. */
int work_read(struct work *w, const char *name) __attribute__((warn_unused_result));

/* The same, and it must be there. */
int work_need(struct work *w, const char *name) __attribute__((warn_unused_result));
/* Reads each loan that is there and calls each() with it; goes on after a failure. The worst exit
 * status. */
int work_all(struct work *w, int (*each)(struct work *w)) __attribute__((warn_unused_result));
/* Writes w->loan. 0, or an exit status after telling why. */
int work_save(struct work *w) __attribute__((warn_unused_result));
/* Before the next one is read. */
void work_forget(struct work *w);

/* w->loan becomes what is wanted of it: loan_advance(). An exit status, after telling why it is
 * not. */
int work_advance(struct work *w) __attribute__((warn_unused_result));

/* "memloan: NAME: ..." to stderr; returns the status. */
int work_fail(struct work *w, int status, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Does the configuration know it? */
bool work_knows_donor(const struct work *w, const char *name);

/* This boot of the host. 0 or -errno. */
int work_boot(char out[static LOAN_UUID_SIZE]) __attribute__((warn_unused_result));

/* A new UUID. 0 or -errno. */
int work_uuid(char out[static LOAN_UUID_SIZE]) __attribute__((warn_unused_result));

#endif
