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
	bool no_secrets;	     /* a file of secrets is named, and wrong: that was told */
	/* Where keys of the top level and of its groups were set, by row; NULL: nowhere. */
	const config_setting_t *seen[CONFIG_KEYS_MAX];
	const config_setting_t **portals_at, **targets_at; /* by their places in config */
};

/* ---- what the config_read*.c share ---- */

/* A key's bit, among those of its scope. */
uint64_t config_read_bit(const struct config_key *k);
/* All keys of a group. Returns the bits of those that were there, right or wrong. */
uint64_t config_read_scope(struct config_reader *r, const config_setting_t *at,
			   enum config_scope scope, void *object);
/* Tells every required key of the scope that is not in `have`. */
void config_read_require(struct config_reader *r, const config_setting_t *at,
			 enum config_scope scope, uint64_t have);
/* The elements of a list that may hold from k->min to k->max, of which it has `have`; 0: an error.
 */
size_t config_read_count(struct config_reader *r, const struct config_key *k,
			 const config_setting_t *at, size_t have);
/* A group in a list: element i. false: it is none. */
bool config_read_element(struct config_reader *r, const config_setting_t *list, size_t i,
			 enum config_scope scope, const config_setting_t **out);
/* config_read_access.c: "any", or rules; and what a rule shows. */
void config_read_access(struct config_reader *r, const struct config_key *k,
			const config_setting_t *at, struct config_access *access);
void config_read_shown(struct config_reader *r, const struct config_key *k,
		       const config_setting_t *at, struct config_rule *rule);

/* ---- reading ---- */

/* All documents of r->source into r->config. Errors are told and counted there. */
void config_read_all(struct config_reader *r);
/* config_lend.c: the LUNs of `lend`, after those of `luns`; one of the two must be there. */
void config_read_lend(struct config_reader *r, const config_setting_t *at, struct config_target *t);
/* config_secrets.c: the credentials, before anything that names them is read. */
void config_read_secrets(struct config_reader *r);
/* One name, or a list of them, into an access rule's or discovery's `auth`. */
void config_read_chap(struct config_reader *r, const struct config_key *k,
		      const config_setting_t *at, struct config_auth *auth);
/* A group that has them was read. */
void config_check_auth(struct config_reader *r, const config_setting_t *at,
		       const struct config_auth *auth);
/* Frees and wipes them. */
void config_free_secrets(struct config *c);
/* Nobody who proves himself to us may know what we prove ourselves by. */
void config_check_secrets(struct config_reader *r);
/* By rising id. */
void config_sort_luns(struct config_target *t);
/* What one key alone does not show. Errors are told and counted in r->source. */
void config_read_check(struct config_reader *r);

#endif
