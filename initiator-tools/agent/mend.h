/* SPDX-License-Identifier: MIT */
/*
 * mend.h - a loan is made whole, or a donor left, by the code of the commands, in a process of its
 * own: a copy may take hours, and the others are watched meanwhile.
 */
#ifndef MEMTGT_MEND_H
#define MEMTGT_MEND_H

#include <sys/types.h>

#include "initiator-tools/agent/judge.h"
#include "initiator-tools/command.h"

struct mend {
	const struct command_line *command;
	char name[LOAN_NAME_MAX + 1];
	char uuid[LOAN_UUID_SIZE]; /* another loan of this name is none of ours */
	enum judge_act act;	   /* REPLACE, MOVE, REBUILD */
	unsigned leg;		   /* id, of the first two */
};

/* The process, whose exit status is 0 if the loan is as it should be; or -errno. */
pid_t mend_start(struct mend *m) __attribute__((warn_unused_result));

/* For tests: what is wanted of the loan from now on. False: nothing is to be changed any more. */
bool mend_mark(struct loan *l, const struct mend *m);

#endif
