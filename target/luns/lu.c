// SPDX-License-Identifier: MIT
/* lu.c - LUNs made anew and LUNs that were kept, and their labels: see luns/lu.h. */
#include "luns/lu.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/config.h"
#include "base/log.h"
#include "base/signals.h"
#include "luns/luns.h"
#include "luns/claims.h"
#include "luns/held.h"
#include "luns/scrub.h"
#include "luns/used.h"
#include "state/file.h"

#define MIB	 ((uint64_t)1 << 20)
#define SAY(...) snprintf(why, why_len, __VA_ARGS__)

struct label_configured luns_configured(const struct config_lun *how)
{
	struct label_configured c = {.size = how->size,
				     .block_size = how->block_size,
				     .is_thin = how->provisioning == PROVISIONING_THIN};

	snprintf(c.serial, sizeof(c.serial), "%s", how->serial);
	return c;
}

/* ---- labels ---- */

/* Under the lock, or while nobody else knows the LU. */
static void fill(struct luns_lu *u, struct luns_label *out)
{
	struct scsi_lu *lu = &u->scsi;

	*out = (struct luns_label){.id = lu->id,
				   .block_size = lu->block_size,
				   .generation = u->generation,
				   .read_only = lu->read_only && !u->is_damaged && !u->is_frozen,
				   .stopped = lu->stopped,
				   .by_config = u->by_config,
				   .configured = u->configured};
	snprintf(out->target, sizeof(out->target), "%s", u->target->name);
	snprintf(out->serial, sizeof(out->serial), "%s", lu->serial);
	memcpy(out->naa, lu->naa, sizeof(out->naa));
	out->nstarters = scsi_starters_get(lu, out->starters);
}

void luns_lu_label(struct scsi_lu *lu)
{
	struct luns_lu *u = luns_lu_of(lu);
	struct luns_label label;
	uint8_t bytes[STORE_LABEL_MAX];

	if (!u)
		return;
	pthread_mutex_lock(&u->lock);
	fill(u, &label);
	int rc = store_lun_set_label(lu->store, bytes, label_write(&label, bytes));
	pthread_mutex_unlock(&u->lock);
	if (rc)
		log_error("%s LUN %u: its label cannot be kept, so the next memtgtd will not know "
			  "of this change: %s",
			  u->target->name, lu->id, strerror(-rc));
}

/* ---- one LU ---- */

/* With room among those whose first write is remembered. NULL: out of memory. */
static struct luns_lu *lu_new(struct luns *l, size_t target)
{
	struct luns_lu *u = calloc(1, sizeof(*u));

	if (!u || luns_used_room(l)) {
		free(u);
		return NULL;
	}
	u->scsi.owner = u;
	u->scsi.on_start = luns_lu_label;
	u->scsi.reserve.on_change = luns_claims_keep;
	u->scsi.reserve.on_scrub = luns_scrub_wake;
	u->scsi.reserve.max = l->config->limits.registrants;
	u->luns = l;
	u->target = &l->targets[target];
	pthread_mutex_init(&u->lock, NULL);
	return u;
}

void luns_lu_free(struct scsi_lu *lu)
{
	struct luns_lu *u = luns_lu_of(lu);

	scsi_reserve_free(lu);
	pthread_mutex_destroy(&u->lock);
	free(u);
}

static void set_blocks(struct scsi_lu *lu, uint32_t block_size, uint64_t bytes)
{
	lu->block_size = block_size;
	lu->block_shift = (uint32_t)__builtin_ctz(block_size);
	lu->blocks = bytes >> lu->block_shift;
}

struct progress {
	struct store *store;
	const char *target;
	unsigned id;
	uint64_t said; /* tenths */
};

static void progress(void *arg, uint64_t done, uint64_t of)
{
	struct progress *p = arg;

	if (signals_tell_to_end()) /* at the start nobody else looks */
		store_cancel_fills(p->store);
	uint64_t tenths = of ? done * 10 / of : 10;

	if (of * STORE_PAGE_SIZE < 1024 * MIB || tenths == p->said || tenths == 10)
		return;
	p->said = tenths;
	log_info("%s LUN %u: %llu of %llu MiB ready", p->target, p->id,
		 (unsigned long long)(done * STORE_PAGE_SIZE / MIB),
		 (unsigned long long)(of * STORE_PAGE_SIZE / MIB));
}

