// SPDX-License-Identifier: MIT
/* stripe.c - see stripe.h. */
#include "scsi/stripe.h"

#include <assert.h>

#include "base/clock.h"
#include "scsi/scsi.h"

_Static_assert(STRIPES <= 32, "stripe_hold.taken");

static uint64_t bit_of(unsigned id)
{
	return (uint64_t)1 << id % 64;
}

static enum sharing_state state_of(const struct scsi_lu *lu)
{
	return atomic_load_explicit(&lu->sharing.state, memory_order_acquire);
}

static void set_state(struct scsi_sharing *s, enum sharing_state to)
{
	atomic_store_explicit(&s->state, to, memory_order_release);
}

/* Under the lock. All who look after this turn of theirs see it. */
static void begin(struct scsi_sharing *s, struct store_reader *r)
{
	set_state(s, SHARING_SOON);
	s->since = store_point_set(r);
}

/* Under the lock. */
static void join(struct scsi_nexus *n, struct scsi_lu *lu, struct store_reader *r)
{
	struct scsi_sharing *s = &lu->sharing;

	n->uses[lu->id / 64] |= bit_of(lu->id);
	if (++s->users > 1 && s->state == SHARING_NOT)
		begin(s, r);
}

/* Under the lock: is SOON over? In this order: what was sent before is counted when all have passed
 * the point. True: they have. */
static bool settle(struct scsi_sharing *s, const struct store_reader *r)
{
	const bool passed = s->state != SHARING_SOON || store_point_passed(r, s->since);

	if (passed && s->state == SHARING_SOON &&
	    !atomic_load_explicit(&s->unsent, memory_order_acquire))
		set_state(s, s->users > 1 ? SHARING_NOW : SHARING_NOT);
	return passed;
}

/* Of a nexus that has not settled: may it touch the medium? `passed`: all threads know of it. */
static bool enter(struct scsi_task *t, enum stripe_use use, bool *passed)
{
	struct scsi_nexus *n = t->nexus;
	struct scsi_lu *lu = t->lu;
	struct scsi_sharing *s = &lu->sharing;
	struct store_reader *r = t->worker->reader;

	pthread_mutex_lock(&s->lock);
	if (!scsi_lun_bit(n->uses, lu->id))
		join(n, lu, r);
	*passed = settle(s, r);
	const bool settled = s->state != SHARING_SOON;
	pthread_mutex_unlock(&s->lock);
	if (settled)
		n->settled[lu->id / 64] |= bit_of(lu->id);
	return settled || (*passed && use == STRIPE_READ);
}

static bool may_touch(struct scsi_task *t, enum stripe_use use, struct scsi_result *r)
{
	bool passed;

	if (scsi_lun_bit(t->nexus->settled, t->lu->id))
		return true;
	if (enter(t, use, &passed)) {
		t->waits_since = 0;
		return true;
	}
	const uint64_t now = clock_now();

	t->starved = passed; /* the rest takes longer than a turn: the store will call */
	if (!t->waits_since)
		t->waits_since = now;
	if (now - t->waits_since > SHARING_WAIT_S * NS_PER_S)
		*r = scsi_fail(SENSE_BUSY);
	return false;
}

static uint32_t stripes_of(uint64_t off, uint64_t len)
{
	const uint64_t last = (off + len - 1) >> STORE_PAGE_SHIFT;
	uint32_t bits = 0;

	for (uint64_t page = off >> STORE_PAGE_SHIFT; page <= last; page++)
		bits |= (uint32_t)1 << page % STRIPES;
	return bits;
}

static void take(struct scsi_sharing *s, uint32_t which, struct stripe_hold *h)
{
	h->of = s;
	h->taken = which;
	for (; which; which &= which - 1)
		pthread_mutex_lock(&s->stripes[__builtin_ctz(which)].lock);
}

uint64_t stripe_take(struct scsi_task *t, enum stripe_use use, uint64_t off, uint64_t len,
		     struct stripe_hold *h, struct scsi_result *r)
{
	h->of = NULL;
	if (!may_touch(t, use, r))
		return 0;
	if (!stripe_is_shared(t->lu))
		return len;
	/* From the border of a page on, so that one that is whole is not cut in two. */
	const uint64_t most = STRIPE_SPAN - (off & (STORE_PAGE_SIZE - 1));
	const uint64_t n = len < most ? len : most;

