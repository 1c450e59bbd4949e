// SPDX-License-Identifier: MIT
/* fuzz_secrets.c - any text as a file of secrets: refused with an error, or right credentials. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
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

static int new_file(const char *name, const void *p, size_t n)
{
	int fd = memfd_create(name, MFD_CLOEXEC);

	if (fd < 0 || fchmod(fd, 0600) || write(fd, p, n) != (ssize_t)n)
		abort();
	return fd;
}

static void check(const struct config *c)
{
	if (!c->ncredentials)
		abort();
	for (size_t i = 0; i < c->ncredentials; i++) {
		const struct config_credential *k = &c->credentials[i];
		if (!k->name[0] || k->secret_len < CONFIG_SECRET_MIN)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static FILE *nowhere;
	char text[256], path[64];
	struct config *c = NULL;

	if (!nowhere)
		nowhere = fopen("/dev/null", "w");
	if (!nowhere)
		abort();
	if (n > INPUT_MAX || memmem(data, n, "@include", 8))
		return 0;
	int secrets = new_file("secrets", data, n);
	int len = snprintf(
		text, sizeof(text),
		"portals = ( { address = \"::1\"; } ); secrets = \"/proc/self/fd/%d\";"
		"targets = ( { name = \"iqn.2026-01.a\"; luns = ( { id = 0; size = 512; } ); } );",
		secrets);
	int conf = new_file("main", text, (size_t)len);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", conf);
	int wrong = config_load(path, &c, nowhere);
	if ((wrong == 0) != (c != NULL))
		abort();
	if (c)
		check(c);
	config_free(c);
	close(conf);
	close(secrets);
	return 0;
}
