// SPDX-License-Identifier: MIT
/* clean.c - any bytes to UTF-8 without control characters. */
#include "control/clean.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Unicode 15, table 3-7: first bytes, how many follow, and the range of the second. */
static const struct {
	uint8_t first, last, follow, low, high;
} sequences[] = {
	/* clang-format off */
	{0x20, 0x7e, 0, 0,    0},
	{0xc2, 0xdf, 1, 0x80, 0xbf},
	{0xe0, 0xe0, 2, 0xa0, 0xbf},
	{0xe1, 0xec, 2, 0x80, 0xbf},
	{0xed, 0xed, 2, 0x80, 0x9f},
	{0xee, 0xef, 2, 0x80, 0xbf},
	{0xf0, 0xf0, 3, 0x90, 0xbf},
	{0xf1, 0xf3, 3, 0x80, 0xbf},
	{0xf4, 0xf4, 3, 0x80, 0x8f},
	/* clang-format on */
};

/* C1 controls, which some terminals obey. */
static bool is_c1(const uint8_t *p)
{
	return p[0] == 0xc2 && p[1] < 0xa0;
}

/* Bytes of the character at p, which is NUL-terminated; 0: there is none. */
static size_t character(const uint8_t *p)
{
	for (size_t i = 0; i < sizeof(sequences) / sizeof(sequences[0]); i++) {
		size_t n = sequences[i].follow;
		if (*p < sequences[i].first || *p > sequences[i].last)
			continue;
		if (n && (p[1] < sequences[i].low || p[1] > sequences[i].high || is_c1(p)))
			return 0;
		for (size_t k = 2; k <= n; k++)
			if ((p[k] & 0xc0) != 0x80)
				return 0;
		return n + 1;
	}
	return 0;
}

void control_text_clean(char *text)
{
	uint8_t *p = (uint8_t *)text;

	while (*p) {
		size_t n = character(p);
		if (!n)
			*p = '?';
		p += n ? n : 1;
	}
}

json_t *control_json_text(const char *text)
{
	char *copy = strdup(text);

	if (!copy)
		return NULL;
	control_text_clean(copy);
	json_t *string = json_string(copy);
	free(copy);
	return string;
}
