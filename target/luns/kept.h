/* SPDX-License-Identifier: MIT */
/*
 * kept.h - which kept memory becomes which LUN at the start.
 *
 * The rules, of which the first that fits is taken:
 *
 *	it cannot be known, or is damaged as a whole	held (dropped if it holds nothing)
 *	a newer content has, or had, its name		held (the same)
 *	its target, or a LUN that the configuration
 *	made, is no longer in the configuration		held (dropped if it is empty)
 *	else						served, with what was changed in the
 *							configuration since then
 */
#ifndef MEMTGT_LUNS_KEPT_H
#define MEMTGT_LUNS_KEPT_H

#include <stdbool.h>
#include <stdint.h>

#include "store/store.h"

struct luns;

/* What is known of one. */
struct kept_facts {
	enum store_kept_state state;
	bool has_label;
	bool is_newest; /* none of its name has its generation or a later one, kept or in the state
			 */
	bool has_target, is_configured; /* now */
	bool by_config;			/* it was made by the configuration */
	bool has_pages, was_used;
};

enum kept_fate {
	KEPT_SERVE,
	KEPT_DROP,
	KEPT_HOLD_DAMAGED,
	KEPT_HOLD_OLD,
	KEPT_HOLD_GONE,
	KEPT_FATES
};
enum kept_fate kept_fate(const struct kept_facts *f);

/* Adopts what was kept: into luns.owned and the targets, or held. 0, or -errno after a log line. */
int luns_adopt(struct luns *l) __attribute__((warn_unused_result));

#endif
