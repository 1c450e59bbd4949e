// SPDX-License-Identifier: MIT
/* config_keys.c - the table of keys, and what can be said about a key to who wrote a wrong one. */
#include "base/config_keys.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/config.h"
#include "base/config_addr.h"
#include "base/config_text.h"
#include "base/log.h"
#include "memtgt/control.h"

static const char *const provisionings[] = {
	[PROVISIONING_FULL] = "full",
	[PROVISIONING_THIN] = "thin",
	NULL,
};
static const char *const losses[] = {
	[LOSS_STOP] = "stop",
	[LOSS_SERVE] = "serve",
	NULL,
};
static const char *const scrubs[] = {
	[SCRUB_NEVER] = "never",
	[SCRUB_RELEASE] = "release",
	NULL,
};
static const char *const page_kinds[] = {
	[PAGES_AUTO] = "auto",
	[PAGES_HUGE] = "huge",
	[PAGES_PLAIN] = "plain",
	NULL,
};
static const char *const engines[] = {"auto", "io_uring", "epoll", NULL};
static const char *const digests[] = {"None", "CRC32C", NULL};
static const char *const chap_algorithms[] = {"MD5", "SHA1", "SHA256", "SHA3-256", NULL};
_Static_assert(CONFIG_CHAP_MD5 == 1 << 0 && CONFIG_CHAP_SHA3_256 == 1 << 3, "bits of algorithms");
/* Place i of `digests` is bit 1 << i. */
_Static_assert(DIGEST_NONE == 1 << 0 && DIGEST_CRC32C == 1 << 1, "bits of digests");

#define IN_TOP(f)	 struct config, f
#define IN_POOL(f)	 struct config, pool.f
#define IN_LIMITS(f)	 struct config, limits.f
#define IN_LOGIN(f)	 struct config, login.f
#define IN_CONTROL(f)	 struct config, control.f
#define IN_REACTOR(f)	 struct config, reactor.f
#define IN_CREDENTIAL(f) struct config_credential, f
#define IN_PORTAL(f)	 struct config_portal, f
#define IN_TARGET(f)	 struct config_target, f
#define IN_LUN(f)	 struct config_lun, f
#define IN_LEND(f)	 struct config_target, lend.f
#define IN_RULE(f)	 struct config_rule, f
#define IN_SHOWN(f)	 struct config_shown, f

#define SIZEOF_(object, f) sizeof(((object *)0)->f)
#define OFFSET(in)	   offsetof(in)
#define SIZE(in)	   SIZEOF_(in)

#define REQ true
#define OPT false

