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
#include "store/store.h"

#define RETRY_MS     1000u
#define STEP_WAIT_MS 1000u

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

/* The first LU that is to be emptied; in a turn. */
static bool find(const struct luns *l, struct place *out)
{
	for (size_t i = 0; i < l->config->ntargets; i++)
		for (unsigned id = 0; id < SCSI_LUNS_MAX; id++) {
			struct scsi_lu *lu = l->owned[i].lu[id];
			if (lu && l->targets[i].by_id[id] == lu && scsi_scrubs(lu)) {
				*out = (struct place){.target = i, .id = id, .lu = lu};
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

/* One piece from *off on, in a turn. 0: *off has moved; 1: all is gone; -errno. */
static int piece(struct luns *l, const struct place *at, uint64_t *off)
{
	struct store_lun *s = at->lu->store;
	const uint64_t end = store_lun_bytes(s);

	if (*off >= end)
		return 1;
	store_reader_online(l->reader);
	const int64_t got = store_unmap(l->reader, s, *off, end - *off);
	store_reader_offline(l->reader);
	if (got < 0)
		return (int)got;
	*off += (uint64_t)got;
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

/* The LU may go between two turns. 0: there may be more to do; 1: nothing; -errno. */
static int step(struct luns *l, struct place *at, uint64_t *off)
{
	struct place now;
	char why[LUNS_WHY];
	int rc = luns_enter(l, LUNS_STEP, STEP_WAIT_MS, why, sizeof(why));

	if (rc)
		return rc == -EBUSY ? 0 : rc;
	const bool any = find(l, &now);
	if (any && now.lu != at->lu) {
		*at = now;
		*off = 0;
		rc = drain(l, at);
		if (rc)
			at->lu = NULL;
	}
	if (any && !rc) {
		rc = piece(l, at, off);
		if (rc == 1)
			rc = finish(l, at);
		if (rc)
			at->lu = NULL;
	}
	luns_leave(l);
	return any ? rc : 1;
}

static int work(struct luns *l)
{
	struct place at = {.lu = NULL};
	uint64_t off = 0;
	int rc;

	do {
		rc = step(l, &at, &off);
	} while (!rc);
	if (rc < 0 && rc != -ESHUTDOWN)
		log_error("what a LUN held cannot be removed yet, and it gives BUSY: %s",
			  strerror(-rc));
	return rc;
}

static void *scrub_main(void *arg)
{
	struct luns_scrub *s = arg;
	bool again = false;

	pthread_mutex_lock(&s->lock);
	while (!s->is_over) {
		if (!s->is_wanted && again) {
			const struct timespec until = clock_after(RETRY_MS);
			pthread_cond_timedwait(&s->wake, &s->lock, &until);
		} else if (!s->is_wanted) {
			pthread_cond_wait(&s->wake, &s->lock);
		}
		if (s->is_over || (!s->is_wanted && !again))
			continue;
		s->is_wanted = false;
		pthread_mutex_unlock(&s->lock);
		const int rc = work(s->l);
		again = rc < 0 && rc != -ESHUTDOWN;
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
