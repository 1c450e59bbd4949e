// SPDX-License-Identifier: MIT
/* directory.c - entering, replacing and leaving. */
#include "iscsi/directory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void directory_init(struct directory *d, void (*end)(struct session_ref),
		    void (*alone)(struct session_ref))
{
	memset(d, 0, sizeof(*d));
	pthread_mutex_init(&d->lock, NULL);
	list_init(&d->entries);
	list_init(&d->watches);
	list_init(&d->guests);
	d->tsih_used[0] = 1; /* TSIH 0 means "new session" in a Login Request, 11.12.6 */
	d->end = end;
	d->alone = alone;
}

void directory_free(struct directory *d)
{
	directory_open(d);
	pthread_mutex_destroy(&d->lock);
}

static bool tsih_is_used(const struct directory *d, uint16_t tsih)
{
	return d->tsih_used[tsih / 64] >> (tsih % 64) & 1;
}

uint16_t directory_tsih_get(struct directory *d)
{
	uint16_t found = 0;
	pthread_mutex_lock(&d->lock);
	for (unsigned tries = 0; tries < 65536 && !found; tries++) {
		d->last_tsih++;
		if (!tsih_is_used(d, d->last_tsih))
			found = d->last_tsih;
	}
	if (found)
		d->tsih_used[found / 64] |= 1ull << (found % 64);
	pthread_mutex_unlock(&d->lock);
	return found;
}

void directory_tsih_put(struct directory *d, uint16_t tsih)
{
	if (!tsih)
		return;
	pthread_mutex_lock(&d->lock);
	d->tsih_used[tsih / 64] &= ~(1ull << (tsih % 64));
	pthread_mutex_unlock(&d->lock);
}

bool directory_tsih_exists(struct directory *d, uint16_t tsih)
{
	pthread_mutex_lock(&d->lock);
	bool used = tsih && tsih_is_used(d, tsih);
	pthread_mutex_unlock(&d->lock);
	return used;
}

static bool same_name(const struct directory_entry *a, const struct directory_entry *b)
{
	return a->target == b->target && a->group == b->group &&
	       !memcmp(a->isid, b->isid, sizeof(a->isid)) && !strcmp(a->initiator, b->initiator);
}

/* ---- who may come back ---- */

struct guest {
	struct list link;
	struct directory_entry name; /* its link and ref are not used */
};

static struct guest *find_guest(const struct directory *d, const struct directory_entry *e)
{
	list_for_each (it, &d->guests) {
		struct guest *g = container_of(it, struct guest, link);
		if (same_name(&g->name, e))
			return g;
	}
	return NULL;
}

static void free_guests(struct directory *d)
{
	list_for_each_safe (it, next, &d->guests) {
		list_del(it);
		free(container_of(it, struct guest, link));
	}
}

static int add_guests(struct directory *d)
{
	list_for_each (it, &d->entries) {
		const struct directory_entry *e = container_of(it, struct directory_entry, link);
		if (find_guest(d, e)) /* it is being replaced */
			continue;
		struct guest *g = malloc(sizeof(*g));
		if (!g)
			return -ENOMEM;
		g->name = *e;
		list_add_tail(&d->guests, &g->link);
	}
	return 0;
}

int directory_close(struct directory *d)
{
	int rc = 0;
	pthread_mutex_lock(&d->lock);
	if (!d->closed) {
		rc = add_guests(d);
		if (rc)
			free_guests(d);
		d->closed = !rc;
	}
	pthread_mutex_unlock(&d->lock);
	return rc;
}

void directory_open(struct directory *d)
{
	pthread_mutex_lock(&d->lock);
	d->closed = false;
	free_guests(d);
	pthread_mutex_unlock(&d->lock);
}

bool directory_is_closed(struct directory *d)
{
	pthread_mutex_lock(&d->lock);
	bool closed = d->closed;
	pthread_mutex_unlock(&d->lock);
	return closed;
}

unsigned directory_guests(struct directory *d)
{
	unsigned n = 0;

	pthread_mutex_lock(&d->lock);
	for (const struct list *it = d->guests.next; it != &d->guests; it = it->next)
		n++;
	pthread_mutex_unlock(&d->lock);
	return n;
}

