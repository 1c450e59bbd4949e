// SPDX-License-Identifier: MIT
/* fuzz_check.c - any text as a file that memloan check reads: the first byte says as which. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "initiator-tools/check/area.h"
#include "initiator-tools/check/sessions.h"
#include "initiator-tools/check/setting.h"

#define INPUT_MAX ((size_t)64 << 10)

static void parse_area(const char *text)
{
	struct area a;

	if (area_parse(text, &a)) {
		REQUIRE(a.path[0] && strlen(a.path) <= AREA_PATH_MAX);
		REQUIRE(!(a.bytes & 1023) && !(a.used & 1023));
	}
}

static void parse_log(const char *text)
{
	char path[AREA_PATH_MAX + 1];
	bool discards;

	if (area_parse_log(text, path, &discards))
		REQUIRE(path[0] && strstr(text, path));
}

static void parse_key(const char *text)
{
	uint64_t v;

	if (tree_key(text, "VmSwap", &v))
		REQUIRE(strstr(text, "VmSwap:"));
}

/* A line at a time, as tree_lines() gives them. */
static void parse_setting(const char *text)
{
	struct setting s = {.key = "filter"};
	char line[TREE_LINE_MAX + 1];

	for (; *text; text += strcspn(text, "\n"), text += *text == '\n') {
		size_t len = strcspn(text, "\n");
		len = len < TREE_LINE_MAX ? len : TREE_LINE_MAX;
		memcpy(line, text, len);
		line[len] = '\0';
		REQUIRE(!setting_take(line, &s));
		REQUIRE(strlen(s.value) <= TREE_LINE_MAX && !strchr(s.value, '}'));
	}
	REQUIRE(!setting_is(&s, "none") || s.is_there);
}

static void parse_page(const uint8_t *data, size_t n)
{
	char naa[33];
	bool is_there = sessions_naa(data, n, naa);

	REQUIRE(strlen(naa) == (is_there ? strspn(naa, "0123456789abcdef") : 0));
	REQUIRE(!is_there || strlen(naa) == 16 || strlen(naa) == 32);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static void (*const parsers[])(const char *) = {parse_area, parse_log, parse_key,
							parse_setting};
	size_t which = n ? data[0] & 7u : 0;

	if (n < 2 || n > INPUT_MAX)
		return 0;
	/* Not a byte more than there is: a step past the end is seen. */
	char *copy = malloc(n);
	REQUIRE(copy);
	memcpy(copy, data + 1, n - 1);
	copy[n - 1] = '\0';
	if (which < 4)
		parsers[which](copy);
	else
		parse_page((const uint8_t *)copy, n - 1);
	free(copy);
	return 0;
}
