/* SPDX-License-Identifier: MIT */
/* donors.h - the command "donors". */
#ifndef MEMTGT_DONORS_H
#define MEMTGT_DONORS_H

#include "initiator-tools/command.h"

/* Exit statuses of memloan. */
enum { LOAN_OK, LOAN_NONE, LOAN_USAGE, LOAN_FAILED };

/* LOAN_OK: memory can be borrowed of one of them at least; LOAN_NONE: of none. */
int donors_run(const struct command_line *c);

#endif
