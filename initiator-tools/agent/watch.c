// SPDX-License-Identifier: MIT
/* watch.c - from files, sysfs and device mapper to what a judge is told. */
#include "initiator-tools/agent/watch.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "initiator-tools/agent/say.h"
#include "initiator-tools/loan/record.h"

/* A disk is gone if it was not there so often in succession. */
#define GONE_LOOKS 2u

/* ---- disks ---- */

static void stop_leg(struct watch_leg *leg)
{
	for (size_t d = 0; d < leg->ndisks; d++)
		poller_stop(&leg->pollers[d]);
	*leg = (struct watch_leg){0};
}

static bool is_same_disk(const struct disk *a, const struct disk *b)
{
	return !strcmp(a->name, b->name) && a->major == b->major && a->minor == b->minor &&
	       a->session == b->session;
}

/* The disk may have gone, and another may have come in its place. */
static void find_disk(struct watch_leg *leg, size_t d, const struct loan_disk *of, uint64_t key)
{
	struct poller *p = &leg->pollers[d];
	struct disk k;

	leg->is_there[d] = !disk_find(of, &k) && *k.name && k.is_same;
	leg->missed[d] = leg->is_there[d] ? 0 : leg->missed[d] + 1;
	leg->is_alone[d] = leg->is_there[d] && !of->is_session_foreign && !k.others;
	if (p->pid && (!leg->is_there[d] || !is_same_disk(&p->disk, &k)))
		poller_stop(p);
	if (p->pid || !leg->is_there[d]) {
		p->disk.is_logged_in = k.is_logged_in;
		return;
	}
	int err = poller_start(p, &k, of, key);
	if (err)
		say("%s (%s): no process to watch it: %s", k.name, of->donor, strerror(-err));
}

static struct watch_leg *leg_of(struct watch_loan *l, unsigned id)
{
	struct watch_leg *unused = NULL;

	for (size_t i = 0; i < LOAN_LEGS_MAX; i++)
		if (l->legs[i].is_used && l->legs[i].id == id)
			return &l->legs[i];
		else if (!l->legs[i].is_used)
			unused = &l->legs[i];
	return unused;
}

/* From when it may hold up the others until it is given up. */
static bool is_watched(const struct loan_leg *leg)
{
	return leg->steps[STEP_MIRROR] != STEP_NONE && !leg->is_lost;
}

static void find_leg(struct watch_loan *l, const struct loan_leg *of)
{
	struct watch_leg *leg = leg_of(l, of->id);

	if (!leg->is_used) {
		*leg = (struct watch_leg){.is_used = true, .id = of->id, .ndisks = of->ndisks};
		memcpy(leg->donor, of->disks[0].donor, sizeof(leg->donor));
	}
	for (size_t d = 0; d < of->ndisks; d++)
		find_disk(leg, d, &of->disks[d], l->loan.key);
}

/* Those that are not watched any more first: they leave their places. */
static void find_legs(struct watch_loan *l, bool is_live)
{
	for (size_t i = 0; i < LOAN_LEGS_MAX; i++) {
		bool is_there = false;
		for (size_t k = 0; is_live && k < l->loan.nlegs; k++)
			is_there |=
				l->loan.legs[k].id == l->legs[i].id && is_watched(&l->loan.legs[k]);
		if (l->legs[i].is_used && !is_there)
			stop_leg(&l->legs[i]);
	}
	for (size_t k = 0; is_live && k < l->loan.nlegs; k++)
		if (is_watched(&l->loan.legs[k]))
			find_leg(l, &l->loan.legs[k]);
}

/* ---- loans ---- */

bool watch_is_live(const struct watch *w, const struct watch_loan *l)
{
	return l->loan.is_made && !l->loan.is_ending && !l->loan.is_stopped &&
	       !strcmp(l->loan.boot, w->boot);
}

static struct watch_loan *loan_of(struct watch *w, const char *name)
{
	for (size_t i = 0; i < w->n; i++)
		if (!strcmp(w->loans[i]->loan.wish.name, name))
			return w->loans[i];
	return NULL;
}

static void drop(struct watch *w, size_t i)
{
	struct watch_loan *l = w->loans[i];

	for (size_t k = 0; k < LOAN_LEGS_MAX; k++)
		stop_leg(&l->legs[k]);
	if (l->mending)
		poller_leave(l->mending);
	loan_free(&l->loan);
	free(l);
	w->loans[i] = w->loans[--w->n];
}

static bool is_changed(const struct stat *a, const struct stat *b)
{
	return a->st_ino != b->st_ino || a->st_size != b->st_size ||
	       a->st_mtim.tv_sec != b->st_mtim.tv_sec || a->st_mtim.tv_nsec != b->st_mtim.tv_nsec;
}

/* Another loan with the name of one that was returned begins anew. */
static void take(struct watch *w, struct watch_loan *l, struct loan *now)
{
	if (strcmp(l->loan.uuid, now->uuid) != 0) {
		for (size_t k = 0; k < LOAN_LEGS_MAX; k++)
			stop_leg(&l->legs[k]);
		judge_begin(&l->judge, w->timeout);
		l->degraded_since = 0;
	}
	loan_free(&l->loan);
	l->loan = *now;
}