void directory_forget(struct directory *d, struct directory_entry *e)
{
	pthread_mutex_lock(&d->lock);
	e->is_over = true;
	struct guest *g = find_guest(d, e);
	if (g) {
		list_del(&g->link);
		free(g);
	}
	pthread_mutex_unlock(&d->lock);
}

/* ---- entering and leaving ---- */

static enum directory_result within(const struct directory *d, const struct directory_entry *e,
				    const struct directory_limits *limits)
{
	struct directory_limits n = {0};

	list_for_each (it, &d->entries) {
		const struct directory_entry *o = container_of(it, struct directory_entry, link);
		if (o->target != e->target || o->is_over)
			continue;
		if (same_name(e, o))
			return DIRECTORY_ALONE;
		n.target++;
		n.initiator += !strcmp(o->initiator, e->initiator);
	}
	if (limits->target && n.target >= limits->target)
		return DIRECTORY_TARGET_FULL;
	return limits->initiator && n.initiator >= limits->initiator ? DIRECTORY_INITIATOR_FULL
								     : DIRECTORY_ALONE;
}

enum directory_result directory_enter(struct directory *d, struct directory_entry *e,
				      const struct directory_limits *limits)
{
	bool wait = false;
	pthread_mutex_lock(&d->lock);
	enum directory_result r =
		d->closed && !find_guest(d, e) ? DIRECTORY_CLOSED : within(d, e, limits);
	if (r != DIRECTORY_ALONE) {
		pthread_mutex_unlock(&d->lock);
		return r;
	}
	list_for_each (it, &d->entries) {
		struct directory_entry *other = container_of(it, struct directory_entry, link);
		if (same_name(e, other)) {
			d->end(other->ref);
			other->is_over = true;
			wait = true;
		}
	}
	list_for_each (it, &d->watches) {
		struct directory_watch *w = container_of(it, struct directory_watch, link);
		w->entered += w->target == e->target;
	}
	/* Whoever leaves last changes it, maybe before we are back: not to be read again here. */
	e->waiting = wait;
	e->is_over = false;
	list_add_tail(&d->entries, &e->link);
	pthread_mutex_unlock(&d->lock);
	return wait ? DIRECTORY_WAIT : DIRECTORY_ALONE;
}

void directory_watch(struct directory *d, struct directory_watch *w, const void *target)
{
	w->target = target;
	w->entered = 0;
	pthread_mutex_lock(&d->lock);
	list_add_tail(&d->watches, &w->link);
	pthread_mutex_unlock(&d->lock);
}

unsigned directory_entered(struct directory *d, const struct directory_watch *w)
{
	pthread_mutex_lock(&d->lock);
	unsigned n = w->entered;
	pthread_mutex_unlock(&d->lock);
	return n;
}

void directory_unwatch(struct directory *d, struct directory_watch *w)
{
	pthread_mutex_lock(&d->lock);
	list_del(&w->link);
	pthread_mutex_unlock(&d->lock);
}

unsigned directory_count(struct directory *d, const void *target)
{
	unsigned n = 0;

	pthread_mutex_lock(&d->lock);
	list_for_each (it, &d->entries)
		n += container_of(it, struct directory_entry, link)->target == target;
	pthread_mutex_unlock(&d->lock);
	return n;
}

unsigned directory_count_seeing(struct directory *d, const void *target, unsigned id)
{
	unsigned n = 0;

	pthread_mutex_lock(&d->lock);
	list_for_each (it, &d->entries) {
		const struct directory_entry *e = container_of(it, struct directory_entry, link);
		n += e->target == target && (e->luns[id / 64] >> id % 64 & 1);
	}
	pthread_mutex_unlock(&d->lock);
	return n;
}

void directory_leave(struct directory *d, struct directory_entry *e)
{
	struct directory_entry *left = NULL;
	unsigned n = 0;
	pthread_mutex_lock(&d->lock);
	list_del(&e->link);
	list_for_each (it, &d->entries) {
		struct directory_entry *other = container_of(it, struct directory_entry, link);
		if (same_name(e, other)) {
			left = other;
			n++;
		}
	}
	if (n == 1 && left->waiting) {
		left->waiting = false;
		d->alone(left->ref);
	}
	pthread_mutex_unlock(&d->lock);
}
