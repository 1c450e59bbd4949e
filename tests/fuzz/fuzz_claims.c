// SPDX-License-Identifier: MIT
/*
 * fuzz_claims - any bytes as kept registrations. What is read is written again, has the same
 * length, and when that is read it is the same.
 */
#include "fuzz/fuzz.h"
#include "luns/claims.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t naa[8];

static uint8_t *written(const struct claims *c, size_t n)
{
	uint8_t *out = malloc(n);

	REQUIRE(out && c->n <= SCSI_REGISTRANTS_MAX && claims_length(c) == n);
	claims_write(c, naa, out);
	return out;
}

static void there_and_back(const struct claims *c, size_t n)
{
	uint8_t *first = written(c, n);
	struct claims *back;

	REQUIRE(!claims_read(first, n, naa, &back) && back);
	uint8_t *second = written(back, n);
	REQUIRE(!memcmp(first, second, n) && c->holder == back->holder);
	free(back);
	free(first);
	free(second);
}

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t n)
{
	struct claims *c;
	uint8_t *copy = malloc(n + 1);

	REQUIRE(copy);
	if (n)
		memcpy(copy, in, n);
	int rc = claims_read(copy, n, naa, &c);
	REQUIRE(rc == 0 || rc == -EINVAL || rc == -ENOTSUP);
	if (c) {
		there_and_back(c, n);
		REQUIRE(claims_find(c, &(struct claim_port){.name = "none"}) <= c->n);
	}
	free(c);
	free(copy);
	return 0;
}
