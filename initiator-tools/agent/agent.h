/* SPDX-License-Identifier: MIT */
/* agent.h - "memloan agent": watches the loans of this host, and acts. */
#ifndef MEMTGT_AGENT_H
#define MEMTGT_AGENT_H

#include "initiator-tools/command.h"

/* An exit status of memloan(8). */
int agent_run(const struct command_line *c);

#endif