	take(&t->lu->sharing, stripes_of(off, n), h);
	return n;
}

void stripe_drop(struct stripe_hold *h)
{
	if (!h->of)
		return;
	for (uint32_t left = h->taken; left; left &= left - 1)
		pthread_mutex_unlock(&h->of->stripes[__builtin_ctz(left)].lock);
	h->of = NULL;
}

bool stripe_may_read(struct scsi_task *t, struct scsi_result *r)
{
	return may_touch(t, STRIPE_READ, r);
}

bool stripe_is_shared(const struct scsi_lu *lu)
{
	return state_of(lu) != SHARING_NOT;
}

/* ---- what is sent in place ---- */

void stripe_sends(struct scsi_nexus *n, struct scsi_lu *lu)
{
	if (scsi_lun_bit(n->sends, lu->id))
		return;
	n->sends[lu->id / 64] |= bit_of(lu->id);
	atomic_fetch_add_explicit(&lu->sharing.unsent, 1, memory_order_relaxed);
}

/* The LU that the bit is of: before another takes its place all nexuses have forgotten it. */
static struct scsi_lu *lu_of(const struct scsi_nexus *n, const uint64_t *bits, unsigned id)
{
	return scsi_lun_bit(bits, id) ? atomic_load(&n->target->by_id[id]) : NULL;
}

static void sent(struct scsi_lu *lu, const struct store_reader *r)
{
	struct scsi_sharing *s = &lu->sharing;

	atomic_fetch_sub_explicit(&s->unsent, 1, memory_order_release);
	if (stripe_is_shared(lu))
		store_wake(r);
}

void stripe_sent(struct scsi_nexus *n, struct scsi_worker *w)
{
	for (unsigned word = 0; word < SCSI_LUNS_MAX / 64; word++)
		while (n->sends[word]) {
			const unsigned id = word * 64 + (unsigned)__builtin_ctzll(n->sends[word]);
			struct scsi_lu *lu = lu_of(n, n->sends, id);

			n->sends[word] &= ~bit_of(id);
			if (lu)
				sent(lu, w->reader);
		}
}

bool stripe_waits_for(const struct scsi_nexus *n)
{
	for (unsigned id = 0; id < SCSI_LUNS_MAX; id++) {
		const struct scsi_lu *lu = lu_of(n, n->sends, id);

		if (lu && state_of(lu) == SHARING_SOON)
			return true;
	}
	return false;
}

void stripe_tick(const struct scsi_nexus *n, const struct scsi_worker *w)
{
	for (unsigned id = 0; id < SCSI_LUNS_MAX; id++) {
		struct scsi_lu *lu = lu_of(n, n->uses, id);

		if (!lu || state_of(lu) != SHARING_SOON)
			continue;
		pthread_mutex_lock(&lu->sharing.lock);
		(void)settle(&lu->sharing, w->reader);
		pthread_mutex_unlock(&lu->sharing.lock);
	}
}

/* ---- the end ---- */

static void leave(struct scsi_lu *lu, struct store_reader *r, bool unsent)
{
	struct scsi_sharing *s = &lu->sharing;

	pthread_mutex_lock(&s->lock);
	assert(s->users);
	s->users--;
	if (s->state == SHARING_NOT && unsent)
		begin(s, r); /* who comes next waits until that is gone */
	else if (s->state == SHARING_NOW && s->users <= 1)
		set_state(s, SHARING_NOT);
	pthread_mutex_unlock(&s->lock);
}

void stripe_leave(struct scsi_nexus *n, struct scsi_worker *w)
{
	for (unsigned id = 0; id < SCSI_LUNS_MAX; id++) {
		struct scsi_lu *lu = lu_of(n, n->uses, id);

		if (lu)
			leave(lu, w->reader, scsi_lun_bit(n->sends, id));
		n->uses[id / 64] &= ~bit_of(id);
		n->settled[id / 64] &= ~bit_of(id);
	}
}

void stripe_forget(struct scsi_nexus *n, unsigned id)
{
	n->uses[id / 64] &= ~bit_of(id);
	n->settled[id / 64] &= ~bit_of(id);
	n->sends[id / 64] &= ~bit_of(id);
}
