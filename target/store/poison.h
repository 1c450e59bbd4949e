/* SPDX-License-Identifier: MIT */
/*
 * poison.h - pages of the pool whose memory failed.
 *
 * Memory that the hardware lost is taken away by the kernel: who touches it gets SIGBUS, and a
 * system call EFAULT. Whoever meets that marks the page, for good. A mark says "look first", no
 * more: which bytes are gone is asked of the memory itself each time, since that is never wrong,
 * not even in the next process that has the pool. A hugepage goes as a whole, of a plain page 4
 * KiB.
 *
 * Bytes of the pool are read and written in user space by the functions here and by nothing else,
 * since they alone survive the signal. All of them do what can be done in the whole range, whatever
 * is gone in its middle, so that no block is torn; and tell how far it was all there.
 */
#ifndef MEMTGT_STORE_POISON_H
#define MEMTGT_STORE_POISON_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Memory fails in units of this, or larger ones. */
#define POISON_UNIT ((size_t)4096)

/* The marks of a pool. */
struct poison {
	const uint8_t *base;
	uint32_t pages;		/* numbered from 1 */
	_Atomic uint32_t n;	/* marked */
	_Atomic uint64_t *mark; /* bits, by number */
	_Atomic uint64_t *told; /* the same: somebody has logged it */
};

/* The first one sets the handler of SIGBUS, which nobody may block who uses the functions below.
 * 0, -ENOMEM, or -ENOSPC: too many pools. */
int poison_open(struct poison *p, const uint8_t *base, uint32_t pages)
	__attribute__((warn_unused_result));
void poison_close(struct poison *p);

static inline bool poison_any(const struct poison *p)
{
	return __builtin_expect(atomic_load_explicit(&p->n, memory_order_relaxed) > 0, false);
}

static inline bool poison_is(const struct poison *p, uint32_t num)
{
	return poison_any(p) && atomic_load(&p->mark[num / 64]) >> num % 64 & 1;
}

/* True once for each page. */
bool poison_tell(struct poison *p, uint32_t num);

/* These return the bytes from the front that were all there: n, or a multiple of POISON_UNIT away
 * from a border of it; then the next one is gone, and its page is marked. Either side of a copy may
 * be the pool's. */
size_t poison_copy_in(uint8_t *to, const uint8_t *from, size_t n);
size_t poison_copy_out(uint8_t *to, const uint8_t *from, size_t n);
size_t poison_zero(uint8_t *at, size_t n);
/* Copies of a block; n is a multiple of its size. Each is made from the block itself: a copy of
 * what was just written could carry another session's write of it along. */
size_t poison_fill(uint8_t *at, size_t n, const uint8_t *block, size_t block_size);
/* Only looks whether it is there. */
size_t poison_probe(const uint8_t *at, size_t n);
/* The bytes in which the pool's agree with `with`; less than n: the next one differs, or *gone. */
size_t poison_agree(const uint8_t *at, const uint8_t *with, size_t n, bool *gone);

#endif
