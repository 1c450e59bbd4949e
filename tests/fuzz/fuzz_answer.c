// SPDX-License-Identifier: MIT
/*
 * fuzz_answer.c - any bytes as what a donor says of a LUN. The first byte chooses the answers: one
 * after another, as they come from one LUN.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "initiator-tools/answer.h"
#include "initiator-tools/rank.h"

typedef bool answer_fn(struct cursor c, struct donor_lun *l);

static unsigned luns;

static bool count(void *arg, unsigned id)
{
	(void)arg;
	REQUIRE(id < 16384);
	return ++luns < DONOR_LUNS_MAX;
}

static bool take_luns(struct cursor c, struct donor_lun *l)
{
	(void)l;
	luns = 0;
	return answer_luns(c, count, NULL);
}

static answer_fn *const answers[] = {
	answer_inquiry, answer_serial, answer_identification, answer_provisioning, answer_capacity,
	answer_log,	answer_keys,   answer_reservation,    answer_claims,	   take_luns,
};
#define ANSWERS (sizeof(answers) / sizeof(answers[0]))

static void check_text(const char *text, size_t room)
{
	size_t n = strnlen(text, room);

	REQUIRE(n < room);
	for (size_t i = 0; i < n; i++)
		REQUIRE(text[i] >= 0x20 && text[i] < 0x7f);
}

static void check(const struct donor_lun *l)
{
	check_text(l->serial, sizeof(l->serial));
	check_text(l->naa, sizeof(l->naa));
	for (unsigned i = 0; i < l->nclaims && i < DONOR_CLAIMS_MAX; i++)
		check_text(l->claims[i], sizeof(l->claims[i]));
	REQUIRE(!l->size || (l->block_size >= 512 && l->size % l->block_size == 0));
}

/* Each answer: a byte that chooses it, two of its length, its bytes. */
int LLVMFuzzerTestOneInput(const uint8_t *in, size_t n)
{
	struct donor_lun lun = {.ready = READY_YES};
	struct donor d = {.state = DONOR_NO_LUNS, .luns = &lun, .nluns = 1};
	struct cursor c = cursor_of(in, n);

	while (c.left) {
		answer_fn *answer = answers[cursor_u8(&c) % ANSWERS];
		size_t len = cursor_u16(&c);
		if (len > c.left)
			len = c.left;
		const uint8_t *p = cursor_take(&c, len);
		uint8_t *exact = malloc(len ? len : 1);
		REQUIRE(exact);
		if (len)
			memcpy(exact, p, len);
		(void)answer(cursor_of(exact, len), &lun);
		free(exact);
		check(&lun);
	}
	donor_judge(&d, 1, "iqn.2026-01.org.example:me");
	REQUIRE(d.state < DONOR_STATES_COUNT);
	/* Whoever has a claim on it that is not ours keeps it. */
	REQUIRE(!donor_state_usable(d.state) || lun.claim == CLAIM_NONE);
	return 0;
}
