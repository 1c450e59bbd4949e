/* SPDX-License-Identifier: MIT */
/* command.h - the command line of memloan, by commands.def. */
#ifndef MEMTGT_LOAN_COMMAND_H
#define MEMTGT_LOAN_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum command_id {
#define COMMAND(id, name, operands, run, text) COMMAND_##id,
#include "initiator-tools/commands.def"
	COMMANDS,
};

enum option_id {
#define OPTION(id, commands, name, letter, argument, text) OPTION_##id,
#include "initiator-tools/commands.def"
	OPTIONS,
};

#define COMMAND_PORTALS_MAX  256
#define COMMAND_OPERANDS_MAX 3

struct command_line {
	enum command_id command;
	bool help, version; /* then nothing else is set */
	bool given[OPTIONS];
	const char *value[OPTIONS]; /* the last one; NULL: none */
	const char *portals[COMMAND_PORTALS_MAX];
	size_t nportals;
	const char *operands[COMMAND_OPERANDS_MAX]; /* NULL: left out */
};

/* 0, or -1 after a sentence in `why`. Texts stay those of argv. */
int command_read(int argc, char **argv, struct command_line *out, char *why, size_t why_len)
	__attribute__((warn_unused_result));

void command_usage(FILE *out);

#endif