/* The memory, which has its label from the first moment on. */
static int get_memory(struct luns *l, struct luns_lu *u, const struct config_lun *how, char *why,
		      size_t why_len)
{
	struct progress p = {.store = l->store, .target = u->target->name, .id = how->id};
	struct luns_label label;
	uint8_t bytes[STORE_LABEL_MAX];

	fill(u, &label);
	const struct store_label kept = {.p = bytes, .n = label_write(&label, bytes)};
	return store_lun_create(l->store, how->size, u->scsi.thin ? STORE_THIN : STORE_FULL, &kept,
				progress, &p, &u->scsi.store, why, why_len);
}

int luns_make(struct luns *l, size_t target, const struct luns_recipe *r, struct scsi_lu **out,
	      char *why, size_t why_len)
{
	const struct config_lun *how = r->how;
	struct luns_lu *u = lu_new(l, target);

	if (!u) {
		SAY("out of memory");
		return -ENOMEM;
	}
	struct scsi_lu *lu = &u->scsi;
	lu->id = how->id;
	lu->thin = how->provisioning == PROVISIONING_THIN;
	lu->stopped = r->stopped;
	lu->reserve.scrub = how->scrub == SCRUB_RELEASE;
	u->generation = r->generation;
	u->by_config = r->by_config;
	if (r->by_config)
		u->configured = luns_configured(how);
	set_blocks(lu, how->block_size, how->size);
	scsi_lu_name(lu, r->seed, u->target->name, r->generation, how->serial);
	int err = get_memory(l, u, how, why, why_len);
	if (err) {
		luns_lu_free(lu);
		return err;
	}
	log_info("%s LUN %u: %llu MiB, %s, blocks of %u bytes, serial %s", u->target->name, lu->id,
		 (unsigned long long)(how->size / MIB), lu->thin ? "thin" : "full", lu->block_size,
		 lu->serial);
	*out = lu;
	return 0;
}

int luns_take_kept(struct luns *l, size_t target, const struct luns_label *label, unsigned slot,
		   struct scsi_lu **out, char *why, size_t why_len)
{
	struct luns_lu *u = lu_new(l, target);

	if (!u) {
		SAY("out of memory");
		return -ENOMEM;
	}
	struct scsi_lu *lu = &u->scsi;
	int err = store_lun_adopt(l->store, slot, &lu->store, why, why_len);
	if (err) {
		luns_lu_free(lu);
		return err;
	}
	u->is_damaged = store_lun_state(lu->store) == STORE_KEPT_READ_ONLY;
	u->generation = label->generation;
	u->by_config = label->by_config;
	u->configured = label->configured;
	lu->id = label->id;
	lu->thin = store_lun_provisioning(lu->store) == STORE_THIN;
	lu->stopped = label->stopped;
	lu->read_only = label->read_only || u->is_damaged;
	lu->is_kept = true;
	set_blocks(lu, label->block_size, store_lun_bytes(lu->store));
	snprintf(lu->serial, sizeof(lu->serial), "%s", label->serial);
	memcpy(lu->naa, label->naa, sizeof(lu->naa));
	scsi_starters_set(lu, label->starters, label->nstarters);
	err = luns_claims_adopt(lu, u->target->name);
	if (err) {
		SAY("out of memory");
		store_lun_leave(lu->store);
		luns_lu_free(lu);
		return err;
	}
	*out = lu;
	return 0;
}

/* ---- generations ---- */

uint32_t luns_next_generation(const struct luns *l, const char *target, unsigned id, bool *was_used)
{
	struct state_lun state = {0};
	uint32_t generation;
	bool is_held;

	if (l->state)
		(void)state_find(l->state, target, id, &state);
	*was_used = state.used;
	generation = state.generation;
	is_held = luns_held_generation(l, target, id, &generation, was_used);
	/* What is held may be looked at, and must not be taken for the new one. */
	return *was_used || is_held ? generation + 1 : generation;
}

int luns_remember(struct luns *l, const char *target, unsigned id, uint32_t generation, char *why,
		  size_t why_len)
{
	if (!l->state)
		return 0;
	if (state_set_generation(l->state, target, id, generation) ||
	    state_set_used(l->state, target, id, true)) {
		SAY("out of memory");
		return -ENOMEM;
	}
	return state_save(l->state, why, why_len);
}
