// SPDX-License-Identifier: MIT
/* asking.c - the configuration, the survey in a process of its own, donors in order. */
#include "initiator-tools/asking.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "initiator-tools/donors.h"
#include "initiator-tools/guard.h"
#include "initiator-tools/own.h"
#include "initiator-tools/rank.h"
#include "memtgt/control.h"

#define CONF_FILE      SYSCONFDIR "/memtgt/memloan.conf"
#define INITIATOR_FILE "/etc/iscsi/initiatorname.iscsi"
/* Who has no name of its own yet can ask, but nobody will know it again. */
#define INITIATOR_NONE "iqn.2026-01.org.memtgt:memloan"

static int load(const char *path, bool is_needed, struct conf *out)
{
	*out = (struct conf){0};
	if (!path)
		path = CONF_FILE;
	return (is_needed || !access(path, F_OK)) && conf_load(path, out, stderr) ? LOAN_USAGE
										  : LOAN_OK;
}

int asking_conf(const struct command_line *c, struct conf *out)
{
	return load(c->value[OPTION_CONFIG], c->given[OPTION_CONFIG], out);
}

/* Without a file the portals of the command line are enough, if nobody named the file. */
static int read_conf(struct asking *a, const struct command_line *c)
{
	const char *path = c->value[OPTION_CONFIG];
	int status = load(path, path || !c->nportals, &a->conf);

	for (size_t i = 0; !status && i < c->nportals; i++)
		if (conf_add_portal(&a->conf, c->portals[i])) {
			fputs("memloan: out of memory\n", stderr);
			return LOAN_FAILED;
		}
	return status;
}

static int bad_portal(const struct command_line *c)
{
	for (size_t i = 0; i < c->nportals; i++) {
		const char *bad = donor_bad_portal(c->portals[i]);
		if (!bad)
			continue;
		fprintf(stderr, "memloan: --portal: found \"%s\"; %s\n", c->portals[i], bad);
		return LOAN_USAGE;
	}
	return LOAN_OK;
}

int asking_begin(struct asking *a, const struct command_line *c)
{
	*a = (struct asking){.survey = {.rules.is_own = own_host, .limits = SURVEY_LIMITS}};
	int status = bad_portal(c);

	if (!status)
		status = read_conf(a, c);
	if (a->conf.initiator)
		snprintf(a->initiator, sizeof(a->initiator), "%s", a->conf.initiator);
	else if (!conf_initiator(INITIATOR_FILE, a->initiator))
		snprintf(a->initiator, sizeof(a->initiator), "%s", INITIATOR_NONE);
	a->survey.rules.initiator = a->initiator;
	a->survey.rules.timeout_ns = SURVEY_TIMEOUT_S * NS_PER_S;
	a->survey.own = &a->own;
	return status;
}

void asking_end(struct asking *a)
{
	conf_free(&a->conf);
}

bool asking_has_name(const struct asking *a)
{
	return strcmp(a->initiator, INITIATOR_NONE) != 0;
}

/* If it does not tell, the address has to. */
static void read_own(struct asking *a)
{
	const char *socket = a->conf.control_socket ? a->conf.control_socket : CONTROL_SOCKET;
	int err = own_luns_read(&a->own, socket, NS_PER_S);

	if (err && !a->told)
		fprintf(stderr,
			"memloan: %s: %s; a donor that is this host by way of another address is "
			"not recognised\n",
			socket, strerror(-err));
	a->told |= err != 0;
}

static int ask(struct asking *a)
{
	size_t n = a->conf.ndonors;
	struct donor **order = calloc(n + 1, sizeof(struct donor *));
	int status = LOAN_FAILED;

	if (order)
		read_own(a);
	int err = order ? survey_run(&a->survey, a->conf.donors, n) : -ENOMEM;
	own_luns_free(&a->own);
	if (err) {
		fputs("memloan: out of memory\n", stderr);
	} else {
		for (size_t i = 0; i < n; i++)
			order[i] = &a->conf.donors[i];
		donor_sort(order, n);
		status = a->then(a, order, n);
	}
	free(order);
	return status;
}

static int ask_in_child(void *arg)
{
	struct asking *a = arg;
	int status = ask(a);

	asking_end(a);
	return status;
}

/* Ten seconds more than it takes: the host may be busy. */
int asking_run(struct asking *a)
{
	size_t n = a->conf.ndonors;
	uint64_t limit = survey_limit(&a->survey, n) + 10 * NS_PER_S;
	int status = guard_run(&a->survey, a->conf.donors, n, limit, ask_in_child, a);

	if (status >= 0)
		return status;
	fprintf(stderr,
		"memloan: the process that asks was ended, or stopped: %s; ask donors one by one, "
		"with --portal\n",
		strerror(-status));
	return LOAN_FAILED;
}
