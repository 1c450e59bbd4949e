/* SPDX-License-Identifier: MIT */
/* conn_impl.h - what rx.c, tx.c and reactor.c ask of conn.c. */
#ifndef MEMTGT_CONN_IMPL_H
#define MEMTGT_CONN_IMPL_H

#include <stdint.h>

#include "reactor/conn.h"

/* The socket failed with -errno. */
void conn_close_error(struct conn *c, int err);
/* close_after_send, and nothing is left to send. */
void conn_all_sent(struct conn *c);
/* The peer's EOF came, or it took too long. */
void conn_drain_end(struct conn *c);
/* Once a second. */
void conn_tick(struct conn *c);
/* Frees those of r->gone that are at rest. */
void conn_reap(struct reactor *r);

#endif
