// SPDX-License-Identifier: MIT
/* transfer.c - pieces of a LUN, between the changes of LUNs: see luns/transfer.h. */
#include "luns/transfer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/config.h"
#include "iscsi/live.h"
#include "iscsi/node.h"
#include "luns/held.h"
#include "scsi/scsi.h"
#include "store/store.h"

/* How long a piece waits for a change, before who asked can look whether he is to end. */
#define STEP_WAIT_MS 50u

#define SAY(...) snprintf(why, why_len, __VA_ARGS__)

/* ---- begin and end ---- */

/* Under luns.lock. An import meets no other transfer of its LUN. */
static bool is_free(const struct luns *l, const struct luns_transfer *t)
{
	for (const struct luns_transfer *o = l->transfers; o; o = o->next)
		if (o->store == t->store && !o->over &&
		    (o->use == LUNS_IMPORT || t->use == LUNS_IMPORT))
			return false;
	return true;
}

/* A LUN became read-only, and not all reactors may have taken note yet: see live_tell(). */
static int settle(const struct luns_transfer *t, char *why, size_t why_len)
{
	const struct live_change ask = {.event = LIVE_ASK,
					.target = &t->luns->targets[t->target],
					.lu = t->lu,
					.id = t->id};
	int rc = live_tell(t->luns->node, &ask, t->luns->limit_ms, NULL);

	if (rc)
		SAY("a thread of memtgtd does not answer, as on a host that is overloaded: try "
		    "again");
	return rc;
}

/* What it rests on. Those who enter are counted before those who are there are looked at. */
static int found(struct luns_transfer *t, bool force, char *why, size_t why_len)
{
	struct directory *d = &t->luns->node->directory;
	unsigned n = directory_count(d, t->watch.target);

	t->by_force = force;
	t->by_read_only = !force && t->lu->read_only;
	if (t->by_read_only)
		return settle(t, why, why_len);
	if (force || !n)
		return 0;
	SAY("%u session%s with its target may write to LUN %u meanwhile: make it read-only, or let "
	    "them log out, or use force",
	    n, n == 1 ? "" : "s", t->id);
	return -EBUSY;
}

/* What it holds is nobody's any more, and what is written there would be removed. */
static int check_scrub(const struct luns_transfer *t, char *why, size_t why_len)
{
	if (!scsi_scrubs(t->lu))
		return 0;
	SAY("LUN %u is to be emptied, since its last registration went: %s", t->id,
	    t->lu->read_only ? "make it writable, which lets that begin, or delete it"
			     : "wait for that");
	return -EBUSY;
}

/* Into the list. */
static int enlist(struct luns_transfer *t, char *why, size_t why_len)
{
	struct luns *l = t->luns;

	pthread_mutex_lock(&l->lock);
	bool is_ours = is_free(l, t);
	if (is_ours) {
		t->next = l->transfers;
		l->transfers = t;
	}
	pthread_mutex_unlock(&l->lock);
	if (is_ours)
		return 0;
	SAY("LUN %u is being imported or exported: wait for that, or end it", t->id);
	return -EBUSY;
}

/* Nobody writes there: it rests on nothing. */
static int begin_held(struct luns_transfer *t, const char *name, bool force, char *why,
		      size_t why_len)
{
	const struct luns_held *h = luns_held_find(t->luns, name, t->id);

	if (!h)
		return luns_unknown(t->luns, name, t->id, why, why_len);
	if (t->use == LUNS_IMPORT) {
		SAY("what is held cannot be changed: make a LUN for the image");
		return -EROFS;
	}
	snprintf(t->name, sizeof(t->name), LUNS_HELD);
	t->id = h->slot;
	t->store = h->store;
	t->by_force = force;
	t->bytes = store_lun_bytes(h->store);
	t->block_bytes = h->label.block_size;
	return enlist(t, why, why_len);
}

/* Under the turn of luns_enter(). */
static int begin(struct luns_transfer *t, const char *name, bool force, char *why, size_t why_len)
{
	struct luns *l = t->luns;

	const bool named = t->target < l->config->ntargets && t->id < SCSI_LUNS_MAX;

	t->lu = named ? l->owned[t->target].lu[t->id] : NULL;
	if (!t->lu)
		return begin_held(t, name, force, why, why_len);
	if (l->targets[t->target].by_id[t->id] != t->lu)
		return luns_unknown(l, name, t->id, why, why_len);
	snprintf(t->name, sizeof(t->name), "%s", l->targets[t->target].name);
	t->store = t->lu->store;
	t->bytes = t->lu->blocks << t->lu->block_shift;
	t->block_bytes = t->lu->block_size;
	directory_watch(&l->node->directory, &t->watch, &l->targets[t->target]);
	int rc = check_scrub(t, why, why_len);
	if (!rc)
		rc = found(t, force, why, why_len);
	if (!rc)
		rc = enlist(t, why, why_len);
	if (rc)
		directory_unwatch(&l->node->directory, &t->watch);
	return rc;
}

