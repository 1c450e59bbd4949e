// SPDX-License-Identifier: MIT
/*
 * fuzz_loan_disk.c - any bytes as what a borrowed disk answers: sense, keys, vital product data.
 * The first byte chooses which; the rest is the answer.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "initiator-tools/host/claim.h"
#include "initiator-tools/host/commit.h"
#include "initiator-tools/host/foreign.h"

#define KEY UINT64_C(0x1122334455667788)

static void take_sense(struct cursor c)
{
	struct sg_result r = {.status = SG_CHECK};
	char words[SG_WORDS];

	(void)sg_sense(c, &r);
	REQUIRE(r.key < 16);
	REQUIRE(strlen(sg_words(&r, words)) < SG_WORDS);
}

/* Whatever a donor says of keys: nobody has won who is not the only one. */
static void take_keys(struct cursor c)
{
	struct claim_keys keys = {0};
	struct claim claim;

	if (!claim_read_keys(c, KEY, &keys))
		return;
	REQUIRE(keys.own + keys.others <= c.left / 8 + 1);
	claim_begin(&claim, KEY, false);
	claim_tell(&claim, true, &(struct claim_keys){0});
	REQUIRE(claim_next(&claim) == CLAIM_ACT_REGISTER);
	claim_tell(&claim, true, NULL);
	claim_tell(&claim, true, &keys);
	REQUIRE((claim_next(&claim) == CLAIM_ACT_RESERVE) == (keys.own && !keys.others));
}

static void take_pages(struct cursor c)
{
	struct commit_limits l = {0};

	(void)commit_read_limits(c, &l);
	(void)commit_read_provisioning(c, &l);
}

static void take_blocks(struct cursor c)
{
	const char *kind = foreign_kind(c.p, c.left);

	REQUIRE(!kind || *kind);
	for (size_t i = 0; !kind && i < c.left; i++)
		REQUIRE(!c.p[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t n)
{
	static void (*const takes[])(struct cursor c) = {take_sense, take_keys, take_pages,
							 take_blocks};

	if (n)
		takes[in[0] % 4](cursor_of(in + 1, n - 1));
	return 0;
}
