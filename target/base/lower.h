/* SPDX-License-Identifier: MIT */
/*
 * lower.h - iSCSI names in their one form. Two that differ in case only are the same: RFC 7143
 * 4.2.7, RFC 3722. What comes from outside goes through this at once; inside, names are compared
 * as bytes.
 */
#ifndef MEMTGT_LOWER_H
#define MEMTGT_LOWER_H

#include <stddef.h>

/* The letters A to Z of n bytes become small ones, in any locale. */
static inline void text_lower(char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (text[i] >= 'A' && text[i] <= 'Z')
			text[i] = (char)(text[i] - 'A' + 'a');
}

#endif
