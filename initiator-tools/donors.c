// SPDX-License-Identifier: MIT
/* donors.c - "memloan donors": from the command line to a survey, and what it found. */
#include "initiator-tools/donors.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/config.h"
#include "base/config_text.h"
#include "base/text.h"
#include "initiator-tools/conf.h"
#include "initiator-tools/guard.h"
#include "initiator-tools/own.h"
#include "initiator-tools/own_luns.h"
#include "initiator-tools/rank.h"
#include "initiator-tools/show.h"
#include "initiator-tools/survey.h"
#include "memtgt/control.h"

#define CONF_FILE      SYSCONFDIR "/memtgt/memloan.conf"
#define INITIATOR_FILE "/etc/iscsi/initiatorname.iscsi"
/* Who has no name of its own yet can ask, but nobody will know it again. */
#define INITIATOR_NONE "iqn.2026-01.org.memtgt:memloan"
#define WATCH_S	       5u
#define SECONDS_MAX    3600u

struct request {
	struct survey survey;
	struct conf conf;
	char initiator[ISCSI_NAME_MAX + 1];
	uint64_t watch_s; /* 0: once */
	bool json, is_long;
	struct own_luns own;
	bool told; /* that what this host lends is not known */
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

static bool read_options(const struct command_line *c, struct request *r)
{
	const char *size = c->value[OPTION_SIZE];
	uint64_t timeout_s = SURVEY_TIMEOUT_S;
	bool ok = seconds(c, OPTION_TIMEOUT, "--timeout", &timeout_s);

	r->survey.rules.timeout_ns = timeout_s * NS_PER_S;
	r->watch_s = c->given[OPTION_WATCH] ? WATCH_S : 0;
	ok &= seconds(c, OPTION_WATCH, "--watch", &r->watch_s);
	if (size && config_parse_size(size, &r->survey.asked))
		ok = complain("--size", size, config_text_bad_size(size));
	for (size_t i = 0; i < c->nportals; i++) {
		const char *bad = donor_bad_portal(c->portals[i]);
		if (bad)
			ok = complain("--portal", c->portals[i], bad);
	}
	r->json = c->given[OPTION_JSON];
	r->is_long = c->given[OPTION_LONG];
	return ok;
}

/* Without a file the portals of the command line are enough, if nobody named the file. */
static bool read_conf(const struct command_line *c, struct request *r)
{
	const char *path = c->value[OPTION_CONFIG];
	bool is_needed = path || !c->nportals;

	if (!path)
		path = CONF_FILE;
	if ((is_needed || !access(path, F_OK)) && conf_load(path, &r->conf, stderr))
		return false;
	for (size_t i = 0; i < c->nportals; i++)
		if (conf_add_portal(&r->conf, c->portals[i])) {
			fputs("memloan: out of memory\n", stderr);
			return false;
		}
	if (r->conf.initiator)
		snprintf(r->initiator, sizeof(r->initiator), "%s", r->conf.initiator);
	else if (!conf_initiator(INITIATOR_FILE, r->initiator))
		snprintf(r->initiator, sizeof(r->initiator), "%s", INITIATOR_NONE);
	return true;
}

/* If it does not tell, the address has to. */
static void read_own(struct request *r)
{
	const char *socket = r->conf.control_socket ? r->conf.control_socket : CONTROL_SOCKET;
	int err = own_luns_read(&r->own, socket, NS_PER_S);

	if (err && !r->told)
		fprintf(stderr,
			"memloan: %s: %s; a donor that is this host by way of another address is "
			"not "
			"recognised\n",
			socket, strerror(-err));
	r->told |= err != 0;
}

static int print_json(const struct request *r, struct donor *const *donors, size_t n)
{
	json_t *all = show_json(donors, n, r->survey.asked);
	int err = all ? json_dumpf(all, stdout, JSON_INDENT(2)) : -1;

	json_decref(all);
	putchar('\n');
	return err;
}

static int print(const struct request *r, struct donor *const *donors, size_t n)
{
	int err = 0;

	if (r->json) {
		err = print_json(r, donors, n);
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

static int ask_once(struct request *r)
{
	size_t n = r->conf.ndonors;
	struct donor **order = calloc(n + 1, sizeof(struct donor *));
	int status = LOAN_NONE;

	if (order)
		read_own(r);
	r->survey.own = &r->own;
	int err = order ? survey_run(&r->survey, r->conf.donors, n) : -ENOMEM;
	own_luns_free(&r->own);
	if (err) {
		fputs("memloan: out of memory\n", stderr);
		free(order);
		return LOAN_FAILED;
	}
	for (size_t i = 0; i < n; i++) {
		order[i] = &r->conf.donors[i];
		if (donor_state_usable(order[i]->state))
			status = LOAN_OK;
	}
	donor_sort(order, n);
	if (print(r, order, n))
		status = LOAN_FAILED;
	free(order);
	return status;
}

static int ask_in_child(void *arg)
{
	struct request *r = arg;
	int status = ask_once(r);

	conf_free(&r->conf);
	return status;
}

/* Ten seconds more than it takes: the host may be busy. */
static int ask_guarded(struct request *r)
{
	size_t n = r->conf.ndonors;
	uint64_t limit = survey_limit(&r->survey, n) + 10 * NS_PER_S;
	int status = guard_run(&r->survey, r->conf.donors, n, limit, ask_in_child, r);

	if (status >= 0)
		return status;
	fprintf(stderr,
		"memloan: the process that asks was ended, or stopped: %s; ask donors one by one, "
		"with "
		"--portal\n",
		strerror(-status));
	return LOAN_FAILED;
}

int donors_run(const struct command_line *c)
{
	struct request r = {.survey = {.rules.is_own = own_host, .limits = SURVEY_LIMITS}};
	int status = LOAN_USAGE;

	if (read_options(c, &r) && read_conf(c, &r)) {
		r.survey.rules.initiator = r.initiator;
		status = ask_guarded(&r);
		while (r.watch_s && status != LOAN_FAILED) {
			struct timespec pause = {.tv_sec = (time_t)r.watch_s};
			nanosleep(&pause, NULL);
			status = ask_guarded(&r);
		}
	}
	conf_free(&r.conf);
	return status;
}
