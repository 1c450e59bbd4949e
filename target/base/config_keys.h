/* SPDX-License-Identifier: MIT */
/* config_keys.h - the table of keys (tbl/config_keys.def), for the reader and for its tests. */
#ifndef MEMTGT_CONFIG_KEYS_H
#define MEMTGT_CONFIG_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum config_scope {
	SCOPE_TOP,
	SCOPE_POOL,
	SCOPE_LIMITS,
	SCOPE_LOGIN,
	SCOPE_CONTROL,
	SCOPE_DISCOVERY,
	SCOPE_REACTOR,
	SCOPE_PORTAL,
	SCOPE_TARGET,
	SCOPE_LUN,
	SCOPE_LEND,
	SCOPE_RULE,
	SCOPE_SECRETS, /* the top level of the file of secrets */
	SCOPE_CREDENTIAL,
	SCOPE_SHOWN,
	SCOPE_COUNT,
};

enum config_key_type {
	KEY_GROUP,
	KEY_LIST,
	KEY_ACCESS,
	KEY_CHAP,
	KEY_MUTUAL,
	KEY_WORD,
	KEY_NAME,
	KEY_WORDS,
	KEY_TEXT,
	KEY_STRING,
	KEY_NETWORK,
	KEY_SECRET,
	KEY_UINT,
	KEY_SIZE,
	KEY_BOOL,
	KEY_NUMBERS,
	KEY_CPUS,
};

/* One row. What a column means stands in tbl/config_keys.def. */
struct config_key {
	enum config_scope scope;
	const char *name;
	enum config_key_type type;
	bool required;
	size_t offset, size; /* of the field */
	uint64_t min, max;
	uint64_t preset;	  /* the default */
	const char *const *words; /* ends with NULL */
	const char *(*bad)(const char *text);
	enum config_scope inner;
};

extern const struct config_key config_keys[];
extern const size_t config_keys_count;

/* How a scope is called in texts: "limits", "an element of portals". */
const char *config_scope_name(enum config_scope scope);

/* NULL: there is no such key in the scope. */
const struct config_key *config_key_find(enum config_scope scope, const char *name);

/* What to say of an unknown key: "did you mean queue_depth?", "it belongs into limits", or what
 * keys the scope has. */
void config_key_suggest(enum config_scope scope, const char *name, char *out, size_t n);

/* What the key's value may be: "a number from 1 to 1024", "\"full\" or \"thin\"". */
void config_key_allowed(const struct config_key *k, char *out, size_t n);

#endif
