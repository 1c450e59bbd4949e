/* SPDX-License-Identifier: MIT */
/*
 * fake_donor.h - donors that a real memtgtd cannot be: silent, slow, mad, with claims as a test
 * wants them. Each listens on a free port of 127.0.0.1 and serves in threads that end with the
 * process, or in a process that ends with the test.
 */
#ifndef MEMTGT_TEST_FAKE_DONOR_H
#define MEMTGT_TEST_FAKE_DONOR_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define FAKE_LUNS_MAX	256
#define FAKE_CLAIMS_MAX 4

enum fake_manner {
	FAKE_ANSWERS,	   /* as a donor does */
	FAKE_SILENT,	   /* takes the connection, and no byte more */
	FAKE_CLOSES,	   /* closes at once */
	FAKE_GARBAGE,	   /* answers with noise */
	FAKE_SLOW,	   /* a byte of its answer in 50 ms */
	FAKE_HALF,	   /* half an answer to the login, then nothing */
	FAKE_DIES_ASKED,   /* closes at the first SCSI command */
	FAKE_STALLS_ASKED, /* answers to no SCSI command */
	FAKE_STALLS_READ,  /* answers to all but READ */
	FAKE_CONFUSES,	   /* answers to the login with data that nobody asked for */
	FAKE_LIES,	   /* parameter data is noise, of any length */
};

struct fake_lun {
	unsigned id;
	uint64_t size;
	bool is_thin, is_stopped, no_claims; /* no_claims: PERSISTENT RESERVE IN is refused */
	bool no_log;
	uint32_t available; /* pages of 2 MiB */
	const char *claims[FAKE_CLAIMS_MAX];
};

struct fake_donor {
	enum fake_manner manner;
	unsigned discovery_status, login_status; /* of logins; 0: taken */
	const char *target;			 /* NULL: it shows none */
	const char *target2;			 /* one more; a login to it is refused */
	unsigned attentions;			 /* unit attentions of each LUN in each session */
	struct fake_lun luns[FAKE_LUNS_MAX];
	unsigned nluns;

	unsigned port; /* set by fake_start() */
	int fd;
	atomic_uint connections, commands;
};

/* Listens; what it is like must not change any more. */
void fake_start(struct fake_donor *f);

/* The same in a process of its own, for a test that forks: LeakSanitizer in a child that was forked
 * beside threads waits now and then for ever. The counters of `f` do not count. */
void fake_start_apart(struct fake_donor *f);

/* A port of 127.0.0.1 on which nobody listens, for the life of the process. */
unsigned fake_dead_port(void);

#endif
