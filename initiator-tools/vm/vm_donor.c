// SPDX-License-Identifier: MIT
/* vm_donor.c - sessions with LUNs, in processes that may be lost. */
#include "initiator-tools/vm/vm_donor.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/clock.h"
#include "initiator-tools/guard.h"
#include "initiator-tools/rank.h"
#include "initiator-tools/resolve.h"
#include "initiator-tools/secret.h"
#include "initiator-tools/vm/vm_lun.h"

#define RESOLVE_LIMIT_NS NS_PER_S
#define STALL_NS	 (300 * NS_PER_MS)
#define CHOOSE_LIMIT_NS	 (60 * NS_PER_S)
#define CANDIDATES_MAX	 4u /* LUNs that are looked into */

/* One call: the child's copy of the caller's, and what both see. */
struct call {
	struct vm_donor *d;
	const struct vm_place *place;
	struct vm_found *found;
	int (*ask)(struct call *c);
};

__attribute__((format(printf, 3, 4))) static int fail(struct call *c, int err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(c->found->why, sizeof(c->found->why), fmt, args);
	va_end(args);
	return -err;
}

/* ---- who may log in ---- */

static bool same_address(const char *portal, const char *address)
{
	char host[DONOR_PORTAL_MAX + 1], text[DONOR_PORTAL_MAX + 16];
	uint16_t port;
	uint64_t until = clock_now() + RESOLVE_LIMIT_NS;

	if (donor_parse_portal(portal, host, &port))
		return false;
	struct resolve *r = resolve_start(host, port);
	int err = r ? -EAGAIN : -ENOMEM;
	while (err == -EAGAIN && clock_now() < until) {
		err = resolve_result(r, text, sizeof(text));
		if (err == -EAGAIN)
			poll(NULL, 0, 10);
	}
	if (r)
		resolve_drop(r);
	return !err && !strcmp(text, address);
}

/* The donor of the configuration whose portal this is; NULL: none that asks for a secret. */
static const struct donor *donor_at(const struct conf *conf, const char *portal)
{
	char numeric[DONOR_PORTAL_MAX + 16], host[DONOR_PORTAL_MAX + 1];
	uint16_t port;

	if (donor_parse_portal(portal, host, &port))
		return NULL;
	snprintf(numeric, sizeof(numeric), strchr(host, ':') ? "[%s]:%u" : "%s:%u", host, port);
	for (size_t i = 0; i < conf->ndonors; i++)
		for (size_t k = 0; conf->donors[i].chap_user && k < conf->donors[i].nportals; k++)
			if (same_address(conf->donors[i].portals[k], numeric))
				return &conf->donors[i];
	return NULL;
}

static int open_lun(struct call *c, struct vm_lun *l, const struct vm_place *p,
		    const struct donor *donor, unsigned limit_s)
{
	char secret[CHAP_SECRET_MAX + 1] = "", why[DONOR_WHY_BYTES];
	const char *bad = NULL, *user = donor ? donor->chap_user : NULL;

	*l = (struct vm_lun){0};
	if (user)
		bad = secret_read(donor->chap_secret_file, secret, why, sizeof(why));
	if (bad)
		return fail(c, EIO, "%s", bad);
	int err = vm_lun_open(l, p, user, secret, limit_s * NS_PER_S);
	explicit_bzero(secret, sizeof(secret));
	if (!err)
		err = vm_lun_ask(l, p->initiator);
	if (err)
		return fail(c, err == -ECONNREFUSED ? ECONNREFUSED : EIO, "%s", l->why);
	return 0;
}

static int open_place(struct call *c, struct vm_lun *l, unsigned limit_s)
{
	return open_lun(c, l, c->place, donor_at(&c->d->asking->conf, c->place->portal), limit_s);
}

static bool is_marked(const struct vm_donor *d, const struct donor_lun *l)
{
	return l->has_keys && l->keys == 1 && l->key == d->key;
}

static uint64_t used_of(const struct donor_lun *l)
{
	uint64_t bytes;

	return l->has_used && donor_lun_bytes(l, l->used, &bytes) ? bytes : 0;
}

/* ---- the choice ---- */

struct wish {
	uint64_t memory;
	uint32_t block_size; /* 0: any */
};

/* "TARGET/LUN" */
static bool is_wanted(const char *wanted, const struct donor_lun *l)
{
	char text[ISCSI_NAME_MAX + 16];

	snprintf(text, sizeof(text), "%s/%u", l->target, l->id);
	return !wanted || !strcmp(wanted, text);
}

static bool is_place(const struct vm_place *p, const struct donor_lun *l)
{
	return p->lun == l->id && !strcmp(p->target, l->target);
}

