/* SPDX-License-Identifier: MIT */
/* config_value.h - one key's value: from a setting into the field that the table names. */
#ifndef MEMTGT_CONFIG_VALUE_H
#define MEMTGT_CONFIG_VALUE_H

#include <stdbool.h>

#include "base/config_keys.h"
#include "base/config_source.h"

/* The defaults of all values of a scope. */
void config_value_presets(enum config_scope scope, void *object);

/* false after telling what is wrong; then the field is as it was. */
bool config_value_read(struct config_source *s, const struct config_key *k,
		       const config_setting_t *at, void *object);

/* The error of a setting that is not what its key may be. */
void config_value_wrong(struct config_source *s, const struct config_key *k,
			const config_setting_t *at);

/* What stands there: "\"text\"", "17", "a list". */
void config_value_found(const config_setting_t *at, char *out, size_t n);

#endif
