// SPDX-License-Identifier: MIT
/* left.c - disks of lost legs, one after the other. */
#include "initiator-tools/loan/left.h"

#include <stdio.h>
#include <string.h>

#include "initiator-tools/loan/record.h"

/* The loan has it again: its claim was ended by the donor's operator, say, and then it was chosen.
 */
static bool is_in_use(const struct loan *l, const struct loan_disk *d)
{
	for (size_t i = 0; i < l->nlegs; i++)
		for (size_t k = 0; k < l->legs[i].ndisks; k++) {
			const struct loan_disk *has = &l->legs[i].disks[k];
			if ((!strcmp(has->target, d->target) && has->lun == d->lun) ||
			    (*d->naa && !strcmp(has->naa, d->naa)))
				return true;
		}
	return false;
}

/* Each looks whether the disk is the loan's still. A session is ended in all cases. */
static int give_back_disk(struct advance *a, step_fn *const (*steps)[2], struct loan_leg *leg,
			  struct loan_disk *disk)
{
	struct step s = {.loan = a->loan, .leg = leg, .disk = disk};
	int err = steps[STEP_COMMIT][1](&s);

	if (!err)
		err = steps[STEP_CLAIM][1](&s);
	int end = steps[STEP_LOGIN][1](&s);
	return err ? err : end;
}

static bool give_back_leg(struct advance *a, step_fn *const (*steps)[2], struct loan_leg *leg)
{
	bool is_all = true;

	for (size_t i = 0; i < leg->ndisks; i++) {
		struct loan_disk *d = &leg->disks[i];
		if (d->steps[STEP_LOGIN] == STEP_NONE)
			continue;
		if (is_in_use(a->loan, d) || !give_back_disk(a, steps, leg, d))
			d->steps[STEP_LOGIN] = STEP_NONE;
		else
			is_all = false;
	}
	return is_all;
}

static void say(struct advance *a, const char *donor, const char *what)
{
	char text[LOAN_WHY_BYTES];

	snprintf(text, sizeof(text), "%s %s", donor, what);
	advance_note(a, text);
}

int left_give_back(struct advance *a, step_fn *const (*steps)[2])
{
	int err = 0;

	for (size_t i = a->loan->nleft; i-- > 0 && !err;) {
		struct loan_leg *leg = &a->loan->left[i];
		if (!give_back_leg(a, steps, leg))
			continue;
		say(a, leg->disks[0].donor, "has got back what it kept of a lost copy");
		loan_remove_left(a->loan, i);
		err = record_write(a->dir, a->loan, a->why, sizeof(a->why));
	}
	return err;
}

void left_tell(struct advance *a)
{
	for (size_t i = 0; i < a->loan->nleft; i++)
		say(a, a->loan->left[i].disks[0].donor,
		    "still has memory that this host has claimed: there, \"memtgtctl claim clear\" "
		    "ends that");
}