int luns_transfer_begin(struct luns *l, const char *target, unsigned id, enum luns_use use,
			bool force, struct luns_transfer *t, char *why, size_t why_len)
{
	*t = (struct luns_transfer){.luns = l, .id = id, .use = use};
	t->target = luns_target(l, target);
	int rc = luns_enter(l, LUNS_CHANGE, l->limit_ms, why, why_len);
	if (rc)
		return rc;
	rc = begin(t, target, force, why, why_len);
	luns_leave(l);
	return rc;
}

void luns_transfer_end(struct luns_transfer *t)
{
	struct luns *l = t->luns;

	if (t->lu)
		directory_unwatch(&l->node->directory, &t->watch);
	pthread_mutex_lock(&l->lock);
	for (struct luns_transfer **at = &l->transfers; *at; at = &(*at)->next)
		if (*at == t) {
			*at = t->next;
			break;
		}
	pthread_mutex_unlock(&l->lock);
}

void luns_transfers_over(struct luns *l, const struct scsi_lu *lu, bool writable, const char *why)
{
	pthread_mutex_lock(&l->lock);
	for (struct luns_transfer *t = l->transfers; t; t = t->next)
		if (t->lu == lu && !t->over && (!writable || t->by_read_only))
			t->over = why;
	pthread_mutex_unlock(&l->lock);
}

void luns_held_over(struct luns *l, const struct luns_held *h, const char *why)
{
	pthread_mutex_lock(&l->lock);
	for (struct luns_transfer *t = l->transfers; t; t = t->next)
		if (t->store == h->store && !t->over)
			t->over = why;
	pthread_mutex_unlock(&l->lock);
}

/* ---- pieces ---- */

/* Only changes write t->over, and none is under way. */
static int check(const struct luns_transfer *t, char *why, size_t why_len)
{
	if (t->over) {
		SAY("LUN %u %s", t->id, t->over);
		return -ECANCELED;
	}
	if (!t->lu || t->by_force || t->by_read_only ||
	    !directory_entered(&t->luns->node->directory, &t->watch))
		return 0;
	SAY("an initiator logged in meanwhile, and may have written to LUN %u: make it read-only, "
	    "and begin again",
	    t->id);
	return -ECANCELED;
}

static int step_begin(struct luns_transfer *t, char *why, size_t why_len)
{
	struct luns *l = t->luns;
	int rc = luns_enter(l, LUNS_STEP, STEP_WAIT_MS, why, why_len);

	if (rc)
		return rc == -EBUSY ? -EAGAIN : rc;
	rc = check(t, why, why_len);
	if (rc)
		luns_leave(l);
	else
		store_reader_online(l->reader);
	return rc;
}

static void step_end(struct luns_transfer *t)
{
	store_reader_offline(t->luns->reader);
	luns_leave(t->luns);
}

int luns_transfer_read(struct luns_transfer *t, uint64_t off, void *p, size_t max, uint64_t *n,
		       bool *is_hole, char *why, size_t why_len)
{
	int rc = step_begin(t, why, why_len);

	if (rc)
		return rc;
	*is_hole = store_state(t->store, off, t->bytes - off, n) != STORE_MAPPED;
	bool is_lost = store_lost(t->store, off, *n);
	if (!*is_hole) {
		if (*n > max)
			*n = max;
		is_lost |= store_read(t->store, off, p, *n) < *n;
	}
	step_end(t);
	if (!is_lost || t->by_force)
		return 0;
	SAY("part of what LUN %u held is lost: use force for an image of the rest, in which that "
	    "part is zeroes",
	    t->id);
	return -EIO;
}

static int refuse(const struct luns_transfer *t, int err, char *why, size_t why_len)
{
	if (err == -ENOSPC)
		SAY("no memory is left for LUN %u: the pool is full, or the host is short of it",
		    t->id);
	else if (err == -EIO)
		SAY("memory of this host failed that LUN %u has: delete the LUN, and import into a "
		    "new one",
		    t->id);
	return err;
}

int luns_transfer_write(struct luns_transfer *t, uint64_t off, const void *p, size_t len, size_t *n,
			char *why, size_t why_len)
{
	int rc = step_begin(t, why, why_len);

	*n = 0;
	if (rc)
		return rc;
	int64_t done = store_write(t->luns->reader, t->store, off, p, len);
	step_end(t);
	if (done >= 0) {
		*n = (size_t)done;
		return 0;
	}
	return refuse(t, (int)done, why, why_len);
}

int luns_transfer_clear(struct luns_transfer *t, uint64_t off, uint64_t len, uint64_t *n, char *why,
			size_t why_len)
{
	int rc = step_begin(t, why, why_len);

	*n = 0;
	if (rc)
		return rc;
	int64_t done = store_unmap(t->luns->reader, t->store, off, len);
	step_end(t);
	if (done < 0)
		return refuse(t, (int)done, why, why_len);
	*n = (uint64_t)done;
	return 0;
}

int luns_transfer_check(struct luns_transfer *t, char *why, size_t why_len)
{
	int rc = step_begin(t, why, why_len);

	if (!rc)
		step_end(t);
	return rc;
}
