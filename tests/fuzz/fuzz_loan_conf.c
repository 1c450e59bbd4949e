// SPDX-License-Identifier: MIT
/* fuzz_loan_conf.c - any text as memloan.conf: refused with an error, or loaded and freed. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz/fuzz.h"
#include "initiator-tools/conf.h"

#define INPUT_MAX ((size_t)64 << 10)

const char *__lsan_default_suppressions(void);

/* libconfig 1.5 forgets a string that stands open before a syntax error. */
const char *__lsan_default_suppressions(void)
{
	return "leak:libconfig.so";
}

static void check(const struct conf *c)
{
	REQUIRE(c->ndonors <= DONORS_MAX);
	for (size_t i = 0; i < c->ndonors; i++) {
		const struct donor *d = &c->donors[i];
		REQUIRE(d->name[0] && d->nportals && d->nportals <= DONOR_PORTALS_MAX);
		REQUIRE(!d->chap_user == !d->chap_secret_file);
		for (size_t k = 0; k < d->nportals; k++)
			REQUIRE(!donor_bad_portal(d->portals[k]));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct conf c;
	char path[64];
	FILE *nowhere = fopen("/dev/null", "w");

	REQUIRE(nowhere);
	/* Includes are fuzz_config's. */
	if (n <= INPUT_MAX && !memmem(data, n, "@include", 8)) {
		int fd = memfd_create("fuzz_loan_conf", MFD_CLOEXEC);
		REQUIRE(fd >= 0 && write(fd, data, n) == (ssize_t)n);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		if (!conf_load(path, &c, nowhere))
			check(&c);
		conf_free(&c);
		close(fd);
	}
	fclose(nowhere);
	return 0;
}
