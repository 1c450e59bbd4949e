// SPDX-License-Identifier: MIT
/* resize.c - "memloan resize": more, or less, of the LUNs that a loan has. */
#include "initiator-tools/donors.h"
#include "initiator-tools/loan/choose.h"
#include "initiator-tools/loan/commands.h"
#include "initiator-tools/loan/work.h"

/* How much a leg of `size` needs beyond what the leg uses; 0: nothing. */
static uint64_t lacking(const struct loan_leg *leg, uint64_t size)
{
	uint64_t has = 0, needs = size + CHOOSE_LEG_LOSS;

	for (size_t d = 0; d < leg->ndisks; d++)
		has += leg->disks[d].used - CHOOSE_DISK_LOSS;
	return has < needs ? needs - has : 0;
}

/* Whole extents of the disk that nobody uses. */
static uint64_t room(const struct loan_disk *d)
{
	uint64_t whole = choose_room(d->size), used = d->used - CHOOSE_DISK_LOSS;

	return whole > used ? whole - used : 0;
}

/* What a run that was cut wanted, and did not get: the label ends before it. */
static void forget_uncommitted(struct loan_disk *d)
{
	if (d->committed && d->committed < d->used)
		d->used = d->committed;
}

/* As far as its LUNs go. */
static void grow_leg(struct loan_leg *leg, uint64_t size)
{
	for (size_t d = 0; d < leg->ndisks; d++)
		forget_uncommitted(&leg->disks[d]);
	uint64_t missing = lacking(leg, size);
	for (size_t d = 0; d < leg->ndisks && missing; d++) {
		uint64_t has = room(&leg->disks[d]), more = has < missing ? has : missing;
		leg->disks[d].used += more;
		missing -= more;
	}
}

/* The steps that look at sizes are taken again. Less is given back by the volume's discards. */
static void begin_again(struct loan *l)
{
	l->steps[STEP_SIZE] = STEP_BEGUN;
	l->steps[STEP_CRYPT] = STEP_BEGUN;
	l->steps[STEP_SWAP] = STEP_BEGUN;
	for (size_t i = 0; i < l->nlegs; i++)
		for (size_t d = 0; d < l->legs[i].ndisks; d++)
			l->legs[i].disks[d].steps[STEP_COMMIT] = STEP_BEGUN;
}

/* Of a loan as it was: sizes by leg and disk. */
struct sizes {
	uint64_t size, used[LOAN_LEGS_MAX][LOAN_DISKS_MAX];
	unsigned id[LOAN_LEGS_MAX];
};

static void keep(const struct loan *l, struct sizes *k)
{
	k->size = l->wish.size;
	for (size_t i = 0; i < l->nlegs; i++) {
		k->id[i] = l->legs[i].id;
		for (size_t d = 0; d < l->legs[i].ndisks; d++)
			k->used[i][d] = l->legs[i].disks[d].used;
	}
}

/* False: legs have come or gone meanwhile, so there is no way back. */
static bool restore(struct loan *l, const struct sizes *k)
{
	for (size_t i = 0; i < l->nlegs; i++)
		if (l->legs[i].id != k->id[i] || l->legs[i].is_unwanted)
			return false;
	l->wish.size = k->size;
	for (size_t i = 0; i < l->nlegs; i++)
		for (size_t d = 0; d < l->legs[i].ndisks; d++)
			l->legs[i].disks[d].used = k->used[i][d];
	return true;
}

static int stop_use(struct work *w)
{
	if (w->loan.wish.kind != LOAN_SWAP)
		return LOAN_OK;
	w->loan.is_stopped = true;
	int status = work_advance(w);
	w->loan.is_stopped = false;
	return status ? status : work_save(w);
}

static int change(struct work *w, uint64_t size)
{
	struct sizes was;
	int status = stop_use(w);

	if (status)
		return status;
	keep(&w->loan, &was);
	w->loan.wish.size = size;
	for (size_t i = 0; i < w->loan.nlegs; i++)
		grow_leg(&w->loan.legs[i], size);
	begin_again(&w->loan);
	status = work_advance(w);
	if (!status || !restore(&w->loan, &was))
		return status;
	begin_again(&w->loan);
	return work_advance(w) ? LOAN_FAILED : status;
}

static int check(struct work *w, uint64_t size)
{
	const struct loan *l = &w->loan;

	if (l->wish.kind == LOAN_VOLUME && size < l->wish.size && !w->is_forced)
		return work_fail(w, LOAN_FAILED,
				 "what is on the volume behind its new end would be lost; --force "
				 "does it");
	for (size_t i = 0; i < l->nlegs; i++) {
		uint64_t has = 0, needs = lacking(&l->legs[i], size);
		for (size_t d = 0; d < l->legs[i].ndisks; d++)
			has += room(&l->legs[i].disks[d]);
		if (has < needs)
			return work_fail(w, LOAN_NONE,
					 "its LUNs of %s have room for %llu MiB more, and %llu are "
					 "needed; memloan move brings it to larger ones",
					 l->legs[i].disks[0].donor, (unsigned long long)has >> 20,
					 (unsigned long long)needs >> 20);
	}
	return LOAN_OK;
}

/* That a change of size was cut, or cannot be, does not matter: there must be a way back. */
static bool can_change(const struct loan *l)
{
	return l->is_made && !l->is_ending && *l->boot && loan_is_as_promised(l);
}

static int resize(struct work *w, const char *name, uint64_t size)
{
	int status = work_need(w, name);

	if (status)
		return status;
	if (!can_change(&w->loan))
		return work_fail(w, LOAN_FAILED, "it is not whole; memloan status %s shows it",
				 name);
	w->loan.is_stopped = false; /* by a change of size that was cut */
	if (size == w->loan.wish.size)
		return work_advance(w);
	status = check(w, size);
	return status ? status : change(w, size);
}

int resize_run(const struct command_line *c)
{
	struct work w;
	uint64_t size;
	int status = work_begin(&w, c);

	if (!status && !borrow_read_size(c->operands[1], &size))
		status = LOAN_USAGE;
	if (!status)
		status = resize(&w, c->operands[0], size);
	work_end(&w);
	return status;
}