/* The memory that its donor has for it. */
static uint64_t memory(const struct donor_lun *l)
{
	uint64_t bytes;

	if (l->has_provisioning && !l->is_thin)
		return l->size;
	return l->has_available && donor_lun_bytes(l, l->available, &bytes) ? bytes : 0;
}

static bool is_candidate(const struct vm_donor *d, const struct donor_lun *l,
			 const struct wish *wish)
{
	return memory(l) >= wish->memory && l->is_disk && l->ready == READY_YES &&
	       l->size >= d->disk->size &&
	       (!wish->block_size || l->block_size == wish->block_size) &&
	       is_wanted(d->wanted, l) && l->claim == CLAIM_NONE &&
	       !vm_lun_is_used(d->nodes, l->target, l->id);
}

/* The smallest that fits, and was not tried. */
static struct donor_lun *next_candidate(struct call *c, struct donor *to, const bool *tried,
					const struct wish *wish)
{
	struct donor_lun *best = NULL;

	for (size_t i = 0; i < to->nluns; i++)
		if (!tried[i] && is_candidate(c->d, &to->luns[i], wish) &&
		    (!best || to->luns[i].size < best->size))
			best = &to->luns[i];
	return best;
}

/* Nobody's data is there. */
static int look_into(struct call *c, const struct donor *to, const struct vm_place *p)
{
	struct vm_lun l;
	int err = open_lun(c, &l, p, to->chap_user ? to : NULL, VM_DONOR_LIMIT_S);

	if (!err && l.says.claim != CLAIM_NONE)
		err = fail(c, EBUSY, "%s/%u: another has just claimed it", p->target, p->lun);
	if (!err && !c->d->is_forced) {
		int blank = used_of(&l.says) ? 0 : vm_lun_is_blank(&l);
		if (blank < 0)
			err = fail(c, EIO, "%s/%u: %s", p->target, p->lun, l.why);
		else if (!blank)
			err = fail(c, EBUSY,
				   "%s/%u holds data that nobody has claimed; --force destroys it",
				   p->target, p->lun);
	}
	vm_lun_close(&l);
	return err;
}

static int take_candidate(struct call *c, struct donor *to, const struct wish *wish)
{
	bool tried[DONOR_LUNS_MAX] = {0};
	struct donor_lun *l;
	int err;

	(void)fail(c, ENOSPC,
		   "no free LUN of it is ready, as large as the disk (%llu MiB), with memory for "
		   "what is on it (%llu MiB) and blocks of %s bytes",
		   (unsigned long long)c->d->disk->size >> 20,
		   (unsigned long long)wish->memory >> 20,
		   wish->block_size ? wish->block_size == 512 ? "512" : "4096" : "any");
	for (unsigned i = 0; i < CANDIDATES_MAX; i++) {
		l = next_candidate(c, to, tried, wish);
		if (!l)
			break;
		tried[l - to->luns] = true;
		struct vm_place *p = &c->found->place;
		*p = (struct vm_place){.lun = l->id};
		snprintf(p->portal, sizeof(p->portal), "%s", to->address);
		snprintf(p->target, sizeof(p->target), "%s", l->target);
		snprintf(p->initiator, sizeof(p->initiator), "%s", c->d->disk->place.initiator);
		err = look_into(c, to, p);
		if (!err)
			return 0;
	}
	return -ENOSPC;
}

/* Is the disk on one of its LUNs? By the LUN's own identity, if its donor still answers. */
static bool is_there(const struct donor *to, const struct vm_disk *disk,
		     const struct donor_lun *old)
{
	for (size_t i = 0; i < to->nluns; i++) {
		const struct donor_lun *l = &to->luns[i];
		if (!is_place(&disk->place, l))
			continue;
		if (old ? old->naa[0] && !strcmp(l->naa, old->naa)
			: !strcmp(disk->place.portal, to->address))
			return true;
	}
	return false;
}

static int judge(struct call *c, const struct donor *to)
{
	switch (to->state) {
	case DONOR_USABLE:
	case DONOR_SMALL:
	case DONOR_CLAIMED:
	case DONOR_STOPPED:
	case DONOR_FULL:
		return 0; /* each LUN tells */
	default:
		return fail(c, EIO, "%s: %s%s%s", donor_state_word(to->state),
			    donor_state_text(to->state), *to->why ? ": " : "", to->why);
	}
}

static int choose(struct call *c)
{
	struct donor *to = &c->d->asking->conf.donors[c->d->to];
	const struct vm_disk *disk = c->d->disk;
	struct vm_lun old;
	bool is_known;

	c->place = &disk->place;
	is_known = !open_place(c, &old, VM_DONOR_LIMIT_S);
	vm_lun_close(&old);
	const struct donor_lun *says = is_known ? &old.says : NULL;
	c->found->used = says ? used_of(says) : 0;
	c->found->is_there = is_there(to, disk, says);
	if (c->found->is_there)
		return 0;
	const struct wish wish = {
		.memory = says && says->has_used ? c->found->used : disk->size,
		.block_size = says ? says->block_size : 0,
	};
	int err = judge(c, to);
	return err ? err : take_candidate(c, to, &wish);
}

