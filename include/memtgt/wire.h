/* SPDX-License-Identifier: MIT */
/*
 * wire.h - integers as they lie on the wire.
 *
 * iSCSI and SCSI are big-endian. A wire integer is a byte array: it has alignment 1, so wire
 * structs need no packing, and it cannot be used as a number by mistake. Read with getN(), write
 * with putN(); raw byte positions (CDBs, parameter data) go through ldN()/stN().
 */
#ifndef MEMTGT_WIRE_H
#define MEMTGT_WIRE_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
	uint8_t b[2];
} be16;
typedef struct {
	uint8_t b[3];
} be24;
typedef struct {
	uint8_t b[4];
} be32;
typedef struct {
	uint8_t b[8];
} be64;

/* A wire struct states its size, and the offsets that matter, beside its definition. */
#define WIRE_SIZE(T, n)	 _Static_assert(sizeof(T) == (n) && _Alignof(T) == 1, #T " layout")
#define WIRE_AT(T, f, o) _Static_assert(offsetof(T, f) == (o), #T "." #f " offset")

static inline uint16_t ld16(const uint8_t p[static 2])
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t ld24(const uint8_t p[static 3])
{
	return (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
}

static inline uint32_t ld32(const uint8_t p[static 4])
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline uint64_t ld64(const uint8_t p[static 8])
{
	return (uint64_t)ld32(p) << 32 | ld32(p + 4);
}

static inline void st16(uint8_t p[static 2], uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void st24(uint8_t p[static 3], uint32_t v)
{
	p[0] = (uint8_t)(v >> 16);
	p[1] = (uint8_t)(v >> 8);
	p[2] = (uint8_t)v;
}

static inline void st32(uint8_t p[static 4], uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

static inline void st64(uint8_t p[static 8], uint64_t v)
{
	st32(p, (uint32_t)(v >> 32));
	st32(p + 4, (uint32_t)v);
}

static inline uint16_t get16(be16 v)
{
	return ld16(v.b);
}

static inline uint32_t get24(be24 v)
{
	return ld24(v.b);
}

static inline uint32_t get32(be32 v)
{
	return ld32(v.b);
}

static inline uint64_t get64(be64 v)
{
	return ld64(v.b);
}

static inline void put16(be16 *d, uint16_t v)
{
	st16(d->b, v);
}

static inline void put24(be24 *d, uint32_t v)
{
	st24(d->b, v);
}

static inline void put32(be32 *d, uint32_t v)
{
	st32(d->b, v);
}

static inline void put64(be64 *d, uint64_t v)
{
	st64(d->b, v);
}

#endif
