// SPDX-License-Identifier: MIT
/* scrub.c - see luns/scrub.h. */
#include "luns/scrub.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/config.h"
#include "base/log.h"
#include "iscsi/fence.h"
#include "luns/lu.h"
#include "luns/luns.h"
#include "luns/transfer.h"
#include "store/store.h"

#define RETRY_MS      1000u
#define RETRY_MOST_MS 60000u
#define STEP_WAIT_MS  1000u

struct luns_scrub {
	struct luns *l;
	pthread_t thread;
	pthread_mutex_t lock; /* of what follows; a leaf */
	pthread_cond_t wake;
	bool is_wanted, is_over;
};

/* Where it is. */
struct place {
	size_t target;
	unsigned id;
	struct scsi_lu *lu;
};

/* Once over all LUNs. One that cannot be emptied is left for the next walk, so it stops no other.
 */
struct walk {
	size_t next;	 /* where it goes on: see number() */
	struct place at; /* lu NULL: with none at the moment */
	/* reserve.change when it was taken up. It tells one time of being emptied from the next,
	 * and the LU from a new one at the same address. */
	uint64_t change;
	uint64_t off;
	int failed; /* -errno, the last one; 0: none */
};

static size_t number(const struct place *p)
{
	return p->target * SCSI_LUNS_MAX + p->id;
}

/*
 * Read-only is the operator's word that nothing of it changes, or part of it is damaged; and nobody
 * may see what another one left. So it is BUSY until it is writable, or deleted. That is said once.
 */
static bool is_held_back(const struct luns *l, const struct place *p)
{
	struct luns_lu *u = luns_lu_of(p->lu);
	const uint64_t change = atomic_load(&p->lu->reserve.change);

	if (!p->lu->read_only)
		return false;
	if (!u || u->is_frozen || u->held_back == change)
		return true;
	u->held_back = change;
	log_warn("%s LUN %u: its last registration went, but it is read-only, so what it held is "
		 "still there, and it gives BUSY: %s",
		 l->targets[p->target].name, p->id,
		 u->is_damaged
			 ? "delete it (\"memtgtctl lun delete\")"
			 : "make it writable (\"memtgtctl lun readonly\"), and it is emptied");
	return true;
}

/* The next LU that is to be emptied; in a turn. */
static bool find(const struct luns *l, size_t from, struct place *out)
{
	for (size_t n = from; n < l->config->ntargets * SCSI_LUNS_MAX; n++) {
		struct place p = {.target = n / SCSI_LUNS_MAX, .id = n % SCSI_LUNS_MAX};
		p.lu = l->owned[p.target].lu[p.id];
		if (p.lu && l->targets[p.target].by_id[p.id] == p.lu && scsi_scrubs(p.lu) &&
		    !is_held_back(l, &p)) {
			*out = p;
			return true;
		}
	}
	return false;
}

struct telling {
	const struct scsi_target *target;
	const struct place *at;
};

static int tell(void *arg, struct scsi_fence *f)
{
	const struct telling *t = arg;

	*f = (struct scsi_fence){
		.target = t->target, .lu = t->at->lu, .id = t->at->id, .tell = scsi_fence_checks};
	return 0;
}

/* No command that was there before uses the LU any more. */
static int drain(struct luns *l, const struct place *at)
{
	struct telling t = {.target = &l->targets[at->target], .at = at};

	return fence_tell(l->node, tell, &t, l->limit_ms);
}

/* From its front on, unless it is the one that is being emptied. 0 or -errno. */
static int take_up(struct luns *l, struct walk *w, const struct place *now)
{
	const uint64_t change = atomic_load(&now->lu->reserve.change);

	if (w->at.lu == now->lu && w->change == change)
		return 0;
	w->at = *now;
	w->change = change;
	w->off = 0;
	luns_transfers_over(l, now->lu, false, "was emptied meanwhile");
	return drain(l, now);
}

/* One piece, in a turn. 0: there may be more; 1: all is gone; -errno. */
static int piece(struct luns *l, struct walk *w)
{
	struct store_lun *s = w->at.lu->store;
	const uint64_t end = store_lun_bytes(s);

	if (w->off >= end)
		return 1;
	store_reader_online(l->reader);
	const int64_t got = store_unmap(l->reader, s, w->off, end - w->off);
	store_reader_offline(l->reader);
	if (got < 0)
		return (int)got;
	w->off += (uint64_t)got;
	return 0;
}

