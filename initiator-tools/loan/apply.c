// SPDX-License-Identifier: MIT
/*
 * apply.c - "memloan apply": the loans of the configuration are there, and those that a run left
 * unfinished, or a boot took out of use, are whole again, or gone.
 */
#include <string.h>

#include "initiator-tools/donors.h"
#include "initiator-tools/loan/commands.h"
#include "initiator-tools/loan/work.h"

static int go_on(struct work *w)
{
	w->loan.is_stopped = false;
	return work_advance(w);
}

/* conf.c has seen that it is one. */
static struct loan_wish wish_of(const struct conf_loan *c)
{
	struct loan_wish w = {.size = loan_round(c->size),
			      .copies = c->copies,
			      .is_encrypted = c->encrypt,
			      .priority = c->priority == CONF_NO_PRIORITY ? -1 : (int)c->priority,
			      .nfrom = c->nfrom};

	while (c->as && strcmp(c->as, loan_kind_word(w.kind)) != 0)
		w.kind++;
	snprintf(w.name, sizeof(w.name), "%s", c->name);
	for (size_t i = 0; i < c->nfrom; i++)
		snprintf(w.from[i], sizeof(w.from[i]), "%s", c->from[i]);
	return w;
}

static int borrow(struct work *w, const struct conf_loan *c)
{
	struct loan_wish wish = wish_of(c);
	int status = borrow_wish(w, &wish);

	work_forget(w);
	return status;
}

static int check_degraded(struct work *w, const char *name)
{
	int status = name ? work_need(w, name) : LOAN_OK;

	work_forget(w);
	w->degraded = name;
	return status;
}

int apply_run(const struct command_line *c)
{
	struct work w;
	int status = work_begin(&w, c);

	if (!status)
		status = check_degraded(&w, c->value[OPTION_DEGRADED]);
	if (!status) {
		status = work_all(&w, go_on);
		for (size_t i = 0; i < w.asking.conf.nloans; i++) {
			int one = borrow(&w, &w.asking.conf.loans[i]);
			status = one > status ? one : status;
		}
	}
	work_end(&w);
	return status;
}
