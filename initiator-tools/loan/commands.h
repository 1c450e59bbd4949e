/* SPDX-License-Identifier: MIT */
/* commands.h - the commands about loans; each returns an exit status of memloan(8). */
#ifndef MEMTGT_LOAN_COMMANDS_H
#define MEMTGT_LOAN_COMMANDS_H

#include <stdbool.h>
#include <stdint.h>

#include "initiator-tools/command.h"

struct work;
struct loan_wish;

int borrow_run(const struct command_line *c);
int apply_run(const struct command_line *c);
int list_run(const struct command_line *c);
int move_run(const struct command_line *c);
int resize_run(const struct command_line *c);
int return_run(const struct command_line *c);
int stop_run(const struct command_line *c);

/* SIZE of the command line, rounded up to LOAN_EXTENT; false after telling what is wrong. */
bool borrow_read_size(const char *text, uint64_t *out);

/* The loan is there, or is made. An exit status, after telling why not. */
int borrow_wish(struct work *w, const struct loan_wish *wish);

#endif
