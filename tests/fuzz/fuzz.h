/* SPDX-License-Identifier: MIT */
/* fuzz.h - what all fuzzers share: their entry, and an assertion that ends the run and names
 * itself. */
#ifndef MEMTGT_FUZZ_H
#define MEMTGT_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* libFuzzer calls it, or replay.c. */
int LLVMFuzzerTestOneInput(const uint8_t *in, size_t n);

#define REQUIRE(x)                                                                        \
	do {                                                                              \
		if (!(x)) {                                                               \
			fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #x); \
			abort();                                                          \
		}                                                                         \
	} while (0)

#endif