static void read_one(struct watch *w, const char *name)
{
	struct watch_loan *l = loan_of(w, name);
	char path[PATH_MAX], why[LOAN_WHY_BYTES];
	struct loan now;
	struct stat file;

	snprintf(path, sizeof(path), "%s/%s.json", w->dir, name);
	if (stat(path, &file) || (!l && w->n == WATCH_LOANS_MAX))
		return;
	if (l)
		l->is_here = true;
	if (l && !is_changed(&l->file, &file))
		return;
	int err = record_read(w->dir, name, &now, why, sizeof(why));
	if (err && err != -ENOENT)
		say("%s", why);
	if (!err && !l && (l = calloc(1, sizeof(*l)))) {
		l->is_here = true;
		w->loans[w->n++] = l;
	}
	if (l)
		l->file = file;
	if (!err && l)
		take(w, l, &now);
}

/* With the lock, what is read is as it stays: nobody is in the middle of anything. Without it, who
 * has it is at work. */
void watch_sync(struct watch *w)
{
	char **names;
	int lock = record_lock(w->dir, 0);
	int n = record_list(w->dir, &names);

	w->is_busy = lock < 0;
	for (size_t i = 0; n >= 0 && i < w->n; i++)
		w->loans[i]->is_here = false;
	for (int i = 0; i < n; i++)
		read_one(w, names[i]);
	if (n >= 0)
		record_list_free(names, n);
	for (size_t i = w->n; i-- > 0;)
		if (!w->loans[i]->is_here)
			drop(w, i);
	for (size_t i = 0; i < w->n; i++)
		find_legs(w->loans[i], watch_is_live(w, w->loans[i]));
	if (lock >= 0)
		close(lock);
}

void watch_end(struct watch *w)
{
	while (w->n)
		drop(w, w->n - 1);
}

/* ---- a look ---- */

/* That of the image below all of its disks that are there. */
static enum leg_health health_of(const struct watch_leg *leg, const struct array *a,
				 const char *volume)
{
	const struct array_image *image = NULL;

	for (size_t d = 0; d < leg->ndisks; d++) {
		if (!leg->is_there[d])
			continue;
		const struct array_image *k = array_on(a, volume, leg->pollers[d].disk.name);
		if (image && k != image)
			return LEG_UNKNOWN;
		image = k;
	}
	return array_health(image);
}

static const struct loan_leg *record_of(const struct loan *l, unsigned id)
{
	for (size_t i = 0; i < l->nlegs; i++)
		if (l->legs[i].id == id)
			return &l->legs[i];
	return NULL;
}

static bool is_leaving(const struct loan_leg *of, bool (*leaves)(void *arg, const char *donor),
		       void *arg)
{
	for (size_t d = 0; d < of->ndisks; d++)
		if (leaves(arg, of->disks[d].donor))
			return true;
	return false;
}

static void see_leg(struct watch_leg *leg, const struct loan_leg *of, struct leg_seen *out)
{
	*out = (struct leg_seen){.id = leg->id,
				 .is_copy = of->has_data,
				 .is_wanted = !of->is_unwanted,
				 .is_failed = leg->is_failed,
				 .disks = leg->disks,
				 .ndisks = leg->ndisks};
	for (size_t d = 0; d < leg->ndisks; d++) {
		leg->disks[d] = poller_seen(&leg->pollers[d]);
		out->is_gone |= leg->missed[d] >= GONE_LOOKS;
	}
}

static bool is_whole(const struct leg_seen *s)
{
	return s->health == LEG_SYNCED && !s->is_failed && !s->is_gone;
}

struct judge_verdict watch_look(struct watch *w, struct watch_loan *l, uint64_t now,
				bool (*leaves)(void *arg, const char *donor), void *arg)
{
	char volume[LOAN_PATH_BYTES];
	struct array array;

	loan_volume_path(&l->loan, volume);
	const char *name = strrchr(volume, '/') + 1;
	int err = array_ask(name, &array);
	unsigned copies = 0;
	l->nseen = 0;
	for (size_t i = 0; i < LOAN_LEGS_MAX; i++) {
		struct watch_leg *leg = &l->legs[i];
		const struct loan_leg *of = leg->is_used ? record_of(&l->loan, leg->id) : NULL;
		if (!of)
			continue;
		struct leg_seen *s = &l->seen[l->nseen];
		l->of[l->nseen++] = leg;
		see_leg(leg, of, s);
		s->health = err ? LEG_UNKNOWN : health_of(leg, &array, name);
		s->is_leaving = is_leaving(of, leaves, arg);
		copies += is_whole(s);
	}
	/* While LVM changes it the volume says nothing; that is no news. */
	if (!err || err == -ENXIO)
		l->copies = copies;
	struct loan_seen seen = {.legs = l->seen,
				 .nlegs = l->nseen,
				 .is_whole = !watch_is_live(w, l) ||
					     (loan_is_complete(&l->loan) && !l->loan.nleft),
				 .is_working = w->is_busy || l->mending};
	return judge_look(&l->judge, now, &seen);
}

/* A leg is given up as a whole, but disks of it that answer can be given back in order. */
void watch_order(const struct watch_loan *l, size_t leg, struct fail_order *out)
{
	const struct watch_leg *k = l->of[leg];

	*out = (struct fail_order){0};
	for (size_t d = 0; d < k->ndisks; d++) {
		const struct disk *disk = &k->pollers[d].disk;
		if (!k->is_there[d] ||
		    (!k->disks[d].is_other && !judge_is_disk_silent(&l->judge, k->id, d)))
			continue;
		memcpy(out->disks[out->n].name, disk->name, sizeof(disk->name));
		out->disks[out->n].major = disk->major;
		out->disks[out->n].minor = disk->minor;
		out->disks[out->n++].session = k->is_alone[d] ? disk->session : -1;
	}
}
