// SPDX-License-Identifier: MIT
/* config_value.c - values by type: what the file says, whether it is allowed, where it goes. */
#include "base/config_value.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/config.h"
#include "base/config_addr.h"
#include "base/config_text.h"

#define FOUND_BYTES   128
#define ALLOWED_BYTES 256

static void *field_of(const struct config_key *k, void *object)
{
	return (char *)object + k->offset;
}

/* An unsigned field of the size that the table knows. */
static void put_number(const struct config_key *k, void *object, uint64_t v)
{
	void *field = field_of(k, object);

	switch (k->size) {
	case 1:
		*(bool *)field = v;
		break;
	case 2:
		*(uint16_t *)field = (uint16_t)v;
		break;
	case 4:
		*(uint32_t *)field = (uint32_t)v;
		break;
	default:
		*(uint64_t *)field = v;
		break;
	}
}

static void put_text(const struct config_key *k, void *object, const char *text)
{
	snprintf(field_of(k, object), k->size, "%s", text);
}

void config_value_presets(enum config_scope scope, void *object)
{
	for (size_t i = 0; i < config_keys_count; i++) {
		const struct config_key *k = &config_keys[i];
		if (k->scope != scope || !k->size)
			continue;
		if (k->type == KEY_NAME)
			put_text(k, object, k->words[k->preset]);
		else if (!k->bad && k->type != KEY_CPUS && k->type != KEY_SECRET)
			put_number(k, object, k->preset);
	}
}

static const char *kind(int type)
{
	switch (type) {
	case CONFIG_TYPE_GROUP:
		return "a group { ... }";
	case CONFIG_TYPE_ARRAY:
		return "an array [ ... ]";
	case CONFIG_TYPE_LIST:
		return "a list ( ... )";
	default:
		return "nothing";
	}
}

static bool is_integer(const config_setting_t *at)
{
	return config_setting_type(at) == CONFIG_TYPE_INT ||
	       config_setting_type(at) == CONFIG_TYPE_INT64;
}

static long long integer(const config_setting_t *at)
{
	return config_setting_type(at) == CONFIG_TYPE_INT ? config_setting_get_int(at)
							  : config_setting_get_int64(at);
}

static const char *string(const config_setting_t *at)
{
	return config_setting_type(at) == CONFIG_TYPE_STRING ? config_setting_get_string(at) : NULL;
}

void config_value_found(const config_setting_t *at, char *out, size_t n)
{
	const char *text = string(at);

	if (config_source_is_private(at))
		snprintf(out, n, "a value that is not shown");
	else if (text)
		snprintf(out, n, "\"%.80s%s\"", text, strlen(text) > 80 ? "..." : "");
	else if (is_integer(at))
		snprintf(out, n, "%lld", integer(at));
	else if (config_setting_type(at) == CONFIG_TYPE_BOOL)
		snprintf(out, n, "%s", config_setting_get_bool(at) ? "true" : "false");
	else if (config_setting_type(at) == CONFIG_TYPE_FLOAT)
		snprintf(out, n, "the fraction %g", config_setting_get_float(at));
	else
		snprintf(out, n, "%s", kind(config_setting_type(at)));
	for (; *out; out++)
		if ((unsigned char)*out < 0x20 || *out == 0x7f)
			*out = '?';
}

void config_value_wrong(struct config_source *s, const struct config_key *k,
			const config_setting_t *at)
{
	char found[FOUND_BYTES], allowed[ALLOWED_BYTES];

	config_value_found(at, found, sizeof(found));
	config_key_allowed(k, allowed, sizeof(allowed));
	config_source_error(s, at, NULL, "found %s; allowed is %s", found, allowed);
}

static bool read_uint(const struct config_key *k, const config_setting_t *at, uint64_t *out)
{
	if (!is_integer(at) || integer(at) < 0)
		return false;
	*out = (uint64_t)integer(at);
	return *out >= k->min && *out <= k->max;
}

/* Found text, and a sentence of its own about it. */
static bool refuse(struct config_source *s, const config_setting_t *at, const char *why)
{
	char found[FOUND_BYTES];

	config_value_found(at, found, sizeof(found));
	config_source_error(s, at, NULL, "found %s; %s", found, why);
	return false;
}

static bool read_size(struct config_source *s, const struct config_key *k,
		      const config_setting_t *at, void *object)
{
	const char *text = string(at);
	uint64_t v;

	if (config_setting_type(at) == CONFIG_TYPE_FLOAT)
		return refuse(s, at, config_text_bad_size("."));
	if (text && config_parse_size(text, &v))
		return refuse(s, at, config_text_bad_size(text));
	if (text ? v < k->min || v > k->max : !read_uint(k, at, &v)) {
		config_value_wrong(s, k, at);
		return false;
	}
	put_number(k, object, v);
	return true;
}