/* ---- marks ---- */

static int mark(struct call *c)
{
	struct vm_lun l;
	int err = open_place(c, &l, VM_DONOR_LIMIT_S);

	if (!err && !is_marked(c->d, &l.says)) {
		if (l.says.claim != CLAIM_NONE)
			err = fail(c, EBUSY, "another has claimed it");
		else if (vm_lun_register(&l, 0, c->d->key) || vm_lun_ask(&l, c->place->initiator))
			err = fail(c, EIO, "it cannot be marked: %s", l.why);
		else if (!is_marked(c->d, &l.says))
			err = vm_lun_register(&l, c->d->key, 0)
				      ? fail(c, EIO, "our mark cannot be taken away: %s", l.why)
				      : fail(c, EBUSY, "another claims it at the same time");
	}
	vm_lun_close(&l);
	return err;
}

static int look(struct call *c)
{
	struct vm_lun l;
	int err = open_place(c, &l, VM_DONOR_LIMIT_S);

	if (!err && !is_marked(c->d, &l.says))
		err = fail(c, ENODATA, "it does not bear this disk's mark alone");
	vm_lun_close(&l);
	return err;
}

static int empty(struct call *c)
{
	struct vm_lun l;
	int err = open_place(c, &l, VM_EMPTY_LIMIT_S);

	if (!err && !is_marked(c->d, &l.says))
		err = fail(c, ENODATA, "it does not bear this disk's mark alone");
	c->found->used = err || !l.says.is_thin ? 0 : used_of(&l.says);
	if (!err && (vm_lun_empty(&l) || vm_lun_register(&l, c->d->key, 0)))
		err = fail(c, EIO, "%s", l.why);
	vm_lun_close(&l);
	return err;
}

/* ---- processes ---- */

/* An exit status is the errno. */
static int in_child(void *arg)
{
	struct call *c = arg;

	return -c->ask(c);
}

static int guarded(struct call *c, uint64_t limit_ns)
{
	struct survey none = {0};
	int result = guard_run(&none, NULL, 0, limit_ns, in_child, c);

	if (result >= 0)
		return -result;
	return fail(c, EIO, "the process that asked it crashed, or stood still");
}

static int then_choose(struct asking *a, struct donor **order, size_t n)
{
	struct call *c = a->arg;

	(void)order;
	(void)n;
	return -choose(c);
}

static int survey(struct call *c)
{
	struct asking *a = c->d->asking;

	for (size_t i = 0; i < a->conf.ndonors; i++)
		a->conf.donors[i].is_left_out = i != c->d->to;
	a->survey.rules.initiator = c->d->disk->place.initiator;
	/* That a READ is answered at all is to be seen; how fast it is does not matter. */
	a->survey.limits = (struct survey_limits){.small_ns = STALL_NS, .all_ns = CHOOSE_LIMIT_NS};
	a->then = then_choose;
	a->arg = c;
	(void)fail(c, EIO, "it could not be asked");
	int status = asking_run(a);
	return status == ENOSPC || !status ? -status : -EIO;
}

static struct vm_found *share(void)
{
	void *p = mmap(NULL, sizeof(struct vm_found), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static int call(struct vm_donor *d, const struct vm_place *p, int (*ask)(struct call *c),
		unsigned limit_s, struct vm_found *out)
{
	struct call c = {.d = d, .place = p, .found = share(), .ask = ask};

	*out = (struct vm_found){.why = "out of memory"};
	if (!c.found)
		return -EIO;
	int err = ask == choose ? survey(&c) : guarded(&c, (limit_s + 5) * NS_PER_S);
	*out = *c.found;
	out->why[sizeof(out->why) - 1] = '\0';
	munmap(c.found, sizeof(*c.found));
	return err;
}

int vm_donor_choose(struct vm_donor *d, struct vm_found *out)
{
	return call(d, NULL, choose, 0, out);
}

int vm_donor_mark(struct vm_donor *d, const struct vm_place *p, struct vm_found *out)
{
	return call(d, p, mark, VM_DONOR_LIMIT_S, out);
}

int vm_donor_look(struct vm_donor *d, const struct vm_place *p, struct vm_found *out)
{
	return call(d, p, look, VM_DONOR_LIMIT_S, out);
}

int vm_donor_empty(struct vm_donor *d, const struct vm_place *p, struct vm_found *out)
{
	return call(d, p, empty, VM_EMPTY_LIMIT_S, out);
}
