/* SPDX-License-Identifier: MIT */
/* secret.h - a donor's CHAP secret, from a file that only its owner can read. */
#ifndef MEMTGT_SECRET_H
#define MEMTGT_SECRET_H

#include <stddef.h>

#define CHAP_SECRET_MAX 255

/*
 * The file's first line. NULL, or what is wrong, in words that stay (or in `why`); then `out` is
 * empty. Whoever has it clears it.
 */
const char *secret_read(const char *path, char out[static CHAP_SECRET_MAX + 1], char *why,
			size_t why_len) __attribute__((warn_unused_result));

#endif
