/* SPDX-License-Identifier: MIT */
/* binary.h - bytes that are written as hexadecimal digits or as base64. */
#ifndef MEMTGT_BINARY_H
#define MEMTGT_BINARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * `text`, all of it, into 1 to `cap` bytes at `out`; their number to *len. False: it is not
 * written so, or has none, or more. Then *len and `out` mean nothing.
 */
bool binary_of_hex(const char *text, uint8_t *out, size_t cap, size_t *len)
	__attribute__((warn_unused_result));
/* RFC 4648 4, with its padding; bits that mean nothing must be 0, so a value has one spelling. */
bool binary_of_base64(const char *text, uint8_t *out, size_t cap, size_t *len)
	__attribute__((warn_unused_result));

#endif
