/* SPDX-License-Identifier: MIT */
/* crc32c.h - CRC32C (Castagnoli), computed by ISA-L. */
#ifndef MEMTGT_CRC32C_H
#define MEMTGT_CRC32C_H

#include <stddef.h>
#include <stdint.h>

#define CRC32C_INIT 0xffffffffu

/* Goes on from `crc` (CRC32C_INIT at first) over n more bytes. The complement of the last is what
 * RFC 3385 and RFC 3720 B.4 call the CRC. */
uint32_t crc32c_update(uint32_t crc, const void *p, size_t n);

#endif
