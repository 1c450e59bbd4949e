/* SPDX-License-Identifier: MIT */
/*
 * asking.h - from the command line and the configuration to donors that have answered: what all
 * commands share that ask.
 */
#ifndef MEMTGT_ASKING_H
#define MEMTGT_ASKING_H

#include "initiator-tools/command.h"
#include "initiator-tools/conf.h"
#include "initiator-tools/own_luns.h"
#include "initiator-tools/survey.h"

struct asking {
	struct survey survey; /* asked, rules.timeout_ns: the caller's, before asking_run() */
	struct conf conf;
	char initiator[ISCSI_NAME_MAX + 1];
	struct own_luns own;
	bool told; /* that what this host lends is not known */
	/* Donors, the fittest first. Its result is that of asking_run(). */
	int (*then)(struct asking *a, struct donor **order, size_t n);
	void *arg;
};

/*
 * Reads the configuration of -c, or the usual one, and adds the portals of the command line. 0, or
 * LOAN_USAGE or LOAN_FAILED after telling why. To be ended in all cases.
 */
int asking_begin(struct asking *a, const struct command_line *c)
	__attribute__((warn_unused_result));
void asking_end(struct asking *a);

/* Only the configuration, which may be absent unless -c names it. 0 or an exit status; to be freed.
 */
int asking_conf(const struct command_line *c, struct conf *out) __attribute__((warn_unused_result));

/*
 * Asks and measures all donors and calls then(), in a child: guard.h. What then() finds out reaches
 * the caller by its result (0 or more), and by memory that both share; or LOAN_FAILED, after
 * telling why.
 */
int asking_run(struct asking *a) __attribute__((warn_unused_result));

/* The host's name as open-iscsi knows it. False: it has none. */
bool asking_has_name(const struct asking *a);

#endif
