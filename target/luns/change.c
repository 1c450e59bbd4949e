// SPDX-License-Identifier: MIT
/*
 * change.c - LUNs that come, go and change while the daemon runs: see luns/luns.h.
 *
 * Each change is made first, then told (iscsi/live.h); memory is taken away last.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/clock.h"
#include "base/config.h"
#include "base/config_text.h"
#include "base/log.h"
#include "iscsi/live.h"
#include "iscsi/node.h"
#include "luns/luns.h"
#include "luns/held.h"
#include "luns/lu.h"
#include "luns/scrub.h"
#include "luns/transfer.h"
#include "luns/used.h"
#include "scsi/scsi.h"
#include "store/store.h"

#define MIB ((uint64_t)1 << 20)

/* A change under way. */
struct change {
	struct luns *l;
	const char *name; /* of the target, as the operator wrote it */
	size_t target;
	unsigned id;
	struct scsi_lu *lu; /* NULL: none has the id */
	char *why;
	size_t why_len;
};

#define SAY(c, ...) snprintf((c)->why, (c)->why_len, __VA_ARGS__)

/* ---- one at a time ---- */

void luns_serve(struct luns *l, struct iscsi_node *node)
{
	pthread_mutex_lock(&l->lock);
	l->node = node;
	l->is_closed = false;
	pthread_mutex_unlock(&l->lock);
	luns_scrub_look(l); /* an earlier process may have left it */
}

void luns_close(struct luns *l)
{
	if (!l->config)
		return;
	pthread_mutex_lock(&l->lock);
	l->is_closed = true;
	store_cancel_fills(l->store);
	while (l->is_busy)
		pthread_cond_wait(&l->idle, &l->lock);
	pthread_mutex_unlock(&l->lock);
}

static bool must_wait(const struct luns *l, enum luns_turn turn)
{
	return l->is_busy || (turn == LUNS_STEP && l->waiting);
}

int luns_enter(struct luns *l, enum luns_turn turn, unsigned limit_ms, char *why, size_t why_len)
{
	const struct timespec until = clock_after(limit_ms);
	unsigned counts = turn == LUNS_CHANGE;
	int rc = 0;

	pthread_mutex_lock(&l->lock);
	l->waiting += counts;
	while (must_wait(l, turn) && !l->is_closed && rc != ETIMEDOUT)
		rc = pthread_cond_timedwait(&l->idle, &l->lock, &until);
	l->waiting -= counts;
	bool closed = l->is_closed, entered = !must_wait(l, turn) && !closed;
	l->is_busy |= entered;
	if (!entered)
		pthread_cond_broadcast(&l->idle); /* steps may have waited for this one */
	pthread_mutex_unlock(&l->lock);
	if (closed)
		snprintf(why, why_len, "memtgtd is about to end, or not ready yet");
	else if (!entered)
		snprintf(why, why_len,
			 "another change of LUNs is under way: try again when it is done");
	return entered ? 0 : closed ? -ESHUTDOWN : -EBUSY;
}

void luns_leave(struct luns *l)
{
	pthread_mutex_lock(&l->lock);
	l->is_busy = false;
	pthread_cond_broadcast(&l->idle);
	pthread_mutex_unlock(&l->lock);
}

static int enter(const struct change *c)
{
	return luns_enter(c->l, LUNS_CHANGE, c->l->limit_ms, c->why, c->why_len);
}

static void leave(const struct change *c)
{
	luns_leave(c->l);
}

/* For a LUN that must be there. */
static int enter_lun(struct change *c)
{
	c->target = luns_target(c->l, c->name);
	if (c->target == c->l->config->ntargets || c->id >= SCSI_LUNS_MAX)
		return luns_unknown(c->l, c->name, c->id, c->why, c->why_len);
	int rc = enter(c);

	if (rc)
		return rc;
	c->lu = c->l->owned[c->target].lu[c->id]; /* only changed by who has entered */
	if (c->lu)
		return 0;
	leave(c);
	return luns_unknown(c->l, c->name, c->id, c->why, c->why_len);
}

/* ---- telling ---- */

/* What became of the change when not all were told. */
static const char *const untold[LIVE_EVENTS] = {
	[LIVE_ADDED] = "the LUN is there, and sessions are told of it as soon as it does",
	[LIVE_REMOVED] = "sessions find the LUN no more; remove it again to get its memory",
	[LIVE_READ_ONLY] = "writes under way may still land; the same command again waits for them",
	[LIVE_WRITABLE] = "the LUN is writable, and sessions are told of it as soon as it does",
	[LIVE_HELD] = "nothing was changed; try again",
	[LIVE_RESIZED] = "the LUN has its new size, and sessions are told of it as soon as it does",
	[LIVE_STARTED] = "the LUN is started, and sessions are told of it as soon as it does",
	[LIVE_ASK] = "nothing was changed; try again",
};