#define COMMON(s, key, t, need) .scope = SCOPE_##s, .name = #key, .type = KEY_##t, .required = need
#define CONFIG_NODE(s, key, t, need, in, lo, hi) \
	{COMMON(s, key, t, need), .inner = SCOPE_##in, .min = lo, .max = hi},
#define CONFIG_NUM(s, key, t, need, f, lo, hi, def) \
	{COMMON(s, key, t, need),                   \
	 .offset = OFFSET(IN_##s(f)),               \
	 .size = SIZE(IN_##s(f)),                   \
	 .min = lo,                                 \
	 .max = hi,                                 \
	 .preset = def},
#define CONFIG_WORD(s, key, t, need, f, list, def)                                      \
	{COMMON(s, key, t, need), .offset = OFFSET(IN_##s(f)), .size = SIZE(IN_##s(f)), \
	 .words = list, .preset = def},
#define CONFIG_TEXT(s, key, t, need, f, lo, hi, check) \
	{COMMON(s, key, t, need),                      \
	 .offset = OFFSET(IN_##s(f)),                  \
	 .size = SIZE(IN_##s(f)),                      \
	 .min = lo,                                    \
	 .max = hi,                                    \
	 .bad = check},

const struct config_key config_keys[] = {
#include "tbl/config_keys.def"
};
const size_t config_keys_count = sizeof(config_keys) / sizeof(config_keys[0]);

static const char *const scope_names[SCOPE_COUNT] = {
	[SCOPE_TOP] = "the top level",
	[SCOPE_POOL] = "pool",
	[SCOPE_LIMITS] = "limits",
	[SCOPE_LOGIN] = "login",
	[SCOPE_CONTROL] = "control",
	[SCOPE_DISCOVERY] = "discovery",
	[SCOPE_REACTOR] = "reactor",
	[SCOPE_PORTAL] = "an element of portals",
	[SCOPE_TARGET] = "an element of targets",
	[SCOPE_LUN] = "an element of luns",
	[SCOPE_LEND] = "lend of a target",
	[SCOPE_RULE] = "a rule of access",
	[SCOPE_SECRETS] = "the file of secrets",
	[SCOPE_CREDENTIAL] = "an element of credentials",
	[SCOPE_SHOWN] = "an element of a rule's luns",
};

const char *config_scope_name(enum config_scope scope)
{
	return scope_names[scope];
}

const struct config_key *config_key_find(enum config_scope scope, const char *name)
{
	for (size_t i = 0; i < config_keys_count; i++)
		if (config_keys[i].scope == scope && !strcmp(config_keys[i].name, name))
			return &config_keys[i];
	return NULL;
}

#define NAME_MAX_BYTES 32

/* Levenshtein's distance without regard to case; anything long is far. */
static unsigned distance(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b);
	unsigned row[NAME_MAX_BYTES + 1];

	if (n > NAME_MAX_BYTES || m > NAME_MAX_BYTES)
		return NAME_MAX_BYTES;
	for (unsigned j = 0; j <= m; j++)
		row[j] = j;
	for (unsigned i = 1; i <= n; i++) {
		unsigned diagonal = row[0];
		row[0] = i;
		for (size_t j = 1; j <= m; j++) {
			unsigned replace = diagonal + (strncasecmp(a + i - 1, b + j - 1, 1) != 0);
			unsigned either = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
			diagonal = row[j];
			row[j] = replace < either ? replace : either;
		}
	}
	return row[m];
}

static const struct config_key *nearest(enum config_scope scope, const char *name)
{
	const struct config_key *best = NULL;
	/* A third of the letters wrong is another word. */
	unsigned least = (unsigned)strlen(name) / 3 + 1;

	for (size_t i = 0; i < config_keys_count; i++) {
		if (config_keys[i].scope != scope)
			continue;
		unsigned d = distance(name, config_keys[i].name);
		if (d < least || (d == least && !best)) {
			least = d;
			best = &config_keys[i];
		}
	}
	return best;
}

static const struct config_key *elsewhere(const char *name)
{
	for (size_t i = 0; i < config_keys_count; i++)
		if (!strcmp(config_keys[i].name, name))
			return &config_keys[i];
	return NULL;
}

static void append(char *out, size_t n, const char *text)
{
	size_t used = strlen(out);

	snprintf(out + used, n - used, "%s", text);
}

void config_key_suggest(enum config_scope scope, const char *name, char *out, size_t n)
{
	const struct config_key *k = elsewhere(name);

	if (k) {
		snprintf(out, n, "%s belongs into %s", name, scope_names[k->scope]);
		return;
	}
	k = nearest(scope, name);
	if (k) {
		snprintf(out, n, "did you mean %s?", k->name);
		return;
	}
	snprintf(out, n, "%s may have", scope_names[scope]);
	const char *separator = " ";
	for (size_t i = 0; i < config_keys_count; i++) {
		if (config_keys[i].scope != scope)
			continue;
		append(out, n, separator);
		append(out, n, config_keys[i].name);
		separator = ", ";
	}
}

static void allowed_words(const struct config_key *k, char *out, size_t n)
{
	snprintf(out, n, "%s", k->type == KEY_WORDS ? "one or more of " : "");
	for (size_t i = 0; k->words[i]; i++) {
		const char *separator = !i ? "" : k->words[i + 1] ? ", " : " or ";
		append(out, n, separator);
		append(out, n, "\"");
		append(out, n, k->words[i]);
		append(out, n, "\"");
	}
}

static void allowed_numbers(const struct config_key *k, const char *what, char *out, size_t n)
{
	snprintf(out, n, "%s from %llu to %llu", what, (unsigned long long)k->min,
		 (unsigned long long)k->max);
}

static const char *secret_form(const struct config_key *k)
{
	if (!strcmp(k->name, "secret_hex"))
		return "an even number of hexadecimal digits";
	return strcmp(k->name, "secret_base64") ? "a text" : "base64, with its =,";
}

void config_key_allowed(const struct config_key *k, char *out, size_t n)
{
	char min[24], max[24];

	switch (k->type) {
	case KEY_GROUP:
		snprintf(out, n, "a group { ... }");
		return;
	case KEY_LIST:
		snprintf(out, n, "a list of groups ( { ... }, ... )");
		return;
	case KEY_ACCESS:
		snprintf(out, n, "\"any\", or a list of rules ( { ... }, ... )");
		return;
	case KEY_CHAP:
		snprintf(out, n, "the name of a credential, in quotes, or a list of names");
		return;
	case KEY_MUTUAL:
		snprintf(out, n, "the name of a credential, in quotes");
		return;
	case KEY_SECRET:
		snprintf(out, n, "%s in quotes, for %llu to %llu bytes", secret_form(k),
			 (unsigned long long)k->min, (unsigned long long)k->max);
		return;
	case KEY_WORD:
	case KEY_NAME:
	case KEY_WORDS:
		allowed_words(k, out, n);
		return;
	case KEY_TEXT:
	case KEY_STRING:
	case KEY_NETWORK:
		allowed_numbers(k, "a string in quotes, of length", out, n);
		return;
	case KEY_UINT:
		allowed_numbers(k, "a whole number", out, n);
		return;
	case KEY_NUMBERS:
	case KEY_CPUS:
		allowed_numbers(k, "a list [ ... ] of different whole numbers", out, n);
		return;
	case KEY_SIZE:
		config_text_of_size(k->min, min);
		config_text_of_size(k->max, max);
		snprintf(out, n, "a size from %s to %s, such as \"256M\"", min, max);
		return;
	case KEY_BOOL:
		snprintf(out, n, "true or false");
		return;
	}
}
