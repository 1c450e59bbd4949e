/* SPDX-License-Identifier: MIT */
/* app_random.h - the mixer of splitmix64: numbers that look random, and are the same each time. */
#ifndef MEMTGT_APP_RANDOM_H
#define MEMTGT_APP_RANDOM_H

#include <stdint.h>

static inline uint64_t app_mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15u;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

#endif
