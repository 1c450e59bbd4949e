// SPDX-License-Identifier: MIT
/*
 * fuzz_intent - any bytes as the head of an intent that a process left. What is handed out lies
 * within pages and within its data, and writes the same bytes again.
 *
 * Each input is read twice: as it is, and with the seal made right, which gets behind it.
 */
#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "fuzz/fuzz.h"
#include "store/intent.h"
#include "store/table.h"

static void check(const uint8_t *raw)
{
	struct intent i, again;
	uint8_t back[INTENT_BYTES] = {0};
	const enum intent_is is = intent_get(raw, &i);
	size_t sum = 0;

	if (is != INTENT_GOOD) {
		REQUIRE(!i.n && !i.kind && !intent_data(&i));
		return;
	}
	REQUIRE(i.n && i.n <= INTENT_RANGES && i.slot < TABLES_MAX);
	for (unsigned k = 0; k < i.n; k++) {
		const struct intent_range *r = &i.range[k];

		REQUIRE(r->num && r->len && r->from % 512 == 0 && r->len % 512 == 0);
		REQUIRE((uint64_t)r->from + r->len <= STORE_PAGE_SIZE);
		REQUIRE(r->page < TABLE_LEAVES * TABLE_LEAF);
		sum += r->len;
	}
	REQUIRE(intent_data(&i) <= INTENT_MOST);
	REQUIRE(i.kind != INTENT_COPY || intent_data(&i) == sum);
	REQUIRE(i.kind != INTENT_ZERO || !intent_data(&i));
	const uint64_t seal = intent_put(&i, back);
	memcpy(back, &seal, sizeof(seal));
	REQUIRE(intent_get(back, &again) == INTENT_GOOD && !memcmp(&i, &again, sizeof(i)));
}

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t n)
{
	uint8_t *raw = calloc(1, INTENT_BYTES);

	REQUIRE(raw);
	if (n)
		memcpy(raw, in, n < INTENT_BYTES ? n : INTENT_BYTES);
	check(raw);
	const uint64_t seal =
		INTENT_SEAL | (uint32_t)~crc32c_update(CRC32C_INIT, raw + 8, INTENT_BYTES - 8);
	memcpy(raw, &seal, sizeof(seal));
	check(raw);
	free(raw);
	return 0;
}
