/* SPDX-License-Identifier: MIT */
/* check.h - the command "check". */
#ifndef MEMTGT_CHECK_H
#define MEMTGT_CHECK_H

#include "initiator-tools/command.h"

/* LOAN_OK: nothing unsafe was found; LOAN_NONE: something was. */
int check_run(const struct command_line *c);

#endif
