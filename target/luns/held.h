/* SPDX-License-Identifier: MIT */
/*
 * held.h - kept memory that is no LUN any more: not served, and not given away either.
 *
 * What an earlier process left and this one must not show to initiators: it is no longer in the
 * configuration, or its record was damaged, or a newer content has its name. It stays for export,
 * or until it is deleted. The control socket names it by the target LUNS_HELD and its slot in place
 * of an id, or by the names it had, if no LUN has them.
 */
#ifndef MEMTGT_LUNS_HELD_H
#define MEMTGT_LUNS_HELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "luns/label.h"

#define LUNS_HELD "held" /* no iSCSI name begins so */

struct luns;
struct luns_info;
struct store_kept;
struct store_lun;

struct luns_held {
	struct luns_held *next; /* by rising slot */
	unsigned slot;
	struct store_lun *store;
	bool has_label, was_used;
	bool is_saved;		 /* elsewhere; for the log at the end */
	struct luns_label label; /* all 0 without one, but for a block size */
	const char *why;	 /* a sentence's end: "it is not in the configuration" */
};

/* Takes it over. `label` may be NULL. 0 or -errno and `why`. Before luns_serve(). */
int luns_held_add(struct luns *l, const struct store_kept *k, const struct luns_label *label,
		  const char *reason, char *why, size_t why_len)
	__attribute__((warn_unused_result));
/* All of them: left to who has the memory, or given up. */
void luns_held_leave(struct luns *l);
void luns_held_destroy(struct luns *l, bool log_loss);

/* Does one have this name? Then *generation grows to the greatest, and *was_used becomes true if
 * one of them had data. In a turn of luns_enter(), or before luns_serve(). */
bool luns_held_generation(const struct luns *l, const char *target, unsigned id,
			  uint32_t *generation, bool *was_used);

/* ---- under luns.lock, or in a turn of luns_enter() ---- */

/* As the operator names it: see above. NULL: there is none, or more than one. */
struct luns_held *luns_held_find(const struct luns *l, const char *target, unsigned id);
void luns_held_describe(const struct luns_held *h, struct luns_info *out);
/* In a turn, with luns.reader offline: gives it up. */
void luns_held_remove(struct luns *l, struct luns_held *h);

#endif
