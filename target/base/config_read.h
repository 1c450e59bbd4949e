/* SPDX-License-Identifier: MIT */
/* config_read.h - from documents to a struct config: scopes, lists, and what must fit together. */
#ifndef MEMTGT_CONFIG_READ_H
#define MEMTGT_CONFIG_READ_H

#include "base/config.h"
#include "base/config_keys.h"
#include "base/config_source.h"

#define CONFIG_KEYS_MAX 256 /* rows of the table */

struct config_reader {
	struct config_source source;
	struct config *config;
	struct config_access access; /* of the top level */
	/* Where keys of the top level and of its groups were set, by row; NULL: nowhere. */
	const config_setting_t *seen[CONFIG_KEYS_MAX];
	const config_setting_t **portals_at, **targets_at; /* by their places in config */
};

/* All documents of r->source into r->config. Errors are told and counted there. */
void config_read_all(struct config_reader *r);
/* config_lend.c: the LUNs of `lend`, after those of `luns`; one of the two must be there. */
void config_read_lend(struct config_reader *r, const config_setting_t *at, struct config_target *t);
/* By rising id. */
void config_sort_luns(struct config_target *t);
/* What one key alone does not show. Errors are told and counted in r->source. */
void config_read_check(struct config_reader *r);

#endif
