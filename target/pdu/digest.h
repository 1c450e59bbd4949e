/* SPDX-License-Identifier: MIT */
/* digest.h - CRC32C as RFC 7143 13.1 and RFC 3385 use it, computed by ISA-L. */
#ifndef MEMTGT_DIGEST_H
#define MEMTGT_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#define DIGEST_INIT 0xffffffffu

/* Goes on from `crc` (DIGEST_INIT at first) over n more bytes. */
uint32_t digest_update(uint32_t crc, const void *p, size_t n);
/* The four bytes as they lie on the wire (the CRC's least significant byte first). */
void digest_final(uint32_t crc, uint8_t out[static 4]);

#endif
