// SPDX-License-Identifier: MIT
/* crc32c.c - CRC32C over any number of bytes, in any pieces. */
#include "base/crc32c.h"

#include <isa-l/crc.h>

/* ISA-L counts in int. */
#define PIECE_MAX ((size_t)1 << 30)

uint32_t crc32c_update(uint32_t crc, const void *p, size_t n)
{
	/* ISA-L only reads, though its prototype does not say so. */
	union {
		const void *in;
		unsigned char *out;
	} at = {.in = p};

	while (n) {
		size_t piece = n < PIECE_MAX ? n : PIECE_MAX;
		crc = crc32_iscsi(at.out, (int)piece, crc);
		at.out += piece;
		n -= piece;
	}
	return crc;
}
