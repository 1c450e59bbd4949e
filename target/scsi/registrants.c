// SPDX-License-Identifier: MIT
/* registrants.c - see registrants.h. Clauses are those of SPC-4. */
#include "scsi/registrants.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Places in the parameter list, for field pointers: 6.16.3. */
#define AT_SERVICE_ACTION_KEY 8u
#define AT_FLAGS	      20u
#define AT_MOVE_PORT	      18u
#define AT_TRANSPORT_ID	      24u

struct claims *claims_new(uint32_t room)
{
	struct claims *c = calloc(1, sizeof(*c) + (size_t)room * sizeof(c->at[0]));

	if (c)
		c->room = room;
	return c;
}

struct claims *claims_copy(const struct claims *c, uint32_t more)
{
	struct claims *to = claims_new(c->n + more);

	if (!to)
		return NULL;
	const uint32_t room = to->room;
	*to = *c;
	to->room = room;
	memcpy(to->at, c->at, (size_t)c->n * sizeof(c->at[0]));
	for (uint32_t i = 0; i < to->n; i++)
		to->at[i].tell = 0;
	return to;
}

bool claims_same_port(const struct claim_registrant *r, const struct claim_port *who)
{
	return (r->all_ports || r->port.target_port == who->target_port) &&
	       strcmp(r->port.name, who->name) == 0;
}

uint32_t claims_find(const struct claims *c, const struct claim_port *who)
{
	uint32_t i = 0;

	while (i < c->n && !claims_same_port(&c->at[i], who))
		i++;
	return i;
}

bool claims_holds(const struct claims *c, uint32_t i)
{
	return claims_is_all(c->type) ? i < c->n : c->type != CLAIM_NONE && c->holder == i;
}

bool claims_is_type(unsigned type)
{
	return type == 1 || type == 3 || (type >= 5 && type <= 8);
}

/* 5.12.1, table 65 */
unsigned claims_may(const struct claims *c, const struct claim_port *who)
{
	const uint32_t i = claims_find(c, who);
	const bool shares = claims_is_registrants(c->type) ? i < c->n : claims_holds(c, i);

	if (c->type == CLAIM_NONE || shares)
		return CLAIM_MAY_READ | CLAIM_MAY_WRITE;
	switch (c->type) {
	case CLAIM_WRITE_EXCLUSIVE:
	case CLAIM_WRITE_REGISTRANTS:
	case CLAIM_WRITE_ALL:
		return CLAIM_MAY_READ;
	default:
		return 0;
	}
}

/* ---- steps of actions ---- */

static struct scsi_result conflict(void)
{
	return scsi_fail(SENSE_RESERVATION_CONFLICT);
}

static void add(struct claims *c, const struct claim_port *port, uint16_t target_port, bool all,
		uint64_t key)
{
	assert(c->n < c->room);
	struct claim_registrant *r = &c->at[c->n++];

	*r = (struct claim_registrant){.key = key, .all_ports = all, .port = *port};
	r->port.target_port = target_port;
}

/* The others keep their order. The reservation is the caller's to look after, before. */
static void drop(struct claims *c, uint32_t i)
{
	c->n--;
	memmove(&c->at[i], &c->at[i + 1], (size_t)(c->n - i) * sizeof(c->at[0]));
	if (c->holder > i)
		c->holder--;
}

/* All registrants of the old state but one (`me`; now->n: but none). */
static void tell_others(struct claims *now, uint32_t me, uint8_t what)
{
	for (uint32_t i = 0; i < now->n; i++)
		if (i != me)
			now->at[i].tell |= what;
}

static void release(struct claims *c)
{
	c->type = CLAIM_NONE;
	c->holder = 0;
}

static void hold(struct claims *c, unsigned type, uint32_t who)
{
	c->type = (enum claim_type)type;
	c->holder = claims_is_all(c->type) ? 0 : who;
}

/* 5.12.11.2.3: the reservation goes with its holder, or with the last registrant. */
static void unregister(struct claims *now, uint32_t me, struct claims *next)
{
	const bool ends = claims_is_all(now->type) ? now->n == 1 : claims_holds(now, me);

	if (ends && claims_is_registrants(now->type))
		tell_others(now, me, CLAIM_TELL_RESERVATIONS_RELEASED);
	if (ends)
		release(next);
	drop(next, me);
}

