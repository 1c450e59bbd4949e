/* SPDX-License-Identifier: MIT */
/*
 * fake_engine.h - an engine for tests: no kernel, virtual time, a peer that is the test.
 *
 * A fake socket is a number that conn_open() (or engine ops->add) takes for a descriptor. The test
 * feeds it bytes, which arrive in splits that it chooses, and reads what was sent. Everything
 * happens inside ops->wait(): one receive and one step of a send per socket and call. With nothing
 * to do, wait() moves the virtual time to `until`.
 *
 * What a real kernel would make visible only now and then is always checked: a receive buffer is
 * poisoned (ASan) and filled with rubbish until its receive ends; bytes of a send that change
 * before its end abort the test.
 */
#ifndef MEMTGT_FAKE_ENGINE_H
#define MEMTGT_FAKE_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reactor/engine.h"

extern const struct engine_ops engine_fake;

/* At most this many sockets at a time. The time begins at one hour. */
struct engine *fake_engine(uint32_t max_ios);

/* A new socket, as accept() would give it. */
int fake_socket(struct engine *e);

/* ---- the peer sends ---- */

void fake_feed(struct engine *e, int fd, const void *p, size_t n);
/* Each receive gets at most `max` bytes (0: all that fit). `seed` not 0: 1 to `max`, at random. */
void fake_split(struct engine *e, int fd, size_t max, uint32_t seed);
/* After what was fed: end of stream. */
void fake_eof(struct engine *e, int fd);
/* After what was fed: receives fail with err (ECONNRESET, ...). */
void fake_fail_recv(struct engine *e, int fd, int err);
/* Bytes that were fed and not received. */
size_t fake_unread(struct engine *e, int fd);

/* ---- the peer receives ---- */

/*
 * Each wait() takes at most `step` bytes of a send (0: none, the peer does not read; SIZE_MAX, the
 * default: all). A send whose bytes are all taken completes `delay` calls of wait() later.
 */
void fake_take(struct engine *e, int fd, size_t step, unsigned delay);
/* Sends fail with err (EPIPE, ...). */
void fake_fail_send(struct engine *e, int fd, int err);
/* All that was sent and not dropped yet, contiguous; good until the next wait(). */
const uint8_t *fake_sent(struct engine *e, int fd, size_t *n);
/* Forgets the first n bytes of it. */
void fake_drop(struct engine *e, int fd, size_t n);
/* The part of a send that begins at p may change before it is taken, if `may` says so: a LUN's
 * page, when the peer sends a WRITE of blocks before it took what its READ of them gives. */
void fake_may_change(struct engine *e, bool (*may)(void *arg, const void *p), void *arg);

/* ---- what became of it ---- */

bool fake_receiving(struct engine *e, int fd);
bool fake_sending(struct engine *e, int fd);
bool fake_shut(struct engine *e, int fd);	/* ops->shutdown was called */
bool fake_send_ended(struct engine *e, int fd); /* ops->end_send was called */
bool fake_closed(struct engine *e, int fd);	/* ops->close_io was called */

/* ---- time ---- */

void fake_advance(struct engine *e, uint64_t ns);

#endif