static int tell(const struct change *c, enum live_event e, unsigned *found)
{
	const struct live_change told = {
		.event = e, .target = &c->l->targets[c->target], .lu = c->lu, .id = c->id};
	int rc = live_tell(c->l->node, &told, c->l->limit_ms, found);

	if (rc == -ETIMEDOUT)
		SAY(c, "a thread of memtgtd does not answer, as on a host that is overloaded: %s",
		    untold[e]);
	else if (rc)
		SAY(c, "out of memory to tell sessions: %s", untold[e]);
	return rc;
}

/* What sessions see, and what there is. */
static void show(const struct change *c, struct scsi_lu *lu)
{
	pthread_mutex_lock(&c->l->lock);
	c->l->owned[c->target].lu[c->id] = lu;
	c->l->targets[c->target].by_id[c->id] = lu;
	pthread_mutex_unlock(&c->l->lock);
}

static const char *target_name(const struct change *c)
{
	return c->l->targets[c->target].name;
}

/* ---- add ---- */

static bool has_serial(const struct luns *l, const char *serial)
{
	for (size_t i = 0; i < l->config->ntargets; i++)
		for (unsigned id = 0; id < SCSI_LUNS_MAX; id++) {
			const struct scsi_lu *lu = l->owned[i].lu[id];
			if (lu && !strcmp(lu->serial, serial))
				return true;
		}
	return false;
}

static int check_new(const struct change *c, const struct luns_new *n)
{
	const char *serial = n->serial ? n->serial : "";
	const char *bad = *serial ? config_text_bad_serial(serial) : NULL;
	unsigned block = n->block_size ? n->block_size : 512;

	if (block != 512 && block != 4096)
		SAY(c, "found blocks of %u bytes; allowed are 512 and 4096", block);
	else if (!n->bytes || n->bytes % block)
		SAY(c, "found a size of %llu bytes; allowed are multiples of the block of %u bytes",
		    (unsigned long long)n->bytes, block);
	else if (strlen(serial) > SCSI_SERIAL_MAX || bad)
		SAY(c, "found the serial \"%s\"; %s", serial,
		    bad ? bad : "allowed are at most 20 characters");
	else if (*serial && has_serial(c->l, serial))
		SAY(c,
		    "another LUN has the serial \"%s\", and multipath would take both for one "
		    "disk: choose another, or none",
		    serial);
	else
		return 0;
	return -EINVAL;
}

/* Does a session run that knew another LUN under this id? Sets *n to how many. */
static int ask(struct change *c, unsigned id, unsigned *n)
{
	c->id = id;
	return tell(c, LIVE_ASK, n);
}

/* Whose data was lost, or is held, under this id? */
static bool had_data(const struct change *c, unsigned id)
{
	bool was_used;

	(void)luns_next_generation(c->l, target_name(c), id, &was_used);
	return was_used;
}

/* The lowest id that nobody has or had. */
static int choose_id(struct change *c)
{
	for (unsigned id = 0; id < SCSI_LUNS_MAX; id++) {
		unsigned known = 0;
		bool is_free = !c->l->owned[c->target].lu[id] && !had_data(c, id);
		int rc = is_free ? ask(c, id, &known) : -EEXIST;
		if (rc && rc != -EEXIST)
			return rc;
		if (!rc && !known)
			return 0;
	}
	SAY(c,
	    "every LUN of %s is in use, or was for a session that still runs, or had data that is "
	    "lost: remove one, let those sessions log out, or name an id",
	    target_name(c));
	return -ENOSPC;
}

static int check_id(struct change *c, const struct luns_new *n)
{
	unsigned known = 0;

	if (n->id == LUNS_ANY_ID)
		return choose_id(c);
	if (n->id >= SCSI_LUNS_MAX) {
		SAY(c, "found the id %u; allowed are 0 to %u", n->id, SCSI_LUNS_MAX - 1);
		return -EINVAL;
	}
	if (c->l->owned[c->target].lu[n->id]) {
		SAY(c, "%s has a LUN %u: choose another id", target_name(c), n->id);
		return -EEXIST;
	}
	int rc = ask(c, n->id, &known);
	if (rc || !known || n->force)
		return rc;
	SAY(c,
	    "LUN %u was another one for %u session%s that still run%s, and could be taken for it: "
	    "choose another id, let them log out, or use force",
	    n->id, known, known == 1 ? "" : "s", known == 1 ? "s" : "");
	return -EBUSY;
}

/*
 * Names that no LUN ever had: its content is new. Who had data under this number, and may not know
 * that it is gone, must not find zeroes there: to him it is stopped, unless forced.
 */
