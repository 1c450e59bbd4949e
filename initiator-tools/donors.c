// SPDX-License-Identifier: MIT
/* donors.c - "memloan donors": what the survey found. */
#include "initiator-tools/donors.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/config.h"
#include "base/config_text.h"
#include "base/text.h"
#include "initiator-tools/asking.h"
#include "initiator-tools/show.h"

#define WATCH_S	    5u
#define SECONDS_MAX 3600u

struct request {
	uint64_t watch_s; /* 0: once */
	bool json, is_long;
};

static bool complain(const char *what, const char *value, const char *why)
{
	fprintf(stderr, "memloan: %s: found \"%s\"; %s\n", what, value, why);
	return false;
}

static bool seconds(const struct command_line *c, enum option_id o, const char *name, uint64_t *out)
{
	const char *text = c->value[o];

	if (!text)
		return true;
	if (text_number(text, SECONDS_MAX, out) && *out)
		return true;
	return complain(name, text, "allowed is a whole number of seconds, from 1 to 3600");
}

static bool read_options(const struct command_line *c, struct request *r, struct asking *a)
{
	const char *size = c->value[OPTION_SIZE];
	uint64_t timeout_s = SURVEY_TIMEOUT_S;
	bool ok = seconds(c, OPTION_TIMEOUT, "--timeout", &timeout_s);

	a->survey.rules.timeout_ns = timeout_s * NS_PER_S;
	r->watch_s = c->given[OPTION_WATCH] ? WATCH_S : 0;
	ok &= seconds(c, OPTION_WATCH, "--watch", &r->watch_s);
	if (size && config_parse_size(size, &a->survey.asked))
		ok = complain("--size", size, config_text_bad_size(size));
	r->json = c->given[OPTION_JSON];
	r->is_long = c->given[OPTION_LONG];
	return ok;
}

static int print_json(const struct asking *a, struct donor *const *donors, size_t n)
{
	json_t *all = show_json(donors, n, a->survey.asked);
	int err = all ? json_dumpf(all, stdout, JSON_INDENT(2)) : -1;

	json_decref(all);
	putchar('\n');
	return err;
}

static int print(const struct asking *a, struct donor *const *donors, size_t n)
{
	const struct request *r = a->arg;
	int err = 0;

	if (r->json) {
		err = print_json(a, donors, n);
	} else {
		if (r->watch_s && isatty(STDOUT_FILENO))
			fputs("\033[H\033[2J", stdout);
		show_donors(stdout, donors, n, r->is_long);
	}
	if (!err && !fflush(stdout) && !ferror(stdout))
		return 0;
	fprintf(stderr, "memloan: cannot write: %s\n", strerror(errno));
	return -1;
}

static int then_print(struct asking *a, struct donor **order, size_t n)
{
	int status = LOAN_NONE;

	for (size_t i = 0; i < n; i++)
		if (donor_state_usable(order[i]->state))
			status = LOAN_OK;
	return print(a, order, n) ? LOAN_FAILED : status;
}

int donors_run(const struct command_line *c)
{
	struct request r = {0};
	struct asking a;
	int status = asking_begin(&a, c);

	/* Also then: all mistakes at once. */
	if (!read_options(c, &r, &a) && !status)
		status = LOAN_USAGE;
	if (!status) {
		a.then = then_print;
		a.arg = &r;
		status = asking_run(&a);
		while (r.watch_s && status != LOAN_FAILED) {
			struct timespec pause = {.tv_sec = (time_t)r.watch_s};
			nanosleep(&pause, NULL);
			status = asking_run(&a);
		}
	}
	asking_end(&a);
	return status;
}
