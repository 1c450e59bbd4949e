// SPDX-License-Identifier: MIT
/* claim_disk.c - the acts of claim.h as PERSISTENT RESERVE IN and OUT. */
#include <poll.h>

#include "initiator-tools/host/claim.h"
#include "memtgt/wire.h"

#define KEYS_BYTES 8192u
#define LIST_BYTES 24u /* PERSISTENT RESERVE OUT: SPC-4 6.16.3 */

/* clang-format off */
static const struct {
	uint8_t action;    /* SPC-4 table 221 */
	uint8_t type;      /* of the reservation */
	bool has_key;      /* RESERVATION KEY is ours */
	bool has_other;    /* SERVICE ACTION RESERVATION KEY is ours */
} outs[] = {
	[CLAIM_ACT_REGISTER]   = { .action = 0x06, .has_other = true },
	[CLAIM_ACT_UNREGISTER] = { .action = 0x00, .has_key = true },
	[CLAIM_ACT_RESERVE]    = { .action = 0x01, .type = CLAIM_TYPE, .has_key = true },
	[CLAIM_ACT_PREEMPT]    = { .action = 0x04, .type = CLAIM_TYPE, .has_key = true, .has_other = true },
	[CLAIM_ACT_CLEAR]      = { .action = 0x03, .has_key = true },
};
/* clang-format on */

static int read_keys(const struct sg_device *d, uint64_t key, bool *is_good,
		     struct claim_keys *keys, struct sg_result *r)
{
	static const struct sg_command c = {
		.cdb = {0x5e, 0x00, [7] = KEYS_BYTES >> 8, [8] = KEYS_BYTES & 0xff},
		.cdb_len = 10,
		.way = SG_FROM_DISK,
		.len = KEYS_BYTES};
	uint8_t buf[KEYS_BYTES];
	int err = sg_run(d, &c, buf, r);

	*is_good = !err && r->status == SG_GOOD &&
		   claim_read_keys(cursor_of(buf, r->got < KEYS_BYTES ? r->got : KEYS_BYTES), key,
				   keys);
	return err;
}

static int send_out(const struct sg_device *d, enum claim_act act, uint64_t key, bool *is_good,
		    struct sg_result *r)
{
	struct sg_command c = {.cdb = {0x5f, outs[act].action, outs[act].type, [8] = LIST_BYTES},
			       .cdb_len = 10,
			       .way = SG_TO_DISK,
			       .len = LIST_BYTES};
	uint8_t list[LIST_BYTES] = {0};

	if (outs[act].has_key)
		st64(list, key);
	if (outs[act].has_other)
		st64(list + 8, key);
	int err = sg_run(d, &c, list, r);
	*is_good = !err && r->status == SG_GOOD;
	return err;
}

static int act(const struct sg_device *d, struct claim *c, struct sg_result *last)
{
	enum claim_act what = claim_next(c);
	struct claim_keys keys = {0};
	struct sg_result r = {0};
	bool is_good = true;
	int err = 0;

	if (what == CLAIM_ACT_WAIT)
		(void)poll(NULL, 0, CLAIM_WAIT_MS);
	else if (what == CLAIM_ACT_READ)
		err = read_keys(d, c->key, &is_good, &keys, &r);
	else
		err = send_out(d, what, c->key, &is_good, &r);
	if (err)
		return err;
	if (!is_good)
		*last = r;
	claim_tell(c, is_good, what == CLAIM_ACT_READ && is_good ? &keys : NULL);
	return 0;
}

static int run(const struct sg_device *d, struct claim *c, enum claim_end *end, struct sg_result *r)
{
	*r = (struct sg_result){0};
	while (claim_next(c) != CLAIM_ACT_END) {
		int err = act(d, c, r);
		if (err)
			return err;
	}
	*end = c->end;
	return 0;
}

int claim_take(const struct sg_device *d, uint64_t key, bool was_ours, enum claim_end *end,
	       struct sg_result *r)
{
	struct claim c;

	claim_begin(&c, key, was_ours);
	return run(d, &c, end, r);
}

int claim_return(const struct sg_device *d, uint64_t key, enum claim_end *end, struct sg_result *r)
{
	struct claim c;

	claim_begin_return(&c, key);
	return run(d, &c, end, r);
}
