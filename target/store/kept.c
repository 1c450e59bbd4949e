// SPDX-License-Identifier: MIT
/* kept.c - LUNs that an earlier process left: who they are, and their new owner. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/internal.h"
#include "store/slice.h"

enum store_kept_state store_lun_state(const struct store_lun *l)
{
	if (l->held)
		return STORE_KEPT_HELD;
	return l->lost ? STORE_KEPT_READ_ONLY : STORE_KEPT_WHOLE;
}

static void describe(const struct store_lun *l, struct store_kept *k)
{
	*k = (struct store_kept){.slot = l->table.slot,
				 .state = store_lun_state(l),
				 .bytes = l->bytes,
				 .pages = l->pages,
				 .provisioning = l->provisioning,
				 .used = l->used,
				 .label_len = l->record.label_len};
	memcpy(k->label, l->record.label, k->label_len);
}

int store_kept_list(struct store *s, struct store_kept **out, size_t *n)
{
	struct records *r = &s->records;
	int rc = 0;

	*out = NULL;
	*n = 0;
	pthread_mutex_lock(&r->lock);
	for (unsigned i = 0; s->kept && i < TABLES_MAX; i++)
		*n += s->kept[i] != NULL;
	if (*n) {
		*out = calloc(*n, sizeof(**out));
		rc = *out ? 0 : -ENOMEM;
	}
	for (size_t i = 0, at = 0; *out && at < *n; i++)
		if (s->kept[i])
			describe(s->kept[i], *out + at++);
	pthread_mutex_unlock(&r->lock);
	return rc;
}

int store_lun_adopt(struct store *s, unsigned slot, struct store_lun **out, char *why,
		    size_t why_len)
{
	struct records *r = &s->records;
	struct store_lun *l = NULL;

	pthread_mutex_lock(&r->lock);
	if (s->kept && slot < TABLES_MAX) {
		l = s->kept[slot];
		s->kept[slot] = NULL;
	}
	pthread_mutex_unlock(&r->lock);
	if (!l) {
		snprintf(why, why_len, "no kept LUN has table %u", slot);
		return -ENOENT;
	}
	s->luns++;
	*out = l;
	return 0;
}

int store_lun_offer(struct store_lun *l)
{
	struct store *s = l->store;
	struct records *r = &s->records;

	pthread_mutex_lock(&r->lock);
	if (!s->kept)
		s->kept = calloc(TABLES_MAX, sizeof(struct store_lun *));
	bool is_there = s->kept != NULL;
	if (is_there)
		s->kept[l->table.slot] = l;
	pthread_mutex_unlock(&r->lock);
	if (!is_there)
		return -ENOMEM;
	s->luns--;
	return 0;
}