/* ---- REGISTER, REGISTER AND IGNORE EXISTING KEY: 5.12.7 ---- */

static struct scsi_result enrol(const struct claims *now, const struct claim_port *who,
				const struct claim_request *req, uint32_t max, struct claims *next)
{
	/* All of them, or nobody. */
	if ((uint64_t)now->n + 1 + req->nports > max)
		return scsi_fail(SENSE_REGISTRATION_ROOM);
	add(next, who, who->target_port, req->all_tg_pt, req->new_key);
	for (unsigned i = 0; i < req->nports; i++) {
		struct claim_port p = req->ports[i];

		p.target_port = who->target_port;
		const uint32_t at = claims_find(next, &p);
		/* Itself, or one that the list has twice, is no other one. */
		if (at < next->n)
			return at < now->n ? conflict() : scsi_bad_list(AT_TRANSPORT_ID);
		add(next, &p, who->target_port, req->all_tg_pt, req->new_key);
	}
	return scsi_ok();
}

static struct scsi_result enter(struct claims *now, const struct claim_port *who,
				const struct claim_request *req, uint32_t max, struct claims *next,
				bool *same)
{
	const uint32_t me = claims_find(now, who);
	const bool ignores = req->action == CLAIM_REGISTER_IGNORE;
	struct scsi_result r = scsi_ok();

	if (!ignores && req->key != (me < now->n ? now->at[me].key : 0))
		return conflict();
	if (req->spec_i_pt && (ignores || me < now->n))
		return scsi_bad_list(AT_FLAGS);
	/* 5.12.7, "do nothing except return GOOD": APTPL counts no more than the rest of it. */
	*same = me == now->n && !req->new_key;
	if (*same)
		return r;
	next->aptpl = req->aptpl;
	next->generation++;
	if (me == now->n)
		return enrol(now, who, req, max, next);
	if (req->new_key)
		next->at[me].key = req->new_key;
	else
		unregister(now, me, next);
	return r;
}

/* ---- RESERVE, RELEASE, CLEAR: 5.12.9, 5.12.11.2.2, 5.12.11.2.6 ---- */

static struct scsi_result reserve(const struct claims *now, uint32_t me,
				  const struct claim_request *req, struct claims *next, bool *same)
{
	if (req->scope || !claims_is_type(req->type))
		return req->scope ? scsi_bad_bit(2, 7) : scsi_bad_bit(2, 3);
	if (now->type != CLAIM_NONE) {
		*same = true;
		return claims_holds(now, me) && now->type == (enum claim_type)req->type
			       ? scsi_ok()
			       : conflict();
	}
	hold(next, req->type, me);
	return scsi_ok();
}

static struct scsi_result give_back(struct claims *now, uint32_t me,
				    const struct claim_request *req, struct claims *next,
				    bool *same)
{
	if (!claims_holds(now, me)) {
		*same = true;
		return scsi_ok();
	}
	if (req->scope || (enum claim_type)req->type != now->type)
		return scsi_fail(SENSE_BAD_RELEASE);
	if (claims_is_registrants(now->type))
		tell_others(now, me, CLAIM_TELL_RESERVATIONS_RELEASED);
	release(next);
	return scsi_ok();
}

static void clear(struct claims *now, uint32_t me, struct claims *next)
{
	tell_others(now, me, CLAIM_TELL_RESERVATIONS_PREEMPTED);
	release(next);
	next->n = 0;
	next->generation++;
}

void claims_clear(struct claims *now, struct claims *next)
{
	clear(now, now->n, next);
}

/* ---- PREEMPT, PREEMPT AND ABORT: 5.12.11.2.4 to 5.12.11.2.7 ---- */

/* Takes out whom the key names (0: everybody), or spares me. How many. */
static uint32_t expel(struct claims *now, uint32_t me, const struct claim_request *req, bool spares,
		      struct claims *next)
{
	const uint8_t what = req->action == CLAIM_PREEMPT_ABORT
				     ? CLAIM_TELL_REGISTRATIONS_PREEMPTED | CLAIM_TELL_ABORT
				     : CLAIM_TELL_REGISTRATIONS_PREEMPTED;
	uint32_t found = 0;

