// SPDX-License-Identifier: MIT
/* fuzz_config.c - any text as a configuration: refused with an error, or loaded and freed. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/config.h"
#include "fuzz/fuzz.h"

#define INPUT_MAX ((size_t)64 << 10)

const char *__lsan_default_suppressions(void);

/* libconfig 1.5 forgets a string that stands open before a syntax error. */
const char *__lsan_default_suppressions(void)
{
	return "leak:libconfig.so";
}

/* Includes may lead to what the memfd's folder holds, not all over the machine. */
static int leads_away(const uint8_t *data, size_t n)
{
	return memmem(data, n, "@include", 8) && (memchr(data, '/', n) || memmem(data, n, "..", 2));
}

static void load(const char *path, FILE *errors)
{
	struct config *c = NULL;
	int wrong = config_load(path, &c, errors);

	if ((wrong == 0) != (c != NULL))
		abort();
	config_free(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static FILE *nowhere;
	char path[64];

	if (!nowhere)
		nowhere = fopen("/dev/null", "w");
	if (!nowhere)
		abort();
	if (n > INPUT_MAX || leads_away(data, n))
		return 0;
	int fd = memfd_create("fuzz_config", MFD_CLOEXEC);
	if (fd < 0 || write(fd, data, n) != (ssize_t)n)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	load(path, nowhere);
	close(fd);
	return 0;
}
