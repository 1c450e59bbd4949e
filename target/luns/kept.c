// SPDX-License-Identifier: MIT
/* kept.c - see luns/kept.h. */
#include "luns/kept.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/config.h"
#include "base/log.h"
#include "luns/luns.h"
#include "luns/held.h"
#include "luns/lu.h"
#include "luns/used.h"
#include "state/file.h"

#define MIB ((uint64_t)1 << 20)

struct kept {
	const struct store_kept *k;
	struct luns_label label;
	bool has_label;
	size_t target; /* its place in the configuration; targets.n: it is not there */
	const struct config_lun *how; /* NULL: not in the configuration */
};

/* ---- the rules ---- */

enum kept_fate kept_fate(const struct kept_facts *f)
{
	/* Without its record nothing tells that it was not used. */
	if (!f->has_label || f->state == STORE_KEPT_HELD)
		return f->has_pages ? KEPT_HOLD_DAMAGED : KEPT_DROP;
	const bool is_empty = !f->has_pages || !f->was_used;

	if (!f->is_newest)
		return is_empty ? KEPT_DROP : KEPT_HOLD_OLD;
	if (!f->has_target || (f->by_config && !f->is_configured))
		return is_empty ? KEPT_DROP : KEPT_HOLD_GONE;
	return KEPT_SERVE;
}

static const char *const reasons[KEPT_FATES] = {
	[KEPT_HOLD_DAMAGED] = "what tells which LUN it was is damaged",
	[KEPT_HOLD_OLD] = "a newer LUN has its name",
	[KEPT_HOLD_GONE] = "it is not in the configuration any more",
};

static bool same_name(const struct kept *a, const struct kept *b)
{
	return a->has_label && b->has_label && a->label.id == b->label.id &&
	       !strcasecmp(a->label.target, b->label.target);
}

static bool is_newest(const struct luns *l, const struct kept *all, size_t n, const struct kept *k)
{
	struct state_lun state = {0};

	if (l->state)
		(void)state_find(l->state, k->label.target, k->label.id, &state);
	if (state.generation > k->label.generation)
		return false;
	for (const struct kept *o = all; o < all + n; o++)
		if (o != k && same_name(o, k) && o->label.generation >= k->label.generation)
			return false;
	return true;
}

static enum kept_fate fate_of(const struct luns *l, const struct kept *all, size_t n,
			      const struct kept *k)
{
	const struct kept_facts f = {
		.state = k->k->state,
		.has_label = k->has_label,
		.is_newest = k->has_label && is_newest(l, all, n, k),
		.has_target = (k->target < l->config->ntargets),
		.is_configured = k->how != NULL,
		.by_config = k->label.by_config,
		.has_pages = (k->k->pages > 0),
		.was_used = k->k->used,
	};

	return kept_fate(&f);
}

/* ---- what the configuration changed since ---- */

static void resize(struct luns *l, const struct kept *k, struct scsi_lu *lu)
{
	const uint64_t had = store_lun_bytes(lu->store);
	struct luns_lu *u = luns_lu_of(lu);
	char why[LUNS_WHY] = "";

	if (k->how->size == had || k->how->size % lu->block_size) {
		u->configured.size = k->how->size;
		return;
	}
	store_reader_online(l->reader);
	int err = store_lun_resize(l->reader, lu->store, k->how->size, false, why, sizeof(why));
	store_reader_offline(l->reader);
	if (err) { /* tried again at the next start */
		log_warn("%s LUN %u keeps its size of %llu bytes, though the configuration says "
			 "%llu now: %s",
			 u->target->name, lu->id, (unsigned long long)had,
			 (unsigned long long)k->how->size, why);
		return;
	}
	u->configured.size = k->how->size;
	lu->blocks = k->how->size >> lu->block_shift;
	log_info("%s LUN %u: %llu MiB now, were %llu", u->target->name, lu->id,
		 (unsigned long long)(k->how->size / MIB), (unsigned long long)(had / MIB));
}

static void rename_serial(const struct luns *l, const struct kept *k, struct scsi_lu *lu)
{
	struct luns_lu *u = luns_lu_of(lu);
	struct scsi_lu named = {.id = lu->id};

	scsi_lu_name(&named, l->host, u->target->name, u->generation, k->how->serial);
	memcpy(lu->serial, named.serial, sizeof(lu->serial));
	memcpy(u->configured.serial, k->how->serial, sizeof(u->configured.serial));
	log_warn("%s LUN %u: its serial is %s now, by which initiators know it", u->target->name,
		 lu->id, lu->serial);
}

/* Cannot be changed while it holds something. */
static bool has_other_form(const struct label_configured *was, const struct label_configured *is)
{
	return was->block_size != is->block_size || was->is_thin != is->is_thin;
}

static void apply(struct luns *l, const struct kept *k, struct scsi_lu *lu)
{
	struct luns_lu *u = luns_lu_of(lu);
	const struct label_configured is = luns_configured(k->how);

	if (!u->by_config) { /* the operator made it; from now on the configuration counts */
		u->by_config = true;
		u->configured = is;
		return;
	}
	if (u->is_damaged)
		return;
	if (has_other_form(&u->configured, &is))
		log_warn("%s LUN %u keeps its blocks of %u bytes and its provisioning: delete it, "
			 "with what it holds, and restart memtgtd for those of the configuration",
			 u->target->name, lu->id, lu->block_size);
	if (u->configured.size != is.size)
		resize(l, k, lu);
	if (strcmp(u->configured.serial, is.serial) != 0)
		rename_serial(l, k, lu);
}

