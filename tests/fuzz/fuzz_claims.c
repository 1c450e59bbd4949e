// SPDX-License-Identifier: MIT
/* fuzz_claims - any bytes as kept registrations. What is read is written again, and is the same. */
#include "luns/claims.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define REQUIRE(x)               \
	do {                     \
		if (!(x))        \
			abort(); \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t n)
{
	static const uint8_t naa[8];
	struct claims *c;
	uint8_t *copy = malloc(n + 1);

	REQUIRE(copy);
	if (n)
		memcpy(copy, in, n);
	int rc = claims_read(copy, n, naa, &c);
	REQUIRE(rc == 0 || rc == -EINVAL || rc == -ENOTSUP);
	if (c) {
		uint8_t *out = malloc(claims_length(c));
		REQUIRE(out && c->n <= SCSI_REGISTRANTS_MAX && claims_length(c) == n);
		claims_write(c, naa, out);
		REQUIRE(!memcmp(out, copy, n));
		REQUIRE(claims_find(c, &(struct claim_port){.name = "none"}) <= c->n);
		free(out);
	}
	free(c);
	free(copy);
	return 0;
}
