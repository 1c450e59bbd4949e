// SPDX-License-Identifier: MIT
/*
 * fuzz_records - any bytes as the two copies of a record. What is handed out can be, and the copy
 * that counts is right if one of them is.
 *
 * The first byte of an input is the place: 0, the store's own record, else a LUN's. Each input is
 * read twice: as it is, and with its checksums made right, which gets behind them.
 */
#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "fuzz/fuzz.h"
#include "store/record.h"

static void make_right(uint8_t *raw)
{
	const size_t at = offsetof(struct record_head, crc), after = at + sizeof(be32);
	uint32_t crc = crc32c_update(CRC32C_INIT, raw, at);

	st32(raw + at, ~crc32c_update(crc, raw + after, RECORD_BYTES - after));
}

/* What was read writes the same fields again. */
static void check_lun(const uint8_t *raw, uint32_t place, enum record_is is)
{
	struct record_lun r, again;
	uint8_t back[RECORD_BYTES];

	REQUIRE(record_get_lun(raw, place, &r) == is);
	REQUIRE(is != RECORD_GOOD || r.bytes || r.state == RECORD_FREE);
	REQUIRE(r.bytes % 512 == 0 && r.bytes <= STORE_LUN_MAX && r.label_len <= STORE_LABEL_MAX);
	REQUIRE(is == RECORD_GOOD || (!r.bytes && !r.sequence));
	if (is != RECORD_GOOD)
		return;
	record_put_lun(&r, place, back);
	REQUIRE(record_get_lun(back, place, &again) == RECORD_GOOD);
	REQUIRE(!memcmp(&r, &again, sizeof(r)));
}

static void check_store(const uint8_t *raw, enum record_is is)
{
	struct record_store r, again;
	uint8_t back[RECORD_BYTES];

	REQUIRE(record_get_store(raw, &r) == is);
	REQUIRE(r.settings_len <= STORE_SETTINGS_MAX);
	if (is != RECORD_GOOD)
		return;
	record_put_store(&r, back);
	REQUIRE(record_get_store(back, &again) == RECORD_GOOD);
	REQUIRE(!memcmp(&r, &again, sizeof(r)));
}

static void check(uint8_t *const copies[2], uint32_t place)
{
	enum record_is is, each[2];
	uint64_t seq[2];
	bool same;

	for (unsigned i = 0; i < 2; i++) {
		each[i] = record_check(copies[i], place, &seq[i]);
		if (place)
			check_lun(copies[i], place, each[i]);
		else
			check_store(copies[i], each[i]);
	}
	unsigned one = record_choose(copies[0], copies[1], place, &is, &same);
	REQUIRE(one < 2 && is == each[one]);
	REQUIRE(is != RECORD_BAD || each[!one] == RECORD_BAD);
	REQUIRE(seq[one] >= seq[!one]);
	REQUIRE(same == !memcmp(copies[0], copies[1], RECORD_BYTES));
}

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t n)
{
	uint32_t place = n ? in[0] : 0;
	uint8_t *copies[2];

	for (unsigned i = 0; i < 2; i++) {
		const size_t at = 1 + i * RECORD_BYTES;
		size_t part = n > at ? n - at : 0;

		copies[i] = calloc(1, RECORD_BYTES);
		REQUIRE(copies[i]);
		if (part > RECORD_BYTES)
			part = RECORD_BYTES;
		if (part)
			memcpy(copies[i], in + at, part);
	}
	check(copies, place);
	make_right(copies[0]);
	check(copies, place);
	make_right(copies[1]);
	check(copies, place);
	free(copies[0]);
	free(copies[1]);
	return 0;
}
