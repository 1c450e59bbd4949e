// SPDX-License-Identifier: MIT
/* digest.c - CRC32C over any number of bytes, in any pieces. */
#include "pdu/digest.h"

#include <isa-l/crc.h>

/* ISA-L counts in int. */
#define PIECE_MAX ((size_t)1 << 30)

uint32_t digest_update(uint32_t crc, const void *p, size_t n)
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

void digest_final(uint32_t crc, uint8_t out[static 4])
{
	crc = ~crc;
	for (int i = 0; i < 4; i++)
		out[i] = (uint8_t)(crc >> 8 * i);
}
