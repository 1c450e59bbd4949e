// SPDX-License-Identifier: MIT
/* reserve.c - see reserve.h. */
#include "scsi/reserve.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "scsi/op.h"
#include "scsi/scsi.h"

/* Beside CLAIM_MAY_*: what a nexus may do. */
#define MAY_PROBE 0x04u /* nobody else has it by RESERVE */
#define SCRUBS	  0x08u

static struct claims nobody;

/* The persistent state, which is never NULL. Under the lock. */
static struct claims *claims_of(struct scsi_reserve *r)
{
	return r->claims ? r->claims : &nobody;
}

static struct claim_port port_of(const struct scsi_nexus *n)
{
	struct claim_port p = {.target_port = n->port_group};

	memcpy(p.name, n->port_name, strnlen(n->port_name, SCSI_PORT_NAME_MAX));
	return p;
}

/* Under the lock: what nexuses remember counts no more. */
static void changed(struct scsi_reserve *r)
{
	static _Atomic uint64_t changes;
	const struct claims *c = claims_of(r);
	const bool keeps_out = c->type != CLAIM_NONE || c->scrubs || c->lost || r->holder;

	atomic_store(&r->change, keeps_out ? atomic_fetch_add(&changes, 1) + 1 : 0);
}

/* ---- who may use it ---- */

static uint8_t look(struct scsi_lu *lu, const struct scsi_nexus *n, uint64_t *change)
{
	struct scsi_reserve *r = &lu->reserve;
	const struct claim_port who = port_of(n);

	pthread_mutex_lock(&r->lock);
	const struct claims *c = claims_of(r);
	uint8_t may = (uint8_t)((c->lost ? 0 : claims_may(c, &who)) | MAY_PROBE |
				(c->scrubs ? SCRUBS : 0));
	if (r->holder && r->holder != n)
		may = 0;
	*change = atomic_load(&r->change);
	pthread_mutex_unlock(&r->lock);
	return may;
}

static uint8_t may_of(struct scsi_nexus *n, struct scsi_lu *lu, uint64_t change)
{
	struct reserve_known *k = &n->reserve[lu->id % RESERVE_KNOWN];

	if (k->change != change)
		k->may = look(lu, n, &k->change);
	return k->may;
}

/* SPC-4 table 66, SBC-3 table 13; SPC-2 table 9. */
enum scsi_outcome scsi_reserved(struct scsi_task *t)
{
	const uint64_t change = atomic_load_explicit(&t->lu->reserve.change, memory_order_acquire);
	const unsigned flags = t->op->flags;

	if (!change || flags & (SCSI_OP_ALWAYS | SCSI_OP_RESERVE_FREE))
		return SENSE_OK;
	const uint8_t may = may_of(t->nexus, t->lu, change);
	const uint8_t needs = flags & SCSI_OP_RESERVE_PROBE  ? MAY_PROBE
			      : flags & SCSI_OP_RESERVE_READ ? CLAIM_MAY_READ
							     : CLAIM_MAY_WRITE;
	if (!(may & needs))
		return SENSE_RESERVATION_CONFLICT;
	return may & SCRUBS && needs != MAY_PROBE ? SENSE_BUSY : SENSE_OK;
}

/* ---- what they are told ---- */

static enum scsi_fence_verdict tell(const struct scsi_fence *f, struct scsi_nexus *n)
{
	static const struct {
		uint8_t bit;
		enum scsi_attention a;
	} told[] = {
		{CLAIM_TELL_RESERVATIONS_PREEMPTED, SCSI_UA_RESERVATIONS_PREEMPTED},
		{CLAIM_TELL_RESERVATIONS_RELEASED, SCSI_UA_RESERVATIONS_RELEASED},
		{CLAIM_TELL_REGISTRATIONS_PREEMPTED, SCSI_UA_REGISTRATIONS_PREEMPTED},
	};
	const struct claims *before = f->arg;
	const struct claim_port who = port_of(n);
	const uint32_t i = claims_find(before, &who);

	if (i == before->n)
		return FENCE_CHECK;
	for (size_t k = 0; k < sizeof(told) / sizeof(told[0]); k++)
		if (before->at[i].tell & told[k].bit)
			scsi_attention_raise(n, f->id, told[k].a);
	return before->at[i].tell & CLAIM_TELL_ABORT ? FENCE_ABORT : FENCE_CHECK;
}

/* ---- fences under way ---- */

/* A fence may outlive its LU, so the count is a piece of memory that the last one frees. */
static void leave(_Atomic unsigned *under_way)
{
	if (under_way && atomic_fetch_sub(under_way, 1) == 1)
		free(under_way);
}

static void release(struct scsi_fence *f)
{
	free(f->arg);
	leave(f->under_way);
}

/* There is a count for a fence to join. Under the lock. */
static bool countable(struct scsi_reserve *r)
{
	if (!r->under_way) {
		r->under_way = malloc(sizeof(*r->under_way));
		if (r->under_way)
			atomic_init(r->under_way, 1);
	}
	return r->under_way;
}

/* Of a change that was made just now, and is countable: until its release() others wait for it.
 * Under the lock. */
