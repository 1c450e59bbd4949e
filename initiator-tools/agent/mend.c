// SPDX-License-Identifier: MIT
/* mend.c - what the verdict says is written into the loan's file, and the loan is advanced. */
#include "initiator-tools/agent/mend.h"

#include <string.h>
#include <unistd.h>

#include "initiator-tools/agent/safety.h"
#include "initiator-tools/donors.h"
#include "initiator-tools/host/child.h"
#include "initiator-tools/loan/record.h"
#include "initiator-tools/loan/work.h"

static struct loan_leg *leg_of(struct loan *l, unsigned id)
{
	for (size_t i = 0; i < l->nlegs; i++)
		if (l->legs[i].id == id)
			return &l->legs[i];
	return NULL;
}

bool mend_mark(struct loan *l, const struct mend *m)
{
	struct loan_leg *leg = leg_of(l, m->leg);

	if (strcmp(l->uuid, m->uuid) || !l->is_made || l->is_ending || l->is_stopped)
		return false;
	if (m->act == JUDGE_REBUILD)
		return true;
	if (!leg)
		return false;
	leg->is_unwanted = true;
	leg->is_lost |= m->act == JUDGE_REPLACE;
	return true;
}

/* A donor that was to be left, and is the best that there is, stays: as "memloan move" has it. */
static int stay(struct work *w, const struct mend *m)
{
	struct loan_leg *leg = leg_of(&w->loan, m->leg);

	if (!leg || leg->is_lost || leg->steps[STEP_MIRROR] != STEP_DONE)
		return LOAN_OK;
	leg->is_unwanted = false;
	return record_write(w->dir, &w->loan, w->why, sizeof(w->why)) ? LOAN_FAILED : LOAN_OK;
}

static int do_it(struct work *w, const struct mend *m)
{
	int status = work_read(w, m->name);

	if (status || !w->is_there || !mend_mark(&w->loan, m))
		return status;
	/* A loss must be known before anything else is tried. */
	if (record_write(w->dir, &w->loan, w->why, sizeof(w->why)))
		return work_fail(w, LOAN_FAILED, "%s", w->why);
	status = work_advance(w);
	if (status && m->act == JUDGE_MOVE)
		(void)stay(w, m);
	/* To be tried again, less and less often. */
	bool is_left = m->act == JUDGE_REBUILD && w->loan.nleft;
	return !status && is_left ? LOAN_FAILED : status;
}

static int run(void *arg)
{
	const struct mend *m = arg;
	struct work w;

	safety_in_child(STDERR_FILENO + 1);
	int status = work_begin(&w, m->command);
	w.is_quiet = true;
	if (!status)
		status = do_it(&w, m);
	work_end(&w);
	return status;
}

pid_t mend_start(struct mend *m)
{
	return child_start(run, m);
}
