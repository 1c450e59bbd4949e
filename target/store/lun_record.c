// SPDX-License-Identifier: MIT
/* lun_record.c - what is kept of a LUN beside its pages, and its first write. */
#include <errno.h>
#include <string.h>

#include "base/fail_point.h"
#include "base/log.h"
#include "store/internal.h"

/* ---- the record ---- */

static uint32_t place_of(const struct store_lun *l)
{
	return l->table.slot + 1;
}

/* Under the lock, which this releases. */
static int put(struct store_lun *l, struct record_lun *to)
{
	struct records *r = &l->store->records;
	uint8_t raw[RECORD_BYTES];

	to->sequence = l->record.sequence + 1;
	record_put_lun(to, place_of(l), raw);
	int rc = records_write(r, place_of(l), raw);
	if (!rc)
		l->record = *to;
	pthread_mutex_unlock(&r->lock);
	return rc;
}

/* A copy to be changed; locks. */
static struct record_lun change(struct store_lun *l)
{
	pthread_mutex_lock(&l->store->records.lock);
	return l->record;
}

int lun_record_state(struct store_lun *l, enum record_state state)
{
	struct record_lun to = change(l);

	/* A LUN that has no record yet is in nobody's way. */
	if (state == RECORD_GOING && to.state == RECORD_FREE)
		to.bytes = l->bytes;
	if (state == RECORD_FREE)
		lun_note_forget(l);
	if (state == RECORD_FREE)
		to = (struct record_lun){0};
	to.state = state;
	return put(l, &to);
}

int lun_record_bytes(struct store_lun *l, uint64_t bytes)
{
	struct record_lun to = change(l);

	to.bytes = bytes;
	return put(l, &to);
}

int lun_record_flag(struct store_lun *l, uint8_t flag)
{
	struct record_lun to = change(l);

	to.flags |= flag;
	return put(l, &to);
}

int lun_record_begin(struct store_lun *l, const struct store_label *label)
{
	struct records *r = &l->store->records;
	uint8_t raw[RECORD_BYTES];
	enum record_is is;
	bool healed;

	if (label && label->n > STORE_LABEL_MAX)
		return -EINVAL;
	int rc = records_reserve(r, place_of(l));
	if (rc)
		return rc;
	struct record_lun to = change(l);
	/* Its sequence number goes on from that of who had the slot. */
	rc = records_read(r, place_of(l), raw, &is, &healed);
	if (rc) {
		pthread_mutex_unlock(&r->lock);
		return rc;
	}
	record_get_lun(raw, place_of(l), &l->record);
	lun_note_forget(l);
	to.state = RECORD_MAKING;
	to.provisioning = l->provisioning;
	to.bytes = l->bytes;
	if (label) {
		to.label_len = (uint32_t)label->n;
		memcpy(to.label, label->p, label->n);
	}
	return put(l, &to);
}

int store_lun_set_label(struct store_lun *l, const void *p, size_t n)
{
	if (n > STORE_LABEL_MAX)
		return -EINVAL;
	struct record_lun to = change(l);

	memset(to.label, 0, sizeof(to.label));
	memcpy(to.label, p, n);
	to.label_len = (uint32_t)n;
	return put(l, &to);
}

size_t store_lun_label(const struct store_lun *l, uint8_t out[static STORE_LABEL_MAX])
{
	pthread_mutex_lock(&l->store->records.lock);
	size_t n = l->record.label_len;
	memcpy(out, l->record.label, n);
	pthread_mutex_unlock(&l->store->records.lock);
	return n;
}

/* ---- the store's ---- */

int store_set_settings(struct store *s, const void *p, size_t n)
{
	struct record_store to = {.settings_len = (uint32_t)n};

	if (n > STORE_SETTINGS_MAX)
		return -EINVAL;
	memcpy(to.settings, p, n);
	return records_write_store(&s->records, &to);
}

size_t store_settings(struct store *s, uint8_t out[static STORE_SETTINGS_MAX])
{
	struct records *r = &s->records;

	pthread_mutex_lock(&r->lock);
	size_t n = r->store.settings_len;
	memcpy(out, r->store.settings, n);
	pthread_mutex_unlock(&r->lock);
	return n;
}

/* ---- the first write ---- */

void store_on_first_write(struct store *s, void (*first)(void *arg, struct store_lun *l), void *arg)
{
	s->first = first;
	s->first_arg = arg;
}

bool lun_first_write(struct store_lun *l)
{
	struct store *s = l->store;

	if (!s->first)
		store_lun_set_used(l);
	else if (!atomic_exchange(&l->asked, true))
		s->first(s->first_arg, l);
	return l->used;
}

/* That it cannot be kept is no reason to refuse data: whoever finds the LUN finds its pages. */
void store_lun_set_used(struct store_lun *l)
{
	struct store *s = l->store;

	if (lun_record_flag(l, RECORD_USED))
		log_error("store: cannot keep the record that a LUN is used");
	FAIL_POINT(USED_RECORD);
	atomic_store_explicit(&l->used, true, memory_order_release);
	pthread_mutex_lock(&s->wake_lock);
	if (l->asked && !s->no_wake)
		retire_wake(&s->retire);
	pthread_mutex_unlock(&s->wake_lock);
}

bool store_lun_used(const struct store_lun *l)
{
	return l->used;
}
