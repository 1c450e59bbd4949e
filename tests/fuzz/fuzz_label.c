// SPDX-License-Identifier: MIT
/* fuzz_label - any bytes as the label of a LUN. What is read is written again, and is the same. */
#include "fuzz/fuzz.h"
#include "luns/label.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t n)
{
	struct luns_label l;
	uint8_t out[STORE_LABEL_MAX];
	uint8_t *copy = malloc(n + 1);

	REQUIRE(copy);
	if (n)
		memcpy(copy, in, n);
	int rc = label_read(copy, n, &l);
	if (rc) {
		REQUIRE(rc == -EINVAL || rc == -ENOTSUP);
	} else {
		REQUIRE(l.id < SCSI_LUNS_MAX && l.nstarters <= SCSI_STARTERS);
		REQUIRE(l.target[0] && l.serial[0] && strlen(l.target) <= ISCSI_NAME_MAX);
		REQUIRE(label_write(&l, out) == n && !memcmp(out, copy, n));
	}
	free(copy);
	return 0;
}
