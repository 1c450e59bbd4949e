// SPDX-License-Identifier: MIT
/* directory.c - entering, replacing and leaving. */
#include "iscsi/directory.h"

#include <string.h>

void directory_init(struct directory *d, void (*end)(struct session_ref),
		    void (*alone)(struct session_ref))
{
	memset(d, 0, sizeof(*d));
	pthread_mutex_init(&d->lock, NULL);
	list_init(&d->entries);
	d->tsih_used[0] = 1; /* TSIH 0 means "new session" in a Login Request, 11.12.6 */
	d->end = end;
	d->alone = alone;
}

void directory_free(struct directory *d)
{
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
	return a->target == b->target && !memcmp(a->isid, b->isid, sizeof(a->isid)) &&
	       !strcmp(a->initiator, b->initiator);
}

enum directory_result directory_enter(struct directory *d, struct directory_entry *e)
{
	bool wait = false;
	pthread_mutex_lock(&d->lock);
	list_for_each (it, &d->entries) {
		struct directory_entry *other = container_of(it, struct directory_entry, link);
		if (same_name(e, other)) {
			d->end(other->ref);
			wait = true;
		}
	}
	/* Whoever leaves last changes it, maybe before we are back: not to be read again here. */
	e->waiting = wait;
	list_add_tail(&d->entries, &e->link);
	pthread_mutex_unlock(&d->lock);
	return wait ? DIRECTORY_WAIT : DIRECTORY_ALONE;
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