static void fence_change(const struct scsi_target *target, struct scsi_lu *lu,
			 enum scsi_fence_verdict (*what)(const struct scsi_fence *,
							 struct scsi_nexus *),
			 struct claims *before, struct scsi_fence *f)
{
	atomic_fetch_add(lu->reserve.under_way, 1);
	*f = (struct scsi_fence){.target = target,
				 .lu = lu,
				 .id = lu->id,
				 .tell = what,
				 .arg = before,
				 .under_way = lu->reserve.under_way,
				 .release = release};
}

/* Under the lock, with the state that is spoken of. */
static bool all_told(const struct scsi_reserve *r)
{
	return !r->under_way || atomic_load(r->under_way) == 1;
}

/*
 * An answer that changes nothing, and speaks of a state that others may not know of yet, waits for
 * them as the change itself does: each reactor ends what is not allowed any more. Under the lock.
 */
static void fence_answer(const struct scsi_nexus *n, struct scsi_lu *lu, struct scsi_fence *f)
{
	if (!f->tell && !all_told(&lu->reserve))
		scsi_fence_answer(n->target, lu, f);
}

void scsi_fence_answer(const struct scsi_target *target, const struct scsi_lu *lu,
		       struct scsi_fence *f)
{
	*f = (struct scsi_fence){
		.target = target, .lu = lu, .id = lu->id, .tell = scsi_fence_checks};
}

/* ---- PERSISTENT RESERVE OUT ---- */

/* The next state counts; f tells of it, and has the old one. False: it cannot be kept, and is
 * freed. Under the lock. */
static bool put(const struct scsi_target *target, struct scsi_lu *lu, struct claims *now,
		struct claims *next, struct scsi_fence *f)
{
	struct scsi_reserve *r = &lu->reserve;

	next->scrubs = next->scrubs || (r->scrub && (now->n || now->lost) && !next->n);
	if (r->on_change && r->on_change(lu, next)) {
		free(next);
		return false;
	}
	r->claims = next;
	changed(r);
	if (next->scrubs && r->on_scrub)
		r->on_scrub(lu);
	fence_change(target, lu, tell, now, f);
	return true;
}

/* The old state, as it will be the fence's: a copy if it is nobody's. NULL: no memory for it, or
 * for the fence. Under the lock. */
static struct claims *begin(struct scsi_reserve *r)
{
	if (!r->claims)
		r->claims = claims_new(0);
	for (uint32_t i = 0; r->claims && i < r->claims->n; i++)
		r->claims->at[i].tell = 0;
	return countable(r) ? r->claims : NULL;
}

/* Under the lock. */
static struct scsi_result apply(struct scsi_lu *lu, const struct scsi_nexus *n,
				const struct claim_request *req, struct scsi_fence *f)
{
	struct scsi_reserve *r = &lu->reserve;
	const struct claim_port who = port_of(n);
	bool same = false;

	/* SPC-2 5.5.1: not while it is reserved by the other way, whoever has it. */
	if (r->holder || claims_of(r)->lost)
		return scsi_fail(SENSE_RESERVATION_CONFLICT);
	struct claims *now = begin(r);
	struct claims *next = now ? claims_copy(now, req->nports + 1) : NULL;
	if (!next)
		return scsi_fail(SENSE_BUSY);
	if (now->scrubs) {
		free(next);
		return scsi_fail(SENSE_BUSY);
	}
	struct scsi_result o = claims_apply(
		now, &who, req, r->max ? r->max : SCSI_REGISTRANTS_DEFAULT, next, &same);
	if (o.outcome != SENSE_OK || same) {
		free(next);
		return o;
	}
	return put(n->target, lu, now, next, f) ? o : scsi_fail(SENSE_BUSY);
}

struct scsi_result scsi_claims_change(struct scsi_lu *lu, const struct scsi_nexus *n,
				      const struct claim_request *req, struct scsi_fence *f)
{
	pthread_mutex_lock(&lu->reserve.lock);
	const struct scsi_result o = apply(lu, n, req, f);
	fence_answer(n, lu, f);
	pthread_mutex_unlock(&lu->reserve.lock);
	return o;
}

int scsi_claims_clear(const struct scsi_target *t, struct scsi_lu *lu, struct scsi_fence *f)
{
	struct scsi_reserve *r = &lu->reserve;
	int rc = 0;

	pthread_mutex_lock(&r->lock);
	const bool has = claims_of(r)->n || claims_of(r)->lost;
	struct claims *now = has ? begin(r) : NULL;
	struct claims *next = now ? claims_copy(now, 0) : NULL;
	if (has && !next)
		rc = -ENOMEM;
	if (next) {
		claims_clear(now, next);
		next->lost = false;
		rc = put(t, lu, now, next, f) ? 0 : -ENOMEM;
	}
	pthread_mutex_unlock(&r->lock);
	return rc;
}

/* ---- RESERVE, RELEASE ---- */

/*
 * SPC-4 5.12.3 (CRH): to those whom the persistent reservation lets in both say GOOD and do
 * nothing, so that old and new programs of one host go along. With any other registration there
 * they are a conflict. False: there is none.
 */
