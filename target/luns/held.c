// SPDX-License-Identifier: MIT
/* held.c - see luns/held.h. */
#include "luns/held.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "luns/luns.h"
#include "store/store.h"

#define MIB ((uint64_t)1 << 20)

static uint64_t memory_of(const struct luns_held *h)
{
	return store_lun_pages(h->store) * STORE_PAGE_SIZE;
}

/* "iqn... LUN 3", as far as it is known. */
static const char *was(const struct luns_held *h, char *out, size_t n)
{
	if (h->has_label)
		snprintf(out, n, "%s LUN %u", h->label.target, h->label.id);
	else
		snprintf(out, n, "a LUN whose name is lost");
	return out;
}

static void insert(struct luns *l, struct luns_held *h)
{
	struct luns_held **at = &l->held;

	while (*at && (*at)->slot < h->slot)
		at = &(*at)->next;
	h->next = *at;
	*at = h;
}

int luns_held_add(struct luns *l, const struct store_kept *k, const struct luns_label *label,
		  const char *reason, char *why, size_t why_len)
{
	struct luns_held *h = calloc(1, sizeof(*h));
	char name[LUNS_WHY];

	if (!h) {
		snprintf(why, why_len, "out of memory");
		return -ENOMEM;
	}
	int err = store_lun_adopt(l->store, k->slot, &h->store, why, why_len);
	if (err) {
		free(h);
		return err;
	}
	h->slot = k->slot;
	h->has_label = label != NULL;
	/* What is not known may have been used. */
	h->was_used = k->used || k->state == STORE_KEPT_HELD;
	h->why = reason;
	h->label.block_size = 512;
	if (label)
		h->label = *label;
	insert(l, h);
	log_warn("%s is held with %llu MiB of memory, and not served: %s. \"memtgtctl lun export "
		 "held %u FILE\" saves what it has, \"memtgtctl lun delete held %u\" gives it up",
		 was(h, name, sizeof(name)), (unsigned long long)(memory_of(h) / MIB), h->why,
		 h->slot, h->slot);
	return 0;
}

void luns_held_leave(struct luns *l)
{
	while (l->held) {
		struct luns_held *h = l->held;
		l->held = h->next;
		store_lun_leave(h->store);
		free(h);
	}
}

void luns_held_destroy(struct luns *l, bool log_loss)
{
	char name[LUNS_WHY];

	while (l->held) {
		struct luns_held *h = l->held;
		l->held = h->next;
		if (log_loss && memory_of(h) && !h->is_saved)
			log_warn("%s, which was held: %llu bytes of memory, and what was in them, "
				 "are given up",
				 was(h, name, sizeof(name)), (unsigned long long)memory_of(h));
		store_lun_destroy(h->store);
		free(h);
	}
}

static bool is_named(const struct luns_held *h, const char *target, unsigned id)
{
	return h->has_label && h->label.id == id && !strcasecmp(h->label.target, target);
}

bool luns_held_generation(const struct luns *l, const char *target, unsigned id,
			  uint32_t *generation, bool *was_used)
{
	bool found = false;

	for (const struct luns_held *h = l->held; h; h = h->next) {
		if (!is_named(h, target, id))
			continue;
		found = true;
		*was_used |= h->was_used;
		if (h->label.generation > *generation)
			*generation = h->label.generation;
	}
	return found;
}

struct luns_held *luns_held_find(const struct luns *l, const char *target, unsigned id)
{
	const bool by_slot = !strcasecmp(target, LUNS_HELD);
	struct luns_held *found = NULL;

	for (struct luns_held *h = l->held; h; h = h->next) {
		if (by_slot ? h->slot != id : !is_named(h, target, id))
			continue;
		if (found)
			return NULL;
		found = h;
	}
	return found;
}

void luns_held_describe(const struct luns_held *h, struct luns_info *out)
{
	*out = (struct luns_info){
		.id = h->slot,
		.bytes = store_lun_bytes(h->store),
		.block_size = h->label.block_size,
		.is_thin = store_lun_provisioning(h->store) == STORE_THIN,
		.is_read_only = true,
		.is_held = true,
		.is_used = h->was_used,
		.used = memory_of(h),
		.generation = h->label.generation,
	};
	snprintf(out->target, sizeof(out->target), LUNS_HELD);
	snprintf(out->why, sizeof(out->why), "%s", h->why);
	if (!h->has_label)
		return;
	was(h, out->was, sizeof(out->was));
	snprintf(out->serial, sizeof(out->serial), "%s", h->label.serial);
	for (unsigned i = 0; i < sizeof(h->label.naa); i++)
		snprintf(out->naa + (size_t)i * 2, 3, "%02x", h->label.naa[i]);
}

void luns_held_remove(struct luns *l, struct luns_held *h)
{
	char name[LUNS_WHY];

	pthread_mutex_lock(&l->lock);
	for (struct luns_held **at = &l->held; *at; at = &(*at)->next)
		if (*at == h) {
			*at = h->next;
			break;
		}
	pthread_mutex_unlock(&l->lock);
	log_info("%s, which was held: removed, with %llu MiB of memory", was(h, name, sizeof(name)),
		 (unsigned long long)(memory_of(h) / MIB));
	store_lun_destroy(h->store);
	free(h);
}