static int finish(const struct luns *l, const struct place *at)
{
	int rc = scsi_scrubbed(at->lu);

	if (!rc)
		log_info("%s LUN %u: its last registration went, and what it held is removed",
			 l->targets[at->target].name, at->id);
	return rc;
}

/* Whatever became of it, it is not this one any more that the next step goes on with. */
static void leave(const struct luns *l, struct walk *w, int rc)
{
	if (rc) {
		w->failed = rc;
		log_peer(LOG_LEVEL_ERROR,
			 "%s LUN %u: what it held cannot be removed yet, and it gives BUSY: %s",
			 l->targets[w->at.target].name, w->at.id, strerror(-rc));
	}
	w->next = number(&w->at) + 1;
	w->at.lu = NULL;
}

/* In a turn. */
static void go_on(struct luns *l, struct walk *w, const struct place *now)
{
	w->next = number(now);
	int rc = take_up(l, w, now);

	if (!rc)
		rc = piece(l, w);
	if (rc)
		leave(l, w, rc == 1 ? finish(l, &w->at) : rc);
}

/* LUNs may come, go and be used between two turns. 0: there may be more to do; 1: nothing;
 * -errno. */
static int step(struct luns *l, struct walk *w)
{
	struct place now;
	char why[LUNS_WHY];
	int rc = luns_enter(l, LUNS_STEP, STEP_WAIT_MS, why, sizeof(why));

	if (rc)
		return rc == -EBUSY ? 0 : rc;
	const bool any = find(l, w->next, &now);
	if (any)
		go_on(l, w, &now);
	luns_leave(l);
	return any ? 0 : 1;
}

/* Is something left to be tried again? */
static bool walk(struct luns *l)
{
	struct walk w = {.next = 0};
	int rc;

	do {
		rc = step(l, &w);
	} while (!rc);
	return rc == 1 && w.failed;
}

/* Until there may be something to do, or it is over. `pause`: in ms; 0: there is nothing to be
 * tried again. True: it was for that. Under the lock. */
static bool rest(struct luns_scrub *s, unsigned pause)
{
	const struct timespec until = clock_after(pause);
	int rc = 0;

	while (!s->is_wanted && !s->is_over && rc != ETIMEDOUT)
		rc = pause ? pthread_cond_timedwait(&s->wake, &s->lock, &until)
			   : pthread_cond_wait(&s->wake, &s->lock);
	return !s->is_wanted;
}

static unsigned longer(unsigned pause)
{
	return pause < RETRY_MOST_MS / 2 ? 2 * pause : RETRY_MOST_MS;
}

static void *scrub_main(void *arg)
{
	struct luns_scrub *s = arg;
	unsigned pause = 0;

	pthread_mutex_lock(&s->lock);
	for (;;) {
		const bool retries = rest(s, pause);
		if (s->is_over)
			break;
		s->is_wanted = false;
		pthread_mutex_unlock(&s->lock);
		pause = !walk(s->l) ? 0 : retries && pause ? longer(pause) : RETRY_MS;
		pthread_mutex_lock(&s->lock);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

int luns_scrub_start(struct luns *l)
{
	struct luns_scrub *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->l = l;
	pthread_mutex_init(&s->lock, NULL);
	clock_cond_init(&s->wake);
	int err = pthread_create(&s->thread, NULL, scrub_main, s);
	if (err) {
		pthread_cond_destroy(&s->wake);
		pthread_mutex_destroy(&s->lock);
		free(s);
		return -err;
	}
	l->scrub = s;
	return 0;
}

void luns_scrub_look(struct luns *l)
{
	struct luns_scrub *s = l->scrub;

	if (!s)
		return;
	pthread_mutex_lock(&s->lock);
	s->is_wanted = true;
	pthread_cond_signal(&s->wake);
	pthread_mutex_unlock(&s->lock);
}

void luns_scrub_wake(struct scsi_lu *lu)
{
	luns_scrub_look(luns_lu_of(lu)->luns);
}

void luns_scrub_stop(struct luns *l)
{
	struct luns_scrub *s = l->scrub;

	if (!s)
		return;
	pthread_mutex_lock(&s->lock);
	s->is_over = true;
	pthread_cond_signal(&s->wake);
	pthread_mutex_unlock(&s->lock);
	pthread_join(s->thread, NULL);
	pthread_cond_destroy(&s->wake);
	pthread_mutex_destroy(&s->lock);
	free(s);
	l->scrub = NULL;
}
