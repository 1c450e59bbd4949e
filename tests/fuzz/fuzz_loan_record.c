// SPDX-License-Identifier: MIT
/* fuzz_loan_record.c - any text as the file of a loan: refused, or a loan that is written as it was
 * read. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "initiator-tools/loan/record.h"

static void check(const struct loan *l)
{
	REQUIRE(!record_bad_name(l->wish.name));
	REQUIRE(l->wish.size && l->wish.copies && l->wish.copies <= LOAN_COPIES_MAX);
	REQUIRE(l->nlegs <= LOAN_LEGS_MAX);
	for (size_t i = 0; i < l->nlegs; i++) {
		REQUIRE(l->legs[i].ndisks && l->legs[i].ndisks <= LOAN_DISKS_MAX);
		for (size_t d = 0; d < l->legs[i].ndisks; d++)
			REQUIRE(!strchr(l->legs[i].disks[d].target, '/'));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct loan one, two;
	char why[128] = "";

	if (record_parse((const char *)data, n, &one, why, sizeof(why))) {
		REQUIRE(*why);
		return 0;
	}
	check(&one);
	char *text = record_format(&one);
	REQUIRE(text && !record_parse(text, strlen(text), &two, why, sizeof(why)));
	char *again = record_format(&two);
	REQUIRE(again && !strcmp(text, again));
	free(text);
	free(again);
	loan_free(&one);
	loan_free(&two);
	return 0;
}
