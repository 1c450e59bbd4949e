/* SPDX-License-Identifier: MIT */
/*
 * command.h - from words to a request, by the tables of control/protocol.h.
 *
 * A command is the words of a method's name: "lun show" is lun.show. Its parameters follow in the
 * order of the table, or as NAME=VALUE in any order.
 */
#ifndef MEMTGT_COMMAND_H
#define MEMTGT_COMMAND_H

#include <jansson.h>
#include <stddef.h>
#include <stdio.h>

struct command {
	unsigned method; /* enum control_method_id */
	json_t *params;	 /* an object; the caller's */
};

/* 0, or -1 after a sentence in `why` that says what is wrong. */
int command_read(char *const *words, size_t n, struct command *out, char *why, size_t why_len)
	__attribute__((warn_unused_result));

/* The same for a command that is to be done with every LUN: the words name none, and no file. */
int command_read_all(char *const *words, size_t n, struct command *out, char *why, size_t why_len)
	__attribute__((warn_unused_result));

/* All commands, one a line, with their parameters and what they tell. */
void command_list(FILE *out);

#endif