static int make(struct change *c, const struct luns_new *n)
{
	struct config_lun how = {
		.id = c->id,
		.size = n->bytes,
		.provisioning = n->is_full ? PROVISIONING_FULL : PROVISIONING_THIN,
		.block_size = n->block_size ? n->block_size : 512,
	};
	uint8_t seed[16];
	struct luns_recipe r = {.how = &how, .seed = seed};
	bool was_used;
	int rc = 0;

	if (getrandom(seed, sizeof(seed), 0) != (ssize_t)sizeof(seed)) {
		SAY(c, "getrandom: %s", strerror(errno));
		return -EIO;
	}
	snprintf(how.serial, sizeof(how.serial), "%s", n->serial ? n->serial : "");
	r.generation = luns_next_generation(c->l, target_name(c), c->id, &was_used);
	r.stopped = was_used && !n->force;
	if (was_used)
		rc = luns_remember(c->l, target_name(c), c->id, r.generation, c->why, c->why_len);
	return rc ? rc : luns_make(c->l, c->target, &r, &c->lu, c->why, c->why_len);
}

static int add(struct change *c, const struct luns_new *n)
{
	int rc = check_new(c, n);

	if (!rc)
		rc = check_id(c, n);
	if (!rc)
		rc = make(c, n);
	if (rc)
		return rc;
	bool is_stopped = c->lu->stopped;
	show(c, c->lu);
	rc = tell(c, LIVE_ADDED, NULL);
	if (!rc && is_stopped)
		SAY(c, "an earlier LUN of this number had data, so it is stopped for initiators "
		       "until they probe it anew: \"lun start\" starts it for all");
	return rc;
}

int luns_add(struct luns *l, const char *target, const struct luns_new *how, struct luns_info *out,
	     char *why, size_t why_len)
{
	struct change c = {.l = l, .name = target, .why = why, .why_len = why_len};

	c.target = luns_target(l, target);
	if (c.target == l->config->ntargets)
		return luns_unknown(l, target, 0, why, why_len);
	int rc = enter(&c);
	if (rc)
		return rc;
	rc = add(&c, how);
	leave(&c);
	if (!rc && out)
		rc = luns_find(l, target, c.id, out, why, why_len);
	return rc;
}

/* ---- remove ---- */

static int take_away(struct change *c)
{
	struct scsi_lu *lu = c->lu;
	uint64_t bytes = store_lun_pages(lu->store) * STORE_PAGE_SIZE;

	c->l->targets[c->target].by_id[c->id] = NULL;
	luns_transfers_over(c->l, lu, false, "was removed meanwhile");
	int rc = tell(c, LIVE_REMOVED, NULL);
	if (rc)
		return rc;
	show(c, NULL);
	luns_used_forget(c->l, lu->store);
	store_reader_online(c->l->reader);
	store_lun_destroy_live(c->l->reader, lu->store);
	store_reader_offline(c->l->reader);
	luns_lu_free(lu);
	log_info("%s LUN %u: removed, with %llu MiB of memory", target_name(c), c->id,
		 (unsigned long long)(bytes / MIB));
	return 0;
}

/* -ENOENT: nothing of that name is held. */
static int remove_held(struct change *c)
{
	int rc = enter(c);

	if (rc)
		return rc;
	struct luns_held *h = luns_held_find(c->l, c->name, c->id);
	if (h) {
		luns_held_over(c->l, h, "was removed meanwhile");
		luns_held_remove(c->l, h);
	}
	leave(c);
	return h ? 0 : luns_unknown(c->l, c->name, c->id, c->why, c->why_len);
}

int luns_remove(struct luns *l, const char *target, unsigned id, char *why, size_t why_len)
{
	struct change c = {.l = l, .name = target, .id = id, .why = why, .why_len = why_len};
	int rc = enter_lun(&c);

	if (rc == -ENOENT)
		return remove_held(&c);
	if (rc)
		return rc;
	rc = take_away(&c);
	leave(&c);
	return rc;
}

/* ---- size ---- */

/* Online no longer than needed: a reader that waits holds back the memory of all LUNs. */
static int change_store(struct change *c, uint64_t bytes, bool force)
{
	struct store_reader *r = c->l->reader;

	store_reader_online(r);
	int rc = store_lun_resize(r, c->lu->store, bytes, force, c->why, c->why_len);
	store_reader_offline(r);
	return rc;
}

/* What is cut off rests while the store decides whether it goes. */
static int shrink(struct change *c, uint64_t bytes, bool force)
{
	struct scsi_lu *lu = c->lu;

	lu->held = bytes >> lu->block_shift;
	int rc = tell(c, LIVE_HELD, NULL);
	if (!rc)
		rc = change_store(c, bytes, force);
	if (!rc)
		lu->blocks = bytes >> lu->block_shift;
	lu->held = 0;
	return rc;
}

static int grow(struct change *c, uint64_t bytes)
{
	int rc = change_store(c, bytes, false);

	if (!rc)
		c->lu->blocks = bytes >> c->lu->block_shift;
	return rc;
}

