// SPDX-License-Identifier: MIT
/*
 * fuzz_state - any text as the file of what LUNs held. What is read is written and read again, and
 * is the same.
 */
#include "fuzz/fuzz.h"
#include "state/file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t n)
{
	struct state_file *f, *again;
	char why[256] = "";
	int rc = state_parse((const char *)in, n, &f, why, sizeof(why));

	if (rc) {
		REQUIRE((rc == -EINVAL || rc == -ENOTSUP) && why[0]);
		return 0;
	}
	char *text = state_text(f);
	REQUIRE(text && !state_parse(text, strlen(text), &again, why, sizeof(why)));
	char *same = state_text(again);
	REQUIRE(same && !strcmp(text, same));
	free(text);
	free(same);
	state_close(f);
	state_close(again);
	return 0;
}
