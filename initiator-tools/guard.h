/* SPDX-License-Identifier: MIT */
/*
 * guard.h - asks donors in a process that may be lost.
 *
 * libiscsi trusts targets in places: a donor that answers with PDUs nobody asked for can crash it,
 * or keep it busy. That must cost the answers of that donor and no other's. So the asking runs in a
 * child with a limit of time. If a signal or the limit ends it, the donor that was being served
 * then is left out and the others are asked again, GUARD_TRIES times at most.
 */
#ifndef MEMTGT_GUARD_H
#define MEMTGT_GUARD_H

#include <stdint.h>

#include "initiator-tools/survey.h"

#define GUARD_TRIES 4

/*
 * Runs ask(arg) in a child, with s->serving set. Its result, which must not be negative, is that of
 * this function; -EIO: the children did not come to an end of their own, and no donor could be
 * blamed.
 */
int guard_run(struct survey *s, struct donor *donors, size_t n, uint64_t limit_ns,
	      int (*ask)(void *arg), void *arg) __attribute__((warn_unused_result));

#endif