	for (uint32_t i = now->n; i-- > 0;) {
		if (req->new_key && now->at[i].key != req->new_key)
			continue;
		found++;
		if (i == me && spares)
			continue;
		/* 5.12.11.2.5: who does it to himself is not told. */
		now->at[i].tell |= i == me ? what & CLAIM_TELL_ABORT : what;
		drop(next, i);
	}
	return found;
}

/* The reservation becomes mine, of the type that the CDB tells. */
static struct scsi_result take_over(struct claims *now, uint32_t me, const struct claim_port *who,
				    const struct claim_request *req, struct claims *next)
{
	if (req->scope || !claims_is_type(req->type))
		return req->scope ? scsi_bad_bit(2, 7) : scsi_bad_bit(2, 3);
	release(next);
	expel(now, me, req, true, next);
	hold(next, req->type, claims_find(next, who));
	next->generation++;
	if (next->type == now->type)
		return scsi_ok();
	for (uint32_t i = 0; i < now->n; i++)
		if (i != me && !now->at[i].tell)
			now->at[i].tell = CLAIM_TELL_RESERVATIONS_RELEASED;
	return scsi_ok();
}

/* Registrations go, and the reservation only with the last registrant of the types *_ALL. */
static struct scsi_result remove_keys(struct claims *now, uint32_t me,
				      const struct claim_request *req, struct claims *next)
{
	if (!req->new_key)
		return scsi_bad_list(AT_SERVICE_ACTION_KEY);
	if (!expel(now, me, req, false, next))
		return conflict();
	if (claims_is_all(next->type) && !next->n)
		release(next);
	next->generation++;
	return scsi_ok();
}

static struct scsi_result preempt(struct claims *now, uint32_t me, const struct claim_port *who,
				  const struct claim_request *req, struct claims *next)
{
	const bool takes = claims_is_all(now->type)
				   ? !req->new_key
				   : now->type != CLAIM_NONE && req->new_key &&
					     now->at[now->holder].key == req->new_key;

	return takes ? take_over(now, me, who, req, next) : remove_keys(now, me, req, next);
}

/* ---- REGISTER AND MOVE: 5.12.8 ---- */

static bool is_target_port(const struct claim_port *who, const struct claim_request *req)
{
	return req->move_port == who->target_port ||
	       (req->move_port < 64 && req->target_ports >> req->move_port & 1);
}

static struct scsi_result move(const struct claims *now, uint32_t me, const struct claim_port *who,
			       const struct claim_request *req, uint32_t max, struct claims *next)
{
	if (claims_is_all(now->type) || !claims_holds(now, me))
		return conflict();
	if (!req->new_key)
		return scsi_bad_list(AT_SERVICE_ACTION_KEY);
	if (!is_target_port(who, req))
		return scsi_bad_list(AT_MOVE_PORT);
	struct claim_port to = req->ports[0];

	to.target_port = req->move_port;
	uint32_t at = claims_find(now, &to);
	if (at == me)
		return scsi_bad_list(AT_TRANSPORT_ID);
	if (at < now->n)
		next->at[at].key = req->new_key;
	else if (now->n >= max)
		return scsi_fail(SENSE_REGISTRATION_ROOM);
	else
		add(next, &to, req->move_port, false, req->new_key);
	next->holder = at;
	next->aptpl = req->aptpl;
	next->generation++;
	if (req->unregister)
		drop(next, me);
	return scsi_ok();
}

/* ---- */

struct scsi_result claims_apply(struct claims *now, const struct claim_port *who,
				const struct claim_request *req, uint32_t max, struct claims *next,
				bool *same)
{
	const uint32_t me = claims_find(now, who);

	*same = false;
	if (req->action == CLAIM_REGISTER || req->action == CLAIM_REGISTER_IGNORE)
		return enter(now, who, req, max, next, same);
	/* Table 67: who has not registered, or has another key, may do nothing else. */
	if (me == now->n || now->at[me].key != req->key)
		return conflict();
	if (req->spec_i_pt)
		return scsi_bad_list(AT_FLAGS);
	switch (req->action) {
	case CLAIM_RESERVE:
		return reserve(now, me, req, next, same);
	case CLAIM_RELEASE:
		return give_back(now, me, req, next, same);
	case CLAIM_CLEAR:
		clear(now, me, next);
		return scsi_ok();
	case CLAIM_REGISTER_MOVE:
		return move(now, me, who, req, max, next);
	default:
		return preempt(now, me, who, req, next);
	}
}
