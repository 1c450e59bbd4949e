/* SPDX-License-Identifier: MIT */
/*
 * session.h - one session of libiscsi, which never connects again by itself and never waits.
 *
 * libiscsi may not be given back inside its own callbacks: they note what happened, and who runs
 * the loop acts on it afterwards.
 */
#ifndef MEMTGT_SESSION_H
#define MEMTGT_SESSION_H

#include <iscsi/iscsi.h>
#include <iscsi/scsi-lowlevel.h>
#include <stdbool.h>
#include <stddef.h>

#include "initiator-tools/donor.h"

struct session_access {
	const char *initiator;	   /* this host's name */
	const char *user, *secret; /* CHAP; NULL: none */
};

/*
 * Begins to connect to a numeric portal; `target` NULL: a discovery session. `cb` is called with
 * the result of the connection. NULL: it could not even begin, `why` says what happened.
 */
struct iscsi_context *session_open(const struct session_access *a, const char *portal,
				   const char *target, iscsi_command_cb cb, void *arg, char *why,
				   size_t why_len);
/* Closes the connection. Callbacks of what was not answered run, with an error. */
void session_close(struct iscsi_context *c);

/* After a failed login: the state and, in `why`, the donor's status in words. */
enum donor_state session_refusal(struct iscsi_context *c, char *why, size_t why_len);

/* What became of connecting, once poll() reports something: 0, or an errno in words. */
int session_connect_error(struct iscsi_context *c, char *why, size_t why_len);

/* Has the other side closed an idle connection? */
bool session_is_over(struct iscsi_context *c);

/* The words of a Login Response's status class and detail. */
const char *session_status_text(unsigned status);

#endif
