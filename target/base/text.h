/* SPDX-License-Identifier: MIT */
/* text.h - numbers in texts that others wrote: digits and nothing else. */
#ifndef MEMTGT_TEXT_H
#define MEMTGT_TEXT_H

#include <stdbool.h>
#include <stdint.h>

/* A decimal number of at least one digit, without sign, space or anything behind it, at most `max`.
 * False: it is none, and *out stays. */
static inline bool text_number(const char *text, uint64_t max, uint64_t *out)
{
	uint64_t n = 0;

	if (!*text)
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9' || __builtin_mul_overflow(n, 10u, &n) ||
		    __builtin_add_overflow(n, (uint64_t)(*text - '0'), &n) || n > max)
			return false;
	}
	*out = n;
	return true;
}

#endif
