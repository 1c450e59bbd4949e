/* SPDX-License-Identifier: MIT */
/* swap.h - how patient the step "swap" is: a constant, but for tests. */
#ifndef MEMTGT_SWAP_H
#define MEMTGT_SWAP_H

/* swapoff(8) takes as long as it goes on; it is given up after this time without a page. */
extern unsigned swap_stall_ms;

#endif
