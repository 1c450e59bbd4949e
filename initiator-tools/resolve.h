/* SPDX-License-Identifier: MIT */
/*
 * resolve.h - names to addresses without waiting: the C library asks in threads of its own.
 *
 * A resolver that does not answer cannot be stopped, so a question belongs to whoever asked until
 * it is answered: resolve_drop() leaves it behind for good, which costs a little memory for each
 * name that hangs.
 */
#ifndef MEMTGT_RESOLVE_H
#define MEMTGT_RESOLVE_H

#include <stddef.h>
#include <stdint.h>

struct resolve;

/* Asks. NULL: no memory. A numeric address is answered at once. */
struct resolve *resolve_start(const char *host, uint16_t port);

/*
 * 0 and the numeric portal, "192.0.2.1:3260" or "[2001:db8::1]:3260"; -EAGAIN: not yet; another
 * -errno and a sentence in `out`. Once answered, only resolve_drop() may follow.
 */
int resolve_result(struct resolve *r, char *out, size_t n) __attribute__((warn_unused_result));

void resolve_drop(struct resolve *r);

#endif
