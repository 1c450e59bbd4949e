// SPDX-License-Identifier: MIT
/*
 * fuzz_text - any text as pairs, and as a text of the Full Feature Phase.
 *
 * Byte 0 is the room for answers, in words.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "iscsi/keys.h"

static void pairs(const uint8_t *in, size_t n)
{
	struct cursor c = cursor_of(in, n);
	struct text_pair p;

	while (text_next(&c, &p) == TEXT_PAIR) {
		uint64_t number;
		bool yes;
		const char *list = p.value, *item;
		size_t len, sum = 0, commas = 0;
		REQUIRE(p.key_len && p.key_len <= TEXT_KEY_MAX);
		REQUIRE(strlen(p.value) == p.value_len);
		for (; text_list_next(&list, &item, &len); commas++)
			sum += len;
		REQUIRE(sum + commas - 1 == p.value_len);
		REQUIRE(!text_number(p.value, &number) || !text_bool(p.value, &yes));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t n)
{
	struct iscsi_params p = {.max_xmit_data_segment_length = 8192};
	const char *send_targets = NULL, *why = NULL;

	if (!n)
		return 0;
	size_t cap = in[0] * 4u;
	uint8_t *text = malloc(n), *out = malloc(cap + 1);
	if (text && out) {
		struct writer w = writer_of(out, cap);
		memcpy(text, in + 1, n - 1);
		pairs(text, n - 1);
		if (keys_text(&p, text, n - 1, &w, &send_targets, &why) == 0 && send_targets)
			REQUIRE(strlen(send_targets) <= TEXT_VALUE_MAX);
		REQUIRE(writer_len(&w) <= cap && !writer_full(&w));
		REQUIRE(p.max_xmit_data_segment_length >= 512);
		pairs(out, writer_len(&w));
	}
	free(text);
	free(out);
	return 0;
}
