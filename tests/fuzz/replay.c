// SPDX-License-Identifier: MIT
/* Play files to a fuzzer, for builds without libFuzzer: each found bug stays a test everywhere. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"

static uint8_t *slurp(FILE *f, size_t *n)
{
	size_t room = (size_t)1 << 20;
	uint8_t *data = malloc(room), *exact;

	if (!data)
		abort();
	*n = fread(data, 1, room, f);
	/* A block of just this size, so that a sanitizer sees one byte too far. */
	exact = malloc(*n);
	if (!exact && *n)
		abort();
	if (*n)
		memcpy(exact, data, *n);
	free(data);
	return exact;
}

static void play(const char *path)
{
	FILE *f = fopen(path, "rb");
	size_t n;

	if (!f) {
		perror(path);
		exit(EXIT_FAILURE);
	}
	uint8_t *data = slurp(f, &n);
	fclose(f);
	LLVMFuzzerTestOneInput(data, n);
	free(data);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		play(argv[i]);
	printf("played %d files\n", argc - 1);
	return argc > 1 ? EXIT_SUCCESS : EXIT_FAILURE;
}
