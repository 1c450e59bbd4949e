/* SPDX-License-Identifier: MIT */
/*
 * config_lexer.h - follows the text of a configuration, line by line, before libconfig reads it.
 *
 * Tells text from strings and comments, and the top level from what is inside groups and lists.
 */
#ifndef MEMTGT_CONFIG_LEXER_H
#define MEMTGT_CONFIG_LEXER_H

#include <stddef.h>
#include <stdio.h>

enum config_lexer_state { LEXER_TEXT, LEXER_STRING, LEXER_COMMENT };

struct config_lexer {
	enum config_lexer_state state; /* at the beginning of the next line */
	unsigned depth;		       /* of braces, brackets and parentheses */
	unsigned deepest;	       /* ever */
};

/* Copies a line of n bytes to `out`, with a newline, and L behind numbers of more than 32 bits. */
void config_lexer_line(struct config_lexer *l, const char *p, size_t n, FILE *out);

/*
 * Is this line, which comes next, an @include? The length up to the name's first byte, or 0. Finds
 * each directive that libconfig's lexer would: none may be left to that, which ends the process
 * when the name is a folder's.
 */
size_t config_lexer_directive(const struct config_lexer *l, const char *p, size_t n);

#endif
