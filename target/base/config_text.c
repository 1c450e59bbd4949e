// SPDX-License-Identifier: MIT
/* config_text.c - sizes, iSCSI names and other texts of the configuration. */
#include "base/config_text.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/config.h"

/* Each is 1024 times the one before. */
static const char units[] = "KMGTPE";

int config_parse_size(const char *text, uint64_t *out)
{
	const char *p = text;
	uint64_t n = 0;

	if (!isdigit((unsigned char)*p))
		return -EINVAL;
	bool overflow = false;
	for (; isdigit((unsigned char)*p); p++)
		overflow |= __builtin_mul_overflow(n, 10u, &n) ||
			    __builtin_add_overflow(n, (uint64_t)(*p - '0'), &n);
	const char *unit = *p ? strchr(units, *p) : NULL;
	if (unit) {
		overflow |= __builtin_mul_overflow(n, (uint64_t)1 << 10 * (unit - units + 1), &n);
		p++;
		if (!strncmp(p, "iB", 2))
			p += 2;
	}
	if (*p)
		return -EINVAL;
	if (overflow)
		return -ERANGE;
	*out = n;
	return 0;
}

const char *config_text_bad_size(const char *text)
{
	size_t n = strlen(text);

	if (strchr(text, '.') || strchr(text, ','))
		return "fractions are refused: write 1536M for one and a half G";
	if (n >= 2 && text[n - 1] == 'B' && strchr("kKMGTPE", text[n - 2]))
		return "units are binary: write M or MiB for 1048576 bytes, not MB";
	uint64_t ignored;
	if (config_parse_size(text, &ignored) == -ERANGE)
		return "that is more than 64 bits hold";
	return "a size is a whole number, with K, M, G or T (or KiB, MiB, GiB, TiB) behind it";
}

void config_text_of_size(uint64_t bytes, char out[static 24])
{
	size_t u = 0;

	for (; bytes && bytes % 1024 == 0 && u < sizeof(units) - 1; u++)
		bytes /= 1024;
	snprintf(out, 24, "%llu%.1s", (unsigned long long)bytes, u ? units + u - 1 : "");
}

static bool all_hex(const char *p, size_t n)
{
	return strlen(p) == n && strspn(p, "0123456789abcdef") == n;
}

static bool label_char(char c)
{
	return islower((unsigned char)c) || isdigit((unsigned char)c);
}

/* Labels of letters, digits and inner dashes, with dots between; up to the end or a colon. */
static bool domain(const char *p, const char **end)
{
	for (;; p++) {
		if (!label_char(*p))
			return false;
		while (label_char(*p) || *p == '-')
			p++;
		if (p[-1] == '-')
			return false;
		if (*p != '.')
			break;
	}
	*end = p;
	return *p == '\0' || *p == ':';
}

/* "yyyy-mm." */
static bool date(const char *p)
{
	for (int i = 0; i < 7; i++)
		if (i == 4 ? p[i] != '-' : !isdigit((unsigned char)p[i]))
			return false;
	int month = (p[5] - '0') * 10 + p[6] - '0';
	return month >= 1 && month <= 12 && p[7] == '.';
}

/* RFC 7143 4.2.7.4 */
static const char *bad_iqn(const char *p)
{
	const char *end;

	if (!date(p))
		return "an iqn name goes on with a year, a month and a dot: "
		       "iqn.2026-01.org.example:disk";
	if (!domain(p + 8, &end))
		return "after the date an iqn name has a reversed domain name, then perhaps "
		       "a colon and text: iqn.2026-01.org.example:disk";
	if (*end == ':' && !end[1])
		return "no text follows the colon";
	return NULL;
}

/* RFC 7143 4.2.7.1 and RFC 3722: what a normalised name may hold. Beyond ASCII: UTF-8 bytes. */
static bool name_char(unsigned char c)
{
	return islower(c) || isdigit(c) || c == '-' || c == '.' || c == ':' || c >= 0x80;
}

const char *config_bad_iscsi_name(const char *name)
{
	if (strlen(name) > ISCSI_NAME_MAX)
		return "a name has at most 223 bytes";
	for (const char *p = name; *p; p++) {
		if (isupper((unsigned char)*p))
			return "a name is written in lower case";
		if (!name_char((unsigned char)*p))
			return "a name has only a-z, 0-9, dash, dot and colon";
	}
	if (!strncmp(name, "iqn.", 4))
		return bad_iqn(name + 4);
	if (!strncmp(name, "eui.", 4))
		return all_hex(name + 4, 16) ? NULL : "after eui. stand 16 hexadecimal digits";
	if (!strncmp(name, "naa.", 4))
		return all_hex(name + 4, 16) || all_hex(name + 4, 32)
			       ? NULL
			       : "after naa. stand 16 or 32 hexadecimal digits";
	return "a name begins with iqn., eui. or naa.: iqn.2026-01.org.example:disk";
}

/* RFC 7143 13.6 asks for text; initiators print it. */
const char *config_text_bad_alias(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return "an alias has no control characters";
	return NULL;
}

/* SPC-4 7.8.15 allows any printable ASCII; udev and multipath do better without blanks. */
const char *config_text_bad_serial(const char *text)
{
	for (; *text; text++)
		if (!isalnum((unsigned char)*text) && !strchr("-_.", *text))
			return "a serial has only letters, digits, dash, underscore and dot";
	return NULL;
}

const char *config_text_bad_pattern(const char *text)
{
	for (; *text; text++) {
		if (isupper((unsigned char)*text))
			return "initiator names are in lower case: this would match none";
		if (!name_char((unsigned char)*text) && !strchr("*?[]!^", *text))
			return "a pattern is an initiator name in which *, ? and [...] stand for "
			       "others";
	}
	return NULL;
}

static const char *bad_path(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return "a path has no control characters";
	return NULL;
}

/* The daemon's folder is not the folder of whoever looks for the socket. */
const char *config_text_bad_socket(const char *text)
{
	if (*text && *text != '/')
		return "a path begins with /; the empty text means no socket";
	return bad_path(text);
}

const char *config_text_bad_folder(const char *text)
{
	if (*text && *text != '/')
		return "a path begins with /; the empty text means no folder";
	return bad_path(text);
}

const char *config_text_bad_file(const char *text)
{
	return *text == '/' ? bad_path(text) : "a path begins with /";
}

/* CHAP_N is a text of RFC 7143 6.1, in which a few words are no names. */
const char *config_text_bad_user(const char *text)
{
	if (!strcmp(text, "Reject") || !strcmp(text, "Irrelevant") ||
	    !strcmp(text, "NotUnderstood"))
		return "this word has a meaning of its own in a login (RFC 7143 6.2)";
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return "a user's name has no control characters";
	return NULL;
}

/* groupadd(8), or a number. */
const char *config_text_bad_group(const char *text)
{
	for (; *text; text++)
		if (!isalnum((unsigned char)*text) && !strchr("-_.", *text))
			return "a group's name has only letters, digits, dash, underscore and dot";
	return NULL;
}
