/* SPDX-License-Identifier: MIT */
/* conf.h - memloan.conf(5): the donors and loans of this host. Read whole or not at all, as
 * memtgtd.conf is.
 */
#ifndef MEMTGT_CONF_H
#define MEMTGT_CONF_H

#include <stddef.h>
#include <stdio.h>

#include "initiator-tools/donor.h"
#include "initiator-tools/loan/loan.h"

#define CONF_LOANS_MAX	 64
#define CONF_NO_PRIORITY UINT32_MAX

/* A loan that this host is to have. */
struct conf_loan {
	char *name;
	uint64_t size;
	char *as; /* NULL: the default */
	unsigned copies;
	bool encrypt;
	unsigned priority; /* CONF_NO_PRIORITY: the kernel's */
	char *from[LOAN_FROM_MAX];
	size_t nfrom;
};

struct conf {
	char *initiator;      /* InitiatorName; NULL: the host's */
	char *control_socket; /* of this host's memtgtd; NULL: CONTROL_SOCKET */
	char *state_dir;      /* of loans; NULL: RECORD_DIR */
	unsigned leg_timeout; /* seconds; of the agent */
	uint64_t sync_rate;   /* bytes in a second; 0: as fast as the kernel lets it */
	struct donor *donors;
	size_t ndonors;
	struct conf_loan *loans;
	size_t nloans;
};

/*
 * 0 and *out, to be freed by conf_free(); or the number of errors, after one line for each:
 * "FILE:LINE: KEY: what was found; what is allowed".
 */
int conf_load(const char *path, struct conf *out, FILE *errors) __attribute__((warn_unused_result));
void conf_free(struct conf *c);

/* A donor that --portal names. 0 or -ENOMEM. */
int conf_add_portal(struct conf *c, const char *portal) __attribute__((warn_unused_result));

/*
 * The InitiatorName of this host as open-iscsi keeps it in `path`; false: there is none, or it is
 * no such name.
 */
bool conf_initiator(const char *path, char name[static ISCSI_NAME_MAX + 1]);

#endif
