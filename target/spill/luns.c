// SPDX-License-Identifier: MIT
/* luns.c - which LUNs are saved at the end. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/config.h"
#include "base/log.h"
#include "luns/luns.h"
#include "luns/held.h"
#include "luns/lu.h"
#include "spill/spill.h"
#include "store/store.h"

enum fate { SAVED, SAVED_WITH_NOTE, LEFT, RELEASED };

/*
 * SPC-4 5.12.5: this is a loss of power, over which registrations stay if that was asked for. Where
 * they do not, their end is the release of what is emptied by that: nobody would be registered at
 * the next start, and anybody could read it. If there is no memory to know, they stay.
 */
static enum fate fate_of(struct scsi_lu *lu)
{
	struct claims *c = scsi_claims_get(lu, NULL);
	enum fate fate = SAVED;

	if (!c)
		return SAVED_WITH_NOTE;
	if (c->scrubs)
		fate = LEFT;
	else if (c->lost || (c->n && c->aptpl)) /* the note stays what it is */
		fate = SAVED_WITH_NOTE;
	else if (c->n && lu->reserve.scrub)
		fate = RELEASED;
	free(c);
	return fate;
}

static const char *const not_saved[] = {
	[LEFT] = "what it held was being removed",
	[RELEASED] = "its registrations were made without APTPL and end here, and with scrub = "
		     "\"release\" what it held goes with them",
};

static void save(struct spill *s, const char *target, struct scsi_lu *lu)
{
	struct luns_lu *u = luns_lu_of(lu);

	if (!u || !store_lun_used(lu->store))
		return;
	const enum fate fate = fate_of(lu);
	if (fate == LEFT || fate == RELEASED) {
		/* The state still has it as used: to who knew it, it is lost. */
		log_info("%s LUN %u: not saved, as %s", target, lu->id, not_saved[fate]);
		return;
	}
	s->with_note = fate == SAVED_WITH_NOTE;
	u->is_saved = !spill_lun(s, target, lu->id, lu->block_size, lu->store);
	s->with_note = false;
}

/* The state has one place for a name. */
static bool is_taken(const struct luns *l, const struct luns_held *h)
{
	size_t t = luns_target(l, h->label.target);

	if (t < l->config->ntargets && l->owned[t].lu[h->label.id])
		return true;
	for (const struct luns_held *o = l->held; o != h; o = o->next)
		if (o->is_saved && o->label.id == h->label.id &&
		    !strcasecmp(o->label.target, h->label.target))
			return true;
	return false;
}

static void save_held(struct spill *s, const struct luns *l, struct luns_held *h)
{
	const struct luns_label *as = &h->label;

	if (!h->has_label || !h->was_used)
		return;
	const bool aside = is_taken(l, h);
	s->with_note = !aside; /* who gave it up, or may use it, is for who serves it again */
	h->is_saved = !(aside ? spill_aside(s, as->target, as->id, as->block_size, h->store)
			      : spill_lun(s, as->target, as->id, as->block_size, h->store));
	s->with_note = false;
}

void spill_luns(struct spill *s, struct luns *l)
{
	if (!l->config || !l->owned)
		return;
	for (size_t t = 0; t < l->config->ntargets; t++)
		for (unsigned id = 0; id < SCSI_LUNS_MAX; id++)
			if (l->owned[t].lu[id])
				save(s, l->targets[t].name, l->owned[t].lu[id]);
	for (struct luns_held *h = l->held; h; h = h->next)
		save_held(s, l, h);
}
