/* SPDX-License-Identifier: MIT */
/*
 * mix.h - a 128-bit digest of names, for what shall differ where they differ.
 *
 * Names need no secrecy and face no attacker (who may name itself as it likes may also do what the
 * name would get it), only an even spread: two 64-bit lanes, each stirred by the finalizer of
 * splitmix64, a bijection in which every input bit flips every output bit with probability one
 * half. 60 bits of it make the NAA of a LU: the odds that any two of 100,000 LUs of a site collide
 * are 1 in 200 million.
 */
#ifndef MEMTGT_MIX_H
#define MEMTGT_MIX_H

#include <stddef.h>
#include <stdint.h>

/* Begins with two different constants. */
struct mix {
	uint64_t a, b;
};

void mix_word(struct mix *d, uint64_t w);
/* The length goes first, so that no two sequences of fields look the same. */
void mix_bytes(struct mix *d, const void *p, size_t n);

#endif
