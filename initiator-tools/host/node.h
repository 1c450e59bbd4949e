/* SPDX-License-Identifier: MIT */
/*
 * node.h - iscsiadm's record of a target at a portal, and the session that is made from it.
 *
 * Our settings are one table. A record that was made for us (discovery type static) and has all of
 * them is ours; one that was there before, by a discovery of the operator, gets them and stays.
 */
#ifndef MEMTGT_NODE_H
#define MEMTGT_NODE_H

#include <stdbool.h>
#include <stddef.h>

#include "initiator-tools/loan/loan.h"

/*
 * Sessions are shared by loans: whoever looks whether one is there, or still needed, and acts on it
 * has this lock meanwhile. A descriptor, to be closed; -ETIMEDOUT: others have it for minutes; or
 * -errno.
 */
int node_lock(void) __attribute__((warn_unused_result));

/* Is there a record, and is it ours? */
bool node_is_ours(const struct loan_disk *d);

/*
 * Makes the record, with the secret, which no command line shows, and logs in. 0, also if there is
 * such a session; -EACCES: the donor refused us; -EHOSTUNREACH: it does not answer; -errno: this
 * host cannot. `why` is a sentence after an error.
 */
int node_login(const struct loan_disk *d, char *why, size_t n) __attribute__((warn_unused_result));

/* Ends the session, if there is one, and removes the record if it is ours. 0 or -errno and `why`.
 */
int node_logout(const struct loan_disk *d, char *why, size_t n) __attribute__((warn_unused_result));

/* For tests: the record's text with these lines about CHAP in place of those it had; `out` has
 * `room` bytes. False: no room, or the user or the secret cannot stand in a record. */
bool node_text_with_chap(const char *text, const char *user, const char *secret, char *out,
			 size_t room);
/* Has a record's text all our settings? */
bool node_text_is_ours(const char *text);

#endif
