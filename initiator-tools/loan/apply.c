// SPDX-License-Identifier: MIT
/*
 * apply.c - "memloan apply": the loans of the configuration are there, and those that a run left
 * unfinished, or a boot took out of use, are whole again, or gone.
 */
#include <string.h>

#include "initiator-tools/donors.h"
#include "initiator-tools/loan/commands.h"
#include "initiator-tools/loan/record.h"
#include "initiator-tools/loan/work.h"

static int worse(int a, int b)
{
	return a > b ? a : b;
}

static int go_on(struct work *w, const char *name)
{
	int status = work_read(w, name);

	w->loan.is_stopped = false;
	if (!status && w->is_there)
		status = work_advance(w);
	work_forget(w);
	return status;
}

static int go_on_with_all(struct work *w)
{
	char **names;
	int n = record_list(w->dir, &names), status = LOAN_OK;

	if (n < 0)
		return work_fail(w, LOAN_FAILED, "%s: %s", w->dir, strerror(-n));
	for (int i = 0; i < n; i++)
		status = worse(status, go_on(w, names[i]));
	record_list_free(names, n);
	return status;
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

int apply_run(const struct command_line *c)
{
	struct work w;
	int status = work_begin(&w, c);

	if (!status) {
		status = go_on_with_all(&w);
		for (size_t i = 0; i < w.asking.conf.nloans; i++)
			status = worse(status, borrow(&w, &w.asking.conf.loans[i]));
	}
	work_end(&w);
	return status;
}