static int word_of(const struct config_key *k, const config_setting_t *at)
{
	const char *text = string(at);

	for (int i = 0; text && k->words[i]; i++)
		if (!strcmp(k->words[i], text))
			return i;
	return -1;
}

static bool read_word(struct config_source *s, const struct config_key *k,
		      const config_setting_t *at, void *object)
{
	int i = word_of(k, at);

	if (i < 0)
		config_value_wrong(s, k, at);
	else if (k->type == KEY_NAME)
		put_text(k, object, k->words[i]);
	else
		put_number(k, object, (uint64_t)i);
	return i >= 0;
}

static bool is_list(const config_setting_t *at)
{
	return config_setting_type(at) == CONFIG_TYPE_ARRAY ||
	       config_setting_type(at) == CONFIG_TYPE_LIST;
}

static bool read_words(struct config_source *s, const struct config_key *k,
		       const config_setting_t *at, void *object)
{
	int n = is_list(at) ? config_setting_length(at) : 1;
	uint64_t bits = 0;
	bool ok = n > 0;

	for (int i = 0; i < n; i++) {
		const config_setting_t *e =
			is_list(at) ? config_setting_get_elem(at, (unsigned)i) : at;
		int word = word_of(k, e);
		if (word >= 0) {
			bits |= (uint64_t)1 << word;
			continue;
		}
		ok = false;
		config_value_wrong(s, k, e);
	}
	if (!n)
		refuse(s, at, "the list is empty: name one at least");
	if (ok)
		put_number(k, object, bits);
	return ok;
}

/* Different numbers, as bits of a word or as the CPUs of the reactors. */
static bool read_numbers(struct config_source *s, const struct config_key *k,
			 const config_setting_t *at, void *object)
{
	struct config_reactor *reactor = &((struct config *)object)->reactor;
	uint8_t seen[1024] = {0};
	uint64_t bits = 0, v;
	bool ok = true;

	if (!is_list(at)) {
		config_value_wrong(s, k, at);
		return false;
	}
	int n = config_setting_length(at);
	if (k->type == KEY_CPUS && n > CONFIG_CPUS_MAX)
		return refuse(s, at, "at most 256 CPUs can be named");
	for (int i = 0; i < n; i++) {
		const config_setting_t *e = config_setting_get_elem(at, (unsigned)i);
		if (!read_uint(k, e, &v) || v >= sizeof(seen)) {
			config_value_wrong(s, k, e);
			ok = false;
		} else if (seen[v]++) {
			ok = refuse(s, e, "this number is in the list already");
		} else if (k->type == KEY_CPUS) {
			reactor->cpus[reactor->ncpus++] = (unsigned)v;
		} else {
			bits |= (uint64_t)1 << v;
		}
	}
	if (ok && k->type == KEY_NUMBERS)
		put_number(k, object, bits);
	return ok;
}

static bool read_text(struct config_source *s, const struct config_key *k,
		      const config_setting_t *at, void *object)
{
	const char *text = string(at);

	if (!text || strlen(text) < k->min || strlen(text) > k->max) {
		config_value_wrong(s, k, at);
		return false;
	}
	const char *bad = k->bad(text);
	if (bad)
		return refuse(s, at, bad);
	if (k->type == KEY_NETWORK) {
		config_addr_set_network(object, text);
	} else if (k->type == KEY_STRING) {
		char *copy = strdup(text);
		if (!copy)
			config_source_no_memory(s);
		*(char **)field_of(k, object) = copy;
		return copy != NULL;
	} else {
		put_text(k, object, text);
	}
	return true;
}

bool config_value_read(struct config_source *s, const struct config_key *k,
		       const config_setting_t *at, void *object)
{
	uint64_t v;

	switch (k->type) {
	case KEY_WORD:
	case KEY_NAME:
		return read_word(s, k, at, object);
	case KEY_WORDS:
		return read_words(s, k, at, object);
	case KEY_SIZE:
		return read_size(s, k, at, object);
	case KEY_NUMBERS:
	case KEY_CPUS:
		return read_numbers(s, k, at, object);
	case KEY_TEXT:
	case KEY_STRING:
	case KEY_NETWORK:
		return read_text(s, k, at, object);
	case KEY_UINT:
		if (read_uint(k, at, &v)) {
			put_number(k, object, v);
			return true;
		}
		break;
	case KEY_BOOL:
		if (config_setting_type(at) == CONFIG_TYPE_BOOL) {
			put_number(k, object, (uint64_t)config_setting_get_bool(at));
			return true;
		}
		break;
	default: /* what holds more keys is read by config_read.c */
		break;
	}
	config_value_wrong(s, k, at);
	return false;
}