static int resize(struct change *c, uint64_t bytes, bool force)
{
	const struct scsi_lu *lu = c->lu;
	uint64_t had = store_lun_bytes(lu->store);

	if (!bytes || bytes % lu->block_size) {
		SAY(c, "found a size of %llu bytes; allowed are multiples of the block of %u bytes",
		    (unsigned long long)bytes, lu->block_size);
		return -EINVAL;
	}
	int rc = bytes < had ? shrink(c, bytes, force) : grow(c, bytes);
	if (rc)
		return rc;
	if (bytes != had) {
		luns_transfers_over(c->l, lu, false, "was resized meanwhile");
		log_info("%s LUN %u: %llu MiB now, were %llu", target_name(c), c->id,
			 (unsigned long long)(bytes / MIB), (unsigned long long)(had / MIB));
	}
	return tell(c, LIVE_RESIZED, NULL);
}

static int is_there(const struct change *c)
{
	if (c->l->targets[c->target].by_id[c->id])
		return 0;
	SAY(c, "LUN %u is being removed: remove it again to wait for that", c->id);
	return -ENOENT;
}

int luns_resize(struct luns *l, const char *target, unsigned id, uint64_t bytes, bool force,
		char *why, size_t why_len)
{
	struct change c = {.l = l, .name = target, .id = id, .why = why, .why_len = why_len};
	int rc = enter_lun(&c);

	if (rc)
		return rc;
	rc = is_there(&c);
	if (!rc)
		rc = resize(&c, bytes, force);
	leave(&c);
	return rc;
}

/* ---- read-only ---- */

int luns_set_read_only(struct luns *l, const char *target, unsigned id, bool on, char *why,
		       size_t why_len)
{
	struct change c = {.l = l, .name = target, .id = id, .why = why, .why_len = why_len};
	int rc = enter_lun(&c);

	if (rc)
		return rc;
	rc = is_there(&c);
	if (!rc && !on && luns_lu_of(c.lu) && luns_lu_of(c.lu)->is_damaged) {
		SAY(&c, "part of what LUN %u held is lost: export the rest, and delete it", id);
		rc = -EROFS;
	}
	if (!rc) {
		if (!on)
			luns_transfers_over(l, c.lu, true, "was made writable meanwhile");
		c.lu->read_only = on;
		luns_lu_label(c.lu);
		rc = tell(&c, on ? LIVE_READ_ONLY : LIVE_WRITABLE, NULL);
		log_info("%s LUN %u: %s", target_name(&c), id, on ? "read-only" : "writable");
	}
	leave(&c);
	if (!on)
		luns_scrub_look(l); /* it may have waited for that */
	return rc;
}

static void freeze(struct luns *l, size_t target, struct scsi_lu *lu)
{
	char why[LUNS_WHY] = "";
	struct change c = {.l = l,
			   .name = l->targets[target].name,
			   .target = target,
			   .id = lu->id,
			   .lu = lu,
			   .why = why,
			   .why_len = sizeof(why)};
	struct luns_lu *u = luns_lu_of(lu);

	if (lu->read_only)
		return;
	if (u) {
		pthread_mutex_lock(&u->lock);
		u->is_frozen = true;
		pthread_mutex_unlock(&u->lock);
	}
	lu->read_only = true;
	if (tell(&c, LIVE_READ_ONLY, NULL))
		log_warn("%s LUN %u: %s", c.name, c.id, why);
}

void luns_freeze(struct luns *l)
{
	char why[LUNS_WHY];

	if (!l->config || !l->node)
		return;
	if (luns_enter(l, LUNS_CHANGE, l->limit_ms, why, sizeof(why))) {
		log_warn("%s: initiators may write until they are gone", why);
		return;
	}
	for (size_t i = 0; i < l->config->ntargets; i++)
		for (unsigned id = 0; id < SCSI_LUNS_MAX; id++)
			if (l->targets[i].by_id[id])
				freeze(l, i, l->targets[i].by_id[id]);
	luns_leave(l);
}

/* ---- started ---- */

int luns_start(struct luns *l, const char *target, unsigned id, char *why, size_t why_len)
{
	struct change c = {.l = l, .name = target, .id = id, .why = why, .why_len = why_len};
	int rc = enter_lun(&c);

	if (rc)
		return rc;
	rc = is_there(&c);
	if (!rc && !c.lu->stopped) {
		SAY(&c, "LUN %u was not stopped", id);
	} else if (!rc) {
		c.lu->stopped = false;
		/* The state still says that it was used: it cannot say less while a write waits. */
		luns_lu_label(c.lu);
		rc = tell(&c, LIVE_STARTED, NULL);
		log_info("%s LUN %u: started", target_name(&c), id);
	}
	leave(&c);
	return rc;
}
