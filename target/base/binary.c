// SPDX-License-Identifier: MIT
/* binary.c - hexadecimal digits and base64, as bytes. */
#include "base/binary.h"

#include <string.h>

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool binary_of_hex(const char *text, uint8_t *out, size_t cap, size_t *len)
{
	size_t n = strlen(text);

	if (!n || n % 2 || n / 2 > cap)
		return false;
	for (size_t i = 0; i < n; i += 2) {
		int high = hex_digit(text[i]), low = hex_digit(text[i + 1]);
		if (high < 0 || low < 0)
			return false;
		out[i / 2] = (uint8_t)(high << 4 | low);
	}
	*len = n / 2;
	return true;
}

static int base64_digit(char c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c ? strchr(digits, c) : NULL;
	return at ? (int)(at - digits) : -1;
}

/* Four characters, of which the last `pad` stand for nothing: 3 - pad bytes. */
static bool base64_group(const char *text, unsigned pad, uint8_t *out)
{
	uint32_t bits = 0;

	for (unsigned i = 0; i < 4; i++) {
		int d = i < 4 - pad ? base64_digit(text[i]) : 0;
		if (d < 0)
			return false;
		bits = bits << 6 | (uint32_t)d;
	}
	for (unsigned i = 0; i < 3 - pad; i++)
		out[i] = (uint8_t)(bits >> (16 - 8 * i));
	return !(bits & ((1u << 8 * pad) - 1));
}

bool binary_of_base64(const char *text, uint8_t *out, size_t cap, size_t *len)
{
	size_t n = strlen(text), at = 0;

	if (!n || n % 4)
		return false;
	unsigned pad = text[n - 1] != '=' ? 0 : text[n - 2] != '=' ? 1 : 2;
	if (n / 4 * 3 - pad > cap)
		return false;
	for (size_t i = 0; i < n; i += 4, at += 3)
		if (!base64_group(text + i, i + 4 == n ? pad : 0, out + at))
			return false;
	*len = at - pad;
	return true;
}
