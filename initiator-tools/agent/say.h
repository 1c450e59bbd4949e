/* SPDX-License-Identifier: MIT */
/*
 * say.h - the agent's lines on standard error. Who reads them may stand still, as a part of the
 * host that swaps: a line that is not taken at once is dropped, and the next one tells how many
 * were.
 */
#ifndef MEMTGT_SAY_H
#define MEMTGT_SAY_H

void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