/* ---- each ---- */

/* What the disk does not know, as it was elsewhere: told there. */
static void reconcile(struct luns *l, const struct luns_label *label, bool used)
{
	struct state_lun state;

	if (!l->state)
		return;
	(void)state_find(l->state, label->target, label->id, &state);
	if ((used && !state.used && state_set_used(l->state, label->target, label->id, true)) ||
	    (label->generation > state.generation &&
	     state_set_generation(l->state, label->target, label->id, label->generation)))
		log_error("no memory to remember %s LUN %u", label->target, label->id);
}

static void tell(const struct scsi_lu *lu)
{
	const struct luns_lu *u = luns_lu_of(lu);

	log_info("%s LUN %u: kept, %llu MiB, %llu of them in memory, generation %u, serial %s%s%s",
		 u->target->name, lu->id, (unsigned long long)(store_lun_bytes(lu->store) / MIB),
		 (unsigned long long)(store_lun_pages(lu->store) * STORE_PAGE_SIZE / MIB),
		 (unsigned)u->generation, lu->serial, lu->read_only ? ", read-only" : "",
		 lu->stopped ? ", stopped" : "");
	if (u->is_damaged)
		log_error("%s LUN %u: entries of its table were wrong, so part of what it held is "
			  "lost: it is read-only, and reads of that part fail. \"memtgtctl lun "
			  "export\" saves the rest",
			  u->target->name, lu->id);
}

static int drop(struct luns *l, const struct kept *k, char *why, size_t why_len)
{
	struct store_lun *s;
	int err = store_lun_adopt(l->store, k->k->slot, &s, why, why_len);

	if (!err)
		store_lun_destroy(s);
	return err;
}

/* Of another form, and nothing in it: made anew, as the configuration says. */
static bool is_to_be_remade(const struct kept *k)
{
	const struct label_configured is = k->how ? luns_configured(k->how) : k->label.configured;

	return k->how && k->label.by_config && !k->k->used &&
	       has_other_form(&k->label.configured, &is);
}

static int serve(struct luns *l, const struct kept *k, char *why, size_t why_len)
{
	struct scsi_lu *lu;

	if (is_to_be_remade(k))
		return drop(l, k, why, why_len);
	int err = luns_take_kept(l, k->target, &k->label, k->k->slot, &lu, why, why_len);
	if (err)
		return err;
	lu->reserve.scrub = k->how && k->how->scrub == SCRUB_RELEASE;
	if (k->how)
		apply(l, k, lu);
	luns_lu_label(lu);
	tell(lu);
	l->owned[k->target].lu[lu->id] = lu;
	l->targets[k->target].by_id[lu->id] = lu;
	return 0;
}

static int adopt_one(struct luns *l, const struct kept *k, enum kept_fate fate)
{
	char why[LUNS_WHY] = "";
	int err;

	if (k->has_label)
		reconcile(l, &k->label, k->k->used);
	if (fate == KEPT_SERVE)
		err = serve(l, k, why, sizeof(why));
	else if (fate == KEPT_DROP)
		err = drop(l, k, why, sizeof(why));
	else
		err = luns_held_add(l, k->k, k->has_label ? &k->label : NULL, reasons[fate], why,
				    sizeof(why));
	if (err)
		log_error("kept memory of table %u: %s", k->k->slot, why);
	return err;
}

/* ---- all ---- */

static const struct config_lun *configured(const struct config_target *t, unsigned id)
{
	for (size_t i = 0; i < t->nluns; i++)
		if (t->luns[i].id == id)
			return &t->luns[i];
	return NULL;
}

static void know(const struct luns *l, const struct store_kept *s, struct kept *k)
{
	*k = (struct kept){.k = s, .target = l->config->ntargets};
	k->has_label = !label_read(s->label, s->label_len, &k->label);
	if (!k->has_label)
		return;
	k->target = luns_target(l, k->label.target);
	if (k->target < l->config->ntargets)
		k->how = configured(&l->config->targets[k->target], k->label.id);
}

/* All fates first: what one is does not depend on what was made of another. */
static int adopt_all(struct luns *l, const struct store_kept *s, size_t n)
{
	struct kept *all = calloc(n, sizeof(*all));
	enum kept_fate *fates = calloc(n, sizeof(*fates));
	int err = all && fates ? 0 : -ENOMEM;

	for (size_t i = 0; !err && i < n; i++)
		know(l, &s[i], &all[i]);
	for (size_t i = 0; !err && i < n; i++)
		fates[i] = fate_of(l, all, n, &all[i]);
	for (size_t i = 0; !err && i < n; i++)
		err = adopt_one(l, &all[i], fates[i]);
	free(all);
	free(fates);
	return err;
}

int luns_adopt(struct luns *l)
{
	struct store_kept *s;
	size_t n;
	int err = store_kept_list(l->store, &s, &n);

	if (err) {
		log_error("no memory for a list of what was kept");
		return err;
	}
	if (n)
		err = adopt_all(l, s, n);
	free(s);
	return err;
}
