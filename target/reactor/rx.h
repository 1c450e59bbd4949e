/* SPDX-License-Identifier: MIT */
/* rx.h - the look-ahead of a connection. */
#ifndef MEMTGT_RX_H
#define MEMTGT_RX_H

#include <stdint.h>

struct conn;

/* After opened(), unless it paused or closed. */
void rx_begin(struct conn *c);
/* Offers what is there to input(), or arms a receive. Called for each member of ready_rx. */
void rx_turn(struct conn *c);
/* The engine's received(). */
void rx_received(struct conn *c, int64_t n);
/* Reads on only to see the end of the stream. */
void rx_discard(struct conn *c);
/* Gives the buffer back; nothing is outstanding. */
void rx_free(struct conn *c);

#endif
