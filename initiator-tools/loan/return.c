// SPDX-License-Identifier: MIT
/* return.c - "memloan return": nothing is left of a loan, here and on its donors. */
#include "initiator-tools/donors.h"
#include "initiator-tools/loan/commands.h"
#include "initiator-tools/loan/work.h"

/* --force: donors that do not answer are not waited for. What they still hold is theirs to end. */
static void forget_donors(struct loan *l)
{
	for (size_t i = 0; i < l->nlegs; i++)
		l->legs[i].is_lost = true;
}

static int give_back(struct work *w, const char *name)
{
	int status = work_need(w, name);

	if (status)
		return status;
	w->loan.is_ending = true;
	if (w->is_forced)
		forget_donors(&w->loan);
	return work_advance(w);
}

int return_run(const struct command_line *c)
{
	struct work w;
	int status = work_begin(&w, c);

	if (!status)
		status = give_back(&w, c->operands[0]);
	work_end(&w);
	return status;
}
