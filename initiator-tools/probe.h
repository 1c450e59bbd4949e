/* SPDX-License-Identifier: MIT */
/*
 * probe.h - asks one donor: its name to an address, its targets, the LUNs of each.
 *
 * Never waits. Whoever runs the loop polls probe_fd(), tells what happened, and calls probe_tick()
 * now and then; after the time that the rules give, the donor's answer is that it was silent.
 */
#ifndef MEMTGT_PROBE_H
#define MEMTGT_PROBE_H

#include <iscsi/iscsi.h>
#include <stdbool.h>
#include <stdint.h>

#include "initiator-tools/donor.h"
#include "initiator-tools/secret.h"

struct probe_rules {
	const char *initiator;	/* this host's InitiatorName */
	uint64_t timeout_ns;	/* for all questions to one donor */
	bool (*is_own)(int fd); /* own_host() */
	bool measure_own;	/* for tests, which have one host only */
};

enum probe_phase {
	PROBE_WAITING,	 /* not begun */
	PROBE_RESOLVING, /* its name */
	PROBE_FINDING,	 /* a discovery session */
	PROBE_ASKING,	 /* a session with a target */
	PROBE_IDLE,	 /* all is answered; a session is open for measuring */
	PROBE_ENDED,	 /* the donor's state and reason stand; nothing is open */
};

struct resolve;

struct probe {
	struct donor *donor;
	const struct probe_rules *rules;
	enum probe_phase phase;
	uint64_t deadline; /* CLOCK_MONOTONIC */

	size_t portal; /* of the donor's, that is tried */
	struct resolve *resolve;
	char secret[CHAP_SECRET_MAX + 1];

	struct iscsi_context *session;
	bool is_connected, is_answered, is_lost;
	char why[DONOR_WHY_BYTES];
	enum donor_state verdict; /* of what is lost */

	char (*targets)[ISCSI_NAME_MAX + 1];
	size_t target;
	size_t first, next; /* LUNs of this session: the first, the next to be asked */
	unsigned asking;    /* LUNs that are being asked */

	struct iscsi_context *kept; /* the session to measure with, */
	size_t kept_lun;	    /* and its LUN, by its place in the donor */
};

void probe_init(struct probe *p, struct donor *d, const struct probe_rules *rules);
void probe_start(struct probe *p, uint64_t now);

/* -1: there is nothing to poll. */
int probe_fd(const struct probe *p, short *events);
void probe_service(struct probe *p, short revents);
void probe_tick(struct probe *p, uint64_t now);

/* Closes all; what is known of the donor stays. */
void probe_end(struct probe *p);

#endif
