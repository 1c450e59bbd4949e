/* SPDX-License-Identifier: MIT */
/*
 * puppet.h - a keeper in a process of its own, and daemons of it that do what the test orders.
 *
 * A puppet is the test's own program, started by the keeper: its main() calls puppet_main() when
 * puppet_is_one() says so. It reports what it was started with and which signals came, and obeys
 * orders, each of which it answers with "done". When the test is gone so are the puppets, and
 * without a puppet's test the keeper can be killed.
 */
#ifndef MEMTGT_TEST_PUPPET_H
#define MEMTGT_TEST_PUPPET_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "keeper/keeper.h"

struct stage {
	pid_t keeper;
	int strings; /* to the puppet: each message is one report or order */
	int log;     /* what the keeper and the puppets wrote */
};

bool puppet_is_one(void);
int puppet_main(void);

/* Starts a keeper with these times; `program` NULL: this program. */
void stage_open(struct stage *s, const struct keeper_options *o, const char *program);
/* Kills the keeper if it is still there; the puppet ends by itself. */
void stage_close(struct stage *s);

/* The next report, in a static buffer; fails the test if none comes. */
const char *puppet_report(struct stage *s);
/* It is this one. */
void puppet_expect(struct stage *s, const char *report);
/*
 * What a puppet is told, and "done" awaited, but for those marked *:
 *	send TEXT		to the keeper, and a barrier after it
 *	send_fds N TEXT		the same with N descriptors, each a file of memory
 *	send_other TEXT		from another process, its child
 *	memory NAME BYTES	stores a file with that much memory
 *	show NAME		* reports the size of the file passed as NAME, or "none"
 *	watch			* reports "lost" when the keeper is gone
 *	exit N			* ends with that status
 *	raise N			* ends by that signal
 *	deaf			ignores SIGABRT
 */
void puppet_do(struct stage *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void puppet_order(struct stage *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Waits until this is in the log; fails the test if it does not come. */
void stage_log_wait(const struct stage *s, const char *text);
bool stage_log_has(const struct stage *s, const char *text);
/* Waits for the keeper's end; its exit status, or 128 + the signal that killed it. */
int stage_end(struct stage *s);

#endif
