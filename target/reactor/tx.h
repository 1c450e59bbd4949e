/* SPDX-License-Identifier: MIT */
/* tx.h - the batches of a connection. */
#ifndef MEMTGT_TX_H
#define MEMTGT_TX_H

struct conn;

/* Asks fill() for a batch and sends it. Called for each member of ready_tx. */
void tx_turn(struct conn *c);
/* The engine's sent(). */
void tx_sent(struct conn *c, int err);

#endif
