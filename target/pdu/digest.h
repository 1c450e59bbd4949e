/* SPDX-License-Identifier: MIT */
/* digest.h - CRC32C as RFC 7143 13.1 and RFC 3385 use it. */
#ifndef MEMTGT_DIGEST_H
#define MEMTGT_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#include "base/crc32c.h"

#define DIGEST_INIT CRC32C_INIT

/* Goes on from `crc` (DIGEST_INIT at first) over n more bytes. */
static inline uint32_t digest_update(uint32_t crc, const void *p, size_t n)
{
	return crc32c_update(crc, p, n);
}
/* The four bytes as they lie on the wire (the CRC's least significant byte first). */
void digest_final(uint32_t crc, uint8_t out[static 4]);

#endif
