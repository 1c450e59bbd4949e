// SPDX-License-Identifier: MIT
/* claim.c - the protocol of claims: a table of states. */
#include "initiator-tools/host/claim.h"

#include <assert.h>
#include <string.h>

#include <openssl/evp.h>

#include "memtgt/wire.h"

/* How often a registration that somebody cleared is made again. */
#define ENTRIES_MAX 3

enum state {
	LOOK,	    /* before anything is done */
	ENTER,	    /* register */
	CONTEST,    /* who else is there? */
	PAUSE,	    /* then look again */
	TAKE_AGAIN, /* register with what is ours already */
	RESERVE,
	WITHDRAW_OLD, /* what earlier sessions of ours registered */
	WITHDRAW,
	BACK_LOOK,  /* the return: is anything ours? */
	BACK_ENTER, /* CLEAR is for those who are registered */
	BACK_SEE,   /* is anything not ours? */
	BACK_CLEAR,
	OVER,
	STATES,
};

/* ---- keys ---- */

uint64_t claim_key(const char *machine_id, const char *uuid)
{
	uint8_t digest[EVP_MAX_MD_SIZE] = {0};
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) &&
		  EVP_DigestUpdate(ctx, machine_id, strlen(machine_id) + 1) &&
		  EVP_DigestUpdate(ctx, uuid, strlen(uuid)) &&
		  EVP_DigestFinal_ex(ctx, digest, NULL);

	EVP_MD_CTX_free(ctx);
	assert(ok);
	uint64_t key = ld64(digest);
	return key ? key : 1;
}

static void add_other(struct claim_keys *k, uint64_t key)
{
	if (!k->others || key < k->lowest)
		k->lowest = key;
	k->others++;
}

bool claim_read_keys(struct cursor c, uint64_t key, struct claim_keys *out)
{
	cursor_take(&c, 4);
	uint32_t told = cursor_u32(&c);

	if (c.bad || told % 8)
		return false;
	*out = (struct claim_keys){0};
	for (; told && c.left >= 8; told -= 8) {
		uint64_t one = cursor_u64(&c);
		if (one == key)
			out->own++;
		else
			add_other(out, one);
	}
	if (told)
		add_other(out, 0);
	return true;
}

/* ---- the machine ---- */

static const enum claim_act acts[STATES] = {
	[LOOK] = CLAIM_ACT_READ,
	[ENTER] = CLAIM_ACT_REGISTER,
	[CONTEST] = CLAIM_ACT_READ,
	[PAUSE] = CLAIM_ACT_WAIT,
	[TAKE_AGAIN] = CLAIM_ACT_REGISTER,
	[RESERVE] = CLAIM_ACT_RESERVE,
	[WITHDRAW_OLD] = CLAIM_ACT_PREEMPT,
	[WITHDRAW] = CLAIM_ACT_UNREGISTER,
	[BACK_LOOK] = CLAIM_ACT_READ,
	[BACK_ENTER] = CLAIM_ACT_REGISTER,
	[BACK_SEE] = CLAIM_ACT_READ,
	[BACK_CLEAR] = CLAIM_ACT_CLEAR,
	[OVER] = CLAIM_ACT_END,
};

void claim_begin(struct claim *c, uint64_t key, bool was_ours)
{
	*c = (struct claim){
		.key = key, .was_ours = was_ours, .waits_max = CLAIM_WAITS, .state = LOOK};
}

void claim_begin_return(struct claim *c, uint64_t key)
{
	*c = (struct claim){.key = key, .state = BACK_LOOK};
}

enum claim_act claim_next(const struct claim *c)
{
	return acts[c->state];
}

static unsigned over(struct claim *c, enum claim_end end)
{
	c->end = end;
	return OVER;
}

/* Only what is ours: others may be registered. */
static unsigned withdraw(struct claim *c, enum claim_end end)
{
	c->end = end;
	return c->keys.own > 1 ? WITHDRAW_OLD : WITHDRAW;
}

static unsigned after_look(struct claim *c)
{
	if (c->keys.others && !c->keys.own)
		return over(c, CLAIM_BUSY);
	if (!c->was_ours)
		return ENTER;
	return c->keys.own ? TAKE_AGAIN : over(c, CLAIM_GONE);
}

static unsigned after_contest(struct claim *c)
{
	const struct claim_keys *k = &c->keys;

	if (!k->own) /* somebody who returned the LUN cleared it */
		return ++c->entries < ENTRIES_MAX ? ENTER : over(c, CLAIM_BUSY);
	if (!k->others)
		return RESERVE;
	if (k->lowest < c->key || c->waits == c->waits_max)
		return withdraw(c, CLAIM_BUSY);
	c->waits++;
	return PAUSE;
}

/* Others that are registered besides us wait for it, or have had it before we came: a claim of ours
 * that never got as far. */
static unsigned after_see(struct claim *c)
{
	if (!c->keys.own)
		return over(c, CLAIM_RETURNED);
	return c->keys.others ? withdraw(c, CLAIM_RETURNED) : BACK_CLEAR;
}

/* What could not be read says nothing about whose the LUN is: nothing more is done to it. */
static unsigned after_read(struct claim *c, bool is_good)
{
	if (!is_good)
		return over(c, CLAIM_REFUSED);
	switch (c->state) {
	case LOOK:
		return after_look(c);
	case CONTEST:
		return after_contest(c);
	case BACK_LOOK:
		return c->keys.own ? BACK_ENTER : over(c, CLAIM_RETURNED);
	default:
		return after_see(c);
	}
}

void claim_tell(struct claim *c, bool is_good, const struct claim_keys *keys)
{
	if (keys)
		c->keys = *keys;
	switch ((enum state)c->state) {
	case LOOK:
	case CONTEST:
	case BACK_LOOK:
	case BACK_SEE:
		c->state = after_read(c, is_good);
		break;
	case ENTER:
		c->state = is_good ? CONTEST : over(c, CLAIM_REFUSED);
		break;
	case PAUSE:
		c->state = CONTEST;
		break;
	case TAKE_AGAIN:
		c->state = is_good ? RESERVE : over(c, CLAIM_REFUSED);
		break;
	case RESERVE:
		c->state = is_good ? over(c, CLAIM_TAKEN) : withdraw(c, CLAIM_BUSY);
		break;
	case WITHDRAW_OLD: /* which may have removed the registration of this session too */
		c->state = WITHDRAW;
		break;
	case WITHDRAW:
		c->state = OVER;
		break;
	case BACK_ENTER:
		c->state = is_good ? BACK_SEE : over(c, CLAIM_REFUSED);
		break;
	case BACK_CLEAR:
		c->state = over(c, is_good ? CLAIM_RETURNED : CLAIM_REFUSED);
		break;
	case OVER:
	case STATES:
		assert(false);
	}
}
