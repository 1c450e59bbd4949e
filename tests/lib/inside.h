/* SPDX-License-Identifier: MIT */
/*
 * inside.h - what memtgtd is made of, in the process of the test: for what no client can ask for.
 *
 * One target, DAEMON_TARGET, on a free port of 127.0.0.1, as daemon.h starts it. Log lines of level
 * "info" are off.
 */
#ifndef MEMTGT_TEST_INSIDE_H
#define MEMTGT_TEST_INSIDE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "accept.h"
#include "iscsi/node.h"
#include "luns/luns.h"

struct inside {
	struct config *config;
	struct state_file *state; /* of state_dir; NULL: it is "" */
	struct store *store;
	struct luns luns;
	struct iscsi_node node;
	struct acceptor acceptor;
	pthread_t accepting;
	_Atomic bool is_over;
	unsigned port;
};

/* `luns`: the entries between the parentheses; `more`: settings at the top level. */
void inside_start(struct inside *in, unsigned reactors, const char *luns, const char *more);
/* No page is left: what was not returned fails the test. */
void inside_stop(struct inside *in);
/* Waits until nothing is retired, and compares what is in use. */
void inside_check_pages(struct inside *in, uint64_t used);

#endif
