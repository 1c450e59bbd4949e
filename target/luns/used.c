// SPDX-License-Identifier: MIT
/* used.c - see luns/used.h. */
#include "luns/used.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/config.h"
#include "base/log.h"
#include "luns/luns.h"
#include "state/file.h"
#include "store/store.h"

#define RETRY_MS  1000u
#define SAY_EVERY 60u /* failures in a row between two log lines */

/* A LUN whose first write waits. */
struct first {
	struct store_lun *store; /* compared, and only looked into while the list of LUNs has it */
	size_t target;
	unsigned id;
	bool is_known; /* the two above are set */
};

struct luns_used {
	struct luns *l;
	pthread_t thread;
	bool is_running;

	pthread_mutex_t lock; /* of what follows; a leaf, also taken by readers */
	pthread_cond_t wake;
	struct first *queue; /* each LUN at most once */
	size_t n, room;
	bool wants_save, is_over;
};

/* ---- readers ---- */

/* In a reader: the first write waits from now on. */
static void first_write(void *arg, struct store_lun *store)
{
	struct luns_used *u = arg;

	pthread_mutex_lock(&u->lock);
	size_t i = 0;
	while (i < u->n && u->queue[i].store != store)
		i++;
	if (i == u->n) {
		assert(u->n < u->room);
		u->queue[u->n++] = (struct first){.store = store};
	}
	pthread_cond_signal(&u->wake);
	pthread_mutex_unlock(&u->lock);
}

int luns_used_room(struct luns *l)
{
	struct luns_used *u = l->used;
	int rc = 0;

	if (!u)
		return 0;
	pthread_mutex_lock(&u->lock);
	struct first *more = reallocarray(u->queue, u->room + 1, sizeof(*more));
	if (more) {
		u->queue = more;
		u->room++;
	} else {
		rc = -ENOMEM;
	}
	pthread_mutex_unlock(&u->lock);
	return rc;
}

/* Another one may get its address. */
void luns_used_forget(struct luns *l, const struct store_lun *store)
{
	struct luns_used *u = l->used;

	if (!u)
		return;
	pthread_mutex_lock(&u->lock);
	for (size_t i = 0; i < u->n; i++)
		if (u->queue[i].store == store)
			u->queue[i].store = NULL;
	pthread_mutex_unlock(&u->lock);
}

/* ---- the thread ---- */

/* Under luns.lock. NULL: it was removed. */
static struct scsi_lu *find(const struct luns *l, struct first *f)
{
	for (size_t i = 0; i < l->config->ntargets; i++)
		for (unsigned id = 0; id < SCSI_LUNS_MAX; id++) {
			struct scsi_lu *lu = l->owned[i].lu[id];
			if (!lu || lu->store != f->store)
				continue;
			if (f->is_known && (f->target != i || f->id != id))
				return NULL; /* another one at the same address */
			f->target = i;
			f->id = id;
			f->is_known = true;
			return lu;
		}
	return NULL;
}

/* Into the state file, as far as it is in memory. False: no memory for it. */
static bool note(struct luns *l, struct first *f)
{
	pthread_mutex_lock(&l->lock);
	bool is_there = find(l, f) != NULL;
	pthread_mutex_unlock(&l->lock);
	return !is_there || !state_set_used(l->state, l->targets[f->target].name, f->id, true);
}

/* The LU cannot be freed while luns.lock is held. */
static void let_go(struct luns *l, struct first *f)
{
	pthread_mutex_lock(&l->lock);
	const struct scsi_lu *lu = f->is_known ? find(l, f) : NULL;
	if (lu)
		store_lun_set_used(lu->store);
	pthread_mutex_unlock(&l->lock);
}

/* The first n of the queue. False: to be tried again. */
static bool save(struct luns_used *u, struct first *f, size_t n, unsigned *failed)
{
	char why[LUNS_WHY] = "out of memory";
	bool ok = true;

	for (size_t i = 0; i < n && ok; i++)
		ok = note(u->l, &f[i]);
	if (ok)
		ok = !state_save(u->l->state, why, sizeof(why));
	if (ok) {
		if (*failed)
			log_warn("%s can be written again", state_path(u->l->state));
		*failed = 0;
		for (size_t i = 0; i < n; i++)
			let_go(u->l, &f[i]);
		return true;
	}
	if ((*failed)++ % SAY_EVERY == 0)
		log_error("first writes to LUNs wait, and get BUSY: %s", why);
	return false;
}

/* Takes the front of the queue away. Under the lock. */
static void drop(struct luns_used *u, size_t n)
{
	u->n -= n;
	memmove(u->queue, u->queue + n, u->n * sizeof(*u->queue));
}

/* A copy of the queue, of *n; NULL: no memory, or there is nothing in it. Under the lock. */
static struct first *copy(const struct luns_used *u, size_t *n)
{
	struct first *f = calloc(u->n + 1, sizeof(*f));

	*n = f ? u->n : 0;
	if (f && *n)
		memcpy(f, u->queue, *n * sizeof(*f));
	return f;
}

static void *used_main(void *arg)
{
	struct luns_used *u = arg;
	unsigned failed = 0;

	pthread_mutex_lock(&u->lock);
	while (!u->is_over) {
		if (failed) {
			const struct timespec until = clock_after(RETRY_MS);
			pthread_cond_timedwait(&u->wake, &u->lock, &until);
		} else if (!u->n && !u->wants_save) {
			pthread_cond_wait(&u->wake, &u->lock);
		}
		if (u->is_over || (!u->n && !u->wants_save && !failed))
			continue;
		size_t n;
		struct first *f = copy(u, &n);
		u->wants_save = false;
		pthread_mutex_unlock(&u->lock);
		bool ok = f && save(u, f, n, &failed);
		failed += !f;
		free(f);
		pthread_mutex_lock(&u->lock);
		if (ok)
			drop(u, n);
	}
	pthread_mutex_unlock(&u->lock);
	return NULL;
}

/* ---- start and end ---- */

int luns_used_start(struct luns *l)
{
	if (!l->state)
		return 0;
	struct luns_used *u = calloc(1, sizeof(*u));
	if (!u)
		return -ENOMEM;
	u->l = l;
	pthread_mutex_init(&u->lock, NULL);
	clock_cond_init(&u->wake);
	l->used = u;
	int err = pthread_create(&u->thread, NULL, used_main, u);
	u->is_running = !err;
	if (!err)
		store_on_first_write(l->store, first_write, u);
	return -err;
}

void luns_used_save(struct luns *l)
{
	struct luns_used *u = l->used;

	if (!u)
		return;
	pthread_mutex_lock(&u->lock);
	u->wants_save = true;
	pthread_cond_signal(&u->wake);
	pthread_mutex_unlock(&u->lock);
}

void luns_used_stop(struct luns *l)
{
	struct luns_used *u = l->used;

	if (!u)
		return;
	pthread_mutex_lock(&u->lock);
	u->is_over = true;
	pthread_cond_signal(&u->wake);
	pthread_mutex_unlock(&u->lock);
	if (u->is_running)
		pthread_join(u->thread, NULL);
	store_on_first_write(l->store, NULL, NULL);
	pthread_cond_destroy(&u->wake);
	pthread_mutex_destroy(&u->lock);
	free(u->queue);
	free(u);
	l->used = NULL;
}