static bool by_claims(struct scsi_reserve *r, const struct scsi_nexus *n, struct scsi_result *out)
{
	const struct claims *c = claims_of(r);
	const struct claim_port who = port_of(n);
	const uint32_t i = claims_find(c, &who);
	const bool lets_in = i < c->n && (claims_holds(c, i) || claims_is_registrants(c->type));

	*out = scsi_fail(c->scrubs ? SENSE_BUSY : lets_in ? SENSE_OK : SENSE_RESERVATION_CONFLICT);
	return c->n || c->scrubs || c->lost;
}

struct scsi_result scsi_reserve(struct scsi_lu *lu, const struct scsi_nexus *n,
				struct scsi_fence *f)
{
	struct scsi_reserve *r = &lu->reserve;
	struct scsi_result o = scsi_ok();

	pthread_mutex_lock(&r->lock);
	if (!by_claims(r, n, &o)) {
		o = r->holder && r->holder != n ? scsi_fail(SENSE_RESERVATION_CONFLICT) : scsi_ok();
		if (!r->holder && countable(r)) {
			r->holder = n;
			changed(r);
			fence_change(n->target, lu, scsi_fence_checks, NULL, f);
		} else if (!r->holder) {
			o = scsi_fail(SENSE_BUSY);
		}
	}
	fence_answer(n, lu, f);
	pthread_mutex_unlock(&r->lock);
	return o;
}

/* SPC-2 7.18: from anybody else it is GOOD and does nothing. Nobody waits for it. */
struct scsi_result scsi_release(struct scsi_lu *lu, const struct scsi_nexus *n,
				struct scsi_fence *f)
{
	struct scsi_reserve *r = &lu->reserve;
	struct scsi_result o = scsi_ok();

	pthread_mutex_lock(&r->lock);
	if (!by_claims(r, n, &o)) {
		o = scsi_ok();
		if (r->holder == n) {
			r->holder = NULL;
			changed(r);
			*f = (struct scsi_fence){.target = n->target,
						 .lu = lu,
						 .id = lu->id,
						 .tell = scsi_fence_checks};
		}
	}
	pthread_mutex_unlock(&r->lock);
	return o;
}

/* `n` NULL: whoever has it. */
static void drop_holder(struct scsi_lu *lu, const struct scsi_nexus *n)
{
	struct scsi_reserve *r = &lu->reserve;

	if (!atomic_load(&r->change))
		return;
	pthread_mutex_lock(&r->lock);
	if (r->holder && (!n || r->holder == n)) {
		r->holder = NULL;
		changed(r);
	}
	pthread_mutex_unlock(&r->lock);
}

void scsi_reserve_nexus_ends(const struct scsi_nexus *n)
{
	for (unsigned i = 0; i < SCSI_LUNS_MAX; i++) {
		struct scsi_lu *lu = atomic_load(&n->target->by_id[i]);
		if (lu)
			drop_holder(lu, n);
	}
}

void scsi_reserve_reset(const struct scsi_target *t, unsigned id)
{
	for (unsigned i = 0; i < SCSI_LUNS_MAX; i++) {
		struct scsi_lu *lu = atomic_load(&t->by_id[i]);
		if (lu && (id == SCSI_LUN_ALL || id == i))
			drop_holder(lu, NULL);
	}
}

/* ---- from outside ---- */

struct claims *scsi_claims_get(struct scsi_lu *lu, bool *told)
{
	pthread_mutex_lock(&lu->reserve.lock);
	struct claims *c = claims_copy(claims_of(&lu->reserve), 0);
	if (told)
		*told = all_told(&lu->reserve);
	pthread_mutex_unlock(&lu->reserve.lock);
	return c;
}

void scsi_claims_set(struct scsi_lu *lu, struct claims *c)
{
	lu->reserve.claims = c;
	changed(&lu->reserve);
}

bool scsi_scrubs(struct scsi_lu *lu)
{
	pthread_mutex_lock(&lu->reserve.lock);
	const bool scrubs = claims_of(&lu->reserve)->scrubs;
	pthread_mutex_unlock(&lu->reserve.lock);
	return scrubs;
}

int scsi_scrubbed(struct scsi_lu *lu)
{
	struct scsi_reserve *r = &lu->reserve;
	int rc = 0;

	pthread_mutex_lock(&r->lock);
	if (r->claims && r->claims->scrubs) {
		r->claims->scrubs = false;
		rc = r->on_change ? r->on_change(lu, r->claims) : 0;
		r->claims->scrubs = rc != 0;
		if (!rc)
			changed(r);
	}
	pthread_mutex_unlock(&r->lock);
	return rc;
}

enum scsi_fence_verdict scsi_fence_checks(const struct scsi_fence *f, struct scsi_nexus *n)
{
	(void)f;
	(void)n;
	return FENCE_CHECK;
}

void scsi_reserve_free(struct scsi_lu *lu)
{
	free(lu->reserve.claims);
	lu->reserve.claims = NULL;
	leave(lu->reserve.under_way);
	lu->reserve.under_way = NULL;
}
