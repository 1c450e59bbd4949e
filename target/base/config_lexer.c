// SPDX-License-Identifier: MIT
/* config_lexer.c - just enough of libconfig's grammar to know where includes and numbers stand. */
#include "base/config_lexer.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

/* A name, so that the digits in one are no number. */
static const char *skip_name(const char *p, const char *end)
{
	while (p < end && (isalnum((unsigned char)*p) || strchr("-_*", *p)))
		p++;
	return p;
}

/*
 * libconfig 1.5 cuts a number of more than 32 bits without a word, unless L stands behind it (1.7
 * sees by itself). `more` tells that it has to be put there.
 */
static const char *skip_number(const char *p, const char *end, bool *more)
{
	bool hex = end - p > 2 && p[0] == '0' && (p[1] == 'x' || p[1] == 'X');
	const char *first = hex ? p + 2 : p;

	for (p = first;
	     p < end && (hex ? isxdigit((unsigned char)*p) : isdigit((unsigned char)*p));)
		p++;
	*more = p - first > (hex ? 7 : 9) &&
		(p == end || (!isalnum((unsigned char)*p) && *p != '.'));
	return p;
}

/* One byte, or two, in a string or comment. Backslash quotes only itself and the quote. */
static const char *lex_quoted(struct config_lexer *l, const char *p, char next)
{
	if (l->state == LEXER_STRING && *p == '\\' && (next == '"' || next == '\\'))
		return p + 2;
	if (l->state == LEXER_COMMENT && *p == '*' && next == '/') {
		l->state = LEXER_TEXT;
		return p + 2;
	}
	if (l->state == LEXER_STRING && *p == '"')
		l->state = LEXER_TEXT;
	return p + 1;
}

void config_lexer_line(struct config_lexer *l, const char *p, size_t n, FILE *out)
{
	const char *end = p + n, *copied = p;

	while (p < end) {
		char c = *p, next = '\0';
		bool more = false;
		if (p + 1 < end)
			next = p[1];
		if (l->state != LEXER_TEXT) {
			p = lex_quoted(l, p, next);
			continue;
		}
		if (c == '#' || (c == '/' && next == '/'))
			break;
		if (isalpha((unsigned char)c) || c == '*') {
			p = skip_name(p, end);
			continue;
		}
		if (isdigit((unsigned char)c)) {
			p = skip_number(p, end, &more);
			fwrite(copied, 1, (size_t)(p - copied), out);
			if (more)
				fputc('L', out);
			copied = p;
			continue;
		}
		if (c == '/' && next == '*') {
			l->state = LEXER_COMMENT;
			p++;
		} else if (c == '"') {
			l->state = LEXER_STRING;
		} else if (strchr("{[(", c)) {
			if (++l->depth > l->deepest)
				l->deepest = l->depth;
		} else if (strchr("}])", c) && l->depth) {
			l->depth--;
		}
		p++;
	}
	fwrite(copied, 1, (size_t)(end - copied), out);
	fputc('\n', out);
}

size_t config_lexer_directive(const struct config_lexer *l, const char *p, size_t n)
{
	static const char word[] = "@include";
	size_t i = 0;

	if (l->state != LEXER_TEXT)
		return 0;
	while (i < n && (p[i] == ' ' || p[i] == '\t'))
		i++;
	if (n - i < sizeof(word) - 1 || memcmp(p + i, word, sizeof(word) - 1) != 0)
		return 0;
	i += sizeof(word) - 1;
	while (i < n && (p[i] == ' ' || p[i] == '\t'))
		i++;
	return i < n && p[i] == '"' ? i + 1 : 0;
}
