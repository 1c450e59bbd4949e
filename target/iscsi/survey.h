/* SPDX-License-Identifier: MIT */
/*
 * survey.h - who is logged in, asked from outside of the reactors.
 *
 * Each reactor looks through its own sessions between two commands, so no session needs a lock. It
 * does a bounded amount of work: an answer holds so many sessions and no more, and the next
 * question begins behind them. TSIHs are the order, since no two sessions share one.
 */
#ifndef MEMTGT_SURVEY_H
#define MEMTGT_SURVEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "iscsi/params.h"

struct config_rule;
struct iscsi_node;
struct session;

/* Sessions of one answer. */
#define SURVEY_MAX 64u

struct survey_session {
	struct iscsi_params params;
	uint8_t isid[6];
	uint16_t tsih;
	uint16_t portal_group;
	const struct config_rule *rule; /* of the configuration; NULL: a discovery session */
	char address[64];
	unsigned reactor;
	uint64_t age; /* ns since the connection was opened */
	unsigned in_flight;
};

struct survey {
	size_t n;
	uint32_t next; /* TSIH at which the next survey is to begin; 0: there are no more */
	struct survey_session at[SURVEY_MAX];
};

/*
 * The sessions of the lowest TSIHs from `from` up, with this target (NULL: any, and discovery).
 * Waits for every reactor, but not longer than `ms`. 0, -ENOMEM, or -ETIMEDOUT. From a thread that
 * is no reactor, while the workers run.
 */
int survey_take(struct iscsi_node *n, uint16_t from, const char *target, unsigned ms,
		struct survey *out) __attribute__((warn_unused_result));

/* A session in its own reactor. */
void survey_describe(struct survey_session *out, const struct session *s);

#endif
