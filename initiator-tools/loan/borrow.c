// SPDX-License-Identifier: MIT
/* borrow.c - "memloan borrow": from the command line to a loan that is there. */
#include <stdlib.h>
#include <string.h>

#include "base/config.h"
#include "base/config_text.h"
#include "base/text.h"
#include "initiator-tools/donors.h"
#include "initiator-tools/host/claim.h"
#include "initiator-tools/loan/commands.h"
#include "initiator-tools/loan/record.h"
#include "initiator-tools/loan/work.h"

#define PRIORITY_MAX 32767u

static bool complain(const char *what, const char *value, const char *why)
{
	fprintf(stderr, "memloan: %s: found \"%s\"; %s\n", what, value, why);
	return false;
}

bool borrow_read_size(const char *text, uint64_t *out)
{
	if (config_parse_size(text, out))
		return complain("SIZE", text, config_text_bad_size(text));
	if (!*out || *out > CONFIG_SIZE_MAX)
		return complain("SIZE", text, "allowed is what a host can use, up to 64T");
	*out = loan_round(*out);
	return true;
}

static bool read_kind(const char *text, enum loan_kind *out)
{
	for (unsigned k = 0; text && k < LOAN_KINDS_COUNT; k++)
		if (!strcmp(text, loan_kind_word(k))) {
			*out = (enum loan_kind)k;
			return true;
		}
	return text ? complain("--as", text, "allowed is swap or lv") : true;
}

static bool read_number(const char *name, const char *text, uint64_t min, uint64_t max,
			const char *allowed, uint64_t *out)
{
	if (!text)
		return true;
	if (text_number(text, max, out) && *out >= min)
		return true;
	return complain(name, text, allowed);
}

/* "a,b": donors of the configuration. */
static bool read_from(const char *text, const struct work *work, struct loan_wish *w)
{
	while (text && *text) {
		size_t n = strcspn(text, ",");
		if (w->nfrom == LOAN_FROM_MAX || n > DONOR_NAME_MAX)
			return complain("--from", text, "at most 8 donors, by their names");
		memcpy(w->from[w->nfrom], text, n);
		if (!work_knows_donor(work, w->from[w->nfrom]))
			return complain("--from", w->from[w->nfrom],
					"the configuration has no donor of this name");
		w->nfrom++;
		text += n + (text[n] == ',');
	}
	return true;
}

static bool read_wish(const struct command_line *c, const struct work *work, struct loan_wish *w)
{
	uint64_t copies = 1, priority = 0;
	const char *name = c->value[OPTION_NAME];

	*w = (struct loan_wish){.priority = -1};
	bool ok = borrow_read_size(c->operands[0], &w->size) &&
		  read_kind(c->value[OPTION_AS], &w->kind) &&
		  read_number("--copies", c->value[OPTION_COPIES], 1, LOAN_COPIES_MAX,
			      "allowed is a number from 1 to 3", &copies) &&
		  read_number("--priority", c->value[OPTION_PRIORITY], 0, PRIORITY_MAX,
			      "allowed is a number from 0 to 32767", &priority) &&
		  read_from(c->value[OPTION_FROM], work, w);
	if (!ok)
		return false;
	w->copies = (unsigned)copies;
	w->is_encrypted = c->given[OPTION_ENCRYPT];
	if (c->value[OPTION_PRIORITY])
		w->priority = (int)priority;
	if (!name)
		name = loan_kind_word(w->kind);
	if (record_bad_name(name))
		return complain("--name", name, record_bad_name(name));
	snprintf(w->name, sizeof(w->name), "%s", name);
	return true;
}

static bool is_equal(const struct loan_wish *a, const struct loan_wish *b)
{
	return a->kind == b->kind && a->size == b->size && a->copies == b->copies &&
	       a->is_encrypted == b->is_encrypted && a->priority == b->priority;
}

static int make(struct work *w, const struct loan_wish *wish)
{
	struct loan *l = &w->loan;

	l->wish = *wish;
	if (work_uuid(l->uuid) || work_uuid(l->swap_uuid))
		return work_fail(w, LOAN_FAILED, "the kernel makes no UUID");
	memcpy(l->boot, w->boot, sizeof(l->boot));
	l->key = claim_key(w->machine, l->uuid);
	return LOAN_OK;
}

int borrow_wish(struct work *w, const struct loan_wish *wish)
{
	int status = work_read(w, wish->name);

	if (status)
		return status;
	if (!w->is_there)
		status = make(w, wish);
	else if (w->loan.is_ending)
		status = work_fail(w, LOAN_FAILED,
				   "it is being returned; memloan return %s ends that", wish->name);
	else if (!is_equal(&w->loan.wish, wish))
		status = work_fail(w, LOAN_FAILED,
				   "another loan has this name; memloan status %s shows it",
				   wish->name);
	w->loan.is_stopped = false;
	return status ? status : work_advance(w);
}

int borrow_run(const struct command_line *c)
{
	struct loan_wish wish;
	struct work w;
	int status = work_begin(&w, c);

	if (!status && !read_wish(c, &w, &wish))
		status = LOAN_USAGE;
	if (!status)
		status = borrow_wish(&w, &wish);
	if (!status) {
		char path[LOAN_PATH_BYTES];
		loan_used_path(&w.loan, path);
		puts(path);
	}
	work_end(&w);
	return status;
}
